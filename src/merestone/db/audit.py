"""Audit by database triggers: every changed field of every row, whoever wrote it and however.

Each changed row gives one ``AuditEntry`` with ``{field: [old, new]}``: an insert has null as old, a deletion null as
new, an update only the fields that differ. ``version`` and ``updated_at`` are left out (they change with every write);
an insert leaves out nulls and empty text. Money stands in hundredths, times as the database writes them; ``readable``
turns both into words. Secrets show as ``***``. Actor, cause and transaction come from the context that
``RecordStore.transaction`` sets; without one the actor is ``unknown``. The log itself can neither be changed nor
deleted from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from merestone.db.models import ApiToken, AuditContext, AuditEntry, AuditSeal, CacheEntry, Job, User
from merestone.db.models.fields import MoneyField

UNWATCHED: frozenset[type[models.Model]] = frozenset(
    {AuditContext, AuditEntry, AuditSeal, CacheEntry, Job}
)
UNKEPT = ("id", "version", "updated_at")
SECRETS: dict[type[models.Model], frozenset[str]] = {
    User: frozenset({"password"}),
    ApiToken: frozenset({"digest"}),
}
MASK = "***"
PREFIX = "merestone_audit"
APPEND_ONLY = "The audit log is append-only."


def watched() -> list[type[models.Model]]:
    """Return the models whose rows are audited."""
    return [model for model in apps.get_app_config("merestone").get_models() if model not in UNWATCHED]


def set_context(actor: str, *, cause: str, transaction: str) -> None:
    """Say who writes until the end of the transaction, and why."""
    values = [actor[:200], cause[:200], transaction]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            table = AuditContext._meta.db_table
            cursor.execute(
                f'INSERT OR REPLACE INTO {table} (id, actor, cause, "transaction")'  # noqa: S608
                # The second row keeps the instant at which the transaction's changes of owner happen.
                " VALUES (1, %s, %s, %s), (2, strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now'), '', '')",
                values,
            )
        else:
            cursor.execute(
                "SELECT set_config('merestone.actor', %s, true), set_config('merestone.cause', %s, true),"
                " set_config('merestone.transaction', %s, true),"
                " set_config('merestone.instant', clock_timestamp()::text, true)",
                values,
            )


def clear_context() -> None:
    """Forget who writes; called before commit, so that the context never outlives its transaction."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {AuditContext._meta.db_table}")  # noqa: S608
    else:
        set_context("", cause="", transaction="")


def install_after_migrate(*, using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Create the triggers anew from the models; called after each migration."""
    database = connections[using]
    present = set(database.introspection.table_names())
    if AuditEntry._meta.db_table not in present:
        return
    models_here = [model for model in watched() if model._meta.db_table in present]
    with database.cursor() as cursor:
        for statement in drop_statements(using):
            cursor.execute(statement)
        for statement in create_statements(database.vendor, models_here):
            cursor.execute(statement)


def drop_statements(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return the SQL that lifts every trigger of ours."""
    database = connections[using]
    with database.cursor() as cursor:
        if database.vendor == "sqlite":
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, %s) = %s",
                [len(PREFIX), PREFIX],
            )
            return [f'DROP TRIGGER "{name}"' for (name,) in cursor.fetchall()]
        cursor.execute(
            "SELECT tgname, tgrelid::regclass::text FROM pg_trigger"
            " WHERE NOT tgisinternal AND starts_with(tgname::text, %s)",
            [PREFIX],
        )
        return [f'DROP TRIGGER "{name}" ON {table}' for name, table in cursor.fetchall()]


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
    prefixes = [f"{PREFIX}_{word}" for word in ("insert", "update", "delete")]
    with connection.cursor() as cursor:
        found = []
        for prefix in prefixes:
            cursor.execute(sql, [len(prefix), prefix])
            found.append({table for (table,) in cursor.fetchall()})
    return set.intersection(*found)


def create_statements(vendor: str, models_here: list[type[models.Model]]) -> list[str]:
    """Return the SQL of all triggers for a database."""
    if vendor == "sqlite":
        return [*_sqlite_guards(), *(sql for model in models_here for sql in _sqlite_triggers(model))]
    return [
        POSTGRESQL_FUNCTIONS,
        *_postgresql_guards(),
        *(sql for model in models_here for sql in _postgresql_triggers(model)),
    ]


