"""The pages of signing in in a real browser: passkeys under our content policy, accessibility, pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page
from tests.e2e.test_accessibility import violations
from tests.web.conftest import PASSWORD, Company
from tests.web.signin.totp import code_of

OUTSIDE = ["/sign-in/", "/sign-in/forgotten/", "/sign-in/new-password/1-abc/", "/sign-in/new-password/done/"]
INSIDE = [
    "/profile/security/", "/profile/confirm/", "/profile/security/password/", "/profile/security/app/",
    "/profile/security/keys/add/", "/settings/sign-in/", "/users/{user}/sign-in/",
]  # fmt: skip


@pytest.fixture
def with_key(page: Page) -> Iterator[Page]:
    """A page in a browser with a security key built in."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield page
    devtools.detach()


def add_key(page: Page, address: str) -> None:
    page.goto(f"{address}/profile/security/keys/add/")
    page.fill("#id_name", "Laptop")
    page.click("form[data-passkey] button.primary")
    page.wait_for_url(f"{address}/profile/security/codes/")


def test_passkey_is_added_and_then_signs_in_alone_and_as_second_step(
    with_key: Page, sign_in: Callable[[str], Page], live_server: Any, company: Company
) -> None:
    page, address = sign_in("planner"), live_server.url
    add_key(page, address)
    page.goto(f"{address}/profile/security/")
    assert page.get_by_text("Laptop").first.is_visible()
    page.goto(f"{address}/profile/security/keys/add/")
    page.click("form[data-passkey] button.primary")
    page.get_by_text("This key is added already.").wait_for()
    page.context.clear_cookies()
    page.goto(f"{address}/sign-in/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{address}/")
    page.context.clear_cookies()
    page.goto(f"{address}/sign-in/")
    page.fill("#id_email", "planner@example.com")
    page.fill("#id_password", PASSWORD)
    page.click("form[data-sign-in] button")
    page.wait_for_url(f"{address}/sign-in/second-step/")
    assert not violations(page, f"{address}/sign-in/second-step/")
    page.get_by_role("button", name="Use a passkey or security key").click()
    page.wait_for_url(f"{address}/")
    page.goto(f"{address}/profile/confirm/key/?next=/tokens/")
    page.get_by_role("button", name="Use a passkey or security key").click()
    page.wait_for_url(f"{address}/tokens/")
    assert not sign_in.errors  # type: ignore[attr-defined]


def test_pages_of_signing_in_are_accessible(
    sign_in: Callable[[str], Page], live_server: Any, company: Company, picture: Callable[..., None]
) -> None:
    page, address = sign_in("admin"), live_server.url
    found = [
        line for path in INSIDE for line in violations(page, address + path.format(user=company.users["rep"]))
    ]
    page.goto(f"{address}/profile/security/app/")
    picture(page, "sign-in-app")
    page.fill("#id_code", code_of(page.inner_text("code.token").strip()))
    page.get_by_role("button", name="Set up").click()
    page.wait_for_url("**/codes/")
    found += violations(page, f"{address}/profile/security/codes/")
    page.goto(f"{address}/profile/security/")
    picture(page, "sign-in-security")
    page.context.clear_cookies()
    found += [line for path in OUTSIDE for line in violations(page, address + path)]
    assert not found, f"{len(found)} violations\n" + "\n".join(found)
