"""Districts in machine code: two neighbouring territories merged and split anew at an edge of a random spanning tree.

After DeFord, Duchin & Solomon (2021), "Recombination", Harvard Data Science Review 3(1),
doi:10.1162/99608f92.eb30390f; here annealed on the cost. The moments of both sides of every edge follow from subtree
sums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from merestone.core.design.loops.districts import (
    below,
    cost_of,
    excess_of,
    inner,
    keep_best,
    list_border,
    moment,
    outer,
    total,
    uniform,
)
from merestone.core.design.loops.districts_pool import collect


class Forest(NamedTuple):
    """Room for the units of two territories, the edges among them, a tree and its subtree sums."""

    units: np.ndarray
    local: np.ndarray
    first: np.ndarray
    second: np.ndarray
    leader: np.ndarray
    tree: np.ndarray
    degrees: np.ndarray
    branches: np.ndarray
    order: np.ndarray
    parent: np.ndarray
    sums: np.ndarray
    whole: np.ndarray
    other: np.ndarray
    old: np.ndarray
    along: np.ndarray


@inner
def leader_of(leader, i):
    """Return the root of a set, halving paths."""
    while leader[i] != i:
        leader[i] = leader[leader[i]]
        i = leader[i]
    return i


@inner
def draw_line(ground, chain, forest, count, one, two):
    """Project the units on a random direction; return where a line across it would halve them as the bounds want."""
    angle = uniform(chain.random) * 2.0 * np.pi
    cosine, sine = np.cos(angle), np.sin(angle)
    low, high, weight = np.inf, -np.inf, 0.0
    column = 4 if ground.lower.shape[0] else 0
    for place in range(count):
        i = forest.units[place]
        forest.along[place] = cosine * ground.x[i] + sine * ground.y[i]
        low, high = min(low, forest.along[place]), max(high, forest.along[place])
        weight += ground.features[i, column]
    wanted = chain.sums[one, column] if uniform(chain.random) < 0.5 else chain.sums[two, column]
    if column and ground.upper[0, one] < np.inf:
        wanted = 0.5 * (ground.lower[0, one] + ground.upper[0, one])
    for _ in range(14):
        middle, sum_low = 0.5 * (low + high), 0.0
        for place in range(count):
            if forest.along[place] < middle:
                sum_low += ground.features[forest.units[place], column]
        if sum_low < wanted:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@inner
def grow_tree(ground, chain, forest, count, one, two, bias):
    """Draw a random spanning tree of two territories' units: edges and nodes in order from the root; return whether."""
    plan, units, local = chain.plan, forest.units, forest.local
    for place in range(count):
        local[units[place]] = place
        forest.leader[place] = place
        forest.degrees[place] = 0
    line = np.inf
    if uniform(chain.random) < bias:
        line = draw_line(ground, chain, forest, count, one, two)
    # Edges along the sides of the line first, those across it from the other end.
    inner, outer = 0, len(forest.first)
    for place in range(count):
        i = units[place]
        for arc in range(ground.starts[i], ground.starts[i + 1]):
            j = ground.neighbours[arc]
            if j > i and (plan[j] == one or plan[j] == two):
                if line < np.inf and (forest.along[place] < line) != (forest.along[local[j]] < line):
                    outer -= 1
                    forest.first[outer], forest.second[outer] = place, local[j]
                else:
                    forest.first[inner], forest.second[inner] = place, local[j]
                    inner += 1
    found = 0
    for start, end in ((0, inner), (outer, len(forest.first))):
        place = start
        while place < end and found < count - 1:
            pick = place + below(chain.random, end - place)
            a, b = forest.first[pick], forest.second[pick]
            forest.first[pick], forest.second[pick] = forest.first[place], forest.second[place]
            place += 1
            root_a, root_b = leader_of(forest.leader, a), leader_of(forest.leader, b)
            if root_a != root_b:
                forest.leader[root_a] = root_b
                forest.tree[found, 0], forest.tree[found, 1] = a, b
                forest.degrees[a] += 1
                forest.degrees[b] += 1
                found += 1
    return found == count - 1


@inner
def hang_tree(forest, count):
    """Root the tree at its first node: parents and an order in which they come before their children."""
    branches, at = forest.branches, 0
    # ``leader`` serves as the starts of the branches' rows from here on.
    for place in range(count):
        forest.leader[place] = at
        at += forest.degrees[place]
        forest.degrees[place] = 0
    for edge in range(count - 1):
        a, b = forest.tree[edge, 0], forest.tree[edge, 1]
        branches[forest.leader[a] + forest.degrees[a]] = b
        forest.degrees[a] += 1
        branches[forest.leader[b] + forest.degrees[b]] = a
        forest.degrees[b] += 1
    forest.order[0], forest.parent[0] = 0, -1
    head, tail = 0, 1
    while head < tail:
        i = forest.order[head]
        head += 1
        for place in range(forest.leader[i], forest.leader[i] + forest.degrees[i]):
            j = branches[place]
            if j != forest.parent[i]:
                forest.parent[j] = i
                forest.order[tail] = j
                tail += 1


@inner
def sum_tree(ground, forest, count, one, two):
    """Sum the features, and the extra costs in either territory, of each node's subtree."""
    width = ground.features.shape[1]
    for place in range(count):
        i = forest.units[place]
        for f in range(width):
            forest.sums[place, f] = ground.features[i, f]
        if ground.wants[3]:
            forest.sums[place, width] = ground.extra[i, one]
            forest.sums[place, width + 1] = ground.extra[i, two]
    for place in range(count - 1, 0, -1):
        i = forest.order[place]
        for f in range(width + 2 if ground.wants[3] else width):
            forest.sums[forest.parent[i], f] += forest.sums[i, f]


