"""Undo brings everything back as it was, and forgets nothing; what changed since is told, and can stay."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import builders
from tests.app.lifecycle.world import (
    World,
    add_activities,
    add_opportunities,
    on,
    open_places,
    put,
    standing,
    state_of,
    swapped,
)

from merestone.app import assign, lifecycle, people_changes, plans, route
from merestone.app.policy import OPERATOR
from merestone.base.errors import ConflictError
from merestone.db.models import (
    Account,
    AccountAssociation,
    AccountLock,
    Activity,
    LeadAssociation,
    Opportunity,
    OpportunityOwnership,
    Publication,
)

pytestmark = pytest.mark.both_databases
CA, WA, NY, MA, TX, FL = range(6)


def history() -> set[tuple[Any, ...]]:
    """Return every interval that has ended."""
    names = ("pk", "account_id", "territory_id", "owner_id", "valid_from", "valid_to")
    return set(AccountAssociation.objects.exclude(valid_to=None).values_list(*names))


def undo(world: World, **more: Any) -> dict[str, Any]:
    return lifecycle.undo(world.services, OPERATOR, **more)


def busy(world: World) -> None:
    """Add open work, a lock, an overlay-less manual move."""
    add_opportunities(
        world,
        [
            {"account": CA, "owner": "ana", "stage": "negotiation"},
            {"account": WA, "owner": "ana"},
            {"account": NY, "owner": None},
            {"account": TX, "owner": "cal"},
        ],
    )
    add_activities(world, [{"account": CA, "rep": "ana"}, {"account": NY, "rep": "ben"}])
    assign.lock_accounts(world.services, OPERATOR, [world.accounts[MA]], reason="Key customer")
    assign.move_accounts(world.services, OPERATOR, [world.accounts[WA]], territory="east", reason="Knows Ben")


@pytest.mark.parametrize("mode", ["follow", "until_closed", "late_stage"])
def test_undo_restores_everything_and_erases_nothing(world: World, mode: str) -> None:
    busy(world)
    lifecycle.set_policies(world.services, OPERATOR, "m2", {"opportunities": mode})
    before = standing()
    put(world.services)
    published, ended = standing(), history()
    assert published != before
    done = undo(world)
    assert standing() == before
    assert ended <= history()
    assert (state_of("m1"), state_of("m2"), done["model"], done["previous"]) == (
        "active",
        "archived",
        "m1",
        "m2",
    )
    row = Publication.objects.get(pk=done["publication"])
    assert (row.kind, row.undoes and row.undoes.model and row.undoes.model.key) == ("undo", "m2")
    again = undo(world)
    assert standing() == published
    assert (state_of("m1"), state_of("m2"), again["model"]) == ("archived", "active", "m2")
    undo(world)
    assert standing() == before


def test_undo_of_the_first_publication_leaves_no_model_active(services: Any) -> None:
    builders.add_reps(services)
    accounts = builders.add_accounts(services, [{"state": "CA"}, {"state": "FL"}])
    leads = builders.add_leads(services, [{"state": "NY"}])
    before = open_places(), open_places(LeadAssociation, "lead_id")
    builders.publish(services)
    done = lifecycle.undo(services, OPERATOR)
    assert (open_places(), open_places(LeadAssociation, "lead_id")) == before
    assert (services.models.active(), done["model"], state_of("m1")) == (None, None, "archived")
    assert (done["accounts_restored"], done["leads_restored"]) == (len(accounts), len(leads))
    lifecycle.undo(services, OPERATOR)
    assert state_of("m1") == "active"


def test_what_changed_since_is_told_by_name_and_stays_when_asked(world: World) -> None:
    deals = add_opportunities(world, [{"account": CA, "owner": "ana"}, {"account": NY, "owner": "ben"}])
    calls = add_activities(world, [{"account": CA, "rep": "ana"}])
    before = standing()
    put(world.services)
    moved, locked = world.accounts[CA], world.accounts[MA]
    assign.move_accounts(world.services, OPERATOR, [moved], territory="east", reason="Wish")
    assign.lock_accounts(world.services, OPERATOR, [locked], reason="Key")
    Opportunity.objects.filter(pk=deals[1]).update(stage="won")
    Activity.objects.filter(pk=calls[0]).update(rep_id=world.reps["mia"])
    now = standing()
    seen = lifecycle.preview_undo(world.services, OPERATOR)
    with pytest.raises(ConflictError) as caught:
        undo(world)
    assert caught.value.code == "changed-since"
    assert caught.value.difference == seen["changed"]
    told = {
        table: [one["id"] for one in rows]
        for table, rows in seen["changed"].items()
        if isinstance(rows, list)
    }
    assert told == {"accounts": [moved, locked], "opportunities": [deals[1]], "activities": calls}
    assert standing() == now
    done = undo(world, keep_later=True)
    assert (done["accounts_kept"], done["opportunities_kept"], done["activities_kept"]) == (2, 1, 1)
    places, old = open_places(), before[0]
    assert {pk for pk in places if places[pk] != old[pk]} == {moved, locked}
    assert {pk: places[pk] for pk in (moved, locked)} == {pk: now[0][pk] for pk in (moved, locked)}
    assert Opportunity.objects.get(pk=deals[0]).owner_id == world.reps["ana"]
    assert Opportunity.objects.get(pk=deals[1]).owner_id == world.reps["ana"]  # won by her since


def test_a_move_by_hand_to_where_it_waits_already_is_told_and_stays(world: World) -> None:
    put(world.services, "m2")
    ownerless = builders.document(builders.WEST_EAST, key="m3")
    plans.apply_document(world.services, OPERATOR, ownerless)
    put(world.services, "m3")
    waits = world.accounts[TX]
    assign.move_accounts(world.services, OPERATOR, [waits], territory="vacant", reason="Wish")
    now = open_places()[waits]
    assert [one["id"] for one in lifecycle.preview_undo(world.services, OPERATOR)["changed"]["accounts"]] == [
        waits
    ]
    undo(world, keep_later=True)
    assert open_places()[waits] == now


def test_records_that_came_since_are_placed_by_the_model_active_again(world: World) -> None:
    put(world.services)
    new = builders.add_accounts(world.services, [{"state": "CA", "external_id": "N1"}, {"state": "FL", "external_id": "N2"}])  # fmt: skip
    lead = builders.add_leads(world.services, [{"state": "NY"}])[0]
    done = undo(world)
    assert (done["accounts_created_since"], done["leads_created_since"]) == (2, 1)
    places = builders.places(world.services)
    assert [places[pk][:2] for pk in new] == [("west", world.reps["ana"]), ("us", None)]
    assert builders.places(world.services, "leads")[lead][1] is not None


def test_records_deleted_since_do_not_matter(world: World) -> None:
    put(world.services)
    with world.services.records.transaction(OPERATOR, cause="test"):
        world.services.records.delete("accounts", [world.accounts[CA]])
    undo(world)
    assert set(open_places()) == set(world.accounts) - {world.accounts[CA]}


def test_a_late_deal_handed_over_since_comes_back(world: World) -> None:
    deal = add_opportunities(world, [{"account": CA, "owner": "ana", "stage": "negotiation"}])[0]
    lifecycle.set_policies(world.services, OPERATOR, "m2", {"opportunities": "late_stage", "late_days": 5})
    services, dial = on(world.services, 2031, 3, 1, 12)
    put(services)
    dial.shows += timedelta(days=6)
    assert lifecycle.end_stays(services) == 1
    assert Opportunity.objects.get(pk=deal).owner_id == world.reps["ben"]
    lifecycle.undo(services, OPERATOR)
    assert Opportunity.objects.get(pk=deal).owner_id == world.reps["ana"]
    row = OpportunityOwnership.objects.get(opportunity_id=deal, valid_to=None)
    assert row.stays_until is None


def test_a_stay_cut_short_by_a_publication_goes_on_after_its_undo(world: World) -> None:
    deal = add_opportunities(world, [{"account": CA, "owner": "ana", "stage": "negotiation"}])[0]
    lifecycle.set_policies(world.services, OPERATOR, "m2", {"opportunities": "late_stage"})
    put(world.services)
    until = OpportunityOwnership.objects.get(opportunity_id=deal, valid_to=None).stays_until
    assert until is not None
    plans.apply_document(world.services, OPERATOR, builders.document(builders.WEST_EAST, key="m3"))
    put(world.services, "m3")
    undo(world)
    row = OpportunityOwnership.objects.get(opportunity_id=deal, valid_to=None)
    assert (row.owner_id, row.stays_until) == (world.reps["ana"], until)


def test_only_the_last_publication_is_undone(world: World) -> None:
    first = put(world.services)["publication"]
    plans.apply_document(world.services, OPERATOR, builders.document(builders.WEST_EAST, key="m3"))
    put(world.services, "m3")
    with pytest.raises(ConflictError) as caught:
        undo(world, publication=first)
    assert caught.value.code == "not-the-last"


def test_without_a_publication_there_is_nothing_to_undo(services: Any) -> None:
    for act in (lifecycle.undo, lifecycle.preview_undo):
        with pytest.raises(ConflictError) as caught:
            act(services, OPERATOR)
        assert caught.value.code == "nothing-to-undo"


def test_the_preview_tells_what_undo_does(world: World) -> None:
    busy(world)
    put(world.services)
    seen, before = lifecycle.preview_undo(world.services, OPERATOR), standing()
    assert standing() == before
    done = undo(world)
    assert {name: done[name] for name in seen["counts"]} == seen["counts"]
    assert seen["n_changed"] == 0


def test_intervals_stay_without_gap_or_overlap(world: World) -> None:
    busy(world)
    put(world.services)
    undo(world)
    undo(world)
    for account in Account.objects.all():
        rows = list(account.associations.filter(is_primary=True).order_by("valid_from", "pk"))
        ends = [row.valid_to for row in rows]
        assert ends[:-1] == [row.valid_from for row in rows[1:]]
        assert ends[-1] is None


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.integers(0, 5), st.sampled_from(["west", "east", "vacant"])),
        st.tuples(st.just("lock"), st.integers(0, 5), st.just("")),
        st.tuples(st.just("unlock"), st.integers(0, 5), st.just("")),
        st.tuples(st.just("run"), st.just(0), st.just("")),
        st.tuples(st.just("route"), st.just(0), st.just("")),
        st.tuples(st.just("publish"), st.sampled_from([2, 3]), st.sampled_from(["west", "east", "us"])),
    ),
    max_size=6,
)


def do(world: World, change: tuple[str, int, str]) -> None:
    act, place, key = change
    services = world.services
    if act == "move":
        if not AccountLock.objects.filter(account_id=world.accounts[place]).exists():
            assign.move_accounts(services, OPERATOR, [world.accounts[place]], territory=key, reason="Wish")
    elif act == "lock":
        assign.lock_accounts(services, OPERATOR, [world.accounts[place]], reason="Key")
    elif act == "unlock":
        assign.unlock_accounts(services, OPERATOR, [world.accounts[place]])
    elif act == "run":
        assign.run_rules(services, OPERATOR)
    elif act == "route":
        route.route_leads(services, OPERATOR)
    else:
        model = f"p{Publication.objects.count()}"
        owner = ("ana", "ben", "cal")[place - 1]
        nodes = [
            {**node, **({"members": [{"rep": f"{owner}@example.com"}], "priority": place} if node["key"] == key else {})}
            for node in builders.WEST_EAST
        ]  # fmt: skip
        plans.apply_document(services, OPERATOR, builders.document(nodes, key=model))
        put(services, model)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=CHANGES, after=CHANGES)
def test_whatever_went_before_undo_is_exact_and_whatever_came_after_is_told(
    world: World, before: list[Any], after: list[Any]
) -> None:
    for change in before:
        do(world, change)
    key = f"m{Publication.objects.count() + 10}"
    plans.apply_document(world.services, OPERATOR, swapped(key))
    was = standing()
    put(world.services, key)
    published = standing()
    undo(world)
    assert standing() == was
    undo(world)
    assert standing() == published
    for change in after:
        if change[0] != "publish":
            do(world, change)
    now = standing()
    seen = lifecycle.preview_undo(world.services, OPERATOR)["changed"]
    undo(world, keep_later=True)
    stayed = {one["id"] for one in seen.get("accounts", ())}
    for record, places in open_places().items():
        assert places == (now[0] if record in stayed else was[0])[record]


def test_who_has_left_since_gets_nothing_back(world: World) -> None:
    late = add_opportunities(world, [{"account": CA, "owner": "ana"}, {"account": NY, "owner": "ben"}])
    put(world.services)
    places = open_places()
    yesterday = world.services.clock.today() - timedelta(days=1)
    departure = people_changes.plan_departure(world.services, OPERATOR, world.reps["ana"], last_day=yesterday)
    people_changes.confirm(world.services, OPERATOR, departure)
    undo(world, keep_later=True)
    found = open_places()
    assert world.reps["ana"] not in {row[1] for rows in found.values() for row in rows}
    [(territory, owner, _, cause, reason)] = found[world.accounts[CA]]
    assert (territory, owner, cause) == ("west", None, "rule")  # Ana owned the west, and nobody does now
    assert "Ana had it before the publication that was undone, and has left since" in reason
    assert Opportunity.objects.get(pk=late[0]).owner_id == world.reps["ben"]
    assert places[world.accounts[CA]] != found[world.accounts[CA]]
