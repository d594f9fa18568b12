"""Balanced territories of up to some thousands of units: several annealed chains, the best of them polished.

Chains run in two threads; which plan is best depends on none of their timing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.found import Found
from merestone.core.design.problem import Problem

if TYPE_CHECKING:
    from merestone.core.design.loops.districts import Ground
    from merestone.core.design.search.district_chain import Outcome

THREADS = 2
CORES = 1.3
"""The bound is worked out meanwhile, on what the search leaves of two cores."""
SHARE = 0.55
"""Of the time limit that is planned for; the rest is for the polish and slower machines."""
CHAINS_SHARE = 0.8
POLISHED = 4
"""So many different plans are polished."""


def find(problem: Problem, control: Control) -> Found:
    """Return the best plan found: one that keeps all bounds if any chain met one."""
    from merestone.core.design.search.district_chain import run, schedule, split_seconds
    from merestone.core.design.search.district_ground import make_ground
    from merestone.core.design.search.district_start import grow

    ground = make_ground(problem)
    budget = control.time_limit * CORES * SHARE
    count = max(2, min(64, int(budget / (20_000 * split_seconds(ground)))))
    if problem.n >= 1500:
        count = min(count, 4)
    count += count % THREADS
    steps = schedule(ground, budget / count)
    lock, done, best = Lock(), [0], [np.inf]

    def chain(number: int) -> Outcome | None:
        if number and control.must_stop():
            return None
        seed = control.seed * 1_000_003 + number
        plan = grow(problem, ground, seed=seed, from_current=number == 0 and problem.current is not None)
        outcome = run(ground, plan, steps, seed=seed, control=control)
        with lock:
            done[0] += 1
            if outcome.rank[0] == 0.0:
                best[0] = min(best[0], outcome.cost)
            control.report(
                "chains", CHAINS_SHARE * done[0] / count, cost=best[0] if np.isfinite(best[0]) else None
            )
        return outcome

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = [one for one in pool.map(chain, range(count)) if one is not None]
    found = _polish_best(ground, outcomes, control)
    return Found(found.plan)


def _polish_best(ground: Ground, outcomes: list[Outcome], control: Control) -> Outcome:
    """Solve parts of the best different plans anew; return the best of all."""
    from merestone.core.design.search.district_polish import polish

    ranked = sorted(outcomes, key=lambda one: one.rank)
    picked: list[Outcome] = []
    for one in ranked:
        if len(picked) < POLISHED and all(one.rank > other.rank for other in picked):
            picked.append(one)
    done = list(picked)
    for number, one in enumerate(picked):
        if control.must_stop():
            break
        done.append(polish(ground, one, control=control))
        least = min(done, key=lambda each: each.rank)
        share = CHAINS_SHARE + (1 - CHAINS_SHARE) * (number + 1) / len(picked)
        control.report("polishing", share, cost=least.cost if least.rank[0] == 0.0 else None)
    return min(done, key=lambda each: each.rank)
