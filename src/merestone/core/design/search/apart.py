"""Mending a plan that breaks wishes which the search does not know: pairs apart, and caps on what moves.

A tabu search over shifts of one merged unit at a time, towards the least weighted sum of what is broken; then shifts
that only save. Contiguity, locks and what is allowed are never broken by a shift. Costs are those of all units about
the territories' centres, so that a saving shift saves at least as much in the judge's measure.

References
----------
Bozkaya, B., Erkut, E. & Laporte, G. (2003). A tabu search heuristic and adaptive memory procedure for political
districting. European Journal of Operational Research 144(1), 12-26. doi:10.1016/S0377-2217(01)00380-0
"""

from __future__ import annotations

from collections import deque

import numpy as np

from merestone.core.design.conflict_model import cliques
from merestone.core.design.control import Control
from merestone.core.design.problem import FREE, Objective, Problem
from merestone.core.design.scoring import SLACK, unit_costs
from merestone.core.design.together import Merged

MOST_CELLS = 20_000_000
"""Tables of merged units by territories are made up to this size."""
TENURE = 9
PATIENCE = 400
"""Shifts without anything better before mending is given up."""
TRIED = 60
"""Of the best shifts, so many are looked at for one that cuts nothing off."""


class Mending:
    """A plan of merged units, and what is broken, kept up shift by shift."""

    def __init__(self, problem: Problem, merged: Merged, plan: np.ndarray) -> None:
        self.problem, self.merged = problem, merged
        small = merged.problem
        self.small, self.n, self.k = small, small.n, small.k
        self.plan = np.asarray(plan, np.int64).copy()
        self.may = self._may()
        self.amounts = small.amounts
        means = np.maximum(small.amounts.sum(axis=1) / self.k, 1e-300)
        self.scale = 1.0 / means[:, None]
        self.sums = np.zeros((len(small.activities), self.k))
        for at, amounts in enumerate(small.amounts):
            self.sums[at] = np.bincount(self.plan, amounts, self.k)
        self.sizes = np.bincount(self.plan, minlength=self.k)
        self._pairs()
        self._caps()
        graph = small.adjacency
        self.touching = None
        if graph is not None:
            self.touching = np.zeros((self.n, self.k), np.int32)
            source = np.repeat(np.arange(self.n), np.diff(graph.starts))
            np.add.at(self.touching, (source, self.plan[graph.neighbours]), 1)
        self.centres = np.zeros((2, self.k))
        self.pinned = np.full(self.k, FREE)
        self.costs = np.zeros((self.n, self.k))
        for territory in range(self.k):
            self._centre(territory)

    def _may(self) -> np.ndarray:
        small = self.small
        may = np.ones((self.n, self.k), bool) if small.allowed is None else small.allowed.copy()
        if small.locked is not None:
            held = np.flatnonzero(small.locked >= 0)
            may[held] = False
            may[held, small.locked[held]] = True
        return may

    def _pairs(self) -> None:
        pairs = np.empty((0, 2), np.int64) if self.small.apart is None else self.small.apart
        both = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
        self.paired = np.unique(both[:, 0])
        row = np.full(self.n, FREE)
        row[self.paired] = np.arange(len(self.paired))
        self.row = row
        self.partners = [both[both[:, 0] == unit, 1] for unit in self.paired]
        self.met = np.zeros((len(self.paired), self.k), np.int64)
        for at, others in enumerate(self.partners):
            np.add.at(self.met[at], self.plan[others], 1)

    def _caps(self) -> None:
        problem, of = self.problem, self.merged.of
        self.caps = np.array([cap.most for cap in problem.move_caps])
        self.cap_scale = np.array([1.0 / max(float(cap.amounts.sum()), 1e-300) for cap in problem.move_caps])
        self.moving = np.zeros((len(problem.move_caps), self.n, self.k))
        if problem.current is None:
            return
        for at, cap in enumerate(problem.move_caps):
            for t in range(self.k):
                leaves = (problem.current >= 0) & (problem.current != t)
                self.moving[at, :, t] = np.bincount(of, np.where(leaves, cap.amounts, 0.0), self.n)
        self.moved = self.moving[:, np.arange(self.n), self.plan].sum(axis=1)

    def _centre(self, territory: int) -> None:
        """Put a territory's centre where it is best for its members now; price all units about it."""
        problem = self.problem
        if problem.homes is not None and not np.isnan(problem.homes[territory]).any():
            x, y = problem.homes[territory]
        else:
            members = np.flatnonzero(self.plan[self.merged.of] == territory)
            if not len(members):
                return
            x, y, centre = _best_centre(problem, members)
            self.pinned[territory] = self.merged.of[centre]
        self.costs[:, territory] = np.bincount(
            self.merged.of, unit_costs(problem, np.arange(problem.n), x, y), self.n
        )
        if problem.current is not None and problem.move_price is not None:
            leaves = (problem.current >= 0) & (problem.current != territory)
            price = problem.move_price
            if problem.surcharge is not None:
                price = price + problem.surcharge[:, territory]
            self.costs[:, territory] += np.bincount(self.merged.of, np.where(leaves, price, 0.0), self.n)

    def _outside(self, sums: np.ndarray, of: np.ndarray) -> np.ndarray:
        """Return by how much sums (a, …) miss the bounds of territories (…), in shares of the mean."""
        lower, upper = self.small.lower[:, of], self.small.upper[:, of]
        miss = np.maximum(np.maximum(lower - sums, sums - upper) - 0.5 * SLACK, 0.0)
        return np.asarray((miss * self.scale.reshape((-1,) + (1,) * (sums.ndim - 1))).sum(axis=0))

    def _beyond(self, moved: np.ndarray) -> np.ndarray:
        scale = self.cap_scale.reshape((-1,) + (1,) * (moved.ndim - 1))
        caps = self.caps.reshape(scale.shape)
        return np.asarray((np.maximum(moved - caps - 0.5 * SLACK, 0.0) * scale).sum(axis=0))

    def broken(self) -> float:
        """Return the weighted sum of what is broken; 0 when nothing is."""
        total = float(self._outside(self.sums, np.arange(self.k)).sum())
        if len(self.paired):
            total += 0.5 * float(self.met[np.arange(len(self.paired)), self.plan[self.paired]].sum())
        if len(self.caps):
            total += float(self._beyond(self.moved))
        return total

    def cost(self) -> float:
        """Return what units cost about the centres."""
        return float(self.costs[np.arange(self.n), self.plan].sum())

    def changes(self, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what shifting each of some units to each territory changes: (m, k) broken, and cost; infinite if barred."""
        home = self.plan[units]
        amounts = self.amounts[:, units]
        sums, every = self.sums, np.arange(self.k)
        now = self._outside(sums, every)
        left = self._outside(sums[:, home] - amounts, home) - now[home]
        came = self._outside(
            sums[:, None, :] + amounts[:, :, None], np.broadcast_to(every, (len(units), self.k))
        )
        change = left[:, None] + came - now[None, :]
        rows = self.row[units]
        known = np.flatnonzero(rows >= 0)
        if len(known):
            met = self.met[rows[known]]
            change[known] += met - met[np.arange(len(known)), home[known]][:, None]
        if len(self.caps):
            moving = self.moving[:, units]
            after = self.moved[:, None, None] + moving - moving[:, np.arange(len(units)), home][:, :, None]
            change += self._beyond(after) - float(self._beyond(self.moved))
        barred = ~self.may[units]
        barred |= (self.sizes[home] <= 1)[:, None]
        if self.touching is not None:
            barred |= self.touching[units] == 0
        barred[np.arange(len(units)), home] = True
        costs = self.costs[units]
        return np.where(barred, np.inf, change), costs - costs[np.arange(len(units)), home][:, None]

    def suspects(self) -> np.ndarray:
        """Return the units whose shift may mend something."""
        found = [np.empty(0, np.int64)]
        if len(self.paired):
            is_met = self.met[np.arange(len(self.paired)), self.plan[self.paired]] > 0
            found.append(self.paired[is_met])
        over = np.maximum(self.sums - self.small.upper, 0.0).sum(axis=0) > SLACK
        under = np.maximum(self.small.lower - self.sums, 0.0).sum(axis=0) > SLACK
        if over.any():
            found.append(np.flatnonzero(over[self.plan]))
        if under.any():
            near = self.touching[:, under].any(axis=1) if self.touching is not None else np.ones(self.n, bool)
            found.append(np.flatnonzero(near & ~under[self.plan]))
        if len(self.caps) and (self.moved > self.caps + SLACK).any():
            worst = self.moved > self.caps + SLACK
            moves = self.moving[worst][:, np.arange(self.n), self.plan].sum(axis=0)
            found.append(np.flatnonzero(moves > 0))
        return np.unique(np.concatenate(found))

    def border(self) -> np.ndarray:
        """Return the units that touch another territory than theirs."""
        if self.touching is None:
            return np.arange(self.n)
        return np.flatnonzero((self.touching > 0).sum(axis=1) - (self._inside() > 0) > 0)

    def _inside(self) -> np.ndarray:
        assert self.touching is not None
        return np.asarray(self.touching[np.arange(self.n), self.plan])

    def cuts(self, unit: int) -> bool:
        """Whether the rest of a unit's territory falls apart without it."""
        graph = self.small.adjacency
        if graph is None:
            return False
        territory = self.plan[unit]
        mine = [int(other) for other in _row(graph, unit) if self.plan[other] == territory]
        if len(mine) <= 1:
            return False
        wanted, seen, queue = set(mine[1:]), {unit, mine[0]}, deque([mine[0]])
        while queue and wanted:
            for other in _row(graph, queue.popleft()).tolist():
                if other not in seen and self.plan[other] == territory:
                    seen.add(other)
                    wanted.discard(other)
                    queue.append(other)
        return bool(wanted)

    def shift(self, unit: int, territory: int) -> None:
        """Put a unit into another territory."""
        old = int(self.plan[unit])
        self.plan[unit] = territory
        self.sums[:, old] -= self.amounts[:, unit]
        self.sums[:, territory] += self.amounts[:, unit]
        self.sizes[old] -= 1
        self.sizes[territory] += 1
        if self.row[unit] >= 0:
            rows = self.row[self.partners[self.row[unit]]]
            self.met[rows, old] -= 1
            self.met[rows, territory] += 1
        if len(self.caps):
            self.moved = self.moved + self.moving[:, unit, territory] - self.moving[:, unit, old]
        if self.touching is not None and self.small.adjacency is not None:
            others = _row(self.small.adjacency, unit)
            self.touching[others, old] -= 1
            self.touching[others, territory] += 1
        self._centre(old)
        self._centre(territory)


def mend(problem: Problem, merged: Merged, plan: np.ndarray, control: Control) -> np.ndarray:
    """Return the plan of merged units that breaks least of all met, and costs least of those; the given one at worst."""
    if problem.n * problem.k > MOST_CELLS or (np.asarray(plan) < 0).any():
        return plan
    state = Mending(problem, merged, plan)
    span = max(abs(state.cost()), 1e-300)
    best, rank = state.plan.copy(), (state.broken(), state.cost())
    held = np.zeros((state.n, state.k), np.int64)
    idle = 0
    for step in range(1, 1_000_000):
        if rank[0] <= 0.0 or idle > PATIENCE or control.must_stop():
            break
        units = state.suspects()
        shifts = _best_shift(state, units, span=span, tabu=held > step, goal=rank[0])
        if shifts is None:
            break
        unit, territory = shifts
        held[unit, state.plan[unit]] = step + TENURE + (step * 2_654_435_761 >> 7) % TENURE
        state.shift(unit, territory)
        now = (state.broken(), state.cost())
        idle += 1
        if now[0] < rank[0] - 1e-12 or (now[0] <= rank[0] and now[1] < rank[1]):
            best, rank, idle = state.plan.copy(), now, 0
    return _save(Mending(problem, merged, best), control).astype(np.int32)


def spread(problem: Problem, merged: Merged, plan: np.ndarray, seconds: float) -> np.ndarray | None:
    """Return the (n,) territories of paired merged units, each pair in two, that cost least; ``FREE`` for the others.

    Minimise Σ cost × share subject to Σ_t share = 1 for each unit and Σ_{u in clique} share ≤ 1 for each clique and
    territory. Bounds are left to the search that follows. None when there is no such choice in time, or nothing to choose.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    if problem.n * problem.k > MOST_CELLS or merged.problem.apart is None:
        return None
    state = Mending(problem, merged, plan)
    units, k = state.paired, state.k
    if not len(units):
        return None
    rows, columns = [], []
    for number, clique in enumerate(cliques(merged.problem.apart)):
        for t in range(k):
            rows.append(np.full(len(clique), number * k + t))
            columns.append(state.row[clique] * k + t)
    row, column = np.concatenate(rows), np.concatenate(columns)
    size = len(units) * k
    met = csr_array((np.ones(len(row)), (row, column)), shape=(int(row.max()) + 1, size))
    once = csr_array((np.ones(size), (np.arange(size) // k, np.arange(size))), shape=(len(units), size))
    costs = state.costs[units].ravel()
    done = milp(
        costs / max(float(np.abs(costs).max()), 1e-300),
        integrality=np.ones(size),
        bounds=Bounds(np.zeros(size), state.may[units].ravel().astype(float)),
        constraints=[LinearConstraint(met, -np.inf, 1.0), LinearConstraint(once, 1.0, 1.0)],
        options={"time_limit": max(0.01, seconds)},
    )
    if done.x is None:
        return None
    chosen = np.full(state.n, FREE, np.int32)
    chosen[units] = np.argmax(done.x.reshape(-1, k), axis=1)
    return chosen


def _best_shift(
    state: Mending, units: np.ndarray, *, span: float, tabu: np.ndarray, goal: float
) -> tuple[int, int] | None:
    if not len(units):
        return None
    broken, cost = state.changes(units)
    worth = broken + cost / span
    now = state.broken()
    # What is better than all met is let through.
    worth = np.where(tabu[units] & (now + broken >= goal - 1e-12), np.inf, worth)
    order = np.argsort(worth, axis=None, kind="stable")[:TRIED]
    for at in order:
        row, territory = divmod(int(at), state.k)
        if not np.isfinite(worth[row, territory]):
            return None
        if not state.cuts(int(units[row])):
            return int(units[row]), territory
    return None


def _save(state: Mending, control: Control) -> np.ndarray:
    """Shift units while that saves and breaks nothing more."""
    for _ in range(4 * state.n):
        if control.must_stop():
            break
        units = state.border()
        pinned = set(state.pinned[state.pinned >= 0].tolist())
        units = np.array([unit for unit in units.tolist() if unit not in pinned], np.int64)
        if not len(units):
            break
        broken, cost = state.changes(units)
        gain = np.where(broken <= 1e-12, cost, np.inf)
        for at in np.argsort(gain, axis=None, kind="stable")[:TRIED]:
            row, territory = divmod(int(at), state.k)
            if not gain[row, territory] < -1e-9 * max(1.0, abs(state.cost())):
                return state.plan
            if not state.cuts(int(units[row])):
                state.shift(int(units[row]), territory)
                break
        else:
            break
    return state.plan


def _row(graph: object, unit: int) -> np.ndarray:
    starts, neighbours = graph.starts, graph.neighbours  # type: ignore[attr-defined]
    return np.asarray(neighbours[starts[unit] : starts[unit + 1]])


def _best_centre(problem: Problem, members: np.ndarray) -> tuple[float, float, int]:
    """Return where a territory's centre is best, and its unit."""
    weights = problem.weights[members]
    if problem.objective is Objective.INERTIA or len(members) > 4000:
        total = float(weights.sum())
        if total <= 0:
            centre = int(members[0])
            return float(problem.x[centre]), float(problem.y[centre]), centre
        x = float((weights * problem.x[members]).sum() / total)
        y = float((weights * problem.y[members]).sum() / total)
        away = (problem.x[members] - x) ** 2 + (problem.y[members] - y) ** 2
        centre = int(members[int(np.argmin(away))])
    else:
        gaps = np.hypot(
            problem.x[members][:, None] - problem.x[members], problem.y[members][:, None] - problem.y[members]
        )
        centre = int(members[int(np.argmin(gaps @ weights))])
    return float(problem.x[centre]), float(problem.y[centre]), centre
