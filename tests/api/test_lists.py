"""Lists: filters, search, order, pages, chosen fields, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests import builders
from tests.api.conftest import Caller, World

from merestone.app.policy import OPERATOR
from merestone.db.models import CustomField


def names(rows: list[dict[str, Any]]) -> list[str]:
    """Return the first words of the rows' names."""
    return [row["name"].split()[0].lower() for row in rows]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=CA", {"west"}),
        ("state=CA&state=NY", {"west", "east"}),
        ("state__in=CA,NY", {"west", "east"}),
        ("state__ne=CA", {"east", "vacant", "nowhere"}),
        ("employees__gte=20", {"east", "vacant", "nowhere"}),
        ("employees__gt=20&employees__lt=40", {"vacant"}),
        ("employees=10", {"west"}),
        ("potential__lte=2000.00", {"west", "east"}),
        ("potential=1000", {"west"}),
        ("workload_hours=12.5", {"west", "east", "vacant", "nowhere"}),
        ("name__contains=EST", {"west"}),
        ("name__startswith=no", {"nowhere"}),
        ("lifecycle=prospect&state=TX", {"vacant"}),
        ("founded_year__isnull=true", {"west", "east", "vacant", "nowhere"}),
        ("founded_year__isnull=false", set()),
        ("city__isnull=true", {"west", "east", "vacant", "nowhere"}),
        ("territory=west", {"west"}),
        ("owner=Ben", {"east"}),
        ("owner_id__isnull=true", {"vacant", "nowhere"}),
        ("since__gte=2000-01-01T00:00:00Z", {"west", "east", "vacant", "nowhere"}),
        ("created_at__lt=2000-01-01", set()),
        ("products_of_interest__has=IPA", set()),
        ("products_of_interest__isnull=true", {"west", "east", "vacant", "nowhere"}),
        ("q=brewing%20east", {"east"}),
        ("q=A-west", {"west"}),
    ],
)
def test_filters(world: World, planner: Caller, query: str, expected: set[str]) -> None:
    assert set(names(planner.items(f"/accounts?{query}"))) == expected


@pytest.mark.both_databases
def test_entries_of_lists_are_found_whole_and_in_any_script(world: World, planner: Caller) -> None:
    interests = pa.array([["Kölsch", "IPA"], ["Pale IPA"]], pa.list_(pa.string()))
    ids = pa.array([world.accounts["west"], world.accounts["east"]])
    with world.services.records.transaction(OPERATOR, cause="test"):
        world.services.records.write("accounts", pa.table({"id": ids, "products_of_interest": interests}))
    assert names(planner.items("/accounts?products_of_interest__has=IPA")) == ["west"]
    assert names(planner.items("/accounts?products_of_interest__has=K%C3%B6lsch")) == ["west"]
    assert names(planner.items("/accounts?products_of_interest__has=ipa&products_of_interest__has=x")) == []


@pytest.mark.both_databases
def test_the_customers_own_fields_filter_too(world: World, planner: Caller) -> None:
    for key, kind in (("tier", "text"), ("score", "number")):
        CustomField.objects.create(table="accounts", key=key, label=key, kind=kind)
    ids = pa.array([world.accounts["west"], world.accounts["east"]])
    rows = pa.table({"id": ids, "custom.tier": ["gold", "tin"], "custom.score": [2.5, 7.0]})
    with world.services.records.transaction(OPERATOR, cause="test"):
        world.services.records.write("accounts", rows)
    assert names(planner.items("/accounts?custom.tier=gold")) == ["west"]
    assert names(planner.items("/accounts?custom.score__gte=3")) == ["east"]
    assert names(planner.items("/accounts?custom.tier__contains=I")) == ["east"]
    assert names(planner.items("/accounts?custom.score__in=2.5,7&sort=name")) == ["east", "west"]
    assert planner.get("/accounts?custom.never=1").status_code == 400


@pytest.mark.parametrize(
    ("path", "where", "fix"),
    [
        ("/accounts?sate=CA", "sate", "Did you mean 'state'?"),
        ("/accounts?employees__atleast=5", "employees__atleast", "Did you mean 'employees"),
        ("/accounts?name__gte=5", "name__gte", "Did you mean"),
        ("/accounts?custom=1", "custom", ""),
        ("/accounts?sort=nam", "sort", "Did you mean 'name'?"),
        ("/accounts?sort=products_of_interest", "sort", ""),
        ("/accounts?fields=id,nme", "fields", "Did you mean 'name'?"),
        ("/accounts?limit=0", "limit", "Use 1 to 500."),
        ("/accounts?limit=501", "limit", "Use 1 to 500."),
        ("/accounts?count=maybe", "count", ""),
        ("/accounts?employees=many", "employees", ""),
        ("/accounts?employees=1.5", "employees", ""),
        ("/accounts?potential=NaN", "potential", ""),
        ("/accounts?latitude=inf", "latitude", ""),
        ("/accounts?id=99999999999999999999", "id", ""),
        ("/accounts?customer_since=2026-02-30", "customer_since", ""),
        ("/accounts?created_at__gte=soon", "created_at__gte", ""),
        ("/accounts?lifecycle=customr", "lifecycle", ""),
        ("/accounts?name=%00", "name", ""),
        ("/activities?is_done=perhaps", "is_done", ""),
    ],
)
def test_a_wrong_parameter_answers_400_and_names_the_nearest(
    world: World, planner: Caller, path: str, where: str, fix: str
) -> None:
    response = planner.get(path)
    assert response.status_code == 400
    (problem,) = response.json()["problems"]
    assert problem["where"] == where
    assert fix in problem.get("fix", "")


