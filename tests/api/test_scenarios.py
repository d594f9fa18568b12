"""A scenario over the API, from its start to the rules it becomes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Caller, World
from tests.builders import add_accounts

from merestone.app import plan_edits
from merestone.app.policy import OPERATOR

pytestmark = pytest.mark.both_databases


@pytest.fixture
def planned(world: World) -> World:
    """The company, with accounts in two counties and a planning model."""
    rows = [
        {"external_id": f"C-{county}", "state": state, "county": county, "workload_hours": 10.0}
        for state, county in (("CA", "06037"), ("CA", "06073"), ("NY", "36061"), ("TX", "48453"))
    ]
    add_accounts(world.services, rows)
    plan_edits.clone_model(world.services, OPERATOR, "m1", new_key="plan")
    return world


def start(call: Caller, **more: Any) -> Any:
    return call("POST", "/scenarios", {"model": "plan", "parent": "us", "name": "First", **more})


def test_a_plan_is_made_changed_compared_and_written(planned: World) -> None:
    call = Caller(planned.tokens["planner"])
    made = start(call)
    assert (made.status_code, made["Location"]) == (201, "/api/v1/scenarios/first")
    data = call.get("/scenarios/first").json()
    at = data["units"]["id"].index("06037")
    number = [one["key"] for one in data["territories"]].index("east")
    step = {"kind": "assign", "seen": 1, "units": [at], "territory": number}
    done = call("POST", "/scenarios/first/steps", step).json()
    assert (done["revision"], done["changed"]["units"]) == (2, [at])
    stale = call("POST", "/scenarios/first/steps", step)
    assert (stale.status_code, stale.json()["code"]) == (409, "scenario-changed")
    assert stale.json()["difference"] == {"revision": [1, 2]}
    for body, revision in (({"kind": "undo", "seen": 2}, 3), ({"kind": "redo", "seen": 3}, 4)):
        assert call("POST", "/scenarios/first/steps", body).json()["revision"] == revision
    compared = call.get("/scenarios/first/compare?with=live").json()
    assert (compared["moves"]["accounts"], compared["compared"]["key"]) == (1, "live")
    rules = call.get("/scenarios/first/rules").json()
    assert rules["is_exact"]
    body = {"seen": 4, "fingerprint": rules["fingerprint"]}
    assert call("POST", "/scenarios/first/rules", body).json()["written"]
    where = call.get("/models/plan/territories/east").json()["where"]
    assert "06037" in where
    assert len(call.get("/scenarios/first/steps").json()["results"]) == 2
    assert call("PATCH", "/scenarios/first", {"name": "Best"}).json()["name"] == "Best"
    assert [one["name"] for one in call.get("/scenarios?model=plan").json()["results"]] == ["Best"]
    assert call("DELETE", "/scenarios/first").status_code == 204
    assert call.get("/scenarios/first").status_code == 404


def test_the_optimiser_is_asked_followed_and_stopped(planned: World) -> None:
    call = Caller(planned.tokens["planner"])
    start(call)
    settings = {"seen": 1, "balances": [{"measure": "workload", "tolerance": 9.0}], "contiguous": False}
    assert call("POST", "/scenarios/first/settings", settings).json()["revision"] == 2
    taken = call("POST", "/scenarios/first/optimise", {"seen": 2, "region": "all", "seconds": 5})
    assert taken.status_code == 202
    assert call.get("/scenarios/first/progress").json()["job"]["state"] == "queued"
    assert call("POST", "/scenarios/first/stop").json()["job"] == taken.json()["job"]
    assert call.get("/scenarios/first/progress").json()["job"] is None
    wrong = {"seen": 2, "balances": [{"measure": "beauty", "tolerance": 0.1}]}
    assert call("POST", "/scenarios/first/settings", wrong).status_code == 422


@pytest.mark.parametrize("role", ["manager", "rep"])
def test_those_who_do_not_plan_are_told_so_whether_it_is_there_or_not(planned: World, role: str) -> None:
    start(Caller(planned.tokens["planner"]))
    call = Caller(planned.tokens[role])
    there, missing = call.get("/scenarios/first"), call.get("/scenarios/none")
    assert there.status_code == missing.status_code == 403
    assert there.content == missing.content


def test_what_a_part_planner_may_not_see_is_byte_for_byte_what_is_not_there(planned: World) -> None:
    from merestone.app.access import grants

    start(Caller(planned.tokens["planner"]))
    grants.give_grant(
        planned.services, OPERATOR, user_id=planned.users["rep"], territory="east", rights=("plan",)
    )
    from tests.api.conftest import new_token

    call = Caller(new_token(planned, "rep", scopes=("see", "plan", "manage-rules")))
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/steps", None),
        ("GET", "/progress", None),
        ("GET", "/compare", None),
        ("GET", "/rules", None),
        ("POST", "/steps", {"kind": "undo", "seen": 1}),
        ("POST", "/settings", {"seen": 1}),
        ("POST", "/refresh", {"seen": 1}),
        ("POST", "/optimise", {"seen": 1}),
        ("POST", "/stop", None),
        ("POST", "/rules", {"seen": 1, "fingerprint": "0" * 64}),
        ("PATCH", "", {"name": "Mine"}),
        ("DELETE", "", None),
    ):
        hidden = call(method, f"/scenarios/first{path}", body)
        missing = call(method, f"/scenarios/none{path}", body)
        assert (hidden.status_code, hidden.content) == (404, missing.content), (method, path)
