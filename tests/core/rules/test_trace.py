"""The trace: every territory on the way, criterion by criterion, with the record's own values."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from tests.core.criteria.strategies import records
from tests.core.rules.documents import documents

from merestone.core.criteria import evaluate, leaves
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules import Ruleset, compile_ruleset, match_record, read_document
from merestone.core.rules.trace import rule_trace, trace_path, trace_record

RECORD = {"id": "A-1", "country": "US", "state": "CA", "employees": 120}


def ruleset(*territories: dict[str, Any]) -> Ruleset:
    types = [{"key": "geo"}, {"key": "ai", "primary": False}]
    nodes = [{"type": "geo", **node} for node in territories]
    return compile_ruleset(
        read_document({"merestone": 1, "model": {"key": "m"}, "types": types, "territories": nodes})
    )


RULES = ruleset(
    {"key": "us", "where": "country = 'US'"},
    {"key": "west", "parent": "us", "where": None},
    {"key": "ca", "parent": "west", "where": "state in ('CA', 'OR') or revenue > 5"},
    {"key": "small", "parent": "west", "where": "employees < 50 and not (revenue > 5)"},
    {"key": "out", "parent": "us", "where": "state = 'CA'", "exclude": ["a-1"]},
    {"key": "ai", "type": "ai", "where": "employees > 1"},
)


def entry(key: str) -> dict[str, Any]:
    return next(e for e in trace_record(RULES, RECORD)["considered"] if e["territory"] == key)


def test_each_criterion_stands_with_the_records_own_value() -> None:
    assert entry("small")["criteria"] == [
        {
            "criterion": "employees < 50",
            "outcome": "failed",
            "needs": "< 50",
            "english": "Employees below 50",
            "values": {"employees": 120},
            "within": "and",
        },
        {
            "criterion": "revenue > 5",
            "outcome": "unknown",
            "missing": ["revenue"],
            "needs": "> 5",
            "english": "Annual revenue above 5",
            "values": {"revenue": None},
            "within": "not",
        },
    ]
    assert [criterion["within"] for criterion in entry("ca")["criteria"]] == ["or", "or"]


def test_the_keys_of_before_stay_and_tell_who_won_and_lost() -> None:
    trace = trace_record(RULES, RECORD)
    assert {"winner", "cause", "decided_by", "considered"} <= trace.keys()
    assert trace["winner"] == "ca"
    assert trace["decided_by"] == "depth"
    assert trace["path"] == ["us", "west", "ca"]
    assert trace["overlays"] == ["ai"]
    outcomes = {e["territory"]: e["outcome"] for e in trace["considered"]}
    assert outcomes == {
        "us": "lost", "west": "passed", "ca": "won", "small": "missed", "out": "excluded", "ai": "overlay",
    }  # fmt: skip
    assert entry("us")["lost_by"] == "depth"
    assert entry("west")["is_group"]


def test_a_path_is_told_below_the_step_that_failed_too() -> None:
    rules = ruleset(
        {"key": "de", "where": "country = 'DE'"},
        {"key": "g", "parent": "de", "where": None},
        {"key": "x", "parent": "g", "where": "state = 'CA'"},
        {"key": "y", "parent": "x", "where": "revenue > 5"},
        {"key": "z", "parent": "y", "where": "state = 'CA'", "exclude": ["A-1"]},
    )
    steps = [(step["territory"], step["step"]) for step in trace_path(rules, RECORD, "z")]
    assert steps == [("de", "failed"), ("g", "group"), ("x", "held"), ("y", "unknown"), ("z", "excluded")]


@given(documents(is_plain=True), records)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_trace_is_json_and_agrees_with_the_row_oracle(
    document: TerritoryModelDocument, record: dict[str, Any]
) -> None:
    rules = compile_ruleset(document)
    match = match_record(rules, record)
    trace = json.loads(json.dumps(trace_record(rules, record)))
    assert trace["winner"] == match.winner
    assert [e["territory"] for e in trace["considered"]] == [e.territory for e in match.considered]
    for number, rule in enumerate(rules.rules):
        found = rule_trace(rules, record, number)["criteria"]
        expected = [
            evaluate(leaf, record, fields=rules.fields, lists=rules.lists, areas=rules.areas)
            for leaf in (leaves(rule.where) if rule.where is not None else ())
        ]
        words = {True: "held", False: "failed", None: "unknown"}
        assert [criterion["outcome"] for criterion in found] == [words[truth] for truth in expected]
        assert all(c["missing"] for c in found if c["outcome"] == "unknown")
