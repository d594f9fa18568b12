"""Who had what when, in columns: as the database says today, or as it said at an earlier instant."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection, models
from django.db.models import Q

from merestone.base.errors import UsageError
from merestone.core.model.territory import TerritoryModelDocument
from merestone.db import audit
from merestone.db import models as rows
from merestone.db.queries.company import company
from merestone.db.stores import asknown, bulk
from merestone.db.stores.associations import SIDES
from merestone.db.stores.cells import ARROW_TYPES, Shape, cell, to_arrow
from merestone.db.stores.failures import translated
from merestone.db.stores.olddocuments import document_as_known
from merestone.db.stores.records import MODELS

BEGINNING, END = date(1, 1, 1), date(9999, 12, 31)
MEMBERS = {
    "territory": Shape.TEXT,
    "model": Shape.TEXT,
    "rep": Shape.INTEGER,
    "role": Shape.TEXT,
    "starts_on": Shape.DATE,
    "ends_on": Shape.DATE,
}
QUOTAS = {
    "id": Shape.INTEGER,
    "version": Shape.INTEGER,
    "territory": Shape.TEXT,
    "starts_on": Shape.DATE,
    "ends_on": Shape.DATE,
    "amount": Shape.MONEY,
    "currency": Shape.TEXT,
}


@dataclass(frozen=True, slots=True)
class Names:
    """Names by key or id, all of one moment."""

    territories: Mapping[str, str]
    reps: Mapping[int, str]
    models: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where the intervals of a table live, and its columns: name -> (lookup, shape)."""

    model: type[models.Model]
    link: str
    columns: Mapping[str, tuple[str, Shape]]

    @property
    def names(self) -> list[str]:
        return list(self.columns)


def _kind(model: type[models.Model], link: str, *, has_place: bool) -> _Kind:
    place = {"territory": ("territory__key", Shape.TEXT), "is_primary": ("is_primary", Shape.BOOLEAN)}
    columns = {
        "id": ("id", Shape.INTEGER),
        "record": (link, Shape.INTEGER),
        **({"territory": place["territory"]} if has_place else {}),
        "owner": ("owner_id", Shape.INTEGER),
        "model": ("model__key", Shape.TEXT),
        **({"is_primary": place["is_primary"]} if has_place else {}),
        "cause": ("cause", Shape.TEXT),
        "valid_from": ("valid_from", Shape.INSTANT),
        "valid_to": ("valid_to", Shape.INSTANT),
    }
    return _Kind(model, link, columns)


KINDS = {
    **{table: _kind(side.association, side.link, has_place=True) for table, side in SIDES.items()},
    "opportunities": _kind(rows.OpportunityOwnership, "opportunity_id", has_place=False),
}


