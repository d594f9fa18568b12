"""Which counties a territory has, said as shortly as people would: by state, whole, except a few, or a few."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from merestone.app.handout import Place
from merestone.app.scenarios.drawn import Drawn

FEW = 0.4
"""Of a state's units: no more of them are named as missing."""


def places_of(drawn: Drawn, units: np.ndarray, states: Mapping[str, str]) -> tuple[Place, ...]:
    """Return what some units are of which states: the states with most of them first, whole ones before others.

    Parameters
    ----------
    states : mapping of str to str
        Code -> name.
    """
    names, state_of = drawn.content["names"], drawn.content["states"]
    here: dict[str, list[int]] = {}
    for unit in units.tolist():
        here.setdefault(state_of[unit], []).append(unit)
    everywhere: dict[str, list[int]] = {}
    for unit, state in enumerate(state_of):
        if state in here:
            everywhere.setdefault(state, []).append(unit)
    found = [
        _place(code, states.get(code, code), set(has), everywhere[code], names) for code, has in here.items()
    ]
    return tuple(sorted(found, key=lambda one: (not one.is_whole, -one.n, one.state)))


def _place(code: str, state: str, has: set[int], every: list[int], names: list[str]) -> Place:
    missing = [unit for unit in every if unit not in has]
    if not missing:
        return Place(code, state, (), len(has))
    is_except = len(missing) <= FEW * len(every)
    told = missing if is_except else sorted(has)
    return Place(code, state, tuple(sorted(names[unit] for unit in told)), len(has), is_except)
