"""What every parser hands back: a header, columns of text, the file's row numbers, and what was odd."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.exchange.problems import problem_table, shorten
from merestone.base.errors import InvalidInputError, Problem
from merestone.connectors.files.sniff import refuse

_DATA_LIKE = re.compile(
    r"""^(?: [-+]?[\d.,\s]*\d%? | \S+@\S+\.\S+ | https?://\S+ | [0-9a-f]{8}-[0-9a-f-]{27} | \+?[\d\s()/.-]{7,}
    | \d{4}-\d\d?-\d\d?.* | \d\d?[/.]\d\d?[/.]\d{2,4} | true | false )$""",
    re.X | re.I,
)


@dataclass
class Grid:
    """A parsed file before it leaves the child process.

    Parameters
    ----------
    header_row : int
        Number of the header's row in the file, 1-based.
    row_numbers : pyarrow.ChunkedArray
        The file's number of each data row.
    problems : pyarrow.Table
        Rows that must be rejected, as ``ROW_PROBLEMS``.
    notes : list of Problem
        What the person should know about the whole file.
    """

    fmt: str
    header: list[str] = field(default_factory=list)
    header_row: int = 1
    columns: list[pa.ChunkedArray] = field(default_factory=list)
    row_numbers: pa.ChunkedArray = field(default_factory=lambda: pa.chunked_array([], pa.int64()))
    problems: pa.Table = field(default_factory=problem_table)
    notes: list[Problem] = field(default_factory=list)
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: list[str] = field(default_factory=list)


def too_many_columns(name: str, *, found: int, limit: int) -> InvalidInputError:
    """Return the error for a table that is too wide."""
    return refuse(
        "too-many-columns",
        f"The file {name!r} has {found:,} columns; at most {limit:,} are read.",
        "Delete the columns you do not need, or check the delimiter.",
        where="row 1",
    )


def check_header(
    header: list[str], columns: list[pa.ChunkedArray], *, name: str, row: int
) -> tuple[list[str], list[pa.ChunkedArray], list[Problem]]:
    """Return clean, unique header names with their columns, and notes.

    Raises
    ------
    InvalidInputError
        ``duplicate-header``, ``no-header``.
    """
    names = [" ".join(cell.replace("\ufeff", "").replace("\x00", "").split()) for cell in header]
    kept = [index for index, column in enumerate(columns) if names[index] or column.null_count < len(column)]
    notes = []
    for index in kept:
        if not names[index]:
            names[index] = f"column {letters(index)}"
            notes.append(
                Problem(
                    "blank-header",
                    f"Column {letters(index)} of {name!r} has values but no header.",
                    "Give it a name when you need it.",
                    f"row {row}",
                )
            )
    _refuse_duplicates([names[index] for index in kept], name, row)
    _refuse_data_as_header([names[index] for index in kept], name, row)
    return [names[index] for index in kept], [columns[index] for index in kept], notes


def without_blank_rows(
    columns: list[pa.ChunkedArray], numbers: pa.ChunkedArray
) -> tuple[list[pa.ChunkedArray], pa.ChunkedArray]:
    """Return the columns and row numbers without the rows in which every cell is empty."""
    if not columns or any(column.null_count == 0 for column in columns):
        return columns, numbers
    filled = pc.is_valid(columns[0])
    for column in columns[1:]:
        filled = pc.or_(filled, pc.is_valid(column))
    return [column.filter(filled) for column in columns], numbers.filter(filled)


def letters(index: int) -> str:
    """Return the spreadsheet's letters of a 0-based column: 0 is A, 26 is AA."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(65 + rest) + text
    return text


def _refuse_duplicates(names: list[str], name: str, row: int) -> None:
    counts = Counter(header.casefold() for header in names)
    twice = [header for header in names if counts[header.casefold()] > 1]
    if not twice:
        return
    fix = "Rename or delete one of them."
    problems = [
        Problem(
            "duplicate-header",
            f"The header {header!r} stands in column {letters(index)} and in another one.",
            fix,
            f"row {row}, column {letters(index)}",
        )
        for index, header in enumerate(names)
        if counts[header.casefold()] > 1
    ]
    said = ", ".join(repr(header) for header in dict.fromkeys(shorten(header) for header in twice))
    raise InvalidInputError(
        f"The file {name!r} has headers that occur more than once: {said}.",
        problems,
        code="duplicate-header",
        fix=fix,
    )


def _refuse_data_as_header(names: list[str], name: str, row: int) -> None:
    data_like = [header for header in names if _DATA_LIKE.match(header)]
    if names and len(data_like) * 3 >= len(names):
        raise refuse(
            "no-header",
            f"The first row of {name!r} holds data, not column names: {', '.join(map(repr, data_like[:3]))}.",
            "Add a first row with the names of the columns.",
            where=f"row {row}",
        )
