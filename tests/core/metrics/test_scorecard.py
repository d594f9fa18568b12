"""The scorecard: one company by hand, and promise 7 as a property."""

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merestone.base.errors import UsageError
from merestone.base.interval import Interval
from merestone.core.metrics.levels import groups_at_depth
from merestone.core.metrics.scorecard import SCORECARD_SCHEMA, ScorecardTables, company, roll_up, scorecard
from merestone.core.model.assignment import ASSOCIATIONS_SCHEMA

INSTANT = pa.timestamp("us", tz="UTC")
ASSOCIATIONS = ASSOCIATIONS_SCHEMA.append(pa.field("is_primary", pa.bool_()))
LEADS = pa.schema([("id", pa.string()), ("created_at", INSTANT), ("converted_at", INSTANT)])
OPPORTUNITIES = pa.schema(
    [
        ("account", pa.string()),
        ("stage", pa.string()),
        ("amount", pa.decimal128(18, 2)),
        ("probability", pa.float64()),
        ("forecast_category", pa.string()),
        ("opened_on", pa.date32()),
        ("closed_on", pa.date32()),
    ]
)
CONTRACTS = pa.schema([("account", pa.string()), ("starts_on", pa.date32()), ("ends_on", pa.date32())])
Q1 = Interval(date(2026, 1, 1), date(2026, 4, 1))
PARENTS = {"all": None, "coasts": "all", "east": "coasts", "west": "coasts", "north": "all"}


def cell(text: str, kind: pa.DataType) -> Any:
    if text == "-":
        return None
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    if pa.types.is_date(kind):
        return date.fromisoformat(text)
    if pa.types.is_decimal(kind):
        return Decimal(text)
    return float(text) if pa.types.is_floating(kind) else text


def table(text: str, schema: pa.Schema) -> pa.Table:
    rows = [line.split() for line in text.strip().splitlines()]
    return pa.Table.from_pylist(
        [{f.name: cell(c, f.type) for f, c in zip(schema, row, strict=False)} for row in rows], schema
    )


# Account A moves from East to West on 15 February at noon; B is East's, C waits in the queue, D is unknown.
OWNED = """
A east ana 2025-01-01T00:00 2026-02-15T12:00
A west ben 2026-02-15T12:00 -
B east ana 2025-01-01T00:00 -
C -    -   2025-01-01T00:00 -
"""
LEADS_OWNED = """
L1 east ana 2026-01-10T09:05 -
L2 -    -   2026-01-11T09:00 2026-01-13T09:00
L2 west ben 2026-01-13T09:00 -
L3 west ben 2026-03-01T00:00 2026-03-02T00:00
L3 east ana 2026-03-02T00:00 -
L5 east ana 2026-04-02T00:00 -
"""
LEADS_ROWS = """
L1 2026-01-10T09:00 2026-02-01T00:00
L2 2026-01-11T09:00 2026-04-01T00:00
L3 2026-03-01T00:00 2026-03-31T23:59
L4 2026-01-01T00:00 -
L5 2026-03-31T23:59 -
L6 2026-04-01T00:00 2026-04-02T00:00
L7 2025-12-31T23:59 2026-01-02T00:00
"""
# In the period: L1 (east, yes), L2 (first got by west; converted after the end: no), L3 (west when created; yes),
# L4 (nobody's, no), L5 (first got after the end: nobody's, no). L6 and L7 lie outside.
DEALS = """
A won  100.00 1   closed 2026-01-01 2026-02-14
A won  300.01 1   closed 2026-01-26 2026-02-15
A lost  50.00 0   closed 2026-01-01 2026-02-14
B won       - 1   closed 2026-01-05 2026-01-15
B won   10.00 1   closed -          2026-03-31
B won   99.00 1   closed 2026-01-01 2026-04-01
D lost   5.00 0   closed 2026-01-01 2026-01-01
C won    7.77 1   closed 2026-01-01 2026-01-31
A proposal 10.05 0.5  commit    2026-01-01 -
A proposal 10.01 0.25 pipeline  2026-01-01 -
B proposal 20.00 0.5  omitted   2026-01-01 -
B proposal 30.00 -    pipeline  2026-01-01 -
B proposal 40.00 0.5  pipeline  2026-04-01 -
C proposal  1.00 0.5  best_case -          -
"""
# Closed: A's two on 14 Feb are East's, the one on 15 Feb is West's (owner at the end of that day). B's deal of
# 1 April is open on 31 March: pipeline 99.00, weighted 99.00. 10.05 * 0.5 = 5.025 -> 5.02; 10.01 * 0.25 = 2.5025 -> 2.50.
CONTRACT_ROWS = """
A 2025-06-01 2026-02-01
A 2026-02-01 2027-02-01
B 2025-04-01 2026-04-01
B 2025-01-01 2026-01-01
C 2026-01-01 -
D 2026-01-02 2027-01-01
"""
# At the start: A (east's then), B (east; its contract ends on 1 April: lost), C (queue, kept). D starts later.


