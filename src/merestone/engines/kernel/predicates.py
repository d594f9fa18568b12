"""One comparison or function over a column: which rows it holds for, and which rows it is known for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np

from merestone.core.criteria import expression as ex
from merestone.core.criteria.evaluate import list_values
from merestone.core.criteria.functions import FUNCTIONS
from merestone.core.criteria.values import fold
from merestone.core.geo import Areas
from merestone.core.model.columns import Kind
from merestone.engines.kernel.encode import Column, Lists, Ordered, Text

Rows = np.ndarray | None  # row numbers, ascending; None = every row
Mask = np.ndarray


def _of(array: np.ndarray, rows: Rows) -> np.ndarray:
    return array if rows is None else array[rows]


@dataclass(frozen=True)
class Span:
    """Holds for codes in [low, high), or, negated, for the other known ones."""

    codes: np.ndarray
    n_values: int
    low: int
    high: int
    is_negated: bool = False

    def holds(self, rows: Rows) -> Mask:
        codes = _of(self.codes, rows)
        inside = (codes >= self.low) & (codes < self.high)
        return ~inside & (codes != self.n_values) if self.is_negated else inside

    def known(self, rows: Rows) -> Mask:
        return _of(self.codes, rows) != self.n_values


@dataclass(frozen=True)
class Truths:
    """Holds where a table over the distinct values says so; its last entry is for missing and False."""

    codes: np.ndarray
    table: np.ndarray

    def holds(self, rows: Rows) -> Mask:
        return self.table[_of(self.codes, rows)]

    def known(self, rows: Rows) -> Mask:
        return _of(self.codes, rows) != len(self.table) - 1


@dataclass(frozen=True)
class Missing:
    """``is null``: always known."""

    codes: np.ndarray
    n_values: int
    is_negated: bool

    def holds(self, rows: Rows) -> Mask:
        return (_of(self.codes, rows) == self.n_values) != self.is_negated

    def known(self, rows: Rows) -> Mask:
        return np.ones(len(_of(self.codes, rows)), dtype=bool)


@dataclass(frozen=True)
class Scan:
    """A test that has to look at each distinct value: only those of the asked rows are looked at."""

    codes: np.ndarray
    values: list[Any]
    test: Callable[[Any], bool]

    def holds(self, rows: Rows) -> Mask:
        present, inverse = np.unique(_of(self.codes, rows), return_inverse=True)
        n_values = len(self.values)
        table = np.array([code < n_values and self.test(self.values[code]) for code in present], dtype=bool)
        return table[inverse]

    def known(self, rows: Rows) -> Mask:
        return _of(self.codes, rows) != len(self.values)


@dataclass(frozen=True)
class Located:
    """A test of the rows' locations."""

    latitude: np.ndarray
    longitude: np.ndarray
    test: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def holds(self, rows: Rows) -> Mask:
        latitude, longitude = _of(self.latitude, rows), _of(self.longitude, rows)
        mask = self.known(rows)
        mask[mask] = self.test(latitude[mask], longitude[mask])
        return mask

    def known(self, rows: Rows) -> Mask:
        return ~(np.isnan(_of(self.latitude, rows)) | np.isnan(_of(self.longitude, rows)))


Predicate = Span | Truths | Missing | Scan | Located


def cost(leaf: ex.Expr) -> int:
    """Return how late within an ``and`` an expression should be asked."""
    if isinstance(leaf, ex.Call):
        return {"within_km": 3, "in_area": 4, "contains": 5, "matches": 6}.get(leaf.name, 1)
    return 2 if isinstance(leaf, ex.And | ex.Or | ex.Not) else 0


def on_location(call: ex.Call, latitude: Ordered, longitude: Ordered, *, areas: Areas) -> Predicate:
    """Return the predicate of a location function."""
    values = [literal.value for literal in call.values]
    if call.name == "in_area":
        key = str(values[0])
        return Located(
            latitude.floats, longitude.floats, lambda north, east: areas.contains(key, east, north)
        )
    to, limit = (float(values[0]), float(values[1])), float(values[2])  # type: ignore[arg-type]
    return Located(
        latitude.floats, longitude.floats, lambda north, east: areas.distance_km(north, east, to=to) <= limit
    )


