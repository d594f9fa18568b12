"""One batch of records, encoded for an index, and the search through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from merestone.core.criteria import expression as ex
from merestone.core.rules.flatten import Check
from merestone.engines.kernel import loops
from merestone.engines.kernel.classes import AxisReader, degrees, plain, texts
from merestone.engines.kernel.index import Index
from merestone.engines.kernel.residual import Facts, Residual
from merestone.engines.kernel.settle import Answer, Matches

ALL = 1 << 30
_MANY_PIECES = 64  # of a column, from which they are put together first
_EVERY_ROW = np.zeros(0, np.int32)
_NO_ANSWERS = np.zeros(0, np.int64), np.zeros(0, bool)


@dataclass(frozen=True, eq=False)
class Texts:
    """Text columns for the loops: bytes of slot s, row i are ``data[starts[s, i]:starts[s, i + 1]]``."""

    starts: np.ndarray
    valid: np.ndarray
    data: np.ndarray


@dataclass(frozen=True, eq=False)
class Batch:
    """Records as the loops want them.

    Parameters
    ----------
    n_rows : int
    rows : (n_axes, n_rows) int32 array
        Rows of the bitmaps on the axes outside groups, in the order of ``Index.loose``.
    group_of : (n_rows,) int32 array
    bitmaps : (n_bitmaps, n_words) uint64 array
    latitude, longitude : float arrays
        Empty when no check measures.
    texts : Texts
    ask : callable
        ``(check, rows) -> bool array``: asks a check of some rows outside the loops.
    """

    n_rows: int
    rows: np.ndarray
    group_of: np.ndarray
    bitmaps: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    texts: Texts
    ask: Callable[[Check, np.ndarray], np.ndarray]


class Columns:
    """The columns of a table by field, under its name or an alias.

    Parameters
    ----------
    facts : Facts
    table : pa.Table or pa.RecordBatch
    """

    def __init__(self, facts: Facts, table: pa.Table | pa.RecordBatch) -> None:
        self._facts, self._table = facts, table
        self._names = {name: name for name in table.schema.names}

    def __call__(self, field: str) -> pa.Array | None:
        """Return a column in one piece; None when the table has none of this field."""
        pieces = self.pieces(field)
        if len(pieces) == 1:
            return pieces[0]
        return pa.concat_arrays(pa.chunked_array(pieces).unify_dictionaries().chunks)

    def pieces(self, field: str) -> Sequence[pa.Array | None]:
        """Return a column in pieces if these have dictionaries of their own, which may be known already, or in one."""
        name = self._facts.fields.raw(self._names, self._facts.fields[field])
        column = None if name is None else self._table.column(name)
        if not isinstance(column, pa.ChunkedArray):
            return [column]
        if column.num_chunks == 1:
            return column.chunks
        if pa.types.is_dictionary(column.type) and 1 < column.num_chunks < _MANY_PIECES:
            return column.chunks
        chunks = column.unify_dictionaries().chunks
        return [pa.concat_arrays(chunks) if chunks else pa.nulls(0, column.type)]


def encode_batch(
    index: Index, table: pa.Table | pa.RecordBatch, *, facts: Facts, readers: Mapping[str, AxisReader]
) -> Batch:
    """Return a table's rows encoded for an index."""
    n_rows = table.num_rows
    column = Columns(facts, table)

    def row_numbers(number: int) -> np.ndarray:
        axis = index.axes[number]
        reader = readers[axis.field]
        found = []
        for part in column.pieces(axis.field):
            codes, classes = reader.read(part, n_rows=n_rows if part is None else len(part))
            found.append(rows_of(index, number, reader=reader, classes=classes)[codes])
        return found[0] if len(found) == 1 else np.concatenate(found)

    rows = np.empty((len(index.loose), n_rows), np.int32)
    for place, number in enumerate(index.loose):
        rows[place] = row_numbers(number)
    group_of = index.group([row_numbers(number) for number in index.groups.axes], n_rows=n_rows)
    checks = index.checks
    nothing = np.zeros(0)
    return Batch(
        n_rows,
        rows,
        group_of,
        index.bitmaps,
        degrees(column("latitude"), n_rows=n_rows) if checks.needs_location else nothing,
        degrees(column("longitude"), n_rows=n_rows) if checks.needs_location else nothing,
        _texts([texts(column(field), n_rows=n_rows) for field in checks.fields], n_rows=n_rows),
        _asker(column, facts),
    )


def rows_of(index: Index, number: int, *, reader: AxisReader, classes: np.ndarray) -> np.ndarray:
    """Return the bitmap row of each class that the reader of an axis found (of a list: of each combination)."""
    if index.row_of_class[number] is not None:
        return index.rows_of(number, classes, ())
    known = reader.row_of_combination
    if len(known) < 2 + classes.max(initial=-1):
        unasked = np.arange(len(known) - 1, len(reader.combinations))
        known = np.append(known, index.rows_of(number, unasked, reader.combinations))
        reader.row_of_combination = known
    return known[classes + 1]


def _texts(columns: list[pa.Array], *, n_rows: int) -> Texts:
    starts = np.zeros((len(columns), n_rows + 1), np.int64)
    valid = np.ones((len(columns), n_rows), bool)
    data: list[np.ndarray] = []
    length = 0
    for slot, column in enumerate(columns):
        _, offsets, content = column.buffers()
        bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + n_rows + 1]
        part = np.frombuffer(content, np.uint8)[bounds[0] : bounds[-1]] if content else np.zeros(0, np.uint8)
        starts[slot] = bounds - bounds[0] + length
        if column.null_count:
            valid[slot] = np.asarray(column.is_valid())
        data.append(part)
        length += len(part)
    return Texts(starts, valid, data[0] if len(data) == 1 else np.concatenate([*data, np.zeros(0, np.uint8)]))


