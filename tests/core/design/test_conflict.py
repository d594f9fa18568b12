"""Wishes in conflict against an enumeration of every plan of tiny problems."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merestone.core.design.conflict import find_conflict, is_plainly_possible
from merestone.core.design.conflict_model import Kind, Wish, cliques, wishes_of
from merestone.core.design.conflict_words import as_dict, not_found, told
from merestone.core.design.problem import FREE, Activity, MoveCap, Objective, Problem
from merestone.core.design.scoring import score


def small(n: int, k: int, amounts: list[int], lower: list[int], upper: list[int], **more) -> Problem:
    """Return units on a line with one activity."""
    work = Activity("work", np.array(amounts, float), np.array(lower, float), np.array(upper, float))
    return Problem(
        ids=tuple(f"u{at}" for at in range(n)),
        labels=tuple(f"t{at}" for at in range(k)),
        x=np.arange(n) * 1000.0,
        y=np.zeros(n),
        objective=Objective.INERTIA,
        weights=np.ones(n),
        activities=(work,),
        **more,
    )


def keeps(problem: Problem, wish: Wish, plan: np.ndarray, *, by: float = 0.0) -> bool:
    """Whether a plan keeps a wish, relaxed by so much."""
    if wish.kind in (Kind.LOWER, Kind.UPPER):
        one = problem.activities[wish.at]
        sums = np.bincount(plan, one.amounts, problem.k)[list(wish.territories)]
        if wish.kind is Kind.LOWER:
            return bool((sums >= one.lower[list(wish.territories)] - by - 1e-5).all())
        return bool((sums <= one.upper[list(wish.territories)] + by + 1e-5).all())
    if wish.kind in (Kind.LOCK, Kind.ELIGIBILITY):
        return set(plan[wish.units].tolist()) <= set(wish.territories)
    if wish.kind is Kind.TOGETHER:
        return len(set(plan[wish.units].tolist())) == 1
    if wish.kind is Kind.APART:
        return len(set(plan[wish.units].tolist())) == len(wish.units)
    cap = problem.move_caps[wish.at]
    moved = (problem.current >= 0) & (plan != problem.current)
    return bool(cap.amounts[moved].sum() <= cap.most + by + 1e-5)


def table_of(problem: Problem, wishes: list[Wish]) -> np.ndarray:
    """Return which plan (rows) keeps which wish."""
    plans = [np.array(one) for one in product(range(problem.k), repeat=problem.n)]
    plans = [one for one in plans if len(set(one.tolist())) == problem.k]
    return np.array([[keeps(problem, wish, plan) for wish in wishes] for plan in plans]).reshape(
        len(plans), len(wishes)
    )


def number_of(wishes: list[Wish], one: Wish) -> int:
    return next(
        at
        for at, wish in enumerate(wishes)
        if (wish.kind, wish.at, wish.territories) == (one.kind, one.at, one.territories)
        and np.array_equal(wish.units, one.units)
    )


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    n, k = draw(st.integers(3, 5)), draw(st.integers(2, 3))
    whole = st.integers(1, 9)
    amounts = draw(st.lists(whole, min_size=n, max_size=n))
    lower = draw(st.lists(st.integers(0, 12), min_size=k, max_size=k))
    upper = [low + draw(st.integers(0, 14)) for low in lower]
    problem = small(n, k, amounts, lower, upper)
    territory = st.integers(0, k - 1)
    if draw(st.booleans()):
        locked = draw(st.lists(st.one_of(st.just(FREE), territory), min_size=n, max_size=n))
        if max(locked) >= 0:
            problem = replace(problem, locked=np.array(locked, np.int32))
    if draw(st.booleans()):
        rows = st.lists(st.booleans(), min_size=k, max_size=k)
        problem = replace(problem, allowed=np.array(draw(st.lists(rows, min_size=n, max_size=n))))
    if draw(st.booleans()):
        size = draw(st.integers(2, n))
        together = np.where(np.arange(n) < size, 0, FREE).astype(np.int32)
        problem = replace(problem, together=together, together_names=("g",))
    if draw(st.booleans()):
        pairs = draw(st.lists(st.sampled_from(list(combinations(range(n), 2))), min_size=1, max_size=4))
        problem = replace(problem, apart=np.unique(np.array(pairs), axis=0))
    if draw(st.booleans()):
        current = np.array(draw(st.lists(territory, min_size=n, max_size=n)), np.int32)
        cap = MoveCap("", np.ones(n), float(draw(st.integers(0, 2))), 0.1)
        problem = replace(problem, current=current, move_caps=(cap,))
    return problem


@settings(max_examples=60, deadline=None)
@given(problems())
def test_a_conflict_is_one_and_has_no_wish_too_many(problem: Problem):
    wishes = wishes_of(problem)
    kept = table_of(problem, wishes)
    found = find_conflict(problem)
    if found is None:
        assert kept.all(axis=1).any()
        return
    chosen = [number_of(wishes, one) for one in found.wishes]
    assert not kept[:, chosen].all(axis=1).any()
    for at in chosen:
        assert kept[:, [other for other in chosen if other != at]].all(axis=1).any()
    assert found.is_smallest
    for fewer in combinations(range(len(wishes)), len(chosen) - 1):
        assert kept[:, list(fewer)].all(axis=1).any()


@settings(max_examples=40, deadline=None)
@given(problems())
def test_the_least_relaxation_is_enough_and_no_less_is(problem: Problem):
    found = find_conflict(problem)
    if found is None:
        return
    wishes = wishes_of(problem)
    kept = table_of(problem, wishes)
    plans = [np.array(one) for one in product(range(problem.k), repeat=problem.n)]
    plans = [one for one in plans if len(set(one.tolist())) == problem.k]
    chosen = [number_of(wishes, one) for one in found.wishes]
    for one, missed, enough in zip(found.wishes, found.missed, found.is_enough, strict=True):
        if one.kind not in (Kind.LOWER, Kind.UPPER, Kind.MOVES):
            continue
        at = number_of(wishes, one)
        rest = [other for other in (range(len(wishes)) if enough else chosen) if other != at]
        possible = [plan for plan, row in zip(plans, kept, strict=True) if row[rest].all()]
        assert missed is not None
        assert any(keeps(problem, one, plan, by=missed) for plan in possible)
        assert not any(keeps(problem, one, plan, by=missed - 0.5) for plan in possible)


@settings(max_examples=40, deadline=None)
@given(problems(), st.integers(14, 30))
def test_many_alike_units_are_told_the_truth(problem: Problem, times: int):
    """A feasible tiny problem stays so when each unit is there several times: splits are only relaxed."""
    if find_conflict(problem) is not None or problem.apart is not None:
        return
    again = np.repeat(np.arange(problem.n), times)

    def more(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[again]

    one = problem.activities[0]
    large = Problem(
        ids=tuple(f"{problem.ids[at]}-{number}" for number, at in enumerate(again)),
        labels=problem.labels,
        x=problem.x[again],
        y=problem.y[again],
        objective=problem.objective,
        weights=problem.weights[again],
        activities=(Activity("work", one.amounts[again], one.lower * times, one.upper * times),),
        locked=more(problem.locked),
        allowed=more(problem.allowed),
        current=more(problem.current),
        together=more(problem.together),
        together_names=problem.together_names,
        move_caps=tuple(
            MoveCap(cap.name, cap.amounts[again], cap.most * times, cap.share) for cap in problem.move_caps
        ),
    )
    assert find_conflict(large) is None


def test_too_few_for_a_language_are_named_with_what_would_do():
    n, k = 100, 5
    allowed = np.ones((n, k), bool)
    allowed[:62, 2:] = False
    problem = small(n, k, [10] * n, [160] * k, [240] * k, allowed=allowed)
    found = find_conflict(problem)
    assert found is not None
    assert found.is_smallest
    assert sorted(str(one.kind) for one in found.wishes) == ["eligibility", "upper", "upper"]
    needs = tuple("language fr" if at < 62 else "" for at in range(n))
    said = " ".join(str(one) for one in told(problem, found, needs))
    assert "Only 't0' and 't1' (2 of 5) may take 62 units with language fr (62 % of 'work')" in said
    assert "If units with 140 of 'work' may go elsewhere, the rest is possible." in said
    as_json = as_dict(problem, found, needs)
    assert as_json["is_proved"]
    assert {one["kind"]: one["relax_by"] for one in as_json["wishes"]} == {
        "eligibility": pytest.approx(140, abs=0.01),
        "upper": pytest.approx(140, abs=0.01),
    }


def test_two_columns_that_cannot_both_be_even_are_found():
    n = 80
    work, money = np.where(np.arange(n) < 40, 10.0, 1.0), np.where(np.arange(n) < 40, 1.0, 10.0)
    allowed = np.ones((n, 2), bool)
    allowed[:40, 1] = False
    bounds = [np.full(2, 0.0), np.full(2, 430.0)]
    problem = replace(
        small(n, 2, [1] * n, [0, 0], [80, 80], allowed=allowed),
        activities=(
            Activity("work", work, *bounds),
            Activity("money", money, np.array([400.0, 0.0]), np.array([440.0, 440.0])),
        ),
    )
    found = find_conflict(problem)
    assert found is not None
    # 400 of work are the first's alone, 30 more of it are 30 units with 300 of money: 340 at most, so 400 cannot be had.
    assert find_conflict(replace(problem, activities=problem.activities[:1])) is None


def test_a_problem_without_special_wishes_needs_no_programme():
    assert is_plainly_possible(small(40, 4, [10] * 40, [90] * 4, [110] * 4))
    assert not is_plainly_possible(small(40, 4, [10] * 40, [101] * 4, [110] * 4))


def test_totals_that_do_not_fit_are_a_conflict_of_all_lower_bounds():
    problem = small(40, 4, [10] * 40, [101] * 4, [110] * 4)
    found = find_conflict(problem)
    assert found is not None
    assert [one.kind for one in found.wishes] == [Kind.LOWER] * 4
    said = [str(one) for one in told(problem, found)]
    assert said[1].startswith("--balance: Each of the 4 territories must have at least 101 of 'work'.")


@given(st.lists(st.sampled_from(list(combinations(range(7), 2))), min_size=1, max_size=12))
def test_cliques_hold_every_pair_and_nothing_else(pairs: list[tuple[int, int]]):
    found = cliques(np.array(pairs))
    held = {pair for one in found for pair in combinations(one.tolist(), 2)}
    assert held == set(pairs)


def test_what_a_plan_breaks_is_told_with_the_bound_that_would_do():
    problem = small(4, 2, [10, 10, 10, 15], [20, 20], [24, 24])
    told_so = not_found(problem, score(problem, np.array([0, 0, 1, 1])))
    assert told_so is not None
    assert not told_so["is_proved"]
    assert [one["wish"] for one in told_so["wishes"]] == [
        "Territory 't1' should have at most 24 of 'work' and has 25."
    ]
    assert told_so["wishes"][0]["relaxation"] == "With 25 this plan would keep it."
    assert not_found(problem, score(replace(problem, activities=()), np.array([0, 0, 1, 1]))) is None