def small_company() -> ScorecardTables:
    return ScorecardTables(
        associations=table(OWNED, ASSOCIATIONS),
        lead_associations=table(LEADS_OWNED, ASSOCIATIONS),
        leads=table(LEADS_ROWS, LEADS),
        opportunities=table(DEALS, OPPORTUNITIES),
        contracts=table(CONTRACT_ROWS, CONTRACTS),
    )


def by_territory(card: pa.Table) -> dict[str | None, dict[str, Any]]:
    return {row.pop("territory"): row for row in card.to_pylist()}


def figures(card: pa.Table, *names: str) -> dict[str | None, tuple]:
    return {key: tuple(row[name] for name in names) for key, row in by_territory(card).items()}


def test_leads_belong_to_who_had_them_first() -> None:
    card = scorecard(small_company(), period=Q1)
    assert figures(card, "leads_created", "leads_converted", "lead_conversion") == {
        "east": (1, 1, 1.0),
        "west": (2, 1, 0.5),
        None: (2, 0, 0.0),
    }


def test_closed_deals_belong_to_who_owned_the_account_that_day() -> None:
    card = scorecard(small_company(), period=Q1)
    assert figures(card, "won", "lost", "win_rate", "bookings", "average_deal_size") == {
        "east": (3, 1, 0.75, Decimal("110.00"), Decimal("55.00")),  # 100.00 + 10.00; one without an amount
        "west": (1, 0, 1.0, Decimal("300.01"), Decimal("300.01")),
        None: (1, 1, 0.5, Decimal("7.77"), Decimal("7.77")),
    }


def test_sales_cycle_is_the_median_of_known_cycles() -> None:
    card = scorecard(small_company(), period=Q1)
    assert figures(card, "sales_cycle_samples", "sales_cycle_days") == {
        "east": ([10, 44], 27.0),
        "west": ([20], 20.0),
        None: ([30], 30.0),
    }
    # Pooled 10, 20, 30, 44: the median is 25, not the mean of medians.
    assert company(card)["sales_cycle_days"].to_pylist() == [25.0]


def test_retention_follows_the_customers_of_the_first_day() -> None:
    card = scorecard(small_company(), period=Q1)
    assert figures(card, "customers_at_start", "customers_retained", "customer_retention") == {
        "east": (2, 1, 0.5),
        "west": (0, 0, None),
        None: (1, 1, 1.0),
    }


def test_pipeline_and_forecast_are_what_is_open_at_the_end() -> None:
    card = scorecard(small_company(), period=Q1)
    assert figures(card, "open_opportunities", "pipeline", "weighted_forecast") == {
        "east": (3, Decimal("149.00"), Decimal("99.00")),  # 20 omitted + 30 unknown chance + 99
        "west": (2, Decimal("20.06"), Decimal("7.52")),
        None: (1, Decimal("1.00"), Decimal("0.50")),
    }


def test_territories_without_events_are_shown_when_named() -> None:
    card = scorecard(small_company(), period=Q1, territories=["north"])
    assert card["territory"].to_pylist() == ["east", "north", "west", None]
    north = by_territory(card)["north"]
    assert (north["leads_created"], north["lead_conversion"], north["pipeline"]) == (0, None, Decimal("0.00"))
    assert (north["sales_cycle_samples"], north["sales_cycle_days"]) == ([], None)


