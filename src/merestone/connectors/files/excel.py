"""Excel and OpenDocument sheets as columns of text."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.exchange.problems import problem_table, shorten
from merestone.base.errors import InvalidInputError, Problem
from merestone.connectors.files.columnar import as_text
from merestone.connectors.files.grid import Grid, check_header, letters, too_many_columns, without_blank_rows
from merestone.connectors.files.guard import unguard
from merestone.connectors.files.limits import Limits
from merestone.connectors.files.sniff import refuse
from merestone.connectors.files.zips import SheetScan, encrypted, open_checked, scan_sheet, sheet_paths

_HEADER_WITHIN = 50


def zip_format(archive: ZipFile, name: str) -> str:
    """Return ``xlsx``, ``xlsb`` or ``ods`` for an archive.

    Raises
    ------
    InvalidInputError
        ``unknown-format`` for any other archive.
    """
    members = set(archive.namelist())
    if "xl/workbook.xml" in members:
        return "xlsx"
    if "xl/workbook.bin" in members:
        return "xlsb"
    if "content.xml" in members and b"spreadsheet" in archive.read("mimetype")[:200]:
        return "ods"
    kind = "a Word document" if "word/document.xml" in members else "an archive"
    raise refuse(
        "unknown-format",
        f"The file {name!r} is {kind}, not a table.",
        "Unpack it, and choose a CSV, Excel or Parquet file.",
    )


def read_zipped(path: Path, name: str, *, sheet: str | None, limits: Limits) -> Grid:
    """Return the table of an xlsx, xlsb or ods file after its archive passed the limits."""
    with open_checked(path, name, limits) as archive:
        fmt = zip_format(archive, name)
        try:
            members = sheet_paths(archive) if fmt == "xlsx" else {}
        except (KeyError, SyntaxError) as error:
            raise _unreadable(name, error) from error

        def scan(title: str) -> SheetScan | None:
            member = members.get(title, "")
            if member not in archive.namelist():
                return None
            return scan_sheet(archive, member, name=name, limits=limits)

        return _read(path, name, fmt=fmt, sheet=sheet, limits=limits, scan=scan)


def read_xls(path: Path, name: str, *, sheet: str | None, limits: Limits) -> Grid:
    """Return the table of an Excel 97 file; an encrypted xlsx comes in the same container."""
    data = path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise encrypted(name)
    return _read(path, name, fmt="xls", sheet=sheet, limits=limits, scan=lambda _: None)


def _unreadable(name: str, error: BaseException) -> InvalidInputError:
    if "password" in str(error).lower() or "encrypt" in str(error).lower():
        error = encrypted(name)
        assert isinstance(error, InvalidInputError)
        return error
    return refuse(
        "unreadable-file",
        f"The workbook {name!r} cannot be read: {shorten(str(error).splitlines()[0] if str(error) else 'damaged', limit=200)}.",
        "Open it in a spreadsheet program and save it again, or save the sheet as CSV.",
    )


def _read(path: Path, name: str, *, fmt: str, sheet: str | None, limits: Limits, scan) -> Grid:  # type: ignore[no-untyped-def]
    try:
        book = fastexcel.read_excel(str(path))
        title = _choose(book.sheet_names, sheet, name)
        seen = scan(title)
        _check_span(seen, name, title, limits)
        top = book.load_sheet(
            title, header_row=None, skip_rows=0, n_rows=_HEADER_WITHIN, dtypes="string"
        ).to_arrow()
        start, header = _header(top, name, title)
        if len(header) > limits.columns:
            raise too_many_columns(name, found=len(header), limit=limits.columns)
        body = book.load_sheet(
            title, header_row=None, skip_rows=start + 1, schema_sample_rows=None
        ).to_arrow()
    except InvalidInputError:
        raise
    except fastexcel.FastExcelError as error:
        if "no data" not in str(error).lower() and "not found" not in str(error).lower():
            raise _unreadable(name, error) from error
        raise
    grid = Grid(fmt=fmt, header=header, header_row=start + 1, sheet=title, sheets=list(book.sheet_names))
    _fill(grid, body, seen=seen, name=name, limits=limits)
    return grid


def _choose(names: list[str], sheet: str | None, name: str) -> str:
    if not names:
        raise refuse("empty-file", f"The workbook {name!r} has no sheets.")
    if sheet is None:
        return names[0]
    if sheet in names:
        return sheet
    raise refuse(
        "unknown-sheet",
        f"The workbook {name!r} has no sheet {sheet!r}.",
        f"Choose one of: {', '.join(names)}.",
    )


def _check_span(scan: SheetScan | None, name: str, title: str, limits: Limits) -> None:
    if scan is None or scan.last_column < 0:
        return
    width = scan.last_column + 1
    if width > limits.columns:
        raise too_many_columns(name, found=width, limit=limits.columns)
    if scan.last_row > limits.rows or scan.last_row * width > limits.cells:
        raise refuse(
            "too-large",
            f"The sheet {title!r} of {name!r} spans {scan.last_row:,} rows and {width:,} columns.",
            f"Delete stray cells far from the data (the last is in row {scan.last_row:,}), or split the file.",
            where=f"sheet {title}",
        )


def _header(top: pa.RecordBatch, name: str, title: str) -> tuple[int, list[str]]:
    for index, row in enumerate(zip(*(column.to_pylist() for column in top.columns), strict=True)):
        if any(cell and cell.strip() for cell in row):
            return index, [cell or "" for cell in row]
    raise refuse(
        "empty-file",
        f"The sheet {title!r} of {name!r} has no header in its first {_HEADER_WITHIN} rows.",
        "Choose another sheet, or move the table to the top.",
        where=f"sheet {title}",
    )


def _fill(grid: Grid, body: pa.RecordBatch, *, seen: SheetScan | None, name: str, limits: Limits) -> None:
    if body.num_rows > limits.rows:
        raise refuse("too-many-rows", f"The file {name!r} has more than {limits.rows:,} rows.", "Split it.")
    table = pa.table(body)
    columns = [unguard(as_text(column)) for column in table.columns]
    width = len(grid.header)
    blank = pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
    columns = (columns + [blank] * width)[: max(width, len(columns))]
    header = grid.header + [""] * (len(columns) - width)
    first = grid.header_row + 1
    numbers = pa.chunked_array([pa.array(range(first, first + table.num_rows), pa.int64())])
    grid.problems = _cell_problems(seen, header, header_row=grid.header_row)
    columns, grid.row_numbers = without_blank_rows(columns, numbers)
    for column, title in zip(columns, header, strict=True):
        longest = pc.max(pc.utf8_length(column)).as_py() or 0
        if longest > limits.cell_chars:
            raise refuse(
                "cell-too-long",
                f"A cell of column {title!r} in {name!r} has {longest:,} characters; at most {limits.cell_chars:,} are read.",
                "Shorten it.",
                where=f"column {title}",
            )
    grid.header, grid.columns, notes = check_header(header, columns, name=name, row=grid.header_row)
    grid.notes += notes + _notes(grid, seen, name)


def _notes(grid: Grid, seen: SheetScan | None, name: str) -> list[Problem]:
    notes = []
    if len(grid.sheets) > 1:
        others = ", ".join(sheet for sheet in grid.sheets if sheet != grid.sheet)
        notes.append(
            Problem("other-sheets", f"Only sheet {grid.sheet!r} of {name!r} was read; others are: {others}.")
        )
    if seen is not None and seen.n_formulas > 0:
        notes.append(
            Problem(
                "formula-values",
                f"{seen.n_formulas:,} cells of {name!r} are formulas; their last computed values were read.",
            )
        )
    return notes


def _cell_problems(seen: SheetScan | None, header: list[str], *, header_row: int) -> pa.Table:
    records = []
    for cells, code, said in (
        (seen.errors if seen else {}, "error-cell", "is an error, not a value"),
        (seen.uncomputed if seen else {}, "formula-cell", "is a formula without a computed value"),
    ):
        for (row, column), value in sorted(cells.items()):
            if row <= header_row:
                continue
            assert seen is not None
            place = column - seen.first_column
            records.append(
                {
                    "row": row,
                    "column": header[place] if 0 <= place < len(header) else letters(column),
                    "code": code,
                    "value": shorten(value),
                    "message": f"Cell {letters(column)}{row}: {shorten(value)!r} {said}.",
                    "fix": "Write the value itself into the cell.",
                }
            )
    return problem_table(records)
