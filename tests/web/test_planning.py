"""The pages around the planning workspace: scenarios side by side, starting one, what it changes, and its rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from tests.builders import add_accounts
from tests.web.conftest import Company

from merestone.app import plan_edits, plans, scenarios
from merestone.app.access import grants
from merestone.app.policy import OPERATOR

PLACES = (("CA", "06037"), ("CA", "06073"), ("NY", "36061"), ("TX", "48453"))


@pytest.fixture
def plan(company: Company) -> Company:
    """A copy of the active model, and an account in each of four counties."""
    rows = [
        {
            "external_id": f"C-{county}",
            "name": f"In {county}",
            "state": state,
            "county": county,
            "workload_hours": 10.0,
        }
        for state, county in PLACES
    ]
    add_accounts(company.services, rows)
    plan_edits.clone_model(company.services, OPERATOR, "m1", new_key="plan")
    return company


@pytest.fixture
def first(plan: Company) -> str:
    """A scenario of all below the United States."""
    return str(scenarios.start(plan.services, OPERATOR, model="plan", name="First", parent="us")["key"])


def give(company: Company, key: str, county: str, territory: str) -> None:
    """Give a county to a territory."""
    data = scenarios.read(company.services, OPERATOR, key)
    number = [one["key"] for one in data["territories"]].index(territory)
    at = data["units"]["id"].index(county)
    scenarios.assign(company.services, OPERATOR, key, seen=data["revision"], units=[at], territory=number)


def part_planner(company: Company, as_role: Callable[[str], Client], territory: str) -> Client:
    """Return a client of a rep who plans one territory."""
    grants.give_grant(
        company.services, OPERATOR, user_id=company.users["rep"], territory=territory, rights=("plan",)
    )
    return as_role("rep")


def words(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))


# --- side by side -----------------------------------------------------------------------------------------------------


def test_without_a_planning_model_the_page_says_how_to_make_one(planner: Client, company: Company) -> None:
    text = planner.get("/planning/").text
    assert "There is no planning model yet" in text
    assert 'action="/models/m1/clone/"' in text or "/models/m1/" in text


def test_a_model_without_scenario_offers_to_start_one(planner: Client, plan: Company) -> None:
    text = planner.get("/planning/").text
    assert "No scenario of this model yet" in text
    assert "/planning/new/?model=plan" in text


def test_scenarios_stand_side_by_side_with_the_best_of_each_told_in_words(
    planner: Client, plan: Company, first: str
) -> None:
    other = scenarios.copy(plan.services, OPERATOR, first, name="Second")["key"]
    give(plan, other, "06037", "east")
    page = planner.get("/planning/")
    lines = {line["key"]: line for line in page.context["lines"]}
    assert "moves" in lines["first"]["best"]
    assert "moves" not in lines["second"]["best"]
    assert "best" in words(page.text.split('id="s-first"')[1].split("</tr>")[0])
    picked = planner.get("/planning/?pick=first&pick=second").text
    assert "Accounts that move" in picked
    assert "/planning/second/compare/?with=first" in picked
    assert "Tick two or more to see them" in planner.get("/planning/?pick=first").text


def told(company: Company, key: str, **report: Any) -> None:
    """Keep what an optimisation said of a scenario as it stands."""
    row = company.services.scenarios.load(key)
    assert row is not None
    kept = {
        "cost": 5.0,
        "bound": 5.0,
        "gap": 0.0,
        "is_proved": True,
        "region": "all",
        "cost_unit": "km²",
        **report,
    }
    with company.services.records.transaction(OPERATOR, cause="test"):
        company.services.scenarios.change(
            row.id, {"report": {**kept, "revision": row.revision + 1}}, actor=OPERATOR
        )


def test_proved_optimal_is_said_only_of_the_plan_that_was_proved(
    planner: Client, plan: Company, first: str
) -> None:
    told(plan, first)
    assert "Proved optimal" in planner.get("/planning/").text
    scenarios.rename(plan.services, OPERATOR, first, name="Another name")
    assert "Proved optimal" in planner.get("/planning/").text
    copied = scenarios.copy(plan.services, OPERATOR, first, name="Copy")["key"]
    give(plan, first, "06037", "east")
    lines = {line["key"]: line for line in planner.get("/planning/").context["lines"]}
    assert (lines[first]["is_proved"], lines[copied]["is_proved"]) == (False, True)
    assert lines[first]["proof"] == "Changed since it was optimised"
    late = scenarios.copy(plan.services, OPERATOR, first, name="Late")["key"]
    lines = {line["key"]: line for line in planner.get("/planning/").context["lines"]}
    assert not lines[late]["is_proved"]


def test_only_costs_of_one_objective_are_compared(planner: Client, plan: Company, first: str) -> None:
    second = scenarios.copy(plan.services, OPERATOR, first, name="Second")["key"]
    told(plan, first, cost=4.0)
    told(plan, second)
    best = {line["key"]: line["best"] for line in planner.get("/planning/").context["lines"]}
    assert "cost" in best[first]
    assert "cost" not in best[second]
    row = plan.services.scenarios.load(first)
    assert row is not None
    scenarios.change_settings(
        plan.services, OPERATOR, first, seen=row.revision, changes={"objective": "distance"}
    )
    told(plan, first, cost=4.0)
    best = {line["key"]: line["best"] for line in planner.get("/planning/").context["lines"]}
    assert not any("cost" in one for one in best.values())


def test_list_asks_the_database_no_more_for_more_scenarios(
    planner: Client, plan: Company, first: str, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    planner.get("/planning/")
    with CaptureQueriesContext(
        connection,
    ) as few:
        planner.get("/planning/")
    for n in range(5):
        scenarios.copy(plan.services, OPERATOR, first, name=f"Copy {n}")
    with django_assert_max_num_queries(len(few)):
        planner.get("/planning/")


def test_work_under_way_is_followed_until_it_ends(planner: Client, plan: Company, first: str) -> None:
    scenarios.change_settings(
        plan.services, OPERATOR, first, seen=1,
        changes={"balances": [{"measure": "workload", "tolerance": 9.0}], "contiguous": False},
    )  # fmt: skip
    scenarios.optimise(plan.services, OPERATOR, first, seen=2, options={"seconds": 5})
    assert 'hx-get="/planning/first/under-way/"' in planner.get("/planning/").text
    assert "every 2s" in planner.get("/planning/first/under-way/").text
    scenarios.stop(plan.services, OPERATOR, first)
    ended = planner.get("/planning/first/under-way/").text
    assert 'hx-target="#scenarios"' in ended
    assert "every 2s" not in ended


def test_a_scenario_is_renamed_and_deleted_from_the_list(planner: Client, plan: Company, first: str) -> None:
    answer = planner.post(f"/planning/{first}/rename/", {"name": "Best of all"})
    assert (answer.status_code, answer["Location"]) == (302, "/planning/#s-first")
    assert "Best of all" in planner.get("/planning/").text
    refused = planner.post(f"/planning/{first}/rename/", {"name": " "})
    assert refused.status_code == 422
    assert "A scenario needs a name." in refused.text
    assert (
        planner.post(f"/planning/{first}/delete/", {"model": "plan"})["Location"]
        == "/planning/?model=plan#scenarios"
    )
    assert planner.get(f"/planning/{first}/steps/").status_code == 404


# --- starting ---------------------------------------------------------------------------------------------------------


def test_a_scenario_starts_below_a_territory_with_leaves_left_out(planner: Client, plan: Company) -> None:
    text = planner.get("/planning/new/?model=plan").text
    assert "All of the model (3)" in text
    asked = {"model": "plan", "name": "West only", "parent": "us", "leaves": "chosen", "left_out": ["vacant"]}
    answer = planner.post("/planning/new/", asked)
    assert (answer.status_code, answer["Location"]) == (302, "/planning/west-only/")
    data = scenarios.read(plan.services, OPERATOR, "west-only")
    assert [one["key"] for one in data["left_out"]] == ["vacant"]


def test_nothing_typed_is_lost_when_a_start_is_refused(planner: Client, plan: Company) -> None:
    asked = {"model": "plan", "name": "", "parent": "us", "leaves": "chosen", "left_out": ["east"]}
    refused = planner.post("/planning/new/", asked)
    assert refused.status_code == 422
    assert "A scenario needs a name." in refused.text
    assert re.search(r'value="east" checked', refused.text)
    empty = planner.post("/planning/new/", asked | {"name": "None", "left_out": ["west", "east", "vacant"]})
    assert empty.status_code == 422
    assert "no territory below it" in empty.text


def test_a_copy_begins_with_the_plan_of_another(planner: Client, plan: Company, first: str) -> None:
    text = planner.get(f"/planning/new/?copy_of={first}").text
    assert "First, another way" in text
    give(plan, first, "06037", "east")
    planner.post("/planning/new/", {"copy_of": first, "name": "Second"})
    plans_of = [
        scenarios.read(plan.services, OPERATOR, key)["units"]["territory"] for key in (first, "second")
    ]
    assert plans_of[0] == plans_of[1]


# --- what it changes --------------------------------------------------------------------------------------------------


def test_comparison_tells_what_moves_and_who_gains_first(planner: Client, plan: Company, first: str) -> None:
    give(plan, first, "06037", "east")
    page = planner.get(f"/planning/{first}/compare/?measure=workload")
    sides = page.context["territories"]
    assert {sides[0]["key"], sides[1]["key"]} == {"west", "east"}
    assert (sides[0]["change"], sides[1]["change"]) in ((10.0, -10.0), (-10.0, 10.0))
    (unit,) = page.context["units"]
    assert (unit["name"], unit["from"], unit["to"]) == ("Los Angeles", "West", "East")
    second = scenarios.copy(plan.services, OPERATOR, first, name="Second")["key"]
    give(plan, second, "36061", "west")
    (unit,) = planner.get(f"/planning/{second}/compare/?with=first").context["units"]
    assert (unit["from"], unit["to"]) == ("East", "West")


def test_scenarios_of_other_units_are_not_compared(planner: Client, plan: Company, first: str) -> None:
    scenarios.start(
        plan.services, OPERATOR, model="plan", name="Less", parent="us", left_out=["vacant", "east"]
    )
    answer = planner.get(f"/planning/{first}/compare/?with=less")
    assert answer.status_code == 409
    assert "Compare each with the live model" in answer.text
    assert planner.get(f"/planning/{first}/compare/?with=none").status_code == 404


@pytest.mark.parametrize("what", ["units", "territories", "reps"])
def test_comparison_is_exported(planner: Client, plan: Company, first: str, what: str) -> None:
    give(plan, first, "06037", "east")
    text = b"".join(planner.get(f"/planning/{first}/compare/{what}/csv/")).decode("utf-8-sig")
    assert ("Ben" if what == "reps" else "East") in text
    body = b"".join(planner.get(f"/planning/{first}/compare/{what}/xlsx/"))
    assert body[:2] == b"PK"
    assert planner.get(f"/planning/{first}/compare/{what}/exe/").status_code == 404


# --- rules ------------------------------------------------------------------------------------------------------------


def form(text: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(seen|fingerprint)" value="([^"]+)"', text))


def test_rules_are_shown_and_written_as_they_were_looked_at(
    planner: Client, plan: Company, first: str
) -> None:
    give(plan, first, "06037", "east")
    text = planner.get(f"/planning/{first}/rules/").text
    assert "exactly where the plan has it" in text
    sent = form(text)
    answer = planner.post(f"/planning/{first}/rules/", sent, follow=True)
    assert answer.redirect_chain == [("/models/plan/", 302)]
    assert "Nothing is live until the model is published" in answer.text
    east = plans.load_model(plan.services, OPERATOR, "plan")[1].tree["east"]
    assert "06037" in (east.where or "")
    assert "say this plan already" in planner.get(f"/planning/{first}/rules/").text


def test_rules_of_a_plan_that_changed_meanwhile_are_not_written(
    planner: Client, plan: Company, first: str
) -> None:
    give(plan, first, "06037", "east")
    sent = form(planner.get(f"/planning/{first}/rules/").text)
    give(plan, first, "06073", "east")
    answer = planner.post(f"/planning/{first}/rules/", sent)
    assert answer.status_code == 409
    assert "Load it again" in answer.text
    assert form(answer.text)["seen"] != sent["seen"]
    assert planner.post(f"/planning/{first}/rules/", {}).status_code == 422


def test_rules_that_cannot_say_the_plan_are_not_offered(planner: Client, plan: Company) -> None:
    kind = plan_edits.read_territory(plan.services, OPERATOR, "plan", "west")["type"]
    for key, parent, where in (("gulf", "us", "state = 'FL'"), ("keys", "gulf", "county = '12087'")):
        entry = {"key": key, "name": key.title(), "parent": parent, "type": kind, "where": where}
        plan_edits.add_territory(plan.services, OPERATOR, "plan", entry)
    key = scenarios.start(plan.services, OPERATOR, model="plan", name="First")["key"]
    give(plan, key, "36061", "keys")
    page = planner.get(f"/planning/{key}/rules/")
    assert "The rules cannot say this plan: 1 account would be elsewhere." in page.text
    assert re.search(r"<button[^>]* disabled[^>]*>Write these rules", page.text)
    answer = planner.post(f"/planning/{key}/rules/", form(page.text))
    assert answer.status_code == 422
    assert "and the plan has it in keys" in answer.text


def test_lists_of_counties_are_told_by_name_and_long_ones_folded() -> None:
    from merestone.web.views.planning_rules import parts_of

    codes = [f"0600{n}" for n in range(8)]
    where = f"state = 'CA' and county not in ({', '.join(map(repr, codes))}) or county = '06037'"
    parts = parts_of(where, {codes[0]: "Alameda, CA", "06037": "Los Angeles, CA"})
    assert [part["text"] for part in parts] == ["state = 'CA' and", "county not in", "or", "county = '06037'"]
    assert parts[1]["n"] == 8
    assert "Alameda, CA" in parts[1]["units"]
    assert parts[3]["called"] == ["Los Angeles, CA"]
    assert parts_of(None, {}) == []


# --- for whose eyes ---------------------------------------------------------------------------------------------------

PAGES = ("steps/", "compare/", "compare/?with=first", "compare/units/csv/", "rules/", "under-way/")


@pytest.mark.parametrize("role", ["rep", "manager"])
def test_those_who_do_not_plan_are_told_so(
    as_role: Callable[[str], Client], plan: Company, first: str, role: str
) -> None:
    client = as_role(role)
    for path in ("", "new/", *(f"{first}/{page}" for page in PAGES)):
        assert client.get(f"/planning/{path}").status_code == 403, path


def test_what_somebody_may_not_plan_is_not_there(
    as_role: Callable[[str], Client], plan: Company, first: str
) -> None:
    client = part_planner(plan, as_role, "west")
    assert first not in client.get("/planning/").text
    for page in PAGES:
        hidden, missing = client.get(f"/planning/{first}/{page}"), client.get(f"/planning/none/{page}")
        assert (hidden.status_code, missing.status_code) == (404, 404), page
        assert len(hidden.content) == len(missing.content), page
    for verb in ("rename/", "delete/", "rules/"):
        sent = {"name": "Mine", "seen": "1", "fingerprint": "0" * 64}
        assert client.post(f"/planning/{first}/{verb}", sent).status_code == 404
    assert client.get(f"/planning/new/?model=plan&copy_of={first}").text.find("First") == -1


def test_a_planner_of_a_part_starts_below_it_only(as_role: Callable[[str], Client], plan: Company) -> None:
    client = part_planner(plan, as_role, "us")
    text = client.get("/planning/new/?model=plan").text
    assert "All of the model" not in text
    assert client.post("/planning/new/", {"model": "plan", "name": "Part", "parent": "us"}).status_code == 302
    assert "Part" in client.get("/planning/").text
    assert client.post("/planning/new/", {"model": "plan", "name": "All", "parent": ""}).status_code == 403


def test_the_rail_leads_planners_to_scenarios_and_keepers_of_rules_to_models(
    as_role: Callable[[str], Client], planner: Client, plan: Company
) -> None:
    grants.give_grant(
        plan.services, OPERATOR, user_id=plan.users["rep"], territory="west", rights=("manage-rules",)
    )
    keeper = as_role("rep").get("/models/").text
    assert 'href="/planning/"' not in keeper
    assert re.search(r'href="/models/"[^>]*aria-current="page"', keeper)
    text = planner.get("/models/").text
    assert re.search(r'href="/planning/" title="Planning" aria-current="page"', text)
    assert 'href="/planning/?model=plan"' in planner.get("/models/plan/").text
