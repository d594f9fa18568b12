"""A problem as columns of numbers for the loops of the bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from merestone.core.design.loops import bounds as loops
from merestone.core.design.problem import Objective, Problem


@dataclass(frozen=True, eq=False)
class Made:
    """A problem ready for the loops.

    Parameters
    ----------
    ground : loops.Ground
    home_columns : (h,) int32 array
        Columns of fixed homes, each of which is a centre.
    free_columns : (m,) int32 array
        Columns of units, of which ``wanted`` are centres.
    wanted : int
    """

    ground: loops.Ground
    home_columns: np.ndarray
    free_columns: np.ndarray
    wanted: int

    def room(self) -> loops.Room:
        """Return working memory."""
        units, columns = len(self.ground.x), len(self.ground.centre_x)
        most = max(units, columns)
        return loops.Room(
            ratios=np.empty(most),
            amounts=np.empty(most),
            tops=np.empty(len(self.ground.boxes)),
            levels=np.full(columns, np.inf),
            worth=np.full(columns, -np.inf),
            chosen=np.zeros(columns, np.int8),
            cover=np.zeros(units),
            flow=np.zeros(units),
            last=np.zeros(units),
            use=np.zeros(columns),
        )


def make(problem: Problem) -> Made:
    """Return the problem in blocks of near units; units that count for nothing are left out, but may be centres."""
    amount, lower, upper = _first_activity(problem)
    share = np.where(amount > 0, amount, problem.weights)
    units = _blocks(problem.x, problem.y, np.flatnonzero(share > 0))
    place = np.full(problem.n, -1, np.int32)
    place[units] = np.arange(len(units), dtype=np.int32)
    homes = _homes(problem)
    factor = problem.weights[units] / share[units]
    k = problem.k
    at_home = [index for index in range(k) if homes is not None and not np.isnan(homes[index]).any()]
    east = homes[at_home, 0] if homes is not None else np.empty(0)
    north = homes[at_home, 1] if homes is not None else np.empty(0)
    centres = np.arange(problem.n)
    ground = loops.Ground(
        x=problem.x[units].astype(np.float64),
        y=problem.y[units].astype(np.float64),
        factor=factor,
        amount=amount[units],
        share=share[units],
        boxes=_boxes(problem.x[units], problem.y[units], factor),
        centre_x=np.concatenate([problem.x[centres], east]).astype(np.float64),
        centre_y=np.concatenate([problem.y[centres], north]).astype(np.float64),
        own=np.concatenate([place[centres], np.full(len(at_home), -1, np.int32)]),
        lower=np.concatenate([lower[0], lower[1][at_home]]),
        upper=np.minimum(np.concatenate([upper[0], upper[1][at_home]]), amount.sum() + 1.0),
        form=_form(problem),
        has_free=bool((amount[units] == 0).any()),
    )
    return Made(
        ground=ground,
        home_columns=np.arange(problem.n, problem.n + len(at_home), dtype=np.int32),
        free_columns=np.arange(problem.n, dtype=np.int32),
        wanted=k - len(at_home),
    )


def _form(problem: Problem) -> int:
    if problem.objective is Objective.INERTIA:
        return loops.SQUARE
    return loops.FLOORED if problem.floors_distance else loops.METRIC


def _homes(problem: Problem) -> np.ndarray | None:
    return problem.homes


def _first_activity(
    problem: Problem,
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return amounts, then lower and upper bounds: with a unit as centre, and of each territory."""
    n, k = problem.n, problem.k
    none, ever = np.zeros(k), np.full(k, np.inf)
    if problem.load is not None and problem.capacity is not None:
        return problem.load, (np.zeros(n), none), (problem.capacity + loops.ENOUGH, ever)
    if not problem.activities:
        return np.zeros(n), (np.zeros(n), none), (np.full(n, np.inf), ever)
    first = problem.activities[0]
    low, high = np.maximum(first.lower - loops.ENOUGH, 0.0), first.upper + loops.ENOUGH
    return first.amounts, (np.full(n, low.min()), low), (np.full(n, high.max()), high)


def _blocks(x: np.ndarray, y: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return the units so that each run of ``BLOCK`` lies together: halved along the longer side, again and again."""
    done: list[np.ndarray] = []
    todo = [units]
    while todo:
        part = todo.pop()
        if len(part) <= loops.BLOCK:
            done.append(part)
            continue
        along = x[part] if np.ptp(x[part]) >= np.ptp(y[part]) else y[part]
        half = max(1, round(len(part) / loops.BLOCK / 2)) * loops.BLOCK
        order = part[np.argsort(along, kind="stable")]
        todo += [order[half:], order[:half]]
    return np.concatenate(done) if done else units


def _boxes(x: np.ndarray, y: np.ndarray, factor: np.ndarray) -> np.ndarray:
    if not len(x):
        return np.empty((0, 5))
    first = np.arange(0, len(x), loops.BLOCK)
    least, most = np.minimum.reduceat, np.maximum.reduceat
    return np.stack(
        [least(x, first), most(x, first), least(y, first), most(y, first), least(factor, first)], axis=1
    )
