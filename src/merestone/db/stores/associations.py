"""Dated associations: what is open, what was; locks; rotations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection, models
from django.db.models import Q

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
from merestone.db.stores.cells import Shape, to_arrow
from merestone.db.stores.clock import CompanyClock
from merestone.db.stores.failures import translated
from merestone.db.stores.replacing import Wanted, replace
from merestone.db.stores.turns import take_turn


@dataclass(frozen=True, slots=True)
class _Side:
    """Where the associations of one CRM table live."""

    record: type[models.Model]
    association: type[models.Model]
    link: str


SIDES = {
    "accounts": _Side(Account, AccountAssociation, "account_id"),
    "leads": _Side(Lead, LeadAssociation, "lead_id"),
}


class AssociationStore:
    """Implements ``app.ports.Associations``."""

    def open_now(self, table: str, *, ids: Iterable[int] | None = None) -> pa.Table:
        """Return open associations: ``record``, ``territory`` (key or null), ``owner`` (rep id or null),
        ``is_primary``, ``cause``, ``is_locked``, ``place`` (the territory's id or null), ``id``; by record, the primary
        one first."""
        side = _side(table)
        names = [side.link, "territory_id", "owner_id", "is_primary", "cause", "id"]
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
                "place": territory,
                "id": to_arrow(cells[5], Shape.INTEGER),
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

    def replace(
        self,
        table: str,
        desired: pa.Table,
        *,
        at: datetime,
        model_id: int | None,
        standing: pa.Table | None = None,
    ) -> int:
        """Close and open what differs for the records named in ``desired``; returns how many rows were opened.

        The caller holds a transaction. Rows equal in territory, owner and is_primary stay untouched. When a record's
        history reaches past ``at`` already (a second change at the same instant, clocks that differ), the change takes
        place at the end of that history. A row that would last no time is removed; the audit log has it. ``standing``
        spares reading what the caller has read in this transaction and turn.
        """
        side = _side(table)
        with translated():
            take_turn(table)
            _refuse_outside_transaction()
            wanted = Wanted.of(desired, _territory_ids(desired["territory"]))
            return replace(side, wanted, at=at, model_id=model_id, standing=standing)

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


def _refuse_outside_transaction() -> None:
    if not connection.in_atomic_block:
        raise UsageError("Associations change inside a transaction only.", code="no-transaction")


def _lock(record: type[models.Model], ids: Sequence[int]) -> None:
    """Take the row locks, so that rival runs over the same records come one after the other."""
    _refuse_outside_transaction()
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
