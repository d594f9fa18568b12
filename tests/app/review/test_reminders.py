"""What a review does by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.app.review.test_challenges import FixedClock
from tests.review_world import World, begin

from merestone.app.lifecycle import set_policies
from merestone.app.review import inviting
from merestone.app.review.approvals import approve
from merestone.app.review.reminders import remind, tick
from merestone.app.review.seeing import note_look
from merestone.app.review.viewing import viewing
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError
from merestone.db.models import Notice

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def on(world: World, *, days: int, hour: int = 10) -> Any:
    """The services some days from now."""
    now = (datetime.now(UTC) + timedelta(days=days)).replace(hour=hour)
    return replace(world.services, clock=FixedClock(world.services, "UTC", now))


def reminded() -> set[int]:
    return set(Notice.objects.filter(key__contains=":reminder:").values_list("user_id", flat=True))


def test_those_who_have_not_looked_are_reminded_once_a_day(review: World) -> None:
    note_look(review.services, viewing(review.services, review.ana, "new"))
    later = on(review, days=1)

    assert tick(later)["reminded"] == 5
    assert review.ana.user_id not in reminded()
    assert (tick(later)["reminded"], remind(later, review.vera, "new")) == (0, 0)
    assert tick(on(review, days=2))["reminded"] == 5


def test_nobody_is_reminded_on_the_day_they_were_asked_nor_at_night(review: World) -> None:
    assert tick(on(review, days=0))["reminded"] == 0
    assert tick(on(review, days=1, hour=3))["reminded"] == 0


def test_whoever_must_approve_is_reminded_until_they_have(review: World) -> None:
    set_policies(review.services, review.vera, "new", {"approvals": {"depth": 0}})
    for name in ("ana", "ben", "dan", "fay", "mia", "eve"):
        note_look(review.services, viewing(review.services, review.actors[name], "new"))
    approve(review.services, review.mia, "new", "us", is_approved=True)

    assert tick(on(review, days=1))["reminded"] == 1
    assert reminded() == {review.eve.user_id}


def test_after_the_last_day_nobody_is_reminded(world: World) -> None:
    begin(world, ends_on=datetime.now(UTC).date())
    assert tick(on(world, days=2))["reminded"] == 0


def test_reminding_by_hand_is_for_planners(review: World) -> None:
    with pytest.raises(ForbiddenError):
        remind(review.services, review.mia, "new")


def test_whom_to_ask_is_suggested_from_what_moves(world: World) -> None:
    found = {one["name"]: one for one in inviting.suggested(world.services, world.vera, "new")}

    assert set(found) == {"Ana", "Ben", "Dan", "Fay", "Mia", "Eve"}
    assert (found["Ana"]["lost"], found["Ana"]["role"]) == (2, "reviewer")
    set_policies(world.services, world.vera, "new", {"approvals": {"depth": 0}})
    found = {one["name"]: one for one in inviting.suggested(world.services, world.vera, "new")}
    assert (found["Mia"]["role"], found["Mia"]["territory"]) == ("approver", "us")


def test_an_invitation_that_does_not_fit_starts_nothing(world: World) -> None:
    from merestone.app.review_start import start_review

    guests = [inviting.Guest(999_999), inviting.Guest(world.ana.user_id or 0, "boss", "mars")]
    with pytest.raises(InvalidInputError) as refused:
        start_review(world.services, world.vera, "new", guests)
    assert len(refused.value.problems) == 3
    model = world.services.reviews.model("new")
    assert model is not None
    assert model.state == "planning"


def test_asking_twice_asks_once(review: World) -> None:
    guest = inviting.Guest(review.ana.user_id or 0)
    assert inviting.invite(review.services, review.vera, "new", [guest])["invited"] == 0
    assert (
        inviting.invite(review.services, review.vera, "new", [inviting.Guest(review.paul.user_id or 0)])[
            "invited"
        ]
        == 1
    )


def test_nobody_is_invited_to_a_model_that_is_not_in_review(world: World) -> None:
    with pytest.raises(ConflictError) as refused:
        inviting.invite(world.services, world.vera, "new", [inviting.Guest(world.ana.user_id or 0)])
    assert refused.value.code == "review-closed"
