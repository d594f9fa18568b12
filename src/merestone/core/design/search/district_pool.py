"""The cheapest plan that can be put together of the territories that chains have met.

    minimise Σ c_S z_S   over sets of units S that are balanced and connected
    subject to           every unit in one set, k sets

Chains meet many more territories than plans, and the best plan's are mostly among them long before the plan is. The linear
relaxation over all of them prices units; what costs more than its units' prices by as much as the plan at hand is above the
relaxation is in no better plan. The few that are left are searched through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array

from merestone.core.design.control import Control
from merestone.core.design.loops.districts import Ground
from merestone.core.design.loops.districts_pool import Pool, Tree, partition, price, reduce_costs
from merestone.core.design.search.district_chain import SMALL

MOST_UNITS = 256
FEWEST = 3
"""With fewer territories every step of recombination makes a whole plan."""
MOST_SETS = 60_000
"""So many sets are searched through, the cheapest by their units' prices."""
ROUNDS = 5, 3, 35
"""Of pricing: so many, and so many more for each effort, at most."""
ADDED = 100
"""Sets priced into the relaxation each round."""
NEAR = 0.03
"""The relaxation ends when it is known to this share of its distance from the best plan."""
FIRST = 300
EFFORT = 2e7
"""Between two looks at the control."""
ROOM = 1e-9


def can_pool(ground: Ground) -> bool:
    """Whether a territory's worth does not hang on which one it is, and units are few enough."""
    return (
        bool(ground.wants[0])
        and not ground.wants[3]
        and not ground.wants[4]
        and len(ground.x) <= MOST_UNITS
        and len(ground.has_home) >= FEWEST
        and len(ground.x) < SMALL * len(ground.has_home)
    )


def combine(
    ground: Ground, pools: Sequence[Pool], plans: Sequence[np.ndarray], *, efforts: int, control: Control
) -> np.ndarray | None:
    """Return the cheapest plan of the sets in the pools, when it costs less than all the plans; else None.

    Parameters
    ----------
    plans : sequence of (n,) arrays
        That keep all bounds.
    efforts : int
        How long to search, in steps of ``EFFORT``.
    """
    n, k = len(ground.x), len(ground.has_home)
    known = [words_of(plan, k) for plan in plans]
    columns = np.unique(np.concatenate([*known, *(pool.columns[: pool.filled[0]] for pool in pools)]), axis=0)
    if len(columns) < k:
        return None
    costs = np.zeros(len(columns))
    members = np.zeros(n, np.int32)
    price(ground, columns, costs, members)
    if control.must_stop():
        return None
    totals = []
    for words in known:
        own = np.zeros(k)
        price(ground, words, own, members)
        totals.append(own.sum())
    top = min(totals, default=np.inf)
    rounds = min(ROUNDS[2], ROUNDS[0] + ROUNDS[1] * efforts)
    relaxed = _relax(columns, costs, k=k, n=n, top=top, rounds=rounds, control=control)
    if relaxed is None:
        return None
    reduced, value = relaxed
    least = min(0.0, float(reduced.min()))
    value += k * least
    reduced -= least
    top = top if totals else value + _unknown(costs, value)
    room = top - value - ROOM * abs(top)
    if room <= 0.0:
        return None
    kept = np.flatnonzero(reduced < room)
    kept = kept[np.argsort(reduced[kept], kind="stable")][:MOST_SETS]
    found = put_together(columns[kept], reduced[kept], k=k, n=n, room=room, efforts=efforts, control=control)
    return found.plan


@dataclass(frozen=True, eq=False, slots=True)
class Together:
    """What was put together of sets: a plan or none, the sum of its reduced costs, and whether nothing is left to try."""

    plan: np.ndarray | None
    spent: float
    is_done: bool


