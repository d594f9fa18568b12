"""A problem of many thousands of units as the arrays its search works on, sorted so that neighbours lie close."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from merestone.core.design.loops.scale import Draft, Land
from merestone.core.design.problem import FREE, Activity, Adjacency, Objective, Problem

METRES_PER_KM = 1000.0
TIGHTER = 5e-4
"""Inside, bounds are narrower by this share of a territory's mean, so that sums of floats never miss them."""


def morton(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the order of points along a curve that keeps near ones close (Morton 1966)."""
    keys = np.zeros(len(x), np.uint64)
    for shift, values in enumerate((x, y)):
        cells = ((values - values.min()) / max(np.ptp(values), 1e-300) * 65_535).astype(np.uint64)
        for bits, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
            cells = (cells | (cells << np.uint64(bits))) & np.uint64(mask)
        keys |= cells << np.uint64(shift)
    return np.argsort(keys, kind="stable")


def sorted_by(problem: Problem, order: np.ndarray) -> Problem:
    """Return a problem whose unit i is the unit ``order[i]`` of another; its ids stay as they were."""

    def pick(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else np.ascontiguousarray(values[order])

    adjacency = problem.adjacency
    if adjacency is not None:
        adjacency = _sorted_graph(adjacency, order)
    return replace(
        problem,
        x=problem.x[order],
        y=problem.y[order],
        weights=problem.weights[order],
        activities=tuple(
            Activity(one.name, one.amounts[order], one.lower, one.upper) for one in problem.activities
        ),
        adjacency=adjacency,
        locked=pick(problem.locked),
        allowed=pick(problem.allowed),
        current=pick(problem.current),
        move_price=pick(problem.move_price),
    )


def _sorted_graph(graph: Adjacency, order: np.ndarray) -> Adjacency:
    n = len(order)
    place = np.empty(n, np.int32)
    place[order] = np.arange(n, dtype=np.int32)
    degrees = np.diff(graph.starts)[order]
    starts = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int32)
    arcs = np.repeat(graph.starts[:-1][order] - starts[:-1], degrees) + np.arange(starts[-1])
    return Adjacency(starts, np.ascontiguousarray(place[graph.neighbours[arcs]]))


def make_land(problem: Problem) -> Land:
    """Return a problem's arrays; where borders do not matter, near units are neighbours."""
    from merestone.core.design.search.district_ground import near

    weights = np.asarray(problem.weights, np.float64)
    # About the centre of the map sums of squares keep their digits.
    x, y = in_km(problem, np.column_stack([problem.x, problem.y])).T
    graph = problem.adjacency if problem.adjacency is not None else near(problem.x, problem.y)
    means = np.maximum(problem.amounts.sum(axis=1) / problem.k, 1e-300)
    lower, upper = tightened(problem)
    has_price = problem.current is not None and problem.move_price is not None
    has_home = np.zeros(problem.k, bool)
    if problem.homes is not None:
        has_home = ~np.isnan(problem.homes).any(axis=1)
    return Land(
        x=np.ascontiguousarray(x),
        y=np.ascontiguousarray(y),
        features=np.ascontiguousarray(
            np.column_stack([weights, weights * x, weights * y, weights * (x**2 + y**2), *problem.amounts])
        ),
        starts=graph.starts.astype(np.int64),
        neighbours=graph.neighbours.astype(np.int32),
        sources=np.repeat(np.arange(problem.n, dtype=np.int32), np.diff(graph.starts)),
        lower=lower,
        upper=upper,
        shares=1.0 / means,
        has_home=has_home,
        locked=_or_none(problem.locked),
        allowed=np.zeros((0, problem.k), bool) if problem.allowed is None else problem.allowed,
        current=_or_none(problem.current if has_price else None),
        price=np.zeros(0) if not has_price else np.asarray(problem.move_price, np.float64),
        wants=np.array(
            [
                problem.adjacency is not None,
                problem.objective is not Objective.INERTIA,
                problem.floors_distance,
                problem.locked is not None or problem.allowed is not None or has_price,
            ]
        ),
    )


def in_km(problem: Problem, points: np.ndarray) -> np.ndarray:
    """Return points of the plane in kilometres about the middle of the map."""
    return np.asarray((points - [problem.x.mean(), problem.y.mean()]) / METRES_PER_KM)


def tightened(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Return (a, k) bounds a little narrower than the problem's, where they are wide enough for that."""
    lower, upper = problem.lower.copy(), problem.upper.copy()
    step = TIGHTER * (problem.amounts.sum(axis=1) / problem.k)[:, None]
    wide = upper - lower > 8 * step
    lower += np.where(wide & (lower > 0), step, 0.0)
    upper -= np.where(wide & np.isfinite(upper), step, 0.0)
    return lower, upper


def make_draft(problem: Problem, land: Land, plan: np.ndarray, seed: int) -> Draft:
    """Return a plan to work on; ``refresh`` must fill it before use."""
    points = np.zeros((problem.k, 2))
    if problem.homes is not None:
        points = np.where(land.has_home[:, None], in_km(problem, problem.homes), 0.0)
    return Draft(
        plan=plan.astype(np.int32),
        sums=np.zeros((problem.k, land.features.shape[1])),
        sizes=np.zeros(problem.k, np.int64),
        points=points,
        border=np.zeros(max(1, len(land.sources)), np.int32),
        border_starts=np.zeros(problem.k + 1, np.int64),
        marks=np.zeros(problem.n, np.int64),
        queue=np.zeros(problem.n + 1, np.int32),
        stamp=np.zeros(1, np.int64),
        random=np.random.SeedSequence(seed).generate_state(1, np.uint64),
    )


def _or_none(values: np.ndarray | None) -> np.ndarray:
    return np.full(0, FREE, np.int32) if values is None else np.asarray(values, np.int32)
