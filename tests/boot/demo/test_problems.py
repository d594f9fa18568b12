"""The problems built into the demo are really there once its rules are matched."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from merestone.boot.demo import DemoData
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules import compile_ruleset
from merestone.core.rules.cases import run_cases
from merestone.core.rules.document import read_document, write_document
from merestone.engines.kernel import KernelMatcher


def match(document: TerritoryModelDocument, table: pa.Table) -> pl.DataFrame:
    """Return where each account belongs."""
    result = pl.from_arrow(KernelMatcher().match(compile_ruleset(document), table))
    assert isinstance(result, pl.DataFrame)
    return result


@pytest.fixture(scope="module")
def document(demo: DemoData) -> TerritoryModelDocument:
    return read_document(dict(demo.document))


@pytest.fixture(scope="module")
def placed(demo: DemoData, document: TerritoryModelDocument) -> pl.DataFrame:
    """Return the accounts with where the active model puts them."""
    found = match(document, demo.accounts).rename({"id": "external_id"})
    accounts = pl.from_arrow(demo.accounts)
    assert isinstance(accounts, pl.DataFrame)
    return accounts.join(found, on="external_id")


@pytest.mark.parametrize("which", ["document", "previous_document", "planned_document"])
def test_documents_are_valid_and_say_the_same_when_written_again(demo: DemoData, which: str) -> None:
    document = read_document(dict(getattr(demo, which)))
    assert read_document(write_document(document)) == document
    assert run_cases(document) == []


def test_the_tree_has_four_regions_and_about_forty_field_territories(
    document: TerritoryModelDocument,
) -> None:
    tree = document.tree
    regions = [node.key for node in tree.children("us") if not tree.is_leaf(node.key)]
    assert regions == ["west", "central", "south", "northeast"]
    assert 38 <= sum(len(tree.children(region)) for region in regions) <= 42
    assert [kind.is_primary for kind in document.types] == [True, False]


def test_owners_of_today_are_sellers_with_one_home_each(
    demo: DemoData, document: TerritoryModelDocument
) -> None:
    members = {member.rep for node in document.territories for member in node.members}
    assert members <= set(demo.reps["email"].to_pylist())
    sellers = [row for row in demo.reps.to_pylist() if row["capacity_hours"]]
    assert len(sellers) == 42
    assert {row["email"] for row in sellers if row["left_on"] is None} <= members


def test_history_ends_where_the_rules_put_each_account_unless_locked(
    demo: DemoData, placed: pl.DataFrame, document: TerritoryModelDocument, today: date
) -> None:
    locked = set(demo.locks["account"].to_pylist())
    rows = pl.from_arrow(demo.associations)
    assert isinstance(rows, pl.DataFrame)
    now = rows.filter(pl.col("valid_to").is_null()).join(placed, left_on="account", right_on="external_id")
    owners = {node.key: node.owner_on(today) for node in document.territories}
    free = now.filter(~pl.col("account").is_in(list(locked)))
    assert free["territory"].to_list() == free["territory_right"].to_list()
    assert free["owner"].to_list() == [owners.get(key) for key in free["territory"].to_list()]
    kept = now.filter(pl.col("account").is_in(list(locked)))
    assert (kept["territory"] != kept["territory_right"]).all()
    assert set(kept["cause"]) == {"manual"}


def test_history_of_last_year_follows_last_years_rules(demo: DemoData) -> None:
    before = match(read_document(dict(demo.previous_document)), demo.accounts)
    rows = pl.from_arrow(demo.associations)
    assert isinstance(rows, pl.DataFrame)
    first = (
        rows.group_by("account", maintain_order=True).first().join(before, left_on="account", right_on="id")
    )
    assert first["territory"].to_list() == first["territory_right"].to_list()


def test_the_new_year_moved_many_accounts_but_not_most(demo: DemoData) -> None:
    causes = Counter((row["model"], row["cause"]) for row in demo.associations.to_pylist())
    year = demo.document["model"]["key"]
    assert 500 < causes[(year, "rule")] < 4_000
    assert causes[(year, "named")] > 20
    assert sum(n for (_, cause), n in causes.items() if cause == "manual") >= 50


def test_a_few_territories_are_far_too_heavy(placed: pl.DataFrame) -> None:
    sums = placed.drop_nulls("territory").group_by("territory").agg(
        pl.col("potential").cast(pl.Float64).sum(), pl.col("workload_hours").sum()
    )  # fmt: skip
    for column in ("potential", "workload_hours"):
        index = (sums[column] / sums[column].mean()).sort(descending=True)
        assert index[0] >= 2.4
        assert index[2] >= 1.5
        assert index[-1] < 0.5


def test_the_whole_work_is_about_what_the_sellers_can_do(demo: DemoData, placed: pl.DataFrame) -> None:
    capacity = sum(row["capacity_hours"] for row in demo.reps.to_pylist())
    assert 0.8 < placed["workload_hours"].sum() / capacity < 1.2


def test_overlaps_are_decided_by_priority_or_by_the_keys_alone(placed: pl.DataFrame) -> None:
    decided = Counter(placed.select("territory", "runner_up", "rank").iter_rows())
    assert decided[("bay-life-science", "bay-area", "priority")] > 50
    assert decided[("missouri", "plains", "key")] > 20
    assert placed.filter(pl.col("rank") == "named").height > 10


def test_accounts_that_no_territory_covers(placed: pl.DataFrame) -> None:
    uncovered = placed.filter(pl.col("territory").is_null())
    assert uncovered.filter(pl.col("country") != "US").height == 60
    assert uncovered.filter(pl.col("country") == "US", pl.col("state").is_null()).height >= 20
    gap = uncovered.filter(pl.col("state").is_in(["AR", "LA"]), pl.col("employees").is_between(100, 499))
    assert gap.height > 30
    sized = uncovered.filter(pl.col("state").is_in(["IL", "NY", "AR", "LA"]), pl.col("employees").is_null())
    assert sized.height > 5
    assert uncovered.height < 0.05 * placed.height


def test_the_leavers_accounts_have_no_owner(
    demo: DemoData, placed: pl.DataFrame, document: TerritoryModelDocument, today: date
) -> None:
    (leaver,) = [row for row in demo.reps.to_pylist() if row["left_on"]]
    assert timedelta(0) < today - leaver["left_on"] < timedelta(days=62)
    owned = [n for n in document.territories if any(m.rep == leaver["email"] for m in n.members)]
    assert [node.owner_on(today) for node in owned] == [None]
    assert placed.filter(pl.col("territory") == owned[0].key).height > 100
    (user,) = [row for row in demo.users.to_pylist() if row["rep"] == leaver["email"]]
    assert not user["is_active"]


def test_two_reps_are_away_now_or_soon_with_a_stand_in(
    demo: DemoData, document: TerritoryModelDocument, today: date
) -> None:
    rows = demo.leave.to_pylist()
    assert len(rows) == 2
    assert sum(row["starts_on"] <= today < row["ends_on"] for row in rows) == 1
    for row in rows:
        (node,) = [
            n
            for n in document.territories
            if any(m.rep == row["rep"] and m.role == "owner" for m in n.members)
        ]
        assert any(member.role == "backup" and member.is_active(today) for member in node.members)


def test_leads_lie_untouched_for_weeks(demo: DemoData, today: date) -> None:
    touched = set(demo.lead_touches["lead"].to_pylist())
    lying = [
        row
        for row in demo.leads.to_pylist()
        if row["external_id"] not in touched
        and row["owner"]
        and row["status"] in ("new", "working")
        and (today - row["received_at"].date()).days >= 21
    ]
    assert 200 <= len(lying) <= 300


def test_twelve_disputes_are_open_between_different_people(demo: DemoData) -> None:
    claims = demo.claims.to_pylist()
    assert sum(claim["state"] == "open" for claim in claims) == 12
    assert all(
        claim["reason"] and claim["holder"] and claim["holder"] != claim["claimant"] for claim in claims
    )
    assert all((claim["decided_at"] is None) == (claim["state"] == "open") for claim in claims)
    assert len({claim["account"] for claim in claims}) == len(claims)


def test_doubled_accounts_share_address_and_industry_but_not_the_spelling(demo: DemoData) -> None:
    accounts = {row["external_id"]: row for row in demo.accounts.to_pylist()}
    pairs = [(accounts[row["account"]], accounts[row["original"]]) for row in demo.doubles.to_pylist()]
    assert len(pairs) == 40
    for twin, original in pairs:
        assert twin["name"] != original["name"]
        assert (twin["postal_code"], twin["address"]) == (original["postal_code"], original["address"])


def test_some_accounts_lack_industry_or_size(demo: DemoData) -> None:
    assert 150 < demo.accounts["industry"].null_count < 600
    assert 200 < demo.accounts["employees"].null_count < 700


@pytest.mark.parametrize(("days", "least"), [(30, 30), (60, 80), (90, 120)])
def test_contracts_come_up_for_renewal(demo: DemoData, today: date, days: int, least: int) -> None:
    due = [
        row
        for row in demo.contracts.to_pylist()
        if row["state"] == "active" and row["ends_on"] <= today + timedelta(days=days)
    ]
    assert len(due) >= least


def test_there_is_work_for_the_coming_days_and_open_service_cases(demo: DemoData, today: date) -> None:
    open_: list[dict[str, Any]] = [row for row in demo.activities.to_pylist() if not row["is_done"]]
    assert sum(row["occurs_at"].date() > today for row in open_) > 800
    assert sum(row["occurs_at"].date() == today for row in open_) > 30
    assert sum(row["kind"] == "case" for row in open_) > 20


def test_specialists_see_their_industries_everywhere(placed: pl.DataFrame) -> None:
    overlays = Counter(key for keys in placed["overlays"].to_list() for key in keys)
    assert set(overlays) == {"life-science", "water-and-food"}
    assert min(overlays.values()) > 500
