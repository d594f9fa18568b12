"""What a repair is asked, and what it hands back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from merestone.core.design.control import Stop
from merestone.core.design.scoring import Score


@dataclass(frozen=True, slots=True)
class Wanted:
    """What kind of repairs are asked for.

    Parameters
    ----------
    repairs : int
        At most so many, the smallest first.
    most_moves : int, optional
        No repair takes more units from a territory; any number when not given. Units that nobody has today are placed
        besides.
    measure : str
        What makes a repair small: the amount of this activity that moves; the number of units when empty.
    """

    repairs: int = 5
    most_moves: int | None = None
    measure: str = ""


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with an alignment in one place.

    Parameters
    ----------
    kind : str
        ``over`` and ``under`` (bounds of an activity), ``capacity``, ``strays``, ``empty``, ``unassigned``, ``misplaced``,
        ``torn`` (parted from its group), ``met`` (with one it may not meet).
    territory : int
        ``FREE`` where it is none's.
    activity : str
        Of ``over`` and ``under``.
    amount : float
        By how much, or how many units.
    """

    kind: str
    territory: int
    activity: str = ""
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Move:
    """One unit that changes hands.

    Parameters
    ----------
    unit : int
    source, target : int
        Territories; ``source`` is ``FREE`` for a unit that nobody has today.
    why : str
        What it mends, a sentence.
    cost : float
        By how much the unit's own cost grows, from its centre today to its centre after the repair, in units of the
        objective; 0 from nowhere is its whole cost.
    amounts : tuple of float
        Of each activity, what goes from source to target.
    """

    unit: int
    source: int
    target: int
    why: str
    cost: float
    amounts: tuple[float, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Repair:
    """A set of moves that brings an alignment back inside its bounds.

    Parameters
    ----------
    plan : (n,) int32 array
    moves : tuple of Move
        Those of units that somebody has today first.
    size : float
        Units, or the amount asked for, that leave a territory.
    score : Score
        Of the plan.
    cost_change : float
        What the plan costs more than today's, without prices of moves.
    is_proved : bool
        Whether no repair but the smaller ones and those that contain them is smaller; else it is the smallest found.
    """

    plan: np.ndarray
    moves: tuple[Move, ...]
    size: float
    score: Score
    cost_change: float
    is_proved: bool

    @property
    def moved(self) -> int:
        """Units taken from a territory."""
        return sum(move.source >= 0 for move in self.moves)

    @property
    def placed(self) -> int:
        """Units that nobody had."""
        return len(self.moves) - self.moved


@dataclass(frozen=True, eq=False, slots=True)
class Repairs:
    """All that was found.

    Parameters
    ----------
    today : Score
    damage : tuple of Damage
        Empty when there is nothing to repair.
    repairs : tuple of Repair
        Ranked: the smallest first, then the cheapest.
    least : Repair or None
        Where there is no repair: what comes nearest to one, within as many moves as there may be.
    is_impossible : bool
        Whether it is proved that there is no repair within as many moves as there may be.
    at_least : float
        No repair is smaller, as far as is proved.
    seconds : float
    seed : int
    stop : Stop
    notes : tuple of str
    """

    today: Score
    damage: tuple[Damage, ...]
    repairs: tuple[Repair, ...]
    least: Repair | None
    is_impossible: bool
    at_least: float
    seconds: float
    seed: int
    stop: Stop
    notes: tuple[str, ...] = ()
