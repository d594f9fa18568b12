"""Lower bounds where every territory has a fixed home: a transportation problem, bounded from its prices.

Each territory has a price for each activity; a unit goes where its cost and prices are least. Any prices give a bound,
so those of a linear program may be rough. All activities count, and locks, allowed territories and the price of moves.
"""

from __future__ import annotations

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.loops.bounds import ENOUGH
from merestone.core.design.problem import FREE, Objective, Problem

MOST_EXACT = 60_000
"""Up to so many pairs of unit and territory a linear program gives the prices."""
ROUNDING = 1e-10
BLOCK = 4_000_000
STEPS = 2_000


def has_all(problem: Problem) -> bool:
    """Whether every territory has a fixed home."""
    return problem.homes is not None and not np.isnan(problem.homes).any()


def find(problem: Problem, control: Control) -> float:
    """Return the greatest bound found."""
    prices = np.zeros((len(problem.activities), problem.k))
    if problem.n * problem.k <= MOST_EXACT and prices.size:
        prices = _exact(problem, control)
    best, _ = evaluate(problem, prices)
    control.tell_bound(best)
    return _climb(problem, prices, best, control) if prices.size else best


def evaluate(problem: Problem, prices: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the bound for (a, k) prices per unit of activity, and how a sum should change: its subgradient."""
    low, high = problem.lower - ENOUGH, problem.upper + ENOUGH
    edge = np.where(prices > 0, high, low)
    fee = np.where(prices == 0, 0.0, prices * np.where(prices == 0, 0.0, edge))
    total, size = -float(fee.sum()), float(np.abs(fee).sum())
    sums = np.zeros_like(prices)
    step = max(1, BLOCK // problem.k)
    for first in range(0, problem.n, step):
        units = np.arange(first, min(problem.n, first + step))
        costs = unit_costs(problem, units) + problem.amounts[:, units].T @ prices
        choice = np.argmin(costs, axis=1)
        least = costs[np.arange(len(units)), choice]
        total += float(least.sum())
        size += float(np.abs(least).sum())
        for activity in range(len(prices)):
            sums[activity] += np.bincount(choice, problem.amounts[activity, units], problem.k)
    wanted = np.clip(sums, low, high)
    slope = np.where(prices == 0, sums - wanted, sums - edge)
    return total - ROUNDING * size, slope


def unit_costs(problem: Problem, units: np.ndarray) -> np.ndarray:
    """Return what units cost in each territory, with the price of moving; infinite where they may not be."""
    assert problem.homes is not None
    east = problem.x[units, None] - problem.homes[:, 0]
    north = problem.y[units, None] - problem.homes[:, 1]
    if problem.objective is Objective.INERTIA:
        apart = (east**2 + north**2) / 1e6
    else:
        metres = np.hypot(east, north)
        apart = (np.floor(metres) if problem.floors_distance else metres) / 1e3
    costs = problem.weights[units, None] * apart
    if problem.current is not None and problem.move_price is not None:
        current = problem.current[units]
        moves = (current[:, None] != FREE) & (current[:, None] != np.arange(problem.k))
        costs = costs + moves * problem.move_price[units, None]
        if problem.surcharge is not None:
            costs = costs + moves * problem.surcharge[units]
    if problem.allowed is not None:
        costs = np.where(problem.allowed[units], costs, np.inf)
    if problem.locked is not None:
        locked = problem.locked[units, None]
        costs = np.where((locked == FREE) | (locked == np.arange(problem.k)), costs, np.inf)
    return np.asarray(costs)


def _exact(problem: Problem, control: Control) -> np.ndarray:
    """Return the prices of the linear program; zeros when it cannot be solved."""
    from scipy.optimize import linprog
    from scipy.sparse import block_diag, csr_array, kron, vstack
    from scipy.sparse import identity as eye

    n, k, a = problem.n, problem.k, len(problem.activities)
    costs = unit_costs(problem, np.arange(n)).ravel()
    once = csr_array(kron(eye(n), np.ones((1, k))))
    sums = vstack([kron(problem.amounts[activity][None, :], eye(k)) for activity in range(a)]).tocsr()
    high, low = problem.upper.ravel() + ENOUGH, problem.lower.ravel() - ENOUGH
    capped, floored = np.isfinite(high), low > 0
    rows = vstack([sums[capped], -sums[floored]]) if capped.any() or floored.any() else None
    del block_diag
    done = linprog(
        np.where(np.isfinite(costs), costs, 0.0),
        A_ub=rows,
        b_ub=np.concatenate([high[capped], -low[floored]]) if rows is not None else None,
        A_eq=once,
        b_eq=np.ones(n),
        bounds=np.stack([np.zeros(n * k), np.where(np.isfinite(costs), 1.0, 0.0)], axis=1),
        method="highs",
        options={"time_limit": max(0.1, control.left_to_bound())},
    )
    prices = np.zeros(a * k)
    if done.status == 0 and rows is not None:
        prices[capped] -= done.ineqlin.marginals[: capped.sum()]
        prices[floored] += done.ineqlin.marginals[capped.sum() :]
    return prices.reshape(a, k)


def _climb(problem: Problem, prices: np.ndarray, best: float, control: Control) -> float:
    """Better the prices by steps along the subgradient towards the best plan told."""
    kept, size, failed = prices.copy(), 1.0, 0
    flow = np.zeros_like(prices)
    for _ in range(STEPS):
        if control.left_to_bound() <= 0.0 or size < 1e-3 or control.is_proved(5e-5):
            break
        value, slope = evaluate(problem, prices)
        if value > best:
            best, kept, failed = value, prices.copy(), 0
            control.tell_bound(best)
        else:
            failed += 1
        if failed > 15:
            size, failed, prices = size * 0.6, 0, kept.copy()
            continue
        goal = control.best if np.isfinite(control.best) else best + 0.02 * abs(best)
        flow = 0.7 * flow + 0.3 * slope
        norm = float((flow**2).sum())
        if norm <= 0.0:
            break
        prices = prices + size * max(0.0, goal - value) / norm * flow
    return best
