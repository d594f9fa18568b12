"""Days away, and the halves of days.

The one rule: leave is written in days of the company's zone; a half day ends or starts at noon there. Not here: who may
take a lead (``eligibility``), which reads the days as they count at a moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction

from merestone.base.errors import UsageError
from merestone.base.interval import Interval

NOON = time(12)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Absence:
    """One stretch of leave.

    Parameters
    ----------
    starts_on, ends_on : date
        First day away, first day back.
    starts_at_noon : bool
        The morning of the first day is worked.
    ends_at_noon : bool
        The afternoon of the last day (the one before ``ends_on``) is worked.

    Raises
    ------
    UsageError
        If nothing of it is left.
    """

    starts_on: date
    ends_on: date
    starts_at_noon: bool = False
    ends_at_noon: bool = False

    def __post_init__(self) -> None:
        if self.half_days[0] >= self.half_days[1]:
            raise UsageError(
                f"The leave from {self.starts_on} to {self.ends_on} is empty.",
                code="empty-interval",
                fix="The first day back must lie after the first day away.",
            )

    @property
    def half_days(self) -> tuple[int, int]:
        """First half day away and first one back, counted from the beginning of the calendar."""
        return (
            2 * self.starts_on.toordinal() + self.starts_at_noon,
            2 * self.ends_on.toordinal() - self.ends_at_noon,
        )

    @property
    def days(self) -> Fraction:
        """Length in days."""
        start, end = self.half_days
        return Fraction(end - start, 2)

    def overlaps(self, other: Absence) -> bool:
        """Return whether some half day lies in both."""
        return self.half_days[0] < other.half_days[1] and other.half_days[0] < self.half_days[1]

    def touches(self, other: Absence) -> bool:
        """Return whether they overlap, or one begins where the other ends."""
        return self.half_days[0] <= other.half_days[1] and other.half_days[0] <= self.half_days[1]

    def joined(self, other: Absence) -> Absence:
        """Return the one stretch from the first half day of both to the last."""
        start = min(self.half_days[0], other.half_days[0])
        end = max(self.half_days[1], other.half_days[1])
        return Absence(
            date.fromordinal(start // 2), date.fromordinal((end + 1) // 2), bool(start % 2), bool(end % 2)
        )

    def as_days(self, moment: datetime) -> Interval[date] | None:
        """Return the days away as they count at a moment of the company's clock; None when none is left.

        The day of a half day counts as away only during that half: in the morning of a leave that starts at noon the
        leave begins tomorrow, and after noon of the last half day it is over.
        """
        start, end = self.starts_on, self.ends_on
        today, is_morning = moment.date(), moment.time() < NOON
        if self.starts_at_noon and today == start and is_morning:
            start += DAY
        if self.ends_at_noon and today == end - DAY and not is_morning:
            end -= DAY
        return Interval(start, end) if start < end else None

    def share_of(self, first: date, n_days: int) -> float:
        """Return which share of the days from ``first`` on is spent away, in [0, 1]."""
        window = 2 * first.toordinal(), 2 * (first.toordinal() + n_days)
        away = min(self.half_days[1], window[1]) - max(self.half_days[0], window[0])
        return max(away, 0) / (2 * n_days)
