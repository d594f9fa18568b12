"""Assignments are the best there are, forbidden pairs never come, and what a choice would lose is exact."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.core.design.staffing_match import match

VACANT = -1


@st.composite
def cases(draw: st.DrawFn) -> dict:
    k, m = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    points = draw(st.lists(st.integers(0, 100), min_size=k * m, max_size=k * m))
    allowed = draw(st.lists(st.booleans(), min_size=k * m, max_size=k * m))
    most = draw(st.lists(st.integers(0, 3), min_size=m, max_size=m))
    return {
        "points": np.array(points, dtype=float).reshape(k, m),
        "allowed": np.array(allowed).reshape(k, m),
        "most": np.array(most),
        "further": float(draw(st.sampled_from([0, 5, 30]))),
        "fixed": draw(
            st.dictionaries(st.integers(0, k - 1), st.integers(-1, m - 1), max_size=draw(st.integers(0, 2)))
        ),
    }


def worth(case: dict, chosen: tuple[int, ...]) -> tuple[int, float] | None:
    """Return (staffed, points) of an assignment, or None when it may not be."""
    points, fixed = case["points"], case["fixed"]
    for at, person in enumerate(chosen):
        if at in fixed and fixed[at] != person:
            return None
        if at not in fixed and person != VACANT and not case["allowed"][at, person]:
            return None
    total = 0.0
    for person in range(points.shape[1]):
        n = chosen.count(person)
        n_fixed = list(fixed.values()).count(person)
        if n > max(case["most"][person], n_fixed):
            return None
        total -= case["further"] * n * (n - 1) / 2
    total += sum(points[at, person] for at, person in enumerate(chosen) if person != VACANT)
    return sum(person != VACANT for person in chosen), total


def best(case: dict, *, forced: tuple[int, int] | None = None) -> tuple[int, float] | None:
    """Return the worth of the best assignment, by trying all."""
    k, m = case["points"].shape
    found = [
        value
        for chosen in product(range(-1, m), repeat=k)
        if (forced is None or chosen[forced[0]] == forced[1]) and (value := worth(case, chosen)) is not None
    ]
    return max(found) if found else None


@given(cases())
def test_no_assignment_is_better(case: dict) -> None:
    found = match(**case)
    value = worth(case, tuple(found.chosen.tolist()))
    assert value is not None, "it breaks a rule"
    expected = best(case)
    assert expected is not None
    assert value == (expected[0], pytest.approx(expected[1]))
    assert found.total == pytest.approx(value[1])


@given(cases())
def test_what_another_choice_loses_is_exact(case: dict) -> None:
    found = match(**case)
    whole = best(case)
    assert whole is not None
    k, m = case["points"].shape
    for at, person in product(range(k), range(m)):
        others = {one: who for one, who in case["fixed"].items() if one != at}
        forced = best({**case, "fixed": others}, forced=(at, person))
        if person == found.chosen[at]:
            assert (found.lost[at, person], found.vacancies[at, person]) == (0, 0)
        elif forced is None:
            assert np.isinf(found.lost[at, person])
        else:
            assert found.vacancies[at, person] == whole[0] - forced[0]
            assert found.lost[at, person] == pytest.approx(whole[1] - forced[1], abs=1e-6)


@given(cases())
def test_only_choices_by_hand_stand_against_what_is_forbidden(case: dict) -> None:
    found = match(**case)
    for at, person in enumerate(found.chosen.tolist()):
        if person != VACANT and at not in case["fixed"]:
            assert case["allowed"][at, person]
        if at in case["fixed"]:
            assert person == case["fixed"][at]


def test_a_second_territory_goes_to_somebody_else_unless_they_are_much_worse() -> None:
    points = np.array([[90.0, 85.0], [90.0, 85.0]])
    everybody = np.ones((2, 2), dtype=bool)
    most = np.array([2, 2])
    near = match(points, everybody, most=most, further=10.0, fixed={})
    assert sorted(near.chosen.tolist()) == [0, 1]
    far = match(points, everybody, most=most, further=2.0, fixed={})
    assert far.chosen.tolist() == [0, 0]
    assert far.total == 178.0


def test_a_vacancy_is_worse_than_any_loss_of_points() -> None:
    points = np.array([[100.0, 0.0], [99.0, 0.0]])
    allowed = np.array([[True, True], [True, False]])
    found = match(points, allowed, most=np.array([1, 1]), further=0.0, fixed={})
    assert found.chosen.tolist() == [1, 0]
    assert (found.vacancies[0, 0], found.lost[0, 0]) == (1, -1.0)


def test_nobody_at_all_leaves_everything_vacant() -> None:
    found = match(
        np.zeros((2, 0)), np.zeros((2, 0), dtype=bool), most=np.zeros(0, dtype=int), further=0.0, fixed={}
    )
    assert found.chosen.tolist() == [VACANT, VACANT]
