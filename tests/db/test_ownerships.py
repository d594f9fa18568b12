"""Who held each opportunity is kept by the database, whoever writes the owner and however."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from django.db import connection

from merestone.app.policy import OPERATOR
from merestone.db import ownerships
from merestone.db.models import Account, AuditEntry, Opportunity, OpportunityOwnership, Rep

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def reps() -> list[int]:
    return [Rep.objects.create(name=name).pk for name in ("Ana", "Ben", "Cal")]


def held(opportunity: int) -> list[tuple[int | None, bool]]:
    rows = OpportunityOwnership.objects.filter(opportunity_id=opportunity).order_by("valid_from", "id")
    found = list(rows)
    for before, after in pairwise(found):
        assert before.valid_to == after.valid_from
    return [(row.owner_id, row.valid_to is None) for row in found]


def last(opportunity: int) -> OpportunityOwnership:
    return OpportunityOwnership.objects.get(opportunity_id=opportunity, valid_to=None)


def write(records, *, cause="edit opportunities", **columns) -> list[int]:
    with records.transaction(OPERATOR, cause=cause):
        return records.write("opportunities", pa.table(columns))["id"].to_pylist()


def sql(text: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def test_migrated_database_has_the_triggers():
    assert ownerships.is_installed()


def test_new_opportunity_opens_an_interval_and_another_owner_the_next(records, reps):
    ana, ben, _ = reps
    (one,) = write(records, name=["a"], owner_id=[ana])
    assert held(one) == [(ana, True)]
    write(records, id=[one], owner_id=[ben])
    write(records, id=[one], owner_id=pa.array([None], pa.int64()))
    assert held(one) == [(ana, False), (ben, False), (None, True)]


def test_same_owner_again_and_other_fields_change_nothing(records, reps):
    (one,) = write(records, name=["a"], owner_id=[reps[0]])
    before = last(one)
    write(records, id=[one], owner_id=[reps[0]], name=["b"])
    assert held(one) == [(reps[0], True)]
    assert last(one).valid_from == before.valid_from


def test_second_change_in_a_transaction_overwrites_the_first(records, reps):
    ana, ben, cal = reps
    (one,) = write(records, name=["a"], owner_id=[ana])
    with records.transaction(OPERATOR, cause="edit opportunities"):
        for owner in (ben, cal):
            records.write("opportunities", pa.table({"id": [one], "owner_id": [owner]}))
    assert held(one) == [(ana, False), (cal, True)]


def test_interval_that_began_later_than_the_clock_says_is_never_turned_around(records, reps):
    ana, ben, _ = reps
    (one,) = write(records, name=["a"], owner_id=[ana])
    OpportunityOwnership.objects.update(valid_from="2999-01-01T00:00:00Z")
    write(records, id=[one], owner_id=[ben])
    assert held(one) == [(ben, True)]


def test_bulk_writes_queryset_updates_and_plain_sql_count(reps):
    ana, ben, _ = reps
    made = Opportunity.objects.bulk_create(Opportunity(name=f"{n}", owner_id=ana) for n in range(3))
    ids = [row.pk for row in made]
    # Made long ago, so that what follows is no second change at the same instant.
    OpportunityOwnership.objects.update(valid_from="2020-01-01T00:00:00Z")
    Opportunity.objects.update(owner_id=ben)
    assert [held(one) for one in ids] == [[(ana, False), (ben, True)]] * 3
    OpportunityOwnership.objects.filter(valid_to=None).delete()
    OpportunityOwnership.objects.update(valid_from="2019-01-01T00:00:00Z", valid_to=None)
    sql("UPDATE merestone_opportunity SET owner_id = NULL WHERE id = %s", ids[1])
    assert held(ids[1]) == [(ana, False), (None, True)]
    assert held(ids[0]) == [(ana, True)]


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("import deals.csv", "import"),
        ("undo import 3", "import"),
        ("publish model fy27", "rule"),
        ("rule run", "rule"),
        ("edit opportunities", "manual"),
    ],
)
def test_cause_and_reason_come_from_the_transaction(records, said, cause):
    (one,) = write(records, cause=said, name=["a"])
    row = last(one)
    assert row.cause == cause
    assert (row.reason["because"], row.reason["actor"]) == (said, "cli")
    assert row.reason["transaction"] == AuditEntry.objects.latest("id").transaction


def test_write_outside_a_use_case_has_no_cause():
    one = Opportunity.objects.create(name="a").pk
    assert (last(one).cause, last(one).reason) == ("default", {})


def test_deletion_takes_the_history_with_it(reps):
    account = Account.objects.create(name="a")
    by_orm, by_sql = (
        Opportunity.objects.create(name="a", owner_id=reps[0], account=account).pk for _ in range(2)
    )
    sql("DELETE FROM merestone_opportunity WHERE id = %s", by_sql)
    assert held(by_sql) == []
    account.delete()
    assert held(by_orm) == []


def test_renumbered_opportunity_is_another_one(reps):
    one = Opportunity.objects.create(name="a", owner_id=reps[0]).pk
    sql("UPDATE merestone_opportunity SET id = %s WHERE id = %s", one + 70, one)
    assert held(one) == []
    assert held(one + 70) == [(reps[0], True)]


def test_intervals_are_audited(records, reps):
    (one,) = write(records, name=["a"], owner_id=[reps[0]])
    write(records, id=[one], owner_id=[reps[1]])
    entries = AuditEntry.objects.filter(table_name=OpportunityOwnership._meta.db_table).order_by("id")
    assert sorted(entry.operation for entry in entries) == ["I", "I", "U"]
    assert {entry.actor for entry in entries} == {"cli"}


def test_opportunities_from_before_the_triggers_get_an_interval(reps):
    one = Opportunity.objects.create(name="a", owner_id=reps[0])
    OpportunityOwnership.objects.all().delete()
    ownerships.install_after_migrate()
    ownerships.install_after_migrate()
    assert held(one.pk) == [(reps[0], True)]
    assert last(one.pk).valid_from == one.created_at
    assert ownerships.is_installed()


def test_many_rows_cost_one_statement(reps):
    Opportunity.objects.bulk_create(Opportunity(name=f"{n}", owner_id=reps[0]) for n in range(200))
    OpportunityOwnership.objects.update(valid_from="2020-01-01T00:00:00Z")
    Opportunity.objects.update(owner_id=reps[1])
    rows = OpportunityOwnership.objects
    assert rows.filter(valid_to=None, owner_id=reps[1]).count() == 200
    assert rows.filter(valid_to__isnull=False, owner_id=reps[0]).count() == 200
