"""Joiners carry more each day, up to a full load on a stated day."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.core.routing.ramp import full_from, ramp_share

HIRED = date(2026, 1, 5)


@pytest.mark.parametrize(
    ("days", "share"),
    [(-3, "1/20"), (0, "1/20"), (34, "9/20"), (41, "11/20"), (69, "19/20"), (70, "1"), (700, "1")],
)
def test_ten_weeks_grow_by_the_same_amount_every_day(days: int, share: str) -> None:
    assert ramp_share(HIRED, 10, HIRED + timedelta(days=days)) == Fraction(share)


@pytest.mark.parametrize(("hired", "weeks"), [(None, 10), (HIRED, None), (HIRED, 0), (None, None)])
def test_without_day_or_weeks_the_load_is_full(hired: date | None, weeks: int | None) -> None:
    assert ramp_share(hired, weeks, HIRED) == 1
    assert full_from(hired, weeks) is None


@given(st.integers(1, 260), st.integers(-10, 2000))
def test_share_is_in_range_never_falls_and_is_full_from_the_day_told(weeks: int, day: int) -> None:
    on = HIRED + timedelta(days=day)
    today, tomorrow = ramp_share(HIRED, weeks, on), ramp_share(HIRED, weeks, on + timedelta(days=1))
    until = full_from(HIRED, weeks)
    assert 0 < today <= tomorrow <= 1
    assert until is not None
    assert (today == 1) == (on >= until)
    if 0 <= day < 7 * weeks:  # within one step of the straight line
        assert abs(today - Fraction(day + 1, 7 * weeks + 1)) <= Fraction(1, 20)
