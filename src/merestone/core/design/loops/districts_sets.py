"""Every balanced, connected set of units round a centre whose cost, less its units' prices, is below a limit.

Sets are grown from the centre: a unit next to the set is taken in, or shut out for good, so that each set is met once.
A branch ends when not even the cheapest units left, of which the last may be split, fill the set to its lower bound for
less than the limit, or when what can still be reached is too little. A set is kept at the one of its units that is its
centre, so that it is kept once. Many limits and prices are asked for one after another: a growth can be left and gone on
with.

References
----------
Wernicke, S. (2006). Efficient detection of network motifs. IEEE/ACM Transactions on Computational Biology and
Bioinformatics 3(4), 347–359 (each connected set once). doi:10.1109/TCBB.2006.51
Baldacci, R., Christofides, N. & Mingozzi, A. (2008). An exact algorithm for the vehicle routing problem based on the set
partitioning formulation with additional cuts. Mathematical Programming 115, 351–385 (all columns within the gap).
doi:10.1007/s10107-007-0178-5
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from merestone.core.design.loops.districts import FIRST_AMOUNT, SLACK, distance, excess_of, inner, outer

FREE, IN, OUT = 0, 1, 2
DEPTH, SHUT, FOUND, STAMP, STAGE = 0, 1, 2, 3, 4
"""Of ``at``: decisions made, units shut out, sets kept, the mark of the last walk, and what comes next."""
AHEAD, BACK, DONE = 0, 1, 2
TIE = 1e-12
ROUNDED = 10.0 * SLACK
"""Sums kept step by step are less exact than those of a whole set, which decide."""


class Growth(NamedTuple):
    """Where the growing of sets round a centre stands.

    ``costs`` of the units round this centre less their prices, ``order`` by cost for the amount; ``states`` and
    ``fronts``: what became of each unit, and how many of its neighbours are in. ``units``, ``sides`` and ``marks`` are the
    decisions, ``shut`` the units shut out by them. ``columns`` and ``values`` are the sets kept. ``spent``: cost and amount
    of the set, the limit.
    """

    costs: np.ndarray
    order: np.ndarray
    states: np.ndarray
    fronts: np.ndarray
    units: np.ndarray
    sides: np.ndarray
    marks: np.ndarray
    shut: np.ndarray
    seen: np.ndarray
    queue: np.ndarray
    sums: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    at: np.ndarray
    spent: np.ndarray


@inner
def take(ground, growth, activity, unit, by):
    """Put a unit into the set, or take it out of it again."""
    growth.spent[0] += by * growth.costs[unit]
    growth.spent[1] += by * ground.features[unit, FIRST_AMOUNT + activity]
    for a in range(ground.starts[unit], ground.starts[unit + 1]):
        growth.fronts[ground.neighbours[a]] += by


@inner
def promises(ground, growth, activity):
    """Whether the set could be filled for less than the limit, by units left that need not touch it."""
    spent, amount, limit = growth.spent[0], growth.spent[1], growth.spent[2]
    most, least = ground.upper[activity, 0] - amount + ROUNDED, ground.lower[activity, 0] - amount - ROUNDED
    if most < 0.0:
        return False
    taken = 0.0
    for place in range(len(growth.order)):
        unit = growth.order[place]
        if growth.states[unit] != FREE:
            continue
        cost, more = growth.costs[unit], ground.features[unit, FIRST_AMOUNT + activity]
        goal = most if cost < 0.0 else least
        if cost >= 0.0:
            if taken >= least:
                break
            if more <= 0.0:
                continue
        if taken + more <= goal:
            spent += cost
            taken += more
        elif taken < goal:
            spent += cost * (goal - taken) / more
            taken = goal
    return taken >= least and spent < limit


@inner
def reach(ground, growth, activity, centre):
    """Shut out what cannot be reached any more; return whether enough is left."""
    growth.at[STAMP] += 1
    stamp = growth.at[STAMP]
    growth.queue[0], growth.seen[centre] = centre, stamp
    head, tail, amount = 0, 1, 0.0
    while head < tail:
        unit = growth.queue[head]
        head += 1
        amount += ground.features[unit, FIRST_AMOUNT + activity]
        for a in range(ground.starts[unit], ground.starts[unit + 1]):
            other = ground.neighbours[a]
            if growth.states[other] != OUT and growth.seen[other] != stamp:
                growth.seen[other] = stamp
                growth.queue[tail] = other
                tail += 1
    for unit in range(len(growth.states)):
        if growth.states[unit] == FREE and growth.seen[unit] != stamp:
            growth.states[unit] = OUT
            growth.shut[growth.at[SHUT]] = unit
            growth.at[SHUT] += 1
    return amount >= ground.lower[activity, 0] - ROUNDED


@inner
def is_centre(ground, growth, centre):
    """Whether no other unit of the set is a better centre, nor an equal one that comes before it; sums are of the set."""
    n = len(growth.states)
    if ground.wants[1]:
        own = -1.0
        for turn in range(2):
            for a in range(n):
                if growth.states[a] != IN or (turn == 0) != (a == centre):
                    continue
                total = 0.0
                for b in range(n):
                    if growth.states[b] == IN:
                        total += ground.features[b, 0] * distance(ground, b, a)
                if turn == 0:
                    own = total
                elif total < own - TIE * own or (a < centre and total <= own + TIE * own):
                    return False
        return True
    weight = growth.sums[0]
    if weight <= 0.0:
        return True
    x, y = growth.sums[1] / weight, growth.sums[2] / weight
    own = (ground.x[centre] - x) ** 2 + (ground.y[centre] - y) ** 2
    for a in range(n):
        if growth.states[a] == IN and a != centre:
            away = (ground.x[a] - x) ** 2 + (ground.y[a] - y) ** 2
            if away < own - TIE * own or (a < centre and away <= own + TIE * own):
                return False
    return True


@inner
def dearest(values):
    """Return the place of the greatest value."""
    place = 0
    for other in range(1, len(values)):
        if values[other] > values[place]:
            place = other
    return place


@inner
def keep(ground, growth, centre, is_best):
    """Keep the set, if it is within all bounds and the centre is its own; the dearest leaves when there is no room."""
    n = len(growth.states)
    growth.sums[:] = 0.0
    for unit in range(n):
        if growth.states[unit] == IN:
            for f in range(len(growth.sums)):
                growth.sums[f] += ground.features[unit, f]
    if excess_of(ground, 0, growth.sums) > 0.0 or not is_centre(ground, growth, centre):
        return
    place = growth.at[FOUND]
    if place == len(growth.values):
        place = np.int64(dearest(growth.values))
    else:
        growth.at[FOUND] += 1
    growth.values[place] = growth.spent[0]
    for word in range(growth.columns.shape[1]):
        growth.columns[place, word] = 0
    for unit in range(n):
        if growth.states[unit] == IN:
            growth.columns[place, unit >> 6] |= np.uint64(1) << np.uint64(unit & 63)
    if is_best and growth.at[FOUND] == len(growth.values):
        growth.spent[2] = min(growth.spent[2], growth.values[dearest(growth.values)])


@outer
def begin(ground, growth, activity, centre, limit):
    """Start with the centre alone; costs and order are the caller's."""
    growth.states[:] = FREE
    growth.fronts[:] = 0
    growth.spent[0], growth.spent[1], growth.spent[2] = 0.0, 0.0, limit
    growth.at[DEPTH], growth.at[SHUT], growth.at[FOUND], growth.at[STAGE] = 0, 0, 0, AHEAD
    growth.states[centre] = IN
    take(ground, growth, activity, centre, 1)


