"""Documents made to break something: each is refused with place and fix, all at once, and none costs much.

What it costs is the number of calls Python makes, counted; ten times the document may cost ten times as much and a bit,
not a hundred times.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.base.errors import InvalidInputError, Problem
from merestone.connectors.files.documents import read_document_text
from merestone.core.criteria.nearest import MAX_ASKED, MAX_COMPARED, Suggestions
from merestone.core.model.territory import Membership
from merestone.core.rules import compile_ruleset, match_record, read_document, run_cases
from merestone.core.rules.audit import MAX_OVERLAPS, _overlapping_pairs
from merestone.core.rules.reading import MAX_PROBLEMS

DAY = date(2026, 1, 1)


def document(*territories: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {"merestone": 1, "model": {"key": "m"}, **sections, "territories": list(territories)}


def rule(where: str, key: str = "t", **more: Any) -> dict[str, Any]:
    return {"key": key, "where": where, **more}


def refused(data: Any) -> list[Problem]:
    with pytest.raises(InvalidInputError) as caught:
        read_document(data)
    return caught.value.problems


def the_problem(data: Any) -> Problem:
    (problem,) = refused(data)
    return problem


def calls(work: Callable[[], Any]) -> int:
    """Return how many calls ``work`` makes, of Python and of C."""
    made = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    except InvalidInputError:
        pass
    finally:
        sys.setprofile(before)
    return made


def assert_grows_evenly(make: Callable[[int], Any], *, small: int, read: Any = read_document) -> None:
    """Hold that ten times as much costs at most some twenty times as much."""
    few, many = make(small), make(small * 10)
    read_document(document())  # whatever is built once
    assert calls(lambda: read(many)) <= 20 * calls(lambda: read(few))


# --- each mistake, with its place and fix -----------------------------------------------------------------------------

CROSSING = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}
OPEN = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2]]]}
INFINITE = {"type": "Polygon", "coordinates": [[[0, 0], [math.inf, 0], [2, 2], [0, 0]]]}
HUGE = {"type": "Polygon", "coordinates": [[[0, 0]] * 200_001]}

WRONG_CRITERIA = {
    "an unknown field": ("contry = 'US'", "unknown-field", 1, 1),
    "a wrong type": ("country = 'US' and\n employees = 'many'", "wrong-type", 2, 14),
    "an empty range": ("employees between 10 and 5", "empty-between", 1, 1),
    "ten megabytes": ("zip in (" + "'94002', " * 1_100_000 + "'1')", "criteria-too-long", 1, 1),
    "a million parts": (" or ".join(["a = 1"] * 1_000_000), "criteria-too-long", 1, 1),
    "10,000 brackets": ("(" * 10_000 + "score = 1" + ")" * 10_000, "criteria-too-deep", 1, 65),
    "10,000 brackets, none closed": ("(" * 10_000, "criteria-too-deep", 1, 65),
    "a chain of not": ("not " * 10_000 + "score = 1", "criteria-too-deep", 1, 257),
    "a regex that looks around": ("matches(name, '(?=a+)+$')", "bad-pattern", 1, 15),
    "a regex that refers back": ("matches(name, '(a+)\\1')", "bad-pattern", 1, 15),
    "a regex that repeats a lot": ("matches(name, 'a{100000}')", "bad-pattern", 1, 15),
    "a regex of repeated repeats": ("matches(name, '((a{1,99}){1,99}){1,99}')", "bad-pattern", 1, 15),
    "a regex of 1,001 characters": (f"matches(name, '{'a' * 1_001}')", "bad-pattern", 1, 15),
    "a number without end": ("employees > 1e999999", "bad-number", 1, 13),
    "a day that never was": ("customer_since > date '0000-00-00'", "bad-date", 1, 23),
    "a NUL": ("name = 'a\0b'", "bad-character", 1, 10),
    "half a character": ("name = 'a'\n or name = '\ud83d'", "bad-character", 2, 13),
    "a text without end": ("name = 'a", "open-text", 1, 8),
    "nothing but quotes": ("'" * 99_999, "bad-character", 1, 1),
    "a list that is not there": ("zip in list('bay')", "unknown-list", 1, 13),
    "an area that is not there": ("in_area('bay')", "unknown-area", 1, 9),
}


@pytest.mark.parametrize("name", WRONG_CRITERIA)
def test_a_hostile_criterion_is_refused_with_place_and_fix(name):
    where, code, line, column = WRONG_CRITERIA[name]
    problem = the_problem(document(rule(where)))
    assert (problem.code, problem.line, problem.column) == (code, line, column)
    assert problem.where == "territories/t/where"
    assert problem.message
    assert problem.fix
    assert len(problem.message) < 1_500


WRONG_PARTS = {
    "a crossing polygon": ({"areas": {"x": CROSSING}}, "bad-area", "areas/x"),
    "an open ring": ({"areas": {"x": OPEN}}, "bad-area", "areas/x"),
    "a point without end": ({"areas": {"x": INFINITE}}, "bad-area", "areas/x"),
    "200,001 points": ({"areas": {"x": HUGE}}, "area-too-large", "areas/x"),
    "a NUL in a list": ({"lists": {"x": ["a", "b\0"]}}, "bad-character", "lists/x/2"),
    "half a character in a list": ({"lists": {"x": ["\udc00"]}}, "bad-character", "lists/x/1"),
    "a list within a list": ({"lists": {"x": [["a"]]}}, "wrong-type", "lists/x/1"),
    "a day that never was": (
        {"model": {"key": "m", "effective": "0000-00-00"}},
        "bad-date",
        "model/effective",
    ),
}


@pytest.mark.parametrize("name", WRONG_PARTS)
def test_a_hostile_part_is_refused_with_its_place(name):
    sections, code, where = WRONG_PARTS[name]
    problem = the_problem(document() | sections)
    assert (problem.code, problem.where) == (code, where)


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"priority": 10**5_000}, "wrong-type", "territories/t/priority"),
        ({"priority": math.inf}, "wrong-type", "territories/t/priority"),
        ({"name": "a\0"}, "bad-character", "territories/t/name"),
        ({"notes": "a\ud800"}, "bad-character", "territories/t/notes"),
        ({"named": ["A-1", "\0"]}, "bad-character", "territories/t/named/2"),
        ({"cases": [{"record": {"name": "\0"}}]}, "bad-character", "territories/t/cases/1/record/name"),
        ({"cases": [{"record": {"name": [["x"]]}}]}, "wrong-shape", "territories/t/cases/1/record/name"),
        ({"parent": "t"}, "cyclic-parents", "territories/t/parent"),
        ({"parent": "x" * 1_000_000}, "unknown-parent", "territories/t/parent"),
        ({"x" * 1_000_000: 1}, "unknown-key", "territories/t"),
    ],
)
def test_a_hostile_territory_is_refused_with_its_place(change, code, where):
    problem = the_problem(document(rule("country = 'US'", **change)))
    assert (problem.code, problem.where) == (code, where)
    assert len(problem.message) + len(problem.fix) < 500


def test_a_key_that_is_no_key_does_not_swell_the_places():
    problems = refused(document({"key": "x" * 1_000_000, "wher": "x"}, {"key": {"a": ["b"] * 100_000}}))
    assert [problem.code for problem in problems] == ["unknown-key", "bad-key", "bad-key"]
    assert all(len(problem.where) < 200 and len(problem.message) < 200 for problem in problems)


def test_lists_that_hold_themselves_are_refused():
    itself: list[Any] = ["94002"]
    itself.append(itself)
    assert the_problem(document(lists={"x": itself})).where == "lists/x/2"
    record: dict[str, Any] = {"name": itself}
    problem = the_problem(document(rule("country = 'US'", cases=[{"record": record}])))
    assert (problem.code, problem.where) == ("wrong-shape", "territories/t/cases/1/record/name")
    named = document(rule("zip in list('x')"), lists={"x": ["list('x')", "x"]})
    assert match_record(compile_ruleset(read_document(named)), {"zip": "X"}).winner == "t"


def test_everything_wrong_at_once_is_told_at_once():
    territories = [rule(where, f"t{n}") for n, (where, *_) in enumerate(WRONG_CRITERIA.values())]
    circle = [{"key": "a", "parent": "b"}, {"key": "b", "parent": "a"}]
    lost = [{"key": "c", "parent": "t00"}, {"key": "t0"}, {"key": "bad key"}, {"key": "d", "type": "goe"}]
    sections = {
        "types": [{"key": "geo"}],
        "areas": {"crossing": CROSSING, "open": OPEN, "infinite": INFINITE, "huge": HUGE},
        "lists": {"x": ["a", "b\0"]},
    }
    problems = refused(document(*territories, *circle, *lost, **sections))
    found = {(problem.code, problem.where, problem.line, problem.column) for problem in problems}
    assert found == {
        *(
            (code, f"territories/t{n}/where", line, column)
            for n, (_, code, line, column) in enumerate(WRONG_CRITERIA.values())
        ),
        *(("bad-area", f"areas/{key}", None, None) for key in ("crossing", "open", "infinite")),
        ("area-too-large", "areas/huge", None, None),
        ("bad-character", "lists/x/2", None, None),
        ("cyclic-parents", "territories/a/parent", None, None),
        ("unknown-parent", "territories/c/parent", None, None),
        ("duplicate-key", "territories/t0", None, None),
        ("bad-key", "territories/bad key/key", None, None),
        ("unknown-type", "territories/d/type", None, None),
    }
    assert all(len(problem.message) < 1_500 for problem in problems)


# --- large, and right -------------------------------------------------------------------------------------------------


def test_a_list_of_a_million_values_is_read_and_used():
    values = [f"{number:06d}" for number in range(1_000_000)]
    data = document(rule("zip in list('all')"), lists={"all": values})
    found = read_document(data)
    assert len(found.lists["all"]) == 1_000_000


def test_ten_thousand_levels_are_read_compiled_and_matched():
    levels = [
        rule("employees >= 0", f"t{n}", parent=f"t{n - 1}" if n else None) for n in reversed(range(10_000))
    ]
    ruleset = compile_ruleset(read_document(document(*levels)))
    assert ruleset.rules[-1].depth == 9_999
    assert ruleset.rules[-1].n_criteria == 10_000
    assert match_record(ruleset, {"employees": 1}).winner == "t9999"


def test_a_circle_of_ten_thousand_is_told_in_one_line():
    circle = [{"key": f"t{n}", "parent": f"t{(n + 1) % 10_000}"} for n in range(10_000)]
    problem = the_problem(document(*circle))
    assert problem.code == "cyclic-parents"
    assert len(problem.message) < 200


def test_an_account_named_everywhere_is_told_in_one_line():
    problem = the_problem(document(*({"key": f"t{n}", "named": ["A-1"]} for n in range(5_000))))
    assert problem.code == "named-twice"
    assert problem.message == (
        "'a-1' is named in " + " and ".join(f"t{n}" for n in range(10)) + " and 4,990 more; it can have one "
        "primary territory."
    )


def test_a_patient_regex_takes_its_turn():
    where = "matches(name, '(a*)*(a*)*(a*)*b') or matches(name, '(x+x+)+y')"
    ruleset = compile_ruleset(read_document(document(rule(where))))
    assert match_record(ruleset, {"name": "a" * 50_000 + "c"}).winner is None
    assert match_record(ruleset, {"name": "x" * 50_000}).winner is None


def test_cases_with_values_out_of_this_world_fail_and_break_nothing():
    records = [
        {"employees": value, "name": value, "customer_since": value, "latitude": value, "products": value}
        for value in (math.inf, -math.inf, math.nan, 1e308, 10**400, "1e999999", "0000-00-00", [], "nan", {})
    ]
    where = "employees > 5 and name = 'x' and customer_since > date '2026-01-01' and within_km(1, 1, 1)"
    data = document(rule(where, cases=[{"record": record} for record in records]))
    assert [problem.code for problem in run_cases(read_document(data))] == ["case-failed"] * len(records)


def test_an_alias_bomb_does_not_go_off():
    lines = ["a0: &a0 ['94002', '94005', '94006', '94007']"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(InvalidInputError) as caught:
        read_document_text("\n".join(["merestone: 1", "lists:", *(f"  {line}" for line in lines)]))
    assert caught.value.problems[-1].code == "document-too-large"
    with pytest.raises(InvalidInputError) as caught:
        read_document_text("lists: {x: &x [a, *x]}")
    assert caught.value.problems[-1].code == "bad-alias"


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_mistakes_past_the_cap_are_not_kept():
    problems = refused(document(*(rule("contry = 'US'", f"t{n}", wher=1) for n in range(MAX_PROBLEMS))))
    assert len(problems) == MAX_PROBLEMS


def test_wrong_names_by_the_thousand_are_compared_with_few():
    suggestions = Suggestions()
    known = sorted(f"territory-{n}" for n in range(20_000))
    for n in range(5_000):
        suggestions.nearest(f"teritory-{n}", known, what="territories")
    assert suggestions.n_compared <= MAX_ASKED * MAX_COMPARED
    assert suggestions.nearest("teritory-7", known, what="territories") is not None
    assert suggestions.nearest("teritory-4999", known, what="territories") is None


def test_among_few_names_the_nearest_is_found_wherever_it_stands():
    assert Suggestions().nearest("xtate", ["city", "state", "zip"], what="fields") == "state"


GROWING = {
    "territories": (lambda n: document(*(rule("country = 'US'", f"t{k}") for k in range(n))), 200),
    "levels, the deepest first": (
        lambda n: document(
            *({"key": f"t{k}", "parent": f"t{k - 1}" if k else None} for k in reversed(range(n)))
        ),
        200,
    ),
    "unknown parents": (
        lambda n: document(*({"key": f"t{k}", "parent": f"x{k}"} for k in range(n))),
        200,
    ),
    "territories and areas that are not there": (
        lambda n: document(
            *(rule(f"in_area('a{k}')", f"t{k}") for k in range(n)), areas={f"b{k}": {} for k in range(n)}
        ),
        100,
    ),
    "unknown keys": (lambda n: document({"key": "t"} | {f"k{k}": 1 for k in range(n)}), 1_000),
    "wrong roles": (
        lambda n: document({"key": "t", "members": [{"rep": f"r{k}", "role": f"o{k}"} for k in range(n)]}),
        200,
    ),
    "unknown values of a choice": (
        lambda n: document(rule(f"status in ({', '.join(repr(f'x{k}') for k in range(n))})")),
        200,
    ),
    "lists of numbers, each named often": (
        lambda n: document(
            *(rule("employees in list('x')", f"t{k}") for k in range(n)),
            lists={"x": [str(k) for k in range(n)]},
        ),
        100,
    ),
    "owners one after the other": (
        lambda n: document(
            {
                "key": "t",
                "members": [
                    {"rep": f"r{k}", "from": DAY + timedelta(k), "to": DAY + timedelta(k + 1)}
                    for k in range(n)
                ],
            }
        ),
        200,
    ),
    "owners all at once": (
        lambda n: document({"key": "t", "members": [{"rep": f"r{k}"} for k in range(n)]}),
        200,
    ),
    "specialists all at once": (
        lambda n: document(
            {"key": "t", "members": [{"rep": f"r{k}", "role": "specialist"} for k in range(n)]}
        ),
        200,
    ),
    "accounts named twice": (
        lambda n: document(
            {"key": "a", "named": [f"A-{k}" for k in range(n)]},
            {"key": "b", "named": [f"A-{k}" for k in range(n)]},
        ),
        500,
    ),
    "repeated keys": (lambda n: document(*({"key": f"t{k // 2}"} for k in range(n))), 200),
}


@pytest.mark.parametrize("name", GROWING)
def test_cost_grows_evenly_with_the_document(name):
    make, small = GROWING[name]
    assert_grows_evenly(make, small=small)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a@x", "b@x"]),
            st.sampled_from(["owner", "sdr"]),
            st.none() | st.integers(0, 6),
            st.none() | st.integers(1, 5),
        ),
        max_size=7,
    )
)
def test_the_sweep_finds_the_pairs_that_comparing_all_finds(rows):
    members = []
    for rep, role, start, length in rows:
        first = None if start is None else DAY + timedelta(start)
        end = None if length is None else (first or DAY) + timedelta(length)
        members.append(Membership(rep, role, first, end))
    expected = {
        (left, right)
        for right in range(len(members))
        for left in range(right)
        if members[left].role == members[right].role
        and (members[left].role == "owner" or members[left].rep == members[right].rep)
        and members[left].overlaps(members[right])
    }
    found = list(_overlapping_pairs(tuple(members)))
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_not_every_clash_of_a_crowd_of_owners_is_told():
    problems = refused(document({"key": "t", "members": [{"rep": f"r{n}"} for n in range(1_000)]}))
    assert {problem.code for problem in problems} == {"two-owners"}
    assert len(problems) == MAX_OVERLAPS
