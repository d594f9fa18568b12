"""The CRM tables in columns: snapshots out, rows in."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection, models, transaction
from django.utils import timezone

from merestone.app.policy import Actor
from merestone.base.errors import ConflictError, InvalidInputError, NotFoundError, Problem, UsageError
from merestone.db import audit, seals
from merestone.db.models import (
    Account,
    Activity,
    Contact,
    Contract,
    Lead,
    LeadAssociation,
    Opportunity,
    Product,
    Rep,
    StageChange,
)
from merestone.db.queries import steady
from merestone.db.stores import bulk, custom
from merestone.db.stores.cells import INSTANT, Shape, cell, custom_to_json, shape_of, to_cells
from merestone.db.stores.failures import translated
from merestone.db.stores.snapshots import take_snapshot
from merestone.db.stores.turns import take_turn

MODELS: dict[str, type[models.Model]] = {
    "accounts": Account,
    "contacts": Contact,
    "leads": Lead,
    "opportunities": Opportunity,
    "reps": Rep,
    "products": Product,
    "activities": Activity,
    "contracts": Contract,
}
STAGE_TIME = "stage_changed_at"

_actor: ContextVar[Actor | None] = ContextVar("merestone_actor", default=None)


class RecordStore:
    """Implements ``app.ports.Records``."""

    @contextmanager
    def transaction(self, actor: Actor, *, cause: str) -> Iterator[str]:
        """Open the one transaction of a use case; yields the audit transaction id. Not re-entrant."""
        if _actor.get() is not None:
            raise UsageError("A transaction is open already.", code="nested-transaction")
        steady.leave()
        number = uuid.uuid4().hex
        token = _actor.set(actor)
        try:
            with translated(), transaction.atomic(durable=True):
                audit.set_context(actor.label or actor.role, cause=cause, transaction=number)
                yield number
                seals.seal(number)
                audit.clear_context()
        finally:
            _actor.reset(token)

    def take_turn(self, table: str) -> None:
        """Wait until nobody else decides about this table; the turn ends with the transaction."""
        _model(table)
        with translated():
            take_turn(table)

    def stamp(self, tables: Iterable[str]) -> tuple[tuple[int, ...], ...]:
        """Return numbers that differ whenever a row of these tables was written or removed meanwhile.

        Every write raises a version, and no id comes twice. A lead's owner stands in its associations.
        """
        found = []
        for table in tables:
            numbers = _model(table)._default_manager.aggregate(
                n=models.Count("pk"), last=models.Max("pk"), writes=models.Sum("version")
            )
            found.append(tuple(value or 0 for value in numbers.values()))
            if table == "leads":
                owned = LeadAssociation.objects.aggregate(
                    n=models.Count("pk"), last=models.Max("pk"), ended=models.Count("valid_to")
                )
                found.append(tuple(value or 0 for value in owned.values()))
        return tuple(found)

    def snapshot(
        self, table: str, *, columns: Sequence[str] | None = None, ids: Iterable[int] | None = None
    ) -> pa.Table:
        """Return the table (or only ``ids``) as Arrow, ordered by id.

        Besides the contract's columns: ``id``, ``version``, ``<name>_id`` for each reference (``<name>`` is then the
        text that names it in files), and custom fields under their plain key, or ``custom.<key>`` where a column of
        the table has that name. ``created_at`` and ``updated_at`` come only when asked for.
        """
        return take_snapshot(table, _model(table), columns=columns, ids=ids)

    def write(self, table: str, rows: pa.Table) -> pa.Table:
        """Insert rows without ``id``, update rows with one; returns ``id`` per input row, in order.

        Columns are the contract's, references as ``<name>_id``, custom fields as ``custom.<key>``. A ``version``
        column makes it a careful write: ConflictError when a row has another version by now. ``stage_changed_at`` of
        opportunities dates the entry in the stage history; default now.
        """
        model = _model(table)
        _refuse_unknown(table, model, rows.column_names)
        with translated(), transaction.atomic(savepoint=False):  # SQLite's savepoints make triggers slow
            _refuse_long_text(table, model, rows)
            ids = rows["id"].combine_chunks() if "id" in rows.column_names else pa.nulls(rows.num_rows)
            is_new = ids.is_null()
            old = rows.filter(pc.invert(is_new))
            _update(table, model, old)
            new_ids = iter(_insert(table, model, rows.filter(is_new)))
            written = [next(new_ids) if one is None else one for one in ids.to_pylist()]
        return pa.table({"id": pa.array(written, pa.int64())})

    def delete(self, table: str, ids: Iterable[int]) -> int:
        """Delete rows with what belongs to them; returns how many rows of ``table``."""
        model = _model(table)
        with translated(), transaction.atomic():
            _, counts = model._default_manager.filter(pk__in=bulk.among(ids)).delete()
        return counts.get(model._meta.label, 0)

    def custom_fields(self, table: str) -> Mapping[str, str]:
        """Return custom field key -> kind."""
        return custom.declared(table)

    def declare_field(
        self, table: str, key: str, *, kind: str, label: str, choices: Sequence[str], is_indexed: bool
    ) -> None:
        """Create a custom field, or change its label, choices and index; ConflictError for another kind."""
        with translated():
            custom.declare(table, key, kind=kind, label=label, choices=choices, is_indexed=is_indexed)


def _model(table: str) -> type[models.Model]:
    if table not in MODELS:
        raise UsageError(
            f"There is no table '{table}'.", code="unknown-table", fix=f"One of: {', '.join(MODELS)}."
        )
    return MODELS[table]


def _plain_columns(names: Iterable[str]) -> list[str]:
    """Return the columns that are fields of the model, to be written as they are."""
    return [
        name for name in names if name not in ("id", "version", STAGE_TIME) and not name.startswith("custom.")
    ]


def _refuse_unknown(table: str, model: type[models.Model], names: Sequence[str]) -> None:
    known = {field.attname for field in model._meta.concrete_fields} - {"custom", "updated_at"}
    keys = (
        {f"custom.{key}" for key in custom.declared(table)} if any("." in name for name in names) else set()
    )
    extra = {STAGE_TIME} if model is Opportunity else set()
    unknown = [name for name in names if name not in known | keys | extra]
    if unknown:
        raise UsageError(
            f"'{unknown[0]}' is not a column of {table} that can be written.", code="unknown-column"
        )


def _refuse_long_text(table: str, model: type[models.Model], rows: pa.Table) -> None:
    """SQLite would keep text of any length; one rule for both databases."""
    problems = []
    for name in _plain_columns(rows.column_names):
        limit = getattr(bulk.field_of(model, name), "max_length", None)
        if not limit or not rows.num_rows:
            continue
        lengths = pc.utf8_length(rows[name].cast(pa.string()))
        if (pc.max(lengths).as_py() or 0) > limit:
            row = pc.index(pc.fill_null(pc.greater(lengths, limit), False), True).as_py()
            value = str(rows[name][row].as_py())
            problems.append(
                Problem(
                    "too-long",
                    f"'{value[:30]}…' has {len(value)} characters; '{name}' takes {limit}.",
                    "Shorten it.",
                    where=f"{table}, row {row + 1}, column {name}",
                )
            )
    if problems:
        raise InvalidInputError("Some text is too long.", problems)


def _cells_to_write(
    table: str, model: type[models.Model], rows: pa.Table, *, now: datetime
) -> dict[str, list[Any]]:
    """Return attribute name -> cells; nulls of columns that take none become their default."""
    cells: dict[str, list[Any]] = {}
    for name in _plain_columns(rows.column_names):
        field = bulk.field_of(model, name)
        column = to_cells(rows[name], shape_of(field))
        if field.null and shape_of(field) is Shape.TEXT:
            column = [value or None for value in column]  # '' would not be unique among external ids
        if not field.null and rows[name].null_count:
            filler = cell(now, Shape.INSTANT) if name == "received_at" else bulk.default_cell(field, now)
            column = [filler if value is None else value for value in column]
        cells[name] = column
    if custom_cells := _custom_cells(table, rows):
        cells["custom"] = custom_cells
    return cells


def _custom_cells(table: str, rows: pa.Table) -> list[str]:
    """Return one JSON text per row with the custom columns given; null stays, it removes the key on update."""
    names = [name for name in rows.column_names if name.startswith("custom.")]
    if not names:
        return []
    kinds = custom.declared(table)
    keys = [name.removeprefix("custom.") for name in names]
    columns = [custom_to_json(rows[name], kinds[key]) for name, key in zip(names, keys, strict=True)]
    return [json.dumps(dict(zip(keys, values, strict=True))) for values in zip(*columns, strict=True)]


def _insert(table: str, model: type[models.Model], rows: pa.Table) -> list[int]:
    now = timezone.now()
    cells = _cells_to_write(table, model, rows, now=now)
    if model is Lead and "received_at" not in cells:
        cells["received_at"] = [cell(now, Shape.INSTANT)] * rows.num_rows
    if "custom" in cells:
        cells["custom"] = [
            json.dumps({key: value for key, value in given.items() if value is not None})
            for given in map(json.loads, cells["custom"])
        ]
    ids = bulk.insert(model, cells, n=rows.num_rows)
    if model is Opportunity and ids:
        stages = cells.get("stage") or ["prospecting"] * len(ids)
        _keep_stages(ids, before=[""] * len(ids), after=stages, times=_stage_times(rows, now))
    return ids


def _update(table: str, model: type[models.Model], rows: pa.Table) -> None:
    if not rows.num_rows:
        return
    now = timezone.now()
    ids = rows["id"].to_pylist()
    if len(set(ids)) < len(ids):
        raise UsageError("A row is written twice.", code="duplicate-id")
    if "version" in rows.column_names:
        _refuse_stale(table, model, rows)
    cells = _cells_to_write(table, model, rows, now=now)
    if model is Opportunity and "stage" in cells:
        known = dict(zip(*bulk.fetch(_those(model, ids), ["id", "stage"]), strict=True))
        before = [known.get(one, "") for one in ids]
        _keep_stages(ids, before=before, after=cells["stage"], times=_stage_times(rows, now))
    if bulk.update(model, ids, cells, merged=["custom"]) < len(ids):
        raise NotFoundError(f"Some of the {table} do not exist any more.")


def _those(model: type[models.Model], ids: Iterable[int]) -> models.QuerySet[Any, Any]:
    return model._default_manager.filter(pk__in=bulk.among(ids)).order_by("pk")


def _refuse_stale(table: str, model: type[models.Model], rows: pa.Table) -> None:
    """Lock the rows and compare versions, so that nobody's change is overwritten unseen."""
    given = dict(zip(rows["id"].to_pylist(), rows["version"].to_pylist(), strict=True))
    query = _those(model, given)
    if connection.features.has_select_for_update:
        query = query.select_for_update(no_key=True)
    found = dict(zip(*bulk.fetch(query, ["id", "version"]), strict=True))
    stale = next(
        (one for one, version in given.items() if version is not None and found.get(one) != version), None
    )
    if stale is None:
        return
    if stale not in found:
        raise NotFoundError("This record does not exist any more.")
    raise ConflictError(
        "Somebody else changed this record meanwhile.",
        difference=_difference(table, model, rows.filter(pc.equal(rows["id"], stale))),
        code="stale-version",
        fix="Look at the difference and save again.",
    )


