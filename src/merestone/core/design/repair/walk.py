"""Small repairs by local search: what is damaged is mended somehow, then as much as may be goes back where it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from merestone.core.design.control import Control, Part
from merestone.core.design.problem import Problem
from merestone.core.design.repair.exact import misses, shares
from merestone.core.design.scoring import score, unit_costs
from merestone.core.design.search import MOST_UNITS, search
from merestone.core.design.search.wishes import has_wishes

SHARE = 0.25
"""Of the time limit."""
STEP_SECONDS = 0.8e-6
STEPS = 40_000, 400_000
"""Least and most of a walk."""
MOST_WALKS = 12
COST = 0.02
"""A mean unit's cost, in prices of its move: what the objective counts beside the number of moves."""
HEATS = 0.4, 0.02
PENALTIES = 2.0, 300.0
"""Of an excess as large as a mean unit, in prices of its move."""


def walks(problem: Problem, sizes: np.ndarray, control: Control) -> list[np.ndarray]:
    """Return different plans near today's, those that keep all wishes first, then the smallest."""
    priced = _priced(problem, sizes)
    if problem.k == 1:
        plans = [np.zeros(problem.n, np.int32)]
    elif has_wishes(problem):
        # Groups, pairs apart and caps are known to the whole search only.
        plans = [search(priced, Part.of(control, SHARE)).plan]
    elif problem.is_capacitated:
        plans = _medians(priced, control)
    elif problem.n <= MOST_UNITS:
        plans = _districts(priced, control)
    else:
        plans = _scale(priced, control)
    assert problem.current is not None
    kept: dict[bytes, tuple[tuple[float, ...], np.ndarray]] = {}
    for plan in plans:
        plan = _returned(problem, plan, sizes, control)
        worth = score(problem, plan)
        moved = (problem.current >= 0) & (plan != problem.current)
        rank = (*broken(problem, plan), float(sizes[moved].sum()), worth.total)
        kept[plan.tobytes()] = (rank, plan)
    return [plan for _, plan in sorted(kept.values(), key=lambda one: one[0])]


def broken(problem: Problem, plan: np.ndarray) -> tuple[float, float]:
    """Return how many units are where they should not be, and by how many means sums are outside their bounds."""
    worth = score(problem, plan)
    units = worth.strays + worth.unassigned + worth.misplaced + worth.empty + worth.torn + worth.met
    excess = float(shares(problem) @ misses(problem, plan))
    return (0.0, 0.0) if worth.is_feasible else (float(units), excess)


def centres(problem: Problem, plan: np.ndarray) -> np.ndarray:
    """Return (k, 2) places of the territories' centres: homes, the judge's, or the middle of the map."""
    found = np.tile([problem.x.mean(), problem.y.mean()], (problem.k, 1))
    units = score(problem, plan).centres
    has = units >= 0
    found[has] = np.column_stack([problem.x[units[has]], problem.y[units[has]]])
    if problem.homes is not None:
        found = np.where(np.isnan(problem.homes), found, problem.homes)
    return found


def costs(problem: Problem, middles: np.ndarray) -> np.ndarray:
    """Return (n, k) costs of units with centres at places."""
    every = np.arange(problem.n)
    return np.stack([unit_costs(problem, every, x, y) for x, y in middles], axis=1)


def _priced(problem: Problem, sizes: np.ndarray) -> Problem:
    """Return the problem in which moves cost their size, in means, and distances little."""
    assert problem.current is not None
    known = np.flatnonzero(problem.current >= 0)
    middles = centres(problem, problem.current)
    own = problem.current[known]
    total = sum(
        float(unit_costs(problem, known[own == t], *middles[t]).sum()) for t in np.unique(own).tolist()
    )
    mean = total / max(1, len(known))
    scale = COST / mean if mean > 0 else 1.0
    price = sizes / max(float(sizes.mean()), 1e-300)
    return replace(problem, weights=problem.weights * scale, move_price=price, surcharge=None)


