"""A served company, a person signed in with a real browser, and a picture of every page kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.conftest import PASSWORD, Company, _plain_static_files, found, services

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

__all__ = ["_plain_static_files", "services"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("e2e")


@pytest.fixture(scope="session", autouse=True)
def _served_static_files() -> Iterator[None]:
    """The server of the session serves static files from their folders; nobody collected them."""
    from django.conf import settings

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "STATIC_ROOT", None)
        yield


@pytest.fixture
def company(transactional_db: Any, services: Any) -> Company:
    """The test company, committed so that the server's threads see it."""
    return found(services)


@pytest.fixture
def sign_in(page: Page, live_server: Any, company: Company) -> Callable[[str], Page]:
    """Sign in as the user of a role; fails the test when a page logs an error afterwards."""

    def enter(role: str) -> Page:
        page.goto(f"{live_server.url}/sign-in/")
        page.fill("input[name=email]", f"{role}@example.com")
        page.fill("input[name=password]", PASSWORD)
        page.click("form[data-sign-in] button")
        page.wait_for_url(f"{live_server.url}/")
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    errors: list[str] = []
    page.set_default_timeout(60_000)  # patient: a busy machine is no defect
    enter.errors = errors  # type: ignore[attr-defined]
    return enter


@pytest.fixture
def picture() -> Callable[..., None]:
    """Keep pictures of a page: desktop and phone, light and dark; the page must fit the width of the screen."""

    def take(page: Page, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        for size, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                page.screenshot(path=PICTURES / f"{name}-{size}-{scheme}.png")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= viewport["width"], (
                f"{name} is {wide} px wide on a screen of {viewport['width']} px"
            )
        page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
        page.emulate_media(color_scheme="light")

    return take
