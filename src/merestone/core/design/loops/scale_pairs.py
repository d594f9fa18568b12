"""Two neighbouring territories merged and cut anew along a straight line, in machine code; only for moments.

A line through the units of both, first in a random direction, then across the way between the two centroids it made: each
time the cut with the least moment and excess is taken. Pairs of a round share no territory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from merestone.core.design.loops.districts import (
    FIRST_AMOUNT,
    below,
    inner,
    list_border,
    moment,
    outer,
    uniform,
)
from merestone.core.design.loops.scale import miss

REFINES = 4


class Room(NamedTuple):
    """Where the units of two territories are sorted, and where all units stand by territory."""

    members: np.ndarray
    firsts: np.ndarray
    units: np.ndarray
    keys: np.ndarray
    choice: np.ndarray
    sums: np.ndarray
    taken: np.ndarray
    order: np.ndarray


@inner
def gather(draft, room):
    """List the units by territory."""
    firsts, k = room.firsts, len(draft.sizes)
    firsts[0] = 0
    for t in range(k):
        firsts[t + 1] = firsts[t] + draft.sizes[t]
    for i in range(len(draft.plan) - 1, -1, -1):
        t = draft.plan[i]
        firsts[t + 1] -= 1
        room.members[firsts[t + 1]] = i
    for t in range(k):
        firsts[t] = firsts[t + 1]
    firsts[k] = len(draft.plan)


@inner
def sort(keys, units, count):
    """Sort units by their keys (Shell 1959, gaps of Ciura 2001)."""
    gap = 1
    while gap < count:
        gap = gap * 9 // 4 + 1
    while gap > 1:
        gap = max(1, gap * 4 // 9)
        for at in range(gap, count):
            key, unit = keys[at], units[at]
            place = at
            while place >= gap and keys[place - gap] > key:
                keys[place], units[place] = keys[place - gap], units[place - gap]
                place -= gap
            keys[place], units[place] = key, unit


@inner
def penalised(land, territory, sums, penalty):
    """Return a territory's moment with the penalty of its excess."""
    cost = moment(sums[0], sums[1], sums[2], sums[3])
    for a in range(land.lower.shape[0]):
        cost += penalty * miss(land, territory, a, sums[FIRST_AMOUNT + a])
    return cost


@inner
def cut(land, room, count, one, two, east, north, penalty):
    """Sort units along a direction; return the least cost of a cut and how many units come before it.

    ``room.sums`` holds the sums of the side before, of the side after, and two rows to work in.
    """
    for at in range(count):
        i = room.units[at]
        room.keys[at] = land.x[i] * east + land.y[i] * north
    sort(room.keys, room.units, count)
    width = land.features.shape[1]
    before, after = room.sums[2], room.sums[3]
    for f in range(width):
        before[f] = 0.0
        after[f] = room.sums[0, f] + room.sums[1, f]
    least, best = np.inf, 0
    for at in range(count - 1):
        i = room.units[at]
        for f in range(width):
            before[f] += land.features[i, f]
            after[f] -= land.features[i, f]
        cost = moment(before[0], before[1], before[2], before[3]) + moment(
            after[0], after[1], after[2], after[3]
        )
        if cost < least:
            for a in range(land.lower.shape[0]):
                cost += penalty * (
                    miss(land, one, a, before[FIRST_AMOUNT + a]) + miss(land, two, a, after[FIRST_AMOUNT + a])
                )
            if cost < least:
                least, best = cost, at + 1
    for f in range(width):
        whole = room.sums[0, f] + room.sums[1, f]
        room.sums[0, f] = 0.0
        for at in range(best):
            room.sums[0, f] += land.features[room.units[at], f]
        room.sums[1, f] = whole - room.sums[0, f]
    return least, best


