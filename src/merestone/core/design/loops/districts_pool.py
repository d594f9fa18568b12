"""Every balanced, connected set of units that recombination meets, and the cheapest plan that can be put together of them.

A set is a row of 64-bit words, a bit for each unit. Each side of each edge of each tree drawn is connected: those that keep
the bounds are kept as candidates, whether or not the plan under way could use them. Putting a plan together is a problem
of set partitioning (Garfinkel & Nemhauser 1970, doi:10.1287/mnsc.16.8.B495).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from merestone.core.design.loops.districts import distance, excess_of, inner, moment, outer


class Pool(NamedTuple):
    """Sets seen: their words, a table to find them by hash, their number, and room for the words of a tree's nodes."""

    columns: np.ndarray
    table: np.ndarray
    filled: np.ndarray
    words: np.ndarray


@inner
def add(pool, node, whole):
    """Keep a node's set, or the rest of the whole tree's when ``whole`` is not negative, unless it is known."""
    width = pool.columns.shape[1]
    at = pool.filled[0]
    if at >= len(pool.columns):
        return
    hash_ = np.uint64(0x9E3779B97F4A7C15)
    for word in range(width):
        value = pool.words[node, word]
        if whole >= 0:
            value = pool.words[whole, word] ^ value
        pool.columns[at, word] = value
        hash_ ^= value
        hash_ *= np.uint64(0xBF58476D1CE4E5B9)
        hash_ ^= hash_ >> np.uint64(29)
    mask = np.uint64(len(pool.table) - 1)
    slot = hash_ & mask
    while True:
        known = pool.table[slot]
        if known < 0:
            pool.table[slot] = at
            pool.filled[0] = at + 1
            return
        is_same = True
        for word in range(width):
            if pool.columns[known, word] != pool.columns[at, word]:
                is_same = False
        if is_same:
            return
        slot = (slot + np.uint64(1)) & mask


@inner
def collect(ground, forest, pool, count, territory):
    """Keep both sides of each edge of a tree where they keep the bounds."""
    if pool.filled[0] >= len(pool.columns):
        return
    width, features = pool.columns.shape[1], ground.features.shape[1]
    has_words = False
    for place in range(1, count):
        node = forest.order[place]
        for f in range(features):
            forest.other[f] = forest.sums[0, f] - forest.sums[node, f]
        is_in = excess_of(ground, territory, forest.sums[node]) == 0.0
        is_out = excess_of(ground, territory, forest.other) == 0.0
        if not (is_in or is_out):
            continue
        if not has_words:
            has_words = True
            for each in range(count):
                for word in range(width):
                    pool.words[each, word] = 0
                unit = forest.units[each]
                pool.words[each, unit >> 6] = np.uint64(1) << np.uint64(unit & 63)
            for at in range(count - 1, 0, -1):
                below = forest.order[at]
                for word in range(width):
                    pool.words[forest.parent[below], word] |= pool.words[below, word]
        if is_in:
            add(pool, node, -1)
        if is_out:
            add(pool, node, 0)


@outer
def price(ground, columns, costs, members):
    """Work out what each set costs as a territory without a home."""
    for at in range(len(columns)):
        count = 0
        for unit in range(len(ground.x)):
            if holds(columns, at, unit):
                members[count] = unit
                count += 1
        best = np.inf
        if ground.wants[1]:
            for a in range(count):
                total = 0.0
                for b in range(count):
                    total += ground.features[members[b], 0] * distance(ground, members[b], members[a])
                best = min(best, total)
        else:
            w, wx, wy, wq = 0.0, 0.0, 0.0, 0.0
            for a in range(count):
                w += ground.features[members[a], 0]
                wx += ground.features[members[a], 1]
                wy += ground.features[members[a], 2]
                wq += ground.features[members[a], 3]
            if w > 0.0:
                for a in range(count):
                    east, north = ground.x[members[a]] - wx / w, ground.y[members[a]] - wy / w
                    best = min(best, east * east + north * north)
                best = moment(w, wx, wy, wq) + w * best
            else:
                best = 0.0
        costs[at] = best


@outer
def reduce_costs(columns, costs, prices, reduced):
    """Work out costs less the prices of the units and, last of the prices, of a territory."""
    n = len(prices) - 1
    for at in range(len(columns)):
        value = costs[at] - prices[n]
        for unit in range(n):
            if holds(columns, at, unit):
                value -= prices[unit]
        reduced[at] = value


class Tree(NamedTuple):
    """Where a partition stands: it can be left and gone on with.

    A row of ``lists`` and ``counts`` for each level: the sets left, and how many of them cover each unit. ``sizes`` of the
    sets; ``shares``: room for the least share of each unit. ``worth``: the level, what is spent, and the least sum found.
    """

    lists: np.ndarray
    lengths: np.ndarray
    places: np.ndarray
    pivots: np.ndarray
    counts: np.ndarray
    sizes: np.ndarray
    shares: np.ndarray
    used: np.ndarray
    chosen: np.ndarray
    best: np.ndarray
    worth: np.ndarray


