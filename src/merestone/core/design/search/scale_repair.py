"""Making the territories of a plan whole: strays go to a territory they touch, empty territories get a unit."""

from __future__ import annotations

import numpy as np

from merestone.core.design.problem import Adjacency, Problem


def join_strays(problem: Problem, plan: np.ndarray, centres: np.ndarray, graph: Adjacency) -> np.ndarray:
    """Return a plan whose territories are each connected and not empty, where the graph is connected."""
    plan = fill_empty(problem, plan, centres)
    sources = np.repeat(np.arange(problem.n), np.diff(graph.starts))
    is_stray = _strays(problem, plan, sources, graph.neighbours)
    while is_stray.any():
        open_arcs = np.flatnonzero(is_stray[sources] & ~is_stray[graph.neighbours])
        if not len(open_arcs):
            break
        unit, to = sources[open_arcs], plan[graph.neighbours[open_arcs]]
        away = np.hypot(problem.x[unit] - centres[to, 0], problem.y[unit] - centres[to, 1])
        order = np.lexsort((away, unit))
        unit, first = np.unique(unit[order], return_index=True)
        plan[unit] = to[order][first]
        is_stray[unit] = False
    return plan


def _strays(problem: Problem, plan: np.ndarray, sources: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """Return which units are outside the largest connected part of their territory."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    inner = plan[sources] == plan[neighbours]
    graph = csr_array(
        (np.ones(inner.sum(), np.int8), (sources[inner], neighbours[inner])), shape=(problem.n, problem.n)
    )
    _, part = connected_components(graph, directed=False)
    sizes = np.bincount(part)
    order = np.lexsort((part, -sizes[part], plan))
    territories, first = np.unique(plan[order], return_index=True)
    main = np.full(problem.k, -1)
    main[territories] = part[order][first]
    return np.asarray(part != main[plan])


def fill_empty(problem: Problem, plan: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return a plan in which each territory has a unit: the nearest to its centre of one that has several."""
    plan = plan.astype(np.int32)
    sizes = np.bincount(plan, minlength=problem.k)
    for t in np.flatnonzero(sizes == 0):
        away = np.hypot(problem.x - centres[t, 0], problem.y - centres[t, 1])
        away[sizes[plan] <= 1] = np.inf
        if problem.locked is not None:
            away[problem.locked >= 0] = np.inf
        if problem.allowed is not None:
            away[~problem.allowed[:, t]] = np.inf
        unit = int(np.argmin(away))
        sizes[plan[unit]] -= 1
        sizes[t] += 1
        plan[unit] = t
    return plan
