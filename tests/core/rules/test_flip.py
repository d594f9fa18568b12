"""The smallest change of a record: proved to flip, and on small worlds nothing smaller does (by trying everything)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.criteria.strategies import AREAS, records
from tests.core.rules.documents import documents

from merestone.core.geo import distance_km
from merestone.core.model.columns import Kind
from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode, TerritoryType
from merestone.core.rules import Ruleset, compile_ruleset, read_document
from merestone.core.rules.choices import size_of
from merestone.core.rules.flip import RecordFlip, flip_record, wins

SLOW = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def ruleset(*territories: dict[str, Any], **top: Any) -> Ruleset:
    types = [{"key": "geo"}, {"key": "ai", "primary": False}]
    nodes = [{"type": "geo", **node} for node in territories]
    return compile_ruleset(
        read_document({"merestone": 1, "model": {"key": "m"}, "types": types, "territories": nodes, **top})
    )


def applied(record: dict[str, Any], answer: RecordFlip) -> dict[str, Any]:
    """Return the record with the changes made as a person would make them from the JSON answer."""
    changed = dict(record)
    for change in json.loads(json.dumps(answer.as_dict()))["changes"]:
        if change["field"] == "location":
            changed["latitude"], changed["longitude"] = change["to"]
        else:
            changed[change["field"]] = change["to"]
    return changed


US = {"id": "A-1", "country": "US", "state": "CA", "employees": 120, "naics": "331410"}

# Rule of the territory asked for -> (field, new value), by hand, for the record above.
NEAREST: dict[str, tuple[str, Any]] = {
    "employees < 50": ("employees", 49),
    "employees <= 50": ("employees", 50),
    "employees > 250": ("employees", 251),
    "employees between 200 and 300": ("employees", 200),
    "employees <> 120": ("employees", 121),
    "not (employees >= 20)": ("employees", 19),
    "employees < 99.5": ("employees", 99),
    "employees is null": ("employees", None),
    "state in ('NY', 'CO')": ("state", "CO"),  # it begins like CA
    "starts_with(naics, '54', '51')": ("naics", "541410"),
    "contains(naics, '99')": ("naics", "331410 99"),
    "revenue < 1000000": ("revenue", 999999.99),
    "founded_year > 1999": ("founded_year", 2000),
    "customer_since >= date '2026-03-01'": ("customer_since", "2026-03-01"),
    "lifecycle <> 'customer'": ("lifecycle", "prospect"),
    "has_all(products, 'scale', 'balance')": ("products_of_interest", ["scale", "balance"]),
    "has_any(products, 'scale', 'balance')": ("products_of_interest", ["scale"]),
}


@pytest.mark.parametrize("where", NEAREST)
def test_one_field_moves_to_the_nearest_value_that_matches(where: str) -> None:
    rules = ruleset({"key": "t", "where": where})
    answer = flip_record(rules, US, "t")
    assert [(c["field"], c["to"]) for c in answer.as_dict()["changes"]] == [NEAREST[where]]
    assert answer.is_minimal
    assert wins(rules, applied(US, answer), "t")


def test_the_whole_path_must_hold() -> None:
    rules = ruleset(
        {"key": "de", "where": "country = 'DE'"}, {"key": "big", "parent": "de", "where": "employees >= 200"}
    )
    answer = flip_record(rules, US, "big")
    assert {change.field: change.after for change in answer.changes} == {"country": "DE", "employees": 200}
    assert [change.gains for change in answer.changes] == [("country = 'DE'",), ("employees >= 200",)]


def test_a_rival_that_ranks_higher_is_made_to_fail() -> None:
    rules = ruleset(
        {"key": "us", "where": "country = 'US'"},
        {"key": "first", "where": "country = 'US' and employees >= 100", "priority": 1},
    )
    answer = flip_record(rules, US, "us")
    assert [(change.field, change.after) for change in answer.changes] == [("employees", Decimal(99))]
    assert answer.changes[0].drops == (("first", "employees >= 100"),)
    assert answer.because == ("first",)


def test_a_text_that_no_rule_names_stands_for_any_other() -> None:
    rules = ruleset(
        {"key": "t", "where": "country = 'US'"}, {"key": "r", "where": "state = 'CA'", "priority": 1}
    )
    [change] = flip_record(rules, US, "t").as_dict()["changes"]
    assert (change["field"], change["is_any_other"]) == ("state", True)


def test_a_rival_met_only_after_a_change_is_avoided_too() -> None:
    rules = ruleset(
        {"key": "t", "where": "employees < 50"},
        {"key": "rival", "where": "employees between 40 and 60", "priority": 1},
    )
    answer = flip_record(rules, US, "t")
    assert [change.after for change in answer.changes] == [39]


OBSTACLES: dict[str, tuple[list[dict[str, Any]], str, tuple[str, ...]]] = {
    "a rival that matches whenever it does": (
        [{"key": "t", "where": "employees < 50"}, {"key": "r", "where": "employees < 60", "priority": 1}],
        "rival",
        ("r",),
    ),
    "named elsewhere": (
        [{"key": "t", "where": "employees < 50"}, {"key": "n", "where": "state = 'NY'", "named": ["A-1"]}],
        "named",
        ("n",),
    ),
    "excluded": ([{"key": "t", "where": "employees < 50", "exclude": ["a-1"]}], "excluded", ("t",)),
    "excluded above": (
        [
            {"key": "p", "where": None, "exclude": ["A-1"]},
            {"key": "t", "parent": "p", "where": "employees < 50"},
        ],
        "excluded",
        ("p",),
    ),
    "a grouping node": ([{"key": "t", "where": None}], "grouping", ("t",)),
    "a path that cannot hold": (
        [{"key": "p", "where": "employees > 50"}, {"key": "t", "parent": "p", "where": "employees < 50"}],
        "contradiction",
        ("t",),
    ),
    "values the field cannot have": ([{"key": "t", "where": "employees < 0"}], "contradiction", ("t",)),
    "another record's id": ([{"key": "t", "where": "external_id = 'B-2'"}], "contradiction", ("t",)),
}


@pytest.mark.parametrize("case", OBSTACLES)
def test_the_reason_is_told_when_no_change_does_it(case: str) -> None:
    territories, reason, because = OBSTACLES[case]
    answer = flip_record(ruleset(*territories), US, "t")
    assert (answer.reason, answer.because, answer.changes) == (reason, because, ())
    assert answer.is_minimal
    assert answer.as_dict()["is_possible"] is False


def test_the_winner_needs_no_change() -> None:
    answer = flip_record(ruleset({"key": "t", "where": "country = 'US'"}), US, "t")
    assert answer.as_dict() | {"size": 0} == {
        "is_possible": True, "is_minimal": True, "reason": "already", "changes": [], "because": [], "size": 0,
    }  # fmt: skip


def test_an_overlay_only_has_to_apply() -> None:
    rules = ruleset(
        {"key": "us", "where": "country = 'US'", "priority": 1},
        {"key": "ai", "type": "ai", "where": "employees < 50"},
    )
    answer = flip_record(rules, US, "ai")
    assert [change.after for change in answer.changes] == [49]
    assert wins(rules, applied(US, answer), "ai")


SPOT = {**US, "latitude": 12.0, "longitude": 5.0}


@pytest.mark.parametrize(
    ("where", "km"),
    [
        ("in_area('square')", 222.39),  # two degrees of latitude
        ("within_km(0, 5, 600)", 734.34),  # 12° = 1334.34 km, less 600
        ("not within_km(12, 5, 30)", 30.0),
        ("in_area('square') and not within_km(10, 5, 50)", 222.39 + 4.3),
    ],
)
def test_a_location_moves_to_the_nearest_point(where: str, km: float) -> None:
    rules = ruleset({"key": "t", "where": where}, areas=AREAS)
    answer = flip_record(rules, SPOT, "t")
    [change] = answer.as_dict()["changes"]
    assert change["field"] == "location"
    assert change["km"] == pytest.approx(km, abs=30 if "and" in where else 0.02)
    assert change["km"] == pytest.approx(distance_km(12.0, 5.0, to=change["to"]), abs=0.001)
    assert wins(rules, applied(SPOT, answer), "t")


def test_a_location_out_of_a_hole_and_across_the_antimeridian() -> None:
    rules = ruleset(
        {"key": "t", "where": "in_area('square')"}, {"key": "f", "where": "in_area('fiji')"}, areas=AREAS
    )
    in_hole = flip_record(rules, {"latitude": 5.0, "longitude": 5.5}, "t")
    assert in_hole.changes[0].km == pytest.approx(0.5 * 111.19, abs=0.5)
    east_of_it = flip_record(rules, {"latitude": -17.0, "longitude": -177.0}, "f")
    assert east_of_it.changes[0].km == pytest.approx(106.3, abs=0.5)


def test_a_record_without_location_is_given_one() -> None:
    rules = ruleset({"key": "t", "where": "within_km(37.77, -122.42, 50)"})
    answer = flip_record(rules, US, "t")
    assert answer.changes[0].before == (None, None)
    assert wins(rules, applied(US, answer), "t")


@given(documents(is_plain=True), records, st.data())
@SLOW
def test_every_proposed_change_flips(
    document: TerritoryModelDocument, record: dict[str, Any], data: Any
) -> None:
    rules = compile_ruleset(document)
    key = data.draw(st.sampled_from([rule.key for rule in rules.rules]))
    answer = flip_record(rules, record, key)
    if answer.reason in ("found", "already"):
        assert wins(rules, applied(record, answer), key)
    else:
        assert not answer.changes


# --- small worlds, where everything can be tried ------------------------------------------------------------------

POOL: dict[str, list[Any]] = {
    "employees": [None, *range(10)],
    "state": [None, "a", "ab", "b", "abc", "zz"],
    "is_vip": [None, True, False],
    "customer_since": [None, *(date(2026, 1, day) for day in range(1, 6))],
    "products_of_interest": [None, ("x",), ("y",), ("x", "y"), ("other",)],
}
_SMALL_LEAVES = [
    *(f"employees {op} {n}" for op in ("=", "<>", "<", "<=", ">", ">=") for n in (2, 4, 7)),
    "employees between 3 and 5", "employees in (1, 4, 6)", "employees is null", "employees is not null",
    "state = 'a'", "state <> 'b'", "state in ('a', 'b')", "state not in ('a', 'ab')", "starts_with(state, 'a')",
    "starts_with(state, 'ab', 'b')", "state is null", "is_vip = true", "is_vip <> true", "customer_since < date '2026-01-03'",
    "customer_since = date '2026-01-04'", "has_any(products, 'x')", "has_all(products, 'x', 'y')", "products is null",
]  # fmt: skip
_small = st.recursive(
    st.sampled_from(_SMALL_LEAVES),
    lambda inner: st.one_of(
        st.builds(lambda a, b: f"({a} and {b})", inner, inner),
        st.builds(lambda a, b: f"({a} or {b})", inner, inner),
        st.builds(lambda a: f"not ({a})", inner),
    ),
    max_leaves=4,
)
_values = st.fixed_dictionaries({name: st.sampled_from(pool) for name, pool in POOL.items()})


@st.composite
def small_worlds(draw: Any) -> TerritoryModelDocument:
    n = draw(st.integers(1, 4))
    nodes = tuple(
        TerritoryNode(
            key=f"t{number}",
            name=f"T{number}",
            type="geo",
            parent=draw(st.sampled_from([None, *(f"t{i}" for i in range(number))])),
            where=draw(_small),
            priority=draw(st.sampled_from([1, 100])),
        )
        for number in range(n)
    )
    return TerritoryModelDocument(
        "m", "m", types=(TerritoryType("geo", "Geo"),), fields={"is_vip": Kind.BOOLEAN}, territories=nodes
    )


def others(record: dict[str, Any], n_fields: int) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield every record of the pool that differs in exactly so many fields, with the size of the difference."""
    for fields in itertools.combinations(POOL, n_fields):
        pools = [[value for value in POOL[name] if value != record[name]] for name in fields]
        for values in itertools.product(*pools):
            new = dict(zip(fields, values, strict=True))
            yield sum(_size(record[name], value) for name, value in new.items()), {**record, **new}


def _size(before: Any, after: Any) -> float:
    as_read = [Decimal(v) if type(v) is int else v for v in (before, after)]
    return size_of(*as_read)


@given(small_worlds(), _values, st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_trying_everything_finds_nothing_smaller(
    document: TerritoryModelDocument, record: dict[str, Any], data: Any
) -> None:
    rules = compile_ruleset(document)
    key = data.draw(st.sampled_from([rule.key for rule in rules.rules]))
    answer = flip_record(rules, record, key)
    assert answer.is_minimal
    n_found = len(answer.changes) if answer.as_dict()["is_possible"] else 3
    for n_fields in range(n_found):
        assert not any(wins(rules, other, key) for _, other in others(record, n_fields))
    if answer.reason == "found" and n_found <= 2:
        assert not any(
            size < answer.size - 1e-9 and wins(rules, other, key) for size, other in others(record, n_found)
        )
