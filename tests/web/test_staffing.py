"""The staffing pages: proposals with reasons, choosing others in the address, keeping the choice, for whose eyes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from tests.web.conftest import Company

from merestone.app import plan_edits, plan_members, plans
from merestone.app.policy import OPERATOR

PAGE = "/models/plan/staffing/"


@pytest.fixture
def plan(company: Company) -> Company:
    """A copy of the active model, in planning."""
    plan_edits.clone_model(company.services, OPERATOR, "m1", new_key="plan")
    return company


def owner(company: Company, territory: str) -> str | None:
    document = plans.load_model(company.services, OPERATOR, "plan")[1]
    return document.tree[territory].owner_on(company.services.clock.today())


def form(client: Client, address: str = PAGE) -> dict[str, Any]:
    """Return what the page's form would send: hidden fields, and every box that is ticked."""
    import re

    text = client.get(address).content.decode()
    found: dict[str, Any] = {"pick": re.findall(r'name="pick" value="([^"]+)"', text)}
    for name, value in re.findall(r'<input type="hidden" name="((?:rep|seen)-[^"]+)" value="([^"]*)"', text):
        found[name] = value
    return found


def test_page_proposes_with_reasons_and_next_best(planner: Client, plan: Company) -> None:
    text = planner.get(PAGE).content.decode()
    for words in ("West", "East", "Vacant", "Has 100% of its accounts", "the whole loses"):
        assert words.casefold() in text.casefold()
    assert "United States" not in text.split("<tbody>")[1]


def test_a_choice_by_hand_stands_in_the_address_with_its_price(planner: Client, plan: Company) -> None:
    cal = plan.reps["cal"]
    text = planner.get(f"{PAGE}west/").content.decode()
    assert f"fix=west%3D{cal}" in text
    text = planner.get(f"{PAGE}?fix=west%3D{cal}").content.decode()
    assert "1 choice by hand" in text
    assert "By hand" in text


def test_what_is_ticked_is_kept_and_nothing_else(planner: Client, plan: Company) -> None:
    sent = form(planner, f"{PAGE}?fix=west%3D{plan.reps['cal']}")
    assert set(sent["pick"]) >= {"west"}
    answer = planner.post(PAGE, sent | {"pick": ["west"]}, follow=True)
    assert "1 territory has another owner" in answer.content.decode()
    assert (owner(plan, "west"), owner(plan, "vacant")) == ("cal@example.com", None)


def test_keeping_what_somebody_else_changed_meanwhile_is_refused(planner: Client, plan: Company) -> None:
    sent = form(planner, f"{PAGE}?fix=west%3D{plan.reps['cal']}")
    seen = plan_members.read_members(plan.services, OPERATOR, "plan", "west")["fingerprint"]
    plan_members.set_members(plan.services, OPERATOR, "plan", "west", [], fingerprint=seen)
    answer = planner.post(PAGE, sent)
    assert answer.status_code == 422
    assert "Somebody else changed the members" in answer.content.decode()
    assert owner(plan, "west") is None


@pytest.mark.parametrize(
    "query",
    [
        "fix=west%3D999999",
        "fix=nowhere%3D1",
        "fix=x",
        "w_distance=abc",
        "r_language=7",
        "per_person=0",
        "weight=a:1",
    ],
)
def test_an_address_that_makes_no_sense_says_so_and_shows_the_usual(
    planner: Client, plan: Company, query: str
) -> None:
    answer = planner.get(f"{PAGE}?{query}")
    assert answer.status_code == 422
    assert "West" in answer.content.decode()


def test_nothing_ticked_or_no_rep_at_all_is_refused(planner: Client, plan: Company) -> None:
    assert planner.post(PAGE, {}).status_code == 422
    assert planner.post(PAGE, {"pick": ["west"], "rep-west": "x"}).status_code == 422
    assert owner(plan, "west") == "ana@example.com"


def test_the_active_model_is_shown_without_a_way_to_keep(planner: Client, plan: Company) -> None:
    text = planner.get("/models/m1/staffing/").content.decode()
    assert "nothing can be kept here" in text
    assert "Keep what is ticked" not in text


def test_a_model_without_territories_to_staff_says_what_to_do(planner: Client, plan: Company) -> None:
    document = {"merestone": 1, "model": {"key": "bare", "name": "Bare"}, "territories": []}
    plans.apply_document(plan.services, OPERATOR, document)
    assert "No territory to staff" in planner.get("/models/bare/staffing/").content.decode()


def test_missing_and_hidden_read_the_same(as_role: Callable[[str], Client], plan: Company) -> None:
    assert as_role("planner").get("/models/none/staffing/").status_code == 404
    assert as_role("planner").get(f"{PAGE}none/").status_code == 404
    assert as_role("rep").get(PAGE).status_code == 403
    assert as_role("rep").get("/models/none/staffing/").status_code == 403


def test_model_page_leads_there(planner: Client, plan: Company) -> None:
    assert PAGE in planner.get("/models/plan/").content.decode()
