"""Every route states its scope, nothing is shown without signing in, and a hidden record looks like a missing one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from merestone.web import urls
from merestone.web.scoping import SCOPES

PUBLIC = {
    "sign-in", "sign-out", "account_login", "account_logout", "mfa_authenticate", "mfa_login_webauthn", "sso-start",
    "sso-callback", "account_reset_password", "account_reset_password_done", "account_reset_password_from_key",
    "account_reset_password_from_key_done", "door",
}  # fmt: skip
DETAILS = {"account": "accounts", "contact": "contacts", "opportunity": "opportunities", "lead": "leads"}
UNDER_ACCOUNT = ("account-edit", "account-why", "account-activity", "account-contact", "account-opportunity")
UNDER_LEAD = ("lead-edit", "lead-why", "lead-activity")


def patterns(entries: list[Any]) -> Iterator[URLPattern]:
    for entry in entries:
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns)
        else:
            yield entry


ROUTES = list(patterns(urls.urlpatterns))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: str(route.name))
def test_route_states_its_scope(route: URLPattern) -> None:
    assert getattr(route.callback, "scope", None) in SCOPES


def test_only_signing_in_and_out_is_public() -> None:
    assert {route.name for route in ROUTES if route.callback.scope == "public"} == PUBLIC  # type: ignore[attr-defined]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.name not in PUBLIC], ids=lambda route: str(route.name)
)
def test_stranger_is_sent_to_sign_in(route: URLPattern) -> None:
    arguments = {
        name: "x"
        if type(converter).__name__ == "SlugConverter"
        else 1
        if "Int" in type(converter).__name__
        else "x"
        for name, converter in route.pattern.converters.items()
    }
    response = Client().get(reverse(route.name, kwargs=arguments))
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/")


def without_tokens(text: str) -> str:
    """Return a page without what differs from request to request."""
    text = re.sub(r'value="[A-Za-z0-9]{64}"|X-CSRFToken": "[^"]+"', "", text)
    return re.sub(r"/accounts/\d+/|/\w+/\d+/", "/N/", text)


@pytest.mark.parametrize(("route", "table"), DETAILS.items())
def test_hidden_record_answers_like_a_missing_one(rep: Client, company: Any, route: str, table: str) -> None:
    ids = {"accounts": company.accounts, "leads": company.leads}.get(table) or company.records[table]
    hidden, missing = rep.get(reverse(route, args=[ids["east"]])), rep.get(reverse(route, args=[999_999]))
    assert hidden.status_code == missing.status_code == 404
    assert without_tokens(hidden.text) == without_tokens(missing.text)
    assert rep.get(reverse(route, args=[ids["west"]])).status_code == 200


@pytest.mark.parametrize("route", UNDER_ACCOUNT)
def test_pages_of_a_hidden_account_are_missing(rep: Client, company: Any, route: str) -> None:
    assert rep.get(reverse(route, args=[company.accounts["east"]])).status_code == 404
    assert rep.get(reverse(route, args=[company.accounts["west"]])).status_code == 200


@pytest.mark.parametrize("route", UNDER_LEAD)
def test_pages_of_a_hidden_lead_are_missing(rep: Client, company: Any, route: str) -> None:
    assert rep.get(reverse(route, args=[company.leads["east"]])).status_code == 404
    assert rep.get(reverse(route, args=[company.leads["west"]])).status_code == 200


@pytest.mark.parametrize("route", ["imports", "import-new", "audit", "users", "user-new", "settings"])
def test_rep_may_not_open_pages_of_other_roles(rep: Client, route: str) -> None:
    assert rep.get(reverse(route)).status_code == 403


@pytest.mark.parametrize(
    "name", ["accounts", "leads", "contacts", "opportunities", "activities", "contracts"]
)
def test_lists_show_a_rep_only_the_own_place(as_role: Callable[[str], Client], name: str) -> None:
    totals = {
        role: as_role(role).get(reverse(name)).context["page"].total
        for role in ("rep", "manager", "planner", "admin")
    }
    assert totals["rep"] == 1
    assert totals["rep"] < totals["manager"] <= totals["planner"] == totals["admin"] == 4


def test_search_finds_only_visible_records(rep: Client, planner: Client) -> None:
    found = {client: client.get("/search/", {"q": "brewing"}).text for client in (rep, planner)}
    assert "West Brewing" in found[rep]
    assert "East Brewing" not in found[rep]
    assert "East Brewing" in found[planner]


def test_pages_allow_no_foreign_and_no_inline_script(planner: Client) -> None:
    response = planner.get("/accounts/")
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert "unsafe-inline" not in response["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", response.text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if "int" in {type(one).__name__[:3].lower() for one in route.pattern.converters.values()}],
    ids=lambda route: str(route.name),
)  # fmt: skip
def test_number_no_database_holds_is_not_found(route: URLPattern, planner: Client) -> None:
    values = {
        name: 10**30 if type(one).__name__ == "IntConverter" else "csv"
        for name, one in route.pattern.converters.items()
    }
    for send in (planner.get, planner.post):
        assert send(reverse(route.name, kwargs=values)).status_code in (204, 302, 400, 403, 404, 405, 422)
