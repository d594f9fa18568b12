"""Leaves that can never win: whatever they match, something that ranks before them matches too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from merestone.core.rules.analyse.cover import Budget, BudgetSpentError, Cover, price
from merestone.core.rules.analyse.findings import POSSIBLE, PROVED, Finding
from merestone.core.rules.analyse.neighbours import Neighbours
from merestone.core.rules.analyse.space import Space, is_within
from merestone.core.rules.analyse.telling import called, listed


def shadowed_rule(space: Space, neighbours: Neighbours, position: int, *, budget: Budget) -> Finding | None:
    """Return the finding about a leaf that can never win, or None when it can.

    One box that holds another is always seen; for several together there must be budget.

    Raises
    ------
    BudgetSpentError
        When that was not decided within the budget.
    """
    by: dict[int, None] = {}
    for box in space.boxes_of.get(position, ()):
        before = neighbours.before(box, position)
        one = next((rule for rule, other in before if is_within(box, other)), None)
        if one is not None:
            by[one] = None
            continue
        budget.spend(price(len(before)))
        cover = Cover(space, box, [other for _, other in before])
        if cover.open_box(budget=budget) is not None:
            return None
        by.update(dict.fromkeys(_enough(cover, [rule for rule, _ in before], budget=budget)))
    return _finding(space, position, list(by)) if by else None


def _enough(cover: Cover, owners: list[int], *, budget: Budget) -> list[int]:
    """Return rules whose boxes cover all; one alone where that is enough, and none that is not needed."""
    of_rule: dict[int, list[int]] = defaultdict(list)
    for entry in cover.touching:
        of_rule[owners[entry]].append(entry)
    try:
        return _fewest(cover, of_rule, budget)
    except BudgetSpentError:  # it is shadowed all the same, perhaps by fewer
        return list(of_rule)


def _fewest(cover: Cover, of_rule: dict[int, list[int]], budget: Budget) -> list[int]:
    for rule, entries in of_rule.items():
        if cover.is_closed_by(entries, budget=budget):
            return [rule]
    needed = dict(of_rule)
    for rule in reversed(list(of_rule)):
        fewer = {other: entries for other, entries in needed.items() if other != rule}
        if cover.is_closed_by((entry for entries in fewer.values() for entry in entries), budget=budget):
            needed = fewer
    return list(needed)


def _finding(space: Space, position: int, by: list[int]) -> Finding:
    rule = space.rules[position]
    others = [called(space, other) for other in by]
    excludes = any(space.rules[step].exclude for other in by for step in space.path(other))
    verb = "covers" if len(by) == 1 else "together cover"
    names = f" It wins only the {len(rule.named)} it names." if rule.named else ""
    return Finding(
        "shadowed",
        "error",
        (rule.key, *(space.rules[other].key for other in by)),
        f"{called(space, position)} can never win: {listed(others, most=4)} {verb} all it matches and"
        f" {_ranks(space, position, by)}.{names}",
        "Give it a lower priority number, narrow what covers it, or remove it.",
        POSSIBLE if excludes else PROVED,
        facts={"covered_by": [space.rules[other].key for other in by]},
    )


def _ranks(space: Space, position: int, by: Iterable[int]) -> str:
    own, others = space.rules[position].rank, [space.rules[other].rank for other in by]
    verb = "ranks" if len(others) == 1 else "rank"
    if all(other[0] < own[0] for other in others):
        return f"{verb} before it by priority"
    if all(other[:3] == own[:3] for other in others):
        return f"{verb} before it only by key"
    return f"{verb} before it"
