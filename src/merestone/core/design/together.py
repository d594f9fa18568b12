"""Units that must share a territory as one unit, and a plan of such units as a plan of all.

A merged unit lies at its members' centre of weight, so that its moment of inertia about any point is its weight times
the squared distance and a constant (Steiner). For sums of distances to homes the difference goes into ``surcharge``;
with free medians it lies at its own median, and what that misses is judged and mended on the units themselves.
Bounds, locks, what is allowed, capacities, contiguity and prices are kept exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from merestone.core.design.problem import FREE, Activity, Adjacency, Objective, Problem


@dataclass(frozen=True, eq=False, slots=True)
class Merged:
    """A problem of merged units.

    Parameters
    ----------
    problem : Problem
        Without ``together`` and ``move_caps``: caps count single units.
    of : (n,) int64 array
        The merged unit of each unit.
    constant : float
        What a plan of all units costs more than the same of merged ones: exactly with homes; but for the places of
        centres with inertia; at least about so much with medians.
    """

    problem: Problem
    of: np.ndarray
    constant: float

    def expand(self, plan: np.ndarray) -> np.ndarray:
        """Return the plan of all units."""
        return np.asarray(plan)[self.of]


def merged(problem: Problem) -> Merged:
    """Return the problem with the units of each group as one, in the order of their first units."""
    if problem.together is None:
        return Merged(replace(problem, move_caps=()), np.arange(problem.n), 0.0)
    of = numbers(problem.together)
    count = int(of.max()) + 1
    first = np.full(count, problem.n)
    np.minimum.at(first, of, np.arange(problem.n))
    x, y = _places(problem, of, count)
    fixed, surcharge, constant = _extras(problem, of, x=x, y=y)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(of, values, count)

    small = Problem(
        ids=tuple(problem.ids[at] for at in first),
        labels=problem.labels,
        x=x,
        y=y,
        objective=problem.objective,
        weights=total(problem.weights),
        activities=tuple(
            Activity(one.name, total(one.amounts), one.lower, one.upper) for one in problem.activities
        ),
        adjacency=None
        if problem.adjacency is None
        else Adjacency.of(count, of[problem.adjacency.pairs()].reshape(-1, 2)),
        load=None if problem.load is None else total(problem.load),
        capacity=None if problem.capacity is None else _greatest(problem.capacity, of, count),
        floors_distance=problem.floors_distance,
        locked=None if problem.locked is None else _greatest(problem.locked, of, count).astype(np.int32),
        allowed=allowed(problem, of, count),
        homes=problem.homes,
        current=None if fixed is None else fixed[0],
        move_price=None if fixed is None else fixed[1],
        surcharge=surcharge,
        apart=None if problem.apart is None else of[problem.apart],
    )
    return Merged(small, of, constant)


def numbers(together: np.ndarray) -> np.ndarray:
    """Return the (n,) numbers of merged units, in the order of their first units."""
    own = np.where(together >= 0, together, together.max(initial=-1) + 1 + np.arange(len(together)))
    _, first, of = np.unique(own, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[of.ravel()])


def allowed(problem: Problem, of: np.ndarray, count: int) -> np.ndarray | None:
    """Return where merged units may go: where all their members may."""
    if problem.allowed is None:
        return None
    may = np.ones((count, problem.k), bool)
    np.logical_and.at(may, of, problem.allowed)
    return may


def _greatest(values: np.ndarray, of: np.ndarray, count: int) -> np.ndarray:
    most = np.full(count, -np.inf)
    np.maximum.at(most, of, values.astype(np.float64))
    return most


def _places(problem: Problem, of: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    # Where nothing weighs, every member counts the same.
    heavy = np.bincount(of, problem.weights, count) > 0
    weights = np.where(heavy[of], problem.weights, 1.0)
    whole = np.bincount(of, weights, count)
    x, y = (np.bincount(of, weights * values, count) / whole for values in (problem.x, problem.y))
    if problem.objective is Objective.INERTIA:
        return x, y
    sizes = np.bincount(of, minlength=count)
    order = np.argsort(of, kind="stable")
    ends = np.cumsum(sizes)
    for group in np.flatnonzero(sizes > 1):
        members = order[ends[group] - sizes[group] : ends[group]]
        apart = np.hypot(
            problem.x[members] - problem.x[members][:, None], problem.y[members] - problem.y[members][:, None]
        )
        best = members[int(np.argmin(apart @ weights[members]))]
        x[group], y[group] = problem.x[best], problem.y[best]
    return x, y


def _extras(
    problem: Problem, of: np.ndarray, *, x: np.ndarray, y: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray | None] | None, np.ndarray | None, float]:
    """Return merged units' (territory today, price of leaving), what else they cost, and what any plan costs besides."""
    n, k, count = problem.n, problem.k, len(x)
    constant = 0.0
    weights = np.bincount(of, problem.weights, count)
    if problem.objective is Objective.INERTIA:
        inner = (problem.x - x[of]) ** 2 + (problem.y - y[of]) ** 2
        constant = float((problem.weights * inner).sum()) / 1e6
    table = np.zeros((count, k))
    has_homes = np.zeros(k, bool) if problem.homes is None else ~np.isnan(problem.homes).any(axis=1)
    needs_table = problem.objective is not Objective.INERTIA and bool(has_homes.any())
    if needs_table and problem.homes is not None:
        from merestone.core.design.scoring import unit_costs

        for t in np.flatnonzero(has_homes):
            exact = np.bincount(of, unit_costs(problem, np.arange(n), *problem.homes[t]), count)
            metres = np.hypot(x - problem.homes[t, 0], y - problem.homes[t, 1])
            table[:, t] += exact - weights * (np.floor(metres) if problem.floors_distance else metres) / 1e3
    if problem.current is None:
        if not needs_table:
            return None, None, constant
        # Without a territory today nothing is a move: what differs is told as one from nowhere.
        return None, table, constant
    is_priced = problem.move_price is not None or problem.surcharge is not None
    moves = leaving(problem, of, count) if is_priced else None
    today = _usual(problem, of, count)
    if moves is None:
        return (today, None), table if needs_table else None, constant
    table += moves
    stay = np.argmin(table, axis=1)
    # Where staying is as good as anything, it stays: ties fall to the territory most of it is in.
    row = np.arange(count)
    has = today >= 0
    tie = has & (table[row, np.maximum(today, 0)] <= table[row, stay])
    stay = np.where(tie, today, stay)
    least = table[row, stay]
    constant += float(least.sum())
    table -= least[:, None]
    others = table.copy()
    others[row, stay] = np.inf
    price = np.where(k > 1, np.maximum(0.0, others.min(axis=1)), 0.0)
    table -= price[:, None]
    table[row, stay] = 0.0
    np.maximum(table, 0.0, out=table)
    return (stay.astype(np.int32), price), table, constant


def leaving(problem: Problem, of: np.ndarray, count: int) -> np.ndarray:
    """Return the (count, k) prices of moves when a merged unit is in each territory."""
    table = np.zeros((count, problem.k))
    if problem.current is None:
        return table
    price = np.zeros(problem.n) if problem.move_price is None else problem.move_price
    for t in range(problem.k):
        leaves = (problem.current >= 0) & (problem.current != t)
        more = price if problem.surcharge is None else price + problem.surcharge[:, t]
        table[:, t] = np.bincount(of, np.where(leaves, more, 0.0), count)
    return table


def _usual(problem: Problem, of: np.ndarray, count: int) -> np.ndarray:
    """Return the territory most of each merged unit is in today."""
    assert problem.current is not None
    known = np.flatnonzero(problem.current >= 0)
    votes = np.bincount(of[known] * problem.k + problem.current[known], minlength=count * problem.k)
    votes = votes.reshape(count, problem.k)
    return np.where(votes.any(axis=1), np.argmax(votes, axis=1), FREE).astype(np.int32)
