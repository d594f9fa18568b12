"""The whole analysis of a model: rules, cases, and the book where it is given; and whether it passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pyarrow as pa

from merestone.app.analyse.book import Book, read_book
from merestone.app.analyse.certificate import certificate
from merestone.app.analyse.missing import MissingField, missing_fields
from merestone.app.ports import Matcher, Progress
from merestone.app.rulebook import RuleBook
from merestone.base.errors import UsageError
from merestone.core.rules.analyse import SEVERITIES, Analyser, Finding, Part
from merestone.core.rules.analyse.cover import Budget
from merestone.core.rules.analyse.findings import graver
from merestone.core.rules.analyse.overlaps import overlap
from merestone.core.rules.cases import run_cases

MOST_LISTED = 50
_PAIR_BUDGET = 20_000


@dataclass(frozen=True)
class Analysis:
    """What was found out about a model.

    Parameters
    ----------
    book : RuleBook
    findings : tuple of Finding
        The gravest first.
    parts : tuple of Part
    accounts : Book or None
        Where accounts were given.
    missing : tuple of MissingField
        The field to fill first at the head.
    fail_on : str
        The least severity that fails the analysis.
    certificate : dict or None
        Where nothing fails it.
    """

    book: RuleBook
    findings: tuple[Finding, ...]
    parts: tuple[Part, ...]
    accounts: Book | None
    missing: tuple[MissingField, ...]
    fail_on: str
    certificate: dict[str, Any] | None = field(default=None)

    @property
    def passes(self) -> bool:
        """Whether nothing found is as grave as ``fail_on``."""
        return not any(fails(finding, self.fail_on) for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        severities = Counter(finding.severity for finding in self.findings)
        return {
            "model": self.book.document.key,
            "name": self.book.document.name,
            "sha256": self.book.digest,
            "passes": self.passes,
            "fail_on": self.fail_on,
            **{f"{severity}s": severities[severity] for severity in SEVERITIES},
            "findings": [finding.as_dict() for finding in self.findings],
            "parts": [part.as_dict() for part in self.parts],
            "book": None if self.accounts is None else _book(self.accounts),
            "missing": [cost.as_dict() for cost in self.missing],
            "certificate": self.certificate,
        }


def fails(finding: Finding, fail_on: str) -> bool:
    """Return whether a finding is as grave as ``fail_on``."""
    return SEVERITIES.index(finding.severity) <= SEVERITIES.index(fail_on)


def analyse(
    book: RuleBook,
    *,
    day: date,
    analyser: Analyser | None = None,
    matcher: Matcher | None = None,
    table: pa.Table | None = None,
    fail_on: str = "warning",
    progress: Progress | None = None,
) -> Analysis:
    """Return the analysis of a model.

    Parameters
    ----------
    book : RuleBook
    day : date
        For the certificate.
    matcher, table : optional
        An engine and accounts; without them the rules alone are looked at.
    fail_on : str
        ``error``, ``warning`` or ``note``.
    progress : callable, optional
        Told (done, total, text).

    Raises
    ------
    UsageError
        For another ``fail_on``.
    """
    if fail_on not in SEVERITIES:
        raise UsageError(f"'{fail_on}' is no severity.", fix=f"Use one of: {', '.join(SEVERITIES)}.")
    analyser = analyser or Analyser(book.ruleset, most=MOST_LISTED)
    rules = analyser.everything(progress=progress)
    cases, case_part = _cases(book)
    findings, parts = [*rules.findings, *cases], [*rules.parts, case_part]
    accounts: Book | None = None
    missing: list[MissingField] = []
    if matcher is not None and table is not None:
        accounts = read_book(analyser, matcher, table, known_gaps=analyser.listed_gaps(), progress=progress)
        missing = missing_fields(analyser, matcher, table, progress=progress)
        findings = _on_the_book(analyser, findings, accounts)
    ordered = tuple(graver(findings))
    found = Analysis(book, ordered, tuple(parts), accounts, tuple(missing), fail_on)
    return replace(found, certificate=_certificate(found, day)) if found.passes else found


def _cases(book: RuleBook) -> tuple[list[Finding], Part]:
    problems = run_cases(book.document, fields=book.fields)
    found = [
        Finding(
            "failing-case",
            "error",
            (problem.where.split("/")[1],),
            f"Case {problem.where.rsplit('/', 1)[1]} of “{book.name(problem.where.split('/')[1])}” fails: {problem.message}",
            problem.fix,
        )
        for problem in problems
    ]
    return found, Part("cases", True, len(found), len(found))


def _certificate(found: Analysis, day: date) -> dict[str, Any]:
    document = found.book.document
    counts = {
        "territories": len(document.territories),
        "cases": sum(len(node.cases) for node in document.territories),
    }
    if found.accounts is not None:
        counts["accounts"] = found.accounts.n_accounts
    return certificate(
        key=document.key,
        digest=found.book.digest,
        parts=found.parts,
        counts=counts,
        accepted=dict(Counter(finding.kind for finding in found.findings)),
        fail_on=found.fail_on,
        day=day,
    )


# --- what the book adds to the findings -------------------------------------------------------------------------------


def _on_the_book(analyser: Analyser, findings: Sequence[Finding], accounts: Book) -> list[Finding]:
    """Return the findings with their accounts, those with the most accounts first in their kind."""
    others = [one for one in findings if one.kind not in ("gap", "gap-missing", "key-tie", "overlap")]
    return [
        *others,
        *_gaps(findings, accounts),
        *_overlaps(analyser, findings, accounts),
        *_idle(analyser, others, accounts),
    ]


def _gaps(findings: Sequence[Finding], accounts: Book) -> list[Finding]:
    told: list[Finding] = []
    for finding, count, money in accounts.gaps:
        facts = {"accounts": count, **({} if money is None else {"money": money})}
        told.append(_with(finding, f" {_accounts(count)} there.", facts, severity="warning"))
    messages = {finding.message for finding, _, _ in accounts.gaps}
    empty = [one for one in findings if one.kind in ("gap", "gap-missing") and one.message not in messages]
    return told[:MOST_LISTED] + [_nobody(one) for one in empty]


def _overlaps(analyser: Analyser, findings: Sequence[Finding], accounts: Book) -> list[Finding]:
    position = {rule.key: number for number, rule in enumerate(analyser.ruleset.rules)}
    known = {finding.territories: finding for finding in findings if finding.kind in ("key-tie", "overlap")}
    told: dict[tuple[str, ...], Finding] = {}
    for pair in _worst_pairs(accounts, analyser):
        finding = known.get(pair) or overlap(
            analyser.space,
            analyser.neighbours,
            position[pair[0]],
            position[pair[1]],
            budget=Budget(_PAIR_BUDGET),
        )
        if finding is not None:
            count = accounts.pairs[pair]
            told[pair] = _with(finding, f" {_accounts(count)} in both.", {"accounts": count})
    rest = [_nobody(one) for pair, one in known.items() if pair not in accounts.pairs]
    return [*told.values(), *rest]


def _worst_pairs(accounts: Book, analyser: Analyser) -> list[tuple[str, str]]:
    """Return pairs that share the most accounts: those decided by the key, and the others."""
    rank = {rule.key: rule.rank[:3] for rule in analyser.ruleset.rules}
    ties = [pair for pair in accounts.pairs if rank[pair[0]] == rank[pair[1]]]
    others = [pair for pair in accounts.pairs if rank[pair[0]] != rank[pair[1]]]
    return [*ties[:MOST_LISTED], *others[:MOST_LISTED]]


def _idle(analyser: Analyser, findings: Iterable[Finding], accounts: Book) -> list[Finding]:
    """Return the rules that match, or win, no account, unless it was said already that they cannot."""
    told = {one.territories[0] for one in findings if one.kind in ("impossible", "shadowed")}
    rules = analyser.ruleset.rules
    leaves = {rules[position].key for position in analyser.space.leaves}
    can_match = set(analyser.space.boxes_of)
    found: list[Finding] = []
    for position, rule in enumerate(rules):
        n_matches, n_wins = accounts.counts[rule.key]
        if rule.where is None or rule.key in told or position not in can_match:
            continue
        if not n_matches:
            message = f"“{rule.name}” matches no account of the book."
            fix = "Check its criteria, or keep it for accounts to come."
            found.append(Finding("matches-nothing", "warning", (rule.key,), message, fix))
        elif not n_wins and rule.key in leaves:
            message = f"“{rule.name}” matches {_counted(n_matches)} and wins none: others rank before it."
            found.append(
                Finding(
                    "wins-nothing",
                    "warning",
                    (rule.key,),
                    message,
                    "Give it a lower priority number, or narrow what ranks before it.",
                    facts={"accounts": n_matches},
                )
            )
    return found


def _with(finding: Finding, text: str, facts: Mapping[str, Any], *, severity: str | None = None) -> Finding:
    return replace(
        finding,
        message=finding.message + text,
        facts={**finding.facts, **facts},
        severity=severity or finding.severity,
    )


def _nobody(finding: Finding) -> Finding:
    """Return a finding no account is touched by, one degree milder: it may be about records that cannot be."""
    milder = SEVERITIES[min(SEVERITIES.index(finding.severity) + 1, len(SEVERITIES) - 1)]
    return _with(finding, " No account of the book falls here.", {"accounts": 0}, severity=milder)


def _counted(count: int) -> str:
    return "1 account" if count == 1 else f"{count:,} accounts"


def _accounts(count: int) -> str:
    return f"{_counted(count)} {'is' if count == 1 else 'are'}"


def _book(accounts: Book) -> dict[str, Any]:
    return {
        "accounts": accounts.n_accounts,
        "queued": accounts.n_queued,
        "stuck": accounts.n_stuck,
        "stuck_at": [{"territory": key, "accounts": count} for key, count in accounts.stuck_at[:MOST_LISTED]],
        "unexplained": accounts.n_unexplained,
        "decided_by_key": sum(count for _, _, count in accounts.ties),
        "ties": [
            {"winner": winner, "runner_up": loser, "accounts": count}
            for winner, loser, count in accounts.ties[:MOST_LISTED]
        ],
        "overlapping_pairs": len(accounts.pairs),
        "pairs_complete": accounts.is_complete,
        "matches_nothing": sum(1 for n_matches, _ in accounts.counts.values() if not n_matches),
    }
