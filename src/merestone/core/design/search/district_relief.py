"""When no chain has met a plan that keeps the bounds: the least broken ones are annealed on what they break alone.

At full price of travel a load too many stays where it is: to carry it off, through territories that are full themselves,
takes many steps that cost much and mend nothing yet. Here travel hardly counts; what keeps the bounds at last is annealed
on its cost again, gently.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from merestone.core.design.control import Control
from merestone.core.design.loops.districts import Ground
from merestone.core.design.search.district_chain import MOVE_SECONDS, Outcome, Schedule, run, split_seconds

CHAINS = 2
SECONDS_SHARE = 0.16
"""Of the time limit, for each of the two parts of each chain."""
_EASE = (100.0, 5.0, 5.0, 0.5), (1000.0, 1000.0)
_SETTLE = (0.01, 3e-4, 5e-4, 1e-5), (250.0, 250.0)


def relieve(ground: Ground, outcomes: list[Outcome], control: Control) -> list[Outcome]:
    """Return the outcomes, and what became of the least broken ones; none of these is worse than what it began with."""
    seconds = SECONDS_SHARE * control.time_limit
    splits, moves = int(0.65 * seconds / split_seconds(ground)), int(0.35 * seconds / MOVE_SECONDS)
    ranked = sorted(outcomes, key=lambda one: one.rank)

    def chain(at: int) -> Outcome:
        start = ranked[at % len(ranked)]
        seed = control.seed * 1_000_003 + 500_000 + at
        steps = Schedule(splits, moves, *_EASE, 0.0)
        eased = run(ground, start.plan, steps, seed=seed, control=control)
        steps = Schedule(splits, moves, *_SETTLE, 0.5)
        return run(ground, eased.plan, steps, seed=seed + CHAINS, control=control)

    with ThreadPoolExecutor(CHAINS) as threads:
        return outcomes + list(threads.map(chain, range(CHAINS)))
