"""A model's document, compiled, with its rules in plain English."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from merestone.core.criteria import to_english
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.ruleset import Rule, Ruleset, compile_ruleset


@dataclass(frozen=True)
class RuleBook:
    """What use cases ask of a model.

    Parameters
    ----------
    document : TerritoryModelDocument
        Already checked.
    """

    document: TerritoryModelDocument

    @cached_property
    def ruleset(self) -> Ruleset:
        """The compiled rules."""
        return compile_ruleset(self.document)

    @cached_property
    def rules(self) -> dict[str, Rule]:
        """The compiled rules by territory key."""
        return {rule.key: rule for rule in self.ruleset.rules}

    def name(self, key: str) -> str:
        """Return a territory's name."""
        return self.rules[key].name

    def english(self, key: str) -> str:
        """Return a territory's own rule as a sentence without a full stop; empty for a grouping node."""
        where = self.rules[key].where
        return "" if where is None else to_english(where, self.ruleset.fields)

    def ancestors(self, key: str) -> set[str]:
        """Return the keys above a territory."""
        return {node.key for node in self.document.tree.path(key)} - {key}
