"""Delimited text in batches of text columns; a file the quick reader stumbles over is read again by the careful one.

The careful reader (``delimited``) knows how to tell what is wrong with a file and where; this one is ten times as fast
and never holds more than a block of the file.
"""

from __future__ import annotations

import codecs
import csv
import io
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as pa_csv

from merestone.app.exchange.problems import shorten
from merestone.base.errors import InvalidInputError
from merestone.connectors.files.grid import check_header, too_many_columns
from merestone.connectors.files.guard import unguard
from merestone.connectors.files.limits import Limits
from merestone.connectors.files.sniff import detect_delimiter, detect_encoding, refuse

BLOCK_BYTES = 16 * 1024 * 1024
_BLOCKS_AHEAD = 6
_HEAD_BYTES = 512 * 1024
_CHUNK = 8 * 1024 * 1024
_END = "\ue000end of file\ue000"
_MOST_PROBLEMS = 1_000
_LONGEST_WAIT = 0.5


class DelimitedSource:
    """One file of delimited text.

    Raises
    ------
    InvalidInputError
        As ``delimited.read_delimited`` raises; ``ragged-row`` with every row whose cells do not fit the header.
    """

    n_rows: int | None = None

    def __init__(self, path: Path, name: str, *, limits: Limits) -> None:
        self.path, self.name, self.limits = path, name, limits
        self.size = max(1, path.stat().st_size)
        self.encoding, self.damaged, self.notes = _encoding(path, name)
        head = _head(path, self.encoding)
        self.delimiter = detect_delimiter(head[:200_000], name)
        self.skip, self.header = _header(head, self.delimiter, name=name)
        if len(self.header) > limits.columns:
            raise too_many_columns(name, found=len(self.header), limit=limits.columns)
        full = [
            pa.chunked_array([["" if cell.strip() else None]], pa.string()) for cell in self.header
        ]  # a column without a header is left out
        self.headers: Sequence[str] = check_header(self.header, full, name=name, row=self.skip)[0]
        self.place = {
            " ".join(cell.replace("\ufeff", "").replace("\x00", "").split()): place
            for place, cell in enumerate(self.header)
        }
        self.first_row = self.skip + 1
        self.ragged: list[dict[str, Any]] = []
        self.has_end = False

    def batches(
        self, wanted: Sequence[str], *, as_codes: Sequence[str]
    ) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Yield batches of the wanted columns."""
        if not wanted:
            return
        names = [str(self.place[header]) for header in wanted]
        codes = pa.dictionary(pa.int32(), pa.string())
        kinds = {
            name: codes if header in as_codes else pa.string()
            for name, header in zip(names, wanted, strict=True)
        }
        n_rows = 0
        try:
            with _Marked(self.path, self.encoding, is_damaged=self.damaged) as stream:
                for batch in self._reader(stream, names, kinds):
                    stream.taken()
                    whole = self._without_end(batch, list(wanted))
                    n_rows += whole.num_rows
                    if n_rows > self.limits.rows:
                        raise self._too_many_rows()
                    if whole.num_rows:
                        yield whole, min(1.0, stream.n_read / self.size)
        except MemoryError:
            raise
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise self._diagnosed(error) from error
        if not self.has_end:
            raise self._diagnosed(ValueError("a quote is never closed"))

    def problems(self) -> list[dict[str, Any]]:
        """Return the rows whose cells do not fit the header."""
        return self.ragged

    def _reader(self, stream: _Marked, names: list[str], kinds: dict[str, pa.DataType]) -> Any:
        return pa_csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pa_csv.ReadOptions(
                use_threads=False,
                block_size=min(BLOCK_BYTES, max(1 << 16, self.size * 2)),
                skip_rows=self.skip,
                column_names=[str(place) for place in range(len(self.header))],
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=self._odd_row
            ),
            convert_options=pa_csv.ConvertOptions(
                include_columns=names,
                column_types=kinds,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def _odd_row(self, row: pa_csv.InvalidRow) -> str:
        if row.text.strip() == _END:
            self.has_end = True
        elif row.text.strip(f' \t\r\n"{self.delimiter}') and len(self.ragged) < _MOST_PROBLEMS:
            self.ragged.append(
                {
                    "code": "ragged-row",
                    "message": f"The row has {row.actual_columns} cells, the header has {row.expected_columns}: "
                    f"{shorten(row.text.strip())!r}.",
                    "fix": "Look for a missing or unquoted delimiter in this row.",
                    "where": f"row {row.number}" if row.number is not None else "",
                }
            )
        return "skip"

    def _without_end(self, batch: pa.RecordBatch, wanted: list[str]) -> pa.RecordBatch:
        """Return the batch under the file's headers; of a file with one column the end's mark is a row."""
        columns = [_unguarded(column) for column in batch.columns]
        whole = pa.RecordBatch.from_arrays(columns, names=wanted)
        if len(self.header) == 1 and whole.num_rows and whole.column(0)[-1].as_py() == _END:
            self.has_end = True
            return whole.slice(0, whole.num_rows - 1)
        return whole

    def _diagnosed(self, error: Exception) -> InvalidInputError:
        """Return what the careful reader says about the file."""
        from merestone.connectors.files.delimited import read_delimited

        if self.size <= Limits().file_bytes:
            read_delimited(
                self.path, self.name, limits=self.limits, encoding=self.encoding, delimiter=self.delimiter
            )
        said = shorten(str(error), limit=200)
        return refuse(
            "unreadable-file",
            f"The file {self.name!r} cannot be read as a table: {said}.",
            "Save it again as CSV.",
        )

    def _too_many_rows(self) -> InvalidInputError:
        return refuse(
            "too-many-rows",
            f"The file {self.name!r} has more than {self.limits.rows:,} rows.",
            "Split it into several files.",
        )


def _unguarded(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        words = unguard(pa.chunked_array([column.dictionary]))
        return pa.DictionaryArray.from_arrays(column.indices, words.combine_chunks())
    plain = unguard(pa.chunked_array([column]))
    return plain.chunk(0) if plain.num_chunks == 1 else plain.combine_chunks()


def _encoding(path: Path, name: str) -> tuple[str, bool, list[dict[str, Any]]]:
    """Return the file's encoding, whether some bytes do not belong to it, and notes."""
    with path.open("rb") as file:
        head = file.read(65_536)
        if not head.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)) and 0 not in head:
            file.seek(0)
            if _is_utf8(file):
                return ("utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"), False, []
    encoding, note = detect_encoding(path.read_bytes(), name)
    notes = [note.as_dict()] if note else []
    is_damaged = encoding.startswith("utf-8")
    if is_damaged:
        notes.append(
            {
                "code": "bad-encoding",
                "message": f"The file {name!r} holds bytes that are not valid UTF-8; they were read as '\ufffd'.",
                "fix": "Type the damaged letters again, or save the file as CSV UTF-8.",
            }
        )
    return encoding, is_damaged, notes