def put_together(
    columns: np.ndarray,
    reduced: np.ndarray,
    *,
    k: int,
    n: int,
    room: float,
    efforts: int,
    control: Control,
) -> Together:
    """Return the plan of ``k`` of the sets whose reduced costs sum up to least, where that is less than ``room``.

    Parameters
    ----------
    columns : (m, words) uint64 array
        Sorted by ``reduced``, none of which is negative.
    efforts : int
        How long to search, in steps of ``EFFORT``.
    """
    m = len(columns)
    tree = Tree(
        lists=np.tile(np.arange(m, dtype=np.int32), (k, 1)),
        lengths=np.full(k, m, np.int64),
        places=np.zeros(k, np.int64),
        pivots=np.full(k, -1, np.int64),
        counts=np.zeros((k, n), np.int64),
        sizes=np.maximum(np.bitwise_count(columns).sum(axis=1, dtype=np.int64), 1),
        shares=np.zeros(n),
        used=np.zeros(n, np.int8),
        chosen=np.zeros(k, np.int64),
        best=np.full(k, -1, np.int64),
        worth=np.array([0.0, 0.0, room]),
    )
    columns, reduced = np.ascontiguousarray(columns), np.ascontiguousarray(reduced)
    is_done = False
    for _ in range(efforts):
        if control.must_stop():
            break
        is_done = bool(partition(columns, reduced, tree, EFFORT))
        if is_done:
            break
    if tree.best[0] < 0:
        return Together(None, room, is_done)
    plan = np.zeros(n, np.int32)
    for t, at in enumerate(tree.best):
        plan[units_of(columns[at][None], n)[0]] = t
    return Together(plan, float(tree.worth[2]), is_done)


def _unknown(costs: np.ndarray, value: float) -> float:
    """Return what is allowed above the relaxation where no plan is known."""
    return float(max(abs(value), costs.max(initial=0.0)))


def _relax(
    columns: np.ndarray, costs: np.ndarray, *, k: int, n: int, top: float, rounds: int, control: Control
) -> tuple[np.ndarray, float] | None:
    """Return the reduced costs of all sets, and the value of the linear relaxation, both near enough for a plan's cost."""
    scale = float(np.median(costs)) or 1.0
    costs, top = costs / scale, top / scale
    chosen = np.zeros(len(columns), bool)
    chosen[np.argsort(costs, kind="stable")[:: max(1, len(costs) // FIRST)]] = True
    reduced = np.zeros(len(columns))
    for _ in range(rounds):
        if control.must_stop():
            return None
        at = np.flatnonzero(chosen)
        prices = price_units(columns[at], costs[at], k=k, n=n)
        if prices is None:
            return None
        reduce_costs(columns, costs, prices, reduced)
        value = float(prices[:n].sum() + k * prices[n])
        if value + k * min(0.0, float(reduced.min())) >= top:
            break
        if -k * reduced.min() <= NEAR * (min(top, 2.0 * abs(value)) - value) or reduced.min() > -1e-9:
            break
        cheap = np.flatnonzero((reduced < -1e-9) & ~chosen)
        # Sets far too dear for the prices leave, so that the programme stays small.
        chosen[at[reduced[at] > 1.0]] = False
        chosen[cheap[np.argsort(reduced[cheap], kind="stable")[:ADDED]]] = True
    reduced *= scale
    return reduced, value * scale


def price_units(columns: np.ndarray, costs: np.ndarray, *, k: int, n: int) -> np.ndarray | None:
    """Return what the linear relaxation over some sets prices each unit at, and at last a territory; None if it fails.

    Costs are in those of a territory about.
    """
    from scipy.optimize import linprog

    # What a unit costs that no set covers, or that several do: it never pays.
    dear = np.full(2 * (n + 1), 10.0 * k)
    slack = np.hstack([np.eye(n + 1), -np.eye(n + 1)])
    rows = np.concatenate([units_of(columns, n).T, np.ones((1, len(columns)))])
    found = linprog(
        np.concatenate([costs, dear]),
        A_eq=csc_array(np.hstack([rows, slack])),
        b_eq=np.concatenate([np.ones(n), [k]]),
        bounds=(0, None),
        method="highs-ds",
    )
    return np.asarray(found.eqlin.marginals, np.float64) if found.status == 0 else None


def units_of(columns: np.ndarray, n: int) -> np.ndarray:
    """Return the (m, n) bool table of which units are in which set."""
    octets = np.ascontiguousarray(columns).astype("<u8").view(np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :n].astype(bool)


def words_of(plan: np.ndarray, k: int) -> np.ndarray:
    """Return a plan's territories as sets."""
    table = np.zeros((k, (len(plan) + 63) // 64 * 64), np.uint8)
    table[plan, np.arange(len(plan))] = 1
    return np.packbits(table, axis=1, bitorder="little").view("<u8").astype(np.uint64)
