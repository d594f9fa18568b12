"""A plan of a gallery in words: what it is best at, and what that costs elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from merestone.core.design.gallery.found import Measures
from merestone.core.design.problem import Objective

CHEAPEST = {
    Objective.INERTIA: ("Most compact", "less compact than the most compact"),
    Objective.DISTANCE: ("Shortest distances", "farther than the shortest"),
    Objective.TRAVEL: ("Least travel", "more travel than the least"),
}
EVEN, STILL, MIDDLE = "Most even", "Fewest moves", "Nearest to the best in everything at once"


def best_at(measures: Sequence[Measures], objective: Objective, *, has_today: bool) -> list[tuple[str, ...]]:
    """Return for each plan what it is best at among all."""
    table = [one.values for one in measures]
    low = [min(column) for column in zip(*table, strict=True)]
    high = [max(column) for column in zip(*table, strict=True)]
    names = (EVEN, CHEAPEST[objective][0], STILL)
    axes = [axis for axis in range(3) if high[axis] > low[axis] and (axis < 2 or has_today)]
    said: list[list[str]] = [
        [names[axis] for axis in (1, 0, 2) if axis in axes and row[axis] == low[axis]] for row in table
    ]
    away = [sum(((row[axis] - low[axis]) / (high[axis] - low[axis])) ** 2 for axis in axes) for row in table]
    if len(axes) > 1:
        said[away.index(min(away))].append(MIDDLE)
    return [tuple(words) for words in said]


def trade(one: Measures, measures: Sequence[Measures], objective: Objective, *, has_today: bool) -> str:
    """Return how a plan stands to the best of each measure among those shown."""
    cost = min(each.cost for each in measures)
    parts = []
    if one.cost > cost > 0:
        parts.append(f"{one.cost / cost - 1:.1%} {CHEAPEST[objective][1]}")
    else:
        parts.append(CHEAPEST[objective][0].lower() + " of all")
    parts.append(f"at most {one.imbalance:.1%} off balance")
    if has_today:
        parts.append(f"{one.disruption:.1%} of the units change hands")
    text = ", ".join(parts)
    return text[:1].upper() + text[1:] + "."
