"""A table of the database as Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db import models

from merestone.base.errors import UsageError
from merestone.core.model.columns import TABLES
from merestone.db.models import Lead, LeadAssociation
from merestone.db.stores import bulk, custom
from merestone.db.stores.cells import Shape, custom_to_arrow, parse_json, shape_of, to_arrow

NAMED_BY = {
    "accounts": ("external_id", "name"),
    "reps": ("email", "external_id", "name"),
    "products": ("external_id", "name"),
    "leads": ("external_id", "name"),
}
"""What names a referred row in files, best first."""

EXTRAS = {"leads": ("touched_at",), "opportunities": ("lead_id",), "activities": ("opportunity_id",)}
ON_REQUEST = ("created_at", "updated_at")


def take_snapshot(
    table: str,
    model: type[models.Model],
    *,
    columns: Sequence[str] | None,
    ids: Iterable[int] | None,
) -> pa.Table:
    """Return the rows of a table in columns, ordered by id; see ``RecordStore.snapshot``."""
    kinds = custom.declared(table)
    custom_names = custom.column_names(table, kinds)
    wanted = _wanted(table, columns, custom_names)
    query = model._default_manager.order_by("pk")
    if ids is not None:
        query = query.filter(pk__in=bulk.among(ids))
    lookups = _lookups(table, model, wanted, has_custom=bool(custom_names.keys() & set(wanted)))
    cells = dict(zip(lookups, bulk.fetch(query, list(lookups)), strict=True))
    arrays = {lookup: to_arrow(values, lookups[lookup]) for lookup, values in cells.items() if lookup != "custom"}
    found: dict[str, Any] = {"id": arrays["id"], "version": arrays["version"].cast(pa.int32())}
    owners = _lead_owners(arrays["id"]) if model is Lead and {"owner", "owner_id"} & set(wanted) else {}
    documents = parse_json(cells["custom"]) if "custom" in cells else []
    for name in wanted:
        if name in custom_names:
            key = custom_names[name]
            found[name] = custom_to_arrow([document.get(key) for document in documents], kinds[key])
        elif name in owners:
            found[name] = owners[name]
        elif name in arrays:
            found[name] = arrays[name]
        else:
            found[name] = pc.coalesce(*(arrays[f"{name}__{part}"] for part in NAMED_BY[TABLES[table][name].refers_to]))
    return pa.table(found)


def _wanted(table: str, columns: Sequence[str] | None, custom_names: dict[str, str]) -> list[str]:
    """Return the columns to give besides id and version, in the contract's order."""
    usual: list[str] = []
    for column in TABLES[table]:
        usual += [f"{column.name}_id", column.name] if column.refers_to else [column.name]
    usual += [*EXTRAS.get(table, ()), *custom_names]
    if columns is None:
        return usual
    known = [*usual, *ON_REQUEST]
    unknown = [name for name in columns if name not in known and name not in ("id", "version")]
    if unknown:
        raise UsageError(f"'{unknown[0]}' is not a column of {table}.", code="unknown-column")
    return [name for name in known if name in set(columns)]


def _lookups(
    table: str, model: type[models.Model], wanted: Sequence[str], *, has_custom: bool
) -> dict[str, Shape]:
    """Return query lookup -> shape for the wanted columns."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    found = {"id": Shape.INTEGER, "version": Shape.INTEGER}
    for name in wanted:
        if name in fields:
            found[name] = shape_of(fields[name])
        elif f"{name}_id" in fields:
            found |= {f"{name}__{part}": Shape.TEXT for part in NAMED_BY[TABLES[table][name].refers_to]}
    return {**found, "custom": Shape.JSON} if has_custom else found


def _lead_owners(ids: pa.Array) -> dict[str, pa.Array]:
    """Return ``owner_id`` and ``owner`` of leads: a lead has no owner of its own but its open association's."""
    query = LeadAssociation.objects.filter(valid_to=None, is_primary=True).exclude(owner=None)
    names = [f"owner__{part}" for part in NAMED_BY["reps"]]
    lead_ids, owner_ids, *texts = bulk.fetch(query, ["lead_id", "owner_id", *names])
    words = pc.coalesce(*(to_arrow(column, Shape.TEXT) for column in texts))
    places = pc.index_in(ids, value_set=pa.array(lead_ids, pa.int64()))
    return {"owner_id": pa.array(owner_ids, pa.int64()).take(places), "owner": words.take(places)}
