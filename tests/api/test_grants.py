"""Grants and reasons over the API."""

from __future__ import annotations

from datetime import date

from tests.api.conftest import Caller, World


def test_grants_are_given_listed_and_ended(world: World, admin_calls: Caller, rep: Caller) -> None:
    east = f"/accounts/{world.accounts['east']}"
    body = {"user_id": world.users["rep"], "territory": "east", "rights": ["see"], "ends_on": "2999-01-01"}
    made = admin_calls("POST", "/grants", body)
    assert made.status_code == 201
    assert made.json()["ends_on"] == date(2999, 1, 1).isoformat()
    assert rep.get(east).status_code == 200
    assert rep("PATCH", east, {"name": "Mine"}, If_Match='"1"').status_code == 403
    assert [row["territory"] for row in rep.items("/grants")] == ["east"]
    assert [row["user_id"] for row in admin_calls.items("/grants?territory=east")] == [world.users["rep"]]
    ended = admin_calls("DELETE", f"/grants/{made.json()['id']}")
    assert ended.status_code == 200
    assert rep.get(east).status_code == 404
    assert admin_calls.items("/grants") == []
    assert len(admin_calls.items("/grants?ended=true")) == 1


def test_a_stale_grant_is_a_conflict_with_the_difference(world: World, admin_calls: Caller) -> None:
    body = {"user_id": world.users["rep"], "territory": "east", "rights": ["see"], "version": 0}
    assert admin_calls("POST", "/grants", body).status_code == 201
    again = admin_calls("POST", "/grants", {**body, "rights": ["assign"]})
    assert again.status_code == 412
    assert again.json()["difference"] == {"rights": [["assign"], ["see"]]}


def test_grants_of_others_are_missing(world: World, admin_calls: Caller, rep: Caller) -> None:
    body = {"user_id": world.users["manager"], "territory": "east", "rights": ["see"]}
    grant = admin_calls("POST", "/grants", body).json()["id"]
    assert rep.items("/grants") == []
    assert rep("DELETE", f"/grants/{grant}").status_code == 403
    body = {"user_id": world.users["rep"], "territory": "west", "rights": ["see", "manage-users"]}
    admin_calls("POST", "/grants", body)
    rep = Caller(world.tokens["rep"])
    assert rep("DELETE", f"/grants/{grant}").status_code == 403  # the token's scopes do not hold it


def test_why_answers_for_oneself_and_for_those_one_manages(
    world: World, admin_calls: Caller, rep: Caller
) -> None:
    west = world.accounts["west"]
    found = rep.get(f"/access/why?table=accounts&key={west}").json()
    assert found["sees"] is True
    assert {reason["kind"] for reason in found["reasons"]} == {"owner", "member"}
    hidden = rep.get(f"/access/why?table=accounts&key={world.accounts['east']}")
    missing = rep.get("/access/why?table=accounts&key=999999")
    assert (hidden.status_code, hidden.content) == (404, missing.content)
    asked = f"/access/why?table=accounts&key={world.accounts['east']}&user_id={world.users['rep']}"
    assert admin_calls.get(asked).json()["sees"] is False
    assert admin_calls.get("/access/why?table=territories&key=west").json()["reasons"][0]["kind"] == "role"
