"""Cases inside documents run as tests."""

from __future__ import annotations

import pytest

from merestone.core.rules import read_document, run_cases


def failures(record: dict, expect: str, *, key: str = "west") -> list[tuple[str, str, str]]:
    case = [{"record": record, "expect": expect}]
    territories = [
        {"key": "us", "where": "country = 'US'"},
        {"key": "west", "parent": "us", "where": "state = 'CA' and employees < 250", "exclude": ["A-2"]},
        {"key": "top", "where": "city = 'Lodi'", "priority": 1},
        {"key": "group"},
    ]
    data = [territory | ({"cases": case} if territory["key"] == key else {}) for territory in territories]
    document = read_document({"merestone": 1, "model": {"key": "m"}, "territories": data})
    return [(problem.code, problem.where, problem.message) for problem in run_cases(document)]


WEST = {"country": "US", "state": "CA", "employees": 20}


@pytest.mark.parametrize(
    ("record", "expect"),
    [
        (WEST, "match"),
        (WEST, "win"),
        (WEST | {"city": "Lodi"}, "match"),
        (WEST | {"state": "OR"}, "no-match"),
        ({}, "no-match"),
    ],
)
def test_a_case_that_holds_says_nothing(record, expect):
    assert failures(record, expect) == []


@pytest.mark.parametrize(
    ("record", "expect", "message"),
    [
        (WEST | {"state": "OR"}, "match", "The territory should match, but state = 'CA' failed."),
        (
            {"country": "US", "state": "CA"},
            "match",
            "The territory should match, but employees < 250 unknown (employees missing).",
        ),
        ({"country": "FR"}, "match", "The territory should match, but its parent does not match the record."),
        (WEST | {"id": "A-2"}, "match", "The territory should match, but the record is excluded."),
        (WEST, "no-match", "The territory should not match, but it does match."),
        (WEST | {"city": "Lodi"}, "win", "The territory should win, but top does."),
    ],
)
def test_a_case_that_fails_says_why(record, expect, message):
    assert failures(record, expect) == [("case-failed", "territories/west/cases/1", message)]


def test_a_case_with_an_unknown_field_is_a_problem():
    assert failures(WEST | {"stat": "CA"}, "match")[0][:2] == ("unknown-field", "territories/west/cases/1")


def test_a_grouping_node_matches_what_reaches_it():
    assert failures(WEST, "match", key="group") == []
