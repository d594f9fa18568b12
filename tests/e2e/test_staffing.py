"""Staffing in a real browser: by keyboard from the proposal to the choice that is kept, on desktop and phone, seen by axe."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.test_accessibility import SOURCE, violations
from tests.e2e.test_review import tab_to
from tests.web.conftest import Company

from merestone.app import plan_edits, plans
from merestone.app.policy import OPERATOR


@pytest.fixture
def plan(company: Company) -> Company:
    """A copy of the active model, in planning."""
    plan_edits.clone_model(company.services, OPERATOR, "m1", new_key="plan")
    return company


def test_another_is_chosen_and_kept_by_keyboard_alone(
    sign_in: Any, live_server: Any, plan: Company, picture: Any
) -> None:
    page = sign_in("planner")
    page.goto(f"{live_server.url}/models/plan/staffing/")
    picture(page, "staffing")
    tab_to(page, "Choose another for West")
    page.keyboard.press("Enter")
    page.wait_for_url("**/staffing/west/**")
    tab_to(page, "Choose Cal")
    page.keyboard.press("Enter")
    page.get_by_text("1 choice by hand").wait_for()
    picture(page, "staffing-by-hand")
    tab_to(page, "Keep what is ticked")
    page.keyboard.press("Enter")
    page.get_by_text("another owner in this model").wait_for()
    day = plan.services.clock.today()
    document = plans.load_model(plan.services, OPERATOR, "plan")[1]
    assert document.tree["west"].owner_on(day) == "cal@example.com"
    assert not sign_in.errors


@pytest.mark.skipif(not SOURCE.exists(), reason="axe-core is not installed (npm ci)")
def test_axe_finds_nothing(sign_in: Any, live_server: Any, plan: Company) -> None:
    page = sign_in("planner")
    cal = plan.reps["cal"]
    plans.apply_document(
        plan.services, OPERATOR, {"merestone": 1, "model": {"key": "bare"}, "territories": []}
    )
    paths = [
        "plan/staffing/", f"plan/staffing/?fix=west%3D{cal}&w_distance=30&r_language=0.3", "plan/staffing/west/",
        f"plan/staffing/west/?fix=west%3D{cal}&r_language=0.3", "plan/staffing/?fix=x", "m1/staffing/", "bare/staffing/",
    ]  # fmt: skip
    found = [line for path in paths for line in violations(page, f"{live_server.url}/models/{path}")]
    assert not found, "\n".join(found)