def _asker(
    column: Callable[[str], pa.Array | None], facts: Facts
) -> Callable[[Check, np.ndarray], np.ndarray]:
    def ask(check: Check, rows: np.ndarray) -> np.ndarray:
        names = {facts.fields[name].name for name in ex.fields_used(check.expr)}
        if any(leaf.field is None for leaf in ex.leaves(check.expr)):
            names |= {"latitude", "longitude"}
        columns = {name: array for name in sorted(names) if (array := column(name)) is not None}
        places = pa.array(rows)
        part = pa.table(
            {"row": places, **{name: plain(array).take(places) for name, array in columns.items()}}
        )
        answers = np.zeros(len(rows), bool)
        answers[Residual(facts, part).select(check.expr, None, want=check.wanted)] = True
        return answers

    return ask


# --- searching --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Aim:
    """What a search is after.

    Parameters
    ----------
    depth : int
        Primary rules after which a row is done.
    emit_from : int
        Matches by conjunctions from here on are listed.
    """

    depth: int
    emit_from: int


def search(
    index: Index,
    batch: Batch,
    *,
    aim: Aim,
    subset: np.ndarray = _EVERY_ROW,
    skipped: np.ndarray | None = None,
) -> tuple[Answer, Matches]:
    """Return the answer by rule of each row (of ``subset``, if it is not empty), and the matches asked for.

    Parameters
    ----------
    skipped : (n_rules,) bool array, optional
        Rules that do not count.
    """
    n_rules = 1 + int(index.rule_of.max(initial=-1))
    if skipped is None:
        skipped = np.zeros(n_rules, bool)
    found = _Findings(batch.n_rows)
    asked = _pass(index, batch, aim, subset, skipped, found, _NO_ANSWERS)
    if asked is not None:
        rows, answers = _answers(batch, index.checks.every, *asked)
        _pass(index, batch, aim, rows, skipped, found, answers)
    nobody = np.zeros(batch.n_rows, bool)
    answer = Answer(
        found.winner, nobody, found.runner_up, nobody, found.n_matches, Matches.by_rule(*_NOTHING)
    )
    return answer, found.matches()


_NOTHING = np.zeros(0, np.int32), np.zeros(0, np.int32)


class _Findings:
    def __init__(self, n_rows: int) -> None:
        self.winner, self.runner_up = np.full(n_rows, -1, np.int32), np.full(n_rows, -1, np.int32)
        self.n_matches = np.zeros(n_rows, np.int32)
        self.parts: list[tuple[np.ndarray, np.ndarray]] = [_NOTHING]

    def matches(self) -> Matches:
        rows, rules = (np.concatenate(part) for part in zip(*self.parts, strict=True))
        return Matches.by_rule(rows, rules)


def _pass(
    index: Index,
    batch: Batch,
    aim: Aim,
    subset: np.ndarray,
    skipped: np.ndarray,
    found: _Findings,
    answers: Any,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Scan the rows once; return the (rows, checks) that have to be asked elsewhere, or None."""
    checks, place, last = index.checks, 0, len(subset) or batch.n_rows
    met = index.groups.met  # knows every group of the batch, and the tables made since
    room = max(1024, last // 4)
    asked: list[tuple[np.ndarray, np.ndarray]] = []
    while place < last:
        out_row, out_rule, ask_row, ask_check = (np.empty(room, np.int32) for _ in range(4))
        after, n_out, n_ask = loops.scan(
            subset, place, last, aim.depth, index.n_primary, aim.emit_from, batch.group_of, met.start,
            met.words, met.bits, met.block_of, met.first, met.conjunctions, met.n_words, met.base, met.tables,
            index.tabled.first_row, batch.rows, batch.bitmaps, index.cards, index.bound_to, skipped,
            checks.of, checks.kinds, checks.wanted, checks.centres, checks.slot_of, checks.needle_start,
            checks.needle_bounds, checks.needles, batch.latitude, batch.longitude, batch.texts.starts,
            batch.texts.valid, batch.texts.data, *answers, found.winner, found.runner_up, found.n_matches,
            out_row, out_rule, ask_row, ask_check,
        )  # fmt: skip
        found.parts.append((out_row[:n_out].copy(), out_rule[:n_out].copy()))
        if n_ask:
            asked.append((ask_row[:n_ask].copy(), ask_check[:n_ask].copy()))
        room, place = (room if after > place else room * 4), after
    if not asked:
        return None
    return np.concatenate([rows for rows, _ in asked]), np.concatenate([checks for _, checks in asked])


def _answers(
    batch: Batch, checks_by_number: tuple[Check, ...], rows: np.ndarray, checks: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return the rows to scan again, and the answers to their checks by ascending row × n_checks + check."""
    n_checks = len(checks_by_number)
    keys = np.unique(rows.astype(np.int64) * n_checks + checks)
    answers = np.zeros(len(keys), bool)
    row_of, check_of = np.divmod(keys, n_checks)
    order = np.argsort(check_of, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(check_of[order])) + 1):
        answers[places] = batch.ask(checks_by_number[int(check_of[places[0]])], row_of[places])
    return np.unique(row_of).astype(np.int32), (keys, answers)
