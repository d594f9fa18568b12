"""Repairs of drifted and damaged alignments, against every plan there is and against the judge."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from threading import Timer

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from merestone.base.errors import UsageError
from merestone.core.design.control import Control, Stop
from merestone.core.design.problem import FREE, Activity, Adjacency, MoveCap, Objective, Problem
from merestone.core.design.repair import Repair, Wanted, repair
from merestone.core.design.repair import exact as exactly
from merestone.core.design.scoring import score

SECONDS = 20.0


def grid(wide: int, high: int, k: int, *, contiguous: bool = True, tolerance: float = 0.1) -> Problem:
    """Return a grid of units of weight 10, in vertical stripes today."""
    n = wide * high
    number = np.arange(n).reshape(high, wide)
    pairs = np.concatenate(
        [
            np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
            np.column_stack([number[:-1].ravel(), number[1:].ravel()]),
        ]
    )
    problem = Problem(
        ids=tuple(f"u{at}" for at in range(n)),
        labels=tuple(f"t{at}" for at in range(k)),
        x=np.arange(n) % wide * 1000.0,
        y=np.arange(n) // wide * 1000.0,
        objective=Objective.INERTIA,
        weights=np.full(n, 10.0),
        adjacency=Adjacency.of(n, pairs) if contiguous else None,
        current=(np.arange(n) % wide * k // wide).astype(np.int32),
    )
    return with_work(problem, np.full(n, 10.0), tolerance)


def with_work(problem: Problem, work: np.ndarray, tolerance: float) -> Problem:
    """Return the problem with such amounts, to be balanced."""
    mean = work.sum() / problem.k
    bounds = np.full(problem.k, mean * (1 - tolerance)), np.full(problem.k, mean * (1 + tolerance))
    return replace(problem, activities=(Activity("work", work, *bounds),), weights=work)


def smallest(problem: Problem, sizes: np.ndarray) -> list[float]:
    """Return the sizes of all repairs that contain no other, ascending."""
    assert problem.current is not None
    repairs: list[tuple[float, frozenset[tuple[int, int]]]] = []
    for rest in product(range(problem.k), repeat=problem.n):
        plan = np.array(rest, np.int32)
        sums = np.bincount(plan, problem.amounts[0], problem.k)
        if (sums < problem.lower[0] - 1e-6).any() or (sums > problem.upper[0] + 1e-6).any():
            continue
        if score(problem, plan).is_feasible:
            changed = np.flatnonzero(plan != problem.current)
            size = float(sizes[changed[problem.current[changed] >= 0]].sum())
            repairs.append((size, frozenset((int(at), int(plan[at])) for at in changed)))
    moves = [made for _, made in repairs]
    return sorted(size for size, made in repairs if not any(other < made for other in moves))


def plan_of(problem: Problem, one: Repair) -> np.ndarray:
    """Return today's plan after the moves."""
    assert problem.current is not None
    plan = problem.current.copy()
    for move in one.moves:
        assert plan[move.unit] == move.source
        plan[move.unit] = move.target
    return plan


@st.composite
def damaged(draw: st.DrawFn) -> Problem:
    """Draw a tiny problem whose alignment is random."""
    wide, high, k = draw(st.sampled_from([(3, 2, 2), (4, 2, 2), (3, 3, 2), (3, 2, 3), (7, 1, 3)]))
    problem = grid(wide, high, k, contiguous=draw(st.booleans()))
    n = problem.n
    work = np.array(draw(st.lists(st.integers(5, 15), min_size=n, max_size=n)), np.float64)
    problem = with_work(problem, work, draw(st.sampled_from([0.1, 0.3, 0.5])))
    current = np.array(draw(st.lists(st.integers(FREE, k - 1), min_size=n, max_size=n)), np.int32)
    locked = np.full(n, FREE, np.int32)
    for unit in draw(st.sets(st.integers(0, n - 1), max_size=2)):
        locked[unit] = current[unit]
    return replace(problem, current=current, locked=locked if (locked >= 0).any() else None)


