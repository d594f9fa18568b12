"""What leave and ramps do to turns."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import pytest
from tests import builders
from tests.app.people_changes.conftest import World, set_reps

from merestone.app import people_changes
from merestone.app.policy import OPERATOR

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
MONDAY, TUESDAY = date(2026, 6, 15), date(2026, 6, 16)
TEAM = (
    builders.WEST_EAST[0],
    {
        **builders.WEST_EAST[1],
        "members": [{"rep": "ana@example.com"}, {"rep": "cal@example.com", "role": "sdr"}],
    },
    *builders.WEST_EAST[2:],
)


@pytest.fixture
def team(world: World) -> World:
    """Ana and Cal share the leads of the west."""
    builders.publish(world.services, TEAM, key="m2")
    return world


def turns(world: World, n: int) -> Counter[int | None]:
    leads = builders.add_leads(world.services, [{"state": "CA"}] * n)
    owners = world.owners("leads")
    return Counter(owners[lead] for lead in leads)


@pytest.mark.parametrize(
    ("zone", "moment", "is_away"),
    [
        ("UTC", datetime(2026, 6, 15, 11, 59, tzinfo=UTC), False),
        ("UTC", datetime(2026, 6, 15, 12, 0, tzinfo=UTC), True),
        ("UTC", datetime(2026, 6, 16, 11, 59, tzinfo=UTC), True),
        ("UTC", datetime(2026, 6, 16, 12, 0, tzinfo=UTC), False),
        ("America/Los_Angeles", datetime(2026, 6, 15, 18, 59, tzinfo=UTC), False),
        ("America/Los_Angeles", datetime(2026, 6, 15, 19, 0, tzinfo=UTC), True),
        ("America/Los_Angeles", datetime(2026, 6, 16, 18, 59, tzinfo=UTC), True),
        ("Asia/Tokyo", datetime(2026, 6, 15, 2, 59, tzinfo=UTC), False),
        ("Asia/Tokyo", datetime(2026, 6, 16, 3, 0, tzinfo=UTC), False),
    ],
)
def test_leave_from_noon_to_noon_counts_on_the_companys_clock(
    team: World, zone: str, moment: datetime, is_away: bool
) -> None:
    team.clock.in_zone = zone
    people_changes.enter_leave(
        team.services,
        OPERATOR,
        team.reps["cal"],
        first_day=MONDAY,
        last_day=TUESDAY,
        starts_at_noon=True,
        ends_at_noon=True,
    )
    team.clock.at = moment
    taken = turns(team, 4)[team.reps["cal"]]
    assert (taken == 0) == is_away


def test_whole_days_end_at_midnight_of_the_companys_zone(team: World) -> None:
    team.clock.in_zone = "America/Los_Angeles"
    people_changes.enter_leave(team.services, OPERATOR, team.reps["cal"], first_day=MONDAY, last_day=MONDAY)
    for moment, is_away in (
        (datetime(2026, 6, 16, 6, 59, tzinfo=UTC), True),
        (datetime(2026, 6, 16, 7, 0, tzinfo=UTC), False),
    ):
        team.clock.at = moment
        assert (turns(team, 4)[team.reps["cal"]] == 0) == is_away


def test_joiner_takes_the_share_of_turns_of_the_ramp_and_the_reason_says_so(team: World) -> None:
    from merestone.db.models import LeadAssociation

    people_changes.set_ramp(
        team.services, OPERATOR, team.reps["cal"], hired_on=date(2026, 6, 2), ramp_weeks=8
    )
    taken = turns(team, 50)  # day 14 of 56: 15 of 57, told as 25 %
    assert taken[team.reps["cal"]] == 10
    sentences = [
        row.reason["sentence"]
        for row in LeadAssociation.objects.filter(valid_to=None, owner=team.reps["cal"])
    ]
    assert any("at 25% of full load until 28 July 2026" in one for one in sentences)


def test_others_do_not_ramp_because_somebody_does(team: World) -> None:
    set_reps(team.services, team.reps, hired_on=[date(2020, 1, 1)] * 5)
    taken = turns(team, 10)
    assert abs(taken[team.reps["ana"]] - taken[team.reps["cal"]]) <= 1
