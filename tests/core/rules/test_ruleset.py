"""The winner, by a golden table worked out by hand; names, exclusions, grouping nodes, overlays; the trace."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.criteria.strategies import records
from tests.core.rules.documents import IDS, documents

from merestone.core.criteria import evaluate
from merestone.core.rules import RANKS, compile_ruleset, match_record, read_document


def ruleset(*territories: dict, **top: object):
    types = [{"key": "geo"}, {"key": "acct"}, {"key": "ai", "primary": False}]
    return compile_ruleset(
        read_document(
            {"merestone": 1, "model": {"key": "m"}, "types": types, "territories": list(territories), **top}
        )
    )


def territory(key: str, where: str | None = "country = 'US'", **entry: object) -> dict:
    return {"key": key, "where": where, **entry}


US = {"id": "A-1", "country": "US", "state": "CA", "city": "Lodi", "employees": 20}

# Each case: what the rivals are, who wins, and which element of the order decided (DOMAIN: priority, -depth, -criteria,
# key; names before all rules).
WINNERS = {
    "least priority": ([territory("a", priority=9), territory("b", priority=3)], "b", "priority"),
    "priority before depth": (
        [territory("a", priority=1), territory("b", parent="a", priority=2)],
        "a",
        "priority",
    ),
    "negative priority": ([territory("a", priority=0), territory("b", priority=-1)], "b", "priority"),
    "deeper": ([territory("a"), territory("b", parent="a")], "b", "depth"),
    "depth before criteria": (
        [
            territory("a", "country = 'US' and state = 'CA' and employees > 1"),
            territory("z", None),
            territory("b", parent="z"),
        ],
        "b",
        "depth",
    ),
    "more criteria": ([territory("a"), territory("b", "country = 'US' and state = 'CA'")], "b", "criteria"),
    "criteria along the path": (
        [
            territory("a", "country = 'US' and state = 'CA'"),
            territory("b", "country = 'US'"),
            territory("a1", "city = 'Lodi'", parent="a"),
            territory("b1", "city = 'Lodi'", parent="b"),
        ],
        "a1",
        "criteria",
    ),
    "or counts its largest branch": (
        [
            territory("a", "country = 'US' or state = 'CA' or city = 'x'"),
            territory("b", "country = 'US' and state = 'CA' or city = 'x'"),
        ],
        "b",
        "criteria",
    ),
    "not counts what it holds": (
        [territory("a", "country = 'US'"), territory("b", "not (state = 'OR' and city = 'x')")],
        "b",
        "criteria",
    ),
    "a set counts one": (
        [territory("a", "state in ('CA', 'OR', 'WA')"), territory("b", "state = 'CA'")],
        "a",
        "key",
    ),
    "key in text order": ([territory("t10"), territory("t9")], "t10", "key"),
    "no rival": ([territory("a"), territory("b", "country = 'CA'")], "a", "only"),
    "named before all rules": (
        [territory("a", priority=1), territory("b", "country = 'CA'", named=["a-1 "])],
        "b",
        "named",
    ),
    "named outside its parent": (
        [territory("p", "country = 'CA'"), territory("b", parent="p", named=["A-1"]), territory("a")],
        "b",
        "named",
    ),
    "a grouping node wins by name": (
        [territory("g", None, named=["A-1"]), territory("a", parent="g")],
        "g",
        "named",
    ),
    "a grouping node does not win by rule": (
        [territory("g", None, priority=1), territory("a", parent="g")],
        "a",
        "only",
    ),
    "primary types compete": ([territory("a", type="acct"), territory("b", type="geo")], "a", "key"),
    "overlays do not compete": ([territory("a", type="ai", priority=1), territory("b")], "b", "only"),
}


@pytest.mark.parametrize(("territories", "winner", "rank"), WINNERS.values(), ids=WINNERS)
def test_golden_winners(territories, winner, rank):
    match = match_record(ruleset(*territories), US)
    assert (match.winner, match.rank) == (winner, rank)
    assert match.matches[0] == winner
    assert match.rank in RANKS


def test_nothing_matches_nothing_wins():
    match = match_record(ruleset(territory("a"), territory("g", None)), {"id": "A-1", "country": "FR"})
    assert (match.winner, match.cause, match.rank, match.matches, match.overlays) == (
        None,
        None,
        None,
        (),
        (),
    )


def test_an_exclusion_removes_the_record_here_and_below():
    rules = ruleset(
        territory("a", exclude=["A-1"]),
        territory("b", parent="a"),
        territory("c", "country = 'US'", priority=500),
    )
    assert match_record(rules, US).matches == ("c",)
    assert match_record(rules, US | {"id": "A-2"}).matches == ("b", "a", "c")


def test_a_name_below_an_exclusion_still_wins():
    rules = ruleset(territory("a", exclude=["A-1"]), territory("b", parent="a", named=["A-1"]))
    match = match_record(rules, US)
    assert (match.winner, match.cause, match.matches) == ("b", "named", ("b",))


def test_names_go_by_external_id_and_by_id_only_without_it():
    rules = ruleset(territory("a", "country = 'FR'", named=["x-9"]))
    assert match_record(rules, {"id": 5, "external_id": " X-9"}).winner == "a"
    assert match_record(rules, {"id": "x-9", "external_id": "other"}).winner is None
    assert match_record(rules, {"id": "x-9", "external_id": None}).winner is None
    assert match_record(rules, {"id": "x-9"}).winner == "a"


def test_all_overlays_apply_in_winning_order_and_see_what_their_parent_matches():
    rules = ruleset(
        territory("us"),
        territory("o1", "employees > 5", type="ai", parent="us"),
        territory("o2", "employees > 5", type="ai", priority=1),
        territory("o3", "employees > 500", type="ai"),
        territory("fr", "country = 'FR'"),
        territory("o4", "employees > 5", type="ai", parent="fr"),
        territory("o5", None, type="ai", named=["A-1"]),
    )
    match = match_record(rules, US)
    assert match.overlays == ("o5", "o2", "o1")
    assert match.matches == ("us",)


def test_the_trace_tells_who_won_who_lost_and_why_not():
    rules = ruleset(
        territory("us"),
        territory("west", "state in ('CA','OR') and employees < 250", parent="us"),
        territory("gold", "tier = 'gold' and employees < 250", parent="us"),
        territory("east", "state = 'NY'", parent="us"),
        territory("nyc", "city = 'New York'", parent="east"),
        territory("out", parent="us", exclude=["A-1"]),
        territory("group", None),
        territory("ai", "employees > 1", type="ai"),
        fields={"tier": "text"},
    )
    match = match_record(rules, US)
    assert match.trace == {
        "winner": "west",
        "cause": "rule",
        "decided_by": "depth",
        "considered": [
            {"territory": "us", "outcome": "lost", "cause": "rule", "lost_by": "depth"},
            {"territory": "west", "outcome": "won", "cause": "rule"},
            {
                "territory": "gold",
                "outcome": "missed",
                "because": {"criterion": "tier = 'gold'", "outcome": "unknown", "missing": ["tier"]},
            },
            {
                "territory": "east",
                "outcome": "missed",
                "because": {"criterion": "state = 'NY'", "outcome": "failed"},
            },
            {"territory": "out", "outcome": "excluded"},
            {"territory": "group", "outcome": "passed"},
            {"territory": "ai", "outcome": "overlay", "cause": "rule"},
        ],
    }
    assert json.loads(json.dumps(match.trace)) == match.trace
    assert match.runner_up == "us"


keyed_records = st.builds(
    lambda record, key: record | {"external_id": key}, records, st.none() | st.sampled_from([*IDS, "z"])
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=100, deadline=None)
@given(documents(is_plain=True), keyed_records)
def test_the_winner_is_the_least_of_a_plain_reading_of_the_rule(document, record):
    """Equal to the Winner paragraph written down as naively as possible, territory by territory."""
    rules = compile_ruleset(document)
    key = (record["external_id"] or "").casefold()
    holds: dict[str, bool] = {}
    claims = []
    for node in document.tree:
        rule = rules.rules[rules.position(node.key)]
        is_excluded = key in {item.casefold() for item in node.exclude}
        own = (
            rule.where is None
            or evaluate(rule.where, record, fields=rules.fields, lists=rules.lists, areas=rules.areas) is True
        )
        holds[node.key] = own and not is_excluded and (node.parent is None or holds[node.parent])
        is_named = key in {item.casefold() for item in node.named} and not is_excluded
        if document.type_of(node).is_primary and (is_named or (holds[node.key] and node.where is not None)):
            depth = len(document.tree.path(node.key))
            claims.append(((not is_named, node.priority, -depth, -rule.n_criteria, node.key), node.key))
    match = match_record(rules, record)
    assert match.matches == tuple(name for _, name in sorted(claims))


def test_versions_of_a_document_share_the_rules_that_read_the_same():
    first = ruleset(territory("a"), territory("b", "employees > 5"), territory("c", named=["1"]))
    second = ruleset(territory("a"), territory("b", "employees > 6"), territory("c", named=["1"]))
    assert [one is other for one, other in zip(first.rules, second.rules, strict=True)] == [True, False, True]
    third = ruleset(territory("a"), territory("b", "employees > 5.0"), territory("c", priority=7))
    assert not any(one is other for one, other in zip(first.rules[1:], third.rules[1:], strict=True))
    assert str(third.rules[1].where.value.value) == "5.0"  # equal to the other, but written otherwise
