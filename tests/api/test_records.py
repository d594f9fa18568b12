"""One record: read, create, change, delete."""

from __future__ import annotations

from typing import Any

import pytest
from tests import builders
from tests.api.conftest import BASE, Caller, World

WHEN = "2026-03-01T09:30:00+02:00"


def test_an_account_tells_its_place_its_reason_and_its_history(world: World, planner: Caller) -> None:
    response = planner.get(f"/accounts/{world.accounts['west']}")
    account = response.json()
    assert response["ETag"] == '"1"'
    assert (account["territory"], account["owner"], account["cause"]) == ("west", "Ana", "rule")
    assert account["reason"]["sentence"].startswith("West matches")
    assert [(place["territory"], place["valid_to"]) for place in account["history"]] == [("west", None)]


def test_an_opportunity_tells_its_stages(world: World, rep: Caller) -> None:
    one = world.records["opportunities"]["west"]
    changed = rep(
        "PATCH", f"/opportunities/{one}", {"stage": "won", "closed_on": "2026-03-01"}, If_Match='"1"'
    )
    assert changed.status_code == 200
    steps = changed.json()["history"]
    assert [(step["from_stage"], step["stage"]) for step in steps] == [("proposal", "won"), ("", "proposal")]


@pytest.mark.both_databases
def test_a_new_account_has_its_place_at_once(world: World, rep: Caller) -> None:
    response = rep(
        "POST",
        "/accounts",
        {
            "name": "Fog Lane",
            "country": "US",
            "state": "WA",
            "potential": "1250.50",
            "products_of_interest": ["IPA"],
        },
    )
    assert response.status_code == 201, response.content
    made = response.json()
    assert response["Location"] == f"{BASE}/accounts/{made['id']}"
    assert response["ETag"] == '"1"'
    assert (made["territory"], made["owner"], made["potential"]) == ("west", "Ana", "1250.50")
    assert rep.get(f"/accounts/{made['id']}").status_code == 200


def test_of_an_account_the_rules_give_to_others_its_maker_learns_the_id_only(
    world: World, rep: Caller
) -> None:
    response = rep("POST", "/accounts", {"name": "Bay State", "country": "US", "state": "MA"})
    assert response.status_code == 201
    assert set(response.json()) == {"id"}
    assert rep.get(f"/accounts/{response.json()['id']}").status_code == 404


def test_a_changed_account_moves_in_the_same_transaction(world: World, planner: Caller) -> None:
    one = world.accounts["west"]
    response = planner("PATCH", f"/accounts/{one}", {"state": "NY"}, If_Match='"1"')
    assert response["ETag"] == '"2"'
    assert (response.json()["territory"], response.json()["owner"]) == ("east", "Ben")
    assert [place["territory"] for place in response.json()["history"]] == ["east", "west"]


def test_a_new_lead_is_routed(world: World, planner: Caller) -> None:
    response = planner("POST", "/leads", {"name": "Kim", "country": "US", "state": "NY", "status": "new"})
    assert response.status_code == 201, response.content
    assert (response.json()["territory"], response.json()["owner"]) == ("east", "Ben")


BODIES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "contacts",
        {"last_name": "Roe", "email": "roe@example.com"},
        {"title": "Brewer", "is_decision_maker": True},
    ),
    (
        "opportunities",
        {"stage": "prospecting", "amount": "10.25", "expected_close_on": "2026-12-31"},
        {"stage": "won", "closed_on": "2026-11-01", "amount": None},
    ),
    ("activities", {"kind": "visit", "subject": "Tour", "occurs_at": WHEN, "minutes": 30}, {"is_done": True}),
    (
        "contracts",
        {"starts_on": "2026-01-01", "ends_on": "2026-12-31", "annual_value": 100},
        {"state": "renewed", "annual_value": "120.00"},
    ),
]


