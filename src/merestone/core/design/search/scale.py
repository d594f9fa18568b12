"""Territories of many thousands of units: micro-cells, transportation, then moves of single units along the borders.

Steps follow from the sizes and the time limit; the clock only ends what takes longer.
"""

from __future__ import annotations

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.found import Found
from merestone.core.design.problem import Adjacency, Problem

LEVELS = ((6, 4), (3, 8), (2, 3))
"""Of micro-cells: into how many each is cut, and rounds of transportation."""
SHARE = 0.7
"""Of the time limit that is planned for; the rest is for slower machines."""
START_SECONDS = 3e-5
"""About what a unit takes until the walk begins."""


def find(problem: Problem, control: Control) -> Found:
    """Return the best plan found: one that keeps all bounds if any was met."""
    planned = SHARE * control.time_limit
    return Found(design(problem, control, seconds=max(0.3 * planned, planned - START_SECONDS * problem.n)))


def design(problem: Problem, control: Control, *, seconds: float) -> np.ndarray:
    """Return the plan of a walk of about so many seconds after the start."""
    from merestone.core.design.search.scale_land import make_land, morton, sorted_by
    from merestone.core.design.search.scale_moves import improve

    order = morton(problem.x, problem.y)
    in_order = sorted_by(problem, order)
    land = make_land(in_order)
    if land.wants[3]:  # locks and the like: the general way
        start = _grown(in_order, control)
    else:
        start = _start(in_order, Adjacency(land.starts.astype(np.int32), land.neighbours), control)
    plan = np.empty(problem.n, np.int32)
    plan[order] = improve(in_order, land, start, control, seconds=seconds)
    return plan


def _grown(problem: Problem, control: Control) -> np.ndarray:
    """Return a first plan that keeps locks and what is allowed, and begins from today's where there is one."""
    from merestone.core.design.search.district_ground import make_ground
    from merestone.core.design.search.district_start import grow

    control.report("grow", 0.0)
    has_price = problem.current is not None and problem.move_price is not None
    return grow(problem, make_ground(problem), seed=control.seed, from_current=has_price)


def _start(problem: Problem, graph: Adjacency, control: Control) -> np.ndarray:
    """Return a first plan, each territory of one piece."""
    from merestone.core.design.search.scale_repair import join_strays
    from merestone.core.design.search.scale_start import Cells, bisect, centres_of, locate, measure

    amounts = measure(problem)
    piece = bisect(problem.x, problem.y, amounts, parts=problem.k)
    plan, centres = piece.copy(), centres_of(problem, piece)
    for number, (parts, rounds) in enumerate(LEVELS):
        control.report("transport", 0.1 * number)
        piece = bisect(problem.x, problem.y, amounts, parts=parts, within=piece)
        cells = Cells(problem, piece)
        found = locate(problem, cells, centres, rounds=rounds, control=control)
        if found is not None:
            plan, centres = found[0][cells.of], found[1]
        if control.must_stop():
            break
    return join_strays(problem, plan, centres, graph)
