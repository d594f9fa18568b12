"""Reads that belong together see one state of the database, whatever is published meanwhile.

A page asks many questions. Between two of them a publication may be committed, and half of the page would show the old
owners, half the new ones. ``one_state`` lets them all look at the state of the first question.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_BEGIN = {"sqlite": "BEGIN DEFERRED", "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ"}
_MARK = "merestone_is_steady"


@contextmanager
def one_state() -> Iterator[None]:
    """Let every read of the block see one state; does nothing inside a transaction. Writes leave it: see ``leave``."""
    if connection.in_atomic_block or _is_open():
        yield
        return
    enter()
    try:
        yield
    finally:
        leave()


def enter() -> None:
    """Let everything that is read from here on see one state, until ``leave``; does nothing inside a transaction."""
    if not connection.in_atomic_block and not _is_open():
        _say(_BEGIN[connection.vendor])
        setattr(connection, _MARK, True)


def leave() -> None:
    """End the one state, if there is one: what is read next is as it is then. A use case that writes calls this."""
    if _is_open():
        setattr(connection, _MARK, False)
        if connection.connection is not None:
            _say("COMMIT")


def _is_open() -> bool:
    return bool(getattr(connection, _MARK, False))


def _say(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
