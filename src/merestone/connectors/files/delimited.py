"""Delimited text as columns of text, with every odd row reported and none lost."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.exchange.problems import problem_table, shorten
from merestone.base.errors import InvalidInputError
from merestone.connectors.files.grid import Grid, check_header, too_many_columns, without_blank_rows
from merestone.connectors.files.guard import formulas, unguard
from merestone.connectors.files.limits import Limits
from merestone.connectors.files.sniff import detect_delimiter, detect_encoding, refuse

_BATCH = 20_000
_END = "\ue000end of file\ue000"


def read_delimited(path: Path, name: str, *, limits: Limits, encoding: str = "", delimiter: str = "") -> Grid:
    """Return the table of a delimited text file; rows with too few or too many cells are kept and reported."""
    data = path.read_bytes()
    notes = []
    if not encoding:
        encoding, note = detect_encoding(data, name)
        notes += [note] if note else []
    text = _decode(data, encoding, name)
    del data
    delimiter = delimiter or detect_delimiter(text[:200_000], name)
    csv.field_size_limit(limits.cell_chars)
    try:
        grid = _parse(text, name, delimiter=delimiter, limits=limits)
    except csv.Error as error:
        raise _unparsable(error, name, limits) from error
    grid.encoding, grid.delimiter = encoding, delimiter
    grid.notes[:0] = notes
    return grid


def _decode(data: bytes, encoding: str, name: str) -> str:
    try:
        # Wrong bytes become lone surrogates, so that only the rows that hold them are rejected.
        lenient = "surrogateescape" if encoding.startswith("utf-8") else "strict"
        return data.decode(encoding, lenient).removeprefix("\ufeff")
    except (UnicodeDecodeError, LookupError) as error:
        line = data[: getattr(error, "start", 0)].count(b"\n") + 1
        raise refuse(
            "bad-encoding",
            f"The file {name!r} is not valid {encoding} text: {error}.",
            "Save it again as CSV UTF-8.",
            where=f"row {line}",
        ) from error


def _unparsable(error: csv.Error, name: str, limits: Limits) -> InvalidInputError:
    if "field limit" in str(error):
        return refuse(
            "cell-too-long",
            f"A cell of {name!r} is longer than {limits.cell_chars:,} characters.",
            "Shorten it; often the cause is a quote that is never closed.",
        )
    return refuse(
        "unreadable-file", f"The file {name!r} cannot be read as a table: {error}.", "Save it again as CSV."
    )


def unclosed_quote(name: str, number: int) -> InvalidInputError:
    """Return the error for a text that runs on to the end of the file."""
    return refuse(
        "unclosed-quote",
        f"A quote that opens in row {number} of {name!r} is never closed.",
        "Close it, or double the quotes that belong to the text.",
        where=f"row {number}",
    )


def _lines(text: str) -> Iterator[str]:
    return iter(io.StringIO(text, newline=""))


def _parse(text: str, name: str, *, delimiter: str, limits: Limits) -> Grid:
    rows = csv.reader(chain(_lines(text), ["\n", f"{_END}\n"]), delimiter=delimiter)
    start, header = _header_row(rows)
    if header is None or header == [_END]:
        raise refuse(
            "empty-file", f"The file {name!r} holds no rows.", "Choose a file with a header row and data."
        )
    if header[-1].endswith(f"{_END}\n"):
        raise unclosed_quote(name, start)
    if len(header) > limits.columns:
        raise too_many_columns(name, found=len(header), limit=limits.columns)
    while header and not header[-1].strip():
        header.pop()
    grid = Grid(fmt="csv", header=header, header_row=start)
    builder = _Builder(len(header), header, name)
    for number, row in enumerate(rows, start=start + 1):
        if number - start > limits.rows + 2:
            raise refuse(
                "too-many-rows",
                f"The file {name!r} has more than {limits.rows:,} rows.",
                "Split it into several files.",
            )
        builder.add(number, row)
    grid.columns, grid.row_numbers, grid.problems = builder.finish()
    grid.header, grid.columns, notes = check_header(header, grid.columns, name=name, row=start)
    grid.notes += notes
    return grid


def _header_row(rows: Iterable[list[str]]) -> tuple[int, list[str] | None]:
    for number, row in enumerate(rows, start=1):
        if number == 1 and len(row) <= 2 and row and row[0].lower().startswith("sep="):
            continue
        if any(cell.strip() for cell in row):
            return number, row
    return 1, None


class _Builder:
    """Collects rows into Arrow columns, batch by batch."""

    def __init__(self, width: int, header: list[str], name: str) -> None:
        self.width, self.header, self.name = width, header, name
        self.rows: list[list[str]] = []
        self.numbers: list[int] = []
        self.chunks: list[list[pa.Array]] = []
        self.row_chunks: list[pa.Array] = []
        self.records: list[dict[str, Any]] = []

    def add(self, number: int, row: list[str]) -> None:
        if len(row) != self.width or self.width == 1:
            if row == [_END] or not any(cell.strip() for cell in row):
                return
            row = self._ragged(number, row)
        self.rows.append(row)
        self.numbers.append(number)
        if len(self.rows) == _BATCH:
            self._flush()

    def _ragged(self, number: int, row: list[str]) -> list[str]:
        if row[-1].endswith(f"{_END}\n"):
            raise unclosed_quote(self.name, number)
        extra = row[self.width :]
        if any(cell.strip() for cell in extra) or len(row) < self.width:
            self.records.append(
                {
                    "row": number,
                    "column": "",
                    "code": "ragged-row",
                    "value": shorten(" | ".join(row)),
                    "message": f"The row has {len(row)} cells, the header has {self.width}.",
                    "fix": "Look for a missing or unquoted delimiter in this row.",
                }
            )
        return (row + [""] * self.width)[: self.width]

    def _flush(self) -> None:
        if not self.rows:
            return
        if self.rows[-1][-1].endswith(f"{_END}\n"):
            raise unclosed_quote(self.name, self.numbers[-1])
        self.row_chunks.append(pa.array(self.numbers, pa.int64()))
        columns = zip(*self.rows, strict=True)
        self.chunks.append([self._array(values, index) for index, values in enumerate(columns)])
        self.rows, self.numbers = [], []

    def _array(self, values: tuple[str, ...], index: int) -> pa.Array:
        try:
            array = pa.array(values, pa.string())
        except UnicodeEncodeError:
            array = pa.array(self._replace_bad(values, index), pa.string())
        return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)

    def _replace_bad(self, values: tuple[str, ...], index: int) -> list[str]:
        good = []
        for number, value in zip(self.numbers, values, strict=True):
            text = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            if text != value:
                self.records.append(
                    {
                        "row": number,
                        "column": self.header[index],
                        "code": "bad-encoding",
                        "value": shorten(text),
                        "message": f"{shorten(text)!r} holds bytes that are not valid UTF-8.",
                        "fix": "Type the damaged letters again, or save the file as CSV UTF-8.",
                    }
                )
            good.append(text)
        return good

    def finish(self) -> tuple[list[pa.ChunkedArray], pa.ChunkedArray, pa.Table]:
        self._flush()
        columns = [
            pa.chunked_array([chunk[index] for chunk in self.chunks], pa.string())
            for index in range(self.width)
        ]
        columns, numbers = without_blank_rows(columns, pa.chunked_array(self.row_chunks, pa.int64()))
        problems = [problem_table(self.records)]
        for index, column in enumerate(columns):
            problems.append(_formula_problems(column, numbers, self.header[index]))
        return [unguard(column) for column in columns], numbers, pa.concat_tables(problems)


def _formula_problems(column: pa.ChunkedArray, numbers: pa.ChunkedArray, header: str) -> pa.Table:
    mask = pc.fill_null(formulas(column), False)
    rows, values = numbers.filter(mask).to_pylist(), column.filter(mask).to_pylist()
    return problem_table(
        {
            "row": row,
            "column": header,
            "code": "formula-cell",
            "value": shorten(value),
            "message": f"{shorten(value)!r} is a formula, not a value.",
            "fix": "Save the file with values only, or put an apostrophe before text that starts this way.",
        }
        for row, value in zip(rows, values, strict=True)
    )
