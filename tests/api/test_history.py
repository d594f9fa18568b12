"""The past by API: who had what, on a day, as known on another; quotas; two models side by side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests import builders
from tests.api.conftest import Caller

from merestone.app import plans
from merestone.app.assign import move_accounts
from merestone.app.policy import OPERATOR
from merestone.db.models import AccountAssociation


@pytest.fixture
def call(world: Any) -> Callable[[str], Caller]:
    """Return a caller of a role."""
    return lambda role: Caller(world.tokens[role])


def moved(world: Any) -> str:
    """Move the western account east; returns the instant before."""
    AccountAssociation.objects.update(valid_from=world.services.clock.now() - timedelta(days=9))
    before = world.services.clock.now() - timedelta(days=1)
    move_accounts(world.services, OPERATOR, [world.accounts["west"]], territory="east", reason="x")
    return before.isoformat().replace("+00:00", "Z")


def test_owners_of_a_day(world: Any, call: Callable[[str], Caller]) -> None:
    before, west = moved(world), world.accounts["west"]
    found = {row["record"]: row for row in call("planner").items(f"/history/accounts?on={before}")}
    assert (found[west]["territory"], found[west]["owner_name"]) == ("west", "Ana")
    now = {row["record"]: row["territory"] for row in call("planner").items("/history/accounts")}
    assert now[west] == "east"
    assert call("planner").items(f"/history/accounts?on={before}&known={before}") == []


def test_pages_follow_each_other(world: Any, call: Callable[[str], Caller]) -> None:
    first = call("planner").get("/history/leads?limit=3").json()
    rest = call("planner").get(f"/history/leads?limit=3&after={first['next']}").json()
    assert [row["record"] for row in first["items"] + rest["items"]] == sorted(world.leads.values())
    assert rest["next"] is None
    assert len(call("planner").items("/history/opportunities")) == 4


def test_history_of_a_record_and_of_a_hidden_one(world: Any, call: Callable[[str], Caller]) -> None:
    moved(world)
    rows = call("planner").items(f"/accounts/{world.accounts['west']}/history")
    assert [row["territory"] for row in rows] == ["east", "west"]
    assert rows[0]["from"] == rows[1]["to"]
    ben = call("rep")
    hidden, absent = (ben.get(f"/accounts/{pk}/history") for pk in (world.accounts["east"], 987_654))
    assert (hidden.status_code, hidden.content) == (404, absent.content)
    for table in ("leads", "opportunities"):
        pk = (world.leads if table == "leads" else world.records[table])["west"]
        assert len(call("planner").items(f"/{table}/{pk}/history")) == 1


def test_bad_day_is_a_problem(call: Callable[[str], Caller]) -> None:
    response = call("planner").get("/history/accounts?on=soon")
    assert (response.status_code, response.json()["code"]) == (400, "bad-moment")


def test_territory_over_time(world: Any, call: Callable[[str], Caller]) -> None:
    found = call("planner").get("/territories/west/history").json()
    assert [row["rep_name"] for row in found["members"]] == ["Ana"]
    hidden, absent = (call("rep").get(f"/territories/{key}/history") for key in ("east", "nowhere"))
    assert (hidden.status_code, hidden.content) == (404, absent.content)


def test_quotas_are_written_listed_and_deleted(world: Any, call: Callable[[str], Caller]) -> None:
    body = {
        "quotas": [
            {"territory": "west", "starts_on": "2027-01-01", "ends_on": "2027-04-01", "amount": "250.50"},
            {"territory": "east", "starts_on": "2027-01-01", "ends_on": "2027-04-01", "amount": "9"},
        ]
    }
    planner = call("planner")
    assert planner("POST", "/quotas?dry_run=true", body).json()["created"] == 2
    assert planner.items("/quotas") == []
    assert planner("POST", "/quotas", body).json() == {"rows": 2, "created": 2, "changed": 0, "unchanged": 0}
    assert planner("POST", "/quotas", body).json()["unchanged"] == 2
    (quota,) = planner.items("/quotas?territory=west&on=2027-02-01")
    assert (quota["amount"], quota["currency"]) == ("250.50", "USD")
    assert [row["territory"] for row in call("rep").items("/quotas")] == ["west"]
    assert planner.items("/quotas?territory=west&on=2028-02-01") == []
    overlapping = {"quotas": [{**body["quotas"][0], "starts_on": "2027-02-01"}]}
    refused = planner("POST", "/quotas", overlapping)
    assert (refused.status_code, refused.json()["problems"][0]["code"]) == (422, "overlapping-quotas")
    assert call("rep")("POST", "/quotas", body).status_code == 403
    assert planner("DELETE", f"/quotas/{quota['id']}").status_code == 204
    assert planner("DELETE", f"/quotas/{quota['id']}").status_code == 404


def test_two_models_side_by_side(world: Any, call: Callable[[str], Caller]) -> None:
    changed = [*builders.WEST_EAST[:2], {**builders.WEST_EAST[2], "where": "state in ('NY', 'MA', 'TX')"}]
    plans.apply_document(world.services, OPERATOR, builders.document(changed, key="m2", name="Two"))
    found = call("planner").get("/models/compare?before=m1&after=m2&limit=1").json()
    assert (found["n_accounts"], len(found["accounts"])) == (1, 1)
    assert {row["territory"]: row["kinds"] for row in found["territories"]} == {
        "east": ["rule"], "vacant": ["removed"],
    }  # fmt: skip
    assert call("planner").get("/models/compare?before=m1&after=none").status_code == 404
    assert call("manager").get("/models/compare?before=m1&after=m2").status_code == 403
