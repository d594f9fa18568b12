"""Balanced territories of up to some thousands of units: several annealed chains, the best of them polished.

Chains run in two threads; which plan is best depends on none of their timing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.found import Bound, Found
from merestone.core.design.problem import Problem

if TYPE_CHECKING:
    from merestone.core.design.loops.districts import Ground
    from merestone.core.design.loops.districts_pool import Pool
    from merestone.core.design.search.district_chain import Outcome

THREADS = 2
CORES = 1.3
"""The bound is worked out meanwhile, on what the search leaves of two cores."""
SHARE = 0.55
"""Of the time limit that is planned for; the rest is for the polish and slower machines."""
POOLED = 1.2
"""Where plans are put together of territories, little is left for the polish to do."""
LEAST_POOLED = 1.0
"""Seconds of work below which putting together takes too much of them."""
GATHERING, MOST_GATHERING = 0.35, 15.0
"""Of this time, for chains, and seconds of them at most, where all territories near the best prices are searched."""
CHAIN_SPLITS = 7_000
"""A chain has at least so many steps of recombination for each territory, if there is time for two such chains."""
MOST_CHAINS = 64
LARGE = 1_500
FEW_CHAINS = 4
"""With so many units few chains are made, the longer for it."""
CHAINS_SHARE = 0.8
PROGRAMMES, SMALL_PROGRAMMES = 5, 12
"""Programmes solved a second of the time limit, in all plans together; small ones take less long."""
POLISHED = 8
"""So many different plans are polished."""


def find(problem: Problem, control: Control) -> Found:
    """Return the best plan found: one that keeps all bounds if any chain met one."""
    from merestone.core.design.search.district_chain import run, schedule, split_seconds
    from merestone.core.design.search.district_ground import make_ground
    from merestone.core.design.search.district_pool import can_pool
    from merestone.core.design.search.district_relief import relieve
    from merestone.core.design.search.district_start import grow

    ground = make_ground(problem)
    budget = control.time_limit * CORES * SHARE
    if can_pool(ground) and budget >= LEAST_POOLED:
        return _pooled(problem, ground, POOLED * budget, control)
    count = max(
        THREADS, min(MOST_CHAINS, int(budget / (CHAIN_SPLITS * max(3, problem.k) * split_seconds(ground))))
    )
    if problem.n >= LARGE:
        count = min(count, FEW_CHAINS)
    count += count % THREADS
    steps = [schedule(ground, budget / count, is_hot=is_hot) for is_hot in (False, True)]
    lock, done, best = Lock(), [0], [np.inf]

    def chain(number: int) -> Outcome | None:
        if number and control.must_stop():
            return None
        seed = control.seed * 1_000_003 + number
        plan = grow(problem, ground, seed=seed, from_current=number == 0 and problem.current is not None)
        outcome = run(ground, plan, steps[number % 2], seed=seed, control=control)
        with lock:
            done[0] += 1
            if outcome.rank[0] == 0.0:  # nothing is broken
                best[0] = min(best[0], outcome.cost)
            control.report(
                "chains", CHAINS_SHARE * done[0] / count, cost=best[0] if np.isfinite(best[0]) else None
            )
        return outcome

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = [one for one in pool.map(chain, range(count)) if one is not None]
    if all(one.rank[0] > 0.0 for one in outcomes) and not control.must_stop():
        outcomes = relieve(ground, outcomes, control)
    found = _polish_best(ground, outcomes, control)
    return Found(found.plan)


def _pooled(problem: Problem, ground: Ground, seconds: float, control: Control) -> Found:
    """Return the best plan put together of territories that chains have met, or of all there are."""
    from merestone.core.design.search.district_rounds import outcome_at, pooled
    from merestone.core.design.search.district_sets import KEEPS_ALL, can_settle, settle

    if not can_settle(ground):
        return Found(_polish_best(ground, pooled(problem, ground, seconds, control), control).plan)
    met: list[Pool] = []
    gathering = min(MOST_GATHERING, GATHERING * seconds)
    outcomes = pooled(problem, ground, gathering, control, met=met)
    good = [one.plan for one in outcomes if one.rank[0] == 0.0]
    settled = settle(ground, met, good, seconds=seconds - gathering, control=control)
    if settled.plan is not None:
        outcomes.append(outcome_at(ground, settled.plan))
    bound = Bound(settled.bound, (KEEPS_ALL,)) if settled.bound is not None else None
    return Found(_polish_best(ground, outcomes, control).plan, bound=bound)


def _polish_best(ground: Ground, outcomes: list[Outcome], control: Control) -> Outcome:
    """Solve parts of the best different plans anew; return the best of all."""
    from merestone.core.design.search.district_chain import SMALL
    from merestone.core.design.search.district_polish import polish

    ranked = sorted(outcomes, key=lambda one: one.rank)
    picked: list[Outcome] = []
    for one in ranked:
        if len(picked) < POLISHED and all(not _is_like(one, other) for other in picked):
            picked.append(one)
    is_small = len(ground.x) < SMALL * len(ground.has_home)
    programmes = int(control.time_limit * (SMALL_PROGRAMMES if is_small else PROGRAMMES) / len(picked))
    lock, done = Lock(), list(picked)

    def each(one: Outcome) -> None:
        if control.must_stop():
            return
        better = polish(ground, one, programmes=max(2, programmes), control=control)
        with lock:
            done.append(better)
            least = min(done, key=lambda each: each.rank)
            share = CHAINS_SHARE + (1 - CHAINS_SHARE) * (len(done) / len(picked) - 1)
            control.report("polishing", share, cost=least.cost if least.rank[0] == 0.0 else None)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(each, picked))
    # The plan breaks ties, for threads end in any order.
    return min(done, key=lambda one: (*one.rank, one.plan.tolist()))


def _is_like(one: Outcome, other: Outcome) -> bool:
    """Whether two plans are worth the same, but for the last digits of sums."""
    return one.rank[0] == other.rank[0] and abs(one.cost - other.cost) <= 1e-9 * abs(other.cost)
