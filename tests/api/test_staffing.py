"""Staffing through the API."""

from __future__ import annotations

import pytest
from tests.api.conftest import Caller, World

from merestone.app import plan_edits
from merestone.app.policy import OPERATOR

ADDRESS = "/models/plan/staffing"


@pytest.fixture(autouse=True)
def _plan(world: World) -> None:
    plan_edits.clone_model(world.services, OPERATOR, "m1", new_key="plan")


def test_proposal_has_every_territory_with_reasons(planner: Caller) -> None:
    found = planner.get(ADDRESS).json()
    lines = {line["territory"]: line for line in found["lines"]}
    assert {"west", "east"} <= lines.keys()
    assert lines["west"]["reasons"]
    assert sum(found["weights"].values()) == pytest.approx(100, abs=0.05)
    assert found["may_apply"]


def test_everybody_for_a_territory_with_price_and_why_not(planner: Caller) -> None:
    items = planner.get(f"{ADDRESS}/west").json()["items"]
    assert sum(one["is_chosen"] for one in items) == 1
    other = next(one for one in items if not one["is_chosen"])
    assert other["why_not"]
    assert other["lost"] is not None
    forced = planner.get(f"{ADDRESS}?fix=west={other['rep']}").json()
    assert forced["best"] - forced["total"] == pytest.approx(other["lost"], abs=0.02)


def test_choices_are_kept_once_by_fingerprint(planner: Caller) -> None:
    line = next(one for one in planner.get(ADDRESS).json()["lines"] if one["territory"] == "west")
    pick = {"territory": "west", "rep": line["runner_up"]["rep"], "fingerprint": line["fingerprint"]}
    assert planner("POST", ADDRESS, {"choices": [pick]}).json() == {"changed": ["west"]}
    again = planner("POST", ADDRESS, {"choices": [pick]})
    assert (again.status_code, again.json()["code"]) == (412, "stale-version")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("fix=west=999999", 422),
        ("fix=west", 400),
        ("weight=charm:1", 422),
        ("require=language:3", 422),
        ("per_person=0", 400),
    ],
)
def test_wishes_that_make_no_sense_are_refused(planner: Caller, query: str, status: int) -> None:
    assert planner.get(f"{ADDRESS}?{query}").status_code == status


def test_sellers_get_none_of_it(rep: Caller) -> None:
    assert rep.get(ADDRESS).status_code == 403
    assert (
        rep(
            "POST", ADDRESS, {"choices": [{"territory": "west", "rep": None, "fingerprint": "x"}]}
        ).status_code
        == 403
    )
