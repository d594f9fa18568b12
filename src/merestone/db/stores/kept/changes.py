"""What has changed in a table since a mark, as the audit log tells it, whoever wrote and however.

The triggers write an entry for every changed row, in the transaction that changes it. A mark says which entries a reader
has seen:

- SQLite lets one transaction write at a time: entries become visible in the order of their ids, and the last id is the
  mark.
- PostgreSQL hands out ids before the commit: an entry with a lower id may become visible later. There the mark is the
  whole snapshot, and an entry is new when its transaction is not visible in that snapshot: nothing comes between.

A mark is only good for the database it was made in, and as long as every change is logged since. So it carries what
would be different after a restore, a TRUNCATE, or with triggers lifted and made anew: the schema's version (SQLite), the
table's files and the rows of its triggers (PostgreSQL), and the last entry of the log, which must still be there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

from merestone.db.models import AuditEntry
from merestone.db.stores import bulk

LOG = AuditEntry._meta.db_table


@dataclass(frozen=True, slots=True)
class Mark:
    """What a reader has seen of a table.

    Parameters
    ----------
    database : str
        Another one when the database, or the table in it, may be another one.
    seen : str
        The last entry's id (SQLite) or the snapshot (PostgreSQL).
    last : str
        The last entry of the log, as text; empty when there was none.
    """

    database: str
    seen: str
    last: str


@contextmanager
def reading_at_once() -> Iterator[bool]:
    """Let all statements of the block see the same instant, without keeping writers waiting.

    Yields whether they see what is committed and nothing else. Inside a transaction they see that one's own changes
    too, which may never come true: what is read then must not be kept for others.
    """
    connection.ensure_connection()
    if not _is_idle():
        yield False
        return
    begin = "BEGIN" if connection.vendor == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    with connection.cursor() as cursor:
        cursor.execute(begin)
    try:
        yield True
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")  # nothing was written


def _is_idle() -> bool:
    """Return whether no transaction is open, however it was opened."""
    if connection.in_atomic_block or not connection.get_autocommit():
        return False
    if connection.vendor == "sqlite":
        return not connection.connection.in_transaction
    return bool(connection.connection.info.transaction_status == 0)


def mark_now(model: type[models.Model], *, since: Mark | None, is_committed: bool) -> tuple[Mark, bool]:
    """Return the mark of this instant, and whether ``since`` is still good to count from.

    Parameters
    ----------
    is_committed : bool
        As ``reading_at_once`` says.
    """
    if connection.vendor == "sqlite":
        database, seen, is_newest = _schema_version(), "", True
    else:
        database, seen, isolation = _postgresql_state(model)
        # A stricter transaction goes on seeing what was there when it began; others may have read on meanwhile.
        is_newest = is_committed or isolation == "read committed"
    entries = _entries(since)
    last = entries[-1] if entries else ""
    mark = Mark(database, seen or _id_of(last), last)
    is_good = (
        since is not None
        and is_newest
        and since.database == database
        and (not since.last or since.last in entries)
        and _newest_number(since) <= _newest_number(mark)
    )
    return mark, is_good


def _entries(since: Mark | None) -> list[str]:
    """Return the log's last entry as text, and before it the one that was the last, if it is still there."""
    sql = (
        f'SELECT id, at, "transaction", table_name, row_id FROM {LOG}'  # noqa: S608
        f" WHERE id = %s OR id = (SELECT max(id) FROM {LOG}) ORDER BY id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [int(_id_of(since.last if since else ""))])
        return ["|".join(map(str, row)) for row in cursor.fetchall()]


def _id_of(entry: str) -> str:
    return entry.split("|", 1)[0] or "0"


def _newest_number(mark: Mark) -> int:
    """Return the last id, or the first transaction number not yet given; it never falls in one database."""
    return int(mark.seen.split(":")[1] if ":" in mark.seen else mark.seen)


def _schema_version() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT schema_version FROM pragma_schema_version")
        return str(cursor.fetchone()[0])


def _postgresql_state(model: type[models.Model]) -> tuple[str, str, str]:
    """Return what tells this database's table from any other, the snapshot, and the isolation."""
    table = model._meta.db_table
    sql = """
        SELECT concat_ws(':', (SELECT system_identifier FROM pg_control_system()),
                   (SELECT oid FROM pg_database WHERE datname = current_database()),
                   %s::regclass::oid, pg_relation_filenode(%s), %s::regclass::oid, pg_relation_filenode(%s),
                   (SELECT string_agg(concat_ws('.', oid, xmin, tgenabled), ',' ORDER BY oid)
                    FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal)),
               pg_current_snapshot()::text, current_setting('transaction_isolation')
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [table, table, LOG, LOG, table])
        database, snapshot, isolation = cursor.fetchone()
    return database, snapshot, isolation


def fetch_changed(
    model: type[models.Model], columns: Sequence[str], *, since: Mark
) -> tuple[list[Any], list[list[Any]]]:
    """Return the ids changed since a mark, ascending, and the columns of those that are still there.

    One statement, so that no change falls between the log and the table.

    Parameters
    ----------
    columns : sequence of str
        Database columns; ``id`` first.
    """
    picked = ", ".join(f"mine.{connection.ops.quote_name(name)}" for name in columns)
    sql = (
        f"SELECT changed.row_id, {picked} FROM (SELECT DISTINCT row_id FROM {LOG}"  # noqa: S608
        f" WHERE table_name = '{model._meta.db_table}' AND {_unseen()}) AS changed"
        f" LEFT JOIN {bulk.quoted(model)} AS mine ON mine.id = changed.row_id ORDER BY changed.row_id"
    )
    marks = [since.seen] if connection.vendor == "sqlite" else [since.seen, since.seen]
    with connection.cursor() as cursor:
        cursor.execute(sql, marks)
        rows = cursor.fetchall()
    present = [row[1:] for row in rows if row[1] is not None]
    return [row[0] for row in rows], [list(column) for column in zip(*present, strict=True)]


def _unseen() -> str:
    """Return the SQL for entries that a mark has not seen; served by the index of the kept tables."""
    if connection.vendor == "sqlite":
        return "xid IS NULL AND id > CAST(%s AS INTEGER)"
    return "xid >= pg_snapshot_xmin(%s::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, %s::pg_snapshot)"


def count_rows(model: type[models.Model]) -> int:
    """Return how many rows a table has."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {bulk.quoted(model)}")  # noqa: S608
        return int(cursor.fetchone()[0])
