"""The workspace's page and what its scripts ask: columns, changes with the revision seen, errors as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from tests.builders import add_accounts
from tests.web.conftest import Company

from merestone.app import plan_edits, scenarios
from merestone.app.access import grants
from merestone.app.policy import OPERATOR

PLACES = (("CA", "06037"), ("CA", "06073"), ("NY", "36061"), ("TX", "48453"))


@pytest.fixture
def first(company: Company) -> str:
    """A scenario of all below the United States."""
    rows = [{"state": state, "county": county, "workload_hours": 10.0} for state, county in PLACES]
    add_accounts(company.services, rows)
    plan_edits.clone_model(company.services, OPERATOR, "m1", new_key="plan")
    return str(scenarios.start(company.services, OPERATOR, model="plan", name="First", parent="us")["key"])


def act(client: Client, key: str, verb: str, /, **body: Any) -> Any:
    return client.post(f"/planning/{key}/act/{verb}/", json.dumps(body), content_type="application/json")


def test_page_carries_the_addresses_its_scripts_ask(planner: Client, first: str) -> None:
    page = planner.get(f"/planning/{first}/")
    urls = page.context["config"]["urls"]
    assert planner.get(urls["data"]).json()["key"] == first
    assert planner.get(urls["job"]).json()["job"] is None
    assert urls["post"] == f"/planning/{first}/act/"
    assert "First" in page.text


def test_change_is_kept_and_answered_with_what_changed(planner: Client, first: str) -> None:
    data = planner.get(f"/planning/{first}/data.json").json()
    unit = data["units"]["id"].index("48453")
    target = (data["units"]["territory"][unit] + 1) % len(data["territories"])
    done = act(planner, first, "assign", seen=data["revision"], units=[unit], territory=target).json()
    assert done["changed"] == {"units": [unit], "territory": [target], "locked": [0]}
    held = act(planner, first, "lock", seen=done["revision"], units=[unit], is_locked=True).json()
    assert held["changed"]["locked"] == [1]
    back = act(planner, first, "undo", seen=held["revision"]).json()
    again = act(planner, first, "redo", seen=back["revision"]).json()
    assert (back["changed"]["locked"], again["changed"]["locked"]) == ([0], [1])
    now = planner.get(f"/planning/{first}/data.json").json()
    assert (now["revision"], now["units"]["territory"][unit]) == (again["revision"], target)


def test_change_of_what_changed_meanwhile_is_refused(planner: Client, first: str) -> None:
    seen = planner.get(f"/planning/{first}/data.json").json()["revision"]
    wish = {"balances": [{"measure": "accounts", "tolerance": 9.0}]}
    settled = act(planner, first, "settings", seen=seen, **wish).json()
    assert settled["settings"]["balances"] == wish["balances"]
    late = act(planner, first, "undo", seen=seen - 1 or 99)
    assert (late.status_code, late.json()["code"]) == (409, "scenario-changed")
    assert late.json()["fix"]


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("assign", '{"seen": 1, "units": [0]}', 422),
        ("assign", '{"seen": 1, "units": ["x"], "territory": 0, "more": 1}', 422),
        ("assign", '{"seen": 1, "units": [99999], "territory": 0}', 400),
        ("assign", '{"seen": 99999999999999999999, "units": [], "territory": 0}', 422),
        ("lock", "[]", 422),
        ("settings", '{"seen": 1, "balances": [{"measure": "accounts", "tolerance": NaN}]}', 422),
        ("optimise", '{"seen": 1, "seconds": 1e9}', 422),
        ("undo", "{", 400),
        ("undo", "[" * 100_000, 400),
        ("refresh", "\xff", 400),
        ("fly", "{}", 404),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(
    planner: Client, company: Company, first: str, verb: str, body: str, status: int
) -> None:
    answer = planner.post(
        f"/planning/{first}/act/{verb}/", body.encode("latin-1"), content_type="application/json"
    )
    assert answer.status_code == status
    if status != 404:
        told = answer.json()
        assert told["message"]
        assert told["fix"] or told["problems"]
    assert scenarios.read(company.services, OPERATOR, first)["revision"] == 1


def test_optimiser_is_asked_and_stopped(planner: Client, first: str) -> None:
    wide = act(planner, first, "settings", seen=1, contiguous=False, balances=[{"measure": "accounts", "tolerance": 9.0}]).json()  # fmt: skip
    asked = act(planner, first, "optimise", seen=wide["revision"], seconds=5)
    assert asked.status_code == 202
    assert planner.get(f"/planning/{first}/job/").json()["job"]["id"] == asked.json()["job"]
    twice = act(planner, first, "optimise", seen=wide["revision"], seconds=5)
    assert (twice.status_code, twice.json()["code"]) == (409, "job-running")
    assert act(planner, first, "stop").json()["job"] == asked.json()["job"]


def test_scenario_of_others_is_not_there(
    planner: Client, rep: Client, first: str, company: Company, as_role: Callable[[str], Client]
) -> None:
    for address in ("", "data.json", "job/"):
        assert rep.get(f"/planning/{first}/{address}").status_code == 403
        assert planner.get(f"/planning/none/{address}").status_code == 404
    assert act(rep, first, "undo", seen=1).status_code == 403
    grants.give_grant(
        company.services, OPERATOR, user_id=company.users["rep"], territory="west", rights=("plan",)
    )
    part = as_role("rep")
    hidden, missing = part.get(f"/planning/{first}/data.json"), part.get("/planning/none/data.json")
    assert (hidden.status_code, hidden.json()) == (missing.status_code, {**missing.json(), "message": hidden.json()["message"]})  # fmt: skip
    assert hidden.status_code == 404
