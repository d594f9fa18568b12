"""What is wrong with an alignment, place by place, the worst first within each kind."""

from __future__ import annotations

import numpy as np

from merestone.core.design.problem import FREE, Problem
from merestone.core.design.repair.found import Damage
from merestone.core.design.scoring import SLACK, Score


def damage_of(problem: Problem, plan: np.ndarray, worth: Score) -> tuple[Damage, ...]:
    """Return all that is wrong with a plan."""
    found = [*_counts(problem, plan), *_sums(problem, worth)]
    cut_off = np.bincount(plan[strays(problem, plan)], minlength=problem.k)
    found += [Damage("strays", int(t), amount=float(cut_off[t])) for t in np.flatnonzero(cut_off)]
    found += [
        Damage("capacity", int(t), amount=float(worth.over_capacity[t]))
        for t in np.flatnonzero(worth.over_capacity > SLACK)
    ]
    return tuple(found)


def strays(problem: Problem, plan: np.ndarray) -> np.ndarray:
    """Return the units outside the largest connected part of their territory, where contiguity is asked."""
    if problem.adjacency is None:
        return np.empty(0, np.int64)
    part = parts(problem, plan)
    placed = np.flatnonzero(plan >= 0)
    sizes = np.bincount(part, minlength=problem.n)
    # The largest part; of several as large, the one with the first unit.
    order = placed[np.lexsort((part[placed], -sizes[part[placed]], plan[placed]))]
    territories, first = np.unique(plan[order], return_index=True)
    main = np.full(problem.k, FREE)
    main[territories] = part[order[first]]
    return np.asarray(placed[part[placed] != main[plan[placed]]])


def parts(problem: Problem, plan: np.ndarray) -> np.ndarray:
    """Return the number of the connected part of its territory each unit is in, in the order of their first units."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    assert problem.adjacency is not None
    pairs = problem.adjacency.pairs()
    inner = pairs[(plan[pairs[:, 0]] == plan[pairs[:, 1]]) & (plan[pairs[:, 0]] >= 0)]
    graph = csr_array(
        (np.ones(len(inner), np.int8), (inner[:, 0], inner[:, 1])), shape=(problem.n, problem.n)
    )
    return np.asarray(connected_components(graph, directed=False)[1])


def misplaced(problem: Problem, plan: np.ndarray) -> np.ndarray:
    """Return the units in a territory they may not be in."""
    wrong = np.zeros(problem.n, bool)
    placed = np.flatnonzero(plan >= 0)
    if problem.locked is not None:
        wrong |= (problem.locked >= 0) & (plan != problem.locked)
    if problem.allowed is not None:
        wrong[placed] |= ~problem.allowed[placed, plan[placed]]
    return np.flatnonzero(wrong & (plan >= 0))


def parted(problem: Problem, plan: np.ndarray) -> np.ndarray:
    """Return the units outside the territory that most of their group is in."""
    if problem.together is None:
        return np.empty(0, np.int64)
    inside = np.flatnonzero((problem.together >= 0) & (plan >= 0))
    votes = np.bincount(problem.together[inside] * problem.k + plan[inside])
    votes = np.append(votes, np.zeros(-len(votes) % problem.k, votes.dtype)).reshape(-1, problem.k)
    return np.asarray(inside[plan[inside] != np.argmax(votes, axis=1)[problem.together[inside]]])


def _counts(problem: Problem, plan: np.ndarray) -> list[Damage]:
    found = []
    if nobodys := int((plan < 0).sum()):
        found.append(Damage("unassigned", FREE, amount=float(nobodys)))
    for kind, units in (("misplaced", misplaced(problem, plan)), ("torn", parted(problem, plan))):
        counts = np.bincount(plan[units], minlength=problem.k)
        found += [Damage(kind, int(t), amount=float(counts[t])) for t in np.flatnonzero(counts)]
    if problem.apart is not None:
        one, other = plan[problem.apart[:, 0]], plan[problem.apart[:, 1]]
        counts = np.bincount(one[(one == other) & (one >= 0)], minlength=problem.k)
        found += [Damage("met", int(t), amount=float(counts[t])) for t in np.flatnonzero(counts)]
    sizes = np.bincount(plan[plan >= 0], minlength=problem.k)
    return found + [Damage("empty", int(t)) for t in np.flatnonzero(sizes == 0)]


def _sums(problem: Problem, worth: Score) -> list[Damage]:
    found = []
    for row, one in enumerate(problem.activities):
        over, under = worth.sums[row] - one.upper, one.lower - worth.sums[row]
        found += [
            Damage(kind, int(t), one.name, float(miss[t]))
            for kind, miss in (("over", over), ("under", under))
            for t in np.argsort(-miss, kind="stable")
            if miss[t] > SLACK
        ]
    return found
