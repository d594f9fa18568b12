"""Reviews in a real browser: every page for everybody asked, by keyboard alone, with focus where it was."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page
from tests.e2e.test_accessibility import SOURCE, run, violations
from tests.e2e.test_map import give_session
from tests.review_world import World, begin, build

from merestone.app.lifecycle import set_policies
from merestone.app.review import approvals, challenges, deciding
from merestone.app.review.drafts import Draft
from merestone.app.services import Services

MAX_TABS = 60
REVIEW = "/review/new/"


@pytest.fixture
def world(transactional_db: Any, services: Services) -> World:
    """A review that is on, for which approvals are asked."""
    made = build(services)
    set_policies(services, made.vera, "new", {"approvals": {"depth": 0}})
    begin(made)
    return made


@pytest.fixture
def as_person(page: Page, live_server: Any, world: World) -> Any:
    """Sign in as somebody; returns the page."""

    def enter(name: str) -> Page:
        page.context.clear_cookies()
        give_session(page, live_server.url, world.actors[name].user_id or 0)
        page.set_default_timeout(15_000)
        return page

    return enter


def sent(world: World, account: str = "was-one", *, by: str = "ana") -> int:
    draft = Draft("keep", world.accounts[account], reason="I know them well.")
    return int(str(deciding.send(world.services, world.actors[by], "new", draft)["id"]))


def tab_to(page: Page, words: str) -> None:
    """Press Tab until what has these words in its name or text has the focus."""
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        if words in focused(page):
            return
    raise AssertionError(f"Tab never reached '{words}'; the last was '{focused(page)}'.")


def settle(page: Page) -> None:
    """Wait until nothing is being swapped."""
    page.wait_for_selector("body:not(:has(.htmx-request)):not(:has(.htmx-settling))")


def focused(page: Page) -> str:
    """Return the id, the label and the text of what has the focus."""
    return str(
        page.evaluate(
            """() => { const one = document.activeElement
            return [one.id, one.labels?.[0]?.textContent, one.getAttribute("aria-label"), one.textContent].join(" ") }"""
        )
    )


@pytest.mark.skipif(not SOURCE.exists(), reason="axe-core is not installed (npm ci)")
def test_pages_of_a_review_are_accessible_in_every_state(
    as_person: Any, live_server: Any, world: World
) -> None:
    open_, accepted, rejected = sent(world), sent(world, "was-two"), sent(world, "nice", by="dan")
    challenges.comment(world.services, world.ben, "new", open_, text="Fine with me.", stance="for")
    challenges.comment(world.services, world.mia, "new", open_, text="Not with me.", stance="against")
    deciding.decide(world.services, world.vera, "new", accepted, accept=True, note="A fair wish.")
    deciding.decide(world.services, world.vera, "new", rejected, accept=False)
    approvals.approve(world.services, world.mia, "new", "us", is_approved=True, note="Good.")
    approvals.approve(world.services, world.eve, "new", "eu", is_approved=False, note="Not yet.")
    moved, other = world.accounts["was-one"], world.accounts["nice"]
    frame = ["/review/", REVIEW, f"{REVIEW}challenges/", "/notices/"]
    paths = {
        "vera": [
            *frame, f"{REVIEW}?change=gained", f"{REVIEW}start/", f"{REVIEW}summary/", f"{REVIEW}approvals/",
            *(f"{REVIEW}challenges/{number}/" for number in (open_, accepted, rejected)), "/models/new/life/",
            f"{REVIEW}challenges/new/{other}/", "/models/new/life/?step=schedule", "/models/new/life/?step=publish",
        ],
        "ana": [*frame, f"{REVIEW}challenges/{open_}/", f"{REVIEW}challenges/new/{moved}/"],
        "mia": [*frame, f"{REVIEW}challenges/{open_}/", f"{REVIEW}approvals/"],
        "eve": [f"{REVIEW}approvals/"],
        "paul": [f"{REVIEW}approvals/", "/models/new/policies/"],
    }  # fmt: skip
    found = []
    for name, addresses in paths.items():
        page = as_person(name)
        for path in addresses:
            found += [f"{name}: {line}" for line in violations(page, live_server.url + path)]
    page.set_viewport_size({"width": 390, "height": 844})
    for path in (REVIEW, f"{REVIEW}approvals/", f"{REVIEW}challenges/"):
        page.goto(live_server.url + path)
        found += run(page, f"{path} on a phone")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    assert not found, f"{len(found)} violations\n" + "\n".join(found)


def test_challenge_and_decision_need_the_keyboard_only(
    as_person: Any, live_server: Any, world: World
) -> None:
    page: Page = as_person("ana")
    page.goto(live_server.url + REVIEW)
    tab_to(page, "Keep it: Firm was-one")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{REVIEW}challenges/new/*/")
    page.get_by_role("heading", name="What it does to the balance").wait_for()
    tab_to(page, "id_kind")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.keyboard.press("ArrowDown")  # give: the effect is told anew
    settle(page)
    assert "id_kind" in focused(page), "the swap took the focus away"
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.keyboard.press("ArrowUp")
    tab_to(page, "id_reason")
    page.keyboard.type("I know them well.")
    tab_to(page, "Send")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Ana asks to keep it").wait_for()
    address = page.url

    page = as_person("vera")
    page.goto(address)
    tab_to(page, "Comment")
    page.keyboard.type("Let us see.")
    tab_to(page, "I am for it")
    page.keyboard.press("Enter")
    page.get_by_text("Let us see.").wait_for()
    tab_to(page, "Reason")
    page.keyboard.type("A fair wish.")
    tab_to(page, "Accept")
    page.keyboard.press("Enter")
    page.get_by_text("Accepted by Vera").wait_for()
    assert page.url == address


def test_sorting_the_moves_by_keyboard_keeps_the_focus_on_the_heading(
    as_person: Any, live_server: Any, world: World
) -> None:
    page: Page = as_person("vera")
    page.goto(live_server.url + REVIEW)
    tab_to(page, "sort-potential")
    for wanted in ("ascending", "descending"):
        page.keyboard.press("Enter")
        page.wait_for_selector(f'th[aria-sort="{wanted}"]')
        settle(page)
        assert "sort-potential" in focused(page), wanted


def test_phone_shows_the_way_to_a_challenge(as_person: Any, live_server: Any, world: World) -> None:
    page: Page = as_person("ana")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(live_server.url + REVIEW)
    box = page.locator("td.act a", has_text="Firm was-one").bounding_box()
    assert box is not None
    assert box["width"] > 100
    assert box["height"] >= 24
