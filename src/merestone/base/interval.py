"""Half-open intervals ``[start, end)`` over dates or instants; ``None`` as end means "until further notice"."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from merestone.base.errors import UsageError

T = TypeVar("T", date, datetime)


@dataclass(frozen=True, slots=True, order=True)
class Interval(Generic[T]):
    """The time from ``start`` (included) to ``end`` (excluded).

    Parameters
    ----------
    start : date or datetime
        First moment inside.
    end : date, datetime or None
        First moment outside; ``None`` = open.

    Raises
    ------
    UsageError
        If ``end`` is not after ``start``.
    """

    start: T
    end: T | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= self.start:
            raise UsageError(
                f"The interval from {self.start} to {self.end} is empty.",
                code="empty-interval",
                fix="The end must lie after the start.",
            )

    def __contains__(self, moment: object) -> bool:
        return self.start <= moment and (self.end is None or moment < self.end)  # type: ignore[operator]

    @property
    def is_open(self) -> bool:
        """True while no end is set."""
        return self.end is None

    def overlaps(self, other: Interval[T]) -> bool:
        """Return whether some moment lies in both."""
        return (other.end is None or self.start < other.end) and (self.end is None or other.start < self.end)


def is_seamless(intervals: Iterable[Interval[T]]) -> bool:
    """Return whether the intervals, sorted, follow each other without gap or overlap."""
    ordered = sorted(intervals, key=lambda interval: interval.start)
    return all(left.end == right.start for left, right in itertools.pairwise(ordered))
