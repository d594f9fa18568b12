"""Asking the database: one statement, its rows one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection, models

CHUNK = 5000


def rows(sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the rows of a statement as they come, whatever their number."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, list(parameters))
        while found := cursor.fetchmany(CHUNK):
            yield from found


def quoted(name: str) -> str:
    """Return a name for SQL."""
    return connection.ops.quote_name(name)


def table_of(model: type[models.Model]) -> str:
    """Return a model's table for SQL."""
    return quoted(model._meta.db_table)


def is_sqlite() -> bool:
    """Return whether the database is SQLite."""
    return bool(connection.vendor == "sqlite")
