"""Blocks of geography and their tables change how fast the kernel answers, never what."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engines.workload import workload

from merestone.engines.kernel import KernelMatcher, groups

SEEDS = range(10)


def without_tables(monkeypatch):
    monkeypatch.setattr(groups, "_ENTRIES_A_RECORD", 0)


def with_tables(monkeypatch):
    monkeypatch.setattr(groups, "_ENTRIES_A_RECORD", 1 << 40)


@pytest.mark.parametrize("seed", SEEDS)
def test_tables_of_a_block_change_no_answer(seed, monkeypatch):
    ruleset, table = workload(seed)
    rules = KernelMatcher().compile(ruleset)
    without_tables(monkeypatch)
    before = rules.match(table), rules.every_match(table)
    assert (rules.index.groups.met.base < 0).all()
    with_tables(monkeypatch)
    assert (rules.match(table), rules.every_match(table)) == before


def test_blocks_that_are_worth_it_get_tables(monkeypatch):
    with_tables(monkeypatch)
    found = []
    for seed in SEEDS:
        ruleset, table = workload(seed)
        rules = KernelMatcher().compile(ruleset)
        rules.encode(table)
        found.append((rules.index.groups.met.base >= 0).any())
    assert any(found)


def test_a_batch_encoded_before_its_block_had_tables_is_searched_with_them(monkeypatch):
    ruleset, table = workload(3)
    rules = KernelMatcher().compile(ruleset)
    without_tables(monkeypatch)
    early = rules.encode(table)
    expected = rules.winners_of(early, table)
    with_tables(monkeypatch)
    rules.encode(table)
    assert (rules.index.groups.met.base >= 0).any()
    np.testing.assert_array_equal(rules.winners_of(early, table), expected)


def test_beyond_the_room_for_blocks_all_groups_share_one(monkeypatch):
    ruleset, table = workload(5)
    expected = KernelMatcher().compile(ruleset).match(table)
    monkeypatch.setattr(groups, "_MAX_NUMBERED", 0)
    assert KernelMatcher().compile(ruleset).match(table) == expected


def test_beyond_the_room_for_tables_blocks_go_without(monkeypatch):
    ruleset, table = workload(5)
    expected = KernelMatcher().compile(ruleset).match(table)
    with_tables(monkeypatch)
    monkeypatch.setattr(groups, "_MAX_TABLE_WORDS", 0)
    assert KernelMatcher().compile(ruleset).match(table) == expected
