"""What each territory of the demo is to win in each quarter: its usual quarter, stretched more or less.

Deals are few and large, so a usual quarter alone would miss by far; like a planner who knows the pipeline, the quota
bends towards what is won. Attainment then lies between ``WORST`` and ``BEST`` wherever anything was won at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from zlib import crc32

from merestone.base.interval import Interval

STEP = Decimal(1_000)
EASIEST, HARDEST = Decimal("0.85"), Decimal("1.25")
WORST, BEST = Decimal("0.55"), Decimal("1.40")

Wins = Mapping[str, Decimal]


def quarters(year: int) -> list[Interval[date]]:
    """Return the four quarters of a year."""
    starts = [date(year, month, 1) for month in (1, 4, 7, 10)] + [date(year + 1, 1, 1)]
    return [Interval(start, end) for start, end in pairwise(starts)]


def quotas(territories: Sequence[str], *, wins: Sequence[Wins]) -> list[dict[str, Decimal]]:
    """Return the quotas of a year's quarters, by territory.

    Parameters
    ----------
    territories : sequence of str
        Who gets quotas.
    wins : sequence of mapping of str to Decimal
        What territories win in each quarter that has begun (a running one: at the pace so far).
    """
    usual = {key: _mean([won.get(key, Decimal(0)) for won in wins]) for key in territories}
    typical = _mean([amount for amount in usual.values() if amount > 0]) or STEP
    aims = {key: (amount or typical) * stretch(key) for key, amount in usual.items()}
    return [
        {key: bent(aim, won=wins[n].get(key, Decimal(0)) if n < len(wins) else Decimal(0)) for key, aim in aims.items()}
        for n in range(4)
    ]  # fmt: skip


def stretch(key: str) -> Decimal:
    """Return how far above or below the usual quarter a territory's quota lies; always the same for a key."""
    return EASIEST + (HARDEST - EASIEST) * (crc32(key.encode()) % 101) / 100


def bent(aim: Decimal, *, won: Decimal) -> Decimal:
    """Return the quota in whole thousands: the aim, bent so that the attainment stays between worst and best."""
    square = (won / aim) ** 2
    attained = WORST + (BEST - WORST) * square / (1 + square)
    quota = won / attained if won else aim
    return max(STEP, (quota / STEP).quantize(Decimal(1)) * STEP)


def _mean(amounts: Sequence[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0)) / len(amounts) if amounts else Decimal(0)
