"""A model's document, compiled, with its rules in plain English."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass
from functools import cached_property

from merestone.app.ports import Records
from merestone.app.services import Services
from merestone.core.criteria import FieldSet, standard_fields, to_english
from merestone.core.criteria.fields import custom_field
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.document import write_document
from merestone.core.rules.ruleset import Rule, Ruleset, compile_ruleset


def company_fields(records: Records) -> FieldSet:
    """Return the built-in fields with those the company declared."""
    declared = {**records.custom_fields("leads"), **records.custom_fields("accounts")}
    built_in = standard_fields()
    return built_in.with_custom([custom_field(key, kind) for key, kind in declared.items()])


@dataclass(frozen=True)
class RuleBook:
    """What use cases ask of a model.

    Parameters
    ----------
    document : TerritoryModelDocument
        Already checked.
    fields : FieldSet, optional
        Fields known beside the document's own.
    """

    document: TerritoryModelDocument
    fields: FieldSet | None = None

    @cached_property
    def ruleset(self) -> Ruleset:
        """The compiled rules."""
        return compile_ruleset(self.document, fields=self.fields)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the document's content, in hexadecimal."""
        text = json.dumps(write_document(self.document), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

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

    def clause(self, key: str) -> str:
        """Return the same within a sentence, after a colon or "because"."""
        return within_sentence(self.english(key))

    def ancestors(self, key: str) -> set[str]:
        """Return the keys above a territory."""
        return {node.key for node in self.document.tree.path(key)} - {key}


def within_sentence(text: str) -> str:
    """Return a text without its capital, unless it starts with an abbreviation such as ID."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def rule_book(services: Services, document: TerritoryModelDocument) -> RuleBook:
    """Return a model's rules with the company's own fields; the same object while neither changes."""
    fields = company_fields(services.records)
    with _lock:
        for place, book in enumerate(_kept):
            if book.fields == fields and book.document == document:
                _kept.append(_kept.pop(place))
                return book
        book = RuleBook(document, fields)
        _kept.append(book)
        del _kept[:-KEPT]
    return book


KEPT = 6
_kept: list[RuleBook] = []
_lock = threading.Lock()
