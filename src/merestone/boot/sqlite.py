"""Puts a good SQLite in place before Django asks for one."""

from __future__ import annotations

import sys

SAFE_VERSION = (3, 51, 3)  # older ones can corrupt a WAL database under concurrent checkpoints


def use_safe_sqlite() -> None:
    """Make ``import sqlite3`` give pysqlite3's newer library where Python's own is too old."""
    import sqlite3

    if sqlite3.sqlite_version_info >= SAFE_VERSION:
        return
    try:
        import pysqlite3
        import pysqlite3.dbapi2
    except ImportError:
        return  # `merestone doctor` reports the old library
    sys.modules["sqlite3"] = pysqlite3
    sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2
