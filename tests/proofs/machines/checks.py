"""What holds at every moment, asked of the tables themselves: each check returns what is wrong, in words.

``Ledger`` reads every audited row in one query, by the columns the models have, not by what the log believes they have.
The checks are plain Python on those rows.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

from django.db import connection, models

from merestone.db import audit, triggers
from merestone.db.models import AuditEntry, AuditSeal

Row = dict[str, Any]
Key = tuple[str, int]
Field = models.Field[Any, Any]
SIDES = {"account": "accountassociation", "lead": "leadassociation"}


@cache
def _fields() -> dict[str, dict[str, Field]]:
    """Return table -> column -> field."""
    return {
        model._meta.db_table: {str(one.column): one for one in model._meta.concrete_fields}
        for model in audit.watched()
    }


@cache
def _untold() -> dict[str, frozenset[str]]:
    """Return table -> the columns the log does not tell of, by decision."""
    found = {}
    for model in audit.watched():
        secret = {str(model._meta.get_field(name).column) for name in triggers.SECRETS.get(model, ())}
        found[model._meta.db_table] = frozenset(
            {"id", "version", "updated_at", *triggers.UNTOLD.get(model, ()), *secret}
        )
    return found


@cache
def _sql(vendor: str) -> str:
    parts = []
    for table, fields in _fields().items():
        cells = ", ".join(f'"{column}"' for column in fields)
        made = f"json_array({cells})" if vendor == "sqlite" else f"jsonb_build_array({cells})::text"
        parts.append(f"SELECT '{table}', id, {made} FROM \"{table}\"")
    return " UNION ALL ".join(parts)


def _plain(field: Field, value: Any, *, is_logged: bool = False) -> Any:
    """Return a value of a row, or of the log, in one form on both databases; nothing said is None."""
    if value is None or value == "":
        return None
    if isinstance(field, models.JSONField):
        return value if is_logged or connection.vendor == "postgresql" else json.loads(value)
    if isinstance(field, models.BooleanField):
        return bool(value)
    if isinstance(field, models.DateTimeField):
        instant = datetime.fromisoformat(value)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    return date.fromisoformat(value) if isinstance(field, models.DateField) else value


class Ledger:
    """Every audited row as it is, and what has changed since it was last read."""

    def __init__(self) -> None:
        self.texts: dict[Key, str] = {}
        self.rows: dict[Key, Row] = {}
        self.entry = 0
        self.read()

    def read(self) -> dict[Key, tuple[Row | None, Row | None]]:
        """Read again; returns the rows that differ, as they were and as they are."""
        with connection.cursor() as cursor:
            cursor.execute(_sql(connection.vendor))
            texts = {(table, pk): text for table, pk, text in cursor.fetchall()}
            cursor.execute(f"SELECT coalesce(max(id), 0) FROM {AuditEntry._meta.db_table}")
            self.entry = int(cursor.fetchone()[0])
        changed: dict[Key, tuple[Row | None, Row | None]] = {}
        for key in self.texts.keys() - texts.keys():
            changed[key] = (self.rows.pop(key), None)
        for key, text in texts.items():
            if self.texts.get(key) != text:
                fields = _fields()[key[0]]
                cells = zip(fields.items(), json.loads(text), strict=True)
                row = {column: _plain(field, value) for (column, field), value in cells}
                changed[key] = (self.rows.get(key), row)
                self.rows[key] = row
        self.texts = texts
        return changed

    def table(self, name: str) -> dict[int, Row]:
        """Return the rows of a table by id."""
        full = f"merestone_{name}"
        return {pk: row for (table, pk), row in self.rows.items() if table == full}

    def read_places(self, book: Any, names: Mapping[int | None, str | None], *, but: Collection[int]) -> None:
        """Read again, and let a book say where the accounts are, but for some."""
        opened = Ledger()
        keys = {None: None, **{pk: row["key"] for pk, row in opened.table("territory").items()}}
        overlays: dict[int, set[Any]] = defaultdict(set)
        for row in opened.open("account"):
            if row["account_id"] in but:
                continue
            place = (keys[row["territory_id"]], names[row["owner_id"]])
            if row["is_primary"]:
                book.places[row["account_id"]] = (*place, row["cause"])
            else:
                overlays[row["account_id"]].add(place)
        for pk in book.accounts.keys() - set(but):
            book.overlays[pk] = frozenset(overlays.get(pk, ()))

    def open(self, word: str) -> list[Row]:
        """Return the open places of accounts or leads."""
        return [row for row in self.table(SIDES[word]).values() if row["valid_to"] is None]


# --- Promise 1 ------------------------------------------------------------------------------------------------------


def misplaced(now: Ledger, today: date) -> list[str]:
    """Return every record that is not in exactly one place, and every owner who cannot be one (promise 1)."""
    found = []
    gone = {
        pk for pk, rep in now.table("rep").items() if rep["left_on"] is not None and rep["left_on"] <= today
    }
    active = [pk for pk, model in now.table("territorymodel").items() if model["state"] == "active"]
    if len(active) != 1:
        found.append(f"{len(active)} models are active")
    here = {
        node["territory_id"] for node in now.table("territorynode").values() if node["model_id"] in active
    }
    for word in SIDES:
        link, records = f"{word}_id", now.table(word)
        opened = now.open(word)
        counts = Counter(row[link] for row in opened if row["is_primary"])
        found += [f"{word} {pk} is in {counts[pk]} places" for pk in records if counts[pk] != 1]
        found += [f"{word} {pk} is placed and not there" for pk in counts.keys() - records.keys()]
        for row in opened:
            if row["owner_id"] is not None and row["territory_id"] is None:
                found.append(f"{word} {row[link]} has an owner and no territory")
            if row["owner_id"] in gone:
                found.append(f"{word} {row[link]} is owned by {row['owner_id']}, who has left")
            # A lead keeps its owner through a publish, and so the territory it had then.
            if word == "account" and row["territory_id"] not in {None, *here}:
                found.append(f"{word} {row[link]} is in a territory of another model")
    return found


# --- Promise 5 ------------------------------------------------------------------------------------------------------


def broken_intervals(now: Ledger, instant: datetime) -> list[str]:
    """Return every gap, overlap, empty or future interval of places, overlays and owners of deals (promise 5)."""
    found = []
    for word, table in SIDES.items():
        whole: dict[int, list[Row]] = defaultdict(list)
        parts: dict[tuple[int, int], list[Row]] = defaultdict(list)
        for row in now.table(table).values():
            record = row[f"{word}_id"]
            (whole[record] if row["is_primary"] else parts[record, row["territory_id"]]).append(row)
        found += [
            f"{word} {one}: {what}"
            for one, rows in whole.items()
            for what in _breaks(rows, instant, is_whole=True)
        ]
        found += [
            f"{word} {one}: {what}"
            for one, rows in parts.items()
            for what in _breaks(rows, instant, is_whole=False)
        ]
    held: dict[int, list[Row]] = defaultdict(list)
    for row in now.table("opportunityownership").values():
        held[row["opportunity_id"]].append(row)
    for deal, row in now.table("opportunity").items():
        rows = held.get(deal, [])
        found += [f"deal {deal}: {what}" for what in _breaks(rows, None, is_whole=True)]
        if rows and max(rows, key=lambda one: one["valid_from"])["owner_id"] != row["owner_id"]:
            found.append(f"deal {deal}: its owner is not the last of its history")
    return found


def _breaks(rows: list[Row], instant: datetime | None, *, is_whole: bool) -> Iterator[str]:
    ordered = sorted(rows, key=lambda row: (row["valid_from"], row["valid_to"] is None))
    if is_whole and (not ordered or ordered[-1]["valid_to"] is not None):
        yield "its history is over"
    for row in ordered:
        if row["valid_to"] is not None and row["valid_to"] <= row["valid_from"]:
            yield "an interval lasts no time"
        if instant is not None and max(row["valid_from"], row["valid_to"] or row["valid_from"]) > instant:
            yield "an interval reaches into the future"
    for row, after in pairwise(ordered):
        if row["valid_to"] is None or row["valid_to"] > after["valid_from"]:
            yield f"two intervals overlap at {after['valid_from']}"
        elif is_whole and row["valid_to"] < after["valid_from"]:
            yield f"a gap from {row['valid_to']} to {after['valid_from']}"


def replayed(base: Mapping[Key, Row], table: str, *, since: int, until: int) -> dict[int, Row]:
    """Return a table's rows as the audit log, replayed on a beginning up to an entry, has them (promise 5)."""
    full = f"merestone_{table}"
    fields = _fields()[full]
    rows = {pk: dict(row) for (name, pk), row in base.items() if name == full}
    entries = AuditEntry.objects.filter(table_name=full, id__gt=since, id__lte=until).order_by("id")
    for pk, operation, changes in entries.values_list("row_id", "operation", "changes"):
        if operation == "D":
            rows.pop(pk, None)
        else:
            row = rows.setdefault(pk, dict.fromkeys(fields))
            row.update(
                {name: _plain(fields[name], pair[1], is_logged=True) for name, pair in changes.items()}
            )
    return rows


