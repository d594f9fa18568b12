"""Many thousands of units in machine code: shifts and swaps of units at the borders, judged by O(1) changes.

The cost is the moment about the centroid, or the way to a point that stands still for a sweep: a home, or for distances
the best member. Plans are connected before and after every move.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from merestone.core.design.loops.districts import (
    FIRST_AMOUNT,
    below,
    inner,
    list_border,
    may_move,
    moment,
    outer,
    partner,
    uniform,
)

PROHIBITIVE = 1e15
WINDOW = 2_048
"""Arcs of the border a try is drawn from: near ones, so that what they need is in the cache."""


class Land(NamedTuple):
    """A problem: kilometres, features of the units, bounds, graph, wishes.

    ``features`` holds weight, its products with x, y and x² + y², then the amounts. ``locked``, ``current`` and ``price``
    are of the units, or of length 0; ``allowed`` has no row when all is allowed. ``wants``: contiguous, distances (not
    moments), floors, has fees.
    """

    x: np.ndarray
    y: np.ndarray
    features: np.ndarray
    starts: np.ndarray
    neighbours: np.ndarray
    sources: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    shares: np.ndarray
    has_home: np.ndarray
    locked: np.ndarray
    allowed: np.ndarray
    current: np.ndarray
    price: np.ndarray
    wants: np.ndarray


class Draft(NamedTuple):
    """A plan under way: sums and sizes of its territories, the points their ways lead to, and room to work in."""

    plan: np.ndarray
    sums: np.ndarray
    sizes: np.ndarray
    points: np.ndarray
    border: np.ndarray
    border_starts: np.ndarray
    marks: np.ndarray
    queue: np.ndarray
    stamp: np.ndarray
    random: np.ndarray


@inner
def fee(land, unit, territory):
    """Return what a unit costs in a territory besides its way: the price of a move, or a prohibitive amount."""
    if not land.wants[3]:
        return 0.0
    cost = 0.0
    if len(land.locked) and land.locked[unit] >= 0 and land.locked[unit] != territory:
        cost += PROHIBITIVE
    if land.allowed.shape[0] and not land.allowed[unit, territory]:
        cost += PROHIBITIVE
    if len(land.price) and land.current[unit] >= 0 and land.current[unit] != territory:
        cost += land.price[unit]
    return cost


@inner
def way(land, draft, unit, territory):
    """Return a unit's cost for a territory whose point stands still."""
    east = land.x[unit] - draft.points[territory, 0]
    north = land.y[unit] - draft.points[territory, 1]
    square = east * east + north * north
    if not land.wants[1]:
        return land.features[unit, 0] * square
    metres = np.sqrt(square)
    if land.wants[2]:
        metres = np.floor(metres * 1000.0 + 1e-7) / 1000.0
    return land.features[unit, 0] * metres


@inner
def is_still(land, territory):
    """Whether costs are ways to a point that stands still."""
    return land.wants[1] or land.has_home[territory]


@inner
def miss(land, territory, a, amount):
    """Return by how much an amount is outside its bounds, in means of a territory."""
    return (
        max(0.0, max(land.lower[a, territory] - amount, amount - land.upper[a, territory])) * land.shares[a]
    )


