"""Names, criteria and sentences that all findings share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from merestone.core.criteria import Expr, render, to_english
from merestone.core.rules.analyse.space import Box, Space
from merestone.core.rules.analyse.words import criterion
from merestone.core.rules.ruleset import RecordMatch, Ruleset, match_record

RANK_WORDS: Mapping[str, str] = {
    "priority": "its priority number is lower",
    "depth": "it lies deeper in the tree",
    "criteria": "it has more criteria",
    "key": "its key comes first in the alphabet",
}


def called(space: Space, position: int) -> str:
    """Return a territory's name for a sentence."""
    return f"“{space.rules[position].name}”"


def listed(words: Sequence[str], *, most: int = 3, word: str = "and") -> str:
    """Return words as ``a, b and c``, or ``a, b and 7 more``."""
    shown = list(words[:most])
    if len(words) > most:
        return f"{', '.join(shown)} {word} {len(words) - most:,} more"
    return f" {word} ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def described(space: Space, box: Box, *, is_plain: bool = False) -> tuple[str | None, str]:
    """Return a box as a criterion and in English; None and "any record" for the whole space.

    ``is_plain`` leaves unsaid that a search or a place also fails where its field is missing.
    """
    return told(space, criterion(space, box, is_plain=is_plain)) if box else (None, "any record")


def told(space: Space, expr: Expr | None) -> tuple[str | None, str]:
    """Return a criterion as text and in English."""
    return (None, "") if expr is None else (render(expr), to_english(expr, space.ruleset.fields))


def matched(ruleset: Ruleset, record: Mapping[str, Any] | None) -> RecordMatch | None:
    """Return what the row oracle says about an example."""
    return None if record is None else match_record(ruleset, record)


def names(space: Space, keys: Iterable[str]) -> list[str]:
    """Return territories' names for a sentence, by key."""
    by_key = {rule.key: position for position, rule in enumerate(space.rules)}
    return [called(space, by_key[key]) for key in keys]
