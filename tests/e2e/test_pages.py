"""People at work in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

FILE = """Account Number;Company Name;State;Zip;Country;Employees
N-1;Quarry Optics;CO;80202;USA;120
N-2;Fern Labs;Texas;78701;US;-5
N-1;Quarry Optics;CO;80202;USA;120
"""
LISTS = ("accounts", "leads", "opportunities", "activities", "contacts", "contracts", "reps", "unassigned", "claims", "products",
         "imports", "jobs", "audit", "users")  # fmt: skip


def test_every_list_fits_the_screen_and_logs_no_error(
    sign_in: Any, picture: Callable[..., None], live_server: Any
) -> None:
    page = sign_in("admin")
    for name in LISTS:
        page.goto(f"{live_server.url}/{name}/")
        picture(page, f"list-{name}")
    assert sign_in.errors == []


def test_every_record_page_and_form_fits_the_screen(
    sign_in: Any, picture: Callable[..., None], live_server: Any, company: Any
) -> None:
    page = sign_in("admin")
    west = company.accounts["west"]
    paths = {
        "account": f"/accounts/{west}/", "account-edit": f"/accounts/{west}/edit/", "account-why": f"/accounts/{west}/why/",
        "account-why-not": f"/accounts/{west}/why/?why_not=east&find=e", "lead-why": f"/leads/{company.leads['west']}/why/?why_not=vacant",
        "account-move": f"/accounts/{west}/move/", "lead": f"/leads/{company.leads['west']}/",
        "opportunity": f"/opportunities/{company.records['opportunities']['west']}/",
        "contact": f"/contacts/{company.records['contacts']['west']}/", "rep": f"/reps/{company.reps['ana']}/",
        "user": f"/users/{company.users['rep']}/", "settings": "/settings/", "tokens": "/tokens/", "profile": "/profile/",
        "search": "/search/?q=brewing",
    }  # fmt: skip
    for name, path in paths.items():
        page.goto(live_server.url + path)
        picture(page, name)
    assert sign_in.errors == []


@pytest.mark.parametrize("role", ["planner", "manager", "rep", "integration"])
def test_start_page_fits_the_screen(sign_in: Any, picture: Callable[..., None], role: str) -> None:
    picture(sign_in(role), f"home-{role}")
    assert sign_in.errors == []


def test_sign_in_page_fills_in_a_demo_person(
    page: Page, live_server: Any, company: Any, settings: Any, picture: Callable[..., None]
) -> None:
    settings.DEMO_SIGN_INS = [
        {"name": "Ana", "role": "rep", "email": "rep@example.com", "password": "quarry-and-fern-29"}
    ]
    page.goto(f"{live_server.url}/sign-in/")
    picture(page, "sign-in")
    page.get_by_role("button", name="Ana").click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Good")


def test_palette_finds_an_account_with_the_keyboard_alone(sign_in: Any, picture: Callable[..., None]) -> None:
    page = sign_in("planner")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-results a").first).to_have_text(re.compile("Today"))
    page.keyboard.type("west brew")
    expect(page.locator("#palette-results a[aria-selected=true]")).to_contain_text("West Brewing")
    picture(page, "palette")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("West Brewing")
    assert sign_in.errors == []


def test_list_is_filtered_searched_and_sorted_without_losing_its_address(
    sign_in: Any, live_server: Any, picture: Callable[..., None]
) -> None:
    page = sign_in("planner")
    page.goto(f"{live_server.url}/accounts/")
    page.get_by_role("button", name="Filter").click()
    drawer = page.locator("#drawer")
    drawer.locator("summary").get_by_text("State", exact=True).click()
    drawer.get_by_role("checkbox", name=re.compile("^CA")).check()
    picture(page, "filters")
    drawer.get_by_role("button", name="Show").click()
    expect(page).to_have_url(f"{live_server.url}/accounts/?state=CA")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    page.get_by_label("Remove: State is CA").click()
    expect(page.locator("#rows tbody tr")).to_have_count(4)
    page.get_by_role("searchbox", name="Search accounts").fill("nowhere")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=nowhere"))
    page.reload()
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Clear all").click()
    expect(page.locator("#rows tbody tr")).to_have_count(4)
    expect(page.get_by_role("searchbox", name="Search accounts")).to_have_value("")
    page.locator("thead").get_by_role("link", name="Potential").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Potential")
    assert sign_in.errors == []


def test_ticked_rows_are_reassigned(sign_in: Any, live_server: Any, picture: Callable[..., None]) -> None:
    page = sign_in("planner")
    page.goto(f"{live_server.url}/unassigned/")
    page.get_by_label("Select the rows on this page").check()
    expect(page.locator("[data-picked]")).to_have_text("2")
    picture(page, "list-selected")
    page.get_by_role("button", name="Reassign").click()
    page.get_by_label("To territory").select_option("west")
    page.get_by_label("Reason").fill("Clearing the queue")
    picture(page, "bulk-move")
    page.get_by_role("button", name="Reassign 2").click()
    expect(page.get_by_text("The queue is empty")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("2 of 2 accounts moved")
    picture(page, "list-empty")


def test_wizard_takes_a_file_in_and_back_out(
    sign_in: Any, live_server: Any, tmp_path: Path, picture: Callable[..., None]
) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text(FILE)
    page = sign_in("planner")
    page.goto(f"{live_server.url}/imports/new/")
    picture(page, "import-1-upload")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_label("Company Name means")).to_have_value("name")
    picture(page, "import-2-columns")
    page.get_by_role("button", name="Check the rows").click()
    expect(page.get_by_text("'-5' is less than 0.")).to_be_visible()
    picture(page, "import-3-check")
    page.get_by_role("button", name="Import 1 rows").click()
    expect(page.get_by_text("Applied", exact=True)).to_be_visible()
    picture(page, "import-4-result")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo the import").click()
    expect(page.get_by_text("Undone", exact=True)).to_be_visible()
    assert sign_in.errors == []


def test_theme_is_switched_by_hand_and_stays(sign_in: Any) -> None:
    page = sign_in("rep")
    page.get_by_label("Theme").click()
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_phone_has_a_drawer_for_the_navigation(sign_in: Any, picture: Callable[..., None]) -> None:
    page = sign_in("rep")
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="Menu").click()
    page.locator("#rail").get_by_role("link", name="Contracts").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Contracts")


def test_stale_form_shows_both_sides(
    sign_in: Any, live_server: Any, company: Any, picture: Callable[..., None]
) -> None:
    page = sign_in("planner")
    address = f"{live_server.url}/accounts/{company.accounts['west']}/edit/"
    page.goto(address)
    other = page.context.new_page()
    other.goto(address)
    other.get_by_label("Industry", exact=True).fill("Optics")
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("West Brewing")
    page.get_by_label("Industry", exact=True).fill("Paper")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Optics")
    picture(page, "conflict")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("West Brewing")


def test_missing_page_is_told(sign_in: Any, live_server: Any, picture: Callable[..., None]) -> None:
    page = sign_in("rep")
    page.goto(f"{live_server.url}/accounts/999999/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing here")
    picture(page, "missing")
