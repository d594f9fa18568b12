"""Lists over rows that are no query: the same URLs, filters, order, pages and export over a table at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import ge, gt, le, lt
from typing import Any

import pyarrow as pa
from django.db.models import Q

from merestone.web.tables.columns import ListColumn
from merestone.web.tables.filters import MAX_OPTIONS
from merestone.web.tables.query import Listed, ListQuery

Row = Mapping[str, Any]
COMPARISONS = {"gte": ge, "lte": le, "gt": gt, "lt": lt}


def chosen(rows: Sequence[Row], query: ListQuery, kind: Listed) -> list[Row]:
    """Return the rows that match, in order; without an order chosen, in the one they came in."""
    words = query.text.casefold().split()[:8]
    found = [
        row
        for row in rows
        if all(holds(one.condition, row) for one in query.filters)
        and all(any(word in str(row.get(path) or "").casefold() for path in kind.search) for word in words)
    ]
    column = next((column for column in kind.columns if column.name == query.sort_name), None)
    if column is None:
        return found
    there = [row for row in found if row.get(column.path) is not None]
    blank = [row for row in found if row.get(column.path) is None]
    there.sort(key=lambda row: _key(row[column.path]), reverse=query.sort.startswith("-"))
    return there + blank


def _key(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def holds(condition: Q, row: Row) -> bool:
    """Return whether a condition of ``filters`` is true of a row."""
    parts = [
        holds(part, row) if isinstance(part, Q) else _lookup(str(part[0]), part[1], row)  # type: ignore[index]
        for part in condition.children
    ]
    found = any(parts) if condition.connector == Q.OR else all(parts)
    return found != condition.negated


def _lookup(path: str, wanted: Any, row: Row) -> bool:
    name, _, how = path.rpartition("__")
    if not name:
        return bool(row.get(path) == wanted)
    value = row.get(name)
    if how == "isnull":
        return (value is None) == wanted
    if value is None:
        return False
    if how == "in":
        return value in wanted
    if how == "icontains":
        return str(wanted).casefold() in str(value).casefold()
    return bool(COMPARISONS[how](value, wanted))


def options_at_hand(column: ListColumn, rows: Sequence[Row]) -> list[tuple[str, str, int | None]]:
    """Return (value, words, count) to tick for a column."""
    counts: dict[Any, int] = {}
    for row in rows:
        value = row.get(column.path)
        if value not in (None, ""):
            counts[value] = counts.get(value, 0) + 1
    if column.choices:
        return [(value, column.say(value), counts.get(value, 0)) for value in column.choices]
    most = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:MAX_OPTIONS]
    return [(str(value), column.say(value), n) for value, n in most]


def as_table(rows: Sequence[Row], columns: Sequence[ListColumn], schema: pa.Schema) -> pa.Table:
    """Return the rows' columns as Arrow, typed as in ``schema``."""
    arrays = [
        pa.array([row[column.path] for row in rows], schema.field(column.path).type) for column in columns
    ]
    return pa.table(arrays, names=[column.name for column in columns])
