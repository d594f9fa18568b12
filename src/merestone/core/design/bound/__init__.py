"""Proving how good a plan can be at best."""

from __future__ import annotations

from merestone.core.design.control import Control
from merestone.core.design.found import Bound
from merestone.core.design.problem import Problem


def lower_bound(problem: Problem, control: Control) -> Bound:
    """Return what no plan of this problem costs less than."""
    from merestone.core.design.bound.lagrange import find

    return find(problem, control)
