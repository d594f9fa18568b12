"""Somebody leaves: the plan, what is applied, and that nothing is nowhere afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests import builders
from tests.app.people_changes.conftest import World, set_reps, write

from merestone.app import assign, people_changes
from merestone.app.policy import OPERATOR, Actor, Held, Right
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
YESTERDAY, TODAY, IN_TWO_WEEKS = date(2026, 6, 15), date(2026, 6, 16), date(2026, 6, 30)


def plan(world: World, name: str = "ana", *, last_day: date = YESTERDAY, **more: Any) -> int:
    return people_changes.plan_departure(
        world.services, OPERATOR, world.reps[name], last_day=last_day, **more
    )


def confirm(world: World, departure: int, **more: Any) -> dict[str, Any]:
    return people_changes.confirm(world.services, OPERATOR, departure, **more)


def lines(world: World, departure: int, kind: str = "accounts") -> dict[int, Any]:
    found = people_changes.show(world.services, OPERATOR, departure).lines
    return {line.record: line for line in found if line.kind == kind}


def nothing_is_nowhere(world: World) -> None:
    """Promise 1, in sets: one open primary place each, an owner only inside a territory, none of them gone."""
    from merestone.db.models import Account, AccountAssociation, Lead, LeadAssociation

    today = world.clock.today()
    for record, place, link in (
        (Account, AccountAssociation, "account_id"),
        (Lead, LeadAssociation, "lead_id"),
    ):
        open_ = place.objects.filter(valid_to=None, is_primary=True)
        assert sorted(open_.values_list(link, flat=True)) == sorted(
            record.objects.values_list("pk", flat=True)
        )
        assert not open_.exclude(owner=None).filter(territory=None).exists()
    gone = AccountAssociation.objects.filter(valid_to=None, owner__left_on__lte=today)
    assert not gone.exists()


def test_plan_names_a_successor_and_runner_up_with_reasons_for_everything(world: World) -> None:
    departure = plan(world)
    found = people_changes.show(world.services, OPERATOR, departure)
    assert found.counts == {"accounts": 6, "leads": 1, "opportunities": 1, "activities": 2, "territories": 1}
    for line in found.lines:
        assert line.successor is not None
        assert line.why
    account = lines(world, departure)[world.accounts[0]]
    assert account.successor == world.reps["cal"]
    assert "in the same territory" in account.why
    assert account.runner_up not in (None, world.reps["cal"])
    assert account.n_open == 2
    assert world.owners()[world.accounts[0]] == world.reps["ana"]  # nothing changed hands yet


def test_nobody_is_filled_beyond_capacity_while_others_have_room(world: World) -> None:
    set_reps(world.services, world.reps, capacity_hours=[100.0, 100.0, 100.0, 30.0, 100.0])
    departure = plan(world)
    balances = {one.rep_id: one for one in people_changes.show(world.services, OPERATOR, departure).balances}
    assert balances[world.reps["cal"]].after <= 30.0
    assert sum(one.after - one.before for one in balances.values()) == 60.0


def test_ramp_and_leave_take_from_capacity(world: World) -> None:
    people_changes.set_ramp(world.services, OPERATOR, world.reps["cal"], hired_on=TODAY, ramp_weeks=26)
    first = people_changes.show(world.services, OPERATOR, plan(world))
    assert world.reps["cal"] not in {line.successor for line in first.lines if line.kind == "accounts"}
    people_changes.enter_leave(
        world.services, OPERATOR, world.reps["dee"], first_day=TODAY, last_day=TODAY + timedelta(days=200)
    )
    then = people_changes.show(world.services, OPERATOR, plan(world))
    assert world.reps["dee"] not in {line.successor for line in then.lines}


def test_past_last_day_hands_everything_over_at_once(world: World) -> None:
    from merestone.db.models import Activity, Opportunity, Rep

    done = confirm(world, plan(world))
    cal, ben = world.reps["cal"], world.reps["ben"]
    assert done["state"] == "done"
    assert {world.owners()[one] for one in world.accounts[:6]} == {cal}
    assert world.owners("leads")[world.leads[0]] != world.reps["ana"]
    assert Opportunity.objects.get(pk=world.opportunities[0]).owner_id == cal
    assert Opportunity.objects.get(pk=world.opportunities[1]).owner_id == ben  # he owns the account
    assert Opportunity.objects.get(pk=world.opportunities[2]).owner_id == world.reps["ana"]  # won: history
    held = dict(Activity.objects.values_list("pk", "rep_id"))
    assert [held[one] for one in world.activities[:2]] == [cal, ben]
    assert held[world.activities[2]] != world.reps["ana"]
    assert held[world.activities[3]] == world.reps["ana"]  # done: history
    assert Rep.objects.get(pk=world.reps["ana"]).left_on == TODAY
    nothing_is_nowhere(world)


def test_new_owner_of_the_territory_has_its_accounts_by_rule_and_others_by_hand(world: World) -> None:
    departure = plan(world)
    found = lines(world, departure)
    other = [found[one].id for one in world.accounts[:2]]
    people_changes.choose(world.services, OPERATOR, departure, lines=other, successor=world.reps["dee"])
    confirm(world, departure)
    causes = {record: cause for record, (_, _, cause) in builders.places(world.services).items()}
    assert [causes[one] for one in world.accounts[:6]] == ["manual"] * 2 + ["rule"] * 4
    before = world.owners()
    assert assign.run_rules(world.services, OPERATOR)["changed"] == 0
    assert world.owners() == before


def test_reason_says_who_left_and_why_somebody_took_over(world: World) -> None:
    from merestone.db.models import AccountAssociation

    departure = plan(world)
    one = lines(world, departure)[world.accounts[0]].id
    people_changes.choose(world.services, OPERATOR, departure, lines=[one], successor=world.reps["dee"])
    confirm(world, departure)
    kept = AccountAssociation.objects.filter(valid_to=None)
    by_hand, by_rank = (kept.get(account_id=account).reason for account in world.accounts[:2])
    assert (
        by_hand["sentence"] == "Dee took it over from Ana, whose last day was 15 June 2026: chosen by hand."
    )
    assert by_rank["sentence"].startswith(
        "Cal took it over from Ana, whose last day was 15 June 2026: in the same territory"
    )
    assert by_rank["departure"] == departure


def test_without_anybody_accounts_wait_in_the_queue_with_the_reason(world: World) -> None:
    from merestone.db.models import AccountAssociation

    departure = plan(world)
    every = [line.id for line in people_changes.show(world.services, OPERATOR, departure).lines]
    people_changes.choose(world.services, OPERATOR, departure, lines=every, successor=None)
    done = confirm(world, departure)
    assert done["counts"]["queued"] == 6
    assert {world.owners()[one] for one in world.accounts[:6]} == {None}
    reason = AccountAssociation.objects.get(valid_to=None, account_id=world.accounts[0]).reason
    assert "nobody was there to take it over" in reason["sentence"]
    nothing_is_nowhere(world)


def test_locked_and_hand_moved_accounts_change_hands_too(world: World) -> None:
    first, second = world.accounts[0], world.accounts[6]
    assign.lock_account(world.services, OPERATOR, first, reason="board")
    assign.move_accounts(world.services, OPERATOR, [second], territory="west", reason="asked for")
    confirm(world, plan(world))
    assert builders.places(world.services)[first] == ("west", world.reps["cal"], "rule")
    assert builders.places(world.services)[second] == ("west", world.reps["cal"], "manual")
    nothing_is_nowhere(world)


def test_changed_accounts_are_a_conflict_with_the_difference(world: World) -> None:
    departure = plan(world)
    assign.move_accounts(world.services, OPERATOR, [world.accounts[0]], territory="east", reason="nearer")
    with pytest.raises(ConflictError) as caught:
        confirm(world, departure)
    assert caught.value.code == "departure-changed"
    assert caught.value.difference["accounts_gone"] == [[world.accounts[0]], []]
    assert world.owners()[world.accounts[1]] == world.reps["ana"]
    assert plan(world) == departure  # made anew
    assert confirm(world, departure)["state"] == "done"


def test_plan_made_anew_keeps_what_was_chosen_by_hand(world: World) -> None:
    departure = plan(world)
    one = lines(world, departure)[world.accounts[3]].id
    people_changes.choose(world.services, OPERATOR, departure, lines=[one], successor=world.reps["ben"])
    plan(world, last_day=IN_TWO_WEEKS)
    line = lines(world, departure)[world.accounts[3]]
    assert (line.successor, line.is_by_hand) == (world.reps["ben"], True)
    people_changes.take_suggestions(world.services, OPERATOR, departure, lines=[line.id])
    assert lines(world, departure)[world.accounts[3]].successor == world.reps["cal"]


def test_plan_that_somebody_changed_is_not_applied_unseen(world: World) -> None:
    departure = plan(world)
    seen = people_changes.show(world.services, OPERATOR, departure).row.version
    one = lines(world, departure)[world.accounts[3]].id
    people_changes.choose(world.services, OPERATOR, departure, lines=[one], successor=world.reps["ben"])
    with pytest.raises(ConflictError, match="changed this plan") as caught:
        confirm(world, departure, version=seen)
    assert caught.value.code == "stale-version"


def test_future_departure_is_done_at_the_end_of_its_day_in_the_companys_zone(world: World) -> None:
    world.clock.in_zone = "America/New_York"
    departure = plan(world, last_day=IN_TWO_WEEKS)
    assert confirm(world, departure)["state"] == "scheduled"
    assert people_changes.next_due(world.services) == datetime(2026, 7, 1, 4, tzinfo=UTC)
    before = world.owners()
    world.clock.at = datetime(2026, 7, 1, 3, 59, tzinfo=UTC)
    assert people_changes.run_due(world.services) == []
    assert world.owners() == before
    world.clock.at = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
    assert people_changes.run_due(world.services) == [departure]
    assert people_changes.run_due(world.services) == []
    assert {world.owners()[one] for one in world.accounts[:6]} == {world.reps["cal"]}
    nothing_is_nowhere(world)


def test_rule_run_after_midnight_and_before_the_worker_spoils_nothing(world: World) -> None:
    departure = plan(world, last_day=TODAY)
    found = lines(world, departure)
    people_changes.choose(
        world.services, OPERATOR, departure, lines=[found[world.accounts[0]].id], successor=world.reps["dee"]
    )
    confirm(world, departure)
    world.clock.at += timedelta(days=1)
    assign.run_rules(world.services, OPERATOR)
    assert {world.owners()[one] for one in world.accounts[:6]} == {world.reps["cal"]}  # the new owner member
    people_changes.run_due(world.services)
    assert [world.owners()[one] for one in world.accounts[:2]] == [world.reps["dee"], world.reps["cal"]]
    nothing_is_nowhere(world)


def test_successor_who_left_meanwhile_is_replaced_by_the_territorys_owner(world: World) -> None:
    departure = plan(world, last_day=TODAY)
    one = lines(world, departure)[world.accounts[0]].id
    people_changes.choose(world.services, OPERATOR, departure, lines=[one], successor=world.reps["dee"])
    confirm(world, departure)
    write(world.services, "reps", id=[world.reps["dee"]], left_on=[TODAY])
    world.clock.at += timedelta(days=1)
    people_changes.run_due(world.services)
    assert world.owners()[world.accounts[0]] == world.reps["cal"]
    nothing_is_nowhere(world)


def test_scheduled_departure_can_be_taken_back_without_a_trace_in_the_tree(world: World) -> None:
    from merestone.db.models import Member, Rep

    columns = ("pk", "node_id", "rep_id", "role", "starts_on", "ends_on")
    before = sorted(Member.objects.values_list(*columns))
    departure = plan(world, last_day=IN_TWO_WEEKS)
    confirm(world, departure)
    assert sorted(Member.objects.values_list(*columns)) != before
    assert people_changes.undo(world.services, OPERATOR, departure)["state"] == "cancelled"
    assert sorted(Member.objects.values_list(*columns)) == before
    assert Rep.objects.get(pk=world.reps["ana"]).left_on is None
    world.clock.at += timedelta(days=30)
    assert people_changes.run_due(world.services) == []


def test_done_departure_is_not_taken_back(world: World) -> None:
    departure = plan(world)
    confirm(world, departure)
    with pytest.raises(ConflictError) as caught:
        people_changes.undo(world.services, OPERATOR, departure)
    assert caught.value.code == "departure-done"


def test_leaver_is_out_of_rotation_from_the_day_after(world: World) -> None:
    confirm(world, plan(world, last_day=TODAY))
    world.clock.at += timedelta(days=1)
    leads = builders.add_leads(world.services, [{"state": "CA"}] * 3)
    assert world.reps["ana"] not in {world.owners("leads")[one] for one in leads}


def test_sign_in_ends_with_the_departure_when_asked(world: World) -> None:
    from merestone.app import admin
    from merestone.db.models import User

    user = admin.create_user(
        world.services, OPERATOR, email="ana@example.com", role="rep", name="Ana", password="quarry-and-fern-29",
        rep_id=world.reps["ana"],
    )  # fmt: skip
    confirm(world, plan(world, deactivates=True))
    assert User.objects.get(pk=user["id"]).is_active is False


def test_crash_in_the_middle_leaves_nothing_half_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from merestone.db.models import AccountAssociation, Member, Rep

    departure = plan(world)
    before = (
        sorted(AccountAssociation.objects.values_list("pk", "owner_id", "valid_to")),
        Member.objects.count(),
    )
    broken = replace(world.services, lifecycle=Broken(world.services.lifecycle))
    with pytest.raises(OSError, match="power"):
        people_changes.confirm(broken, OPERATOR, departure)
    assert before == (
        sorted(AccountAssociation.objects.values_list("pk", "owner_id", "valid_to")),
        Member.objects.count(),
    )
    assert Rep.objects.get(pk=world.reps["ana"]).left_on is None
    assert confirm(world, departure)["state"] == "done"


class Broken:
    """A store whose machine loses power while open work is handed over."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def give(self, *_: Any) -> None:
        """Fail."""
        raise OSError("power")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def test_person_without_the_right_may_not_plan(world: World) -> None:
    manager = Actor(role="manager", rep_id=world.reps["mia"], label="user:mia")
    with pytest.raises(ForbiddenError):
        people_changes.plan_departure(world.services, manager, world.reps["ana"], last_day=YESTERDAY)