class HistoryStore:
    """Implements ``app.ports_history.History``."""

    def as_of(
        self,
        table: str,
        when: datetime,
        *,
        ids: Iterable[int] | None = None,
        known: datetime | None = None,
    ) -> pa.Table:
        """Return who had what at an instant; see ``app.ports_history.History``."""
        with translated():
            if table == "members":
                return self._members_on(when, ids, known=known)
            if table == "quotas":
                return self._quotas_on(when, ids, known=known)
            kind = _intervals_of(table)
            if known is not None:
                found = _known_intervals(kind, ids, known=known)
                return found.filter(_covers(found, when)).select(kind.names)
            holding = Q(valid_to=None) | Q(valid_to__gt=when)
            return _read(kind, _rows(kind, ids).filter(holding, valid_from__lte=when).order_by())

    def intervals(self, table: str, ids: Iterable[int], *, known: datetime | None = None) -> pa.Table:
        """Return all intervals of some records, oldest first."""
        kind = _intervals_of(table)
        with translated():
            if known is not None:
                found = _known_intervals(kind, ids, known=known)
            else:
                found = _read(kind, _rows(kind, ids).order_by(), extra={"reason": ("reason", Shape.JSON)})
        order = [("record", "ascending"), ("valid_from", "ascending"), ("id", "ascending")]
        return found.select([*kind.names, "reason"]).sort_by(order)

    def rows_as_known(self, table: str, at: datetime, *, ids: Iterable[int] | None = None) -> pa.Table:
        """Return any audited table as it was just before ``at``."""
        names = {model._meta.db_table: model for model in audit.watched()} | MODELS
        if table not in names:
            raise UsageError(f"'{table}' is not an audited table.", code="unknown-table")
        with translated():
            return asknown.rows_as_known(names[table], at, ids=ids)

    def names(self, *, known: datetime | None = None) -> Names:
        """Return the names of territories, reps and models."""
        with translated():
            return Names(
                territories=_pairs(rows.Territory, "key", known=known),
                reps=_pairs(rows.Rep, "id", known=known),
                models=_pairs(rows.TerritoryModel, "key", known=known),
            )

    def publications(self, *, known: datetime | None = None) -> list[tuple[datetime, str | None]]:
        """Return (instant, key of the model active from then on, or None), oldest first.

        What was published before publications were kept stands in the models themselves.
        """
        names = ["id", "key", "activated_at", "archived_at"]
        with translated():
            found = _columns(rows.TerritoryModel, names, known=known)
            published = _columns(rows.Publication, ["model_id", "at"], known=known)
        keys = dict(zip(found["id"], found["key"], strict=True))
        events = {
            (at, key) for key, at in zip(found["key"], found["activated_at"], strict=True) if at is not None
        }
        events |= {
            (at, keys.get(model) if model is not None else None)
            for model, at in zip(published["model_id"], published["at"], strict=True)
        }
        last: list[tuple[datetime, str | None]] = []
        for at, key in sorted(events, key=lambda event: (event[0], event[1] or "")):
            if not last or last[-1][1] != key:
                last.append((at, key))
        return last

    def staffing(self, territories: Collection[str], *, known: datetime | None = None) -> pa.Table:
        """Return members in models that are or were active."""
        with translated():
            found = _members(known=known, states=("active", "archived"), territories=territories)
        return found.sort_by([("territory", "ascending"), ("starts_on", "ascending"), ("rep", "ascending")])

    def quotas(
        self, *, territories: Collection[str] | None = None, known: datetime | None = None
    ) -> pa.Table:
        """Return quotas by territory and start."""
        with translated():
            found = _quotas(known=known)
        if territories is not None:
            found = found.filter(
                pc.is_in(found["territory"], value_set=pa.array(list(territories), pa.string()))
            )
        return found.sort_by([("territory", "ascending"), ("starts_on", "ascending")])

    def document(self, key: str, known: datetime) -> TerritoryModelDocument | None:
        """Return a model's document as it was just before ``known``; None when there was no such model."""
        with translated():
            return document_as_known(key, known)

    def write_quotas(self, rows_: Sequence[Mapping[str, Any]]) -> int:
        """Insert or change quotas; returns how many were written."""
        keys = dict(
            rows.Territory.objects.filter(key__in={row["territory"] for row in rows_}).values_list(
                "key", "id"
            )
        )
        old = [row for row in rows_ if row.get("id") is not None]
        new = [row for row in rows_ if row.get("id") is None]
        with translated():
            if old:
                bulk.update(rows.Quota, [row["id"] for row in old], _quota_cells(old, keys))
            if new:
                bulk.insert(rows.Quota, _quota_cells(new, keys), n=len(new))
        return len(rows_)

    def delete_quotas(self, ids: Collection[int]) -> int:
        """Delete quotas; returns how many."""
        with translated():
            return rows.Quota.objects.filter(pk__in=bulk.among(ids)).delete()[0]

    def set_instant(self, at: datetime) -> None:
        """Let the transaction's changes of opportunities' owners happen at ``at``, not when the transaction began."""
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(
                    f"UPDATE {rows.AuditContext._meta.db_table} SET actor = %s WHERE id = 2",  # noqa: S608
                    [cell(at, Shape.INSTANT)],
                )
            else:
                cursor.execute("SELECT set_config('merestone.instant', %s, true)", [at.isoformat()])

    def explain(
        self,
        reasons: Mapping[int, Mapping[str, Any]],
        *,
        cause: str,
        model_id: int | None = None,
        stays_until: date | None = None,
    ) -> int:
        """Say why opportunities (id -> reason) are held as they are now; returns how many intervals were told anew."""
        held = rows.OpportunityOwnership.objects.filter(
            valid_to=None, opportunity_id__in=bulk.among(reasons)
        ).order_by("pk")
        with translated():
            pks, opportunities = bulk.fetch(held, ["id", "opportunity_id"])
            columns: dict[str, list[Any]] = {
                "cause": [cause] * len(pks),
                "reason": [json.dumps(reasons[one]) for one in opportunities],
                "model_id": [model_id] * len(pks),
                "stays_until": [cell(stays_until, Shape.DATE)] * len(pks),
            }
            return bulk.update(rows.OpportunityOwnership, pks, columns)

    def _members_on(
        self, when: datetime, territories: Iterable[int] | None, *, known: datetime | None
    ) -> pa.Table:
        day = when.astimezone(ZoneInfo(company().time_zone)).date()
        active = next((key for at, key in reversed(self.publications(known=known)) if at <= when), None)
        found = _members(known=known, model=active or "", territory_ids=territories)
        left = _left(known=known)
        there = [row not in left or left[row] > day for row in found["rep"].to_pylist()]
        found = found.filter(pc.and_(_covers_day(found, day), pa.array(there, pa.bool_())))
        return found.drop_columns(["model"])

    def _quotas_on(
        self, when: datetime, territories: Iterable[int] | None, *, known: datetime | None
    ) -> pa.Table:
        day = when.astimezone(ZoneInfo(company().time_zone)).date()
        found = _quotas(known=known, territory_ids=territories)
        return found.filter(_covers_day(found, day)).drop_columns(["id", "version"])


