"""Parquet in batches: only the wanted columns, text as codes into its distinct values, everything else as typed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from merestone.app.exchange.problems import shorten
from merestone.base.errors import InvalidInputError
from merestone.connectors.files.grid import check_header, too_many_columns
from merestone.connectors.files.limits import Limits
from merestone.connectors.files.sniff import refuse

BATCH_ROWS = 262_144


class ParquetSource:
    """One Parquet file.

    Raises
    ------
    InvalidInputError
        ``unreadable-file``, ``too-many-columns``, ``too-many-rows``, ``duplicate-header``.
    """

    first_row = 2  # as if a header stood above, like all other files

    def __init__(self, path: Path, name: str, *, limits: Limits) -> None:
        self.path, self.name = path, name
        self.notes: list[dict[str, Any]] = []
        try:
            self.file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from error
        self.schema = self.file.schema_arrow
        if len(self.schema.names) > limits.columns:
            raise too_many_columns(name, found=len(self.schema.names), limit=limits.columns)
        self.n_rows: int | None = self.file.metadata.num_rows
        if self.file.metadata.num_rows > limits.rows:
            raise refuse(
                "too-many-rows",
                f"The file {name!r} has {self.file.metadata.num_rows:,} rows; at most {limits.rows:,} are read.",
            )
        full = [pa.chunked_array([[""]]) for _ in self.schema.names]
        check_header(list(self.schema.names), full, name=name, row=1)
        self.headers: Sequence[str] = self.schema.names

    def batches(
        self, wanted: Sequence[str], *, as_codes: Sequence[str]
    ) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Yield batches of the wanted columns."""
        codes = [header for header in as_codes if _is_text(self.schema.field(header).type)]
        done, total = 0, max(1, self.file.metadata.num_rows)
        try:
            file = pq.ParquetFile(self.path, read_dictionary=codes, metadata=self.file.metadata)
            for groups in self._portions():
                for batch in _read(file, groups, list(wanted)):
                    done += batch.num_rows
                    yield batch, done / total
        except MemoryError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from error

    def _portions(self) -> Iterator[list[int]]:
        """Yield row groups that are read together: many small ones cost as much time as one large one."""
        portion: list[int] = []
        n_rows = 0
        for group in range(self.file.metadata.num_row_groups):
            more = self.file.metadata.row_group(group).num_rows
            if portion and n_rows + more > BATCH_ROWS:
                yield portion
                portion, n_rows = [], 0
            portion.append(group)
            n_rows += more
        if portion:
            yield portion

    def problems(self) -> list[dict[str, Any]]:
        """Return nothing: what a Parquet file holds is typed."""
        return []

    def _unreadable(self, error: Exception) -> InvalidInputError:
        said = shorten(str(error), limit=200)
        return refuse(
            "unreadable-file", f"The Parquet file {self.name!r} cannot be read: {said}.", "Export it again."
        )


def _read(file: pq.ParquetFile, groups: list[int], wanted: list[str]) -> Iterator[pa.RecordBatch]:
    if len(groups) > 1:
        table = file.read_row_groups(groups, columns=wanted, use_threads=False).select(wanted)
        yield from table.unify_dictionaries().combine_chunks().to_batches()
        return
    for batch in file.iter_batches(BATCH_ROWS, row_groups=groups, columns=wanted, use_threads=False):
        yield batch.select(wanted)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
