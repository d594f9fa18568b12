"""Dated associations: closing and opening what differs, in sets.

The order inside ``replace`` matters: rivals come one after the other, rows are closed, then opened, because the database
allows one open primary row at every moment.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection, models
from django.db.models import Max, Q

from merestone.base.errors import InvalidInputError, Problem, UsageError
from merestone.db.models import (
    Account,
    AccountAssociation,
    AccountLock,
    Lead,
    LeadAssociation,
    Rotation,
    Territory,
)
from merestone.db.stores import bulk
from merestone.db.stores.cells import Shape, cell, to_arrow
from merestone.db.stores.clock import CompanyClock
from merestone.db.stores.failures import translated
from merestone.db.stores.turns import take_turn


@dataclass(frozen=True, slots=True)
class _Side:
    """Where the associations of one CRM table live."""

    record: type[models.Model]
    association: type[models.Model]
    link: str


class Place(NamedTuple):
    """What makes two associations of a record the same."""

    record: int
    territory: int | None
    owner: int | None
    is_primary: bool


class _Open(NamedTuple):
    """An association that is open."""

    pk: int
    place: Place
    began: datetime


SIDES = {
    "accounts": _Side(Account, AccountAssociation, "account_id"),
    "leads": _Side(Lead, LeadAssociation, "lead_id"),
}


class AssociationStore:
    """Implements ``app.ports.Associations``."""

    def open_now(self, table: str, *, ids: Iterable[int] | None = None) -> pa.Table:
        """Return open associations: ``record``, ``territory`` (key or null), ``owner`` (rep id or null),
        ``is_primary``, ``cause``, ``is_locked``; by record, the primary one first."""
        side = _side(table)
        names = [side.link, "territory_id", "owner_id", "is_primary", "cause"]
        # Neither joined nor sorted in the database: a hundred thousand rows come twice as fast.
        cells = bulk.fetch(_rows(side, ids).filter(valid_to=None).order_by(), names)
        records, territory, owner = (to_arrow(column, Shape.INTEGER) for column in cells[:3])
        pks, keys = bulk.fetch(Territory.objects.order_by("key"), ["id", "key"])
        places = pc.index_in(territory, value_set=pa.array(pks, pa.int64()))
        locked = pa.array(self.locked() if side.record is Account else [], pa.int64())
        found = pa.table(
            {
                "record": records,
                "territory": to_arrow(keys, Shape.TEXT).take(places),
                "owner": owner,
                "is_primary": to_arrow(cells[3], Shape.BOOLEAN),
                "cause": to_arrow(cells[4], Shape.TEXT),
                "is_locked": pc.is_in(records, value_set=locked),
            }
        )
        order = [("record", "ascending"), ("overlay", "ascending"), ("place", "ascending")]
        by = pa.table(
            {"record": records, "overlay": pc.invert(found["is_primary"]).cast(pa.int8()), "place": places}
        )
        return found.take(pc.sort_indices(by, sort_keys=order))

    def locked(self) -> list[int]:
        """Return the accounts that are locked today."""
        today = CompanyClock().today()
        query = AccountLock.objects.filter(Q(until=None) | Q(until__gt=today))
        return list(query.values_list("account_id", flat=True))

    def history(self, table: str) -> pa.Table:
        """Return all associations: ``record``, ``territory``, ``owner``, ``is_primary``, ``valid_from``, ``valid_to``."""
        side = _side(table)
        shapes = {
            side.link: Shape.INTEGER,
            "territory__key": Shape.TEXT,
            "owner_id": Shape.INTEGER,
            "is_primary": Shape.BOOLEAN,
            "valid_from": Shape.INSTANT,
            "valid_to": Shape.INSTANT,
        }
        columns = bulk.fetch(_rows(side, None).order_by(side.link, "valid_from", "id"), list(shapes))
        arrays = [to_arrow(column, shape) for column, shape in zip(columns, shapes.values(), strict=True)]
        return pa.table(
            arrays, names=["record", "territory", "owner", "is_primary", "valid_from", "valid_to"]
        )

    def replace(self, table: str, desired: pa.Table, *, at: datetime, model_id: int | None) -> int:
        """Close and open what differs for the records named in ``desired``; returns how many rows were opened.

        The caller holds a transaction. Rows equal in territory, owner and is_primary stay untouched. When a record's
        history reaches past ``at`` already (a second change at the same instant, clocks that differ), the change takes
        place at the end of that history. A row that would last no time is removed; the audit log has it.
        """
        side = _side(table)
        records = pc.unique(desired["record"]).to_pylist()
        with translated():
            take_turn(table)
            wanted = _wanted(desired, _territory_ids(desired["territory"]))
            present = _present(side, records)
            gone = [row for place, row in present.items() if place not in wanted]
            new = [place for place in wanted if place not in present]
            changed = {place.record for place in new} | {row.place.record for row in gone}
            instants = _instants(side, changed, present.values(), at=at)
            _leave(side, gone, instants)
            _open(side, [(place, *wanted[place]) for place in new], instants=instants, model_id=model_id)
            waiting = {
                row.pk: wanted[place]
                for place, row in present.items()
                if place in wanted and place.owner is None
            }
            _tell_anew(side, waiting, model_id=model_id)
        return len(new)

    def lock(self, ids: Sequence[int], *, reason: str, until: date | None) -> None:
        """Lock accounts where they are, or change their locks."""
        with translated():
            _lock(Account, list(ids))
            held = {
                lock.account_id: lock for lock in AccountLock.objects.filter(account_id__in=bulk.among(ids))
            }
            for lock in held.values():
                lock.reason, lock.until, lock.version = reason, until, lock.version + 1
            AccountLock.objects.bulk_update(held.values(), ["reason", "until", "version"], batch_size=500)
            AccountLock.objects.bulk_create(
                (AccountLock(account_id=one, reason=reason, until=until) for one in ids if one not in held),
                batch_size=500,
            )

    def unlock(self, ids: Sequence[int]) -> int:
        """Remove locks; returns how many there were."""
        with translated():
            return AccountLock.objects.filter(account_id__in=bulk.among(ids)).delete()[0]

    def rotations(self, territories: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Lock the territories' rotations (in key order) and return their states; ``{}`` for a new one."""
        keys = sorted(set(territories))
        query = Territory.objects.filter(key__in=keys).order_by("key")
        with translated():
            found = list(query.select_for_update(no_key=True).values_list("id", "key"))
            states = dict(
                Rotation.objects.filter(territory__key__in=keys).values_list("territory_id", "state")
            )
        _refuse_unknown(keys, {key for _, key in found})
        return {key: states.get(pk, {}) for pk, key in found}

    def keep_rotations(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the states of rotations locked before."""
        ids = dict(Territory.objects.filter(key__in=list(states)).values_list("key", "id"))
        _refuse_unknown(states, ids)
        rows = [Rotation(territory_id=ids[key], state=dict(state)) for key, state in sorted(states.items())]
        with translated():
            Rotation.objects.bulk_create(
                rows, update_conflicts=True, unique_fields=["territory"], update_fields=["state"]
            )


def _side(table: str) -> _Side:
    if table not in SIDES:
        raise UsageError(
            f"'{table}' has no associations.", code="unknown-table", fix="Use accounts or leads."
        )
    return SIDES[table]


def _rows(side: _Side, ids: Iterable[int] | None) -> models.QuerySet[Any, Any]:
    query = side.association._default_manager.all()
    return query if ids is None else query.filter(**{f"{side.link}__in": bulk.among(ids)})


def _lock(record: type[models.Model], ids: Sequence[int]) -> None:
    """Take the row locks, so that rival runs over the same records come one after the other."""
    if not connection.in_atomic_block:
        raise UsageError("Associations change inside a transaction only.", code="no-transaction")
    if connection.features.has_select_for_update:  # SQLite lets one transaction write at a time anyway
        query = record._default_manager.filter(pk__in=bulk.among(ids)).order_by("pk")
        bulk.fetch(query.select_for_update(no_key=True), ["id"])


def _territory_ids(keys: pa.ChunkedArray) -> dict[str | None, int | None]:
    wanted = [key for key in pc.unique(keys).to_pylist() if key is not None]
    found: dict[str | None, int | None] = dict(
        Territory.objects.filter(key__in=wanted).values_list("key", "id")
    )
    _refuse_unknown(wanted, found)
    return {**found, None: None}


def _refuse_unknown(keys: Iterable[str], known: Iterable[str | None]) -> None:
    problems = [
        Problem("unknown-territory", f"There is no territory '{key}'.", where=key)
        for key in sorted(set(keys) - set(known))
    ]
    if problems:
        raise InvalidInputError("Some territories do not exist.", problems)


def _wanted(desired: pa.Table, territories: Mapping[str | None, int | None]) -> dict[Place, tuple[str, str]]:
    """Return place -> (cause, reason) in the order given."""
    columns = [
        desired[name].to_pylist()
        for name in ("record", "territory", "owner", "is_primary", "cause", "reason")
    ]
    return {
        Place(record, territories[territory], owner, is_primary): (cause, reason or "{}")
        for record, territory, owner, is_primary, cause, reason in zip(*columns, strict=True)
    }


def _present(side: _Side, ids: Sequence[int]) -> dict[Place, _Open]:
    """Return what is open, by place."""
    names = [side.link, "territory_id", "owner_id", "is_primary", "id", "valid_from"]
    *keys, pks, began = bulk.fetch(_rows(side, ids).filter(valid_to=None), names)
    places = [
        Place(record, territory, owner, bool(flag))
        for record, territory, owner, flag in zip(*keys, strict=True)
    ]
    instants = to_arrow(began, Shape.INSTANT).to_pylist()
    return {row.place: row for row in map(_Open, pks, places, instants)}


def _tell_anew(side: _Side, waiting: Mapping[int, tuple[str, str]], *, model_id: int | None) -> None:
    """Keep the reasons of what still waits in the queue true: "no model is active" may not outlive a publish."""
    query = side.association._default_manager.filter(pk__in=bulk.among(waiting)).order_by("pk")
    pks, causes, reasons = bulk.fetch(query, ["id", "cause", "reason"]) if waiting else ([], [], [])
    stale = [
        pk
        for pk, cause, reason in zip(pks, causes, reasons, strict=True)
        if (cause, _plain(reason)) != (waiting[pk][0], _plain(waiting[pk][1]))
    ]
    columns: dict[str, list[Any]] = {
        "cause": [waiting[pk][0] for pk in stale],
        "reason": [waiting[pk][1] for pk in stale],
        "model_id": [model_id] * len(stale),
    }
    bulk.update(side.association, stale, columns)


def _plain(reason: Any) -> Any:
    return json.loads(reason) if isinstance(reason, str) else reason


def _instants(
    side: _Side, records: Collection[int], present: Iterable[_Open], *, at: datetime
) -> dict[int, datetime]:
    """Return when each record changes: at ``at``, or where its history ends if that is later."""
    found = dict.fromkeys(records, at)
    ends = (
        _rows(side, records)
        .filter(valid_to__gt=at)
        .order_by()
        .values(side.link)
        .annotate(end=Max("valid_to"))
    )
    for record, end in ends.values_list(side.link, "end"):
        found[record] = end
    for row in present:
        if row.place.is_primary and row.place.record in found:
            found[row.place.record] = max(found[row.place.record], row.began)
    return found


def _leave(side: _Side, gone: Sequence[_Open], instants: Mapping[int, datetime]) -> None:
    """Close rows at their record's instant; remove those that began no earlier."""
    rows = side.association._default_manager
    closing: defaultdict[datetime, list[int]] = defaultdict(list)
    fleeting = []
    for row in gone:
        end = instants[row.place.record]
        if row.began < end:
            closing[end].append(row.pk)
        else:
            fleeting.append(row.pk)
    for end, pks in closing.items():  # one instant, as a rule
        rows.filter(pk__in=bulk.among(pks)).update(valid_to=end)
    if fleeting:
        rows.filter(pk__in=bulk.among(fleeting)).delete()


def _open(
    side: _Side,
    places: Sequence[tuple[Place, str, str]],
    *,
    instants: Mapping[int, datetime],
    model_id: int | None,
) -> None:
    cells: dict[str, list[Any]] = {
        side.link: [place.record for place, _, _ in places],
        "territory_id": [place.territory for place, _, _ in places],
        "owner_id": [place.owner for place, _, _ in places],
        "model_id": [model_id] * len(places),
        "is_primary": [place.is_primary for place, _, _ in places],
        "cause": [cause for _, cause, _ in places],
        "reason": [reason for _, _, reason in places],
        "valid_from": [cell(instants[place.record], Shape.INSTANT) for place, _, _ in places],
    }
    bulk.insert(side.association, cells, n=len(places))
