"""How things stood before a publication, read from the audit log of its transaction and from what is there now.

An association the transaction opened was not there; one it closed or removed was; one whose reason it told anew had
another. What has a larger id than the publication's mark, or was closed since, changed since.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from django.db import models
from django.db.models import Q

from merestone.app.ports_lifecycle import Held, Placed, Published
from merestone.db.models import (
    Account,
    AuditEntry,
    Lead,
    Opportunity,
    OpportunityOwnership,
    Territory,
)
from merestone.db.stores import bulk
from merestone.db.stores.associations import SIDES, AssociationStore

DESIRED = pa.schema(
    [
        ("record", pa.int64()),
        ("territory", pa.string()),
        ("owner", pa.int64()),
        ("is_primary", pa.bool_()),
        ("cause", pa.string()),
        ("reason", pa.string()),
    ]
)
CLOSED_STAGES = ("won", "lost")
Changes = Mapping[str, list[Any]]


@dataclass
class Log:
    """What a transaction did to one table.

    Parameters
    ----------
    opened : set of int
        Rows it inserted.
    old : dict of int to dict
        Row -> column -> value before, of rows that were there before and are still.
    removed : dict of int to dict
        The same, whole, of rows it removed.
    """

    opened: set[int] = field(default_factory=set)
    old: dict[int, dict[str, Any]] = field(default_factory=dict)
    removed: dict[int, dict[str, Any]] = field(default_factory=dict)


def log_of(transaction: str, model: type[models.Model]) -> Log:
    """Return what an audit transaction did to a model's table; the first of several changes tells what was before."""
    entries = AuditEntry.objects.filter(transaction=transaction, table_name=model._meta.db_table).order_by()
    log = Log(opened=set(entries.filter(operation="I").values_list("row_id", flat=True)))
    others = entries.exclude(operation="I").order_by("pk").values_list("row_id", "operation", "changes")
    for row_id, operation, changes in others.iterator(chunk_size=bulk.CHUNK):
        if row_id in log.opened:
            continue
        before = {name: pair[0] for name, pair in changes.items()}
        known = log.old.pop(row_id, {}) if operation == "D" else log.old.setdefault(row_id, {})
        if operation == "D":
            log.removed[row_id] = {**before, **known}
        else:
            for name, value in before.items():
                known.setdefault(name, value)
    return log


@dataclass(frozen=True, slots=True)
class _Row:
    """An association as it was."""

    record: int
    territory: int | None
    owner: int | None
    is_primary: bool
    cause: str
    reason: Any


def placed(table: str, publication: Published) -> Placed:
    """Return where the associations of ``accounts`` or ``leads`` stood before the publication."""
    side = SIDES[table]
    log = log_of(publication.transaction, side.association)
    closed = {pk for pk, old in log.old.items() if "valid_to" in old}
    changed, created = _since(table, publication, log, closed)
    changed |= _told_by_hand(side, publication, {*log.opened, *log.old} - closed) - created
    pks = {*log.opened, *closed}
    moved = _touched(side, pks, log)
    wanted = (moved | _touched(side, set(log.old) - pks, log)) - changed - created
    if table == "accounts":
        locked = wanted & set(AssociationStore().locked())
        changed, wanted = changed | locked, wanted - locked
    rows = [row for row in _rows_before(side, log, closed, wanted) if row.record in wanted]
    return Placed(_table(rows), frozenset(changed), frozenset(created), n_moved=len(moved & wanted))


def _touched(side: Any, pks: Collection[int], log: Log) -> set[int]:
    """Return the records, still there, that have these associations or had some the transaction removed."""
    query = side.association._default_manager.filter(pk__in=bulk.among(pks))
    found = set(query.order_by().values_list(side.link, flat=True))
    gone = {old[side.link] for old in log.removed.values()}
    model = Account if side.record is Account else Lead
    if gone:
        found |= set(model._default_manager.filter(pk__in=bulk.among(gone)).values_list("pk", flat=True))
    return found


def _told_by_hand(side: Any, publication: Published, pks: Collection[int]) -> set[int]:
    """Return the records among these associations that were moved by hand since to where they waited already.

    Nothing was opened or closed then: what waits is told anew why.
    """
    entries = AuditEntry.objects.filter(table_name=side.association._meta.db_table)
    last = entries.filter(transaction=publication.transaction).aggregate(last=models.Max("pk"))["last"] or 0
    later = entries.filter(operation="U", pk__gt=last, changes__has_key="reason").order_by()
    told = list(later.filter(row_id__in=bulk.among(pks)).values_list("row_id", "changes__cause"))
    by_hand = {row_id for row_id, cause in told if "manual" in (cause or ())}
    rows = side.association._default_manager.filter(pk__in=bulk.among({row_id for row_id, _ in told}))
    found = rows.order_by().values_list("pk", side.link, "cause")
    return {record for pk, record, cause in found if pk in by_hand or cause == "manual"}


def _rows_before(side: Any, log: Log, closed: set[int], records: set[int]) -> Iterator[_Row]:
    """Yield every association these records had, by record, primary ones first."""
    names = ["id", side.link, "territory_id", "owner_id", "is_primary", "cause", "reason"]
    query = side.association._default_manager.filter(**{f"{side.link}__in": bulk.among(records)})
    query = query.filter(Q(valid_to=None) | Q(pk__in=bulk.among(closed)))
    for cells in zip(*bulk.fetch(query.order_by(side.link, "-is_primary", "pk"), names), strict=True):
        pk, row = cells[0], dict(zip(names[1:], cells[1:], strict=True))
        if pk not in log.opened:
            yield _row(side, row | log.old.get(pk, {}))
    for row in log.removed.values():
        yield _row(side, row)


