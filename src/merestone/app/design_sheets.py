"""A file's columns as a design reads them: words trimmed, numbers as numbers, headers told apart from their like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.base.errors import Problem
from merestone.core.design.asked import Sheet
from merestone.core.design.checks import SHOWN, wrong_rows

if TYPE_CHECKING:
    from merestone.app.matching_files import Records

ALIASES: Mapping[str, Sequence[str]] = {
    "id": ("external_id",),
    "lon": ("longitude", "lng", "long"),
    "lat": ("latitude",),
}
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_GROUPED = r"^-?\d{1,3}(,\d{3})+(\.\d+)?$"
_NOTHING = ["", "nan", "NaN", "null", "None"]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a file are read.

    Parameters
    ----------
    texts, numbers : tuple of str
        Read when they are there.
    required : tuple of str
        Of these, what must be there.
    """

    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that was read.

    Parameters
    ----------
    sheet : Sheet or None
        None when a required column is missing.
    id_kind : pyarrow.DataType
        Of the column ``id`` in the file.
    """

    sheet: Sheet | None
    id_kind: pa.DataType


def read_sheet(source: Records, columns: Columns, *, name: str, wrong: list[Problem]) -> Opened:
    """Return the wanted columns of a file being read; what is wrong with them is added to ``wrong``."""
    header_of = _headers(source.headers, (*columns.texts, *columns.numbers))
    missing = [column for column in columns.required if column not in header_of]
    wrong += [
        Problem(
            "missing-column",
            f"'{name}' has no column '{column}'.",
            f"It has {_shown(source.headers)}.",
            name,
        )
        for column in missing
    ]
    wanted = list(dict.fromkeys(header_of.values()))
    tables = list(source.batches(wanted, as_codes=()))
    wrong += [problem for problem in source.problems if problem.code == "ragged-row"]
    if not tables:
        tables = [pa.table({header: pa.array([], pa.string()) for header in wanted})]
    table = pa.concat_tables(tables, promote_options="permissive")
    id_kind = table[header_of["id"]].type if "id" in header_of else pa.string()
    if any(column not in header_of for column in columns.required if column in columns.texts):
        return Opened(None, id_kind)
    return Opened(_sheet(source, table, columns, header_of, name=name, wrong=wrong), id_kind)


def _sheet(
    source: Records,
    table: pa.Table,
    columns: Columns,
    header_of: Mapping[str, str],
    *,
    name: str,
    wrong: list[Problem],
) -> Sheet:
    words = {header: _words(table[header]) for header in table.column_names}
    is_filled = np.zeros(table.num_rows, bool)
    for column in words.values():
        is_filled |= pc.is_valid(column).to_numpy(zero_copy_only=False)
    kept = np.flatnonzero(is_filled)  # sheets saved as text end in rows of nothing but commas
    if len(kept) < table.num_rows:
        words = {header: column.take(pa.array(kept)) for header, column in words.items()}
    blank = Sheet(name, row=lambda position: source.row_number(int(kept[position])))
    return Sheet(
        name,
        {column: words[header_of[column]].to_pylist() for column in columns.texts if column in header_of},
        {
            column: _numbers(words[header_of[column]], column, blank, wrong)
            for column in columns.numbers
            if column in header_of
        },
        blank.row,
    )


def _headers(headers: Sequence[str], wanted: Iterable[str]) -> dict[str, str]:
    """Return column -> header: by its very name, else without regard to capitals, spaces and hyphens, else by alias."""
    plain = {_plain(header): header for header in reversed(headers)}
    found = {}
    for column in wanted:
        if column in headers:
            found[column] = column
            continue
        for word in (column, *ALIASES.get(column, ())):
            if _plain(word) in plain:
                found[column] = plain[_plain(word)]
                break
    return found


def _plain(header: str) -> str:
    return "_".join(header.casefold().replace("-", " ").split())


def _words(column: pa.ChunkedArray) -> pa.Array:
    """Return cells as trimmed text; null where there is nothing."""
    flat = column.combine_chunks()
    if isinstance(flat, pa.ChunkedArray):
        flat = pa.concat_arrays(flat.chunks) if flat.num_chunks else pa.array([], column.type)
    if pa.types.is_dictionary(flat.type):
        flat = flat.dictionary_decode()
    if pa.types.is_nested(flat.type) or pa.types.is_null(flat.type):
        flat = pa.array([None if value is None else str(value) for value in flat.to_pylist()], pa.string())
    if pa.types.is_floating(flat.type):
        flat = pc.if_else(pc.is_nan(flat), pa.scalar(None, flat.type), flat)
    text = pc.utf8_trim_whitespace(flat.cast(pa.string()))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _numbers(words: pa.Array, column: str, sheet: Sheet, wrong: list[Problem]) -> np.ndarray:
    """Return cells as numbers; NaN where there is nothing, and where there is something else, which is told."""
    plain = pc.if_else(pc.is_in(words, pa.array(_NOTHING)), pa.scalar(None, pa.string()), words)
    if pc.any(pc.match_substring(plain, ",")).as_py():
        is_grouped = pc.match_substring_regex(plain, _GROUPED)
        plain = pc.if_else(is_grouped, pc.replace_substring(plain, ",", ""), plain)
    is_number = pc.match_substring_regex(plain, _NUMBER)
    strange = np.flatnonzero(pc.invert(pc.fill_null(is_number, True)).to_numpy(zero_copy_only=False))
    found = wrong_rows(
        sheet, strange, code="bad-number", one=f"has no number under '{column}'",
        many=f"have no numbers under '{column}'", fix="Write it as 1250.5.",
        values=[str(words[int(at)].as_py()) for at in strange[:SHOWN]],
    )  # fmt: skip
    wrong += found
    readable = pc.if_else(is_number, pc.utf8_ltrim(plain, "+"), pa.scalar(None, pa.string()))
    numbers = readable.cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
    if found:  # said already; what is missing besides is told by the checks
        numbers[strange] = 0.0
    return np.asarray(numbers, np.float64)


def _shown(headers: Sequence[str]) -> str:
    named = ", ".join(f"'{header[:40]}'" for header in headers[:12])
    return f"{named} …" if len(headers) > 12 else named
