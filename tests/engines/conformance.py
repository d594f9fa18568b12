"""What every engine must answer: the row oracle's answers in the shape of the port, and how to compare with them.

To add an engine, add an ``Engine`` to ``ENGINES``; the suite runs every test on each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from merestone.app.ports import CompiledRules, Matcher
from merestone.core.rules import RecordMatch, Ruleset, compile_ruleset, match_record, read_document
from merestone.engines.duckdb import DuckdbMatcher
from merestone.engines.kernel import KernelMatcher

ANSWERS = pa.schema(
    [
        ("territory", pa.string()),
        ("cause", pa.string()),
        ("n_matches", pa.int32()),
        ("runner_up", pa.string()),
        ("rank", pa.string()),
        ("overlays", pa.list_(pa.string())),
    ]
)
DIFFERENCES = pa.schema(
    [
        ("row", pa.int64()),
        ("id", pa.int64()),
        *ANSWERS,
        *(field.with_name(f"old_{field.name}") for field in ANSWERS),
    ]
)


@dataclass(frozen=True)
class Engine:
    """One engine of the suite.

    Parameters
    ----------
    name : str
        Names its tests.
    open : callable
        Returns its matcher; the request gives fixtures to those that need them, and is where to skip with a reason.
    """

    name: str
    open: Callable[[pytest.FixtureRequest], Matcher]

    def __str__(self) -> str:
        return self.name


ENGINES = (
    Engine("kernel", lambda _: KernelMatcher()),
    Engine("duckdb", lambda _: DuckdbMatcher(threads=2)),
)


def rules_of(*territories: dict[str, Any], **top: Any) -> Ruleset:
    """Return the rules of territories given as in a document."""
    return compile_ruleset(
        read_document({"merestone": 1, "model": {"key": "m"}, "territories": list(territories), **top})
    )


def oracle(ruleset: Ruleset, table: pa.Table) -> list[RecordMatch]:
    """Return the truth: what the row oracle says about each record."""
    return [match_record(ruleset, record) for record in table.to_pylist()]


def answer(match: RecordMatch) -> dict[str, Any]:
    """Return one row of ``match`` without its id."""
    return {
        "territory": match.winner,
        "cause": match.cause,
        "n_matches": len(match.matches),
        "runner_up": match.runner_up,
        "rank": match.rank,
        "overlays": list(match.overlays),
    }


def ids_of(table: pa.Table) -> list[Any]:
    """Return what the records are called by."""
    return table["id" if "id" in table.column_names else "external_id"].to_pylist()


def assert_conforms(
    rules: CompiledRules, table: pa.Table, *, truth: Sequence[RecordMatch] | None = None
) -> None:
    """Compare all answers about a table with the oracle's."""
    truth = oracle(rules.ruleset, table) if truth is None else truth
    assert_match(rules, table, truth=truth)
    assert_winners(rules, table, truth=truth)
    assert_every_match(rules, table, truth=truth)
    assert_counts(rules, table, truth=truth)


def assert_match(rules: CompiledRules, table: pa.Table, *, truth: Sequence[RecordMatch]) -> None:
    """Compare ``match``, its column types included."""
    result = rules.match(table)
    expected = [{"id": key} | answer(match) for key, match in zip(ids_of(table), truth, strict=True)]
    assert result.column_names == ["id", *ANSWERS.names]
    assert [result.schema.field(name).type for name in ANSWERS.names] == ANSWERS.types
    assert_rows(result.to_pylist(), expected, table)


def assert_winners(rules: CompiledRules, table: pa.Table, *, truth: Sequence[RecordMatch]) -> None:
    """Compare ``winners``."""
    result = rules.winners(table)
    assert pa.types.is_dictionary(result.type)
    assert result.to_pylist() == [match.winner for match in truth]


def assert_every_match(rules: CompiledRules, table: pa.Table, *, truth: Sequence[RecordMatch]) -> None:
    """Compare ``every_match``, its order included."""
    result = rules.every_match(table)
    expected = [
        {
            "row": row,
            "id": key,
            "territory": territory,
            "is_winner": territory == match.winner,
            "is_overlay": territory in match.overlays,
        }
        for row, (key, match) in enumerate(zip(ids_of(table), truth, strict=True))
        for territory in (*match.matches, *match.overlays)
    ]
    assert result.column_names == ["row", "id", "territory", "is_winner", "is_overlay"]
    assert result.schema.field("row").type == pa.int64()
    assert result.to_pylist() == expected


def assert_counts(rules: CompiledRules, table: pa.Table, *, truth: Sequence[RecordMatch]) -> None:
    """Compare ``counts``."""
    assert rules.counts(table).to_pylist() == [
        {
            "territory": rule.key,
            "n_matches": sum(rule.key in match.matches or rule.key in match.overlays for match in truth),
            "n_winners": sum(rule.key == match.winner for match in truth),
        }
        for rule in rules.ruleset.rules
    ]


def assert_rematch(matcher: Matcher, old: Ruleset, new: Ruleset, table: pa.Table) -> int:
    """Compare ``rematch``; returns how many rows differ."""
    expected = []
    both = zip(ids_of(table), oracle(old, table), oracle(new, table), strict=True)
    for row, (key, was, now) in enumerate(both):
        if (was.winner, was.cause, was.overlays) != (now.winner, now.cause, now.overlays):
            before = {f"old_{name}": value for name, value in answer(was).items()}
            expected.append({"row": row, "id": key} | answer(now) | before)
    result = matcher.rematch(old, new, table)
    assert set(DIFFERENCES.names) <= set(result.column_names)
    for name in ("row", *ANSWERS.names):
        assert result.schema.field(name).type == DIFFERENCES.field(name).type
    assert result.select(DIFFERENCES.names).to_pylist() == expected
    return len(expected)


def assert_rows(result: list[dict[str, Any]], expected: list[dict[str, Any]], table: pa.Table) -> None:
    """Compare rows; the first that differs is shown with its record."""
    assert len(result) == len(expected)
    for row, (found, right) in enumerate(zip(result, expected, strict=True)):
        assert found == right, f"row {row}: {table.slice(row, 1).to_pylist()[0]}"
