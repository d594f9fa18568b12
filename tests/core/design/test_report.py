"""What a report says of a plan, and the names territories keep."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from merestone.core.design.asked import Asked, Balance
from merestone.core.design.control import Stop
from merestone.core.design.labels import are_alike, named_as_today
from merestone.core.design.problem import FREE, Activity, Adjacency, Objective, Problem
from merestone.core.design.reading import Read
from merestone.core.design.report import report
from merestone.core.design.scoring import score
from merestone.core.design.solve import Result

ASKED = Asked(Objective.DISTANCE, 2, (Balance("work", 0.25),))


def problem(**more) -> Problem:
    """Six units 1 km apart on a line, connected in their order."""
    line = np.stack([np.arange(5), np.arange(1, 6)], axis=1)
    return Problem(
        ids=tuple("abcdef"),
        labels=("W", "E"),
        x=np.arange(6) * 1000.0,
        y=np.zeros(6),
        objective=Objective.DISTANCE,
        weights=np.ones(6),
        activities=(Activity("work", np.array([1.0, 2, 3, 3, 2, 1]), np.full(2, 4.5), np.full(2, 7.5)),),
        adjacency=Adjacency.of(6, line),
        **more,
    )


def told(plan: list[int], *, bound: float | None = None, asked: Asked = ASKED, **more) -> dict:
    """Return the report of a plan, as it is read back from JSON."""
    one = problem(**more)
    numbers = np.array(plan, np.int32)
    result = Result(numbers, score(one, numbers), bound, 1.23456, 7, Stop.FINISHED, ("Be told.",))
    read = Read(one, np.array([[2, 3]]))
    return json.loads(json.dumps(report(read, asked, result), allow_nan=False))


def test_a_sound_plan_is_told_in_full():
    found = told([0, 0, 0, 1, 1, 1], bound=3.0)
    assert found["is_feasible"]
    assert found["violations"] == []
    assert (found["cost"], found["cost_unit"], found["gap"]) == (4.0, "km", 0.25)
    assert not found["is_proved"]
    assert found["balance"]["work"] == {
        "lower": 4.5, "upper": 7.5, "mean": 6.0, "min": 6.0, "max": 6.0,
        "max_deviation_from_mean": 0.0, "violated_territories": 0,
    }  # fmt: skip
    assert found["contiguity"] == {
        "asked": True, "strays": 0, "bridges": [["c", "d"]], "territories_over_bridges": 0,
    }  # fmt: skip
    assert [(row["territory"], row["units"], row["centre"]) for row in found["territories"]] == [
        ("W", 3, "b"),
        ("E", 3, "e"),
    ]
    assert (found["seed"], found["seconds"], found["stop_reason"]) == (7, 1.235, "finished")
    assert found["notes"] == ["Be told."]
    assert found["moves"] is None


def test_what_a_plan_breaks_is_told():
    found = told([0, 0, 0, 0, 1, 0])
    assert not found["is_feasible"]
    assert found["violations"] == [
        "2 territories are outside their bounds.",
        "1 unit is cut off from its territory.",
    ]
    assert found["balance"]["work"]["violated_territories"] == 2
    assert found["balance"]["work"]["max_deviation_from_mean"] == pytest.approx(2 / 3)
    assert found["contiguity"]["territories_over_bridges"] == 1
    assert (found["bound"], found["gap"], found["is_proved"]) == (None, None, False)


def test_only_a_sound_plan_is_proved_optimal():
    assert told([0, 0, 0, 1, 1, 1], bound=4.0)["is_proved"]
    assert not told([0, 0, 0, 0, 0, 1], bound=1e9)["is_proved"]


def test_moves_are_counted_in_units_and_amounts():
    found = told([0, 0, 0, 1, 1, 1], current=np.array([0, 0, 1, 1, 1, FREE]))
    assert found["moves"] == {
        "units": 1, "share_of_units": 0.2, "shares": {"work": 0.25}, "new_units": 1,
        "price": 0.0, "expected_loss": None, "caps": [],
    }  # fmt: skip


def test_loads_are_told():
    asked = Asked(Objective.DISTANCE, 2, load="hours", capacity="room")
    found = told([0, 0, 0, 1, 1, 1], asked=asked, load=np.ones(6), capacity=np.array([1.0, 2, 1, 3, 3, 3]))
    assert found["load"] == {
        "column": "hours", "capacity_column": "room", "min": 3.0, "max": 3.0, "violated_territories": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "unit"),
    [
        (Asked(Objective.INERTIA, 2, (Balance("work", 0.1),)), "work × km²"),
        (Asked(Objective.DISTANCE, 2, weight="calls"), "calls × km"),
        (Asked(Objective.TRAVEL, 2), "hours"),
        (Asked(Objective.TRAVEL, 2, weight="visits"), "visits × hours"),
    ],
)
def test_the_cost_has_a_unit(asked: Asked, unit: str):
    assert told([0, 0, 0, 1, 1, 1], asked=asked)["cost_unit"] == unit


def test_territories_that_are_alike_take_the_names_under_which_most_stays():
    one = problem(current=np.array([1, 1, 0, 0, 0, FREE]))
    plan = np.array([0, 0, 0, 1, 1, 1], np.int32)
    assert named_as_today(one, plan).tolist() == [1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    "more",
    [
        {"locked": np.array([0, FREE, FREE, FREE, FREE, FREE], np.int32)},
        {"homes": np.zeros((2, 2))},
        {"allowed": np.ones((6, 2), bool)},
        {"move_price": np.ones(6)},
    ],
)
def test_territories_that_differ_keep_their_numbers(more):
    one = problem(current=np.array([1, 1, 0, 0, 0, FREE]), **more)
    plan = np.array([0, 0, 0, 1, 1, 1], np.int32)
    assert not are_alike(one)
    assert named_as_today(one, plan) is plan


def test_bounds_that_differ_are_told_by_territory():
    uneven = replace(problem().activities[0], upper=np.array([7.5, np.inf]))
    one = replace(problem(), activities=(uneven,))
    plan = np.array([0, 0, 0, 1, 1, 1], np.int32)
    result = Result(plan, score(one, plan), None, 1.0, 0, Stop.FINISHED)
    found = report(Read(one), ASKED, result)
    assert found["balance"]["work"]["upper"] is None
    assert [row["upper"]["work"] for row in found["territories"]] == [7.5, None]
