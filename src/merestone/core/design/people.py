"""The people who are to have the territories: names, homes, capacity, and what each may take."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from merestone.base.errors import Problem as Wrong
from merestone.core.design import checks
from merestone.core.design.asked import Asked, Balance, Sheet

ELIGIBILITY = ("language", "languages", "skill", "skills", "industry", "industries")
"""Columns of words, ``;`` or ``,`` between several. Units and people may write the one or the many."""
CAPACITY = "capacity"
_ONE = {"languages": "language", "skills": "skill", "industries": "industry"}


@dataclass(frozen=True, eq=False, slots=True)
class People:
    """Who has which territory.

    Parameters
    ----------
    names : tuple of str
        The territories' names.
    capacities : mapping of str to (k,) float64 array
        ``capacity``, and columns named as a balance.
    allowed : (n, k) bool array or None
        Who may take which unit; None when all may take all.
    kinds : tuple of str
        What decides it.
    words : tuple of list of frozenset of str
        For each kind of eligibility people have a column of, each person's words.
    needs : tuple of str
        What each unit needs, in words; empty when units have none.
    numbers : mapping of str to int
        A person's number by name or id.
    """

    names: tuple[str, ...]
    capacities: dict[str, np.ndarray]
    allowed: np.ndarray | None
    kinds: tuple[str, ...]
    words: tuple[list[frozenset[str]], ...] = ()
    needs: tuple[str, ...] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)

    def column_of(self, balance: Balance, at: int) -> str | None:
        """Return the column that says how a balance is to fall on people: its own, else, of the first, ``capacity``."""
        if balance.tolerance is None:
            return None
        if balance.column in self.capacities:
            return balance.column
        return CAPACITY if at == 0 and CAPACITY in self.capacities else None

    def share_of(self, balance: Balance, at: int) -> np.ndarray | None:
        """Return each person's share of what is to be balanced; None when all are to have the same."""
        column = self.column_of(balance, at)
        return None if column is None else self.capacities[column] / self.capacities[column].sum()

    def notes(self, asked: Asked) -> tuple[str, ...]:
        """Return what is to be said of them."""
        said = [
            f"'{balance.column}' falls on people by their '{column}'."
            for at, balance in enumerate(asked.balances)
            if (column := self.column_of(balance, at)) is not None
        ]
        if self.kinds:
            said.append(f"Who may take a unit is decided by {' and '.join(self.kinds)}.")
        return tuple(said)


def read_people(reps: Sheet, units: Sheet, wrong: list[Wrong]) -> People:
    """Return the people of a table.

    Its columns: ``name`` or ``id`` (of both, the name names the territory, if each has its own), coordinates of homes (``places``),
    ``capacity`` and columns of the balances' names, and words of eligibility where units have them too: a person needs
    every word of a unit.
    """
    given = [name for name in reps.texts.get("name", ()) if name]
    is_named = len(set(given)) == reps.length or (given and "id" not in reps.texts)
    column = "name" if is_named else "id"
    if column in reps.texts:
        wrong += checks.ids(reps, column)
    names = tuple(str(name) for name in reps.texts.get(column, []) if name)
    for capacity in reps.numbers.keys() - {"x", "y", "lon", "lat"}:
        wrong += checks.amounts(reps, capacity, reps.texts.get(column, ()), needs_total=True)
    capacities = {
        name: values for name, values in reps.numbers.items() if name not in ("x", "y", "lon", "lat")
    }
    allowed, kinds = None, []
    of_people = _words(reps)
    needs = [""] * units.length
    for kind, of_reps in of_people.items():
        of_units = _words(units).get(kind)
        if of_units is None:
            continue
        kinds.append(kind)
        needs = [
            ", ".join(
                part for part in (said, f"{kind} {'; '.join(sorted(needed))}" if needed else "") if part
            )
            for said, needed in zip(needs, of_units, strict=True)
        ]
        may = np.array([[needed <= known for known in of_reps] for needed in set(of_units)], bool)
        row = {needed: at for at, needed in enumerate(set(of_units))}
        may = may.reshape(len(row), len(of_reps))[[row[needed] for needed in of_units]]
        allowed = may if allowed is None else allowed & may
    if allowed is not None and allowed.all():
        allowed = None
    numbers = {
        str(value): at
        for name in ("id", "name")
        for at, value in enumerate(reps.texts.get(name, ()))
        if value
    }
    return People(names, capacities, allowed, tuple(kinds), tuple(of_people.values()), tuple(needs), numbers)


def _words(sheet: Sheet) -> dict[str, list[frozenset[str]]]:
    """Return the columns of eligibility, each cell as a set of words."""
    return {
        _ONE.get(name, name): [_set(value) for value in sheet.texts[name]]
        for name in ELIGIBILITY
        if name in sheet.texts
    }


def _set(value: str | None) -> frozenset[str]:
    parts: Sequence[str] = re.split(r"[;,|]", value or "")
    return frozenset(part.strip().casefold() for part in parts if part.strip())
