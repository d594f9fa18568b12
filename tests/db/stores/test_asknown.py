"""Tables as they were known earlier equal a replay of the log, whoever wrote and however."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from merestone.app.policy import OPERATOR
from merestone.base.errors import UsageError
from merestone.db.models import Account, AuditEntry, Job, Member, Quota, Rep, Territory
from merestone.db.stores.asknown import first_entry_since, kept_columns, rows_as_known
from merestone.db.stores.cells import Shape

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["a", "Ünï 'x' \"y\"", "c"]),
    "city": st.sampled_from(["", "Rome"]),
    "employees": st.sampled_from([None, 0, 7]),
    "revenue": st.sampled_from([None, Decimal("0.01"), Decimal("-12.30")]),
    "latitude": st.sampled_from([None, 1.5, -0.25]),
    "customer_since": st.sampled_from([None, date(2026, 2, 28)]),
    "products_of_interest": st.sampled_from([[], ["x", "y"]]),
    "custom": st.sampled_from([{}, {"a": [1, None, True]}]),
    "created_at": st.sampled_from(
        [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)]
    ),
}
ROWS = st.integers(1, 5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), ROWS, st.fixed_dictionaries(VALUES)),
        st.tuples(
            st.just("change"),
            ROWS,
            st.sampled_from(list(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name])),
        ),
        st.tuples(st.just("delete"), ROWS, st.none()),
        st.tuples(st.just("renumber"), ROWS, ROWS),
    ),
    max_size=12,
)


def step(what: str, pk: int, value: Any) -> None:
    there = Account.objects.filter(pk=pk)
    if what == "create" and not there.exists():
        Account.objects.bulk_create([Account(pk=pk, **value)])
        there.update(created_at=value["created_at"])
    elif what == "change":
        there.update(**{value[0]: value[1]})
    elif what == "delete":
        there.delete()
    elif what == "renumber" and not Account.objects.filter(pk=value).exists():
        with connection.cursor() as cursor:
            cursor.execute("UPDATE merestone_account SET id = %s WHERE id = %s", [value, pk])


def replayed(until: int) -> dict[int, dict[str, Any]]:
    """Return the accounts as the log's entries up to one make them: what a plain reading of it gives."""
    rows: dict[int, dict[str, Any]] = {}
    for entry in AuditEntry.objects.filter(table_name="merestone_account", id__lte=until).order_by("id"):
        if entry.operation == "D":
            del rows[entry.row_id]
            continue
        row = rows[entry.row_id] if entry.operation == "U" else rows.setdefault(entry.row_id, {})
        row.update({name: new for name, (_, new) in entry.changes.items()})
    return rows


def plain(table: pa.Table) -> dict[int, dict[str, Any]]:
    """Return rows by id, each value as the log writes it, empty ones left out."""
    shapes = kept_columns(Account)
    return {
        row.pop("id"): {
            name: _logged(value, shapes[name]) for name, value in row.items() if value not in (None, "")
        }
        for row in table.to_pylist()
    }


def _logged(value: Any, shape: Shape) -> Any:
    if shape is Shape.MONEY:
        return int(value * 100)
    if shape is Shape.JSON:
        return json.loads(value)
    return value


