"""What a design is asked: units, activities with bounds, an objective and the wishes, as columns of numbers.

A problem is made by ``reading.read_problem``, which checks everything and tells all errors together; whoever makes one
by hand answers for its shapes. Units and territories are numbered from 0 in the order of ``ids`` and ``labels``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np

FREE = -1
"""In place of a territory: the unit has none, or may go to any."""


class Objective(StrEnum):
    """What a plan's cost is.

    Each territory has a centre: its home where ``Problem.homes`` says one, else the member unit that is best for it.
    """

    INERTIA = "inertia"
    """Moment of inertia: Σ weight × squared distance to the centre, in weight × km² (Hess et al. 1965)."""
    DISTANCE = "distance"
    """Σ weight × distance to the centre, in weight × km: the p-median."""
    TRAVEL = "travel"
    """Σ visits × hours there and back: distance with detour and speed, weight = visits (``travel``)."""


@dataclass(frozen=True, eq=False, slots=True)
class Activity:
    """A column that is to fall evenly on the territories.

    Parameters
    ----------
    name : str
    amounts : (n,) float64 array
        Of each unit, none negative.
    lower, upper : (k,) float64 arrays
        Of each territory; 0 and infinity where nothing is asked.
    """

    name: str
    amounts: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


@dataclass(frozen=True, eq=False, slots=True)
class Adjacency:
    """Which units touch: row ``i`` of the graph is ``neighbours[starts[i]:starts[i + 1]]``, ascending, symmetric.

    Parameters
    ----------
    starts : (n + 1,) int32 array
    neighbours : (m,) int32 array
    """

    starts: np.ndarray
    neighbours: np.ndarray

    @classmethod
    def of(cls, n: int, pairs: np.ndarray) -> Adjacency:
        """Return the graph of (m, 2) pairs of unit numbers; loops and repeated pairs are dropped."""
        both = np.concatenate([pairs, pairs[:, ::-1]]) if len(pairs) else np.empty((0, 2), np.int64)
        both = np.unique(both[both[:, 0] != both[:, 1]], axis=0)
        starts = np.searchsorted(both[:, 0], np.arange(n + 1)).astype(np.int32)
        return cls(starts, np.ascontiguousarray(both[:, 1], np.int32))

    def pairs(self) -> np.ndarray:
        """Return the (m, 2) pairs with the smaller number first."""
        first = np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))
        is_first = first < self.neighbours
        return np.stack([first[is_first], self.neighbours[is_first]], axis=1)


@dataclass(frozen=True, eq=False, slots=True)
class MoveCap:
    """How much may leave its current territory.

    Parameters
    ----------
    name : str
        Of a column; empty for the number of units.
    amounts : (n,) float64 array
        Of each unit, none negative.
    most : float
        What all that move may have together.
    share : float
        The same as a share of what has a territory today.
    """

    name: str
    amounts: np.ndarray
    most: float
    share: float


@dataclass(frozen=True, eq=False)
class Problem:
    """A design problem.

    Parameters
    ----------
    ids : tuple of str
        Of the units, each once.
    labels : tuple of str
        Of the territories; their number is ``k``.
    x, y : (n,) float64 arrays
        Metres in a plane (``core.design.plane`` projects degrees).
    objective : Objective
    weights : (n,) float64 array
        What a unit's distance counts for, none negative.
    activities : tuple of Activity
    adjacency : Adjacency, optional
        When given, the members of each territory must be connected.
    load, capacity : (n,) float64 arrays, optional
        Capacitated p-median: the loads of a territory stay within the capacity of its centre unit. Both or none.
    floors_distance : bool
        Distances are rounded down to whole metres (some published instances count so).
    locked : (n,) int32 array, optional
        The territory a unit must stay in, or ``FREE``.
    allowed : (n, k) bool array, optional
        Where a unit may go; everywhere when not given.
    homes : (k, 2) float64 array, optional
        Fixed centres, in the plane; NaN where a territory has none.
    current : (n,) int32 array, optional
        The territory that has the unit today, or ``FREE``.
    move_price : (n,) float64 array, optional
        What it costs, in units of the objective, when a unit leaves ``current``.
    surcharge : (n, k) float64 array, optional
        What it costs besides, when a unit leaves ``current`` for each territory.
    together : (n,) int32 array, optional
        Units of one number from 0 must share a territory; ``FREE`` where a unit stands alone.
    together_names : tuple of str
        Of the numbers in ``together``.
    apart : (m, 2) int array, optional
        Pairs of units that may not share a territory.
    move_caps : tuple of MoveCap
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    objective: Objective
    weights: np.ndarray
    activities: tuple[Activity, ...] = ()
    adjacency: Adjacency | None = None
    load: np.ndarray | None = None
    capacity: np.ndarray | None = None
    floors_distance: bool = False
    locked: np.ndarray | None = None
    allowed: np.ndarray | None = None
    homes: np.ndarray | None = None
    current: np.ndarray | None = None
    move_price: np.ndarray | None = None
    surcharge: np.ndarray | None = None
    together: np.ndarray | None = None
    together_names: tuple[str, ...] = ()
    apart: np.ndarray | None = None
    move_caps: tuple[MoveCap, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.ids)

    @property
    def k(self) -> int:
        """Number of territories."""
        return len(self.labels)

    @property
    def is_capacitated(self) -> bool:
        """Whether it is a capacitated p-median."""
        return self.capacity is not None

    @property
    def has_free_territories(self) -> bool:
        """Whether territories are alike, so that their numbers mean nothing."""
        return (
            self.homes is None
            and self.locked is None
            and self.allowed is None
            and self.current is None
            and bool((self.lower == self.lower[:, :1]).all() and (self.upper == self.upper[:, :1]).all())
        )

    @cached_property
    def amounts(self) -> np.ndarray:
        """(a, n) float64 array: the activities' amounts."""
        return np.array([one.amounts for one in self.activities], np.float64).reshape(-1, self.n)

    @cached_property
    def lower(self) -> np.ndarray:
        """(a, k) float64 array."""
        return np.array([one.lower for one in self.activities], np.float64).reshape(-1, self.k)

    @cached_property
    def upper(self) -> np.ndarray:
        """(a, k) float64 array."""
        return np.array([one.upper for one in self.activities], np.float64).reshape(-1, self.k)
