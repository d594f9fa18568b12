"""The smallest repair as a mixed-integer programme.

    minimise    Σ s_i x_it                      s_i: size of unit i when t is not its territory today, else 0
    subject to  Σ_t x_it = 1                    each unit once, only where it may be
                Σ_i x_it ≥ 1
                L_at ≤ Σ_i p_ai x_it ≤ U_at     bounds of each activity a
                Σ_i load_i x_it ≤ Σ_i capacity_i y_it,  Σ_i y_it = 1,  0 ≤ y_it ≤ x_it
                x_it = x_jt (together),  x_it + x_jt ≤ 1 (apart),  Σ_{moved} c_i x_it ≤ most (caps)
                x_at ≤ Σ_{s ∈ S} x_st + Σ_{i ∈ C} r_it,  Σ_i r_it = 1
                                                S separates the side C of a from the rest of t: its neighbours at first,
                                                others when a plan breaks them
                Σ_{(i,t) ∈ M} x_it ≤ |M| − d    M: the moves of a repair found before

x is binary. The root r of a territory says where its connected part lies: it may be fractional, for a territory of two
parts would need the whole of it on both sides. It is left out where more stays outside C than a repair may move. y may be fractional, too, for the best member has the most capacity.

References
----------
H. Validi, A. Buchanan, E. Lykhovyd (2022), Imposing contiguity constraints in political districting models, Operations
Research 70(2):867-892, doi:10.1287/opre.2021.2141.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any

import numpy as np

from merestone.core.design.problem import FREE, Problem

Row = tuple[np.ndarray, np.ndarray, float, float]
"""Columns, their coefficients, the least and the most of their sum."""


@dataclass(frozen=True, eq=False, slots=True)
class Programme:
    """The columns x, then (with capacities) y, then (with contiguity) r; and the rows that hold.

    Parameters
    ----------
    units, territories : (m,) int64 arrays
        Of the columns x.
    sizes : (m,) float64 array
        What is moved when the column is 1.
    moves : (m,) bool array
        Whether the unit leaves a territory then.
    column : (n, k) int64 array
        Of x; ``FREE`` where a unit cannot be.
    blocks : int
        How often the columns repeat: x, y, r.
    rows : list of Row
    """

    units: np.ndarray
    territories: np.ndarray
    sizes: np.ndarray
    moves: np.ndarray
    column: np.ndarray
    blocks: int
    rows: list[Row] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Number of columns x."""
        return len(self.units)

    def root(self, columns: Any) -> Any:
        """Return the columns r of columns x."""
        return columns + (self.blocks - 1) * self.width

    def plan(self, values: np.ndarray, n: int) -> np.ndarray:
        """Return the plan that values of the columns make."""
        plan = np.full(n, FREE, np.int32)
        taken = values[: self.width] > 0.5
        plan[self.units[taken]] = self.territories[taken]
        return plan

    def with_rows(self, rows: list[Row]) -> Programme:
        """Return the programme with more rows."""
        return replace(self, rows=[*self.rows, *rows])


def candidates(problem: Problem, sizes: np.ndarray, *, most: float) -> np.ndarray:
    """Return (n, k) bool: where a unit can be in a repair that moves no more than ``most``.

    A connected territory that keeps a unit reaches another only through units that come to it, too; what these have
    together is at least the way from what it has today.
    """
    may = np.ones((problem.n, problem.k), bool) if problem.allowed is None else problem.allowed.copy()
    if problem.locked is not None:
        held = np.flatnonzero(problem.locked >= 0)
        may[held] = False
        may[held, problem.locked[held]] = True
    if problem.adjacency is None or problem.current is None or not np.isfinite(most):
        return may
    price = np.where(problem.current >= 0, sizes, 0.0)
    for t in range(problem.k):
        own = np.flatnonzero((problem.current == t) & may[:, t])
        if len(own) and price[problem.current == t].sum() > most:
            may[:, t] &= _within(problem, own, may[:, t], price=price, most=most)
    return may


def _within(
    problem: Problem, start: np.ndarray, may: np.ndarray, *, price: np.ndarray, most: float
) -> np.ndarray:
    """Return the units a way leads to from ``start`` that costs at most ``most`` (Dijkstra 1959)."""
    assert problem.adjacency is not None
    starts, neighbours = problem.adjacency.starts, problem.adjacency.neighbours
    away = np.full(problem.n, np.inf)
    away[start] = 0.0
    line = [(0.0, int(unit)) for unit in start]
    limit = most * (1 + 1e-9) + 1e-9
    while line:
        so_far, unit = heappop(line)
        if so_far > away[unit]:
            continue
        for j in neighbours[starts[unit] : starts[unit + 1]]:
            further = so_far + price[j]
            if may[j] and further < away[j] and further <= limit:
                away[j] = further
                heappush(line, (further, int(j)))
    return np.isfinite(away)


def build(
    problem: Problem,
    may: np.ndarray,
    sizes: np.ndarray,
    *,
    most: float = np.inf,
    is_elastic: bool = False,
) -> Programme:
    """Return the programme of a problem with today's alignment.

    Parameters
    ----------
    may : (n, k) bool array
        Where units can be.
    sizes : (n,) float64 array
    most : float
        No plan that is looked for moves more.
    is_elastic : bool
        Whether bounds and capacities are left out.
    """
    current = problem.current if problem.current is not None else np.full(problem.n, FREE)
    units, territories = np.nonzero(may)
    column = np.full(may.shape, FREE, np.int64)
    column[units, territories] = np.arange(len(units))
    moves = (current[units] >= 0) & (current[units] != territories)
    made = Programme(
        units,
        territories,
        np.where(moves, sizes[units], 0.0),
        moves,
        column,
        1 + problem.is_capacitated + (problem.adjacency is not None),
    )
    rows = [*_once(problem, made), *_wishes(problem, made), *_beside(problem, made, sizes, most)]
    if not is_elastic:
        rows += bounds(problem, made)
        if problem.is_capacitated:
            rows += capacities(problem, made)
    if problem.is_capacitated:
        rows += _centres(problem, made)
    return made.with_rows(rows)


