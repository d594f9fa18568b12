"""Small changes of rules: each proposed one, made in the document, makes the territory win."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.criteria.strategies import AREAS, LISTS, records
from tests.core.rules.documents import documents

from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode
from merestone.core.rules import Ruleset, compile_ruleset, read_document, write_document
from merestone.core.rules.flip import wins
from merestone.core.rules.relax import flip_rules

TYPES = [{"key": "geo"}, {"key": "ai", "primary": False}]


def document(*territories: dict[str, Any]) -> TerritoryModelDocument:
    nodes = [{"type": "geo", **node} for node in territories]
    lists = {key: list(items) for key, items in LISTS.items()}
    head = {"merestone": 1, "model": {"key": "m"}, "types": TYPES, "areas": AREAS, "lists": lists}
    return read_document({**head, "territories": nodes})


def rules_of(*territories: dict[str, Any]) -> Ruleset:
    return compile_ruleset(document(*territories))


def edited(document: TerritoryModelDocument, way: dict[str, Any]) -> TerritoryModelDocument:
    """Return the document as a planner would edit it from the JSON answer."""
    nodes = {node.key: node for node in document.territories}
    for edit in way["edits"]:
        nodes[edit["territory"]] = _edited(nodes[edit["territory"]], edit)
    return dataclasses.replace(document, territories=tuple(nodes.values()))


def _edited(node: TerritoryNode, edit: dict[str, Any]) -> TerritoryNode:
    what, old, new = edit["what"], edit["from"], edit["to"]
    if what in ("where", "priority"):
        assert getattr(node, what) == old
        return dataclasses.replace(node, **{what: new})
    attribute = "named" if what.endswith("name") else "exclude"
    items = getattr(node, attribute)
    if what.startswith("un"):
        changed = tuple(item for item in items if item.casefold().strip() != old.casefold().strip())
        assert changed != items
        return dataclasses.replace(node, **{attribute: changed})
    return dataclasses.replace(node, **{attribute: (*items, new)})


def texts(rules: Ruleset, record: dict[str, Any], key: str = "t") -> list[list[tuple[str, str, Any]]]:
    ways = flip_rules(rules, record, key)
    return [[(edit.territory, edit.what, edit.after or edit.before) for edit in way.edits] for way in ways]


RECORD = {
    "id": "A-1", "country": "US", "state": "CA", "employees": 120, "naics": "331410", "city": "Lodi",
    "latitude": 12.0, "longitude": 5.0, "products": ["scale"],
}  # fmt: skip

# The rule asked for -> the nearest rule that takes the record above, by hand.
NEAREST = {
    "employees < 50": "employees <= 120",
    "employees > 250": "employees >= 120",
    "employees between 200 and 300": "employees between 120 and 300",
    "employees between 10 and 30": "employees between 10 and 120",
    "state = 'NY'": "state in ('NY', 'CA')",
    "state in ('NY', 'MA')": "state in ('NY', 'MA', 'CA')",
    "state not in ('CA', 'MA')": "state not in ('MA')",
    "not (state in ('CA', 'OR') and employees > 100)": "not (state in ('OR') and employees > 100)",
    "starts_with(naics, '54')": "starts_with(naics, '54', '331410')",
    "contains(city, 'x')": "contains(city, 'x', 'Lodi')",
    "matches(city, '^x')": "matches(city, '^x') or city = 'Lodi'",
    "zip in list('places')": "zip in list('places') or zip is null",
    "city in list('places')": "city in list('places') or city = 'Lodi'",
    "has_any(products, 'balance')": "has_any(products, 'balance', 'scale')",
    "has_all(products, 'balance', 'scale')": "has_all(products, 'scale')",
    "within_km(11, 5, 100)": "within_km(11, 5, 111.2)",
    "in_area('square')": "in_area('square') or within_km(12.0, 5.0, 1)",
    "revenue > 5": "revenue > 5 or revenue is null",
    "state = 'NY' or employees < 119": "state in ('NY', 'CA') or employees < 119",
    "state = 'CA' and is_vip = true": "state = 'CA' and (is_vip = true or is_vip is null)",
}


@pytest.mark.parametrize("where", NEAREST)
def test_the_criterion_moves_just_far_enough(where: str) -> None:
    data = write_document(document({"key": "t", "where": "country = 'US'"}))
    data = {
        **data,
        "fields": {"is_vip": "boolean"},
        "territories": [{"key": "t", "type": "geo", "where": where}],
    }
    found = texts(compile_ruleset(read_document(data)), RECORD)
    assert [("t", "where", NEAREST[where])] in found
    assert found[0] == [("t", "name", "A-1")]


def test_a_dropped_criterion_is_the_larger_change() -> None:
    found = texts(rules_of({"key": "t", "where": "state = 'CA' and employees < 50"}), RECORD)
    assert found == [
        [("t", "name", "A-1")],
        [("t", "where", "state = 'CA' and employees <= 120")],
        [("t", "where", "state = 'CA'")],
    ]


def test_every_failing_territory_of_the_path_is_widened() -> None:
    rules = rules_of(
        {"key": "p", "where": "country = 'DE'"}, {"key": "t", "parent": "p", "where": "employees < 50"}
    )
    way = flip_rules(rules, RECORD, "t")[1]
    assert [(edit.territory, edit.before, edit.after, edit.touches) for edit in way.edits] == [
        ("p", "country = 'DE'", "country in ('DE', 'US')", ("p", "t")),
        ("t", "employees < 50", "employees <= 120", ("t",)),
    ]


def test_a_matching_territory_overtakes_the_winner() -> None:
    rules = rules_of(
        {"key": "t", "where": "country = 'US'"}, {"key": "w", "where": "state = 'CA'", "priority": 7}
    )
    assert texts(rules, RECORD) == [
        [("t", "name", "A-1")],
        [("w", "exclude", "A-1")],
        [("t", "priority", 7)],  # the key decides between equals, and t comes before w
    ]


def test_a_priority_goes_below_the_winners_where_depth_would_lose() -> None:
    rules = rules_of(
        {"key": "t", "where": "country = 'US'"}, {"key": "w", "parent": "t", "where": "state = 'CA'"}
    )
    assert [("t", "priority", 99)] in texts(rules, RECORD)


def test_an_exclusion_is_lifted_and_a_name_taken_back() -> None:
    rules = rules_of({"key": "t", "where": "country = 'US'", "exclude": ["a-1"]})
    assert texts(rules, RECORD)[0] == [("t", "unexclude", "A-1")]
    named = rules_of(
        {"key": "t", "where": "country = 'US'"}, {"key": "n", "where": "state = 'NY'", "named": ["A-1"]}
    )
    assert texts(named, RECORD) == [[("t", "name", "A-1"), ("n", "unname", "A-1")]]


def test_a_grouping_node_can_only_be_named() -> None:
    assert texts(rules_of({"key": "t", "where": None}), RECORD) == [[("t", "name", "A-1")]]


def test_a_record_without_id_cannot_be_named() -> None:
    record = {name: value for name, value in RECORD.items() if name != "id"}
    assert texts(rules_of({"key": "t", "where": "state = 'NY'"}), record) == [
        [("t", "where", "state in ('NY', 'CA')")]
    ]


def test_the_winner_needs_no_change() -> None:
    assert flip_rules(rules_of({"key": "t", "where": "country = 'US'"}), RECORD, "t") == []


@given(documents(is_plain=True), records, st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_proposed_change_made_in_the_document_flips(
    document: TerritoryModelDocument, record: dict[str, Any], data: Any
) -> None:
    rules = compile_ruleset(document)
    key = data.draw(st.sampled_from([rule.key for rule in rules.rules]))
    ways = json.loads(json.dumps([way.as_dict() for way in flip_rules(rules, record, key)]))
    for way in ways:
        assert way["edits"]
        assert wins(compile_ruleset(edited(document, way)), record, key)
    assert [way["size"] for way in ways] == sorted(way["size"] for way in ways)
