"""The planning workspace in a browser: every way to select, changes that stay, somebody else's change, the optimiser."""

from __future__ import annotations

from typing import Any

import pytest
from tests.builders import add_accounts
from tests.web.conftest import Company

from merestone.app import plan_edits, scenarios
from merestone.app.policy import OPERATOR
from merestone.boot.tasks import run_job

COUNTIES = (("CA", "06037"), ("CA", "06073"), ("NY", "36061"), ("TX", "48453"))
WIDE = {"balances": [{"measure": "accounts", "tolerance": 9.0}], "contiguous": False}


@pytest.fixture
def planned(company: Company) -> Company:
    """A scenario of a planning model."""
    rows = [{"state": state, "county": county, "workload_hours": 9.0} for state, county in COUNTIES]
    add_accounts(company.services, rows)
    plan_edits.clone_model(company.services, OPERATOR, "m1", new_key="plan")
    scenarios.start(company.services, OPERATOR, model="plan", name="First")
    return company


def plan(company: Company) -> dict[str, Any]:
    return scenarios.read(company.services, OPERATOR, "first")


def opened(sign_in: Any, live_server: Any, query: str = "") -> Any:
    page = sign_in("planner")
    page.goto(f"{live_server.url}/planning/first/?map=plain{query}")
    page.locator("#planning[data-ready=true]").wait_for()
    return page


def optimising(sign_in: Any, live_server: Any, planned: Company) -> Any:
    """Return the page with the optimiser asked for and waiting for a worker."""
    scenarios.change_settings(planned.services, OPERATOR, "first", seen=1, changes=WIDE)
    page = opened(sign_in, live_server, "&tab=optimise")
    page.locator("#optimise-limit").select_option("10")
    page.locator("#optimise-form button[type=submit]").click()
    page.locator("#optimise-stop").wait_for()
    page.locator("#optimise-stage:not(:empty)").wait_for()
    return page


def place(company: Company, county: str) -> str:
    data = plan(company)
    number = data["units"]["territory"][data["units"]["id"].index(county)]
    return "nobody" if number < 0 else str(data["territories"][number]["key"])


def test_county_of_the_table_is_given_away_by_keyboard_and_comes_back(
    sign_in: Any, live_server: Any, planned: Company
) -> None:
    page = opened(sign_in, live_server)
    before = place(planned, "48453")
    page.locator("#tab-units").focus()
    page.keyboard.press("Enter")
    page.locator("#units-find").fill("travis")
    page.get_by_text("1 of ", exact=False).first.wait_for()
    tick = page.locator("#units-body input").first
    tick.focus()
    page.keyboard.press("Space")
    page.keyboard.press("a")
    data = plan(planned)
    target = next(at for at, one in enumerate(data["territories"]) if one["key"] != before)
    page.locator("#planning-to").select_option(str(target))
    page.keyboard.press("Enter")
    page.locator("#planning-sync[data-state=saved]").wait_for()
    page.locator("#planning-undo:not([disabled])").wait_for()
    assert place(planned, "48453") == data["territories"][target]["key"]
    page.keyboard.press("Control+z")
    page.locator("#planning-redo:not([disabled])").wait_for()
    page.locator("#planning-sync[data-state=saved]").wait_for()
    assert place(planned, "48453") == before
    assert sign_in.errors == []


