"""The row oracle, against tables worked out by hand."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from tests.core.criteria.strategies import AREAS, FIELDS, LISTS, exprs, records

from merestone.base.errors import UsageError
from merestone.core.criteria import blame, count_criteria, evaluate, explain, leaves, parse
from merestone.core.criteria import expression as ex
from merestone.core.geo import read_areas

PLACES, _ = read_areas(AREAS)

# Kleene's strong three-valued logic, as SQL has it (ISO 9075-2, <boolean value expression>).
KLEENE = """
a b | a-and-b a-or-b not-a
T T | T T F
T F | F T F
T U | U T F
F T | F T T
F F | F F T
F U | F U T
U T | U T U
U F | F U U
U U | U U U
"""
TRUTH = {"T": True, "F": False, "U": None}


def truth(text: str, record: dict[str, object]) -> bool | None:
    return evaluate(parse(text), record, fields=FIELDS, lists=LISTS, areas=PLACES)


@pytest.mark.parametrize("line", KLEENE.strip().splitlines()[1:])
def test_three_valued_logic(line):
    given_values, results = (part.split() for part in line.split("|"))
    flags = {"T": "yes", "F": "no"}
    record = {name: flags.get(value) for name, value in zip(("city", "tier"), given_values, strict=True)}
    texts = ("city = 'yes' and tier = 'yes'", "city = 'yes' or tier = 'yes'", "not city = 'yes'")
    assert [truth(text, record) for text in texts] == [TRUTH[result] for result in results]


RECORD = {
    "name": "  Café Straße  ",
    "city": "ZÜRICH",
    "postal_code": "94002",
    "employees": 250,
    "revenue": Decimal("1000.10"),
    "latitude": 5.0,
    "longitude": 2.0,
    "customer_since": date(2026, 1, 31),
    "received_at": datetime(2026, 1, 31, 23, 30, tzinfo=timezone(timedelta(hours=-2))),
    "is_vip": True,
    "products_of_interest": ["CRM ", "Straße"],
    "domain": "   ",
    "language": None,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("city = ' zürich '", True),
        ("city <> 'zürich'", False),
        ("name = 'CAFÉ STRASSE'", True),
        ("name <> 'x'", True),
        ("language <> 'x'", None),
        ("language not in ('x')", None),
        ("language is null", True),
        ("language is not null", False),
        ("domain is null", True),
        ("domain = ''", None),
        ("tier = 'x'", None),
        ("zip = '94002'", True),
        ("zip < '95'", True),
        ("zip between '94002' and '94002'", True),
        ("zip between '9' and '94'", False),
        ("zip in list('places')", True),
        ("city in list('places')", True),
        ("tier in list('places')", None),
        ("employees not in list('sizes')", False),
        ("employees between 250 and 250", True),
        ("employees < 250", False),
        ("employees <= 250.0", True),
        ("employees in (1, 250)", True),
        ("revenue = 1000.1", True),
        ("revenue > 1000.1", False),
        ("revenue <> 1000.11", True),
        ("customer_since = date '2026-01-31'", True),
        ("customer_since < date '2026-01-31'", False),
        ("received_at = date '2026-02-01'", True),  # 23:30 at UTC-2 is the next day in UTC
        ("is_vip = true", True),
        ("is_vip <> true", False),
        ("starts_with(name, 'CAFÉ')", True),
        ("starts_with(name, 'tea', 'café s')", True),
        ("starts_with(name, 'ca', 'x') and starts_with(zip, '95')", False),
        ("contains(name, 'ASS')", True),
        ("contains(name, 'é str')", True),
        ("contains(tier, 'x')", None),
        ("matches(name, '^café straße$')", True),
        ("matches(zip, '^9400')", True),
        ("matches(zip, '^4')", False),
        ("has_any(products, 'erp', 'crm')", True),
        ("has_any(products, 'STRASSE')", True),
        ("has_all(products, 'crm', 'strasse')", True),
        ("has_all(products, 'crm', 'erp')", False),
        ("within_km(5, 3, 112)", True),
        ("within_km(5, 3, 110)", False),
        ("in_area('square')", True),
        ("in_area('fiji')", False),
    ],
)
def test_golden_outcomes(text, expected):
    assert truth(text, RECORD) is expected


@pytest.mark.parametrize(
    ("text", "record", "expected"),
    [
        ("has_any(products, 'x')", {"products_of_interest": []}, None),
        ("products is null", {"products_of_interest": ["", " "]}, True),
        ("has_any(products, 'x')", {"products_of_interest": "a; X"}, True),
        ("employees = 20", {"employees": "20"}, True),
        ("employees = 20", {"employees": "twenty"}, None),
        ("employees is null", {"employees": float("nan")}, True),
        ("employees > 1", {"employees": True}, None),
        ("revenue = 0.1", {"revenue": 0.1}, True),
        ("revenue < 0.3", {"revenue": 0.1 + 0.2}, False),
        ("revenue = 0.3", {"revenue": 0.1 + 0.2}, False),
        ("zip = '94002'", {"zip": 94002}, True),
        ("zip = '94002'", {"postal_code": 94002.0}, True),
        ("customer_since > date '2026-01-01'", {"customer_since": "2026-01-02"}, True),
        ("customer_since > date '2026-01-01'", {"customer_since": "soon"}, None),
        ("within_km(0, 0, 1)", {"lat": 0.0, "lon": None}, None),
        ("within_km(0, 0, 1)", {"lat": 0.0, "lon": 0.0}, True),
        ("in_area('square')", {"latitude": 5, "longitude": 5}, False),
        ("in_area('square')", {"latitude": 4, "longitude": 5}, True),
        ("in_area('fiji')", {"latitude": -17, "longitude": -179.5}, True),
    ],
)
def test_values_are_read_as_their_fields_kind(text, record, expected):
    assert truth(text, record) is expected


def test_location_functions_need_the_places():
    with pytest.raises(UsageError, match="areas"):
        evaluate(parse("within_km(0, 0, 1)"), {"latitude": 0, "longitude": 0})


def test_a_hostile_pattern_stays_linear():
    assert truth("matches(name, '^(a+)+$')", {"name": "a" * 50_000 + "b"}) is False


@given(exprs, records)
def test_negation_swaps_held_and_failed_and_keeps_unknown(expr, record):
    held = evaluate(expr, record, fields=FIELDS, lists=LISTS, areas=PLACES)
    negated = evaluate(ex.Not(expr), record, fields=FIELDS, lists=LISTS, areas=PLACES)
    assert negated is (None if held is None else not held)


@given(exprs, records)
def test_blame_is_there_exactly_when_the_criterion_does_not_hold(expr, record):
    held = evaluate(expr, record, fields=FIELDS, lists=LISTS, areas=PLACES)
    outcome = blame(expr, record, fields=FIELDS, lists=LISTS, areas=PLACES)
    assert (outcome is None) is (held is True)
    if outcome is not None:
        assert outcome.value is held
        assert bool(outcome.missing) is (held is None)


@given(exprs, records)
def test_the_trace_has_each_leaf_once_in_order(expr, record):
    outcomes = explain(expr, record, fields=FIELDS, lists=LISTS, areas=PLACES)
    assert len(outcomes) == len(list(leaves(expr)))
    for outcome in outcomes:
        assert bool(outcome.missing) is (outcome.value is None)


def test_the_trace_names_missing_fields():
    record = {"country": "US", "employees": None, "latitude": 1.0}
    outcomes = explain(parse("country = 'US' and employees < 5 or within_km(0, 0, 9)"), record, areas=PLACES)
    assert [outcome.as_dict() for outcome in outcomes] == [
        {"criterion": "country = 'US'", "outcome": "held"},
        {"criterion": "employees < 5", "outcome": "unknown", "missing": ["employees"]},
        {"criterion": "within_km(0, 0, 9)", "outcome": "unknown", "missing": ["longitude"]},
    ]


@pytest.mark.parametrize(
    ("text", "blamed", "missing"),
    [
        ("country = 'US' and state = 'CA' and zip = '1'", "state = 'CA'", ()),
        ("tier = 'A' and state = 'CA'", "state = 'CA'", ()),  # a failure decides, not the unknown before it
        ("country = 'US' and tier = 'A'", "tier = 'A'", ("tier",)),
        ("country = 'US' and (state = 'CA' or state = 'WA')", "state = 'CA' or state = 'WA'", ()),
        ("state = 'CA' or tier = 'A'", "state = 'CA' or tier = 'A'", ("tier",)),
        ("not country = 'US'", "not country = 'US'", ()),
    ],
)
def test_blame_names_the_first_deciding_criterion(text, blamed, missing):
    outcome = blame(parse(text), {"country": "US", "state": "OR", "zip": "2"}, fields=FIELDS)
    assert outcome is not None
    assert (outcome.text, outcome.missing) == (blamed, missing)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a = 1", 1),
        ("a in (1, 2, 3)", 1),
        ("f(a, 'x', 'y')", 1),
        ("a = 1 and b = 2 and c = 3", 3),
        ("a = 1 or b = 2 and c = 3", 2),
        ("not (a = 1 and b = 2)", 2),
        ("a = 1 and (b = 2 or c = 3 and d = 4 and e = 5)", 4),
    ],
)
def test_criteria_are_counted(text, count):
    assert count_criteria(parse(text)) == count


def test_text_order_is_total_over_the_golden_words():
    words = ["a", "B", "é", "Straße", "STRASSE", "z", "94002"]
    for left, right in itertools.product(words, repeat=2):
        below, equal, above = (truth(f"city {op} '{right}'", {"city": left}) for op in ("<", "=", ">"))
        assert [below, equal, above].count(True) == 1


def test_instants_compare_as_their_day_in_utc():
    instant = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert truth("received_at <= date '2026-01-31'", {"received_at": instant}) is True
    assert truth("received_at > date '2026-01-31'", {"received_at": instant}) is False
