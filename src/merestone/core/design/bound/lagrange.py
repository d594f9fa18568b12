"""Lower bounds by multipliers: each unit pays centres for taking it, and the least worth of the centres bounds a plan.

Leaving out that each unit is in one territory, with a price for each unit, leaves one continuous knapsack per possible
centre; the least worth of as many centres as there are territories, and all prices, is less than any plan costs. Where
the centres are is then branched upon (``branches``). What is found holds for the problem without contiguity and with
units split, so it holds for the problem.

References
----------
Validi, H., Buchanan, A. & Lykhovyd, E. (2022). Imposing contiguity constraints in political districting models.
Operations Research 70(2), 867–892. doi:10.1287/opre.2021.2141
Barahona, F. & Anbil, R. (2000). The volume algorithm: producing primal solutions with a subgradient method.
Mathematical Programming 87, 385–399. doi:10.1007/s101070050002
Held, M., Wolfe, P. & Crowder, H. (1974). Validation of subgradient optimization. Mathematical Programming 6, 62–88.
doi:10.1007/BF01580223
"""

from __future__ import annotations

import math

import numpy as np

from merestone.core.design.bound import ground, homes, start
from merestone.core.design.bound.branches import Branches, Climb, Node
from merestone.core.design.control import Control
from merestone.core.design.found import Bound
from merestone.core.design.problem import Problem

MOST_UNITS = 20_000
"""Beyond, one step takes too long to be worth it."""
CLOSED = 5e-5
"""A gap is closed at this share of the cost."""
HEADROOM = 0.02
"""While no plan is known, steps aim so far above the bound."""
CHILD_STEPS, LEAF_STEPS = 40, 400
MIXTURES = 1.0, 0.7, 0.4
STALLED = 0.02
"""The root has done enough when a round of steps closes less than this share of its gap."""
LEFT_OUT = "The bound is for the same problem without contiguity and with units split."
FIRST_ONLY = "The bound keeps only the first activity within its limits."
TOO_MANY = "No bound is worked out for so many units."


def find(problem: Problem, control: Control) -> Bound:
    """Return the greatest lower bound found before the search beside it has ended.

    Parameters
    ----------
    problem : Problem
    control : Control
        Its ``best`` is the cost of a plan that is known: centres are left out that no cheaper plan can have.
    """
    if homes.has_all(problem):
        value = homes.find(problem, control)
        return Bound(value, _notes(problem, is_first=False))
    if problem.n > MOST_UNITS:
        return Bound(None, (TOO_MANY,))
    made = ground.make(problem)
    if not len(made.ground.x):
        return Bound(0.0, _notes(problem, is_first=True))
    value = _Work(problem, control, made).run()
    return Bound(value if math.isfinite(value) else None, _notes(problem, is_first=True))


def _notes(problem: Problem, *, is_first: bool) -> tuple[str, ...]:
    return (LEFT_OUT, FIRST_ONLY) if is_first and len(problem.activities) > 1 else (LEFT_OUT,)


class _Work:
    """The work on one problem."""

    def __init__(self, problem: Problem, control: Control, made: ground.Made) -> None:
        self.control = control
        gains, cost = start.first_gains(made.ground, problem.k)
        self.guess = cost
        self.branches = Branches(made, gains)
        self.told = -math.inf

    def run(self) -> float:
        """Climb at the root, then split the node with the least bound until time or gap is used up."""
        branches = self.branches
        root = branches.pop()
        self._flatten(root)
        self._climb(root, steps=None)
        branches.push(root)
        while not self._must_end() and branches.heap and branches.heap[0].value < branches.closed:
            node = branches.pop()
            self._split(node)
            self._tell()
        return self._tell()

    def _flatten(self, root: Node) -> None:
        """Start from the best of some mixtures of the first multipliers and their mean."""
        first = root.gains
        mean = float(np.average(first, weights=self.branches.made.ground.share))
        best, kept = -math.inf, first
        for share in MIXTURES:
            root.gains, root.value = mean + share * (first - mean), -math.inf
            Climb(self.branches, root, size=1.0).run(1, self.guess)
            if root.value > best:
                best, kept = root.value, root.gains
        root.gains, root.value = kept, best
        if not math.isfinite(best):
            root.gains, root.value = first, -math.inf

    def _split(self, node: Node) -> None:
        """Replace a node by its children, or close it where there is nothing to split."""
        branches, limit = self.branches, self.control.best
        branches.settle(node, limit)
        children = branches.split(node) if math.isfinite(node.value) else []
        if not children:
            self._climb(node, steps=LEAF_STEPS)
            branches.close(node)
            return
        for child in children:
            if child.value < self._goal(child):
                self._climb(child, steps=CHILD_STEPS)
            if child.value >= limit * (1.0 - CLOSED):
                branches.close(child)
            else:
                branches.push(child)

    def _climb(self, node: Node, *, steps: int | None) -> None:
        """Better a node's multipliers by so many steps; by as many as help when no number is given."""
        branches = self.branches
        climb = Climb(branches, node, size=1.0 if steps is None else 0.3)
        chunk, done, since, before = 1, 0, 0, -math.inf
        while (steps is None or done < steps) and not self._must_end():
            goal = self._goal(node)
            seconds = climb.run(chunk, goal)
            done, since = done + chunk, since + chunk
            if node.value >= goal and math.isfinite(self.control.best):
                return
            if steps is None:
                self.told = max(self.told, node.value)
                self.control.tell_bound(min(node.value, self.control.best))
                if since >= 60:
                    branches.settle(node, self.control.best)
                    climb.columns_changed()
                    if node.value - before < STALLED * (goal - node.value) and climb.is_small:
                        return
                    before, since = node.value, 0
            chunk = max(
                1, min(60 if steps is None else steps - done, int(chunk * min(4.0, 0.1 / max(seconds, 1e-4))))
            )

    def _goal(self, node: Node) -> float:
        """What steps aim at: the cost of the best plan known, else a guess above the bound."""
        best = self.control.best
        if math.isfinite(best):
            return best
        if not math.isfinite(node.value):
            return self.guess
        return max(self.guess, node.value + HEADROOM * abs(node.value))

    def _must_end(self) -> bool:
        control = self.control
        return control.left_to_bound() <= 0.0 or control.is_proved(CLOSED)

    def _tell(self) -> float:
        self.told = max(self.told, min(self.branches.value, self.control.best))
        self.control.tell_bound(self.told)
        return self.told
