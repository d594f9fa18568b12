"""One plan for one problem, with its score, its bound and why the search ended.

Search and bound run side by side, each in its own thread: both are compiled code that lets the other run.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from merestone.core.design.bound import lower_bound
from merestone.core.design.control import Control, Stop
from merestone.core.design.problem import Problem
from merestone.core.design.scoring import Score, score
from merestone.core.design.search import search

PROVED = 1e-4
"""A gap of at most 0.01 % is told as proved optimal."""


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
    with ThreadPoolExecutor(1) as pool:
        bounding = pool.submit(lower_bound, problem, control)
        try:
            found = search(problem, control)
            worth = score(problem, found.plan)
            if worth.is_feasible:
                control.tell_best(worth.total)
        finally:
            control.end_search()
        bound = bounding.result()
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
        notes=(*problem.notes, *found.notes, *bound.notes),
    )
