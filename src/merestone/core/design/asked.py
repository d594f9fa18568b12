"""What a design is asked for, before it is checked: the tables as read, the words of the call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from merestone.base.errors import UsageError
from merestone.core.design.prices import Pricing
from merestone.core.design.problem import Objective

DETOUR = 1.2
"""Road over straight distance in the United States (Ballou, Rahardja & Sakai 2002)."""
SPEED_KM_H = 50.0
"""An assumption: mixed town and country roads."""
_TOLERANCE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\s*%?")


def _row_in_sheet(position: int) -> int:
    return position + 2


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as read.

    Parameters
    ----------
    name : str
        The file's, for messages.
    texts : mapping of str to sequence of str or None
        Columns of words, None where a cell is empty.
    numbers : mapping of str to (n,) float64 array
        Columns of numbers, NaN where a cell is empty.
    row : callable
        From a position to the row's number in the file.
    """

    name: str
    texts: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    numbers: Mapping[str, np.ndarray] = field(default_factory=dict)
    row: Callable[[int], int] = _row_in_sheet

    @property
    def length(self) -> int:
        """Number of rows."""
        lengths = [*map(len, self.texts.values()), *map(len, self.numbers.values())]
        return lengths[0] if lengths else 0


@dataclass(frozen=True, slots=True)
class Balance:
    """How evenly a column is to fall: a tolerance around the mean, or a range.

    Parameters
    ----------
    column : str
    tolerance : float, optional
        Share of the mean, not negative.
    low, high : float
        The range, where there is no tolerance.
    """

    column: str
    tolerance: float | None = None
    low: float = 0.0
    high: float = np.inf


@dataclass(frozen=True, slots=True)
class MostMoves:
    """How much may leave its current territory.

    Parameters
    ----------
    share : float
        Of what has a territory today, 0 to 1.
    column : str
        Of amounts; empty for the number of units.
    """

    share: float
    column: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a call.

    Parameters
    ----------
    objective : Objective
    territories : int, optional
        How many; as many as there are people or current territories when not given.
    balances : tuple of Balance
    load, capacity : str, optional
        Columns of the capacitated p-median.
    weight : str, optional
        Column that a unit's distance counts for.
    floors_distance : bool
        Count whole metres, rounded down.
    detour, speed_km_h : float
        From straight kilometres to hours, for ``Objective.TRAVEL``.
    most_moves : tuple of MostMoves
    pricing : Pricing, optional
        What a move costs (``prices``).
    as_of : date, optional
        The day relationships are as old as; without it ``since`` is not read.

    References
    ----------
    R. H. Ballou, H. Rahardja, N. Sakai (2002), Selected country circuity factors for road travel distance estimation,
    Transportation Research Part A 36(9):843-848, doi:10.1016/S0965-8564(01)00044-1.
    """

    objective: Objective
    territories: int | None = None
    balances: tuple[Balance, ...] = ()
    load: str | None = None
    capacity: str | None = None
    weight: str | None = None
    floors_distance: bool = False
    detour: float = DETOUR
    speed_km_h: float = SPEED_KM_H
    most_moves: tuple[MostMoves, ...] = ()
    pricing: Pricing | None = None
    as_of: date | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of numbers that the units must have, besides coordinates."""
        named = (*(one.column for one in self.balances), self.load, self.capacity, self.weight)
        named = (*named, *(one.column for one in self.most_moves))
        named = (*named, self.pricing.column if self.pricing is not None else None)
        return tuple(dict.fromkeys(name for name in named if name))

    @property
    def weight_column(self) -> str | None:
        """The column that distances count for; None when each unit counts for 1."""
        if self.weight is None and self.objective is Objective.INERTIA and self.balances:
            return self.balances[0].column
        return self.weight

    def check(self) -> None:
        """Raise UsageError when the words contradict one another."""
        if (self.load is None) != (self.capacity is None):
            raise UsageError("--load and --capacity go together.")
        if self.load is not None and self.objective is Objective.INERTIA:
            raise UsageError(
                "With --load and --capacity a territory's centre is its median.",
                fix="Use --objective distance or travel.",
            )
        if self.floors_distance and self.objective is not Objective.DISTANCE:
            raise UsageError("--whole-metres is for --objective distance.")
        names = [one.column for one in self.balances]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"--balance names '{name}' twice.", fix="Give each column one balance.")
        columns = [one.column for one in self.most_moves]
        if len(set(columns)) < len(columns):
            raise UsageError("--most-moves asks of one column twice.", fix="Give each column one limit.")
        if self.pricing is not None:
            self.pricing.check()
        if not (self.detour >= 1 and self.speed_km_h > 0 and np.isfinite(self.detour * self.speed_km_h)):
            raise UsageError("--detour is at least 1, and --speed more than 0.")


def read_objective(text: str) -> Objective:
    """Return the objective of this name; UsageError when there is none."""
    try:
        return Objective(text)
    except ValueError:
        raise UsageError(f"There is no objective '{text}'.", fix="Use inertia, distance or travel.") from None


def read_balance(text: str) -> Balance:
    """Return what ``COLUMN:0.05``, ``COLUMN:5%``, ``COLUMN:LOW..HIGH``, ``COLUMN:LOW..`` or ``COLUMN:..HIGH`` asks.

    Raises
    ------
    UsageError
        ``bad-balance``: it has another form, the tolerance is negative, or LOW is above HIGH.
    """
    column, _, wish = (part.strip() for part in text.rpartition(":"))
    if column and ".." in wish:
        low, _, high = (part.strip() for part in wish.partition(".."))
        if low or high:
            bottom, top = _number(low, 0.0, text), _number(high, np.inf, text)
            if bottom > top:
                raise _bad(text, f"{low} is above {high}.")
            return Balance(column, None, bottom, top)
    if not column or not wish:
        raise _bad(text, "It names no column, or asks nothing of it.")
    if wish.startswith("-"):
        raise _bad(text, f"A tolerance of {wish} is negative.")
    if not _TOLERANCE.fullmatch(wish):
        raise _bad(text, f"'{wish}' is neither a tolerance nor a range.")
    share = float(wish.rstrip("% ")) / (100 if wish.endswith("%") else 1)
    return Balance(column, share)


def read_most_moves(text: str) -> MostMoves:
    """Return what ``10%``, ``0.1`` or ``COLUMN:5%`` asks.

    Raises
    ------
    UsageError
        ``bad-most-moves``: it is no share, or one above 1.
    """
    column, _, wish = (part.strip() for part in text.rpartition(":"))
    share = (
        float(wish.rstrip("% ")) / (100 if wish.endswith("%") else 1) if _TOLERANCE.fullmatch(wish) else -1.0
    )
    if not 0.0 <= share <= 1.0 or (":" in text and not column):
        raise UsageError(
            f"--most-moves '{text}' cannot be read: a share from 0 to 1 is wanted.",
            fix="Write 10% for a tenth of the units, or COLUMN:5% of an amount.",
            code="bad-most-moves",
        )
    return MostMoves(share, column)


def _number(text: str, instead: float, whole: str) -> float:
    if not text:
        return instead
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise _bad(whole, f"'{text}' is not a number.")
    if number < 0:
        raise _bad(whole, f"{text} is negative.")
    return number


def _bad(text: str, why: str) -> UsageError:
    return UsageError(
        f"--balance '{text}' cannot be read. {why}",
        fix="Write COLUMN:0.05 for 5 % around the mean, or COLUMN:LOW..HIGH.",
        code="bad-balance",
    )
