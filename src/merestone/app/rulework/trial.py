"""Rules made for one question: a model with one territory changed, and the path of a territory as one rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from merestone.app.rulebook import RuleBook, rule_book
from merestone.app.services import Services
from merestone.base.errors import NotFoundError
from merestone.core.criteria import Expr, count_criteria
from merestone.core.criteria import expression as ex
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules import Rule, Ruleset

RULE = "rule"
_NAME = ex.FieldRef("name")
EVERYTHING: Expr = ex.Or((ex.IsNull(_NAME), ex.IsNull(_NAME, True)))
"""What a territory without criterion matches."""


class _Text:
    """A document compared by what it says: two readings of the same model are compiled once."""

    def __init__(self, services: Services, document: TerritoryModelDocument) -> None:
        self.services, self.document = services, document
        self.fields = tuple(
            item for table in ("leads", "accounts") for item in sorted(services.records.custom_fields(table).items())
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash((self.document.key, len(self.document.territories), self.fields))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Text) and self.fields == other.fields and self.document == other.document


@lru_cache(maxsize=4)
def _compiled(text: _Text) -> RuleBook:
    book = rule_book(text.services, text.document)
    assert book.ruleset
    return book


def compiled_book(services: Services, document: TerritoryModelDocument) -> RuleBook:
    """Return a model's rules; those of the last few documents are at hand."""
    return _compiled(_Text(services, document))


def position_of(ruleset: Ruleset, key: str) -> int:
    """Return the place of a territory's rule; NotFoundError when there is none."""
    place = next((place for place, rule in enumerate(ruleset.rules) if rule.key == key), None)
    if place is None:
        raise NotFoundError(f"There is no territory '{key[:100]}' in this model.")
    return place


def with_rule(ruleset: Ruleset, place: int, *, where: Expr | None, **changes: Any) -> Ruleset:
    """Return the rules with one territory's criterion (and ``changes`` of it) replaced.

    What lies below is reached through it, so its number of criteria changes with it.
    """
    rules = list(ruleset.rules)
    more = count_criteria(where) - count_criteria(rules[place].where)
    rules[place] = replace(rules[place], where=where, **changes)
    below = {place}
    for position, rule in enumerate(rules):
        if position == place or rule.parent in below:
            below.add(position)
            rules[position] = replace(rule, n_criteria=rule.n_criteria + more)
    return replace(ruleset, rules=tuple(rules))


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


def single(ruleset: Ruleset, wheres: dict[str, Expr], *, exclude: frozenset[str] = frozenset()) -> Ruleset:
    """Return a ruleset of rules that do not know each other, by key: a tiny model for counting."""
    rules = tuple(
        Rule(key, key, RULE, False, None, 0, where, place, count_criteria(where), frozenset(), exclude)
        for place, (key, where) in enumerate(wheres.items())
    )
    return replace(ruleset, rules=rules)


def alone(ruleset: Ruleset, where: Expr, *, exclude: frozenset[str]) -> Ruleset:
    """Return a ruleset of one primary rule: what it matches it wins."""
    rule = Rule(RULE, RULE, RULE, True, None, 0, where, 0, count_criteria(where), frozenset(), exclude)
    return replace(ruleset, rules=(rule,))
