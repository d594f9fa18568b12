"""Typed columns as canonical text, and Parquet files through it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.exchange.problems import shorten
from merestone.base.errors import Problem
from merestone.connectors.files.flat import join_lists
from merestone.connectors.files.grid import Grid, check_header, too_many_columns
from merestone.connectors.files.limits import MIB, Limits
from merestone.connectors.files.sniff import refuse


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as text that reads back to the same values; empty text is null.

    Numbers are the shortest text that is exact, dates ISO, instants ISO with ``Z``, lists joined with ``;``.

    Raises
    ------
    pyarrow.ArrowException
        For types that have no flat form (structs, maps).
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.cast(kind.value_type))
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.nulls(len(column), pa.string())])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return join_lists(column)
    if pa.types.is_timestamp(kind):
        return _timestamps(column)
    if pa.types.is_floating(kind):
        return _floats(column)
    text = column.cast(pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _timestamps(column: pa.ChunkedArray) -> pa.ChunkedArray:
    zone = column.type.tz
    text = column.cast(pa.timestamp("us")).cast(pa.string())  # a zoned timestamp is stored as UTC
    text = pc.replace_substring_regex(text, r"\.0+$", "")
    if zone:
        return pc.binary_join_element_wise(text, "Z", "")
    return pc.replace_substring_regex(text, r" 00:00:00$", "")


def _floats(column: pa.ChunkedArray) -> pa.ChunkedArray:
    finite = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    text = finite.cast(pa.string())
    return pc.replace_substring_regex(text, r"\.0$", "")


def read_parquet(path: Path, name: str, *, limits: Limits) -> Grid:
    """Return the table of a Parquet file.

    Raises
    ------
    InvalidInputError
        ``unreadable-file``, ``too-many-columns``, ``too-many-rows``, ``too-large``.
    """
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        meta = file.metadata
        _check(meta, len(file.schema_arrow.names), name=name, limits=limits)
        table = file.read(use_threads=False)
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise refuse(
            "unreadable-file",
            f"The Parquet file {name!r} cannot be read: {shorten(str(error), limit=200)}.",
            "Export it again.",
        ) from error
    grid = Grid(fmt="parquet")
    for title, column in zip(table.column_names, table.columns, strict=True):
        try:
            text = as_text(column)
        except pa.ArrowException:
            grid.notes.append(
                Problem(
                    "unsupported-column",
                    f"Column {title!r} of {name!r} ({column.type}) has no flat form; skipped.",
                )
            )
            continue
        if (pc.max(pc.utf8_length(text)).as_py() or 0) > limits.cell_chars:
            raise refuse(
                "cell-too-long", f"A cell of column {title!r} in {name!r} is too long.", "Shorten it."
            )
        grid.header.append(title)
        grid.columns.append(text)
    grid.row_numbers = pa.chunked_array([pa.array(range(2, table.num_rows + 2), pa.int64())])
    grid.header, grid.columns, notes = check_header(grid.header, grid.columns, name=name, row=1)
    grid.notes += notes
    return grid


def _check(meta: object, n_columns: int, *, name: str, limits: Limits) -> None:
    if n_columns > limits.columns:
        raise too_many_columns(name, found=n_columns, limit=limits.columns)
    n_rows: int = meta.num_rows  # type: ignore[attr-defined]
    groups = range(meta.num_row_groups)  # type: ignore[attr-defined]
    size = sum(meta.row_group(index).total_byte_size for index in groups)  # type: ignore[attr-defined]
    if n_rows > limits.rows:
        raise refuse(
            "too-many-rows", f"The file {name!r} has {n_rows:,} rows; at most {limits.rows:,} are read."
        )
    if size > limits.unpacked_bytes:
        raise refuse(
            "too-large",
            f"The file {name!r} unpacks to {size / MIB:,.0f} MiB.",
            "Split it into several files.",
        )
