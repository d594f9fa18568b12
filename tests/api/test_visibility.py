"""Whose rows each role sees: on every list, every detail, every export, in every count."""

from __future__ import annotations

import csv
import io

import pytest
from tests.api.conftest import BASE, Caller, World

from merestone.api.main import document
from merestone.api.routing import SCOPES

OF_ACCOUNTS = ("contacts", "opportunities", "activities", "contracts")
PLACED = ("accounts", "leads", *OF_ACCOUNTS)
SEEN = {
    "rep": {"west"},
    "manager": {"west", "east", "vacant", "nowhere"},
    "planner": {"west", "east", "vacant", "nowhere"},
    "admin": {"west", "east", "vacant", "nowhere"},
    "integration": {"west", "east", "vacant", "nowhere"},
}


def ids_of(world: World, table: str) -> dict[str, int]:
    """Return name -> id of a table's records."""
    return {"accounts": world.accounts, "leads": world.leads}.get(table) or world.records[table]


def test_every_operation_states_its_scope() -> None:
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            assert operation.get("x-scope") in SCOPES, (method, path)
            assert operation["security"], (method, path)


def test_every_address_is_an_operation_or_a_known_public_page() -> None:
    from merestone.api.main import urls

    public = {"openapi", "docs", "docs-asset", "nothing-here", "api-root"}
    described = {path.removeprefix(BASE + "/") for path in document()["paths"]}
    for pattern in urls[0]:
        if pattern.name not in public:
            text = str(pattern.pattern).replace("<int:", "{").replace("<", "{").replace(">", "}")
            assert text in described, text


@pytest.mark.both_databases
@pytest.mark.parametrize("role", SEEN)
def test_lists_counts_and_details_show_what_the_role_sees(world: World, role: str) -> None:
    caller = Caller(world.tokens[role])
    for table in PLACED:
        ids = ids_of(world, table)
        seen = {ids[name] for name in SEEN[role]}
        page = caller.get(f"/{table}?count=true").json()
        assert {row["id"] for row in page["items"]} == seen
        assert page["total"] == len(seen)
        for name, one in ids.items():
            assert caller.get(f"/{table}/{one}").status_code == (200 if name in SEEN[role] else 404)


def test_search_filters_and_exports_do_not_find_hidden_rows(world: World, rep: Caller) -> None:
    for table in PLACED:
        hidden = ids_of(world, table)["east"]
        assert rep.items(f"/{table}?id={hidden}") == []
        assert rep.items(f"/{table}?q=east") == []
        for address in (f"/export/{table}.csv", f"/export/{table}.csv?id__gte=0"):
            rows = list(csv.reader(io.StringIO(rep.get(address).content.decode("utf-8-sig"))))
            assert len(rows) == 2, address


@pytest.mark.parametrize("table", PLACED)
def test_a_hidden_record_answers_byte_for_byte_like_a_missing_one(
    world: World, rep: Caller, table: str
) -> None:
    hidden, missing = ids_of(world, table)["east"], 999_999
    for method, tail, body in (
        ("GET", "", None),
        ("PATCH", "", {}),
        ("DELETE", "", None),
        ("GET", "/explain", None),
    ):
        there = rep(method, f"/{table}/{hidden}{tail}", body)
        nothing = rep(method, f"/{table}/{missing}{tail}", body)
        assert there.status_code == nothing.status_code
        assert there.content == nothing.content
        assert sorted(there.headers.items()) == sorted(nothing.headers.items())
    assert rep.get(f"/{table}/{hidden}").status_code == 404


def test_actions_on_hidden_records_answer_like_on_missing_ones(world: World) -> None:
    # The manager of the west only: a token of the rep cannot assign at all.
    from merestone.db.models import Member

    Member.objects.filter(role="manager").update(node=Member.objects.get(rep_id=world.reps["ana"]).node_id)
    manager = Caller(world.tokens["manager"])
    body = {"territory": "west", "reason": "because"}
    for address in ("/accounts/{}/move", "/leads/{}/route"):
        ids = ids_of(world, address.split("/")[1])
        there = manager("POST", address.format(ids["east"]), body)
        nothing = manager("POST", address.format(999_999), body)
        assert there.status_code == 404
        assert there.content == nothing.content
    many = manager("POST", "/accounts/move", {"ids": [world.accounts["east"]], **body})
    none = manager("POST", "/accounts/move", {"ids": [999_999], **body})
    assert (many.status_code, many.content) == (404, none.content)


def test_a_rep_sees_their_own_territory_colleagues_and_sums_only(world: World, rep: Caller) -> None:
    assert [row["key"] for row in rep.items("/territories")] == ["west"]
    assert rep.get("/territories/west").status_code == 200
    assert rep.get("/territories/east").content == rep.get("/territories/never").content
    assert [row["name"] for row in rep.items("/reps")] == ["Ana"]
    assert rep.get(f"/reps/{world.reps['ben']}").status_code == 404
    assert [row["territory"] for row in rep.get("/balance").json()["territories"]] == ["west"]
    card = rep.get("/scorecard?from=2026-01-01&to=2027-01-01").json()
    assert [row["territory"] for row in card["territories"]] == ["west"]
    assert rep.get("/balance?under=east").status_code == 400
    assert rep.items("/queue") == []


def test_a_manager_sees_the_queue_of_the_subtree(world: World, manager: Caller) -> None:
    assert {row["id"] for row in manager.items("/queue")} == {
        world.accounts["vacant"],
        world.accounts["nowhere"],
    }


def test_an_explanation_names_no_hidden_territory(world: World, rep: Caller) -> None:
    answer = rep.get(f"/accounts/{world.accounts['west']}/explain")
    assert "East" not in answer.content.decode()
    hidden = rep.get(f"/accounts/{world.accounts['west']}/explain?why_not=east")
    missing = rep.get(f"/accounts/{world.accounts['west']}/explain?why_not=never")
    assert (hidden.status_code, hidden.content) == (404, missing.content)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("rep", set()),
        ("manager", set()),
        ("planner", {"imports", "models", "audit"}),
        ("integration", {"imports", "models"}),
        ("admin", {"imports", "models", "audit", "users"}),
    ],
)
def test_lists_that_are_no_records_need_their_right(world: World, role: str, allowed: set[str]) -> None:
    caller = Caller(world.tokens[role])
    for name in ("imports", "models", "audit", "users"):
        assert caller.get(f"/{name}").status_code == (200 if name in allowed else 403)


def test_jobs_of_others_are_for_planners(world: World, planner: Caller, rep: Caller) -> None:
    taken = planner("POST", "/assign", {"background": True})
    assert taken.status_code == 202
    job = taken.json()["job"]
    assert taken["Location"] == f"{BASE}/jobs/{job}"
    assert planner.get(f"/jobs/{job}").json()["kind"] == "rule run"
    assert rep.get(f"/jobs/{job}").status_code == 404
    assert rep.items("/jobs") == []


def test_references_to_hidden_records_are_refused_like_missing_ones(world: World, rep: Caller) -> None:
    def note(account: int) -> bytes:
        body = {"kind": "note", "subject": "x", "occurs_at": "2026-01-01T00:00:00Z", "account_id": account}
        response = rep("POST", "/activities", body)
        assert response.status_code == 422
        return response.content.replace(f"record {account} in".encode(), b"record N in")

    assert note(world.accounts["east"]) == note(999_999)
