"""The chain over the audit log: each transaction seals its own entries as the last thing it does.

A seal holds a digest of its entries, in the order of their ids, and of the seal before: to change, remove or add an
entry unseen one would have to make every later seal anew. What belongs to a seal goes by the transaction's token, for on
PostgreSQL the ids of transactions running at once interleave. There the entries are hashed first, and only then is the
lock taken that orders the chain: writers wait for each other's last instant only. On SQLite, where writers come one
after the other anyway, everything unsealed is sealed, also what was written without context before. PostgreSQL seals
that by itself when its transaction ends.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from merestone.db.triggers import CONTEXT, LOG, PREFIX, SEALS, STANDING

FIRST = "0" * 64
"""What the first seal has in place of a digest before it."""

SQLITE_ENTRIES = (
    f'SELECT id, "transaction", actor, cause,'  # noqa: S608
    " id || char(31) || at || char(31) || row_id || char(31) || json_quote(actor) || json_quote(cause)"
    f" || json_quote(table_name) || operation || changes FROM {LOG}"
)


@dataclass(slots=True)
class Bundle:
    """The entries of one transaction, hashed as they come."""

    transaction: str
    first: int
    actor: str
    cause: str
    previous: str = FIRST
    last: int = 0
    n: int = 0
    content: Any = field(default_factory=hashlib.sha256)

    def add(self, entry: int, text: str) -> None:
        """Take the next entry."""
        self.last = entry
        self.n += 1
        self.content.update(text.encode())
        self.content.update(b"\n")

    def digest(self, previous: str, at: str) -> str:
        """Return the digest of its seal."""
        parts = [
            previous, self.transaction, self.first, self.last, self.n, at, self.actor, self.cause,
            self.content.hexdigest(),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def seal(token: str) -> None:
    """Seal what this transaction has written; the last act before its end."""
    if connection.vendor == "sqlite":
        _seal_sqlite(token)
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {PREFIX}_seal(%s)", [token])


def sweep() -> int:
    """Seal what was written without context and waits; returns how many transactions."""
    if connection.vendor != "sqlite":
        return 0  # sealed when it was committed
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {LOG} WHERE id > {_LAST_SEALED})")  # noqa: S608
        if not cursor.fetchone()[0]:
            return 0
    with transaction.atomic():
        return _seal_sqlite("")


_LAST_DIGEST = f"coalesce((SELECT digest FROM {SEALS} ORDER BY id DESC LIMIT 1), '{FIRST}')"  # noqa: S608
_LAST_SEALED = f"coalesce((SELECT last_entry FROM {SEALS} ORDER BY id DESC LIMIT 1), 0)"  # noqa: S608


def _seal_sqlite(token: str) -> int:
    """Seal this transaction and what was written without context; an older seal that is gone is not made anew."""
    with connection.cursor() as cursor:
        # The digest before comes with the entries: two statements in all for a small write.
        cursor.execute(
            f"SELECT found.*, {_LAST_DIGEST} FROM ({SQLITE_ENTRIES} WHERE id > {_LAST_SEALED}) AS found ORDER BY id"  # noqa: S608
        )
        all_found = bundles(cursor)
        found = [one for one in all_found if one.transaction == token or one.actor == "unknown"]
        if not found:
            return 0
        at = str(timezone.now().replace(tzinfo=None))
        cursor.executemany(
            f'INSERT INTO {SEALS} (at, "transaction", actor, cause, first_entry, last_entry, n_entries, previous, digest)'  # noqa: S608
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            list(_chained(found, all_found[0].previous, at)),
        )
        if any(one.transaction != token for one in found):
            cursor.execute(
                f'UPDATE {CONTEXT} SET "transaction" = %s WHERE id = {STANDING} AND "transaction" IN'  # noqa: S608
                " (SELECT value FROM json_each(%s))",
                [uuid.uuid4().hex, json.dumps([one.transaction for one in found])],
            )
    return len(found)


def bundles(entries: Iterable[Sequence[Any]]) -> list[Bundle]:
    """Return the entries by transaction, in the order of their first ids."""
    found: dict[str, Bundle] = {}
    last: Bundle | None = None
    for entry, token, actor, cause, text, *before in entries:
        if last is None or last.transaction != token:
            last = found.setdefault(token, Bundle(token, entry, actor, cause, *before))
        last.add(entry, text)
    return list(found.values())


def _chained(found: Sequence[Bundle], previous: str, at: str) -> Iterator[tuple[Any, ...]]:
    for bundle in found:
        digest = bundle.digest(previous, at)
        yield (
            at, bundle.transaction, bundle.actor, bundle.cause, bundle.first, bundle.last, bundle.n, previous, digest,
        )  # fmt: skip
        previous = digest