def alike(rows: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return the log's rows with their days and instants read, empty ones left out."""
    read = {"customer_since": date.fromisoformat, "created_at": _instant}
    return {
        pk: {
            name: read.get(name, lambda one: one)(value)
            for name, value in row.items()
            if value not in (None, "")
        }
        for pk, row in rows.items()
    }


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_undoing_the_log_equals_replaying_it_at_every_step(db, steps):
    with transaction.atomic():
        marks = []
        for one in steps:
            step(*one)
            last = AuditEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0
            marks.append((_spaced(), last))
        for instant, last in marks:
            assert plain(rows_as_known(Account, instant)) == alike(replayed(last))
            some = plain(rows_as_known(Account, instant, ids=[1, 3]))
            assert some == {pk: row for pk, row in alike(replayed(last)).items() if pk in (1, 3)}
        transaction.set_rollback(True)


def _spaced() -> datetime:
    """Return an instant after everything written so far and before everything to come, as the log's clock tells it."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            now = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
            first = cursor.execute(f"SELECT {now}").fetchone()[0]
            while (text := cursor.execute(f"SELECT {now}").fetchone()[0]) == first:
                pass
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def test_deleted_and_renumbered_rows_come_back():
    kept, gone = Account.objects.create(name="kept"), Account.objects.create(name="gone", city="Oslo")
    gone_id = gone.pk
    then = _spaced()
    gone.delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE merestone_account SET id = %s, name = 'new' WHERE id = %s", [kept.pk + 50, kept.pk]
        )
    found = rows_as_known(Account, then)
    assert found["id"].to_pylist() == [kept.pk, gone_id]
    assert found["name"].to_pylist() == ["kept", "gone"]
    assert rows_as_known(Account, _spaced())["id"].to_pylist() == [kept.pk + 50]


def test_rows_are_found_by_what_they_referred_to_then():
    ana, ben = (Rep.objects.create(name=name) for name in ("Ana", "Ben"))
    one, two, three = (Rep.objects.create(name=f"{n}", manager=ana) for n in range(3))
    then = _spaced()
    Rep.objects.filter(pk=one.pk).update(manager=ben)
    Rep.objects.filter(pk=two.pk).update(name="x")
    three_id = three.pk
    three.delete()
    found = rows_as_known(Rep, then, where=("manager_id", [ana.pk]))
    assert found["id"].to_pylist() == [one.pk, two.pk, three_id]
    assert found["name"].to_pylist() == ["0", "1", "2"]
    assert rows_as_known(Rep, _spaced(), where=("manager_id", [ana.pk]))["id"].to_pylist() == [two.pk]


def test_transaction_counts_as_a_whole(records):
    with records.transaction(OPERATOR, cause="test"):
        records.write("accounts", pa.table({"name": ["a"]}))
        between = _spaced()
        records.write("accounts", pa.table({"name": ["b"]}))
    assert rows_as_known(Account, between).num_rows == 0
    assert rows_as_known(Account, _spaced()).num_rows == 2


def test_other_tables_come_back_too():
    territory = Territory.objects.create(key="t", name="T")
    quota = Quota.objects.create(
        territory=territory, starts_on=date(2026, 1, 1), ends_on=date(2026, 4, 1), amount=Decimal("10.50")
    )
    then = _spaced()
    Quota.objects.update(amount=Decimal("99"), ends_on=date(2026, 2, 1))
    (row,) = rows_as_known(Quota, then).to_pylist()
    assert (row["id"], row["amount"], row["ends_on"]) == (quota.pk, Decimal("10.50"), date(2026, 4, 1))
    assert rows_as_known(Member, then).num_rows == 0


def test_table_without_log_is_refused():
    with pytest.raises(UsageError):
        rows_as_known(Job, datetime.now(UTC))


def test_it_costs_a_constant_number_of_queries_however_much_changed(n_queries):
    Account.objects.bulk_create(Account(name=f"{n}") for n in range(300))
    then = _spaced()
    few = n_queries(lambda: rows_as_known(Account, then))
    Account.objects.update(city="Rome")
    assert n_queries(lambda: rows_as_known(Account, then)) <= few + 1 <= 5


def test_first_entry_is_found_in_a_log_with_holes():
    Account.objects.bulk_create(Account(name=f"{n}") for n in range(20))
    start = AuditEntry.objects.order_by("id").values_list("id", flat=True)[0]
    moments = dict(AuditEntry.objects.values_list("id", "at"))
    for at in {moment + shift for moment in moments.values() for shift in (timedelta(0), timedelta(hours=1))}:
        first = first_entry_since(at)
        assert all(moment < at for pk, moment in moments.items() if pk < first)
        assert all(moment >= at for pk, moment in moments.items() if pk >= first)
    assert first_entry_since(datetime(2000, 1, 1, tzinfo=UTC)) == start
