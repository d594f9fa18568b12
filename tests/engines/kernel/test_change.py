"""What a change of rules changes equals the difference of two whole matches, and only rows it may change are looked at."""

from __future__ import annotations

import pickle
import random
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.rules.documents import documents
from tests.engines.conformance import assert_rematch
from tests.engines.test_kernel import OTHER_SCHEMA, SCHEMA, rules_of, table_of, tables
from tests.engines.workload import workload

from merestone.core.rules import Ruleset, compile_ruleset
from merestone.engines.kernel import KernelMatcher
from merestone.engines.kernel.change import Revision
from merestone.engines.kernel.settle import Standing
from merestone.engines.kernel.versions import Traits, changed_rules

DIFFERENT = ("territory", "cause", "overlays")


def difference(old: Ruleset, new: Ruleset, table: pa.Table) -> list[dict[str, Any]]:
    was, now = (KernelMatcher().match(ruleset, table).to_pylist() for ruleset in (old, new))
    return [
        {"row": row} | after | {f"old_{name}": value for name, value in before.items() if name != "id"}
        for row, (before, after) in enumerate(zip(was, now, strict=True))
        if any(before[name] != after[name] for name in DIFFERENT)
    ]


@pytest.mark.parametrize("schema", [SCHEMA, OTHER_SCHEMA], ids=["contract types", "other types"])
def test_rematch_equals_the_oracle_on_random_documents(schema):
    @settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
    @given(documents(is_plain=True), documents(is_plain=True), tables(), st.randoms(use_true_random=False))
    def holds(one, other, rows, rng):
        # Territories of one document among those of another: some stay, some move, some come, some go.
        donors = {node.key: node for node in other.territories}
        nodes = []
        for node in one.territories:
            donor = donors.get(node.key)
            if donor is not None and rng.random() < 0.4:
                names = rng.sample(["where", "priority", "named", "exclude", "type"], rng.randint(1, 2))
                node = replace(node, **{name: getattr(donor, name) for name in names})
            nodes.append(node)
        old, new = compile_ruleset(one), compile_ruleset(replace(one, territories=tuple(nodes)))
        table = table_of(rows, schema)
        assert_rematch(KernelMatcher(), old, new, table)
        assert_rematch(KernelMatcher(), old, compile_ruleset(other), table)

    holds()


def revised(ruleset: Ruleset, donor: Ruleset, rng: random.Random) -> Ruleset:
    """Return rules of which some say what others said, some are gone and the rest stand in the same order."""
    rules = list(ruleset.rules)
    for position in rng.sample(range(len(rules)), 3):
        rule, other = rules[position], rng.choice(donor.rules)
        edits: list[dict[str, Any]] = [
            {"where": other.where},
            {"priority": other.priority},
            {"is_primary": not rule.is_primary},
            {"named": other.named, "exclude": rule.exclude | other.named},
            {"key": f"{rule.key}x"},
            {"n_criteria": rule.n_criteria + 1},
        ]
        rules[position] = replace(rule, **rng.choice(edits))
    return replace(ruleset, rules=tuple(rules))


