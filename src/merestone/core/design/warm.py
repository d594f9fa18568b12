"""Compiling the loops before anybody waits for them: small problems of each kind are solved until nothing is compiled."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.problem import Activity, Adjacency, Objective, Problem
from merestone.core.design.search import MOST_UNITS

SECONDS = 2.0
_LOOPS = "merestone.core.design.loops."
_MOST_ROUNDS = 8


def small_problems() -> tuple[Problem, ...]:
    """Return grids of units as one problem of each kind: districts, p-median, capacitated, homes, many units."""
    districts = _grid(8, 4)
    medians = replace(districts, objective=Objective.DISTANCE, weights=np.ones(districts.n), adjacency=None)
    room = np.full(districts.n, 1.25 * districts.weights.sum() / districts.k)
    homes = np.array([[1.5, 1.5], [1.5, 5.5], [5.5, 1.5], [5.5, 5.5]]) * 1000
    return (
        districts,
        medians,
        replace(medians, activities=(), load=districts.weights, capacity=room),
        replace(districts, objective=Objective.TRAVEL, homes=homes),
        _grid(int(MOST_UNITS**0.5) + 1, 12),
    )


def _grid(side: int, k: int) -> Problem:
    n = side * side
    column, row = np.meshgrid(np.arange(side), np.arange(side))
    number = np.arange(n).reshape(side, side)
    across = np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1)
    down = np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1)
    amounts = 10.0 + np.arange(n) % 7
    mean = amounts.sum() / k
    return Problem(
        ids=tuple(map(str, range(n))),
        labels=tuple(map(str, range(1, k + 1))),
        x=column.ravel() * 1000.0 + row.ravel() * 7.0,
        y=row.ravel() * 1000.0 - column.ravel() * 3.0,
        objective=Objective.INERTIA,
        weights=amounts,
        activities=(Activity("work", amounts, np.full(k, 0.85 * mean), np.full(k, 1.15 * mean)),),
        adjacency=Adjacency.of(n, np.concatenate([across, down])),
    )


def warm(seconds: float = SECONDS) -> int:
    """Compile or load what searches and bounds use; returns how many loops there are.

    What is compiled takes time off the search that waits for it, which then does not reach all there is to compile.
    So each problem is solved again until nothing more is compiled.

    Parameters
    ----------
    seconds : float
        Time limit of each run.
    """
    from merestone.core.design.solve import solve

    known = 0
    for problem in small_problems():
        for _ in range(_MOST_ROUNDS):
            solve(problem, Control(time_limit=seconds))
            before, known = known, compiled()
            if known == before:
                break
    return known


def compiled() -> int:
    """Return how many forms of our loops are compiled in this process."""
    modules = [module for name, module in list(sys.modules.items()) if name.startswith(_LOOPS)]
    return sum(
        len(loop.signatures)
        for module in modules
        for loop in vars(module).values()
        if hasattr(loop, "signatures") and loop.__module__ == module.__name__
    )
