"""The search of districts against its judge, an independent enumeration, and its own start."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from threading import Timer

import numpy as np
import pytest

from merestone.core.design.control import Control
from merestone.core.design.problem import FREE, Activity, Adjacency, Objective, Problem
from merestone.core.design.scoring import score
from merestone.core.design.search.districts import find


def grid(
    wide: int,
    high: int,
    k: int,
    *,
    seed: int = 0,
    tolerance: float = 0.1,
    objective: Objective = Objective.INERTIA,
    contiguous: bool = True,
) -> Problem:
    """Return a grid of units with uneven weights, somewhat off the lattice."""
    random = np.random.default_rng(seed)
    n = wide * high
    number = np.arange(n).reshape(high, wide)
    pairs = np.concatenate(
        [
            np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
            np.column_stack([number[:-1].ravel(), number[1:].ravel()]),
        ]
    )
    weights = random.integers(50, 150, n).astype(np.float64)
    mean = weights.sum() / k
    load = Activity("load", weights, np.full(k, mean * (1 - tolerance)), np.full(k, mean * (1 + tolerance)))
    return Problem(
        ids=tuple(f"u{i}" for i in range(n)),
        labels=tuple(f"t{i}" for i in range(k)),
        x=(np.arange(n) % wide + random.uniform(-0.2, 0.2, n)) * 1000.0,
        y=(np.arange(n) // wide + random.uniform(-0.2, 0.2, n)) * 1000.0,
        objective=objective,
        weights=weights,
        activities=(load,),
        adjacency=Adjacency.of(n, pairs) if contiguous else None,
    )


def least_total(problem: Problem) -> float:
    """Return the cost of the best plan of all there are."""
    totals = [np.inf]
    for rest in product(range(problem.k), repeat=problem.n):
        plan = np.array(rest)
        sums = np.bincount(plan, problem.activities[0].amounts, problem.k)
        if (sums < problem.lower[0]).any() or (sums > problem.upper[0]).any():
            continue
        worth = score(problem, plan)
        if worth.is_feasible:
            totals.append(worth.total)
    return min(totals)


@pytest.mark.parametrize("objective", [Objective.INERTIA, Objective.DISTANCE])
@pytest.mark.parametrize("contiguous", [True, False])
@pytest.mark.parametrize("tolerance", [0.05, 0.02])
def test_plan_keeps_bounds_and_contiguity(objective: Objective, contiguous: bool, tolerance: float) -> None:
    problem = grid(12, 8, 5, tolerance=tolerance, objective=objective, contiguous=contiguous)
    worth = score(problem, find(problem, _Unhurried(3, 0.2)).plan)
    assert worth.is_feasible


def test_same_seed_makes_same_plan() -> None:
    problem = grid(10, 8, 4)
    first, second = (find(problem, _Unhurried(5, 0.2)).plan for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("objective", [Objective.INERTIA, Objective.DISTANCE])
@pytest.mark.parametrize("contiguous", [True, False])
def test_small_problem_is_solved_to_the_optimum(objective: Objective, contiguous: bool) -> None:
    problem = grid(4, 3, 2, seed=4, objective=objective, contiguous=contiguous, tolerance=0.05)
    found = score(problem, find(problem, _Unhurried(1, 0.2)).plan)
    assert found.is_feasible
    assert found.total == pytest.approx(least_total(problem), rel=1e-9)


def test_small_problem_with_all_wishes_is_solved_to_the_optimum() -> None:
    problem = grid(4, 2, 3, seed=2, tolerance=0.35)
    allowed = np.ones((8, 3), bool)
    allowed[:2, 2] = False
    problem = replace(
        problem,
        homes=np.array([[0.0, 500.0], [np.nan, np.nan], [3000.0, 0.0]]),
        locked=np.array([FREE, FREE, FREE, 2, FREE, FREE, FREE, FREE], np.int32),
        allowed=allowed,
        current=np.array([1, 1, 0, 2, 1, 1, 0, FREE], np.int32),
        move_price=np.full(8, 60.0),
    )
    found = score(problem, find(problem, _Unhurried(1, 0.2)).plan)
    assert found.is_feasible
    assert found.total == pytest.approx(least_total(problem), rel=1e-9)


def test_locks_hold_far_from_each_other() -> None:
    problem = grid(12, 8, 4, tolerance=0.1)
    locked = np.full(problem.n, FREE, np.int32)
    locked[[0, 3]], locked[[11, 35]], locked[95] = 2, 0, 1
    problem = replace(problem, locked=locked)
    plan = find(problem, _Unhurried(2, 0.2)).plan
    assert score(problem, plan).is_feasible
    assert np.array_equal(plan[locked >= 0], locked[locked >= 0])


def test_units_go_only_where_they_may() -> None:
    problem = grid(10, 8, 4, tolerance=0.1)
    allowed = np.ones((problem.n, 4), bool)
    allowed[problem.x < 4500, 3] = False
    allowed[problem.x > 4500, 0] = False
    problem = replace(problem, allowed=allowed)
    assert score(problem, find(problem, _Unhurried(2, 0.2)).plan).is_feasible


def test_dear_moves_leave_a_good_plan_alone() -> None:
    problem = grid(10, 8, 4, tolerance=0.1)
    today = find(problem, _Unhurried(9, 0.1)).plan
    problem = replace(problem, current=today, move_price=np.full(problem.n, 1e9))
    assert np.array_equal(find(problem, _Unhurried(1, 0.2)).plan, today)


def test_search_never_ends_worse_than_current() -> None:
    problem = grid(20, 15, 6, tolerance=0.05)
    today = find(problem, _Unhurried(1, 0.3)).plan
    again = replace(problem, current=today)
    before = score(again, today)
    for limit in (0.0, 0.01, 0.2):
        after = score(again, find(again, Control(2, limit)).plan)
        assert after.is_feasible
        assert after.total <= before.total * (1 + 1e-9)


def test_homes_draw_their_territories() -> None:
    problem = grid(12, 4, 2, tolerance=0.2)
    problem = replace(problem, homes=np.array([[11_000.0, 2000.0], [0.0, 2000.0]]))
    plan = find(problem, _Unhurried(0, 0.2)).plan
    assert problem.x[plan == 0].mean() > problem.x[plan == 1].mean()


def test_several_activities_with_bounds_of_their_own_are_kept() -> None:
    problem = grid(12, 10, 3, tolerance=0.3)
    calls = np.random.default_rng(7).uniform(0.5, 1.5, problem.n)
    shares = np.array([0.2, 0.3, 0.5]) * calls.sum()
    problem = replace(
        problem,
        activities=(
            Activity("load", problem.weights, np.zeros(3), np.full(3, np.inf)),
            Activity("calls", calls, shares * 0.97, shares * 1.03),
        ),
    )
    assert score(problem, find(problem, _Unhurried(0, 0.2)).plan).is_feasible


def test_cancel_ends_a_long_search_with_a_plan() -> None:
    problem = grid(40, 30, 8, tolerance=0.05)
    control = Control(0, 3600.0)
    timer = Timer(0.5, control.cancel)
    timer.start()
    plan = find(problem, control).plan
    timer.cancel()
    assert control.must_stop()
    assert control.seconds() < 60
    assert score(problem, plan).strays == 0


def test_one_territory_has_everything() -> None:
    problem = grid(4, 3, 1)
    assert (find(problem, Control(0, 0.1)).plan == 0).all()


def test_as_many_territories_as_units_is_a_unit_each() -> None:
    problem = grid(3, 2, 6, tolerance=1.0)
    assert len(set(find(problem, Control(0, 0.1)).plan.tolist())) == 6


class _Unhurried(Control):
    """A control whose steps follow from the limit, and whose clock is far away."""

    def left(self) -> float:
        return 60.0
