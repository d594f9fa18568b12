"""The columns of a capacitated p-median as the compiled loops want them, and a plan to start from."""

from __future__ import annotations

import numpy as np

from merestone.core.design.loops import medians as loops
from merestone.core.design.problem import FREE, Problem

METRES_PER_KM = 1000.0
MOST_SLOTS = 4_000_000
NEAR = 24
"""A unit is tried in the clusters of so many others."""


def admitted(problem: Problem) -> np.ndarray:
    """Return where units may go, locks included: (n, k) bool, or (0, 0) when they may go everywhere."""
    if problem.allowed is None and problem.locked is None:
        return np.zeros((0, 0), np.bool_)
    may = np.ones((problem.n, problem.k), np.bool_) if problem.allowed is None else problem.allowed.copy()
    if problem.locked is not None:
        held = np.flatnonzero(problem.locked >= 0)
        may[held] = False
        may[held, problem.locked[held]] = True
    return may


def make_state(problem: Problem, plan: np.ndarray) -> loops.State:
    """Return the state for ``problem``, with room for the clusters of ``plan``; not yet filled."""
    assert problem.load is not None
    assert problem.capacity is not None
    n, k = problem.n, problem.k
    room = _room(problem, int(np.bincount(plan, minlength=k).max()))
    slots = k * room
    homes = np.full((k, 2), np.nan) if problem.homes is None else problem.homes
    homed = ~np.isnan(homes).any(axis=1)
    is_priced = problem.current is not None and problem.move_price is not None
    groups = np.zeros((5, k))
    groups[loops.HOME_X], groups[loops.HOME_Y] = np.where(homed, homes.T, 0.0)
    counts = np.zeros((3, k), np.int64)
    counts[loops.HOMED] = homed
    return loops.State(
        room=room,
        floors=problem.floors_distance,
        members=np.zeros(slots, np.int64),
        slots=np.zeros((5, slots)),
        groups=groups,
        counts=counts,
        places=np.zeros((2, n), np.int64),
        units=np.array(
            [problem.x, problem.y, problem.weights, problem.load, problem.capacity], np.float64, order="C"
        ),
        allowed=admitted(problem),
        current=np.ascontiguousarray(problem.current if is_priced else (), np.int32),
        price=np.ascontiguousarray(
            np.asarray(problem.move_price, np.float64) * METRES_PER_KM if is_priced else (), np.float64
        ),
    )


