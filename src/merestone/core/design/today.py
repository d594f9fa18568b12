"""The alignment there is today: who has which unit, and what may not move."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from merestone.base.errors import Problem as Wrong
from merestone.core.design import checks
from merestone.core.design.asked import Sheet
from merestone.core.design.people import People
from merestone.core.design.problem import FREE, Problem

LOCKED = "locked"
SINCE, YEARS, OWNER = "since", "years", "owner"
_YES = {"yes", "y", "true", "t", "1", "1.0", "x", "locked"}
_NO = {"", "no", "n", "false", "f", "0", "0.0"}


@dataclass(frozen=True, eq=False, slots=True)
class Today:
    """Today's alignment.

    Parameters
    ----------
    names : tuple of str
        Of its territories, those that units are locked to first, then by their number of units.
    territory : tuple of str or None
        Of each unit.
    is_locked : (n,) bool array
    notes : tuple of str
    years : (n,) float64 array, optional
        How long each relationship has lasted; NaN where that is not said.
    owners : tuple of str or None
        Who has each unit, where that is not its territory.
    """

    names: tuple[str, ...]
    territory: tuple[str | None, ...]
    is_locked: np.ndarray
    notes: tuple[str, ...] = ()
    years: np.ndarray | None = None
    owners: tuple[str | None, ...] = ()

    @property
    def held(self) -> set[str]:
        """The territories that units are locked to."""
        return {name for name, lock in zip(self.territory, self.is_locked, strict=True) if lock and name}

    def put_in(self, problem: Problem) -> Problem:
        """Return the problem with today's alignment, its territories in the problem's numbers."""
        number = {label: at for at, label in enumerate(problem.labels)}
        current = np.array([number.get(name or "", FREE) for name in self.territory], np.int32)
        locked = np.where(self.is_locked, current, FREE).astype(np.int32)
        return replace(problem, current=current, locked=locked if (locked >= 0).any() else None)


def read_today(
    sheet: Sheet,
    number_of: dict[str, int],
    people: People | None,
    wrong: list[Wrong],
    *,
    as_of: date | None = None,
) -> Today:
    """Return the alignment in a table of ``id``, ``territory`` (empty: nobody's) and, where there are locks, ``locked``.

    ``years``, or ``since`` as a date, says how long a relationship has lasted, and ``owner`` who has it. Units that are not in it are nobody's today.
    """
    wrong += checks.ids(sheet)
    ids, territories = sheet.texts["id"], sheet.texts["territory"]
    rows = np.array([number_of.get(label or "", FREE) for label in ids], np.int64)
    strange = np.array([at for at, label in enumerate(ids) if label and rows[at] < 0], np.int64)
    wrong += checks.wrong_rows(
        sheet, strange, code="unknown-unit", one="names a unit that is not among the units",
        many="name units that are not among the units",
        fix="Correct the ids, or leave these rows out; leading zeros count.",
        values=[str(ids[at]) for at in strange[: checks.SHOWN]],
    )  # fmt: skip
    locks = _locks(sheet, wrong)
    known = set(people.names) if people is not None else {name for name in territories if name}
    homeless = np.array(
        [at for at in np.flatnonzero(locks).tolist() if territories[at] not in known], np.int64
    )
    wrong += checks.wrong_rows(
        sheet, homeless, code="unknown-territory", one="locks a unit to a territory there is not",
        many="lock units to territories there are not",
        fix="Name one of the territories, or take the lock away.",
        values=[str(territories[at] or "") for at in homeless[: checks.SHOWN]],
    )  # fmt: skip
    by_unit: list[str | None] = [None] * len(number_of)
    is_locked = np.zeros(len(number_of), bool)
    for at, unit in enumerate(rows):
        if unit >= 0 and unit < len(by_unit):
            by_unit[unit], is_locked[unit] = territories[at] or None, locks[at]
    counts = Counter(name for name in by_unit if name)
    # Where some must close, those that stay are the locked ones, then the largest.
    held = {name for name, lock in zip(by_unit, is_locked, strict=True) if lock and name}
    names = tuple(sorted(counts, key=lambda name: (name not in held, -counts[name], name)))
    years = _years(sheet, rows, len(number_of), as_of=as_of, wrong=wrong)
    owners: list[str | None] = [None] * len(number_of)
    for at, owner in enumerate(sheet.texts.get(OWNER, ())):
        if rows[at] >= 0:
            owners[rows[at]] = owner
    return Today(names, tuple(by_unit), is_locked, _notes(by_unit, known), years, tuple(owners))


def _years(
    sheet: Sheet, rows: np.ndarray, n: int, *, as_of: date | None, wrong: list[Wrong]
) -> np.ndarray | None:
    """Return how long units have been with whom they are; None when the table does not say."""
    if YEARS in sheet.numbers:
        values = sheet.numbers[YEARS]
        bad = np.flatnonzero(values < 0)
        wrong += checks.wrong_rows(
            sheet, bad, code="negative-amount", one=f"has negative {YEARS}", many=f"have negative {YEARS}",
            fix="Years are 0 or more.", values=[f"{values[at]:g}" for at in bad[: checks.SHOWN]],
        )  # fmt: skip
    elif SINCE in sheet.texts and as_of is not None:
        values, strange = np.full(sheet.length, np.nan), []
        for at, text in enumerate(sheet.texts[SINCE]):
            if text:
                try:
                    values[at] = max(0, (as_of - date.fromisoformat(text[:10])).days) / 365.25
                except ValueError:
                    strange.append(at)
        wrong += checks.wrong_rows(
            sheet, np.array(strange, np.int64), code="bad-date", one=f"has no date under '{SINCE}'",
            many=f"have no dates under '{SINCE}'", fix="Write it as 2024-05-31.",
            values=[str(sheet.texts[SINCE][at]) for at in strange[: checks.SHOWN]],
        )  # fmt: skip
    else:
        return None
    years = np.full(n, np.nan)
    known = rows >= 0
    years[rows[known]] = values[known]
    return years


def _notes(by_unit: list[str | None], known: set[str]) -> tuple[str, ...]:
    gone = [name for name in by_unit if name and name not in known]
    if not gone:
        return ()
    return (f"{len(gone):,} units are today with somebody who is not among the people, such as '{gone[0]}'.",)


def _locks(sheet: Sheet, wrong: list[Wrong]) -> np.ndarray:
    if LOCKED not in sheet.texts:
        return np.zeros(sheet.length, bool)
    words = [(value or "").strip().casefold() for value in sheet.texts[LOCKED]]
    odd = np.array([at for at, word in enumerate(words) if word not in _YES | _NO], np.int64)
    wrong += checks.wrong_rows(
        sheet, odd, code="bad-boolean", one=f"is neither yes nor no under '{LOCKED}'",
        many=f"are neither yes nor no under '{LOCKED}'", fix="Write yes, or leave the cell empty.",
        values=[words[at] for at in odd[: checks.SHOWN]],
    )  # fmt: skip
    return np.array([word in _YES for word in words], bool)
