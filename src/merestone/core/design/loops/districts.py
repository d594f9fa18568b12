"""Districts in machine code: exact costs, connectivity, and annealing by shifts and swaps of single units.

A ``Ground`` is a problem as arrays of kilometres, a ``Chain`` one plan on its way with everything kept for it. Costs are
exact for the moment of inertia (centroid and nearest member); for distances the centre is followed by local descent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

# Half the time of compiling goes into wrappers nobody calls and the counting of references to arrays that their caller
# holds anyway: nothing here makes an array.
outer = njit(nogil=True, cache=True, no_cfunc_wrapper=True, error_model="numpy", _nrt=False)
inner = njit(
    nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy", _nrt=False
)

EPS = 1e-12
SLACK = 2e-7
"""A sum may miss its bound by so much: sums of floats are not exact, and the judge forgives more."""
FIRST_AMOUNT = 4
"""``features`` holds weight, its products with x, y and x² + y², then the amounts of the activities."""


class Ground(NamedTuple):
    """A problem: kilometres, features of the units, bounds, graph.

    ``extra[i, t]`` is what unit i costs in territory t besides its distance to a free centre: the distance to a home, the
    price of a move, a prohibitive amount where it may not be. ``wants``: contiguous, distances (not moments), floors,
    has extra costs, territories differ.
    """

    x: np.ndarray
    y: np.ndarray
    features: np.ndarray
    extra: np.ndarray
    starts: np.ndarray
    neighbours: np.ndarray
    sources: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    shares: np.ndarray
    has_home: np.ndarray
    wants: np.ndarray


class Chain(NamedTuple):
    """A plan under way, the best one seen, and room to work in.

    ``worth``: excess and cost now, excess and cost of the best.
    """

    plan: np.ndarray
    best: np.ndarray
    worth: np.ndarray
    sums: np.ndarray
    extras: np.ndarray
    costs: np.ndarray
    excess: np.ndarray
    centres: np.ndarray
    members: np.ndarray
    sizes: np.ndarray
    places: np.ndarray
    touched: np.ndarray
    border: np.ndarray
    border_starts: np.ndarray
    marks: np.ndarray
    queue: np.ndarray
    stamp: np.ndarray
    random: np.ndarray


@inner
def uniform(random):
    """Return a number in [0, 1) by splitmix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195)."""
    random[0] += np.uint64(0x9E3779B97F4A7C15)
    z = random[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.float64(z >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@inner
def below(random, end):
    """Return a whole number in [0, end)."""
    return np.int64(uniform(random) * end)


@inner
def moment(weight, wx, wy, wq):
    """Return the moment of inertia about the centroid."""
    if weight <= 0.0:
        return 0.0
    return max(0.0, wq - (wx * wx + wy * wy) / weight)


@inner
def distance(ground, i, j):
    """Return kilometres between two units, in whole metres where the problem says so."""
    east, north = ground.x[i] - ground.x[j], ground.y[i] - ground.y[j]
    away = np.sqrt(east * east + north * north)
    return np.floor(away * 1000.0 + 1e-7) / 1000.0 if ground.wants[2] else away


@inner
def nearest(ground, units, count, plan, territory, without, also, x, y):
    """Return the least squared distance of a member, but one and with another, from a point, and that member."""
    least, centre = np.inf, np.int64(-1)
    for place in range(count):
        i = units[place]
        if plan[i] == territory and i != without:
            east, north = ground.x[i] - x, ground.y[i] - y
            away = east * east + north * north
            if away < least:
                least, centre = away, np.int64(i)
    if also >= 0:
        east, north = ground.x[also] - x, ground.y[also] - y
        if east * east + north * north < least:
            least, centre = east * east + north * north, np.int64(also)
    return least, centre


@inner
def spread(ground, units, count, plan, territory, centre):
    """Return Σ weight × distance of the members to one of them."""
    total = 0.0
    for place in range(count):
        i = units[place]
        if plan[i] == territory:
            total += ground.features[i, 0] * distance(ground, i, centre)
    return total


@inner
def cost_of(ground, units, count, plan, territory, sums, centre):
    """Return a territory's cost without extras, and its centre; for distances by descent from ``centre``."""
    if ground.has_home[territory]:
        return 0.0, np.int64(-1)
    weight = sums[0]
    x, y = (sums[1] / weight, sums[2] / weight) if weight > 0.0 else (0.0, 0.0)
    if not ground.wants[1] or centre < 0 or plan[centre] != territory:
        away, centre = nearest(ground, units, count, plan, territory, -1, -1, x, y)
        if not ground.wants[1]:
            return moment(weight, sums[1], sums[2], sums[3]) + weight * away, centre
    cost = spread(ground, units, count, plan, territory, centre)
    better = True
    while better:
        better = False
        old = centre
        for arc in range(ground.starts[old], ground.starts[old + 1]):
            j = ground.neighbours[arc]
            if plan[j] == territory:
                found = spread(ground, units, count, plan, territory, j)
                if found < cost - EPS:
                    cost, centre, better = found, np.int64(j), True
    return cost, centre


