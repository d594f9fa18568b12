"""What a search and a bound hand back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """A plan.

    Parameters
    ----------
    plan : (n,) int32 array
        The territory of each unit.
    notes : tuple of str
        What a reader must know of it.
    bound : Bound, optional
        What the search itself has proved.
    """

    plan: np.ndarray
    notes: tuple[str, ...] = ()
    bound: Bound | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """What no plan of a problem costs less than.

    Parameters
    ----------
    value : float or None
        In units of the objective; None when none was found in time.
    notes : tuple of str
        What it leaves out: contiguity, for one.
    """

    value: float | None
    notes: tuple[str, ...] = ()
