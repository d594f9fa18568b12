"""The wishes of a problem as rows of one linear programme over who gets what share of which units.

Minimise Σ weight × slack subject to: each unit's shares add up to 1; each territory has at least a unit's worth; and
for each wish kept, its rows: lower and upper bounds, locks, eligibility, groups, pairs apart, caps on moves. Contiguity
is left out and units may be split, so that what is impossible here is impossible. Where a problem is tiny, units are
whole.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

import numpy as np

from merestone.core.design.problem import FREE, Problem

TINY = 64
"""Units × territories up to which units are whole."""
MOST_SINGLE = 40
"""Up to so many territories, bounds of each are a wish of their own; beyond, those of a column are one."""
MISS = 1e-7
TOLERANCE = 1e-6


class Kind(StrEnum):
    """What a wish is about."""

    LOWER = "lower"
    UPPER = "upper"
    LOCK = "lock"
    ELIGIBILITY = "eligibility"
    TOGETHER = "together"
    APART = "apart"
    MOVES = "moves"


@dataclass(frozen=True, eq=False, slots=True)
class Wish:
    """Something asked, that can be taken back as a whole.

    Parameters
    ----------
    kind : Kind
    at : int
        Of the activity, or the cap.
    territories : tuple of int
        It speaks of.
    units : (m,) int array
        It speaks of.
    """

    kind: Kind
    at: int = 0
    territories: tuple[int, ...] = ()
    units: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))


def wishes_of(problem: Problem) -> list[Wish]:
    """Return all wishes of a problem."""
    found: list[Wish] = []
    k = problem.k
    for at, one in enumerate(problem.activities):
        for kind, asked in ((Kind.LOWER, one.lower > 0), (Kind.UPPER, np.isfinite(one.upper))):
            territories = np.flatnonzero(asked).tolist()
            if k <= MOST_SINGLE:
                found += [Wish(kind, at, (t,)) for t in territories]
            elif territories:
                found.append(Wish(kind, at, tuple(territories)))
    if problem.locked is not None:
        for t in np.unique(problem.locked[problem.locked >= 0]).tolist():
            found.append(Wish(Kind.LOCK, 0, (t,), np.flatnonzero(problem.locked == t)))
    if problem.allowed is not None:
        rows, of = np.unique(problem.allowed, axis=0, return_inverse=True)
        for number, row in enumerate(rows):
            if not row.all():
                units = np.flatnonzero(of.ravel() == number)
                found.append(Wish(Kind.ELIGIBILITY, 0, tuple(np.flatnonzero(row).tolist()), units))
    if problem.together is not None:
        order = np.argsort(problem.together, kind="stable")
        order = order[problem.together[order] >= 0]
        starts = np.flatnonzero(np.diff(problem.together[order], prepend=-1))
        for units in np.split(order, starts[1:]):
            if _differ(problem, units) or problem.n * k <= TINY:
                found.append(Wish(Kind.TOGETHER, int(problem.together[units[0]]), (), units))
    if problem.apart is not None:
        found += [Wish(Kind.APART, 0, (), units) for units in cliques(problem.apart)]
    found += [Wish(Kind.MOVES, at) for at in range(len(problem.move_caps))]
    return found


def _differ(problem: Problem, units: np.ndarray) -> bool:
    """Whether units of a group are wanted in different places: else a split of one is a split of all."""
    return any(
        values is not None and bool((values[units] != values[units[0]]).any())
        for values in (problem.locked, problem.allowed, problem.current if problem.move_caps else None)
    )


def cliques(pairs: np.ndarray) -> list[np.ndarray]:
    """Return sets of units all apart of one another that hold every pair, grown greedily from each pair."""
    others: dict[int, set[int]] = {}
    for a, b in pairs.tolist():
        if a != b:
            others.setdefault(a, set()).add(b)
            others.setdefault(b, set()).add(a)
    covered: set[tuple[int, int]] = set()
    found = []
    for a in sorted(others, key=lambda unit: (-len(others[unit]), unit)):
        for b in sorted(others[a]):
            if (min(a, b), max(a, b)) in covered:
                continue
            members, common = [a, b], others[a] & others[b]
            while common:
                best = min(common, key=lambda unit: (-len(others[unit] & common), unit))
                members.append(best)
                common = common & others[best]
            covered |= {(min(p, q), max(p, q)) for p in members for q in members if p != q}
            found.append(np.array(sorted(members), np.int64))
    return found


class Model:
    """The programme of some wishes; ``solve`` says what must be given up when some of them are kept.

    Parameters
    ----------
    problem : Problem
    wishes : sequence of Wish
    merges : bool
        Take units as one that no wish tells apart. Exact while one column at most is asked about; else what is
        possible so is possible, but not the other way round.
    """

    def __init__(self, problem: Problem, wishes: Sequence[Wish], *, merges: bool) -> None:
        self.problem, self.wishes, self.merges = problem, list(wishes), merges
        self.k = problem.k
        self.is_whole = problem.n * problem.k <= TINY and not merges
        self.of = _merged(problem, self.wishes) if merges else np.arange(problem.n)
        self.m = int(self.of.max()) + 1
        self.counts = np.bincount(self.of, minlength=self.m).astype(np.float64)
        self.columns: list[np.ndarray] = []
        self.values: list[np.ndarray] = []
        self.right: list[float] = []
        self.scale: list[float] = []
        self.wish: list[int] = []
        for number, one in enumerate(self.wishes):
            self._add(number, one)

    @property
    def size(self) -> int:
        """Number of shares."""
        return self.m * self.k

    def total(self, amounts: np.ndarray) -> np.ndarray:
        """Return the amounts of what is taken as one."""
        return np.bincount(self.of, amounts, self.m)

    def _row(self, number: int, columns: np.ndarray, values: np.ndarray, right: float, scale: float) -> None:
        self.wish.append(number)
        self.columns.append(columns)
        self.values.append(values)
        self.right.append(right)
        self.scale.append(scale)

    def _add(self, number: int, one: Wish) -> None:
        problem, k = self.problem, self.k
        items = np.arange(self.m)
        if one.kind in (Kind.LOWER, Kind.UPPER):
            activity = problem.activities[one.at]
            amounts = self.total(activity.amounts)
            mean = max(float(amounts.sum()) / k, 1e-300)
            sign, bounds = (-1.0, activity.lower) if one.kind is Kind.LOWER else (1.0, activity.upper)
            for t in one.territories:
                self._row(number, items * k + t, sign * amounts, sign * float(bounds[t]), mean)
        elif one.kind in (Kind.LOCK, Kind.ELIGIBILITY):
            barred = np.setdiff1d(np.arange(k), one.territories)
            for item in np.unique(self.of[one.units]):
                self._row(number, item * k + barred, np.ones(len(barred)), 0.0, 1.0 / self.counts[item])
        elif one.kind is Kind.TOGETHER:
            inside = np.unique(self.of[one.units])
            for first, second in pairwise(inside.tolist()):
                for t in range(k):
                    pair = np.array([first * k + t, second * k + t])
                    self._row(number, pair, np.array([1.0, -1.0]), 0.0, 1.0)
                    self._row(number, pair, np.array([-1.0, 1.0]), 0.0, 1.0)
        elif one.kind is Kind.APART:
            for t in range(k):
                self._row(number, self.of[one.units] * k + t, np.ones(len(one.units)), 1.0, 1.0)
        elif problem.current is not None:
            cap = problem.move_caps[one.at]
            # Σ amounts × (1 − share that stays) ≤ most
            known = problem.current >= 0
            stays = np.bincount(self.of[known] * k + problem.current[known], cap.amounts[known], self.m * k)
            some = np.flatnonzero(stays)
            every = float(cap.amounts[known].sum())
            self._row(number, some, -stays[some], cap.most - every, max(every, 1e-300))

    def solve(self, kept: Collection[int], elastic: Collection[int], seconds: float) -> Answer:
        """Return what of the elastic wishes must be given up to keep others; all others are left out.

        Parameters
        ----------
        kept, elastic : collection of int
            Numbers of wishes.
        seconds : float
            After so long the answer is open.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array

        hard, soft = set(kept), set(elastic)
        rows = [at for at, wish in enumerate(self.wish) if wish in hard or wish in soft]
        slack_of = [at for at in rows if self.wish[at] in soft]
        place = {at: number for number, at in enumerate(slack_of)}
        size, spare = self.size, len(slack_of)
        index, column, value, right = [], [], [], []
        for number, at in enumerate(rows):
            columns, values = self.columns[at], self.values[at]
            is_amount = self.wishes[self.wish[at]].kind in (Kind.LOWER, Kind.UPPER, Kind.MOVES)
            scale = self.scale[at] if self.wish[at] in soft or is_amount else 1.0
            index.append(np.full(len(columns), number))
            column.append(columns)
            value.append(values / scale)
            right.append(self.right[at] / scale)
            if at in place:
                index.append(np.array([number]))
                column.append(np.array([size + place[at]]))
                value.append(np.array([-1.0]))
        shape = (len(rows), size + spare)
        every = [np.concatenate(parts) if parts else np.empty(0) for parts in (value, index, column)]
        matrix = csr_array((every[0], (every[1].astype(np.int64), every[2].astype(np.int64))), shape=shape)
        item, t = np.divmod(np.arange(size), self.k)
        once = csr_array((np.ones(size), (item, np.arange(size))), shape=(self.m, size + spare))
        some = csr_array((self.counts[item], (t, np.arange(size))), shape=(self.k, size + spare))
        constraints = [LinearConstraint(once, 1.0, 1.0)]
        if not self.merges:  # what is taken as one cannot tell whether a unit fits
            constraints.append(LinearConstraint(some, 1.0, np.inf))
        if rows:
            constraints.append(LinearConstraint(matrix, -np.inf, np.array(right) + MISS))
        upper = np.concatenate([np.ones(size), np.full(spare, np.inf)])
        done = milp(
            np.concatenate([np.zeros(size), np.ones(spare)]),
            integrality=np.concatenate([np.full(size, int(self.is_whole)), np.zeros(spare)]),
            bounds=Bounds(np.zeros(size + spare), upper),
            constraints=constraints,
            options={"time_limit": max(0.01, seconds)},
        )
        if done.status == 2:
            return Answer(False, frozenset(), {})
        if done.status != 0 or done.x is None:
            return Answer(None, frozenset(), {})
        missed: dict[int, float] = {}
        for at, number in place.items():
            amount = float(done.x[size + number])
            if amount > TOLERANCE:
                missed[self.wish[at]] = missed.get(self.wish[at], 0.0) + amount * self.scale[at]
        shares = done.x[:size].reshape(self.m, self.k)
        return Answer(True, frozenset(missed), missed, shares)