def test_box_and_lasso_select_and_locks_hold(sign_in: Any, live_server: Any, planned: Company) -> None:
    page = opened(sign_in, live_server)
    box = page.locator("#map").bounding_box()
    at = lambda x, y: (box["x"] + box["width"] * x, box["y"] + box["height"] * y)  # noqa: E731
    page.locator("[data-tool=box]").click()
    page.mouse.move(*at(0.02, 0.3))
    page.mouse.down()
    page.mouse.move(*at(0.5, 0.6))
    page.mouse.move(*at(0.98, 0.98))
    page.mouse.up()
    page.locator("#planning-bar").wait_for()
    n_boxed = page.evaluate(
        "parseInt(document.querySelector('#planning-selection strong').textContent.replace(',', ''))"
    )
    assert n_boxed > 50
    page.locator("#planning-clear").click()
    page.locator("[data-tool=lasso]").click()
    page.mouse.move(*at(0.1, 0.4))
    page.mouse.down()
    for x, y in ((0.5, 0.35), (0.6, 0.7), (0.5, 0.9), (0.1, 0.8)):
        page.mouse.move(*at(x, y), steps=4)
    page.mouse.up()
    page.locator("#planning-bar").wait_for()
    n_lassoed = page.evaluate(
        "parseInt(document.querySelector('#planning-selection strong').textContent.replace(',', ''))"
    )
    assert 0 < n_lassoed < n_boxed
    page.locator("#planning-lock").click()
    page.locator("#planning-unlock").wait_for()
    page.locator("#planning-undo:not([disabled])").wait_for()
    page.locator("#planning-sync[data-state=saved]").wait_for()
    assert sum(plan(planned)["units"]["locked"]) == n_lassoed
    assert sign_in.errors == []


def test_somebody_elses_change_is_shown_and_not_written_over(
    sign_in: Any, live_server: Any, planned: Company
) -> None:
    page = opened(sign_in, live_server, "&tab=units")
    data = plan(planned)
    unit = data["units"]["id"].index("06073")
    scenarios.lock(planned.services, OPERATOR, "first", seen=data["revision"], units=[unit], is_locked=True)
    page.locator("#units-find").fill("travis")
    page.get_by_text("1 of ", exact=False).first.wait_for()
    page.locator("#units-body input").first.check()
    page.locator("#planning-lock").click()
    page.get_by_text("Somebody else changed this scenario meanwhile").wait_for()
    assert sum(plan(planned)["units"]["locked"]) == 1
    page.locator("#planning-note-close").click()
    page.locator("#planning-lock").click()
    page.locator("#planning-unlock").wait_for()
    page.locator("#planning-undo:not([disabled])").wait_for()
    page.locator("#planning-sync[data-state=saved]").wait_for()
    assert sum(plan(planned)["units"]["locked"]) == 2


def test_optimiser_is_started_watched_and_its_result_is_one_step(
    sign_in: Any, live_server: Any, planned: Company
) -> None:
    page = optimising(sign_in, live_server, planned)
    job = scenarios.progress(planned.services, OPERATOR, "first")["job"]
    assert page.locator("#planning-undo").is_disabled()
    run_job.func(job["id"])
    page.locator("#optimise-form").wait_for()
    page.locator("#optimise-report").get_by_text("Gap").wait_for()
    assert plan(planned)["report"]["is_feasible"]
    assert sign_in.errors == []


def test_optimiser_that_is_stopped_before_it_began_leaves_the_plan_as_it_was(
    sign_in: Any, live_server: Any, planned: Company
) -> None:
    page = optimising(sign_in, live_server, planned)
    job = scenarios.progress(planned.services, OPERATOR, "first")["job"]
    before = plan(planned)
    with page.expect_response("**/stop/") as stopped:
        page.locator("#optimise-stop").click()
    assert stopped.value.ok
    run_job.func(job["id"])
    page.locator("#optimise-form").wait_for()
    page.locator("#planning-undo").wait_for()
    after = plan(planned)
    assert (after["revision"], after["report"]) == (before["revision"], before["report"])
    assert after["units"]["territory"] == before["units"]["territory"]
    assert sign_in.errors == []


def test_book_that_changed_is_read_anew(sign_in: Any, live_server: Any, planned: Company) -> None:
    add_accounts(planned.services, [{"external_id": "new", "state": "CA", "county": "06037"}])
    page = opened(sign_in, live_server)
    page.get_by_role("button", name="Read the book anew").click()
    page.get_by_text("The book was read anew").wait_for()
    assert page.locator("#planning-stale").is_hidden()
    assert not plan(planned)["book"]["is_stale"]
    assert sign_in.errors == []
