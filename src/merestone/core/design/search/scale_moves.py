"""Sweeps of shifts and swaps along the borders, cooled down, the best plan kept."""

from __future__ import annotations

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.loops.scale import Draft, Land, refresh, sweep
from merestone.core.design.problem import Problem
from merestone.core.design.search.scale_land import make_draft

TRIES = 100_000
"""Of one sweep."""
TRY_SECONDS = 0.6e-6
HEAT = (2e-3, 2e-5)
"""At first and last, in mean costs of a territory."""
PENALTY = (3.0, 300.0)
"""Of an excess as large as a territory's mean, likewise."""
COLD = 0.15
"""Share of the sweeps that take nothing that costs more."""


def improve(problem: Problem, land: Land, plan: np.ndarray, control: Control) -> np.ndarray:
    """Return the best plan of a cooled walk that starts from a plan; it is never worse than that."""
    draft = make_draft(problem, land, plan, control.seed)
    settle(land, draft)
    excess, cost = refresh(land, draft)
    best, rank = draft.plan.copy(), (excess, cost)
    if problem.k < 2:
        return best
    unit = cost / problem.k
    count = max(3, int(0.4 * control.time_limit / (TRIES * TRY_SECONDS)))
    hot = int(count * (1 - COLD))
    for number in range(count):
        if control.must_stop():
            break
        share = min(1.0, number / max(1, hot - 1))
        heat = 0.0 if number >= hot else unit * HEAT[0] * (HEAT[1] / HEAT[0]) ** share
        penalty = unit * PENALTY[0] * (PENALTY[1] / PENALTY[0]) ** share
        sweep(land, draft, TRIES, heat, penalty, 0.5)
        settle(land, draft)
        excess, cost = refresh(land, draft)
        if (excess, cost) < rank:
            best[:], rank = draft.plan, (excess, cost)
        control.report("borders", 0.4 + 0.6 * (number + 1) / count, cost=rank[1] if rank[0] == 0.0 else None)
    return best


def settle(land: Land, draft: Draft) -> None:
    """Move the points of territories without home to where ways are short."""
