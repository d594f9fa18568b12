"""First plans: territories grown from seeds, the emptiest always taking its nearest free neighbour."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np

from merestone.core.design.loops.districts import Ground
from merestone.core.design.problem import FREE, Problem
from merestone.core.design.search.district_ground import METRES_PER_KM, may_be


def grow(problem: Problem, ground: Ground, *, seed: int, from_current: bool = False) -> np.ndarray:
    """Return a plan in which every unit has a territory, connected where it can be.

    Parameters
    ----------
    seed : int
    from_current : bool
        Whether units begin in their current territory.
    """
    random = np.random.default_rng(seed)
    may = may_be(problem)
    plan = np.full(problem.n, FREE, np.int32)
    if problem.locked is not None:
        plan[:] = problem.locked
    if from_current and problem.current is not None:
        free = np.flatnonzero((plan == FREE) & (problem.current >= 0))
        free = free[may[free, problem.current[free]]]
        plan[free] = problem.current[free]
        _drop_strays(problem, ground, plan)
    else:
        _join_locked(ground, plan, may)
    seeds = _seeds(problem, ground, plan, may, random)
    _fill(ground, plan, seeds, may)
    return plan


def strays(ground: Ground, plan: np.ndarray) -> int:
    """Return how many units are outside the largest connected part of their territory, where that matters."""
    if not ground.wants[0]:
        return 0
    parts, sizes = _parts(ground, plan)
    largest = np.zeros(len(ground.has_home), np.int64)
    np.maximum.at(largest, plan, sizes[parts])
    return int(len(plan) - largest.sum())


def _parts(ground: Ground, plan: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the connected part of its territory that each unit is in, and the size of each part."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n = len(plan)
    is_inner = plan[ground.sources] == plan[ground.neighbours]
    ends = ground.sources[is_inner], ground.neighbours[is_inner]
    _, parts = connected_components(csr_array((np.ones(len(ends[0]), np.int8), ends), shape=(n, n)))
    return parts, np.bincount(parts)


def _drop_strays(problem: Problem, ground: Ground, plan: np.ndarray) -> None:
    """Free what lies away from the largest part of its territory, or from its locked units, unless it is locked."""
    if not ground.wants[0]:
        return
    parts, sizes = _parts(ground, plan)
    worth = sizes.astype(np.float64)
    if problem.locked is not None:
        worth += 2.0 * problem.n * (np.bincount(parts, problem.locked >= 0, len(sizes)) > 0)
    most = np.zeros(problem.k)
    placed = np.flatnonzero(plan >= 0)
    np.maximum.at(most, plan[placed], worth[parts[placed]])
    away = placed[worth[parts[placed]] < most[plan[placed]]]
    plan[away] = FREE


def _seeds(
    problem: Problem, ground: Ground, plan: np.ndarray, may: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Return a unit per territory, far apart as by k-means++, near the homes, one that is locked where some are."""
    seeds = np.full(problem.k, FREE, np.int64)
    away = np.full(problem.n, np.inf)
    weights = np.maximum(problem.amounts[0] if len(problem.activities) else problem.weights, 1e-9)

    def take(territory: int, unit: int) -> None:
        seeds[territory] = unit
        if plan[unit] == FREE:
            plan[unit] = territory
        np.minimum(away, (ground.x - ground.x[unit]) ** 2 + (ground.y - ground.y[unit]) ** 2, out=away)

    for t in np.flatnonzero(np.bincount(plan[plan >= 0], minlength=problem.k)):
        take(int(t), int(random.choice(np.flatnonzero(plan == t))))
    # Those with the fewest units to choose from come first.
    for t in np.argsort(may.sum(axis=0), kind="stable"):
        if seeds[t] != FREE:
            continue
        free = np.flatnonzero((plan == FREE) & may[:, t])
        if not len(free):
            free = np.flatnonzero(plan == FREE)
        if not len(free):
            continue
        if problem.homes is not None and not np.isnan(problem.homes[t]).any():
            x, y = (problem.homes[t] - [problem.x.mean(), problem.y.mean()]) / METRES_PER_KM
            unit = free[np.argmin((ground.x[free] - x) ** 2 + (ground.y[free] - y) ** 2)]
        else:
            chances = weights[free] * np.where(np.isinf(away[free]), 1.0, away[free])
            chances = chances if chances.sum() > 0 else np.ones(len(free))
            unit = random.choice(free, p=chances / chances.sum())
        take(int(t), int(unit))
    return seeds