def readable(entry: AuditEntry) -> list[tuple[str, Any, Any]]:
    """Return (field, old, new) of an entry, with money as Decimal, times as UTC datetimes, references without ``_id``."""
    tables = {model._meta.db_table: model for model in watched()}
    model = tables.get(entry.table_name)
    columns = {} if model is None else {field.column: field for field in model._meta.concrete_fields}
    found = []
    for column, (old, new) in sorted(entry.changes.items()):
        field = columns.get(column)
        name = column if field is None else field.name
        found.append((name, _readable_value(field, old), _readable_value(field, new)))
    return found


def _readable_value(field: Any, value: Any) -> Any:
    if value is None or field is None:
        return value
    if isinstance(field, MoneyField):
        return Decimal(value).scaleb(-2)
    if isinstance(field, models.DateTimeField):
        instant = datetime.fromisoformat(value)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    return value


# --- SQLite: one trigger per table and operation, its JSON built from the model's columns -------------------------


def _sqlite_guards() -> Iterator[str]:
    table = AuditEntry._meta.db_table
    for word in ("UPDATE", "DELETE"):
        yield (
            f'CREATE TRIGGER "{PREFIX}_guard_{word.lower()}" BEFORE {word} ON "{table}"'
            f" BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        )


def _sqlite_triggers(model: type[models.Model]) -> Iterator[str]:
    table = model._meta.db_table
    fields = _kept_fields(model)
    changed = " OR ".join(f'OLD."{field.column}" IS NOT NEW."{field.column}"' for field in fields)
    created = [_sqlite_part(model, field, old=False) for field in fields]
    deleted = [_sqlite_part(model, field, new=False) for field in fields]
    updated = [_sqlite_part(model, field) for field in fields]
    renumbered = "OLD.id IS NOT NEW.id"
    entries = {
        "insert": ("INSERT", "", [("NEW.id", "I", created)]),
        "update": ("UPDATE", f"WHEN NOT {renumbered} AND ({changed})", [("NEW.id", "U", updated)]),
        "delete": ("DELETE", "", [("OLD.id", "D", deleted)]),
        # As PostgreSQL sees it: one row is gone, another is there.
        "renumber": ("UPDATE", f"WHEN {renumbered}", [("OLD.id", "D", deleted), ("NEW.id", "I", created)]),
    }
    for name, (word, condition, found) in entries.items():
        inserts = "".join(_sqlite_entry(table, *entry) for entry in found)
        yield (
            f'CREATE TRIGGER "{PREFIX}_{name}_{table}" AFTER {word} ON "{table}" {condition} BEGIN {inserts} END'
        )


def _sqlite_entry(table: str, row_id: str, letter: str, pieces: Sequence[str]) -> str:
    """Return the SQL that writes one entry."""
    changes = " || ".join(pieces)
    return (
        f'INSERT INTO "{AuditEntry._meta.db_table}"'  # noqa: S608
        ' (at, actor, cause, "transaction", table_name, row_id, operation, changes)'
        " SELECT strftime('%Y-%m-%d %H:%M:%f', 'now'), coalesce(context.actor, 'unknown'),"
        " coalesce(context.cause, ''), coalesce(context.\"transaction\", ''),"
        f" '{table}', {row_id}, '{letter}', '{{' || substr({changes}, 2) || '}}'"
        f' FROM (SELECT 1) LEFT JOIN "{AuditContext._meta.db_table}" AS context ON context.id = 1;'
    )


def _sqlite_part(
    model: type[models.Model], field: models.Field[Any, Any], *, old: bool = True, new: bool = True
) -> str:
    """Return the SQL of ``,"field":[old,new]``, or of nothing where the field does not count."""
    before = _sqlite_value(model, field, "OLD") if old else "NULL"
    after = _sqlite_value(model, field, "NEW") if new else "NULL"
    if old and new:
        counts = f'OLD."{field.column}" IS NOT NEW."{field.column}"'
    else:
        only = f'{"OLD" if old else "NEW"}."{field.column}"'
        counts = f"{only} IS NOT NULL" if old else f"{only} <> ''"  # null <> '' is unknown: left out as well
    return f"CASE WHEN {counts} THEN ',\"{field.column}\":' || json_array({before}, {after}) ELSE '' END"


def _sqlite_value(model: type[models.Model], field: models.Field[Any, Any], row: str) -> str:
    value = f'{row}."{field.column}"'
    if field.name in SECRETS.get(model, ()):
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE '{MASK}' END"
    if isinstance(field, models.JSONField):
        return f"json({value})"
    if isinstance(field, models.BooleanField):
        return f"json(CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)"
    return value


def _kept_fields(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if field.column not in UNKEPT]


# --- PostgreSQL: one function for all tables, once per statement over its transition tables ------------------------

POSTGRESQL_FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION {PREFIX}_refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'integrity_constraint_violation';
END $body$;

CREATE OR REPLACE FUNCTION {PREFIX}_changes(old_row jsonb, new_row jsonb, secrets text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $body$
    SELECT jsonb_object_agg(key, CASE WHEN key = ANY (secrets)
               THEN jsonb_build_array(CASE WHEN old_row -> key <> 'null' THEN '{MASK}' END,
                                      CASE WHEN new_row -> key <> 'null' THEN '{MASK}' END)
               ELSE jsonb_build_array(old_row -> key, new_row -> key) END)
    FROM jsonb_object_keys(coalesce(new_row, old_row)) AS key
    WHERE key NOT IN ({", ".join(f"'{name}'" for name in UNKEPT)})
      AND CASE WHEN old_row IS NULL THEN new_row -> key NOT IN ('null', '""')
               WHEN new_row IS NULL THEN old_row -> key <> 'null'
               ELSE old_row -> key IS DISTINCT FROM new_row -> key END
$body$;

CREATE OR REPLACE FUNCTION {PREFIX}_write() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    this_actor text := coalesce(nullif(current_setting('merestone.actor', true), ''), 'unknown');
    this_cause text := coalesce(current_setting('merestone.cause', true), '');
    this_transaction text := coalesce(current_setting('merestone.transaction', true), '');
    secrets text[] := TG_ARGV[0]::text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO {AuditEntry._meta.db_table}
            (xid, at, actor, cause, transaction, table_name, row_id, operation, changes)
        SELECT pg_current_xact_id(), clock_timestamp(), this_actor, this_cause, this_transaction, TG_TABLE_NAME,
               new_rows.id, 'I', coalesce({PREFIX}_changes(NULL, to_jsonb(new_rows), secrets), '{{}}')
        FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO {AuditEntry._meta.db_table}
            (xid, at, actor, cause, transaction, table_name, row_id, operation, changes)
        SELECT pg_current_xact_id(), clock_timestamp(), this_actor, this_cause, this_transaction, TG_TABLE_NAME,
               old_rows.id, 'D', coalesce({PREFIX}_changes(to_jsonb(old_rows), NULL, secrets), '{{}}')
        FROM old_rows;
    ELSE
        INSERT INTO {AuditEntry._meta.db_table}
            (xid, at, actor, cause, transaction, table_name, row_id, operation, changes)
        SELECT pg_current_xact_id(), clock_timestamp(), this_actor, this_cause, this_transaction, TG_TABLE_NAME,
               found.id, found.operation, found.changes
        FROM (SELECT id, CASE WHEN old_rows IS NULL THEN 'I' WHEN new_rows IS NULL THEN 'D' ELSE 'U' END AS operation,
                     {PREFIX}_changes(to_jsonb(old_rows), to_jsonb(new_rows), secrets) AS changes
              FROM old_rows FULL JOIN new_rows USING (id)) AS found
        WHERE found.changes IS NOT NULL;
    END IF;
    RETURN NULL;
END $body$;
"""  # noqa: S608


def _postgresql_guards() -> Iterator[str]:
    yield (
        f'CREATE TRIGGER "{PREFIX}_guard" BEFORE UPDATE OR DELETE ON "{AuditEntry._meta.db_table}"'
        f" FOR EACH ROW EXECUTE FUNCTION {PREFIX}_refuse()"
    )


def _postgresql_triggers(model: type[models.Model]) -> Iterator[str]:
    table = model._meta.db_table
    secrets = ",".join(sorted(SECRETS.get(model, ())))
    seen = {
        "INSERT": "NEW TABLE AS new_rows",
        "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
        "DELETE": "OLD TABLE AS old_rows",
    }
    for word, tables in seen.items():
        yield (
            f'CREATE TRIGGER "{PREFIX}_{word.lower()}" AFTER {word} ON "{table}" REFERENCING {tables}'
            f" FOR EACH STATEMENT EXECUTE FUNCTION {PREFIX}_write('{{{secrets}}}')"
        )
