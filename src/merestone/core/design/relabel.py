"""Keeping today's names in a plan some of whose territories are alike."""

from __future__ import annotations

import numpy as np

from merestone.core.design.problem import FREE, Problem


def relabelled(problem: Problem, plan: np.ndarray) -> np.ndarray:
    """Return a plan whose territories are named so that most of the weight stays where it is.

    Only those change names that are alike: without locks, homes or other bounds.
    """
    if problem.current is None or problem.homes is not None:
        return plan
    fixed = np.zeros(problem.k, bool)
    if problem.locked is not None:
        fixed[problem.locked[problem.locked >= 0]] = True
    if problem.activities and not (
        (problem.lower == problem.lower[:, :1]).all() and (problem.upper == problem.upper[:, :1]).all()
    ):
        return plan
    alike = np.flatnonzero(~fixed)
    if len(alike) < 2:
        return plan
    from scipy.optimize import linear_sum_assignment

    both = (plan >= 0) & (problem.current >= 0)
    overlap = np.zeros((problem.k, problem.k))
    np.add.at(overlap, (plan[both], problem.current[both]), problem.weights[both])
    row, column = linear_sum_assignment(-overlap[np.ix_(alike, alike)])
    name = np.arange(problem.k)
    name[alike[row]] = alike[column]
    return np.where(plan >= 0, name[plan], FREE).astype(plan.dtype)
