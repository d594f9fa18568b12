"""The pages of access: who has what where, giving, changing, ending, and why somebody sees something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client


@pytest.fixture
def admin(as_role: Callable[[str], Client]) -> Client:
    """A client signed in as the administrator."""
    return as_role("admin")


def test_rights_are_given_changed_and_ended_on_a_persons_page(
    admin: Client, rep: Client, company: Any
) -> None:
    page = f"/access/people/{company.users['rep']}/"
    east = f"/accounts/{company.accounts['east']}/"
    assert rep.get(east).status_code == 404
    given = admin.post(page, {"territory": "east", "rights": ["see"], "note": "helps out"})
    assert given.status_code == 302
    assert rep.get(east).status_code == 200
    assert rep.get(f"{east}edit/").status_code == 200
    assert rep.post(f"{east}edit/", {"name": "Mine", "version": 1}).status_code in (403, 422)
    change = admin.get(f"{page}?territory=east")
    assert "helps out" in change.text
    version = change.context["given"].version
    form = {"territory": "east", "rights": ["see", "edit-accounts"], "version": version}
    assert admin.post(page, form).status_code == 302
    assert admin.post(page, form).status_code == 409
    (line,) = admin.get(page).context["running"]
    assert admin.post(f"/access/grants/{line['grant'].id}/end/").status_code == 302
    assert rep.get(east).status_code == 404


def test_wrong_rights_are_told_on_the_form(admin: Client, company: Any) -> None:
    page = f"/access/people/{company.users['rep']}/"
    answer = admin.post(page, {"territory": "east", "rights": ["import"], "ends_on": "2020-01-01"})
    assert answer.status_code == 422
    assert "cannot be limited to a territory" in answer.text
    assert "not in the future" in answer.text


def test_nobody_is_offered_to_change_their_own_rights(admin: Client, company: Any) -> None:
    page = f"/access/people/{company.users['admin']}/"
    assert "Nobody changes their own rights" in admin.get(page).text
    assert admin.post(page, {"territory": "", "rights": ["see"]}).status_code == 403


def test_overview_shows_who_reaches_a_territory(admin: Client, company: Any) -> None:
    admin.post(f"/access/people/{company.users['rep']}/", {"territory": "us", "rights": ["see"]})
    answer = admin.get("/access/", {"territory": "east"})
    assert [line["grant"].email for line in answer.context["grants"]] == ["rep@example.com"]
    assert {str(line["user"]) for line in answer.context["people"]} == {
        "The admin",
        "The planner",
        "The manager",
        "The integration",
    }
    assert admin.get("/access/", {"territory": "never"}).status_code == 404


def test_why_tells_every_reason_and_hides_what_the_asker_does_not_see(
    admin: Client, rep: Client, company: Any
) -> None:
    west, east = company.accounts["west"], company.accounts["east"]
    asked = {"user": company.users["rep"], "table": "accounts", "key": west}
    answer = admin.get("/access/why/", asked)
    assert "sees West Brewing" in answer.text
    assert "A member of West (owner)." in answer.text
    assert "does not see East Brewing" in admin.get("/access/why/", {**asked, "key": east}).text
    assert "sees West Brewing" in rep.get("/access/why/", {"table": "accounts", "key": west}).text
    hidden, nothing = (rep.get("/access/why/", {"table": "accounts", "key": key}) for key in (east, 999_999))
    assert hidden.status_code == nothing.status_code == 404
    assert rep.get("/access/why/", {**asked, "user": company.users["planner"]}).status_code == 404


def test_a_delegate_sees_their_part_of_the_access_pages_only(
    admin: Client, as_role: Callable[[str], Client], company: Any
) -> None:
    admin.post(
        f"/access/people/{company.users['rep']}/", {"territory": "west", "rights": ["see", "manage-users"]}
    )
    rep = as_role("rep")
    answer = rep.get("/access/")
    assert [str(line["user"]) for line in answer.context["people"]] == ["The rep"]
    assert [node.name for node in answer.context["places"]] == ["West"]
    assert rep.get(f"/access/people/{company.users['manager']}/").status_code == 404
    assert rep.get("/settings/").status_code == 403
