"""Territories of many thousands of units: micro-cells, transportation, then moves of single units along the borders.

Steps follow from the sizes and the time limit; the clock only ends what takes longer.
"""

from __future__ import annotations

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.found import Found
from merestone.core.design.problem import Adjacency, Problem

LEVELS = ((6, 5), (3, 5), (2, 3))
"""Of micro-cells: into how many each is cut, and rounds of transportation."""
SHARE = 0.7
"""Of the time limit that is planned for; the rest is for slower machines."""
START_SECONDS = 3e-5
"""About what a unit takes until the walk begins."""


def find(problem: Problem, control: Control) -> Found:
    """Return the best plan found: one that keeps all bounds if any was met."""
    from merestone.core.design.search.scale_land import make_land, morton, sorted_by
    from merestone.core.design.search.scale_moves import improve

    order = morton(problem.x, problem.y)
    sorted_problem = sorted_by(problem, order)
    land = make_land(sorted_problem)
    graph = Adjacency(land.starts.astype(np.int32), land.neighbours)
    start = _start(sorted_problem, graph, control)
    seconds = max(0.3 * SHARE * control.time_limit, SHARE * control.time_limit - START_SECONDS * problem.n)
    best = improve(sorted_problem, land, start, control, seconds=seconds)
    plan = np.empty(problem.n, np.int32)
    plan[order] = best
    return Found(plan)


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
