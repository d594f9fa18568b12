"""Rules made ready to match; see ``CompiledRules`` of the ports for what each answer holds."""

from __future__ import annotations

import itertools
import os
import pickle
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from merestone.base.errors import UsageError
from merestone.base.memory import collecting_paused
from merestone.core.criteria import expression as ex
from merestone.core.rules import Ruleset
from merestone.core.rules.flatten import flatten
from merestone.engines.kernel.batch import ALL, Aim, Batch, Columns, encode_batch, search
from merestone.engines.kernel.classes import AxisReader
from merestone.engines.kernel.derived import reader_of
from merestone.engines.kernel.index import Index, build_index
from merestone.engines.kernel.mentions import Mentions
from merestone.engines.kernel.reach import Reach
from merestone.engines.kernel.residual import Facts
from merestone.engines.kernel.settle import ANSWERS, Answer, Matches, Standing, named
from merestone.engines.kernel.versions import Traits

BATCH_ROWS = 131_072
_LARGE_PIECE = 1024  # rows
_FEW_IN = 16  # rows of which one more or less is not worth asking twice
N_THREADS = max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class KernelRules:
    """Rules made ready by the kernel.

    Parameters
    ----------
    facts : Facts
        What reading a record takes.
    index : Index
        Of every rule that claims records.
    standing : Standing
        The rules in columns.
    mentions : Mentions
        Records that rules name or exclude.
    source : Ruleset or bytes
        The rules themselves; pickled where they have come from elsewhere and nobody has asked for them yet.
    near : mapping of str to AxisReader, optional
        What reads the fields for rules much like these: it knows columns already.
    """

    facts: Facts
    index: Index
    standing: Standing
    mentions: Mentions
    source: Ruleset | bytes
    near: Mapping[str, AxisReader] | None = None

    @classmethod
    def of(
        cls,
        ruleset: Ruleset,
        *,
        claims: Collection[int] | None = None,
        near: Mapping[str, AxisReader] | None = None,
    ) -> KernelRules:
        """Return these rules made ready (only ``claims`` of them claim records by rule)."""
        facts = Facts(ruleset.fields, ruleset.lists, ruleset.areas)
        with collecting_paused():
            index = build_index(flatten(ruleset), ruleset.rules, claims=claims)
        return cls(facts, index, Standing.of(ruleset.rules), Mentions.of(ruleset.rules), ruleset, near)

    def __getstate__(self) -> dict[str, Any]:
        source = self.source if isinstance(self.source, bytes) else pickle.dumps(self.source)
        names = ("facts", "index", "standing", "mentions")
        return {name: getattr(self, name) for name in names} | {"source": source}

    @cached_property
    def ruleset(self) -> Ruleset:
        """The rules themselves."""
        return pickle.loads(self.source) if isinstance(self.source, bytes) else self.source  # noqa: S301

    # --- the port -----------------------------------------------------------------------------------------------------

    def match(self, table: pa.Table) -> pa.Table:
        """Return where each row belongs."""
        parts = [answer.table(self.standing) for answer in self.each(table, self.answer)]
        answers = pa.concat_tables(parts) if parts else ANSWERS.empty_table()
        return pa.table(
            [ids_of(table), *answers.columns], schema=pa.schema([("id", ids_of(table).type), *ANSWERS])
        )

    def winners(self, table: pa.Table) -> pa.Array:
        """Return the winning key per row."""
        found = [
            np.zeros(0, np.int32),
            *self.each(table, lambda part: self.winners_of(self.encode(part), part)),
        ]
        positions = np.concatenate(found)
        return pa.DictionaryArray.from_arrays(pa.array(positions, mask=positions < 0), self.standing.keys)

    def every_match(self, table: pa.Table) -> pa.Table:
        """Return one row per match."""
        ids = ids_of(table)
        parts, start = [], 0
        for size, matches in self.each(table, lambda part: (part.num_rows, self.matches(part))):
            parts.append(self._listed(matches, ids, start))
            start += size
        return pa.concat_tables(parts) if parts else self._listed(_NO_MATCHES, ids, 0)

    def counts(self, table: pa.Table) -> pa.Table:
        """Return matches and wins per rule."""
        n_rules = len(self.standing.keys)
        every, wins = np.zeros(n_rules, np.int64), np.zeros(n_rules, np.int64)
        for matches in self.each(table, self.matches):
            every += np.bincount(matches.rules, minlength=n_rules)
            wins += np.bincount(matches.rules[self._is_winner(matches)], minlength=n_rules)
        return pa.table({"territory": self.standing.keys, "n_matches": every, "n_winners": wins})

    def winner(self, record: Mapping[str, Any]) -> str | None:
        """Return the winning key of one record."""
        return self.online.winner(record)

    # --- in two steps, for whoever keeps encoded batches --------------------------------------------------------------

    def encode(self, part: pa.Table | pa.RecordBatch) -> Batch:
        """Return a part of a table encoded for these rules."""
        return encode_batch(self.index, part, facts=self.facts, readers=self.readers)

    def winners_of(self, batch: Batch, part: pa.Table | pa.RecordBatch) -> np.ndarray:
        """Return the position of the winning rule per row of an encoded part; -1 = unassigned queue."""
        answer, _ = search(self.index, batch, aim=Aim(1, len(self.index.rule_of)))
        return self._corrected(answer, batch, part).winner

    # --- the parts ----------------------------------------------------------------------------------------------------

    @cached_property
    def readers(self) -> dict[str, AxisReader]:
        """Field -> what reads it."""
        near = self.near or {}
        return {axis.field: reader_of(axis, near.get(axis.field)) for axis in self.index.axes}

    @cached_property
    def reach(self) -> Reach:
        """What tells quickly which rows the rules may match."""
        return Reach(self.index, self.readers)

    @cached_property
    def traits(self) -> Traits:
        """The rules as later versions are compared with them."""
        return Traits.of(self.ruleset.rules)

    @cached_property
    def online(self) -> Any:
        """The same index for single records, without machine code."""
        from merestone.engines.kernel.online import Online

        keys = self.standing.keys.to_pylist()
        return Online(
            self.facts, self.index, keys=keys, mentioned=self.mentions.keys, ruleset=lambda: self.ruleset
        )

    def answer(self, part: pa.Table) -> Answer:
        """Return the answer of each row of a part."""
        batch = self.encode(part)
        return self._corrected(self._by_rule(batch, None), batch, part)

    def answers_by_rule(
        self, part: pa.Table, *, skipping: Collection[np.ndarray], depth: int = ALL
    ) -> list[Answer]:
        """Return the answer of each row as if nobody were named or excluded, without these rules or without those.

        After ``depth`` primary rules nobody asks on.
        """
        batch = self.encode(part)
        return [self._by_rule(batch, skipped, depth=depth) for skipped in skipping]

    def rows_matched(self, part: pa.Table) -> np.ndarray:
        """Return the rows that some rule matches, names and exclusions left aside; perhaps twice, or a few too many."""
        rows = self.reach.rows(Columns(self.facts, part), n_rows=part.num_rows)
        if self.reach.is_exact or len(rows) * _FEW_IN <= part.num_rows:
            return rows
        answer, overlays = search(
            self.index, self.encode(rows_taken(part, rows)), aim=Aim(1, self.index.n_primary)
        )
        return rows[np.concatenate([np.flatnonzero(answer.winner >= 0), overlays.rows])]

    def _by_rule(self, batch: Batch, skipped: np.ndarray | None, *, depth: int = ALL) -> Answer:
        answer, overlays = search(self.index, batch, aim=Aim(depth, self.index.n_primary), skipped=skipped)
        return replace(answer, overlays=overlays)

    def matches(self, part: pa.Table, *, skipped: np.ndarray | None = None) -> Matches:
        """Return every match of a part, names and exclusions respected, in the order of ``every_match``."""
        batch = self.encode(part)
        _, found = search(self.index, batch, aim=Aim(ALL, 0), skipped=skipped)
        rows = self.mentions.rows(part)
        if rows:
            found = self.mentions.applied(found, rows, skipped)
        return self.standing.sorted(found)

    def _corrected(self, answer: Answer, batch: Batch, part: pa.Table | pa.RecordBatch) -> Answer:
        """Return the answer with the rows that rules name or exclude decided by all their matches."""
        rows = self.mentions.rows(part)
        if not rows:
            return answer
        subset = np.array(sorted(rows), np.int32)
        _, found = search(self.index, batch, aim=Aim(ALL, 0), subset=subset)
        found = self.mentions.applied(found, rows, None)
        local = Matches(np.searchsorted(subset, found.rows), found.rules, found.is_named)
        return answer.override(subset, Answer.settled(len(subset), local, standing=self.standing))

    def each(self, table: pa.Table, work: Callable[[pa.Table], Found]) -> Iterator[Found]:
        """Yield the work on each part of a table in order, on every core."""
        parts = list(parts_of(table))
        if len(parts) < 2 or N_THREADS == 1:
            yield from map(work, parts)
            return
        with ThreadPoolExecutor(N_THREADS) as pool:
            yield from pool.map(work, parts)

    def columns(self, names: Collection[str]) -> set[str]:
        """Return those of ``names`` that these rules look at, by field name or alias."""
        own = {name: name for name in names}
        found = (self.facts.fields.raw(own, self.facts.fields[field]) for field in self._fields)
        return {name for name in found if name is not None}

    @cached_property
    def _fields(self) -> frozenset[str]:
        """The fields that the rules look at."""
        fields = {axis.field for axis in self.index.axes}
        for check in self.index.checks.every:
            fields.update(self.facts.fields[name].name for name in ex.fields_used(check.expr))
            if any(leaf.field is None for leaf in ex.leaves(check.expr)):
                fields |= {"latitude", "longitude"}
        return frozenset(fields)

    def _is_winner(self, matches: Matches) -> np.ndarray:
        is_first = np.ones(len(matches.rows), bool)
        is_first[1:] = matches.rows[1:] != matches.rows[:-1]
        return is_first & self.standing.is_primary[matches.rules]

    def _listed(self, matches: Matches, ids: pa.ChunkedArray, start: int) -> pa.Table:
        rows = pa.array(matches.rows.astype(np.int64) + start)
        return pa.table(
            {
                "row": rows,
                "id": taken(ids, rows),
                "territory": named(self.standing.keys, matches.rules),
                "is_winner": pa.array(self._is_winner(matches)),
                "is_overlay": pa.array(~self.standing.is_primary[matches.rules]),
            }
        )