def _is_utf8(file: io.BufferedReader) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        while chunk := file.read(_CHUNK):
            if not chunk.isascii() or decoder.getstate()[0]:
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _head(path: Path, encoding: str) -> str:
    with path.open("rb") as file:
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        return decoder.decode(file.read(_HEAD_BYTES)).removeprefix("\ufeff")


def _header(head: str, delimiter: str, *, name: str) -> tuple[int, list[str]]:
    """Return how many lines of the file come before the first record, and the header's cells."""
    rows = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    try:
        for number, row in enumerate(rows, start=1):
            if number == 1 and len(row) <= 2 and row and row[0].lower().startswith("sep="):
                continue
            if any(cell.strip() for cell in row):
                return rows.line_num, row
    except csv.Error:
        pass
    raise refuse(
        "empty-file", f"The file {name!r} holds no rows.", "Choose a file with a header row and data."
    )


class _Marked(io.RawIOBase):
    """The file as UTF-8 without a byte-order mark, and a last line that shows that no quote swallowed the end."""

    def __init__(self, path: Path, encoding: str, *, is_damaged: bool) -> None:
        self.file = path.open("rb")
        self.is_utf8 = encoding in ("utf-8", "utf-8-sig") and not is_damaged
        self.decoder = codecs.getincrementaldecoder(encoding)("replace" if is_damaged else "strict")
        self.rest = b""
        self.n_read = 0
        self.n_wanted = _BLOCKS_AHEAD * BLOCK_BYTES
        self.more_wanted = threading.Condition()
        self.state = "start"

    def taken(self) -> None:
        """Allow one more block to be read."""
        with self.more_wanted:
            self.n_wanted += BLOCK_BYTES
            self.more_wanted.notify_all()

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes of the file as UTF-8; fewer only at its end."""
        # Arrow would read 32 blocks ahead. The wait ends by itself: not every block need become a batch.
        with self.more_wanted:
            self.more_wanted.wait_for(lambda: self.n_read < self.n_wanted, timeout=_LONGEST_WAIT)
        while len(self.rest) < size and self.state != "end":
            self.rest += self._next(max(size - len(self.rest), 1))
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def _next(self, size: int) -> bytes:
        chunk = self.file.read(size)
        self.n_read += len(chunk)
        if not chunk:
            self.state = "end"
            return self._recoded(b"", final=True) + f"\n{_END}\n".encode()
        data = self._recoded(chunk)
        if self.state == "start":
            self.state = "middle"
            data = data.removeprefix(codecs.BOM_UTF8)
        return data

    def _recoded(self, chunk: bytes, *, final: bool = False) -> bytes:
        if self.is_utf8:
            return chunk
        return self.decoder.decode(chunk, final).encode()

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        super().close()
