"""Annealing on a partition whose medians are implicit, for the capacitated p-median.

The members of each cluster stand next to each other in slots, with their coordinates and the sum of their distances to
all members, so that a move is weighed in one pass over two clusters. Centres, capacities and the price of moves are
looked after here; what is best kept, and for how long to go on, is said by ``search.medians``.
"""

from __future__ import annotations

from math import floor, log, sqrt
from typing import NamedTuple

import numpy as np
from numba import njit

FAST = {"nnan", "ninf", "nsz", "arcp", "contract", "reassoc"}
FAR = 1e300
FITS = 1e-7
"""Less excess than this is a rounding error of sums."""
COOLS_EVERY = 256
INNER = {"nogil": True, "cache": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Of functions that only compiled ones call: a way in from Python would cost half a second each to compile."""


XS, YS, WS, SUMS, CAPS = range(5)
LOADS, COSTS, HOME_X, HOME_Y, HOME_SUMS = range(5)
X, Y, WEIGHT, LOAD, CAPACITY = range(5)
SIZE, MEDIAN, HOMED = range(3)
PLAN, SLOT = range(2)


class State(NamedTuple):
    """A partition of ``n`` units into ``k`` clusters of at most ``room`` members; rows are named by the constants."""

    room: int
    floors: bool
    members: np.ndarray  # (k * room,) int64: the unit in each slot
    slots: np.ndarray  # (5, k * room): XS, YS, WS, SUMS (Σ weight × distance from here to all members), CAPS
    groups: np.ndarray  # (5, k): LOADS, COSTS (with the penalty of excess), HOME_X, HOME_Y, HOME_SUMS
    counts: np.ndarray  # (3, k) int64: SIZE, MEDIAN (its place within the cluster), HOMED
    places: np.ndarray  # (2, n) int64: PLAN (cluster of each unit), SLOT (where it stands)
    units: np.ndarray  # (5, n): X, Y, WEIGHT, LOAD, CAPACITY
    allowed: np.ndarray  # (n, k) bool, or empty
    current: np.ndarray  # (n,) int32, or empty
    price: np.ndarray  # (n,)


@njit(nogil=True, cache=True, inline="always")
def draw(random):
    """Next 64 bits (xorshift64*)."""
    one = random[0]
    one ^= one >> np.uint64(12)
    one ^= one << np.uint64(25)
    one ^= one >> np.uint64(27)
    random[0] = one
    return one * np.uint64(2685821657736338717)


@njit(nogil=True, cache=True, inline="always")
def below(bits, limit):
    """A number from 0 to ``limit`` - 1 out of the upper half of ``bits``."""
    return np.int64((bits >> np.uint64(32)) * np.uint64(limit) >> np.uint64(32))


@njit(nogil=True, cache=True, inline="always")
def metres(st, dx, dy):
    """The distance as the problem counts it."""
    away = sqrt(dx * dx + dy * dy)
    return floor(away) if st.floors else away


@njit(**INNER, fastmath=FAST)
def left(st, c, u, lam):
    """What cluster ``c`` costs without its member ``u``."""
    w, x, y = st.units[WEIGHT, u], st.units[X, u], st.units[Y, u]
    if st.counts[HOMED, c]:
        return st.groups[HOME_SUMS, c] - w * metres(st, x - st.groups[HOME_X, c], y - st.groups[HOME_Y, c])
    first, last = c * st.room, c * st.room + st.counts[SIZE, c]
    xs, ys, sums, caps = (
        st.slots[XS, first:last],
        st.slots[YS, first:last],
        st.slots[SUMS, first:last],
        st.slots[CAPS, first:last],
    )
    load = st.groups[LOADS, c] - st.units[LOAD, u]
    mine = st.places[SLOT, u] - first
    kept = sums[mine]
    sums[mine] = FAR
    best = FAR
    for i in range(len(xs)):
        here = sums[i] - w * metres(st, xs[i] - x, ys[i] - y) + lam * max(0.0, load - caps[i])
        if here < best:
            best = here
    sums[mine] = kept
    return best


@njit(**INNER, fastmath=FAST)
def joined(st, c, u, lam):
    """What cluster ``c`` costs with ``u`` besides its members."""
    w, x, y = st.units[WEIGHT, u], st.units[X, u], st.units[Y, u]
    if st.counts[HOMED, c]:
        return st.groups[HOME_SUMS, c] + w * metres(st, x - st.groups[HOME_X, c], y - st.groups[HOME_Y, c])
    first, last = c * st.room, c * st.room + st.counts[SIZE, c]
    xs, ys, ws = st.slots[XS, first:last], st.slots[YS, first:last], st.slots[WS, first:last]
    sums, caps = st.slots[SUMS, first:last], st.slots[CAPS, first:last]
    load = st.groups[LOADS, c] + st.units[LOAD, u]
    best, own = FAR, 0.0
    for i in range(len(xs)):
        away = metres(st, xs[i] - x, ys[i] - y)
        own += ws[i] * away
        here = sums[i] + w * away + lam * max(0.0, load - caps[i])
        if here < best:
            best = here
    return min(best, own + lam * max(0.0, load - st.units[CAPACITY, u]))


@njit(**INNER, fastmath=FAST)
def exchanged(st, c, u, v, lam):
    """What cluster ``c`` costs with ``v`` in place of its member ``u``."""
    w, x, y = st.units[WEIGHT, u], st.units[X, u], st.units[Y, u]
    to_w, to_x, to_y = st.units[WEIGHT, v], st.units[X, v], st.units[Y, v]
    if st.counts[HOMED, c]:
        lost = w * metres(st, x - st.groups[HOME_X, c], y - st.groups[HOME_Y, c])
        return (
            st.groups[HOME_SUMS, c]
            - lost
            + to_w * metres(st, to_x - st.groups[HOME_X, c], to_y - st.groups[HOME_Y, c])
        )
    first, last = c * st.room, c * st.room + st.counts[SIZE, c]
    xs, ys, ws = st.slots[XS, first:last], st.slots[YS, first:last], st.slots[WS, first:last]
    sums, caps = st.slots[SUMS, first:last], st.slots[CAPS, first:last]
    load = st.groups[LOADS, c] - st.units[LOAD, u] + st.units[LOAD, v]
    mine = st.places[SLOT, u] - first
    kept = sums[mine]
    sums[mine] = FAR
    best, own = FAR, -w * metres(st, x - to_x, y - to_y)
    for i in range(len(xs)):
        away = metres(st, xs[i] - to_x, ys[i] - to_y)
        own += ws[i] * away
        here = sums[i] - w * metres(st, xs[i] - x, ys[i] - y) + to_w * away
        here += lam * max(0.0, load - caps[i])
        if here < best:
            best = here
    sums[mine] = kept
    return min(best, own + lam * max(0.0, load - st.units[CAPACITY, v]))


@njit(**INNER)
def settle(st, c, lam):
    """Find the median of a cluster and what it costs."""
    if st.counts[HOMED, c]:
        st.groups[COSTS, c] = st.groups[HOME_SUMS, c]
        return
    first = c * st.room
    best, at = FAR, 0
    for i in range(st.counts[SIZE, c]):
        here = st.slots[SUMS, first + i] + lam * max(0.0, st.groups[LOADS, c] - st.slots[CAPS, first + i])
        if here < best:
            best, at = here, i
    st.groups[COSTS, c] = best if st.counts[SIZE, c] else 0.0
    st.counts[MEDIAN, c] = at


@njit(**INNER)
def excess(st, c):
    """Load of a cluster beyond the capacity of its median."""
    if st.counts[HOMED, c] or st.counts[SIZE, c] == 0:
        return 0.0
    over = st.groups[LOADS, c] - st.slots[CAPS, c * st.room + st.counts[MEDIAN, c]]
    return over if over > FITS else 0.0


@njit(**INNER)
def take_out(st, u, lam):
    """Take a unit out of its cluster; the last member takes its slot."""
    c, s = (st.places[PLAN, u]), st.places[SLOT, u]
    w, x, y = st.units[WEIGHT, u], st.units[X, u], st.units[Y, u]
    first = c * st.room
    end = first + st.counts[SIZE, c] - 1
    for i in range(first, end + 1):
        st.slots[SUMS, i] -= w * metres(st, st.slots[XS, i] - x, st.slots[YS, i] - y)
    if s != end:
        other = st.members[end]
        st.members[s], st.places[SLOT, other] = other, s
        st.slots[XS, s], st.slots[YS, s], st.slots[WS, s] = (
            st.slots[XS, end],
            st.slots[YS, end],
            st.slots[WS, end],
        )
        st.slots[SUMS, s], st.slots[CAPS, s] = st.slots[SUMS, end], st.slots[CAPS, end]
    st.counts[SIZE, c] -= 1
    st.groups[LOADS, c] -= st.units[LOAD, u]
    if st.counts[HOMED, c]:
        st.groups[HOME_SUMS, c] -= w * metres(st, x - st.groups[HOME_X, c], y - st.groups[HOME_Y, c])
    settle(st, c, lam)


@njit(**INNER)
def put_in(st, u, c, lam):
    """Put a unit that stands nowhere into a cluster."""
    w, x, y = st.units[WEIGHT, u], st.units[X, u], st.units[Y, u]
    first = c * st.room
    end = first + st.counts[SIZE, c]
    own = 0.0
    for i in range(first, end):
        away = metres(st, st.slots[XS, i] - x, st.slots[YS, i] - y)
        st.slots[SUMS, i] += w * away
        own += st.slots[WS, i] * away
    st.members[end], st.places[SLOT, u], st.places[PLAN, u] = u, end, c
    st.slots[XS, end], st.slots[YS, end], st.slots[WS, end], st.slots[SUMS, end], st.slots[CAPS, end] = (
        x,
        y,
        w,
        own,
        st.units[CAPACITY, u],
    )
    st.counts[SIZE, c] += 1
    st.groups[LOADS, c] += st.units[LOAD, u]
    if st.counts[HOMED, c]:
        st.groups[HOME_SUMS, c] += w * metres(st, x - st.groups[HOME_X, c], y - st.groups[HOME_Y, c])
    settle(st, c, lam)


@njit(nogil=True, cache=True)
def fill(st, plan, lam):
    """Make the state that of a plan, all sums anew."""
    for c in range(st.counts.shape[1]):
        st.counts[SIZE, c] = 0
        st.groups[LOADS, c] = 0.0
        st.groups[HOME_SUMS, c] = 0.0
    for u in range(len(plan)):
        put_in(st, u, np.int64(plan[u]), 0.0)
    for c in range(st.counts.shape[1]):
        settle(st, c, lam)


@njit(**INNER)
def may_go(st, u, c):
    """Whether a unit may be in a cluster."""
    return len(st.allowed) == 0 or st.allowed[u, c]


@njit(**INNER)
def toll(st, u, c):
    """The price of having a unit in a cluster that has not got it today."""
    if len(st.current) == 0 or st.current[u] < 0 or st.current[u] == c:
        return 0.0
    return st.price[u]


@njit(**INNER)
def to_centre(st, u, c):
    """Weighted distance of a unit to the present centre of a cluster."""
    if st.counts[HOMED, c]:
        return st.units[WEIGHT, u] * metres(
            st, st.units[X, u] - st.groups[HOME_X, c], st.units[Y, u] - st.groups[HOME_Y, c]
        )
    at = c * st.room + st.counts[MEDIAN, c]
    return st.units[WEIGHT, u] * metres(
        st, st.units[X, u] - st.slots[XS, at], st.units[Y, u] - st.slots[YS, at]
    )


@njit(**INNER)
def guess(st, near, seed, gone):
    """What it would about cost to dissolve ``gone`` and open it at ``seed``, were there no capacities to fill."""
    first = gone * st.room
    change = -st.groups[COSTS, gone]
    for s in range(first, first + st.counts[SIZE, gone]):
        u, before, best = st.members[s], np.int64(-1), FAR
        for i in range(near.shape[1]):
            c = st.places[PLAN, near[u, i]]
            if c != gone and c != before:
                best = min(best, to_centre(st, u, c))
                before = c
        change += best
    load = st.units[LOAD, seed]
    change -= to_centre(st, seed, st.places[PLAN, seed])
    for i in range(near.shape[1]):
        u = near[seed, i]
        dx, dy = st.units[X, u] - st.units[X, seed], st.units[Y, u] - st.units[Y, seed]
        gain = to_centre(st, u, st.places[PLAN, u]) - st.units[WEIGHT, u] * metres(st, dx, dy)
        if gain > 0 and load + st.units[LOAD, u] <= st.units[CAPACITY, seed]:
            load += st.units[LOAD, u]
            change -= gain
    return change


@njit(**INNER)
def relocate(st, near, random, log_unit, log_from, lam, limit):
    """Dissolve a cluster and open it anew elsewhere; return how many moves that took, -1 - moves when it cannot be."""
    n = st.places.shape[1]
    seed = below(draw(random), n)
    gone = st.places[PLAN, near[seed, below(draw(random), near.shape[1])]]
    if draw(random) & np.uint64(1):
        gone = st.places[PLAN, below(draw(random), n)]
    if gone == st.places[PLAN, seed] or st.counts[HOMED, gone] or not may_go(st, seed, gone):
        return -1
    if guess(st, near, seed, gone) > limit:
        return -1
    done = 0
    while st.counts[SIZE, gone] > 0:
        u = st.members[gone * st.room + st.counts[SIZE, gone] - 1]
        best, to = FAR, np.int64(-1)
        for i in range(near.shape[1]):
            c = st.places[PLAN, near[u, i]]
            if c == gone or st.counts[SIZE, c] >= st.room or not may_go(st, u, c):
                continue
            here = to_centre(st, u, c) + toll(st, u, c)
            if not st.counts[HOMED, c]:
                spare = st.slots[CAPS, c * st.room + st.counts[MEDIAN, c]] - st.groups[LOADS, c]
                here += lam * max(0.0, st.units[LOAD, u] - max(0.0, spare))
            if here < best:
                best, to = here, c
        if to < 0 or done >= len(log_unit) - 1:
            return -1 - done
        log_unit[done], log_from[done] = u, gone
        done += 1
        take_out(st, u, lam)
        put_in(st, u, to, lam)
    for i in range(-1, near.shape[1]):
        u = seed if i < 0 else np.int64(near[seed, i])
        c = st.places[PLAN, u]
        if c == gone or st.counts[SIZE, c] < 2 or not may_go(st, u, gone) or st.counts[SIZE, gone] >= st.room:
            continue
        away = st.units[WEIGHT, u] * metres(
            st, st.units[X, u] - st.units[X, seed], st.units[Y, u] - st.units[Y, seed]
        )
        is_near = (
            away < to_centre(st, u, c)
            and st.groups[LOADS, gone] + st.units[LOAD, u] <= st.units[CAPACITY, seed]
        )
        if (i < 0 or is_near) and done < len(log_unit):
            log_unit[done], log_from[done] = u, c
            done += 1
            take_out(st, u, lam)
            put_in(st, u, gone, lam)
    return done if st.counts[SIZE, gone] > 0 else -1 - done


@njit(**INNER)
def standing(st):
    """The whole cost with penalties and tolls, and the clusters over capacity."""
    total, over = 0.0, 0
    for c in range(st.counts.shape[1]):
        total += st.groups[COSTS, c]
        over += 1 if excess(st, c) > 0 else 0
    for u in range(len(st.current)):
        total += toll(st, u, (st.places[PLAN, u]))
    return total, over


@njit(**INNER)
def keep(st, plan):
    """Write the present plan down."""
    for u in range(len(plan)):
        plan[u] = st.places[PLAN, u]


@njit(**INNER)
def pressed(st, c, swing, lam):
    """What the penalty of a cluster grows by when its load does by ``swing`` and its median stays."""
    if st.counts[HOMED, c]:
        return 0.0
    over = st.groups[LOADS, c] - st.slots[CAPS, c * st.room + st.counts[MEDIAN, c]]
    return lam * (max(0.0, over + swing) - max(0.0, over))


@njit(nogil=True, cache=True)
def anneal(st, near, random, best_plan, best, steps, heat, cooling, lam, slack, relocates, daring):
    """Make ``steps`` random moves at a falling temperature; return the last temperature.

    ``best_plan`` and ``best[0]`` keep the cheapest plan within all capacities. A move that is dearer by more than
    ``slack`` × heat with the present medians is not weighed exactly. ``relocates`` of 65,536 moves dissolve a cluster.
    """
    n = st.places.shape[1]
    for c in range(st.counts.shape[1]):
        settle(st, c, lam)
    total, over = standing(st)
    log_unit, log_from = np.empty(4 * st.room + 64, np.int64), np.empty(4 * st.room + 64, np.int64)
    is_new = over == 0 and total < best[0] - 1e-9
    for step in range(steps):
        if step % COOLS_EVERY == 0:
            heat *= cooling
        bits = draw(random)
        kind = np.int64(bits & np.uint64(65535))
        limit = -heat * log((np.float64(draw(random) >> np.uint64(11)) + 0.5) / 9007199254740992.0)
        if kind < relocates:
            if is_new:
                keep(st, best_plan)
                best[0], is_new = total, False
            done = relocate(st, near, random, log_unit, log_from, lam, limit + daring * heat)
            if done == -1:
                continue
            after, now_over = standing(st)
            if done < 0 or after - total > limit:
                for i in range((done if done >= 0 else -1 - done) - 1, -1, -1):
                    take_out(st, log_unit[i], lam)
                    put_in(st, log_unit[i], log_from[i], lam)
            else:
                total, over = after, now_over
                is_new = over == 0 and total < best[0] - 1e-9
            continue
        u = below(bits, n)
        a = st.places[PLAN, u]
        if kind & 1:
            v = np.int64(near[u, below(draw(random), near.shape[1])])
            b = st.places[PLAN, v]
            if a == b or st.counts[SIZE, a] < 2 or st.counts[SIZE, b] >= st.room or not may_go(st, u, b):
                continue
            change = toll(st, u, b) - toll(st, u, a)
            rough = change + to_centre(st, u, b) - to_centre(st, u, a)
            press = pressed(st, a, -st.units[LOAD, u], lam) + pressed(st, b, st.units[LOAD, u], lam)
            rough += press
            if rough > limit + slack * heat:
                continue
            change += left(st, a, u, lam) + joined(st, b, u, lam) - st.groups[COSTS, a] - st.groups[COSTS, b]
            if change > limit:
                continue
            if is_new and (change > 0 or press > 0):
                keep(st, best_plan)
                best[0], is_new = total, False
            over -= (excess(st, a) > 0) + (excess(st, b) > 0)
            take_out(st, u, lam)
            put_in(st, u, b, lam)
        else:
            v = np.int64(near[u, below(draw(random), near.shape[1])])
            b = st.places[PLAN, v]
            if a == b:
                continue
            if kind & 2:
                v = np.int64(st.members[b * st.room + below(draw(random), st.counts[SIZE, b])])
            if not may_go(st, u, b) or not may_go(st, v, a):
                continue
            change = toll(st, u, b) - toll(st, u, a) + toll(st, v, a) - toll(st, v, b)
            swing = st.units[LOAD, v] - st.units[LOAD, u]
            rough = change + to_centre(st, u, b) - to_centre(st, u, a)
            rough += to_centre(st, v, a) - to_centre(st, v, b)
            press = pressed(st, a, swing, lam) + pressed(st, b, -swing, lam)
            rough += press
            if rough > limit + slack * heat:
                continue
            change += exchanged(st, a, u, v, lam) + exchanged(st, b, v, u, lam)
            change -= st.groups[COSTS, a] + st.groups[COSTS, b]
            if change > limit:
                continue
            if is_new and (change > 0 or press > 0):
                keep(st, best_plan)
                best[0], is_new = total, False
            over -= (excess(st, a) > 0) + (excess(st, b) > 0)
            take_out(st, u, lam)
            take_out(st, v, lam)
            put_in(st, u, b, lam)
            put_in(st, v, a, lam)
        total += change
        over += (excess(st, a) > 0) + (excess(st, b) > 0)
        is_new = over == 0 and total < best[0] - 1e-9
    if is_new:
        keep(st, best_plan)
        best[0] = total
    return heat
