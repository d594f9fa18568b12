"""The search of many units against its judge, and against what it starts from."""

from __future__ import annotations

from dataclasses import replace
from threading import Timer

import numpy as np
import pytest
from scipy.spatial import Delaunay

from merestone.core.design.control import Control, Progress, Stop
from merestone.core.design.problem import FREE, Activity, Adjacency, Objective, Problem
from merestone.core.design.scoring import score
from merestone.core.design.search.scale import design, find
from merestone.core.design.search.scale_repair import join_strays
from merestone.core.design.search.scale_start import bisect, centres_of


def clustered(n: int, k: int, *, seed: int = 0, contiguous: bool = True) -> Problem:
    """Return accounts around a few cities, half of the measure ±5 %."""
    random = np.random.default_rng(seed)
    cities = random.uniform(0, 500_000, (8, 2))
    points = cities[random.integers(0, 8, n)] + random.normal(0, 40_000, (n, 2))
    amounts = random.lognormal(0, 0.5, n)
    triangles = Delaunay(points).simplices
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]])
    return Problem(
        ids=tuple(map(str, range(n))),
        labels=tuple(map(str, range(k))),
        x=points[:, 0],
        y=points[:, 1],
        objective=Objective.INERTIA,
        weights=amounts,
        activities=(even("workload", amounts, k, 0.05),),
        adjacency=Adjacency.of(n, pairs) if contiguous else None,
    )


def even(name: str, amounts: np.ndarray, k: int, tolerance: float) -> Activity:
    mean = amounts.sum() / k
    return Activity(name, amounts, np.full(k, mean * (1 - tolerance)), np.full(k, mean * (1 + tolerance)))


def plan_of(problem: Problem, *, seed: int = 0, seconds: float) -> np.ndarray:
    """Return a plan of as many steps as a calm machine makes in so many seconds, however long they take here."""
    return design(problem, Control(seed=seed, time_limit=600.0), seconds=seconds)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("contiguous", [True, False])
def test_plan_keeps_all_bounds_and_costs_far_less_than_bisection(seed: int, contiguous: bool) -> None:
    problem = clustered(2_000, 12, seed=seed, contiguous=contiguous)
    halved = bisect(problem.x, problem.y, problem.activities[0].amounts, parts=problem.k)

    worth = score(problem, plan_of(problem, seed=seed, seconds=0.4))

    assert worth.is_feasible
    assert worth.cost < 0.85 * score(problem, halved).cost


def test_same_seed_makes_same_plan_and_another_seed_another() -> None:
    problem = clustered(1_500, 10)
    plans = [plan_of(problem, seed=seed, seconds=0.6) for seed in (3, 3, 4)]

    assert (plans[0] == plans[1]).all()
    assert (plans[0] != plans[2]).any()


def test_distances_to_members_are_shortened_too() -> None:
    problem = replace(clustered(1_500, 10), objective=Objective.DISTANCE)
    halved = bisect(problem.x, problem.y, problem.activities[0].amounts, parts=problem.k)

    worth = score(problem, plan_of(problem, seconds=0.6))

    assert worth.is_feasible
    assert worth.cost < 0.95 * score(problem, halved).cost


def test_several_activities_keep_their_bounds() -> None:
    problem = clustered(2_000, 8)
    accounts = even("accounts", np.ones(problem.n), problem.k, 0.1)
    problem = replace(problem, activities=(*problem.activities, accounts))

    assert score(problem, plan_of(problem, seconds=0.8)).is_feasible


def test_homes_locks_and_what_is_allowed_hold() -> None:
    problem = clustered(1_500, 6)
    random = np.random.default_rng(1)
    start = plan_of(problem, seconds=0.2)
    homes = centres_of(problem, start)
    homes[0] = np.nan
    locked = np.where(random.uniform(0, 1, problem.n) < 0.1, start, FREE).astype(np.int32)
    allowed = random.uniform(0, 1, (problem.n, problem.k)) < 0.9
    allowed[np.arange(problem.n), start] = True
    problem = replace(problem, homes=homes, locked=locked, allowed=allowed)

    worth = score(problem, plan_of(problem, seconds=0.8))

    assert worth.misplaced == worth.strays == worth.unassigned == worth.empty == 0
    assert worth.excess.max() < 1e-6


def test_dear_moves_leave_a_sound_plan_as_it_is() -> None:
    problem = clustered(1_000, 6)
    current = plan_of(problem, seconds=0.2)
    problem = replace(problem, current=current, move_price=np.full(problem.n, 1e9))

    assert score(problem, plan_of(problem, seed=9, seconds=0.4)).moved == 0


def test_search_without_bounds_is_clustering() -> None:
    problem = replace(clustered(1_000, 5), activities=())

    assert score(problem, plan_of(problem, seconds=0.2)).is_feasible


def test_one_territory_has_all() -> None:
    assert (plan_of(clustered(300, 1), seconds=0.2) == 0).all()


def test_cancel_hands_back_a_whole_plan() -> None:
    problem = clustered(3_000, 15)
    told: list[Progress] = []
    control = Control(time_limit=600.0, tell=told.append)
    timer = Timer(0.5, control.cancel)
    timer.start()

    worth = score(problem, find(problem, control).plan)
    timer.cancel()

    assert control.reason() is Stop.CANCELLED
    assert worth.strays == worth.unassigned == worth.empty == 0
    assert told
    shares = [one.share for one in told]
    assert shares == sorted(shares)


def test_strays_and_empty_territories_are_mended() -> None:
    problem = clustered(400, 5)
    plan = np.random.default_rng(0).integers(0, 4, problem.n)
    assert problem.adjacency is not None

    mended = join_strays(problem, plan, centres_of(problem, plan), problem.adjacency)

    worth = score(problem, mended)
    assert worth.strays == worth.empty == worth.unassigned == 0
