"""One plan for one problem, with its score, its bound and why the search ended.

Search and bound run side by side, each in its own thread: both are compiled code that lets the other run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from threading import Thread

import numpy as np

from merestone.core.design.bound import lower_bound
from merestone.core.design.control import Control, Stop
from merestone.core.design.found import Bound
from merestone.core.design.problem import Problem
from merestone.core.design.scoring import Score, score
from merestone.core.design.search import search

PROVED = 1e-4
"""A gap of at most 0.01 % is told as proved optimal."""

MISSED = 1e-9
"""Sums that miss a bound by this share of the largest unit keep it: sums of floats are not exact."""
LINGER = 0.2
"""Seconds a bound has to end after somebody cancelled."""
UNFINISHED = (
    "The bound is what was proved when the search was cancelled: for the same problem with units split."
)


@dataclass(frozen=True, eq=False)
class Result:
    """A plan and what is known of it.

    Parameters
    ----------
    plan : (n,) int32 array
        The territory of each unit.
    score : Score
    bound : float or None
        No plan of this problem costs less; None when none was found.
    seconds : float
    seed : int
    stop : Stop
    notes : tuple of str
        What a reader must know: relaxations, what the bound leaves out.
    """

    plan: np.ndarray
    score: Score
    bound: float | None
    seconds: float
    seed: int
    stop: Stop
    notes: tuple[str, ...] = ()

    @property
    def gap(self) -> float | None:
        """How far the plan can be from the best possible, as a share of its cost; None without bound."""
        return gap(self.score.total, self.bound)

    @property
    def is_proved(self) -> bool:
        """Whether the plan keeps all bounds and is proved optimal."""
        return self.score.is_feasible and self.gap is not None and self.gap <= PROVED


class _Bounding:
    """A bound worked out in a thread of its own, which is left behind when somebody cancels: programmes hear nothing."""

    def __init__(self, problem: Problem, control: Control) -> None:
        self.control = control
        self.found: list[Bound] = []
        self.failed: list[BaseException] = []
        self.thread = Thread(target=self._run, args=(problem,), daemon=True)
        self.thread.start()

    def _run(self, problem: Problem) -> None:
        try:
            self.found.append(lower_bound(problem, self.control))
        except BaseException as error:
            self.failed.append(error)

    def result(self) -> Bound:
        """Return the bound; soon after a cancel, the best one told so far."""
        while self.thread.is_alive() and self.control.reason() is not Stop.CANCELLED:
            self.thread.join(LINGER)
        self.thread.join(LINGER)
        if self.failed:
            raise self.failed[0]
        if self.found:
            return self.found[0]
        told = self.control.bound
        return Bound(told if math.isfinite(told) else None, (UNFINISHED,))


def gap(cost: float, bound: float | None) -> float | None:
    """Return (cost − bound) ÷ cost, at least 0; None without bound."""
    if bound is None:
        return None
    return max(0.0, (cost - bound) / cost) if cost > 0 else 0.0


def solve(problem: Problem, control: Control) -> Result:
    """Return the best plan found.

    The plan keeps every bound when the search finds one that does; else it breaks them as little as it can, which
    ``score.is_feasible`` tells.
    """
    bounding = _Bounding(problem, control)
    try:
        found = search(problem, control)
        worth = score(problem, found.plan)
        if worth.is_feasible:
            control.tell_best(worth.total)
    finally:
        control.end_search()
    bound = _higher(bounding.result(), found.bound)
    is_optimal = (
        worth.is_feasible and (gap(worth.total, bound.value) or 0.0 if bound.value else 1.0) <= PROVED
    )
    return Result(
        plan=found.plan,
        score=worth,
        bound=bound.value,
        seconds=control.seconds(),
        seed=control.seed,
        stop=control.reason(is_optimal=is_optimal),
        notes=(*problem.notes, *found.notes, *_missed(problem, worth), *bound.notes),
    )


def _higher(bound: Bound, other: Bound | None) -> Bound:
    """Return the bound that says more."""
    if other is None or other.value is None:
        return bound
    return other if bound.value is None or other.value > bound.value else bound


def _missed(problem: Problem, worth: Score) -> tuple[str, ...]:
    """Say which bounds a plan misses, and by how much where it is worst."""
    notes = []
    for activity, excess in zip(problem.activities, worth.excess, strict=True):
        count, worst = int((excess > MISSED * max(1.0, activity.amounts.max())).sum()), int(excess.argmax())
        if count:
            notes.append(
                f"No plan was found that keeps all bounds: {activity.name} misses them in {count:,} of {problem.k:,}"
                f" territories, by {excess[worst]:,.6g} in {problem.labels[worst]}, where it is worst."
            )
    return tuple(notes)
