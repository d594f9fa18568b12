"""The short cut past the grammar: what it reads is what the grammar reads, and everything common is read by it."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.core.criteria.strategies import exprs

from merestone.base.errors import InvalidInputError
from merestone.core.criteria import expression as ex
from merestone.core.criteria import parse, render
from merestone.core.criteria.kept import Kept
from merestone.core.criteria.parse import parse_slowly
from merestone.core.criteria.shapes import read_shapes


def everything(node: Any) -> Any:
    """Return a tree with all its places, which equality leaves out."""
    match node:
        case ex.And(parts=parts, position=position) | ex.Or(parts=parts, position=position):
            return type(node), position, [everything(part) for part in parts]
        case ex.Not(part=part, position=position):
            return ex.Not, position, everything(part)
        case ex.FieldRef() | ex.Literal():
            return repr(node), node.position
        case ex.Comparison(field=field, op=op, value=value):
            held = [field, value]
        case ex.In(field=field, values=values, negated=op):
            held = [field, *values]
        case ex.InList(field=field, key=key, negated=op):
            held = [field, key]
        case ex.Between(field=field, low=low, high=high):
            held, op = [field, low, high], None
        case ex.IsNull(field=field, negated=op):
            held = [field]
        case ex.Call(name=op, arguments=arguments):
            held = list(arguments)
    return type(node), node.position, op, [everything(part) for part in held]


def agree(text: str) -> bool:
    """Compare the two readings; return whether the short cut read it."""
    short = read_shapes(text)
    if short is not None:
        long = parse_slowly(text)
        assert short == long
        assert hash(short) == hash(long)
        assert everything(short) == everything(long)
    return short is not None


# What breaks criteria: words and signs of the language, in all spellings and wrong places.
_WORDS = "a zip NAME in IN not nOt and AND or is null between list date true false falſe in_area nota ornot notin K ſ é"
_SIGNS = "( ) ) ( , , = == <> >= < ! ; and( or( not( in( 12 -1.5e2 .5 1. 1e1234 12abc ١٢ date'2026-01-31'"
_TEXTS = """ 'x' | 'O''Neil' | '' | ''' | ' | ', ' | ') | '( | 'a','b' | 'a', 'b' | ('x') | ('x',\n'y') | " | "x" """
_BLANKS = "\t\n\r\f\v\x00\u00a0"
_PIECES = st.sampled_from([*_WORDS.split(), *_SIGNS.split(), *_TEXTS.split(" | "), *_BLANKS])


@st.composite
def broken(draw: Any) -> str:
    """Return a right criterion with a few pieces put in, taken out, or put for others."""
    text = render(draw(exprs))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 6)))
        text = text[:start] + draw(_PIECES | st.just("")) + text[end:]
    return text


@given(broken())
@example("a in ('x', ') ', 'y')")
@example("a in ('x', ')')")
@example("a in ('a'', ''b')")
@example("a in ('x' , 'y''',\n\t'z')")
@example("a in ('x', 3, 'y')")
@example("has_any(a, 'x', 'y', true, 3)")
@example("a = 'x'orb = 'y'")
@example("a = 1and b = 2")
@example("(a = 1) and (b = 1 or (c = 1 or d = 1)) and not not e = 1")
def test_the_short_cut_reads_what_the_grammar_reads(text):
    agree(text)


@given(st.lists(_PIECES | st.just(" "), max_size=14).map("".join))
def test_the_short_cut_reads_no_text_that_the_grammar_refuses(text):
    try:
        parse_slowly(text)
    except InvalidInputError:
        assert read_shapes(text) is None
    else:
        agree(text)


@pytest.mark.parametrize(
    "text",
    [
        "country = 'US' and state in ('CA','OR') and employees between 50 and 999 and starts_with(naics, '54', '51')",
        "(zip in ('94002', '94005') and not (score >= 5)) or (name <> 'O''Neil'\n and is_vip = true)",
        "zip in list('bay-zips') or zip not in list('x') or zip is null or zip is not null",
        "zip not in ('Smith (NY)', 'b') and within_km(37.77, -122.42, 50) and in_area('bay')",
        "employees between 1 and 2 or name between 'a' and 'b' or matches(name, '^x')",
    ],
)
def test_common_criteria_take_the_short_cut(text):
    assert agree(text)


def test_a_deep_text_is_left_to_the_grammar():
    assert agree("(" * 30 + "a = 1" + ")" * 30)
    assert read_shapes("(" * 40 + "a = 1" + ")" * 40) is None
    assert read_shapes("not " * 40 + "a = 1") is None


def test_texts_read_like_a_tuple_of_literals():
    leaf = parse("zip in ('94002',\n  '94''005')")
    assert isinstance(leaf, ex.In)
    assert [literal.position for literal in leaf.values] == [(1, 9, 7), (2, 3, 9)]
    assert leaf.values[1] == ex.Literal("94'005")
    assert leaf.values[:1] == (ex.Literal("94002"),)
    assert len(leaf.values) == 2
    assert leaf.plain == ("94002", "94'005")
    by_hand = ex.In(ex.FieldRef("zip"), (ex.Literal("94002"), ex.Literal("94'005")))
    assert by_hand == leaf
    assert hash(by_hand) == hash(leaf)
    assert ex.In(ex.FieldRef("a"), (ex.Literal(True), ex.Literal("x"))).plain == (True, "x")


@given(exprs)
def test_a_pickled_tree_says_the_same(tree):
    tree = parse(render(tree))
    again = pickle.loads(pickle.dumps(tree))
    assert again == tree
    assert hash(again) == hash(tree)
    assert render(again) == render(tree)


def test_kept_trees_weigh_no_more_than_allowed_and_the_last_used_stay():
    kept = Kept(budget=20_000)
    tree = parse("a = 1 and b = 2")
    kept.keep("0", tree)
    for number in range(1, 100):
        kept.keep(str(number), tree)
        assert kept.get("0") is tree
        assert kept.weight <= 20_000
    assert kept.get("1") is None
    assert kept.get("99") is tree
