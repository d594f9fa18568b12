"""Every kind of page, light and dark, is free of what axe-core finds against WCAG 2.2 AA."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.builders import add_accounts
from tests.web.conftest import Company
from tests.web.test_home import add_quota

from merestone.app import lifecycle, people_changes, plan_edits, scenarios
from merestone.app.access.grants import give_grant
from merestone.app.guidelines import papers, training
from merestone.app.policy import OPERATOR, Actor

if TYPE_CHECKING:
    from playwright.sync_api import Page

SOURCE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = pytest.mark.skipif(not SOURCE.exists(), reason="axe-core is not installed (npm ci)")
EVERYTHING = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
RUN = """async options => {
    const frame = () => new Promise(done => requestAnimationFrame(done))
    await frame()
    await Promise.allSettled(document.getAnimations().map(one => one.finished))
    await frame()
    const found = await axe.run(document, options)
    return found.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.target.join(' ')}: ${
        node.failureSummary.split('\\n').slice(1).join(' ').trim()}\\n      ${node.html.slice(0, 200)}`))
}"""
PAGES = {
    "planner": [
        "/", "/accounts/", "/accounts/?state=CA&q=brew", "/unassigned/", "/leads/", "/opportunities/", "/reps/", "/claims/",
        "/accounts/{account}/", "/accounts/{account}/why/", "/accounts/{account}/why/?why_not=east&find=e", "/leads/{lead}/why/?why_not=vacant",
        "/accounts/{account}/edit/", "/accounts/{account}/move/",
        "/leads/{lead}/", "/imports/", "/imports/new/", "/map/", "/territories/", "/territories/west/", "/balance/",
        "/models/", "/models/m1/", "/models/m1/rules/west/", "/models/plan/rules/us/", "/models/plan/new/",
        "/models/plan/rules/us/remove/", "/models/m1/analysis/?now", "/scorecard/", "/audit/", "/jobs/", "/search/?q=brewing", "/accounts/999999/",
        "/models/m1/life/", "/models/plan/life/", "/models/plan/life/?step=submit", "/models/plan/life/?step=archive",
        "/models/later/life/", "/models/later/life/?step=cancel", "/models/plan/policies/", "/models/m1/whole/",
        "/publications/", "/publications/undo/", "/compare/", "/compare/?before=m1&after=plan", "/review/plan/start/",
        "/guidelines/", "/guidelines/{guideline}/", "/guidelines/{guideline}/?against=1", "/guidelines/edit/",
        "/training/", "/training/new/", "/training/{training}/", "/training/{training}/edit/",
        "/accounts/{account}/history/", "/leads/{lead}/history/", "/territories/west/history/", "/owned-accounts/", "/quotas/",
        "/quotas/enter/", "/map/?on={yesterday}&map=plain", "/audit/?table=rep&from=2020-01-01", "/audit/?record=none",
        "/reps/{rep}/", "/reps/{rep}/edit/", "/reps/{rep}/changes/", "/departures/{departure}/", "/departures/", "/people/calendar/",
        "/notices/", "/planning/", "/planning/?pick=first&pick=second", "/planning/new/?model=plan", "/planning/new/?copy_of=first",
        "/planning/second/compare/?measure=workload", "/planning/second/rules/", "/planning/second/steps/", "/planning/second/", "/planning/second/?map=plain&tab=units", "/planning/second/?map=plain&tab=optimise",
    ],
    "manager": ["/", "/scorecard/?under=us", "/guidelines/", "/training/", "/training/{training}/", "/reps/{rep}/changes/", "/people/calendar/"],
    "rep": [
        "/", "/accounts/", "/map/", "/profile/", "/guidelines/", "/guidelines/{guideline}/", "/training/", "/training/{training}/",
        "/notices/", "/review/", "/reps/{rep}/changes/",
    ],
    "integration": ["/", "/tokens/"],
    "admin": [
        "/settings/", "/users/", "/users/{user}/", "/access/", "/access/?territory=west", "/access/people/{user}/",
        "/access/people/{user}/?territory=west", "/access/why/", "/access/why/?user={user}&table=territories&key=west",
    ],
}  # fmt: skip


def violations(page: Page, address: str) -> list[str]:
    """Return what axe finds on a page: everything in the light, what depends on colours in the dark as well."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.goto(address)
    page.wait_for_load_state("networkidle")
    found = run(page, f"{address} (light)")
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    return found + run(page, f"{address} (dark)", options=COLOURS)


def run(page: Page, name: str, *, options: Any = EVERYTHING) -> list[str]:
    """Return what axe finds on the page as it stands."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(SOURCE.read_text(encoding="utf-8"))
    return [f"{name}\n    {line}" for line in page.evaluate(RUN, options)]


@pytest.fixture
def goals(company: Company) -> None:
    """Quotas of this quarter."""
    from merestone.db.models import Territory
    from merestone.web.views.periods import quarter_start

    for territory in Territory.objects.filter(key__in=("west", "east")):
        add_quota(territory, quarter_start(company.services.clock.today()), 1000)


@pytest.fixture
def plan(company: Company) -> None:
    """A copy of the active model, in planning."""
    plan_edits.clone_model(company.services, OPERATOR, "m1", new_key="plan")


@pytest.fixture
def scenarios_of(company: Company, plan: None) -> None:
    """Two scenarios of the plan; in the second a county moves."""
    add_accounts(
        company.services,
        [{"state": "CA", "county": "06037", "workload_hours": 8.0}, {"state": "NY", "county": "36061", "workload_hours": 9.0}],
    )  # fmt: skip
    first = scenarios.start(company.services, OPERATOR, model="plan", name="First")["key"]
    second = scenarios.copy(company.services, OPERATOR, first, name="Second")["key"]
    units = scenarios.read(company.services, OPERATOR, second)["units"]
    at = units["id"].index("06037")
    other = 0 if units["territory"][at] else 1
    scenarios.assign(company.services, OPERATOR, second, seen=1, units=[at], territory=other)


@pytest.fixture
def life(company: Company, plan: None) -> dict[str, Any]:
    """What a company lives through: published and undone, scheduled, rules read and not, training late, people who go."""
    services, rep = company.services, company.reps["ana"]
    today = services.clock.today()
    for key in ("later", "trial"):
        plan_edits.clone_model(services, OPERATOR, "m1", new_key=key)
        lifecycle.submit(services, OPERATOR, key, note="For spring.")
    lifecycle.schedule(services, OPERATOR, "later", effective=str(today + timedelta(days=30)))
    lifecycle.publish(services, OPERATOR, "trial", note="As agreed.")
    lifecycle.undo(services, OPERATOR, note="Not yet.")
    text = "# Who speaks\n\nThe **owner**, [always](https://example.com).\n\n| Case | Who |\n|---|---|\n| Two | One |"
    papers.save_guidelines(services, OPERATOR, text)
    guideline = papers.save_guidelines(services, OPERATOR, f"{text}\n\n- Ask first.")
    papers.save_guidelines(services, OPERATOR, "West stays west.", territory="west")
    late = training.save_training(
        services, OPERATOR, title="On site", body="Read it.", due_on=today - timedelta(days=2)
    )
    done = training.save_training(services, OPERATOR, title="On the phone", roles=["owner"])
    seller = Actor(role="rep", user_id=company.users["rep"], rep_id=rep, label="user:rep@example.com")
    training.mark_done(services, seller, done)
    days = {"first_day": today, "last_day": today + timedelta(days=3)}
    people_changes.enter_leave(services, OPERATOR, rep, **days, cover=company.reps["ben"], reason="Leave")
    departure = people_changes.plan_departure(services, OPERATOR, rep, last_day=today + timedelta(days=20))
    grants = {"user_id": company.users["rep"], "territory": "west"}
    give_grant(services, OPERATOR, **grants, rights=["see", "plan"], note="Helps.")  # type: ignore[arg-type]
    return {
        "guideline": guideline, "training": late, "departure": departure, "rep": rep,
        "yesterday": today - timedelta(days=1),
    }  # fmt: skip


@pytest.mark.usefixtures("goals", "scenarios_of")
@pytest.mark.parametrize("role", PAGES)
def test_pages_of_a_role_are_accessible(
    sign_in: Any, live_server: Any, company: Company, life: dict[str, Any], role: str
) -> None:
    page = sign_in(role)
    ids = life | {
        "account": company.accounts["west"],
        "lead": company.leads["west"],
        "user": company.users["rep"],
    }
    found = [
        line for path in PAGES[role] for line in violations(page, live_server.url + path.format_map(ids))
    ]
    assert not found, f"{len(found)} violations\n" + "\n".join(found)


def test_sign_in_is_accessible(page: Page, live_server: Any, company: Company) -> None:
    found = violations(page, f"{live_server.url}/sign-in/")
    assert not found, "\n".join(found)


def test_wizard_and_open_dialogues_are_accessible(sign_in: Any, live_server: Any, tmp_path: Path) -> None:
    page = sign_in("planner")
    file = tmp_path / "accounts.csv"
    file.write_text("Account Number;Company Name;State;Employees\nN-1;Quarry Optics;CO;120\nN-2;Fern;TX;-5\n")
    page.goto(f"{live_server.url}/imports/new/")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.get_by_label("Company Name means").wait_for()
    found = run(page, "columns")
    page.get_by_role("button", name="Check the rows").click()
    page.get_by_text("'-5' is less than 0.").wait_for()
    found += run(page, "check")
    page.goto(f"{live_server.url}/accounts/")
    page.get_by_role("button", name="Filter").click()
    page.locator("#drawer summary").first.wait_for()
    found += run(page, "filters")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("west brew")
    page.locator("#palette-results a[aria-selected=true]").wait_for()
    found += run(page, "palette")
    assert not found, "\n".join(found)
