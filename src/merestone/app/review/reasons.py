"""Why an account moves, in words for somebody who may not read the other side's rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from merestone.app.review.viewing import Viewing
from merestone.app.rulebook import RuleBook

ELSEWHERE = "Rules of another territory take it."


def told(viewing: Viewing, book: RuleBook, row: Mapping[str, Any], *, still_matches: bool) -> str:
    """Return the reason of a move as far as it is the viewer's to read.

    Parameters
    ----------
    row : mapping
        Of ``difference.ROWS``.
    still_matches : bool
        Whether the new rules still match it to where it is.
    """
    owners_known = all(
        viewing.rep_name(row[name]) == viewing.names.get(row[name])
        for name in ("from_owner", "to_owner")
        if row[name] is not None
    )
    seen_from, seen_to = (viewing.is_visible(row[name]) for name in ("from_territory", "to_territory"))
    overlays = [*row["overlays_gained"], *row["overlays_lost"]]
    if seen_from and seen_to and owners_known and all(map(viewing.is_visible, overlays)):
        return str(row["why"])
    if row["from_territory"] == row["to_territory"]:
        return _stays(viewing, row, seen=seen_from)
    parts = []
    if seen_from and row["from_territory"] is not None:
        parts.append(_leaves(viewing, book, row, still_matches=still_matches))
    if seen_to:
        parts.append(_arrives(book, row))
    return " ".join(part for part in parts if part) or ELSEWHERE


def _stays(viewing: Viewing, row: Mapping[str, Any], *, seen: bool) -> str:
    name = viewing.territory_name(row["to_territory"], otherwise=row["to_name"]) if seen else "Its territory"
    if row["from_owner"] != row["to_owner"]:
        return f"{name or 'The queue'} has another owner in the new model."
    return f"It stays in {name}; who works on it beside the owner changes." if seen else ELSEWHERE


def _leaves(viewing: Viewing, book: RuleBook, row: Mapping[str, Any], *, still_matches: bool) -> str:
    key = row["from_territory"]
    name = viewing.territory_name(key, otherwise=row["from_name"]) or ""
    if key not in book.rules:
        return f"{name} is not in “{book.document.name}”."
    if row["was"] == "named":
        return f"It is no longer named in {name}."
    if row["was"] == "manual":
        return f"It was moved to {name} by hand, and is placed by rule again."
    if still_matches:
        return f"{name} matches still, but another territory goes before it."
    clause = book.clause(key)
    return f"{name} no longer matches: {clause}." if clause else f"{name} no longer matches."


def _arrives(book: RuleBook, row: Mapping[str, Any]) -> str:
    key = row["to_territory"]
    if key is None:
        return "No territory matches it, so it waits in the queue."
    name, clause = book.name(key), book.clause(key)
    if row["cause"] == "named":
        return f"It is named in {name}."
    return f"{name} matches: {clause}." if clause else f"{name} matches."
