"""Leave and cover: what may be entered, what is refused, and who sees what meanwhile."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from tests.app.people_changes.conftest import World, write

from merestone.app import people_changes
from merestone.app.policy import OPERATOR, Actor, Right
from merestone.base.errors import ForbiddenError, InvalidInputError, NotFoundError

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
TODAY = date(2026, 6, 16)
DAY = timedelta(days=1)


def leave(world: World, name: str = "ana", first: int = 0, last: int = 4, **more: Any) -> dict[str, Any]:
    days = {"first_day": TODAY + first * DAY, "last_day": TODAY + last * DAY}
    return people_changes.enter_leave(world.services, OPERATOR, world.reps[name], **days, **more)


def cover(
    world: World, by: str = "ben", first: int = 0, last: int | None = 4, name: str = "ana", **more: Any
) -> dict[str, Any]:
    until = None if last is None else TODAY + last * DAY
    return people_changes.start_cover(
        world.services,
        OPERATOR,
        world.reps[name],
        cover=world.reps[by],
        first_day=TODAY + first * DAY,
        last_day=until,
        **more,
    )


def stretches(world: World, name: str = "ana") -> list[tuple[date, date]]:
    rows = world.services.people_changes.leave(rep_ids=[world.reps[name]])
    return [(row.starts_on, row.ends_on) for row in rows]


def codes(caught: pytest.ExceptionInfo[InvalidInputError]) -> set[str]:
    return {problem.code for problem in caught.value.problems}


def test_leave_is_kept_with_its_length_and_asks_who_covers(world: World) -> None:
    entered = leave(world, starts_at_noon=True)
    assert entered["days"] == 4.5
    assert entered["warnings"] == ["Nobody stands in for Ana."]
    assert leave(world, "cal", cover=world.reps["dee"])["warnings"] == []


def test_overlapping_leave_is_refused_and_names_the_days(world: World) -> None:
    leave(world)
    with pytest.raises(InvalidInputError, match="away already from 16 June 2026 to 20 June 2026") as caught:
        leave(world, first=4, last=9)
    assert caught.value.code == "overlapping-leave"
    assert stretches(world) == [(TODAY, TODAY + 5 * DAY)]


def test_leave_that_overlaps_or_touches_becomes_one_when_asked(world: World) -> None:
    leave(world)
    leave(world, first=10, last=12)
    assert leave(world, first=5, last=9, merge=True)["merged"] == 2
    assert stretches(world) == [(TODAY, TODAY + 13 * DAY)]


def test_halves_of_one_day_are_two_leaves(world: World) -> None:
    leave(world, first=0, last=0, ends_at_noon=True)
    leave(world, first=0, last=0, starts_at_noon=True)
    assert len(stretches(world)) == 2


@pytest.mark.parametrize(
    "days", [{"first": 3, "last": 2}, {"first": 0, "last": 0, "starts_at_noon": True, "ends_at_noon": True}]
)
def test_leave_of_nothing_is_refused(world: World, days: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        leave(world, **days)
    assert caught.value.code == "empty-interval"


def test_leave_is_taken_back(world: World) -> None:
    entered = leave(world)
    with pytest.raises(NotFoundError):
        people_changes.cancel_leave(world.services, OPERATOR, entered["id"], rep_id=world.reps["ben"])
    people_changes.cancel_leave(world.services, OPERATOR, entered["id"], rep_id=world.reps["ana"])
    assert stretches(world) == []


def test_cover_of_the_same_days_is_refused_whoever_it_is(world: World) -> None:
    cover(world, "ben")
    with pytest.raises(
        InvalidInputError, match="Ben stands in for Ana already from 16 June 2026 to 20 June 2026"
    ) as caught:
        cover(world, "cal", first=4, last=None)
    assert codes(caught) == {"overlapping-cover"}
    cover(world, "cal", first=5, last=None)


def test_cover_of_single_accounts_goes_beside_that_of_all(world: World) -> None:
    cover(world, "ben")
    assert len(cover(world, "cal", accounts=world.accounts[:2])["ids"]) == 2
    with pytest.raises(InvalidInputError) as caught:
        cover(world, "dee", accounts=world.accounts[1:3])
    assert codes(caught) == {"overlapping-cover"}


@pytest.mark.parametrize(
    ("by", "more", "code"),
    [
        ("ana", {}, "covers-themselves"),
        ("ben", {"first": 3, "last": 1}, "empty-interval"),
        ("ben", {"accounts": "elsewhere"}, "not-their-account"),
    ],
)
def test_cover_that_makes_no_sense_is_refused(world: World, by: str, more: dict[str, Any], code: str) -> None:
    if more.get("accounts"):
        more = {"accounts": [world.accounts[6]]}
    with pytest.raises(InvalidInputError) as caught:
        cover(world, by, **more)
    assert codes(caught) == {code}


def test_somebody_away_or_gone_does_not_stand_in(world: World) -> None:
    leave(world, "ben", first=2, last=2)
    write(world.services, "reps", id=[world.reps["cal"]], left_on=[TODAY + 3 * DAY])
    for by, code in (("ben", "cover-away"), ("cal", "left-by-then")):
        with pytest.raises(InvalidInputError) as caught:
            cover(world, by)
        assert codes(caught) == {code}
    cover(world, "ben", last=1)


def test_leave_of_somebody_who_stands_in_warns(world: World) -> None:
    cover(world, "ben")
    assert "Ben stands in for Ana on some of these days." in leave(world, "ben")["warnings"]


def test_cover_sees_and_works_accounts_while_it_lasts(world: World) -> None:
    def sees(name: str, right: Right = Right.SEE) -> int:
        actor = Actor(role="rep", rep_id=world.reps[name], today=world.clock.today())
        return len(world.services.visibility.visible_ids(actor, "accounts", right=right))

    assert sees("dee") == 0
    entered = cover(world, "dee")
    assert sees("dee") == sees("dee", Right.EDIT_ACCOUNTS) == 6
    assert world.owners()[world.accounts[0]] == world.reps["ana"]
    world.clock.at += 5 * DAY
    assert sees("dee") == 0
    world.clock.at -= 5 * DAY
    people_changes.end_cover(world.services, OPERATOR, entered["ids"][0], rep_id=world.reps["ana"], on=TODAY)
    assert sees("dee") == 0


def test_ended_cover_stays_in_the_books_up_to_that_day(world: World) -> None:
    [one] = cover(world, "dee", first=-3, last=None)["ids"]
    people_changes.end_cover(world.services, OPERATOR, one, rep_id=world.reps["ana"])
    [row] = world.services.people_changes.covers(rep_ids=[world.reps["ana"]])
    assert (row.starts_on, row.ends_on) == (TODAY - 3 * DAY, TODAY)
    with pytest.raises(NotFoundError):
        people_changes.end_cover(world.services, OPERATOR, one, rep_id=world.reps["ana"])


def test_departure_ends_cover_of_and_by_the_leaver(world: World) -> None:
    cover(world, "ben", last=None)
    cover(world, "ana", name="cal", last=None, first=-2)
    departure = people_changes.plan_departure(
        world.services, OPERATOR, world.reps["ana"], last_day=TODAY - DAY
    )
    people_changes.confirm(world.services, OPERATOR, departure)
    rows = world.services.people_changes.covers()
    assert [(row.rep_id, row.ends_on) for row in rows] == [(world.reps["cal"], TODAY)]


def test_rep_may_not_enter_leave_for_anybody(world: World) -> None:
    actor = Actor(role="rep", rep_id=world.reps["ana"])
    with pytest.raises(ForbiddenError):
        people_changes.enter_leave(world.services, actor, world.reps["ana"], first_day=TODAY, last_day=TODAY)
