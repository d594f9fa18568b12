"""What is wrong with the columns of a design's tables: ids, places, amounts. Each check returns all it finds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from merestone.base.errors import Problem as Wrong
from merestone.core.design.asked import Sheet

SHOWN = 3


def wrong_rows(
    sheet: Sheet, rows: np.ndarray, *, code: str, one: str, many: str, fix: str, values: Iterable[str] = ()
) -> list[Wrong]:
    """Return one problem for all rows of a kind: how many, the first ones, and their values.

    Parameters
    ----------
    rows : array of int
        Positions.
    one, many : str
        What the row, or the rows, are: a sentence's end (``has no id``, ``have no id``).
    values : iterable of str
        Ids or cells to name, the first ones in the order of ``rows``.
    """
    if not len(rows):
        return []
    named = [f"'{value[:60]}'" for value, _ in zip(values, rows[:SHOWN], strict=False)]
    said = f"1 row {one}" if len(rows) == 1 else f"{len(rows):,} rows {many}"
    if named:
        said += f": {', '.join(named)}" + (" …" if len(rows) > len(named) else "")
    return [Wrong(code, said + ".", fix, f"{sheet.name}, row {sheet.row(int(rows[0]))}")]


def ids(sheet: Sheet, column: str = "id") -> list[Wrong]:
    """Return what is wrong with a table's ids: missing, or given twice."""
    values = sheet.texts[column]
    missing = np.array([at for at, value in enumerate(values) if not value], np.int64)
    found = wrong_rows(
        sheet, missing, code="missing-id", one="has no id", many="have no id", fix="Give each row one."
    )
    seen: set[str] = set()
    again = []
    for at, value in enumerate(values):
        if value:
            if value in seen:
                again.append(at)
            seen.add(value)
    return found + wrong_rows(
        sheet,
        np.array(again, np.int64),
        code="duplicate-id",
        one="has an id that another row has",
        many="have an id that another row has",
        fix="Keep one row of each id.",
        values=(str(values[at]) for at in again),
    )


def coordinates(sheet: Sheet, names: tuple[str, str], labels: Sequence[str | None]) -> list[Wrong]:
    """Return the rows without place, and those whose degrees are no place on earth."""
    first, second = (sheet.numbers[name] for name in names)
    missing = ~(np.isfinite(first) & np.isfinite(second))
    found = _rows_with(
        sheet, missing, labels, code="missing-coordinates", what=f"no {names[0]} or {names[1]}",
        fix="Give each row its place, or leave it out.",
    )  # fmt: skip
    if names == ("lon", "lat"):
        off = ~missing & ((np.abs(second) > 90) | (first < -180) | (first > 360))
        found += _rows_with(
            sheet, off, labels, code="bad-coordinates", what="degrees that are no place on earth",
            fix="Latitudes are −90 to 90 and longitudes −180 to 180; are the two exchanged?",
        )  # fmt: skip
    return found


def amounts(sheet: Sheet, column: str, labels: Sequence[str | None], *, needs_total: bool) -> list[Wrong]:
    """Return what is wrong with a column of amounts: missing, negative or, where it must add up, all zero."""
    values = sheet.numbers[column]
    found = _rows_with(
        sheet, ~np.isfinite(values), labels, code="missing-value", what=f"no {column}",
        fix="Write 0 where there is nothing.",
    )  # fmt: skip
    found += _rows_with(
        sheet, values < 0, labels, code="negative-amount", what=f"a negative {column}",
        fix="Amounts are 0 or more.",
    )  # fmt: skip
    if not found and needs_total and not values.sum() > 0:
        found.append(
            Wrong(
                "all-zero",
                f"'{column}' is 0 in every row.",
                "Name a column that holds something.",
                sheet.name,
            )
        )
    return found


def _rows_with(
    sheet: Sheet, is_wrong: np.ndarray, labels: Sequence[str | None], *, code: str, what: str, fix: str
) -> list[Wrong]:
    rows = np.flatnonzero(is_wrong)
    named = (labels[at] or "?" for at in rows[:SHOWN])
    return wrong_rows(sheet, rows, code=code, one=f"has {what}", many=f"have {what}", fix=fix, values=named)
