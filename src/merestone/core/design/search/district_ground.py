"""A problem as the arrays the compiled search of districts works on."""

from __future__ import annotations

import numpy as np

from merestone.core.design.loops.districts import Chain, Ground
from merestone.core.design.loops.districts_pool import Pool
from merestone.core.design.loops.districts_trees import Forest
from merestone.core.design.problem import FREE, Adjacency, Objective, Problem

METRES_PER_KM = 1000.0
PROHIBITIVE = 100.0
"""What a unit costs where it may not be, in costs of the worst plan."""
NEAREST = 6


def make_ground(problem: Problem) -> Ground:
    """Return a problem's arrays."""
    weights = np.asarray(problem.weights, np.float64)
    # About the centre of the map sums of squares keep their digits.
    x = (problem.x - problem.x.mean()) / METRES_PER_KM
    y = (problem.y - problem.y.mean()) / METRES_PER_KM
    features = np.column_stack(
        [weights, weights * x, weights * y, weights * (x**2 + y**2), *problem.amounts]
    ).astype(np.float64)
    graph = problem.adjacency if problem.adjacency is not None else near(problem.x, problem.y)
    means = problem.amounts.sum(axis=1) / problem.k
    extra = extra_costs(problem)
    has_home = np.zeros(problem.k, bool)
    if problem.homes is not None:
        has_home = ~np.isnan(problem.homes).any(axis=1)
    return Ground(
        x=x,
        y=y,
        features=np.ascontiguousarray(features),
        extra=extra if extra is not None else np.zeros((1, 1)),
        starts=graph.starts.astype(np.int64),
        neighbours=graph.neighbours.astype(np.int32),
        sources=np.repeat(np.arange(problem.n, dtype=np.int32), np.diff(graph.starts)),
        lower=np.ascontiguousarray(problem.lower),
        upper=np.ascontiguousarray(problem.upper),
        shares=1.0 / np.where(means > 0, means, 1.0),
        has_home=has_home,
        wants=np.array(
            [
                problem.adjacency is not None,
                problem.objective is not Objective.INERTIA,
                problem.floors_distance,
                extra is not None,
                not problem.has_free_territories,
            ]
        ),
    )


def extra_costs(problem: Problem) -> np.ndarray | None:
    """Return the (n, k) costs besides the distance to free centres; None when there are none."""
    n, k = problem.n, problem.k
    has_price = problem.current is not None and problem.move_price is not None
    is_plain = problem.homes is None and problem.locked is None and problem.allowed is None
    if is_plain and not has_price and problem.surcharge is None:
        return None
    extra = np.zeros((n, k))
    if problem.homes is not None:
        for t in np.flatnonzero(~np.isnan(problem.homes).any(axis=1)):
            extra[:, t] = home_costs(problem, *problem.homes[t])
    if problem.current is not None and problem.move_price is not None:
        has = problem.current >= 0
        extra[has] += problem.move_price[has, None]
        extra[has, problem.current[has]] -= problem.move_price[has]
    if problem.surcharge is not None:
        extra += problem.surcharge
    extra[~may_be(problem)] += PROHIBITIVE * (worst_cost(problem) + extra.max(initial=0.0))
    return extra


def home_costs(problem: Problem, x: float, y: float) -> np.ndarray:
    """Return what each unit costs with a centre at a point."""
    squares = (problem.x - x) ** 2 + (problem.y - y) ** 2
    if problem.objective is Objective.INERTIA:
        return problem.weights * squares / METRES_PER_KM**2
    metres = np.sqrt(squares)
    return problem.weights * (np.floor(metres) if problem.floors_distance else metres) / METRES_PER_KM


def may_be(problem: Problem) -> np.ndarray:
    """Return the (n, k) table of where units may be, by locks and what is allowed."""
    may = np.ones((problem.n, problem.k), bool) if problem.allowed is None else problem.allowed.copy()
    if problem.locked is not None:
        held = np.flatnonzero(problem.locked != FREE)
        may[held] = False
        may[held, problem.locked[held]] = True
    return may


def worst_cost(problem: Problem) -> float:
    """Return what no plan costs more than, with centres in units."""
    span = np.hypot(np.ptp(problem.x), np.ptp(problem.y)) / METRES_PER_KM
    each = span**2 if problem.objective is Objective.INERTIA else span
    return float(problem.weights.sum() * each) + 1.0


def near(x: np.ndarray, y: np.ndarray) -> Adjacency:
    """Return which units lie next to each other, for maps without borders: each unit's nearest ones, both ways.

    With the chain along the wider axis the graph is connected whatever the units.
    """
    from scipy.spatial import KDTree

    n = len(x)
    _, others = KDTree(np.column_stack([x, y])).query(np.column_stack([x, y]), k=min(n, NEAREST + 1))
    others = others.reshape(n, -1)
    pairs = np.column_stack([np.repeat(np.arange(n), others.shape[1]), others.ravel()])
    order = np.lexsort((y, x)) if np.ptp(x) >= np.ptp(y) else np.lexsort((x, y))
    return Adjacency.of(n, np.concatenate([pairs, np.column_stack([order[:-1], order[1:]])]))


def make_chain(ground: Ground, plan: np.ndarray, seed: int) -> Chain:
    """Return a chain that starts from a plan; ``restart`` must fill it before use."""
    n, k, m = len(ground.x), len(ground.has_home), len(ground.sources)
    random = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    return Chain(
        plan=plan.astype(np.int32),
        best=plan.astype(np.int32),
        worth=np.array([0.0, 0.0, np.inf, np.inf]),
        sums=np.zeros((k, ground.features.shape[1])),
        extras=np.zeros(k),
        costs=np.zeros(k),
        excess=np.zeros(k),
        centres=np.full(k, -1, np.int64),
        members=np.zeros((k, n), np.int32),
        sizes=np.zeros(k, np.int64),
        places=np.zeros(n, np.int64),
        touched=np.zeros(k, np.int64),
        border=np.zeros(max(1, m), np.int32),
        border_starts=np.zeros(k + 1, np.int64),
        marks=np.zeros(n, np.int64),
        queue=np.zeros(n + 1, np.int32),
        stamp=np.zeros(1, np.int64),
        random=random,
    )


def make_forest(ground: Ground) -> Forest:
    """Return room for trees."""
    n, width, m = len(ground.x), ground.features.shape[1], len(ground.sources)
    return Forest(
        units=np.zeros(n, np.int32),
        local=np.zeros(n, np.int32),
        first=np.zeros(max(1, m // 2), np.int32),
        second=np.zeros(max(1, m // 2), np.int32),
        leader=np.zeros(n, np.int32),
        tree=np.zeros((n, 2), np.int32),
        degrees=np.zeros(n, np.int32),
        branches=np.zeros(2 * n, np.int32),
        order=np.zeros(n, np.int32),
        parent=np.zeros(n, np.int32),
        sums=np.zeros((n, width + 2)),
        whole=np.zeros(width + 2),
        other=np.zeros(width + 2),
        old=np.zeros(n, np.int32),
        along=np.zeros(n),
    )


def make_pool(ground: Ground, most: int) -> Pool:
    """Return room for so many sets of units."""
    n = len(ground.x)
    width = (n + 63) // 64 if most else 1
    return Pool(
        columns=np.zeros((most, width), np.uint64),
        table=np.full(1 << max(1, (2 * most).bit_length()), -1, np.int64),
        filled=np.zeros(1, np.int64),
        words=np.zeros((n if most else 1, width), np.uint64),
    )