def _difference(table: str, model: type[models.Model], mine: pa.Table) -> dict[str, Any]:
    """Return field -> [yours, theirs] of one stale row."""
    names = [*_plain_columns(mine.column_names), "version"]
    theirs = take_snapshot(table, model, columns=names, ids=mine["id"].to_pylist())
    pairs = {name: [mine[name][0].as_py(), theirs[name][0].as_py()] for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _stage_times(rows: pa.Table, now: datetime) -> list[Any]:
    if STAGE_TIME not in rows.column_names:
        return [cell(now, Shape.INSTANT)] * rows.num_rows
    return to_cells(pc.fill_null(rows[STAGE_TIME].cast(INSTANT), pa.scalar(now, INSTANT)), Shape.INSTANT)


def _keep_stages(
    ids: Sequence[int], *, before: Sequence[str], after: Sequence[str], times: Sequence[Any]
) -> None:
    """Write the stage history of the opportunities whose stage is another one now."""
    actor = _actor.get()
    steps = [step for step in zip(ids, before, after, times, strict=True) if step[1] != step[2]]
    if not steps:
        return
    opportunity, was, stage, changed_at = (list(column) for column in zip(*steps, strict=True))
    bulk.insert(
        StageChange,
        {
            "opportunity_id": opportunity,
            "from_stage": was,
            "stage": stage,
            "changed_at": changed_at,
            "changed_by_id": [actor.user_id if actor else None] * len(steps),
        },
        n=len(steps),
    )
