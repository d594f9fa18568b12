"""What two people's changes differ in, as the page of a conflict tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_TOLD = 20
_UNSAID = frozenset({"content_hash", "job", "revision"})
"""Told by the sentence; their values say nothing to people."""


def told_changes(difference: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what differs: its name, what was seen or sent, and what is there now.

    Parameters
    ----------
    difference : mapping
        Of a ``ConflictError``: name to the pair of what was seen and what is there; other entries are left out.
    """
    pairs = [(name, pair) for name, pair in difference.items() if _is_pair(pair) and name not in _UNSAID]
    return [(_label(name), _words(pair[0]), _words(pair[1])) for name, pair in pairs][:MAX_TOLD]


def told_moves(difference: Mapping[str, Any]) -> tuple[list[dict[str, str]], int]:
    """Return the accounts that a difference of two models moves (``name``, ``before``, ``after``), and how many there are.

    Parameters
    ----------
    difference : mapping
        As ``app.difference.Difference.as_dict`` writes it; anything else has none.
    """
    if "summary" not in difference or "rows" not in difference:
        return [], 0
    rows = [
        {"name": row["name"] or "", "before": _place(row, "from"), "after": _place(row, "to")}
        for row in difference["rows"][:MAX_TOLD]
    ]
    return rows, int(difference.get("n_rows", len(rows)))


def _place(row: Mapping[str, Any], side: str) -> str:
    territory = row[f"{side}_name"] or row[f"{side}_territory"] or "the queue"
    owner = row[f"{side}_owner_name"]
    return f"{territory} ({owner})" if owner else territory


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2


def _label(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _words(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        said = {
            name: one for name, one in value.items() if f"{name}_name" not in value
        }  # an id beside its name
        return ", ".join(
            f"{name.removesuffix('_name').replace('_', ' ')} {_words(one)}" for name, one in said.items()
        )
    if isinstance(value, list | tuple | set | frozenset):
        return "; ".join(map(_words, value))
    return str(value)
