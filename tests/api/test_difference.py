"""What a model would move, over HTTP: looked at by those who plan, applied only as it was looked at."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Caller, World
from tests.builders import WEST_EAST, document

from merestone.app import assign
from merestone.app.policy import OPERATOR

pytestmark = pytest.mark.django_db


def new_model(**west: Any) -> dict[str, Any]:
    nodes = [{**node, **(west if node["key"] == "west" else {})} for node in WEST_EAST]
    return document(nodes, key="m2")


MOVES = {"where": "state in ('CA', 'WA', 'NY')", "priority": 1}


def test_the_difference_says_who_moves_and_why(world: World, planner: Caller) -> None:
    answer = planner("POST", "/models/difference", {"new": new_model(**MOVES), "limit": 5})
    assert answer.status_code == 200, answer.content
    content = answer.json()
    assert content["summary"]["moved"] == 1
    [row] = content["rows"]
    assert (row["id"], row["to_owner"], row["revenue"]) == (
        world.accounts["east"],
        world.reps["ana"],
        "99.50",
    )
    assert "West now matches" in row["why"]


def test_nothing_is_written_by_looking(world: World, planner: Caller) -> None:
    planner("POST", "/models/difference", {"new": new_model(**MOVES)})
    assert world.services.models.load("m2") is None


def test_two_documents_are_compared(world: World, planner: Caller) -> None:
    body = {"new": new_model(**MOVES), "base": new_model(where="state = 'WA'")}
    content = planner("POST", "/models/difference", body).json()
    assert {row["from_territory"] for row in content["rows"]} == {"us", "east"}


def test_others_do_not_see_it(rep: Caller, manager: Caller) -> None:
    body = {"new": new_model(), "fingerprint": "0" * 64}
    for caller in (rep, manager):
        assert caller("POST", "/models/difference", {"new": new_model()}).status_code == 403
        assert caller("POST", "/models/difference/apply", body).status_code == 403


def test_problems_and_missing_models_are_told(world: World, planner: Caller) -> None:
    wrong = planner("POST", "/models/difference", {"new": new_model(where="stat = 'CA'")})
    assert wrong.status_code == 422
    assert wrong.json()["problems"][0]["code"] == "unknown-field"
    assert planner("POST", "/models/difference", {"new": "m99"}).status_code == 404


def test_what_was_looked_at_is_applied(world: World, planner: Caller) -> None:
    new = new_model(**MOVES)
    fingerprint = planner("POST", "/models/difference", {"new": new}).json()["fingerprint"]
    done = planner("POST", "/models/difference/apply", {"new": new, "fingerprint": fingerprint})
    assert done.status_code == 200, done.content
    assert (done.json()["key"], done.json()["changed"]) == ("m2", 1)


def test_something_else_by_now_is_a_conflict_with_the_present_difference(
    world: World, planner: Caller
) -> None:
    new = new_model(**MOVES)
    fingerprint = planner("POST", "/models/difference", {"new": new}).json()["fingerprint"]
    ids = [world.accounts["west"]]
    assign.move_accounts(world.services, OPERATOR, ids, territory="east", reason="Ben knows them")
    done = planner("POST", "/models/difference/apply", {"new": new, "fingerprint": fingerprint})
    assert done.status_code == 409
    content = done.json()
    assert content["code"] == "difference-changed"
    assert content["difference"]["summary"]["moved"] == 2
    body = {"new": new, "fingerprint": content["difference"]["fingerprint"]}
    assert planner("POST", "/models/difference/apply", body).status_code == 200
