"""A territory model's document as the database had it at an earlier instant."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from merestone.core.model.columns import Kind
from merestone.core.model.territory import (
    Case,
    Membership,
    TerritoryModelDocument,
    TerritoryNode,
    TerritoryType,
)
from merestone.db import models as rows
from merestone.db.stores.asknown import rows_as_known
from merestone.db.stores.reps import rep_names


def document_as_known(key: str, at: datetime) -> TerritoryModelDocument | None:
    """Return a model's document as it was just before ``at``; None when there was no such model.

    Reps stand under the names that documents call them by today.
    """
    models = [row for row in rows_as_known(rows.TerritoryModel, at).to_pylist() if row["key"] == key]
    if not models:
        return None
    model = models[0]
    here = ("model_id", [model["id"]])
    types = {row["id"]: row for row in rows_as_known(rows.TerritoryType, at, where=here).to_pylist()}
    nodes = {row["id"]: row for row in rows_as_known(rows.TerritoryNode, at, where=here).to_pylist()}
    keys = _keys([node["territory_id"] for node in nodes.values()], at)
    members, named = _members(nodes, at), _named(nodes, at)
    ordered = sorted(nodes.values(), key=lambda node: (node["position"], node["id"]))
    return TerritoryModelDocument(
        key=model["key"],
        name=model["name"] or "",
        effective=model["effective_on"],
        fields={name: Kind(kind) for name, kind in json.loads(model["fields"])},
        areas=dict(json.loads(model["areas"])),
        lists={name: tuple(items) for name, items in json.loads(model["lists"])},
        types=tuple(
            TerritoryType(row["key"], row["name"] or "", row["is_primary"])
            for row in sorted(types.values(), key=lambda row: (row["position"], row["id"]))
        ),
        territories=tuple(
            TerritoryNode(
                key=keys[node["territory_id"]],
                name=node["name"] or "",
                type=types[node["type_id"]]["key"],
                parent=keys[nodes[node["parent_id"]]["territory_id"]] if node["parent_id"] else None,
                where=node["criteria"],
                priority=node["priority"],
                members=tuple(members[node["id"]]),
                named=tuple(named[node["id"], False]),
                exclude=tuple(named[node["id"], True]),
                cases=tuple(
                    Case(record=dict(case["record"]), expect=case["expect"])
                    for case in json.loads(node["cases"])
                ),
                notes=node["notes"] or "",
            )
            for node in ordered
        ),
    )


def _keys(ids: list[int], at: datetime) -> dict[int, str]:
    found = rows_as_known(rows.Territory, at, ids=ids)
    return dict(zip(found["id"].to_pylist(), found["key"].to_pylist(), strict=True))


def _members(nodes: Mapping[int, Any], at: datetime) -> defaultdict[int, list[Membership]]:
    found: defaultdict[int, list[Membership]] = defaultdict(list)
    names = rep_names()
    for row in rows_as_known(rows.Member, at, where=("node_id", list(nodes))).to_pylist():
        name = names.get(row["rep_id"])
        if name is not None:
            found[row["node_id"]].append(Membership(name, row["role"], row["starts_on"], row["ends_on"]))
    return found


def _named(nodes: Mapping[int, Any], at: datetime) -> defaultdict[tuple[int, bool], list[str]]:
    found: defaultdict[tuple[int, bool], list[str]] = defaultdict(list)
    table = rows_as_known(rows.NamedAccount, at, where=("node_id", list(nodes))).to_pylist()
    for row in sorted(table, key=lambda row: (row["position"], row["id"])):
        found[row["node_id"], row["is_excluded"]].append(row["account_external_id"])
    return found
