"""A repair told move by move: what each mends, and what it does to cost and balance."""

from __future__ import annotations

from typing import Any

import numpy as np

from merestone.core.design.problem import FREE, Problem
from merestone.core.design.repair.damage import misplaced, parted, strays
from merestone.core.design.repair.found import Move, Repair
from merestone.core.design.repair.walk import centres
from merestone.core.design.scoring import SLACK, Score, score, unit_costs
from merestone.core.design.scoring import strays as count_strays

EXPLAINED = 60
"""So many moves are taken back on trial to see what they are for."""


def told(problem: Problem, plan: np.ndarray, today: Score, *, sizes: np.ndarray, is_proved: bool) -> Repair:
    """Return a plan as a repair of today's alignment."""
    current = problem.current
    assert current is not None
    changed = np.flatnonzero(plan != current)
    changed = changed[np.lexsort((changed, plan[changed], current[changed], current[changed] < 0))]
    reasons = _Reasons(problem, plan, today)
    before, after = centres(problem, current), centres(problem, plan)
    moves = tuple(
        Move(
            int(unit),
            int(current[unit]),
            int(plan[unit]),
            reasons.why(int(unit)),
            _cost(problem, unit, after[plan[unit]])
            - (_cost(problem, unit, before[current[unit]]) if current[unit] >= 0 else 0.0),
            tuple(float(one.amounts[unit]) for one in problem.activities),
        )
        for unit in changed
    )
    worth = score(problem, plan)
    moved = changed[current[changed] >= 0]
    return Repair(plan, moves, float(sizes[moved].sum()), worth, worth.cost - today.cost, is_proved)


def _cost(problem: Problem, unit: Any, place: np.ndarray) -> float:
    return float(unit_costs(problem, np.array([unit]), place[0], place[1])[0])


class _Reasons:
    """Why the moves of a plan are made."""

    def __init__(self, problem: Problem, plan: np.ndarray, today: Score) -> None:
        assert problem.current is not None
        self.problem, self.plan, self.today = problem, plan, today
        self.misplaced = set(misplaced(problem, problem.current).tolist())
        self.parted = set(parted(problem, problem.current).tolist())
        self.strays = set(strays(problem, problem.current).tolist())
        self.sizes = np.bincount(problem.current[problem.current >= 0], minlength=problem.k)
        self.tried = 0

    def why(self, unit: int) -> str:
        """Return a sentence on what the move of a unit mends."""
        problem = self.problem
        assert problem.current is not None
        source, target = int(problem.current[unit]), int(self.plan[unit])
        to = problem.labels[target]
        if source == FREE:
            return "Nobody has it today."
        home = problem.labels[source]
        if unit in self.misplaced:
            return f"It may not be in {home}."
        if unit in self.strays:
            return f"It is cut off from the rest of {home}."
        if unit in self.parted:
            return f"Its group is in {to}."
        if not self.sizes[target]:
            return f"{to} has no unit."
        for row, one in enumerate(problem.activities):
            sums = self.today.sums[row]
            if one.amounts[unit] > 0 and sums[source] > one.upper[source] + SLACK:
                return f"{home} has {_number(sums[source] - one.upper[source])} {one.name} too much."
            if one.amounts[unit] > 0 and sums[target] < one.lower[target] - SLACK:
                return f"{to} lacks {_number(one.lower[target] - sums[target])} {one.name}."
        if self.today.over_capacity[source] > SLACK:
            return f"{home} has {_number(self.today.over_capacity[source])} load too much."
        return self._without(unit, source, target)

    def _without(self, unit: int, source: int, target: int) -> str:
        """Return what would be wrong if this one move were not made."""
        problem = self.problem
        self.tried += 1
        if self.tried > EXPLAINED:
            return "The other moves need it."
        trial = self.plan.copy()
        trial[unit] = source
        for one in problem.activities:
            sums = np.bincount(trial, one.amounts, problem.k)
            for t, is_source in ((source, True), (target, False)):
                label = problem.labels[t]
                if is_source and sums[t] > one.upper[t] + SLACK:
                    return f"It makes room in {label} for {one.name} that comes there."
                if not is_source and sums[t] < one.lower[t] - SLACK:
                    return f"It gives {label} {one.name} for what leaves there."
        if count_strays(problem, trial) > 0:
            return "Without it, a territory would be cut in parts."
        return "The other moves need it."


def _number(amount: float) -> str:
    return f"{amount:,.0f}" if abs(amount) >= 1000 else f"{amount:,.4g}"
