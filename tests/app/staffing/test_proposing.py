"""Staffing a planning model: who is proposed and why, what is kept, and for whose eyes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests import builders

from merestone.app import plan_edits, plan_members, plans
from merestone.app.access.grants import give_grant
from merestone.app.policy import OPERATOR, Actor
from merestone.app.services import Services
from merestone.app.staffing.attainment import attainments
from merestone.app.staffing.proposing import Wish, apply_staffing, propose
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError

pytestmark = pytest.mark.both_databases


@pytest.fixture
def reps(services: Services) -> dict[str, int]:
    """West, east and nobody's territory with accounts, and a planning copy of the model."""
    made = builders.add_reps(services)
    table = pa.table(
        {
            "email": ["ana@example.com", "ben@example.com", "cal@example.com"],
            "name": ["Ana", "Ben", "Cal"],
            "home_latitude": [37.7, 40.7, 29.7],
            "home_longitude": [-122.4, -74.0, -95.3],
            "languages": pa.array([["en"], ["en"], ["en", "es"]]),
        }
    )
    with services.records.transaction(OPERATOR, cause="test"):
        services.records.write(
            "reps", table.append_column("id", pa.array([made["ana"], made["ben"], made["cal"]]))
        )
    builders.publish(services)
    places = {"CA": (37.8, -122.0), "NY": (41.0, -74.0), "TX": (29.8, -95.0)}
    rows = [
        {
            "state": state,
            "latitude": places[state][0],
            "longitude": places[state][1],
            "language": "es" if state == "TX" else "en",
            "potential": Decimal(1000),
        }
        for state in ("CA", "NY", "TX")
        for _ in range(2)
    ]
    builders.add_accounts(services, rows)
    plan_edits.clone_model(services, OPERATOR, "m1", new_key="plan")
    return made


def chosen(services: Services, wish: Wish | None = None) -> dict[str, int | None]:
    return {line["territory"]: line["rep"] for line in propose(services, OPERATOR, "plan", wish).lines()}


def owners(services: Services) -> dict[str, list[str]]:
    """Return the owners the plan names."""
    document = plans.load_model(services, OPERATOR, "plan")[1]
    return {
        node.key: [one.rep for one in node.members if one.role == "owner"] for node in document.territories
    }


def choice(services: Services, territory: str, rep: int | None) -> dict[str, Any]:
    seen = plan_members.read_members(services, OPERATOR, "plan", territory)["fingerprint"]
    return {"territory": territory, "rep": rep, "fingerprint": seen}


def test_everybody_stays_and_the_vacant_place_goes_to_who_is_near(
    services: Services, reps: dict[str, int]
) -> None:
    proposal = propose(services, OPERATOR, "plan")
    lines = {line["territory"]: line for line in proposal.lines()}
    assert {key: line["rep"] for key, line in lines.items()} == {
        "west": reps["ana"], "east": reps["ben"], "vacant": reps["cal"],
    }  # fmt: skip
    assert "has 100% of its accounts already" in lines["west"]["reasons"]
    assert (lines["vacant"]["now"], lines["vacant"]["is_change"]) == (None, True)
    assert lines["west"]["is_change"] is False
    assert proposal.whole()["changed"] == 1
    assert "us" not in lines, "managers' territories are not staffed"
    assert reps["mia"] not in {one["rep"] for one in proposal.options("west")}, "managers do not sell"


def test_choices_by_hand_are_priced_and_required_words_rule_out(
    services: Services, reps: dict[str, int]
) -> None:
    wish = Wish(fixed={"vacant": reps["ana"]})
    proposal = propose(services, OPERATOR, "plan", wish)
    found = proposal.whole()
    assert found["total"] < found["best"]
    line = next(one for one in proposal.lines() if one["territory"] == "vacant")
    assert (line["rep"], line["is_fixed"]) == (reps["ana"], True)
    options = {
        one["rep"]: one
        for one in propose(services, OPERATOR, "plan", Wish(required={"language": 0.5})).options("vacant")
    }
    assert [rep for rep, one in options.items() if one["is_allowed"]] == [reps["cal"]]
    assert "does not speak es" in options[reps["ana"]]["why_not"]


def test_what_is_chosen_is_written_to_the_plan_alone(services: Services, reps: dict[str, int]) -> None:
    picks = [
        choice(services, "vacant", reps["cal"]),
        choice(services, "west", None),
        choice(services, "east", reps["ben"]),
    ]
    assert apply_staffing(services, OPERATOR, "plan", picks) == {"changed": ["vacant", "west"]}
    assert owners(services) | {"us": []} == {
        "us": [],
        "west": [],
        "east": ["ben@example.com"],
        "vacant": ["cal@example.com"],
    }
    active = plans.load_model(services, OPERATOR, None)[1]
    assert [one.rep for node in active.territories if node.key == "west" for one in node.members] == [
        "ana@example.com"
    ]


