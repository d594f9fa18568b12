"""The pages around the workspace in a browser: picking, dialogues that give the focus back, a form that keeps what was typed."""

from __future__ import annotations

from typing import Any

import pytest
from tests.builders import add_accounts
from tests.web.conftest import Company

from merestone.app import plan_edits, scenarios
from merestone.app.policy import OPERATOR

SETTINGS = {"balances": [{"measure": "workload", "tolerance": 9.0}], "contiguous": False}


@pytest.fixture
def planned(company: Company) -> Company:
    """Two scenarios of a planning model."""
    rows = [{"state": state, "county": county, "workload_hours": 9.0} for state, county in (("CA", "06037"), ("NY", "36061"))]  # fmt: skip
    add_accounts(company.services, rows)
    plan_edits.clone_model(company.services, OPERATOR, "m1", new_key="plan")
    for name in ("First", "Second"):
        scenarios.start(company.services, OPERATOR, model="plan", name=name)
    return company


def test_two_are_picked_and_a_dialogue_gives_the_focus_back(
    sign_in: Any, live_server: Any, planned: Company
) -> None:
    page = sign_in("planner")
    page.goto(f"{live_server.url}/planning/")
    button = page.get_by_role("button", name="Side by side")
    assert button.is_disabled()
    page.get_by_label("Pick First").check()
    page.get_by_label("Pick Second").check()
    opener = page.get_by_role("button", name="Delete First")
    opener.click()
    page.get_by_role("button", name="Keep it").click()
    assert opener.evaluate("node => node === document.activeElement")
    button.click()
    page.get_by_role("heading", name="Side by side").wait_for()
    assert page.locator("th[scope=col]").all_inner_texts() == ["First", "Second"]


def test_the_list_is_read_anew_when_the_work_ends_and_picks_stay(
    sign_in: Any, live_server: Any, planned: Company
) -> None:
    services = planned.services
    scenarios.change_settings(services, OPERATOR, "first", seen=1, changes=SETTINGS)
    scenarios.optimise(services, OPERATOR, "first", seen=2, options={"seconds": 5})
    page = sign_in("planner")
    page.goto(f"{live_server.url}/planning/")
    page.get_by_label("Pick First").check()
    page.locator("#job-first progress").wait_for()
    scenarios.rename(services, OPERATOR, "second", name="Another")
    scenarios.stop(services, OPERATOR, "first")
    page.get_by_role("link", name="Another", exact=True).wait_for()
    assert page.locator("#job-first progress").count() == 0
    assert page.get_by_label("Pick First").is_checked()


def test_a_name_stays_while_the_rest_of_the_form_is_chosen(
    sign_in: Any, live_server: Any, planned: Company
) -> None:
    page = sign_in("planner")
    page.goto(f"{live_server.url}/planning/new/")
    page.get_by_role("textbox", name="Name").fill("Third")
    page.get_by_label("Begin with").select_option("second")
    page.get_by_role("button", name="Copy it").wait_for()
    assert page.get_by_role("textbox", name="Name").input_value() == "Third"