def _room(problem: Problem, largest: int) -> int:
    """As many members as the largest capacity can hold, when memory allows; never less than ``largest`` needs."""
    assert problem.load is not None
    assert problem.capacity is not None
    if problem.homes is not None:
        most = problem.n
    else:
        held = np.cumsum(np.sort(problem.load))
        most = int(np.searchsorted(held, 1.2 * problem.capacity.max(), side="right")) + 8
    affordable = max(4 * problem.n // problem.k + 64, MOST_SLOTS // problem.k)
    return max(min(most, affordable, problem.n), min(problem.n, largest + 8))


def neighbours(problem: Problem) -> np.ndarray:
    """Return (n, ≤ 24) int32 near units of each unit: the nearest, and some at growing ranks beyond its cluster."""
    from scipy.spatial import cKDTree

    n, k = problem.n, problem.k
    reach = min(n - 1, max(NEAR, min(2 * n // k, 400)))
    width = min(NEAR, reach)
    ranks = np.unique(np.linspace(width // 2, reach, width - width // 2).astype(np.int64))
    ranks = np.unique(np.concatenate([np.arange(1, width // 2 + 1), ranks]))
    ranks = np.concatenate([ranks, np.setdiff1d(np.arange(1, reach + 1), ranks)[: width - len(ranks)]])
    points = np.stack([problem.x, problem.y], axis=1)
    found = cKDTree(points).query(points, k=reach + 1)[1].astype(np.int32)
    # Among units on one spot a unit need not come first in its own list.
    own = found == np.arange(n, dtype=np.int32)[:, None]
    own[~own.any(axis=1), -1] = True
    others = found[~own].reshape(n, reach)
    return np.ascontiguousarray(others[:, np.sort(ranks) - 1])


def first_plan(problem: Problem, angle: float) -> np.ndarray:
    """Return a plan to start from: recursive bisection by load, fitted to the territories that are not alike."""
    parts = _bisect(problem, angle)
    plan = parts if problem.has_free_territories else _fit(problem, parts)
    return _without_empty(problem, plan)


def _bisect(problem: Problem, angle: float) -> np.ndarray:
    load = np.maximum(np.asarray(problem.load, np.float64), 1e-9)
    east = problem.x * np.cos(angle) - problem.y * np.sin(angle)
    north = problem.x * np.sin(angle) + problem.y * np.cos(angle)
    plan = np.zeros(problem.n, np.int32)
    waiting = [(np.arange(problem.n), 0, problem.k)]
    while waiting:
        units, first, parts = waiting.pop()
        if parts == 1:
            plan[units] = first
            continue
        axis = east if np.ptp(east[units]) >= np.ptp(north[units]) else north
        units = units[np.argsort(axis[units], kind="stable")]
        half = parts // 2
        held = np.cumsum(load[units])
        cut = int(np.searchsorted(held, held[-1] * half / parts)) + 1
        cut = min(max(cut, half), len(units) - (parts - half))
        waiting += [(units[:cut], first, half), (units[cut:], first + half, parts - half)]
    return plan


def _fit(problem: Problem, parts: np.ndarray) -> np.ndarray:
    """Name parts after the territories they suit, then put each unit where it must be or is best."""
    from scipy.optimize import linear_sum_assignment

    n, k = problem.n, problem.k
    points = np.stack([problem.x, problem.y], axis=1)
    sizes = np.maximum(np.bincount(parts, minlength=k), 1)[:, None]
    middles = np.stack([np.bincount(parts, points[:, axis], k) for axis in (0, 1)], axis=1) / sizes
    span = float(np.hypot(np.ptp(problem.x), np.ptp(problem.y))) or 1.0
    dislike = np.zeros((k, k))
    if problem.homes is not None:
        apart = middles[:, None, :] - problem.homes[None, :, :]
        dislike += np.nan_to_num(np.hypot(apart[..., 0], apart[..., 1]) / span)
    for held, worth in ((problem.locked, 1.0), (problem.current, 0.1)):
        if held is not None:
            known = held >= 0
            np.add.at(dislike, (parts[known], held[known]), -worth)
    rows, columns = linear_sum_assignment(dislike)
    name = np.zeros(k, np.int32)
    name[rows] = columns
    plan = name[parts]
    if problem.current is not None:
        known = problem.current >= 0
        plan[known] = problem.current[known]
    may = admitted(problem)
    if len(may):
        centres = np.zeros((k, 2))
        centres[name] = middles
        if problem.homes is not None:
            homed = ~np.isnan(problem.homes).any(axis=1)
            centres[homed] = problem.homes[homed]
        for unit in np.flatnonzero(~may[np.arange(n), plan]):
            away = np.hypot(*(centres - points[unit]).T)
            plan[unit] = np.argmin(np.where(may[unit], away, np.inf))
    return plan.astype(np.int32)


def _without_empty(problem: Problem, plan: np.ndarray) -> np.ndarray:
    """Give each empty territory a unit of a large one that may go there."""
    may, sizes = admitted(problem), np.bincount(plan, minlength=problem.k)
    for territory in np.flatnonzero(sizes == 0):
        can = may[:, territory] if len(may) else np.ones(problem.n, bool)
        can = np.flatnonzero(can & (sizes[plan] > 1))
        if len(can):
            unit = can[np.argmax(sizes[plan[can]])]
            sizes[plan[unit]] -= 1
            plan[unit] = territory
            sizes[territory] += 1
    return plan


def is_placed(plan: np.ndarray) -> bool:
    """Whether every unit has a territory."""
    return bool((plan != FREE).all())
