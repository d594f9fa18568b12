"""The rule builder in a real browser: builder and text in step, by mouse and by keyboard, to a saved rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.conftest import Company

from merestone.app import plan_edits
from merestone.app.policy import OPERATOR

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PATH = "/models/plan/rules/west/"


@pytest.fixture
def editor(sign_in: Any, live_server: Any, company: Company) -> Page:
    """The editor of a territory of a plan, counted once."""
    plan_edits.clone_model(company.services, OPERATOR, "m1", new_key="plan")
    page: Page = sign_in("planner")
    page.goto(live_server.url + PATH)
    page.wait_for_selector("#rule-form[data-counted]")
    yield page  # type: ignore[misc]
    assert not sign_in.errors


def text(page: Page) -> str:
    return page.locator("#rule-where").input_value()


def wait_for_text(page: Page, wanted: str) -> None:
    page.wait_for_function("wanted => document.querySelector('#rule-where').value === wanted", arg=wanted)


def wait_for_count(page: Page, wanted: str) -> None:
    page.locator("[data-figure=matches]", has_text=wanted).wait_for()


def row(page: Page, at: int) -> Locator:
    return page.locator(".rule-row").nth(at)


def saved(company: Company, key: str = "west") -> Any:
    return plan_edits.read_territory(company.services, OPERATOR, "plan", key)


def test_builder_writes_the_text_and_counts(editor: Page, company: Company) -> None:
    wait_for_count(editor, "1")
    editor.get_by_role("button", name="+ Criterion").last.click()
    assert "Choose a field" in row(editor, 1).inner_text()
    row(editor, 1).get_by_label("Field").select_option("employees")
    row(editor, 1).get_by_label("Employees: number").fill("1,000")
    wait_for_text(editor, "state in ('CA', 'WA') and employees >= 1000")
    wait_for_count(editor, "0")
    row(editor, 1).get_by_label("Employees: operator").select_option("between")
    row(editor, 1).get_by_label("Employees: number").nth(0).fill("5")
    row(editor, 1).get_by_label("Employees: number").nth(1).fill("2k")
    wait_for_text(editor, "state in ('CA', 'WA') and employees between 5 and 2000")
    wait_for_count(editor, "1")
    assert "keeps 4 of 4" in row(editor, 1).inner_text()
    editor.get_by_role("button", name="Save").click()
    editor.wait_for_selector("#rule-form[data-counted]")
    assert saved(company)["where"] == "state in ('CA', 'WA') and employees between 5 and 2000"


def test_text_rebuilds_the_builder_and_errors_stand_where_they_are(editor: Page) -> None:
    area = editor.locator("#rule-where")
    area.fill("either")
    editor.locator(".rule-problem").first.wait_for()
    assert editor.locator("#rule-builder").evaluate("one => one.inert")
    area.fill("contry = 'US' and (employees < 10 or not (state = 'CA'))")
    editor.locator(".rule-marks mark", has_text="contry").wait_for(state="attached")
    assert row(editor, 0).locator(".rule-note.wrong").count() == 1
    assert editor.locator(".rule-group").count() == 2
    editor.get_by_role("button", name="Use country").click()
    wait_for_text(editor, "country = 'US' and (employees < 10 or not (state = 'CA'))")
    editor.wait_for_function("() => document.querySelectorAll('.rule-problem').length === 0")
    wait_for_count(editor, "3")


def test_values_are_offered_with_counts_and_taken_by_keyboard(editor: Page) -> None:
    box = row(editor, 0).get_by_role("combobox", name="add a value")
    box.focus()
    box.press_sequentially("tex")
    option = editor.get_by_role("option", name="TX")
    option.wait_for()
    assert "Texas" in option.inner_text()
    assert option.locator(".n").inner_text() == "1"
    editor.keyboard.press("ArrowDown")
    editor.keyboard.press("Enter")
    wait_for_text(editor, "state in ('CA', 'WA', 'TX')")
    editor.keyboard.press("Backspace")
    wait_for_text(editor, "state in ('CA', 'WA')")
    row(editor, 0).get_by_label("Remove CA").click()
    wait_for_text(editor, "state in ('WA')")


def test_a_column_of_five_hundred_codes_is_pasted_at_once(editor: Page) -> None:
    row(editor, 0).get_by_label("Field").select_option("postal_code")
    codes = "\n".join(f"{94000 + n}" for n in range(500))
    row(editor, 0).get_by_role("combobox", name="add a value").evaluate(
        """(input, text) => { const data = new DataTransfer(); data.setData('text', text);
        input.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })) }""",
        codes,
    )
    editor.wait_for_function("() => document.querySelector('#rule-where').value.includes('94499')")
    assert row(editor, 0).locator(".chip").count() == 24
    assert "and 476 more" in row(editor, 0).inner_text()
    row(editor, 0).get_by_role("button", name="Edit as a list").click()
    area = row(editor, 0).get_by_label("one a line")
    assert area.input_value() == codes
    area.fill("94001\n94002")
    row(editor, 0).get_by_role("button", name="Done").click()
    wait_for_text(editor, "postal_code in ('94001', '94002')")


def test_rows_are_moved_grouped_and_removed_by_keyboard(editor: Page) -> None:
    editor.locator("#rule-where").fill("state = 'CA' and employees > 5 and name = 'x'")
    editor.locator(".rule-row").nth(2).wait_for()
    row(editor, 2).get_by_label("Field").focus()
    editor.keyboard.press("Alt+ArrowUp")
    wait_for_text(editor, "state = 'CA' and name = 'x' and employees > 5")
    editor.keyboard.press("Alt+d")
    wait_for_text(editor, "state = 'CA' and name = 'x' and name = 'x' and employees > 5")
    editor.keyboard.press("Alt+ArrowRight")
    editor.locator(".rule-group:not(.root)").wait_for()
    editor.keyboard.press("Alt+ArrowUp")
    wait_for_text(editor, "state = 'CA' and name = 'x' and name = 'x' and employees > 5")
    editor.keyboard.press("Alt+Delete")
    wait_for_text(editor, "state = 'CA' and name = 'x' and employees > 5")
    editor.get_by_label("Accounts belong here when").select_option("or false")
    wait_for_text(editor, "state = 'CA' or name = 'x' or employees > 5")
    assert editor.evaluate("document.activeElement.className") == "rule-mode"


def test_rows_are_moved_by_mouse(editor: Page) -> None:
    editor.locator("#rule-where").fill("state = 'CA' and employees > 5")
    row(editor, 1).wait_for()
    row(editor, 1).locator(".rule-grip").drag_to(row(editor, 0))
    wait_for_text(editor, "employees > 5 and state = 'CA'")
    row(editor, 0).get_by_label("More for Employees").click()
    row(editor, 0).get_by_role("button", name="Duplicate").click()
    wait_for_text(editor, "employees > 5 and employees > 5 and state = 'CA'")
    row(editor, 0).get_by_label("Remove Employees").click()
    wait_for_text(editor, "employees > 5 and state = 'CA'")


def test_difference_is_seen_before_saving(editor: Page, company: Company) -> None:
    editor.locator("#rule-where").fill("state in ('CA', 'NY') and employees > 1 and country = 'US'")
    wait_for_count(editor, "2")
    editor.get_by_role("button", name="Preview").click()
    editor.locator(".rule-pair summary").click()
    editor.get_by_role("link", name="East Brewing").last.wait_for()
    assert "1 account would move" in editor.locator("#rule-difference").inner_text()
    assert saved(company)["where"] == "state in ('CA', 'WA')"


def test_an_account_becomes_a_case_that_fails_when_the_rule_changes(editor: Page, company: Company) -> None:
    editor.get_by_label("Add West Brewing as a case").click()
    editor.locator("#rule-cases .badge", has_text="passes").wait_for()
    editor.locator("#rule-where").fill("state = 'OR'")
    editor.locator("#rule-cases .badge", has_text="fails").wait_for()
    editor.locator("#rule-where").fill("state = 'CA'")
    editor.locator("#rule-cases .badge", has_text="passes").wait_for()
    editor.get_by_role("button", name="Save").click()
    editor.wait_for_selector("#rule-form[data-counted]")
    assert saved(company)["cases"] == [{"record": {"country": "US", "state": "CA"}, "expect": "win"}]


def test_leaving_with_unsaved_changes_asks_first(editor: Page, live_server: Any) -> None:
    asked: list[str] = []
    editor.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    editor.locator("#rule-where").press_sequentially(" ")
    editor.get_by_role("link", name="Cancel").click()
    editor.wait_for_url("**/models/plan/")
    assert asked == ["beforeunload"]


def test_editor_fits_every_screen(editor: Page, picture: Callable[..., None]) -> None:
    editor.locator("#rule-where").fill(
        "state = 'CA' and (employees > 5 or not (name = 'x' and starts_with(naics, '54')))"
    )
    editor.locator(".rule-row").nth(3).wait_for()
    editor.wait_for_selector("#rule-map[data-ready]")
    picture(editor, "rule-editor")


def test_without_scripts_the_text_is_a_form(
    browser: Any, editor: Page, live_server: Any, company: Company
) -> None:
    context = browser.new_context(java_script_enabled=False, storage_state=editor.context.storage_state())
    page = context.new_page()
    page.goto(live_server.url + PATH)
    page.locator("#rule-where").fill("state = 'OR'")
    page.get_by_role("button", name="Check and count").click()
    assert page.locator("[data-figure=matches]").inner_text() == "0"
    page.get_by_role("button", name="Save").click()
    assert saved(company)["where"] == "state = 'OR'"
    context.close()
