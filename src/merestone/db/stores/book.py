"""The accounts as rules see them, kept encoded: only changed rows are read and encoded again.

A generation is immutable and shared by all threads; it holds what was committed at one instant. Every call reads from
the audit log what has changed since (``kept.changes``), so that a stale code is never served. Inside a transaction its
own changes are added for that call alone: they may never come true. Who lifts the audit triggers and writes without
them changes the schema (SQLite) or the triggers' rows (PostgreSQL), and the book is made anew.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import connection

from merestone.base.errors import UsageError
from merestone.core.model.columns import TABLES
from merestone.db.models import Account
from merestone.db.stores import bulk, custom
from merestone.db.stores.cells import Shape, custom_to_arrow, parse_json, shape_of, to_arrow
from merestone.db.stores.failures import translated
from merestone.db.stores.kept.changes import Mark, count_rows, fetch_changed, mark_now, reading_at_once
from merestone.db.stores.kept.columns import encoded, merged
from merestone.db.stores.kept.file import read_kept, write_kept

GENERATION = b"generation"
DRIFT = 1000
PLAIN = ("id", "version", *(column.name for column in TABLES["accounts"] if column.is_criterion))


@dataclass(frozen=True)
class Generation:
    """The book at one instant.

    Parameters
    ----------
    table : pa.Table
        Ordered by id, one chunk per column; its schema's metadata names the generation.
    kinds : mapping of str to str
        The custom fields declared then.
    mark : Mark
    n_unwritten : int or None
        Rows changed since the file was written; None = the file has nothing of it.
    """

    table: pa.Table
    kinds: Mapping[str, str]
    mark: Mark
    n_unwritten: int | None = 0


class BookStore:
    """Implements ``app.ports.Book``.

    Parameters
    ----------
    folder : Path
        Where the file is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._kept: dict[str, Generation] = {}

    def accounts(self, *, columns: Sequence[str] | None = None) -> pa.Table:
        """Return all accounts as the current transaction sees them; see ``app.ports.Book``."""
        with translated():
            table = self._now().table
        if columns is None:
            return table
        unknown = [name for name in columns if name not in table.column_names]
        if unknown:
            raise UsageError(f"'{unknown[0]}' is not a column of the book.", code="unknown-column")
        wanted = {"id", "version", *columns}
        return table.select([name for name in table.column_names if name in wanted])

    def _now(self) -> Generation:
        name = database_name()
        with reading_at_once() as is_committed:
            if not is_committed:  # without the lock: who holds it may be waiting for our transaction
                return _caught_up(self._kept.get(name) or self._read(name), is_committed=False)
            with self._lock:
                before = self._kept.get(name) or self._read(name)
                now = self._written(name, _caught_up(before, is_committed=True))
                self._kept[name] = now
                return now

    def _path(self, name: str) -> Path:
        return self._folder / f"accounts-{hashlib.sha256(name.encode()).hexdigest()[:16]}.arrow"

    def _read(self, name: str) -> Generation | None:
        found = read_kept(self._path(name))
        if found is None:
            return None
        table, meta = found
        try:
            mark = Mark(**meta["mark"])
            return Generation(_named(table), meta["kinds"], mark)
        except (KeyError, TypeError):
            return None

    def _written(self, name: str, generation: Generation) -> Generation:
        """Write the file when much has changed since it was written; a little is read again from the log."""
        n_unwritten = generation.n_unwritten
        if n_unwritten is not None and n_unwritten <= max(DRIFT, generation.table.num_rows // 10):
            return generation
        mark = generation.mark
        meta = {
            "kinds": dict(generation.kinds),
            "mark": {"database": mark.database, "seen": mark.seen, "last": mark.last},
        }
        write_kept(self._path(name), generation.table, meta)
        return Generation(generation.table, generation.kinds, mark)


def database_name() -> str:
    """Return what tells the databases of this data folder apart."""
    settings = connection.settings_dict
    return "|".join(str(settings.get(part, "")) for part in ("ENGINE", "HOST", "PORT", "NAME"))


def _caught_up(before: Generation | None, *, is_committed: bool) -> Generation:
    """Return the book at this instant: ``before`` itself when nothing has changed since."""
    mark, is_good = mark_now(Account, since=before.mark if before else None, is_committed=is_committed)
    kinds = custom.declared("accounts")
    if before is None or not is_good or before.kinds != kinds:
        return _afresh(kinds, mark)
    # Within a transaction of PostgreSQL the same mark may hide rows of its own.
    if mark == before.mark and (is_committed or connection.vendor == "sqlite"):
        return before if _is_whole(before) else _afresh(kinds, mark)
    changed, cells = fetch_changed(Account, _database_columns(), since=before.mark)
    table, n_unwritten = before.table, before.n_unwritten
    if changed:
        fresh = _columns(cells or [[] for _ in _database_columns()], kinds)
        table = _named(merged(table, fresh, np.array(changed, dtype=np.int64)))
        n_unwritten = None if n_unwritten is None else n_unwritten + len(changed)
    now = Generation(table, kinds, mark, n_unwritten)
    return now if _is_whole(now) else _afresh(kinds, mark)


def _is_whole(generation: Generation) -> bool:
    """Return whether no row is gone unseen: SQLite's INSERT OR REPLACE deletes without telling the triggers."""
    return connection.vendor != "sqlite" or count_rows(Account) == generation.table.num_rows


def _afresh(kinds: Mapping[str, str], mark: Mark) -> Generation:
    names = [*_fields(), "custom"]
    cells = bulk.fetch(Account.objects.order_by("pk"), names)
    columns = {name: encoded(column) for name, column in _columns(cells, kinds).items()}
    return Generation(_named(pa.table(columns)), dict(kinds), mark, None)


def _fields() -> dict[str, Shape]:
    """Return the book's own columns and how the database keeps them."""
    return {name: shape_of(bulk.field_of(Account, name)) for name in PLAIN}


def _database_columns() -> list[str]:
    return [str(bulk.field_of(Account, name).column) for name in (*_fields(), "custom")]


def _columns(cells: Sequence[list[Any]], kinds: Mapping[str, str]) -> dict[str, pa.Array]:
    """Return cells as Arrow columns, text not yet encoded, as ``records.snapshot`` has them."""
    *own, documents = cells
    found = {
        name: to_arrow(column, shape) for (name, shape), column in zip(_fields().items(), own, strict=True)
    }
    found["version"] = found["version"].cast(pa.int32())
    parsed = parse_json(documents) if kinds else []
    for name, key in custom.column_names("accounts", kinds).items():
        values = [None if document is None else document.get(key) for document in parsed]
        found[name] = custom_to_arrow(values, kinds[key])
    return found


def _named(table: pa.Table) -> pa.Table:
    """Return the table with the name of a new generation."""
    whole = table.combine_chunks()
    if not whole.num_rows:
        whole = pa.table([pa.array([], field.type) for field in whole.schema], schema=whole.schema)
    return whole.replace_schema_metadata({GENERATION: uuid.uuid4().hex.encode()})
