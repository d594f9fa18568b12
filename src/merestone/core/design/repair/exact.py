"""The smallest repairs one after the other, proved by mixed-integer programming where it ends in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from threading import Thread
from typing import Any

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.problem import Problem
from merestone.core.design.repair.cuts import cuts
from merestone.core.design.repair.programme import (
    Programme,
    Row,
    bounds,
    build,
    candidates,
    capacities,
    matrix,
)
from merestone.core.design.scoring import score

MOST_COLUMNS = 40_000
"""Of x: beyond, repairs are searched for and not proved."""
ALIKE = 0.1
"""Two repairs differ by at least one move, and by this share of the moves of the smaller one."""
CHEAPEST = 0.15
"""Of the time that is left, for finding the cheapest of the smallest."""
_SECONDS = 0.05, 8.0
"""Least and most of one programme: when told to stop, the process waits for it to end, at its own end."""


class Answer(Enum):
    """How a programme ended."""

    SOLVED = "solved"
    IMPOSSIBLE = "impossible"
    UNKNOWN = "unknown"


@dataclass(eq=False)
class Exact:
    """Today's alignment, the moves that may be made, and the rows learnt so far.

    Parameters
    ----------
    problem : Problem
        With ``current``.
    sizes : (n,) float64 array
        What each unit counts.
    costs : (n, k) float64 array
        Of a unit in a territory, as far as it is known beforehand: what decides between repairs of one size.
    most : float
        No repair is larger.
    most_moves : int, optional
    at_least : float
        No repair is smaller than this, as far as is proved.
    """

    problem: Problem
    sizes: np.ndarray
    costs: np.ndarray
    most: float
    most_moves: int | None
    control: Control
    may: np.ndarray = field(init=False)
    limit: float = field(init=False)
    learnt: list[Row] = field(default_factory=list)
    at_least: float = 0.0

    def __post_init__(self) -> None:
        self.most = float(self.most)
        limits = [self.most]
        if self.most_moves is not None:
            # So many moves are at most so large.
            limits.append(float(np.sort(self.sizes)[::-1][: self.most_moves].sum()))
        self.limit = min(limits)
        self.may = candidates(self.problem, self.sizes, most=self.limit)

    @property
    def is_small(self) -> bool:
        """Whether a programme of it is worth a try."""
        return int(self.may.sum()) <= MOST_COLUMNS

    def next(
        self, earlier: list[np.ndarray], known: np.ndarray | None = None
    ) -> tuple[Answer, np.ndarray | None]:
        """Return the smallest repair that is none of the earlier ones and contains none; of several, the cheapest found.

        Parameters
        ----------
        earlier : list of (n,) int32 array
        known : (n,) int32 array, optional
            A repair that may be returned: whether there is a smaller one ends sooner than finding one as small.
        """
        made = self._made()
        made = made.with_rows([without(self.problem, made, plan) for plan in earlier])
        scale = max(float(self.sizes.max()), 1e-300)
        enough = np.inf if known is None else self._size(known) / scale
        first = not earlier
        answer, plan = self._connected(made, made.sizes / scale, enough=enough, is_first=first)
        if answer is not Answer.SOLVED:
            return answer, plan
        plan = known if plan is None else plan
        assert plan is not None
        columns = np.flatnonzero(made.moves)
        size = self._size(plan)
        made = made.with_rows([(columns, made.sizes[columns], -np.inf, size * (1 + 1e-9) + 1e-7 * scale)])
        cost = self.costs[made.units, made.territories]
        until = (1 - CHEAPEST) * self.control.left()
        _, cheapest = self._connected(made, cost / max(float(np.abs(cost).max()), 1e-300), until=until)
        return answer, plan if cheapest is None else cheapest

    def _size(self, plan: np.ndarray) -> float:
        current = self.problem.current
        assert current is not None
        return float(self.sizes[(current >= 0) & (plan != current)].sum())

    def least(self) -> tuple[Answer, np.ndarray | None]:
        """Return the connected plan that breaks bounds and capacities least, in means; of several, the smallest."""
        made = self._made(is_elastic=True)
        made, prices = _elastic(self.problem, made)
        answer, plan = self._connected(made, np.zeros(made.width), extra=prices)
        if plan is None or answer is not Answer.SOLVED:
            return answer, plan
        worth = float(prices @ misses(self.problem, plan))
        columns = made.blocks * made.width + np.arange(len(prices))
        made = made.with_rows([(columns, prices, -np.inf, worth * (1 + 1e-7) + 1e-7)])
        scale = max(float(self.sizes.max()), 1e-300)
        _, smallest = self._connected(made, made.sizes / scale, extra=np.zeros(len(prices)))
        return answer, plan if smallest is None else smallest

    def _made(self, *, is_elastic: bool = False) -> Programme:
        made = build(self.problem, self.may, self.sizes, most=self.limit, is_elastic=is_elastic)
        columns = np.flatnonzero(made.moves)
        rows: list[Row] = [*self.learnt]
        if self.most_moves is not None:
            rows.append((columns, np.ones(len(columns)), -np.inf, self.most_moves + 0.5))
        if np.isfinite(self.most):
            limit = self.most * (1 + 1e-9) + 1e-9
            rows.append((columns, made.sizes[columns], -np.inf, limit))
        return made.with_rows(rows)

    def _connected(
        self,
        made: Programme,
        prices: np.ndarray,
        *,
        extra: np.ndarray | None = None,
        enough: float = np.inf,
        until: float = 0.0,
        is_first: bool = False,
    ) -> tuple[Answer, np.ndarray | None]:
        """Solve, and again with more cuts, until all territories are connected.

        Parameters
        ----------
        prices, extra : float64 arrays
            Of the columns x, and of those after all others.
        enough : float
            Solved without a plan when no plan is worth less.
        until : float
            Given up when no more seconds are left than these.
        is_first : bool
            Whether what is worked out bounds the size of all repairs.
        """
        more = np.empty(0) if extra is None else extra
        every = np.zeros(made.blocks * made.width + len(more))
        every[: made.width], every[made.blocks * made.width :] = prices, more
        whole = np.zeros(len(every))
        whole[: made.width] = 1
        top = np.ones(len(every))
        top[made.blocks * made.width :] = np.inf
        while True:
            table, lower, upper = matrix(made.rows, len(every))
            answer, values = _solve(self.control, until, every, whole, top, table, lower, upper)
            if values is None:
                return answer, None
            if is_first and answer is Answer.SOLVED:
                self.at_least = max(self.at_least, float(made.sizes @ np.round(values[: made.width])))
            plan = made.plan(values, self.problem.n)
            rows = cuts(self.problem, made, plan, values, sizes=self.sizes, most=self.limit)
            if not rows:
                return answer, plan
            if answer is not Answer.SOLVED:
                return answer, None
            if float(every @ values) >= enough - 1e-6:
                return answer, None
            self.learnt += rows
            made = made.with_rows(rows)


def without(problem: Problem, made: Programme, plan: np.ndarray) -> Row:
    """Return the row that leaves a repair out, with those that contain it and those all but like it."""
    assert problem.current is not None
    units = np.flatnonzero(plan != problem.current)
    columns = made.column[units, plan[units]]
    most = len(units) - differing(len(units))
    columns = columns[columns >= 0]
    return columns, np.ones(len(columns)), -np.inf, most + 0.5


def differing(count: int) -> int:
    """Return in how many of so many moves another repair must differ."""
    return max(1, int(ALIKE * count))


def misses(problem: Problem, plan: np.ndarray) -> np.ndarray:
    """Return how far a plan is outside: each activity in each territory, then each capacity."""
    worth = score(problem, plan)
    rest = worth.over_capacity if problem.is_capacitated else np.empty(0)
    return np.concatenate([worth.excess.ravel(), rest])


def shares(problem: Problem) -> np.ndarray:
    """Return what a miss of 1 is worth, in the order of ``misses``: one part of a territory's mean."""
    means = np.repeat(problem.amounts.sum(axis=1) / problem.k, problem.k)
    if problem.load is not None:
        means = np.concatenate([means, np.full(problem.k, problem.load.sum() / problem.k)])
    return 1.0 / np.where(means > 0, means, 1.0)