@inner
def guess(ground, territory, sums):
    """Return about what a territory with such sums costs, without extras: its moment, or the like in distances."""
    if ground.has_home[territory]:
        return 0.0
    about = moment(sums[0], sums[1], sums[2], sums[3])
    return 0.9 * np.sqrt(about * sums[0]) if ground.wants[1] else about


@inner
def best_edge(ground, forest, count, one, two, penalty):
    """Return the node to cut off for territory ``one``, and whether it is the rest that is for it instead."""
    width = ground.features.shape[1]
    whole, other = forest.whole, forest.other
    for f in range(width + 2):
        whole[f] = forest.sums[0, f] if f < width or ground.wants[3] else 0.0
    least, cut, flip = np.inf, -1, False
    for place in range(1, count):
        i = forest.order[place]
        sums = forest.sums[i]
        for f in range(width + 2):
            other[f] = whole[f] - sums[f]
        energy = guess(ground, one, sums) + guess(ground, two, other)
        energy += penalty * (excess_of(ground, one, sums) + excess_of(ground, two, other))
        if ground.wants[3]:
            energy += sums[width] + other[width + 1]
        if energy < least:
            least, cut, flip = energy, i, False
        if ground.wants[4]:
            energy = guess(ground, one, other) + guess(ground, two, sums)
            energy += penalty * (excess_of(ground, one, other) + excess_of(ground, two, sums))
            if ground.wants[3]:
                energy += other[width] + sums[width + 1]
            if energy < least:
                least, cut, flip = energy, i, True
    return cut, flip


@inner
def split(ground, chain, forest, count, one, two, cut, flip, bar, penalty):
    """Give the cut-off subtree to one territory and the rest to the other, if it costs at most ``bar``."""
    plan, units, width = chain.plan, forest.units, ground.features.shape[1]
    inside, outside = (two, one) if flip else (one, two)
    for place in range(count):
        forest.old[place] = plan[units[place]]
    for at in range(count):
        place = forest.order[at]
        # A node is inside when it is the cut or its parent is inside: parents come first.
        is_inside = place == cut or (at > 0 and plan[units[forest.parent[place]]] == inside and place != cut)
        plan[units[place]] = inside if is_inside else outside
    sums_in, sums_out = forest.sums[cut], forest.other
    for f in range(width + 2):
        sums_out[f] = forest.whole[f] - sums_in[f]
    extra_in, extra_out = 0.0, 0.0
    if ground.wants[3]:
        extra_in = sums_in[width + 1] if flip else sums_in[width]
        extra_out = sums_out[width] if flip else sums_out[width + 1]
    excess_in = excess_of(ground, inside, sums_in)
    excess_out = excess_of(ground, outside, sums_out)
    cost_in, centre_in = cost_of(ground, units, count, plan, inside, sums_in, -1)
    cost_out, centre_out = cost_of(ground, units, count, plan, outside, sums_out, -1)
    change = cost_in + extra_in + cost_out + extra_out - chain.costs[one] - chain.costs[two]
    change += penalty * (excess_in + excess_out - chain.excess[one] - chain.excess[two])
    if change > bar:
        for place in range(count):
            plan[units[place]] = forest.old[place]
        return False
    chain.sizes[one], chain.sizes[two] = 0, 0
    for place in range(count):
        i = units[place]
        t = plan[i]
        chain.members[t, chain.sizes[t]] = i
        chain.places[i] = chain.sizes[t]
        chain.sizes[t] += 1
    for f in range(width):
        chain.sums[inside, f], chain.sums[outside, f] = sums_in[f], sums_out[f]
    chain.extras[inside], chain.extras[outside] = extra_in, extra_out
    chain.costs[inside], chain.costs[outside] = cost_in + extra_in, cost_out + extra_out
    chain.excess[inside], chain.excess[outside] = excess_in, excess_out
    chain.centres[inside], chain.centres[outside] = centre_in, centre_out
    return True


@outer
def recombine(ground, chain, forest, pool, steps, heat, cooling, penalty, rising, bias):
    """Merge and split neighbours; after each step heat is multiplied by ``cooling`` and penalty by ``rising``.

    Sets that could be a territory are kept in ``pool`` while it has room. Return the number of splits taken.
    """
    k, taken = len(chain.sizes), 0
    list_border(ground, chain)
    for _ in range(steps):
        heat *= cooling
        penalty *= rising
        if chain.border_starts[k] == 0:
            break
        arc = chain.border[below(chain.random, chain.border_starts[k])]
        one = np.int64(chain.plan[ground.sources[arc]])
        two = np.int64(chain.plan[ground.neighbours[arc]])
        count = 0
        for t in (one, two):
            for place in range(chain.sizes[t]):
                forest.units[count] = chain.members[t, place]
                count += 1
        if not grow_tree(ground, chain, forest, count, one, two, bias):
            continue
        hang_tree(forest, count)
        sum_tree(ground, forest, count, one, two)
        collect(ground, forest, pool, count, one)
        cut, flip = best_edge(ground, forest, count, one, two, penalty)
        bar = -heat * np.log(uniform(chain.random) + 1e-300)
        if split(ground, chain, forest, count, one, two, cut, flip, bar, penalty):
            taken += 1
            total(chain)
            keep_best(chain)
            list_border(ground, chain)
    return taken
