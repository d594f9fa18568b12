"""A table of the database as Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from django.db import models

from merestone.base.errors import UsageError
from merestone.core.model.columns import TABLES
from merestone.db.models import Account, Lead, LeadAssociation, Product, Rep
from merestone.db.stores import bulk, custom
from merestone.db.stores.cells import Shape, custom_to_arrow, parse_json, shape_of, to_arrow

NAMED_BY: dict[type[models.Model], tuple[str, ...]] = {
    Account: ("external_id", "name"),
    Lead: ("external_id", "name"),
    Product: ("external_id", "name"),
    Rep: ("email", "external_id", "name"),
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
    wanted = _wanted(table, model, columns, custom_names=custom_names)
    lookups = _lookups(model, wanted, has_custom=not custom_names.keys().isdisjoint(wanted))
    query = model._default_manager.order_by("pk")
    if ids is not None:
        query = query.filter(pk__in=bulk.among(ids))
    cells = dict(zip(lookups, bulk.fetch(query, list(lookups)), strict=True))
    documents = parse_json(cells.pop("custom", ()))
    found = {name: to_arrow(values, lookups[name]) for name, values in cells.items()}
    found["version"] = found["version"].cast(pa.int32())
    for name, parts in named_by(model).items():
        if name in wanted:
            found[name] = pc.coalesce(*(found[f"{name}__{part}"] for part in parts))
    for name in custom_names.keys() & set(wanted):
        key = custom_names[name]
        found[name] = custom_to_arrow([document.get(key) for document in documents], kinds[key])
    if model is Lead and not {"owner", "owner_id"}.isdisjoint(wanted):
        found |= _lead_owners(found["id"])
    return pa.table({name: found[name] for name in ("id", "version", *wanted)})


def named_by(model: type[models.Model]) -> dict[str, tuple[str, ...]]:
    """Return reference -> the fields of the referred row that may name it."""
    return {
        field.name: NAMED_BY[field.related_model]
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and field.related_model in NAMED_BY
    }


def _wanted(
    table: str, model: type[models.Model], columns: Sequence[str] | None, *, custom_names: Iterable[str]
) -> list[str]:
    """Return the columns to give besides id and version, in the contract's order."""
    references = {*named_by(model), *(("owner",) if model is Lead else ())}
    usual: list[str] = []
    for name in TABLES[table].names:
        usual += [f"{name}_id", name] if name in references else [name]
    usual += [*EXTRAS.get(table, ()), *custom_names]
    if columns is None:
        return usual
    known = [*usual, *ON_REQUEST]
    unknown = [name for name in columns if name not in known and name not in ("id", "version")]
    if unknown:
        raise UsageError(f"'{unknown[0]}' is not a column of {table}.", code="unknown-column")
    return [name for name in known if name in set(columns)]


def _lookups(model: type[models.Model], wanted: Sequence[str], *, has_custom: bool) -> dict[str, Shape]:
    """Return query lookup -> shape for the wanted columns."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    references = named_by(model)
    found = {"id": Shape.INTEGER, "version": Shape.INTEGER}
    for name in wanted:
        if name in fields:
            found[name] = shape_of(fields[name])
        elif name in references:
            found |= {f"{name}__{part}": Shape.TEXT for part in references[name]}
    return {**found, "custom": Shape.JSON} if has_custom else found


def _lead_owners(ids: pa.Array) -> dict[str, pa.Array]:
    """Return ``owner_id`` and ``owner`` of leads: a lead has no owner of its own but its open association's."""
    query = LeadAssociation.objects.filter(valid_to=None, is_primary=True).exclude(owner=None)
    names = [f"owner__{part}" for part in NAMED_BY[Rep]]
    lead_ids, owner_ids, *texts = bulk.fetch(query, ["lead_id", "owner_id", *names])
    words = pc.coalesce(*(to_arrow(column, Shape.TEXT) for column in texts))
    places = pc.index_in(ids, value_set=pa.array(lead_ids, pa.int64()))
    return {"owner_id": pa.array(owner_ids, pa.int64()).take(places), "owner": words.take(places)}
