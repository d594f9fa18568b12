"""The judge of plans: against sums written out, and values worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merestone.core.design.problem import FREE, Activity, Adjacency, Objective, Problem
from merestone.core.design.scoring import score


def line(n: int = 4, k: int = 2, *, objective: Objective = Objective.DISTANCE, **more) -> Problem:
    """Units 1 km apart on a line, each of weight 1."""
    return Problem(
        ids=tuple(map(str, range(n))),
        labels=tuple(map(str, range(1, k + 1))),
        x=np.arange(n) * 1000.0,
        y=np.zeros(n),
        objective=objective,
        weights=np.ones(n),
        **more,
    )


def activity(amounts: list[float], *, low: float, high: float, k: int = 2) -> Activity:
    return Activity("work", np.array(amounts), np.full(k, low), np.full(k, high))


PLAN = np.array([0, 0, 0, 1], np.int32)


def test_distance_is_counted_to_the_median():
    found = score(line(), PLAN)
    assert found.cost == pytest.approx(2.0)
    assert found.centres.tolist() == [1, 3]
    assert found.is_feasible


def test_inertia_is_counted_to_the_member_nearest_the_centroid():
    problem = replace(
        line(objective=Objective.INERTIA), weights=np.array([1.0, 1.0, 4.0, 1.0])
    )  # centroid of the first three at 1.5 km: as near to unit 1 as to unit 2
    assert score(problem, PLAN).cost == pytest.approx(5.0)


def test_a_home_is_the_centre_where_there_is_one():
    problem = line(homes=np.array([[0.0, 0.0], [np.nan, np.nan]]))
    found = score(problem, PLAN)
    assert found.cost == pytest.approx(3.0)
    assert found.centres.tolist() == [FREE, 3]


def test_the_median_must_carry_the_load():
    loads, room = np.ones(4), np.array([3.0, 1.0, 2.0, 1.0])
    found = score(line(load=loads, capacity=room), PLAN)
    assert (found.centres[0], found.cost) == (0, pytest.approx(3.0))
    assert found.is_feasible
    short = score(line(load=loads, capacity=np.array([2.5, 1.0, 2.0, 1.0])), PLAN)
    assert short.over_capacity.tolist() == [0.5, 0.0]
    assert not short.is_feasible


def test_whole_metres_are_rounded_down():
    problem = replace(line(), x=np.array([0.0, 1000.9, 2001.8, 9000.0]), floors_distance=True)
    assert score(problem, PLAN).cost == pytest.approx(2.0)


def test_sums_outside_their_bounds_are_told():
    found = score(line(activities=(activity([1, 2, 3, 4], low=5, high=5),)), PLAN)
    assert found.sums.tolist() == [[6.0, 4.0]]
    assert found.excess.tolist() == [[1.0, 1.0]]
    assert not found.is_feasible


def test_units_cut_off_are_counted_only_where_connection_is_asked():
    pairs = np.array([[0, 1], [1, 2], [2, 3]])
    plan = np.array([0, 1, 0, 0], np.int32)
    assert score(line(), plan).strays == 0
    found = score(line(adjacency=Adjacency.of(4, pairs)), plan)
    assert found.strays == 1
    assert not found.is_feasible


@pytest.mark.parametrize(
    ("plan", "more", "name"),
    [
        ([0, 0, FREE, 1], {}, "unassigned"),
        ([0, 0, 0, 0], {}, "empty"),
        (PLAN, {"locked": np.array([1, FREE, FREE, FREE])}, "misplaced"),
        (PLAN, {"allowed": np.array([[True, True]] * 3 + [[True, False]])}, "misplaced"),
    ],
)
def test_each_broken_wish_makes_a_plan_unfit(plan, more, name: str):
    found = score(line(**more), np.array(plan, np.int32))
    assert getattr(found, name) == 1
    assert not found.is_feasible


def test_moves_count_and_cost():
    problem = line(current=np.array([0, 1, FREE, 0]), move_price=np.array([9.0, 5.0, 3.0, 2.0]))
    found = score(problem, PLAN)
    assert (found.moved, found.moves_cost) == (2, 7.0)
    assert found.total == pytest.approx(found.cost + 7.0)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 12),
    st.integers(1, 4),
    st.sampled_from(list(Objective)),
    st.booleans(),
)
def test_cost_is_the_least_over_all_members(seed: int, n: int, k: int, objective: Objective, floors: bool):
    rng = np.random.default_rng(seed)
    problem = replace(
        line(n, k, objective=objective),
        x=rng.uniform(0, 50_000, n),
        y=rng.uniform(0, 50_000, n),
        weights=rng.uniform(0.1, 3.0, n),
        floors_distance=floors and objective is Objective.DISTANCE,
    )
    plan = rng.integers(0, k, n).astype(np.int32)
    total = 0.0
    for territory in range(k):
        members = [unit for unit in range(n) if plan[unit] == territory]
        total += min((_cost(problem, members, centre) for centre in members), default=0.0)
    assert score(problem, plan).cost == pytest.approx(total)


def _cost(problem: Problem, members: list[int], centre: int) -> float:
    cost = 0.0
    for unit in members:
        metres = (
            (problem.x[unit] - problem.x[centre]) ** 2 + (problem.y[unit] - problem.y[centre]) ** 2
        ) ** 0.5
        if problem.floors_distance:
            metres = metres // 1
        km = metres / 1000
        cost += problem.weights[unit] * (km**2 if problem.objective is Objective.INERTIA else km)
    return cost
