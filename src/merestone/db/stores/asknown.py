"""Tables as the database had them at an earlier instant: the present rows, with the audit log's later entries undone.

A transaction counts as a whole: what it wrote is undone when any of it was written at the instant or later. The cost
grows with what changed since, not with the log: the log's first entry since the instant is found by halving its ids,
which rise with time (but for writers at the same moment, hence ``SLACK``).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection, models

from merestone.base.errors import UsageError
from merestone.db import audit
from merestone.db.models import AuditEntry
from merestone.db.stores import bulk
from merestone.db.stores.cells import Shape, shape_of, to_arrow
from merestone.db.triggers import SECRETS, UNKEPT, UNTOLD

SLACK = timedelta(minutes=10)
"""How much longer than the entries since the instant are read: a transaction may have begun before it."""

LOG = AuditEntry._meta.db_table


class Change(NamedTuple):
    """One entry to undo."""

    row_id: int
    operation: str
    old: Mapping[str, Any]


def rows_as_known(
    model: type[models.Model],
    at: datetime,
    *,
    ids: Iterable[int] | None = None,
    where: tuple[str, Collection[int]] | None = None,
) -> pa.Table:
    """Return the rows as they were just before ``at``, by id: every column but ``version``, ``updated_at``, secrets.

    JSON comes as text.

    Parameters
    ----------
    ids : iterable of int, optional
        Only these rows.
    where : (column, values), optional
        Only rows that had one of these whole numbers in the column.

    Raises
    ------
    UsageError
        For a table the log does not watch.
    """
    if model not in audit.watched():
        raise UsageError(f"'{model._meta.db_table}' is not audited.", code="unknown-table")
    first = first_entry_since(at - SLACK)
    wanted = None if ids is None else sorted(set(ids))
    if where is not None:
        wanted = _rows_with(model, where, first=first, among=wanted)
    changes = _changes(model, at, first=first, ids=wanted)
    shapes = kept_columns(model)
    table = _present(model, shapes, ids=wanted)
    if changes:
        table = _undone(table, changes, shapes)
    if where is not None:
        table = table.filter(pc.is_in(table[where[0]], value_set=pa.array(list(where[1]), pa.int64())))
    return table


def kept_columns(model: type[models.Model]) -> dict[str, Shape]:
    """Return the columns the log can bring back, with their shapes."""
    left_out = {*UNKEPT, *SECRETS.get(model, ()), *UNTOLD.get(model, ())}
    shapes = {
        field.attname: shape_of(field)
        for field in model._meta.concrete_fields
        if field.column not in left_out
    }
    # Lists need not be of text: they come as JSON text like all JSON.
    columns = {name: Shape.JSON if shape is Shape.LIST else shape for name, shape in shapes.items()}
    return {"id": Shape.INTEGER, **columns}


def first_entry_since(at: datetime) -> int:
    """Return the smallest id from which on every entry was written at ``at`` or later; one query."""
    probe = f"(SELECT at FROM {LOG} WHERE id >= (low + high) / 2 ORDER BY id LIMIT 1)"  # noqa: S608
    sql = f"""
        WITH RECURSIVE search (low, high) AS (
            SELECT coalesce(min(id), 1), coalesce(max(id), 0) + 1 FROM {LOG}
            UNION ALL
            SELECT CASE WHEN {probe} < %s THEN (low + high) / 2 + 1 ELSE low END,
                   CASE WHEN {probe} < %s THEN high ELSE (low + high) / 2 END
            FROM search WHERE low < high
        )
        SELECT max(low) FROM search WHERE low >= high
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [_log_time(at)] * 2)
        return int(cursor.fetchone()[0])


def _rows_with(
    model: type[models.Model], where: tuple[str, Collection[int]], *, first: int, among: Sequence[int] | None
) -> list[int]:
    """Return rows that have such a value now, or had it before a change since."""
    column, values = where
    if connection.vendor == "sqlite":
        old = f"json_extract(changes, '$.\"{column}\"[0]')"
        listed, parameter = "SELECT value FROM json_each(%s)", json.dumps([int(one) for one in values])
        name = "+table_name"  # by id: the index would read every entry of the table
    else:
        old = f"(changes -> '{column}' ->> 0)::bigint"
        listed, parameter = "SELECT unnest(%s::bigint[])", [int(one) for one in values]  # type: ignore[assignment]
        name = "table_name"
    sql = (
        f"SELECT id FROM {bulk.quoted(model)} WHERE {connection.ops.quote_name(column)} IN ({listed})"  # noqa: S608
        f" UNION SELECT row_id FROM {LOG} WHERE id >= %s AND {name} = %s AND operation <> 'I' AND {old} IN ({listed})"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [parameter, first, model._meta.db_table, parameter])
        found = {row[0] for row in cursor.fetchall()}
    return sorted(found if among is None else found & set(among))


