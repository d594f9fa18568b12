"""Quotas of the demo: plausible against what is won, and always the same."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from merestone.boot.demo.quotas import BEST, EASIEST, HARDEST, STEP, WORST, quarters, quotas, stretch

AMOUNTS = st.integers(0, 3_000).map(lambda n: Decimal(n) * 1_000)


def test_quarters_cover_the_year_without_a_gap() -> None:
    spans = quarters(2026)
    assert [span.start.isoformat() for span in spans] == [
        "2026-01-01",
        "2026-04-01",
        "2026-07-01",
        "2026-10-01",
    ]
    assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]
    assert str(spans[-1].end) == "2027-01-01"


@given(st.lists(st.dictionaries(st.sampled_from(["north", "south"]), AMOUNTS), max_size=4))
def test_attainment_lies_between_worst_and_best_up_to_rounding(wins: list[dict[str, Decimal]]) -> None:
    amounts = quotas(["north", "south"], wins=wins)
    assert len(amounts) == 4
    for quota in amounts:
        assert set(quota) == {"north", "south"}
        assert all(amount >= STEP and amount % STEP == 0 for amount in quota.values())
    for won, quota in zip(wins, amounts, strict=False):
        for key, amount in won.items():
            if amount > 0:
                assert (quota[key] - STEP) * WORST <= amount <= (quota[key] + STEP) * BEST


def test_quarter_to_come_gets_the_usual_amount_stretched() -> None:
    usual = Decimal(400_000)
    future = quotas(["north"], wins=[{"north": usual}])[3]["north"]
    assert usual * EASIEST - STEP <= future <= usual * HARDEST + STEP
    assert abs(future - usual * stretch("north")) <= STEP


def test_territory_that_won_nothing_gets_what_is_typical() -> None:
    amounts = quotas(["north", "south"], wins=[{"north": Decimal(400_000)}])[0]
    assert abs(amounts["south"] - Decimal(400_000) * stretch("south")) <= STEP
