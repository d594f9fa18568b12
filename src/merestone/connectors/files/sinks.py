"""Result files written batch by batch: under a name of their own beside the target, which they replace when whole."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast

import pyarrow as pa
import pyarrow.compute as pc

from merestone.base.errors import UsageError
from merestone.connectors.files.columnar import as_text
from merestone.connectors.files.guard import RISKY, guard

_EXCEL_ROWS = 1_048_575  # with the header one more
_SUFFIXES = {
    "": "csv", ".csv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet", ".xlsx": "xlsx",
    ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip


class Writer(Protocol):
    """Writes rows of one form to an open file."""

    def write(self, rows: pa.Table) -> None:
        """Write the next rows; the first call says the columns."""
        ...

    def close(self) -> None:
        """Write what stands at the end."""
        ...

    def abandon(self) -> None:
        """Let go of the file, which will not be kept."""
        ...


def open_sink(path: Path) -> Sink:
    """Return where results go: CSV, Parquet, Excel (``.xlsx``), JSON or JSON lines, by the target's suffix.

    Raises
    ------
    UsageError
        Unknown suffix; from ``write``: more rows than a workbook holds.
    """
    fmt = _SUFFIXES.get(path.suffix.lower())
    if fmt is None:
        raise UsageError(
            f"There is no file format '{path.suffix.lstrip('.')}'.",
            fix="Use .csv, .parquet, .xlsx, .json or .jsonl.",
        )
    return Sink(path, fmt)


class Sink:
    """A file being written.

    Parameters
    ----------
    path : Path
        Where it will be. What is no regular file (a device, a pipe) is written at once.
    fmt : str
        ``csv``, ``parquet``, ``xlsx``, ``json`` or ``jsonl``.
    """

    def __init__(self, path: Path, fmt: str) -> None:
        self.target = path.resolve() if path.is_symlink() else path
        is_regular = self.target.is_file() or not self.target.exists()
        if self.target.is_dir():
            raise UsageError(f"'{path}' is a folder.", fix="Name a file in it.", code="unusable-path")
        name = f".{self.target.name}.{secrets.token_hex(4)}.part"
        self.written = self.target.with_name(name) if is_regular else self.target
        try:
            self.file = self.written.open("xb" if is_regular else "wb")
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        self.writer: Writer = _WRITERS[fmt](self.file)
        self.is_done = False

    def write(self, rows: pa.Table) -> None:
        """Write the next rows."""
        self.writer.write(rows)

    def commit(self) -> None:
        """Give the file its name."""
        self.writer.close()
        self.file.flush()
        self.file.close()
        self.is_done = True
        if self.written != self.target:
            if self.target.exists():
                self.written.chmod(self.target.stat().st_mode & 0o7777)
            self.written.replace(self.target)

    def discard(self) -> None:
        """Leave nothing behind, if it was not committed."""
        if self.is_done:
            return
        self.is_done = True
        with suppress(OSError, pa.ArrowException):  # the disk may be full
            self.writer.abandon()
            self.file.close()
        if self.written != self.target:
            self.written.unlink(missing_ok=True)


class _Plain:
    """What has nothing to let go of."""

    def abandon(self) -> None:
        return


class _Csv(_Plain):
    """Comma-separated text in UTF-8, lines ended as the standard says, cells safe in a spreadsheet."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.has_header = file, False

    def write(self, rows: pa.Table) -> None:
        if not self.has_header:
            self.has_header = True
            names = pa.chunked_array([rows.column_names], pa.string())
            header = _quoted(guard(names).combine_chunks()).to_pylist()
            self.file.write((",".join(header) + "\r\n").encode())
        for batch in rows.to_batches():
            if batch.num_rows:
                cells = [_cells(column) for column in batch.columns]
                self.file.write(_lines(cells))

    def close(self) -> None:
        return


