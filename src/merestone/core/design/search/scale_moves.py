"""A plan made better: pairs of territories cut anew, then units moved along the borders, both cooled down."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.loops.scale import (
    Draft,
    Land,
    Roster,
    enrol,
    move_points,
    refresh,
    sweep,
)
from merestone.core.design.loops.scale_pairs import Room, recut_pairs
from merestone.core.design.problem import Objective, Problem
from merestone.core.design.search.scale_land import METRES_PER_KM, make_draft
from merestone.core.design.search.scale_start import centres_of

LEAST_TRIES = 20_000
TRIES_PER_UNIT = 1.0
"""Of one sweep."""
TRY_SECONDS = 0.45e-6
STEEPER = 100.0
"""How many times the last penalty an excess is charged that is still there at the end."""
EXACT_SECONDS = 0.7e-6
SWAPS = 0.5
LATE = (0.45, 0.85)
"""Shares of the time limit by which the moves of the border must begin and end."""
MEND_SECONDS, MEND_SWEEPS = 0.5, 24
SORT_SECONDS = 3.6e-9
"""About what a unit costs in a round of cuts, for each squared bit of the number of units sorted."""


@dataclass(frozen=True, slots=True)
class Heats:
    """First and last heat of the two walks in mean costs of a territory, and penalties of an excess as large as its mean."""

    cuts: tuple[float, float] = (0.3, 1e-3)
    moves: tuple[float, float] = (2e-2, 1e-4)
    cut_penalty: tuple[float, float] = (30.0, 300.0)
    move_penalty: tuple[float, float] = (100.0, 2000.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """How the seconds are spent: cutting, moving, moving by the exact cost."""

    cuts: float = 0.1
    moves: float = 0.7
    exact: float = 0.2
    heats: Heats = field(default_factory=Heats)


def improve(
    problem: Problem,
    land: Land,
    plan: np.ndarray,
    control: Control,
    *,
    seconds: float,
    spending: Plan | None = None,
) -> np.ndarray:
    """Return the best plan of a cooled walk that starts from a plan; it is never worse than that.

    Parameters
    ----------
    seconds : float
        About how long it may take on a calm machine; the number of steps follows from it.
    """
    spending = spending or Plan()
    walk = _Walk(problem, land, plan, control)
    if problem.k > 1:
        if not (land.wants[1] or land.wants[3]):
            walk.cut(seconds * spending.cuts, spending.heats)
        walk.move(seconds * spending.moves, spending.heats)
        walk.finish(seconds * spending.exact, spending.heats)
        walk.mend(spending.heats)
    return walk.best


class _Walk:
    """A draft under way and the best plan it came by."""

    def __init__(self, problem: Problem, land: Land, plan: np.ndarray, control: Control) -> None:
        self.problem, self.land, self.control = problem, land, control
        self.draft: Draft = make_draft(problem, land, plan, control.seed)
        self.work = np.zeros((problem.k, 3))
        self.roster: Roster | None = None
        self.best, self.rank = plan.astype(np.int32), (np.inf, np.inf)
        self.look("start", 0.3)
        self.tries = max(LEAST_TRIES, int(TRIES_PER_UNIT * problem.n))
        self.unit = max(_territory_cost(problem, plan), 1e-12)

    def look(self, stage: str, share: float) -> None:
        """Sum anew, keep the plan when it is the best, and tell."""
        if self.land.wants[1]:
            refresh(self.land, self.draft)
            move_points(self.land, self.draft, self.work)
        excess, cost = refresh(self.land, self.draft)
        self.roster = self._enrolled()
        cost += enrol(self.land, self.draft, self.roster)
        rank = (excess if excess > 1e-9 else 0.0, cost)
        if rank < self.rank:
            self.best[:], self.rank = self.draft.plan, rank
        self.control.report(stage, share, cost=self.rank[1] if self.rank[0] == 0.0 else None)

    def cut(self, seconds: float, heats: Heats) -> None:
        """Cut pairs of territories anew."""
        n, k, width = self.problem.n, self.problem.k, self.land.features.shape[1]
        room = Room(
            members=np.zeros(n, np.int32),
            firsts=np.zeros(k + 1, np.int64),
            units=np.zeros(n, np.int64),
            keys=np.zeros(n),
            choice=np.zeros(n, np.int32),
            sums=np.zeros((4, width)),
            taken=np.zeros(k, np.int8),
            order=np.zeros(k, np.int64),
        )
        bits = np.log2(2 * n / k + 2)
        rounds = max(4, min(2000, int(seconds / (SORT_SECONDS * n * bits**2))))
        for number in range(rounds):
            if self.control.left() <= (1 - LATE[0]) * self.control.time_limit:
                break
            share = number / rounds
            heat = self.unit * _between(heats.cuts, share)
            penalty = self.unit * _between(heats.cut_penalty, share)
            recut_pairs(self.land, self.draft, room, heat, penalty, 2 * np.pi)
            if number % 32 == 31:
                self.look("cuts", 0.3 + 0.2 * share)
        self.look("cuts", 0.5)

    def move(self, seconds: float, heats: Heats) -> None:
        """Shift and swap units along the borders."""
        sweeps = max(4, int(seconds / (self.tries * TRY_SECONDS)))
        number = 0
        while number < sweeps and not self.control.must_stop():
            share = number / sweeps
            heat = self.unit * _between(heats.moves, share)
            penalty = self.unit * _between(heats.move_penalty, share)
            self.sweep(heat, penalty, is_exact=False)
            if number % 4 == 3:
                self.look("borders", 0.5 + 0.3 * share)
            # On a machine that is too slow for the plan, sweeps are left out, so that it cools down all the same.
            late = (self.control.seconds() / self.control.time_limit - LATE[0]) / (LATE[1] - LATE[0])
            number = max(number + 1, int(late * sweeps))
        self.look("borders", 0.8)

    def finish(self, seconds: float, heats: Heats) -> None:
        """Make the best plan's exact cost smaller, until nothing moves."""
        self.draft.plan[:] = self.best
        self.look("finish", 0.8)
        sweeps = max(4, int(seconds / (self.tries * EXACT_SECONDS)))
        penalty = self.unit * heats.move_penalty[1]
        if self.rank[0] > 0.0:
            penalty *= STEEPER
        for number in range(sweeps):
            if self.control.must_stop():
                break
            share = number / sweeps
            heat = self.unit * heats.moves[1] * (1 - share / 0.7) if share < 0.7 else 0.0
            made = self.sweep(heat, penalty, is_exact=True)
            self.look("finish", 0.8 + 0.2 * share)
            if not made:
                break

    def sweep(self, heat: float, penalty: float, *, is_exact: bool) -> int:
        """Make a sweep; sizes and roster must be those of the draft."""
        assert self.roster is not None
        return int(sweep(self.land, self.draft, self.roster, self.tries, heat, penalty, SWAPS, is_exact))

    def mend(self, heats: Heats) -> None:
        """Bring the best plan inside its bounds, where it is not, even a moment after the time is over."""
        if self.rank[0] == 0.0:
            return
        self.draft.plan[:] = self.best
        self.look("bounds", 1.0)
        end = self.control.seconds() + MEND_SECONDS
        penalty = self.unit * heats.move_penalty[1] * STEEPER
        for _ in range(MEND_SWEEPS):
            if self.rank[0] == 0.0 or self.control.seconds() > end:
                break
            self.sweep(0.0, penalty, is_exact=False)
            self.look("bounds", 1.0)

    def _enrolled(self) -> Roster:
        most = int(self.draft.sizes.max())
        if self.roster is not None and self.roster.members.shape[1] >= most:
            return self.roster
        room = min(self.problem.n, most + most // 2 + 8)
        return Roster(
            members=np.zeros((self.problem.k, room), np.int32),
            places=np.zeros(self.problem.n, np.int32),
            away=np.zeros(self.problem.k),
        )


def _territory_cost(problem: Problem, plan: np.ndarray) -> float:
    """Return the mean cost of a territory, about its mean and without fees."""
    centres = centres_of(problem, plan)[plan]
    away = np.hypot(problem.x - centres[:, 0], problem.y - centres[:, 1]) / METRES_PER_KM
    if problem.objective is Objective.INERTIA:
        away **= 2
    return float((problem.weights * away).sum() / problem.k)


def _between(ends: tuple[float, float], share: float) -> float:
    return float(ends[0] * (ends[1] / ends[0]) ** share)
