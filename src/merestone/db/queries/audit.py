"""The audit log as people read it: who, what, from what to what, why, and what was done together.

Pages go by key, newest first, and nothing counts the log. Actor, cause and time are looked up among the seals, one per
transaction, which say where in the log to look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa
from django.db import models
from django.db.models import Max, Min, Q, QuerySet

from merestone.app.audit import OPERATIONS, Wanted
from merestone.app.policy import Actor, Right
from merestone.db import audit
from merestone.db.models import (
    Account,
    AccountAssociation,
    AccountLock,
    AuditEntry,
    AuditSeal,
    Contact,
    Lead,
    LeadAssociation,
    Opportunity,
    OpportunityOwnership,
    Rep,
    StageChange,
)

PAGE = 50
FEW = 400
"""As many transactions are looked up by token; more are found by reading on."""
LONGEST = timedelta(hours=1)
"""No transaction takes longer: its seal is no later after its entries."""
WORDS_OF = {
    "merestone_accountassociation": "account's place",
    "merestone_leadassociation": "lead's place",
    "merestone_opportunityownership": "opportunity's owner",
    "merestone_territorynode": "territory in a model",
    "merestone_accountlock": "lock",
    "merestone_apitoken": "API token",
}
PARTS: dict[type[models.Model], tuple[tuple[type[models.Model], str], ...]] = {
    Account: ((AccountAssociation, "account_id"), (AccountLock, "account_id")),
    Lead: ((LeadAssociation, "lead_id"),),
    Opportunity: ((OpportunityOwnership, "opportunity_id"), (StageChange, "opportunity_id")),
}
"""What belongs to a record, and is shown with its own entries."""
LINKS: dict[type[models.Model], str] = {
    Account: "account", Lead: "lead", Opportunity: "opportunity", Contact: "contact", Rep: "rep",
}  # fmt: skip
NAMED_BY = ("name", "title", "subject", "last_name", "email", "key")
BELONGS_TO = (
    "account",
    "lead",
    "opportunity",
    "rep",
    "territory",
    "node",
    "model",
    "user",
    "guideline",
    "item",
)


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one row, in words.

    Parameters
    ----------
    old, new : str
        As people say them; empty for nothing.
    """

    field: str
    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the log, in words.

    Parameters
    ----------
    record : str
        What the row is called; empty when it has no name.
    route, route_id : str, int or None
        The page of the record, if it has one.
    """

    entry: AuditEntry
    table: str
    did: str
    record: str
    route: str
    route_id: int | None
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Together:
    """What one transaction did, as far as the page shows it.

    Parameters
    ----------
    n : int or None
        How many entries it has in all; None = not sealed yet.
    """

    transaction: str
    actor: str
    cause: str
    n: int | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of the log.

    Parameters
    ----------
    older : int or None
        Ask for what comes before this id for the next page; None = this is the last.
    """

    groups: tuple[Together, ...]
    older: int | None


def tables() -> list[tuple[str, str]]:
    """Return (name, words) of every audited table, by words."""
    found = {model._meta.db_table: words_of(model) for model in audit.watched()}
    return sorted(
        ((name.removeprefix("merestone_"), words) for name, words in found.items()), key=lambda pair: pair[1]
    )


def words_of(model: type[models.Model]) -> str:
    """Return what a row of a table is called."""
    return WORDS_OF.get(model._meta.db_table, str(model._meta.verbose_name))


def actors(actor: Actor, *, limit: int = 200) -> list[str]:
    """Return who has written anything, by name."""
    if not actor.can(Right.READ_AUDIT, everywhere=True):
        return []
    return list(AuditSeal.objects.order_by("actor").values_list("actor", flat=True).distinct()[:limit])


def wanted_entries(actor: Actor, wanted: Wanted) -> QuerySet[AuditEntry]:
    """Return the entries somebody asks for, newest first; none for who may not read the log."""
    rows = AuditEntry.objects.order_by("-id")
    if not actor.can(Right.READ_AUDIT, everywhere=True):
        return rows.none()
    rows = rows.filter(_row(wanted), _sealed(wanted))
    if wanted.actor:
        rows = rows.filter(actor__icontains=wanted.actor)
    if wanted.cause:
        rows = rows.filter(cause__icontains=wanted.cause)
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(at__lt=wanted.until)
    if wanted.operation:
        rows = rows.filter(operation=wanted.operation)
    if wanted.transaction:
        rows = rows.filter(transaction=wanted.transaction)
    if wanted.field:
        rows = rows.filter(changes__has_any_keys=[wanted.field, f"{wanted.field}_id"])
    return rows


