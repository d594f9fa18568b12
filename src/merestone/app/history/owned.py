"""Who owned what at an instant, for what an actor sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.history.sight import OTHER_PERSON, OTHER_TERRITORY, Sight, sight_of
from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.errors import UsageError

OWNED_TABLES = ("accounts", "leads", "opportunities")


def owned_on(
    services: Services,
    actor: Actor,
    table: str,
    *,
    on: datetime,
    known: datetime | None = None,
    ids: Iterable[int] | None = None,
) -> pa.Table:
    """Return who owned what, a row per record the actor sees now and that had a place then, by record.

    Columns: ``record``, ``territory`` (key), ``territory_name``, ``owner`` (rep id), ``owner_name``, ``model`` (key),
    ``cause``, ``valid_from``, ``valid_to``; opportunities have no territory. What the actor may not read has null keys
    and says so in its names; an unassigned record has null in both.

    Parameters
    ----------
    on : datetime
        The instant asked about.
    known : datetime, optional
        As the database said just after this instant; default: as it says now.
    ids : iterable of int, optional
        Only these records.
    """
    actor.require(Right.SEE)
    if table not in OWNED_TABLES:
        raise UsageError(f"'{table}' has no history of owners.", code="unknown-table")
    wanted = None if ids is None else sorted(set(ids))
    if not actor.sees_all:
        wanted = sorted(services.visibility.visible_ids(actor, table, wanted))
    found = services.history.as_of(table, on, ids=wanted, known=known)
    if table != "opportunities":
        found = found.filter(found["is_primary"]).drop_columns(["is_primary"])
    found = found.drop_columns(["id"]).sort_by("record")
    return named(services, found, sight_of(services, actor), known=known)


def named(services: Services, found: pa.Table, sight: Sight, *, known: datetime | None = None) -> pa.Table:
    """Return intervals with names beside keys, where the reader may know them."""
    names = services.history.names(known=known)
    columns = {name: found[name] for name in found.column_names}
    if "territory" in columns:
        columns["territory"], columns["territory_name"] = _told(
            found["territory"], names.territories, sight.territories, other=OTHER_TERRITORY
        )
    columns["owner"], columns["owner_name"] = _told(
        found["owner"], names.reps, sight.reps, other=OTHER_PERSON
    )
    order = (
        "record",
        "territory",
        "territory_name",
        "owner",
        "owner_name",
        "model",
        "cause",
        "valid_from",
        "valid_to",
    )
    rest = [name for name in columns if name not in order]
    return pa.table({name: columns[name] for name in (*order, *rest) if name in columns})


def _told(
    values: pa.ChunkedArray, names: Mapping[Any, str], seen: frozenset[Any] | None, *, other: str
) -> tuple[pa.Array, pa.Array]:
    """Return the values the reader may know, and the name of each."""
    distinct = pc.unique(values).drop_null()
    listed = distinct.to_pylist()
    is_seen = pa.array([seen is None or one in seen for one in listed], pa.bool_())
    texts = pa.array(
        [names.get(one, str(one)) if seen is None or one in seen else other for one in listed], pa.string()
    )
    at = pc.index_in(values.combine_chunks(), value_set=distinct)
    shown = pc.if_else(is_seen, distinct, pa.scalar(None, distinct.type)) if len(listed) else distinct
    return shown.take(at), texts.take(at)
