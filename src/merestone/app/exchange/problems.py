"""Row problems as data: the one schema by which readers and the normaliser report wrong cells.

A row named here as an error is rejected; as a warning it is accepted, and the person is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

ROW_PROBLEMS = pa.schema(
    [
        ("row", pa.int64()),  # number of the row in the file as a spreadsheet shows it: the header is 1
        ("column", pa.string()),  # the header in the file; empty when the whole row is meant
        ("code", pa.string()),
        ("value", pa.string()),
        ("message", pa.string()),
        ("fix", pa.string()),
    ]
)


def problem_table(records: Iterable[Mapping[str, Any]] = ()) -> pa.Table:
    """Return records with the keys of ``ROW_PROBLEMS`` as a table; missing keys are null."""
    return pa.Table.from_pylist([dict(record) for record in records], schema=ROW_PROBLEMS)


def join_problems(tables: Iterable[pa.Table]) -> pa.Table:
    """Return all problems in one table, ordered by row, then as they came."""
    joined = pa.concat_tables([problem_table(), *tables])
    return joined.sort_by([("row", "ascending")]) if joined.num_rows else joined


def shorten(value: str, *, limit: int = 80) -> str:
    """Return the value cut for a message."""
    return value if len(value) <= limit else f"{value[: limit - 1]}…"
