"""Giving territories that are alike the names under which most stays where it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from merestone.core.design.problem import Problem


def are_alike(problem: Problem) -> bool:
    """Whether territories could be exchanged but for today's alignment."""
    if problem.move_price is not None or problem.move_caps:
        return False
    return replace(problem, current=None).has_free_territories


def named_as_today(problem: Problem, plan: np.ndarray) -> np.ndarray:
    """Return the plan with its territories renumbered so that as much as may be of the units' weight stays.

    A plan of territories that are not alike is returned as it is.

    References
    ----------
    D. F. Crouse (2016), On implementing 2D rectangular assignment algorithms, IEEE Trans. Aerospace and Electronic
    Systems 52(4):1679-1696, doi:10.1109/TAES.2016.140952.
    """
    if problem.current is None or not are_alike(problem):
        return plan
    from scipy.optimize import linear_sum_assignment

    stays = (plan >= 0) & (problem.current >= 0)
    weights = problem.weights[stays] + 1e-9 * max(
        1.0, float(problem.weights.max())
    )  # units without weight count, too
    common = np.bincount(plan[stays] * problem.k + problem.current[stays], weights, problem.k**2)
    _, number = linear_sum_assignment(common.reshape(problem.k, problem.k), maximize=True)
    return np.where(plan >= 0, number[plan], plan).astype(plan.dtype)
