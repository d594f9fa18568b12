"""Who held each opportunity, kept by database triggers: whoever writes the owner, and however.

An opportunity that comes opens an interval; another owner closes the open interval and opens the next, at the instant
of the transaction; an opportunity that goes takes its history with it. Intervals are half-open and never empty: a
second change at the same instant overwrites the first (the audit log has both). Cause and reason come from the audit
context; who knows better (a publish) says so afterwards (``stores.history``).
"""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections

from merestone.db.models import AuditContext, Opportunity, OpportunityOwnership

PREFIX = "merestone_ownership"
WORDS = {"sqlite": ("insert", "update", "delete", "renumber"), "postgresql": ("insert", "update", "delete")}

CAUSE_WORDS = (
    ("import", ("import %", "undo import %")),
    ("rule", ("publish %", "undo publish %", "rule run%", "route %", "assign%")),
)
"""Cause of an interval -> what the causes of such transactions look like; any other named cause is by hand."""


def install_after_migrate(*, using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Create the triggers anew, and open an interval for every opportunity without one; called after migrations."""
    database = connections[using]
    present = set(database.introspection.table_names())
    needed = {model._meta.db_table for model in (AuditContext, Opportunity, OpportunityOwnership)}
    if not needed <= present:
        return
    with database.cursor() as cursor:
        for statement in drop_statements(using):
            cursor.execute(statement)
        cursor.execute(FILL_SQL)
        for statement in create_statements(database.vendor):
            cursor.execute(statement)


def drop_statements(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return the SQL that lifts the triggers."""
    database = connections[using]
    with database.cursor() as cursor:
        names = _names(cursor, database.vendor)
    suffix = "" if database.vendor == "sqlite" else f' ON "{OPPORTUNITIES}"'
    return [f'DROP TRIGGER "{name}"{suffix}' for name in sorted(names)]


def create_statements(vendor: str) -> list[str]:
    """Return the SQL of the triggers for a database."""
    return [*SQLITE_TRIGGERS] if vendor == "sqlite" else [POSTGRESQL_FUNCTION, *POSTGRESQL_TRIGGERS]


def is_installed() -> bool:
    """Return whether the database has all the triggers, as it says itself."""
    with connection.cursor() as cursor:
        return _names(cursor, connection.vendor) == {f"{PREFIX}_{word}" for word in WORDS[connection.vendor]}


def _names(cursor: Any, vendor: str) -> set[str]:
    if vendor == "sqlite":
        sql = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, %s) = %s"
    else:
        sql = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND substr(tgname::text, 1, %s) = %s"
    cursor.execute(sql, [len(PREFIX), PREFIX])
    return {name for (name,) in cursor.fetchall()}


def _cause_sql(text: str) -> str:
    """Return the SQL that makes the cause of an interval from the cause of its transaction."""
    cases = " ".join(
        f"WHEN {' OR '.join(f'{text} LIKE {pattern!r}' for pattern in patterns)} THEN '{cause}'"
        for cause, patterns in CAUSE_WORDS
    )
    return f"CASE WHEN {text} = '' THEN 'default' {cases} ELSE 'manual' END"


OPPORTUNITIES = Opportunity._meta.db_table
OWNERSHIPS = OpportunityOwnership._meta.db_table
CONTEXT = AuditContext._meta.db_table

FILL_SQL = (
    f"INSERT INTO {OWNERSHIPS} (opportunity_id, owner_id, cause, reason, valid_from)"  # noqa: S608
    f" SELECT id, owner_id, 'default', '{{}}', created_at FROM {OPPORTUNITIES}"
    f" WHERE NOT EXISTS (SELECT 1 FROM {OWNERSHIPS} WHERE opportunity_id = {OPPORTUNITIES}.id AND valid_to IS NULL)"
)

# --- SQLite: one trigger per row ----------------------------------------------------------------------------------

# The second row of the context holds the transaction's instant; without context it is the statement's.
_SQLITE_NOW = (
    f"coalesce((SELECT nullif(actor, '') FROM {CONTEXT} WHERE id = 2), strftime('%Y-%m-%d %H:%M:%f', 'now'))"  # noqa: S608
)
_SQLITE_CAUSE = f"(SELECT {_cause_sql('cause')} FROM {CONTEXT} WHERE id = 1)"  # noqa: S608
_SQLITE_REASON = (
    "(SELECT json_object('because', cause, 'actor', actor, 'transaction', \"transaction\")"  # noqa: S608
    f" FROM {CONTEXT} WHERE id = 1)"
)
_SQLITE_OPEN = f"""
    INSERT INTO {OWNERSHIPS} (opportunity_id, owner_id, cause, reason, valid_from)
    SELECT NEW.id, NEW.owner_id, coalesce({_SQLITE_CAUSE}, 'default'), coalesce({_SQLITE_REASON}, '{{}}'),
           {_SQLITE_NOW}
    WHERE NOT EXISTS (SELECT 1 FROM {OWNERSHIPS} WHERE opportunity_id = NEW.id AND valid_to IS NULL);
"""  # noqa: S608
_SQLITE_FORGET = f"DELETE FROM {OWNERSHIPS} WHERE opportunity_id = OLD.id;"  # noqa: S608