def _intervals_of(table: str) -> _Kind:
    if table not in KINDS:
        raise UsageError(
            f"'{table}' has no history of owners.",
            code="unknown-table",
            fix="Use accounts, leads or opportunities.",
        )
    return KINDS[table]


def _rows(kind: _Kind, ids: Iterable[int] | None) -> models.QuerySet[Any, Any]:
    query = kind.model._default_manager.all()
    return query if ids is None else query.filter(**{f"{kind.link}__in": bulk.among(ids)})


def _read(
    kind: _Kind,
    query: models.QuerySet[Any, Any],
    *,
    extra: Mapping[str, tuple[str, Shape]] | None = None,
) -> pa.Table:
    columns = {**kind.columns, **(extra or {})}
    cells = bulk.fetch(query, [lookup for lookup, _ in columns.values()])
    arrays = [to_arrow(column, shape) for column, (_, shape) in zip(cells, columns.values(), strict=True)]
    return pa.table(arrays, names=list(columns))


def _known_intervals(kind: _Kind, ids: Iterable[int] | None, *, known: datetime) -> pa.Table:
    """Return intervals as they were known, keys in the place of ids."""
    where = None if ids is None else (kind.link, list(ids))
    found = asknown.rows_as_known(kind.model, known, where=where)
    columns = {
        "record": found[kind.link],
        "owner": found["owner_id"],
        "model": _keys(rows.TerritoryModel, found["model_id"], known=known),
        **{name: found[name] for name in ("id", "cause", "valid_from", "valid_to", "reason")},
    }
    if "territory_id" in found.column_names:
        columns["territory"] = _keys(rows.Territory, found["territory_id"], known=known)
        columns["is_primary"] = found["is_primary"]
    return pa.table(columns)


def _keys(model: type[models.Model], ids: pa.ChunkedArray, *, known: datetime | None) -> pa.Array:
    """Return the keys of referred rows; what nobody refers to costs nothing."""
    used = pc.unique(ids).drop_null().to_pylist()
    found = _columns(model, ["id", "key"], known=known, ids=used) if used else {"id": [], "key": []}
    values = pa.array(found["key"], pa.string())
    return values.take(
        pc.index_in(ids.combine_chunks(), value_set=pa.array(found["id"], pa.int64()), skip_nulls=True)
    )


def _columns(
    model: type[models.Model],
    names: Sequence[str],
    *,
    known: datetime | None,
    ids: Iterable[int] | None = None,
) -> dict[str, list[Any]]:
    """Return columns of a small table as Python lists, by id."""
    if known is not None:
        found = asknown.rows_as_known(model, known, ids=ids)
        return {name: found[name].to_pylist() for name in names}
    query = model._default_manager.order_by("pk")
    if ids is not None:
        query = query.filter(pk__in=bulk.among(ids))
    shapes = asknown.kept_columns(model)
    cells = bulk.fetch(query, names)
    return {
        name: to_arrow(column, shapes[name]).to_pylist() for name, column in zip(names, cells, strict=True)
    }


def _pairs(model: type[models.Model], by: str, *, known: datetime | None) -> dict[Any, str]:
    found = _columns(model, [by, "name"], known=known)
    return dict(zip(found[by], found["name"], strict=True))


def _left(*, known: datetime | None) -> dict[int, date]:
    found = _columns(rows.Rep, ["id", "left_on"], known=known)
    return {pk: day for pk, day in zip(found["id"], found["left_on"], strict=True) if day is not None}