@inner
def is_whole(land, draft, start, territory, size):
    """Whether so many units of a territory are reached from one."""
    if not land.wants[0]:
        return True
    draft.stamp[0] += 1
    seen, queue = draft.stamp[0], draft.queue
    queue[0], head, tail = start, 0, 1
    draft.marks[start] = seen
    while head < tail:
        i = queue[head]
        head += 1
        for arc in range(land.starts[i], land.starts[i + 1]):
            j = land.neighbours[arc]
            if draft.plan[j] == territory and draft.marks[j] != seen:
                draft.marks[j] = seen
                queue[tail] = j
                tail += 1
    return tail == size


@inner
def recut(land, draft, room, one, two, heat, penalty, spread):
    """Cut two territories anew, when it costs at most what heat allows; return whether it was done."""
    width, count = land.features.shape[1], 0
    for t in (one, two):
        for at in range(room.firsts[t], room.firsts[t + 1]):
            room.units[count] = room.members[at]
            count += 1
    old = penalised(land, one, draft.sums[one], penalty) + penalised(land, two, draft.sums[two], penalty)
    bar = old - 1e-9 * abs(old)
    if heat > 0.0:
        bar = old - heat * np.log(1.0 - uniform(draft.random))
    weights = max(draft.sums[one, 0], 1e-300), max(draft.sums[two, 0], 1e-300)
    east = draft.sums[two, 1] / weights[1] - draft.sums[one, 1] / weights[0]
    north = draft.sums[two, 2] / weights[1] - draft.sums[one, 2] / weights[0]
    angle = np.arctan2(north, east) + (uniform(draft.random) - 0.5) * spread
    for f in range(width):
        room.sums[0, f], room.sums[1, f] = draft.sums[one, f], draft.sums[two, f]
    least, best = cut(land, room, count, one, two, np.cos(angle), np.sin(angle), penalty)
    for at in range(count):
        room.choice[at] = room.units[at]
    for _ in range(REFINES):
        weights = max(room.sums[0, 0], 1e-300), max(room.sums[1, 0], 1e-300)
        east = room.sums[1, 1] / weights[1] - room.sums[0, 1] / weights[0]
        north = room.sums[1, 2] / weights[1] - room.sums[0, 2] / weights[0]
        cost, size = cut(land, room, count, one, two, east, north, penalty)
        if cost >= least * (1.0 - 1e-4):
            break
        least, best = cost, size
        for at in range(count):
            room.choice[at] = room.units[at]
    if least >= bar:
        return False
    for at in range(count):
        draft.plan[room.choice[at]] = one if at < best else two
    if not (
        is_whole(land, draft, room.choice[0], one, best)
        and is_whole(land, draft, room.choice[best], two, count - best)
    ):
        for t in (one, two):
            for at in range(room.firsts[t], room.firsts[t + 1]):
                draft.plan[room.members[at]] = t
        return False
    draft.sizes[one], draft.sizes[two] = best, count - best
    draft.sums[one] = 0.0
    draft.sums[two] = 0.0
    for at in range(count):
        t = one if at < best else two
        for f in range(width):
            draft.sums[t, f] += land.features[room.choice[at], f]
    return True


@outer
def recut_pairs(land, draft, room, heat, penalty, spread):
    """Make a round: territories in random order, each with a random free neighbour; return tried and done."""
    list_border(land, draft)
    gather(draft, room)
    k = len(draft.sizes)
    room.taken[:] = 0
    for t in range(k):
        room.order[t] = t
    tried, done = 0, 0
    for place in range(k):
        other = place + below(draft.random, k - place)
        t = room.order[other]
        room.order[other] = room.order[place]
        start, end = draft.border_starts[t], draft.border_starts[t + 1]
        if room.taken[t] or land.has_home[t] or end <= start:
            continue
        for _ in range(4):
            arc = draft.border[start + below(draft.random, end - start)]
            to = np.int64(draft.plan[land.neighbours[arc]])
            if to != t and not room.taken[to] and not land.has_home[to]:
                room.taken[t] = 1
                room.taken[to] = 1
                tried += 1
                done += recut(land, draft, room, t, to, heat, penalty, spread)
                break
    return tried, done