@inner
def change(land, draft, territory, leaves, comes, penalty):
    """Return what a territory costs more, penalty included, when one unit leaves it and another comes (−1: none)."""
    features, sums = land.features, draft.sums[territory]
    excess = 0.0
    for a in range(land.lower.shape[0]):
        f = FIRST_AMOUNT + a
        amount = sums[f]
        if leaves >= 0:
            amount -= features[leaves, f]
        if comes >= 0:
            amount += features[comes, f]
        excess += miss(land, territory, a, amount) - miss(land, territory, a, sums[f])
    cost = penalty * excess
    if leaves >= 0:
        cost -= fee(land, leaves, territory)
    if comes >= 0:
        cost += fee(land, comes, territory)
    if is_still(land, territory):
        if leaves >= 0:
            cost -= way(land, draft, leaves, territory)
        if comes >= 0:
            cost += way(land, draft, comes, territory)
        return cost
    w, wx, wy, wq = sums[0], sums[1], sums[2], sums[3]
    before = moment(w, wx, wy, wq)
    if leaves >= 0:
        w, wx = w - features[leaves, 0], wx - features[leaves, 1]
        wy, wq = wy - features[leaves, 2], wq - features[leaves, 3]
    if comes >= 0:
        w, wx = w + features[comes, 0], wx + features[comes, 1]
        wy, wq = wy + features[comes, 2], wq + features[comes, 3]
    return cost + moment(w, wx, wy, wq) - before


@inner
def pick(draft, number, tries, count):
    """Return an arc of the border for a try of a sweep: any near the place that it has come to."""
    place = number * count // tries + below(draft.random, min(WINDOW, count))
    return draft.border[place if place < count else place - count]


@inner
def put(land, draft, unit, territory):
    """Move a unit."""
    old = draft.plan[unit]
    draft.plan[unit] = territory
    draft.sizes[old] -= 1
    draft.sizes[territory] += 1
    for f in range(land.features.shape[1]):
        draft.sums[old, f] -= land.features[unit, f]
        draft.sums[territory, f] += land.features[unit, f]


@outer
def refresh(land, draft):
    """Work out sums and sizes from the plan; return its excess, and its cost with fees."""
    draft.sums[:] = 0.0
    draft.sizes[:] = 0
    cost = 0.0
    for i in range(len(draft.plan)):
        t = draft.plan[i]
        draft.sizes[t] += 1
        for f in range(land.features.shape[1]):
            draft.sums[t, f] += land.features[i, f]
        cost += fee(land, i, t)
        if is_still(land, t):
            cost += way(land, draft, i, t)
    excess = 0.0
    for t in range(len(draft.sizes)):
        for a in range(land.lower.shape[0]):
            excess += miss(land, t, a, draft.sums[t, FIRST_AMOUNT + a])
        if not is_still(land, t):
            sums = draft.sums[t]
            cost += moment(sums[0], sums[1], sums[2], sums[3])
    return excess, cost


class Roster(NamedTuple):
    """Members of territories in rows, with room to grow; what the nearest member's distance adds to each moment."""

    members: np.ndarray
    places: np.ndarray
    away: np.ndarray


@inner
def away_from(land, draft, roster, territory, leaves, comes):
    """Return weight × squared distance of the nearest member from the centroid, after one leaves and another comes."""
    if is_still(land, territory):
        return 0.0
    w, wx, wy = draft.sums[territory, 0], draft.sums[territory, 1], draft.sums[territory, 2]
    for unit, sign in ((leaves, -1.0), (comes, 1.0)):
        if unit >= 0:
            w += sign * land.features[unit, 0]
            wx += sign * land.features[unit, 1]
            wy += sign * land.features[unit, 2]
    if w <= 0.0:
        return 0.0
    x, y, least = wx / w, wy / w, np.inf
    if comes >= 0:
        least = (land.x[comes] - x) ** 2 + (land.y[comes] - y) ** 2
    for place in range(draft.sizes[territory]):
        i = roster.members[territory, place]
        if i != leaves:
            square = (land.x[i] - x) ** 2 + (land.y[i] - y) ** 2
            if square < least:
                least = square
    return w * least


@outer
def enrol(land, draft, roster):
    """Fill a roster from the plan; return what the nearest members' distances add to the cost."""
    draft.sizes[:] = 0
    for i in range(len(draft.plan)):
        t = draft.plan[i]
        roster.members[t, draft.sizes[t]] = i
        roster.places[i] = draft.sizes[t]
        draft.sizes[t] += 1
    for t in range(len(draft.sizes)):
        roster.away[t] = away_from(land, draft, roster, t, -1, -1)
    return roster.away.sum()


