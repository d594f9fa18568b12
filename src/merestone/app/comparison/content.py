"""What two documents say differently of the same territories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode

TOKEN = re.compile(r"'(?:[^']|'')*'|\w+|[<>]=|<>|\S")


@dataclass(frozen=True)
class TerritoryChange:
    """A territory that two models define differently.

    Parameters
    ----------
    kinds : tuple of str
        Of ``added``, ``removed``, ``renamed``, ``moved``, ``rule``, ``priority``, ``named``, ``type``.
    before, after : TerritoryNode or None
        None where the model does not have it.
    rule : tuple of (str, str)
        The rule's text in pieces, each ``same``, ``gone`` or ``new``; empty when it is the same.
    named_in, named_out : tuple of str
        External ids named or excluded now, and no longer (excluded ones with a leading ``not``).
    """

    key: str
    kinds: tuple[str, ...]
    before: TerritoryNode | None
    after: TerritoryNode | None
    rule: tuple[tuple[str, str], ...] = ()
    named_in: tuple[str, ...] = ()
    named_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The later name."""
        node = self.after or self.before
        return node.name if node else self.key

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        sides = {"before": self.before, "after": self.after}
        return {
            "territory": self.key,
            "name": self.name,
            "kinds": list(self.kinds),
            **{
                side: node
                and {"name": node.name, "parent": node.parent, "where": node.where, "priority": node.priority}
                for side, node in sides.items()
            },
            "rule": [{"what": what, "text": text} for what, text in self.rule],
            "named_in": list(self.named_in),
            "named_out": list(self.named_out),
        }


def changes_between(left: TerritoryModelDocument, right: TerritoryModelDocument) -> list[TerritoryChange]:
    """Return the territories that differ, in the order of the right document, those removed last."""
    before = {node.key: node for node in left.territories}
    after = {node.key: node for node in right.territories}
    keys = [*after, *(key for key in before if key not in after)]
    found = (_change(key, before.get(key), after.get(key)) for key in keys)
    return [change for change in found if change.kinds]


def _change(key: str, before: TerritoryNode | None, after: TerritoryNode | None) -> TerritoryChange:
    if before is None or after is None:
        node = after or before
        rule = text_difference((before and before.where) or "", (after and after.where) or "")
        kind = "added" if before is None else "removed"
        return TerritoryChange(key, (kind,), before, after, rule if node and node.where else ())
    named_in, named_out = _named(before, after)
    kinds = {
        "renamed": before.name != after.name,
        "moved": before.parent != after.parent,
        "rule": (before.where or "") != (after.where or ""),
        "priority": before.priority != after.priority,
        "type": before.type != after.type,
        "named": bool(named_in or named_out),
    }
    rule = text_difference(before.where or "", after.where or "") if kinds["rule"] else ()
    return TerritoryChange(
        key, tuple(kind for kind, holds in kinds.items() if holds), before, after, rule, named_in, named_out
    )


def _named(before: TerritoryNode, after: TerritoryNode) -> tuple[tuple[str, ...], tuple[str, ...]]:
    sides = [{*node.named, *(f"not {one}" for one in node.exclude)} for node in (before, after)]
    return tuple(sorted(sides[1] - sides[0])), tuple(sorted(sides[0] - sides[1]))


def text_difference(before: str, after: str) -> tuple[tuple[str, str], ...]:
    """Return the pieces of two texts, word by word: ``same``, ``gone`` from the first, ``new`` in the second."""
    left, right = _words(before), _words(after)
    pieces: list[tuple[str, str]] = []
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for _, start, end, begin, stop in matcher.get_opcodes():
        same = left[start:end] == right[begin:stop]
        if same:
            pieces.append(("same", "".join(left[start:end])))
            continue
        if end > start:
            pieces.append(("gone", "".join(left[start:end])))
        if stop > begin:
            pieces.append(("new", "".join(right[begin:stop])))
    return tuple(pieces)


def _words(text: str) -> list[str]:
    """Return words with the blanks after them, so that joined they are the text."""
    starts = [found.start() for found in TOKEN.finditer(text)]
    if not starts:
        return [text] if text else []
    return [text[start:end] for start, end in pairwise([0, *starts[1:], len(text)])]


def members_between(
    left: TerritoryModelDocument, right: TerritoryModelDocument, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return who comes into (``in``) and who leaves (``out``) which territory, and who has other ``dates`` there.

    By territory, in the order of the documents; ``from`` and ``to`` are those of the later model, or of the earlier one
    for somebody who leaves.
    """
    before, after = _memberships(left), _memberships(right)
    titles = {node.key: node.name for document in (left, right) for node in document.territories}
    found = []
    for place in [*after, *(place for place in before if place not in after)]:
        was, now = before.get(place, []), after.get(place, [])
        if was == now:
            continue
        territory, rep, role = place
        change = "in" if not was else "out" if not now else "dates"
        found += [
            {
                "territory": territory,
                "name": titles[territory],
                "rep": rep,
                "rep_name": names.get(rep, rep),
                "role": role,
                "from": start,
                "to": end,
                "change": change,
            }
            for start, end in now or was
        ]
    order = {key: place for place, key in enumerate(titles)}
    return sorted(
        found,
        key=lambda row: (
            order[row["territory"]],
            row["change"],
            row["role"],
            row["rep_name"],
            str(row["from"]),
        ),
    )


def _memberships(
    document: TerritoryModelDocument,
) -> dict[tuple[str, str, str], list[tuple[date | None, date | None]]]:
    """Return (territory, rep, role) -> the dates, in order."""
    found: dict[tuple[str, str, str], list[tuple[date | None, date | None]]] = {}
    for node in document.territories:
        for member in node.members:
            found.setdefault((node.key, member.rep, member.role), []).append((member.start, member.end))
    for dates in found.values():
        dates.sort(key=str)
    return found