def read_page(actor: Actor, wanted: Wanted, *, before: int | None = None, size: int = PAGE) -> AuditPage:
    """Return a page of the log in words, in a number of statements that does not grow with it."""
    rows = wanted_entries(actor, wanted)
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows[: size + 1])
    lines = said(found[:size])
    return AuditPage(tuple(_together(lines)), found[size - 1].pk if len(found) > size else None)


def said(entries: Sequence[AuditEntry]) -> list[Line]:
    """Return entries in words; what they refer to is looked up by table."""
    models_of = {model._meta.db_table: model for model in audit.watched()}
    names = _names(entries, models_of)
    return [_line(entry, models_of.get(entry.table_name), names) for entry in entries]


def as_table(entries: Iterable[AuditEntry], *, chunk: int = 2000) -> pa.Table:
    """Return entries as a table with a row per changed field, in words and as the log has them."""
    columns: dict[str, list[Any]] = {name: [] for name in EXPORTED.names}
    batch: list[AuditEntry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == chunk:
            _export(batch, columns)
            batch = []
    _export(batch, columns)
    return pa.table(columns, schema=EXPORTED)


EXPORTED = pa.schema(
    [
        ("entry", pa.int64()), ("at", pa.timestamp("us", "UTC")), ("actor", pa.string()), ("cause", pa.string()),
        ("transaction", pa.string()), ("table", pa.string()), ("record_id", pa.int64()), ("record", pa.string()),
        ("did", pa.string()), ("field", pa.string()), ("from", pa.string()), ("to", pa.string()),
    ]
)  # fmt: skip
"""Columns of the exported log."""


def _export(entries: Sequence[AuditEntry], columns: dict[str, list[Any]]) -> None:
    for line in said(entries):
        entry = line.entry
        for change in line.changes or (Change("", "", "", ""),):
            row = (
                entry.pk, entry.at, entry.actor, entry.cause, entry.transaction,
                entry.table_name.removeprefix("merestone_"), entry.row_id, line.record, line.did, change.field,
                change.old or None, change.new or None,
            )  # fmt: skip
            for name, value in zip(EXPORTED.names, row, strict=True):
                columns[name].append(value)


def _row(wanted: Wanted) -> Q:
    if not wanted.table:
        return Q() if wanted.record is None else Q(row_id=wanted.record)
    full = wanted.table if "_" in wanted.table else f"merestone_{wanted.table}"
    if wanted.record is None:
        return Q(table_name=full)
    found = Q(table_name=full, row_id=wanted.record)
    model = next((model for model in audit.watched() if model._meta.db_table == full), None)
    for part, link in PARTS.get(model, ()) if model else ():
        ids = list(
            part._default_manager.filter(**{link: wanted.record}).order_by().values_list("id", flat=True)
        )
        found |= Q(table_name=part._meta.db_table, row_id__in=ids)
    return found


def _sealed(wanted: Wanted) -> Q:
    """Return where in the log the transactions of these people, causes and times are."""
    if not (wanted.actor or wanted.cause or wanted.since or wanted.until) or wanted.record is not None:
        return Q()
    found = AuditSeal.objects.order_by()
    if wanted.actor:
        found = found.filter(actor__icontains=wanted.actor)
    if wanted.cause:
        found = found.filter(cause__icontains=wanted.cause)
    if wanted.since:
        found = found.filter(at__gte=wanted.since)
    if wanted.until:
        found = found.filter(at__lt=wanted.until + LONGEST)
    tokens = list(found.values_list("transaction", flat=True)[: FEW + 1])
    # What is not sealed yet lies behind the last seal.
    unsealed = Q(id__gt=AuditSeal.objects.aggregate(last=Max("last_entry"))["last"] or 0)
    if len(tokens) <= FEW:
        return Q(transaction__in=tokens) | unsealed
    ends = found.aggregate(first=Min("first_entry"), last=Max("last_entry"))
    return Q(id__gte=ends["first"], id__lte=ends["last"]) | unsealed


def _together(lines: Sequence[Line]) -> Iterator[Together]:
    tokens = {line.entry.transaction for line in lines}
    n_of = dict(AuditSeal.objects.filter(transaction__in=tokens).values_list("transaction", "n_entries"))
    group: list[Line] = []
    for place, line in enumerate(lines):
        group.append(line)
        after = lines[place + 1].entry.transaction if place + 1 < len(lines) else None
        if after != line.entry.transaction:
            entry = line.entry
            yield Together(
                entry.transaction, entry.actor, entry.cause, n_of.get(entry.transaction), tuple(group)
            )
            group = []


Names = Mapping[type[models.Model], Mapping[int, tuple[str, type[models.Model] | None, int | None]]]
"""Model -> id -> (what it is called, the record it belongs to)."""


def _names(entries: Sequence[AuditEntry], models_of: Mapping[str, type[models.Model]]) -> Names:
    """Return what the rows of these entries, and those they refer to, are called."""
    ids: defaultdict[type[models.Model], set[int]] = defaultdict(set)
    for entry in entries:
        model = models_of.get(entry.table_name)
        if model is None:
            continue
        ids[model].add(entry.row_id)
        for field in model._meta.concrete_fields:
            target = field.related_model
            if isinstance(field, models.ForeignKey) and target is not None and field.column in entry.changes:
                ids[target].update(value for value in entry.changes[field.column] if isinstance(value, int))
    return {model: _named(model, wanted) for model, wanted in ids.items()}


def _named(model: Any, ids: set[int]) -> dict[int, tuple[str, type[models.Model] | None, int | None]]:
    fields = {field.name: field for field in model._meta.concrete_fields}
    own = [name for name in NAMED_BY if name in fields]
    belongs = next((name for name in BELONGS_TO if name in fields and fields[name].is_relation), None)
    paths, target = list(own), None
    if not own and belongs:
        target = fields[belongs].related_model
        theirs = {field.name: field for field in target._meta.concrete_fields}
        inner = [name for name in NAMED_BY if name in theirs]
        paths = [f"{belongs}_id", *(f"{belongs}__{name}" for name in inner)]
    found: dict[int, tuple[str, type[models.Model] | None, int | None]] = {}
    for pk, *values in model._default_manager.filter(pk__in=ids).order_by().values_list("pk", *paths):
        parent = values.pop(0) if target is not None else None
        text = next((str(value) for value in values if value), "")
        found[pk] = (text, target, parent)
    return found


def _line(entry: AuditEntry, model: type[models.Model] | None, names: Names) -> Line:
    if model is None:
        changes = tuple(
            Change(name, name, _text(old), _text(new)) for name, (old, new) in entry.changes.items()
        )
        return Line(entry, entry.table_name, OPERATIONS[entry.operation], "", "", None, changes)
    name, parent, parent_id = names.get(model, {}).get(entry.row_id, ("", None, None))
    if not name:  # gone: as it was called then
        name = next((str(pair[0] or pair[1]) for key in NAMED_BY if (pair := entry.changes.get(key))), "")
    is_there = entry.row_id in names.get(model, {})
    page, page_id = (model, entry.row_id) if model in LINKS else (parent, parent_id)
    route = LINKS.get(page, "") if page is not None and is_there and name else ""
    return Line(
        entry, words_of(model), OPERATIONS[entry.operation], name, route,
        page_id if route else None, tuple(_changes(entry, names)),
    )  # fmt: skip


def _changes(entry: AuditEntry, names: Names) -> Iterator[Change]:
    columns = audit.columns_of(entry.table_name)
    for column, (old, new) in entry.changes.items():
        field = columns.get(column)
        if field is None:
            yield Change(column, column, _text(old), _text(new))
            continue
        told = [_said(field, value, names) for value in (old, new)]
        yield Change(field.name, str(field.verbose_name), *told)


def _said(field: Any, value: Any, names: Names) -> str:
    if value in (None, ""):
        return ""
    if isinstance(field, models.ForeignKey) and field.related_model is not None:
        name = names.get(field.related_model, {}).get(value, ("", None, None))[0]
        return f"{name} ({value})" if name else f"{value}"
    value = audit.readable_value(field, value)
    if isinstance(field, models.DateTimeField):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    choices = dict(field.flatchoices) if field.choices else {}
    return str(choices[value]) if isinstance(value, str) and value in choices else _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)
