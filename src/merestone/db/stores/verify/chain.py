"""Promise 6: the chain over the audit log is whole, every entry sealed, every trigger and constraint in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from merestone.app.ports_audit import BREACH, NOTE, Check, Finding
from merestone.db import audit, ownerships, seals, triggers
from merestone.db.models import AuditEntry, AuditSeal
from merestone.db.stores.cells import Shape, cell
from merestone.db.stores.verify.asking import is_sqlite, rows, table_of

WAITS = timedelta(hours=1)
"""As long may what was written without context wait for the worker to seal it."""
LOG, SEALS = "audit log", "audit seals"


class Sealed(NamedTuple):
    """A seal, and what its entries say now."""

    id: int
    transaction: str
    actor: str
    cause: str
    first: int
    last: int
    n: int
    previous: str
    digest: str
    n_now: int
    first_now: int | None
    last_now: int | None
    digest_now: str | None


def checks(*, now: datetime, head: str | None) -> Sequence[Check]:
    """Return the checks."""
    return (
        Check("triggers-installed", 6, "Every audited table has its triggers, unchanged.", _triggers),
        Check("constraints-installed", 1, "Every constraint is in the database.", _constraints),
        Check("entries-sealed", 6, "Every entry of the audit log is sealed.", lambda: _unsealed(now)),
        Check(
            "chain-intact", 6, "No entry of the audit log was edited, removed or added.", lambda: _chain(head)
        ),
    )


def _unsealed(now: datetime) -> Iterator[Finding]:
    sql = (
        'SELECT e."transaction", count(*), min(e.id), max(e.at), min(e.actor), max(e.actor)'  # noqa: S608
        f" FROM {table_of(AuditEntry)} AS e LEFT JOIN {table_of(AuditSeal)} AS s"
        ' ON s."transaction" = e."transaction" WHERE s.id IS NULL GROUP BY e."transaction" ORDER BY min(e.id)'
    )
    since = cell(now - WAITS, Shape.INSTANT)
    for token, n, first, at, actor, other in rows(sql):
        waits = is_sqlite() and actor == other == "unknown" and at >= since
        yield Finding(
            f"The transaction '{token}' by {actor} has {n} entries, from {first} on, that are not sealed.",
            "The worker seals what was written past the product; start it."
            if waits
            else "Its seal was removed, or its entries were added by hand: look at them.",
            LOG,
            first,
            token,
            NOTE if waits else BREACH,
        )


def _chain(head: str | None) -> Iterator[Finding]:
    previous, is_known = seals.FIRST, head in (None, "")
    for seal in _sealed():
        what = f"{seal.actor}, {seal.cause or 'no cause'}, transaction {seal.transaction}"
        if seal.previous != previous:
            yield Finding(
                f"The seal {seal.id} ({what}) does not follow the one before: a seal is gone, or was made anew.",
                "Restore the log from a backup, and look for what differs.",
                SEALS,
                seal.id,
                seal.previous,
            )
        wrong = _wrong(seal)
        if wrong:
            yield Finding(
                f"The entries {seal.first} to {seal.last} ({what}) are not as sealed: {wrong}.",
                "Restore the log from a backup, and look for what differs.",
                LOG,
                seal.first,
                seal.transaction,
            )
        previous = seal.digest
        is_known = is_known or seal.digest == head
    if not is_known:
        yield Finding(
            f"The seal {str(head)[:12]}… noted before is not in the chain: the log's end was cut off or made anew.",
            "Restore the log from a backup, and look for what differs.",
            SEALS,
            value=str(head),
        )


def _wrong(seal: Sealed) -> str:
    if seal.n_now < seal.n:
        return f"{seal.n - seal.n_now} of {seal.n} are gone"
    if seal.n_now > seal.n:
        return f"{seal.n_now - seal.n} were added to {seal.n}"
    if (seal.first_now, seal.last_now) != (seal.first, seal.last):
        return f"they are {seal.first_now} to {seal.last_now}"
    return "" if seal.digest_now == seal.digest else "one was edited, or the seal was"


def _sealed() -> Iterator[Sealed]:
    return _sealed_sqlite() if is_sqlite() else _sealed_postgresql()


def _sealed_sqlite() -> Iterator[Sealed]:
    bundles = {
        bundle.transaction: bundle for bundle in seals.bundles(rows(f"{seals.SQLITE_ENTRIES} ORDER BY id"))
    }
    sql = (
        'SELECT id, "transaction", actor, cause, first_entry, last_entry, n_entries, previous, digest, CAST(at AS text)'  # noqa: S608
        f" FROM {table_of(AuditSeal)} ORDER BY id"
    )
    for *values, at in rows(sql):
        _, token, actor, cause, first, last, n, previous, _ = values
        bundle = bundles.get(token)
        if bundle is None:
            yield Sealed._make((*values, 0, None, None, None))
            continue
        n_now, first_now, last_now = bundle.n, bundle.first, bundle.last
        bundle.first, bundle.last, bundle.n = first, last, n
        is_same = (bundle.actor, bundle.cause) == (actor, cause)
        digest = bundle.digest(previous, at) if is_same else ""
        yield Sealed._make((*values, n_now, first_now, last_now, digest))


def _sealed_postgresql() -> Iterator[Sealed]:
    # Hashed before they are grouped, so that only digests are sorted.
    content = triggers.POSTGRESQL_CONTENT.partition("string_agg(")[2].partition(", ''::bytea")[0]
    digest = triggers.POSTGRESQL_DIGEST.format(
        previous="s.previous", transaction="s.transaction", first="s.first_entry", last="s.last_entry",
        n="s.n_entries::bigint", at="s.at", actor="s.actor", cause="s.cause", content="g.content",
    )  # fmt: skip
    sql = f"""
        SELECT s.id, s.transaction, s.actor, s.cause, s.first_entry, s.last_entry, s.n_entries, s.previous, s.digest,
               coalesce(g.n, 0), g.first, g.last,
               CASE WHEN g.actor = s.actor AND g.cause = s.cause THEN {digest} END
        FROM {table_of(AuditSeal)} AS s LEFT JOIN (
            SELECT transaction, count(*) AS n, min(id) AS first, max(id) AS last, min(actor) AS actor,
                   min(cause) AS cause, sha256(string_agg(hashed, ''::bytea ORDER BY id)) AS content
            FROM (SELECT transaction, id, actor, cause, {content} AS hashed FROM {table_of(AuditEntry)} OFFSET 0) AS e
            GROUP BY transaction
        ) AS g ON g.transaction = s.transaction
        ORDER BY s.id
    """  # noqa: S608
    return map(Sealed._make, rows(sql))


def _triggers() -> Iterator[Finding]:
    vendor = "sqlite" if is_sqlite() else "postgresql"
    present = _present_sqlite() if is_sqlite() else _present_postgresql()
    expected = triggers.sqlite(audit.watched()) if is_sqlite() else triggers.postgresql(audit.watched())
    for name, sql in expected.items():
        found = present.get(name)
        if found is None or not _is_same(vendor, name, sql, found):
            words = "is not there" if found is None else "was changed or switched off"
            yield Finding(
                f"The trigger {name} {words}: what it should log may be missing.",
                "`merestone migrate` does not mend it alone: run `merestone doctor`, and look at what changed meanwhile.",
                "triggers",
                value=name,
            )
    if not ownerships.is_installed():
        yield Finding(
            "A trigger that keeps who held opportunities is not there.",
            "Install the triggers anew.",
            "triggers",
        )


def _present_sqlite() -> dict[str, str]:
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, %s) = %s"
    return dict(rows(sql, [len(triggers.PREFIX), triggers.PREFIX]))


def _present_postgresql() -> dict[str, str]:
    """Return function -> its body, and ``trigger on table`` -> its definition, empty when it is switched off."""
    functions = rows(
        "SELECT proname::text, prosrc FROM pg_proc WHERE starts_with(proname::text, %s)", [triggers.PREFIX]
    )
    made = rows(
        "SELECT tgname || ' on ' || tgrelid::regclass::text,"
        " CASE WHEN tgenabled IN ('O', 'A') THEN pg_get_triggerdef(oid) ELSE '' END"
        " FROM pg_trigger WHERE NOT tgisinternal AND starts_with(tgname::text, %s)",
        [triggers.PREFIX],
    )
    return {**dict(functions), **dict(made)}


def _is_same(vendor: str, name: str, sql: str, found: str) -> bool:
    if vendor == "sqlite":
        return found == sql
    if " on " in name:
        return found.rpartition(" ")[2] == sql.rpartition(" ")[2]  # the function it calls
    return found == sql.partition("$body$")[2].rpartition("$body$")[0]


def _constraints() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        for model in audit.watched():
            wanted = {one.name for one in model._meta.constraints}
            if not wanted:
                continue
            present = set(connection.introspection.get_constraints(cursor, model._meta.db_table))
            for name in sorted(wanted - present):
                yield Finding(
                    f"The constraint {name} of {model._meta.db_table} is not in the database.",
                    "Make it anew as the migration has it, once the rows obey it.",
                    model._meta.db_table,
                    value=name,
                )


def head() -> str:
    """Return the digest of the last seal."""
    found: Any = AuditSeal.objects.order_by("-id").values_list("digest", flat=True).first()
    return found or ""
