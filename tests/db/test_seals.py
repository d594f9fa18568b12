"""The chain over the audit log: every transaction sealed once, nothing takes a seal back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from merestone.app.policy import OPERATOR
from merestone.db import audit, seals
from merestone.db.models import Account, ApiToken, AuditEntry, AuditSeal, User

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def unsealed() -> set[str]:
    known = AuditSeal.objects.values("transaction")
    return set(AuditEntry.objects.exclude(transaction__in=known).values_list("transaction", flat=True))


def commit() -> None:
    """Let come true what waits for the end of the transaction, which the tests never reach."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def write(records, *names: str) -> str:
    with records.transaction(OPERATOR, cause="test") as number:
        records.write("accounts", pa.table({"name": list(names)}))
    return number


def test_each_transaction_is_sealed_and_linked_to_the_one_before(records):
    first, second = write(records, "a", "b"), write(records, "c")
    one, two = AuditSeal.objects.filter(transaction__in=[first, second])
    assert (one.transaction, one.n_entries, one.actor, one.cause) == (first, 2, "cli", "test")
    assert two.previous == one.digest
    entries = AuditEntry.objects.filter(transaction=first).order_by("id")
    assert (one.first_entry, one.last_entry) == (entries[0].pk, entries[1].pk)
    assert not unsealed()


def test_transaction_that_writes_nothing_leaves_no_seal(records):
    with records.transaction(OPERATOR, cause="test"):
        pass
    assert not AuditSeal.objects.exists()


def test_failed_transaction_leaves_no_seal(records):
    def fail() -> None:
        with records.transaction(OPERATOR, cause="test"):
            records.write("accounts", pa.table({"name": ["a"]}))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not AuditSeal.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_written_without_context_has_a_token_and_is_sealed(records):
    Account.objects.bulk_create([Account(name="a"), Account(name="b")])
    assert not AuditEntry.objects.filter(transaction="").exists()
    seals.sweep()
    assert not unsealed()
    (seal,) = AuditSeal.objects.filter(actor="unknown")
    assert seal.n_entries == 2
    Account.objects.create(name="c")
    write(records, "d")
    assert not unsealed()
    assert [seal.actor for seal in AuditSeal.objects.all()] == ["unknown", "unknown", "cli"]


def test_stray_writes_of_one_transaction_share_a_token():
    with transaction.atomic():
        Account.objects.create(name="a")
        Account.objects.update(name="b")
    assert AuditEntry.objects.values("transaction").distinct().count() == 1
    commit()
    seals.sweep()
    assert AuditSeal.objects.get().n_entries == 2


def test_sweep_with_nothing_to_seal_costs_one_query_at_most():
    with CaptureQueriesContext(connection) as queries:
        assert seals.sweep() == 0
    assert len(queries) <= 1


def test_sealing_a_small_write_costs_two_statements_at_most():
    audit.set_context("cli", cause="test", transaction="t" * 32)
    Account.objects.create(name="a")
    with CaptureQueriesContext(connection) as queries:
        seals.seal("t" * 32)
    assert len(queries) <= 2
    assert AuditSeal.objects.get().n_entries == 1


@pytest.mark.parametrize("table", ["auditseal", "auditentry"])
@pytest.mark.parametrize("sql", ["UPDATE merestone_{} SET actor = 'x'", "DELETE FROM merestone_{}"])
def test_log_and_seals_are_append_only(records, table, sql):
    write(records, "a")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql.format(table))


@pytest.mark.postgres
@pytest.mark.parametrize("table", ["auditseal", "auditentry"])
def test_log_and_seals_refuse_to_be_emptied(records, table):
    write(records, "a")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"TRUNCATE merestone_{table}")


def test_use_of_a_token_leaves_no_entry():
    user = User.objects.create_user("ana@example.com", "correct horse")
    now = datetime.now(UTC)
    token = ApiToken.objects.create(
        user=user, name="ci", prefix="abc", digest="d" * 64, expires_at=now + timedelta(1)
    )
    before = AuditEntry.objects.count()
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    assert AuditEntry.objects.count() == before


def test_guards_are_there_after_installing_again(records):
    audit.install_after_migrate()
    write(records, "a")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditSeal.objects.all().delete()
