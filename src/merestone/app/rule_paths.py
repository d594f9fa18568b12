"""The path of a territory as one rule: what it asks together with all above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from merestone.base.errors import NotFoundError
from merestone.core.criteria import Expr, count_criteria
from merestone.core.criteria import expression as ex
from merestone.core.rules import Rule, Ruleset

RULE = "rule"
_NAME = ex.FieldRef("name")
EVERYTHING: Expr = ex.Or((ex.IsNull(_NAME), ex.IsNull(_NAME, True)))
"""What a territory without criterion matches."""


def position_of(ruleset: Ruleset, key: str) -> int:
    """Return the place of a territory's rule; NotFoundError when there is none."""
    place = next((place for place, rule in enumerate(ruleset.rules) if rule.key == key), None)
    if place is None:
        raise NotFoundError(f"There is no territory '{key[:100]}' in this model.")
    return place


def path_rules(ruleset: Ruleset, place: int) -> list[Rule]:
    """Return the rules from the root down to a territory, itself last."""
    path, at = [], place
    while True:
        path.append(ruleset.rules[at])
        parent = path[-1].parent
        if parent is None:
            return path[::-1]
        at = parent


def conjunction(path: Sequence[Rule]) -> Expr:
    """Return what every rule on a path asks, as one criterion."""
    parts: list[Expr] = []
    for rule in path:
        if rule.where is not None:
            parts += rule.where.parts if isinstance(rule.where, ex.And) else [rule.where]
    if not parts:
        return EVERYTHING
    return parts[0] if len(parts) == 1 else ex.And(tuple(parts))


def alone(ruleset: Ruleset, where: Expr, *, exclude: frozenset[str]) -> Ruleset:
    """Return a ruleset of one primary rule: what it matches it wins."""
    rule = Rule(RULE, RULE, RULE, True, None, 0, where, 0, count_criteria(where), frozenset(), exclude)
    return replace(ruleset, rules=(rule,))
