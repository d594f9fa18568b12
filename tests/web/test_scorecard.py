"""Scorecards: periods, levels, drill-down, comparison, export."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from django.http import QueryDict
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from tests import builders

from merestone.app.policy import OPERATOR
from merestone.core.metrics.catalog import KPIS, SCORECARD_KPIS
from merestone.web.views.periods import PERIODS, read_period
from merestone.web.views.scorecard import _change

TODAY = date(2026, 11, 23)


def period(text: str, today: date = TODAY) -> Any:
    return read_period(QueryDict(text), today)


@pytest.mark.parametrize(
    ("name", "span", "previous"),
    [
        ("this-quarter", ("2026-10-01", "2026-11-23"), ("2026-07-01", "2026-08-23")),
        ("last-quarter", ("2026-07-01", "2026-09-30"), ("2026-04-01", "2026-06-30")),
        ("this-year", ("2026-01-01", "2026-11-23"), ("2025-01-01", "2025-11-23")),
        ("last-12-months", ("2025-11-24", "2026-11-23"), ("2024-11-24", "2025-11-23")),
    ],
)
def test_named_periods(name: str, span: tuple[str, str], previous: tuple[str, str]) -> None:
    found = period(f"period={name}")
    assert (found.span.start.isoformat(), found.last_day.isoformat()) == span
    assert (found.previous.start.isoformat(), found.previous_last_day.isoformat()) == previous


def test_custom_period_includes_its_last_day_and_compares_as_many_days_before() -> None:
    found = period("period=custom&from=2026-03-01&to=2026-03-10")
    assert (found.span.start, found.span.end) == (date(2026, 3, 1), date(2026, 3, 11))
    assert (found.previous.start, found.previous.end) == (date(2026, 2, 19), date(2026, 3, 1))


@pytest.mark.parametrize("text", ["", "period=nonsense", "period=custom", "period=custom&from=2026-03-10&to=2026-03-01",
                                  "period=custom&from=0001-01-01&to=9999-12-31", "period=custom&from=x&to=y"])  # fmt: skip
def test_a_period_that_makes_no_sense_is_this_quarter(text: str) -> None:
    assert period(text).name == "this-quarter"


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.sampled_from([name for name, _ in PERIODS]))
def test_period_before_never_overlaps(today: date, name: str) -> None:
    found = period(f"period={name}", today)
    assert found.previous.end <= found.span.start
    assert found.span.start < found.span.end


def test_change_says_whether_it_is_good() -> None:
    assert _change(KPIS["win_rate"], 0.3, 0.2) == {"change": "10 points", "tone": "good", "arrow": "up"}
    assert _change(KPIS["sales_cycle_days"], 60.0, 40.0) == {"change": "50 %", "tone": "bad", "arrow": "up"}
    assert _change(KPIS["bookings"], 50.0, 100.0) == {"change": "50 %", "tone": "bad", "arrow": "down"}
    assert _change(KPIS["bookings"], 50.0, 0.0)["change"] == ""
    assert _change(KPIS["win_rate"], None, 0.2)["change"] == ""


@pytest.fixture
def won(company: Any) -> Any:
    """The company with deals won in March 2026: 100 in the west, 300 in the east."""
    with company.services.records.transaction(OPERATOR, cause="test"):
        company.services.records.write(
            "opportunities",
            pa.table(
                {
                    "account_id": pa.array([company.accounts["west"], company.accounts["east"]], pa.int64()),
                    "name": ["W", "E"],
                    "stage": ["won", "won"],
                    "amount": pa.array([Decimal("100.00"), Decimal("300.00")], builders.MONEY),
                    "currency": ["USD", "USD"],
                    "opened_on": [date(2026, 2, 1), date(2026, 2, 1)],
                    "closed_on": [date(2026, 3, 3), date(2026, 3, 5)],
                }
            ),
        )
    return company


MARCH = "period=custom&from=2026-03-01&to=2026-03-31"


def bookings(response: Any) -> dict[str, Any]:
    return {
        line["row"].key if line["row"] else "": next(
            cell["value"] for cell in line["cells"] if cell["kpi"].key == "bookings"
        )
        for line in response.context["lines"]
    }


def whole(response: Any, key: str) -> Any:
    return next(cell["value"] for cell in response.context["tiles"] if cell["kpi"].key == key)


def test_rows_add_up_to_the_company(planner: Client, won: Any) -> None:
    response = planner.get(f"/scorecard/?{MARCH}&level=leaf")
    assert bookings(response) | {"west": Decimal("100.00"), "east": Decimal("300.00")} == bookings(response)
    assert whole(response, "bookings") == Decimal("400.00")
    assert whole(response, "win_rate") == 1.0
    assert whole(response, "sales_cycle_days") == 31.0


def test_every_figure_has_its_definition_on_the_page(planner: Client, won: Any) -> None:
    text = planner.get("/scorecard/").text
    for kpi in SCORECARD_KPIS:
        assert kpi.label in text
        assert kpi.definition.split("'")[0][:60] in text


def test_drilling_down_shows_the_children(planner: Client, won: Any) -> None:
    response = planner.get(f"/scorecard/?{MARCH}&under=us")
    assert {"west", "east", "vacant"} <= set(bookings(response))
    assert whole(response, "bookings") == Decimal("400.00")


def test_rep_gets_the_own_figures_only(rep: Client, won: Any) -> None:
    response = rep.get(f"/scorecard/?{MARCH}")
    assert set(bookings(response)) == {"west"}
    assert whole(response, "bookings") == Decimal("100.00")
    assert "300" not in response.text.split("What these mean")[0]


def test_hidden_territory_has_no_scorecard(rep: Client) -> None:
    assert rep.get("/scorecard/?under=west").status_code == 200
    assert rep.get("/scorecard/?under=east").status_code == 404
    assert rep.get("/scorecard/?under=none").status_code == 404
    assert rep.get("/scorecard/export/csv/?under=east").status_code == 404


def test_territory_page_gets_its_figures(planner: Client, won: Any) -> None:
    response = planner.get(f"/territories/us/scorecard/?{MARCH}")
    assert whole(response, "bookings") == Decimal("400.00")
    assert whole(planner.get(f"/territories/east/scorecard/?{MARCH}"), "bookings") == Decimal("300.00")


def test_export_holds_counts_behind_the_shares(planner: Client, won: Any) -> None:
    response = planner.get(f"/scorecard/export/csv/?{MARCH}&level=leaf")
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))  # type: ignore[attr-defined]
    east = next(row for row in rows if row["Territory"] == "East")
    assert Decimal(east["Bookings"]) == 300
    assert east["Won"] == "1"
    assert "scorecard-2026-03-01-2026-03-31.csv" in response["Content-Disposition"]


def test_unknown_export_format_is_missing(planner: Client) -> None:
    assert planner.get("/scorecard/export/exe/").status_code == 404
