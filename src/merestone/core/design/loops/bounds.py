"""Compiled loops of lower bounds: one continuous knapsack per centre, and steps along subgradients.

Units stand in blocks of near ones. The bounds of a block tell whether any of its units can be worth taking to a centre
(``least`` possible ratio against ``cut``): most blocks are passed over. A *ratio* is what a unit costs more at a centre
than its multiplier pays, per unit of its ``share`` of the multiplier.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

SQUARE, METRIC, FLOORED = 0, 1, 2
BLOCK = 16
NUDGE, NEGLIGIBLE = 1e-7, 1e-12
ENOUGH = 1e-6
"""A sum may miss its bound by so much: the judge allows it."""


class Ground(NamedTuple):
    """Units in blocks, and the columns: places that may be centres."""

    x: np.ndarray
    y: np.ndarray
    factor: np.ndarray
    """What a unit's distance counts for, per ``share``."""
    amount: np.ndarray
    share: np.ndarray
    """What a multiplier is per: the amount, or where it is none the weight."""
    boxes: np.ndarray
    """(blocks, 5): least and greatest x and y, least factor."""
    centre_x: np.ndarray
    centre_y: np.ndarray
    own: np.ndarray
    """The unit that is the centre and must be a member, or -1."""
    lower: np.ndarray
    upper: np.ndarray
    form: int
    has_free: bool
    """Whether any unit has no amount."""


class Room(NamedTuple):
    """Working memory of one thread."""

    ratios: np.ndarray
    amounts: np.ndarray
    tops: np.ndarray
    """(blocks,) greatest multiplier."""
    levels: np.ndarray
    """(columns,) ratio to which each column was filled last."""
    worth: np.ndarray
    """(columns,) no more than the least value of a column, infinite where it cannot be."""
    chosen: np.ndarray
    """(columns,) 1 where chosen."""
    cover: np.ndarray
    flow: np.ndarray
    """(units,) direction."""
    last: np.ndarray
    """(units,) multipliers when ``worth`` was looked at last."""
    use: np.ndarray
    """(columns,) how often each column was chosen lately."""


@njit(nogil=True, cache=True, inline="always")
def _apart(square: float, form: int) -> float:
    """Cost of one weight at a squared distance in square metres."""
    if form == SQUARE:
        return square * 1e-6
    metres = np.sqrt(square)
    if form == FLOORED:
        metres = np.floor(metres)
    return metres * 1e-3