@dataclass(frozen=True, eq=False, slots=True)
class Answer:
    """What a programme says.

    Parameters
    ----------
    is_possible : bool or None
        None when time ran out.
    given_up : frozenset of int
        Elastic wishes that do not hold.
    missed : mapping of int to float
        By how much, in the wish's own measure.
    shares : (m, k) float64 array, optional
    """

    is_possible: bool | None
    given_up: frozenset[int]
    missed: dict[int, float]
    shares: np.ndarray | None = None


def _merged(problem: Problem, wishes: Sequence[Wish]) -> np.ndarray:
    """Return the number of the set each unit is in, of units no wish tells apart but by their amounts."""
    marks = [np.zeros(problem.n, np.int64)]
    kinds = {one.kind for one in wishes}
    if Kind.LOCK in kinds and problem.locked is not None:
        marks.append(problem.locked.astype(np.int64))
    if Kind.ELIGIBILITY in kinds and problem.allowed is not None:
        marks.append(np.unique(problem.allowed, axis=0, return_inverse=True)[1].ravel())
    if Kind.MOVES in kinds and problem.current is not None:
        marks.append(problem.current.astype(np.int64))
    group = np.full(problem.n, FREE, np.int64)
    for number, one in enumerate(one for one in wishes if one.kind is Kind.TOGETHER):
        group[one.units] = number
    single = np.full(problem.n, FREE, np.int64)
    for one in wishes:
        if one.kind is Kind.APART:
            single[one.units] = one.units
    rows = np.stack([*marks, group, single], axis=1)
    return np.asarray(np.unique(rows, axis=0, return_inverse=True)[1]).ravel()