# --- Promise 6 ------------------------------------------------------------------------------------------------------


def unlogged(
    changed: Mapping[Key, tuple[Row | None, Row | None]], *, since: int, actors: Collection[str]
) -> list[str]:
    """Return every change without its entry, and every entry without its change (promise 6).

    Parameters
    ----------
    changed : mapping
        What ``Ledger.read`` found.
    since : int
        The last entry before.
    actors : collection of str
        Those who acted meanwhile, as the log names them.
    """
    found, running, sizes = [], {}, Counter[str]()
    names = ("id", "table_name", "row_id", "operation", "changes", "actor", "cause", "transaction")
    for number, table, pk, operation, changes, actor, cause, token in (
        AuditEntry.objects.filter(id__gt=since).order_by("id").values_list(*names)
    ):
        sizes[token] += 1
        here = f"entry {number} of {table} {pk}"
        if actor not in actors or not cause or not token:
            found.append(f"{here} is by '{actor}' because of '{cause}'")
        key = (table, pk)
        state = running.setdefault(key, changed[key][0] if key in changed else None)
        if key not in changed and state is None and operation != "I":
            found.append(f"{here} is of a row that did not change")
            continue
        if (state is None) != (operation == "I"):
            found.append(f"{here} does not fit what was there")
        fields, state = _fields()[table], dict(state or dict.fromkeys(_fields()[table]))
        for name, pair in changes.items():
            old, new = (_plain(fields[name], one, is_logged=True) for one in pair)
            if name in _untold()[table]:
                continue
            if old != state[name]:
                found.append(f"{here} says {name} was {old!r}; it was {state[name]!r}")
            if old == new and operation == "U":
                found.append(f"{here} tells of {name}, which did not change")
            state[name] = new
        running[key] = None if operation == "D" else state
    for key in changed.keys() | running.keys():
        there = changed[key][1] if key in changed else None
        told = running[key] if key in running else changed[key][0]
        if (told is None) != (there is None):
            found.append(f"{key[0]} {key[1]} came or went without an entry")
        elif told is not None and there is not None:
            found += [
                f"{key[0]} {key[1]}: {name} is {there[name]!r}, the log says {told[name]!r}"
                for name in there.keys() - _untold()[key[0]]
                if told[name] != there[name]
            ]
    sealed = dict(
        AuditSeal.objects.filter(transaction__in=list(sizes)).values_list("transaction", "n_entries")
    )
    wrong = [token for token in sizes if sealed.get(token) != sizes[token]]
    return found + [
        f"transaction {token} has {sizes[token]} entries, sealed {sealed.get(token)}" for token in wrong
    ]


# --- Promises 2 and 7 -----------------------------------------------------------------------------------------------

Totals = Mapping[str | None, tuple[int, Decimal]]


def differing(surfaces: Mapping[str, Totals], expected: Totals) -> list[str]:
    """Return where a surface's accounts and potential by territory are not the expected ones, to the cent."""
    zero = (0, Decimal(0))
    return [
        f"{name}: '{key}' has {shown.get(key, zero)}, expected {expected.get(key, zero)}"
        for name, shown in surfaces.items()
        for key in shown.keys() | expected.keys()
        if tuple(shown.get(key, zero)) != tuple(expected.get(key, zero))
    ]