def test_overlays_own_nothing() -> None:
    overlay = table("A ai eve 2025-01-01T00:00 -", ASSOCIATIONS)
    overlay = overlay.set_column(5, "is_primary", pa.array([False]))
    plain = small_company()
    with_overlay = ScorecardTables(
        pa.concat_tables([overlay, plain.associations]),
        plain.lead_associations,
        plain.leads,
        plain.opportunities,
        plain.contracts,
    )
    assert scorecard(with_overlay, period=Q1).equals(scorecard(plain, period=Q1))


def test_history_older_than_the_system_belongs_to_the_rest_unless_adopted() -> None:
    tables = small_company()
    old = Interval(date(2020, 1, 1), date(2020, 4, 1))
    deals = table("B won 8.00 1 closed 2020-01-01 2020-02-01", OPPORTUNITIES)
    tables = ScorecardTables(
        tables.associations, tables.lead_associations, tables.leads, deals, tables.contracts
    )
    assert figures(scorecard(tables, period=old), "won") == {None: (1,)}
    assert figures(scorecard(tables, period=old, adopt_history=True), "won") == {"east": (1,), None: (0,)}


def test_days_begin_in_the_company_s_zone() -> None:
    # Midnight of 1 January in Los Angeles is 08:00 UTC: L4 falls into the last quarter; L5 and L6 stay/enter.
    card = scorecard(small_company(), period=Q1, zone=ZoneInfo("America/Los_Angeles"))
    assert company(card)["leads_created"].to_pylist() == [5]
    assert company(scorecard(small_company(), period=Q1, zone=ZoneInfo("Asia/Tokyo")))[
        "leads_created"
    ].to_pylist() == [5]


def test_ids_may_be_numbers() -> None:
    def numbered(rows: pa.Table, name: str) -> pa.Table:
        numbers = pa.array([ord(text[0]) for text in rows[name].to_pylist()], pa.int64())
        return rows.set_column(rows.column_names.index(name), name, numbers)

    tables = small_company()
    same = ScorecardTables(
        numbered(tables.associations, "record"),
        tables.lead_associations,
        tables.leads,
        numbered(tables.opportunities, "account"),
        numbered(tables.contracts, "account"),
    )
    assert scorecard(same, period=Q1).equals(scorecard(tables, period=Q1))


def test_an_empty_company_has_one_row_of_nothing() -> None:
    tables = ScorecardTables(
        *(s.empty_table() for s in (ASSOCIATIONS, ASSOCIATIONS, LEADS, OPPORTUNITIES, CONTRACTS))
    )
    card = scorecard(tables, period=Q1)
    assert card.schema.equals(SCORECARD_SCHEMA)
    assert figures(card, "won", "win_rate", "pipeline") == {None: (0, None, Decimal("0.00"))}


@pytest.mark.parametrize(
    ("period", "currencies", "code"),
    [(Interval(date(2026, 1, 1)), None, "open-period"), (Q1, ["USD", "EUR"] * 7, "mixed-currency")],
)
def test_wrong_use_is_named(period: Interval[date], currencies: list[str] | None, code: str) -> None:
    tables = small_company()
    if currencies:
        deals = tables.opportunities.append_column("currency", pa.array(currencies))
        tables = ScorecardTables(
            tables.associations, tables.lead_associations, tables.leads, deals, tables.contracts
        )
    with pytest.raises(UsageError) as error:
        scorecard(tables, period=period)
    assert error.value.code == code


# Promise 7 over random companies.

DAY0 = date(2025, 12, 1)
days = st.integers(0, 150).map(lambda n: DAY0 + timedelta(days=n))
moments = st.integers(0, 150 * 24).map(lambda n: datetime(2025, 12, 1, tzinfo=UTC) + timedelta(hours=n))
accounts = st.sampled_from(["A", "B", "C", "D"])
places = st.sampled_from(["east", "west", "north", "coasts", "gone", None])
cents = st.integers(0, 10**9).map(lambda n: Decimal(n).scaleb(-2))