@pytest.mark.both_databases
@pytest.mark.parametrize(("table", "body", "changes"), BODIES, ids=[case[0] for case in BODIES])
def test_records_at_an_account_are_created_and_changed(
    world: World, rep: Caller, table: str, body: dict[str, Any], changes: dict[str, Any]
) -> None:
    made = rep("POST", f"/{table}", body | {"account_id": world.accounts["west"]})
    assert made.status_code == 201, made.content
    assert made.json()["account"] == "West Brewing"
    changed = rep("PATCH", f"/{table}/{made.json()['id']}", changes, If_Match=made["ETag"])
    assert changed.status_code == 200, changed.content
    assert changed["ETag"] == '"2"'
    assert {name: changed.json()[name] for name in changes} == changes
    again = rep("PATCH", f"/{table}/{made.json()['id']}", changes, If_Match='"2"')
    assert (again.status_code, again["ETag"]) == (200, '"2"'), "the same again changes nothing"


def test_an_activity_is_its_reps_and_touches_its_lead(world: World, rep: Caller) -> None:
    lead = world.leads["west"]
    body = {"kind": "call", "subject": "Hello", "occurs_at": WHEN, "is_done": True, "lead_id": lead}
    made = rep("POST", "/activities", body).json()
    assert (made["rep"], made["occurs_at"]) == ("Ana", "2026-03-01T07:30:00Z")
    assert rep.get(f"/leads/{lead}").json()["touched_at"] == "2026-03-01T07:30:00Z"


def test_a_planner_changes_a_rep_and_a_rep_does_not(world: World, planner: Caller, rep: Caller) -> None:
    address = f"/reps/{world.reps['ana']}"
    body = {"languages": ["en", "es"], "capacity_hours": 1500}
    assert rep("PATCH", address, body, If_Match='"1"').status_code == 403
    assert planner("PATCH", address, body, If_Match='"1"').json()["languages"] == ["en", "es"]


class TestPreconditions:
    def test_without_if_match_nothing_is_written(self, world: World, planner: Caller) -> None:
        for method, table in (("PATCH", "accounts"), ("DELETE", "contacts")):
            one = world.accounts["west"] if table == "accounts" else world.records[table]["west"]
            response = planner(method, f"/{table}/{one}", {})
            assert (response.status_code, response.json()["code"]) == (428, "precondition-required")
            assert planner.get(f"/{table}/{one}")["ETag"] == '"1"'

    def test_a_stale_write_gets_the_difference_and_the_present_etag(
        self, world: World, planner: Caller
    ) -> None:
        address = f"/accounts/{world.accounts['west']}"
        assert planner("PATCH", address, {"city": "Fresno"}, If_Match='"1"').status_code == 200
        stale = planner("PATCH", address, {"city": "Oakland", "phone": "1"}, If_Match='"1"')
        assert stale.status_code == 412
        assert stale["ETag"] == '"2"'
        assert stale.json()["difference"]["city"] == ["Oakland", "Fresno"]
        assert planner.get(address).json()["city"] == "Fresno"

    def test_a_stale_delete_is_refused(self, world: World, planner: Caller) -> None:
        address = f"/contacts/{world.records['contacts']['west']}"
        assert planner("PATCH", address, {"title": "Boss"}, If_Match='"1"').status_code == 200
        assert planner("DELETE", address, If_Match='"1"').status_code == 412
        assert planner("DELETE", address, If_Match='"2"').status_code == 204
        assert planner.get(address).status_code == 404

    @pytest.mark.parametrize("etag", ["*", "one", '"-1"', '"99999999999"', '"1", "2"'])
    def test_what_is_no_etag_of_ours_is_refused(self, world: World, planner: Caller, etag: str) -> None:
        response = planner("PATCH", f"/accounts/{world.accounts['west']}", {"city": "x"}, If_Match=etag)
        assert (response.status_code, response.json()["code"]) == (400, "bad-etag")


