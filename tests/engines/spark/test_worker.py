"""What runs in a worker, without Spark: batches in, answers out."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from tests.engines.spark.test_columns import rules_of

from merestone.connectors.files.guard import guard, unguard
from merestone.connectors.geodata import Gazetteer
from merestone.core.rules import match_record
from merestone.engines.kernel import KernelMatcher
from merestone.engines.spark.worker import MATCH_COLUMNS, WINNER_COLUMNS, Reading, Task, joined, plain


@dataclass(frozen=True)
class Sent:
    """What Spark hands a worker of a broadcast."""

    value: bytes


RULES = rules_of(
    {"key": "us", "where": "country = 'US'"},
    {"key": "west", "parent": "us", "where": "state = 'CA'"},
    {"key": "n", "named": ["=1+1"]},
    {"key": "ai", "type": "ai", "where": "state is not null"},
    types=[{"key": "geo", "name": "Geo"}, {"key": "ai", "name": "AI", "primary": False}],
)
ROWS: list[dict[str, Any]] = [
    {"id": "1", "country": "US", "state": "CA"},
    {"id": "2", "country": "us ", "state": None},
    {"id": "=1+1", "country": None, "state": "x"},
    {"id": None, "country": "DE", "state": None},
]


def task(key: str, **how: Any) -> Task:
    return Task(Sent(pickle.dumps(KernelMatcher().compile(RULES))), key, **how)


def batches(rows: list[dict[str, Any]]) -> list[pa.RecordBatch]:
    schema = pa.schema([(name, pa.string()) for name in ("id", "country", "state")])
    return [pa.RecordBatch.from_pylist(part, schema) for part in ([], rows[:1], rows[1:], [])]


def answers(made: Any) -> list[dict[str, Any]]:
    return [row for batch in made for row in batch.to_pylist()]


def test_each_record_gets_its_winner_in_order():
    found = answers(task("winners")(batches(ROWS)))
    assert [tuple(row) for row in found] == [WINNER_COLUMNS] * len(ROWS)
    expected = [match_record(RULES, row) for row in ROWS]
    assert [tuple(row.values()) for row in found] == [
        (row["id"], match.winner, match.cause, match.runner_up, match.rank)
        for row, match in zip(ROWS, expected, strict=True)
    ]


def test_every_match_is_a_row_when_all_are_asked_for():
    found = answers(task("all", all_matches=True)(batches(ROWS)))
    assert [tuple(row) for row in found] == [MATCH_COLUMNS] * len(found)
    expected = [
        (row["id"], key, key == match.winner, key in match.overlays)
        for row in ROWS
        for match in [match_record(RULES, row)]
        for key in (*match.matches, *match.overlays)
    ]
    assert [tuple(row.values()) for row in found] == expected
    assert len(expected) == 6


def test_a_partition_without_rows_has_no_answer():
    assert list(task("none")(batches([]))) == []
    assert list(task("none")([])) == []


def test_ids_that_look_like_formulas_are_marked_in_csv_and_known_without_the_mark():
    made = task("csv", reading=Reading(Gazetteer, unguard), guard=guard)
    marked = [{**row, "id": f"'{row['id']}" if row["id"] == "=1+1" else row["id"]} for row in ROWS]
    found = answers(made(batches(marked)))
    assert [(row["id"], row["territory"]) for row in found] == [
        ("1", "west"),
        ("2", "us"),
        ("'=1+1", "n"),
        (None, None),
    ]


def test_a_worker_that_met_other_rules_before_uses_the_new_ones():
    other = Task(
        Sent(pickle.dumps(KernelMatcher().compile(rules_of({"key": "all", "where": "id is not null"})))),
        "new",
    )
    assert next(row["territory"] for row in answers(task("old")(batches(ROWS)))) == "west"
    assert next(row["territory"] for row in answers(other(batches(ROWS)))) == "all"


def test_no_dictionary_is_left():
    table = pa.table({"a": pa.array(["x", None, "x"]).dictionary_encode(), "b": [1, 2, 3]})
    assert plain(table).equals(pa.table({"a": ["x", None, "x"], "b": [1, 2, 3]}))


@given(st.lists(st.integers(0, 7), max_size=12), st.integers(1, 10))
def test_batches_are_joined_to_the_wanted_size_in_order(sizes, wanted):
    numbers = iter(range(1_000))
    made = [
        pa.record_batch({"n": pa.array([next(numbers) for _ in range(size)], pa.int64())}) for size in sizes
    ]
    tables = list(joined(made, n_rows=wanted))
    assert [number for table in tables for number in table["n"].to_pylist()] == list(range(sum(sizes)))
    assert all(table.num_rows >= wanted for table in tables[:-1])
    assert all(table.num_rows for table in tables)
