"""Plans under wishes the searches themselves do not know: units kept together or apart, and caps on what moves.

Together is exact: groups are merged before the search. Apart: what the search gives is mended, then searched again with
the units of pairs held where they are. Caps: each unit that moves pays a price besides, raised or lowered between
searches until the cap just holds (Lagrange), and what is still beyond it is mended. The judge picks the best plan.

References
----------
Everett, H. (1963). Generalized Lagrange multiplier method for solving problems of optimum allocation of resources.
Operations Research 11(3), 399-417. doi:10.1287/opre.11.3.399
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from merestone.core.design.control import Control, Progress
from merestone.core.design.found import Found
from merestone.core.design.problem import FREE, Problem
from merestone.core.design.scoring import Score, score
from merestone.core.design.search.apart import mend, spread
from merestone.core.design.together import merged

WHOLE = 0.9
"""Of the time that is left, for a search that is the only one; the rest is for mending."""
FIRST, HELD = 0.5, 0.6
"""Shares of what is left where pairs may have to be mended, and where their units are then held."""
PRICED, ROUNDS = 0.16, 5
"""Share of the whole time and number of the searches for the price of moves."""
STEEP = 8.0
HOLDS = 2
SPREAD = 2.0
"""Seconds at most to choose where units apart of one another are held."""
_Way = Callable[[Problem, Control], Found]
_Rank = tuple[bool, float, float]


def has_wishes(problem: Problem) -> bool:
    """Whether a problem has such wishes."""
    return problem.together is not None or problem.apart is not None or bool(problem.move_caps)


def find(problem: Problem, control: Control, way: _Way) -> Found:
    """Return the best plan found by a way of searching that knows no such wishes."""
    return _Search(problem, control, way).run()


class _Search:
    def __init__(self, problem: Problem, control: Control, way: _Way) -> None:
        self.problem, self.control, self.way = problem, control, way
        self.best: tuple[_Rank, np.ndarray] | None = None
        self.notes: tuple[str, ...] = ()

    def run(self) -> Found:
        if self.problem.move_caps:
            self._capped()
        elif self.problem.apart is not None:
            self._search(self.problem, FIRST)
            self._held_while_broken()
        else:
            self._search(self.problem, WHOLE)
        assert self.best is not None
        return Found(self.best[1], self.notes)

    def _search(self, problem: Problem, share: float) -> np.ndarray:
        """Search for so much of the time left, mend, and keep what is best; returns the mended plan."""
        small = merged(problem)
        found = self.way(small.problem, self._part(share))
        self.notes = tuple(dict.fromkeys((*self.notes, *found.notes)))
        self._take(small.expand(found.plan))
        if (found.plan < 0).any():
            return small.expand(found.plan)
        plan = small.expand(mend(self.problem, merged(self.problem), found.plan, self.control))
        self._take(plan)
        return plan

    def _held_while_broken(self) -> None:
        """Hold pairs where the best plan has them; again while that is none that keeps all wishes."""
        for _ in range(HOLDS):
            if self.best is None or self.problem.apart is None:
                return
            self._held(self.best[1])
            if not self.best[0][0]:
                return

    def _held(self, plan: np.ndarray) -> None:
        """Search again with the units of pairs held: where a plan has them, or where they cost least apart."""
        problem, pairs = self.problem, self.problem.apart
        if pairs is None or self.control.must_stop() or (plan < 0).any():
            return
        small = merged(problem)
        held = np.full(small.problem.n, FREE, np.int32)
        paired = np.unique(small.of[pairs])
        first = _firsts(small.of)
        held[paired] = plan[first[paired]]
        if score(problem, plan).met:
            chosen = spread(problem, small, plan[first], min(SPREAD, 0.1 * self.control.left()))
            if chosen is None:
                return
            held = chosen
        locked = held[small.of]
        if problem.locked is not None:
            locked = np.where(problem.locked >= 0, problem.locked, locked)
        self._search(replace(problem, locked=locked.astype(np.int32)), HELD)

    def _capped(self) -> None:
        """Search at several prices of moves; the cap holds at some, and the cost is least near the lowest of these."""
        problem = self.problem
        assert problem.current is not None
        self._stay()
        parts = [
            cap.amounts / max(cap.most, 1e-3 * float(cap.amounts.sum()), 1e-300) for cap in problem.move_caps
        ]
        each = np.where(problem.current >= 0, np.sum(parts, axis=0), 0.0)
        low, high, level = 0.0, np.inf, 0.0
        total = self.control.time_limit
        for number in range(ROUNDS):
            if self.control.must_stop():
                return
            share = min(0.9, PRICED * total / max(self.control.left(), 1e-9))
            price = level * each + (0.0 if problem.move_price is None else problem.move_price)
            priced = problem if level == 0.0 else replace(problem, move_price=price)
            plan, over = self._try(priced, share)
            if over <= 0.0:
                high = level
            else:
                low = level
            if level == 0.0 and over <= 0.0:
                break
            if number == 0:
                level = 0.1 * score(problem, plan).cost
            elif np.isinf(high):
                level *= STEEP
            else:
                level = (low * high) ** 0.5 if low > 0.0 else high / STEEP
        self._held_while_broken()

    def _try(self, problem: Problem, share: float) -> tuple[np.ndarray, float]:
        """Return a plan and by how much the search went beyond the caps."""
        small = merged(problem)
        found = self.way(small.problem, self._part(share))
        self.notes = tuple(dict.fromkeys((*self.notes, *found.notes)))
        plan = small.expand(found.plan)
        over = float(score(self.problem, plan).over_moves.sum())
        self._take(plan)
        if (plan >= 0).all():
            self._take(small.expand(mend(self.problem, merged(self.problem), found.plan, self.control)))
        return plan, over

    def _stay(self) -> None:
        """Begin with today's alignment, mended."""
        problem = self.problem
        assert problem.current is not None
        small = merged(problem)
        today = small.problem.current
        if today is None or (today < 0).any():
            return
        if len(np.unique(today)) == problem.k:
            self._take(small.expand(mend(problem, small, today, self.control)))

    def _take(self, plan: np.ndarray) -> None:
        plan = np.asarray(plan, np.int32)
        worth = score(self.problem, plan)
        rank = (not worth.is_feasible, _broken(self.problem, worth), worth.total)
        if self.best is None or rank < self.best[0]:
            self.best = (rank, plan)
            if worth.is_feasible:
                self.control.report("plan", 0.0, cost=worth.total)

    def _part(self, share: float) -> Control:
        """Return the control of a part of the work: its clock runs anew, its costs are nobody's business."""
        control = self.control
        tell = control.tell

        def told(progress: Progress) -> None:
            if tell is not None and progress.bound is None:
                tell(Progress(progress.stage, progress.share))

        return replace(
            control,
            time_limit=max(1e-3, share * control.left()),
            tell=told,
            _start=time.monotonic(),
            _best=np.inf,
            _bound=-np.inf,
        )


def _firsts(of: np.ndarray) -> np.ndarray:
    """Return the first unit of each merged one."""
    return np.unique(of, return_index=True)[1]


def _broken(problem: Problem, worth: Score) -> float:
    """Return how much a plan breaks, over all wishes."""
    means = np.maximum(problem.amounts.sum(axis=1) / problem.k, 1e-300)
    over = sum(
        float(worth.over_moves[at]) / max(float(cap.amounts.sum()), 1e-300)
        for at, cap in enumerate(problem.move_caps)
    )
    counts = worth.strays + worth.unassigned + worth.misplaced + worth.empty + worth.torn + worth.met
    load = 0.0 if problem.capacity is None else float(worth.over_capacity.sum() / problem.capacity.max())
    return float((worth.excess / means[:, None]).sum()) + over + counts + load
