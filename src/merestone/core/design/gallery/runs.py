"""Searching the family: a few whole searches, then many short walks from what they found and from today's plan."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from merestone.core.design.control import Control, Part
from merestone.core.design.gallery.family import Variant, free, variant
from merestone.core.design.labels import are_alike, named_as_today
from merestone.core.design.problem import Problem
from merestone.core.design.repair.walk import walks
from merestone.core.design.scoring import Score, score
from merestone.core.design.search import MOST_UNITS, search
from merestone.core.design.search.wishes import has_wishes

THREADS = 2
CORES = 1.2
"""The bound is worked out meanwhile."""
WIDTHS = 0.5, 0.2, 0.05
"""Of bounds that are drawn in, when there are moves to look at, too."""
MANY_WIDTHS = 0.75, 0.55, 0.4, 0.25, 0.15, 0.08, 0.04, 0.02
PRICES = 10.0, 3.0, 1.0, 0.4, 0.15
"""Of a move, in what a move saves on the way from today's plan to the cheapest."""
HEATS = (2e-3, 1e-4, 5e-4, 1e-5), (5e-3, 1e-3, 5e-3, 5e-5)
"""Of walks that start from a good plan; with few units a territory."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Of the time limit."""

    asked: float = 0.28
    priced: float = 0.1
    even: float = 0.12
    repair: float = 0.1
    walks: float = 0.2


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """A plan and the problem it was searched for."""

    plan: np.ndarray
    variant: Variant
    worth: Score


@dataclass(eq=False)
class Runs:
    """All that was found so far.

    Parameters
    ----------
    problem : Problem
        As asked.
    control : Control
    found : list of Run
        In an order that follows from the problem and the seed alone.
    """

    problem: Problem
    control: Control
    shares: Shares = field(default_factory=Shares)
    found: list[Run] = field(default_factory=list)
    done: float = 0.0

    def run(self) -> None:
        """Search the whole family."""
        problem = self.problem
        asked = variant(problem)
        self._search(asked, self.shares.asked)
        if problem.current is not None and problem.move_price is not None:
            self._search(variant(problem, price=np.nan), self.shares.priced)
        if problem.activities and not problem.is_capacitated:
            width = WIDTHS[-1] if problem.n >= 40 * problem.k else WIDTHS[-2]
            self._search(variant(problem, width=width), self.shares.even)
        starts = [self.found[0].plan]
        if problem.current is not None and (problem.current >= 0).any():
            near = walks(problem, np.ones(problem.n), Part.of(self.control, 4 * self.shares.repair / 2))
            self._tell("walks", self.shares.repair)
            for plan in near:
                self._keep(plan, asked)
            starts = [*near[:1], *starts]
        self._walk(starts)

    def _search(self, one: Variant, share: float) -> None:
        if self.found and self.control.left() <= 0:
            return
        # Where territories are alike, today's names are found afterwards: the search is the quicker for it.
        is_free = one.price == 0.0
        searched = _nameless(one.problem) if is_free else one.problem
        plan = search(searched, Part.of(self.control, share, number=len(self.found))).plan
        self._keep(plan, one)
        self._tell("searching", share)

    def _keep(self, plan: np.ndarray, one: Variant) -> None:
        if one.price == 0.0:
            plan = named_as_today(free(self.problem), plan)
        plan = plan.astype(np.int32)
        self.found.append(Run(plan, one, score(self.problem, plan)))

    def _tell(self, stage: str, share: float) -> None:
        self.done += share
        total = self.shares.asked + self.shares.priced + self.shares.even + self.shares.walks
        self.control.report(stage, 0.85 * min(1.0, self.done / (total + self.shares.repair)))

    def _walk(self, starts: list[np.ndarray]) -> None:
        """Walk from the plans found, in threads; which plans come out depends on none of their timing."""
        jobs = self._jobs(len(starts))
        if not jobs:
            return
        seconds = self.shares.walks * self.control.time_limit * CORES / len(jobs)

        def each(number: int) -> np.ndarray | None:
            if self.control.left() <= 0:
                return None
            one, start = jobs[number]
            part = Part.of(self.control, 3 * seconds / self.control.time_limit, number=100 + number)
            return walk(one.problem, starts[start], part, seconds=seconds)

        with ThreadPoolExecutor(THREADS) as pool:
            for (one, _), plan in zip(jobs, pool.map(each, range(len(jobs))), strict=True):
                if plan is not None:
                    self._keep(plan, one)
                    self._tell("walks", self.shares.walks / len(jobs))

    def _jobs(self, n_starts: int) -> list[tuple[Variant, int]]:
        """Return variants to walk for, and which plan each starts from."""
        problem = self.problem
        is_even = bool(problem.activities) and not problem.is_capacitated
        if n_starts == 1:
            many = MANY_WIDTHS if problem.n <= MOST_UNITS else MANY_WIDTHS[1::2]
            return [(variant(problem, width=width), 0) for width in many] if is_even else []
        base = self._saving()
        widths = ([1.0, *WIDTHS] if problem.n <= MOST_UNITS else [1.0, WIDTHS[1]]) if is_even else [1.0]
        prices = PRICES if problem.n <= MOST_UNITS else PRICES[::2]
        jobs = [
            (variant(problem, width=width, price=base * price), 0) for width, price in product(widths, prices)
        ]
        return jobs + [(variant(problem, width=width), 1) for width in widths if width < 1.0]

    def _saving(self) -> float:
        """Return what a move saves on the way from the plan nearest to today's to the cheapest."""
        most = max(self.found, key=lambda run: run.worth.moved).worth
        least = min(self.found, key=lambda run: run.worth.moved).worth
        saving = (least.cost - most.cost) / max(1, most.moved - least.moved)
        about = self.found[0].worth.cost / self.problem.n
        return float(saving) if saving > 0 else about if about > 0 else 1.0


