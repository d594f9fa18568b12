"""What stands in a hand-out, whatever it is written as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa

FORMATS = ("pdf", "xlsx")
PAPERS = ("letter", "a4")
NOBODY = "Nobody"


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure.

    Parameters
    ----------
    unit : str
        ``accounts``, ``hours``, or the company's currency.
    """

    key: str
    label: str
    unit: str


@dataclass(frozen=True, slots=True)
class Sum:
    """What a territory has of a measure.

    Parameters
    ----------
    today, planned : float
        With the accounts it has now (in the active model), and with those it would have.
    index : float or None
        ``planned`` with 100 for the mean of the scenario's territories; None where nothing is measured.
    """

    measure: str
    today: float
    planned: float
    index: float | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """Accounts that come from, or go to, one place.

    Parameters
    ----------
    territory, owner : str
        ``NOBODY`` for the queue; an empty owner: nobody sells there.
    """

    territory: str
    owner: str
    accounts: int
    potential: float
    revenue: float


@dataclass(frozen=True, slots=True)
class Place:
    """What a territory has of a state.

    Parameters
    ----------
    units : tuple of str
        Names of the units it has; or with ``is_except`` of those it does not have. None of them when it has all.
    n : int
        How many units it has here.
    """

    code: str
    state: str
    units: tuple[str, ...]
    n: int
    is_except: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it has all of the state."""
        return not self.units


@dataclass(frozen=True, eq=False)
class TerritorySheet:
    """One territory.

    Parameters
    ----------
    number : int
        Its place in the scenario, from 0.
    managers : tuple of str
        Names of those who manage it: the nearest in the tree.
    home : (lon, lat) or None
        Of the owner.
    rows, leaving : int arrays
        Rows of ``HandOut.accounts``, the largest potential first: those it would have, those it has now and would not.
    n_stay : int
        Accounts it has now and keeps.
    """

    number: int
    key: str
    name: str
    owner: str
    managers: tuple[str, ...]
    home: tuple[float, float] | None
    n_units: int
    is_connected: bool
    sums: tuple[Sum, ...]
    places: tuple[Place, ...]
    comes: tuple[Exchange, ...]
    goes: tuple[Exchange, ...]
    rows: np.ndarray
    leaving: np.ndarray
    n_stay: int


@dataclass(frozen=True, slots=True)
class ManagerSheet:
    """The territories of one manager.

    Parameters
    ----------
    rep : int
        Id of the manager.
    sheets : tuple of int
        Positions in ``HandOut.sheets``.
    sums : tuple of Sum
        Over those; the index is that of the mean territory among them.
    comes, goes : tuple of Exchange
        Over the border of them all; what moves between them is in neither.
    n_between : int
        Accounts that move between them.
    """

    rep: int
    name: str
    sheets: tuple[int, ...]
    sums: tuple[Sum, ...]
    comes: tuple[Exchange, ...]
    goes: tuple[Exchange, ...]
    n_between: int


@dataclass(frozen=True, slots=True)
class Whole:
    """All of a scenario, whatever part of it is handed out.

    Parameters
    ----------
    names, owners : tuple of str
        By number of territory.
    unit_ids, unit_names, unit_states : tuple of str
    plan, live : tuple of int
        By unit: the number of the territory it would be in, and of that most of its accounts are in now; −1 for none.
    touches : tuple of (int, int)
        Territories that touch.
    """

    names: tuple[str, ...]
    owners: tuple[str, ...]
    homes: tuple[tuple[float, float] | None, ...]
    unit_kind: str
    unit_ids: tuple[str, ...]
    unit_names: tuple[str, ...]
    unit_states: tuple[str, ...]
    plan: tuple[int, ...]
    live: tuple[int, ...]
    touches: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class HandOut:
    """A scenario, or a part of it, to hand out.

    Parameters
    ----------
    scope : str
        ``all``, ``manager`` or ``territory``.
    part : str
        Name of that manager or territory; of the scenario for all.
    made_on : datetime
        When the accounts were read, in the company's time zone.
    effective : date or None
        When the model is to take effect.
    is_stale : bool
        Accounts or the model changed since the scenario took its sums: those of the planning page may differ.
    sheets : tuple of TerritorySheet
    managers : tuple of ManagerSheet
        Those with territories among the sheets.
    accounts : pa.Table
        ``id``, ``external_id``, ``name``, ``city``, ``state``, ``county`` (id), ``longitude``, ``latitude``, ``planned``
        (number of the territory, −1 nobody's), ``territory``, ``owner``, ``territory_today``, ``owner_today``, ``moves``
        (another territory than today), ``new_owner`` (another owner than today), ``potential``, ``revenue``,
        ``workload``; every account of the sheets, and those that leave.
    moved, total : mapping of str to float
        Measure -> what changes territory, and all there is, in the whole scenario.
    n_fixed, n_without : int
        Accounts that stay whatever the plan says: locked or named; and those in no unit. They are counted nowhere here.
    """

    key: str
    name: str
    revision: int
    model: str
    model_name: str
    scope: str
    part: str
    made_on: datetime
    effective: date | None
    is_stale: bool
    measures: tuple[Measured, ...]
    currency: str
    sheets: tuple[TerritorySheet, ...]
    managers: tuple[ManagerSheet, ...]
    accounts: pa.Table
    moved: Mapping[str, float]
    total: Mapping[str, float]
    n_fixed: int
    n_without: int
    whole: Whole
