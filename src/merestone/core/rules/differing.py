"""How two model documents differ, made to be read: territory by territory, rules as small unified differences.

Works on what ``write_document`` gives, so that two documents that say the same differ in nothing.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from merestone.core.rules.document import VERSION

Written = Mapping[str, Any]
SHOWN = 20
"""Entries of a list that are told one by one."""
_TEXTS = ("where", "notes", "guidelines")
_SETS = ("members", "named", "exclude", "cases")
_BESIDE = ("merestone", "territories")
_WORDS = re.compile(r"'(?:[^']|'')*'|\b(?:and|or|between)\b", re.IGNORECASE)


@dataclass(frozen=True)
class DocumentDifference:
    """How a document differs from another.

    Parameters
    ----------
    model : str
        Key of the new one.
    is_new : bool
        There was nothing before.
    added, removed : tuple of str
        Territories, in the order of their documents.
    changed : mapping of str to mapping of str to (old, new)
        Territory key to the fields that differ.
    settings : mapping of str to (old, new)
        What else differs: ``model/name``, ``policies/late_days``, ``lists/bay-zips``, ``types/geo``, ``guidelines`` …
    is_reordered : bool
        The territories (types, lists, areas, fields) both have stand in another order.
    before, after : mapping
        Both documents, as ``write_document`` gives them.
    """

    model: str
    is_new: bool
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: Mapping[str, Mapping[str, tuple[Any, Any]]]
    settings: Mapping[str, tuple[Any, Any]]
    is_reordered: bool
    before: Written
    after: Written

    @property
    def is_same(self) -> bool:
        """True when both say the same, in the same order."""
        return not (
            self.is_new or self.added or self.removed or self.changed or self.settings or self.is_reordered
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "model": self.model,
            "is_new": self.is_new,
            "added": sorted(self.added),
            "removed": sorted(self.removed),
            "changed": {
                key: {name: list(pair) for name, pair in fields.items()}
                for key, fields in self.changed.items()
            },
            "settings": {name: list(pair) for name, pair in self.settings.items()},
            "is_reordered": self.is_reordered,
            "is_same": self.is_same,
        }

    def lines(self) -> Iterator[str]:
        """Yield it as text, for people: ``+`` is there only now, ``-`` is gone, ``~`` differs."""
        if self.is_new:
            yield f"+ model {self.model}"
        elif self.settings or self.is_reordered:
            yield f"~ model {self.model}"
        for name, pair in self.settings.items():
            yield from _told(name, *pair)
        if self.is_reordered:
            yield "    order: the same, told in another order"
        old, new = _territories(self.before), _territories(self.after)
        for key in [*new, *(key for key in old if key in self.removed)]:
            if key in self.added:
                yield ""
                yield f"+ territory {_called(new[key])}"
                yield from _facts(new[key])
            elif key in self.removed:
                yield ""
                yield f"- territory {_called(old[key])}"
            elif key in self.changed:
                yield ""
                yield f"~ territory {_called(new[key])}"
                for name, pair in self.changed[key].items():
                    yield from _told(name, *pair)


def difference(before: Written | None, after: Written) -> DocumentDifference:
    """Return how ``after`` differs from ``before``; both as ``write_document`` gives them, None: there is none."""
    old_data: Written = before or {"merestone": VERSION, "model": {}, "territories": []}
    old, new = _territories(old_data), _territories(after)
    old_settings, new_settings = _settings(old_data), _settings(after)
    if (
        before is not None and before["model"]["key"] != after["model"]["key"]
    ):  # two models: not a change of one
        old_settings.pop("model/key")
        new_settings.pop("model/key")
    return DocumentDifference(
        model=after["model"]["key"],
        is_new=before is None,
        added=tuple(key for key in new if key not in old),
        removed=tuple(key for key in old if key not in new),
        changed={key: found for key in new if key in old and (found := _fields(old[key], new[key]))},
        settings={
            name: (old_settings.get(name), new_settings.get(name))
            for name in {**new_settings, **old_settings}
            if old_settings.get(name) != new_settings.get(name)
        },
        is_reordered=before is not None
        and any(_is_reordered(one, two) for one, two in zip(_orders(old_data), _orders(after), strict=True)),
        before=old_data,
        after=after,
    )


def _territories(data: Written) -> dict[str, Written]:
    return {entry["key"]: entry for entry in data["territories"]}


def _fields(old: Written, new: Written) -> dict[str, tuple[Any, Any]]:
    names = [*new, *(name for name in old if name not in new)]
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}


def _settings(data: Written) -> dict[str, Any]:
    """Return what a document says beside its territories, one entry per key of a section."""
    found: dict[str, Any] = {}
    for name, value in data.items():
        if name in _BESIDE:
            continue
        if name == "types":
            found |= {f"types/{kind['key']}": kind for kind in value}
        elif isinstance(value, Mapping):
            found |= {f"{name}/{key}": item for key, item in value.items()}
        else:
            found[name] = value
    return found


def _orders(data: Written) -> list[list[str]]:
    mappings = [list(data.get(name, {})) for name in ("fields", "areas", "lists")]
    return [[entry["key"] for entry in data.get(name, ())] for name in ("territories", "types")] + mappings


def _is_reordered(old: Sequence[str], new: Sequence[str]) -> bool:
    both = set(old) & set(new)
    return [key for key in old if key in both] != [key for key in new if key in both]


# --- words ------------------------------------------------------------------------------------------------------------


def _called(entry: Written) -> str:
    name = f" “{entry['name']}”" if "name" in entry else ""
    return f"{entry['key']}{name}"


def _facts(entry: Written) -> Iterator[str]:
    for name, value in entry.items():
        if name not in ("key", "name"):
            yield from _told(name, None, value)


def _told(name: str, old: Any, new: Any) -> Iterator[str]:
    """Yield the lines about one thing that differs."""
    if name in _TEXTS:
        yield from _told_text(name, old or "", new or "")
    elif name in _SETS or (isinstance(old or new, list) and isinstance(new or old, list)):
        yield from _told_entries(name, old or [], new or [])
    elif old is None:
        yield f"    {name}: + {_short(new)}"
    elif new is None:
        yield f"    {name}: - {_short(old)}"
    else:
        yield f"    {name}: {_short(old)} → {_short(new)}"


def _told_text(name: str, old: str, new: str) -> Iterator[str]:
    before, after = (_rule_lines(text) if name == "where" else _text_lines(text) for text in (old, new))
    if len(before) <= 1 and len(after) <= 1:
        yield from (f"    {name}: - {line}" for line in before)
        yield from (f"    {name}: + {line}" for line in after)
        return
    yield f"    {name}:"
    if not before:
        yield from (f"      + {line}".rstrip() for line in after)
        return
    for line in list(difflib.unified_diff(before, after, lineterm="", n=2))[3:]:
        yield f"      {line[0]} {line[1:]}".rstrip() if line[0] != "@" else "      …"


def _text_lines(text: str) -> list[str]:
    return text.split("\n") if text else []


def _rule_lines(text: str) -> list[str]:
    """Return a rule with each condition on its own line; no word within quotes, and no ``between … and``, is split."""
    if not text:
        return []
    found, start, is_between = [], 0, False
    for match in _WORDS.finditer(text):
        word = match.group().lower()
        if word == "between":
            is_between = True
        elif word == "and" and is_between:
            is_between = False
        elif word in ("and", "or"):
            found.append(text[start : match.start()].strip())
            start = match.start()
    return [line for line in (*found, text[start:].strip()) if line]


def _told_entries(name: str, old: list[Any], new: list[Any]) -> Iterator[str]:
    before, after = [_entry(name, item) for item in old], [_entry(name, item) for item in new]
    gone, come = _without(before, after), _without(after, before)
    if not gone and not come:
        yield f"    {name}: in another order"
        return
    yield f"    {name}:"
    for mark, items in (("-", gone), ("+", come)):
        yield from (f"      {mark} {item}" for item in items[:SHOWN])
        if len(items) > SHOWN:
            yield f"      {mark} … and {len(items) - SHOWN:,} more"


def _without(items: list[str], others: list[str]) -> list[str]:
    known = set(others)
    return [item for item in items if item not in known]


def _entry(name: str, item: Any) -> str:
    if name != "members":
        return _short(item)
    dates = "".join(f" {word} {item[word]}" for word in ("from", "to") if word in item)
    return f"{item['rep']}, {item['role']}{dates}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"
