"""The last part of a percent: neighbouring territories solved anew, exactly, with their centres held.

    minimise    Σ c_ij x_ij                     units i of a few territories j, centre of j held
    subject to  Σ_j x_ij = 1,  L_j ≤ Σ_i p_i x_ij ≤ U_j,  x_ij ∈ {0, 1}
                x_aj ≤ Σ_{s ∈ S} x_sj           S separates a from the centre of j (added when a plan breaks it)

Variables that the linear relaxation prices out are left away (Mehrotra, Johnson & Nemhauser 1998,
doi:10.1287/mnsc.44.8.1100; separators: Validi, Buchanan & Lykhovyd 2022, doi:10.1287/opre.2021.2141). Groups of
neighbours are taken in turn (POPMUSIC: Taillard & Voß 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy.sparse import csr_array, vstack
from scipy.sparse.csgraph import connected_components

from merestone.core.design.control import Control
from merestone.core.design.loops.districts import Chain, Ground, restart
from merestone.core.design.search.district_chain import Outcome, outcome_of
from merestone.core.design.search.district_ground import make_chain

ROUNDS = 8
NODES = 400
SECONDS = 4.0
"""Of one programme, at most: for the plan to depend on the seed alone, nodes must run out before."""
MOST_VARIABLES = 900
FEW = 4
"""With so few territories all are solved at once."""


@dataclass(frozen=True, eq=False, slots=True)
class _Programme:
    """The variables (unit, territory), what they cost, and the rows that hold."""

    units: np.ndarray
    territories: np.ndarray
    cost: np.ndarray
    rows: csr_array
    lower: np.ndarray
    upper: np.ndarray


def polish(ground: Ground, outcome: Outcome, *, programmes: int, control: Control) -> Outcome:
    """Return a plan that costs no more: groups of neighbours are solved until none gets better, or so many were."""
    chain = make_chain(ground, outcome.plan, 0)
    restart(ground, chain)
    tried: dict[tuple[int, ...], bytes] = {}
    better = True
    # A programme runs beside this thread, which goes on alone when it is told to stop.
    pool = ThreadPoolExecutor(1)
    try:
        while better and programmes > 0 and not control.must_stop():
            better = False
            for group in _groups(ground, chain):
                if programmes <= 0 or control.must_stop():
                    break
                key = np.isin(chain.plan, group).tobytes() + chain.plan[np.isin(chain.plan, group)].tobytes()
                if tried.get(group) == key:
                    continue
                tried[group] = key
                programmes -= 1
                if _improve(ground, chain, np.array(group), pool, control):
                    better = True
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return outcome_of(ground, chain)


def _groups(ground: Ground, chain: Chain) -> Iterator[tuple[int, ...]]:
    """Yield all territories where they are few, else pairs, then triples of neighbours."""
    k = len(ground.has_home)
    if k <= FEW:
        yield tuple(range(k))
        return
    ends = np.stack([chain.plan[ground.sources], chain.plan[ground.neighbours]], axis=1)
    pairs = {(int(a), int(b)) for a, b in np.unique(ends[ends[:, 0] < ends[:, 1]], axis=0)}
    yield from sorted(pairs)
    for group in combinations(range(k), 3) if k <= 60 else ():
        if sum(pair in pairs for pair in combinations(group, 2)) >= 2:
            yield group


def _improve(ground: Ground, chain: Chain, group: np.ndarray, pool: Any, control: Control) -> bool:
    """Solve some territories with their centres held; keep the plan if it is better."""
    before = chain.worth[2], chain.worth[3]
    old = chain.best.copy()
    programme = _build(ground, chain, group)
    now = float(programme.cost[chain.plan[programme.units] == programme.territories].sum())
    kept = _reduce(programme, now, pool, control)
    if kept is None or len(kept.units) > MOST_VARIABLES:
        return False
    for _ in range(ROUNDS):
        values = _solve(kept, pool, control)
        if values is None:
            return False
        plan = old.copy()
        taken = values > 0.5
        plan[kept.units[taken]] = kept.territories[taken]
        cuts = _cuts(ground, chain, plan, kept, group) if ground.wants[0] else []
        if not cuts:
            break
        kept = _with(kept, cuts)
    else:
        return False
    chain.plan[:] = plan
    restart(ground, chain)
    is_better = (chain.worth[2], chain.worth[3]) < before
    if not is_better:
        chain.plan[:] = old
        restart(ground, chain)
    return is_better


def _build(ground: Ground, chain: Chain, group: np.ndarray) -> _Programme:
    units = np.flatnonzero(np.isin(chain.plan, group))
    n, g = len(units), len(group)
    cost = np.zeros((n, g))
    for column, t in enumerate(group):
        if ground.wants[3]:
            cost[:, column] = ground.extra[units, t]
        if not ground.has_home[t]:
            centre = int(chain.centres[t])
            squares = (ground.x[units] - ground.x[centre]) ** 2 + (ground.y[units] - ground.y[centre]) ** 2
            away = squares
            if ground.wants[1]:
                away = np.sqrt(squares)
                away = np.floor(away * 1000.0 + 1e-7) / 1000.0 if ground.wants[2] else away
            cost[:, column] += ground.features[units, 0] * away
    places, columns = np.repeat(np.arange(n), g), np.tile(np.arange(g), n)
    every = np.arange(n * g)
    parts = [csr_array((np.ones(n * g), (places, every)), shape=(n, n * g))]
    lower, upper = [np.ones(n)], [np.ones(n)]
    for a in range(ground.lower.shape[0]):
        amounts = ground.features[units[places], 4 + a]
        parts.append(csr_array((amounts, (columns, every)), shape=(g, n * g)))
        # Bounds already missed may be missed as much again, not more.
        have = chain.sums[group, 4 + a]
        lower.append(np.minimum(ground.lower[a, group], have))
        upper.append(np.maximum(ground.upper[a, group], have))
    return _Programme(
        units[places],
        group[columns],
        cost.ravel(),
        csr_array(vstack(parts)),
        np.concatenate(lower),
        np.concatenate(upper),
    )


def _reduce(programme: _Programme, now: float, pool: Any, control: Control) -> _Programme | None:
    """Return the programme without what cannot be in a better plan, by reduced costs; None when nothing can be better."""
    from scipy.optimize import linprog

    is_equal = programme.lower == programme.upper
    side = programme.rows[~is_equal]
    high, low = programme.upper[~is_equal], programme.lower[~is_equal]
    rows, bounds = [side[np.isfinite(high)], -side[low > 0]], [high[np.isfinite(high)], -low[low > 0]]
    found = _await(
        control,
        pool,
        linprog,
        programme.cost,
        A_ub=vstack(rows) if len(np.concatenate(bounds)) else None,
        b_ub=np.concatenate(bounds) if len(np.concatenate(bounds)) else None,
        A_eq=programme.rows[is_equal],
        b_eq=programme.upper[is_equal],
        bounds=(0, None),
        method="highs-ds",
        options={"time_limit": SECONDS},
    )
    room = now - found.fun if found is not None and found.status == 0 else 0.0
    if room <= 1e-9 * abs(now):
        return None
    keep = found.lower.marginals <= room
    return _Programme(
        programme.units[keep],
        programme.territories[keep],
        programme.cost[keep],
        csr_array(programme.rows[:, np.flatnonzero(keep)]),
        programme.lower,
        programme.upper,
    )


def _solve(programme: _Programme, pool: Any, control: Control) -> np.ndarray | None:
    """Return the values of the best plan found; None when there is none in time."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    scale = max(float(np.abs(programme.cost).max()), 1e-300)
    found = _await(
        control,
        pool,
        milp,
        programme.cost / scale,
        integrality=np.ones(len(programme.cost)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(programme.rows, programme.lower - 1e-7, programme.upper + 1e-7),
        options={"node_limit": NODES, "time_limit": SECONDS, "mip_rel_gap": 1e-6},
    )
    return None if found is None or found.x is None else np.asarray(found.x)


def _await(control: Control, pool: Any, solver: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return what a solver answers; None when the search must stop first: it then ends for itself, unheard."""
    task = pool.submit(solver, *args, **options)
    while not control.must_stop():
        try:
            return task.result(timeout=0.1)
        except TimeoutError:
            continue
    return None


def _cuts(
    ground: Ground, chain: Chain, plan: np.ndarray, programme: _Programme, group: np.ndarray
) -> list[tuple[np.ndarray, int]]:
    """Return a cut for each part of a territory away from its centre: its units' variables, then those of a separator."""
    is_inner = plan[ground.sources] == plan[ground.neighbours]
    n = len(plan)
    edges = ground.sources[is_inner], ground.neighbours[is_inner]
    _, parts = connected_components(csr_array((np.ones(len(edges[0]), np.int8), edges), shape=(n, n)))
    cuts = []
    for t in group:
        members = np.flatnonzero(plan == t)
        sizes = np.bincount(parts[members])
        home = np.argmax(sizes) if ground.has_home[t] else parts[chain.centres[t]]
        around = programme.territories == t
        for part in np.unique(parts[members[parts[members] != home]]):
            inside = np.flatnonzero((plan == t) & (parts == part))
            wall = _separator(ground, inside, (plan == t) & (parts == home))
            cuts += [_cut(programme, around, int(unit), wall) for unit in inside[:6]]
    return cuts


def _separator(ground: Ground, inside: np.ndarray, home: np.ndarray) -> np.ndarray:
    """Return the units around a part that can be reached from the home part without crossing them: a minimal separator."""
    is_wall = np.zeros(len(home), bool)
    for unit in inside:
        is_wall[ground.neighbours[ground.starts[unit] : ground.starts[unit + 1]]] = True
    is_wall[inside] = False
    seen, met, stack = home.copy(), home & is_wall, [int(i) for i in np.flatnonzero(home)]
    while stack:
        unit = stack.pop()
        for j in ground.neighbours[ground.starts[unit] : ground.starts[unit + 1]]:
            if is_wall[j]:
                met[j] = True
            elif not seen[j]:
                seen[j] = True
                stack.append(int(j))
    return np.flatnonzero(met)


def _cut(programme: _Programme, around: np.ndarray, unit: int, wall: np.ndarray) -> tuple[np.ndarray, int]:
    row = np.zeros(len(programme.units))
    row[around & np.isin(programme.units, wall)] = -1.0
    row[around & (programme.units == unit)] = 1.0
    return row, unit


def _with(programme: _Programme, cuts: list[tuple[np.ndarray, int]]) -> _Programme:
    rows = csr_array(np.array([row for row, _ in cuts]))
    return _Programme(
        programme.units,
        programme.territories,
        programme.cost,
        csr_array(vstack([programme.rows, rows])),
        np.concatenate([programme.lower, np.full(len(cuts), -np.inf)]),
        np.concatenate([programme.upper, np.zeros(len(cuts))]),
    )