@inner
def excess_of(ground, territory, sums):
    """Return by how much sums are outside their bounds, in means of a territory."""
    total = 0.0
    for a in range(ground.lower.shape[0]):
        amount = sums[FIRST_AMOUNT + a]
        miss = max(ground.lower[a, territory] - amount, amount - ground.upper[a, territory]) - SLACK
        if miss > 0.0:
            total += miss * ground.shares[a]
    return total


@inner
def settle(ground, chain, territory):
    """Work out a territory's cost and excess from its sums and members."""
    cost, centre = cost_of(
        ground,
        chain.members[territory],
        chain.sizes[territory],
        chain.plan,
        territory,
        chain.sums[territory],
        chain.centres[territory],
    )
    chain.costs[territory] = cost + chain.extras[territory]
    chain.centres[territory] = centre
    chain.excess[territory] = excess_of(ground, territory, chain.sums[territory])
    chain.touched[territory] = 0


@outer
def restart(ground, chain):
    """Work out everything from the plan."""
    k = len(chain.sizes)
    chain.sums[:] = 0.0
    chain.extras[:] = 0.0
    chain.sizes[:] = 0
    for i in range(len(chain.plan)):
        t = chain.plan[i]
        chain.members[t, chain.sizes[t]] = i
        chain.places[i] = chain.sizes[t]
        chain.sizes[t] += 1
        for f in range(ground.features.shape[1]):
            chain.sums[t, f] += ground.features[i, f]
        if ground.wants[3]:
            chain.extras[t] += ground.extra[i, t]
    for t in range(k):
        settle(ground, chain, t)
    total(chain)
    keep_best(chain)


@inner
def total(chain):
    """Sum excess and cost over the territories."""
    excess, cost = 0.0, 0.0
    for t in range(len(chain.sizes)):
        excess += chain.excess[t]
        cost += chain.costs[t]
    chain.worth[0], chain.worth[1] = excess, cost


@inner
def keep_best(chain):
    """Keep the plan if none better was seen: less excess, then less cost."""
    worth = chain.worth
    if worth[0] < worth[2] - 1e-9 or (worth[0] <= worth[2] + 1e-9 and worth[1] < worth[3] - 1e-9):
        worth[2], worth[3] = worth[0], worth[1]
        for i in range(len(chain.plan)):
            chain.best[i] = chain.plan[i]


@inner
def list_border(ground, chain):
    """List the arcs between territories, by the territory they start in."""
    k, plan, starts = len(chain.sizes), chain.plan, chain.border_starts
    starts[:] = 0
    for arc in range(len(ground.sources)):
        if plan[ground.sources[arc]] != plan[ground.neighbours[arc]]:
            starts[plan[ground.sources[arc]] + 1] += 1
    for t in range(k):
        starts[t + 1] += starts[t]
    count = starts[k]
    for arc in range(len(ground.sources) - 1, -1, -1):
        t = plan[ground.sources[arc]]
        if t != plan[ground.neighbours[arc]]:
            starts[t + 1] -= 1
            chain.border[starts[t + 1]] = arc
    # Each end has become the start of its territory: move them by one place.
    for t in range(k):
        starts[t] = starts[t + 1]
    starts[k] = count


