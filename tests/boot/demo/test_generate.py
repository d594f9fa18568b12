"""The tables of the demo company: complete, consistent, reproducible, and nobody real in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from merestone.boot.demo import DemoData, generate
from merestone.boot.demo.geography import POPULATION
from merestone.connectors.geodata import Gazetteer
from merestone.core.model.columns import OPPORTUNITY_STAGES, TABLES, Kind

COUNTS = {
    "accounts": 12_000, "contacts": 14_000, "leads": 3_500, "opportunities": 9_000, "activities": 25_000,
    "contracts": 4_000, "products": 30, "reps": 47,
}  # fmt: skip
REFERENCES = [
    (table.name, column.name, column.refers_to)
    for table in TABLES.values()
    for column in table
    if column.refers_to
]


def frame(table: pa.Table) -> pl.DataFrame:
    """Return an Arrow table as a Polars frame."""
    result = pl.from_arrow(table)
    assert isinstance(result, pl.DataFrame)
    return result


def tables_of(demo: DemoData) -> dict[str, pa.Table]:
    return {
        f.name: getattr(demo, f.name) for f in fields(demo) if isinstance(getattr(demo, f.name), pa.Table)
    }


def test_same_seed_and_day_give_identical_data(demo: DemoData, gazetteer: Gazetteer, today: date) -> None:
    again = generate(gazetteer, today=today)
    for name, table in tables_of(demo).items():
        assert table.equals(getattr(again, name)), name
    assert demo.document == again.document


def test_another_seed_gives_other_accounts(demo: DemoData, gazetteer: Gazetteer, today: date) -> None:
    other = generate(gazetteer, seed=7, today=today)
    assert not demo.accounts.equals(other.accounts)
    assert other.accounts.num_rows == demo.accounts.num_rows


@pytest.mark.parametrize(("table", "count"), COUNTS.items())
def test_tables_have_the_promised_size_and_columns(demo: DemoData, table: str, count: int) -> None:
    rows: pa.Table = getattr(demo, table)
    assert rows.num_rows == count
    assert [name for name in rows.column_names if not name.startswith("custom.")] == list(TABLES[table].names)


@pytest.mark.parametrize("table", COUNTS)
def test_external_ids_are_distinct_and_required_columns_filled(demo: DemoData, table: str) -> None:
    rows: pa.Table = getattr(demo, table)
    assert len(rows["external_id"].unique()) == rows.num_rows
    assert all(rows[column.name].null_count == 0 for column in TABLES[table] if column.required)


@pytest.mark.parametrize(("table", "column", "target"), REFERENCES)
def test_references_name_what_is_there(demo: DemoData, table: str, column: str, target: str) -> None:
    key = "email" if target == "reps" else "external_id"
    named = getattr(demo, table)[column].drop_null().combine_chunks()
    assert len(named) or (table, column) == ("activities", "lead")
    assert pc.all(pc.is_in(named, value_set=getattr(demo, target)[key].combine_chunks())).as_py()


@pytest.mark.parametrize("table", COUNTS)
def test_values_keep_to_their_choices_and_limits(demo: DemoData, table: str) -> None:
    rows: pa.Table = getattr(demo, table)
    for column in TABLES[table]:
        values = rows[column.name].drop_null()
        if column.choices:
            assert set(values.unique().to_pylist()) <= set(column.choices), column.name
        if column.minimum is not None and len(values):
            assert pc.min(values).as_py() >= column.minimum, column.name
        if column.maximum is not None and len(values):
            assert pc.max(values).as_py() <= column.maximum, column.name


def test_money_is_positive_and_not_all_round(demo: DemoData) -> None:
    columns = [
        ("accounts", "potential"),
        ("accounts", "revenue"),
        ("opportunities", "amount"),
        ("products", "price"),
    ]
    for table, column in [*columns, ("contracts", "annual_value"), ("leads", "potential")]:
        values = getattr(demo, table)[column].drop_null()
        assert pc.min(values).as_py() > 0, (table, column)
    assert any(value % Decimal(1) for value in demo.accounts["potential"].drop_null().to_pylist()[:100])


def test_all_states_and_dc_have_accounts(demo: DemoData) -> None:
    american = demo.accounts.filter(pc.equal(demo.accounts["country"], "US"))
    per_state = Counter(american["state"].drop_null().to_pylist())
    assert set(per_state) == set(POPULATION)
    assert min(per_state.values()) >= 10
    assert per_state["CA"] > per_state["OH"] > per_state["UT"] > per_state["WY"]


def test_accounts_lie_in_the_county_they_name(demo: DemoData, gazetteer: Gazetteer) -> None:
    found = gazetteer.locate(demo.accounts.select(["latitude", "longitude", "country"]))
    assert found["county"].to_pylist() == demo.accounts["county"].to_pylist()


def test_no_address_outside_the_reserved_names(demo: DemoData) -> None:
    reserved = r"(^|[@.])example\.(com|org)$"
    for table, column in (
        ("accounts", "domain"), ("contacts", "email"), ("leads", "email"), ("reps", "email"), ("users", "email"),
    ):  # fmt: skip
        values = getattr(demo, table)[column].drop_null()
        assert pc.all(pc.match_substring_regex(values, reserved)).as_py(), (table, column)
        assert pc.all(pc.match_substring_regex(values, r"^[a-z0-9.@-]+$")).as_py(), (table, column)


def test_no_phone_outside_the_numbers_kept_for_fiction(demo: DemoData) -> None:
    for table in ("accounts", "contacts", "leads"):
        assert pc.all(pc.match_substring_regex(getattr(demo, table)["phone"].drop_null(), "^555-01")).as_py()


def test_parents_come_before_their_children_and_have_none_themselves(demo: DemoData) -> None:
    accounts = demo.accounts.select(["external_id", "parent"]).to_pylist()
    parent_of = {row["external_id"]: row["parent"] for row in accounts}
    children = [row for row in accounts if row["parent"]]
    assert 0.04 * len(accounts) < len(children) < 0.08 * len(accounts)
    assert all(row["parent"] < row["external_id"] and not parent_of[row["parent"]] for row in children)


def test_lifecycles_are_shared_out_as_in_life(demo: DemoData) -> None:
    share = Counter(demo.accounts["lifecycle"].to_pylist())
    assert 0.23 < share["customer"] / 12_000 < 0.27
    assert 0.57 < share["prospect"] / 12_000 < 0.63
    assert share["churned"] > 0
    assert share["inactive"] > 0


def test_stage_history_ends_in_the_stage_of_the_deal(demo: DemoData) -> None:
    history = frame(demo.stage_history).group_by("opportunity", maintain_order=True)
    steps = history.agg(
        "from_stage", "stage", first=pl.col("changed_at").first(), last=pl.col("changed_at").last()
    )
    deals = frame(demo.opportunities).join(steps, left_on="external_id", right_on="opportunity", how="left")
    assert deals["first"].null_count() == 0
    for row in deals.iter_rows(named=True):
        walked = row["stage_right"]
        assert walked[-1] == row["stage"]
        assert row["from_stage"] == [None, *walked[:-1]]
        assert [OPPORTUNITY_STAGES.index(stage) for stage in walked] == sorted(
            OPPORTUNITY_STAGES.index(stage) for stage in walked
        )
        assert row["first"].date() == row["opened_on"]
        assert (
            (row["last"].date() == row["closed_on"])
            if row["closed_on"]
            else row["stage"] not in ("won", "lost")
        )


def test_stage_changes_are_in_order_of_time(demo: DemoData) -> None:
    ordered = frame(demo.stage_history).with_columns(before=pl.col("changed_at").shift().over("opportunity"))
    assert ordered.filter(pl.col("before") > pl.col("changed_at")).is_empty()


def test_deals_span_two_years_and_cycles_twenty_to_two_hundred_days(demo: DemoData, today: date) -> None:
    deals = frame(demo.opportunities)
    opened = deals["opened_on"]
    assert 700 < (today - opened.min()).days <= 731  # type: ignore[operator]
    assert opened.max() < today  # type: ignore[operator]
    won = deals.filter(pl.col("stage") == "won")
    cycle = (won["closed_on"] - won["opened_on"]).dt.total_days()
    assert cycle.min() >= 20  # type: ignore[operator]
    assert cycle.max() <= 200  # type: ignore[operator]


def test_only_firms_that_buy_or_bought_won_us_deals(demo: DemoData) -> None:
    won = frame(demo.opportunities).filter(pl.col("stage") == "won")
    accounts = frame(demo.accounts).select("external_id", "lifecycle", "customer_since")
    buyers = won.join(accounts, left_on="account", right_on="external_id")
    assert set(buyers["lifecycle"]) <= {"customer", "churned"}
    assert buyers.filter(pl.col("customer_since") > pl.col("closed_on")).is_empty()


def test_win_rates_differ_between_reps_in_a_believable_range(demo: DemoData) -> None:
    decided = frame(demo.opportunities).filter(
        pl.col("stage").is_in(["won", "lost"]), pl.col("owner").is_not_null()
    )
    rates = (
        decided.group_by("owner")
        .agg(rate=(pl.col("stage") == "won").mean(), n=pl.len())
        .filter(pl.col("n") > 100)
    )
    assert rates.height > 30
    assert 0.08 < rates["rate"].min() < 0.22  # type: ignore[operator]
    assert 0.28 < rates["rate"].max() < 0.45  # type: ignore[operator]


def test_nothing_that_happened_lies_in_the_future(demo: DemoData, today: date) -> None:
    midnight = datetime.combine(today, time(), UTC)
    activities = frame(demo.activities).filter(pl.col("is_done"))
    for column in (
        activities["occurs_at"], frame(demo.stage_history)["changed_at"], frame(demo.leads)["received_at"],
        frame(demo.leads)["converted_at"], frame(demo.lead_touches)["touched_at"], frame(demo.claims)["opened_at"],
        frame(demo.claims)["decided_at"],
    ):  # fmt: skip
        assert column.max() < midnight  # type: ignore[operator]


def test_leads_are_touched_after_they_came_and_converted_ones_became_deals(demo: DemoData) -> None:
    leads = frame(demo.leads)
    touched = leads.join(frame(demo.lead_touches), left_on="external_id", right_on="lead")
    assert touched.filter(pl.col("touched_at") <= pl.col("received_at")).is_empty()
    converted = leads.filter(pl.col("status") == "converted")
    assert converted["account"].null_count() == 0
    assert (converted["converted_at"] > converted["received_at"]).all()
    began = frame(demo.opportunity_leads).join(
        frame(demo.opportunities), left_on="opportunity", right_on="external_id"
    )
    joined = began.join(converted, left_on="lead", right_on="external_id")
    assert joined.height == converted.height
    assert (joined["account"] == joined["account_right"]).all()


def test_contracts_follow_each_other_without_a_gap(demo: DemoData, today: date) -> None:
    contracts = frame(demo.contracts)
    assert (contracts["ends_on"] > contracts["starts_on"]).all()
    assert (contracts.filter(pl.col("state") == "active")["ends_on"] > today).all()
    assert (contracts.filter(pl.col("state") != "active")["ends_on"] <= today).all()
    terms = set(contracts.select("account", "product", "starts_on").iter_rows())
    renewed = contracts.filter(pl.col("state") == "renewed").head(
        3_900
    )  # the chain at the cut may lack its last term
    missing = [r for r in renewed.select("account", "product", "ends_on").iter_rows() if r not in terms]
    assert len(missing) <= 1


def test_associations_are_gapless_and_one_is_open_per_account(demo: DemoData) -> None:
    rows = frame(demo.associations)
    following = rows.with_columns(next_from=pl.col("valid_from").shift(-1).over("account"))
    assert (following["valid_to"].is_null() == following["next_from"].is_null()).all()
    closed = following.drop_nulls("valid_to")
    assert (closed["valid_to"] == closed["next_from"]).all()
    assert (closed["valid_to"] > closed["valid_from"]).all()
    assert rows.filter(pl.col("valid_to").is_null()).height == demo.accounts.num_rows
    assert rows.filter(pl.col("territory").is_null(), pl.col("owner").is_not_null()).is_empty()


def test_users_cover_every_role_and_name_their_reps(demo: DemoData) -> None:
    users = frame(demo.users)
    assert set(users["role"]) == {"admin", "planner", "manager", "rep", "integration"}
    assert users["email"].n_unique() == users.height
    assert set(users["rep"].drop_nulls()) == set(demo.reps["email"].to_pylist())


def test_custom_columns_are_declared(demo: DemoData) -> None:
    declared = {f"custom.{field['key']}" for field in demo.custom_fields}
    assert declared == {name for name in demo.accounts.column_names if name.startswith("custom.")}
    assert all(Kind(field["kind"]) for field in demo.custom_fields)


@pytest.mark.parametrize(
    "today_", [date(2027, 1, 1), date(2027, 1, 20), date(2028, 2, 29), date(2026, 12, 31)]
)
def test_any_day_of_the_year_works(gazetteer: Gazetteer, today_: date) -> None:
    demo = generate(gazetteer, today=today_)
    assert demo.document["model"]["effective"] == f"{today_.year}-01-01"
    ended = frame(demo.associations).drop_nulls("valid_to")
    assert (ended["valid_to"] > ended["valid_from"]).all()