def _elastic(problem: Problem, made: Programme) -> tuple[Programme, np.ndarray]:
    """Return the programme with bounds that may be missed at a price."""
    first = made.blocks * made.width
    rows: list[Row] = []
    every = bounds(problem, made) + (capacities(problem, made) if problem.is_capacitated else [])
    for at, (columns, values, lower, upper) in enumerate(every):
        for sign, low, high in ((1.0, lower, np.inf), (-1.0, -np.inf, upper)):
            if np.isfinite(low) or np.isfinite(high):
                rows.append((np.append(columns, first + at), np.append(values, sign), low, high))
    return made.with_rows(rows), shares(problem)


def _solve(
    control: Control,
    until: float,
    prices: np.ndarray,
    whole: np.ndarray,
    top: np.ndarray,
    table: Any,
    lower: np.ndarray,
    upper: np.ndarray,
) -> tuple[Answer, np.ndarray | None]:
    from scipy.optimize import Bounds, LinearConstraint, milp

    seconds = min(_SECONDS[1], control.left() - until)
    if seconds <= 0:
        return Answer.UNKNOWN, None
    found = _await(
        control,
        lambda: milp(
            prices,
            integrality=whole,
            bounds=Bounds(np.zeros(len(top)), top),
            constraints=LinearConstraint(table, lower, upper),
            options={"time_limit": max(_SECONDS[0], seconds), "mip_rel_gap": 1e-9},
        ),
    )
    if found is None:
        return Answer.UNKNOWN, None
    values = None if found.x is None else np.asarray(found.x)
    if found.status == 0:
        return Answer.SOLVED, values
    return (Answer.IMPOSSIBLE, None) if found.status == 2 else (Answer.UNKNOWN, values)


def _await(control: Control, work: Callable[[], Any]) -> Any:
    """Return what work gives; None when it must stop first: it then ends for itself, unheard."""
    found: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:
            failed.append(error)

    thread = Thread(target=run)
    thread.start()
    while thread.is_alive():
        thread.join(0.05)
        if thread.is_alive() and control.left() <= 0:
            return None
    if failed:
        raise failed[0]
    return found[0]
