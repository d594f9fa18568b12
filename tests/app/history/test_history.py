"""Who had what when, and what was known of it: what people see of it is theirs to see."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests import builders

from merestone.app import history
from merestone.app.assign import move_accounts
from merestone.app.history.sight import OTHER_PERSON, OTHER_TERRITORY
from merestone.app.policy import OPERATOR, Actor
from merestone.app.services import Services
from merestone.base.errors import InvalidInputError, NotFoundError, UsageError
from merestone.db.models import AccountAssociation, Member, Opportunity, TerritoryModel

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def reps(services: Services) -> dict[str, int]:
    found = builders.add_reps(services)
    builders.publish(services)
    return found


def instant() -> datetime:
    """Return an instant with nothing written in its millisecond, before or after."""
    time.sleep(0.003)  # the clocks of the databases tell milliseconds
    now = datetime.now(UTC)
    time.sleep(0.003)
    return now


def move(services: Services, account: int, territory: str) -> None:
    move_accounts(services, OPERATOR, [account], territory=territory, reason="asked for")


def owner(services: Services, account: int, **asked: Any) -> tuple[str | None, str | None]:
    found = history.owned_on(services, OPERATOR, "accounts", ids=[account], **asked).to_pylist()
    return (found[0]["territory"], found[0]["owner_name"]) if found else (None, None)


def n_queries(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


def rep_of(reps: dict[str, int], name: str, role: str = "rep") -> Actor:
    return Actor(role=role, rep_id=reps[name], label=name)


def test_owner_of_each_instant_is_told(services, reps):
    before = instant()
    (account,) = builders.add_accounts(services, [{"state": "CA"}])
    first = instant()
    move(services, account, "east")
    second = instant()
    assert owner(services, account, on=before) == (None, None)
    assert owner(services, account, on=first) == ("west", "Ana")
    assert owner(services, account, on=second) == ("east", "Ben")


def test_change_takes_place_at_its_instant_and_not_before(services, reps):
    (account,) = builders.add_accounts(services, [{"state": "CA"}])
    move(services, account, "east")
    at = AccountAssociation.objects.get(account_id=account, valid_to=None).valid_from
    assert owner(services, account, on=at) == ("east", "Ben")
    assert owner(services, account, on=at - timedelta(microseconds=1)) == ("west", "Ana")


def test_what_was_not_known_yet_is_left_out(services, reps):
    (account,) = builders.add_accounts(services, [{"state": "CA"}])
    known = instant()
    move(services, account, "east")
    after = instant()
    assert owner(services, account, on=after, known=known) == ("west", "Ana")
    assert owner(services, account, on=after, known=after) == ("east", "Ben")


def test_correction_of_the_past_shows_only_to_those_who_ask_later(services, reps):
    (account,) = builders.add_accounts(services, [{"state": "CA"}])
    long_ago = datetime(2020, 6, 1, tzinfo=UTC)
    known = instant()
    AccountAssociation.objects.update(valid_from=datetime(2020, 1, 1, tzinfo=UTC))
    assert owner(services, account, on=long_ago) == ("west", "Ana")
    assert owner(services, account, on=long_ago, known=known) == (None, None)


def test_names_are_those_of_the_time_of_knowledge(services, reps):
    (account,) = builders.add_accounts(services, [{"state": "CA"}])
    known = instant()
    with services.records.transaction(OPERATOR, cause="test"):
        services.records.write("reps", pa.table({"id": [reps["ana"]], "name": ["Anastasia"]}))
    now = instant()
    assert owner(services, account, on=now) == ("west", "Anastasia")
    assert owner(services, account, on=now, known=known) == ("west", "Ana")


def test_leads_and_opportunities_have_owners_too(services, reps):
    (lead,) = builders.add_leads(services, [{"state": "CA"}])
    with services.records.transaction(OPERATOR, cause="edit opportunities"):
        table = pa.table({"name": ["x"], "owner_id": [reps["ana"]]})
        (deal,) = services.records.write("opportunities", table)["id"].to_pylist()
    first = instant()
    with services.records.transaction(OPERATOR, cause="edit opportunities"):
        services.records.write("opportunities", pa.table({"id": [deal], "owner_id": [reps["ben"]]}))
    second = instant()

    def named(table: str, at: datetime) -> list[tuple[int, str]]:
        rows = history.owned_on(services, OPERATOR, table, on=at).to_pylist()
        return [(row["record"], row["owner_name"]) for row in rows]

    assert named("leads", second) == [(lead, "Ana")]
    assert named("opportunities", first) == [(deal, "Ana")]
    assert named("opportunities", second) == [(deal, "Ben")]
    assert "territory" not in history.owned_on(services, OPERATOR, "opportunities", on=second).column_names


def test_whole_book_costs_one_query(services, reps):
    builders.add_accounts(services, [{"state": "CA"}] * 30)
    at = instant()
    assert n_queries(lambda: services.history.as_of("accounts", at)) == 1
    assert services.history.as_of("accounts", at).num_rows == 30


def test_what_was_known_costs_as_many_queries_for_many_as_for_few(services, reps):
    builders.add_accounts(services, [{"state": "CA"}] * 3)
    at = instant()
    few = n_queries(lambda: services.history.as_of("accounts", at, known=at))
    builders.add_accounts(services, [{"state": "NY", "external_id": f"B{n}"} for n in range(40)])
    assert n_queries(lambda: services.history.as_of("accounts", at, known=at)) <= few + 1 <= 13


def test_timeline_tells_who_where_why_and_by_which_model(services, reps):
    (account,) = builders.add_accounts(services, [{"state": "CA"}])
    move(services, account, "east")
    now, then = history.timeline(services, OPERATOR, "accounts", account)
    assert (now.territory_name, now.owner_name, now.cause, now.valid_to) == ("East", "Ben", "manual", None)
    assert (then.territory_name, then.owner_name, then.model_name) == ("West", "Ana", "Model one")
    assert then.valid_to == now.valid_from
    assert "asked for" in now.because
    assert "state" in then.because


def test_names_the_reader_may_not_see_are_not_told(services, reps):
    (account,) = builders.add_accounts(services, [{"state": "NY"}])
    then = instant()
    move(services, account, "west")
    ana = rep_of(reps, "ana")
    now, before = history.timeline(services, ana, "accounts", account)
    assert (now.territory_name, now.owner_name) == ("West", "Ana")
    assert (before.territory_name, before.owner_name) == (OTHER_TERRITORY, OTHER_PERSON)
    assert (before.territory, before.owner, before.because) == (None, None, "")
    (row,) = history.owned_on(services, ana, "accounts", on=then).to_pylist()
    assert (row["territory"], row["territory_name"]) == (None, OTHER_TERRITORY)
    assert (row["owner"], row["owner_name"]) == (None, OTHER_PERSON)


def test_record_that_is_not_visible_now_is_not_there(services, reps):
    mine, others = builders.add_accounts(services, [{"state": "CA"}, {"state": "NY"}])
    ana, at = rep_of(reps, "ana"), instant()
    assert history.owned_on(services, ana, "accounts", on=at)["record"].to_pylist() == [mine]
    with pytest.raises(NotFoundError) as hidden:
        history.timeline(services, ana, "accounts", others)
    with pytest.raises(NotFoundError) as absent:
        history.timeline(services, ana, "accounts", 999_999)
    assert str(hidden.value) == str(absent.value)


def test_members_are_those_of_the_model_active_then(services, reps):
    (model,) = TerritoryModel.objects.all()
    at = instant()
    names = {
        (row["territory"], row["rep"], row["role"])
        for row in services.history.as_of("members", at).to_pylist()
    }
    assert names == {
        ("us", reps["mia"], "manager"), ("west", reps["ana"], "owner"), ("east", reps["ben"], "owner"),
    }  # fmt: skip
    assert services.history.as_of("members", model.activated_at - timedelta(days=1)).num_rows == 0


def test_member_end_dated_later_was_still_known_then(services, reps):
    known = instant()
    Member.objects.filter(rep_id=reps["ana"]).update(ends_on=date(2021, 1, 1), starts_on=date(2020, 1, 1))
    at = instant()
    assert reps["ana"] not in services.history.as_of("members", at)["rep"].to_pylist()
    assert reps["ana"] in services.history.as_of("members", at, known=known)["rep"].to_pylist()


def test_posts_of_a_territory_run_through_all_models(services, reps):
    today = services.clock.today()
    TerritoryModel.objects.update(activated_at=datetime(2020, 1, 1, 12, tzinfo=UTC))
    changed = [
        {**node, **({"members": [{"rep": "cal@example.com"}]} if node["key"] == "west" else {})}
        for node in builders.WEST_EAST
    ]
    builders.publish(services, changed, key="m2", name="Model two")
    posts = history.posts_of(services, OPERATOR, "west")
    assert [(post.rep_name, post.start, post.end) for post in posts] == [
        ("Cal", today, None),
        ("Ana", date(2020, 1, 1), today),
    ]
    (ben,) = history.posts_of(services, OPERATOR, "east")
    assert (ben.rep_name, ben.start, ben.end) == ("Ben", date(2020, 1, 1), None)
    with pytest.raises(NotFoundError):
        history.posts_of(services, rep_of(reps, "ana"), "east")


def quota(**changes: Any) -> history.QuotaRow:
    usual = {
        "territory": "west", "start": date(2027, 1, 1), "end": date(2027, 4, 1), "amount": Decimal("250.00"),
        "currency": "USD",
    }  # fmt: skip
    return history.QuotaRow(**{**usual, **changes})


def test_quotas_are_entered_once_and_changed_after(services, reps):
    rows = [quota(), quota(territory="east", amount=Decimal(9))]
    assert history.enter_quotas(services, OPERATOR, rows)["created"] == 2
    assert history.enter_quotas(services, OPERATOR, rows) == {
        "rows": 2, "created": 0, "changed": 0, "unchanged": 2,
    }  # fmt: skip
    known = instant()
    assert history.enter_quotas(services, OPERATOR, [quota(amount=Decimal(300))])["changed"] == 1
    (now,) = history.quotas_of(services, OPERATOR, territory="west")
    (then,) = history.quotas_of(services, OPERATOR, territory="west", known=known)
    assert (now["amount"], then["amount"]) == (Decimal("300.00"), Decimal("250.00"))
    assert [row["territory"] for row in history.quotas_of(services, rep_of(reps, "ana"))] == ["west"]


def test_try_of_quotas_writes_nothing(services, reps):
    assert history.enter_quotas(services, OPERATOR, [quota()], dry_run=True)["created"] == 1
    assert history.quotas_of(services, OPERATOR) == []


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([quota(territory="nowhere")], "unknown-territory"),
        ([quota(end=date(2027, 1, 1))], "empty-period"),
        ([quota(amount=Decimal(0))], "bad-amount"),
        ([quota(currency="dollars")], "bad-currency"),
        ([quota(), quota(start=date(2027, 3, 1), end=date(2027, 6, 1))], "overlapping-quotas"),
        (
            [quota(end=date(2027, 12, 1)), quota(start=date(2027, 6, 1), end=date(2028, 6, 1))],
            "overlapping-quotas",
        ),
    ],
)
def test_wrong_quotas_are_refused_and_nothing_is_written(services, reps, rows, code):
    with pytest.raises(InvalidInputError) as refused:
        history.enter_quotas(services, OPERATOR, rows)
    assert [problem.code for problem in refused.value.problems] == [code]
    assert history.quotas_of(services, OPERATOR) == []


def test_quota_may_not_overlap_one_that_is_there_but_may_follow_it(services, reps):
    history.enter_quotas(services, OPERATOR, [quota()])
    history.enter_quotas(services, OPERATOR, [quota(start=date(2027, 4, 1), end=date(2027, 7, 1))])
    with pytest.raises(InvalidInputError):
        history.enter_quotas(services, OPERATOR, [quota(start=date(2027, 2, 1), end=date(2027, 3, 1))])


def test_only_planners_enter_quotas(services, reps):
    with pytest.raises(Exception, match="does not allow"):
        history.enter_quotas(services, rep_of(reps, "ana"), [quota()])


def test_quotas_are_read_as_people_write_them(services, reps):
    rows = [
        {"territory": "West", "from": "2027 Q1", "amount": "$250,000"},
        {
            "territory": "east",
            "from": "2027-04-01",
            "to": "2027-07-01",
            "amount": "1.234,50 EUR",
            "currency": "eur",
        },
        {"territory": "us", "from": "2028", "amount": "5"},
        {"territory": "us", "from": "2027-12", "amount": "5"},
    ]
    read, problems = history.read_quotas(services, rows)
    assert problems == []
    assert [(row.territory, row.start, row.end, row.amount, row.currency) for row in read] == [
        ("west", date(2027, 1, 1), date(2027, 4, 1), Decimal("250000.00"), "USD"),
        ("east", date(2027, 4, 1), date(2027, 7, 1), Decimal("1234.50"), "EUR"),
        ("us", date(2028, 1, 1), date(2029, 1, 1), Decimal("5.00"), "USD"),
        ("us", date(2027, 12, 1), date(2028, 1, 1), Decimal("5.00"), "USD"),
    ]
    _, problems = history.read_quotas(
        services, [{"territory": "x", "from": "soon", "to": "", "amount": "much", "where": "row 7"}]
    )
    assert [problem.code for problem in problems] == [
        "unknown-territory",
        "bad-date",
        "bad-date",
        "bad-money",
    ]
    assert all(problem.where.startswith("row 7") for problem in problems)


def test_day_means_its_last_instant_where_the_company_is(services, reps):
    from merestone.db.models import Company

    Company.objects.update_or_create(defaults={"time_zone": "America/New_York"})
    at = history.read_moment(services, "2026-01-31")
    assert at == datetime(2026, 2, 1, 5, tzinfo=UTC) - timedelta(microseconds=1)
    assert history.read_moment(services, "2026-01-31T12:00:00Z") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert history.read_moment(services, "2026-01-31T12:00:00") == datetime(2026, 1, 31, 17, tzinfo=UTC)
    for wrong in ("", "soon", "2026-13-01", "0001-01-01", "9999-12-31", "2026-01-31T"):
        with pytest.raises(UsageError):
            history.read_moment(services, wrong)


def test_opportunity_of_a_deleted_account_leaves_no_history(services, reps):
    (account,) = builders.add_accounts(services, [{"state": "CA"}])
    one = Opportunity.objects.create(name="x", account_id=account, owner_id=reps["ana"])
    known = instant()
    with services.records.transaction(OPERATOR, cause="delete accounts"):
        services.records.delete("accounts", [account])
    at = instant()
    assert services.history.as_of("opportunities", at).num_rows == 0
    told = services.history.as_of("opportunities", at, known=known)
    assert told["record"].to_pylist() == [one.pk]
