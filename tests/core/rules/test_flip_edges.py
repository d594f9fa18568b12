"""Why-not where fields are only asked whether they are known, and where the search does not know everything."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from merestone.core.rules import Ruleset, compile_ruleset, match_record, read_document
from merestone.core.rules.flip import changed_record, flip_record
from merestone.core.rules.relax import flip_rules


def rules_of(*territories: dict[str, Any], **top: Any) -> Ruleset:
    return compile_ruleset(
        read_document({"merestone": 1, "model": {"key": "m"}, "territories": list(territories), **top})
    )


@pytest.mark.parametrize("kind", ["number", "money", "date", "text", "boolean"])
def test_a_missing_value_that_only_has_to_be_known_is_given(kind):
    rules = rules_of({"key": "a", "where": "own is not null"}, fields={"own": kind})
    record = {"id": "1", "own": None}
    found = flip_record(rules, record, "a")
    assert found.reason == "found"
    assert match_record(rules, changed_record(record, found.changes)).winner == "a"


def test_what_was_not_found_is_not_called_impossible_unless_it_is_proved():
    rules = rules_of(
        {"key": "a", "where": "contains(tier, '0')"},
        {"key": "b", "where": "tier in ('0', 'x')", "priority": 1},
        fields={"tier": "text"},
    )
    found = flip_record(rules, {"id": "1", "tier": None}, "a")
    assert found.reason in {"found", "bounded"}


@pytest.mark.parametrize("value", [Decimal("Infinity"), "a\x00"])
def test_values_that_cannot_be_written_in_a_rule_do_not_stop_the_explanation(value):
    kind = "text" if isinstance(value, str) else "number"
    where = "own = 'b'" if kind == "text" else "own < 5"
    rules = rules_of({"key": "a", "where": where}, fields={"own": kind})
    for found in flip_rules(rules, {"id": "1", "own": value}, "a"):
        assert "Infinity" not in str(found)
