"""SQLite's write-ahead log: emptied now and then, as a busy database would let it grow for ever.

SQLite copies the log into the database by itself, and begins it anew only when nobody reads at that instant. With readers
all the time it never does: the file grows with every change. Whoever looks after the database waits for such an instant.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import connection

LARGE_BYTES = 64 << 20
"""A log smaller than this is left to SQLite."""
WAIT_MS = 500
"""So long others may have to wait with their writing, at most, for readers to finish."""


def shrink_log() -> bool:
    """Empty the log of this database if it is large and readers let us; returns whether it was emptied."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or connection.in_atomic_block or not is_large(name):
        return False
    with connection.cursor() as cursor:
        return emptied(cursor)


def is_large(name: str, *, at_least: int = LARGE_BYTES) -> bool:
    """Return whether the log of the database file of this name has so many bytes."""
    log = Path(f"{name}-wal")
    return log.is_file() and log.stat().st_size >= at_least


def emptied(cursor: Any) -> bool:
    """Copy the log into the database and cut it to nothing; False when readers or a writer did not let us."""
    (waits,) = cursor.execute("PRAGMA busy_timeout").fetchone()
    cursor.execute(f"PRAGMA busy_timeout = {WAIT_MS}")
    try:
        (is_busy, _, _) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {int(waits)}")
    return not is_busy
