"""Sums of territories, and what goes from where to where."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from merestone.app.handout import Exchange, Sum
from merestone.app.handouts.placing import Placed
from merestone.app.scenarios.measures import KEYS

Names = Sequence[tuple[str, str]]


@dataclass(frozen=True, eq=False)
class Sums:
    """Each measure by territory, as it is and as it would be.

    Parameters
    ----------
    today, planned : mapping of str to (k,) float array
    """

    today: Mapping[str, np.ndarray]
    planned: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, placed: Placed, k: int) -> Sums:
        """Return the sums of a scenario of ``k`` territories."""
        return cls(_by(placed, placed.today, k), _by(placed, placed.planned, k))

    def of_territory(self, number: int) -> tuple[Sum, ...]:
        """Return what one has."""
        return self._sums(np.array([number]))

    def of_all(self, numbers: Collection[int]) -> tuple[Sum, ...]:
        """Return what some have together; the index is of the mean among them."""
        return self._sums(np.array(sorted(numbers), np.int64))

    def _sums(self, numbers: np.ndarray) -> tuple[Sum, ...]:
        found = []
        for key in KEYS:
            planned, mean = self.planned[key][numbers], float(self.planned[key].mean())
            index = round(float(planned.mean()) * 100 / mean, 1) if mean else None
            today = float(self.today[key][numbers].sum())
            found.append(Sum(key, round(today, 2), round(float(planned.sum()), 2), index))
        return tuple(found)


def _by(placed: Placed, numbers: np.ndarray, k: int) -> dict[str, np.ndarray]:
    has = numbers >= 0
    return {key: np.bincount(numbers[has], placed.amounts[key][has], minlength=k) for key in KEYS}


def exchanges(placed: Placed, numbers: frozenset[int]) -> tuple[tuple[Exchange, ...], tuple[Exchange, ...]]:
    """Return what comes into some territories together, and what goes out of them, most accounts first.

    By where accounts are now and with whom; and by where they would be and with whom.
    """
    some = np.array(sorted(numbers), np.int64)
    is_in, was_in = np.isin(placed.planned, some), np.isin(placed.today, some)
    nobody = len(placed.plan_names) - 1
    planned = np.where(placed.planned < 0, nobody, placed.planned)
    return (
        _exchanges(placed, is_in & ~was_in, placed.now_code, placed.now_names),
        _exchanges(placed, was_in & ~is_in, planned, placed.plan_names),
    )


def _exchanges(placed: Placed, moves: np.ndarray, codes: np.ndarray, names: Names) -> tuple[Exchange, ...]:
    rows = np.flatnonzero(moves)
    if not len(rows):
        return ()
    sums = [
        np.bincount(codes[rows], placed.amounts[key][rows], minlength=len(names))
        for key in ("accounts", "potential", "revenue")
    ]
    there = np.flatnonzero(sums[0])
    found = [
        Exchange(*names[code], int(sums[0][code]), float(sums[1][code]), float(sums[2][code]))
        for code in there.tolist()
    ]
    return tuple(sorted(found, key=lambda one: (-one.accounts, one.territory, one.owner)))
