"""What a model says, as one short text: equal as long as nobody changed where records go or who is a member.

The order of territories, members and named accounts decides nothing and is not told. State, key, name and dates of the
model are no content: a copy has the hash of its original.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from merestone.base.errors import InvalidInputError
from merestone.core.criteria import fields_used, leaves, parse
from merestone.core.criteria.expression import Call, InList, Leaf
from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode


def content_hash(document: TerritoryModelDocument) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of what the whole model says."""
    return _digest(
        {
            "areas": dict(document.areas),
            "fields": {name: kind.value for name, kind in document.fields.items()},
            "lists": {key: sorted(items) for key, items in document.lists.items()},
            "territories": sorted((_told(node) for node in document.territories), key=_by_key),
            "types": sorted(map(_told_type, document.types), key=_by_key),
        }
    )


def subtree_hash(document: TerritoryModelDocument, key: str | None) -> str:
    """Return the SHA-256 of what the model says of a territory and everything below; None: of the whole.

    Counts what lies below with all its members and names, what constrains it on its path above (rules, exclusions,
    types), and the lists, areas and fields that these rules use. A change elsewhere leaves it equal, although a rule
    elsewhere may win records from it.

    Raises
    ------
    UsageError
        ``unknown-territory`` when the model has no such territory.
    """
    if key is None:
        return content_hash(document)
    tree = document.tree
    above, below = tree.path(key)[:-1], tree.subtree(key)
    used = _used(document, (*above, *below))
    return _digest(
        {
            "above": [_constraint(node) for node in above],
            "territories": sorted((_told(node) for node in below), key=_by_key),
            "types": [
                _told_type(kind)
                for kind in sorted(document.types, key=lambda kind: kind.key)
                if any(kind.key == node.type for node in (*above, *below))
            ],
        }
        | used
    )


def _told(node: TerritoryNode) -> dict[str, Any]:
    return {
        "key": node.key,
        "name": node.name,
        "type": node.type,
        "parent": node.parent,
        "where": node.where,
        "priority": node.priority,
        "members": sorted(
            [
                member.rep,
                member.role,
                member.start.isoformat() if member.start else "",
                member.end.isoformat() if member.end else "",
            ]
            for member in node.members
        ),
        "named": sorted(node.named),
        "exclude": sorted(node.exclude),
        "cases": sorted(_text({"record": dict(case.record), "expect": case.expect}) for case in node.cases),
        "notes": node.notes,
    }


def _constraint(node: TerritoryNode) -> dict[str, Any]:
    """Return what a territory forbids those below."""
    told = _told(node)
    return {name: told[name] for name in ("key", "type", "where", "exclude")}


def _told_type(kind: Any) -> dict[str, Any]:
    return {"key": kind.key, "name": kind.name, "primary": kind.is_primary}


def _used(document: TerritoryModelDocument, nodes: Iterable[TerritoryNode]) -> dict[str, Any]:
    """Return the lists, areas and fields that rules and cases of these territories use."""
    names: set[str] = set()
    lists: set[str] = set()
    areas: set[str] = set()
    for node in nodes:
        names.update(name for case in node.cases for name in case.record)
        if node.where is None:
            continue
        try:
            rule = parse(node.where)
        except InvalidInputError:  # kept from before a rule of the language changed: anything may be used
            return {
                "fields": {name: kind.value for name, kind in document.fields.items()},
                "lists": {key: sorted(items) for key, items in document.lists.items()},
                "areas": dict(document.areas),
            }
        names.update(fields_used(rule))
        for leaf in leaves(rule):
            lists.update(_list_of(leaf))
            areas.update(_areas_of(leaf))
    return {
        "fields": {name: kind.value for name, kind in document.fields.items() if name in names},
        "lists": {key: sorted(items) for key, items in document.lists.items() if key in lists},
        "areas": {key: shape for key, shape in document.areas.items() if key in areas},
    }


def _list_of(leaf: Leaf) -> tuple[str, ...]:
    return (str(leaf.key.value),) if isinstance(leaf, InList) else ()


def _areas_of(leaf: Leaf) -> tuple[str, ...]:
    if isinstance(leaf, Call) and leaf.name.casefold() == "in_area":
        return tuple(str(value.value) for value in leaf.values)
    return ()


def _by_key(entry: dict[str, Any]) -> str:
    return str(entry["key"])


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)


def _digest(value: Any) -> str:
    return hashlib.sha256(_text(value).encode()).hexdigest()
