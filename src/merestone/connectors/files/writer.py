"""Tables to CSV, Excel or Parquet: safe to open in a spreadsheet, and read back to the identical rows."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from merestone.base.errors import UsageError
from merestone.connectors.files.columnar import as_text
from merestone.connectors.files.guard import guard

FORMATS = ("csv", "xlsx", "parquet")
_EXCEL_ROWS = 1_048_576
_EXCEL_CELL = 32_767
_MARK = "\ufeff".encode()


def write_table(
    table: pa.Table,
    target: Path | str | BinaryIO,
    *,
    fmt: str = "csv",
    labels: Mapping[str, str] | None = None,
    byte_order_mark: bool = False,
    sheet: str = "Data",
) -> None:
    """Write a table so that ``read_table`` gives its rows back.

    Parameters
    ----------
    table : pyarrow.Table
        Text, numbers, decimals (money), dates, zoned timestamps, booleans, lists of text.
    target : path or binary file
        Where to.
    fmt : str
        ``csv``, ``xlsx`` or ``parquet``.
    labels : mapping, optional
        Header to show per column; the column's name by default.
    byte_order_mark : bool
        Start a CSV with the mark by which Excel recognises UTF-8.
    sheet : str
        Name of the sheet in a workbook.

    Raises
    ------
    UsageError
        Unknown format, or more rows or longer text than a workbook can hold.
    """
    named = table.rename_columns([(labels or {}).get(name, name) for name in table.column_names])
    if fmt == "csv":
        _emit(_csv(named, byte_order_mark=byte_order_mark), target)
    elif fmt == "xlsx":
        _xlsx(named, target, sheet=sheet)
    elif fmt == "parquet":
        pq.write_table(named, str(target) if isinstance(target, Path) else target, compression="zstd")
    else:
        raise UsageError(f"There is no file format {fmt!r}.", fix=f"Choose one of: {', '.join(FORMATS)}.")


def _emit(data: bytes, target: Path | str | BinaryIO) -> None:
    if isinstance(target, str | Path):
        Path(target).write_bytes(data)
    else:
        target.write(data)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_list(kind)


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    text = as_text(column)
    return guard(text) if _is_text(kind) else text


def _csv(table: pa.Table, *, byte_order_mark: bool) -> bytes:
    header = guard(pa.chunked_array([table.column_names], pa.string())).to_pylist()
    columns = [_flat(column) for column in table.columns]
    if len(columns) == 1:  # an empty line would vanish on the way back, and a row with it
        columns.append(pa.chunked_array([pa.nulls(table.num_rows, pa.string())]))
        header.append("")
    frame = pl.from_arrow(pa.table(columns, names=[str(index) for index in range(len(columns))]))
    assert isinstance(frame, pl.DataFrame)
    frame.columns = _unique(header)
    text = frame.write_csv(quote_style="necessary", line_terminator="\r\n")
    return (_MARK if byte_order_mark else b"") + text.encode()


def _unique(header: list[str]) -> list[str]:
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise UsageError(f"Two columns are called {twice!r}.", fix="Give each column a label of its own.")
    return header


class _ExactSheet(Worksheet):
    """A worksheet that keeps all 17 digits of a number; the library would round to 16."""

    def _xml_number_element(self, number: float, attributes: list[Any]) -> None:
        if float(f"{number:.16G}") == number:
            super()._xml_number_element(number, attributes)
            return
        said = "".join(f' {key}="{value}"' for key, value in attributes)
        self.fh.write(f"<c{said}><v>{number!r}</v></c>")


def _xlsx(table: pa.Table, target: Path | str | BinaryIO, *, sheet: str) -> None:
    if table.num_rows >= _EXCEL_ROWS:
        raise UsageError(
            f"An Excel sheet holds {_EXCEL_ROWS:,} rows; this table has {table.num_rows:,}.",
            fix="Export CSV or Parquet.",
        )
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "constant_memory": True,
        "default_date_format": "yyyy-mm-dd",
    }
    with xlsxwriter.Workbook(str(target) if isinstance(target, Path) else target, options) as book:
        page = book.add_worksheet(sheet, worksheet_class=_ExactSheet)
        bold = book.add_format({"bold": True})
        page.freeze_panes(1, 0)
        columns = [_cells(column, book) for column in table.columns]
        header = guard(pa.chunked_array([table.column_names], pa.string())).to_pylist()
        for index, title in enumerate(_unique(header)):
            page.set_column(index, index, min(40, max(10, len(title) + 2)))
            page.write_string(0, index, title, bold)
        for row, values in enumerate(zip(*(values for values, _, _ in columns), strict=True), start=1):
            for index, value in enumerate(values):
                if value is not None:
                    _, kind, style = columns[index]
                    getattr(page, kind)(row, index, value, style)
        if columns and table.num_rows:
            page.autofilter(0, 0, table.num_rows, len(columns) - 1)


def _cells(column: pa.ChunkedArray, book: Any) -> tuple[list[Any], str, Any]:
    """Return a column's cell values, the method that writes them, and their number format."""
    kind = column.type
    if pa.types.is_decimal(kind):
        # Excel keeps 15 digits: larger sums are written as text rather than changed.
        values = column.to_pylist()
        if all(value is None or abs(value) < 10**13 for value in values):
            return [None if v is None else float(v) for v in values], "write_number", _style(book, "#,##0.00")
    if pa.types.is_date(kind):
        values = column.to_pylist()
        if all(value is None or value >= dt.date(1900, 3, 1) for value in values):
            return values, "write_datetime", _style(book, "yyyy-mm-dd")
    if pa.types.is_boolean(kind):
        return column.to_pylist(), "write_boolean", None
    if pa.types.is_integer(kind):
        values = column.to_pylist()
        if all(value is None or abs(value) < 10**15 for value in values):
            return values, "write_number", None
    if pa.types.is_floating(kind):
        numbers = column.to_pylist()
        finite = [v if v is not None and math.isfinite(v) else None for v in numbers]
        return finite, "write_number", None
    texts = _flat(column).to_pylist()
    longest = max((len(text.encode("utf-16-le")) // 2 for text in texts if text), default=0)
    if longest > _EXCEL_CELL:
        raise UsageError(
            f"An Excel cell holds {_EXCEL_CELL:,} characters; one of this table has {longest:,}.",
            fix="Export CSV or Parquet.",
        )
    return texts, "write_string", None


def _style(book: Any, pattern: str) -> Any:
    return book.add_format({"num_format": pattern})
