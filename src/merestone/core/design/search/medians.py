"""Plans for the capacitated p-median: annealing on the partition, then exact work on neighbouring clusters.

Minimise Σ weight × distance to the centre of the territory, a member whose capacity is at least the territory's load.

References
----------
Whitaker, R. A. (1983). A fast algorithm for the greedy interchange for large-scale clustering and median location
problems. INFOR 21(2), 95–108. doi:10.1080/03155986.1983.11731889
Taillard, É. D. & Voß, S. (2002). POPMUSIC: partial optimization metaheuristic under special intensification
conditions. doi:10.1007/978-1-4615-1507-4_27
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.found import Found
from merestone.core.design.loops import medians as loops
from merestone.core.design.problem import Problem
from merestone.core.design.search import median_state
from merestone.core.design.search.median_polish import Polisher


@dataclass(frozen=True, slots=True)
class Chain:
    """One annealing.

    Parameters
    ----------
    steps : int
        Moves tried.
    hot, cold : float
        First and last temperature, as a share of the start's mean cost of a unit.
    soft, hard : float
        First and last price of a unit of load too much, in mean costs of a unit of load.
    slack : float
        How many temperatures a move may look too dear by before it is weighed.
    """

    steps: int
    hot: float = 0.5
    cold: float = 0.007
    soft: float = 1.0
    hard: float = 120.0
    slack: float = 2.0
    relocates: float = 0.03
    daring: float = 20.0


BATCH = 100_000
RATE = 6e6
"""Steps a second of small clusters among few units."""
ANNEALED, POLISHED = 0.4, 0.35
"""Shares of the time."""

UNKEPT = "with capacities of centres, contiguity and bounds of further activities are measured but not kept"


class Annealer:
    """A problem made ready, with the best plan so far."""

    def __init__(self, problem: Problem, control: Control) -> None:
        self.problem, self.control = problem, control
        seed = np.random.SeedSequence(control.seed).generate_state(2, np.uint64)
        self.random = np.array([seed[0] | np.uint64(1)], np.uint64)
        self.start = median_state.first_plan(problem, float(seed[1] % 1000) / 1000.0)
        self.state = median_state.make_state(problem, self.start)
        self.near = median_state.neighbours(problem)
        self.plan = self.start.copy()
        self.best = np.array([np.inf])
        loops.fill(self.state, self.start, 0.0)
        self.scale = float(self.state.groups[loops.COSTS].sum()) or 1.0

    def run(self, chain: Chain, start: np.ndarray) -> np.ndarray:
        """Anneal from ``start``; return the best plan of this chain."""
        unit_cost = self.scale / self.problem.n
        load_cost = self.scale / max(float(self.state.units[loops.LOAD].sum()), 1e-12)
        batches = max(1, chain.steps // BATCH, min(40, chain.steps // 2_000))
        size = max(1, chain.steps // batches)
        cools = -(-size // loops.COOLS_EVERY) * batches
        cooling = (chain.cold / chain.hot) ** (1.0 / cools)
        heat = chain.hot * unit_cost
        own, plan = np.array([np.inf]), start.copy()
        loops.fill(self.state, start, 0.0)
        for batch in range(batches):
            if self.control.must_stop():
                break
            share = batch / max(1, batches - 1)
            lam = load_cost * chain.soft * (chain.hard / chain.soft) ** share
            if batch % 16 == 15:
                loops.fill(self.state, self.state.places[loops.PLAN].astype(np.int32), lam)
            heat = loops.anneal(
                self.state,
                self.near,
                self.random,
                plan,
                own,
                size,
                heat,
                cooling,
                lam,
                float(chain.slack),
                int(65536 * chain.relocates),
                float(chain.daring),
            )
        if own[0] == np.inf:
            plan = self.state.places[loops.PLAN].astype(np.int32)
        if own[0] < self.best[0]:
            self.best[0] = own[0]
            self.plan = plan.copy()
        elif self.best[0] == np.inf:
            self.plan = plan.copy()
        return plan


def find(problem: Problem, control: Control) -> Found:
    """Return the best plan found within the capacities; when there is none, the one that breaks them least."""
    if problem.k == 1:
        return Found(np.zeros(problem.n, np.int32))
    notes = (UNKEPT,) if problem.adjacency is not None or problem.activities else ()
    annealer = Annealer(problem, control)
    chains, steps = planned(problem, control.time_limit)
    for number in range(chains):
        if not control.must_stop():
            control.report("annealing", 0.7 * number / chains)
            annealer.run(Chain(steps), annealer.start)
    if not problem.has_free_territories:
        # The exact steps take territories for alike.
        return Found(annealer.plan, notes)
    polisher = Polisher(problem, control, annealer.plan)
    try:
        if annealer.best[0] == np.inf:
            polisher.repair(4)
        polisher.run(POLISHED * control.time_limit, np.random.default_rng(control.seed))
    finally:
        polisher.close()
    return Found(polisher.plan, notes)


def planned(problem: Problem, time_limit: float) -> tuple[int, int]:
    """Return how many chains of how many steps fit into the time: from sizes alone, so that a seed makes one plan."""
    rate = RATE / (1.0 + problem.n / 2_000) / (1.0 + problem.n / problem.k / 80)
    steps = int(rate * ANNEALED * time_limit)
    chains = min(6, max(1, steps // (15_000 * problem.n)))
    return chains, max(20_000, steps // chains)
