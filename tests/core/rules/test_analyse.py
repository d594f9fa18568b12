"""The analysis of rules against brute force over every combination of values that rules can tell apart."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.criteria.strategies import records
from tests.core.rules.documents import documents

from merestone.core.criteria import evaluate, parse, render
from merestone.core.criteria import expression as ex
from merestone.core.model.columns import Kind
from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode, TerritoryType
from merestone.core.rules import Rule, Ruleset, compile_ruleset, match_record
from merestone.core.rules.analyse import Analyser, RuleAnalysis

MATCHES = ("won", "lost", "overlay", "passed")
# For each field, values of every class that the literals below can make.
COUNTRIES = ["0", "A", "A0", "AB", "ABz", "AC", "ACz", "B", "Bz", "C", "Cz", "D", "Dz", None]
EMPLOYEES = [0, 5, 10, 11, 100, 250, 300, None]
PRODUCTS: list[Any] = [None, ["other"], ["crm"], ["erp"], ["crm", "erp"]]
VIP = [True, False, None]
RECORDS: list[dict[str, Any]] = [
    {"country": country, "employees": employees, "products_of_interest": products, "is_vip": vip}
    for country, employees, products, vip in itertools.product(COUNTRIES, EMPLOYEES, PRODUCTS, VIP)
]

_country, _employees = ex.FieldRef("country"), ex.FieldRef("employees")
_texts = st.sampled_from(["A", "B", "C", "AB"]).map(ex.Literal)
_numbers = st.sampled_from([10, 11, 250]).map(Decimal).map(ex.Literal)
_operators = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


def _between(field: ex.FieldRef, *ends: ex.Literal) -> ex.Between:
    low, high = sorted(ends, key=lambda end: end.value)  # type: ignore[arg-type, return-value]
    return ex.Between(field, low, high)


def _items(name: str) -> st.SearchStrategy[Any]:
    items = st.lists(st.sampled_from(["crm", "erp"]).map(ex.Literal), min_size=1, max_size=2, unique=True)
    return items.map(lambda given: ex.Call(name, (ex.FieldRef("products"), *given)))


_leaf = st.one_of(
    st.builds(ex.Comparison, st.just(_country), _operators, _texts),
    st.builds(ex.In, st.just(_country), st.lists(_texts, min_size=1, max_size=3).map(tuple), st.booleans()),
    st.builds(lambda text: ex.Call("starts_with", (_country, text)), _texts),
    st.builds(_between, st.just(_country), _texts, _texts),
    st.builds(ex.Comparison, st.just(_employees), _operators, _numbers),
    st.builds(_between, st.just(_employees), _numbers, _numbers),
    st.builds(ex.IsNull, st.sampled_from([_country, _employees, ex.FieldRef("products")]), st.booleans()),
    st.builds(
        ex.Comparison,
        st.just(ex.FieldRef("is_vip")),
        st.just("="),
        st.booleans().map(ex.Literal),
    ),
    _items("has_any"),
    _items("has_all"),
)


def _tree(leaf: Any) -> Any:
    several = st.lists(leaf, min_size=2, max_size=3).map(tuple)
    return st.one_of(several.map(ex.And), several.map(ex.Or), st.builds(ex.Not, leaf))


_wheres = st.recursive(_leaf, _tree, max_leaves=5)
TYPES = (TerritoryType("geo", "Geography"), TerritoryType("ai", "Overlay", False))


@st.composite
def rulesets(draw: Any) -> Ruleset:
    """Up to six territories, most of them primary, some grouping nodes, close priorities."""
    nodes: list[TerritoryNode] = []
    for number in range(draw(st.integers(1, 6))):
        parent = draw(st.none() | st.sampled_from(nodes)) if nodes else None
        where = draw(st.none() | _wheres | _wheres)
        text = None if where is None else render(where)
        kind = draw(st.sampled_from(["geo", "geo", "geo", "ai"]))
        nodes.append(
            TerritoryNode(
                f"t{number}",
                f"T{number}",
                kind,
                parent.key if parent else None,
                text,
                draw(st.integers(1, 2)),
            )
        )
    return compile_ruleset(
        TerritoryModelDocument(
            "m", "M", fields={"is_vip": Kind.BOOLEAN}, types=TYPES, territories=tuple(nodes)
        )
    )


def _truth(rules: Ruleset) -> list[tuple[dict[str, Any], set[str], Any]]:
    """Return every record with the keys that match it and the oracle's answer."""
    found = []
    for record in RECORDS:
        match = match_record(rules, record)
        keys = {entry.territory for entry in match.considered if entry.outcome in MATCHES}
        found.append((record, keys, match))
    return found


def _leaves(rules: Ruleset) -> set[str]:
    """Return primary territories with a criterion and no such territory below."""
    above = {
        ancestor
        for rule in rules.rules
        if rule.is_primary and rule.where is not None
        for ancestor in _ancestors(rules, rule)
    }
    return {
        rule.key
        for rule in rules.rules
        if rule.is_primary and rule.where is not None and rule.key not in above
    }


def _ancestors(rules: Ruleset, rule: Rule) -> set[str]:
    found = set()
    while rule.parent is not None:
        rule = rules.rules[rule.parent]
        found.add(rule.key)
    return found


