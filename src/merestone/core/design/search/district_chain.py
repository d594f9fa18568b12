"""One chain: a grown plan, annealed by recombination of neighbours, then by shifts and swaps of units.

How many steps a chain makes is said beforehand; the clock only ends it early.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.loops.districts import Chain, Ground, anneal, restart
from merestone.core.design.loops.districts_pool import Pool
from merestone.core.design.loops.districts_trees import recombine
from merestone.core.design.search.district_ground import make_chain, make_forest, make_pool
from merestone.core.design.search.district_start import strays

BATCH_SECONDS = 0.1
"""About how long compiled code runs between two looks at the control."""
NODE_SECONDS = 0.13e-6
"""About what a unit of two merged territories costs in a step of recombination."""
ARC_SECONDS = 1e-9
MOVE_SECONDS = 0.5e-6
"""About what one try of a shift or swap costs."""
MOST_HEAT = 30
"""Heat grows with the number of territories up to so many."""
SMALL = 40
"""With fewer units a territory, as of counties, one unit weighs much: more heat is needed, and no straight cuts."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Steps and temperatures of a chain, in mean costs of a territory.

    Parameters
    ----------
    splits, moves : int
        Steps of recombination; tries of shifts and swaps.
    heat : tuple of float
        At the first and last split, at the first and last move.
    penalty : tuple of float
        Of an excess as large as a territory's mean: at first and last.
    bias : float
        Share of splits along a straight line.
    swaps : float
        Share of swaps among moves.
    """

    splits: int
    moves: int
    heat: tuple[float, float, float, float]
    penalty: tuple[float, float]
    bias: float
    swaps: float = 0.6


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """A chain's best plan: its excess in means of a territory, its cost, and units away from their territory's rest."""

    excess: float
    cost: float
    plan: np.ndarray
    strays: int = 0

    @property
    def rank(self) -> tuple[float, float]:
        """What is less is better: how much is broken, then the cost."""
        return ((self.excess if self.excess > 1e-9 else 0.0) + self.strays, self.cost)


def outcome_of(ground: Ground, chain: Chain) -> Outcome:
    """Return the best plan a chain has seen."""
    plan = chain.best.copy()
    return Outcome(float(chain.worth[2]), float(chain.worth[3]), plan, strays(ground, plan))


def split_seconds(ground: Ground) -> float:
    """Return about how long a step of recombination takes."""
    n, k = len(ground.x), len(ground.has_home)
    return 1e-6 + NODE_SECONDS * 2 * n / k + ARC_SECONDS * len(ground.sources)


def schedule(ground: Ground, seconds: float, *, is_hot: bool = False) -> Schedule:
    """Return the steps of a chain that takes about so long; a hot one gets away from bad starts, and settles later."""
    n, k = len(ground.x), len(ground.has_home)
    is_small = n < SMALL * k
    splits = int(0.65 * seconds / split_seconds(ground))
    moves = int(0.35 * seconds / MOVE_SECONDS)
    if is_small:
        return Schedule(splits, moves // 8, (0.1, 0.005, 5e-3, 5e-5), (40.0, 1000.0), 0.0)
    # Detours between good plans are the dearer, by what a territory costs, the more territories there are.
    scale = min(k, MOST_HEAT) if is_hot else 1.0
    return Schedule(splits, moves, (0.02 * scale, 3e-4 * scale, 5e-4, 1e-5), (10.0, 250.0), 0.8)


def run(
    ground: Ground,
    plan: np.ndarray,
    steps: Schedule,
    *,
    seed: int,
    control: Control,
    pool: Pool | None = None,
) -> Outcome:
    """Return the best plan of a chain that starts from a plan; it is never worse than that.

    Sets of units that could be a territory are kept in ``pool``, where one is given.
    """
    chain = make_chain(ground, plan, seed)
    restart(ground, chain)
    if len(ground.has_home) > 1:
        heat = _unit_heat(ground, chain)
        forest = make_forest(ground)
        kept = pool if pool is not None else make_pool(ground, 0)
        size = max(1, int(BATCH_SECONDS / split_seconds(ground)))

        def split(count: int, hot: float, cooling: float, penalty: float, rising: float) -> None:
            recombine(ground, chain, forest, kept, count, hot, cooling, penalty, rising, steps.bias)

        def move(count: int, hot: float, cooling: float, penalty: float, rising: float) -> None:
            anneal(ground, chain, count, hot, cooling, penalty, rising, steps.swaps)

        ends = tuple(heat * one for one in steps.heat), tuple(heat * one for one in steps.penalty)
        _cool(split, steps.splits, size, ends[0][:2], ends[1], control, chain=chain, ground=ground)
        chain.plan[:] = chain.best
        size = max(1, int(BATCH_SECONDS / MOVE_SECONDS))
        _cool(move, steps.moves, size, ends[0][2:], ends[1], control, chain=chain, ground=ground)
    return outcome_of(ground, chain)


def _unit_heat(ground: Ground, chain: Chain) -> float:
    """Return what a territory costs about: as a disk of its share of the map would, or as it does, if that is less."""
    weight = ground.features[:, 0].sum()
    centre = ground.features[:, 1:3].sum(axis=0) / max(weight, 1e-300)
    about = ground.features[:, 3].sum() - weight * float(centre @ centre)
    k = len(ground.has_home)
    each = about / k if not ground.wants[1] else np.sqrt(max(0.0, about * weight)) / np.sqrt(k)
    return max(float(min(each / k, chain.worth[1] / k)), 1e-12)


def _cool(step, steps, size, heat, penalty, control, *, chain, ground) -> None:  # type: ignore[no-untyped-def]
    if steps <= 0:
        return
    cooling = (heat[1] / heat[0]) ** (1.0 / steps)
    rising = (penalty[1] / penalty[0]) ** (1.0 / steps)
    done = 0
    while done < steps and not control.must_stop():
        restart(ground, chain)
        count = min(size, steps - done)
        step(count, heat[0] * cooling**done, cooling, penalty[0] * rising**done, rising)
        done += count
