"""Promises 5 and 6: the audit log, replayed, gives the rows as they are; every change left an entry.

The entries of a table and its rows are read side by side, both by row. A row that was only ever inserted, as most are,
must be logged exactly as its insert would be logged now; the others are replayed field by field.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from django.db import models

from merestone.app.ports_audit import Check, Finding
from merestone.db import audit, triggers
from merestone.db.models import AuditEntry
from merestone.db.stores.verify.asking import is_sqlite, rows, table_of

FIX = "Somebody wrote past the triggers: find out who, and make the change again in the product."


class Entry(NamedTuple):
    """What the log says of a row, once."""

    row: int
    id: int
    operation: str
    changes: str


def checks() -> Sequence[Check]:
    """Return one check per audited table."""
    return [_check(model) for model in sorted(audit.watched(), key=lambda model: model._meta.db_table)]


def _check(model: type[models.Model]) -> Check:
    name = str(model._meta.verbose_name_plural)
    table = model._meta.db_table
    return Check(
        f"replay-{table.removeprefix('merestone_')}", 6, f"Replayed, the log gives the {name} as they are.",
        lambda: replayed(model),
    )  # fmt: skip


def replayed(model: type[models.Model]) -> Iterator[Finding]:
    """Yield where the log and the rows of a table disagree."""
    table = model._meta.db_table
    told = groupby(_entries(table), key=lambda entry: entry.row)
    present = _present(model)
    entries, now = next(told, None), next(present, None)
    while entries is not None or now is not None:
        if now is None or (entries is not None and entries[0] < now[0]):
            assert entries is not None
            yield from _differing(table, entries[0], list(entries[1]), None)
            entries = next(told, None)
        elif entries is None or now[0] < entries[0]:
            yield Finding(
                f"The row {now[0]} of {table} is there, and the log knows nothing of it.", FIX, table, now[0]
            )
            now = next(present, None)
        else:
            yield from _differing(table, now[0], list(entries[1]), now[1])
            entries, now = next(told, None), next(present, None)


def _entries(table: str) -> Iterator[Entry]:
    changes = "changes" if is_sqlite() else "changes::text"
    sql = (
        f"SELECT row_id, id, operation, {changes} FROM {table_of(AuditEntry)} WHERE table_name = %s"  # noqa: S608
        " ORDER BY row_id, id"
    )
    return map(Entry._make, rows(sql, [table]))


def _present(model: type[models.Model]) -> Iterator[tuple[int, str]]:
    vendor = "sqlite" if is_sqlite() else "postgresql"
    changes = triggers.inserted(vendor, model, "mine").replace("%", "%%")
    if vendor == "postgresql":
        changes = f"({changes})::jsonb::text"
    sql = f"SELECT id, {changes} FROM {table_of(model)} AS mine ORDER BY id"  # noqa: S608
    return rows(sql)


def _differing(table: str, row: int, entries: list[Entry], now: str | None) -> Iterator[Finding]:
    if now is not None and len(entries) == 1 and entries[0].operation == "I" and entries[0].changes == now:
        return
    state: dict[str, Any] | None = None
    for entry in entries:
        changes = json.loads(entry.changes)
        if (state is None) != (entry.operation == "I"):
            words = (
                "creates a row that was there" if entry.operation == "I" else "is of a row that was not there"
            )
            yield Finding(f"The audit entry {entry.id} of row {row} of {table} {words}.", FIX, table, row)
        elif entry.operation == "U":
            yield from _unlinked(table, entry, changes, state or {})
        state = _after(state, entry.operation, changes)
    if state is None and now is not None:
        yield Finding(f"The row {row} of {table} is there; the log says it was deleted.", FIX, table, row)
    elif state is not None and now is None:
        yield Finding(f"The row {row} of {table} is gone; no entry of the log says so.", FIX, table, row)
    elif state is not None and now is not None:
        present = {name: pair[1] for name, pair in json.loads(now).items()}
        for name in sorted(state.keys() | present.keys()):
            if _plain(state.get(name)) != _plain(present.get(name)):
                yield Finding(
                    f"The row {row} of {table} has {name} {_said(present.get(name))}; the log says"
                    f" {_said(state.get(name))}.",
                    FIX,
                    table,
                    row,
                    _said(present.get(name)),
                )


def _unlinked(table: str, entry: Entry, changes: dict[str, Any], state: dict[str, Any]) -> Iterator[Finding]:
    for name, (old, _) in changes.items():
        if _plain(old) != _plain(state.get(name)):
            yield Finding(
                f"The audit entry {entry.id} of row {entry.row} of {table} changes {name} from {_said(old)}; the"
                f" entries before leave it at {_said(state.get(name))}.",
                FIX,
                table,
                entry.row,
                _said(old),
            )


def _after(state: dict[str, Any] | None, operation: str, changes: dict[str, Any]) -> dict[str, Any] | None:
    if operation == "D":
        return None
    new = {name: pair[1] for name, pair in changes.items()}
    return new if operation == "I" or state is None else {**state, **new}


def _plain(value: Any) -> Any:
    return None if value == "" else value  # an insert leaves out both


def _said(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"