def _holds(rules: Ruleset, criterion: str | None, record: Mapping[str, Any]) -> bool:
    if criterion is None:
        return True
    return (
        evaluate(parse(criterion), record, fields=rules.fields, lists=rules.lists, areas=rules.areas) is True
    )


@settings(max_examples=40)
@given(rulesets())
def test_every_answer_equals_brute_force(rules: Ruleset) -> None:
    found = Analyser(rules, most=1_000).everything()
    assert all(part.is_complete for part in found.parts)
    assert all(finding.certainty == "proved" for finding in found.findings)
    truth = _truth(rules)
    _check_impossible(rules, found, truth)
    _check_shadowed(rules, found, truth)
    _check_overlaps(rules, found, truth)
    _check_gaps(rules, found, truth)


def _check_impossible(rules: Ruleset, found: RuleAnalysis, truth: Any) -> None:
    never = {rule.key for rule in rules.rules} - set().union(*(keys for _, keys, _ in truth))
    parent = {
        rule.key: rules.rules[rule.parent].key if rule.parent is not None else None for rule in rules.rules
    }
    topmost = {key for key in never if parent[key] not in never}
    assert {finding.territories[0] for finding in found.of("impossible")} == topmost


def _check_shadowed(rules: Ruleset, found: RuleAnalysis, truth: Any) -> None:
    matching = set().union(*(keys for _, keys, _ in truth))
    winning = {match.winner for _, _, match in truth}
    assert {finding.territories[0] for finding in found.of("shadowed")} == (
        _leaves(rules) & matching
    ) - winning


def _check_overlaps(rules: Ruleset, found: RuleAnalysis, truth: Any) -> None:
    leaves = _leaves(rules)
    pairs = {pair for _, keys, _ in truth for pair in itertools.combinations(sorted(keys & leaves), 2)}
    told = {
        tuple(sorted(finding.territories)): finding
        for kind in ("key-tie", "overlap")
        for finding in found.of(kind)
    }
    assert set(told) == pairs
    for pair, finding in told.items():
        ranks = {key: rules.rules[rules.position(key)].rank for key in pair}
        first = min(pair, key=lambda key: ranks[key])
        decides = any(set(pair) <= keys and match.winner == first for _, keys, match in truth)
        is_tie = len({rank[:3] for rank in ranks.values()}) == 1
        assert finding.severity == ("note" if not decides else "error" if is_tie else "warning")
        assert finding.facts["winner"] == first
        assert set(pair) <= set(match_record(rules, finding.example or {}).matches)


def _check_gaps(rules: Ruleset, found: RuleAnalysis, truth: Any) -> None:
    leaves = _leaves(rules)
    gaps = [*found.of("gap"), *found.of("gap-missing")]
    for record, keys, _ in truth:
        assert any(_holds(rules, gap.criterion, record) for gap in gaps) is not bool(keys & leaves)
    for gap in gaps:
        held = [record for record, _, _ in truth if _holds(rules, gap.criterion, record)]
        is_known = any(None not in record.values() for record in held)
        inside = next((rule for rule in rules.rules if rule.key in gap.territories), None)
        if gap.kind == "gap-missing":
            assert all(record[name] is None for record in held for name in gap.facts["fields"])
        elif inside is None:
            assert is_known
        assert gap.example is not None
        assert not leaves & set(match_record(rules, gap.example).matches)
        assert _holds(rules, gap.criterion, gap.example)


def _admitted(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with values the columns allow: a name, and no negative sizes."""
    sizes = {name: None if record[name] is None else abs(record[name]) for name in ("employees", "revenue")}
    return {**record, **sizes, "name": (record["name"] or "").strip() or "Nobody"}


@settings(max_examples=60)
@given(documents(is_plain=True), st.lists(records.map(_admitted), min_size=1, max_size=30))
def test_nothing_proved_is_untrue_of_any_record_whatever_the_operators(
    document: TerritoryModelDocument, given: list[dict[str, Any]]
) -> None:
    rules = compile_ruleset(document)
    found = Analyser(rules, most=1_000, budget=400_000).everything()
    leaves = _leaves(rules)
    never = {finding.territories[0] for finding in found.of("impossible")}
    losing = {finding.territories[0] for finding in found.of("shadowed")}
    pairs = {frozenset(one.territories) for kind in ("key-tie", "overlap") for one in found.of(kind)}
    gaps = [*found.of("gap"), *found.of("gap-missing")]
    is_complete = next(part.is_complete for part in found.parts if part.name == "gaps")
    for record in given:
        match = match_record(rules, record)
        keys = {entry.territory for entry in match.considered if entry.outcome in MATCHES}
        assert not never & keys
        assert match.winner not in losing
        assert all(frozenset(pair) in pairs for pair in itertools.combinations(sorted(keys & leaves), 2))
        if is_complete and not keys & leaves:
            assert any(_holds(rules, gap.criterion, record) for gap in gaps)
    for gap in gaps:
        if gap.certainty == "proved":
            assert gap.example is not None
            assert not leaves & set(match_record(rules, gap.example).matches)
