"""The rule editor without scripts: read, try, preview, save, plan, and what two people do to each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests import builders

from merestone.app import plan_edits, plans
from merestone.app.policy import OPERATOR

RULE = "/models/plan/rules/west/"


@pytest.fixture
def plan(company: Any) -> Any:
    """A copy of the active model, in planning."""
    plan_edits.clone_model(company.services, OPERATOR, "m1", new_key="plan")
    return company.services


def form(client: Client, path: str = RULE, **changes: str) -> dict[str, str]:
    """Return what the editor's form would send."""
    context = client.get(path).context
    saved = context["saved"]
    names = ("name", "where", "parent", "type", "priority", "notes", "fingerprint")
    sent = {name: "" if saved[name] is None else str(saved[name]) for name in names}
    sent |= {name: "\r\n".join(saved[name]) for name in ("named", "exclude")}
    return sent | {"cases": context["cases_json"]} | changes


def where(services: Any, key: str = "west", model: str = "plan") -> str | None:
    return plan_edits.read_territory(services, OPERATOR, model, key)["where"]


def test_editor_shows_rule_path_and_what_lies_above(planner: Client, plan: Any) -> None:
    response = planner.get(RULE)
    assert response.context["content"]["where"] == "state in ('CA', 'WA')"
    assert [above["key"] for above in response.context["path"]] == ["us"]
    assert "Accounts where State is California or Washington." in response.text
    assert not response.context["problems"]


def test_saving_changes_the_plan_and_nothing_else(planner: Client, plan: Any) -> None:
    places = builders.places(plan)
    response = planner.post(
        RULE, form(planner, where="state = 'OR'", priority="7", named="A-east", action="save")
    )
    assert response.status_code == 302
    found = plan_edits.read_territory(plan, OPERATOR, "plan", "west")
    assert (found["where"], found["priority"], found["named"]) == ("state = 'OR'", 7, ["A-east"])
    assert where(plan, model="m1") == "state in ('CA', 'WA')"
    assert builders.places(plan) == places


def test_a_wrong_rule_is_not_saved_and_nothing_typed_is_lost(planner: Client, plan: Any) -> None:
    typed = "stat = 'CA' and employees > 'x'"
    response = planner.post(RULE, form(planner, where=typed, notes="by Mia", action="save"))
    assert response.status_code == 422
    assert [one["column"] for one in response.context["reading"]["problems"]] == [1, 29]
    assert response.context["content"]["where"] == typed
    assert "by Mia" in response.text
    assert where(plan) == "state in ('CA', 'WA')"


def test_checking_counts_without_saving(planner: Client, plan: Any) -> None:
    response = planner.post(RULE, form(planner, where="state in ('CA', 'NY')", action="check"))
    count = response.context["count"]
    assert (count["matches"], count["wins"], count["others"]) == (2, 1, 1)
    assert "West Brewing" in response.text
    assert where(plan) == "state in ('CA', 'WA')"


def test_blank_text_makes_a_grouping(planner: Client, plan: Any) -> None:
    planner.post(RULE, form(planner, where="  ", action="save"))
    assert where(plan) is None


def test_preview_tells_who_loses_what_to_whom_and_why(planner: Client, plan: Any) -> None:
    changes = form(planner, where="state in ('CA', 'NY')", priority="1", against="saved")
    response = planner.post(f"{RULE}difference/", changes)
    (pair,) = response.context["difference"]["pairs"]
    assert (pair["from_territory"], pair["to_territory"], pair["accounts"]) == ("east", "west", 1)
    assert "East Brewing" in response.text
    assert pair["moves"][0]["why"]
    assert where(plan) == "state in ('CA', 'WA')"


def test_preview_of_nothing_says_so(planner: Client, plan: Any) -> None:
    assert "Nothing would move." in planner.post(f"{RULE}difference/", form(planner, against="saved")).text


def test_preview_of_a_wrong_rule_names_its_problems(planner: Client, plan: Any) -> None:
    text = planner.post(f"{RULE}difference/", form(planner, where="nope = 1")).text
    assert "There is no field" in text


def test_a_stale_save_shows_the_difference_and_a_second_one_replaces_it(planner: Client, plan: Any) -> None:
    stale = form(planner, where="state = 'OR'", action="save")
    planner.post(RULE, form(planner, where="state = 'AZ'", action="save"))
    response = planner.post(RULE, stale)
    assert response.status_code == 409
    assert {"field": "where", "yours": "state = 'OR'", "theirs": "state = 'AZ'"} in response.context["theirs"]
    assert where(plan) == "state = 'AZ'"
    again = stale | {"fingerprint": response.context["saved"]["fingerprint"]}
    assert planner.post(RULE, again).status_code == 302
    assert where(plan) == "state = 'OR'"


