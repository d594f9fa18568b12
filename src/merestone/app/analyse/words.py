"""An analysis as lines for people: grouped, the gravest first, each with an example and what to do."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from merestone.app.analyse.certificate import say_certificate
from merestone.app.analyse.missing import MissingField
from merestone.app.analyse.report import Analysis
from merestone.core.rules.analyse import KINDS, Finding

MOST_SHOWN = 8  # of a kind, where not everything is asked for
_PARTS = {
    "impossible": "rules that cannot match",
    "shadowed": "rules that cannot win",
    "overlaps": "overlaps",
    "gaps": "gaps",
    "redundant": "criteria that say nothing new",
    "cases": "cases",
}


def say_analysis(found: Analysis, *, most: int | None = MOST_SHOWN) -> Iterator[str]:
    """Yield the lines; ``most`` findings of each kind are shown, None = all."""
    yield f"{found.book.document.name}: {_sum(found)}"
    yield from _about_book(found)
    for kind, group in itertools.groupby(
        found.findings, key=lambda finding: (finding.severity, finding.kind)
    ):
        findings = list(group)
        yield ""
        yield f"{KINDS[kind[1]]} ({kind[0]}, {len(findings):,})"
        for finding in findings[:most]:
            yield from _finding(finding)
        if most is not None and len(findings) > most:
            yield f"  … and {len(findings) - most:,} more (--all shows them)."
    yield from _about_missing(found.missing)
    yield ""
    yield from _extent(found)
    if found.certificate is not None:
        yield ""
        yield from say_certificate(found.certificate)


def _sum(found: Analysis) -> str:
    data = found.as_dict()
    words = [
        f"{data[name]:,} {word if data[name] != 1 else word[:-1]}"
        for name, word in (("errors", "errors"), ("warnings", "warnings"), ("notes", "notes"))
        if data[name]
    ]
    return ", ".join(words) if words else "no problem found"


def _about_book(found: Analysis) -> Iterator[str]:
    book = found.accounts
    if book is None:
        return
    yield (
        f"{book.n_accounts:,} accounts: {book.n_queued:,} go to the unassigned queue, {book.n_stuck:,} stay at a territory"
        f" with others below it, {sum(count for _, _, count in book.ties):,} are decided by the key alone."
    )
    if book.stuck_at:
        most = ", ".join(f"{count:,} at “{found.book.name(key)}”" for key, count in book.stuck_at[:5])
        yield f"Most of those that stay above: {most}."
    if book.n_unexplained:
        yield f"{book.n_unexplained:,} of them lie in no gap listed here (excluded by name, or too scattered)."


def _finding(finding: Finding) -> Iterator[str]:
    may = "" if finding.certainty == "proved" else " [possible, not proved]"
    yield f"  {finding.message}{may}"
    if finding.criterion:
        yield f"      where {_shortened(finding.criterion)}"
    if finding.example is not None:
        yield f"      e.g. {json.dumps(finding.example, ensure_ascii=False)}"
    if finding.fix:
        yield f"      → {finding.fix}"


def _shortened(text: str, *, most: int = 400) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _about_missing(missing: tuple[MissingField, ...]) -> Iterator[str]:
    if not missing:
        return
    yield ""
    yield "Missing fields (the one to fill first at the head)"
    for cost in missing:
        money = "" if cost.money is None else f", worth {cost.money:,.0f}"
        yield (
            f"  {cost.label}: missing in {cost.n_missing:,} accounts; {cost.n_homeless:,} without a territory would"
            f" have one{money}"
        )
        for key, count in cost.rules[:3]:
            yield f"      keeps {count:,} from {key}"


def _extent(found: Analysis) -> Iterator[str]:
    exact = [_PARTS[part.name] for part in found.parts if part.is_complete]
    bounded = [part for part in found.parts if not part.is_complete]
    if exact:
        yield f"Complete: {', '.join(exact)}."
    for part in bounded:
        work = (
            f" ({part.work:,} boxes looked at)"
            if part.work
            else " (text searches, places or too large rules are asked)"
        )
        yield f"Bounded: {_PARTS[part.name]}{work}; what is listed is right, there may be more."
