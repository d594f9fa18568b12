"""What stands and what is wanted, compared in columns; closing and opening what differs, in a constant number of statements.

The order matters: rows are closed, then opened, because the database allows one open primary row at every moment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import models
from django.db.models import Max

from merestone.db.stores import bulk
from merestone.db.stores.cells import INSTANT, Shape, cell, to_arrow

NONE = -1  # in place of no territory, no owner


class Side(Protocol):
    """Where the associations of one CRM table live."""

    @property
    def association(self) -> type[models.Model]:
        """Their table."""
        ...

    @property
    def link(self) -> str:
        """The column of the record."""
        ...


@dataclass(frozen=True, eq=False)
class Wanted:
    """Places as they should be.

    Parameters
    ----------
    keys : (n, 4) int64 array
        Record, territory, owner, is_primary: what makes two associations the same.
    cause, reason : sequences of text
    """

    keys: np.ndarray
    cause: Sequence[str]
    reason: Sequence[str]

    @classmethod
    def of(cls, desired: pa.Table, territories: Mapping[str | None, int | None]) -> Wanted:
        """Return the places that ``desired`` names."""
        known = [key for key in territories if key is not None]
        ids = np.array([*(territories[key] for key in known), NONE], np.int64)
        places = pc.index_in(desired["territory"], value_set=pa.array(known, pa.string()))
        columns = [
            _whole(desired["record"]),
            ids[_whole(places)],
            _whole(desired["owner"]),
            _whole(desired["is_primary"].cast(pa.int64())),
        ]
        reasons = pc.fill_null(desired["reason"], "{}")
        return cls(np.stack(columns, axis=1), desired["cause"].to_pylist(), reasons.to_pylist())


@dataclass(frozen=True, eq=False)
class Present:
    """Open associations.

    Parameters
    ----------
    keys : (n, 4) int64 array
    pks : int64 array
    began : int64 array
        Microseconds since 1970; of what began before the change, any earlier instant.
    """

    keys: np.ndarray
    pks: np.ndarray
    began: np.ndarray

    @classmethod
    def of(
        cls, side: Side, records: Sequence[int], *, at: datetime, standing: pa.Table | None = None
    ) -> Present:
        """Return what is open for these records, of ``standing`` if it has been read already."""
        rows = side.association._default_manager.filter(
            **{f"{side.link}__in": bulk.among(records)}, valid_to=None
        ).order_by()
        if standing is None:
            cells = bulk.fetch(rows, [side.link, "territory_id", "owner_id", "is_primary", "id"])
            arrays = [to_arrow(column, Shape.INTEGER) for column in (*cells[:3], cells[4])]
            record, territory, owner, pks = map(_whole, arrays)
            is_primary = _whole(to_arrow(cells[3], Shape.BOOLEAN).cast(pa.int64()))
        else:
            theirs = standing.filter(pc.is_in(standing["record"], value_set=pa.array(records, pa.int64())))
            names = ("record", "place", "owner", "id")
            record, territory, owner, pks = (_whole(theirs[name]) for name in names)
            is_primary = _whole(theirs["is_primary"].cast(pa.int64()))
        began = np.full(len(pks), _micros(at) - 1)
        # Instants are dear to read, and few rows begin at the instant of the change or after.
        late, instants = bulk.fetch(rows.filter(valid_from__gte=at), ["id", "valid_from"])
        order = np.argsort(pks)
        places = order[np.searchsorted(pks, np.array(late, np.int64), sorter=order)]
        began[places] = _whole(to_arrow(instants, Shape.INSTANT).cast(pa.int64()))
        return cls(np.stack([record, territory, owner, is_primary], axis=1), pks, began)


def replace(
    side: Side, wanted: Wanted, *, at: datetime, model_id: int | None, standing: pa.Table | None = None
) -> int:
    """Close and open what differs; returns how many rows were opened."""
    records = np.unique(wanted.keys[:, 0])
    present = Present.of(side, records.tolist(), at=at, standing=standing)
    last, is_kept, rows = _compared(wanted.keys, present.keys)
    changed = np.unique(np.concatenate([wanted.keys[rows, 0], present.keys[~is_kept, 0]]))
    ends = _Ends.of(side, changed, present, at=at)
    _close(side, present, ~is_kept, ends)
    _open(side, wanted, rows, ends, model_id=model_id)
    waiting = np.flatnonzero(is_kept & (present.keys[:, 2] == NONE))
    _tell_anew(side, present.pks[waiting], last[waiting], wanted, model_id=model_id)
    return len(rows)


def _compared(wanted: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, per present row, the wanted row that equals it (the last of them) and whether there is one; and the wanted
    rows that are new, each once."""
    both = np.concatenate([wanted, present])
    order = np.lexsort(both.T[::-1])
    numbers = np.zeros(len(both), np.int64)
    numbers[order[1:]] = np.cumsum(np.any(both[order[1:]] != both[order[:-1]], axis=1))
    of_wanted, of_present = numbers[: len(wanted)], numbers[len(wanted) :]
    last = np.full(len(both), NONE)
    last[of_wanted] = np.arange(len(wanted))
    is_there = np.zeros(len(both), bool)
    is_there[of_present] = True
    rows = np.flatnonzero((last[of_wanted] == np.arange(len(wanted))) & ~is_there[of_wanted])
    return last[of_present], last[of_present] != NONE, rows


