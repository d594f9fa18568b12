"""Two models side by side: what they say, and what that moves, per territory and per rep."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests import builders

from merestone.app import plans
from merestone.app.comparison import Comparison, compare, read_side
from merestone.app.comparison.content import text_difference
from merestone.app.comparison.counties import counties_of
from merestone.app.comparison.sums import MEASURES
from merestone.app.policy import OPERATOR, Actor
from merestone.app.services import Services
from merestone.base.errors import ForbiddenError, NotFoundError, UsageError
from merestone.db.models import AuditEntry, TerritoryModel

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

PLANNED: list[dict[str, Any]] = [
    builders.WEST_EAST[0],
    {"key": "west", "name": "The West", "parent": "us", "where": "state in ('CA', 'WA', 'TX')",
     "members": [{"rep": "cal@example.com"}]},
    {"key": "east", "name": "East", "where": "state in ('NY', 'MA')", "priority": 7,
     "members": [{"rep": "ben@example.com"}]},
    {"key": "north", "name": "North", "parent": "us", "where": "state = 'ME'"},
]  # fmt: skip
STATES = ("CA", "WA", "NY", "TX", "ME")


@pytest.fixture
def reps(services: Services) -> dict[str, int]:
    found = builders.add_reps(services)
    builders.publish(services)
    rows = [
        {"state": state, "revenue": Decimal(10 * (n + 1)), "potential": Decimal(1), "county": f"0000{n}"}
        for n, state in enumerate(STATES)
    ]
    builders.add_accounts(services, rows)
    plans.apply_document(services, OPERATOR, builders.document(PLANNED, key="m2", name="Model two"))
    return found


def between(services: Services, before: str = "m1", after: str = "m2") -> Comparison:
    return compare(services, OPERATOR, read_side(before), read_side(after))


def by(table: pa.Table, name: str) -> dict[Any, Mapping[str, Any]]:
    return {row[name]: row for row in table.to_pylist()}


def test_what_the_models_say_differently_is_told_territory_by_territory(services, reps):
    kinds = {change.key: change.kinds for change in between(services).territories}
    assert kinds == {
        "west": ("renamed", "rule"),
        "east": ("moved", "priority"),
        "north": ("added",),
        "vacant": ("removed",),
    }


def test_text_of_a_rule_is_told_in_pieces(services, reps):
    (west,) = (change for change in between(services).territories if change.key == "west")
    assert west.rule == (("same", "state in ('CA', 'WA'"), ("new", ", 'TX'"), ("same", ")"))


def test_pieces_make_up_both_texts():
    for before, after in (
        ("a = 1 and b = 2", "a = 1 or c = 'x y'"),
        ("", "a = 1"),
        ("a", ""),
        (" a ", "a  "),
    ):
        pieces = text_difference(before, after)
        assert "".join(text for what, text in pieces if what != "new") == before
        assert "".join(text for what, text in pieces if what != "gone") == after


def test_people_who_come_and_go_are_told(services, reps):
    told = {(row["territory"], row["rep_name"], row["change"]) for row in between(services).members}
    assert told == {("west", "Ana", "out"), ("west", "Cal", "in")}


def test_accounts_that_move_are_those_the_models_place_otherwise(services, reps):
    found = between(services)
    moves = {
        row["external_id"]: (
            row["from_territory"],
            row["from_owner_name"],
            row["to_territory"],
            row["to_owner_name"],
        )
        for row in found.difference.rows.to_pylist()
    }
    assert moves == {
        "A0": ("west", "Ana", "west", "Cal"),
        "A1": ("west", "Ana", "west", "Cal"),
        "A3": ("vacant", None, "west", "Cal"),
        "A4": ("us", None, "north", None),
    }


def test_sums_before_and_after_add_up_to_the_whole(services, reps):
    found = between(services)
    for table in (found.by_territory, found.by_rep):
        rows = table.to_pylist()
        for measure in MEASURES:
            totals = {
                part: sum(row[f"{measure}_{part}"] for row in rows) for part in ("before", "after", "change")
            }
            assert totals["before"] == totals["after"]
            assert totals["change"] == 0
        assert sum(row["revenue_before"] for row in rows) == Decimal(150)
        assert sum(row["gained"] for row in rows) == sum(row["lost"] for row in rows)


def test_sums_of_a_rep_and_index_to_the_mean(services, reps):
    ana, ben, cal = (by(between(services).by_rep, "name")[name] for name in ("Ana", "Ben", "Cal"))
    assert (ana["accounts_before"], ana["accounts_after"], ana["lost"]) == (2, 0, 2)
    assert (ana["revenue_before"], ana["revenue_change"], ana["revenue_lost"]) == (
        Decimal(30),
        Decimal(-30),
        Decimal(30),
    )
    assert (cal["accounts_after"], cal["revenue_after"], cal["revenue_gained"]) == (
        3,
        Decimal(70),
        Decimal(70),
    )
    assert (ana["revenue_index_before"], ben["revenue_index_before"]) == (100.0, 100.0)
    assert (cal["revenue_index_after"], ben["revenue_index_after"]) == (140.0, 60.0)
    assert ana["revenue_index_after"] is None


def test_counties_tell_whose_they_are_and_how_many_move(services, reps):
    counties = counties_of(between(services).sides)
    assert counties.fips == [f"0000{n}" for n in range(5)]
    assert counties.accounts == [1] * 5
    assert counties.moved == [1, 1, 0, 1, 1]


def test_model_against_itself_differs_in_nothing(services, reps):
    found = between(services, "m1", "m1")
    assert found.is_same
    assert found.difference.summary.moved == 0


def test_same_model_on_two_days_shows_what_was_edited_between(services, reps):
    now = datetime.now(UTC)
    edited = [{**PLANNED[0]}, {**PLANNED[1], "where": "state = 'CA'"}, *PLANNED[2:]]
    # The log is of today; tomorrow, today is a day of the past.
    today = services.clock.today()
    plans.apply_document(services, OPERATOR, builders.document(edited, key="m2", name="Model two"))
    last = AuditEntry.objects.order_by("-id").first()
    assert last.at >= now - timedelta(minutes=1)
    document = services.history.document("m2", last.at + timedelta(seconds=1))
    assert document == services.models.load("m2")[1]
    entry = AuditEntry.objects.filter(transaction=last.transaction).order_by("id").first()
    before = services.history.document("m2", entry.at)
    assert {node.key: node.where for node in before.territories}["west"] == PLANNED[1]["where"]
    found = between(services, f"m2@{today + timedelta(days=1)}", "m2")
    assert found.territories == []
    with pytest.raises(NotFoundError):
        between(services, f"m2@{today - timedelta(days=2)}", "m2")


def test_owners_count_on_the_day_a_model_is_active(services, reps):
    today = services.clock.today()
    soon = [{**node, **({"members": [{"rep": "cal@example.com", "from": (today + timedelta(days=30)).isoformat()}]}
                        if node["key"] == "west" else {})} for node in builders.WEST_EAST]  # fmt: skip
    data = builders.document(soon, key="m3", name="Model three")
    data["model"]["effective"] = (today + timedelta(days=30)).isoformat()
    plans.apply_document(services, OPERATOR, data)
    found = between(services, "m1", "m3")
    assert found.days == (today, today + timedelta(days=30))
    assert {row["to_owner_name"] for row in found.difference.rows.to_pylist()} == {"Cal"}


def test_archived_model_can_be_compared(services, reps):
    builders.publish(services, PLANNED, key="m4", name="Model four")
    assert TerritoryModel.objects.get(key="m1").state == "archived"
    assert between(services, "m1", "m4").difference.summary.moved == 4


def test_comparing_costs_a_constant_number_of_queries(services, reps):
    def n_queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            between(services)
        return len(captured)

    between(services)
    few = n_queries()
    builders.add_accounts(services, [{"state": "CA", "external_id": f"B{n}"} for n in range(40)])
    between(services)  # the book is read anew once
    assert n_queries() <= few <= 45


def test_only_who_plans_and_sees_all_may_compare(services, reps):
    with pytest.raises(ForbiddenError):
        compare(services, Actor(role="manager", rep_id=reps["mia"]), read_side("m1"), read_side("m2"))


@pytest.mark.parametrize("text", ["", "m1@", "m1@2026-13-01", "a b", "@2026-01-01", "m1@soon"])
def test_side_that_names_no_model_is_refused(text):
    with pytest.raises(UsageError):
        read_side(text)