def _cells(column: pa.Array) -> pa.Array:
    """Return a column as text of a CSV file; of codes, each word is looked at once."""
    if pa.types.is_dictionary(column.type):
        return _cells(column.dictionary).take(column.indices)
    text = as_text(pa.chunked_array([column])).cast(pa.large_string()).combine_chunks()
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if not is_text and not pa.types.is_list(column.type):
        return text
    if pc.any(pc.match_substring_regex(text, RISKY)).as_py():
        text = guard(pa.chunked_array([text])).combine_chunks()
    return _quoted(text)


def _quoted(text: pa.Array) -> pa.Array:
    odd = pc.match_substring_regex(text, '[",\\r\\n]')
    if not pc.any(odd).as_py():
        return text
    inner = pc.replace_substring(text, '"', '""')
    quote = pa.scalar('"', text.type)
    nothing = pa.scalar("", text.type)
    return pc.if_else(odd, pc.binary_join_element_wise(quote, inner, quote, nothing), text)


def _lines(cells: list[pa.Array]) -> memoryview:
    """Return the rows as bytes: Arrow keeps the texts of a column one after the other, so joined cells are lines."""
    empty, comma = pa.scalar("", pa.large_string()), pa.scalar(",", pa.large_string())
    ended = pc.binary_join_element_wise(
        pc.fill_null(cells[-1], ""), pa.scalar("\r\n", pa.large_string()), empty
    )
    lines = pc.binary_join_element_wise(
        *cells[:-1], ended, comma, null_handling="replace", null_replacement=""
    )
    offsets = pa.Array.from_buffers(
        pa.int64(), len(lines) + 1, [None, lines.buffers()[1]], offset=lines.offset
    )
    return memoryview(lines.buffers()[2])[offsets[0].as_py() : offsets[len(lines)].as_py()]


class _Parquet:
    """Parquet; codes are written as the words they stand for."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.writer: Any = None

    def write(self, rows: pa.Table) -> None:
        import pyarrow.parquet as pq

        if self.writer is None:
            self.schema = pa.schema([pa.field(field.name, _plain(field.type)) for field in rows.schema])
            self.writer = pq.ParquetWriter(
                self.file,
                self.schema,
                compression="zstd",
                use_dictionary=[
                    name for name in self.schema.names if name != "id"
                ],  # hardly any id comes twice
            )
        self.writer.write_table(rows.cast(self.schema))

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()

    def abandon(self) -> None:
        self.close()


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


class _Excel(_Plain):
    """A workbook, which is written when all its rows are known."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.n_rows = file, 0
        self.parts: list[pa.Table] = []

    def write(self, rows: pa.Table) -> None:
        self.n_rows += rows.num_rows
        if self.n_rows > _EXCEL_ROWS:
            raise UsageError(
                f"An Excel sheet holds {_EXCEL_ROWS:,} rows below its header; this result has more.",
                fix="Write CSV or Parquet.",
            )
        self.parts.append(rows)

    def close(self) -> None:
        from merestone.connectors.files.writer import write_table

        write_table(
            pa.concat_tables(self.parts, promote_options="permissive"), cast(BinaryIO, self.file), fmt="xlsx"
        )


class _JsonLines(_Plain):
    """One object a line."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def write(self, rows: pa.Table) -> None:
        self.file.write(_objects(rows))

    def close(self) -> None:
        return


class _Json(_Plain):
    """An array of objects, one a line."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.before = file, b"[\n"

    def write(self, rows: pa.Table) -> None:
        if rows.num_rows:
            self.file.write(self.before + _objects(rows).rstrip(b"\n").replace(b"\n", b",\n"))
            self.before = b",\n"

    def close(self) -> None:
        self.file.write(b"[]\n" if self.before == b"[\n" else b"\n]\n")


def _objects(rows: pa.Table) -> bytes:
    import polars as pl

    frame = pl.from_arrow(rows.cast(pa.schema([(field.name, _plain(field.type)) for field in rows.schema])))
    assert isinstance(frame, pl.DataFrame)
    return frame.write_ndjson().encode()


_WRITERS: dict[str, Callable[[IO[bytes]], Writer]] = {
    "csv": _Csv,
    "parquet": _Parquet,
    "xlsx": _Excel,
    "json": _Json,
    "jsonl": _JsonLines,
}