@inner
def put_on_roster(land, draft, roster, unit, territory):
    """Move a unit, in the roster too."""
    old, place = draft.plan[unit], roster.places[unit]
    last = roster.members[old, draft.sizes[old] - 1]
    roster.members[old, place] = last
    roster.places[last] = place
    roster.members[territory, draft.sizes[territory]] = unit
    roster.places[unit] = draft.sizes[territory]
    put(land, draft, unit, territory)


@outer
def sweep(land, draft, roster, tries, heat, penalty, swaps, is_exact):
    """List the border and try shifts and swaps along it; return how many were made.

    Exact is the cost when the centre is the member nearest to the centroid, not the centroid itself.
    """
    list_border(land, draft)
    k, made = len(draft.sizes), 0
    count, room = draft.border_starts[k], roster.members.shape[1]
    if count == 0:
        return made
    for number in range(tries):
        arc = pick(draft, number, tries, count)
        unit = np.int64(land.sources[arc])
        old, to = np.int64(draft.plan[unit]), np.int64(draft.plan[land.neighbours[arc]])
        if old == to or draft.sizes[to] >= room:
            continue
        back = np.int64(-1)
        if uniform(draft.random) < swaps:
            back = partner(land, draft, unit, to)
            if back < 0:
                continue
        bar = 0.0
        if is_exact:
            bar = roster.away[old] + roster.away[to]
        if heat > 0.0:
            bar -= heat * np.log(1.0 - uniform(draft.random))
        more = change(land, draft, old, unit, back, penalty) + change(land, draft, to, back, unit, penalty)
        if more >= bar:
            continue
        away_old, away_to = 0.0, 0.0
        if is_exact:
            away_old = away_from(land, draft, roster, old, unit, back)
            if more + away_old >= bar:
                continue
            away_to = away_from(land, draft, roster, to, back, unit)
            if more + away_old + away_to >= bar - 1e-9:
                continue
        if not may_move(land, draft, unit, to, back):
            continue
        put_on_roster(land, draft, roster, unit, to)
        if back >= 0:
            put_on_roster(land, draft, roster, back, old)
        roster.away[old], roster.away[to] = away_old, away_to
        made += 1
    return made


@outer
def move_points(land, draft, work):
    """Move the points of territories without home to the member nearest to their geometric median (Weiszfeld 1937)."""
    k = len(draft.sizes)
    for t in range(k):
        if not land.has_home[t] and draft.sums[t, 0] > 0.0:
            draft.points[t, 0] = draft.sums[t, 1] / draft.sums[t, 0]
            draft.points[t, 1] = draft.sums[t, 2] / draft.sums[t, 0]
    for _ in range(12):
        work[:] = 0.0
        for i in range(len(draft.plan)):
            t = draft.plan[i]
            east, north = land.x[i] - draft.points[t, 0], land.y[i] - draft.points[t, 1]
            pull = land.features[i, 0] / max(1e-3, np.sqrt(east * east + north * north))
            work[t, 0] += pull
            work[t, 1] += pull * land.x[i]
            work[t, 2] += pull * land.y[i]
        for t in range(k):
            if not land.has_home[t] and work[t, 0] > 0.0:
                draft.points[t, 0] = work[t, 1] / work[t, 0]
                draft.points[t, 1] = work[t, 2] / work[t, 0]
    work[:] = np.inf
    for i in range(len(draft.plan)):
        t = draft.plan[i]
        square = (land.x[i] - draft.points[t, 0]) ** 2 + (land.y[i] - draft.points[t, 1]) ** 2
        if square < work[t, 0]:
            work[t, 0], work[t, 1], work[t, 2] = square, land.x[i], land.y[i]
    for t in range(k):
        if not land.has_home[t] and np.isfinite(work[t, 0]):
            draft.points[t, 0], draft.points[t, 1] = work[t, 1], work[t, 2]
