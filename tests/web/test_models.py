"""The pages of models' lives: where one stands, the next step, publications, undo."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from tests import builders
from tests.web.conftest import Company

from merestone.app import assign, lifecycle, plans
from merestone.app.policy import OPERATOR


@pytest.fixture
def plan(company: Company) -> Company:
    """A second model, in which Ben has the west."""
    nodes = [
        {**node, "members": [{"rep": "ben@example.com"}]} if node["key"] == "west" else node
        for node in builders.WEST_EAST
    ]
    plans.apply_document(company.services, OPERATOR, builders.document(nodes, key="m2", name="Next year"))
    return company


def state(company: Company, key: str = "m2") -> str:
    return lifecycle.life_of(company.services, OPERATOR, key).state


def post(client: Client, action: str, key: str = "m2", **more: Any) -> Any:
    return client.post(f"/models/{key}/life/", {"action": action, **more})


def test_the_list_tells_states_and_what_comes_next(plan: Company, planner: Client) -> None:
    page = planner.get("/models/").content.decode()
    assert page.index("Model one") < page.index("Next year")  # the active one first
    assert "Send it to review, schedule it, or publish it." in page


def test_the_page_offers_the_legal_steps_only(plan: Company, planner: Client) -> None:
    page = planner.get("/models/m2/life/").content.decode()
    assert all(f"?step={verb}#" in page for verb in ("submit", "schedule", "publish", "archive"))
    assert "?step=cancel#" not in page
    active = planner.get("/models/m1/life/").content.decode()
    assert "?step=" not in active
    assert "Copy it" in active
    assert 'name="day"' in planner.get("/models/m2/life/?step=schedule").content.decode()


def test_a_model_goes_to_review_with_a_note(plan: Company, planner: Client) -> None:
    version = lifecycle.life_of(plan.services, OPERATOR, "m2").version
    assert post(planner, "submit", note="Ready", version=version).status_code == 302
    page = planner.get("/models/m2/life/").content.decode()
    assert (state(plan), "Ready" in page) == ("in_review", True)
    refused = post(planner, "return", version=version)
    assert (refused.status_code, state(plan)) == (422, "in_review")
    assert "was changed since you looked at it" in refused.content.decode()


def test_a_model_is_scheduled_in_the_companys_zone_and_cancelled(plan: Company, planner: Client) -> None:
    with plan.services.records.transaction(OPERATOR, cause="test"):
        plan.services.people.change_company({"time_zone": "America/Chicago"})
    assert post(planner, "schedule", day="2999-01-01", time="06:30").status_code == 302
    life = lifecycle.life_of(plan.services, OPERATOR, "m2")
    assert life.takes_effect_at is not None
    assert life.takes_effect_at.isoformat() == "2999-01-01T12:30:00+00:00"
    assert post(planner, "cancel").status_code == 302
    past = post(planner, "schedule", day="1999-01-01")
    assert (past.status_code, state(plan)) == (422, "planning")
    page = past.content.decode()
    assert "is not in the future" in page
    assert 'value="1999-01-01"' in page
    assert post(planner, "schedule", day="soon").status_code == 422


def test_exactly_what_was_looked_at_is_published_and_told(plan: Company, planner: Client) -> None:
    assert post(planner, "publish", content="0" * 64).status_code == 422
    content = lifecycle.content_hash(plans.load_model(plan.services, OPERATOR, "m2")[1])
    done = planner.post(
        "/models/m2/life/", {"action": "publish", "content": content}, follow=True
    ).content.decode()
    assert state(plan) == "active"
    assert "1 accounts moved" in done
    assert "1 accounts moved" in planner.get("/publications/").content.decode()
    assert "archived" in planner.get("/models/m1/life/").content.decode().lower()


def test_undo_shows_what_comes_back_and_asks_about_what_changed(plan: Company, planner: Client) -> None:
    post(planner, "publish")
    west = plan.accounts["west"]
    assign.move_accounts(plan.services, OPERATOR, [west], territory="east", reason="Wish")
    page = planner.get("/publications/undo/").content.decode()
    assert "West Brewing" in page
    refused = planner.post("/publications/undo/", {})
    assert (refused.status_code, state(plan)) == (409, "active")
    stale = planner.post("/publications/undo/", {"publication": "999", "keep_later": "1"})
    assert (stale.status_code, state(plan)) == (409, "active")
    assert planner.post("/publications/undo/", {"keep_later": "1"}).status_code == 302
    assert (state(plan), state(plan, "m1")) == ("archived", "active")
    assert "Publish again" in planner.get("/publications/undo/").content.decode()


def test_policies_are_changed_while_planning(plan: Company, planner: Client) -> None:
    sent = {
        "opportunities": "late_stage",
        "late_stages": ["proposal"],
        "late_days": "7",
        "activities": "stay",
    }
    assert planner.post("/models/m2/policies/", sent).status_code == 302
    kept = lifecycle.read_policies(plan.services, OPERATOR, "m2")
    assert {name: kept[name] for name in sent} == sent | {"late_days": 7}
    assert "Stay for 7 days in proposal" in planner.get("/models/m2/life/").content.decode()
    assert planner.post("/models/m2/policies/", sent | {"late_days": "0"}).status_code == 422
    assert planner.post("/models/m1/policies/", sent).status_code == 422


@pytest.mark.parametrize("role", ["rep", "manager"])
def test_those_who_do_not_plan_see_none_of_it(plan: Company, as_role: Any, role: str) -> None:
    client = as_role(role)
    for path in ("life/", "policies/"):
        there, nowhere = client.get(f"/models/m2/{path}"), client.get(f"/models/never/{path}")
        assert (there.status_code, there.content) == (403, nowhere.content) or there.status_code == 403
    assert post(client, "publish").status_code == 403
    assert client.get("/publications/").status_code == 403
    assert client.post("/publications/undo/").status_code == 403
    assert state(plan) == "planning"


def test_what_is_not_there_is_not_there(plan: Company, planner: Client) -> None:
    assert planner.get("/models/never/life/").status_code == 404
    assert post(planner, "dance").status_code == 422