def test_owners_of_days_gone_by_and_other_roles_stay(services: Services, reps: dict[str, int]) -> None:
    gone = (services.clock.today() - timedelta(days=30)).isoformat()
    before = [
        {"rep": "ben@example.com", "role": "owner", "to": gone},
        {"rep": "ana@example.com", "role": "owner", "from": gone},
        {"rep": "cal@example.com", "role": "backup"},
    ]
    seen = plan_members.read_members(services, OPERATOR, "plan", "west")["fingerprint"]
    plan_members.set_members(services, OPERATOR, "plan", "west", before, fingerprint=seen)
    apply_staffing(services, OPERATOR, "plan", [choice(services, "west", reps["cal"])])
    members = plan_members.read_members(services, OPERATOR, "plan", "west")["members"]
    assert {(one["rep"], one["role"], one["from"], one["to"]) for one in members} == {
        ("cal@example.com", "owner", gone, None),
        ("ben@example.com", "owner", None, gone),
        ("cal@example.com", "backup", None, None),
    }


def test_a_choice_on_old_knowledge_is_refused_whole(services: Services, reps: dict[str, int]) -> None:
    picks = [choice(services, "vacant", reps["cal"]), choice(services, "west", reps["ben"])]
    apply_staffing(services, OPERATOR, "plan", [choice(services, "west", reps["cal"])])
    with pytest.raises(ConflictError) as caught:
        apply_staffing(services, OPERATOR, "plan", picks)
    assert caught.value.code == "stale-version"
    assert owners(services)["vacant"] == []


def test_the_active_model_is_not_changed_here(services: Services, reps: dict[str, int]) -> None:
    line = propose(services, OPERATOR, "m1").lines()[0]
    with pytest.raises(ConflictError) as caught:
        apply_staffing(services, OPERATOR, "m1", [{"territory": line["territory"], "rep": reps["cal"], "fingerprint": line["fingerprint"]}])  # fmt: skip
    assert caught.value.code == "model-not-in-planning"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"territory": "nowhere"}, "unknown-territory"),
        ({"rep": 999_999}, "unknown-rep"),
        ({"territory": "us"}, "unknown-territory"),
    ],
)
def test_unknown_names_are_refused(
    services: Services, reps: dict[str, int], bad: dict[str, Any], code: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        apply_staffing(services, OPERATOR, "plan", [choice(services, "west", reps["ana"]) | bad])
    assert caught.value.problems[0].code == code


def test_a_part_of_the_tree_is_staffed_by_who_manages_it(services: Services, reps: dict[str, int]) -> None:
    from merestone.app import admin

    user = admin.create_user(
        services, OPERATOR, email="pat@example.com", role="rep", name="Pat", password="quarry-and-fern-29"
    )
    give_grant(
        services, OPERATOR, user_id=user["id"], territory="east", rights=["see", "manage-members"], note=""
    )
    from merestone.db.models import User
    from merestone.db.queries.actors import actor_of_user

    pat = actor_of_user(User.objects.get(pk=user["id"]))
    proposal = propose(services, pat, "plan")
    assert [line["territory"] for line in proposal.lines()] == ["east"]
    with pytest.raises(InvalidInputError):
        apply_staffing(services, pat, "plan", [choice(services, "west", reps["ben"])])


def test_sellers_may_not_staff(services: Services, reps: dict[str, int]) -> None:
    with pytest.raises(ForbiddenError):
        propose(services, Actor(role="rep", rep_id=reps["ana"]), "plan")


def test_attainment_is_won_over_quota_of_the_year(services: Services, reps: dict[str, int]) -> None:
    from merestone.db.models import Quota, Territory

    today = services.clock.today()
    Quota.objects.create(
        territory=Territory.objects.get(key="west"),
        starts_on=today - timedelta(days=100),
        ends_on=today,
        amount=Decimal(1000),
    )
    sold = pa.table(
        {
            "name": ["Deal", "Old"], "stage": ["won", "won"], "owner_id": [reps["ana"]] * 2, "currency": ["USD"] * 2,
            "amount": pa.array([Decimal("750.00"), Decimal("9.00")], builders.MONEY),
            "closed_on": pa.array([today - timedelta(days=5), date(2001, 1, 1)]),
        }
    )  # fmt: skip
    with services.records.transaction(OPERATOR, cause="test"):
        services.records.write("opportunities", sold)
    found = attainments(services, [reps["ana"], reps["ben"]])
    assert found[0] == pytest.approx(0.75)
    assert found[1] != found[1], "without a quota nothing is known"


def test_queries_do_not_grow_with_territories(services: Services, reps: dict[str, int]) -> None:
    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            propose(services, OPERATOR, "plan").lines()
        return len(caught)

    first = count()
    for n in range(6):
        content = {"key": f"more-{n}", "name": f"More {n}", "parent": "us", "where": f"state = 'S{n}'"}
        plan_edits.add_territory(services, OPERATOR, "plan", content)
    count()  # what the rules are compiled with is kept
    assert count() <= first
