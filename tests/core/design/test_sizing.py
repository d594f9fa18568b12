"""More people reach more, each less than the one before; the recommended number is the most profitable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merestone.base.errors import InvalidInputError
from merestone.core.design.sizing import Response, SizingTerms, _Book, size_force

rising = st.lists(st.floats(0.01, 0.99), min_size=4, max_size=4, unique=True).map(sorted)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    steps = np.cumsum(draw(st.lists(st.floats(0.05, 1), min_size=4, max_size=4)))
    none = draw(st.sampled_from([0.0, 0.1]))
    return Response(none, *(none + (1 - none) * steps[:3] / steps[3]).tolist())


@st.composite
def books(draw: st.DrawFn) -> dict:
    n = draw(st.integers(1, 8))
    return {
        "workload": np.array(draw(st.lists(st.floats(1, 1000), min_size=n, max_size=n))),
        "potential": np.array(draw(st.lists(st.floats(1, 1e6), min_size=n, max_size=n))),
    }


@given(books(), responses())
@settings(max_examples=50)
def test_more_people_reach_more_and_each_less_than_the_one_before(book: dict, response: Response) -> None:
    terms = SizingTerms(200.0, 1.0, 0.5, response)
    held = _Book(book["workload"], book["potential"], response)
    reached = np.array([held.reached(k * terms.hours) for k in range(12)])
    gains = np.diff(reached)
    tolerance = 1e-6 * book["potential"].sum()
    assert (gains >= -tolerance).all()
    assert (np.diff(gains) <= tolerance).all()
    assert reached[0] == pytest.approx(response.none * book["potential"].sum())
    assert reached[-1] <= response.most * book["potential"].sum() + tolerance


@given(books(), responses(), st.floats(100, 50_000))
@settings(max_examples=50)
def test_no_other_number_is_more_profitable(book: dict, response: Response, cost: float) -> None:
    terms = SizingTerms(150.0, cost, 0.4, response)
    found = size_force(book["workload"], book["potential"], terms)
    held = _Book(book["workload"], book["potential"], response)

    def profit(people: int) -> float:
        return terms.margin * held.reached(people * terms.hours) - cost * people

    best = max(profit(k) for k in range(1, found.people + 40))
    assert profit(found.people) == pytest.approx(best, abs=1e-5 * book["potential"].sum())
    assert found.cost_range[0] <= cost * (1 + 1e-6)
    assert cost <= found.cost_range[1] * (1 + 1e-6)


@given(books(), responses())
@settings(max_examples=40)
def test_hours_are_spent_where_they_bring_most(book: dict, response: Response) -> None:
    """No other way to share the hours reaches more: small amounts moved from one unit to another never help."""
    held = _Book(book["workload"], book["potential"], response)
    hours = 0.7 * float(book["workload"].sum())
    best = held.reached(hours)
    rng = np.random.default_rng(0)
    for _ in range(20):
        shares = rng.dirichlet(np.full(len(book["workload"]), 0.7))
        u = shares * hours / book["workload"]
        assert (book["potential"] * response.reached(u)).sum() <= best * (1 + 1e-6) + 1e-6


@given(responses())
def test_response_goes_through_what_was_answered(response: Response) -> None:
    at = response.reached(np.array([0.0, 1.0, 1e12]))
    assert at[0] == pytest.approx(response.none)
    if response.knee <= 1:
        assert at[1] == pytest.approx(response.full)
    if response.knee <= 0.5:
        assert response.reached(np.array([0.5]))[0] == pytest.approx(response.half)
    u = np.linspace(0, 5, 400)
    curve = response.reached(u)
    assert (np.diff(curve) >= -1e-12).all()
    assert (np.diff(curve, 2) <= 1e-9).all(), "it must be concave"


def test_usual_response_has_the_elasticity_of_the_literature() -> None:
    assert Response().elasticity == pytest.approx(1 / 3)
    assert Response().c == pytest.approx(1)


def test_one_unit_by_hand() -> None:
    # r(u) = u / (1/2 + u); 1,000,000 × 0.3 margin; 1,000 hours per person and 1,000 planned.
    found = size_force(
        np.array([1000.0]), np.array([1_000_000.0]), SizingTerms(1000.0, 50_000.0, 0.3), today=2
    )
    profits = {k: 300_000 * k / (0.5 + k) - 50_000 * k for k in range(1, 9)}
    assert found.people == max(profits, key=profits.__getitem__) == 1
    by_people = {row.people: row for row in found.rows}
    assert by_people[1].gain == pytest.approx(200_000)
    assert by_people[2].profit == pytest.approx(profits[2])
    assert by_people[2].utilisation == 0.5
    assert found.by_workload == 1


def test_without_potential_the_workload_decides() -> None:
    found = size_force(np.full(10, 330.0), None, SizingTerms(1600.0))
    assert (found.people, found.by_workload, found.has_potential) == (3, 3, False)
    assert [row.people for row in found.rows] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("change", [{"hours": 0}, {"margin": 1.5}, {"cost": -1}, {"response": Response(0.5, 0.4, 0.7, 1)}])  # fmt: skip
def test_what_makes_no_sense_is_refused(change: dict) -> None:
    terms = SizingTerms(**{"hours": 1600.0, "cost": 1.0, "margin": 0.3} | change)
    with pytest.raises(InvalidInputError) as caught:
        size_force(np.array([1.0]), np.array([1.0]), terms)
    assert caught.value.problems
