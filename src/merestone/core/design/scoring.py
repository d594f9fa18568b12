"""What a plan is worth, worked out from the units alone: cost, centres, balance, contiguity, what moves.

No search shares code with this: it is the judge. Costs are in the objective's own unit (``problem.Objective``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from merestone.core.design.problem import FREE, Objective, Problem

METRES_PER_KM = 1000.0
SLACK = 1e-6
"""A sum of amounts may miss its bound by so much: sums of floats are not exact."""
BLOCK = 4_000_000


@dataclass(frozen=True, eq=False)
class Score:
    """The worth of a plan.

    Parameters
    ----------
    cost : float
        Of the objective, without the price of moves.
    centres : (k,) int64 array
        The unit each territory has its centre in; ``FREE`` for a fixed home and for an empty territory.
    sums : (a, k) float64 array
        Of each activity in each territory.
    excess : (a, k) float64 array
        How far each sum is outside its bounds; 0 inside.
    over_capacity : (k,) float64 array
        Load beyond the best capacity of a member; 0 where it fits.
    strays : int
        Units outside the largest connected part of their territory; 0 where contiguity is not asked.
    unassigned, misplaced : int
        Units without territory; units in a territory they may not be in (lock, not allowed).
    empty : int
        Territories without unit.
    moved : int
        Units whose territory is not the current one.
    moves_cost : float
        Prices of moves, surcharges included.
    torn : int
        Units outside the territory most of their group is in.
    met : int
        Pairs that may not share a territory and do.
    over_moves : (c,) float64 array
        What moves beyond each cap.
    """

    cost: float
    centres: np.ndarray
    sums: np.ndarray
    excess: np.ndarray
    over_capacity: np.ndarray
    strays: int
    unassigned: int
    misplaced: int
    empty: int
    moved: int = 0
    moves_cost: float = 0.0
    torn: int = 0
    met: int = 0
    over_moves: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def total(self) -> float:
        """Cost with the price of moves: what a search makes small."""
        return self.cost + self.moves_cost

    @property
    def is_feasible(self) -> bool:
        """Whether every wish that must hold does."""
        return (
            bool((self.excess <= SLACK).all() and (self.over_capacity <= SLACK).all())
            and self.strays == self.unassigned == self.misplaced == self.empty == 0
            and self.torn == self.met == 0
            and bool((self.over_moves <= SLACK).all())
        )


def score(problem: Problem, plan: np.ndarray) -> Score:
    """Return the worth of a plan: (n,) territory numbers, or ``FREE``."""
    plan = np.asarray(plan)
    groups = [np.flatnonzero(plan == territory) for territory in range(problem.k)]
    cost, centres, over = 0.0, np.full(problem.k, FREE, np.int64), np.zeros(problem.k)
    for territory, members in enumerate(groups):
        if len(members):
            found, centres[territory], over[territory] = _territory(problem, members, territory)
            cost += found
    sums = np.array(
        [np.bincount(plan[plan >= 0], one.amounts[plan >= 0], problem.k) for one in problem.activities]
    ).reshape(-1, problem.k)
    excess = np.maximum(np.maximum(problem.lower - sums, sums - problem.upper), 0.0)
    moved, price = _moves(problem, plan)
    return Score(
        cost=cost,
        centres=centres,
        sums=sums,
        excess=excess,
        over_capacity=over,
        strays=strays(problem, plan),
        unassigned=int((plan < 0).sum()),
        misplaced=_misplaced(problem, plan),
        empty=sum(not len(members) for members in groups),
        moved=moved,
        moves_cost=price,
        torn=_torn(problem, plan),
        met=_met(problem, plan),
        over_moves=_over_moves(problem, plan),
    )


def unit_costs(problem: Problem, units: np.ndarray, x: Any, y: Any) -> np.ndarray:
    """Return what units cost with a centre at (x, y), in metres; broadcasts over several centres ``x[:, None]``."""
    east, north = problem.x[units] - x, problem.y[units] - y
    weights = problem.weights[units]
    if problem.objective is Objective.INERTIA:
        return weights * (east**2 + north**2) / METRES_PER_KM**2
    metres = np.hypot(east, north)
    if problem.floors_distance:
        metres = np.floor(metres)
    return weights * metres / METRES_PER_KM


def strays(problem: Problem, plan: np.ndarray) -> int:
    """Return the units outside the largest connected part of their territory."""
    if problem.adjacency is None:
        return 0
    pairs = problem.adjacency.pairs()
    inner = pairs[(plan[pairs[:, 0]] == plan[pairs[:, 1]]) & (plan[pairs[:, 0]] >= 0)]
    graph = csr_array(
        (np.ones(len(inner), np.int8), (inner[:, 0], inner[:, 1])), shape=(problem.n, problem.n)
    )
    _, parts = connected_components(graph, directed=False)
    placed = np.flatnonzero(plan >= 0)
    sizes = np.bincount(parts[placed], minlength=parts.max(initial=0) + 1)
    largest = np.zeros(problem.k, np.int64)
    np.maximum.at(largest, plan[placed], sizes[parts[placed]])
    return int(len(placed) - largest.sum())


def _territory(problem: Problem, members: np.ndarray, territory: int) -> tuple[float, int, float]:
    """Return a territory's cost, its centre and the load beyond the capacity of any member."""
    if problem.homes is not None and not np.isnan(problem.homes[territory]).any():
        x, y = problem.homes[territory]
        return float(unit_costs(problem, members, x, y).sum()), FREE, 0.0
    candidates, over = members, 0.0
    if problem.load is not None and problem.capacity is not None:
        load, room = problem.load[members].sum(), problem.capacity[members]
        fits = room + SLACK >= load
        if fits.any():
            candidates = members[fits]
        else:
            over = float(load - room.max())
    if problem.objective is Objective.INERTIA:
        cost, centre = _inertia(problem, members, candidates)
    else:
        cost, centre = _median(problem, members, candidates)
    return cost, centre, over


