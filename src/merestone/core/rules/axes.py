"""Axes: each field cut into classes that no rule tells apart, and regions as sets of classes.

A field compared with the values p₀ < p₁ < … < pₘ₋₁ falls into 2m + 2 classes: the gap below p₀ (0), p₀ itself (1), the
gap above it (2) … the gap above pₘ₋₁ (2m), and missing (2m + 1). Every comparison, set, range and prefix is a union of
classes, so logic over values becomes logic over small whole numbers. Not here: records, bitmaps.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from merestone.core.model.columns import Kind

Region: TypeAlias = tuple[int, ...]
"""Disjoint, ascending, never touching half-open ranges of classes, written flat: (low, high, low, high, …)."""

NOWHERE: Region = ()


@dataclass(frozen=True)
class Axis:
    """One field and the values at which rules tell records apart.

    Parameters
    ----------
    field : str
        The field's own name (no alias).
    kind : Kind
        Its kind.
    points : tuple
        Ascending distinct values in the form in which they compare: folded text, Decimal, date, bool. Of a list field
        the items that rules name.
    """

    field: str
    kind: Kind
    points: tuple[Any, ...]

    @property
    def n_classes(self) -> int:
        """Number of classes, the missing one included."""
        return 2 * len(self.points) + 2

    @property
    def missing(self) -> int:
        """The class of a missing value, the last one."""
        return 2 * len(self.points) + 1

    @property
    def known(self) -> Region:
        """Every class but the missing one."""
        return (0, self.missing)

    @cached_property
    def number_of(self) -> dict[Any, int]:
        """Point -> its number."""
        return {point: number for number, point in enumerate(self.points)}

    def class_of(self, value: Any) -> int:
        """Return the class of a value in the form in which it compares; None is missing."""
        if value is None:
            return self.missing
        number = bisect_left(self.points, value)
        is_point = number < len(self.points) and self.points[number] == value
        return 2 * number + is_point

    def at(self, values: Iterable[Any]) -> Region:
        """Return the classes of these points."""
        region: list[int] = []
        for number in sorted({self.number_of[value] for value in values}):
            region += (2 * number + 1, 2 * number + 2)
        return tuple(region)

    def between(self, low: Any, high: Any) -> Region:
        """Return the classes from one point to another, both included."""
        ends = 2 * self.number_of[low] + 1, 2 * self.number_of[high] + 2
        return ends if ends[0] < ends[1] else NOWHERE

    def compared(self, op: str, value: Any) -> Region:
        """Return the classes for which ``field op value`` holds; ``value`` is a point."""
        number = 2 * self.number_of[value]
        regions = {
            "=": (number + 1, number + 2),
            "<": (0, number + 1),
            "<=": (0, number + 2),
            ">": (number + 2, self.missing),
            ">=": (number + 1, self.missing),
        }
        return self.without((number + 1, number + 2)) if op == "<>" else regions[op]

    def without(self, region: Region) -> Region:
        """Return the known classes that are not in ``region``."""
        return complement(region, self.missing)

    def prefixed(self, prefixes: Iterable[str]) -> Region:
        """Return the classes of texts that begin with one of the (folded) prefixes."""
        region: Region = NOWHERE
        for prefix in prefixes:
            after = next_prefix(prefix)
            end = self.missing if after is None else 2 * self.number_of[after] + 1
            region = union(region, (2 * self.number_of[prefix] + 1, end))
        return region


def next_prefix(prefix: str) -> str | None:
    """Return the least text above all texts that begin with ``prefix``; None when there is none."""
    for length in range(len(prefix), 0, -1):
        code = ord(prefix[length - 1]) + 1
        if 0xD800 <= code <= 0xDFFF:  # no text holds lone surrogates
            code = 0xE000
        if code <= 0x10FFFF:
            return prefix[: length - 1] + chr(code)
    return None


def ranges(region: Region) -> Iterator[tuple[int, int]]:
    """Yield the (low, high) ranges of a region."""
    yield from zip(region[::2], region[1::2], strict=True)


def size(region: Region) -> int:
    """Return the number of classes in a region."""
    return sum(region[1::2]) - sum(region[::2])


def has(region: Region, number: int) -> bool:
    """Return whether a class lies in a region."""
    return any(low <= number < high for low, high in ranges(region))


def union(left: Region, right: Region) -> Region:
    """Return the classes in one or both."""
    if not left or not right:
        return left or right
    merged: list[int] = []
    for low, high in sorted([*ranges(left), *ranges(right)]):
        if merged and low <= merged[-1]:
            merged[-1] = max(merged[-1], high)
        else:
            merged += (low, high)
    return tuple(merged)


def intersect(left: Region, right: Region) -> Region:
    """Return the classes in both."""
    if len(left) == 2 == len(right):
        low, high = max(left[0], right[0]), min(left[1], right[1])
        return (low, high) if low < high else NOWHERE
    found: list[int] = []
    i = j = 0
    while i < len(left) and j < len(right):
        low, high = max(left[i], right[j]), min(left[i + 1], right[j + 1])
        if low < high:
            found += (low, high)
        if left[i + 1] < right[j + 1]:
            i += 2
        else:
            j += 2
    return tuple(found)


def complement(region: Region, end: int) -> Region:
    """Return the classes of [0, end) that are not in ``region``."""
    edges = [0, *(bound for bound in region if bound < end), end]
    # Every inner edge flips between in and out; empty ranges at either end drop out.
    return tuple(
        bound
        for low, high in zip(edges[::2], edges[1::2], strict=False)
        if low < high
        for bound in (low, high)
    )
