"""What speaks for people, what is required, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from merestone.base.errors import InvalidInputError
from merestone.core.design.staffing import VACANT, Openings, Staff, Staffing, Terms, staff_territories
from merestone.core.design.staffing_words import Telling
from merestone.core.routing.successors import People

NOTHING = frozenset[str]()
NAN = float("nan")


def words(*texts: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(text.split()) for text in texts)


@pytest.fixture
def openings() -> Openings:
    """North (large, English) and south (small, half Spanish); two accounts each."""
    return Openings(
        keys=("n", "s"),
        names=("North", "South"),
        territory=np.array([0, 0, 1, 1]),
        weight=np.array([3.0, 1.0, 1.0, 1.0]),
        latitude=np.array([40.0, 40.0, 30.0, NAN]),
        longitude=np.array([0.0, 1.0, 0.0, 0.0]),
        language=words("en", "en", "en es", "es"),
        industry=words("food", "food", "", ""),
        skills=words("", "", "", ""),
        potential=np.array([500.0, 500.0, 100.0, NAN]),
        revenue=np.array([90.0, 10.0, 0.0, NAN]),
        owner=np.array([0, VACANT, 1, 1]),
        paths={"n": ("top", "n"), "s": ("top", "s")},
    )


@pytest.fixture
def staff() -> Staff:
    """Ana near the north, Ben in the south, Cal of whom little is known."""
    people = People(
        ids=(1, 2, 3),
        load=np.zeros(3),
        capacity=np.full(3, NAN),
        latitude=np.array([40.0, 30.0, NAN]),
        longitude=np.array([0.0, 0.0, NAN]),
        languages=words("en", "en es", "en es"),
        industries=words("food", "", ""),
        skills=(NOTHING,) * 3,
        seniority=("senior", "junior", ""),
        territories=(frozenset({"n"}), frozenset({"s"}), NOTHING),
    )
    return Staff(people, ("Ana", "Ben", "Cal"), np.array([1.2, 0.6, NAN]), np.ones(3, dtype=int))


@pytest.fixture
def found(openings: Openings, staff: Staff) -> Staffing:
    return staff_territories(openings, staff)


def test_parts_by_hand(found: Staffing) -> None:
    parts = found.parts
    assert parts["relationships"][:, 0] == pytest.approx([(0.5 + 0.9) / 2, 0])
    assert parts["relationships"][1, 1] == 1  # without revenue the accounts alone count
    assert parts["language"][1] == pytest.approx([0.25, 1, 1])  # es, and half of an account of en and es
    assert parts["industry"] == pytest.approx(np.array([[1, 0, 0], [1, 1, 1]]))  # the south asks for none
    assert parts["performance"][0] == pytest.approx([0.8, 0.4, 0.6])  # not known: the middling one
    assert parts["seniority"][0] == pytest.approx([2 / 3, 0, 0.5])
    assert parts["place"] == pytest.approx(np.array([[1, 0.6, 0], [0.6, 1, 0]]))
    assert "skills" not in parts
    assert found.km[0, 0] == pytest.approx(85.2 / 4, abs=0.2)  # a quarter of the work is a degree away
    assert found.km[1, 1] == 0
    assert np.isnan(found.km[:, 2]).all()


def test_weights_of_what_is_known_add_up_to_100(found: Staffing) -> None:
    assert sum(found.weights.values()) == pytest.approx(100)
    assert ((found.points >= 0) & (found.points <= 100)).all()
    for part in found.parts.values():
        assert ((part >= 0) & (part <= 1)).all()


def test_only_what_has_weight_counts(openings: Openings, staff: Staff) -> None:
    found = staff_territories(openings, staff, Terms({"language": 1}))
    assert found.points[1] == pytest.approx([25, 100, 100])


def test_metres_are_measured_straight(openings: Openings, staff: Staff) -> None:
    plane = replace(openings, latitude=np.array([0.0, 3000.0, 0, 0]), longitude=np.array([0.0, 4000.0, 0, 0]), is_plane=True)  # fmt: skip
    at_zero = replace(staff.people, latitude=np.zeros(3), longitude=np.zeros(3))
    found = staff_territories(plane, replace(staff, people=at_zero))
    assert found.km[0] == pytest.approx([5 / 4] * 3)


def test_what_is_required_rules_out_and_is_said(openings: Openings, staff: Staff) -> None:
    telling = Telling(staff_territories(openings, staff, Terms(required={"language": 0.6}, most_km=500)))
    assert telling.staffing.allowed.tolist() == [[True, False, True], [False, True, True]]
    assert telling.obstacles(1, 0) == [
        "does not speak es, asked for by 60% of it or more",
        "lives 1112 km away, more than 500",
    ]
    assert telling.why_not(1, 0).startswith("Ana does not speak es")
    by_hand = Telling(staff_territories(openings, staff, Terms(required={"language": 0.6}, fixed={1: 0})))
    assert by_hand.staffing.chosen[1] == 0
    reasons = by_hand.reasons(1, 0)
    assert reasons[0] == "chosen by hand"
    assert "although: does not speak es, asked for by 60% of it or more" in reasons


def test_a_territory_without_the_word_requires_nothing(openings: Openings, staff: Staff) -> None:
    found = staff_territories(openings, staff, Terms(required={"industry": 0.5}))
    assert found.allowed.tolist() == [[True, False, False], [True, True, True]]


def test_reasons_come_with_the_weightiest_first(found: Staffing) -> None:
    reasons = Telling(found).reasons(0, 0)
    assert reasons[0] == "has 50% of its accounts and 90% of its revenue already" or "km" in reasons[0]
    assert "reached 120% of quota" in reasons
    assert "works in it today" in reasons
    assert not any("language" in one for one in reasons), "what everybody speaks says nothing"
    assert "home not known" in Telling(found).reasons(0, 2)


def test_why_not_names_the_differences_and_the_price(found: Staffing) -> None:
    text = Telling(found).why_not(0, 1)
    assert text.startswith("Ben has ")
    assert "the whole loses" in text
    assert "Ben is planned for South" in text
    lost = found.lost[0, 1]
    assert f"{lost:.1f} points" in text


def test_runner_up_has_most_points_of_the_others_and_is_free_to_be_chosen(
    openings: Openings, staff: Staff
) -> None:
    found = staff_territories(openings, staff)
    others = [person for person in range(3) if person != found.chosen[0]]
    assert found.runner_up(0) == max(others, key=lambda person: found.points[0, person])
    assert found.lost[0, found.cheapest_change(0)] == min(found.lost[0, person] for person in others)
    fixed = staff_territories(openings, staff, Terms(fixed={1: 1}))
    assert fixed.runner_up(0) == 2, "Ben is needed in the south"
    assert Telling(fixed).cost(0, 1) == "they can take no further territory"


def test_those_without_a_territory_are_named(found: Staffing) -> None:
    assert found.spare == [2]


@pytest.mark.parametrize(
    "terms",
    [
        Terms({"charm": 1}), Terms({"distance": -1}), Terms({"distance": NAN}), Terms({"distance": 0}), Terms(required={"language": 0}),
        Terms(required={"charm": 0.5}), Terms(further=-1),
    ],
)  # fmt: skip
def test_terms_that_make_no_sense_are_refused(openings: Openings, staff: Staff, terms: Terms) -> None:
    with pytest.raises(InvalidInputError) as caught:
        staff_territories(openings, staff, terms)
    assert caught.value.problems
