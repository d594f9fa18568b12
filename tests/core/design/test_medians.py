"""Capacitated p-median: the plans are as good as an exact model's, and keep what they must."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from merestone.core.design.control import Control, Progress
from merestone.core.design.problem import FREE, Objective, Problem
from merestone.core.design.scoring import score
from merestone.core.design.search import medians


def a_problem(seed: int, *, n: int = 20, k: int = 4, tight: float = 0.8, floors: bool = False) -> Problem:
    random = np.random.default_rng(seed)
    load = random.integers(1, 20, n).astype(float)
    room = np.ceil(load.sum() / k / tight) + random.integers(0, 6, n)
    return Problem(
        ids=tuple(str(unit) for unit in range(n)),
        labels=tuple(str(territory) for territory in range(k)),
        x=random.uniform(0, 1000, n),
        y=random.uniform(0, 1000, n),
        objective=Objective.DISTANCE,
        weights=random.integers(1, 4, n).astype(float),
        load=load,
        capacity=room,
        floors_distance=floors,
    )


def found(problem: Problem, *, seed: int = 0, time_limit: float = 0.4) -> np.ndarray:
    """The steps follow from ``time_limit``; the clock of a busy machine is left out."""

    class Calm(Control):
        def must_stop(self) -> bool:
            return False

        def left(self) -> float:
            return 1000.0

    return medians.find(problem, Calm(seed=seed, time_limit=time_limit)).plan


def exact_cost(problem: Problem) -> float:
    """The optimum of the whole model, without any of the search's shortcuts, in weight × km."""
    assert problem.load is not None
    assert problem.capacity is not None
    n = problem.n
    metres = np.hypot(problem.x[:, None] - problem.x, problem.y[:, None] - problem.y)
    if problem.floors_distance:
        metres = np.floor(metres)
    cost = (metres * problem.weights[:, None]).ravel()
    served = np.kron(np.eye(n), np.ones(n))
    at = np.tile(np.eye(n), n)
    fits = at * np.repeat(problem.load, n)
    centre = np.zeros((n, n * n))
    centre[np.arange(n), np.arange(n) * (n + 1)] = 1.0
    links = np.eye(n * n) - centre[np.tile(np.arange(n), n)]
    answer = milp(
        cost,
        integrality=np.ones(n * n),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(served, 1, 1),
            LinearConstraint(fits - centre * problem.capacity[:, None], -np.inf, 0),
            LinearConstraint(links, -np.inf, 0),
            LinearConstraint(centre.sum(axis=0)[None], problem.k, problem.k),
        ],
        options={"mip_rel_gap": 0.0},
    )
    assert answer.status == 0
    return float(answer.fun) / 1000.0


@pytest.mark.parametrize(
    ("seed", "k", "tight", "floors"),
    [(1, 4, 0.8, False), (2, 4, 0.93, False), (3, 3, 0.9, True), (4, 6, 0.85, False), (5, 2, 0.95, True)],
)
def test_a_small_plan_costs_what_an_exact_model_says(seed: int, k: int, tight: float, floors: bool) -> None:
    problem = a_problem(seed, k=k, tight=tight, floors=floors)
    worth = score(problem, found(problem))
    assert worth.is_feasible
    assert worth.cost == pytest.approx(exact_cost(problem), rel=1e-6)


@pytest.mark.parametrize(("n", "k", "tight"), [(60, 12, 0.9), (150, 5, 0.95), (200, 40, 0.8), (12, 12, 0.3)])
def test_no_territory_is_over_the_capacity_of_its_centre(n: int, k: int, tight: float) -> None:
    problem = a_problem(7, n=n, k=k, tight=tight)
    assert score(problem, found(problem)).is_feasible


def test_one_territory_takes_all() -> None:
    assert (found(a_problem(1, n=5, k=1)) == 0).all()


def test_units_on_one_spot_and_units_without_load_are_served() -> None:
    problem = a_problem(3, n=40, k=5)
    assert problem.load is not None
    problem = replace(problem, x=np.repeat(problem.x[:8], 5), y=np.repeat(problem.y[:8], 5))
    problem = replace(problem, load=np.where(np.arange(40) % 3 == 0, 0.0, problem.load))
    assert score(problem, found(problem)).is_feasible


def test_the_same_seed_makes_the_same_plan() -> None:
    problem = a_problem(11, n=120, k=10)
    assert (found(problem, seed=5) == found(problem, seed=5)).all()


def test_locks_and_what_is_allowed_hold() -> None:
    problem = a_problem(5, n=40, k=4, tight=0.75)
    locked = np.full(40, FREE, np.int32)
    locked[[0, 1, 2]] = [3, 0, 3]
    allowed = np.ones((40, 4), bool)
    allowed[10:20, 1] = False
    problem = replace(problem, locked=locked, allowed=allowed)
    plan = found(problem)
    assert score(problem, plan).is_feasible
    assert (plan[[0, 1, 2]] == [3, 0, 3]).all()
    assert not (plan[10:20] == 1).any()


def test_fixed_homes_draw_the_units_nearest_to_them() -> None:
    homes = np.array([[100.0, 100.0], [900.0, 100.0], [500.0, 900.0]])
    problem = replace(a_problem(6, n=30, k=3), homes=homes)
    nearest = np.argmin(np.hypot(problem.x[:, None] - homes[:, 0], problem.y[:, None] - homes[:, 1]), axis=1)
    assert (found(problem) == nearest).all()


def test_what_moves_is_worth_its_price() -> None:
    problem = a_problem(8, n=40, k=4, tight=0.7)
    current = found(problem, seed=2)
    current = np.where(np.arange(40) == 0, FREE, current).astype(np.int32)
    dear = replace(problem, current=current, move_price=np.full(40, 1e3))
    plan = found(dear)
    assert (plan[1:] == current[1:]).all()
    moved = np.roll(current, 1)
    cheap = replace(problem, current=moved.astype(np.int32), move_price=np.zeros(40))
    assert score(cheap, found(cheap)).total == pytest.approx(score(problem, found(problem)).total, rel=0.02)


def test_a_cancelled_search_hands_back_a_whole_plan_at_once() -> None:
    problem = a_problem(9, n=600, k=30)
    found(a_problem(9, n=30, k=3))
    control = Control(time_limit=600.0)
    begun, ended = threading.Event(), []
    control.tell = lambda progress: begun.set()

    def run() -> None:
        ended.append(medians.find(problem, control).plan)

    searching = threading.Thread(target=run)
    searching.start()
    assert begun.wait(60)
    control.cancel()
    searching.join(10)
    assert not searching.is_alive()
    assert set(ended[0].tolist()) == set(range(30))


def test_progress_grows() -> None:
    seen: list[Progress] = []
    medians.find(a_problem(1), Control(time_limit=0.4, tell=seen.append))
    shares = [one.share for one in seen]
    assert shares
    assert shares == sorted(shares)