def _fill(ground: Ground, plan: np.ndarray, seeds: np.ndarray, may: np.ndarray) -> None:
    """Give every free unit a territory next to it; one it may not be in only when nothing else is left."""
    k = len(seeds)
    amounts = ground.features[:, 4] if ground.lower.shape[0] else ground.features[:, 0]
    targets = np.ones(k)
    if ground.lower.shape[0]:
        middles = 0.5 * (ground.lower[0] + np.minimum(ground.upper[0], amounts.sum()))
        targets = np.where(middles > 0, middles, 1.0)
    for is_strict in (True, False):
        if (plan >= 0).all():
            return
        fronts: list[list[tuple[float, int]]] = [[] for _ in range(k)]

        def offer(unit: int, t: int, fronts: list = fronts, is_strict: bool = is_strict) -> None:
            for j in ground.neighbours[ground.starts[unit] : ground.starts[unit + 1]]:
                if plan[j] == FREE and (may[j, t] or not is_strict):
                    away = (ground.x[j] - ground.x[seeds[t]]) ** 2 + (ground.y[j] - ground.y[seeds[t]]) ** 2
                    heappush(fronts[t], (float(away), int(j)))

        filled = np.bincount(plan[plan >= 0], amounts[plan >= 0], k)
        for unit in np.flatnonzero(plan >= 0):
            offer(int(unit), int(plan[unit]))
        emptiest: list[tuple[float, int]] = sorted((float(filled[t] / targets[t]), t) for t in range(k))
        while emptiest:
            _, t = heappop(emptiest)
            while fronts[t]:
                _, taken = heappop(fronts[t])
                if plan[taken] == FREE:
                    plan[taken] = t
                    filled[t] += amounts[taken]
                    offer(taken, t)
                    heappush(emptiest, (float(filled[t] / targets[t]), t))
                    break
    free = np.flatnonzero(plan == FREE)
    plan[free] = np.argmax(may[free], axis=1)


def _join_locked(ground: Ground, plan: np.ndarray, may: np.ndarray) -> None:
    """Connect each territory's locked units by the shortest ways through free units, where there are such."""
    if not ground.wants[0]:
        return
    for t in np.unique(plan[plan >= 0]):
        held = np.flatnonzero(plan == t)
        joined = _reach(ground, plan, t, {int(held[0])})
        while rest := [int(unit) for unit in held if int(unit) not in joined]:
            way = _way(ground, plan, may, t, joined, set(rest))
            if not way:
                break
            for unit in way:
                plan[unit] = t
            joined = _reach(ground, plan, t, joined | set(way))


def _reach(ground: Ground, plan: np.ndarray, t: int, start: set[int]) -> set[int]:
    seen, stack = set(start), list(start)
    while stack:
        unit = stack.pop()
        for j in ground.neighbours[ground.starts[unit] : ground.starts[unit + 1]]:
            if plan[j] == t and int(j) not in seen:
                seen.add(int(j))
                stack.append(int(j))
    return seen


def _way(
    ground: Ground, plan: np.ndarray, may: np.ndarray, t: int, start: set[int], goal: set[int]
) -> list[int]:
    """Return the units of a shortest way between two sets through units a territory may take; none when there is no way."""
    before = dict.fromkeys(sorted(start), FREE)
    line = list(before)
    for unit in line:
        for j in map(int, ground.neighbours[ground.starts[unit] : ground.starts[unit + 1]]):
            if j in before or not (plan[j] == t or (plan[j] == FREE and may[j, t])):
                continue
            before[j] = unit
            if j in goal:
                way = [j]
                while before[way[-1]] != FREE:
                    way.append(before[way[-1]])
                return way
            line.append(j)
    return []
