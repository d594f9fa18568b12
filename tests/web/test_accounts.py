"""An account's page: why it is where it is, and what can be done there."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

FORM = {
    "name": "West Brewing",
    "external_id": "A-west",
    "lifecycle": "prospect",
    "state": "CA",
    "country": "US",
    "industry": "Pharma",
}


def test_page_says_in_words_why_this_owner(planner: Client, company: Any) -> None:
    text = planner.get(f"/accounts/{company.accounts['west']}/").text
    assert "Ana owns the territory." in text
    assert "Call west" in text


def test_edit_is_saved_and_places_the_account_anew(planner: Client, company: Any) -> None:
    west = company.accounts["west"]
    response = planner.post(f"/accounts/{west}/edit/", {**FORM, "state": "NY", "version": "1"}, follow=True)
    assert response.status_code == 200
    assert response.context["account"].state == "NY"
    assert response.context["account"].owner_name == "Ben"


def test_new_address_moves_the_place_on_the_map(planner: Client, company: Any) -> None:
    west = company.accounts["west"]
    planner.post(f"/accounts/{west}/edit/", {**FORM, "state": "NY", "postal_code": "10001", "version": "1"})
    account = planner.get(f"/accounts/{west}/").context["account"]
    assert (account.geo_precision, account.county, account.version) == ("postal_code", "36061", 2)
    assert (round(account.latitude), round(account.longitude)) == (41, -74)


def test_stale_edit_shows_both_sides_and_writes_nothing(
    planner: Client, as_role: Callable[[str], Client], company: Any
) -> None:
    url = f"/accounts/{company.accounts['west']}/edit/"
    as_role("admin").post(url, {**FORM, "industry": "Optics", "version": "1"})
    response = planner.post(url, {**FORM, "industry": "Paper", "version": "1"})
    assert response.status_code == 409
    assert ("Industry", "Paper", "Optics") in response.context["conflict"]
    assert planner.get(url).context["form"]["industry"].value() == "Optics"
    again = {**FORM, "industry": "Paper", "version": response.context["form"]["version"].value()}
    assert planner.post(url, again).status_code == 302
    assert planner.get(url).context["form"]["industry"].value() == "Paper"


def test_bad_values_are_told_at_the_field(planner: Client, company: Any) -> None:
    response = planner.post(
        f"/accounts/{company.accounts['west']}/edit/", {**FORM, "name": "", "employees": "-5", "version": "1"}
    )
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"name", "employees"}


def test_activity_is_logged_in_the_name_of_the_rep(rep: Client, company: Any) -> None:
    west = company.accounts["west"]
    form = {"kind": "visit", "subject": "Saw the brewhouse", "occurs_at": "2026-02-01T10:00", "is_done": "on"}
    assert rep.post(f"/accounts/{west}/activity/", form).status_code == 302
    activity = rep.get(f"/accounts/{west}/").context["activities"][0]
    assert (activity.subject, activity.rep_id, activity.is_done) == (
        "Saw the brewhouse",
        company.reps["ana"],
        True,
    )


def test_activity_at_a_hidden_account_is_refused(rep: Client, planner: Client, company: Any) -> None:
    east = company.accounts["east"]
    form = {"kind": "visit", "subject": "Sneaky", "occurs_at": "2026-02-01T10:00"}
    assert rep.post(f"/accounts/{east}/activity/", form).status_code == 404
    assert planner.get(f"/accounts/{east}/").context["n_activities"] == 1


def test_finished_activity_touches_the_lead(rep: Client, company: Any) -> None:
    west = company.leads["west"]
    form = {"kind": "call", "subject": "First talk", "occurs_at": "2026-02-01T10:00", "is_done": "on"}
    rep.post(f"/leads/{west}/activity/", form)
    assert rep.get(f"/leads/{west}/").context["lead"].touched_at.isoformat() == "2026-02-01T10:00:00+00:00"


def test_contact_and_opportunity_are_added(rep: Client, company: Any) -> None:
    west = company.accounts["west"]
    rep.post(f"/accounts/{west}/contact/", {"last_name": "Marlow"})
    rep.post(
        f"/accounts/{west}/opportunity/", {"name": "New line", "stage": "prospecting", "amount": "1200.50"}
    )
    context = rep.get(f"/accounts/{west}/").context
    assert (context["n_contacts"], context["n_opportunities"]) == (2, 2)
    deal = next(one for one in context["opportunities"] if one.name == "New line")
    assert (deal.owner_id, str(deal.amount)) == (company.reps["ana"], "1200.50")


def test_move_by_hand_keeps_its_reason_and_can_be_given_back(planner: Client, company: Any) -> None:
    west = company.accounts["west"]
    planner.post(f"/accounts/{west}/move/", {"territory": "east", "reason": "Ben knows them"})
    context = planner.get(f"/accounts/{west}/").context
    assert context["account"].owner_name == "Ben"
    assert "Ben knows them" in context["current"].reason["sentence"]
    planner.post(f"/accounts/{west}/move/", {"give_back": "1"})
    assert planner.get(f"/accounts/{west}/").context["account"].owner_name == "Ana"


def test_move_by_hand_from_a_page_that_is_out_of_date_is_refused(planner: Client, company: Any) -> None:
    west = company.accounts["west"]
    shown = planner.get(f"/accounts/{west}/move/").context["form"].initial
    planner.post(f"/accounts/{west}/move/", {"territory": "east", "reason": "Ben knows them"})
    late = planner.post(f"/accounts/{west}/move/", {**shown, "territory": "vacant", "reason": "Ana asked"})
    assert late.status_code == 409
    assert "Somebody moved this account meanwhile." in late.content.decode()
    ((_, seen, there),) = late.context["changes"]
    assert (seen, there) == ("territory west, owner Ana", "territory east, owner Ben")
    assert there in late.content.decode()
    assert planner.get(f"/accounts/{west}/").context["account"].owner_name == "Ben"
    assert planner.post(f"/accounts/{west}/move/", {**shown, "give_back": "1"}).status_code == 409
    now = planner.get(f"/accounts/{west}/move/").context["form"].initial
    again = planner.post(f"/accounts/{west}/move/", {**now, "territory": "vacant", "reason": "Ana asked"})
    assert again.status_code == 302


def test_rep_creates_an_account_that_lands_elsewhere(rep: Client) -> None:
    response = rep.post("/accounts/new/", {**FORM, "external_id": "A-new", "name": "Far Away", "state": "NY"})
    assert response["Location"] == "/accounts/"


@pytest.mark.parametrize("role", ["admin", "planner", "manager", "rep", "integration"])
def test_every_role_has_a_start_page(as_role: Callable[[str], Client], role: str) -> None:
    assert as_role(role).get("/").status_code == 200


def test_start_page_of_the_rep_shows_own_work(rep: Client) -> None:
    context = rep.get("/").context
    assert context["load"]["accounts"] == 1
    assert [one.subject for one in context["overdue"]] == []
    assert context["n_leads"] == 1
    assert [one.name for one in context["neglected"]] == ["West Brewing"]


def test_start_page_of_the_planner_counts_gaps(planner: Client, company: Any) -> None:
    context = planner.get("/").context
    assert (context["n_accounts"], context["n_queue"]) == (4, 2)
    assert [node.name for node in context["vacant"]] == ["Vacant"]
    assert {row["territory"] for row in context["territories"]} == {"us", "west", "east", "vacant"}


def test_account_is_locked_with_a_reason_and_unlocked(planner: Client, company: Any) -> None:
    record = company.accounts["west"]
    refused = planner.post(f"/accounts/{record}/lock/", {"reason": "audit", "until": "2020-01-01"})
    assert refused.status_code == 422
    assert "is not in the future" in refused.content.decode()
    assert planner.post(f"/accounts/{record}/lock/", {"reason": "audit"}).status_code == 302
    moved = planner.post(f"/accounts/{record}/move/", {"territory": "east", "reason": "try"})
    assert moved.status_code == 422
    assert planner.post(f"/accounts/{record}/lock/", {"unlock": "1"}).status_code == 302
    assert (
        planner.post(f"/accounts/{record}/move/", {"territory": "east", "reason": "try"}).status_code == 302
    )


def test_page_says_why_and_which_territories_beside_it_do_not_match(planner: Client, company: Any) -> None:
    page = planner.get(f"/accounts/{company.accounts['west']}/")
    assert page.context["current"].reason["sentence"] in unescape(page.text)
    assert {entry["outcome"] for entry in page.context["others"]} == {"lost", "missed"}
    assert "does not match" in page.text
    assert "matches too, but comes after it" in page.text


def test_page_names_no_territory_the_rep_may_not_see(rep: Client, company: Any) -> None:
    page = rep.get(f"/accounts/{company.accounts['west']}/")
    assert page.context["others"] == []
