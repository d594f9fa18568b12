"""Compiling the loops before anybody waits for them: one tiny problem of each kind is solved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.problem import Activity, Adjacency, Objective, Problem

SIDE = 8
SECONDS = 2.0


def tiny_problems(side: int = SIDE) -> tuple[Problem, ...]:
    """Return a grid of units as one problem of each kind: districts, p-median, capacitated p-median, homes."""
    n, k = side * side, 4
    column, row = np.meshgrid(np.arange(side), np.arange(side))
    number = np.arange(n).reshape(side, side)
    pairs = np.concatenate(
        [
            np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1),
            np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1),
        ]
    )
    amounts = 10.0 + np.arange(n) % 7
    mean = amounts.sum() / k
    work = Activity("work", amounts, np.full(k, 0.85 * mean), np.full(k, 1.15 * mean))
    districts = Problem(
        ids=tuple(map(str, range(n))),
        labels=tuple(map(str, range(1, k + 1))),
        x=column.ravel() * 1000.0 + row.ravel() * 7.0,
        y=row.ravel() * 1000.0 - column.ravel() * 3.0,
        objective=Objective.INERTIA,
        weights=amounts,
        activities=(work,),
        adjacency=Adjacency.of(n, pairs),
    )
    medians = replace(districts, objective=Objective.DISTANCE, weights=np.ones(n), adjacency=None)
    homes = np.array([[1.5, 1.5], [1.5, 5.5], [5.5, 1.5], [5.5, 5.5]]) * 1000
    return (
        districts,
        medians,
        replace(medians, activities=(), load=amounts, capacity=np.full(n, 1.25 * mean)),
        replace(districts, objective=Objective.TRAVEL, homes=homes),
    )


def warm(seconds: float = SECONDS) -> None:
    """Compile or load what searches and bounds use.

    Parameters
    ----------
    seconds : float
        Time limit of each tiny problem. Compiling is not interrupted by it, but what is reached after it is not compiled.
    """
    from merestone.core.design.solve import solve

    for problem in tiny_problems():
        solve(problem, Control(time_limit=seconds))
