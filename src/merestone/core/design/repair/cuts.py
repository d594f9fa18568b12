"""Rows that a plan of disconnected territories breaks and every plan of connected ones keeps."""

from __future__ import annotations

import numpy as np

from merestone.core.design.problem import Adjacency, Problem
from merestone.core.design.repair.damage import parts
from merestone.core.design.repair.programme import Programme, Row

MOST_UNITS = 40
"""So many units of a part get a cut at a time; what is still disconnected afterwards gets more."""


def cuts(
    problem: Problem,
    made: Programme,
    plan: np.ndarray,
    values: np.ndarray,
    *,
    sizes: np.ndarray,
    most: float,
) -> list[Row]:
    """Return the broken rows; none when all territories are connected.

    Parameters
    ----------
    sizes : (n,) float64 array
    most : float
        No plan that is looked for moves more.
    """
    if problem.adjacency is None:
        return []
    part = parts(problem, plan)
    rows: list[Row] = []
    for t in range(problem.k):
        members = np.flatnonzero(plan == t)
        names = np.unique(part[members])
        if len(names) > 1:
            may = made.column[:, t] >= 0
            stays = np.where(problem.current == t, sizes, 0.0)
            for name in names:
                inside = members[part[members] == name]
                rest = members[part[members] != name]
                rows += _part(
                    problem.adjacency,
                    made,
                    t,
                    inside,
                    rest=rest,
                    may=may,
                    values=values,
                    stays=stays,
                    most=most,
                )
    return rows


def _part(
    graph: Adjacency,
    made: Programme,
    t: int,
    inside: np.ndarray,
    *,
    rest: np.ndarray,
    may: np.ndarray,
    values: np.ndarray,
    stays: np.ndarray,
    most: float,
) -> list[Row]:
    """Return the rows of a part's units that its root does not reach.

    Where more than may move is outside the part's side, some of it stays: then no root is needed.
    """
    wall = _wall(graph, inside, rest, may)
    side = flood(graph, inside, may & ~wall)
    roots = np.empty(0, np.int64)
    if stays[~side & ~wall].sum() <= most * (1 + 1e-9) + 1e-9:
        roots = made.root(made.column[np.flatnonzero(side), t])
        if values[roots].sum() > 1 - 1e-6:
            return []
    away = np.concatenate([made.column[np.flatnonzero(wall), t], roots])
    return [
        (np.append(away, made.column[unit, t]), np.append(np.full(len(away), -1.0), 1.0), -np.inf, 0.0)
        for unit in inside[:MOST_UNITS]
    ]


def _wall(graph: Adjacency, inside: np.ndarray, rest: np.ndarray, may: np.ndarray) -> np.ndarray:
    """Return the units around a part that are reached from the rest without crossing them: a minimal separator."""
    around = np.zeros(len(may), bool)
    around[_beside(graph, inside)] = True
    around &= may
    around[inside] = False
    reached = flood(graph, rest, may & ~around)
    beside = np.zeros(len(may), bool)
    beside[_beside(graph, np.flatnonzero(reached))] = True
    return np.asarray(around & beside)


def flood(graph: Adjacency, start: np.ndarray, may: np.ndarray) -> np.ndarray:
    """Return which units are reached from some through those that may be entered."""
    seen = np.zeros(len(may), bool)
    seen[start] = True
    front = start
    while len(front):
        front = np.unique(_beside(graph, front))
        front = front[may[front] & ~seen[front]]
        seen[front] = True
    return seen


def _beside(graph: Adjacency, units: np.ndarray) -> np.ndarray:
    degrees = graph.starts[units + 1] - graph.starts[units]
    if not degrees.sum():
        return np.empty(0, np.int64)
    ends = np.cumsum(degrees)
    arcs = np.repeat(graph.starts[units] - (ends - degrees), degrees) + np.arange(ends[-1])
    return np.asarray(graph.neighbours[arcs], np.int64)
