"""First plans for many thousands of units: recursive bisection, then an exact transportation of micro-cells."""

from __future__ import annotations

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.problem import Objective, Problem
from merestone.core.design.search.scale_land import METRES_PER_KM, tightened

NEAREST = 10
"""Centres a micro-cell may go to."""
UNITS_OF_FLOW = 4e6
MARGIN = 0.2
"""Of the width of the bounds that is left on each side for cells that flow to several territories."""
COSTS = 1e7
"""Costs are whole numbers of this share of the largest."""


def measure(problem: Problem) -> np.ndarray:
    """Return what is to fall evenly: the first activity, or the number of units."""
    return problem.activities[0].amounts if problem.activities else np.ones(problem.n)


def bisect(
    x: np.ndarray, y: np.ndarray, amounts: np.ndarray, *, parts: int, within: np.ndarray | None = None
) -> np.ndarray:
    """Return pieces of about equal amount, by halving again and again across the wider axis.

    Parameters
    ----------
    parts : int
        Of each piece.
    within : (n,) array, optional
        Pieces to begin from, numbered from 0; piece p becomes ``p * parts`` to ``p * parts + parts - 1``.
    """
    piece = np.zeros(len(x), np.int64) if within is None else np.asarray(within, np.int64) * parts
    count = int(piece.max(initial=0)) + parts
    left = np.zeros(count, np.int64)
    left[np.unique(piece)] = parts
    while (left > 1).any():
        wide = _widths(x, piece, count) >= _widths(y, piece, count)
        along = np.where(wide[piece], x, y)
        order = np.lexsort((along, piece))
        sums = np.cumsum(amounts[order])
        totals = np.bincount(piece, amounts, count)
        before = np.cumsum(totals) - totals
        half = left // 2
        owner = piece[order]
        middle = sums - 0.5 * amounts[order] - before[owner]
        share = half / np.maximum(left, 1)
        goes = (left[owner] > 1) & (middle > (share * totals)[owner])
        moved = order[goes]
        piece[moved] += half[piece[moved]]
        at = np.flatnonzero(left > 1)
        left[at + half[at]] = left[at] - half[at]
        left[at] = half[at]
    return piece


def _widths(values: np.ndarray, piece: np.ndarray, count: int) -> np.ndarray:
    sizes = np.maximum(np.bincount(piece, minlength=count), 1)
    means = np.bincount(piece, values, count) / sizes
    return np.asarray(np.bincount(piece, (values - means[piece]) ** 2, count))


class Cells:
    """Units gathered in small pieces."""

    def __init__(self, problem: Problem, piece: np.ndarray) -> None:
        _, self.of = np.unique(piece, return_inverse=True)
        count = int(self.of.max()) + 1
        sizes = np.bincount(self.of, minlength=count)
        self.amounts = np.bincount(self.of, measure(problem), count)
        self.weights = np.bincount(self.of, problem.weights, count)
        some = self.weights > 0
        share = np.where(some[self.of], problem.weights, 1.0)
        whole = np.where(some, self.weights, sizes)
        self.x = np.bincount(self.of, share * problem.x, count) / whole
        self.y = np.bincount(self.of, share * problem.y, count) / whole


