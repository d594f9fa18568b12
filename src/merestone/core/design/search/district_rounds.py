"""Few large units, as counties are, under tight bounds: chains that gather territories, and plans put together of them.

A single unit often weighs more than the bounds leave room for, so that good plans lie far from each other and a chain
rarely gets from one to the next. Hot chains meet most of the territories such plans consist of; ``district_pool`` finds the
plan. The chains of the next round begin at the best one, or anew.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.loops.districts import Ground, restart
from merestone.core.design.loops.districts_pool import Pool
from merestone.core.design.problem import Problem
from merestone.core.design.search.district_chain import Outcome, Schedule, outcome_of, run, split_seconds
from merestone.core.design.search.district_ground import make_chain, make_pool
from merestone.core.design.search.district_pool import combine
from merestone.core.design.search.district_start import grow

THREADS = 2
EACH = 4
"""Chains a round."""
ROUNDS = 3, 10
"""How many rounds are made at least and at most."""
ROUND_SECONDS = 6.0
SPLITS_SHARE = 0.75
"""Of the time, for recombination; the rest is for shifts and swaps, prices and putting together."""
MOST_KEPT = 120_000
"""Sets a chain may keep."""
EFFORTS = 4
"""Steps of putting together a second of the time that is planned for."""
SHARE = 0.8
_FIRST = (3.0, 0.3, 5e-3, 5e-5), (40.0, 40.0)
_STEEP = (1.0, 0.1, 5e-3, 5e-5), (40.0, 1000.0)
_NEAR = (0.5, 0.2, 5e-3, 5e-5), (40.0, 40.0)


def pooled(
    problem: Problem, ground: Ground, seconds: float, control: Control, *, met: list[Pool] | None = None
) -> list[Outcome]:
    """Return the plans met in about so many seconds of work, those put together among them.

    The sets met are added to ``met``.
    """
    rounds = int(min(ROUNDS[1], max(ROUNDS[0], seconds // ROUND_SECONDS)))
    splits = int(SPLITS_SHARE * seconds / (rounds * EACH) / split_seconds(ground))
    pools = [make_pool(ground, min(MOST_KEPT, 64 + 2 * splits * rounds)) for _ in range(EACH)]
    if met is not None:
        met += pools
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(THREADS) as threads:
        for number in range(rounds):
            begin = _best(outcomes)

            def chain(at: int, number: int = number, best: Outcome | None = begin) -> Outcome | None:
                if (number or at) and control.must_stop():
                    return None
                seed = control.seed * 1_000_003 + number * EACH + at
                if number and at % 2 and best is not None:
                    plan, kind = best.plan, _NEAR
                else:
                    plan, kind = grow(problem, ground, seed=seed), _STEEP if at >= EACH // 2 else _FIRST
                steps = Schedule(splits, splits // 20, *kind, 0.0)
                return run(ground, plan, steps, seed=seed, control=control, pool=pools[at])

            outcomes += [one for one in threads.map(chain, range(EACH)) if one is not None]
            if control.must_stop():
                break
            good = [one.plan for one in outcomes if one.rank[0] == 0.0]
            efforts = max(1, int(EFFORTS * seconds / rounds))
            plan = combine(ground, pools, good, efforts=efforts, control=control)
            if plan is not None:
                outcomes.append(outcome_at(ground, plan))
            best = _best(outcomes)
            cost = best.cost if best is not None and best.rank[0] == 0.0 else None
            control.report("chains", SHARE * (number + 1) / rounds, cost=cost)
    return outcomes


def _best(outcomes: list[Outcome]) -> Outcome | None:
    return min(outcomes, key=lambda one: one.rank, default=None)


def outcome_at(ground: Ground, plan: np.ndarray) -> Outcome:
    """Return a plan with its cost."""
    chain = make_chain(ground, plan, 0)
    restart(ground, chain)
    return outcome_of(ground, chain)