SHARED = 1e-12
"""Shares are summed up inexactly."""


@inner
def holds(columns, at, unit):
    """Whether a unit is in a set."""
    return (columns[at, unit >> 6] >> np.uint64(unit & 63)) & np.uint64(1) != 0


@inner
def lowest(bits):
    """Return the place of the lowest bit of a word that has one."""
    place = 0
    for step in (32, 16, 8, 4, 2, 1):
        if bits & ((np.uint64(1) << np.uint64(step)) - np.uint64(1)) == 0:
            bits >>= np.uint64(step)
            place += step
    return place


@inner
def open_level(columns, reduced, tree, depth):
    """Choose the unit to branch on, of those not covered the one with the fewest sets left; return whether it can be worth it.

    Each unit left costs at least the least share of a set left that covers it.
    """
    n, spent, room = len(tree.used), tree.worth[1], tree.worth[2]
    count, shares = tree.counts[depth], tree.shares
    count[:] = 0
    shares[:] = np.inf
    for place in range(tree.lengths[depth]):
        at = tree.lists[depth, place]
        if spent + reduced[at] >= room:
            tree.lengths[depth] = place
            break
        share = reduced[at] / tree.sizes[at]
        for word in range(columns.shape[1]):
            bits = columns[at, word]
            while bits != 0:
                unit = 64 * word + lowest(bits)
                bits &= bits - np.uint64(1)
                count[unit] += 1
                shares[unit] = min(shares[unit], share)
    pivot, least = -1, tree.lengths[depth] + 1
    for unit in range(n):
        if tree.used[unit] == 0:
            spent += shares[unit]
            if count[unit] < least:
                pivot, least = unit, count[unit]
    tree.pivots[depth], tree.places[depth] = pivot, 0
    return pivot >= 0 and least > 0 and spent < room + SHARED * abs(room)


@inner
def give_back(columns, reduced, tree, depth):
    """Undo what a level has taken."""
    at = tree.chosen[depth]
    for unit in range(len(tree.used)):
        if holds(columns, at, unit):
            tree.used[unit] = 0
    tree.worth[1] -= reduced[at]


@inner
def take_next(columns, reduced, tree, depth):
    """Take the level's next set that covers its unit; return it, or -1."""
    while tree.places[depth] < tree.lengths[depth]:
        at = tree.lists[depth, tree.places[depth]]
        tree.places[depth] += 1
        if tree.worth[1] + reduced[at] >= tree.worth[2]:
            return np.int64(-1)
        if holds(columns, at, tree.pivots[depth]):
            tree.chosen[depth] = at
            tree.worth[1] += reduced[at]
            for unit in range(len(tree.used)):
                if holds(columns, at, unit):
                    tree.used[unit] = 1
            return np.int64(at)
    return np.int64(-1)


@inner
def list_apart(columns, reduced, tree, depth, taken):
    """List for the next level what has no unit of the set taken."""
    length = 0
    for place in range(tree.lengths[depth]):
        at = tree.lists[depth, place]
        if tree.worth[1] + reduced[at] >= tree.worth[2]:
            break
        is_apart = True
        for word in range(columns.shape[1]):
            if columns[at, word] & columns[taken, word]:
                is_apart = False
                break
        if is_apart:
            tree.lists[depth + 1, length] = at
            length += 1
    tree.lengths[depth + 1] = length


@outer
def partition(columns, reduced, tree, effort):
    """Choose disjoint sets of all units, the sum of whose reduced costs is least, for so much effort.

    Sets are sorted by their reduced costs, none of them negative. Returns whether it is at its end.
    """
    k, n = len(tree.best), len(tree.used)
    depth, is_new = np.int64(tree.worth[0]), tree.pivots[np.int64(tree.worth[0])] < 0
    while effort > 0:
        is_dead = False
        if is_new:
            effort -= tree.lengths[depth] * (n // len(tree.best) + 1) + n
            is_new = False
            is_dead = not open_level(columns, reduced, tree, depth)
        taken = np.int64(-1) if is_dead else take_next(columns, reduced, tree, depth)
        effort -= 10
        if taken < 0:
            if depth == 0:
                return True
            depth -= 1
            give_back(columns, reduced, tree, depth)
            continue
        covered = 0
        for unit in range(n):
            covered += tree.used[unit]
        if covered == n and depth == k - 1:
            tree.worth[2] = tree.worth[1]
            for level in range(k):
                tree.best[level] = tree.chosen[level]
        if covered == n or depth == k - 1:
            give_back(columns, reduced, tree, depth)
            continue
        effort -= tree.lengths[depth]
        list_apart(columns, reduced, tree, depth, taken)
        depth += 1
        is_new = True
    tree.worth[0] = depth
    if is_new:
        tree.pivots[depth] = -1
    return False