def transport(
    problem: Problem, cells: Cells, centres: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return the cheapest flow of cells to centres within the bounds: cells, territories, amounts; None if none is found.

    Only the nearest centres of a cell are asked, then twice as many, until it is possible.
    """
    count = NEAREST
    while True:
        flow = _flow(problem, cells, centres, min(count, problem.k))
        if flow is not None or count >= min(problem.k, 8 * NEAREST):
            return flow
        count *= 2


def _flow(
    problem: Problem, cells: Cells, centres: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    from ortools.graph.python import min_cost_flow
    from scipy.spatial import KDTree

    c, k = len(cells.x), problem.k
    away, near = KDTree(centres).query(np.column_stack([cells.x, cells.y]), k=count)
    away, near = away.reshape(c, -1) / METRES_PER_KM, near.reshape(c, -1)
    each = cells.weights / np.maximum(cells.amounts, 1e-300)
    if problem.objective is Objective.INERTIA:
        away **= 2
    costs = each[:, None] * away
    costs -= costs.min(axis=1, keepdims=True)
    costs = np.minimum(
        np.rint(costs * (COSTS / max(costs[cells.amounts > 0].max(initial=0.0), 1e-300))), COSTS
    )
    scale = UNITS_OF_FLOW / max(cells.amounts.sum(), 1e-300)
    supplies = np.rint(cells.amounts * scale).astype(np.int64)
    whole = int(supplies.sum())
    least, most = np.zeros(k, np.int64), np.full(k, whole, np.int64)
    if problem.activities:
        lower, upper = (bounds[0] for bounds in tightened(problem))
        width = np.where(np.isfinite(upper), upper - lower, 0.0)
        least = np.ceil((lower + MARGIN * width) * scale).astype(np.int64)
        most = np.floor(np.minimum((upper - MARGIN * width) * scale, whole)).astype(np.int64)
        most = np.maximum(most, least)
    solver = min_cost_flow.SimpleMinCostFlow()
    tails = np.repeat(np.arange(c), count)
    arcs = solver.add_arcs_with_capacity_and_unit_cost(
        tails, c + near.ravel(), np.repeat(supplies, count), costs.astype(np.int64).ravel()
    )
    sink = c + k
    solver.add_arcs_with_capacity_and_unit_cost(
        np.arange(c, c + k), np.full(k, sink), most - least, np.zeros(k, np.int64)
    )
    solver.set_nodes_supplies(np.arange(c), supplies)
    solver.set_nodes_supplies(np.arange(c, c + k), -least)
    solver.set_nodes_supplies(np.array([sink]), np.array([least.sum() - whole]))
    if least.sum() > whole or solver.solve() != solver.OPTIMAL:
        return None
    flows = solver.flows(arcs)
    used = flows > 0
    return tails[used], near.ravel()[used], flows[used].astype(np.float64)


def centres_of(problem: Problem, plan: np.ndarray) -> np.ndarray:
    """Return the (k, 2) weighted means of territories in metres, homes where there are such."""
    weights = problem.weights + 1e-12 * max(problem.weights.mean(), 1e-12)
    sums = np.bincount(plan, weights, problem.k)
    full = np.where(sums > 0, sums, 1.0)
    centres = np.column_stack(
        [np.bincount(plan, weights * at, problem.k) / full for at in (problem.x, problem.y)]
    )
    centres[sums == 0] = [problem.x.mean(), problem.y.mean()]
    if problem.homes is not None:
        centres = np.where(np.isnan(problem.homes), centres, problem.homes)
    return centres


def locate(
    problem: Problem, cells: Cells, centres: np.ndarray, *, rounds: int, control: Control
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return territories of the cells and centres, after turns of transportation and moving of centres; None if there is none."""
    plan = None
    for _ in range(rounds):
        if plan is not None and control.must_stop():
            break
        flow = transport(problem, cells, centres)
        if flow is None:
            break
        at, to, amount = flow
        order = np.argsort(amount, kind="stable")
        plan = np.zeros(len(cells.x), np.int64)
        plan[at[order]] = to[order]
        centres = _moved(problem, cells, centres, flow)
    return None if plan is None else (plan, centres)


def _moved(
    problem: Problem, cells: Cells, centres: np.ndarray, flow: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """Return the weighted means of what flows to each centre; for distances weighted once more by 1 ÷ distance (Weiszfeld)."""
    at, to, amount = flow
    weight = amount * (cells.weights / np.maximum(cells.amounts, 1e-300))[at]
    if problem.objective is not Objective.INERTIA:
        away = np.hypot(cells.x[at] - centres[to, 0], cells.y[at] - centres[to, 1])
        weight = weight / np.maximum(away, 1e-3 * max(away.mean(), 1e-9))
    sums = np.bincount(to, weight, problem.k)
    moved = np.column_stack(
        [
            np.bincount(to, weight * along[at], problem.k) / np.maximum(sums, 1e-300)
            for along in (cells.x, cells.y)
        ]
    )
    moved = np.where((sums > 0)[:, None], moved, centres)
    if problem.homes is not None:
        moved = np.where(np.isnan(problem.homes), moved, problem.homes)
    return moved
