"""Rules made ready to match; see ``CompiledRules`` of the ports for what each answer holds."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.base.errors import UsageError
from merestone.base.memory import collecting_paused
from merestone.core.criteria import expression as ex
from merestone.core.criteria.values import fold
from merestone.core.rules import Rule, Ruleset
from merestone.core.rules.flatten import flatten
from merestone.engines.kernel.batch import ALL, Aim, Batch, encode_batch, rows_in_reach, search
from merestone.engines.kernel.classes import AxisReader, texts
from merestone.engines.kernel.index import Index, build_index
from merestone.engines.kernel.residual import Facts
from merestone.engines.kernel.settle import ANSWERS, Answer, Matches, Standing, named

BATCH_ROWS = 131_072
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
    """

    facts: Facts
    index: Index
    standing: Standing
    mentions: Mentions
    source: Ruleset | bytes

    @classmethod
    def of(cls, ruleset: Ruleset, *, claims: Collection[int] | None = None) -> KernelRules:
        """Return these rules made ready (only ``claims`` of them claim records by rule)."""
        facts = Facts(ruleset.fields, ruleset.lists, ruleset.areas)
        with collecting_paused():
            index = build_index(flatten(ruleset), ruleset.rules, claims=claims)
        return cls(facts, index, Standing.of(ruleset.rules), Mentions.of(ruleset.rules), ruleset)

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
        return {axis.field: AxisReader(axis) for axis in self.index.axes}

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

    def answer_by_rule(self, part: pa.Table, *, skipped: np.ndarray | None = None) -> Answer:
        """Return the answer of each row as if nobody were named or excluded, without the rules ``skipped``."""
        return self._by_rule(self.encode(part), skipped)

    def rows_matched(self, part: pa.Table) -> np.ndarray:
        """Return the rows that some rule matches, names and exclusions left aside; perhaps more than once.

        Geography leaves few rows to few rules, so it is asked first, and the rest only of what it leaves.
        """
        rows = rows_in_reach(self.index, part, facts=self.facts, readers=self.readers)
        if 2 * len(rows) < part.num_rows:
            part = self.narrow(part).take(pa.array(rows))
        else:
            rows = np.arange(part.num_rows)
        answer, overlays = search(self.index, self.encode(part), aim=Aim(1, self.index.n_primary))
        return rows[np.concatenate([np.flatnonzero(answer.winner >= 0), overlays.rows])]

    def narrow(self, table: pa.Table) -> pa.Table:
        """Return only the columns that the rules look at, in types that rows can be taken of, and the ids."""
        wanted = {"id", "external_id"} | self.columns(table.column_names)
        names = [name for name in table.column_names if name in wanted]
        return pa.table({name: takeable(table[name]) for name in names})

    def _by_rule(self, batch: Batch, skipped: np.ndarray | None) -> Answer:
        answer, overlays = search(self.index, batch, aim=Aim(ALL, self.index.n_primary), skipped=skipped)
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
        size = BATCH_ROWS if table.num_rows > BATCH_ROWS else -(-table.num_rows // N_THREADS)
        size = max(size, 4096)
        parts = [table.slice(start, size) for start in range(0, table.num_rows, size)]
        if len(parts) < 2 or N_THREADS == 1:
            yield from map(work, parts)
            return
        with ThreadPoolExecutor(N_THREADS) as pool:
            yield from pool.map(work, parts)

    def columns(self, names: Collection[str]) -> set[str]:
        """Return those of ``names`` that these rules look at, by field name or alias."""
        fields = {axis.field for axis in self.index.axes}
        for check in self.index.checks.every:
            fields.update(self.facts.fields[name].name for name in ex.fields_used(check.expr))
            if any(leaf.field is None for leaf in ex.leaves(check.expr)):
                fields |= {"latitude", "longitude"}
        own = {name: name for name in names}
        found = (self.facts.fields.raw(own, self.facts.fields[field]) for field in fields)
        return {name for name in found if name is not None}

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


# --- names and exclusions ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Mentions:
    """The records that rules name or exclude, by folded external id.

    Parameters
    ----------
    naming : mapping
        Key -> positions of the rules that name it (and do not exclude it themselves).
    excluding : mapping
        Key -> positions of the rules that exclude it, those below them included.
    """

    naming: Mapping[str, frozenset[int]]
    excluding: Mapping[str, frozenset[int]]

    @classmethod
    def of(cls, rules: tuple[Rule, ...]) -> Mentions:
        """Return the mentions of these rules."""
        naming: dict[str, set[int]] = {}
        excluding: dict[str, set[int]] = {}
        for position, rule in enumerate(rules):
            for key in rule.named - rule.exclude:
                naming.setdefault(key, set()).add(position)
            for key in rule.exclude:
                excluding.setdefault(key, set()).add(position)
        if excluding:
            children: dict[int, list[int]] = {}
            for position, rule in enumerate(rules):
                if rule.parent is not None:
                    children.setdefault(rule.parent, []).append(position)
            for positions in excluding.values():
                pending = list(positions)
                while pending:
                    below = children.get(pending.pop(), [])
                    positions.update(below)
                    pending += below
        return cls(
            {key: frozenset(positions) for key, positions in naming.items()},
            {key: frozenset(positions) for key, positions in excluding.items()},
        )

    @cached_property
    def keys(self) -> frozenset[str]:
        """Every key that some rule names or excludes."""
        return frozenset((*self.naming, *self.excluding))

    @cached_property
    def _ascii_keys(self) -> pa.Array:
        return pa.array(sorted(key for key in self.keys if key.isascii()), pa.large_string())

    def rows(self, part: pa.Table | pa.RecordBatch) -> dict[int, str]:
        """Return the rows of a part that are mentioned, with their keys."""
        if not self.keys:
            return {}
        names = part.schema.names
        name = "external_id" if "external_id" in names else "id" if "id" in names else None
        if name is None:
            return {}
        column = part.column(name)
        if isinstance(column, pa.ChunkedArray):
            column = (
                pa.concat_arrays(column.unify_dictionaries().chunks)
                if column.num_chunks
                else column.combine_chunks()
            )
        keys = texts(column, n_rows=part.num_rows)
        is_ascii = pc.string_is_ascii(keys)
        simple = pc.is_in(pc.ascii_lower(pc.utf8_trim_whitespace(keys)), value_set=self._ascii_keys)
        # A letter beyond ASCII may fold into one within it, so such ids are read one by one.
        maybe = pc.fill_null(pc.or_(simple, pc.invert(is_ascii)), False)
        places = np.flatnonzero(np.asarray(maybe))
        found = (
            (int(row), fold(key)) for row, key in zip(places, keys.take(places).to_pylist(), strict=True)
        )
        return {row: key for row, key in found if key in self.keys}

    def applied(self, found: Matches, rows: Mapping[int, str], skipped: np.ndarray | None) -> Matches:
        """Return the matches without those excluded and with those named."""
        kept = np.ones(len(found.rows), bool)
        for place in np.flatnonzero(np.isin(found.rows, list(rows))):
            key = rows[int(found.rows[place])]
            kept[place] = int(found.rules[place]) not in self.excluding.get(key, ())
        pairs = [
            (row, position)
            for row, key in rows.items()
            for position in self.naming.get(key, ())
            if skipped is None or not skipped[position]
        ]
        by_name = np.array(pairs, np.int32).reshape(-1, 2)
        added = Matches(by_name[:, 0], by_name[:, 1], np.ones(len(pairs), bool))
        return Matches.joined(found.where(kept), added)