def _districts(problem: Problem, control: Control) -> list[np.ndarray]:
    from merestone.core.design.loops.districts import anneal, restart
    from merestone.core.design.search.district_ground import make_chain, make_ground
    from merestone.core.design.search.district_start import grow

    ground = make_ground(problem)
    steps = int(min(STEPS[1], max(STEPS[0], 200 * problem.n)))
    count = int(min(MOST_WALKS, max(2, SHARE * control.time_limit / (steps * STEP_SECONDS))))
    batches = 20
    cooling = (HEATS[1] / HEATS[0]) ** (1 / steps)
    rising = (PENALTIES[1] / PENALTIES[0]) ** (1 / steps)
    found = []
    for number in range(count):
        if control.left() <= 0:
            break
        control.report("walks", 0.3 * number / count)
        seed = control.seed * 1_000_003 + number
        start = _whole(problem, grow(problem, ground, seed=seed, from_current=True))
        chain = make_chain(ground, start, seed)
        restart(ground, chain)
        done = 0
        while done < steps and control.left() > 0:
            size = min(steps // batches + 1, steps - done)
            penalty = PENALTIES[0] * problem.n / problem.k * rising**done
            anneal(ground, chain, size, HEATS[0] * cooling**done, cooling, penalty, rising, 0.4)
            done += size
        restart(ground, chain)
        found.append(chain.best.copy())
    return found


def _scale(problem: Problem, control: Control) -> list[np.ndarray]:
    from merestone.core.design.search.district_ground import make_ground
    from merestone.core.design.search.district_start import grow
    from merestone.core.design.search.scale_land import make_land, morton, sorted_by
    from merestone.core.design.search.scale_moves import improve

    order = morton(problem.x, problem.y)
    in_order = sorted_by(problem, order)
    control.report("walks", 0.05)
    start = _whole(in_order, grow(in_order, make_ground(in_order), seed=control.seed, from_current=True))
    found = improve(in_order, make_land(in_order), start, control, seconds=2 * SHARE * control.time_limit)
    plan = np.empty(problem.n, np.int32)
    plan[order] = found
    return [plan]


def _medians(problem: Problem, control: Control) -> list[np.ndarray]:
    from merestone.core.design.search.medians import Annealer, Chain

    assert problem.current is not None
    annealer = Annealer(problem, control)
    start = np.where(problem.current >= 0, problem.current, annealer.start).astype(np.int32)
    steps = int(SHARE * control.time_limit / (4 * STEP_SECONDS))
    found = []
    for number in range(4):
        if control.left() <= 0:
            break
        control.report("walks", 0.3 * number / 4)
        found.append(annealer.run(Chain(steps, hot=0.2, cold=0.01, relocates=0.0), start).astype(np.int32))
    return found


def _whole(problem: Problem, plan: np.ndarray) -> np.ndarray:
    """Return a plan whose strays went to a territory beside them."""
    if problem.adjacency is None:
        return plan
    from merestone.core.design.search.scale_repair import join_strays

    return join_strays(problem, plan.copy(), centres(problem, plan), problem.adjacency)


def _returned(problem: Problem, plan: np.ndarray, sizes: np.ndarray, control: Control) -> np.ndarray:
    """Return a plan of which no single move could be taken back: the largest are tried first."""
    if problem.current is None or not score(problem, plan).is_feasible:
        return plan
    plan = plan.copy()
    checker = _Checker(problem, plan)
    better = True
    while better:
        better = False
        moved = np.flatnonzero((problem.current >= 0) & (plan != problem.current))
        for unit in moved[np.argsort(-sizes[moved], kind="stable")]:
            if control.left() <= 0:
                return plan
            if checker.takes(int(unit), int(problem.current[unit])):
                better = True
    return plan


class _Checker:
    """A feasible plan with its sums, that takes a move when it stays feasible."""

    def __init__(self, problem: Problem, plan: np.ndarray) -> None:
        self.problem, self.plan = problem, plan
        self.sums = np.array([np.bincount(plan, one, problem.k) for one in problem.amounts]).reshape(
            -1, problem.k
        )

    def takes(self, unit: int, to: int) -> bool:
        """Make the move, unless it breaks something; return whether it was made."""
        problem, old = self.problem, int(self.plan[unit])
        amounts = problem.amounts[:, unit]
        lighter, heavier = self.sums[:, old] - amounts, self.sums[:, to] + amounts
        if (lighter < problem.lower[:, old]).any() or (heavier > problem.upper[:, to]).any():
            return False
        self.plan[unit] = to
        if not self._holds(old, to):
            self.plan[unit] = old
            return False
        self.sums[:, old], self.sums[:, to] = lighter, heavier
        return True

    def _holds(self, old: int, to: int) -> bool:
        """Whether both territories are still what they should be."""
        problem = self.problem
        is_plain = problem.locked is None and problem.allowed is None and not has_wishes(problem)
        if is_plain and problem.adjacency is not None and not problem.is_capacitated:
            return self._is_connected(old) and self._is_connected(to)
        return score(problem, self.plan).is_feasible

    def _is_connected(self, territory: int) -> bool:
        graph = self.problem.adjacency
        assert graph is not None
        members = set(np.flatnonzero(self.plan == territory).tolist())
        if not members:
            return False
        stack = [members.pop()]
        while stack and members:
            unit = stack.pop()
            for j in graph.neighbours[graph.starts[unit] : graph.starts[unit + 1]].tolist():
                if j in members:
                    members.remove(j)
                    stack.append(j)
        return not members
