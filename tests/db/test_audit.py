"""The audit log: every changed field of every row, whoever wrote it, and nothing takes it back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from merestone.app.policy import OPERATOR, Actor
from merestone.db import audit
from merestone.db.models import (
    Account,
    ApiToken,
    AuditContext,
    AuditEntry,
    Contact,
    Job,
    Rep,
    SavedView,
    Territory,
    User,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def entries(model: type, **which: object) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(table_name=model._meta.db_table, **which).order_by("id"))


def updates(model: type) -> list[dict]:
    return [entry.changes for entry in entries(model, operation="U")]


def test_insert_keeps_every_value_that_is_not_empty():
    account = Account.objects.create(name="Ünï 'x' \"y\"", revenue=Decimal("12.34"), custom={"tier": "gold"})
    (entry,) = entries(Account)
    assert (entry.operation, entry.row_id) == ("I", account.pk)
    assert entry.changes["name"] == [None, "Ünï 'x' \"y\""]
    assert entry.changes["custom"] == [None, {"tier": "gold"}]
    assert entry.changes["revenue"] == [None, 1234]
    assert not {"city", "latitude", "version", "updated_at", "id"} & entry.changes.keys()


def test_update_keeps_only_the_fields_that_differ():
    account = Account.objects.create(name="a", city="Rome", employees=3)
    Account.objects.filter(pk=account.pk).update(name="b", city="Rome", employees=None)
    assert updates(Account) == [{"name": ["a", "b"], "employees": [3, None]}]


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("latitude", None, 1.5),
        ("latitude", 1.5, None),
        ("city", "", "Rome"),
        ("city", "Rome", ""),
        ("products_of_interest", [], ["a"]),
        ("custom", {"a": 1}, {"a": 1, "b": [True, None]}),
        ("employees", 0, 1),
        ("parent_id", None, 1),
    ],
)
def test_no_change_of_a_field_is_lost(field, old, new):
    Account.objects.create(pk=1, name="parent")
    account = Account.objects.create(name="a", **{field: old})
    Account.objects.filter(pk=account.pk).update(**{field: new})
    assert updates(Account) == [{field: [old, new]}]


def test_booleans_are_booleans_on_every_database():
    account = Account.objects.create(name="a")
    Contact.objects.create(account=account, last_name="x", is_decision_maker=True)
    Contact.objects.update(is_decision_maker=False)
    assert updates(Contact) == [{"is_decision_maker": [True, False]}]


def test_write_that_changes_nothing_but_version_leaves_no_entry():
    Account.objects.create(name="a")
    Account.objects.update(version=F("version") + 1, updated_at=datetime(2030, 1, 1, tzinfo=UTC), name="a")
    assert updates(Account) == []


def test_deletion_keeps_what_was_there():
    account = Account.objects.create(name="a", city="Rome")
    pk = account.pk
    account.delete()
    (entry,) = entries(Account, operation="D")
    assert entry.row_id == pk
    assert entry.changes["name"] == ["a", None]
    assert entry.changes["created_at"][1] is None


def test_bulk_create_queryset_update_and_plain_sql_are_each_logged():
    Account.objects.bulk_create(Account(name=f"{place}") for place in range(5))
    Account.objects.update(city="Rome")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE merestone_account SET city = 'Oslo' WHERE name = '3'")
        cursor.execute(
            "INSERT INTO merestone_territory (key, name, created_at) VALUES ('t', 'T', '2026-01-01 00:00:00')"
        )
        cursor.execute("DELETE FROM merestone_account WHERE name = '4'")
    assert [entry.operation for entry in entries(Account)] == [*"IIIII", *"UUUUU", "U", "D"]
    assert {entry.actor for entry in entries(Account)} == {"unknown"}
    assert entries(Territory)[0].changes["key"] == [None, "t"]


def test_cascade_is_logged_row_by_row():
    account = Account.objects.create(name="a")
    Contact.objects.create(account=account, last_name="x")
    account.delete()
    assert [entry.operation for entry in entries(Contact)] == ["I", "D"]


def test_changes_through_the_store_name_actor_cause_and_transaction(records):
    with records.transaction(Actor(role="planner", label="user:ana@example.com"), cause="import x") as number:
        ids = records.write("accounts", pa.table({"name": ["a", "b"]}))["id"]
        records.write("accounts", pa.table({"id": ids, "city": ["Rome", "Oslo"]}))
    found = entries(Account)
    assert [entry.operation for entry in found] == [*"IIUU"]
    assert {(entry.actor, entry.cause, entry.transaction) for entry in found} == {
        ("user:ana@example.com", "import x", number)
    }


def test_context_ends_with_its_transaction(records):
    with records.transaction(OPERATOR, cause="x"):
        records.write("accounts", pa.table({"name": ["a"]}))
    Account.objects.create(name="b")
    assert [entry.actor for entry in entries(Account)] == ["cli", "unknown"]
    assert not AuditContext.objects.filter(actor__gt="").exists()


def test_failed_transaction_leaves_no_entry_and_no_context(records):
    def fail() -> None:
        with records.transaction(OPERATOR, cause="x"):
            records.write("accounts", pa.table({"name": ["a"]}))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    Account.objects.create(name="b")
    assert [entry.actor for entry in entries(Account)] == ["unknown"]


def test_secrets_are_never_kept():
    user = User.objects.create_user("ana@example.com", "correct horse")
    first = user.password
    user.set_password("battery staple")
    user.save()
    ApiToken.objects.create(
        user=user, name="ci", prefix="abc", digest="d" * 64, expires_at=datetime.now(UTC) + timedelta(1)
    )
    assert updates(User) == [{"password": ["***", "***"]}]
    assert entries(ApiToken)[0].changes["digest"] == [None, "***"]
    log = str([entry.changes for entry in AuditEntry.objects.all()])
    assert first not in log
    assert user.password not in log
    assert "d" * 64 not in log


@pytest.mark.parametrize(
    "sql", ["UPDATE merestone_auditentry SET actor = 'x'", "DELETE FROM merestone_auditentry"]
)
def test_log_is_append_only(sql):
    Account.objects.create(name="a")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
    assert len(entries(Account)) == 1


def test_every_table_of_ours_is_watched():
    names = {model.__name__ for model in audit.watched()}
    assert {"Account", "User", "TerritoryNode", "LeadAssociation", "ImportRun", "Rotation"} <= names
    assert not {"AuditEntry", "AuditContext", "Job"} & names
    Job.objects.create(kind="x")
    assert AuditEntry.objects.count() == 0
    assert audit.installed() == {model._meta.db_table for model in audit.watched()}


def test_installing_again_changes_nothing():
    before = audit.installed()
    audit.install_after_migrate()
    Rep.objects.create(name="Ana")
    assert audit.installed() == before
    assert len(entries(Rep)) == 1


def test_readable_speaks_money_times_and_references():
    account = Account.objects.create(name="a", revenue=Decimal("1.50"))
    at = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    Account.objects.filter(pk=account.pk).update(
        revenue=Decimal("-0.01"), created_at=at, parent_id=account.pk
    )
    (entry,) = entries(Account, operation="U")
    assert audit.readable(entry) == [
        ("created_at", account.created_at, at),
        ("parent", None, account.pk),
        ("revenue", Decimal("1.50"), Decimal("-0.01")),
    ]


@pytest.mark.django_db(transaction=True)
def test_triggers_are_back_after_a_flush():
    """Runs after the transactional test below or another one has emptied the tables."""
    SavedView.objects.count()
    Account.objects.create(name="a")
    assert len(entries(Account)) == 1


@pytest.mark.django_db(transaction=True)
def test_triggers_are_back_after_another_flush():
    Account.objects.create(name="a")
    assert len(entries(Account)) == 1


@pytest.mark.django_db(transaction=True)
def test_log_itself_can_be_altered_by_a_migration_that_lifts_the_triggers():
    Account.objects.create(name="a")
    plain = AuditEntry._meta.get_field("cause")
    wide = plain.clone()
    wide.max_length, wide.model = 300, AuditEntry
    wide.set_attributes_from_name("cause")
    with connection.schema_editor() as editor:
        audit.lift(None, editor)
        editor.alter_field(AuditEntry, plain, wide)
        editor.alter_field(AuditEntry, wide, plain)
    audit.install_after_migrate()
    Account.objects.create(name="b")
    assert len(entries(Account)) == 2


def test_a_row_that_gets_another_id_is_deleted_and_created():
    account = Account.objects.create(name="a", city="Rome")
    Account.objects.filter(pk=account.pk).update(id=account.pk + 7, city="Oslo")
    _, gone, here = entries(Account)
    assert (gone.operation, gone.row_id, gone.changes["city"]) == ("D", account.pk, ["Rome", None])
    assert (here.operation, here.row_id, here.changes["city"]) == ("I", account.pk + 7, [None, "Oslo"])
