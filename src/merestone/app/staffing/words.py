"""A wish read from the words of an address: ``west=12``, ``distance:30``, ``language:0.3``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from merestone.app.staffing.proposing import Wish
from merestone.base.errors import UsageError

VACANT_WORD = "-"


def read_wish(
    *,
    fixed: Sequence[str] = (),
    weights: Sequence[str] = (),
    required: Sequence[str] = (),
    per_person: int = 1,
) -> Wish:
    """Return what the words ask for; UsageError when one of them cannot be read."""
    return Wish(
        weights=dict(_number(text, "weight") for text in weights),
        required=dict(_number(text, "require") for text in required),
        per_person=per_person,
        fixed=dict(_fixed(text) for text in fixed),
    )


def write_fixed(territory: str, rep: int | None) -> str:
    """Return the word of a fixed choice."""
    return f"{territory}={VACANT_WORD if rep is None else rep}"


def _fixed(text: str) -> tuple[str, int | None]:
    territory, _, rep = text.rpartition("=")
    if territory and rep == VACANT_WORD:
        return territory, None
    if not (territory and rep.isascii() and rep.isdigit() and len(rep) < 19):
        raise UsageError(f"'{text[:100]}' is no choice.", fix="Write TERRITORY=REP_ID, or TERRITORY=-.")
    return territory, int(rep)


def _number(text: str, what: str) -> tuple[str, float]:
    name, _, number = text.partition(":")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not name or not math.isfinite(value):
        raise UsageError(f"'{text[:100]}' is no {what}.", fix="Write NAME:NUMBER.")
    return name, value
