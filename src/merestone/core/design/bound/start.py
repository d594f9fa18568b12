"""First multipliers: of a quick division of the units among moving centres with prices."""

from __future__ import annotations

import numpy as np

from merestone.core.design.loops import bounds as loops

MOVES, EVENINGS = 25, 8
"""How often centres move, and how often prices change before each move; many times more at the end."""
LAST_EVENINGS = 200


def first_gains(ground: loops.Ground, k: int) -> tuple[np.ndarray, float]:
    """Return multipliers, and about what a plan costs.

    Territories are drawn round centres that move to their middles; a price for each centre makes the territories
    equally large. The multipliers are the units' costs at their centres, less the prices.
    """
    random = np.random.default_rng(7)
    x, y = ground.x, ground.y
    mass = np.where(ground.amount > 0, ground.amount, ground.share)
    centres = _spread(random, ground, mass, k)
    prices = np.zeros(k)
    everyone = np.arange(len(x))
    held_least, held_most = _limits(ground, mass.sum() / k)
    for move in range(MOVES + 1):
        costs = _costs(ground, x[:, None] - centres[:, 0], y[:, None] - centres[:, 1])
        rounds = LAST_EVENINGS if move == MOVES else EVENINGS
        for turn in range(rounds):
            choice = np.argmin(costs + prices, axis=1)
            if ground.has_free:
                break
            held = np.bincount(choice, mass, k)
            paid = np.bincount(choice, mass * costs[everyone, choice], k)
            typical = np.where(held > 0, paid / np.maximum(held, 1e-300), paid.sum() / mass.sum())
            pace = 0.5 / (1.0 + 0.05 * turn)
            push = np.where(
                held > held_most, held / held_most - 1.0, np.minimum(held / held_least - 1.0, 0.0)
            )
            slack = (held <= held_most) & (held >= held_least)
            prices = np.where(slack, 0.9 * prices, prices + pace * typical * np.clip(push, -1.0, 1.0))
            if not ground.lower.any():
                prices = np.maximum(prices, 0.0)
        if move < MOVES:
            pull = mass * ground.factor
            total = np.bincount(choice, pull, k)
            moved = np.stack([np.bincount(choice, pull * x, k), np.bincount(choice, pull * y, k)], axis=1)
            has_any = total > 0
            centres[has_any] = moved[has_any] / total[has_any, None]
    taken = costs[everyone, choice]
    cost = float((ground.share * taken).sum())
    gains = costs.min(axis=1)
    if ground.has_free and k > 1:
        two = np.partition(costs, 1, axis=1)
        gains = np.where(ground.amount > 0, gains, 0.5 * (two[:, 0] + two[:, 1]))
    return np.ascontiguousarray(gains), cost


def _limits(ground: loops.Ground, mean: float) -> tuple[float, float]:
    """Return about how little and how much a territory may hold."""
    middle = (float(np.median(ground.lower)) + min(float(np.median(ground.upper)), 2.0 * mean)) / 2.0
    if ground.lower.any():
        return max(middle, 1e-12), max(middle, 1e-12)
    return 1e-12, max(float(np.median(ground.upper)), 1e-12)


def _costs(ground: loops.Ground, east: np.ndarray, north: np.ndarray) -> np.ndarray:
    square = east**2 + north**2
    apart = square / 1e6 if ground.form == loops.SQUARE else np.sqrt(square) / 1e3
    return np.asarray(ground.factor[:, None] * apart)


def _spread(random: np.random.Generator, ground: loops.Ground, mass: np.ndarray, k: int) -> np.ndarray:
    """Choose first centres far from each other (Arthur & Vassilvitskii 2007)."""
    x, y = ground.x, ground.y
    first = int(random.choice(len(x), p=mass / mass.sum()))
    chosen = [first]
    away = (x - x[first]) ** 2 + (y - y[first]) ** 2
    for _ in range(k - 1):
        odds = mass * away
        total = odds.sum()
        unit = int(random.choice(len(x), p=odds / total)) if total > 0 else int(random.integers(len(x)))
        chosen.append(unit)
        away = np.minimum(away, (x - x[unit]) ** 2 + (y - y[unit]) ** 2)
    return np.stack([x[chosen], y[chosen]], axis=1)
