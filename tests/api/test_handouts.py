"""Hand-outs over the API."""

from __future__ import annotations

import pytest
from tests.api.conftest import Caller, World
from tests.builders import add_accounts

from merestone.app import plan_edits, scenarios
from merestone.app.policy import OPERATOR


@pytest.fixture
def planned(world: World) -> World:
    """A scenario with accounts in two counties."""
    rows = [
        {"external_id": f"C-{county}", "state": state, "county": county}
        for state, county in (("CA", "06037"), ("NY", "36061"))
    ]
    add_accounts(world.services, rows)
    plan_edits.clone_model(world.services, OPERATOR, "m1", new_key="plan")
    scenarios.start(world.services, OPERATOR, model="plan", parent="us", name="First")
    return world


def test_choices_lead_to_files(planned: World) -> None:
    call = Caller(planned.tokens["planner"])
    told = call.get("/scenarios/first/hand-outs").json()
    assert told["scenario"]["key"] == "first"
    assert "west" in [one["key"] for one in told["territories"]]
    for address, start, kind in (
        ("pdf", b"%PDF", "application/pdf"),
        ("pdf?territory=west&paper=a4", b"%PDF", "application/pdf"),
        ("xlsx?territory=west", b"PK", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ):
        answer = call.get(f"/scenarios/first/hand-outs/{address}")
        assert (answer.status_code, answer["Content-Type"]) == (200, kind)
        assert answer.content.startswith(start)
        assert 'filename="first-' in answer["Content-Disposition"]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("first/hand-outs/docx", 404),
        ("first/hand-outs/pdf?territory=nowhere", 404),
        ("first/hand-outs/pdf?manager=4711", 404),
        ("none/hand-outs", 404),
        ("none/hand-outs/pdf", 404),
    ],
)
def test_what_is_not_there_is_a_problem(planned: World, address: str, status: int) -> None:
    answer = Caller(planned.tokens["planner"]).get(f"/scenarios/{address}")
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"


def test_a_paper_there_is_none_of_is_refused(planned: World) -> None:
    answer = Caller(planned.tokens["planner"]).get("/scenarios/first/hand-outs/pdf?paper=a9")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-choice")


def test_those_who_do_not_plan_are_refused(planned: World) -> None:
    for role in ("rep", "manager"):
        assert Caller(planned.tokens[role]).get("/scenarios/first/hand-outs/xlsx").status_code == 403
