"""Text and builder tree are the same rule, whatever is nested."""

from __future__ import annotations

import contextlib
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.app.rulework.tree import tree_of, write_rule
from merestone.base.errors import InvalidInputError
from merestone.core.criteria import expression as ex
from merestone.core.criteria import leaves, parse, render

words = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=8)
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)
days = st.dates(date(1900, 1, 1), date(2999, 12, 31))
literals = st.builds(ex.Literal, words | numbers | days | st.booleans())
texts = st.builds(ex.Literal, words)
fields = st.builds(ex.FieldRef, st.sampled_from(["state", "zip", "employees", "products", "custom_1"]))
tests = (
    st.builds(ex.Comparison, fields, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), literals)
    | st.builds(ex.In, fields, st.lists(literals, min_size=1, max_size=4).map(tuple), st.booleans())
    | st.builds(ex.InList, fields, texts, st.booleans())
    | st.builds(ex.Between, fields, literals, literals)
    | st.builds(ex.IsNull, fields, st.booleans())
    | st.builds(
        lambda field, values: ex.Call("starts_with", (field, *values)), fields, st.lists(texts, max_size=3)
    )
    | st.builds(lambda values: ex.Call("within_km", tuple(values)), st.lists(literals, max_size=3))
)


def joined(kind: Any, parts: list[ex.Expr]) -> ex.Expr:
    """Join parts as the parser does: no group within one of its own kind."""
    flat = [one for part in parts for one in (part.parts if isinstance(part, kind) else (part,))]
    return kind(tuple(flat)) if len(flat) > 1 else flat[0]


rules = st.recursive(
    tests,
    lambda inner: (
        st.builds(ex.Not, inner)
        | st.builds(joined, st.sampled_from([ex.And, ex.Or]), st.lists(inner, min_size=2, max_size=4))
    ),
    max_leaves=12,
)


@given(rules)
def test_text_to_tree_to_text_is_the_same_rule(rule: ex.Expr) -> None:
    read = parse(render(rule))
    tree = json.loads(json.dumps(tree_of(read)))
    assert parse(write_rule(tree)) == read == rule
    assert write_rule(tree) == render(rule)


def criteria_in(tree: Any) -> list[Any]:
    """Return the tests of a tree in reading order."""
    if tree["kind"] == "test":
        return [tree]
    parts = [tree["part"]] if tree["kind"] == "not" else tree["parts"]
    return [test for part in parts for test in criteria_in(part)]


@given(rules)
def test_tests_of_a_tree_come_in_the_order_of_the_text(rule: ex.Expr) -> None:
    read = parse(render(rule))
    assert [test["at"] for test in criteria_in(tree_of(read))] == [
        list(leaf.position) for leaf in leaves(read)
    ]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["kind", "parts", "part", "field", "op", "values", "number", "date"]), inner | st.sampled_from(["and", "or", "not", "test", "in", "=", "state"]), max_size=5),
    max_leaves=10,
)  # fmt: skip


@given(anything)
def test_whatever_is_sent_is_written_or_refused(data: Any) -> None:
    with contextlib.suppress(InvalidInputError):
        text = write_rule(data)
        assert render(parse(text)) == text


def test_deep_rules_come_as_nested_groups() -> None:
    text = "a = 1 and (b = 2 or c = 3 and not (d = 4 or e = 5))"
    tree = tree_of(parse(text))
    assert tree["parts"][1]["parts"][1]["parts"][1]["part"]["parts"][0]["field"] == "d"
    assert write_rule(tree) == text


def test_numbers_are_never_rounded() -> None:
    assert write_rule(tree_of(parse("revenue >= 0.1000000000000000000001"))).endswith(
        "0.1000000000000000000001"
    )
    assert tree_of(parse("revenue = 1e2"))["values"] == [{"number": "100"}]


def test_a_group_of_one_is_that_one() -> None:
    leaf = {"kind": "test", "field": "state", "op": "=", "values": ["CA"]}
    assert write_rule({"kind": "and", "parts": [{"kind": "or", "parts": [leaf]}]}) == "state = 'CA'"


@pytest.mark.parametrize(
    ("tree", "where", "words"),
    [
        ({"kind": "and", "parts": []}, "", "empty"),
        ({"kind": "and", "parts": [{"kind": "test", "field": "a", "op": "in", "values": []}]}, "parts/0", "at least one"),
        ({"kind": "not", "part": {"kind": "test", "field": None, "op": "=", "values": ["x"]}}, "part", "field is missing"),
        ({"kind": "test", "field": "a", "op": "; drop", "values": []}, "", "no operator"),
        ({"kind": "test", "field": "a", "op": "=", "values": [{"number": "NaN"}]}, "", "no value"),
        ({"kind": "test", "field": "a", "op": "between", "values": [1]}, "", "2 values"),
        ("state = 'CA'", "", "neither"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_with_its_place(tree: Any, where: str, words: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        write_rule(tree)
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("bad-rule-tree", where)
    assert words in problem.message


def test_a_tree_deeper_than_the_language_is_refused_and_not_walked() -> None:
    tree: Any = {"kind": "test", "field": "a", "op": "is null", "values": []}
    for _ in range(900):
        tree = {"kind": "not", "part": tree}
    with pytest.raises(InvalidInputError, match="nested more than 64 deep"):
        write_rule(tree)


def test_a_rule_longer_than_the_language_allows_is_refused() -> None:
    values = [f"{n:05}" for n in range(15_000)]
    with pytest.raises(InvalidInputError, match="named list"):
        write_rule({"kind": "test", "field": "zip", "op": "in", "values": values})


def test_functions_and_exact_numbers_keep_their_names() -> None:
    tree = tree_of(parse("within_km(37.77, -122.42, 50) or starts_with(naics, '54')"))
    assert [(test["field"], test["op"]) for test in criteria_in(tree)] == [
        (None, "within_km"),
        ("naics", "starts_with"),
    ]
    assert tree["parts"][0]["values"][1] == {"number": str(Decimal("-122.42"))}
