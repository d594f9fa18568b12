"""Text cells that no spreadsheet runs as a formula, and the exact way back.

A spreadsheet takes a cell that starts with ``= + - @``, a tab or a line break for a formula or a command. The writer
puts one apostrophe before such text, and before text that already looks guarded, so that taking one apostrophe off
again is unambiguous: with S the texts that match ``['\\s]*`` and then a trigger, s is in S exactly when 's is, the
guard maps S onto the members of S that start with an apostrophe, and the way back is its inverse. ``'s`` and ``O'Neil``
are outside S and are never touched.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_TRIGGERS = r"=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}"
_SPACE = r"\t\n\r\f\v \x{A0}\x{FEFF}\x{3000}"
_RISKY = rf"(?:['{_SPACE}]*[{_TRIGGERS}]|'*[\t\r\n])"

RISKY = rf"^{_RISKY}"
GUARDED = rf"^'({_RISKY})"
FORMULA = r"^\s*(?:=|[+\-@][A-Za-z]+[(|!])"


def guard(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the text column with one apostrophe before each cell a spreadsheet could run."""
    return pc.replace_substring_regex(column, f"^({_RISKY})", r"'\1")


def unguard(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the text column as it was before ``guard``."""
    if not pc.any(pc.starts_with(column, "'")).as_py():
        return column
    return pc.replace_substring_regex(column, GUARDED, r"\1")


def formulas(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a mask of cells that hold an unguarded formula; a signed number or phone number is none."""
    return pc.match_substring_regex(column, FORMULA)