@outer
def grow(ground, growth, activity, centre, effort, is_best):
    """Meet sets for so many steps; return the steps left: none when it has to be gone on with, or there is no more room.

    With ``is_best`` only the cheapest are kept when there is no more room.
    """
    while effort > 0 and growth.at[STAGE] != DONE:
        if growth.at[STAGE] == AHEAD:
            effort -= 1
            growth.at[STAGE] = BACK
            if not promises(ground, growth, activity):
                continue
            if growth.at[DEPTH] == 0 or growth.sides[growth.at[DEPTH] - 1] == IN:
                is_enough = growth.spent[1] >= ground.lower[activity, 0] - ROUNDED
                if is_enough and growth.spent[0] < growth.spent[2]:
                    keep(ground, growth, centre, is_best)
            unit = -1
            for place in range(len(growth.order)):
                if growth.states[growth.order[place]] == FREE and growth.fronts[growth.order[place]] > 0:
                    unit = growth.order[place]
                    break
            if unit >= 0:
                depth = growth.at[DEPTH]
                growth.units[depth], growth.sides[depth], growth.marks[depth] = unit, IN, growth.at[SHUT]
                growth.at[DEPTH] += 1
                growth.states[unit] = IN
                take(ground, growth, activity, unit, 1)
                growth.at[STAGE] = AHEAD
            if not is_best and growth.at[FOUND] == len(growth.values):
                return 0
            continue
        while growth.at[DEPTH] > 0 and growth.sides[growth.at[DEPTH] - 1] == OUT:
            growth.at[DEPTH] -= 1
            while growth.at[SHUT] > growth.marks[growth.at[DEPTH]]:
                growth.at[SHUT] -= 1
                growth.states[growth.shut[growth.at[SHUT]]] = FREE
        if growth.at[DEPTH] == 0:
            growth.at[STAGE] = DONE
            break
        depth = growth.at[DEPTH] - 1
        unit = growth.units[depth]
        take(ground, growth, activity, unit, -1)
        growth.states[unit] = OUT
        growth.sides[depth], growth.marks[depth] = OUT, growth.at[SHUT]
        growth.shut[growth.at[SHUT]] = unit
        growth.at[SHUT] += 1
        if reach(ground, growth, activity, centre):
            growth.at[STAGE] = AHEAD
    return effort