@inner
def stays_whole(ground, chain, unit):
    """Whether a unit's territory stays connected without it, and has another member."""
    plan, marks, queue = chain.plan, chain.marks, chain.queue
    territory = plan[unit]
    if not ground.wants[0]:
        return chain.sizes[territory] > 1
    chain.stamp[0] += 3
    around, seen = chain.stamp[0], chain.stamp[0] + 1
    left, first = 0, -1
    for arc in range(ground.starts[unit], ground.starts[unit + 1]):
        j = ground.neighbours[arc]
        if plan[j] == territory:
            marks[j] = around
            left += 1
            first = j
    if left <= 1:
        return chain.sizes[territory] > 1
    # Among the neighbours alone first: it nearly always ends there.
    queue[0], head, tail = first, 0, 1
    marks[first] = seen
    left -= 1
    while head < tail and left:
        i = queue[head]
        head += 1
        for arc in range(ground.starts[i], ground.starts[i + 1]):
            j = ground.neighbours[arc]
            if marks[j] == around:
                marks[j] = seen
                left -= 1
                queue[tail] = j
                tail += 1
    if left == 0:
        return True
    head = 0
    marks[unit] = seen
    while head < tail and left:
        i = queue[head]
        head += 1
        for arc in range(ground.starts[i], ground.starts[i + 1]):
            j = ground.neighbours[arc]
            if plan[j] == territory and marks[j] != seen:
                if marks[j] == around:
                    left -= 1
                marks[j] = seen
                queue[tail] = j
                tail += 1
    return left == 0


@inner
def touches(ground, plan, unit, territory, but):
    """Whether a unit has a neighbour, but one, in a territory."""
    for arc in range(ground.starts[unit], ground.starts[unit + 1]):
        j = ground.neighbours[arc]
        if j != but and plan[j] == territory:
            return True
    return False


@inner
def relocate(ground, chain, unit, territory):
    """Move a unit: plan, members and sums."""
    old = chain.plan[unit]
    last = chain.members[old, chain.sizes[old] - 1]
    chain.members[old, chain.places[unit]] = last
    chain.places[last] = chain.places[unit]
    chain.sizes[old] -= 1
    chain.members[territory, chain.sizes[territory]] = unit
    chain.places[unit] = chain.sizes[territory]
    chain.sizes[territory] += 1
    chain.plan[unit] = territory
    for f in range(ground.features.shape[1]):
        chain.sums[old, f] -= ground.features[unit, f]
        chain.sums[territory, f] += ground.features[unit, f]
    if ground.wants[3]:
        chain.extras[old] -= ground.extra[unit, old]
        chain.extras[territory] += ground.extra[unit, territory]


@inner
def side(ground, chain, territory, leaves, comes):
    """Return the cost, at the least, and excess of a territory when one unit leaves it and another comes (−1: none)."""
    features, sums = ground.features, chain.sums[territory]
    excess = 0.0
    for a in range(ground.lower.shape[0]):
        amount = sums[FIRST_AMOUNT + a]
        if leaves >= 0:
            amount -= features[leaves, FIRST_AMOUNT + a]
        if comes >= 0:
            amount += features[comes, FIRST_AMOUNT + a]
        miss = max(ground.lower[a, territory] - amount, amount - ground.upper[a, territory]) - SLACK
        if miss > 0.0:
            excess += miss * ground.shares[a]
    cost = 0.0
    if ground.wants[3]:
        cost = chain.extras[territory]
        if leaves >= 0:
            cost -= ground.extra[leaves, territory]
        if comes >= 0:
            cost += ground.extra[comes, territory]
    if ground.has_home[territory]:
        return cost, excess
    if ground.wants[1]:
        centre = chain.centres[territory]
        cost += chain.costs[territory] - chain.extras[territory]
        if leaves >= 0:
            cost -= features[leaves, 0] * distance(ground, leaves, centre)
        if comes >= 0:
            cost += features[comes, 0] * distance(ground, comes, centre)
        return cost, excess
    w, wx, wy, wq = sums[0], sums[1], sums[2], sums[3]
    if leaves >= 0:
        w, wx = w - features[leaves, 0], wx - features[leaves, 1]
        wy, wq = wy - features[leaves, 2], wq - features[leaves, 3]
    if comes >= 0:
        w, wx = w + features[comes, 0], wx + features[comes, 1]
        wy, wq = wy + features[comes, 2], wq + features[comes, 3]
    return cost + moment(w, wx, wy, wq), excess