def on_column(leaf: ex.Leaf, column: Column, kind: Kind, *, lists: Any) -> Predicate:
    """Return the predicate of any other leaf over its column."""
    if isinstance(column, Lists):
        return _on_lists(leaf, column)
    if isinstance(leaf, ex.Call):
        assert isinstance(column, Text)
        return _on_text(leaf, column)
    ordered = column.folded if isinstance(column, Text) else column
    if isinstance(leaf, ex.IsNull):
        return Missing(ordered.codes, ordered.n_values, leaf.negated)
    if isinstance(leaf, ex.Comparison):
        return _compared(leaf, ordered)
    if isinstance(leaf, ex.Between):
        return Span(
            ordered.codes, ordered.n_values, _low(ordered, leaf.low.value), _high(ordered, leaf.high.value)
        )
    if isinstance(leaf, ex.In):
        wanted = {_key(literal.value) for literal in leaf.values}
    else:
        wanted = list_values(lists, str(leaf.key.value), kind)
    return _among(ordered, wanted, is_negated=leaf.negated)


def _key(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


def _low(column: Ordered, value: Any) -> int:
    return bisect_left(column.values, _key(value), key=column.key)


def _high(column: Ordered, value: Any) -> int:
    return bisect_right(column.values, _key(value), key=column.key)


def _compared(leaf: ex.Comparison, column: Ordered) -> Span:
    low, high, end = _low(column, leaf.value.value), _high(column, leaf.value.value), column.n_values
    spans = {
        "=": (low, high),
        "<>": (low, high),
        "<": (0, low),
        "<=": (0, high),
        ">": (high, end),
        ">=": (low, end),
    }
    return Span(column.codes, end, *spans[leaf.op], is_negated=leaf.op == "<>")


def _among(column: Ordered, wanted: set[Any], *, is_negated: bool) -> Truths:
    table = np.zeros(column.n_values + 1, dtype=bool)
    for value in wanted:
        low = bisect_left(column.values, value, key=column.key)
        if low < column.n_values and column.key(column.values[low]) == value:
            table[low] = True
    if is_negated:
        table = ~table
        table[-1] = False
    return Truths(column.codes, table)


def _on_text(call: ex.Call, column: Text) -> Predicate:
    values = [str(literal.value) for literal in call.values]
    if call.name == "starts_with":
        return _prefixed(column.folded, [value.casefold() for value in values])
    test = FUNCTIONS[call.name].holds
    if call.name == "contains":
        parts = [value.casefold() for value in values]
        folded = list(column.folded.values)
        return Scan(column.folded.codes, folded, lambda text: any(part in text for part in parts))
    return Scan(column.spelling_of_row, column.spellings, lambda text: test(text, values, None))


def _prefixed(column: Ordered, prefixes: list[str]) -> Truths:
    table = np.zeros(column.n_values + 1, dtype=bool)
    for prefix in prefixes:
        low = bisect_left(column.values, prefix)
        beginning = itemgetter(slice(len(prefix)))
        high = bisect_right(column.values, prefix, lo=low, key=beginning)
        table[low:high] = True
    return Truths(column.codes, table)


def _on_lists(leaf: ex.Leaf, column: Lists) -> Predicate:
    if isinstance(leaf, ex.IsNull):
        return Missing(column.codes, len(column.combinations), leaf.negated)
    assert isinstance(leaf, ex.Call)
    wanted = {fold(str(literal.value)) for literal in leaf.values}
    if leaf.name == "has_any":
        table = [not items.isdisjoint(wanted) for items in column.combinations]
    else:
        table = [items.issuperset(wanted) for items in column.combinations]
    return Truths(column.codes, np.array([*table, False], dtype=bool))
