"""The smallest moves that bring a drifted or damaged alignment back inside its bounds.

Damage: sums outside their bounds, units nobody has (new ones, or those of a person who left), territories cut in parts,
broken locks and groups. Local search finds repairs of any map; where the programme is small enough (``exact``), the
smallest, and the next ones, are proved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from merestone.base.errors import UsageError
from merestone.core.design.control import Control, Stop
from merestone.core.design.problem import Problem
from merestone.core.design.repair.found import Damage, Move, Repair, Repairs, Wanted

if TYPE_CHECKING:
    from merestone.core.design.repair.exact import Exact

__all__ = ["Damage", "Move", "Repair", "Repairs", "Wanted", "repair", "sizes_of"]

FOUND = "Repairs are the smallest found: that there is no smaller one is not proved."
SOME_PROVED = "Of the last repairs, that there is no smaller one is not proved."
FEW = "There is no further repair that is not one of these with more moves."


def repair(problem: Problem, control: Control, wanted: Wanted | None = None) -> Repairs:
    """Return the smallest repairs of ``problem.current``, ranked by size, then cost.

    What a repair moves is counted by what leaves a territory; units nobody has are placed besides. Of repairs of one
    size the cheapest with today's centres is found, and costs are told as the judge sees them.

    Raises
    ------
    UsageError
        There is no current alignment, or no such measure.
    """
    from merestone.core.design.repair.damage import damage_of
    from merestone.core.design.repair.told import told
    from merestone.core.design.scoring import score

    wanted = wanted or Wanted()
    if problem.current is None:
        raise UsageError("There is no alignment to repair.", fix="Give --current.")
    sizes = sizes_of(problem, wanted)
    today = score(problem, problem.current)
    damage = damage_of(problem, problem.current, today)
    if today.is_feasible:
        return Repairs(
            today, (), (), None, False, 0.0, control.seconds(), control.seed, Stop.OPTIMAL, problem.notes
        )
    search = _Search(problem, control, wanted, sizes)
    search.run()
    repairs = [
        told(problem, plan, today, sizes=sizes, is_proved=at < search.proved)
        for at, plan in enumerate(search.plans)
    ]
    least = None
    if search.nearest is not None and not repairs:
        least = told(problem, search.nearest, today, sizes=sizes, is_proved=search.is_least)
    is_done = search.is_complete or (search.is_impossible and search.is_least)
    return Repairs(
        today,
        damage,
        tuple(sorted(repairs, key=lambda one: (one.size, one.score.total))),
        least,
        search.is_impossible,
        search.at_least,
        control.seconds(),
        control.seed,
        control.reason(is_optimal=is_done),
        (*problem.notes, *search.notes()),
    )


def sizes_of(problem: Problem, wanted: Wanted) -> np.ndarray:
    """Return what each unit counts: 1, or its amount of the activity asked for."""
    if not wanted.measure:
        return np.ones(problem.n)
    for one in problem.activities:
        if one.name == wanted.measure:
            return np.asarray(one.amounts, np.float64)
    names = ", ".join(f"'{one.name}'" for one in problem.activities) or "none"
    raise UsageError(f"'{wanted.measure}' is not among the balanced columns: {names}.")


class _Search:
    """Plans found so far, the first ``proved`` of them in the order of their proof."""

    def __init__(self, problem: Problem, control: Control, wanted: Wanted, sizes: np.ndarray) -> None:
        self.problem, self.control, self.wanted, self.sizes = problem, control, wanted, sizes
        self.plans: list[np.ndarray] = []
        self.proved = 0
        self.at_least = 0.0
        self.nearest: np.ndarray | None = None
        self.is_least = self.is_impossible = self.is_complete = False

    def run(self) -> None:
        """Walk, then prove."""
        from merestone.core.design.repair.walk import broken, walks

        walked = walks(self.problem, self.sizes, self.control)
        sound = [plan for plan in walked if broken(self.problem, plan) == (0.0, 0.0) and self._is_short(plan)]
        found = self._different(sound)
        self._prove(found)
        self.plans += self._different(found, self.plans)
        del self.plans[self.wanted.repairs :]
        if not self.plans:
            self._nearest(walked)

    def notes(self) -> tuple[str, ...]:
        """Return what is to be said of all that was found."""
        if self.plans and self.proved < len(self.plans):
            return (SOME_PROVED if self.proved else FOUND,)
        if self.plans and self.is_complete and len(self.plans) < self.wanted.repairs:
            return (FEW,)
        return ()

    def _prove(self, found: list[np.ndarray]) -> None:
        """Find the smallest repairs by programmes, looking farther and farther; plans found before say how far at first."""
        sizes = sorted(self._size(plan) for plan in found)
        step = 2 * float(self.sizes.mean())
        most = sizes[min(len(sizes), self.wanted.repairs) - 1] if len(sizes) >= self.wanted.repairs else step
        most = max(most, sizes[0]) if sizes else most
        while len(self.plans) < self.wanted.repairs:
            exact = self._exact(most)
            if exact is None or not self._prove_within(exact, found):
                return
            if len(self.plans) < self.wanted.repairs and np.isinf(most):
                self.is_complete, self.is_impossible = True, not self.plans
                return
            most = 2 * most + step
            if most > self.sizes.sum() / 2 or most > self._most_size():
                most = np.inf
        self.is_complete = True

    def _prove_within(self, exact: Exact, found: list[np.ndarray]) -> bool:
        """Take the smallest repairs of programmes while there are any; return whether it is known when there are none."""
        from merestone.core.design.repair.exact import Answer

        while len(self.plans) < self.wanted.repairs:
            self.control.report("proving", 0.3 + 0.6 * len(self.plans) / self.wanted.repairs)
            left = self._different(found, self.plans)
            known = min(left, key=self._size) if left else None
            answer, plan = exact.next(self.plans, known)
            self.at_least = max(self.at_least, exact.at_least)
            if answer is Answer.IMPOSSIBLE:
                return True
            if answer is Answer.UNKNOWN or plan is None or not self._is_sound(plan):
                return False
            self.plans.append(plan)
            self.proved += 1
        return True

    def _most_size(self) -> float:
        """Return what as many moves as there may be have at most."""
        return float(np.sort(self.sizes)[::-1][: self.wanted.most_moves].sum())

    def _exact(self, most: float) -> Exact | None:
        """Return the programmes of repairs up to a size; None when they are too large."""
        from merestone.core.design.repair.exact import Exact
        from merestone.core.design.repair.walk import centres, costs

        assert self.problem.current is not None
        prices = costs(self.problem, centres(self.problem, self.problem.current))
        exact = Exact(self.problem, self.sizes, prices, most, self.wanted.most_moves, self.control)
        return exact if exact.is_small else None

    def _nearest(self, walked: list[np.ndarray]) -> None:
        """Find what comes nearest to a repair."""
        from merestone.core.design.repair.exact import Answer
        from merestone.core.design.repair.walk import broken

        exact = self._exact(np.inf)
        if exact is not None:
            answer, plan = exact.least()
            if plan is not None:
                self.nearest, self.is_least = plan, answer is Answer.SOLVED
                return
        near = [plan for plan in walked if self._is_short(plan)]
        if near:
            self.nearest = min(near, key=lambda plan: (*broken(self.problem, plan), self._size(plan)))

    def _different(self, plans: Iterable[np.ndarray], before: Iterable[np.ndarray] = ()) -> list[np.ndarray]:
        """Return the plans that are none of those before, contain none, and are not all but like one."""
        from merestone.core.design.repair.exact import differing

        kept: list[np.ndarray] = list(before)
        count = len(kept)
        for plan in plans:
            changed = [np.flatnonzero(one != self.problem.current) for one in kept]
            if all(
                (plan[units] != one[units]).sum() >= differing(len(units))
                for one, units in zip(kept, changed, strict=True)
            ):
                kept.append(plan)
        return kept[count:]

    def _is_short(self, plan: np.ndarray) -> bool:
        most = self.wanted.most_moves
        return most is None or int(self._moved(plan).sum()) <= most

    def _is_sound(self, plan: np.ndarray) -> bool:
        from merestone.core.design.scoring import score

        return score(self.problem, plan).is_feasible

    def _size(self, plan: np.ndarray) -> float:
        return float(self.sizes[self._moved(plan)].sum())

    def _moved(self, plan: np.ndarray) -> np.ndarray:
        current = self.problem.current
        assert current is not None
        return np.asarray((current >= 0) & (plan != current))