def _row(side: Any, cells: Mapping[str, Any]) -> _Row:
    reason = cells.get("reason") or {}
    return _Row(
        record=cells[side.link],
        territory=cells.get("territory_id"),
        owner=cells.get("owner_id"),
        is_primary=bool(cells["is_primary"]),
        cause=cells["cause"],
        reason=reason if isinstance(reason, str) else json.dumps(reason),
    )


def _table(rows: list[_Row]) -> pa.Table:
    wanted = {row.territory for row in rows}
    keys: dict[int | None, str | None] = {None: None}
    keys |= dict(Territory.objects.filter(pk__in=[pk for pk in wanted if pk]).values_list("pk", "key"))
    return pa.table(
        [
            [row.record for row in rows],
            [keys[row.territory] for row in rows],
            [row.owner for row in rows],
            [row.is_primary for row in rows],
            [row.cause for row in rows],
            [row.reason for row in rows],
        ],
        schema=DESIRED,
    )


def _since(table: str, publication: Published, log: Log, closed: set[int]) -> tuple[set[int], set[int]]:
    """Return the records whose associations changed after the publication, and those that came after it."""
    side, mark = SIDES[table], publication.marks.get(table, 0)
    rows = side.association._default_manager.order_by()
    later = set(rows.filter(pk__gt=mark).values_list(side.link, flat=True))
    ended = rows.filter(pk__lte=mark, valid_to__gte=publication.at).values_list("pk", side.link)
    changed = {record for pk, record in ended if pk not in closed}
    known = rows.filter(pk__lte=mark, **{f"{side.link}__in": bulk.among(later)})
    there = set(known.values_list(side.link, flat=True))
    there |= {old[side.link] for old in log.removed.values()}
    return changed | (later & there), later - there


def held(model: type[models.Model], holder: str, publication: Published) -> Held:
    """Return who held opportunities or activities before the publication (``holder`` is the column)."""
    log = log_of(publication.transaction, model)
    given = {pk: old[holder] for pk, old in log.old.items() if holder in old}
    after = _given(model, holder, publication.transaction)
    query = model._default_manager.filter(pk__in=bulk.among(given)).order_by("pk")
    now = dict(query.values_list("pk", holder))
    is_closed = Q(stage__in=CLOSED_STAGES) if model is Opportunity else Q(is_done=True)
    closed = set(query.filter(is_closed).values_list("pk", flat=True))
    changed = {pk for pk, owner in now.items() if owner != after[pk] or pk in closed}
    owners = {pk: given[pk] for pk in now if pk not in changed}
    if model is Opportunity:
        owners |= _stayed(publication)
    return Held(owners, frozenset(changed))


def _given(model: type[models.Model], holder: str, transaction: str) -> dict[int, int | None]:
    """Return record -> who had it after the transaction, of those it gave to somebody."""
    entries = AuditEntry.objects.filter(
        transaction=transaction, table_name=model._meta.db_table, operation="U"
    ).order_by("pk")
    return {
        row_id: changes[holder][1]
        for row_id, changes in entries.values_list("row_id", "changes")
        if holder in changes
    }


def _stayed(publication: Published) -> dict[int, int | None]:
    """Return opportunity -> who had it, of those that stayed by the model's policy and were handed over since."""
    log = log_of(publication.transaction, OpportunityOwnership)
    stayed = [pk for pk, old in log.old.items() if "stays_until" in old and "valid_to" not in old]
    if not stayed:
        return {}
    before = dict(
        OpportunityOwnership.objects.filter(pk__in=bulk.among(stayed))
        .exclude(valid_to=None)
        .values_list("opportunity_id", "owner_id")
    )
    since = OpportunityOwnership.objects.filter(
        opportunity_id__in=bulk.among(before), valid_to=None, model_id=publication.model_id
    ).exclude(opportunity__stage__in=CLOSED_STAGES)
    over = [pk for pk, reason in since.values_list("opportunity_id", "reason") if reason.get("policy")]
    return {pk: before[pk] for pk in over}


def restore_ownerships(publication: Published, opportunities: Collection[int]) -> None:
    """Give open ownerships the model, cause, reason and end they had before the publication."""
    log = log_of(publication.transaction, OpportunityOwnership)
    told = {pk: old for pk, old in log.old.items() if "valid_to" not in old}
    ended = [pk for pk, old in log.old.items() if "valid_to" in old]
    names = ("pk", "opportunity_id", "model_id", "cause", "reason", "stays_until", "valid_to")
    rows = OpportunityOwnership.objects.filter(pk__in=bulk.among([*told, *ended])).values_list(*names)
    wanted: dict[int, tuple[Any, ...]] = {}
    given = set(opportunities)
    for pk, opportunity, *values, valid_to in rows:
        old = log.old[pk]
        if pk in told and (valid_to is None or opportunity in given):
            now = dict(zip(names[2:6], values, strict=True))
            wanted[opportunity] = tuple(old.get(name, now[name]) for name in now)
        elif pk not in told and opportunity in given:
            wanted[opportunity] = tuple(values)
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for opportunity, found in wanted.items():
        groups[json.dumps(found, sort_keys=True, default=str)].append(opportunity)
    for ids in groups.values():
        values = dict(zip(names[2:6], wanted[ids[0]], strict=True))
        OpportunityOwnership.objects.filter(opportunity_id__in=bulk.among(ids), valid_to=None).update(
            **values
        )
