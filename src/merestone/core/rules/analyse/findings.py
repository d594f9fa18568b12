"""What an analysis says: findings, the parts it was done in, and how far each part is proved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

SEVERITIES = ("error", "warning", "note")
KINDS: Mapping[str, str] = {
    "impossible": "Rules that no record can match",
    "shadowed": "Rules that can never win",
    "failing-case": "Cases that fail",
    "key-tie": "Overlaps that only the key decides",
    "overlap": "Overlaps decided by rank",
    "gap": "Gaps",
    "gap-missing": "Gaps of records without a value",
    "matches-nothing": "Rules that match nothing in the book",
    "wins-nothing": "Rules that win nothing in the book",
    "dead-part": "Parts of rules that can never hold",
    "redundant": "Criteria that say nothing new",
}
PROVED, POSSIBLE = "proved", "possible"
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Finding:
    """One thing an analysis found.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    severity : str
        One of ``SEVERITIES``.
    territories : tuple of str
        Keys of the territories it is about, the first one first to be mended; empty outside all of them.
    message, fix : str
        A sentence, and what to do.
    certainty : str
        ``proved``, or ``possible`` when a text search, a circle, an area or too large a rule left it open.
    criterion : str or None
        Where in the space of records, in the language of rules.
    english : str
        The same in plain English.
    example : mapping or None
        A record it is true of, as JSON values; tested with ``match_record``.
    facts : mapping
        More for programs: ``winner``, ``decided_by``, ``covered_by``, ``conflict``, ``fields``, ``accounts``, …
    """

    kind: str
    severity: str
    territories: tuple[str, ...]
    message: str
    fix: str = ""
    certainty: str = PROVED
    criterion: str | None = None
    english: str = ""
    example: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values without empty entries."""
        data: dict[str, Any] = {
            "kind": self.kind,
            "severity": self.severity,
            "certainty": self.certainty,
            "territories": list(self.territories),
            "message": self.message,
            "fix": self.fix,
            "criterion": self.criterion,
            "english": self.english,
            "example": None if self.example is None else dict(self.example),
        }
        kept = {key: value for key, value in data.items() if value not in (None, "")}
        return kept | dict(self.facts)


@dataclass(frozen=True)
class Part:
    """One question an analysis asked of all rules.

    Parameters
    ----------
    name : str
        ``impossible``, ``shadowed``, ``overlaps``, ``gaps``, ``redundant``, ``cases``.
    is_complete : bool
        True: whatever there is was found. False: the work allowed was done before the end.
    n_found, n_listed : int
        How many there are (that were found), and how many are findings.
    work, budget : int
        Boxes looked at, and how many were allowed.
    """

    name: str
    is_complete: bool
    n_found: int
    n_listed: int
    work: int = 0
    budget: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "part": self.name,
            "complete": self.is_complete,
            "found": self.n_found,
            "listed": self.n_listed,
            "work": self.work,
            "budget": self.budget,
        }


@dataclass(frozen=True)
class RuleAnalysis:
    """What the rules alone say.

    Parameters
    ----------
    findings : tuple of Finding
        The gravest first.
    parts : tuple of Part
    """

    findings: tuple[Finding, ...]
    parts: tuple[Part, ...]

    def of(self, kind: str) -> list[Finding]:
        """Return the findings of a kind."""
        return [finding for finding in self.findings if finding.kind == kind]


def graver(findings: list[Finding]) -> list[Finding]:
    """Return findings by severity, then kind in the order of ``KINDS``; the order within a kind is kept."""
    kinds = {kind: place for place, kind in enumerate(KINDS)}
    return sorted(findings, key=lambda found: (SEVERITIES.index(found.severity), kinds[found.kind]))