def test_grant_on_a_subtree_reaches_its_people_only(world: World) -> None:
    held = Held("west", frozenset({Right.SEE, Right.MANAGE_MEMBERS}))
    actor = Actor(role="rep", rep_id=world.reps["cal"], label="user:cal", grants=(held,))
    with pytest.raises(NotFoundError):
        people_changes.plan_departure(world.services, actor, world.reps["ben"], last_day=YESTERDAY)
    departure = people_changes.plan_departure(world.services, actor, world.reps["ana"], last_day=YESTERDAY)
    chosen = {line.successor for line in people_changes.show(world.services, actor, departure).lines}
    assert chosen <= {world.reps["cal"], world.reps["ben"]}  # ben owns the account of an opportunity
    stranger = Actor(role="rep", rep_id=world.reps["ben"], grants=(Held("east", held.rights),))
    with pytest.raises(NotFoundError):
        people_changes.show(world.services, stranger, departure)


def test_rep_with_accounts_elsewhere_is_for_somebody_who_manages_everything(world: World) -> None:
    held = Held("west", frozenset({Right.SEE, Right.MANAGE_MEMBERS}))
    actor = Actor(role="rep", rep_id=world.reps["cal"], label="user:cal", grants=(held,))
    from merestone.db.models import AccountAssociation

    AccountAssociation.objects.filter(account_id=world.accounts[6], valid_to=None).update(
        owner_id=world.reps["ana"]
    )
    with pytest.raises(ForbiddenError, match="do not manage"):
        people_changes.plan_departure(world.services, actor, world.reps["ana"], last_day=YESTERDAY)


def test_leaver_cannot_be_chosen(world: World) -> None:
    departure = plan(world)
    one = lines(world, departure)[world.accounts[0]].id
    with pytest.raises(InvalidInputError) as caught:
        people_changes.choose(world.services, OPERATOR, departure, lines=[one], successor=world.reps["ana"])
    assert caught.value.code == "successor-leaves"


def test_queries_do_not_grow_with_accounts(world: World) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def counted(name: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            confirm(world, plan(world, name))
        return len(queries)

    few = counted("ben")
    builders.add_accounts(world.services, [{"external_id": f"X{i}", "state": "CA"} for i in range(60)])
    assert counted("ana") <= few + 12
