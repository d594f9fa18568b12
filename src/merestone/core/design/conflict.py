"""Wishes no plan can keep together: the smallest set of them, and for each the least that makes the rest possible.

The smallest set is found by hitting sets: whatever set of wishes is given up so that the others can be kept, a set in
conflict has one of them; the fewest wishes that hit all of these are in conflict themselves, or show another such set.

References
----------
Ignatiev, A., Previti, A., Liffiton, M. & Marques-Silva, J. (2015). Smallest MUS extraction with minimal hitting set
dualization. CP 2015, LNCS 9255, 173-182. doi:10.1007/978-3-319-23219-5_13
Chinneck, J. W. (2008). Feasibility and infeasibility in optimization. Springer. doi:10.1007/978-0-387-74932-7
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from merestone.core.design.conflict_model import TINY, Kind, Model, Wish, wishes_of
from merestone.core.design.problem import Problem

SECONDS = 10.0
"""For all of it; where it does not do, the set may not be the smallest, and that is told."""
MOST_SHARES = 60_000
ROUNDS = 200


@dataclass(frozen=True, eq=False, slots=True)
class Conflict:
    """Wishes in conflict.

    Parameters
    ----------
    wishes : tuple of Wish
    is_smallest : bool
        Whether no fewer wishes are in conflict; else none of these can be left out.
    missed : tuple of float or None
        For each wish, by how much it must be relaxed for the rest to be possible; None when that is not known.
    is_enough : tuple of bool
        Whether all other wishes of the problem can then be kept, or only the others in the set.
    column : int
        The activity amounts of units are told in; −1: their number.
    """

    wishes: tuple[Wish, ...]
    is_smallest: bool
    missed: tuple[float | None, ...]
    is_enough: tuple[bool, ...]
    column: int = -1


def find_conflict(problem: Problem, seconds: float = SECONDS) -> Conflict | None:
    """Return the wishes in conflict; None when the relaxed problem is possible, or time ran out."""
    if problem.is_capacitated or is_plainly_possible(problem):
        return None
    clock = _Clock(seconds)
    wishes = wishes_of(problem)
    if problem.n * problem.k <= TINY:
        model = Model(problem, wishes, merges=False)
        return _searched(model, clock) if _is_impossible(model, clock) else None
    whole = Model(problem, wishes, merges=True)
    answer = whole.solve(range(len(wishes)), (), clock.left())
    if answer.is_possible is not False:
        return None
    # With one column at most, taking units as one is exact: what is impossible so is impossible.
    found = _in_one_column(problem, wishes, clock)
    if found is not None and (len(found.wishes) <= 2 and found.is_smallest):
        return found
    if problem.n * problem.k <= MOST_SHARES:
        single = Model(problem, wishes, merges=False)
        if _is_impossible(single, clock):
            other = _searched(single, clock)
            if other is not None and (found is None or len(other.wishes) < len(found.wishes)):
                return other
            if other is not None and other.is_smallest and found is not None:
                return Conflict(found.wishes, True, found.missed, found.is_enough, found.column)
    return found


def is_plainly_possible(problem: Problem) -> bool:
    """Whether each territory can have one share of everything: needs no programme."""
    free = (problem.locked, problem.allowed, problem.apart)
    if any(one is not None for one in free) or problem.move_caps or problem.n < problem.k:
        return False
    if problem.n * problem.k <= TINY:
        return False
    totals = np.maximum(problem.amounts.sum(axis=1)[:, None], 1e-300)
    low = (problem.lower / totals).max(axis=0, initial=0.0)
    high = (problem.upper / totals).min(axis=0, initial=1.0)
    # Each has a unit's worth, too.
    low = np.maximum(low, 1.0 / problem.n)
    return bool((low <= high).all() and low.sum() <= 1.0 <= high.sum())


class _Clock:
    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.0, self.end - time.monotonic())


def _is_impossible(model: Model, clock: _Clock) -> bool:
    return model.solve(range(len(model.wishes)), (), clock.left()).is_possible is False


def _in_one_column(problem: Problem, wishes: list[Wish], clock: _Clock) -> Conflict | None:
    """Return the smallest conflict among the wishes that ask about one column at most."""
    best: Conflict | None = None
    bounds = (Kind.LOWER, Kind.UPPER)
    columns = range(len(problem.activities)) or (-1,)
    for column in columns:
        name = problem.activities[column].name if column >= 0 else ""
        own = [
            one
            for one in wishes
            if (one.at == column if one.kind in bounds else True)
            and not (one.kind is Kind.MOVES and problem.move_caps[one.at].name != name)
        ]
        model = Model(problem, own, merges=True)
        if _is_impossible(model, clock):
            found = _searched(model, clock)
            if found is not None and (best is None or len(found.wishes) < len(best.wishes)):
                best = found
    counting = [one for one in wishes if one.kind is not Kind.MOVES or not problem.move_caps[one.at].name]
    counting = [one for one in counting if one.kind not in bounds]
    if best is None and len(counting) < len(wishes):
        model = Model(problem, counting, merges=True)
        if _is_impossible(model, clock):
            return _searched(model, clock)
    return best


def _searched(model: Model, clock: _Clock) -> Conflict | None:
    """Return the smallest conflict of a model that is impossible, else, when time runs out, one without idle wishes."""
    found = _smallest(model, clock)
    is_smallest = found is not None
    if found is None:
        found = _irreducible(model, range(len(model.wishes)), _Clock(SECONDS))
    if found is None:
        return None
    column = next(
        (model.wishes[at].at for at in found if model.wishes[at].kind in (Kind.LOWER, Kind.UPPER)), -1
    )
    missed, enough = [], []
    for at in found:
        amount, is_enough = _least(model, at, found, column)
        missed.append(amount)
        enough.append(is_enough)
    wishes = tuple(model.wishes[at] for at in found)
    return Conflict(wishes, is_smallest, tuple(missed), tuple(enough), column)


def _smallest(model: Model, clock: _Clock) -> list[int] | None:
    corrections: list[frozenset[int]] = []
    every = range(len(model.wishes))
    for _ in range(ROUNDS):
        if clock.left() <= 0.0:
            return None
        chosen = _hitting(corrections, len(model.wishes))
        answer = model.solve(chosen, [at for at in every if at not in chosen], clock.left())
        if answer.is_possible is False:
            return sorted(chosen)
        if answer.is_possible is None or not answer.given_up:
            return None
        corrections.append(answer.given_up)
    return None


def _hitting(sets: list[frozenset[int]], count: int) -> frozenset[int]:
    """Return the fewest numbers that hit every set; of equals, the first."""
    if not sets:
        return frozenset()
    from scipy.optimize import Bounds, LinearConstraint, milp

    matrix = np.zeros((len(sets), count))
    for row, one in enumerate(sets):
        matrix[row, list(one)] = 1.0
    used = np.flatnonzero(matrix.any(axis=0))
    tie = 1.0 + 1e-4 * np.arange(len(used)) / max(1, len(used)) ** 2
    done = milp(
        tie,
        integrality=np.ones(len(used)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix[:, used], 1.0, np.inf),
    )
    return frozenset(used[np.flatnonzero(done.x > 0.5)].tolist())


def _irreducible(model: Model, wishes: Collection[int], clock: _Clock) -> list[int] | None:
    """Return wishes in conflict none of which can be left out: groups, then single ones, are tried without."""
    kept = list(wishes)
    size = max(1, len(kept) // 2)
    while True:
        at = 0
        while at < len(kept):
            if clock.left() <= 0.0:
                return None
            rest = kept[:at] + kept[at + size :]
            if model.solve(rest, (), clock.left()).is_possible is False:
                kept = rest
            else:
                at += size
        if size == 1:
            return kept
        size = max(1, size // 2)


def _least(model: Model, at: int, conflict: list[int], column: int) -> tuple[float | None, bool]:
    """Return by how much a wish must be relaxed, and whether all other wishes can then be kept."""
    weights = model.scale
    if model.wishes[at].kind in (Kind.LOCK, Kind.ELIGIBILITY) and column >= 0:
        amounts = model.total(model.problem.activities[column].amounts)
        items = [int(columns[0]) // model.k if len(columns) else 0 for columns in model.columns]
        model.scale = [
            1.0 / max(float(amounts[items[row]]), 1e-9) if wish == at else scale
            for row, (wish, scale) in enumerate(zip(model.wish, weights, strict=True))
        ]
    try:
        others = [other for other in range(len(model.wishes)) if other != at]
        for rest, is_enough in ((others, True), ([other for other in conflict if other != at], False)):
            answer = model.solve(rest, (at,), SECONDS)
            if answer.is_possible:
                return _amount(model, at, answer.shares, column), is_enough
    finally:
        model.scale = weights
    return None, False


def _amount(model: Model, at: int, shares: np.ndarray | None, column: int) -> float | None:
    """Return how far a wish is missed by shares of units, in its own measure."""
    if shares is None:
        return None
    problem, one, flat = model.problem, model.wishes[at], shares.ravel()
    misses = [
        max(0.0, float(model.values[row] @ flat[model.columns[row]]) - model.right[row])
        for row in range(len(model.wish))
        if model.wish[row] == at
    ]
    if one.kind in (Kind.LOCK, Kind.ELIGIBILITY):
        items = np.unique(model.of[one.units])
        what = model.counts if column < 0 else model.total(problem.activities[column].amounts)
        return float(np.dot(misses, what[items]))
    return max(misses, default=0.0) if one.kind in (Kind.LOWER, Kind.UPPER) else sum(misses)
