"""Rules made ready to match in DuckDB; see ``CompiledRules`` of the ports for what each answer holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.base.errors import UsageError
from merestone.core.criteria import expression as ex
from merestone.core.rules import Ruleset, match_record
from merestone.engines.duckdb.descent import find_claims
from merestone.engines.duckdb.plan import Plan
from merestone.engines.duckdb.session import Limits, NoMemoryError, open_session

RESULT_SCHEMA = pa.schema(
    [
        ("territory", pa.string()),
        ("cause", pa.string()),
        ("n_matches", pa.int32()),
        ("runner_up", pa.string()),
        ("rank", pa.string()),
        ("overlays", pa.list_(pa.string())),
    ]
)
MATCH_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("territory", pa.string()),
        ("is_winner", pa.bool_()),
        ("is_overlay", pa.bool_()),
    ]
)
_COUNT_SCHEMA = pa.schema([("territory", pa.string()), ("n_matches", pa.int64()), ("n_winners", pa.int64())])
_KEY_SCHEMA = pa.schema([("territory", pa.string())])
_ROWS_AT_ONCE = 250_000
_FEWEST_ROWS = 1_000

_MATCH = """
    WITH ranked AS (
        SELECT c.row, c.place, c.is_named, r.key, r.priority, r.depth, r.n_criteria,
               row_number() OVER (PARTITION BY c.row ORDER BY c.place) AS nth,
               count(*) OVER (PARTITION BY c.row) AS n
        FROM claims AS c JOIN rules AS r ON r.rule = c.rule
        WHERE c.is_primary
    ), overlays AS (
        SELECT c.row, list(r.key ORDER BY c.place) AS keys
        FROM claims AS c JOIN rules AS r ON r.rule = c.rule
        WHERE NOT c.is_primary
        GROUP BY c.row
    )
    SELECT w.key AS territory,
           CASE WHEN w.is_named THEN 'named' WHEN NOT w.is_named THEN 'rule' END AS cause,
           CAST(coalesce(w.n, 0) AS INTEGER) AS n_matches,
           l.key AS runner_up,
           CASE WHEN w.key IS NULL THEN NULL
                WHEN l.key IS NULL THEN 'only'
                WHEN w.is_named <> l.is_named THEN 'named'
                WHEN w.priority <> l.priority THEN 'priority'
                WHEN w.depth <> l.depth THEN 'depth'
                WHEN w.n_criteria <> l.n_criteria THEN 'criteria'
                ELSE 'key' END AS rank,
           coalesce(o.keys, []) AS overlays
    FROM facts AS f
    LEFT JOIN ranked AS w ON w.row = f.row AND w.nth = 1
    LEFT JOIN ranked AS l ON l.row = f.row AND l.nth = 2
    LEFT JOIN overlays AS o ON o.row = f.row
    ORDER BY f.row
"""
_WINNERS = """
    SELECT w.key AS territory
    FROM facts AS f
    LEFT JOIN (SELECT row, arg_min(rule, place) AS rule FROM claims WHERE is_primary GROUP BY row) AS c
      ON c.row = f.row
    LEFT JOIN rules AS w ON w.rule = c.rule
    ORDER BY f.row
"""
_EVERY_MATCH = """
    SELECT CAST(c.row AS BIGINT) AS row, r.key AS territory,
           c.is_primary AND c.place = min(c.place) FILTER (c.is_primary) OVER (PARTITION BY c.row) AS is_winner,
           NOT c.is_primary AS is_overlay
    FROM claims AS c JOIN rules AS r ON r.rule = c.rule
    ORDER BY c.row, is_overlay, c.place
"""
_COUNTS = """
    WITH firsts AS (SELECT row, min(place) AS place FROM claims WHERE is_primary GROUP BY row)
    SELECT r.key AS territory, count(c.row) AS n_matches, count(f.row) AS n_winners
    FROM rules AS r
    LEFT JOIN claims AS c ON c.rule = r.rule
    LEFT JOIN firsts AS f ON f.row = c.row AND f.place = c.place AND c.is_primary
    GROUP BY r.rule, r.key
    ORDER BY r.rule