@st.composite
def histories(draw: st.DrawFn, keys: tuple[str, ...]) -> pa.Table:
    """Seamless histories with queue times, now and then with a gap."""
    rows = []
    for key in keys:
        starts = sorted(draw(st.lists(moments, unique=True, max_size=4)))
        for start, end in itertools.zip_longest(starts, starts[1:]):
            if draw(st.integers(0, 5)):
                rows.append({"record": key, "territory": draw(places), "valid_from": start, "valid_to": end})
    return pa.Table.from_pylist(rows, ASSOCIATIONS)


def rows(schema: pa.Schema, *cells: st.SearchStrategy) -> st.SearchStrategy[pa.Table]:
    return st.lists(st.tuples(*cells), max_size=15).map(
        lambda drawn: pa.Table.from_pylist([dict(zip(schema.names, r, strict=True)) for r in drawn], schema)
    )


companies = st.builds(
    ScorecardTables,
    histories(("A", "B", "C")),
    histories(("A", "B", "C")),
    rows(LEADS, accounts, moments, st.none() | moments),
    rows(
        OPPORTUNITIES,
        accounts,
        st.sampled_from(["won", "won", "lost", "proposal"]),
        st.none() | cents,
        st.none() | st.integers(0, 100).map(lambda n: n / 100),
        st.sampled_from(["commit", "omitted", None]),
        st.none() | days,
        st.none() | days,
    ),
    rows(CONTRACTS, accounts, days, st.none() | days),
)

ADDITIVE = [
    f.name
    for f in SCORECARD_SCHEMA
    if pa.types.is_integer(f.type) or f.name in ("bookings", "pipeline", "weighted_forecast")
]


@settings(max_examples=120, deadline=None)
@given(companies)
def test_territories_and_rest_are_the_company_to_the_cent(tables: ScorecardTables) -> None:
    card = scorecard(tables, period=Q1, territories=PARENTS)
    # The company counted without any owners at all: attribution may move figures, never make or lose them.
    nobody = ASSOCIATIONS.empty_table()
    unowned = ScorecardTables(nobody, nobody, tables.leads, tables.opportunities, tables.contracts)
    whole = scorecard(unowned, period=Q1)
    assert company(card).equals(whole)
    for name in ADDITIVE:
        assert sum(card[name].to_pylist()) == whole[name][0].as_py()
    assert company(card)["bookings"][0].as_py() == sum(
        row["amount"] or 0
        for row in tables.opportunities.to_pylist()
        if row["stage"] == "won" and row["closed_on"] is not None and row["closed_on"] in Q1
    )


def renamed(associations: pa.Table, group_of: dict[str, str]) -> pa.Table:
    groups = [group_of.get(t) for t in associations["territory"].to_pylist()]
    # What no group knows keeps a holder, or a waiting lead would seem to be free for the next territory.
    at = associations.column_names.index("territory")
    known = [
        g if g or t is None else "unknown"
        for g, t in zip(groups, associations["territory"].to_pylist(), strict=True)
    ]
    return associations.set_column(at, "territory", pa.array(known, pa.string()))


@settings(max_examples=80, deadline=None)
@given(companies, st.integers(0, 2))
def test_rolling_up_equals_computing_at_that_level(tables: ScorecardTables, depth: int) -> None:
    group_of = groups_at_depth(PARENTS, depth)
    rolled = roll_up(scorecard(tables, period=Q1), group_of)
    there = ScorecardTables(
        renamed(tables.associations, group_of),
        renamed(tables.lead_associations, group_of),
        tables.leads,
        tables.opportunities,
        tables.contracts,
    )
    direct = scorecard(there, period=Q1, group_of={g: g for g in group_of.values()})
    assert rolled.equals(direct)
    assert scorecard(tables, period=Q1, group_of=group_of).equals(rolled)
    for row in rolled.to_pylist():
        pooled = row["sales_cycle_samples"]
        assert row["sales_cycle_days"] == (median(pooled) if pooled else None)
