"""What a gallery hands back: plans to choose from, each with what it is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from merestone.core.design.control import Stop
from merestone.core.design.scoring import Score


@dataclass(frozen=True, slots=True)
class Measures:
    """What plans are compared by; less is better everywhere.

    Parameters
    ----------
    imbalance : float
        The largest deviation of an activity from what a territory should have, as a share of that.
    cost : float
        Of the objective, without prices of moves.
    disruption : float
        Share of the units that somebody has today which change hands; 0 where there is no current alignment.
    """

    imbalance: float
    cost: float
    disruption: float

    def dominates(self, other: Measures) -> bool:
        """Whether this is nowhere worse than the other and somewhere better."""
        mine, its = self.values, other.values
        return mine != its and all(one <= two for one, two in zip(mine, its, strict=True))

    @property
    def values(self) -> tuple[float, float, float]:
        """All three."""
        return (self.imbalance, self.cost, self.disruption)


@dataclass(frozen=True, slots=True)
class Change:
    """A territory against today.

    Parameters
    ----------
    territory : int
    units_today, units : int
    gained, lost : int
        Units that come from others or from nobody, and that go to others.
    today, plan : tuple of float
        Each activity's sum.
    aims : tuple of float
        What each activity's sum should be.
    """

    territory: int
    units_today: int
    units: int
    gained: int
    lost: int
    today: tuple[float, ...]
    plan: tuple[float, ...]
    aims: tuple[float, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Card:
    """A plan of a gallery.

    Parameters
    ----------
    plan : (n,) int32 array
    score : Score
        Of the problem as asked.
    measures : Measures
    best_at : tuple of str
        What no other plan shown is better at, in words; empty for a plan in between.
    trade : str
        How it stands to the best of each measure, a sentence.
    changes : tuple of Change
        Of the territories; empty without a current alignment.
    moved : int
        Units that change hands.
    moved_shares : tuple of float
        Of each activity, the share that changes hands.
    loss : float
        Sum of the prices of these moves, as asked.
    solved_for : str
        The problem it was searched for, in words.
    bound, gap : float or None
        No plan of that problem costs less, prices of moves in that problem included; how far this one can be from it.
    asked_bound, asked_gap : float or None
        The same of the cost alone in the problem as asked: what any plan within the bounds could save.
    """

    plan: np.ndarray
    score: Score
    measures: Measures
    best_at: tuple[str, ...]
    trade: str
    changes: tuple[Change, ...]
    moved: int
    moved_shares: tuple[float, ...]
    loss: float
    solved_for: str
    bound: float | None
    gap: float | None
    asked_bound: float | None
    asked_gap: float | None


@dataclass(frozen=True, eq=False, slots=True)
class Gallery:
    """Plans none of which is worse than another in every way.

    Parameters
    ----------
    cards : tuple of Card
        From the fewest moves to the most; without a current alignment from the least cost.
    today : Score or None
        Of the current alignment.
    today_measures : Measures or None
    nearest : (n,) int32 array or None
        Where no plan keeps all wishes: the one that breaks them least.
    considered : int
        Different plans that were found and keep all wishes.
    seconds : float
    seed : int
    stop : Stop
    notes : tuple of str
    """

    cards: tuple[Card, ...]
    today: Score | None
    today_measures: Measures | None
    nearest: np.ndarray | None
    considered: int
    seconds: float
    seed: int
    stop: Stop
    notes: tuple[str, ...] = ()
