"""Audit by database triggers: every changed field of every row, whoever wrote it and however.

Each changed row gives one ``AuditEntry`` with ``{field: [old, new]}``: an insert has null as old, a deletion null as
new, an update only the fields that differ. ``version`` and ``updated_at`` are left out (they change with every write);
an insert leaves out nulls and empty text. Money stands in hundredths, times as the database writes them; ``readable``
turns both into words. Secrets show as ``***``. Actor, cause and transaction come from the context that
``RecordStore.transaction`` sets; without one the actor is ``unknown`` and the transaction gets a token of its own. The
log itself can neither be changed nor deleted from; ``db.seals`` chains it. The SQL is in ``db.triggers``.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from merestone.db import triggers
from merestone.db.models import AuditContext, AuditEntry, AuditSeal, CacheEntry, Job, ScenarioUnits
from merestone.db.models.fields import MoneyField

UNWATCHED: frozenset[type[models.Model]] = frozenset(
    {AuditContext, AuditEntry, AuditSeal, CacheEntry, Job, ScenarioUnits}
)
CONTEXT = AuditContext._meta.db_table
OF_TRANSACTION = 1
"""Row of the context that a transaction fills (SQLite)."""
INSTANT = 2
"""Row of the context whose actor is the transaction's instant (SQLite)."""
ROWS_IN_MEMORY = 64 << 20
"""Bytes that the rows of a statement may take before PostgreSQL lays them on disk."""


def watched() -> list[type[models.Model]]:
    """Return the models whose rows are audited."""
    return [model for model in apps.get_app_config("merestone").get_models() if model not in UNWATCHED]


def set_context(actor: str, *, cause: str, transaction: str) -> None:
    """Say who writes until the end of the transaction, and why."""
    values = [actor[:200], cause[:200], transaction]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                f'INSERT OR REPLACE INTO {CONTEXT} (id, actor, cause, "transaction")'  # noqa: S608
                # The other row holds the instant at which owners change, for ``db.ownerships``.
                " VALUES (%s, %s, %s, %s), (%s, strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now'), '', '')",
                [OF_TRANSACTION, *values, INSTANT],
            )
        else:
            cursor.execute(
                "SELECT set_config('merestone.actor', %s, true), set_config('merestone.cause', %s, true),"
                " set_config('merestone.transaction', %s, true),"
                " set_config('merestone.instant', clock_timestamp()::text, true),"
                # Triggers keep the rows of a statement; on disk that takes as long as to write them.
                " set_config('work_mem', greatest(pg_size_bytes(current_setting('work_mem')), %s) / 1024 || 'kB', true)",
                [*values, ROWS_IN_MEMORY],
            )


def clear_context() -> None:
    """Forget who writes; called before commit, so that the context never outlives its transaction."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {CONTEXT} WHERE id <> {triggers.STANDING}")  # noqa: S608
    else:
        set_context("", cause="", transaction="")


def install_after_migrate(*, using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Create the triggers anew from the models; called after each migration."""
    database = connections[using]
    present = set(database.introspection.table_names())
    if not {model._meta.db_table for model in (AuditContext, AuditEntry, AuditSeal)} <= present:
        return
    models_here = [model for model in watched() if model._meta.db_table in present]
    with database.cursor() as cursor:
        for statement in drop_statements(using):
            cursor.execute(statement)
        for statement in create_statements(database.vendor, models_here):
            cursor.execute(statement)
        if database.vendor == "sqlite":
            sql = f'INSERT OR IGNORE INTO {CONTEXT} (id, actor, cause, "transaction") VALUES (%s, %s, %s, %s)'  # noqa: S608
            cursor.execute(sql, [triggers.STANDING, "", "", uuid.uuid4().hex])


def drop_statements(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return the SQL that lifts every trigger of ours."""
    database = connections[using]
    with database.cursor() as cursor:
        if database.vendor == "sqlite":
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, %s) = %s",
                [len(triggers.PREFIX), triggers.PREFIX],
            )
            return [f'DROP TRIGGER "{name}"' for (name,) in cursor.fetchall()]
        cursor.execute(
            "SELECT tgname, tgrelid::regclass::text FROM pg_trigger"
            " WHERE NOT tgisinternal AND starts_with(tgname::text, %s)",
            [triggers.PREFIX],
        )
        return [f'DROP TRIGGER "{name}" ON {table}' for name, table in cursor.fetchall()]


def create_statements(vendor: str, models_here: list[type[models.Model]]) -> list[str]:
    """Return the SQL of all triggers for a database."""
    made = triggers.sqlite(models_here) if vendor == "sqlite" else triggers.postgresql(models_here)
    return list(made.values())


def lift(_apps: Any, schema_editor: Any) -> None:
    """Lift the triggers: the first step (``RunPython``) of a migration that alters the tables of the log itself.

    SQLite rebuilds a table to alter it, and cannot while triggers of other tables write to it. They come back after
    the migration.
    """
    for statement in drop_statements(schema_editor.connection.alias):
        schema_editor.execute(statement)


def installed() -> set[str]:
    """Return the tables that have all their triggers, as the database itself says."""
    if connection.vendor == "sqlite":
        sql = "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, %s) = %s"
    else:
        sql = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE substr(tgname::text, 1, %s) = %s"
    prefixes = [f"{triggers.PREFIX}_{word}" for word in ("insert", "update", "delete")]
    with connection.cursor() as cursor:
        found = []
        for prefix in prefixes:
            cursor.execute(sql, [len(prefix), prefix])
            found.append({table for (table,) in cursor.fetchall()})
    return set.intersection(*found)


def readable(entry: AuditEntry) -> list[tuple[str, Any, Any]]:
    """Return (field, old, new) of an entry, with money as Decimal, times as UTC datetimes, references without ``_id``."""
    columns = columns_of(entry.table_name)
    found = []
    for column, (old, new) in sorted(entry.changes.items()):
        field = columns.get(column)
        name = column if field is None else field.name
        found.append((name, readable_value(field, old), readable_value(field, new)))
    return found


def columns_of(table_name: str) -> dict[str, models.Field[Any, Any]]:
    """Return column -> field of an audited table; nothing for one that is none."""
    model = next((model for model in watched() if model._meta.db_table == table_name), None)
    return {} if model is None else {str(field.column): field for field in model._meta.concrete_fields}


def readable_value(field: Any, value: Any) -> Any:
    """Return a value of the log as its field means it."""
    if value is None or field is None:
        return value
    if isinstance(field, MoneyField):
        return Decimal(value).scaleb(-2)
    if isinstance(field, models.DateTimeField):
        instant = datetime.fromisoformat(value)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    return value