def _inertia(problem: Problem, members: np.ndarray, candidates: np.ndarray) -> tuple[float, int]:
    """The moment about the centroid, and the whole weight at the centre's distance from it (Steiner)."""
    weights = problem.weights[members]
    total = weights.sum()
    if total <= 0:
        return 0.0, int(candidates[0])
    x = float((weights * problem.x[members]).sum() / total)
    y = float((weights * problem.y[members]).sum() / total)
    away = (problem.x[candidates] - x) ** 2 + (problem.y[candidates] - y) ** 2
    centre = int(np.argmin(away))
    about = unit_costs(problem, members, x, y).sum()
    return float(about + total * away[centre] / METRES_PER_KM**2), int(candidates[centre])


def _median(problem: Problem, members: np.ndarray, candidates: np.ndarray) -> tuple[float, int]:
    best, centre = np.inf, int(candidates[0])
    step = max(1, BLOCK // len(members))
    for start in range(0, len(candidates), step):
        block = candidates[start : start + step]
        sums = unit_costs(problem, members, problem.x[block][:, None], problem.y[block][:, None]).sum(axis=1)
        least = int(np.argmin(sums))
        if sums[least] < best:
            best, centre = float(sums[least]), int(block[least])
    return best, centre


def _misplaced(problem: Problem, plan: np.ndarray) -> int:
    wrong = np.zeros(problem.n, bool)
    placed = plan >= 0
    if problem.locked is not None:
        wrong |= (problem.locked >= 0) & (plan != problem.locked)
    if problem.allowed is not None:
        wrong[placed] |= ~problem.allowed[np.flatnonzero(placed), plan[placed]]
    return int((wrong & placed).sum())


def _moves(problem: Problem, plan: np.ndarray) -> tuple[int, float]:
    if problem.current is None:
        return 0, 0.0
    moved = (problem.current >= 0) & (plan != problem.current)
    price = 0.0 if problem.move_price is None else float(problem.move_price[moved].sum())
    if problem.surcharge is not None:
        placed = np.flatnonzero(moved & (plan >= 0))
        price += float(problem.surcharge[placed, plan[placed]].sum())
    return int(moved.sum()), price


def _torn(problem: Problem, plan: np.ndarray) -> int:
    if problem.together is None:
        return 0
    inside = np.flatnonzero((problem.together >= 0) & (plan >= 0))
    both = np.stack([problem.together[inside], plan[inside]], axis=1)
    kinds, counts = np.unique(both, axis=0, return_counts=True)
    most = np.zeros(int(problem.together.max(initial=-1)) + 1, np.int64)
    np.maximum.at(most, kinds[:, 0], counts)
    return int(len(inside) - most.sum())


def _met(problem: Problem, plan: np.ndarray) -> int:
    if problem.apart is None:
        return 0
    first, second = plan[problem.apart[:, 0]], plan[problem.apart[:, 1]]
    return int(((first == second) & (first >= 0)).sum())


def _over_moves(problem: Problem, plan: np.ndarray) -> np.ndarray:
    if problem.current is None:
        return np.zeros(len(problem.move_caps))
    moved = (problem.current >= 0) & (plan != problem.current)
    sums = [float(cap.amounts[moved].sum()) - cap.most for cap in problem.move_caps]
    return np.maximum(0.0, np.array(sums))
