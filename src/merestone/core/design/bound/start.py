"""First multipliers: of a quick division of the units among moving centres with prices."""

from __future__ import annotations

import numpy as np

from merestone.core.design.loops import bounds as loops

ROUNDS = 60


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
    mean = mass.sum() / k
    for turn in range(ROUNDS):
        costs = _costs(ground, x[:, None] - centres[:, 0], y[:, None] - centres[:, 1])
        choice = np.argmin(costs + prices, axis=1)
        held = np.bincount(choice, mass, k)
        typical = float((costs[np.arange(len(x)), choice] * mass).sum() / mass.sum())
        if not ground.has_free:
            prices += 0.5 * typical * (held / mean - 1.0) * min(1.0, 10.0 / (turn + 1.0))
        if turn < ROUNDS - 20:
            pull = mass * ground.factor
            total = np.maximum(np.bincount(choice, pull, k), 1e-300)
            moved = np.stack([np.bincount(choice, pull * x, k), np.bincount(choice, pull * y, k)], axis=1)
            has_any = held > 0
            centres[has_any] = (moved / total[:, None])[has_any]
    taken = costs[np.arange(len(x)), choice]
    cost = float((ground.share * taken).sum())
    gains = (costs + prices).min(axis=1)
    if ground.has_free and k > 1:
        two = np.partition(costs, 1, axis=1)
        gains = np.where(ground.amount > 0, gains, 0.5 * (two[:, 0] + two[:, 1]))
    return np.ascontiguousarray(gains), cost


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