@dataclass(frozen=True, eq=False)
class _Ends:
    """When each record changes: at one instant, or where its history ends if that is later."""

    at: datetime
    later: Mapping[int, datetime]

    @classmethod
    def of(cls, side: Side, records: np.ndarray, present: Present, *, at: datetime) -> _Ends:
        later: dict[int, datetime] = {}
        if len(records):
            rows = side.association._default_manager.filter(
                **{f"{side.link}__in": bulk.among(records.tolist())}, valid_to__gt=at
            )
            ends = rows.order_by().values(side.link).annotate(end=Max("valid_to"))
            later.update(ends.values_list(side.link, "end"))
        is_later = (present.began > _micros(at)) & (present.keys[:, 3] == 1)
        is_later &= np.isin(present.keys[:, 0], records)
        for row in np.flatnonzero(is_later).tolist():
            record, began = int(present.keys[row, 0]), _instant(present.began[row])
            later[record] = max(later.get(record, at), began)
        return cls(at, later)

    def of_records(self, records: np.ndarray) -> tuple[np.ndarray, list[datetime]]:
        """Return the number of each record's instant, and the instants; the usual one is the first."""
        instants = [self.at, *sorted(set(self.later.values()))]
        numbers = np.zeros(len(records), np.int64)
        for record, end in self.later.items():  # few: clocks that differ, a second change at the same instant
            numbers[records == record] = instants.index(end)
        return numbers, instants


def _close(side: Side, present: Present, is_gone: np.ndarray, ends: _Ends) -> None:
    """Close rows at their record's instant; remove those that began no earlier."""
    gone = np.flatnonzero(is_gone)
    numbers, instants = ends.of_records(present.keys[gone, 0])
    micros = np.array([_micros(instant) for instant in instants])
    lasted = present.began[gone] < micros[numbers]
    rows = side.association._default_manager
    for number in np.unique(numbers[lasted]).tolist():
        pks = present.pks[gone[lasted & (numbers == number)]].tolist()
        rows.filter(pk__in=bulk.among(pks)).update(valid_to=instants[number])
    if not lasted.all():
        rows.filter(pk__in=bulk.among(present.pks[gone[~lasted]].tolist())).delete()


def _open(side: Side, wanted: Wanted, rows: np.ndarray, ends: _Ends, *, model_id: int | None) -> None:
    records, territories, owners, is_primary = wanted.keys[rows].T
    numbers, instants = ends.of_records(records)
    written = [cell(instant, Shape.INSTANT) for instant in instants]
    columns: dict[str, list[Any]] = {
        side.link: records.tolist(),
        "territory_id": _or_none(territories),
        "owner_id": _or_none(owners),
        "model_id": [model_id] * len(rows),
        "is_primary": (is_primary == 1).tolist(),
        "cause": [wanted.cause[row] for row in rows.tolist()],
        "reason": [wanted.reason[row] for row in rows.tolist()],
        "valid_from": [written[number] for number in numbers.tolist()],
    }
    bulk.insert(side.association, columns, n=len(rows))


def _tell_anew(
    side: Side, pks: np.ndarray, rows: np.ndarray, wanted: Wanted, *, model_id: int | None
) -> None:
    """Keep the reasons of what still waits in the queue true: "no model is active" may not outlive a publish."""
    if not len(pks):
        return
    told = {
        pk: (wanted.cause[row], wanted.reason[row])
        for pk, row in zip(pks.tolist(), rows.tolist(), strict=True)
    }
    query = side.association._default_manager.filter(pk__in=bulk.among(told)).order_by("pk")
    found = zip(*bulk.fetch(query, ["id", "cause", "reason"]), strict=True)
    stale = [
        pk for pk, cause, reason in found if (cause, _plain(reason)) != (told[pk][0], _plain(told[pk][1]))
    ]
    columns: dict[str, list[Any]] = {
        "cause": [told[pk][0] for pk in stale],
        "reason": [told[pk][1] for pk in stale],
        "model_id": [model_id] * len(stale),
    }
    bulk.update(side.association, stale, columns)


def _whole(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(pc.fill_null(array.cast(pa.int64()), NONE))


def _or_none(ids: np.ndarray) -> list[int | None]:
    return pa.array(ids, mask=ids == NONE).to_pylist()


def _micros(instant: datetime) -> int:
    return int(pa.scalar(instant, INSTANT).value)


def _instant(micros: int) -> datetime:
    return pa.scalar(int(micros), pa.int64()).cast(INSTANT).as_py()


def _plain(reason: Any) -> Any:
    return json.loads(reason) if isinstance(reason, str) else reason