SQLITE_TRIGGERS = (
    f'CREATE TRIGGER "{PREFIX}_insert" AFTER INSERT ON "{OPPORTUNITIES}" BEGIN {_SQLITE_OPEN} END',
    f'CREATE TRIGGER "{PREFIX}_delete" AFTER DELETE ON "{OPPORTUNITIES}" BEGIN {_SQLITE_FORGET} END',
    # As PostgreSQL sees it: one opportunity is gone, another is there.
    f'CREATE TRIGGER "{PREFIX}_renumber" AFTER UPDATE OF id ON "{OPPORTUNITIES}" WHEN OLD.id IS NOT NEW.id'
    f" BEGIN {_SQLITE_FORGET} {_SQLITE_OPEN} END",
    f"""
CREATE TRIGGER "{PREFIX}_update" AFTER UPDATE OF owner_id ON "{OPPORTUNITIES}"
WHEN OLD.id IS NEW.id AND OLD.owner_id IS NOT NEW.owner_id
BEGIN
    UPDATE {OWNERSHIPS} SET valid_to = {_SQLITE_NOW}
    WHERE opportunity_id = NEW.id AND valid_to IS NULL AND valid_from < {_SQLITE_NOW};
    UPDATE {OWNERSHIPS}
    SET owner_id = NEW.owner_id, cause = coalesce({_SQLITE_CAUSE}, 'default'),
        reason = coalesce({_SQLITE_REASON}, '{{}}'), model_id = NULL, stays_until = NULL
    WHERE opportunity_id = NEW.id AND valid_to IS NULL;
    {_SQLITE_OPEN}
END""",  # noqa: S608
)

# --- PostgreSQL: once per statement, over its transition tables ---------------------------------------------------

POSTGRESQL_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {PREFIX}_keep() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    told text := coalesce(current_setting('merestone.cause', true), '');
    this_cause text := {_cause_sql("told")};
    this_reason jsonb := CASE WHEN told = '' THEN '{{}}' ELSE jsonb_build_object(
        'because', told, 'actor', current_setting('merestone.actor', true),
        'transaction', current_setting('merestone.transaction', true)) END;
    this_instant timestamptz := coalesce(
        nullif(current_setting('merestone.instant', true), '')::timestamptz, transaction_timestamp());
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO {OWNERSHIPS} (opportunity_id, owner_id, cause, reason, valid_from)
        SELECT id, owner_id, this_cause, this_reason, this_instant FROM new_rows;
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        DELETE FROM {OWNERSHIPS} USING old_rows WHERE opportunity_id = old_rows.id;
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM new_rows LEFT JOIN old_rows USING (id)
                   WHERE old_rows.owner_id IS DISTINCT FROM new_rows.owner_id OR old_rows.id IS NULL) THEN
        RETURN NULL;
    END IF;
    DELETE FROM {OWNERSHIPS} USING old_rows
    WHERE opportunity_id = old_rows.id AND NOT EXISTS (SELECT 1 FROM new_rows WHERE new_rows.id = old_rows.id);
    UPDATE {OWNERSHIPS} SET valid_to = this_instant
    FROM old_rows JOIN new_rows USING (id)
    WHERE opportunity_id = new_rows.id AND old_rows.owner_id IS DISTINCT FROM new_rows.owner_id
      AND valid_to IS NULL AND valid_from < this_instant;
    UPDATE {OWNERSHIPS}
    SET owner_id = new_rows.owner_id, cause = this_cause, reason = this_reason, model_id = NULL, stays_until = NULL
    FROM old_rows JOIN new_rows USING (id)
    WHERE opportunity_id = new_rows.id AND old_rows.owner_id IS DISTINCT FROM new_rows.owner_id AND valid_to IS NULL;
    INSERT INTO {OWNERSHIPS} (opportunity_id, owner_id, cause, reason, valid_from)
    SELECT new_rows.id, new_rows.owner_id, this_cause, this_reason, this_instant
    FROM new_rows LEFT JOIN old_rows USING (id)
    WHERE (old_rows.id IS NULL OR old_rows.owner_id IS DISTINCT FROM new_rows.owner_id)
      AND NOT EXISTS (SELECT 1 FROM {OWNERSHIPS} WHERE opportunity_id = new_rows.id AND valid_to IS NULL);
    RETURN NULL;
END $body$;
"""  # noqa: S608

POSTGRESQL_TRIGGERS = tuple(
    f'CREATE TRIGGER "{PREFIX}_{word.lower()}" AFTER {word} ON "{OPPORTUNITIES}" REFERENCING {tables}'
    f" FOR EACH STATEMENT EXECUTE FUNCTION {PREFIX}_keep()"
    for word, tables in (
        ("INSERT", "NEW TABLE AS new_rows"),
        ("UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
        ("DELETE", "OLD TABLE AS old_rows"),
    )
)
