"""Dated associations: seamless histories, whatever is replaced when."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from merestone.app.policy import OPERATOR
from merestone.base.errors import InvalidInputError, UsageError
from merestone.base.interval import Interval, is_seamless
from merestone.db.models import (
    Account,
    AccountAssociation,
    AccountLock,
    Lead,
    LeadAssociation,
    Rep,
    Territory,
)
from merestone.db.stores.associations import AssociationStore
from merestone.db.stores.records import RecordStore

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEYS = ("t0", "t1", "t2", "t3")


def desired(rows: list[tuple]) -> pa.Table:
    names = ("record", "territory", "owner", "is_primary", "cause", "reason")
    kinds = (pa.int64(), pa.string(), pa.int64(), pa.bool_(), pa.string(), pa.string())
    full = [(*row, True, "rule", '{"sentence": "x"}')[:6] if len(row) == 3 else row for row in rows]
    columns = list(zip(*full, strict=True)) or [()] * 6
    return pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)], names=names
    )


def replace(rows: list[tuple], *, at: datetime = NOON, table: str = "accounts") -> int:
    with RecordStore().transaction(OPERATOR, cause="test"):
        return AssociationStore().replace(table, desired(rows), at=at, model_id=None)


def opened(table: str = "accounts") -> list[tuple]:
    rows = AssociationStore().open_now(table)
    return [(row["record"], row["territory"], row["owner"], row["is_primary"]) for row in rows.to_pylist()]


@pytest.fixture
def world(db) -> tuple[list[int], list[int]]:
    """Three accounts, two reps, four territories; returns the ids of accounts and reps."""
    Territory.objects.bulk_create(Territory(key=key, name=key) for key in KEYS)
    accounts = [Account.objects.create(name=name).pk for name in "abc"]
    reps = [Rep.objects.create(name=name).pk for name in ("Ana", "Ben")]
    return accounts, reps


def test_first_place_opens_one_row_with_cause_and_reason(world):
    (account, *_), (ana, _) = world
    assert replace([(account, "t0", ana)]) == 1
    row = AccountAssociation.objects.get()
    assert (row.valid_from, row.valid_to, row.cause, row.reason) == (NOON, None, "rule", {"sentence": "x"})
    assert opened() == [(account, "t0", ana, True)]


def test_equal_rows_stay_untouched(world):
    (account, *_), (ana, _) = world
    replace([(account, "t0", ana)])
    assert replace([(account, "t0", ana)], at=NOON + timedelta(hours=1)) == 0
    assert AccountAssociation.objects.get().valid_from == NOON


def test_change_of_owner_closes_and_opens_at_the_same_instant(world):
    (account, *_), (ana, ben) = world
    later = NOON + timedelta(hours=1)
    replace([(account, "t0", ana)])
    assert replace([(account, "t0", ben)], at=later) == 1
    assert list(AccountAssociation.objects.order_by("id").values_list("owner", "valid_from", "valid_to")) == [
        (ana, NOON, later),
        (ben, later, None),
    ]


def test_records_not_named_keep_their_place(world):
    (first, second, _), (ana, ben) = world
    replace([(first, "t0", ana), (second, "t1", ben)])
    replace([(first, "t2", None)], at=NOON + timedelta(hours=1))
    assert opened() == [(first, "t2", None, True), (second, "t1", ben, True)]


def test_overlays_stand_beside_the_primary_place(world):
    (account, *_), (ana, ben) = world
    overlays = [(account, key, ben, False, "rule", None) for key in ("t1", "t2")]
    assert replace([(account, "t0", ana), *overlays]) == 3
    assert replace([(account, "t0", ana), overlays[1]], at=NOON + timedelta(hours=1)) == 0
    assert opened() == [(account, "t0", ana, True), (account, "t2", ben, False)]


def test_second_change_at_the_same_instant_leaves_no_empty_interval(world):
    (account, *_), (ana, ben) = world
    replace([(account, "t0", ana)], at=NOON - timedelta(days=1))
    replace([(account, "t1", ana)])
    replace([(account, "t2", ben)])
    history = (
        AssociationStore().history("accounts").select(["territory", "valid_from", "valid_to"]).to_pylist()
    )
    assert [tuple(row.values()) for row in history] == [
        ("t0", NOON - timedelta(days=1), NOON),
        ("t2", NOON, None),
    ]


def test_unknown_territory_is_refused_and_nothing_moves(world):
    (account, *_), _ = world
    with pytest.raises(InvalidInputError) as caught:
        replace([(account, "nowhere", None)])
    assert [problem.code for problem in caught.value.problems] == ["unknown-territory"]
    assert opened() == []


@pytest.mark.django_db(transaction=True)
def test_replace_without_a_transaction_is_refused(world):
    with pytest.raises(UsageError):
        AssociationStore().replace("accounts", desired([(world[0][0], "t0", None)]), at=NOON, model_id=None)


def test_leads_have_their_own_associations(world):
    lead = Lead.objects.create(name="x", received_at=NOON).pk
    assert replace([(lead, "t0", world[1][0])], table="leads") == 1
    assert opened("leads") == [(lead, "t0", world[1][0], True)]
    assert opened() == []
    assert LeadAssociation.objects.count() == 1


def test_lock_holds_until_its_day(world):
    (first, second, third), _ = world
    replace([(account, "t0", None) for account in (first, second, third)])
    AccountLock.objects.create(account_id=first)
    AccountLock.objects.create(account_id=second, until=date(2020, 1, 1))
    AccountLock.objects.create(account_id=third, until=date(2999, 1, 1))
    assert AssociationStore().open_now("accounts")["is_locked"].to_pylist() == [True, False, True]


def test_open_now_answers_for_the_ids_asked(world):
    (first, second, _), _ = world
    replace([(first, "t0", None), (second, None, None)])
    rows = AssociationStore().open_now("accounts", ids=[second])
    assert rows.select(["record", "territory", "owner"]).to_pylist() == [
        {"record": second, "territory": None, "owner": None}
    ]


def test_rotations_begin_empty_and_are_kept(world, associations, records):
    states = {"t1": {"n_taken": 2, "reps": {}}, "t0": {"n_taken": 1, "reps": {}}}
    with records.transaction(OPERATOR, cause="test"):
        assert associations.rotations(["t1", "t0"]) == {"t0": {}, "t1": {}}
        associations.keep_rotations(states)
        associations.keep_rotations({"t0": {"n_taken": 5}})
        assert associations.rotations(["t0", "t1"]) == {"t0": {"n_taken": 5}, "t1": states["t1"]}


def test_statements_do_not_grow_with_the_records(world, n_queries):
    def move(n: int) -> int:
        first = Account.objects.bulk_create(Account(name=f"{n}-{place}") for place in range(n))
        places = [(account.pk, "t0", None) for account in first]
        moved = [(account.pk, "t1", None) for account in first]

        def both() -> None:
            replace(places)
            replace(moved, at=NOON + timedelta(hours=1))

        return n_queries(both)

    assert move(2) == move(400)


STEPS = st.lists(
    st.tuples(
        st.integers(-2, 5),  # minutes after the step before: back in time, the same instant, later
        st.sampled_from([None, *KEYS]),
        st.sampled_from([None, 0, 1]),
        st.sets(st.sampled_from(KEYS), max_size=3),
    ),
    min_size=1,
    max_size=8,
)


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_history_has_neither_gap_nor_overlap(world, steps):
    _, reps = world
    account, at, started = Account.objects.create(name="x").pk, NOON, None
    for minutes, territory, rep, overlays in steps:
        at += timedelta(minutes=minutes)
        started = started or at
        owner = None if rep is None or territory is None else reps[rep]
        extra = [(account, key, None, False, "rule", None) for key in sorted(overlays - {territory})]
        replace([(account, territory, owner), *extra], at=at)
        now_open = [row for row in opened() if row[0] == account]
        assert now_open == [(account, territory, owner, True), *(row[:4] for row in extra)]
    _check_history(account, started)


def _check_history(account: int, started: datetime) -> None:
    table = AssociationStore().history("accounts")
    rows = table.filter(pc.equal(table["record"], account)).to_pylist()
    primary = [Interval(row["valid_from"], row["valid_to"]) for row in rows if row["is_primary"]]
    assert is_seamless(primary)
    assert min(primary).start == started
    assert [interval.is_open for interval in sorted(primary, key=lambda one: one.start)][-1]
    overlays = defaultdict(list)
    for row in rows:
        if not row["is_primary"]:
            overlays[row["territory"]].append(Interval(row["valid_from"], row["valid_to"]))
    for intervals in overlays.values():
        pairs = [(a, b) for place, a in enumerate(intervals) for b in intervals[place + 1 :]]
        assert not any(a.overlaps(b) for a, b in pairs)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_rival_runs_over_the_same_accounts_have_a_serial_outcome(world):
    accounts, _ = world
    replace([(account, "t0", None) for account in accounts], at=NOON - timedelta(days=1))
    barrier, failures = threading.Barrier(2), []

    def run(key: str, order: list[int]) -> None:
        try:
            barrier.wait()
            replace([(account, key, None) for account in order], at=datetime.now(UTC))
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=("t1", accounts)),
        threading.Thread(target=run, args=("t2", accounts[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({row[1] for row in opened()}) == 1
    for account in accounts:
        _check_history(account, NOON - timedelta(days=1))
