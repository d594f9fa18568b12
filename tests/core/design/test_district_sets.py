"""All sets of units that could be a territory: each met once, none left out, and what follows from that for plans."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from tests.core.design.test_district_pool import uneven

from merestone.core.design.control import Control, Stop
from merestone.core.design.loops.districts_pool import price
from merestone.core.design.problem import Activity, Objective, Problem
from merestone.core.design.scoring import score
from merestone.core.design.search.district_ground import make_ground
from merestone.core.design.search.district_pool import words_of
from merestone.core.design.search.district_rounds import pooled
from merestone.core.design.search.district_sets import KEEPS_ALL, _Work, can_settle, settle
from merestone.core.design.search.districts import find
from merestone.core.design.solve import solve

OBJECTIVES = (Objective.INERTIA, Objective.DISTANCE)


def all_sets(problem: Problem) -> dict[int, float]:
    """Return every balanced, connected set of units, as bits, with its cost: by looking at all of them."""
    graph = problem.adjacency
    assert graph is not None
    near = [0] * problem.n
    for a, b in graph.pairs():
        near[a] |= 1 << int(b)
        near[b] |= 1 << int(a)
    found = {}
    for size in range(1, problem.n + 1):
        for units in combinations(range(problem.n), size):
            at = list(units)
            bits = sum(1 << unit for unit in at)
            if any(
                not activity.lower[0] - 1e-7 <= activity.amounts[at].sum() <= activity.upper[0] + 1e-7
                for activity in problem.activities
            ):
                continue
            seen, front = 1 << at[0], [at[0]]
            while front:
                more = near[front.pop()] & bits & ~seen
                seen |= more
                front += [unit for unit in at if more >> unit & 1]
            if seen == bits:
                found[bits] = cheapest(problem, at)
    return found


def cheapest(problem: Problem, units: list[int]) -> float:
    x, y = problem.x[units] / 1000.0, problem.y[units] / 1000.0
    away = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    if problem.objective is not Objective.INERTIA:
        away = np.sqrt(away)
    return float((away * problem.weights[units]).sum(axis=1).min())


def best_partition(problem: Problem, sets: dict[int, float]) -> float:
    """Return what the cheapest plan costs: by putting together the first unit's sets with all that fits."""
    full = (1 << problem.n) - 1

    def rest(used: int, left: int) -> float:
        if used == full:
            return 0.0 if left == 0 else np.inf
        if left == 0:
            return np.inf
        first = ~used & (used + 1)
        return min(
            (
                cost + rest(used | bits, left - 1)
                for bits, cost in sets.items()
                if bits & first and not bits & used
            ),
            default=np.inf,
        )

    return float(rest(0, problem.k))


def worked(problem: Problem, *, seconds: float = 1.0) -> _Work:
    ground, control = make_ground(problem), Control(time_limit=60.0)
    met: list = []
    outcomes = pooled(problem, ground, seconds, control, met=met)
    return _Work(ground, met, [one.plan for one in outcomes if one.rank[0] == 0.0], control)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seed", [1, 2])
def test_sets_below_a_limit_are_met_once_each_and_all_of_them(objective: Objective, seed: int) -> None:
    problem = uneven(4, 4, 3, seed=seed, tolerance=0.2, objective=objective)
    work = worked(problem)
    random = np.random.default_rng(seed)
    prices = np.append(
        random.uniform(0.0, 2.0, problem.n) * work.scale * problem.k / problem.n, 0.1 * work.scale
    )
    for share in (-0.3, 0.1, 5.0):
        limit = share * work.scale
        grown = work._grow(prices, limit, most=1e9, is_best=False)
        assert grown is not None
        assert grown.is_all
        wanted = {}
        for bits, cost in all_sets(problem).items():
            reduced = cost - prices[-1] - sum(prices[unit] for unit in range(problem.n) if bits >> unit & 1)
            if reduced < limit:
                wanted[bits] = reduced
        assert len(grown.columns) == len(wanted)
        met = {int(word): value for word, value in zip(grown.columns[:, 0], grown.reduced, strict=True)}
        assert met == pytest.approx(wanted, rel=1e-9, abs=1e-9 * work.scale)
    assert len(wanted) > 50


