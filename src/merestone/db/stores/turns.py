"""Rival writers one after the other.

SQLite lets one transaction write at a time anyway. PostgreSQL would let two of them decide on the same state: both see
a lead without owner, both see a file's rows as new. Whoever decides from what is there takes the table's turn first and
reads then.
"""

from __future__ import annotations

from django.db import connection

from merestone.base.errors import UsageError
from merestone.core.model.columns import TABLES

SPACE = 0x4D45_5253  # our own part of the server's advisory locks
PLACES = {table: place for place, table in enumerate(TABLES)}


def take_turn(table: str) -> None:
    """Wait until nobody else decides about this table; the turn ends with the transaction. Taking it again is free.

    Who needs several takes them in the order of ``TABLES``, so that nobody waits in a circle.
    """
    if not connection.in_atomic_block:
        raise UsageError("A turn is taken inside a transaction only.", code="no-transaction")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SPACE, PLACES[table]])
