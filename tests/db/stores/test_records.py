"""The CRM tables in columns: what is written comes back, in a constant number of statements."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from merestone.app.policy import OPERATOR, Actor
from merestone.base.errors import ConflictError, InvalidInputError, NotFoundError, UsageError
from merestone.core.model.columns import TABLES
from merestone.db.models import Account, CustomField, Opportunity, StageChange, User

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

FULL = {
    "external_id": "A-1",
    "name": "Ünïted 'Widgets', \"Inc\"; 100 %",
    "domain": "example.com",
    "phone": "+1 555",
    "address": "1 Main St",
    "city": "Springfield",
    "state": "CA",
    "postal_code": "02134",
    "country": "US",
    "latitude": 37.774929000000001,
    "longitude": -122.1,
    "geo_precision": "city",
    "county": "06001",
    "industry": "Brewing",
    "naics": "312120",
    "employees": 12,
    "revenue": Decimal("9007199254740993.07"),
    "potential": Decimal("0.10"),
    "currency": "USD",
    "workload_hours": 0.1,
    "products_of_interest": ["a;b", "ç"],
    "language": "en",
    "lifecycle": "customer",
    "founded_year": 1899,
    "customer_since": date(2020, 2, 29),
}


def types(table: str, store) -> pa.Schema:
    return store.snapshot(table, ids=[]).schema


def rows_of(store, table: str, rows: list[dict]) -> pa.Table:
    schema = types(table, store)
    return pa.Table.from_pylist(rows, schema=pa.schema([schema.field(name) for name in rows[0]]))


def add(store, table: str, rows: list[dict]) -> list[int]:
    with store.transaction(OPERATOR, cause="test"):
        return store.write(table, rows_of(store, table, rows))["id"].to_pylist()


def test_account_comes_back_as_it_was_written(records):
    (pk,) = add(records, "accounts", [FULL])
    (row,) = records.snapshot("accounts").to_pylist()
    assert {name: row[name] for name in FULL} == FULL
    assert (row["id"], row["version"], row["parent_id"], row["parent"]) == (pk, 1, None, None)


@pytest.mark.parametrize("table", list(TABLES))
def test_snapshot_has_every_column_of_the_contract(records, table):
    names = records.snapshot(table).column_names
    assert names[:2] == ["id", "version"]
    assert set(TABLES[table].names) <= set(names)
    assert {f"{column.name}_id" for column in TABLES[table] if column.refers_to} <= set(names)


def test_columns_have_the_types_of_the_contract(records):
    schema = types("opportunities", records)
    assert schema.field("amount").type == pa.decimal128(18, 2)
    assert schema.field("opened_on").type == pa.date32()
    assert types("leads", records).field("received_at").type == pa.timestamp("us", "UTC")
    assert types("accounts", records).field("products_of_interest").type == pa.list_(pa.string())
    assert types("contacts", records).field("is_decision_maker").type == pa.bool_()
    assert types("accounts", records).field("employees").type == pa.int64()


def test_ids_come_back_in_the_order_of_the_rows(records):
    ids = add(records, "accounts", [{"name": name} for name in "cab"])
    assert [Account.objects.get(pk=pk).name for pk in ids] == ["c", "a", "b"]


def test_ids_drawn_in_bulk_do_not_collide_with_rows_django_adds(records):
    add(records, "accounts", [{"name": "one"}, {"name": "two"}])
    Account.objects.create(name="three")
    add(records, "accounts", [{"name": "four"}])
    assert Account.objects.count() == 4


def test_mixed_rows_update_and_insert(records, writing):
    (first,) = add(records, "accounts", [{"name": "old", "city": "Rome"}])
    table = pa.table({"id": pa.array([None, first, None], pa.int64()), "name": ["new 1", "changed", "new 2"]})
    with writing():
        ids = records.write("accounts", table)["id"].to_pylist()
    names = dict(Account.objects.values_list("pk", "name"))
    assert [names[pk] for pk in ids] == ["new 1", "changed", "new 2"]
    changed = Account.objects.get(pk=first)
    assert (changed.city, changed.version) == ("Rome", 2)
    assert changed.updated_at > changed.created_at


def test_null_becomes_empty_text_default_or_null(records, writing):
    (pk,) = add(records, "accounts", [FULL])
    with writing():
        records.write(
            "accounts",
            pa.table({"id": [pk], **{name: pa.nulls(1) for name in FULL if name != "name"}}),
        )
    account = Account.objects.get(pk=pk)
    assert (account.city, account.lifecycle, account.products_of_interest) == ("", "prospect", [])
    assert (account.external_id, account.revenue, account.latitude) == (None, None, None)
    (row,) = records.snapshot("accounts").to_pylist()
    assert row["city"] is None


def test_empty_external_ids_do_not_collide(records):
    add(records, "accounts", [{"name": "a", "external_id": ""}, {"name": "b", "external_id": ""}])
    assert Account.objects.filter(external_id=None).count() == 2


def test_references_are_written_by_id_and_read_with_the_name_files_use(records):
    parent, boss = add(records, "accounts", [FULL])[0], add(records, "reps", [{"name": "Mia"}])[0]
    add(records, "accounts", [{"name": "child", "parent_id": parent}])
    add(records, "reps", [{"name": "Ana", "email": "ana@example.com", "manager_id": boss}])
    add(records, "activities", [{"kind": "call", "subject": "x", "rep_id": boss + 1, "account_id": parent, "occurs_at": datetime(2026, 1, 1, tzinfo=UTC)}])  # fmt: skip
    assert records.snapshot("accounts")["parent"].to_pylist() == [None, "A-1"]
    assert records.snapshot("reps")["manager"].to_pylist() == [None, "Mia"]
    (activity,) = records.snapshot("activities").to_pylist()
    assert (activity["rep"], activity["account"], activity["account_id"]) == (
        "ana@example.com",
        "A-1",
        parent,
    )


def test_only_the_columns_asked_for_come(records):
    add(records, "accounts", [FULL])
    table = records.snapshot("accounts", columns=["state", "name", "created_at"])
    assert table.column_names == ["id", "version", "name", "state", "created_at"]
    with pytest.raises(UsageError, match="'nonsense'"):
        records.snapshot("accounts", columns=["nonsense"])


def test_only_the_ids_asked_for_come_in_order(records):
    ids = add(records, "accounts", [{"name": str(place)} for place in range(5)])
    assert records.snapshot("accounts", ids=[ids[3], ids[1]])["name"].to_pylist() == ["1", "3"]
    assert records.snapshot("accounts", ids=[]).num_rows == 0


@pytest.mark.parametrize("name", ["parent", "updated_at", "custom", "custom.unknown", "nonsense"])
def test_unknown_columns_are_refused(records, writing, name):
    with pytest.raises(UsageError, match=name), writing():
        records.write("accounts", pa.table({"name": ["a"], name: ["b"]}))


def test_text_too_long_is_refused_with_its_row(records, writing):
    with pytest.raises(InvalidInputError) as caught, writing():
        records.write("accounts", pa.table({"name": ["a", "b"], "state": ["CA", "C" * 400]}))
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("too-long", "accounts, row 2, column state")


def test_taken_external_id_is_a_conflict_and_nothing_is_written(records, writing):
    add(records, "accounts", [FULL])
    with pytest.raises(ConflictError), writing():
        records.write("accounts", pa.table({"name": ["x", "y"], "external_id": ["A-2", "A-1"]}))
    assert Account.objects.count() == 1


def test_stale_version_is_a_conflict_with_the_difference(records, writing):
    (pk,) = add(records, "accounts", [{"name": "a", "city": "Rome"}])
    with writing():
        records.write("accounts", pa.table({"id": [pk], "version": [1], "city": ["Oslo"]}))
    with pytest.raises(ConflictError) as caught, writing():
        records.write("accounts", pa.table({"id": [pk], "version": [1], "city": ["Bonn"]}))
    assert caught.value.difference == {"city": ["Bonn", "Oslo"], "version": [1, 2]}
    assert Account.objects.get(pk=pk).city == "Oslo"


def test_update_of_a_deleted_row_is_not_found(records, writing):
    with pytest.raises(NotFoundError), writing():
        records.write("accounts", pa.table({"id": [4711], "name": ["a"]}))


def test_failure_undoes_the_whole_transaction(records, writing):
    def fail_late() -> None:
        with writing():
            records.write("accounts", pa.table({"name": ["a"]}))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_late()
    assert Account.objects.count() == 0


def test_transaction_is_not_reentrant_but_can_follow(records, writing):
    with pytest.raises(UsageError), writing(), writing():
        pass
    with writing():
        records.write("accounts", pa.table({"name": ["a"]}))
    assert Account.objects.count() == 1


def test_delete_says_how_many_accounts_went(records, writing):
    ids = add(records, "accounts", [{"name": name} for name in "abc"])
    add(records, "contacts", [{"last_name": "x", "account_id": ids[0]}])
    with writing():
        assert records.delete("accounts", ids[:2]) == 2
    assert list(Account.objects.values_list("pk", flat=True)) == ids[2:]


def test_custom_fields_round_trip_with_their_kinds(records, writing):
    values = {
        "tier": ("text", "gold"),
        "score": ("number", 1.25),
        "fee": ("money", Decimal("12.34")),
        "since": ("date", date(2026, 1, 31)),
        "seen": ("instant", datetime(2026, 1, 31, 12, 30, 0, 5, tzinfo=UTC)),
        "vip": ("boolean", False),
        "tags": ("list", ["a", "b"]),
    }
    for key, (kind, _) in values.items():
        CustomField.objects.create(table="accounts", key=key, label=key, kind=kind)
    schema = types("accounts", records)
    table = {
        f"custom.{key}": pa.array([value, None], schema.field(key).type) for key, (_, value) in values.items()
    }
    with writing():
        ids = records.write("accounts", pa.table({"name": ["a", "b"], **table}))["id"].to_pylist()
    first, second = records.snapshot("accounts").to_pylist()
    assert {key: first[key] for key in values} == {key: value for key, (_, value) in values.items()}
    assert {second[key] for key in values} == {None}
    assert records.custom_fields("accounts") == {key: kind for key, (kind, _) in sorted(values.items())}
    assert Account.objects.get(pk=ids[1]).custom == {}


def test_custom_fields_not_written_stay_and_null_removes_one(records, writing):
    for key in ("tier", "zone"):
        CustomField.objects.create(table="accounts", key=key, label=key, kind="text")
    with writing():
        (pk,) = records.write(
            "accounts", pa.table({"name": ["a"], "custom.tier": ["gold"], "custom.zone": ["z1"]})
        )["id"].to_pylist()
        records.write("accounts", pa.table({"id": [pk], "custom.tier": ["tin"]}))
    assert Account.objects.get(pk=pk).custom == {"tier": "tin", "zone": "z1"}
    with writing():
        records.write("accounts", pa.table({"id": [pk], "custom.zone": pa.nulls(1, pa.string())}))
    assert Account.objects.get(pk=pk).custom == {"tier": "tin"}


def test_custom_field_named_like_a_column_keeps_its_prefix(records, writing):
    CustomField.objects.create(table="accounts", key="phone", label="x", kind="text")
    with writing():
        records.write("accounts", pa.table({"name": ["a"], "phone": ["1"], "custom.phone": ["2"]}))
    (row,) = records.snapshot("accounts").to_pylist()
    assert (row["phone"], row["custom.phone"]) == ("1", "2")


def test_new_opportunity_begins_its_stage_history(records, writing):
    user = User.objects.create_user("ana@example.com")
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    actor = Actor(role="admin", user_id=user.pk, label="user:ana@example.com")
    with records.transaction(actor, cause="test"):
        records.write("opportunities", pa.table({"stage": ["proposal"], "stage_changed_at": [at]}))
    step = StageChange.objects.get()
    assert (step.from_stage, step.stage, step.changed_at, step.changed_by) == ("", "proposal", at, user)


def test_stage_history_grows_only_when_the_stage_changes(records, writing):
    ids = add(records, "opportunities", [{"stage": "proposal"}, {"stage": "proposal"}])
    with writing():
        records.write("opportunities", pa.table({"id": ids, "stage": ["won", "proposal"]}))
        records.write("opportunities", pa.table({"id": ids, "name": ["x", "y"]}))
    steps = StageChange.objects.exclude(from_stage="").values_list("opportunity_id", "from_stage", "stage")
    assert list(steps) == [(ids[0], "proposal", "won")]
    assert Opportunity.objects.get(pk=ids[0]).stage == "won"


def test_lead_without_a_time_of_arrival_came_in_now(records):
    before = datetime.now(UTC)
    add(records, "leads", [{"name": "x"}])
    assert records.snapshot("leads")["received_at"][0].as_py() >= before


def test_statements_do_not_grow_with_the_rows(records, writing, n_queries):
    def write(n: int) -> None:
        with writing():
            names = [f"account {place}" for place in range(n)]
            ids = records.write("accounts", pa.table({"name": names}))["id"]
            records.write("accounts", pa.table({"id": ids, "city": names}))
            records.snapshot("accounts", ids=ids.to_pylist())
            records.write("opportunities", pa.table({"account_id": ids, "stage": ["won"] * n}))

    assert n_queries(lambda: write(2)) == n_queries(lambda: write(300))
