"""Routing of leads on the real stores."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from tests.builders import WEST_EAST, add_leads, add_reps, places, publish

from merestone.app import route
from merestone.app.policy import OPERATOR
from merestone.app.services import Services

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

TEAM = [
    {
        **node,
        "members": [
            {"rep": "ana@example.com"},
            {"rep": "ben@example.com", "role": "sdr"},
            {"rep": "cal@example.com", "role": "sdr"},
        ],
    }
    if node["key"] == "west"
    else node
    for node in WEST_EAST
]


def test_leads_are_shared_by_equal_turns_over_several_calls(services: Services) -> None:
    reps = add_reps(services)
    publish(services, TEAM)
    for _ in range(3):
        add_leads(services, [{"state": "CA"}] * 5)
        shares = Counter(owner for _, owner, _ in places(services, "leads").values())
        assert set(shares) == {reps["ana"], reps["ben"], reps["cal"]}
        assert max(shares.values()) - min(shares.values()) <= 1


def test_lead_is_assigned_once(services: Services) -> None:
    add_reps(services)
    publish(services, TEAM)
    ids = add_leads(services, [{"state": "CA"}] * 4)
    before = places(services, "leads")
    assert route.route_leads(services, OPERATOR, ids=ids) == {"leads": 0, "routed": 0, "queued": 0}
    assert places(services, "leads") == before


def test_lead_in_the_queue_is_routed_when_a_model_is_published(services: Services) -> None:
    reps = add_reps(services)
    [lead] = add_leads(services, [{"state": "NY"}])
    assert places(services, "leads") == {lead: (None, None, "default")}
    publish(services)
    assert places(services, "leads") == {lead: ("east", reps["ben"], "rule")}


def test_lead_of_a_vacant_territory_waits_with_its_reason(services: Services) -> None:
    from merestone.db.models import LeadAssociation

    add_reps(services)
    publish(services)
    [lead] = add_leads(services, [{"state": "TX"}])
    kept = LeadAssociation.objects.get(lead_id=lead)
    assert kept.owner_id is None
    assert "unassigned queue" in kept.reason["sentence"]


def test_reason_reads_as_one_sentence(services: Services) -> None:
    from merestone.db.models import LeadAssociation

    add_reps(services)
    publish(services, TEAM)
    [lead] = add_leads(services, [{"state": "CA"}])
    kept = LeadAssociation.objects.get(lead_id=lead)
    assert kept.reason["sentence"].startswith(
        "Matched to West because state is CA or WA; Ana's turn: 0 leads so far"
    )


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_rivals_route_every_lead_once_and_by_fair_turns(services: Services) -> None:
    import threading

    from django.db import connection

    from merestone.db.models import Lead, LeadAssociation

    add_reps(services)
    publish(services, TEAM)
    with services.records.transaction(OPERATOR, cause="test"):
        names = {"name": [f"Lead {i}" for i in range(40)], "country": ["US"] * 40, "state": ["CA"] * 40}
        services.records.write("leads", pa.table(names))
    barrier, failures = threading.Barrier(4), []

    def run() -> None:
        try:
            barrier.wait()
            for start in range(0, 40, 10):
                ids = sorted(Lead.objects.values_list("pk", flat=True))[start : start + 10]
                route.route_leads(services, OPERATOR, ids=ids)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert LeadAssociation.objects.count() == 40  # nobody's place was ever replaced
    shares = Counter(LeadAssociation.objects.values_list("owner", flat=True)).values()
    assert max(shares) - min(shares) <= 1