def _changes(
    model: type[models.Model], at: datetime, *, first: int, ids: Sequence[int] | None
) -> list[Change]:
    """Return what to undo, oldest first."""
    is_sqlite = connection.vendor == "sqlite"
    name = "+table_name" if is_sqlite and ids is None else "table_name"
    sql = (
        f'SELECT row_id, operation, changes, at, "transaction" FROM {LOG}'  # noqa: S608
        f" WHERE id >= %s AND {name} = %s"
    )
    parameters: list[Any] = [first, model._meta.db_table]
    if ids is not None:
        sql += " AND row_id IN " + (  # noqa: S608
            "(SELECT value FROM json_each(%s))" if is_sqlite else "(SELECT unnest(%s::bigint[]))"
        )
        parameters.append(json.dumps(list(ids)) if is_sqlite else list(ids))
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} ORDER BY id", parameters)
        rows = cursor.fetchall()
    instants = to_arrow([row[3] for row in rows], Shape.INSTANT)
    late = pc.greater_equal(instants, pa.scalar(at, instants.type)).to_pylist()
    torn = _transactions_since(at, first=first) if not all(late) else set()
    return [
        Change(row_id, operation, {key: pair[0] for key, pair in _parsed(changes).items()})
        for (row_id, operation, changes, _, number), is_late in zip(rows, late, strict=True)
        if is_late or number in torn
    ]


def _transactions_since(at: datetime, *, first: int) -> set[str]:
    """Return the transactions that wrote anything at ``at`` or later; without context there is no telling which."""
    sql = f"SELECT DISTINCT \"transaction\" FROM {LOG} WHERE id >= %s AND at >= %s AND actor <> 'unknown'"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [first, _log_time(at)])
        return {row[0] for row in cursor.fetchall()}


def _log_time(at: datetime) -> Any:
    """Return an instant as the log writes it: SQLite's clock tells milliseconds, and text order is time order."""
    if connection.vendor == "sqlite":
        return at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")
    return at


def _parsed(changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(changes) if isinstance(changes, str) else changes
    return found


def _present(
    model: type[models.Model], shapes: Mapping[str, Shape], *, ids: Sequence[int] | None
) -> pa.Table:
    rows = model._default_manager.order_by("pk")
    if ids is not None:
        rows = rows.filter(pk__in=bulk.among(ids))
    columns = bulk.fetch(rows, list(shapes))
    arrays = [to_arrow(column, shape) for column, shape in zip(columns, shapes.values(), strict=True)]
    return pa.table(arrays, names=list(shapes))


def _undone(table: pa.Table, changes: Sequence[Change], shapes: Mapping[str, Shape]) -> pa.Table:
    """Return the table with these entries undone: of each row, the oldest entry says whether it was there."""
    before: dict[int, dict[str, Any]] = {}
    whole: set[int] = set()  # rows whose whole content is known: they were deleted since
    absent: set[int] = set()
    for row_id, operation, old in changes:
        if row_id in absent or row_id in whole:
            continue
        if row_id not in before and operation == "I":
            absent.add(row_id)
            continue
        known = before.setdefault(row_id, {})
        for name, value in old.items():
            known.setdefault(name, value)
        if operation == "D":
            whole.add(row_id)
    touched = pa.array([*absent, *before], pa.int64())
    is_touched = pc.is_in(table["id"], value_set=touched)
    stays = table.filter(pc.invert(is_touched))
    changed = table.filter(is_touched)
    patched = _patched(changed, before, whole, shapes)
    return pa.concat_tables([stays, patched]).sort_by("id")


def _patched(
    present: pa.Table,
    before: Mapping[int, Mapping[str, Any]],
    whole: Collection[int],
    shapes: Mapping[str, Shape],
) -> pa.Table:
    """Return the changed rows as they were: what the log tells, and for the rest what is there now."""
    ids = sorted(before)
    at = pc.index_in(pa.array(ids, pa.int64()), value_set=present["id"].combine_chunks())
    columns = []
    for name, shape in shapes.items():
        if name == "id":
            columns.append(pa.array(ids, pa.int64()))
            continue
        told = [name in before[one] or one in whole for one in ids]
        cells = [_cell(before[one].get(name), shape) for one in ids]
        now = present[name].combine_chunks().take(at)
        columns.append(pc.if_else(pa.array(told, pa.bool_()), to_arrow(cells, shape), now))
    return pa.table(columns, names=list(shapes))


def _cell(value: Any, shape: Shape) -> Any:
    """Return a value of the log as a cell of the table."""
    if value is None:
        return None
    match shape:
        case Shape.JSON:
            return json.dumps(value)
        case Shape.INSTANT:
            instant = datetime.fromisoformat(value)
            instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
            return instant.replace(tzinfo=None) if connection.vendor == "sqlite" else instant
        case Shape.DATE:
            return datetime.fromisoformat(value).date() if isinstance(value, str) else value
        case _:
            return value
