"""Reads and writes of whole columns in a constant number of statements, however many rows.

PostgreSQL inserts by COPY and updates from arrays in one statement. SQLite takes few rows by ``executemany``; many are
laid into a temporary table first and written from there in one statement, because each statement that fires a trigger
keeps a copy of every page it touches. Ids are drawn before the insert, so that they are known in order. Every write
needs an open transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from django.db import connection, models
from django.db.models.expressions import RawSQL
from django.utils import timezone

from merestone.base.errors import UsageError
from merestone.db.stores.cells import POSTGRESQL_TYPES, Shape, cell, shape_of

CHUNK = 20_000
STAGED_FROM = 1_000
"""From so many rows on, SQLite writes by way of a temporary table."""
Columns = Mapping[str, Sequence[Any]]
"""Field attribute name (``parent_id``) -> cells."""


def among(ids: Iterable[int]) -> RawSQL:
    """Return a subquery of these ids for ``field__in=``: one parameter, whatever their number."""
    if connection.vendor == "sqlite":
        return RawSQL("SELECT value FROM json_each(%s)", [json.dumps([int(one) for one in ids])])
    # An array as text: to adapt a list takes psycopg as long as the database takes to find the rows.
    return RawSQL("SELECT unnest(%s::bigint[])", [f"{{{','.join(str(int(one)) for one in ids)}}}"])


def fetch(query: models.QuerySet[Any, Any], names: Sequence[str]) -> list[list[Any]]:
    """Return the named fields of a query as columns of cells."""
    rows = query.values_list(*names)
    sql, parameters = rows.query.get_compiler(connection=connection).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        columns: list[list[Any]] = [[] for _ in names]
        while chunk := cursor.fetchmany(CHUNK):
            for column, values in zip(columns, zip(*chunk, strict=True), strict=True):
                column.extend(values)
    return columns


def insert(model: type[models.Model], columns: Columns, *, n: int) -> list[int]:
    """Insert ``n`` rows, fields not given by their defaults; returns their ids in order."""
    if n == 0:
        return []
    ids = _draw_ids(model, n)
    given = {"id": ids, **_defaults(model, set(columns), n), **columns}
    fields = [field_of(model, name) for name in given]
    for start in range(0, n, CHUNK):
        _insert_chunk(model, fields, [column[start : start + CHUNK] for column in given.values()])
    return ids


def update(
    model: type[models.Model], ids: Sequence[int], columns: Columns, *, merged: Iterable[str] = ()
) -> int:
    """Write the columns of these rows; returns how many rows there were.

    ``version`` rises and ``updated_at`` is set where the model has them. A JSON column named in ``merged`` is merged
    into what is there; null removes a key.
    """
    names = list(columns)
    return sum(
        _update_chunk(
            model,
            names,
            [ids[start : start + CHUNK], *(columns[name][start : start + CHUNK] for name in names)],
            merged=frozenset(merged),
        )
        for start in range(0, len(ids), CHUNK)
    )


def field_of(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    """Return the field with this attribute name (``parent_id``)."""
    return cast("models.Field[Any, Any]", model._meta.get_field(name))


def quoted(model: type[models.Model]) -> str:
    """Return the table's name for SQL."""
    return connection.ops.quote_name(model._meta.db_table)


def _draw_ids(model: type[models.Model], n: int) -> list[int]:
    if not connection.in_atomic_block:
        raise UsageError("A bulk write needs an open transaction.", code="no-transaction")
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
            first = (cursor.fetchone() or (0,))[0] + 1
            return list(range(first, first + n))
        # The sequence is looked up once, not for each id.
        cursor.execute(
            "SELECT nextval(found.name) FROM (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS name OFFSET 0) AS found,"
            " generate_series(1, %s)",
            [table, n],
        )
        return [row[0] for row in cursor.fetchall()]


def _defaults(model: type[models.Model], given: set[str], n: int) -> dict[str, list[Any]]:
    now = timezone.now()
    found = {}
    for field in model._meta.concrete_fields:
        if field.primary_key or field.attname in given:
            continue
        found[field.attname] = [default_cell(field, now)] * n
    return found


def default_cell(field: models.Field[Any, Any], now: Any) -> Any:
    """Return the cell of a field nobody gave a value."""
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return cell(now, Shape.INSTANT)
    if field.has_default():
        return cell(field.get_default(), shape_of(field))
    return "" if shape_of(field) is Shape.TEXT and not field.null else None