def test_all_wrong_parameters_are_told_at_once(world: World, planner: Caller) -> None:
    problems = planner.get("/accounts?sate=CA&employees=x&cty=y").json()["problems"]
    assert [problem["where"] for problem in problems] == ["sate", "employees", "cty"]


def test_only_the_chosen_fields_come(world: World, planner: Caller) -> None:
    rows = planner.items("/accounts?fields=name,owner&state=CA")
    assert rows == [{"name": "West Brewing", "owner": "Ana"}]


def test_money_is_a_decimal_string_and_times_are_utc(world: World, planner: Caller) -> None:
    (row,) = planner.items("/accounts?state=CA")
    assert row["potential"] == "1000.00"
    assert row["workload_hours"] == 12.5
    assert row["created_at"].endswith("Z")


def walk(caller: Caller, path: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of all pages."""
    cursor = ""
    while cursor is not None:
        page = caller.get(f"{path}{'&cursor=' + cursor if cursor else ''}").json()
        yield from page["items"]
        cursor = page["next"]


@pytest.mark.both_databases
def test_pages_hold_every_row_once_in_order_whatever_the_order(world: World, planner: Caller) -> None:
    rows = [
        {
            "name": f"Shop {i % 3}",
            "state": "CA",
            "employees": None if i % 4 == 0 else i % 5,
            "potential": None if i % 3 == 0 else Decimal(f"{i % 4}.{i % 2}0"),
            "workload_hours": None if i % 5 == 0 else (i % 3) / 3,
        }
        for i in range(17)
    ]
    for place, row in enumerate(rows):
        row["external_id"] = f"S-{place}"
    builders.add_accounts(world.services, rows)
    for name in (
        "id",
        "name",
        "employees",
        "potential",
        "workload_hours",
        "created_at",
        "owner",
        "since",
        "customer_since",
    ):
        for sort in (name, f"-{name}"):
            whole = planner.items(f"/accounts?sort={sort}")
            assert len(whole) == 21
            for limit in (1, 4, 21):
                paged = list(walk(planner, f"/accounts?limit={limit}&sort={sort}"))
                assert [row["id"] for row in paged] == [row["id"] for row in whole], (sort, limit)
            values = [row[name] for row in whole]
            known = [value for value in values if value is not None]
            assert values[len(known) :] == [None] * (len(values) - len(known)), "nulls come last"


def test_every_list_pages_through(world: World, admin_calls: Caller) -> None:
    for table in ("leads", "opportunities", "activities", "contacts", "contracts", "reps", "audit", "users"):
        whole = admin_calls.items(f"/{table}?limit=500&fields=id")
        assert list(walk(admin_calls, f"/{table}?limit=3&fields=id")) == whole[: len(whole)]


def test_a_row_that_comes_in_between_moves_nothing(world: World, planner: Caller) -> None:
    first = planner.get("/accounts?sort=name&limit=2").json()
    builders.add_accounts(world.services, [{"name": "Aardvark", "state": "CA", "external_id": "new"}])
    second = planner.get(f"/accounts?sort=name&limit=2&cursor={first['next']}").json()
    assert names(first["items"]) + names(second["items"]) == ["east", "nowhere", "vacant", "west"]


@pytest.mark.parametrize(
    "cursor", ["x", "bnVsbA", "WyJpZCIsMSwiYSJd", "WyJuYW1lIiwxLDFd", "%00", "W1tbW1tb", "é"]
)
def test_a_cursor_that_is_not_ours_answers_400(world: World, planner: Caller, cursor: str) -> None:
    assert planner.get(f"/accounts?cursor={cursor}").json()["code"] == "bad-cursor"


def test_a_cursor_belongs_to_its_order(world: World, planner: Caller) -> None:
    following = planner.get("/accounts?sort=name&limit=1").json()["next"]
    assert planner.get(f"/accounts?sort=-name&cursor={following}").status_code == 400


def queries_of(caller: Caller, path: str) -> int:
    """Return how many statements an answer costs."""
    with CaptureQueriesContext(connection) as queries:
        assert caller.get(path).status_code == 200
    return len(queries)


def test_a_page_costs_the_same_queries_whatever_its_rows(
    world: World, admin_calls: Caller, manager: Caller, rep: Caller
) -> None:
    rows = [{"external_id": f"N-{i}", "name": f"New {i}", "state": "CA"} for i in range(12)]
    builders.add_accounts(world.services, rows)
    builders.add_leads(world.services, [{"state": "CA"} for _ in range(12)])
    tables = (
        "accounts",
        "leads",
        "opportunities",
        "activities",
        "contacts",
        "contracts",
        "reps",
        "queue",
        "claims",
    )
    for caller in (admin_calls, manager, rep):
        caller.get("/me")  # notes the token's use
        for table in tables:
            one, all_rows = queries_of(caller, f"/{table}?limit=1"), queries_of(caller, f"/{table}?limit=500")
            assert one == all_rows <= 8, table
    assert queries_of(admin_calls, "/audit?limit=1") == queries_of(admin_calls, "/audit?limit=500") <= 8
    assert queries_of(admin_calls, "/territories") <= 10