def test_only_the_cheapest_are_kept_where_room_is_scarce() -> None:
    problem = uneven(4, 4, 3, seed=3, tolerance=0.3)
    work = worked(problem)
    prices = np.append(np.full(problem.n, 2.0 * work.scale * problem.k / problem.n), 0.0)
    every = work._grow(prices, 0.0, most=1e9, is_best=False)
    few = work._grow(prices, 0.0, most=1e9, is_best=True)
    assert every is not None
    assert few is not None
    assert len(few.reduced) < len(every.reduced)
    assert few.reduced.min() == pytest.approx(every.reduced.min())


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_plan_is_the_cheapest_there_is_and_the_bound_says_so(objective: Objective, seed: int) -> None:
    problem = uneven(4, 4, 3, seed=seed, tolerance=0.15, objective=objective)
    ground, control = make_ground(problem), Control(time_limit=60.0, seed=seed)
    met: list = []
    pooled(problem, ground, 1.0, control, met=met)
    fresh = Control(time_limit=60.0, seed=seed)  # that no plan was told to
    settled = settle(ground, met, [], seconds=5.0, control=fresh)
    best = best_partition(problem, all_sets(problem))
    if np.isinf(best):
        assert settled.plan is None
        return
    assert settled.plan is not None
    assert score(problem, settled.plan).is_feasible
    assert score(problem, settled.plan).total == pytest.approx(best)
    assert settled.bound == pytest.approx(best, rel=1e-6)
    assert settled.bound <= best


def test_map_without_any_plan_has_no_bound_that_is_absurd() -> None:
    problem = uneven(4, 4, 3, seed=3, tolerance=0.15)
    assert np.isinf(best_partition(problem, all_sets(problem)))
    work = worked(problem)
    work.relax()
    work.search(5.0)
    assert work.plan is None
    assert work.bound < work.ceiling


def test_bound_is_valid_when_time_is_short() -> None:
    problem = uneven(5, 4, 4, seed=5, tolerance=0.1)
    ground, control = make_ground(problem), Control(time_limit=60.0)
    met: list = []
    outcomes = pooled(problem, ground, 1.0, control, met=met)
    good = [one.plan for one in outcomes if one.rank[0] == 0.0]
    short = settle(ground, met, good, seconds=1e-4, control=control)
    long = settle(ground, met, good, seconds=20.0, control=Control(time_limit=60.0))
    assert short.bound is not None
    assert long.bound is not None
    cheapest_known = min(float(one.cost) for one in outcomes if one.rank[0] == 0.0)
    if long.plan is not None:
        cheapest_known = score(problem, long.plan).total
    assert short.bound <= cheapest_known
    assert long.bound == pytest.approx(cheapest_known, rel=1e-6)


def test_every_activity_keeps_its_bounds() -> None:
    problem = uneven(4, 4, 3, seed=6, tolerance=0.2)
    amounts = np.ones(problem.n)
    count = Activity("accounts", amounts, np.full(3, 5.0), np.full(3, 6.0))
    problem = replace(problem, activities=(*problem.activities, count))
    best = best_partition(problem, all_sets(problem))
    assert np.isfinite(best)
    result = solve(problem, Control(time_limit=6.0))
    assert result.score.is_feasible
    assert result.score.total == pytest.approx(best)
    assert result.bound is not None
    assert result.bound <= best


def test_uneven_map_is_proved_optimal_by_its_sets() -> None:
    problem = uneven(8, 6, 6, seed=2, tolerance=0.04)
    assert can_settle(make_ground(problem))
    result = solve(problem, Control(time_limit=20.0, seed=3))
    assert result.stop is Stop.OPTIMAL
    assert result.is_proved
    assert KEEPS_ALL in result.notes


def test_same_seed_gives_the_same_plan_and_bound() -> None:
    problem = uneven(6, 6, 5, seed=4, tolerance=0.05)
    one, two = (find(problem, Control(time_limit=6.0, seed=9)) for _ in range(2))
    assert one.plan.tolist() == two.plan.tolist()
    assert one.bound == two.bound


def test_cancel_is_heard_while_sets_are_grown() -> None:
    problem = uneven(8, 8, 5, seed=1, tolerance=0.5)
    work = worked(problem)
    work.control.cancel()
    assert work._grow(np.zeros(problem.n + 1), np.inf, most=1e12, is_best=False) is None


def test_sets_are_priced_as_the_judge_does() -> None:
    problem = uneven(4, 4, 3, seed=1, tolerance=0.3)
    ground = make_ground(problem)
    for bits, cost in list(all_sets(problem).items())[:40]:
        plan = np.array([0 if bits >> unit & 1 else 1 for unit in range(problem.n)], np.int32)
        costs = np.zeros(1)
        price(ground, words_of(plan, 2)[:1], costs, np.zeros(problem.n, np.int32))
        assert costs[0] == pytest.approx(cost)