@inner
def away(ground, chain, territory, leaves, comes):
    """Return what the nearest member's distance from the centroid adds to the moment, after one leaves and one comes."""
    if ground.wants[1] or ground.has_home[territory]:
        return 0.0
    features, sums = ground.features, chain.sums[territory]
    w, wx, wy = sums[0], sums[1], sums[2]
    if leaves >= 0:
        w, wx, wy = w - features[leaves, 0], wx - features[leaves, 1], wy - features[leaves, 2]
    if comes >= 0:
        w, wx, wy = w + features[comes, 0], wx + features[comes, 1], wy + features[comes, 2]
    if w <= 0.0:
        return 0.0
    least, _ = nearest(
        ground,
        chain.members[territory],
        chain.sizes[territory],
        chain.plan,
        territory,
        leaves,
        comes,
        wx / w,
        wy / w,
    )
    return w * least


@inner
def may_move(ground, chain, unit, to, back):
    """Whether both territories stay connected when a unit goes and another comes back for it (−1: none)."""
    if not stays_whole(ground, chain, unit):
        return False
    if back < 0:
        return True
    if not ground.wants[0]:
        return True
    old = chain.plan[unit]
    if not touches(ground, chain.plan, unit, to, back) or not touches(ground, chain.plan, back, old, unit):
        return False
    chain.plan[unit] = to
    whole = stays_whole(ground, chain, back)
    chain.plan[unit] = old
    return whole


@inner
def attempt(ground, chain, unit, to, back, bar, penalty):
    """Move a unit, and another back for it (−1: none), when it costs at most ``bar``; return whether it did."""
    old = np.int64(chain.plan[unit])
    if ground.wants[1] and (unit == chain.centres[old] or (back >= 0 and back == chain.centres[to])):
        return False
    cost_old, excess_old = side(ground, chain, old, unit, back)
    cost_to, excess_to = side(ground, chain, to, back, unit)
    change = cost_old + cost_to - chain.costs[old] - chain.costs[to]
    change += penalty * (excess_old + excess_to - chain.excess[old] - chain.excess[to])
    if change > bar or not may_move(ground, chain, unit, to, back):
        return False
    away_old = away(ground, chain, old, unit, back)
    if change + away_old > bar:
        return False
    away_to = away(ground, chain, to, back, unit)
    if change + away_old + away_to > bar:
        return False
    relocate(ground, chain, unit, to)
    if back >= 0:
        relocate(ground, chain, back, old)
    chain.costs[old], chain.costs[to] = cost_old + away_old, cost_to + away_to
    chain.excess[old], chain.excess[to] = excess_old, excess_to
    if ground.wants[1]:
        for t in (old, to):
            chain.touched[t] += 1
            if chain.touched[t] * 8 > chain.sizes[t]:
                settle(ground, chain, t)
    return True


@inner
def partner(ground, chain, unit, to):
    """Return a unit at the border that could come back for another, or −1."""
    old = chain.plan[unit]
    start, end = chain.border_starts[to], chain.border_starts[to + 1]
    if end <= start:
        return np.int64(-1)
    for _ in range(8):
        arc = chain.border[start + below(chain.random, end - start)]
        j = np.int64(ground.sources[arc])
        if chain.plan[j] == to and chain.plan[ground.neighbours[arc]] == old:
            return j
    return np.int64(-1)


@outer
def anneal(ground, chain, steps, heat, cooling, penalty, rising, swaps):
    """Try shifts and swaps; after each step heat is multiplied by ``cooling`` and penalty by ``rising``.

    Return the number of moves made.
    """
    list_border(ground, chain)
    k, moves, since = len(chain.sizes), 0, 0
    for _ in range(steps):
        count = chain.border_starts[k]
        if count == 0:
            break
        heat *= cooling
        penalty *= rising
        arc = chain.border[below(chain.random, count)]
        unit = np.int64(ground.sources[arc])
        to = np.int64(chain.plan[ground.neighbours[arc]])
        if chain.plan[unit] == to:
            continue
        back = np.int64(-1)
        if uniform(chain.random) < swaps:
            back = partner(ground, chain, unit, to)
            if back < 0:
                continue
        bar = -heat * np.log(uniform(chain.random) + 1e-300)
        if attempt(ground, chain, unit, to, back, bar, penalty):
            moves += 1
            since += 1
            total(chain)
            keep_best(chain)
            if since * 8 > count:
                list_border(ground, chain)
                since = 0
    return moves
