"""What runs in Spark's Python workers: Arrow batches in, where their records belong out.

The rules come as a broadcast of pickled bytes, which a worker process reads once however many tasks it runs.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from merestone.app.file_cells import CellReader
from merestone.app.file_places import PlaceNames

if TYPE_CHECKING:
    from pyspark import Broadcast

    from merestone.app.ports import CompiledRules
    from merestone.core.rules import Ruleset

WINNER_COLUMNS = ("id", "territory", "cause", "runner_up", "rank")
MATCH_COLUMNS = ("id", "territory", "is_winner", "is_overlay")
ROWS_AT_ONCE = 1 << 17
"""Each call of the rules has a price of its own, so that small batches are joined up to this many rows."""

Change = Callable[[pa.ChunkedArray], pa.ChunkedArray]
"""A change to a text column: taking the mark of a formula off its cells, or putting it on."""
Cells = Callable[[pa.Table], pa.Table]
"""Reads a batch."""

_READY: dict[str, CompiledRules] = {}


@dataclass(frozen=True, slots=True)
class Task:
    """What to do with the batches of a partition.

    Parameters
    ----------
    rules : Broadcast of bytes
        Pickled ``CompiledRules``.
    key : str
        Names these bytes among all that a worker may have met.
    all_matches : bool
        Answer with every match instead of winners.
    reading : Reading, optional
        How to read the cells of a file or table; None when the columns are as the rules want them.
    guard : callable, optional
        Marks ids of text that a spreadsheet could run.
    """

    rules: Broadcast[bytes]
    key: str
    all_matches: bool = False
    reading: Reading | None = None
    guard: Change | None = None

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the answers to a partition's batches, rows in their order."""
        cells: Cells | None = None
        for table in joined(batches):
            rules = _ready(self.key, self.rules)
            if self.reading is not None:
                cells = cells or self.reading.start(rules.ruleset)
                table = cells(table)
            yield from self._answer(rules, table).to_batches()

    def _answer(self, rules: CompiledRules, table: pa.Table) -> pa.Table:
        found = rules.every_match(table) if self.all_matches else rules.match(table)
        answer = plain(found.select(MATCH_COLUMNS if self.all_matches else WINNER_COLUMNS))
        return answer if self.guard is None else _with_text(answer, ["id"], change=self.guard)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the cells of files are read: as the other engines do.

    Parameters
    ----------
    gazetteer : callable
        Returns what knows names of places; called in the worker, when a word looks like one.
    unguard : callable, optional
        Takes marks of formulas off text.
    """

    gazetteer: Callable[[], Any]
    unguard: Change | None = None

    def start(self, ruleset: Ruleset) -> Cells:
        """Return what reads the batches of one partition, in their order."""
        reader: CellReader | None = None
        position = 0

        def read(table: pa.Table) -> pa.Table:
            nonlocal reader, position
            if reader is None:
                names = {name: name for name in table.column_names}
                reader = CellReader(ruleset.fields, names, PlaceNames(lambda: ruleset, self.gazetteer))
            if self.unguard is not None:
                table = _with_text(table, table.column_names, change=self.unguard)
            position += table.num_rows
            return reader.read(table, start=position - table.num_rows)

        return read


def joined(batches: Iterable[pa.RecordBatch], *, n_rows: int = ROWS_AT_ONCE) -> Iterator[pa.Table]:
    """Yield the batches as tables of about ``n_rows`` rows; none for empty ones."""
    waiting: list[pa.RecordBatch] = []
    n_waiting = 0
    for batch in batches:
        if batch.num_rows:
            waiting.append(batch)
            n_waiting += batch.num_rows
        if n_waiting >= n_rows:
            yield pa.Table.from_batches(waiting)
            waiting, n_waiting = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def plain(table: pa.Table) -> pa.Table:
    """Return the table without dictionaries, which Spark does not read."""
    schema = pa.schema([(field.name, _plain_type(field.type)) for field in table.schema])
    return table if schema.equals(table.schema) else table.cast(schema)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _with_text(table: pa.Table, names: Iterable[str], *, change: Change) -> pa.Table:
    for name in names:
        if pa.types.is_string(table[name].type) or pa.types.is_large_string(table[name].type):
            table = table.set_column(table.column_names.index(name), name, change(table[name]))
    return table


def _ready(key: str, rules: Broadcast[bytes]) -> CompiledRules:
    """Return the rules, unpickled once per process; the ones of an earlier run make room."""
    if key not in _READY:
        _one_core_each()
        _READY.clear()
        _READY[key] = _unpickled(rules.value)
    return _READY[key]


def _unpickled(data: bytes) -> Any:
    return pickle.loads(data)  # noqa: S301  # made by the driver of this very run


def _one_core_each() -> None:
    """Keep to the cores of one task: Spark runs a worker for each of its own, and says how many there are."""
    os.environ.setdefault("NUMBA_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