def _once(problem: Problem, made: Programme) -> list[Row]:
    ends = np.searchsorted(made.units, np.arange(problem.n + 1))
    rows: list[Row] = []
    for unit in range(problem.n):
        columns = np.arange(ends[unit], ends[unit + 1])
        rows.append((columns, np.ones(len(columns)), 1.0, 1.0))
    for t in range(problem.k):
        columns = np.flatnonzero(made.territories == t)
        rows.append((columns, np.ones(len(columns)), 1.0, np.inf))
        if problem.adjacency is not None:
            rows.append((made.root(columns), np.ones(len(columns)), 1.0, 1.0))
    return rows


def _beside(problem: Problem, made: Programme, sizes: np.ndarray, most: float) -> list[Row]:
    """Return the rows by which a unit needs a neighbour in its territory, or is its root where it may be alone in it."""
    if problem.adjacency is None:
        return []
    current = problem.current if problem.current is not None else np.full(problem.n, FREE)
    starts, neighbours = problem.adjacency.starts, problem.adjacency.neighbours
    stays = np.bincount(current[current >= 0], sizes[current >= 0], problem.k)
    rows: list[Row] = []
    for at, (unit, t) in enumerate(zip(made.units.tolist(), made.territories.tolist(), strict=True)):
        units = neighbours[starts[unit] : starts[unit + 1]]
        near = np.append(units, unit)
        rest = stays[t] - sizes[near[current[near] == t]].sum()
        around = made.column[units, t]
        columns = [at, *around[around >= 0].tolist()]
        if rest <= most * (1 + 1e-9) + 1e-9:
            columns.append(made.root(at))
        signs = np.full(len(columns), -1.0)
        signs[0] = 1.0
        rows.append((np.array(columns, np.int64), signs, -np.inf, 0.0))
    return rows


def bounds(problem: Problem, made: Programme) -> list[Row]:
    """Return the rows of the activities, by activity and territory."""
    rows: list[Row] = []
    for one in problem.activities:
        for t in range(problem.k):
            columns = np.flatnonzero(made.territories == t)
            rows.append((columns, one.amounts[made.units[columns]], float(one.lower[t]), float(one.upper[t])))
    return rows


def capacities(problem: Problem, made: Programme) -> list[Row]:
    """Return the rows of loads within capacities, by territory."""
    assert problem.load is not None
    assert problem.capacity is not None
    rows: list[Row] = []
    for t in range(problem.k):
        columns = np.flatnonzero(made.territories == t)
        units = made.units[columns]
        rows.append(
            (
                np.concatenate([columns, columns + made.width]),
                np.concatenate([problem.load[units], -problem.capacity[units]]),
                -np.inf,
                0.0,
            )
        )
    return rows


def _centres(problem: Problem, made: Programme) -> list[Row]:
    pairs = [
        (np.array([at, at + made.width]), np.array([-1.0, 1.0]), -np.inf, 0.0) for at in range(made.width)
    ]
    rows: list[Row] = list(pairs)
    for t in range(problem.k):
        columns = np.flatnonzero(made.territories == t) + made.width
        rows.append((columns, np.ones(len(columns)), 1.0, 1.0))
    return rows


def _wishes(problem: Problem, made: Programme) -> list[Row]:
    rows: list[Row] = []
    if problem.together is not None:
        order = np.argsort(problem.together, kind="stable")
        order = order[problem.together[order] >= 0]
        for one, other in pairwise(order):
            if problem.together[one] == problem.together[other]:
                rows += _alike(made, int(one), int(other))
    for one, other in problem.apart if problem.apart is not None else ():
        for t in np.flatnonzero((made.column[one] >= 0) & (made.column[other] >= 0)):
            rows.append((made.column[[one, other], t], np.ones(2), -np.inf, 1.0))
    columns = np.flatnonzero(made.moves)
    for cap in problem.move_caps:
        rows.append((columns, cap.amounts[made.units[columns]], -np.inf, cap.most))
    return rows


def _alike(made: Programme, one: int, other: int) -> list[Row]:
    rows: list[Row] = []
    for a, b in zip(made.column[one], made.column[other], strict=True):
        both = np.array([at for at in (a, b) if at >= 0], np.int64)
        if len(both):
            signs = np.array([1.0, -1.0]) if len(both) == 2 else np.ones(1)
            rows.append((both, signs, 0.0, 0.0))
    return rows


def matrix(rows: list[Row], width: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return rows as a sparse matrix with their lower and upper bounds."""
    from scipy.sparse import csr_array

    starts = np.concatenate([[0], np.cumsum([len(row[0]) for row in rows])])
    columns = np.concatenate([row[0] for row in rows])
    values = np.concatenate([row[1] for row in rows]).astype(np.float64)
    table = csr_array((values, columns, starts), shape=(len(rows), width))
    return table, np.array([row[2] for row in rows]), np.array([row[3] for row in rows])
