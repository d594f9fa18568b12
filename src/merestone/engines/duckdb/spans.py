"""Which ranks of an ordered column a test holds for, as spans ``[low, high)``.

A rank numbers the sorted distinct values of a column; a missing value has the rank -1. So ``is null`` is a span as
well, and ``employees < 250 or employees is null`` a single one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from merestone.core.criteria import Expr
from merestone.core.criteria import expression as ex
from merestone.core.criteria.fields import Field
from merestone.core.criteria.values import fold
from merestone.engines.duckdb.sql import Lists, wanted

MISSING = -1
Span = tuple[int, int]


@dataclass(frozen=True)
class Ranks:
    """The sorted values of a column.

    Parameters
    ----------
    values : sequence
        As stored, ascending; texts folded, with one entry per spelling.
    key : callable
        Stored value to the value that literals compare with.
    """

    values: Sequence[Any] | np.ndarray
    key: Callable[[Any], Any] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def below(self, value: Any) -> int:
        """Return how many values are less."""
        return bisect_left(self.values, value, key=self.key)

    def upto(self, value: Any) -> int:
        """Return how many values are less or equal."""
        return bisect_right(self.values, value, key=self.key)


def spans(expr: Expr, ranks: Ranks, field: Field, lists: Lists) -> list[Span]:
    """Return the ascending, disjoint, non-empty spans of ranks for which ``expr`` is true.

    Parameters
    ----------
    expr : Expr
        Looks at this column only; ``not`` stands before leaves only.
    """
    if isinstance(expr, ex.And):
        parts = [spans(part, ranks, field, lists) for part in expr.parts]
        result = parts[0]
        for part in parts[1:]:
            result = _overlap(result, part)
        return result
    if isinstance(expr, ex.Or):
        return _merged(span for part in expr.parts for span in spans(part, ranks, field, lists))
    if isinstance(expr, ex.Not):
        return _others(spans(expr.part, ranks, field, lists), _known(expr.part), len(ranks))
    return _leaf(expr, ranks, field, lists)


def expand(ranges: Sequence[Span]) -> np.ndarray:
    """Return all ranks within spans."""
    return np.concatenate(
        [np.arange(low, high, dtype=np.int32) for low, high in ranges] or [np.empty(0, np.int32)]
    )


def after_prefix(prefix: str) -> str | None:
    """Return the least text greater than every text that begins with ``prefix``; None when there is none."""
    kept = prefix.rstrip("\U0010ffff")
    return kept[:-1] + chr(ord(kept[-1]) + 1) if kept else None


def _leaf(leaf: ex.Leaf, ranks: Ranks, field: Field, lists: Lists) -> list[Span]:
    n_values = len(ranks)
    match leaf:
        case ex.IsNull(negated=negated):
            return _merged([(0, n_values) if negated else (MISSING, 0)])
        case ex.Comparison(op=op, value=literal):
            return _compared(op, _key(literal.value), ranks)
        case ex.Between(low=low, high=high):
            return _merged([(ranks.below(_key(low.value)), ranks.upto(_key(high.value)))])
        case ex.In() | ex.InList():
            found = _merged((ranks.below(value), ranks.upto(value)) for value in wanted(leaf, field, lists))
            return _others(found, 0, n_values) if leaf.negated else found
        case ex.Call(name="starts_with"):
            return _merged(_prefixed(str(value.value).casefold(), ranks) for value in leaf.values)
    raise AssertionError(leaf)


def _compared(op: str, value: Any, ranks: Ranks) -> list[Span]:
    low, high, end = ranks.below(value), ranks.upto(value), len(ranks)
    if op == "<>":
        return _merged([(0, low), (high, end)])
    return _merged(
        [{"=": (low, high), "<": (0, low), "<=": (0, high), ">": (high, end), ">=": (low, end)}[op]]
    )


def _prefixed(prefix: str, ranks: Ranks) -> Span:
    end = after_prefix(prefix)
    return ranks.below(prefix), len(ranks) if end is None else ranks.below(end)


def _key(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


def _known(leaf: Expr) -> int:
    """Return the first rank for which a leaf is true or false."""
    return MISSING if isinstance(leaf, ex.IsNull) else 0


def _merged(ranges: Iterable[Span]) -> list[Span]:
    result: list[Span] = []
    for low, high in sorted(span for span in ranges if span[0] < span[1]):
        if result and low <= result[-1][1]:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return result


def _others(ranges: Sequence[Span], first: int, end: int) -> list[Span]:
    """Return what [first, end) has besides ``ranges``."""
    cuts = [first, *(cut for span in ranges for cut in span), end]
    return _merged(zip(cuts[::2], cuts[1::2], strict=True))


def _overlap(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    """Return what both have; both ascend, so one walk along them suffices."""
    result: list[Span] = []
    i = j = 0
    while i < len(left) and j < len(right):
        result.append((max(left[i][0], right[j][0]), min(left[i][1], right[j][1])))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return _merged(result)