@njit(nogil=True, cache=True)
def fill(ratios: np.ndarray, amounts: np.ndarray, count: int, target: float) -> tuple[float, float]:
    """Return the least Σ ratio × amount of ``target`` amounts, and the greatest ratio taken (weighted quickselect)."""
    low, high, held, value = 0, count, 0.0, 0.0
    while low < high:
        a, b, c = ratios[low], ratios[(low + high) // 2], ratios[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        under, over, at = low, high, low
        sum_under, sum_at, value_under = 0.0, 0.0, 0.0
        while at < over:
            ratio, amount = ratios[at], amounts[at]
            if ratio < pivot:
                sum_under += amount
                value_under += ratio * amount
                ratios[at], amounts[at] = ratios[under], amounts[under]
                ratios[under], amounts[under] = ratio, amount
                under += 1
                at += 1
            elif ratio > pivot:
                over -= 1
                ratios[at], amounts[at] = ratios[over], amounts[over]
                ratios[over], amounts[over] = ratio, amount
            else:
                sum_at += amount
                at += 1
        if held + sum_under >= target:
            high = under
            continue
        if held + sum_under + sum_at >= target:
            return value + value_under + pivot * (target - held - sum_under), pivot
        held += sum_under + sum_at
        value += value_under + pivot * sum_at
        low = over
    return value, np.inf


@njit(nogil=True, cache=True)
def collect(
    ground: Ground, room: Room, gains: np.ndarray, column: int, cut: float
) -> tuple[int, float, float, float, float]:
    """Gather the units with a ratio below ``cut``: their number and amount, those below 0, value, what is free."""
    x, y, own, form = ground.centre_x[column], ground.centre_y[column], ground.own[column], ground.form
    count, mass, below, value, free = 0, 0.0, 0.0, 0.0, 0.0
    n = len(ground.x)
    for block in range(len(room.tops)):
        west = max(0.0, max(ground.boxes[block, 0] - x, x - ground.boxes[block, 1]))
        south = max(0.0, max(ground.boxes[block, 2] - y, y - ground.boxes[block, 3]))
        square = west * west + south * south
        if ground.boxes[block, 4] * _apart(square, form) - room.tops[block] >= cut:
            continue
        for unit in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
            east, north = ground.x[unit] - x, ground.y[unit] - y
            ratio = ground.factor[unit] * _apart(east * east + north * north, form) - gains[unit]
            if ratio >= cut or unit == own:
                continue
            amount = ground.amount[unit]
            if amount == 0.0:
                if ratio < 0.0:
                    free += ground.share[unit] * ratio
                continue
            room.ratios[count] = ratio
            room.amounts[count] = amount
            count += 1
            mass += amount
            if ratio < 0.0:
                below += amount
                value += ratio * amount
    return count, mass, below, value, free


@njit(nogil=True, cache=True)
def price(ground: Ground, room: Room, gains: np.ndarray, column: int, cut: float, step: float) -> None:
    """Work out the least value of a column, and to which ratio it is filled."""
    own = ground.own[column]
    low, high, base = ground.lower[column], ground.upper[column], 0.0
    if own >= 0:
        base = -ground.share[own] * gains[own]
        low -= ground.amount[own]
        high -= ground.amount[own]
    room.worth[column] = np.inf
    room.levels[column] = np.inf
    if high < -ENOUGH:
        return
    high = max(0.0, high)
    if ground.has_free:
        cut = max(cut, 0.0)
    while True:
        count, mass, below, value, free = collect(ground, room, gains, column, cut)
        if mass >= (low if cut >= 0.0 else high):
            break
        if cut == np.inf:
            if mass >= low - ENOUGH:
                low = mass
                break
            return
        cut += step
        step *= 4.0
        if step > 1e30:
            cut = np.inf
    level = 0.0
    if below > high:
        value, level = fill(room.ratios, room.amounts, count, high)
    elif below < low:
        value, level = fill(room.ratios, room.amounts, count, low)
    room.worth[column] = base + value + free
    room.levels[column] = level


@njit(nogil=True, cache=True)
def choose(room: Room, columns: np.ndarray, starts: np.ndarray, wanted: np.ndarray) -> float:
    """Choose in each cell as many columns as are wanted, the least; return their worth."""
    total = 0.0
    for cell in range(len(wanted)):
        first, last, left = starts[cell], starts[cell + 1], wanted[cell]
        for at in range(first, last):
            room.chosen[columns[at]] = 0
        if left == 0:
            continue
        if last - first < left:
            return np.inf
        for at in range(first, last):
            room.ratios[at - first] = room.worth[columns[at]]
            room.amounts[at - first] = 1.0
        _, level = fill(room.ratios, room.amounts, last - first, float(left))
        if level == np.inf:
            return np.inf
        for equal in range(2):
            for at in range(first, last):
                column = columns[at]
                worth = room.worth[column]
                if left > 0 and ((equal == 0 and worth < level) or (equal == 1 and worth == level)):
                    room.chosen[column] = 1
                    total += worth
                    left -= 1
    return total


@njit(nogil=True, cache=True)
def take(ground: Ground, room: Room, gains: np.ndarray, column: int) -> None:
    """Add to ``cover`` what a column takes of each unit."""
    x, y, own, form = ground.centre_x[column], ground.centre_y[column], ground.own[column], ground.form
    level, n = room.levels[column], len(ground.x)
    left = ground.upper[column] if level <= 0.0 else ground.lower[column]
    if own >= 0:
        room.cover[own] += 1.0
        left -= ground.amount[own]
    for equal in range(2):
        if equal == 1 and level == 0.0:
            break
        for block in range(len(room.tops)):
            west = max(0.0, max(ground.boxes[block, 0] - x, x - ground.boxes[block, 1]))
            south = max(0.0, max(ground.boxes[block, 2] - y, y - ground.boxes[block, 3]))
            least = ground.boxes[block, 4] * _apart(west * west + south * south, form) - room.tops[block]
            if least > level and (least >= 0.0 or not ground.has_free):
                continue
            for unit in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
                if unit == own:
                    continue
                east, north = ground.x[unit] - x, ground.y[unit] - y
                ratio = ground.factor[unit] * _apart(east * east + north * north, form) - gains[unit]
                amount = ground.amount[unit]
                if amount == 0.0:
                    if equal == 0 and ratio < 0.0:
                        room.cover[unit] += 1.0
                elif equal == 0 and ratio < level:
                    room.cover[unit] += 1.0
                    left -= amount
                elif equal == 1 and ratio == level and left > 0.0:
                    room.cover[unit] += min(1.0, left / amount)
                    left -= amount


@njit(nogil=True, cache=True)
def look(room: Room, gains: np.ndarray) -> float:
    """Set the blocks' greatest multipliers; return by how much any multiplier rose since the last look."""
    n, rise = len(gains), 0.0
    for block in range(len(room.tops)):
        top = -np.inf
        for unit in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
            top = max(top, gains[unit])
            rise = max(rise, gains[unit] - room.last[unit])
            room.last[unit] = gains[unit]
        room.tops[block] = top
    return rise


@njit(nogil=True, cache=True)
def evaluate(
    ground: Ground,
    room: Room,
    gains: np.ndarray,
    columns: np.ndarray,
    starts: np.ndarray,
    wanted: np.ndarray,
    margin: float,
) -> float:
    """Return the bound of a node for these multipliers; no plan whose centres are so many in each cell costs less.

    A column's worth falls by no more than its greatest amount times the greatest rise of a multiplier: columns that cannot
    be among the least are not priced anew.
    """
    n = len(gains)
    rise = look(room, gains)
    for column in columns:
        held = ground.upper[column] if not ground.has_free else np.inf
        if rise > 0.0:
            room.worth[column] -= held * rise + NEGLIGIBLE * abs(room.worth[column])
    for cell in range(len(wanted)):
        highest, count = -np.inf, 0
        for turn in range(2):
            for at in range(starts[cell], starts[cell + 1]):
                column = columns[at]
                was_chosen = room.chosen[column] == 1
                if was_chosen != (turn == 0) or (turn == 1 and room.worth[column] > highest):
                    continue
                level = room.levels[column]
                nudge = margin + NUDGE * (1.0 + abs(level))
                price(ground, room, gains, column, level + nudge if level < np.inf else np.inf, nudge)
                if turn == 0:
                    highest = max(highest, room.worth[column])
                    count += 1
            if count < wanted[cell]:
                highest = np.inf
    total = choose(room, columns, starts, wanted)
    rounding = abs(total)
    for unit in range(n):
        part = ground.share[unit] * gains[unit]
        total += part
        rounding += abs(part)
    return total - 1e-10 * rounding


@njit(nogil=True, cache=True)
def ascend(
    ground: Ground,
    room: Room,
    gains: np.ndarray,
    best: np.ndarray,
    columns: np.ndarray,
    starts: np.ndarray,
    wanted: np.ndarray,
    goal: float,
    control: np.ndarray,
    steps: int,
) -> float:
    """Take steps from ``gains``; keep the best multipliers in ``best`` and return their value.

    ``control`` holds what goes on between calls: step size, failures in a row, last margin, memory of the direction, best
    value so far, share of the old direction, failures before the step shrinks, by how much it shrinks.
    """
    n = len(gains)
    for _ in range(steps):
        value = evaluate(ground, room, gains, columns, starts, wanted, control[2])
        if value == np.inf:
            control[4] = np.inf
            return np.inf
        if value > control[4]:
            if value > control[4] + 1e-4 * (goal - control[4]):
                control[1] = 0.0
            control[4] = value
            best[:] = gains
        if value >= goal:
            return control[4]
        control[1] += 1.0
        if control[1] > control[6]:
            control[0] *= control[7]
            control[1] = 0.0
            gains[:] = best
            continue
        for unit in range(n):
            room.cover[unit] = 0.0
        for column in columns:
            if room.chosen[column] == 1:
                take(ground, room, gains, column)
            room.use[column] += 0.05 * (room.chosen[column] - room.use[column])
        old = control[5] if control[3] > 0.0 else 0.0
        control[3] = 1.0
        norm = 0.0
        for unit in range(n):
            room.flow[unit] = old * room.flow[unit] + (1.0 - old) * (1.0 - room.cover[unit])
            norm += ground.share[unit] * room.flow[unit] * room.flow[unit]
        if norm <= 0.0:
            return control[4]
        size = control[0] * (goal - value) / norm
        widest = 0.0
        for unit in range(n):
            change = size * room.flow[unit]
            gains[unit] += change
            widest = max(widest, abs(change))
        control[2] = widest
    return control[4]