def test_planning_a_change_of_the_active_model_takes_it_into_a_copy(planner: Client, company: Any) -> None:
    path = "/models/m1/rules/west/"
    response = planner.post(path, form(planner, path, where="state = 'OR'", action="plan"))
    assert response["Location"] == "/models/m1-plan/rules/west/"
    assert where(company.services, model="m1-plan") == "state = 'OR'"
    assert where(company.services, model="m1") == "state in ('CA', 'WA')"


def test_the_active_model_is_not_saved_to(planner: Client, company: Any) -> None:
    path = "/models/m1/rules/west/"
    response = planner.post(path, form(planner, path, where="state = 'OR'", action="save"))
    assert response.status_code == 422
    assert "neither in planning nor in review" in response.text
    assert where(company.services, model="m1") == "state in ('CA', 'WA')"


def test_cases_are_saved_and_tried(planner: Client, plan: Any) -> None:
    cases = [
        {"record": {"country": "US", "state": "CA"}, "expect": "win"},
        {"record": {"state": "TX"}, "expect": "match"},
    ]
    planner.post(RULE, form(planner, cases=json.dumps(cases), action="save"))
    found = planner.get(RULE).context["cases"]
    assert [case["passes"] for case in found] == [True, False]
    assert "parent does not match" in found[1]["message"]


@pytest.mark.parametrize(
    "cases", ["[", "7", '[{"record": 3}]', '[{"record": {}, "expect": "x"}]', "[" * 100_000]
)
def test_hostile_cases_are_refused(planner: Client, plan: Any, cases: str) -> None:
    assert planner.post(RULE, form(planner, cases=cases, action="save")).status_code == 422


def test_a_territory_is_added_behind_its_parent_and_removed_again(planner: Client, plan: Any) -> None:
    new = {"key": "north", "name": "North", "parent": "us", "where": ""}
    assert planner.post("/models/plan/new/", new)["Location"] == "/models/plan/rules/north/"
    assert "already" in planner.post("/models/plan/new/", new).text
    response = planner.post("/models/plan/rules/us/remove/", {"children": "refuse"})
    assert response.status_code == 409
    planner.post("/models/plan/rules/us/remove/", {"children": "move-up"})
    document = plans.load_model(plan, OPERATOR, "plan")[1]
    assert {node.key: node.parent for node in document.territories} == dict.fromkeys(
        ["west", "east", "vacant", "north"]
    )


def test_model_page_finds_territories_with_what_is_above_them(planner: Client, plan: Any) -> None:
    found = planner.get("/models/plan/?q=tx").context["rows"]
    assert [line["row"].key for line in found] == ["us", "vacant"]
    assert planner.get("/models/plan/?q=zzz").context["rows"] == []


def test_counts_of_a_model(planner: Client, plan: Any) -> None:
    counts = planner.get("/models/plan/counts.json").json()
    assert counts["total"] == 4
    assert counts["territories"]["west"] == [1, 1]
    assert counts["territories"]["us"] == [4, 1]


@pytest.mark.parametrize("role", ["rep", "manager"])
def test_rules_are_for_planners(as_role: Callable[[str], Client], plan: Any, role: str) -> None:
    client = as_role(role)
    for path in (
        RULE,
        "/models/plan/counts.json",
        "/models/none/rules/west/",
        "/models/plan/new/",
        f"{RULE}remove/",
    ):
        assert client.get(path).status_code == 403
    for path in (f"{RULE}difference/", "/models/plan/clone/", RULE):
        assert client.post(path).status_code == 403


def test_missing_models_and_territories_are_not_found(planner: Client, plan: Any) -> None:
    for path in (
        "/models/none/rules/west/",
        "/models/plan/rules/none/",
        "/models/none/counts.json",
        "/models/none/new/",
    ):
        assert planner.get(path).status_code == 404


def test_queries_do_not_grow_with_territories(planner: Client, plan: Any) -> None:
    planner.get(RULE)
    with CaptureQueriesContext(connection) as few:
        planner.get(RULE)
    nodes = [dict(node) for node in builders.WEST_EAST]
    nodes += [{"key": f"t{i}", "parent": "us", "where": f"employees = {i}"} for i in range(15)]
    plans.apply_document(plan, OPERATOR, builders.document(nodes, key="plan"))
    planner.get(RULE)
    with CaptureQueriesContext(connection) as many:
        planner.get(RULE)
    assert len(many) == len(few)
