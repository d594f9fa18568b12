"""Making a map of several parts one map: the shortest bridges between its islands."""

from __future__ import annotations

import numpy as np

from merestone.core.design.problem import Adjacency

_EVERY_PAIR = 1_500
"""Up to so many units all distances are looked at; beyond, those along the edges of the Delaunay triangulation, which
hold every shortest bridge."""


def islands(adjacency: Adjacency, n: int) -> np.ndarray:
    """Return the number of the connected part each of n units is in, from 0; part 0 is the largest."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    graph = csr_array(
        (np.ones(len(adjacency.neighbours), np.int8), adjacency.neighbours, adjacency.starts), shape=(n, n)
    )
    _, parts = connected_components(graph, directed=False)
    order = np.argsort(-np.bincount(parts), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return np.asarray(rank[parts])


def bridges(x: np.ndarray, y: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return the (parts − 1, 2) pairs of units that connect all parts over the least distance.

    Parameters
    ----------
    x, y : (n,) float64 arrays
        Metres.
    part : (n,) int array
        Of each unit.

    References
    ----------
    J. B. Kruskal (1956), On the shortest spanning subtree of a graph, Proc. AMS 7:48-50, doi:10.2307/2033241.
    """
    pairs = _candidates(x, y, part)
    lengths = np.hypot(x[pairs[:, 0]] - x[pairs[:, 1]], y[pairs[:, 0]] - y[pairs[:, 1]])
    parent = list(range(int(part.max()) + 1))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    kept: list[np.ndarray] = []
    for at in np.lexsort((pairs[:, 1], pairs[:, 0], lengths)):
        if len(kept) == len(parent) - 1:
            break
        one, other = (root(int(part[unit])) for unit in pairs[at])
        if one != other:
            parent[one] = other
            kept.append(pairs[at])
    return np.array(kept, np.int64).reshape(-1, 2)


def _candidates(x: np.ndarray, y: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return pairs of units in different parts, the shortest bridges among them."""
    n = len(x)
    pairs = np.stack(np.triu_indices(n, 1), axis=1) if n <= _EVERY_PAIR else _triangulated(x, y)
    return np.asarray(pairs[part[pairs[:, 0]] != part[pairs[:, 1]]])


def _triangulated(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    from scipy.spatial import Delaunay, QhullError

    # Along the curve: connects everything, also what lies on one line or in one point.
    order = np.lexsort((y, x))
    chain = np.stack([order[:-1], order[1:]], axis=1)
    try:
        found = Delaunay(np.stack([x, y], axis=1))
    except QhullError:
        return chain
    corners = found.simplices
    sides = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    same_place = found.coplanar[:, [0, 2]]
    return np.unique(np.sort(np.concatenate([sides, same_place, chain]), axis=1), axis=0)