_NO_MATCHES = Matches.by_rule(np.zeros(0, np.int32), np.zeros(0, np.int32))


def parts_of(table: pa.Table) -> Iterator[pa.Table]:
    """Yield a table in parts, one or more for each core, that do not reach over the ends of dictionaries if these are long."""
    n_rows = table.num_rows
    size = max(4096, BATCH_ROWS if n_rows > BATCH_ROWS else -(-n_rows // N_THREADS))
    lengths = {
        tuple(map(len, column.chunks))
        for column in table.columns
        if pa.types.is_dictionary(column.type) and column.num_chunks > 1
    }
    ends = sorted(
        {n_rows}.union(*(itertools.accumulate(one) for one in lengths if len(one) * size <= 2 * n_rows))
    )
    start = 0
    for end in ends:
        for at in range(start, end, size):
            yield table.slice(at, min(size, end - at))
        start = end


def rows_taken(table: pa.Table, rows: np.ndarray) -> pa.Table:
    """Return some rows of a table (ascending); see ``gathered`` for its pieces."""
    if len(rows) == table.num_rows:
        return table
    batches = table.to_batches()
    ends = np.cumsum([batch.num_rows for batch in batches])
    cuts = [0, *np.searchsorted(rows, ends).tolist()]
    pieces = [
        batch.take(pa.array(rows[low:high] - (end - batch.num_rows)))
        for batch, end, low, high in zip(batches, ends.tolist(), cuts, cuts[1:], strict=False)
        if low < high
    ]
    return gathered(pa.Table.from_batches(pieces, table.schema))


def gathered(table: pa.Table) -> pa.Table:
    """Return a table whose large pieces keep their dictionaries, which may be known; small ones are put together."""
    n_pieces = max((column.num_chunks for column in table.columns), default=0)
    if n_pieces < 2 or table.num_rows > n_pieces * _LARGE_PIECE:
        return table
    columns = (
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    )
    return pa.table(dict(zip(table.column_names, columns, strict=True))).combine_chunks()


def ids_of(table: pa.Table) -> pa.ChunkedArray:
    """Return the column by which records are known."""
    names = table.schema.names
    if "id" not in names and "external_id" not in names:
        raise UsageError(
            "The table has no column 'id'.", code="no-id", fix="Name the records in a column 'id'."
        )
    column = table.column("id" if "id" in names else "external_id")
    return pa.chunked_array([column]) if isinstance(column, pa.Array) else column


def takeable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column in a type that rows can be taken of; Arrow cannot take from string views."""
    return column.cast(pa.large_string()) if column.type == pa.string_view() else column


def taken(column: pa.ChunkedArray, rows: pa.Array) -> pa.ChunkedArray:
    """Return some rows of a column in its own type."""
    found = takeable(column).take(rows)
    return found if found.type == column.type else found.cast(column.type)