def with_dictionaries(table: pa.Table, n_parts: int) -> pa.Table:
    """Return a table whose text columns come in pieces with dictionaries of their own."""
    size = -(-table.num_rows // n_parts)
    pieces = []
    for start in range(0, table.num_rows, size):
        part = table.slice(start, size).combine_chunks()
        columns = {
            name: part[name].dictionary_encode() if pa.types.is_string(part[name].type) else part[name]
            for name in part.column_names
        }
        pieces.append(pa.table(columns))
    return pa.concat_tables(pieces)


@pytest.mark.parametrize("seed", range(12))
def test_rematch_equals_the_difference_of_two_matches(seed):
    rng = random.Random(seed)
    ruleset, table = workload(seed)
    new = revised(ruleset, workload(seed + 50)[0], rng)
    chunked = with_dictionaries(table, 3)
    matcher = KernelMatcher()
    for given_table in (table, chunked, chunked):  # the second time its dictionaries are known
        expected = difference(ruleset, new, given_table)
        assert matcher.rematch(ruleset, new, given_table).to_pylist() == expected
        assert matcher.rematch(new, ruleset, given_table).num_rows == len(expected)


def test_fields_that_mean_something_else_change_every_rule():
    table = pa.table({"id": [1, 2], "tier": ["10", "9"]})
    text, number = (
        rules_of({"key": "a", "where": where}, fields={"tier": kind})
        for where, kind in (("tier > '1'", "text"), ("tier > 9", "number"))
    )
    assert assert_rematch(KernelMatcher(), text, number, table) == 1


def test_only_rows_that_a_changed_rule_matches_or_mentions_are_looked_at():
    def rules(top: int, **more: Any) -> Ruleset:
        return rules_of(
            {"key": "all", "where": "employees >= 0", "priority": 200},
            {"key": "a", "where": f"city = 'a' and employees < {top}", **more},
        )

    cities = [chr(97 + number % 26) for number in range(5_200)]
    table = pa.table(
        {
            "id": [str(number) for number in range(5_200)],
            "city": pa.array(cities).dictionary_encode(),
            "employees": range(5_200),
        }
    )
    old, new = rules(260), rules(520, named=["30"])
    matcher = KernelMatcher()
    revision = Revision.of(matcher.compile(old), new)
    n_rows, rows, part = revision.touched(table)
    assert (n_rows, part.num_rows) == (5_200, 21)
    assert rows.tolist() == sorted([*range(0, 520, 26), 30])
    assert revision.suspects(part).tolist() == [2, *range(11, 21)]  # row 30, and those the rule did not match
    assert matcher.rematch(old, new, table)["row"].to_pylist() == [30, *range(260, 520, 26)]


@pytest.mark.parametrize("seed", range(8))
def test_standing_of_revised_rules_is_that_of_the_rules_themselves(seed):
    rng = random.Random(seed)
    old, _ = workload(seed)
    rules = list(revised(old, workload(seed + 50)[0], rng).rules)
    old_of = changed_rules(old, replace(old, rules=tuple(rules)), traits=Traits.of(old.rules)).old_of
    fresh = Standing.of(tuple(rules))
    quick = Standing.of(old.rules).revised(old.rules, tuple(rules), old_of=old_of)
    assert quick.keys == fresh.keys
    for name in ("is_primary", "order", "priority", "depth", "n_criteria"):
        assert getattr(quick, name).tolist() == getattr(fresh, name).tolist()


@pytest.mark.parametrize("seed", range(8))
def test_rules_shared_as_objects_go_together_as_equal_ones_do(seed):
    rng = random.Random(seed)
    old, _ = workload(seed)
    rules = list(revised(old, workload(seed + 50)[0], rng).rules)
    if seed % 4 == 1:  # one is gone from the end, or two have changed places
        rules.pop()
    elif seed % 4 == 2:
        leaves = [at for at in range(len(rules)) if all(rule.parent != at for rule in rules)]
        one, other = rng.sample(leaves, 2)
        rules[one], rules[other] = rules[other], rules[one]
    elif seed % 4 == 3:
        rules.append(replace(rules[-1], key="another"))
    new = replace(old, rules=tuple(rules))
    traits = Traits.of(old.rules)
    quick, slow = changed_rules(old, new, traits=traits), changed_rules(old, copied(new), traits=traits)
    for name in ("old_of", "new_of", "twin"):
        assert getattr(quick, name).tolist() == getattr(slow, name).tolist()
    assert 0 < len(quick.new) < len(rules)


def copied(ruleset: Ruleset) -> Ruleset:
    """Return equal rules that share no object with these."""
    return pickle.loads(pickle.dumps(ruleset))


def test_rules_go_together_by_what_they_say_and_what_lies_above_them():
    def rules(**edits: Any) -> Ruleset:
        tops = {key: {"key": key, "where": f"city = '{key}'"} | edits.get(key, {}) for key in ("a", "b")}
        lists = {"l": ["x"]} | edits.get("lists", {})
        return rules_of(
            tops["a"],
            {"key": "under", "parent": "a", "where": "employees < 5"},
            {"key": "below", "parent": "under", "where": "employees < 3"},
            tops["b"],
            {"key": "listed", "where": "city in list('l')"},
            lists=lists,
        )

    def changed(old: Ruleset, new: Ruleset) -> tuple[list[str], list[str]]:
        found = changed_rules(old, new, traits=Traits.of(old.rules))
        assert [old.rules[was].key for was in found.old_of if was >= 0] == [
            rule.key for rule, was in zip(new.rules, found.old_of, strict=True) if was >= 0
        ]
        return [old.rules[at].key for at in found.old], [new.rules[at].key for at in found.new]

    same = rules()
    assert changed(same, rules()) == ([], [])
    assert changed(same, same) == ([], [])
    assert changed(same, rules(b={"priority": 3})) == (["b"], ["b"])
    assert changed(same, rules(a={"exclude": ["1"]})) == (["a", "under", "below"],) * 2
    assert changed(same, rules(lists={"l": ["y"]})) == (["listed"], ["listed"])
    assert changed(same, rules(b={"key": "c"})) == (["b"], ["c"])
    assert changed(same, rules_of()) == (["a", "under", "below", "b", "listed"], [])
