"""A date whose zone puts it past the end of the calendar is no date."""

from __future__ import annotations

import pytest

from merestone.core.criteria.values import read_value
from merestone.core.model.columns import Kind


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"])
@pytest.mark.parametrize("kind", [Kind.DATE, Kind.INSTANT])
def test_a_date_past_the_end_of_the_calendar_is_missing(kind, text):
    assert read_value(kind, text) is None
