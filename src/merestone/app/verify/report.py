"""What all checks found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from merestone.app.ports_audit import Finding


@dataclass(frozen=True, slots=True)
class Answer:
    """What one check found.

    Parameters
    ----------
    findings : tuple of Finding
        The first of them.
    n_breaches, n_notes : int
        How many there are in all.
    """

    rule: str
    promise: int
    title: str
    findings: tuple[Finding, ...] = ()
    n_breaches: int = 0
    n_notes: int = 0
    seconds: float = 0.0

    @property
    def is_kept(self) -> bool:
        """Whether nothing breaks the promise."""
        return self.n_breaches == 0


@dataclass(frozen=True, slots=True)
class Report:
    """What all checks found.

    Parameters
    ----------
    head : str
        Digest of the audit log's last seal: who keeps it elsewhere can tell later that nothing before it was made anew.
    """

    answers: tuple[Answer, ...] = ()
    head: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_kept(self) -> bool:
        """Whether every promise is kept."""
        return all(answer.is_kept for answer in self.answers)

    @property
    def n_breaches(self) -> int:
        """How many breaches there are."""
        return sum(answer.n_breaches for answer in self.answers)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kept": self.is_kept,
            "breaches": self.n_breaches,
            "notes": sum(answer.n_notes for answer in self.answers),
            "head": self.head,
            "counts": dict(self.counts),
            "checks": [
                {
                    "rule": answer.rule,
                    "promise": answer.promise,
                    "title": answer.title,
                    "kept": answer.is_kept,
                    "breaches": answer.n_breaches,
                    "notes": answer.n_notes,
                    "seconds": round(answer.seconds, 3),
                    "findings": [asdict(finding) for finding in answer.findings],
                }
                for answer in self.answers
            ],
        }