@given(damaged(), st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
def test_repairs_are_feasible_keep_locks_and_are_the_smallest_there_are(problem: Problem, by_work: bool):
    sizes = problem.amounts[0] if by_work else np.ones(problem.n)
    wanted = Wanted(measure="work" if by_work else "")
    found = repair(problem, Control(0, SECONDS), wanted)
    assert problem.current is not None
    if score(problem, problem.current).is_feasible:
        assert not found.damage
        assert not found.repairs
        return
    least = smallest(problem, sizes)
    assert found.damage
    assert all(one.is_proved for one in found.repairs)
    assert [one.size for one in found.repairs] == pytest.approx(least[:5])
    assert found.is_impossible == (not least)
    for one in found.repairs:
        assert np.array_equal(one.plan, plan_of(problem, one))
        assert score(problem, one.plan).is_feasible
        assert all(move.why.endswith(".") for move in one.moves)


@pytest.mark.parametrize("contiguous", [True, False])
def test_a_drifted_territory_gives_the_one_unit_that_is_too_much(contiguous: bool):
    problem = grid(6, 4, 3, contiguous=contiguous)
    work = problem.amounts[0].copy()
    work[0] = 22.0
    problem = with_work(problem, work, 0.08)
    found = repair(problem, Control(0, SECONDS))
    best = found.repairs[0]
    assert [(one.kind, one.territory) for one in found.damage] == [("over", 0)]
    assert (best.size, best.moved, best.placed) == (1.0, 1, 0)
    assert best.is_proved
    assert best.moves[0].why == "t0 has 1.28 work too much."
    assert best.cost_change == pytest.approx(best.score.cost - found.today.cost)
    assert found.stop is Stop.OPTIMAL


def test_units_of_a_person_who_left_go_to_those_who_stay():
    problem = grid(6, 4, 3, tolerance=0.5)
    assert problem.current is not None
    gone = np.where(problem.current == 1, FREE, problem.current)
    gone = np.where(gone == 2, 1, gone).astype(np.int32)
    problem = with_work(replace(problem, labels=("t0", "t2"), current=gone), problem.amounts[0], 0.2)
    best = repair(problem, Control(0, SECONDS)).repairs[0]
    assert (best.size, best.placed) == (0.0, 8)
    assert {move.why for move in best.moves} == {"Nobody has it today."}


def test_a_territory_in_two_parts_is_joined():
    problem = grid(6, 4, 3, tolerance=0.4)
    assert problem.current is not None
    current = problem.current.copy()
    current[23] = 0
    problem = replace(problem, current=current)
    found = repair(problem, Control(0, SECONDS))
    assert [(one.kind, one.territory, one.amount) for one in found.damage] == [("strays", 0, 1.0)]
    assert [move.why for move in found.repairs[0].moves] == ["It is cut off from the rest of t0."]


def test_what_cannot_be_mended_in_so_few_moves_says_the_least_violation():
    problem = grid(6, 4, 3)
    assert problem.current is not None
    problem = replace(problem, current=np.where(problem.current == 2, 1, problem.current).astype(np.int32))
    found = repair(problem, Control(0, SECONDS), Wanted(most_moves=2))
    assert not found.repairs
    assert found.is_impossible
    assert found.least is not None
    assert (found.least.moved, found.least.is_proved) == (2, True)
    assert found.least.score.excess.sum() == pytest.approx(52.0 + 52.0)
    assert repair(problem, Control(0, SECONDS)).repairs[0].size > 2


def test_groups_pairs_and_caps_are_kept():
    problem = grid(4, 3, 2, tolerance=0.4)
    work = problem.amounts[0].copy()
    work[[0, 4]] = 28.0
    problem = with_work(problem, work, 0.15)
    together = np.full(12, FREE, np.int32)
    together[[0, 1]] = 0
    problem = replace(
        problem,
        together=together,
        together_names=("family",),
        apart=np.array([[5, 6]]),
        move_caps=(MoveCap("", np.ones(12), 3.0, 0.25),),
    )
    found = repair(problem, Control(0, SECONDS))
    assert found.repairs
    for one in found.repairs:
        assert score(problem, one.plan).is_feasible
        assert one.moved <= 3


def test_loads_over_a_capacity_are_brought_within_it():
    problem = replace(grid(4, 3, 2, contiguous=False), activities=(), objective=Objective.DISTANCE)
    load = np.full(12, 10.0)
    load[0] = 25.0
    problem = replace(problem, load=load, capacity=np.full(12, 70.0))
    found = repair(problem, Control(0, SECONDS))
    assert [one.kind for one in found.damage] == ["capacity"]
    assert found.repairs[0].is_proved
    assert found.repairs[0].size == 1
    assert score(problem, found.repairs[0].plan).is_feasible


def test_nothing_is_done_where_nothing_is_wrong():
    found = repair(grid(6, 4, 3), Control(0, SECONDS))
    assert (found.damage, found.repairs, found.least) == ((), (), None)


def test_without_an_alignment_or_with_an_unknown_measure_it_is_wrong_use():
    problem = grid(4, 3, 2)
    with pytest.raises(UsageError):
        repair(replace(problem, current=None), Control(0, 1))
    with pytest.raises(UsageError, match="gold"):
        repair(problem, Control(0, 1), Wanted(measure="gold"))


def drifted(wide: int, high: int, k: int) -> Problem:
    """Return a larger grid whose amounts have drifted."""
    work = np.random.default_rng(4).uniform(4, 16, wide * high)
    return with_work(grid(wide, high, k), work, 0.02)


def test_many_units_are_repaired_without_proof(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exactly, "MOST_COLUMNS", 10)
    problem = drifted(30, 12, 5)
    first, again = (repair(problem, Control(7, 6.0)) for _ in range(2))
    assert first.repairs
    assert not any(one.is_proved for one in first.repairs)
    assert all(one.score.is_feasible for one in first.repairs)
    assert first.notes[-1].startswith("Repairs are the smallest found")
    assert [one.plan.tolist() for one in first.repairs] == [one.plan.tolist() for one in again.repairs]


def test_cancelled_it_returns_what_it_has():
    problem = drifted(40, 30, 10)
    control = Control(0, 600.0)
    Timer(1.5, control.cancel).start()
    found = repair(problem, control)
    assert found.stop is Stop.CANCELLED
    assert found.seconds < 60