@pytest.mark.parametrize(
    ("table", "body", "where"),
    [
        ("accounts", {}, "name"),
        ("accounts", {"name": ""}, "name"),
        ("accounts", {"name": "x", "nmae": "y"}, "nmae"),
        ("accounts", {"name": "x", "employees": -1}, "employees"),
        ("accounts", {"name": "x", "employees": 2**40}, "employees"),
        ("accounts", {"name": "x", "potential": "1.234"}, "potential"),
        ("accounts", {"name": "x", "potential": "-5"}, "potential"),
        ("accounts", {"name": "x", "lifecycle": "asleep"}, "lifecycle"),
        ("accounts", {"name": "x\x00"}, "name"),
        ("accounts", {"name": "\ud800"}, "name"),
        ("accounts", {"name": "x", "customer_since": "yesterday"}, "customer_since"),
        ("contacts", {"last_name": "x"}, "account_id"),
        ("activities", {"kind": "call", "subject": "x", "occurs_at": "2026-01-01T00:00:00"}, "occurs_at"),
        ("opportunities", {"stage": "prospecting", "probability": 2}, "probability"),
        ("leads", {"name": "x", "account_id": 0}, "account_id"),
        ("leads", {"name": "x", "account_id": 999_999}, "account_id"),
    ],
)
def test_bad_content_is_refused_and_says_where(
    world: World, planner: Caller, table: str, body: dict[str, Any], where: str
) -> None:
    response = planner("POST", f"/{table}", body)
    assert response.status_code == 422, response.content
    assert [problem["where"] for problem in response.json()["problems"]] == [where]


def test_all_bad_content_is_told_at_once(world: World, planner: Caller) -> None:
    body = {"name": "x", "employees": "many", "revenue": "lots", "lifecycle": "asleep"}
    problems = planner("POST", "/accounts", body).json()["problems"]
    assert {problem["where"] for problem in problems} == {"employees", "revenue", "lifecycle"}


def test_text_that_is_too_long_is_refused(world: World, planner: Caller) -> None:
    assert planner("POST", "/accounts", {"name": "x" * 301}).status_code == 422


@pytest.mark.both_databases
def test_the_same_external_id_twice_is_a_conflict(world: World, planner: Caller) -> None:
    response = planner("POST", "/accounts", {"name": "Twin", "external_id": "A-west"})
    assert (response.status_code, response.json()["code"]) == (409, "constraint")


@pytest.mark.both_databases
def test_a_contract_that_ends_before_it_begins_is_refused(world: World, planner: Caller) -> None:
    body = {"account_id": world.accounts["west"], "starts_on": "2026-02-01", "ends_on": "2026-01-01"}
    assert planner("POST", "/contracts", body).status_code in (409, 422)


def test_null_empties_what_may_be_empty(world: World, planner: Caller) -> None:
    address = f"/accounts/{world.accounts['west']}"
    cleared = planner(
        "PATCH", address, {"potential": None, "external_id": None, "phone": None}, If_Match='"1"'
    ).json()
    assert (cleared["potential"], cleared["external_id"], cleared["phone"]) == (None, None, "")
    refused = planner("PATCH", address, {"lifecycle": None}, If_Match='"2"')
    assert refused.status_code == 422


def test_accounts_are_not_deleted(world: World, planner: Caller) -> None:
    response = planner("DELETE", f"/accounts/{world.accounts['west']}", If_Match='"1"')
    assert (response.status_code, response["Allow"]) == (405, "GET, PATCH")


def test_a_record_costs_the_same_queries_whatever_its_history(
    world: World, planner: Caller, django_assert_max_num_queries: Any
) -> None:
    one = world.accounts["west"]
    for state in ("NY", "CA", "TX", "CA"):
        planner(
            "PATCH", f"/accounts/{one}", {"state": state}, If_Match=planner.get(f"/accounts/{one}")["ETag"]
        )
    assert len(planner.get(f"/accounts/{one}").json()["history"]) == 5
    with django_assert_max_num_queries(8):
        planner.get(f"/accounts/{one}")


def test_nobody_is_nowhere_after_writes(world: World, planner: Caller) -> None:
    planner("POST", "/accounts", {"name": "No place"})
    planner("POST", "/leads", {"name": "No place"})
    places = builders.places(world.services)
    assert len(places) == len(planner.items("/accounts"))
    assert len(builders.places(world.services, "leads")) == len(planner.items("/leads"))
