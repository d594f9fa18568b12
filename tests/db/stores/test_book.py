"""The kept encoded book is what the table is, whoever changed it and however; only changed rows are read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from merestone.base.errors import UsageError
from merestone.db import audit
from merestone.db.models import Account, AuditEntry, CustomField, Rep
from merestone.db.stores.book import BookStore
from merestone.db.stores.records import RecordStore

pytestmark = pytest.mark.both_databases
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture
def book(tmp_path: Path) -> BookStore:
    """A book with a folder of its own."""
    return BookStore(tmp_path)


def decoded(table: pa.Table) -> dict[str, list[Any]]:
    """Return the values, without ``version``."""
    return {name: table[name].to_pylist() for name in table.column_names if name != "version"}


def truth(table: pa.Table) -> dict[str, list[Any]]:
    """Return what the database says of the same columns."""
    snapshot = RecordStore().snapshot("accounts")
    return {name: snapshot[name].to_pylist() for name in decoded(table)}


def assert_true(book: BookStore) -> pa.Table:
    table = book.accounts()
    assert decoded(table) == truth(table)
    return table


def reads(call: Callable[[], Any]) -> tuple[int, int]:
    """Return how many statements a call sends, and how many account rows they read."""
    with CaptureQueriesContext(connection) as captured:
        call()
    statements = [query["sql"] for query in captured]
    n_rows = 0
    for sql in statements:
        if '"merestone_account"' in sql and "count(*)" not in sql:
            with connection.cursor() as cursor:
                cursor.execute(sql.replace("%", "%%"))
                n_rows += len(cursor.fetchall())
    return len(statements), n_rows


def accounts(n: int, **fields: Any) -> list[int]:
    made = [Account.objects.create(name=f"Account {i}", external_id=f"E{i}", **fields) for i in range(n)]
    return [one.pk for one in made]


@pytest.mark.django_db
def test_columns_are_those_rules_see_and_text_is_coded(book: BookStore) -> None:
    CustomField.objects.create(table="accounts", key="tier", label="Tier", kind="text")
    CustomField.objects.create(table="accounts", key="name", label="Name", kind="text")
    accounts(
        2,
        state="CA",
        revenue=Decimal("12.30"),
        customer_since=date(2020, 1, 2),
        products_of_interest=["a", "b"],
        custom={"tier": "gold", "name": "x"},
    )
    table = assert_true(book)
    assert {"tier", "custom.name", "latitude", "products_of_interest"} <= set(table.column_names)
    assert table.schema.field("state").type == pa.dictionary(pa.int32(), pa.string())
    assert table.schema.field("revenue").type == pa.decimal128(18, 2)
    assert [table[name].num_chunks for name in table.column_names] == [1] * table.num_columns


@pytest.mark.django_db
def test_only_asked_columns_come_with_id_and_version(book: BookStore) -> None:
    accounts(1)
    assert book.accounts(columns=["state", "name"]).column_names == ["id", "version", "name", "state"]
    with pytest.raises(UsageError):
        book.accounts(columns=["phone"])


@committed
def test_an_unchanged_book_costs_a_few_statements_and_no_row(book: BookStore) -> None:
    accounts(20)
    first = book.accounts()
    n_statements, n_rows = reads(book.accounts)
    assert n_rows == 0
    assert n_statements <= 7
    again = book.accounts()
    assert again.schema.metadata == first.schema.metadata
    assert (
        again["name"].chunk(0).indices.buffers()[1].address
        == first["name"].chunk(0).indices.buffers()[1].address
    )


@committed
def test_only_changed_rows_are_read(book: BookStore) -> None:
    ids = accounts(20)
    book.accounts()
    Account.objects.filter(pk__in=ids[3:6]).update(state="NY")
    Account.objects.filter(pk=ids[7]).delete()
    Rep.objects.create(name="Not an account")
    _, n_rows = reads(book.accounts)
    assert n_rows == 4
    assert_true(book)


@committed
def test_a_new_process_reads_the_file_and_only_what_changed_since(book: BookStore, tmp_path: Path) -> None:
    ids = accounts(20)
    book.accounts()
    Account.objects.filter(pk=ids[3]).update(state="NY")
    other = BookStore(tmp_path)
    assert reads(other.accounts)[1] == 1
    assert_true(other)


@committed
@pytest.mark.parametrize("harm", ["delete", "cut", "flip", "empty", "old format"])
def test_a_file_that_is_gone_or_damaged_is_made_anew(book: BookStore, tmp_path: Path, harm: str) -> None:
    accounts(5)
    book.accounts()
    [path] = tmp_path.iterdir()
    content = path.read_bytes()
    path.unlink()  # a mapped file is never written in place
    if harm == "cut":
        path.write_bytes(content[:-100])
    elif harm == "flip":
        path.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "old format":
        path.write_bytes(b"MERESTONE-KEPT-0" + content[16:])
    assert_true(BookStore(tmp_path))
    assert reads(BookStore(tmp_path).accounts)[1] == 0


@committed
def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    accounts(2)
    (tmp_path / "file").write_text("not a folder")
    assert_true(BookStore(tmp_path / "file"))


@committed
def test_a_transaction_sees_its_own_changes_and_nobody_else_does_when_they_are_taken_back(
    book: BookStore,
) -> None:
    ids = accounts(3)
    book.accounts()
    with transaction.atomic():
        Account.objects.filter(pk=ids[0]).update(state="NY")
        Account.objects.filter(pk=ids[1]).delete()
        assert_true(book)
        transaction.set_rollback(True)
    assert_true(book)
    # SQLite gives the numbers of the log's entries that were taken back to the next ones.
    Account.objects.filter(pk=ids[2]).update(state="TX")
    Account.objects.filter(pk=ids[2]).update(city="Austin")
    assert_true(book)


@committed
def test_a_savepoint_taken_back_is_not_kept(book: BookStore) -> None:
    ids = accounts(2)
    with transaction.atomic():
        savepoint = transaction.savepoint()
        Account.objects.filter(pk=ids[0]).update(state="NY")
        assert_true(book)
        transaction.savepoint_rollback(savepoint)
        Account.objects.filter(pk=ids[1]).update(state="TX")
        assert_true(book)
    assert_true(book)


@committed
def test_codes_keep_their_meaning(book: BookStore) -> None:
    ids = accounts(3, state="CA")
    before = book.accounts()["state"].chunk(0).dictionary.to_pylist()
    Account.objects.filter(pk=ids[0]).update(state="AL")
    Account.objects.create(name="New", state="AK")
    after = assert_true(book)["state"].chunk(0).dictionary.to_pylist()
    assert after == [*before, "AL", "AK"]


@committed
def test_a_dictionary_does_not_grow_for_ever(book: BookStore) -> None:
    [record] = accounts(1)
    for i in range(1100):
        Account.objects.filter(pk=record).update(state=f"S{i}")
        if i % 50 == 0:
            book.accounts()
    # One read for many values of one row: the dictionary gets one entry per read.
    assert len(assert_true(book)["state"].chunk(0).dictionary) < 1100


@committed
def test_a_field_declared_later_is_there(book: BookStore) -> None:
    accounts(2, custom={"tier": "gold"})
    assert "tier" not in book.accounts().column_names
    CustomField.objects.create(table="accounts", key="tier", label="Tier", kind="text")
    assert assert_true(book)["tier"].to_pylist() == ["gold", "gold"]


@committed
def test_rows_written_while_the_triggers_were_lifted_are_seen(book: BookStore) -> None:
    ids = accounts(3)
    book.accounts()
    with connection.cursor() as cursor:
        for statement in audit.drop_statements():
            cursor.execute(statement)
    Account.objects.filter(pk=ids[0]).update(state="NY")
    audit.install_after_migrate()
    assert_true(book)


@committed
def test_a_log_that_starts_anew_is_another_one(book: BookStore) -> None:
    accounts(3)
    book.accounts()
    with connection.cursor() as cursor:
        for statement in audit.drop_statements():
            cursor.execute(statement)
        cursor.execute(f"DELETE FROM {AuditEntry._meta.db_table}")
        cursor.execute(f"DELETE FROM {Account._meta.db_table}")
    audit.install_after_migrate()
    accounts(4)
    assert_true(book)


@committed
def test_raw_statements_are_seen(book: BookStore) -> None:
    ids = accounts(5)
    book.accounts()
    table = Account._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET id = {ids[0] + 1000} WHERE id = {ids[0]}")
        cursor.execute(f"UPDATE {table} SET state = 'NY' WHERE id = {ids[1]}")
        cursor.execute(f"DELETE FROM {table} WHERE id = {ids[2]}")
    assert_true(book)


@committed
@pytest.mark.sqlite  # PostgreSQL has no REPLACE
def test_rows_that_replace_others_are_seen(book: BookStore) -> None:
    accounts(3)
    book.accounts()
    columns = [field.column for field in Account._meta.concrete_fields if field.column != "id"]
    picked = ", ".join(columns)
    with connection.cursor() as cursor:  # the row of the same external id goes without a trigger
        table = Account._meta.db_table
        cursor.execute(f"INSERT OR REPLACE INTO {table} ({picked}) SELECT {picked} FROM {table} LIMIT 1")
    assert_true(book)


@committed
@pytest.mark.postgres
def test_a_truncated_table_is_seen(book: BookStore) -> None:
    accounts(3)
    book.accounts()
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {Account._meta.db_table} CASCADE")
    assert_true(book)


@committed
@pytest.mark.postgres
def test_what_was_written_before_but_committed_after_a_read_is_seen(book: BookStore) -> None:
    """Ids of the log come in the order of writing, commits do not."""
    ids = accounts(3)
    wrote, may_commit = threading.Event(), threading.Event()

    def rival() -> None:
        with transaction.atomic():
            Account.objects.filter(pk=ids[0]).update(state="NY")
            wrote.set()
            may_commit.wait(20)
        connection.close()

    thread = threading.Thread(target=rival)
    thread.start()
    assert wrote.wait(20)
    Account.objects.filter(pk=ids[1]).update(state="TX")
    assert assert_true(book)["state"].to_pylist() == [None, "TX", None]
    may_commit.set()
    thread.join()
    assert assert_true(book)["state"].to_pylist() == ["NY", "TX", None]


@committed
@pytest.mark.postgres
def test_own_rows_are_seen_beside_those_others_committed_meanwhile(book: BookStore) -> None:
    ids = accounts(3)
    book.accounts()

    def rival() -> None:
        Account.objects.filter(pk=ids[1]).update(state="TX")
        book.accounts()
        connection.close()

    with transaction.atomic():
        Account.objects.filter(pk=ids[0]).update(state="NY")
        thread = threading.Thread(target=rival)
        thread.start()
        thread.join()
        assert assert_true(book)["state"].to_pylist() == ["NY", "TX", None]
        transaction.set_rollback(True)
    assert assert_true(book)["state"].to_pylist() == [None, "TX", None]


@committed
@pytest.mark.postgres
def test_a_transaction_that_sees_the_past_gets_the_past(book: BookStore) -> None:
    ids = accounts(2)
    book.accounts()

    def rival() -> None:
        Account.objects.filter(pk=ids[0]).update(state="TX")
        book.accounts()
        connection.close()

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT 1")
        thread = threading.Thread(target=rival)
        thread.start()
        thread.join()
        assert assert_true(book)["state"].to_pylist() == [None, None]
    assert assert_true(book)["state"].to_pylist() == ["TX", None]


@committed
def test_threads_share_one_generation(book: BookStore) -> None:
    accounts(5)
    found: list[Any] = []

    def read() -> None:
        found.append(book.accounts().schema.metadata)
        connection.close()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({str(one) for one in found}) == 1


TEXTS = st.sampled_from(["", "CA", "NY", "Zürich", " x "])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), TEXTS),
        st.tuples(st.just("update"), st.integers(0, 9), TEXTS),
        st.tuples(
            st.just("custom"), st.integers(0, 9), st.sampled_from([{}, {"tier": "gold"}, {"tier": ""}])
        ),
        st.tuples(st.just("number"), st.integers(0, 9), st.sampled_from([None, 1, 5])),
        st.tuples(st.just("products"), st.integers(0, 9), st.lists(st.sampled_from("abc"), max_size=2)),
        st.tuples(st.just("delete"), st.integers(0, 9)),
        st.tuples(st.just("restore"), st.integers(0, 9)),
        st.tuples(st.just("back")),
        st.tuples(st.just("read")),
    ),
    max_size=14,
)


def step(what: str, *values: Any) -> None:
    """Do one thing to the table."""
    if what == "insert":
        Account.objects.create(name="n", state=values[0])
        return
    ids = list(Account.objects.order_by("pk").values_list("pk", flat=True))
    if what == "restore":  # a deleted row comes back under its number, as an undone import brings it
        gone = AuditEntry.objects.filter(operation="D", table_name=Account._meta.db_table).exclude(
            row_id__in=ids
        )
        if entry := gone.first():
            Account.objects.create(pk=entry.row_id, name="back", state="TX")
        return
    if not ids:
        return
    query = Account.objects.filter(pk=ids[values[0] % len(ids)])
    if what == "delete":
        query.delete()
    else:
        names = {
            "update": "state",
            "custom": "custom",
            "number": "employees",
            "products": "products_of_interest",
        }
        query.update(**{names[what]: values[1]})


@committed
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_after_any_changes_it_is_what_the_table_is(tmp_path: Path, steps: list[tuple[Any, ...]]) -> None:
    CustomField.objects.get_or_create(
        table="accounts", key="tier", defaults={"label": "Tier", "kind": "text"}
    )
    Account.objects.all().delete()
    book = BookStore(tmp_path)
    for what, *values in steps:
        if what == "read":
            assert_true(book)
        elif what == "back":
            with transaction.atomic():
                Account.objects.create(name="never")
                Account.objects.update(state="never")
                assert_true(book)
                transaction.set_rollback(True)
        else:
            step(what, *values)
    assert_true(book)
    assert_true(BookStore(tmp_path))
