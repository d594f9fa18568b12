"""Leave in half days."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.base.errors import UsageError
from merestone.base.interval import Interval
from merestone.core.routing.absence import Absence

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 6, day) for day in (15, 16, 17))
STRETCHES = st.builds(
    lambda start, n, at, till: Absence(MONDAY + timedelta(start), MONDAY + timedelta(start + n), at, till and (n > 1 or not at)),
    st.integers(-20, 20), st.integers(1, 15), st.booleans(), st.booleans(),
)  # fmt: skip


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute)  # the company's clock


@pytest.mark.parametrize(
    ("moment", "is_away"),
    [
        (at(MONDAY, 11, 59), False),
        (at(MONDAY, 12), True),
        (at(TUESDAY, 0), True),
        (at(TUESDAY, 11, 59), True),
        (at(TUESDAY, 12), False),
    ],
)
def test_half_days_count_from_noon_to_noon(moment: datetime, is_away: bool) -> None:
    days = Absence(MONDAY, WEDNESDAY, True, True).as_days(moment)
    assert (days is not None and moment.date() in days) == is_away


def test_other_days_of_the_leave_stay_known() -> None:
    assert Absence(MONDAY, WEDNESDAY, True).as_days(at(MONDAY, 9)) == Interval(TUESDAY, WEDNESDAY)
    assert Absence(MONDAY, TUESDAY, True).as_days(at(MONDAY, 9)) is None


def test_leave_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError):
        Absence(MONDAY, TUESDAY, True, True)


def test_afternoon_and_morning_of_one_day_touch_and_do_not_overlap() -> None:
    first, second = Absence(MONDAY, TUESDAY, ends_at_noon=True), Absence(MONDAY, TUESDAY, starts_at_noon=True)
    assert not first.overlaps(second)
    assert first.touches(second)
    assert first.joined(second) == Absence(MONDAY, TUESDAY)


@given(STRETCHES, STRETCHES)
def test_joined_stretch_holds_both_and_no_more(one: Absence, other: Absence) -> None:
    both = one.joined(other)
    assert both.half_days == (
        min(one.half_days[0], other.half_days[0]),
        max(one.half_days[1], other.half_days[1]),
    )
    if one.overlaps(other):
        assert one.touches(other)
        assert both.days < one.days + other.days


@given(STRETCHES, st.integers(-30, 30), st.integers(1, 40))
def test_share_away_counts_the_half_days_in_the_window(one: Absence, first: int, n_days: int) -> None:
    start = MONDAY + timedelta(first)
    window = range(2 * start.toordinal(), 2 * start.toordinal() + 2 * n_days)
    away = sum(half in range(*one.half_days) for half in window)
    assert one.share_of(start, n_days) == away / (2 * n_days)
