"""Assignment on the real stores: every account has an owner or waits in the queue, with its reason."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from tests.builders import WEST_EAST, add_accounts, add_reps, places, publish

from merestone.app import assign, explain
from merestone.app.policy import OPERATOR, Actor
from merestone.app.services import Services
from merestone.base.errors import ForbiddenError, InvalidInputError, NotFoundError

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_account_goes_to_the_owner_of_the_winning_territory(services: Services) -> None:
    reps = add_reps(services)
    publish(services)
    ids = add_accounts(services, [{"state": "CA"}, {"state": "NY"}])
    assert places(services) == {ids[0]: ("west", reps["ana"], "rule"), ids[1]: ("east", reps["ben"], "rule")}


def test_account_of_a_vacant_territory_waits_in_the_queue_there(services: Services) -> None:
    add_reps(services)
    publish(services)
    [record] = add_accounts(services, [{"state": "TX"}])
    assert places(services) == {record: ("vacant", None, "rule")}


def test_account_no_territory_matches_waits_in_the_queue(services: Services) -> None:
    add_reps(services)
    publish(services)
    [record] = add_accounts(services, [{"country": "FR"}])
    assert places(services) == {record: (None, None, "default")}


def test_account_without_any_model_waits_in_the_queue(services: Services) -> None:
    [record] = add_accounts(services, [{"state": "CA"}])
    assert places(services) == {record: (None, None, "default")}


def test_rule_run_changes_nothing_twice(services: Services) -> None:
    add_reps(services)
    add_accounts(services, [{"state": "CA"}, {"state": "NY"}, {"state": "TX"}, {"country": "FR"}])
    assert publish(services)["changed"] == 4 - 1  # the French one stays in the queue
    assert assign.run_rules(services, OPERATOR)["changed"] == 0


def test_manual_move_stays_through_a_rule_run_and_goes_back_on_request(services: Services) -> None:
    reps = add_reps(services)
    publish(services)
    [record] = add_accounts(services, [{"state": "CA"}])
    assign.move_accounts(services, OPERATOR, [record], territory="east", reason="Ben knows them")
    assign.run_rules(services, OPERATOR)
    assert places(services) == {record: ("east", reps["ben"], "manual")}
    assign.move_accounts(services, OPERATOR, [record], territory=None, reason="")
    assert places(services) == {record: ("west", reps["ana"], "rule")}


def test_moves_leave_a_history_without_gap_or_overlap(services: Services) -> None:
    add_reps(services)
    publish(services)
    [record] = add_accounts(services, [{"state": "CA"}])
    for territory in ("east", "vacant", "west"):
        assign.move_accounts(services, OPERATOR, [record], territory=territory, reason="test")
    rows = services.associations.history("accounts").sort_by("valid_from").to_pylist()
    assert [row["territory"] for row in rows] == ["west", "east", "vacant", "west"]
    assert [row["valid_to"] for row in rows[:-1]] == [row["valid_from"] for row in rows[1:]]
    assert rows[-1]["valid_to"] is None


def test_move_into_an_overlay_is_refused(services: Services) -> None:
    add_reps(services)
    overlay = {"key": "ai", "name": "AI", "type": "ai", "where": "country = 'US'"}
    publish(
        services,
        [*({**node, "type": "geo"} for node in WEST_EAST), overlay],
        types=[
            {"key": "geo", "name": "Geography", "primary": True},
            {"key": "ai", "name": "AI overlay", "primary": False},
        ],
    )
    [record] = add_accounts(services, [{"state": "CA"}])
    before = places(services)
    with pytest.raises(InvalidInputError) as caught:
        assign.move_accounts(services, OPERATOR, [record], territory="ai", reason="They do AI")
    assert [problem.code for problem in caught.value.problems] == ["overlay-territory"]
    assert places(services) == before


def test_move_without_a_reason_is_refused(services: Services) -> None:
    add_reps(services)
    publish(services)
    [record] = add_accounts(services, [{"state": "CA"}])
    with pytest.raises(InvalidInputError) as caught:
        assign.move_accounts(services, OPERATOR, [record], territory="east", reason=" ")
    assert [problem.code for problem in caught.value.problems] == ["missing-reason"]


def test_hidden_account_and_missing_account_answer_alike(services: Services) -> None:
    reps = add_reps(services)
    publish(services)
    mine, hidden = add_accounts(services, [{"state": "CA"}, {"state": "NY"}])
    manager = Actor(role="manager", rep_id=reps["ana"], label="test")
    answers = []
    for record in (hidden, 10**9):
        with pytest.raises(NotFoundError) as caught:
            explain.explain_account(services, manager, record)
        answers.append((caught.value.code, str(caught.value).replace(str(record), "#")))
    assert answers[0] == answers[1]
    assert mine in places(services)


def test_rep_may_not_move_accounts(services: Services) -> None:
    reps = add_reps(services)
    publish(services)
    [record] = add_accounts(services, [{"state": "CA"}])
    with pytest.raises(ForbiddenError):
        assign.move_accounts(
            services, Actor(role="rep", rep_id=reps["ana"]), [record], territory="west", reason="mine"
        )


def test_owner_who_left_sends_accounts_to_the_queue(services: Services) -> None:
    reps = add_reps(services)
    publish(services)
    [record] = add_accounts(services, [{"state": "CA"}])
    with services.records.transaction(OPERATOR, cause="test"):
        services.records.write(
            "reps", pa.table({"id": [reps["ana"]], "left_on": pa.array([date(2020, 1, 1)], pa.date32())})
        )
    assign.run_rules(services, OPERATOR)
    assert places(services) == {record: ("west", None, "rule")}


def test_explanation_names_the_winner_and_what_kept_the_account_elsewhere(services: Services) -> None:
    add_reps(services)
    publish(services)
    [record] = add_accounts(services, [{"state": "CA"}])
    answer = explain.explain_account(services, OPERATOR, record, why_not="east")
    assert answer["winner"] == "west"
    assert answer["why_not"]["territory"] == "east"
    assert answer["why_not"]["outcome"] == "missed"


def test_reason_is_kept_as_a_sentence(services: Services) -> None:
    from merestone.db.models import AccountAssociation

    add_reps(services)
    publish(services)
    [record] = add_accounts(services, [{"state": "CA"}])
    reason = AccountAssociation.objects.get(account_id=record).reason
    assert reason["sentence"] == "West matches: state is CA or WA. Ana owns the territory."


def test_reason_of_an_overlay_without_owner_sends_nobody_to_the_queue(services: Services) -> None:
    from merestone.db.models import AccountAssociation

    add_reps(services)
    overlay = {"key": "ai", "type": "ai", "name": "AI", "where": "country = 'US'"}
    types = [{"key": "geo", "name": "Geography"}, {"key": "ai", "name": "AI", "primary": False}]
    publish(services, [*({**node, "type": "geo"} for node in WEST_EAST), overlay], types=types)
    [record] = add_accounts(services, [{"state": "TX"}])
    rows = AccountAssociation.objects.filter(account_id=record).order_by("-is_primary")
    assert [row.reason["sentence"] for row in rows] == [
        "Vacant matches: state is TX. The territory has no owner today, so the account waits in the queue.",
        "AI matches: country is US. The territory has no owner today.",
    ]


def test_named_account_beats_every_rule(services: Services) -> None:
    reps = add_reps(services)
    named = [{**node, "named": ["A1"]} if node["key"] == "east" else node for node in WEST_EAST]
    publish(services, named)
    ids = add_accounts(services, [{"state": "CA"}, {"state": "CA"}])
    assert places(services)[ids[1]] == ("east", reps["ben"], "named")


def test_locked_account_keeps_owner_until_unlocked(services: Services) -> None:
    reps = add_reps(services)
    publish(services)
    [record] = add_accounts(services, [{"state": "CA"}])
    assign.lock_account(services, OPERATOR, record, reason="contract talks")
    with pytest.raises(InvalidInputError) as caught:
        assign.move_accounts(services, OPERATOR, [record], territory="east", reason="try")
    assert caught.value.code == "locked"
    with services.records.transaction(OPERATOR, cause="test"):
        services.records.write("accounts", pa.table({"id": [record], "state": ["NY"]}))
    assign.run_rules(services, OPERATOR)
    assert places(services)[record][:2] == ("west", reps["ana"])
    assign.unlock_account(services, OPERATOR, record)
    assign.run_rules(services, OPERATOR)
    assert places(services)[record][:2] == ("east", reps["ben"])


def test_lock_needs_a_reason_and_a_day_to_come(services: Services) -> None:
    [record] = add_accounts(services, [{"state": "CA"}])
    with pytest.raises(InvalidInputError) as caught:
        assign.lock_account(services, OPERATOR, record, reason="", until=date(2020, 1, 1))
    assert [problem.code for problem in caught.value.problems] == ["missing-reason", "past-date"]


def test_reason_of_an_account_in_the_queue_stays_true_after_a_publish(services: Services) -> None:
    from merestone.db.models import AccountAssociation

    add_reps(services)
    [record] = add_accounts(services, [{"country": "FR"}])
    assert (
        AccountAssociation.objects.get(account_id=record).reason["sentence"]
        == "No territory model is active."
    )
    assert publish(services)["changed"] == 0
    kept = AccountAssociation.objects.get(account_id=record)
    assert kept.reason["sentence"] == "No territory of “Model one” matches."
    assert kept.model is not None
