"""Checking criteria: every mistake, its place, the nearest right name and a fix."""

from __future__ import annotations

import pytest
from hypothesis import given
from tests.core.criteria.strategies import AREAS, FIELDS, LISTS, exprs

from merestone.core.criteria import FUNCTIONS, check, parse, read, standard_fields
from merestone.core.criteria.fields import ALIASES, custom_field, is_field_name

KNOWN = FIELDS.with_custom([custom_field("score", "number")])


def found(text: str) -> list[tuple[str, int | None, int | None]]:
    return [(p.code, p.column, p.length) for p in check(parse(text), KNOWN, lists=LISTS, areas=AREAS)]


@pytest.mark.parametrize(
    "text",
    [
        "country = 'US' and state in ('CA','OR') and employees between 50 and 999 and starts_with(naics, '54', '51')",
        "revenue > 1000.50 and score <= 3",
        "received_at >= date '2026-01-01' and customer_since between date '2026-01-01' and date '2026-01-01'",
        "is_vip = true or is_vip <> false or is_vip is null",
        "has_any(products, 'a') and not has_all(products_of_interest, 'a', 'b')",
        "zip in list('places') and employees not in list('sizes')",
        "within_km(90, -180, 0) or in_area('square')",
        "matches(name, '^a.*[0-9]+$')",
        "lifecycle = 'Customer' and city between 'A' and 'm'",
    ],
)
def test_right_criteria_have_no_problem(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "code", "column", "length"),
    [
        ("contry = 'US'", "unknown-field", 1, 6),
        ("country = 'US' and stat is null", "unknown-field", 20, 4),
        ("contains(nme, 'x')", "unknown-field", 10, 3),
        ("zip = 94002", "wrong-type", 7, 5),
        ("employees > '5'", "wrong-type", 13, 3),
        ("employees in (1, 'x')", "wrong-type", 18, 3),
        ("employees between 1 and 'x'", "wrong-type", 25, 3),
        ("customer_since = '2026-01-31'", "wrong-type", 18, 12),
        ("is_vip = 'true'", "wrong-type", 10, 6),
        ("is_vip > true", "wrong-operator", 1, 13),
        ("is_vip between true and false", "wrong-operator", 1, 29),
        ("products = 'x'", "wrong-type", 1, 14),
        ("products in ('x')", "wrong-type", 1, 17),
        ("employees between 9 and 1", "empty-between", 1, 25),
        ("city between 'b' and 'A'", "empty-between", 1, 24),
        ("zip in list('playces')", "unknown-list", 13, 9),
        ("employees in list('places')", "wrong-type", 19, 8),
        ("in_area('sqare')", "unknown-area", 9, 7),
        ("start_with(name, 'x')", "unknown-function", 1, 21),
        ("starts_with(name)", "wrong-arguments", 1, 17),
        ("starts_with('name', 'x')", "wrong-arguments", 1, 24),
        ("starts_with(employees, 'x')", "wrong-type", 13, 9),
        ("starts_with(name, 5)", "wrong-type", 19, 1),
        ("contains(name, '  ')", "empty-text", 16, 4),
        ("has_any(name, 'x')", "wrong-type", 9, 4),
        ("matches(name, '(a')", "bad-pattern", 15, 4),
        ("matches(name, '(?=a)')", "bad-pattern", 15, 7),
        ("matches(name, 'a', 'b')", "wrong-arguments", 1, 23),
        ("within_km(91, 0, 5)", "out-of-range", 11, 2),
        ("within_km(0, 0, -5)", "out-of-range", 17, 2),
        ("within_km(0, 0)", "wrong-arguments", 1, 15),
        ("within_km(latitude, 0, 0)", "wrong-arguments", 11, 8),
        ("lifecycle = 'custommer'", "unknown-value", 13, 11),
    ],
)
def test_mistake_has_code_and_place(text, code, column, length):
    assert (code, column, length) in found(text)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("contry = 'US'", "Did you mean 'country'?"),
        ("zpi = 'x'", "Did you mean 'zip'?"),
        ("zip = 94002", "Write it in quotes: '94002'."),
        ("employees > '5'", "Write 5 without quotes."),
        ("customer_since = '2026-01-31'", "Write date '2026-01-31'."),
        ("products = 'x'", "Write has_any(products_of_interest, 'a', 'b')."),
        ("zip in list('playces')", "Did you mean 'places'?"),
        ("in_area('sqare')", "Did you mean 'square'?"),
        ("start_with(name, 'x')", "Did you mean 'starts_with'?"),
        ("lifecycle = 'custommer'", "Did you mean 'customer'?"),
        ("has_any(name, 'x')", "Write name in ('a', 'b')."),
    ],
)
def test_mistake_has_a_fix(text, fix):
    assert fix in [problem.fix for problem in check(parse(text), KNOWN, lists=LISTS, areas=AREAS)]


def test_all_mistakes_come_at_once_in_reading_order():
    assert [
        code for code, _, _ in found("contry = 'US' and zip = 1 and (employees > 'x' or in_area('q'))")
    ] == [
        "unknown-field",
        "wrong-type",
        "wrong-type",
        "unknown-area",
    ]


@pytest.mark.parametrize("pattern", ["a{1000}{1000}", "(?<=x)a", r"(a)\1", "x" * 1001, "[[:bad:]]", "*a"])
def test_patterns_that_re2_cannot_take_are_problems(pattern):
    _, problems = read(f"matches(name, '{pattern}')", KNOWN)
    assert [problem.code for problem in problems] == ["bad-pattern"]


def test_read_gives_syntax_problems_and_no_tree():
    expr, problems = read("country =", KNOWN)
    assert expr is None
    assert [problem.code for problem in problems] == ["incomplete-criteria"]


@given(exprs)
def test_criteria_made_of_fitting_parts_have_no_problem(expr):
    assert check(expr, FIELDS, lists=LISTS, areas=AREAS) == []


def test_every_alias_names_a_field():
    assert all(target in standard_fields() for target in ALIASES.values())


def test_a_custom_field_hides_an_alias():
    fields = standard_fields().with_custom([custom_field("zip", "number")])
    assert check(parse("zip > 5"), fields) == []
    assert fields.raw({"zip": 7}, fields["zip"]) == 7
    assert fields.raw({"zip": 7}, fields["postal_code"]) is None


def test_words_of_the_language_are_no_field_names():
    assert not any(map(is_field_name, ["and", "date", "list", "Tier", "9a", "a-b", "", "ä", "a" * 64]))
    assert is_field_name("tier_2")


def test_every_example_of_the_function_table_is_right():
    for function in FUNCTIONS.values():
        assert check(parse(function.example), FIELDS, areas=["bay"]) == []
