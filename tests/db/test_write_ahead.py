"""The write-ahead log is emptied when nobody reads, and left as it is when somebody does."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from merestone.db import write_ahead

pytestmark = pytest.mark.sqlite


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "book.sqlite3"
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE accounts (name TEXT)")
    made.close()
    return path


def filled(path: Path) -> sqlite3.Connection:
    """Return a connection that has just written much, so that the log is not gone."""
    writer = sqlite3.connect(path, timeout=20)
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    with writer:
        writer.executemany("INSERT INTO accounts VALUES (?)", [("x" * 1000,)] * 500)
    return writer


def log_bytes(path: Path) -> int:
    return Path(f"{path}-wal").stat().st_size


def test_log_is_emptied_and_nothing_is_lost(database: Path) -> None:
    writer = filled(database)
    assert write_ahead.is_large(str(database), at_least=400_000)
    assert not write_ahead.is_large(str(database))
    assert write_ahead.emptied(writer.cursor())
    assert log_bytes(database) == 0
    assert writer.execute("SELECT count(*) FROM accounts").fetchone() == (500,)
    assert writer.execute("PRAGMA busy_timeout").fetchone() == (20_000,)
    writer.close()


def test_reader_in_the_middle_keeps_the_log_and_what_it_sees(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_ahead, "WAIT_MS", 10)
    with sqlite3.connect(database, isolation_level=None) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM accounts").fetchone() == (0,)
        writer = filled(database)
        assert not write_ahead.emptied(writer.cursor())
        assert reader.execute("SELECT count(*) FROM accounts").fetchone() == (0,)
        reader.execute("COMMIT")
        assert write_ahead.emptied(writer.cursor())
        assert reader.execute("SELECT count(*) FROM accounts").fetchone() == (500,)
    reader.close()
    writer.close()


def test_database_without_a_log_has_nothing_to_empty(tmp_path: Path) -> None:
    assert not write_ahead.is_large(str(tmp_path / "none.sqlite3"), at_least=0)
