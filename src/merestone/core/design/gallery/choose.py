"""Which plans to show: none worse than another in every way, the best of each kind, then those farthest apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from merestone.core.design.gallery.found import Measures

DIFFERENT = 0.002
"""Plans shown differ in at least this share of the units, and in at least one."""


def undominated(measures: Sequence[Measures]) -> list[int]:
    """Return the places of those no other dominates; of several alike, the first."""
    kept = []
    for at, one in enumerate(measures):
        is_beaten = any(
            other.dominates(one) or (other.values == one.values and before < at)
            for before, other in enumerate(measures)
        )
        if not is_beaten:
            kept.append(at)
    return kept


def spread(plans: Sequence[np.ndarray], measures: Sequence[Measures], count: int) -> list[int]:
    """Return the places of at most ``count`` plans of the frontier, in the order they were picked.

    First the best of each measure, the cheapest before all, and the one nearest to all of these at once; then always the
    one farthest from those picked (Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5).
    """
    frontier = undominated(measures)
    if not frontier:
        return []
    table = np.array([measures[at].values for at in frontier])
    low, high = table.min(axis=0), table.max(axis=0)
    scaled = (table - low) / np.where(high > low, high - low, 1.0)
    picked: list[int] = []

    def take(order: np.ndarray) -> None:
        for at in order.tolist():
            if at in picked or len(picked) >= count:
                return
            if all(_differ(plans[frontier[at]], plans[frontier[one]]) for one in picked):
                picked.append(at)
                return

    for axis in (1, 0, 2):
        if high[axis] > low[axis] or not picked:
            rest = [each for each in (1, 0, 2) if each != axis]
            take(np.lexsort((scaled[:, rest[1]], scaled[:, rest[0]], scaled[:, axis]))[:1])
    take(np.argsort((scaled**2).sum(axis=1), kind="stable")[:1])
    left = [at for at in range(len(frontier)) if at not in picked]
    while left and len(picked) < count:
        away = np.abs(scaled[left][:, None, :] - scaled[picked][None, :, :]).sum(axis=2).min(axis=1)
        at = left.pop(int(np.argmax(away)))
        if all(_differ(plans[frontier[at]], plans[frontier[one]]) for one in picked):
            picked.append(at)
    return [frontier[at] for at in picked]


def _differ(one: np.ndarray, other: np.ndarray) -> bool:
    return int((one != other).sum()) >= max(1, int(DIFFERENT * len(one)))
