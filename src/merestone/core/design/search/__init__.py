"""Finding plans: one way for each kind of problem.

``medians`` for the capacitated p-median, ``districts`` for balanced territories of some thousands of units, ``scale``
beyond; ``wishes`` around them where units are kept together or apart, or moves have a cap. Each has ``find(problem,
control)``, makes the same plan from the same seed, and never ends worse than it began.
"""

from __future__ import annotations

from dataclasses import replace

from merestone.core.design.control import Control
from merestone.core.design.found import Found
from merestone.core.design.problem import Problem

MOST_UNITS = 8_000
"""Beyond so many units territories are designed from micro-cells."""


def search(problem: Problem, control: Control) -> Found:
    """Return the best plan found."""
    from merestone.core.design.search import wishes

    return wishes.find(problem, control, _plain) if wishes.has_wishes(problem) else _plain(problem, control)


def _plain(problem: Problem, control: Control) -> Found:
    """Search for a plan where no units are kept together or apart and moves have no cap."""
    if problem.is_capacitated:
        from merestone.core.design.search.medians import find
    elif problem.n <= MOST_UNITS:
        from merestone.core.design.search.districts import find
    else:
        from merestone.core.design.search.scale import find

        problem = replace(problem, surcharge=None)  # priced by the best successors; the judge knows the rest
    return find(problem, control)
