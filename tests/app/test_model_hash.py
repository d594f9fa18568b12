"""A model's hash tells whether what it says changed, and nothing else; a subtree's, whether it or what binds it did."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.app.model_hash import content_hash, subtree_hash
from merestone.base.errors import UsageError
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.document import read_document, write_document

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
DATA: dict[str, Any] = {
    "merestone": 1,
    "model": {"key": "m", "name": "M", "effective": "2027-01-01"},
    "fields": {"tier": "text", "score": "number"},
    "areas": {"bay": SQUARE, "cape": SQUARE},
    "lists": {"west-zips": ["94002", "94005"], "east-zips": ["10001"]},
    "types": [{"key": "geo", "primary": True}, {"key": "ai", "primary": False}],
    "territories": [
        {"key": "us", "where": "country = 'US'", "exclude": ["A-9"], "members": [{"rep": "mia@example.com"}]},
        {
            "key": "west",
            "parent": "us",
            "where": "zip in list('west-zips') or in_area('bay') or tier = 'a'",
            "named": ["A-1", "A-2"],
            "members": [{"rep": "ana@example.com"}, {"rep": "cal@example.com", "role": "manager"}],
            "cases": [{"record": {"country": "US", "zip": "94002"}, "expect": "match"}],
        },
        {"key": "bay", "parent": "west", "where": "starts_with(zip, '94')"},
        {"key": "east", "parent": "us", "where": "zip in list('east-zips') and score > 3"},
        {"key": "ai", "type": "ai", "where": "industry = 'Software'"},
    ],
}


def read(data: dict[str, Any]) -> TerritoryModelDocument:
    return read_document(data)


def changed(**of: Any) -> TerritoryModelDocument:
    """Return the model with a top-level part, or parts of a territory, changed."""
    data = deepcopy(DATA)
    for name, value in of.items():
        if name in data:
            data[name] = value
        else:
            next(entry for entry in data["territories"] if entry["key"] == name).update(value)
    return read(data)


PLAIN = read(DATA)


@given(st.permutations(DATA["territories"]), st.permutations(["A-1", "A-2"]), st.booleans())
def test_order_does_not_count(territories: list[dict[str, Any]], named: list[str], is_turned: bool) -> None:
    data = deepcopy(DATA) | {"territories": deepcopy(territories)}
    west = next(entry for entry in data["territories"] if entry["key"] == "west")
    west["named"] = named
    if is_turned:
        west["members"].reverse()
        data["lists"] = {key: items[::-1] for key, items in reversed(data["lists"].items())}
    other = read(data)
    assert content_hash(other) == content_hash(PLAIN)
    assert all(subtree_hash(other, key) == subtree_hash(PLAIN, key) for key in PLAIN.tree.nodes)


def test_key_name_and_date_of_the_model_do_not_count() -> None:
    other = changed(model={"key": "copy", "name": "Copy"})
    assert content_hash(other) == content_hash(PLAIN)


def test_writing_and_reading_again_keeps_the_hash() -> None:
    assert content_hash(read(write_document(PLAIN))) == content_hash(PLAIN)


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        ({"bay": {"where": "starts_with(zip, '95')"}}, {"us", "west", "bay"}),
        ({"bay": {"priority": 5}}, {"us", "west", "bay"}),
        ({"bay": {"name": "The bay"}}, {"us", "west", "bay"}),
        ({"bay": {"notes": "why"}}, {"us", "west", "bay"}),
        ({"bay": {"members": [{"rep": "ana@example.com", "from": "2027-02-01"}]}}, {"us", "west", "bay"}),
        ({"bay": {"parent": "east"}}, {"us", "west", "bay", "east"}),
        ({"west": {"named": ["A-1"]}}, {"us", "west"}),
        ({"west": {"cases": []}}, {"us", "west"}),
        ({"west": {"members": []}}, {"us", "west"}),
        ({"west": {"exclude": ["A-3"]}}, {"us", "west", "bay"}),
        ({"west": {"where": "in_area('bay')"}}, {"us", "west", "bay"}),
        ({"us": {"members": []}}, {"us"}),
        ({"us": {"where": "country in ('US', 'CA')"}}, {"us", "west", "bay", "east"}),
        ({"lists": {"west-zips": ["94002"], "east-zips": ["10001"]}}, {"us", "west", "bay"}),
        ({"lists": {"west-zips": ["94002", "94005"], "east-zips": ["10002"]}}, {"us", "east"}),
        ({"areas": {"bay": SQUARE, "cape": SQUARE | {"coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]]}}}, set()),
        ({"fields": {"tier": "text", "score": "money"}}, {"us", "east"}),
        ({"types": [{"key": "geo"}, {"key": "ai", "name": "AI", "primary": False}]}, {"ai"}),
    ],
)  # fmt: skip
def test_a_change_touches_the_subtrees_it_binds(change: dict[str, Any], touched: set[str]) -> None:
    other = changed(**change)
    found = {key for key in PLAIN.tree.nodes if subtree_hash(other, key) != subtree_hash(PLAIN, key)}
    assert found == touched
    assert content_hash(other) != content_hash(PLAIN)
    assert subtree_hash(other, None) == content_hash(other)


def test_an_unknown_territory_has_no_hash() -> None:
    with pytest.raises(UsageError):
        subtree_hash(PLAIN, "gone")
