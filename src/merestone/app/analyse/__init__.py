"""``analyse``: prove that a model has no gap and no overlap before it goes live, on files and on the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from merestone.app.access.places import plans_whole, trimmed
from merestone.app.analyse.report import Analysis, analyse
from merestone.app.analyse.words import MOST_SHOWN, say_analysis
from merestone.app.borders import matched_by_part
from merestone.app.matching_files import Local, read_records
from merestone.app.plans import load_model
from merestone.app.policy import Actor, Right
from merestone.app.ports import Progress
from merestone.app.rulebook import RuleBook, company_fields, rule_book
from merestone.app.services import Services
from merestone.base.errors import Problem
from merestone.core.criteria import FieldSet
from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode
from merestone.core.rules.analyse import analyse_rule
from merestone.core.rules.document import read_document
from merestone.core.rules.ruleset import compile_ruleset

__all__ = [
    "MOST_SHOWN",
    "Analysis",
    "analyse",
    "analyse_document",
    "analyse_files",
    "analyse_model",
    "is_about",
    "problems_of_rule",
    "say_analysis",
]

_MONEY_RULE = "merestone-reads-revenue"


def analyse_files(
    local: Local,
    *,
    rules: Path,
    records: Path | None = None,
    day: date,
    fail_on: str = "warning",
    engine: str = "kernel",
    progress: Progress | None = None,
) -> Analysis:
    """Return the analysis of a model document, with a file of accounts on the book too (parameters as ``analyse``)."""
    book = RuleBook(read_document(local.files.read_document(rules)))
    if records is None:
        return analyse(book, day=day, fail_on=fail_on, progress=progress)
    table = read_records(local, _with_money(book), records)
    matcher = local.engine(engine)
    return analyse(book, day=day, matcher=matcher, table=table, fail_on=fail_on, progress=progress)


def _with_money(book: RuleBook) -> RuleBook:
    """Return a book whose file is read with its revenue, which says what a gap is worth."""
    kind = next((kind.key for kind in book.document.types if not kind.is_primary), book.document.types[0].key)
    asks = TerritoryNode(_MONEY_RULE, _MONEY_RULE, kind, where="revenue is not null")
    territories = (*book.document.territories, asks)
    return RuleBook(replace(book.document, territories=territories), book.fields)


def analyse_model(
    services: Services,
    actor: Actor,
    key: str | None,
    *,
    with_accounts: bool = True,
    fail_on: str = "warning",
    progress: Progress | None = None,
) -> Analysis:
    """Return the analysis of a model of the database (None: the active one), by default on its accounts.

    Whoever plans a part of the tree is told of that part as if it were all there is: its rules, on the accounts they
    see that its top matches. Who ranks before it from outside, and what is missed outside, is not in it.

    Raises
    ------
    NotFoundError
        When there is no such model, or it is hidden from the actor.
    """
    actor.require(Right.MANAGE_RULES)
    document = load_model(services, actor, key)[1]
    if not plans_whole(actor):
        return _of_a_part(
            services, actor, document, with_accounts=with_accounts, fail_on=fail_on, progress=progress
        )
    book = rule_book(services, document)
    return _on_database(services, book, with_accounts=with_accounts, fail_on=fail_on, progress=progress)


def _of_a_part(
    services: Services,
    actor: Actor,
    document: TerritoryModelDocument,
    *,
    with_accounts: bool,
    fail_on: str,
    progress: Progress | None,
) -> Analysis:
    """Return the analysis of the parts of a model that the actor plans; it passes without a certificate."""
    part = trimmed(services, actor, document)
    table = matched_by_part(services, actor, document) if with_accounts and part.territories else None
    found = analyse(
        rule_book(services, part),
        day=services.clock.today(),
        matcher=services.matcher,
        table=table,
        fail_on=fail_on,
        progress=progress,
    )
    inside = tuple(finding for finding in found.findings if finding.territories)
    return replace(found, findings=inside, certificate=None)


def analyse_document(
    services: Services,
    actor: Actor,
    data: Mapping[str, Any],
    *,
    with_accounts: bool = True,
    fail_on: str = "warning",
) -> Analysis:
    """Return the analysis of a document that need not be kept; InvalidInputError with every problem of it at once."""
    actor.require(Right.PLAN, everywhere=True)
    fields = company_fields(services.records)
    book = RuleBook(read_document(data, fields=fields), fields)
    return _on_database(services, book, with_accounts=with_accounts, fail_on=fail_on, progress=None)


def _on_database(
    services: Services, book: RuleBook, *, with_accounts: bool, fail_on: str, progress: Progress | None
) -> Analysis:
    table = services.records.snapshot("accounts") if with_accounts else None
    return analyse(
        book,
        day=services.clock.today(),
        matcher=services.matcher,
        table=table,
        fail_on=fail_on,
        progress=progress,
    )


def is_about(found: Analysis, certificate: Any) -> bool:
    """Return whether a certificate is about exactly the content that was analysed, which still passes."""
    kept = certificate if isinstance(certificate, Mapping) else {}
    same = kept.get("model") == found.book.document.key and kept.get("sha256") == found.book.digest
    return same and found.passes


def problems_of_rule(document: TerritoryModelDocument, territory: str, fields: FieldSet) -> Iterable[Problem]:
    """Yield what is wrong with one territory of a model, for the page on which its rule is written."""
    ruleset = compile_ruleset(document, fields=fields)
    for finding in analyse_rule(ruleset, territory):
        yield Problem(finding.kind, finding.message, finding.fix, f"territories/{territory}/where")
