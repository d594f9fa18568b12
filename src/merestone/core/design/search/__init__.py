"""Finding plans: one way for each kind of problem.

``medians`` for the capacitated p-median, ``districts`` for balanced territories of some thousands of units, ``scale``
beyond. Each has ``find(problem, control)``, makes the same plan from the same seed, and never ends worse than it began.
"""

from __future__ import annotations

from merestone.core.design.control import Control
from merestone.core.design.found import Found
from merestone.core.design.problem import Problem

MOST_UNITS = 8_000
"""Beyond so many units territories are designed from micro-cells."""


def search(problem: Problem, control: Control) -> Found:
    """Return the best plan found."""
    if problem.is_capacitated:
        from merestone.core.design.search.medians import find
    elif problem.n <= MOST_UNITS:
        from merestone.core.design.search.districts import find
    else:
        from merestone.core.design.search.scale import find
    return find(problem, control)