def _insert_chunk(model: type[models.Model], fields: Sequence[Any], columns: Sequence[Sequence[Any]]) -> None:
    names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            rows = list(zip(*columns, strict=True))
            if len(rows) < STAGED_FROM:
                marks = ", ".join(["%s"] * len(fields))
                cursor.executemany(f"INSERT INTO {quoted(model)} ({names}) VALUES ({marks})", rows)  # noqa: S608
                return
            with _staged(cursor, rows, n_columns=len(fields)) as (table, cells):
                read = f"SELECT {', '.join(cells)} FROM {table} ORDER BY rowid"  # noqa: S608
                cursor.execute(f"INSERT INTO {quoted(model)} ({names}) {read}")
            return
        with (
            connection.wrap_database_errors,
            cursor.copy(f"COPY {quoted(model)} ({names}) FROM STDIN") as copy,
        ):
            for row in zip(*columns, strict=True):
                copy.write_row(row)


@contextmanager
def _staged(cursor: Any, rows: Sequence[Sequence[Any]], *, n_columns: int) -> Iterator[tuple[str, list[str]]]:
    """Lay rows into a temporary table of SQLite; yields its name and its columns, and empties it afterwards."""
    table, cells = f"temp.merestone_staged_{n_columns}", [f"c{place}" for place in range(n_columns)]
    # Without types: a cell is converted once, by the column that it is for.
    cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS merestone_staged_{n_columns} ({', '.join(cells)})")
    cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * n_columns)})", rows)  # noqa: S608
    yield table, cells
    cursor.execute(f"DELETE FROM {table}")  # noqa: S608


def _unnested(fields: Sequence[Any]) -> str:
    """Return the SELECT that turns one array per field into rows."""
    shapes = [shape_of(field) for field in fields]
    arrays = ", ".join(f"%s::{POSTGRESQL_TYPES[shape]}[]" for shape in shapes)
    names = ", ".join(f"c{place}" for place in range(len(fields)))
    values = ", ".join(
        f"c{place}::jsonb AS c{place}" if shape in (Shape.LIST, Shape.JSON) else f"c{place}"
        for place, shape in enumerate(shapes)
    )
    return f"SELECT {values} FROM unnest({arrays}) AS given({names})"  # noqa: S608


def _update_chunk(
    model: type[models.Model],
    names: Sequence[str],
    columns: Sequence[Sequence[Any]],
    *,
    merged: frozenset[str],
) -> int:
    fields = [field_of(model, name) for name in names]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            return _update_on_sqlite(cursor, model, fields, columns, merged=merged)
        source = _unnested([model._meta.pk, *fields])
        settings = ", ".join([*_settings(fields, merged), *_bookkeeping(model)])
        sql = f"UPDATE {quoted(model)} AS mine SET {settings} FROM ({source}) AS new WHERE mine.id = new.c0"  # noqa: S608
        parameters: list[Any] = [list(column) for column in columns]
        if _has(model, "updated_at"):
            parameters.insert(0, timezone.now())
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def _update_on_sqlite(
    cursor: Any,
    model: type[models.Model],
    fields: Sequence[Any],
    columns: Sequence[Sequence[Any]],
    *,
    merged: frozenset[str],
) -> int:
    now = [cell(timezone.now(), Shape.INSTANT)] if _has(model, "updated_at") else []
    if len(columns[0]) < STAGED_FROM:
        settings = ", ".join([*_settings(fields, merged), *_bookkeeping(model)])
        sql = f"UPDATE {quoted(model)} SET {settings} WHERE id = %s"  # noqa: S608
        ids, *values = columns
        cursor.executemany(sql, [(*row[:-1], *now, row[-1]) for row in zip(*values, ids, strict=True)])
        return int(cursor.rowcount)
    rows = list(zip(*columns, strict=True))
    with _staged(cursor, rows, n_columns=len(columns)) as (table, cells):
        settings = ", ".join([*_settings(fields, merged, cells=cells[1:]), *_bookkeeping(model)])
        sql = f"UPDATE {quoted(model)} AS mine SET {settings} FROM {table} AS new WHERE mine.id = new.c0"  # noqa: S608
        cursor.execute(sql, now)
        return int(cursor.rowcount)


def _settings(
    fields: Sequence[Any], merged: frozenset[str], *, cells: Sequence[str] | None = None
) -> Iterator[str]:
    for place, field in enumerate(fields, start=1):
        column = connection.ops.quote_name(field.column)
        if connection.vendor == "sqlite":
            value = "%s" if cells is None else f"new.{cells[place - 1]}"
            yield (
                f"{column} = json_patch({column}, {value})"
                if field.attname in merged
                else f"{column} = {value}"
            )
        elif field.attname in merged:
            yield f"{column} = jsonb_strip_nulls(mine.{column} || new.c{place})"
        else:
            yield f"{column} = new.c{place}"


def _bookkeeping(model: type[models.Model]) -> Iterator[str]:
    if _has(model, "version"):
        yield "version = mine.version + 1" if connection.vendor != "sqlite" else "version = version + 1"
    if _has(model, "updated_at"):
        yield "updated_at = %s"


def _has(model: type[models.Model], name: str) -> bool:
    return any(field.name == name for field in model._meta.concrete_fields)
