"""The certificate of a model without problems: what was proved about which content, by which version, on which day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from merestone import __version__
from merestone.core.rules.analyse import Part

STATEMENTS: Mapping[str, str] = {
    "impossible": "Every rule can match some record.",
    "shadowed": "Every leaf territory wins some record.",
    "overlaps": "No record is matched by two leaf territories.",
    "gaps": "Every record without missing values is matched by a leaf territory.",
    "cases": "Every case of the document passes.",
}
ACCEPTED: Mapping[str, str] = {
    "overlaps": "No record is decided by the key alone; overlaps decided by rank were accepted.",
    "gaps": "Gaps were accepted as they are listed.",
}


def certificate(
    *,
    key: str,
    digest: str,
    parts: Sequence[Part],
    counts: Mapping[str, int],
    accepted: Mapping[str, int],
    fail_on: str,
    day: date,
) -> dict[str, Any]:
    """Return a certificate as JSON values.

    Parameters
    ----------
    key, digest : str
        Of the model: its key, and the SHA-256 of its canonical document.
    parts : sequence of Part
        How far each question was decided.
    counts : mapping
        Territories, leaves, cases, accounts.
    accepted : mapping
        Kind -> findings below ``fail_on``.
    fail_on : str
        The least severity that would have refused the certificate.
    day : date
    """
    return {
        "certificate": "merestone-model",
        "model": key,
        "sha256": digest,
        "day": day.isoformat(),
        "engine": f"merestone {__version__}",
        "fail_on": fail_on,
        "assumes": list(ASSUMPTIONS),
        "proved": [_proved(part, accepted) for part in parts if part.name in STATEMENTS],
        "accepted": dict(accepted),
        "counts": dict(counts),
    }


def _proved(part: Part, accepted: Mapping[str, int]) -> dict[str, Any]:
    has_accepted = part.name in ACCEPTED and any(kind in accepted for kind in _KINDS[part.name])
    return {
        "part": part.name,
        "statement": ACCEPTED[part.name] if has_accepted else STATEMENTS[part.name],
        "extent": "exact" if part.is_complete else "bounded",
    }


ASSUMPTIONS = (
    "Employees and founding years are whole numbers.",
    "Numbers lie within the limits of their columns (no negative employees or revenue).",
    "A lifecycle or status is one of its words; a name and whatever else the book requires is there.",
)
"""What the book guarantees and a file matched without it may break."""

_KINDS = {"overlaps": ("overlap", "key-tie"), "gaps": ("gap",)}
_EXTENT = {
    "exact": "proved",
    "bounded": "not refuted by a bounded search",
}


def say_certificate(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield a certificate as lines for people."""
    yield f"Certificate of the model {data['model']}, {data['day']}, {data['engine']}"
    yield f"Content SHA-256 {data['sha256']}"
    for entry in data["proved"]:
        yield f"  {_EXTENT[entry['extent']]}: {entry['statement']}"
    yield "  for records as the book takes them: " + " ".join(data["assumes"])
    if data["accepted"]:
        shown = ", ".join(f"{count:,} {kind}" for kind, count in data["accepted"].items())
        yield f"  accepted below '{data['fail_on']}': {shown}"
    yield "  " + ", ".join(f"{count:,} {name}" for name, count in data["counts"].items())
    yield "To check it later, run the analysis again and compare the hash."
