"""A gallery's plans: all sound, none worse than another in every way, the same for the same seed."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from threading import Timer

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from merestone.core.design.control import Control, Progress, Stop
from merestone.core.design.gallery import Gallery, Measures, changes_of, gallery, measures_of
from merestone.core.design.gallery.choose import spread, undominated
from merestone.core.design.gallery.family import aims, narrowed
from merestone.core.design.problem import FREE, Activity, Adjacency, MoveCap, Objective, Problem
from merestone.core.design.scoring import score

SECONDS = 6.0


def land(
    wide: int,
    high: int,
    k: int,
    *,
    seed: int = 0,
    objective: Objective = Objective.INERTIA,
    has_today: bool = True,
) -> Problem:
    """Return a grid with uneven work, today in stripes."""
    random = np.random.default_rng(seed)
    n = wide * high
    number = np.arange(n).reshape(high, wide)
    pairs = np.concatenate(
        [
            np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
            np.column_stack([number[:-1].ravel(), number[1:].ravel()]),
        ]
    )
    work = random.integers(5, 16, n).astype(np.float64)
    mean = work.sum() / k
    return Problem(
        ids=tuple(f"u{at}" for at in range(n)),
        labels=tuple(f"t{at}" for at in range(k)),
        x=(np.arange(n) % wide + random.uniform(-0.2, 0.2, n)) * 1000.0,
        y=(np.arange(n) // wide + random.uniform(-0.2, 0.2, n)) * 1000.0,
        objective=objective,
        weights=work,
        activities=(Activity("work", work, np.full(k, 0.8 * mean), np.full(k, 1.2 * mean)),),
        adjacency=Adjacency.of(n, pairs),
        current=(np.arange(n) % wide * k // wide).astype(np.int32) if has_today else None,
    )


def check(problem: Problem, found: Gallery) -> None:
    """Assert what holds of every gallery."""
    assert found.cards
    for card in found.cards:
        worth = score(problem, card.plan)
        assert worth.is_feasible
        assert card.measures == measures_of(problem, worth)
        assert card.loss == worth.moves_cost
        assert card.moved == worth.moved
        assert card.gap is None or 0 <= card.gap <= 1
        if card.asked_bound is not None:
            assert card.asked_bound <= worth.cost * (1 + 1e-9)
    for one, other in permutations(found.cards, 2):
        assert not one.measures.dominates(other.measures)
        assert (one.plan != other.plan).any()


@pytest.mark.parametrize("objective", [Objective.INERTIA, Objective.DISTANCE])
def test_plans_are_sound_and_none_is_worse_than_another_in_every_way(objective: Objective):
    problem = land(12, 8, 4, objective=objective)
    found = gallery(problem, Control(0, SECONDS))
    check(problem, found)
    assert 5 <= len(found.cards) <= 6
    assert [card.measures.disruption for card in found.cards] == sorted(
        card.measures.disruption for card in found.cards
    )
    assert found.cards[0].measures.disruption < found.cards[-1].measures.disruption
    said = [words for card in found.cards for words in card.best_at]
    assert {"Most even", "Fewest moves"} < set(said)
    assert found.today is not None
    assert found.today.cost == score(problem, problem.current).cost


def test_without_today_the_frontier_is_of_balance_and_cost():
    problem = land(12, 8, 4, has_today=False)
    found = gallery(problem, Control(0, SECONDS), plans=5)
    check(problem, found)
    assert found.today is None
    assert all(card.measures.disruption == 0 and not card.changes for card in found.cards)
    costs = [card.measures.cost for card in found.cards]
    evenness = [card.measures.imbalance for card in found.cards]
    assert costs == sorted(costs)
    assert evenness == sorted(evenness, reverse=True)
    assert len(costs) >= 4


def test_same_seed_makes_the_same_plans():
    problem = land(10, 6, 3)
    first, again = (gallery(problem, Control(5, SECONDS)) for _ in range(2))
    assert [card.plan.tolist() for card in first.cards] == [card.plan.tolist() for card in again.cards]
    assert [card.best_at for card in first.cards] == [card.best_at for card in again.cards]


def test_all_wishes_hold_in_every_plan():
    problem = land(10, 6, 3)
    locked = np.full(60, FREE, np.int32)
    locked[[0, 9]] = 0, 2
    together = np.full(60, FREE, np.int32)
    together[[3, 4]] = 0
    problem = replace(
        problem,
        locked=locked,
        together=together,
        together_names=("family",),
        move_caps=(MoveCap("", np.ones(60), 12.0, 0.2),),
        move_price=np.full(60, 30.0),
    )
    found = gallery(problem, Control(0, SECONDS))
    check(problem, found)
    assert all(card.moved <= 12 and card.loss == 30.0 * card.moved for card in found.cards)


def test_capacities_hold_in_every_plan():
    problem = land(10, 6, 3, objective=Objective.DISTANCE)
    load = problem.weights
    room = np.full(60, 1.3 * load.sum() / 3)
    problem = replace(problem, activities=(), adjacency=None, load=load, capacity=room)
    check(problem, gallery(problem, Control(0, SECONDS)))


def test_many_units_have_a_gallery_too(monkeypatch: pytest.MonkeyPatch):
    from merestone.core.design import search
    from merestone.core.design.gallery import runs
    from merestone.core.design.repair import walk

    for module in (search, runs, walk):
        monkeypatch.setattr(module, "MOST_UNITS", 500)
    problem = land(30, 20, 6)
    check(problem, gallery(problem, Control(0, 2 * SECONDS)))


def test_where_nothing_keeps_the_wishes_the_nearest_plan_is_given():
    problem = land(6, 4, 3)
    work = np.full(24, 10.0)
    work[0] = 200.0
    problem = replace(problem, activities=(Activity("work", work, np.full(3, 100.0), np.full(3, 190.0)),))
    found = gallery(problem, Control(0, 2.0))
    assert not found.cards
    assert found.nearest is not None
    assert "No plan was found that keeps all wishes" in found.notes[-1]


def test_progress_rises_and_cancel_shows_what_there_is():
    told: list[Progress] = []
    problem = land(30, 20, 6)
    control = Control(0, 600.0, told.append)
    Timer(3.0, control.cancel).start()
    found = gallery(problem, control)
    assert found.stop is Stop.CANCELLED
    assert found.seconds < 60
    check(problem, found)
    shares = [one.share for one in told]
    assert shares == sorted(shares)


def test_changes_add_up():
    problem = land(10, 6, 3)
    assert problem.current is not None
    plan = problem.current.copy()
    plan[:7] = 2
    current = problem.current.copy()
    current[0] = FREE
    changes = changes_of(replace(problem, current=current), plan)
    assert [one.units for one in changes] == np.bincount(plan, minlength=3).tolist()
    for one in changes:
        assert one.units_today + one.gained - one.lost == one.units
    assert sum(one.gained for one in changes) == sum(one.lost for one in changes) + 1
    assert sum(one.plan[0] for one in changes) == pytest.approx(problem.amounts.sum())


def test_narrower_bounds_lie_within_the_wider_ones_and_can_be_met_by_the_aims():
    problem = land(10, 6, 3)
    uneven = Activity(
        "work", problem.amounts[0], np.array([100.0, 0.0, 200.0]), np.array([250.0, 300.0, np.inf])
    )
    problem = replace(problem, activities=(*problem.activities, replace(uneven, name="more")))
    wanted, small = aims(problem), narrowed(problem, 0.3)
    assert (small.lower >= problem.lower - 1e-9).all()
    assert (small.upper <= problem.upper + 1e-9).all()
    assert (small.lower <= wanted + 1e-9).all()
    assert (small.upper >= wanted - 1e-9).all()


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=20), st.integers(1, 7))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
def test_chosen_plans_are_on_the_frontier_with_the_best_of_each_kind(
    rows: list[tuple[int, int, int]], count: int
):
    measures = [Measures(*map(float, row)) for row in rows]
    plans = [np.array([at]) for at in range(len(rows))]
    chosen = spread(plans, measures, count)
    frontier = [at for at, one in enumerate(measures) if not any(other.dominates(one) for other in measures)]
    assert set(undominated(measures)) <= set(frontier)
    assert set(chosen) <= set(frontier)
    assert len(chosen) == len(set(chosen)) == min(count, len({rows[at] for at in frontier}))
    if count >= 3:
        for axis in range(3):
            assert min(measures[at].values[axis] for at in chosen) == min(row[axis] for row in rows)
