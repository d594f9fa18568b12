"""Files out: any table, safe against formula injection, and importable again to the identical rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.exchange.importing import contract_of
from merestone.app.exchange.references import INNER, KEYS
from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.errors import UsageError

FORMATS = ("csv", "xlsx", "parquet")
SCOPED = {"accounts", "leads", "opportunities", "activities", "contacts", "contracts", "reps"}


def export_table(services: Services, actor: Actor, table: str, target: Path) -> int:
    """Write what the actor sees of a table to a file by its suffix; returns the number of rows."""
    fmt = target.suffix.lstrip(".").lower()
    rows = exported_rows(services, actor, table)
    export_rows(services, rows, target, fmt=fmt)
    return rows.num_rows


def export_rows(services: Services, rows: pa.Table, target: Any, *, fmt: str) -> None:
    """Write rows to a path or a binary buffer."""
    if fmt not in FORMATS:
        raise UsageError(
            f"'{fmt}' is not an export format.", code="unknown-format", fix=f"Use {', '.join(FORMATS)}."
        )
    services.files.write_table(rows, target, fmt=fmt)


def exported_rows(
    services: Services,
    actor: Actor,
    table: str,
    *,
    ids: Iterable[int] | None = None,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Return the rows as files show them: the contract's columns, references by external id (else name), custom fields.

    Parameters
    ----------
    ids : iterable of int, optional
        Only these (still only what the actor sees); default all.
    columns : sequence of str, optional
        Only these columns, in this order; default all.
    """
    actor.require(Right.EXPORT)
    contract = contract_of(table)
    if table in SCOPED and not (actor.sees_all and ids is None):
        ids = services.visibility.visible_ids(actor, table, ids)
    rows = services.records.snapshot(table, ids=None if ids is None else sorted(ids))
    references = {column.name: column.refers_to for column in contract if column.refers_to}
    references |= INNER.get(table, {})
    for name, target in references.items():
        rows = with_keys(services, rows, name, target)
    names = [*contract.names, *services.records.custom_fields(table)]
    wanted = [name for name in (columns or names) if name in rows.column_names]
    return rows.select(wanted)


def with_keys(services: Services, rows: pa.Table, name: str, target: str) -> pa.Table:
    """Return the rows with a reference shown by the first key that record has."""
    keys = services.records.snapshot(target, columns=KEYS[target])
    shown = pc.coalesce(*[pc.if_else(pc.equal(keys[key], ""), None, keys[key]) for key in KEYS[target]])
    index = pc.index_in(rows[f"{name}_id"].combine_chunks(), value_set=keys["id"].combine_chunks())
    values = shown.combine_chunks().take(index) if rows.num_rows else pa.array([], pa.string())
    place = rows.schema.get_field_index(name)
    return rows.append_column(name, values) if place < 0 else rows.set_column(place, name, values)