def walk(problem: Problem, start: np.ndarray, control: Control, *, seconds: float) -> np.ndarray:
    """Return the best plan near another, by a walk of about so many seconds that cools from little heat."""
    if has_wishes(problem):
        return search(problem, Part.of(control, 1.0)).plan
    if problem.is_capacitated:
        return _walk_medians(problem, start, control, seconds)
    if problem.n > MOST_UNITS:
        return _walk_scale(problem, start, control, seconds)
    from merestone.core.design.search.district_chain import (
        MOVE_SECONDS,
        SMALL,
        Schedule,
        run,
        split_seconds,
    )
    from merestone.core.design.search.district_ground import make_ground

    ground = make_ground(problem)
    is_small = problem.n < SMALL * problem.k
    steps = Schedule(
        int(0.5 * seconds / split_seconds(ground)),
        int(0.5 * seconds / MOVE_SECONDS),
        HEATS[is_small],
        (40.0, 1000.0),
        0.0 if is_small else 0.8,
    )
    return run(ground, start, steps, seed=control.seed, control=control).plan


def _walk_scale(problem: Problem, start: np.ndarray, control: Control, seconds: float) -> np.ndarray:
    from merestone.core.design.search.scale_land import make_land, morton, sorted_by
    from merestone.core.design.search.scale_moves import improve

    order = morton(problem.x, problem.y)
    in_order = sorted_by(problem, order)
    plan = np.empty(problem.n, np.int32)
    plan[order] = improve(in_order, make_land(in_order), start[order], control, seconds=seconds)
    return plan


def _walk_medians(problem: Problem, start: np.ndarray, control: Control, seconds: float) -> np.ndarray:
    from merestone.core.design.search.medians import RATE, Annealer, Chain

    rate = RATE / (1.0 + problem.n / 2_000) / (1.0 + problem.n / problem.k / 80)
    annealer = Annealer(problem, control)
    return annealer.run(Chain(max(10_000, int(rate * seconds)), hot=0.2, cold=0.007), start.astype(np.int32))


def _nameless(problem: Problem) -> Problem:
    return replace(problem, current=None) if problem.current is not None and are_alike(problem) else problem
