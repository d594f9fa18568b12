"""Instances for designs of many units, and what they are compared with: ``python benchmarks/design.py [--n …] [--k …]``."""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.problem import Activity, Adjacency, Objective, Problem
from merestone.core.design.scoring import score


def clustered(n: int, k: int, *, seed: int = 1, tolerance: float = 0.05) -> Problem:
    """Return accounts around cities of very different size, neighbours by Delaunay triangles."""
    from scipy.spatial import Delaunay

    random = np.random.default_rng(seed)
    count = max(5, int(np.sqrt(n) / 2))
    cities = random.uniform(0, 1, (count, 2)) * [4_000_000, 2_500_000]
    sizes = 1.0 / np.arange(1, count + 1) ** 0.8
    widths = 15_000 + 90_000 * np.sqrt(sizes)
    of = random.choice(count, n, p=sizes / sizes.sum())
    points = cities[of] + random.normal(0, 1, (n, 2)) * widths[of, None]
    rural = random.uniform(0, 1, n) < 0.2
    points[rural] = random.uniform(0, 1, (int(rural.sum()), 2)) * [4_000_000, 2_500_000]
    amounts = np.round(random.lognormal(1.5, 0.7, n), 2)
    triangles = Delaunay(points).simplices
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]])
    mean = amounts.sum() / k
    workload = Activity(
        "workload", amounts, np.full(k, mean * (1 - tolerance)), np.full(k, mean * (1 + tolerance))
    )
    return Problem(
        ids=tuple(map(str, range(n))),
        labels=tuple(map(str, range(k))),
        x=points[:, 0],
        y=points[:, 1],
        objective=Objective.INERTIA,
        weights=amounts,
        activities=(workload,),
        adjacency=Adjacency.of(n, pairs),
    )


def halved(problem: Problem) -> np.ndarray:
    """Return the plan of recursive bisection, to compare with."""
    plan = np.zeros(problem.n, np.int32)

    def cut(units: np.ndarray, first: int, parts: int) -> None:
        if parts == 1:
            plan[units] = first
            return
        x, y = problem.x[units], problem.y[units]
        units = units[np.argsort(x if np.ptp(x) >= np.ptp(y) else y, kind="stable")]
        sums = np.cumsum(problem.activities[0].amounts[units])
        at = int(np.searchsorted(sums, sums[-1] * (parts // 2) / parts))
        cut(units[:at], first, parts // 2)
        cut(units[at:], first + parts // 2, parts - parts // 2)

    cut(np.arange(problem.n), 0, problem.k)
    return plan


def metis(problem: Problem) -> np.ndarray | None:
    """Return the plan of METIS with the same tolerance; None where pymetis is not installed."""
    try:
        import pymetis
    except ImportError:
        return None
    graph = problem.adjacency
    assert graph is not None
    weights = np.maximum(1, np.rint(problem.activities[0].amounts * 10)).astype(int)
    options = pymetis.Options(ufactor=50, contig=1)
    _, plan = pymetis.part_graph(
        problem.k,
        xadj=graph.starts,
        adjncy=graph.neighbours,
        vweights=weights,
        options=options,
        recursive=False,
    )
    return np.asarray(plan, np.int32)


def main() -> None:
    """Print cost, seconds and violations of ours and of its peers."""
    from merestone.core.design.search import scale

    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=30_000)
    parser.add_argument("--k", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peers", action="store_true")
    asked = parser.parse_args()
    problem = clustered(asked.n, asked.k, seed=asked.seed)
    print(f"{asked.n:,} × {asked.k}, seed {asked.seed}, load {os.getloadavg()[0]:.1f}")
    scale.find(clustered(2_000, 10), Control(time_limit=0.5))  # compiled or read from the cache
    costs = {}
    for name, work in {
        "ours": lambda: scale.find(problem, Control(seed=asked.seed, time_limit=asked.seconds)).plan,
        "bisection": lambda: halved(problem),
        **({"metis": lambda: metis(problem)} if asked.peers else {}),
    }.items():
        wall, cpu = time.perf_counter(), time.process_time()
        plan = work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if plan is None:
            continue
        worth = score(problem, plan)
        costs[name] = worth.cost
        print(
            f"{name:10} cost {worth.cost:16,.0f}  {wall:5.1f} s, {cpu:5.1f} s CPU  excess "
            f"{int((worth.excess > 1e-6).sum())} territories, strays {worth.strays}, feasible {worth.is_feasible},"
            f" ours ÷ it {costs['ours'] / worth.cost:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
