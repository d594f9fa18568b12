"""The tree of territories, one territory, their balance, and the models planners see."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests import builders

from merestone.app import plans
from merestone.app.policy import OPERATOR
from merestone.db.queries.territories import Sums, TreeRow, rolled_up
from merestone.web.views.territories import MEASURES, indexes


def row(
    key: str, parent: str | None, accounts: int, *, is_primary: bool = True, is_leaf: bool = True
) -> TreeRow:
    return TreeRow(
        id=1, territory_id=1, key=key, name=key, list_name=key, type_name="", is_primary=is_primary, parent=parent,
        depth=0, path=f"{key}/", is_leaf=is_leaf, has_criteria=True, priority=100, own=Sums(accounts=accounts),
    )  # fmt: skip


def test_totals_roll_up_at_every_level() -> None:
    rows = rolled_up([row("a", None, 1), row("b", "a", 2), row("c", "b", 4), row("d", "a", 8)])
    assert {each.key: (each.depth, each.total.accounts) for each in rows} == {
        "a": (0, 15), "b": (1, 6), "c": (2, 4), "d": (1, 8),
    }  # fmt: skip


def test_overlay_adds_nothing_to_a_primary_parent() -> None:
    rows = rolled_up([row("a", None, 5), row("o", "a", 3, is_primary=False)])
    assert [each.total.accounts for each in rows] == [5, 3]


def test_rows_come_depth_first() -> None:
    rows = rolled_up([row("a", None, 0), row("d", None, 0), row("b", "a", 0), row("c", "b", 0)])
    assert [each.key for each in rows] == ["a", "b", "c", "d"]


def test_index_compares_leaves_with_leaves() -> None:
    rows = rolled_up([row("a", None, 0, is_leaf=False), row("b", "a", 30), row("c", "a", 10)])
    accounts = next(measure for measure in MEASURES if measure.key == "accounts")
    assert indexes(rows, accounts) == {"a": 100, "b": 150, "c": 50}


def test_tree_shows_owners_sums_and_vacancy(planner: Client) -> None:
    lines = {line["row"].key: line for line in planner.get("/territories/").context["rows"]}
    assert list(lines) == ["us", "west", "east", "vacant"]
    assert (lines["us"]["row"].total.accounts, lines["us"]["row"].own.accounts) == (4, 1)
    assert lines["west"]["row"].owners == ("Ana",)
    assert lines["vacant"]["row"].is_vacant
    assert lines["vacant"]["index"] == pytest.approx(
        120
    )  # 3,000 of 1,000 + 2,000 + 3,000 and 4,000 in the parent itself


def test_worst_first_orders_leaves_by_distance_from_the_mean(planner: Client) -> None:
    response = planner.get("/territories/?order=worst")
    found = [(line["row"].key, round(line["index"])) for line in response.context["rows"]]
    assert found == [("west", 40), ("east", 80), ("vacant", 120)]


@pytest.mark.parametrize(("level", "keys"), [("leaf", {"west", "east", "vacant"}), ("0", {"us"})])
def test_tree_and_balance_give_the_same_index(
    planner: Client, company: Any, level: str, keys: set[str]
) -> None:
    nodes = [*builders.WEST_EAST, {"key": "ca", "name": "Canada", "where": "country = 'CA'"}]
    builders.publish(company.services, nodes, key="m2")
    builders.add_accounts(
        company.services, [{"external_id": "B", "country": "CA", "potential": Decimal(500)}]
    )
    tree = {line["row"].key: line["index"] for line in planner.get("/territories/").context["rows"]}
    balance = planner.get(f"/balance/?level={level}").context["lines"]
    found = {line["row"].key: line["cells"][0]["index"] for line in balance}
    assert {key: found[key] for key in keys} == pytest.approx({key: tree[key] for key in keys})


def test_rep_sees_only_the_own_territory(rep: Client) -> None:
    response = rep.get("/territories/")
    assert [line["row"].key for line in response.context["rows"]] == ["west"]
    assert "East" not in response.text
    assert "United States" not in response.text


def test_hidden_territory_answers_like_a_missing_one(rep: Client) -> None:
    for suffix in ("", "scorecard/"):
        hidden, missing = rep.get(f"/territories/east/{suffix}"), rep.get(f"/territories/none/{suffix}")
        assert hidden.status_code == missing.status_code == 404
        assert "East" not in hidden.text


def test_detail_tells_the_rule_in_words_and_as_text(planner: Client) -> None:
    text = planner.get("/territories/west/").text
    assert "California" in text or "CA" in text
    assert "state in (&#x27;CA&#x27;, &#x27;WA&#x27;)" in text
    assert "The rules above it also hold" in text
    assert "West Brewing" in text
    assert "East Brewing" not in text


def test_detail_of_a_rep_shows_nothing_above(rep: Client) -> None:
    text = rep.get("/territories/west/").text
    assert "United States" not in text
    assert "The rules above" not in text


def test_detail_of_a_parent_covers_its_subtree(planner: Client) -> None:
    response = planner.get("/territories/us/")
    assert [child.key for child in response.context["children"]] == ["west", "east", "vacant"]
    assert response.context["row"].total.accounts == 4
    assert len(response.context["accounts"]) == 4


def test_named_and_excluded_accounts_are_listed(planner: Client, company: Any) -> None:
    nodes = [dict(node) for node in builders.WEST_EAST]
    nodes[1] |= {"named": ["A-nowhere"], "exclude": ["A-west", "A-unknown"]}
    builders.publish(company.services, nodes, key="m2")
    response = planner.get("/territories/west/")
    assert [(entry.account_external_id, account.name) for entry, account in response.context["named"]] == [
        ("A-nowhere", "Nowhere Brewing")
    ]
    assert [
        (entry.account_external_id, account is None) for entry, account in response.context["excluded"]
    ] == [
        ("A-west", False),
        ("A-unknown", True),
    ]


def test_detail_keeps_the_history_of_members(planner: Client, company: Any) -> None:
    nodes = [dict(node) for node in builders.WEST_EAST]
    nodes[1] |= {
        "members": [
            {"rep": "ben@example.com", "role": "owner", "from": "2020-01-01", "to": "2021-01-01"},
            {"rep": "cal@example.com", "role": "owner", "from": "2021-01-01"},
        ]
    }
    builders.publish(company.services, nodes, key="m2")
    response = planner.get("/territories/west/")
    assert [member.rep.name for member in response.context["current"]] == ["Cal"]
    assert {member.rep.name for member in response.context["past"]} == {"Ana", "Ben"}


def test_balance_gives_sums_index_and_spread(planner: Client, company: Any) -> None:
    builders.add_accounts(
        company.services, [{"external_id": "B", "country": "CA", "potential": Decimal(500)}]
    )
    response = planner.get("/balance/")
    lines = {
        line["row"].key: {cell["measure"].key: cell for cell in line["cells"]}
        for line in response.context["lines"]
    }
    assert set(lines) == {"us", "west", "east", "vacant"}
    assert lines["vacant"]["potential"]["index"] == pytest.approx(120)
    deviations = {measure.key: spread.max_deviation for measure, spread in response.context["spreads"]}
    assert deviations["potential"] == pytest.approx(0.6)
    assert "Gini" in response.text
    assert response.context["queue"]["potential"] == 500


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=most", ["us", "vacant", "east", "west"]),
        ("sort=least", ["west", "east", "vacant", "us"]),
        ("sort=name", ["east", "us", "vacant", "west"]),
    ],
)
def test_balance_sorts(planner: Client, query: str, expected: list[str]) -> None:
    assert [line["row"].key for line in planner.get(f"/balance/?{query}").context["lines"]] == expected


def test_balance_of_a_rep_covers_the_own_territory_only(rep: Client) -> None:
    response = rep.get("/balance/")
    assert [line["row"].key for line in response.context["lines"]] == ["west"]
    assert response.context["queue"] is None
    assert "East" not in response.text


def test_models_show_what_differs(planner: Client, company: Any) -> None:
    nodes = [dict(node) for node in builders.WEST_EAST if node["key"] != "vacant"]
    nodes[1]["where"] = "state = 'CA'"
    nodes.append({"key": "north", "name": "North", "parent": "us", "where": "state = 'MN'"})
    plans.apply_document(company.services, OPERATOR, builders.document(nodes, key="plan", name="Next year"))
    found = {
        model.key: (model.n_territories, difference)
        for model, difference, _ in planner.get("/models/").context["models"]
    }
    assert found == {"m1": (4, (0, 0, 0)), "plan": (4, (1, 1, 1))}
    response = planner.get("/models/plan/")
    assert "North" in response.text
    assert "read-only" not in response.text
    assert planner.get("/models/none/").status_code == 404


@pytest.mark.parametrize("role", ["rep", "manager"])
def test_models_are_for_planners(as_role: Callable[[str], Client], role: str) -> None:
    client = as_role(role)
    assert client.get("/models/").status_code == 403
    assert client.get("/models/m1/").status_code == client.get("/models/none/").status_code == 403


@pytest.mark.parametrize("path", ["/territories/", "/territories/us/", "/balance/", "/models/m1/"])
def test_queries_do_not_grow_with_territories(planner: Client, company: Any, path: str) -> None:
    planner.get(path)
    with CaptureQueriesContext(connection) as few:
        planner.get(path)
    nodes = [dict(node) for node in builders.WEST_EAST]
    nodes += [
        {
            "key": f"t{i}",
            "name": f"T{i}",
            "parent": "us",
            "where": f"employees = {1000 + i}",
            "members": [{"rep": "cal@example.com"}],
        }
        for i in range(15)
    ]
    builders.publish(company.services, nodes, key="m2")
    with CaptureQueriesContext(connection) as many:
        planner.get(path.replace("m1", "m2"))
    assert len(many) == len(few)
