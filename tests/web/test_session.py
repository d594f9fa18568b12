"""Signing in and out, the theme, tokens, users and settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from tests.web.conftest import PASSWORD

MAIL = "planner@example.com"


def test_sign_in_goes_where_one_wanted_to_go(company: Any) -> None:
    client = Client()
    assert client.get("/accounts/")["Location"] == "/sign-in/?next=%2Faccounts%2F"
    response = client.post("/sign-in/", {"email": MAIL.upper(), "password": PASSWORD, "next": "/accounts/"})
    assert response["Location"] == "/accounts/"
    assert client.get("/accounts/").status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_sign_in_never_leads_to_another_site(company: Any, target: str) -> None:
    response = Client().post("/sign-in/", {"email": MAIL, "password": PASSWORD, "next": target})
    assert response["Location"] == "/"


def test_unknown_person_and_wrong_password_read_the_same(company: Any) -> None:
    answers = [
        Client().post("/sign-in/", {"email": mail, "password": "wrong"}) for mail in (MAIL, "no@example.com")
    ]
    assert {answer.status_code for answer in answers} == {422}
    errors = [answer.context["form"].non_field_errors() for answer in answers]
    assert errors[0] == errors[1]


def test_sign_out_needs_a_post_and_ends_the_session(planner: Client) -> None:
    assert planner.get("/sign-out/").status_code == 405
    planner.post("/sign-out/")
    assert planner.get("/").status_code == 302


def test_theme_is_kept_and_drawn_by_the_server(planner: Client) -> None:
    planner.post("/theme/", {"theme": "dark"})
    assert 'data-theme="dark"' in planner.get("/").text
    assert planner.post("/theme/", {"theme": "<script>"}).status_code == 400


@pytest.fixture
def signed_in(company: Any) -> Callable[[str], Client]:
    """Return a client that came in through the door, as people do."""

    def sign_in(role: str) -> Client:
        client = Client()
        client.post("/sign-in/", {"email": f"{role}@example.com", "password": PASSWORD})
        return client

    return sign_in


def test_new_token_is_shown_once(signed_in: Callable[[str], Client]) -> None:
    planner = signed_in("planner")
    response = planner.post("/tokens/", {"name": "sync", "days": "30", "scopes": ["see"]})
    token = response.context["made"]["token"]
    assert token in response.text
    listed = planner.get("/tokens/")
    assert token not in listed.text
    prefix = listed.context["tokens"][0].prefix
    planner.post(f"/tokens/{prefix}/revoke/")
    assert planner.get("/tokens/").context["tokens"][0].revoked_at is not None


def test_nobody_revokes_the_token_of_another(signed_in: Callable[[str], Client], rep: Client) -> None:
    planner = signed_in("planner")
    made = planner.post("/tokens/", {"name": "sync", "days": "30", "scopes": ["see"]}).context["made"]
    assert rep.post(f"/tokens/{made['prefix']}/revoke/").status_code == 403


def test_administrator_creates_and_deactivates_a_user(as_role: Callable[[str], Client]) -> None:
    admin = as_role("admin")
    form = {
        "email": "new@example.com",
        "name": "New",
        "role": "rep",
        "rep_id": "",
        "password": "a-long-new-password",
    }
    assert admin.post("/users/new/", form).status_code == 302
    person = Client()
    assert person.post("/sign-in/", form).status_code == 302
    user_id = admin.get("/users/?email=new").context["page"].lines[0].id
    admin.post(f"/users/{user_id}/", {"name": "New", "role": "rep"})
    assert person.get("/").status_code == 302


def test_weak_password_and_taken_mail_come_back_together(as_role: Callable[[str], Client]) -> None:
    form = {"email": MAIL, "name": "Twice", "role": "rep", "password": "short"}
    response = as_role("admin").post("/users/new/", form)
    assert response.status_code == 422
    assert {problem.code for problem in response.context["problems"]} == {"weak-password", "email-taken"}


def test_settings_are_saved(as_role: Callable[[str], Client]) -> None:
    admin = as_role("admin")
    form = {"name": "Halden", "time_zone": "America/Chicago", "currency": "EUR", "country": "US"}
    admin.post("/settings/", form)
    assert "Halden" in admin.get("/").text
    assert admin.post("/settings/", {**form, "time_zone": "Moon/Base"}).status_code == 422


def test_missing_page_is_told_within_the_frame(planner: Client) -> None:
    response = planner.get("/no-such-page/")
    assert response.status_code == 404
    assert "Nothing here" in response.text
