"""Rules made for one question: a model with one territory changed, and rules that do not know each other."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from merestone.app.rule_paths import RULE
from merestone.app.rulebook import RuleBook, rule_book
from merestone.app.services import Services
from merestone.core.criteria import Expr, count_criteria
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules import Rule, Ruleset


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


def single(ruleset: Ruleset, wheres: dict[str, Expr], *, exclude: frozenset[str] = frozenset()) -> Ruleset:
    """Return a ruleset of rules that do not know each other, by key: a tiny model for counting."""
    rules = tuple(
        Rule(key, key, RULE, False, None, 0, where, place, count_criteria(where), frozenset(), exclude)
        for place, (key, where) in enumerate(wheres.items())
    )
    return replace(ruleset, rules=rules)
