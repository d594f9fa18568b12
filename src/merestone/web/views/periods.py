"""The periods a scorecard is asked for, by name in the URL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.http import QueryDict

from merestone.base.interval import Interval

PERIODS = (
    ("this-quarter", "This quarter so far"),
    ("last-quarter", "Last quarter"),
    ("this-year", "This year so far"),
    ("last-12-months", "Last 12 months"),
    ("custom", "Custom"),
)
LONGEST_DAYS = 3660


@dataclass(frozen=True, slots=True)
class Period:
    """What was asked for, and what it is compared with: the same length of calendar just before.

    A quarter or year still running ends today and is compared with as many days of the one before, so that a change
    is a change and not the rest of the calendar.

    Parameters
    ----------
    name : str
        One of ``PERIODS``.
    span, previous : Interval of date
        Half-open.
    """

    name: str
    span: Interval[date]
    previous: Interval[date]

    @property
    def last_day(self) -> date:
        """The last day inside."""
        assert self.span.end is not None
        return self.span.end - timedelta(days=1)

    @property
    def previous_last_day(self) -> date:
        """The last day inside the period compared with."""
        assert self.previous.end is not None
        return self.previous.end - timedelta(days=1)


def quarter_start(day: date) -> date:
    """Return the first day of the calendar quarter."""
    return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)


def months_before(day: date, months: int) -> date:
    """Return the first of the month so many months before the month of ``day``."""
    total = day.year * 12 + day.month - 1 - months
    return date(total // 12, total % 12 + 1, 1)


def read_period(query: QueryDict, today: date) -> Period:
    """Return the period of a URL; what makes no sense gives this quarter."""
    name = query.get("period", "this-quarter")
    quarter, tomorrow = quarter_start(today), today + timedelta(days=1)
    if name == "last-quarter":
        start = months_before(quarter, 3)
        return Period(name, Interval(start, quarter), Interval(months_before(start, 3), start))
    if name == "this-year":
        start = date(today.year, 1, 1)
        return Period(
            name, Interval(start, tomorrow), _as_many_days(date(today.year - 1, 1, 1), start, tomorrow)
        )
    if name == "last-12-months":
        start = tomorrow - timedelta(days=365)
        return Period(name, Interval(start, tomorrow), Interval(start - timedelta(days=365), start))
    if name == "custom" and (custom := _custom(query)) is not None:
        return custom
    before = _as_many_days(months_before(quarter, 3), quarter, tomorrow)
    return Period("this-quarter", Interval(quarter, tomorrow), before)


def _as_many_days(before: date, start: date, end: date) -> Interval[date]:
    """Return as many days from ``before`` on as lie between ``start`` and ``end``, not past ``start``."""
    return Interval(before, min(start, before + (end - start)))


def _custom(query: QueryDict) -> Period | None:
    try:
        start, last = (date.fromisoformat(query.get(key, "")) for key in ("from", "to"))
    except ValueError:
        return None
    days = (last - start).days + 1
    if not 0 < days <= LONGEST_DAYS or start.year < 1900 or last.year > 9000:
        return None
    return Period(
        "custom", Interval(start, last + timedelta(days=1)), Interval(start - timedelta(days=days), start)
    )