def _members(
    *,
    known: datetime | None,
    model: str | None = None,
    states: Collection[str] = (),
    territories: Collection[str] | None = None,
    territory_ids: Iterable[int] | None = None,
) -> pa.Table:
    """Return members with the keys of territory and model."""
    if known is None:
        query = rows.Member.objects.order_by("id")
        if model is not None:
            query = query.filter(node__model__key=model)
        if states:
            query = query.filter(node__model__state__in=states)
        if territories is not None:
            query = query.filter(node__territory__key__in=list(territories))
        if territory_ids is not None:
            query = query.filter(node__territory_id__in=bulk.among(territory_ids))
        lookups = ["node__territory__key", "node__model__key", "rep_id", "role", "starts_on", "ends_on"]
        cells = bulk.fetch(query, lookups)
        arrays = [to_arrow(column, shape) for column, shape in zip(cells, MEMBERS.values(), strict=True)]
        return pa.table(arrays, names=list(MEMBERS))
    return _known_members(
        known, model=model, states=states, territories=territories, territory_ids=territory_ids
    )


def _known_members(
    known: datetime,
    *,
    model: str | None,
    states: Collection[str],
    territories: Collection[str] | None,
    territory_ids: Iterable[int] | None,
) -> pa.Table:
    found = _columns(rows.TerritoryModel, ["id", "key", "state"], known=known)
    wanted = {
        pk: key
        for pk, key, state in zip(found["id"], found["key"], found["state"], strict=True)
        if (model is None or key == model) and (not states or state in states)
    }
    among = asknown.rows_as_known(rows.TerritoryNode, known, where=("model_id", list(wanted)))
    keys = _keys(rows.Territory, among["territory_id"], known=known).to_pylist()
    ids = None if territory_ids is None else set(territory_ids)
    nodes = {
        node: (key, wanted[of])
        for node, key, of, territory in zip(
            among["id"].to_pylist(),
            keys,
            among["model_id"].to_pylist(),
            among["territory_id"].to_pylist(),
            strict=True,
        )
        if (territories is None or key in territories) and (ids is None or territory in ids)
    }
    members = asknown.rows_as_known(rows.Member, known, where=("node_id", list(nodes)))
    places = [nodes[node] for node in members["node_id"].to_pylist()]
    return pa.table(
        {
            "territory": pa.array([place[0] for place in places], pa.string()),
            "model": pa.array([place[1] for place in places], pa.string()),
            "rep": members["rep_id"],
            **{name: members[name] for name in ("role", "starts_on", "ends_on")},
        }
    )


def _quotas(*, known: datetime | None, territory_ids: Iterable[int] | None = None) -> pa.Table:
    ids = None if territory_ids is None else list(territory_ids)
    if known is None:
        query = rows.Quota.objects.order_by("id")
        if ids is not None:
            query = query.filter(territory_id__in=bulk.among(ids))
        lookups = ["id", "version", "territory__key", "starts_on", "ends_on", "amount", "currency"]
        cells = bulk.fetch(query, lookups)
        arrays = [to_arrow(column, shape) for column, shape in zip(cells, QUOTAS.values(), strict=True)]
        return pa.table(arrays, names=list(QUOTAS))
    where = None if ids is None else ("territory_id", ids)
    found = asknown.rows_as_known(rows.Quota, known, where=where)
    columns = {name: found[name] for name in ("id", "starts_on", "ends_on", "amount", "currency")}
    columns["territory"] = _keys(rows.Territory, found["territory_id"], known=known)
    columns["version"] = pa.nulls(found.num_rows, ARROW_TYPES[Shape.INTEGER])
    return pa.table({name: columns[name] for name in QUOTAS})


def _covers(found: pa.Table, when: datetime) -> pa.Array:
    """Return which half-open intervals hold an instant."""
    instant = pa.scalar(when, ARROW_TYPES[Shape.INSTANT])
    ends = pc.or_kleene(pc.is_null(found["valid_to"]), pc.greater(found["valid_to"], instant))
    return pc.and_(pc.less_equal(found["valid_from"], instant), ends)


def _covers_day(found: pa.Table, day: date) -> pa.Array:
    """Return which half-open dates hold a day; without a start: from the beginning."""
    wanted = pa.scalar(day, pa.date32())
    starts = pc.fill_null(found["starts_on"], BEGINNING)
    ends = pc.fill_null(found["ends_on"], END)
    return pc.and_(pc.less_equal(starts, wanted), pc.greater(ends, wanted))


def _quota_cells(given: Sequence[Mapping[str, Any]], territories: Mapping[str, int]) -> dict[str, list[Any]]:
    return {
        "territory_id": [territories[row["territory"]] for row in given],
        "starts_on": [cell(row["starts_on"], Shape.DATE) for row in given],
        "ends_on": [cell(row["ends_on"], Shape.DATE) for row in given],
        "amount": [cell(row["amount"], Shape.MONEY) for row in given],
        "currency": [row["currency"] for row in given],
    }