"""


@dataclass(frozen=True)
class DuckdbRules:
    """Rules made ready by DuckDB's engine: plain data, so they can be pickled and shared between threads.

    Parameters
    ----------
    plan : Plan
        The rules as tests and branches.
    limits : Limits
        What each answer may use; every answer opens a database of its own.
    """

    plan: Plan
    limits: Limits

    @property
    def ruleset(self) -> Ruleset:
        """The rules it was made from."""
        return self.plan.ruleset

    def columns(self, names: Collection[str]) -> set[str]:
        """Return those of a table's column names that the rules look at, by field name or alias."""
        fields = self.ruleset.fields
        leaves = [
            leaf for rule in self.ruleset.rules if rule.where is not None for leaf in ex.leaves(rule.where)
        ]
        used = {fields[leaf.field.name].name for leaf in leaves if leaf.field is not None}
        if any(leaf.field is None for leaf in leaves):
            used |= {"latitude", "longitude"}
        own = {name: name for name in names}
        return {name for field in used if (name := fields.raw(own, fields[field])) is not None}

    def match(self, table: pa.Table) -> pa.Table:
        """Return ``id``, ``territory``, ``cause``, ``n_matches``, ``runner_up``, ``rank``, ``overlays`` per row."""
        ids = id_column(table)
        answers = pa.concat_tables(self._answers(_MATCH, table, RESULT_SCHEMA))
        return answers.add_column(0, "id", ids)

    def winners(self, table: pa.Table) -> pa.Array:
        """Return the winning territory's key per row (dictionary-encoded text; null = unassigned queue)."""
        id_column(table)
        answers = pa.concat_tables(self._answers(_WINNERS, table, _KEY_SCHEMA))
        encoded = pc.dictionary_encode(answers["territory"].combine_chunks())
        return encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded

    def every_match(self, table: pa.Table) -> pa.Table:
        """Return ``row``, ``id``, ``territory``, ``is_winner``, ``is_overlay`` per match."""
        ids, first, pieces = id_column(table), 0, []
        for size, answer in self._sized_answers(_EVERY_MATCH, table, MATCH_SCHEMA):
            pieces.append(answer.set_column(0, "row", pc.add(answer["row"], first)))
            first += size
        matches = pa.concat_tables(pieces)
        return matches.add_column(1, "id", taken(ids, matches["row"]))

    def counts(self, table: pa.Table) -> pa.Table:
        """Return ``territory``, ``n_matches``, ``n_winners`` per rule, in the ruleset's order."""
        id_column(table)
        pieces = list(self._answers(_COUNTS, table, _COUNT_SCHEMA))
        total = pieces[0]
        for piece in pieces[1:]:
            for index, name in ((1, "n_matches"), (2, "n_winners")):
                total = total.set_column(index, name, pc.add(total[name], piece[name]))
        return total

    def winner(self, record: Mapping[str, Any]) -> str | None:
        """Return the winning key of one record, by the row oracle: opening a database takes longer than one record."""
        return match_record(self.ruleset, record).winner

    def _answers(self, query: str, table: pa.Table, schema: pa.Schema) -> Iterator[pa.Table]:
        for _, answer in self._sized_answers(query, table, schema):
            yield answer

    def _sized_answers(
        self, query: str, table: pa.Table, schema: pa.Schema
    ) -> Iterator[tuple[int, pa.Table]]:
        """Yield the number of rows and the answer of each batch; one that is too much for the memory is halved."""
        starts = range(0, max(table.num_rows, 1), _ROWS_AT_ONCE)
        waiting = [table.slice(start, _ROWS_AT_ONCE) for start in reversed(starts)]
        while waiting:
            batch = waiting.pop()
            try:
                answer = self._answer(query, batch)
            except NoMemoryError:
                half = batch.num_rows // 2
                if half < _FEWEST_ROWS:
                    raise
                waiting += [batch.slice(half), batch.slice(0, half)]
                continue
            yield batch.num_rows, answer.cast(schema)

    def _answer(self, query: str, batch: pa.Table) -> pa.Table:
        with open_session(self.limits, self.ruleset.areas) as session:
            find_claims(session, self.plan, batch)
            return session.fetch(query)


def id_column(table: pa.Table) -> pa.ChunkedArray:
    """Return the column the records are called by; UsageError when there is none."""
    if "id" not in table.column_names and "external_id" not in table.column_names:
        raise UsageError(
            "The table has no column 'id'.", code="no-id", fix="Name the records in a column 'id'."
        )
    return table["id" if "id" in table.column_names else "external_id"]


def taken(column: pa.ChunkedArray, rows: Any) -> pa.ChunkedArray:
    """Return the rows of a column; Arrow cannot take from string views."""
    if column.type not in (pa.string_view(), pa.binary_view()):
        return column.take(rows)
    return column.cast(pa.large_string()).take(rows).cast(column.type)
