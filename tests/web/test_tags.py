"""How values read on screen."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from merestone.web import tags


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (999, "999"),
        (2000, "2k"),
        (12_340, "12.3k"),
        (999_000, "999k"),
        (4_560_000, "4.56m"),
        (-1_500_000, "-1.5m"),
        (3e9, "3bn"),
    ],
)
def test_short_number_has_about_three_figures(value: float, expected: str) -> None:
    assert tags.short_number(value) == expected


def test_money_shows_its_sign_and_no_cents() -> None:
    assert tags.money(Decimal("1250.40"), "EUR") == "€1,250"
    assert tags.money(Decimal(5), "CHF") == "CHF 5"
    assert tags.money(Decimal(5), "") == "$5"


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, "today"),
        (1, "yesterday"),
        (-1, "tomorrow"),
        (30, "30 days ago"),
        (-90, "in 3 months"),
        (800, "2 years ago"),
    ],
)
def test_ago_is_said_in_words(days: int, expected: str) -> None:
    assert tags.ago(timezone.localdate() - timedelta(days=days)) == expected


def test_values_from_people_are_escaped() -> None:
    assert "<b>" not in tags.badge("<b>won</b>")
    assert tags.initials("Ana María de Souza") == "AS"
    assert tags.initials("") == "?"
