"""Writes a model document into rows: inserts, changes and removes only what differs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from django.db import models as django_models

from merestone.app.model_hash import content_hash
from merestone.base.errors import InvalidInputError, Problem
from merestone.core.criteria import standard_fields
from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode
from merestone.core.rules.audit import unknown_reps
from merestone.db import models as rows
from merestone.db.stores import bulk, custom
from merestone.db.stores.cells import cell, shape_of
from merestone.db.stores.reps import rep_ids, rep_names

Row = dict[str, Any]


def write_content(model: rows.TerritoryModel, document: TerritoryModelDocument) -> None:
    """Make the model say what the document says; the model row is saved too.

    Mappings are kept as lists of pairs: PostgreSQL's JSON forgets the order of keys, and documents are read in diffs.
    """
    reps = _known_reps(document)
    _declare_fields(document)
    model.name = document.name
    model.effective_on = document.effective
    model.fields = [[key, kind.value] for key, kind in document.fields.items()]
    model.areas = [[key, area] for key, area in document.areas.items()]
    model.lists = [[key, list(items)] for key, items in document.lists.items()]
    model.content_hash = content_hash(_lasting(document, reps))
    model.version += 1 if model.pk else 0
    model.save()
    types = _write_types(model, document)
    nodes = _write_nodes(model, document, types)
    _write_members(document, nodes, reps)
    _write_named(document, nodes)


def _known_reps(document: TerritoryModelDocument) -> dict[str, int]:
    known = rep_ids()
    problems = unknown_reps(document, known)
    if problems:
        raise InvalidInputError("Some members are not known as reps.", problems)
    return known


def _lasting(document: TerritoryModelDocument, reps: Mapping[str, int]) -> TerritoryModelDocument:
    """Return the document as it will be read again: with the names that members go by."""
    names = rep_names()
    return replace(
        document,
        territories=tuple(
            replace(
                node, members=tuple(replace(one, rep=names[reps[one.rep.lower()]]) for one in node.members)
            )
            for node in document.territories
        ),
    )


def _declare_fields(document: TerritoryModelDocument) -> None:
    """Create the custom fields the document declares and nobody had before."""
    built_in, present = standard_fields(), custom.declared("accounts")
    own = {key: kind.value for key, kind in document.fields.items() if key not in built_in}
    problems = [
        Problem(
            "custom-field-kind",
            f"The custom field '{key}' is of type {present[key]} here, not {kind}.",
            f"Declare it as {present[key]}, or give it another name.",
            where=f"fields/{key}",
        )
        for key, kind in own.items()
        if present.get(key, kind) != kind
    ]
    if problems:
        raise InvalidInputError("Some fields are declared with another type.", problems)
    custom.ensure_declared("accounts", own)


def _write_types(model: rows.TerritoryModel, document: TerritoryModelDocument) -> dict[str, int]:
    wanted: dict[Hashable, Row] = {
        kind.key: {
            "model_id": model.pk,
            "key": kind.key,
            "name": kind.name,
            "is_primary": kind.is_primary,
            "position": place,
        }
        for place, kind in enumerate(document.types)
    }
    present: dict[Hashable, Any] = {
        row["key"]: row for row in rows.TerritoryType.objects.filter(model=model).values()
    }
    return _upsert(rows.TerritoryType, present, wanted)


def _write_nodes(
    model: rows.TerritoryModel, document: TerritoryModelDocument, types: Mapping[str, int]
) -> dict[str, int]:
    """Write the tree; nodes no longer wanted go last, so that their children have moved before."""
    territories = _identities(document)
    keys = {pk: key for key, pk in territories.items()}
    query = rows.TerritoryNode.objects.filter(model=model)
    present: dict[Hashable, Any] = {keys.get(row["territory_id"], row["id"]): row for row in query.values()}
    parents = {key: row["parent_id"] for key, row in present.items()}
    wanted: dict[Hashable, Row] = {
        node.key: {
            "model_id": model.pk,
            "territory_id": territories[node.key],
            "parent_id": parents.get(node.key),
            "type_id": types[node.type],
            **_content(node, document, place),
        }
        for place, node in enumerate(document.territories)
    }
    nodes = _upsert(rows.TerritoryNode, present, wanted)
    _write_parents(document, nodes, parents)
    query.exclude(pk__in=bulk.among(nodes.values())).delete()
    rows.TerritoryType.objects.filter(model=model).exclude(pk__in=bulk.among(types.values())).delete()
    return nodes


def _content(node: TerritoryNode, document: TerritoryModelDocument, place: int) -> Row:
    path = [step.key for step in document.tree.path(node.key)]
    return {
        "name": node.name,
        "criteria": node.where,
        "priority": node.priority,
        "position": place,
        "path": "".join(f"{key}/" for key in path),
        "depth": len(path) - 1,
        "cases": [
            {"record": list(map(list, case.record.items())), "expect": case.expect} for case in node.cases
        ],
        "notes": node.notes,
    }


def _identities(document: TerritoryModelDocument) -> dict[str, int]:
    """Return territory key -> id of the lasting identities; missing ones are made."""
    known = dict(rows.Territory.objects.values_list("key", "id"))
    new = [node for node in document.territories if node.key not in known]
    columns = {"key": [node.key for node in new], "name": [node.name for node in new]}
    ids = bulk.insert(rows.Territory, columns, n=len(new))
    return {**known, **dict(zip(columns["key"], ids, strict=True))}


def _write_parents(
    document: TerritoryModelDocument, nodes: Mapping[str, int], before: Mapping[Any, int | None]
) -> None:
    """Set parents once every node has its id."""
    wanted = {node.key: nodes[node.parent] if node.parent else None for node in document.territories}
    moved = [key for key, parent in wanted.items() if before.get(key) != parent]
    if moved:
        bulk.update(
            rows.TerritoryNode, [nodes[key] for key in moved], {"parent_id": [wanted[key] for key in moved]}
        )


def _write_members(
    document: TerritoryModelDocument, nodes: Mapping[str, int], reps: Mapping[str, int]
) -> None:
    """Keep the members a list begins with alike and write the rest anew: their order is that of their ids."""
    names = ("node_id", "rep_id", "role", "starts_on", "ends_on")
    present: dict[int, list[tuple[int, tuple[Any, ...]]]] = {}
    query = rows.Member.objects.filter(node__in=bulk.among(nodes.values())).order_by("id")
    for pk, *values in query.values_list("id", *names):
        present.setdefault(values[0], []).append((pk, tuple(values)))
    gone: list[int] = []
    new: list[tuple[Any, ...]] = []
    for node in document.territories:
        wanted = [
            (nodes[node.key], reps[member.rep.lower()], member.role, member.start, member.end)
            for member in node.members
        ]
        there = present.get(nodes[node.key], [])
        alike = sum(
            1 for _ in takewhile(lambda pair: pair[0][1] == pair[1], zip(there, wanted, strict=False))
        )
        gone += [pk for pk, _ in there[alike:]]
        new += wanted[alike:]
    if gone:
        rows.Member.objects.filter(pk__in=bulk.among(gone)).delete()
    _insert(rows.Member, [dict(zip(names, values, strict=True)) for values in new])


def _write_named(document: TerritoryModelDocument, nodes: Mapping[str, int]) -> None:
    wanted = {
        (row["node_id"], row["account_external_id"], row["is_excluded"]): row
        for row in _named_rows(document, nodes)
    }
    query = rows.NamedAccount.objects.filter(node__in=bulk.among(nodes.values()))
    present: dict[Hashable, Any] = {
        (row["node_id"], row["account_external_id"], row["is_excluded"]): row for row in query.values()
    }
    kept = _upsert(rows.NamedAccount, present, wanted)
    query.exclude(pk__in=bulk.among(kept.values())).delete()


def _named_rows(document: TerritoryModelDocument, nodes: Mapping[str, int]) -> Iterator[Row]:
    for node in document.territories:
        for is_excluded, accounts in ((False, node.named), (True, node.exclude)):
            for place, account in enumerate(accounts):
                yield {
                    "node_id": nodes[node.key],
                    "account_external_id": account,
                    "is_excluded": is_excluded,
                    "position": place,
                }


def _upsert(
    model: type[django_models.Model], present: Mapping[Any, Row], wanted: Mapping[Any, Row]
) -> dict[Any, int]:
    """Insert what is missing and update what differs; returns key -> id of everything wanted."""
    new = [key for key in wanted if key not in present]
    changed = [
        key
        for key, row in wanted.items()
        if key in present and any(present[key][name] != value for name, value in row.items())
    ]
    if changed:
        columns = _columns(model, [wanted[key] for key in changed])
        bulk.update(model, [present[key]["id"] for key in changed], columns)
    ids = dict(zip(new, _insert(model, [wanted[key] for key in new]), strict=True))
    return {key: ids[key] if key in ids else present[key]["id"] for key in wanted}


def _insert(model: type[django_models.Model], new: list[Row]) -> list[int]:
    return bulk.insert(model, _columns(model, new), n=len(new)) if new else []


def _columns(model: type[django_models.Model], content: list[Row]) -> dict[str, list[Any]]:
    shapes = {name: shape_of(bulk.field_of(model, name)) for name in content[0]}
    return {name: [cell(row[name], shape) for row in content] for name, shape in shapes.items()}
