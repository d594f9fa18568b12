"""Publishing moves everything in one transaction: accounts, leads, and open work by the model's policies."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests import builders
from tests.app.lifecycle.world import World, add_activities, add_opportunities, on, put, state_of, swapped

from merestone.app import lifecycle, plans
from merestone.app.lifecycle.handover import Moved, hand_over
from merestone.app.lifecycle.policies import WorkPolicy
from merestone.app.model_hash import content_hash
from merestone.app.policy import OPERATOR
from merestone.base.errors import ConflictError, InvalidInputError
from merestone.db.models import Activity, AuditEntry, Opportunity, OpportunityOwnership, Publication

pytestmark = pytest.mark.both_databases
CA, WA, NY, MA, TX, FL = range(6)


def owners() -> dict[int, str | None]:
    return {pk: name and name.lower() for pk, name in Opportunity.objects.values_list("pk", "owner__name")}


def callers() -> dict[int, str]:
    return {pk: name.lower() for pk, name in Activity.objects.values_list("pk", "rep__name")}


def test_a_publication_is_kept_with_its_counts_and_its_audit_transaction(world: World) -> None:
    done = put(world.services, note="New year")
    row = Publication.objects.get(pk=done["publication"])
    assert (row.kind, row.model and row.model.key, row.previous and row.previous.key) == (
        "publish",
        "m2",
        "m1",
    )
    assert (row.note, row.actor) == ("New year", "cli")
    assert row.content_hash == content_hash(plans.load_model(world.services, OPERATOR, "m2")[1])
    assert row.counts["accounts_moved"] == done["accounts_moved"] == 5
    entries = AuditEntry.objects.filter(transaction=row.transaction)
    assert {entry.cause for entry in entries} == {"publish model m2"}
    assert entries.filter(table_name="merestone_accountassociation", operation="I").count() == done["changed"]
    first, second = lifecycle.publications(world.services, OPERATOR)
    assert (first["model"], first["previous"], second["model"], second["previous"]) == (
        "m2",
        "m1",
        "m1",
        None,
    )
    assert [one["id"] for one in lifecycle.publications(world.services, OPERATOR, "m2")] == [first["id"]]


def test_only_the_approved_content_is_published(world: World) -> None:
    approved = content_hash(plans.load_model(world.services, OPERATOR, "m2")[1])
    plans.apply_document(world.services, OPERATOR, builders.document(builders.WEST_EAST[:3], key="m2"))
    with pytest.raises(ConflictError) as caught:
        put(world.services, content=approved)
    assert caught.value.code == "content-changed"
    assert (state_of("m1"), state_of("m2")) == ("active", "planning")
    plans.apply_document(world.services, OPERATOR, swapped())
    assert put(world.services, content=approved)["content_hash"] == approved


def test_failing_cases_publish_nothing(world: World) -> None:
    cases = [{"record": {"country": "FR"}, "expect": "match"}]
    territories = [{**node, "cases": cases} if node["key"] == "us" else node for node in builders.WEST_EAST]
    plans.apply_document(world.services, OPERATOR, builders.document(territories, key="m2"))
    with pytest.raises(InvalidInputError):
        put(world.services)
    assert (state_of("m1"), state_of("m2")) == ("active", "planning")


def test_what_needs_approval_is_not_published_without(world: World) -> None:
    with world.services.records.transaction(OPERATOR, cause="test"):
        world.services.people.create_user(
            email="vera@example.com", role="planner", name="Vera", password=None, rep_id=None
        )
    policy = {"approvals": {"by": [{"user": "vera@example.com"}]}}
    lifecycle.set_policies(world.services, OPERATOR, "m2", policy)
    for act in (
        lambda: put(world.services),
        lambda: lifecycle.schedule(world.services, OPERATOR, "m2", effective="2999-01-01"),
    ):
        with pytest.raises(ConflictError) as caught:
            act()
        assert caught.value.code == "not-approved"
    assert state_of("m2") == "planning"


def test_open_work_follows_its_account(world: World) -> None:
    deals = add_opportunities(
        world,
        [
            {"account": CA, "owner": "ana"},
            {"account": CA, "owner": "ana", "stage": "won"},
            {"account": NY, "owner": None},
            {"account": WA, "owner": "cal"},
            {"account": FL, "owner": None},
        ],
    )
    calls = add_activities(
        world,
        [
            {"account": CA, "rep": "ana"},
            {"account": CA, "rep": "ana", "is_done": True},
            {"account": CA, "rep": "mia"},
        ],
    )
    done = put(world.services)
    assert [owners()[pk] for pk in deals] == ["ben", "ana", "ana", "cal", None]
    assert [callers()[pk] for pk in calls] == ["ben", "ana", "mia"]
    assert (done["opportunities_handed_over"], done["opportunities_kept"]) == (2, 1)
    assert (done["activities_handed_over"], done["activities_kept"]) == (1, 1)
    row = OpportunityOwnership.objects.get(opportunity_id=deals[0], valid_to=None)
    assert (row.model and row.model.key, row.cause, row.reason["policy"]) == ("m2", "rule", "follow")


def test_open_work_of_an_account_that_goes_to_the_queue_stays(world: World) -> None:
    deal = add_opportunities(world, [{"account": CA, "owner": "ana"}])[0]
    plans.apply_document(
        world.services,
        OPERATOR,
        builders.document([builders.WEST_EAST[0], *builders.WEST_EAST[2:]], key="m2"),
    )
    done = put(world.services)
    assert (owners()[deal], done["opportunities_kept"]) == ("ana", 1)


def test_open_work_stays_until_it_is_closed(world: World) -> None:
    deals = add_opportunities(world, [{"account": CA, "owner": "ana"}, {"account": NY, "owner": "ben"}])
    calls = add_activities(
        world, [{"account": CA, "rep": "ana", "opportunity": deals[0]}, {"account": CA, "rep": "ana"}]
    )
    lifecycle.set_policies(world.services, OPERATOR, "m2", {"opportunities": "until_closed"})
    done = put(world.services)
    assert [owners()[pk] for pk in deals] == ["ana", "ben"]
    assert [callers()[pk] for pk in calls] == ["ana", "ben"]  # the first belongs to what stays
    assert (done["opportunities_handed_over"], done["opportunities_kept"]) == (0, 2)
    rows = OpportunityOwnership.objects.filter(valid_to=None)
    assert {(row.stays_until, row.model and row.model.key) for row in rows} == {(None, "m2")}


def test_activities_stay_where_the_policy_says_so(world: World) -> None:
    call = add_activities(world, [{"account": CA, "rep": "ana"}])[0]
    lifecycle.set_policies(world.services, OPERATOR, "m2", {"activities": "stay"})
    assert put(world.services)["activities_kept"] == 1
    assert callers()[call] == "ana"


def test_late_stages_stay_for_some_days_and_go_then_once(world: World) -> None:
    deals = add_opportunities(
        world,
        [
            {"account": CA, "owner": "ana", "stage": "negotiation"},
            {"account": CA, "owner": "ana", "stage": "qualification"},
            {"account": NY, "owner": "ben", "stage": "proposal"},
        ],
    )
    policy = {"opportunities": "late_stage", "late_stages": ["proposal", "negotiation"], "late_days": 20}
    lifecycle.set_policies(world.services, OPERATOR, "m2", policy)
    services, dial = on(world.services, 2031, 3, 1, 12)
    done = put(services)
    assert [owners()[pk] for pk in deals] == ["ana", "ben", "ben"]
    assert (done["opportunities_handed_over"], done["opportunities_kept"]) == (1, 2)
    until = set(OpportunityOwnership.objects.exclude(stays_until=None).values_list("stays_until", flat=True))
    assert until == {dial.today() + timedelta(days=20)}
    Opportunity.objects.filter(pk=deals[2]).update(stage="won")
    dial.shows += timedelta(days=19)
    assert lifecycle.end_stays(services) == 0
    dial.shows += timedelta(days=1)
    assert [lifecycle.end_stays(services), lifecycle.end_stays(services)] == [1, 0]
    assert [owners()[pk] for pk in deals] == ["ben", "ben", "ben"]
    row = OpportunityOwnership.objects.get(opportunity_id=deals[0], valid_to=None)
    assert (row.stays_until, row.reason["policy"]) == (None, "late_stage")


def queries_of(world: World, policy: WorkPolicy) -> int:
    """Return how many queries handing over takes."""
    services = world.services
    life = lifecycle.life_of(services, OPERATOR, "m2")
    with services.records.transaction(OPERATOR, cause="test"), CaptureQueriesContext(connection) as seen:
        moved = Moved(services, services.associations.open_now("accounts"))
        hands = {
            row["record"]: (row["owner"], world.reps["cal"])
            for row in services.lifecycle.primary_owners().to_pylist()
        }
        moved.hands()
        hand_over(services, policy, hands, model_id=life.id, model="m2", today=services.clock.today())
    return len(seen)


@pytest.mark.parametrize("mode", ["follow", "until_closed", "late_stage"])
def test_handing_over_takes_as_many_queries_for_many_as_for_few(world: World, mode: str) -> None:
    policy = WorkPolicy(opportunities=mode)
    add_opportunities(world, [{"account": CA, "owner": "ana", "stage": "negotiation"}])
    add_opportunities(world, [{"account": CA, "owner": "ana"}])
    add_activities(world, [{"account": CA, "rep": "ana"}])
    few = queries_of(world, policy)
    for _ in range(20):
        more = builders.add_accounts(world.services, [{"state": "CA", "external_id": None}] * 3)
        world.accounts.extend(more)
        place = len(world.accounts) - 1
        add_opportunities(world, [{"account": place, "owner": "ana", "stage": "negotiation"}] * 2)
        add_opportunities(world, [{"account": place, "owner": "ana"}] * 2)
        add_activities(world, [{"account": place, "rep": "ana"}] * 2)
    many = queries_of(world, policy)
    # The second run finds the first one's open work in other hands: fewer groups, never more queries.
    assert many <= max(few, 12)
    assert few <= 25
