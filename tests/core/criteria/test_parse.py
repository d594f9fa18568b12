"""Reading criteria: what is accepted, what is refused, and where the finger points."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.base.errors import InvalidInputError, Problem
from merestone.core.criteria import MAX_DEPTH, MAX_LENGTH, parse
from merestone.core.criteria import expression as ex


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(InvalidInputError) as caught:
        parse(text)
    return caught.value.problems


def the_problem_of(text: str) -> Problem:
    (problem,) = problems_of(text)
    return problem


def comparison(field: str, value: object, op: str = "=") -> ex.Comparison:
    return ex.Comparison(ex.FieldRef(field), op, ex.Literal(value))  # type: ignore[arg-type]


A, B, C, D = (comparison(name, Decimal(1)) for name in "abcd")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a = 1", A),
        ("A = 1", A),
        ("a=1 AND b=1 Or c = 1", ex.Or((ex.And((A, B)), C))),
        ("a = 1 or b = 1 and c = 1", ex.Or((A, ex.And((B, C))))),
        ("(a = 1 or b = 1) and c = 1", ex.And((ex.Or((A, B)), C))),
        ("a = 1 and (b = 1 and (c = 1 and d = 1))", ex.And((A, B, C, D))),
        ("not a = 1 and b = 1", ex.And((ex.Not(A), B))),
        ("not (a = 1 and b = 1)", ex.Not(ex.And((A, B)))),
        ("not not a = 1", ex.Not(ex.Not(A))),
        ("((((a = 1))))", A),
        ("a <> 'x'", comparison("a", "x", "<>")),
        ("a != 'x'", comparison("a", "x", "<>")),
        ("a == 'x'", comparison("a", "x")),
        ("a = 'O''Neil, ''x'''", comparison("a", "O'Neil, 'x'")),
        ("a = ''", comparison("a", "")),
        ("a = -1.5e2", comparison("a", Decimal("-150"))),
        ("a = .5", comparison("a", Decimal("0.5"))),
        ("a = true", comparison("a", True)),
        ("a <= date '2026-01-31'", comparison("a", date(2026, 1, 31), "<=")),
        (
            "a between 1 and 2 and b = 1",
            ex.And((ex.Between(ex.FieldRef("a"), ex.Literal(Decimal(1)), ex.Literal(Decimal(2))), B)),
        ),
        (
            "a not between 'x' and 'y'",
            ex.Not(ex.Between(ex.FieldRef("a"), ex.Literal("x"), ex.Literal("y"))),
        ),
        ("a is null", ex.IsNull(ex.FieldRef("a"))),
        ("a is not null", ex.IsNull(ex.FieldRef("a"), True)),
        ("a in ('x', 'y')", ex.In(ex.FieldRef("a"), (ex.Literal("x"), ex.Literal("y")))),
        ("a not in ('x')", ex.In(ex.FieldRef("a"), (ex.Literal("x"),), True)),
        (
            "a in ('x','y', 3, 'z''','w')",
            ex.In(ex.FieldRef("a"), tuple(map(ex.Literal, ("x", "y", Decimal(3), "z'", "w")))),
        ),
        ("zip in list('bay-zips')", ex.InList(ex.FieldRef("zip"), ex.Literal("bay-zips"))),
        ("zip not in list('bay')", ex.InList(ex.FieldRef("zip"), ex.Literal("bay"), True)),
        ("in_area('bay')", ex.Call("in_area", (ex.Literal("bay"),))),
        ("F(a, 'x', 'y')", ex.Call("f", (ex.FieldRef("a"), ex.Literal("x"), ex.Literal("y")))),
        (
            "within_km(1, -2.5, 3)",
            ex.Call("within_km", tuple(ex.Literal(Decimal(n)) for n in ("1", "-2.5", "3"))),
        ),
        ("a =\n\t'x'", comparison("a", "x")),
        (
            "android = 1 or notes = 1 or inn = 1",
            ex.Or(tuple(comparison(n, Decimal(1)) for n in ("android", "notes", "inn"))),
        ),
    ],
)
def test_text_reads_as_tree(text, tree):
    assert parse(text) == tree


def test_nodes_know_their_place():
    tree = parse("a = 1 and\n  state in ('CA',\n 'OR') and not contains(name, 'x')")
    assert isinstance(tree, ex.And)
    first, states, negation = tree.parts
    assert first.position == (1, 1, 5)
    assert states.field.position == (2, 3, 5)
    assert [value.position for value in states.values] == [(2, 13, 4), (3, 2, 4)]
    assert negation.position == (3, 12, 3)
    assert negation.part.position == (3, 16, 19)
    assert negation.part.field.position == (3, 25, 4)


def test_places_do_not_make_trees_different():
    assert parse("a   =   1") == parse("a = 1")
    assert hash(parse("a   =   1")) == hash(parse("a = 1"))


@pytest.mark.parametrize(
    ("text", "code", "column", "length"),
    [
        ("   ", "empty-criteria", 1, None),
        ("country = 'US", "open-text", 11, 1),
        ("country 'US'", "bad-syntax", 9, 4),
        ("(a = 1", "incomplete-criteria", 7, 1),
        ("a = 1)", "bad-syntax", 6, 1),
        ("a = 1,000", "bad-syntax", 6, 1),
        ("a in ('x',)", "bad-syntax", 11, 1),
        ("a in ()", "bad-syntax", 7, 1),
        ("a = 1 b = 2", "bad-syntax", 7, 1),
        ("a = 1 or or b = 2", "bad-syntax", 10, 2),
        ("country = ‘US’", "bad-character", 11, 1),
        ("a = 12abc", "bad-number", 5, 5),
        ("a = 1;", "bad-character", 6, 1),
        ("date = 1", "bad-syntax", 1, 4),
        ("a = b", "unquoted-text", 5, 1),
        ('a = "b"', "double-quotes", 5, 3),
        ("a = date '2026-02-30'", "bad-date", 10, 12),
        ("a = date '2026-1-3'", "bad-date", 10, 10),
        ("a = date '20260131'", "bad-date", 10, 10),
        ("a = 'x\0y'", "bad-character", 7, 1),
        ("a = 1 union select", "bad-syntax", 7, 5),
        ("a = 1 -- comment", "bad-character", 7, 1),
        ("a = 1 or b like 'x%'", "bad-syntax", 12, 4),
    ],
)
def test_mistake_has_code_and_place(text, code, column, length):
    problem = the_problem_of(text)
    assert (problem.code, problem.line, problem.column, problem.length) == (code, 1, column, length)
    assert problem.message.endswith(".")


def test_mistake_on_a_later_line_has_its_line():
    problem = the_problem_of("a = 1\nand b = 2\n  or c == = 3")
    assert (problem.line, problem.column) == (3, 11)


def test_all_wrong_values_are_reported_at_once():
    problems = problems_of(
        "country = US and state in (\"CA\", 'OR') and since > date 'x' and has_any(tags, big)"
    )
    assert [problem.code for problem in problems] == [
        "unquoted-text",
        "double-quotes",
        "bad-date",
        "unquoted-text",
    ]
    assert problems[0].fix.startswith("Write text in single quotes: 'US'.")


def test_expectations_are_said_in_words():
    assert "a value" in the_problem_of("a =").fix
    assert "in, between or is null" in the_problem_of("a").fix
    assert "closing bracket" in the_problem_of("(a = 1").fix
    assert "a field or a function" in the_problem_of("a = 1 and").fix


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "a = 1" + ")" * 10_000,
        "not " * 10_000 + "a = 1",
        "(not " * 10_000 + "a = 1",
        "(" * 99_000,
    ],
)
def test_deep_nesting_is_refused_with_its_place(text):
    problem = the_problem_of(text)
    assert problem.code == "criteria-too-deep"
    assert problem.column is not None
    assert problem.column <= 5 * (MAX_DEPTH + 1)


def test_nesting_up_to_the_limit_is_read():
    assert parse("(" * MAX_DEPTH + "a = 1" + ")" * MAX_DEPTH) == A
    alternating = "(a = 1 and (b = 1 or " * (MAX_DEPTH // 2) + "c = 1" + "))" * (MAX_DEPTH // 2)
    assert isinstance(parse(alternating), ex.And)


def test_brackets_within_text_do_not_nest():
    assert parse(f"a = '{'(' * 1000}'") == comparison("a", "(" * 1000)


def test_ten_megabytes_are_refused():
    problem = the_problem_of("a = '" + "x" * 10_000_000 + "'")
    assert problem.code == "criteria-too-long"
    assert f"{MAX_LENGTH:,}" in problem.message


def test_long_flat_criteria_are_read():
    tree = parse(" or ".join(["a = 1"] * 5_000))
    assert isinstance(tree, ex.Or)
    assert len(tree.parts) == 5_000


@given(st.text(alphabet="ab=<>(),'\"-. 1\n‘éin otdlsx", max_size=40) | st.text(max_size=30))
def test_any_text_is_read_or_refused_with_problems_inside_it(text):
    problems: list[Problem] = []
    try:
        parse(text)
    except InvalidInputError as error:
        problems = error.problems
    lines = text.split("\n")
    for problem in problems:
        assert problem.line is not None
        assert problem.column is not None
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
