"""Bounds never say more than is so: against exact optima of small problems."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from merestone.core.design.bound import lower_bound
from merestone.core.design.control import Control
from merestone.core.design.problem import Activity, Objective, Problem
from merestone.core.design.scoring import score, unit_costs

SECONDS = 5.0
KINDS = ("inertia", "distance", "median", "capacitated", "homes", "half homes", "two")


def make(kind: str, seed: int, n: int, k: int) -> Problem:
    """Return a small random problem; whole coordinates in some, repeated places in some, units without weight in some."""
    random = np.random.default_rng(seed)
    side = float(random.choice([5, 1000, 50_000]))
    x, y = random.uniform(0, side, n), random.uniform(0, side, n)
    if seed % 3 == 0:
        x, y = np.round(x), np.round(y)
    amounts = random.integers(0 if seed % 4 == 0 else 1, 30, n).astype(float)
    mean = amounts.sum() / k
    width = float(random.choice([0.05, 0.3, 0.8]))
    work = Activity("work", amounts, np.full(k, (1 - width) * mean), np.full(k, (1 + width) * mean))
    problem = Problem(
        ids=tuple(map(str, range(n))),
        labels=tuple(map(str, range(k))),
        x=x,
        y=y,
        objective=Objective.INERTIA,
        weights=amounts if seed % 2 else random.uniform(0, 9, n),
        activities=(work,),
    )
    homes = random.uniform(0, side, (k, 2))
    if kind == "distance":
        return replace(problem, objective=Objective.DISTANCE, floors_distance=bool(seed % 5 == 0))
    if kind == "median":
        return replace(problem, objective=Objective.DISTANCE, activities=())
    if kind == "capacitated":
        capacity = random.uniform(0.9, 1.9, n) * mean
        return replace(
            problem,
            objective=Objective.DISTANCE,
            activities=(),
            load=amounts,
            capacity=capacity,
            floors_distance=bool(seed % 2),
        )
    if kind == "homes":
        allowed = random.random((n, k)) < 0.8
        allowed[np.arange(n), random.integers(0, k, n)] = True
        return replace(
            problem,
            homes=homes,
            allowed=allowed,
            current=random.integers(-1, k, n).astype(np.int32),
            move_price=random.uniform(0, 3, n),
        )
    if kind == "half homes":
        homes[0] = np.nan
        return replace(problem, homes=homes)
    if kind == "two":
        second = Activity("calls", random.integers(1, 9, n).astype(float), np.zeros(k), np.full(k, 1e9))
        return replace(problem, activities=(work, second))
    return problem


def optimum(problem: Problem) -> float:
    """Return the cost of the best of all plans, by the judge; infinite when none keeps the bounds."""
    best = np.inf
    for plan in itertools.product(range(problem.k), repeat=problem.n):
        numbers = np.array(plan, np.int32)
        if len(set(plan)) < problem.k or (problem.has_free_territories and plan[0]):
            continue
        worth = score(problem, numbers)
        if worth.is_feasible:
            best = min(best, worth.total)
    return best


def programme(problem: Problem) -> float:
    """Return the cost of the best plan by a mixed integer programme, with the judge's costs of units."""
    n = problem.n
    columns = np.arange(n)
    costs = np.stack([unit_costs(problem, columns, problem.x[j], problem.y[j]) for j in range(n)], axis=1)
    amounts = problem.load if problem.load is not None else problem.amounts[0]
    low = np.zeros(n) if problem.load is not None else np.full(n, problem.lower.min())
    high = problem.capacity if problem.capacity is not None else np.full(n, problem.upper.max())
    index = np.arange(n * n).reshape(n, n)
    once = np.zeros((n, n * n))
    count = np.zeros((1, n * n))
    sums_low, sums_high = np.zeros((n, n * n)), np.zeros((n, n * n))
    opened = np.zeros((n * n, n * n))
    for i in range(n):
        once[i, index[i]] = 1.0
        count[0, index[i, i]] = 1.0
        sums_low[i, index[:, i]] = sums_high[i, index[:, i]] = amounts
        sums_low[i, index[i, i]] -= low[i]
        sums_high[i, index[i, i]] -= high[i]
        for j in range(n):
            opened[index[i, j], index[i, j]] += 1.0
            opened[index[i, j], index[j, j]] -= 1.0
    done = milp(
        costs.ravel(),
        constraints=[
            LinearConstraint(once, 1, 1),
            LinearConstraint(count, problem.k, problem.k),
            LinearConstraint(sums_low, lb=-1e-6),
            LinearConstraint(sums_high, ub=1e-6),
            LinearConstraint(opened, ub=0),
        ],
        integrality=np.ones(n * n),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0.0},
    )
    return float(done.fun) if done.status == 0 else np.inf


def bound_of(problem: Problem, best: float = np.inf) -> float:
    control = Control(time_limit=SECONDS)
    if np.isfinite(best):
        control.tell_best(best)
    control.end_search()
    found = lower_bound(problem, control)
    return -np.inf if found.value is None else found.value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(KINDS), st.integers(0, 10_000), st.integers(4, 7), st.integers(1, 3), st.booleans())
def test_no_plan_costs_less_than_the_bound(kind: str, seed: int, n: int, k: int, knows: bool) -> None:
    problem = make(kind, seed, n, k)
    best = optimum(problem)
    assert bound_of(problem, best if knows else np.inf) <= best


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(("inertia", "distance", "capacitated")),
    st.integers(0, 10_000),
    st.integers(8, 13),
    st.integers(2, 4),
    st.booleans(),
)
def test_the_bound_is_at_most_the_optimum_of_a_mixed_integer_programme(
    kind: str, seed: int, n: int, k: int, knows: bool
) -> None:
    problem = make(kind, seed, n, k)
    best = programme(problem)
    bound = bound_of(problem, best if knows else np.inf)
    assert bound <= best + 1e-7 * abs(best) if np.isfinite(best) else True
