"""Where units and homes are: metres as given, or degrees projected into one plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from merestone.base.errors import Problem as Wrong
from merestone.core.design import checks
from merestone.core.design.asked import Sheet
from merestone.core.design.plane import Plane

METRES = ("x", "y")
DEGREES = ("lon", "lat")
FAR_M = 3_000_000.0
"""From the middle of a map; beyond, distances are off by more than 3 %."""


@dataclass(frozen=True, eq=False, slots=True)
class Places:
    """Places in one plane.

    Parameters
    ----------
    x, y : (n,) float64 arrays
        Metres, of the units.
    homes : (k, 2) float64 array or None
        Of the people.
    notes : tuple of str
    """

    x: np.ndarray
    y: np.ndarray
    homes: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def place(units: Sheet, reps: Sheet | None, wrong: list[Wrong]) -> Places | None:
    """Return where everything is, metres where all tables have them; None when that cannot be said, and why in ``wrong``.

    People without any column of coordinates have no home.
    """
    has_homes = reps is not None and any(_has(reps, names) for names in (METRES, DEGREES))
    sheets = [units, reps] if has_homes and reps is not None else [units]
    kinds = [names for names in (METRES, DEGREES) if all(_has(sheet, names) for sheet in sheets)]
    if not kinds:
        wrong.append(_no_kind(sheets))
        return None
    before = len(wrong)
    for sheet in sheets:
        column = "id" if "id" in sheet.texts else "name"
        wrong += checks.coordinates(sheet, kinds[0], sheet.texts.get(column, [None] * sheet.length))
    if len(wrong) > before:
        return None
    columns = [[sheet.numbers[name] for name in kinds[0]] for sheet in sheets]
    notes: tuple[str, ...] = ()
    if kinds[0] == DEGREES:
        plane = Plane.about(columns[0][1], columns[0][0])
        columns = [list(plane.project(latitude, longitude)) for longitude, latitude in columns]
        if np.hypot(*columns[0]).max() > FAR_M:
            notes = (
                "The units lie more than 3,000 km from their middle: distances there are off by over 3 %.",
            )
    homes = np.stack(columns[1], axis=1) if has_homes else None
    return Places(columns[0][0], columns[0][1], homes, notes)


def _has(sheet: Sheet, names: tuple[str, str]) -> bool:
    return all(name in sheet.numbers for name in names)


def _no_kind(sheets: list[Sheet]) -> Wrong:
    units = sheets[0]
    if not (_has(units, METRES) or _has(units, DEGREES)):
        return Wrong(
            "missing-coordinates",
            f"'{units.name}' has no columns of coordinates.",
            "Name them x and y (metres), or lon and lat (degrees).",
            units.name,
        )
    return Wrong(
        "coordinates-differ",
        f"'{units.name}' and '{sheets[1].name}' have no coordinates of one kind.",
        "Give both x and y, or both lon and lat.",
        sheets[1].name,
    )
