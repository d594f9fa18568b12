"""Exact work on a few neighbouring clusters at a time, for the capacitated p-median.

Of the clusters' members q are chosen as centres anew (``part``):

    minimise  Σ_ij d_ij x_ij + M Σ_j e_j
    with      Σ_j x_ij = 1 for each unit i,   Σ_i load_i x_ij ≤ capacity_j y_j + e_j,   x_ij ≤ y_j,   x_jj = y_j,
              Σ_j y_j = q,   x, y in {0, 1},   e = 0 unless a plan over capacity is repaired.

What the prices of ``loops.medians_prices`` prove dearer than the present plan is left out, which is most of it.

References
----------
Taillard, É. D. & Voß, S. (2002). POPMUSIC: partial optimization metaheuristic under special intensification
conditions. doi:10.1007/978-1-4615-1507-4_27
Ceselli, A. & Righini, G. (2005). A branch-and-price algorithm for the capacitated p-median problem. Networks 45(3),
125–142. doi:10.1002/net.20059
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.loops.medians_prices import prices
from merestone.core.design.problem import Problem

METRES_PER_KM = 1000.0
MOST_CHOICES = 3_000
"""So many x enter a MILP; the dearest beyond are left out."""
MOST_NODES = 200
MOST_SECONDS = 4.0
"""Emergency stop of a MILP, so that one that is left behind when the search is called off ends soon; nodes end it first."""
ASKS_EVERY = 0.1
SECONDS_A_MILP, SECONDS_A_CHOICE, SECONDS_A_PRICE = 0.05, 1.5e-4, 3e-6
"""What exact work takes, about: effort is counted in these, never by the clock."""
FEW_UNITS, MANY_UNITS = 40, 200
"""In a part of small clusters and of large ones."""
SMALL = 8
MOST_CLUSTERS = 8
SLACK = 1e-7


@dataclass(frozen=True, eq=False)
class Part:
    """Some clusters, alone.

    Parameters
    ----------
    units : (m,) int array
    centres : (c,) int array
        Places in ``units`` of the candidates.
    cost : (m, c) float array
        In metres, weighted.
    load, capacity : (m,) and (c,) float arrays
    own : (m,) int array
        The present centre of each unit, a place in ``centres``.
    q : int
    """

    units: np.ndarray
    centres: np.ndarray
    cost: np.ndarray
    load: np.ndarray
    capacity: np.ndarray
    own: np.ndarray
    q: int

    @property
    def present(self) -> float:
        """What the clusters cost now."""
        return float(self.cost[np.arange(len(self.units)), self.own].sum())


class Polisher:
    """A plan that gets better by parts."""

    def __init__(self, problem: Problem, control: Control, plan: np.ndarray) -> None:
        assert problem.load is not None
        assert problem.capacity is not None
        self.problem, self.control, self.plan = problem, control, plan.copy()
        self.pool = ThreadPoolExecutor(1)
        self.load = np.asarray(problem.load, np.float64)
        self.capacity = np.asarray(problem.capacity, np.float64)
        self.centres = np.array([self._centre(c) for c in range(problem.k)])
        self.work = 0.0

    def run(self, effort: float, random: np.random.Generator) -> None:
        """Go from cluster to cluster until each with its neighbours is as good as can be, or the effort is spent."""
        k = self.problem.k
        size = self.problem.n / k
        most = FEW_UNITS if size < SMALL else MANY_UNITS
        q = min(k, max(2, min(MOST_CLUSTERS, int(most / size))))
        waits, spent = np.ones(k, bool), effort + self.work
        while waits.any() and self.work < spent and not self.control.must_stop():
            cluster = int(random.choice(np.flatnonzero(waits)))
            group = self._around(cluster, q)
            if self._improve(group):
                waits[self._around(cluster, min(k, 2 * q))] = True
            waits[cluster] = False
            self.control.report("exact work on neighbouring territories", 0.7 + 0.3 * self.work / spent)

    def close(self) -> None:
        """Let go of the thread."""
        self.pool.shutdown(wait=False)

    def repair(self, tries: int) -> None:
        """Bring the clusters over capacity inside, with more neighbours at each try."""
        for attempt in range(tries):
            over = np.flatnonzero(self._excess() > SLACK)
            if not len(over) or self.control.must_stop():
                return
            for cluster in over:
                if not self.control.must_stop():
                    self._improve(
                        self._around(int(cluster), min(self.problem.k, 3 + 2 * attempt)), is_repair=True
                    )

    def _excess(self) -> np.ndarray:
        loads = np.bincount(self.plan, self.load, self.problem.k)
        return np.maximum(loads - self.capacity[self.centres], 0.0)

    def _around(self, cluster: int, q: int) -> np.ndarray:
        middle = self.centres
        east = self.problem.x[middle] - self.problem.x[middle[cluster]]
        north = self.problem.y[middle] - self.problem.y[middle[cluster]]
        away = east**2 + north**2
        away[cluster] = -1.0
        return np.argsort(away, kind="stable")[:q]

    def _cost(self, units: np.ndarray, centres: np.ndarray) -> np.ndarray:
        east = self.problem.x[units][:, None] - self.problem.x[centres]
        metres = np.hypot(east, self.problem.y[units][:, None] - self.problem.y[centres])
        if self.problem.floors_distance:
            metres = np.floor(metres)
        return np.ascontiguousarray(metres * self.problem.weights[units][:, None])

    def _centre(self, cluster: int) -> int:
        members = np.flatnonzero(self.plan == cluster)
        sums = self._cost(members, members).sum(axis=0)
        over = np.maximum(self.load[members].sum() - self.capacity[members], 0.0)
        return int(members[np.lexsort((sums, np.where(over > SLACK, over, 0.0)))[0]])

    def _part(self, group: np.ndarray) -> Part:
        units = np.flatnonzero(np.isin(self.plan, group))
        most = max(12, 260 // len(group))
        wanted = []
        for cluster in group:
            members = np.flatnonzero(self.plan == cluster)
            sums = self._cost(members, members).sum(axis=0)
            wanted += [members[np.argsort(sums, kind="stable")[:most]], self.centres[[cluster]]]
        centres = np.unique(np.concatenate(wanted))
        return Part(
            units=units,
            centres=np.searchsorted(units, centres),
            cost=self._cost(units, centres),
            load=self.load[units],
            capacity=self.capacity[centres],
            own=np.searchsorted(centres, self.centres[self.plan[units]]),
            q=len(group),
        )

    def _improve(self, group: np.ndarray, *, is_repair: bool = False) -> bool:
        """Solve the clusters of ``group`` exactly, or nearly; whether they got better."""
        part = self._part(group)
        self.work += len(part.units) * len(part.centres) * SECONDS_A_PRICE
        may = _worth_trying(part) if not is_repair else _near_enough(part)
        if may is None:
            return False
        over = float(self._excess()[group].sum())
        chosen = self._solve(part, may, is_repair=is_repair)
        if chosen is None:
            return False
        loads = np.bincount(chosen, part.load, len(part.centres))
        now_over = float(np.maximum(loads - part.capacity, 0.0).sum())
        cost = float(part.cost[np.arange(len(chosen)), chosen].sum())
        is_better = now_over < over - SLACK if is_repair else now_over <= SLACK and cost < part.present - 1e-6
        if not is_better:
            return False
        for cluster, centre in zip(np.sort(group), np.unique(chosen), strict=True):
            self.plan[part.units[chosen == centre]] = cluster
        for cluster in group:
            self.centres[cluster] = self._centre(int(cluster))
        return True

    def _solve(self, part: Part, may: np.ndarray, *, is_repair: bool) -> np.ndarray | None:
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import coo_array, vstack

        i, j = np.nonzero(may)
        used = np.unique(j)
        j = np.searchsorted(used, j)
        m, c, n = len(i), len(used), len(part.units)
        own_unit = part.centres[used]
        width = m + c + (c if is_repair else 0)
        x = np.arange(m)
        one = np.ones(m)

        def rows(which: np.ndarray, columns: np.ndarray, values: np.ndarray, height: int) -> coo_array:
            return coo_array((values, (which, columns)), shape=(height, width)).tocsr()

        served = rows(i, x, one, n)
        fits = rows(j, x, part.load[i], c) - rows(np.arange(c), m + np.arange(c), part.capacity[used], c)
        if is_repair:
            fits = fits - rows(np.arange(c), m + c + np.arange(c), np.ones(c), c)
        links = rows(x, x, one, m) - rows(x, m + j, one, m)
        total = rows(np.zeros(c, int), m + np.arange(c), np.ones(c), 1)
        scale = max(part.present / n, 1e-12)
        objective = np.zeros(width)
        objective[:m] = part.cost[i, used[j]] / scale
        if is_repair:
            objective[m + c :] = 100.0 * n / max(part.load.mean(), 1e-12)
        least_link = np.where(i == own_unit[j], 0.0, -np.inf)
        whole = np.ones(width)
        upper = np.ones(width)
        whole[m + c :], upper[m + c :] = 0, np.inf
        solving = self.pool.submit(
            milp,
            objective,
            integrality=whole,
            bounds=Bounds(0, upper),
            constraints=LinearConstraint(
                vstack([served, fits, links, total]),
                np.concatenate([np.ones(n), np.full(c, -np.inf), least_link, [part.q]]),
                np.concatenate([np.ones(n), np.zeros(c), np.zeros(m), [part.q]]),
            ),
            options={"node_limit": MOST_NODES, "time_limit": MOST_SECONDS, "mip_rel_gap": 1e-7},
        )
        # A MILP cannot be called off, so it has a thread of its own that may be left behind.
        while not wait([solving], ASKS_EVERY).done:
            if self.control.must_stop():
                return None
        answer = solving.result()
        self.work += SECONDS_A_MILP + m * SECONDS_A_CHOICE * (1 + 0.02 * (answer.mip_node_count or 0))
        if answer.x is None:
            return None
        is_chosen = answer.x[:m] > 0.5
        if is_chosen.sum() != n or len(np.unique(j[is_chosen])) != part.q:
            return None
        chosen = np.full(n, -1)
        chosen[i[is_chosen]] = used[j[is_chosen]]
        return None if (chosen < 0).any() else chosen


def _worth_trying(part: Part) -> np.ndarray | None:
    """Return which (unit, centre) pairs a better plan may have; None when there can be no better one."""
    present = part.present
    target = present - max(1e-6, 1e-9 * present)
    opened = np.unique(part.own)
    near = np.sort(part.cost[:, opened], axis=1)
    price = near[:, min(1, len(opened) - 1)].copy()
    worths, duals = np.empty(len(part.centres)), np.empty(len(part.centres))
    bound = prices(
        part.cost, part.centres, part.load, part.capacity, price, part.q, target, 150, worths, duals
    )
    if bound >= target:
        return None
    last = np.partition(worths, part.q - 1)[part.q - 1]
    reduced = part.cost - price[:, None] - duals * part.load[:, None]
    extra = np.maximum(worths - last, 0.0) + np.maximum(reduced, 0.0)
    extra[part.centres, np.arange(len(part.centres))] = np.maximum(worths - last, 0.0)
    may = bound + extra <= target
    if may.sum() > MOST_CHOICES:
        may &= extra <= np.partition(extra.ravel(), MOST_CHOICES)[MOST_CHOICES]
    return _with_present(part, may)


def _near_enough(part: Part) -> np.ndarray:
    """Return the pairs a repair looks at: present centres alone."""
    may = np.zeros(part.cost.shape, bool)
    may[:, np.unique(part.own)] = True
    return _with_present(part, may)


def _with_present(part: Part, may: np.ndarray) -> np.ndarray:
    may[np.arange(len(part.units)), part.own] = True
    used = np.flatnonzero(may.any(axis=0))
    may[part.centres[used], used] = True
    return may
