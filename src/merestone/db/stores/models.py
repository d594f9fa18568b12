"""Territory models: documents in, documents out, one of them active.

Saving writes only what differs from what is there, so that the audit log shows an edit as an edit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
from django.db.models import Count, F
from django.utils import timezone

from merestone.app.policy import Actor
from merestone.base.errors import ConflictError, NotFoundError
from merestone.core.model.columns import Kind
from merestone.core.model.territory import (
    Case,
    Membership,
    TerritoryModelDocument,
    TerritoryNode,
    TerritoryType,
)
from merestone.db import models as rows
from merestone.db.stores import bulk
from merestone.db.stores.cells import Shape, to_arrow
from merestone.db.stores.failures import translated
from merestone.db.stores.model_writer import write_content
from merestone.db.stores.reps import rep_ids, rep_names

EDITABLE = ("planning", "in_review")


class ModelStore:
    """Implements ``app.ports.Models``."""

    def active(self) -> tuple[int, TerritoryModelDocument] | None:
        """Return (model id, document) of the active model."""
        return _loaded(state="active")

    def load(self, key: str) -> tuple[int, TerritoryModelDocument] | None:
        """Return (model id, document) by key."""
        return _loaded(key=key)

    def all(self) -> list[dict[str, Any]]:
        """Return every model's ``key``, ``name``, ``state``, ``effective``, ``territories``, ``takes_effect_at``,
        ``cloned_from``, newest first."""
        models = rows.TerritoryModel.objects.annotate(territories=Count("nodes")).order_by("-pk")
        names = ("key", "name", "state", "territories", "effective_on", "takes_effect_at", "cloned_from__key")
        return [
            {
                **dict(zip(names[:4], values[:4], strict=True)),
                "effective": values[4] and values[4].isoformat(),
                "takes_effect_at": values[5] and values[5].isoformat(),
                "cloned_from": values[6],
            }
            for values in models.values_list(*names)
        ]

    def save(self, document: TerritoryModelDocument, *, actor: Actor) -> int:
        """Create or replace the content of a model in planning or review; returns its id.

        Raises
        ------
        ConflictError
            If the model of this key is neither in planning nor in review any more.
        InvalidInputError
            With every member who is no known rep, and every field declared with another kind.
        """
        with translated():
            model = rows.TerritoryModel.objects.select_for_update().filter(key=document.key).first()
            if model is None:
                model = rows.TerritoryModel(key=document.key, created_by_id=actor.user_id)
            if model.state not in EDITABLE:
                raise ConflictError(
                    f"The model '{document.key}' is {model.state.replace('_', ' ')}, neither in planning nor in review.",
                    code="model-not-in-planning",
                    fix="Cancel its schedule first."
                    if model.state == "scheduled"
                    else "Save it under another key.",
                )
            write_content(model, document)
        return model.pk

    def activate(self, model_id: int, *, at: datetime) -> None:
        """Archive the active model, make this one active. The caller re-assigns in the same transaction."""
        with translated():
            models = rows.TerritoryModel.objects.select_for_update().order_by("pk")
            states = dict(models.values_list("pk", "state"))
            if model_id not in states:
                raise NotFoundError("There is no such territory model.")
            if states[model_id] == "active":
                raise ConflictError("This model is active already.", code="already-active")
            touched = {"version": F("version") + 1, "updated_at": timezone.now()}
            models.filter(state="active").update(state="archived", archived_at=at, **touched)
            models.filter(pk=model_id).update(
                state="active",
                activated_at=at,
                archived_at=None,
                takes_effect_at=None,
                approved_hash="",
                **touched,
            )
            _rename_territories(model_id)

    def members(self) -> pa.Table:
        """Return members of the active model; see ``app.ports.Models``."""
        shapes = {
            "node__territory__key": Shape.TEXT,
            "rep_id": Shape.INTEGER,
            "rep__name": Shape.TEXT,
            "role": Shape.TEXT,
            "starts_on": Shape.DATE,
            "ends_on": Shape.DATE,
            "rep__left_on": Shape.DATE,
            "rep__languages": Shape.LIST,
            "rep__hired_on": Shape.DATE,
            "rep__ramp_weeks": Shape.INTEGER,
        }
        query = rows.Member.objects.filter(node__model__state="active").order_by("node__position", "id")
        columns = bulk.fetch(query, list(shapes))
        names = rep_names()
        territory, rep_id, *others = (
            to_arrow(column, shape) for column, shape in zip(columns, shapes.values(), strict=True)
        )
        reps = pa.array([names[pk] for pk in columns[1]], pa.string())
        labels = [
            "territory",
            "rep",
            "rep_id",
            "rep_name",
            "role",
            "valid_from",
            "valid_to",
            "left_on",
            "languages",
            "hired_on",
            "ramp_weeks",
        ]
        return pa.table([territory, reps, rep_id, *others], names=labels)

    def leave(self) -> pa.Table:
        """Return days away: ``rep_id``, ``starts_on``, ``ends_on`` (first day back), ``starts_at_noon``, ``ends_at_noon``."""
        shapes = {
            "rep_id": Shape.INTEGER,
            "starts_on": Shape.DATE,
            "ends_on": Shape.DATE,
            "starts_at_noon": Shape.BOOLEAN,
            "ends_at_noon": Shape.BOOLEAN,
        }
        columns = bulk.fetch(rows.Leave.objects.order_by("rep_id", "starts_on", "id"), list(shapes))
        arrays = [to_arrow(column, shape) for column, shape in zip(columns, shapes.values(), strict=True)]
        return pa.table(arrays, names=list(shapes))

    def reps(self) -> pa.Table:
        """Return what documents may call a rep; see ``app.ports.Models``."""
        known, names = rep_ids(), rep_names()
        reps = {
            pk: (name, left_on) for pk, name, left_on in rows.Rep.objects.values_list("id", "name", "left_on")
        }
        return pa.table(
            {
                "label": pa.array(known.keys(), pa.string()),
                "rep": pa.array([names[pk] for pk in known.values()], pa.string()),
                "rep_id": pa.array(known.values(), pa.int64()),
                "rep_name": pa.array([reps[pk][0] for pk in known.values()], pa.string()),
                "left_on": pa.array([reps[pk][1] for pk in known.values()], pa.date32()),
            }
        )


def _rename_territories(model_id: int) -> None:
    """Give every territory the name the model gives it, where it differs."""
    nodes = rows.TerritoryNode.objects.filter(model_id=model_id).exclude(name=F("territory__name"))
    found = list(nodes.order_by("territory_id").values_list("territory_id", "name"))
    if found:
        ids, names = zip(*found, strict=True)
        bulk.update(rows.Territory, list(ids), {"name": list(names)})


def _loaded(**which: Any) -> tuple[int, TerritoryModelDocument] | None:
    model = rows.TerritoryModel.objects.filter(**which).first()
    return None if model is None else (model.pk, _document(model))


def _document(model: rows.TerritoryModel) -> TerritoryModelDocument:
    members, named = _members(model), _named(model)
    nodes = rows.TerritoryNode.objects.filter(model=model).order_by("position", "id")
    values = nodes.values("id", "territory__key", "name", "type__key", "parent__territory__key", "criteria",
                          "priority", "cases", "notes")  # fmt: skip
    return TerritoryModelDocument(
        key=model.key,
        name=model.name,
        effective=model.effective_on,
        fields={key: Kind(kind) for key, kind in model.fields},
        areas=dict(model.areas),
        lists={key: tuple(items) for key, items in model.lists},
        types=tuple(
            TerritoryType(*values)
            for values in model.types.order_by("position", "id").values_list("key", "name", "is_primary")
        ),
        territories=tuple(_node(node, members.get(node["id"], ()), named) for node in values),
    )


def _node(
    node: Mapping[str, Any], members: tuple[Membership, ...], named: Mapping[tuple[int, bool], list[str]]
) -> TerritoryNode:
    return TerritoryNode(
        key=node["territory__key"],
        name=node["name"],
        type=node["type__key"],
        parent=node["parent__territory__key"],
        where=node["criteria"],
        priority=node["priority"],
        members=members,
        named=tuple(named.get((node["id"], False), ())),
        exclude=tuple(named.get((node["id"], True), ())),
        cases=tuple(Case(record=dict(case["record"]), expect=case["expect"]) for case in node["cases"]),
        notes=node["notes"],
    )


def _members(model: rows.TerritoryModel) -> dict[int, tuple[Membership, ...]]:
    query = rows.Member.objects.filter(node__model=model).order_by("id")
    found: defaultdict[int, tuple[Membership, ...]] = defaultdict(tuple)
    names = rep_names()
    columns = query.values_list("node_id", "rep_id", "role", "starts_on", "ends_on")
    for node_id, rep_id, role, start, end in columns:
        found[node_id] += (Membership(names[rep_id], role, start, end),)
    return found


def _named(model: rows.TerritoryModel) -> dict[tuple[int, bool], list[str]]:
    query = rows.NamedAccount.objects.filter(node__model=model).order_by("position", "id")
    found: defaultdict[tuple[int, bool], list[str]] = defaultdict(list)
    for node_id, is_excluded, account in query.values_list("node_id", "is_excluded", "account_external_id"):
        found[node_id, is_excluded].append(account)
    return found
