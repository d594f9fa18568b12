"""Rules of engagement and training: who writes, who is asked, who has read and done."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from tests import builders

from merestone.app import admin, guidelines
from merestone.app.policy import OPERATOR, Actor
from merestone.app.services import Services
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from merestone.db.models import Notice, User
from merestone.db.queries import guidelines as queries
from merestone.db.queries.actors import actor_of_user

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def people(services: Services) -> dict[str, Actor]:
    """Ana sells in the west, Ben in the east, Mia manages both from above, Vera plans."""
    reps = builders.add_reps(services)
    builders.publish(services)
    found = {}
    for name, role in (("ana", "rep"), ("ben", "rep"), ("mia", "manager"), ("vera", "planner")):
        made = admin.create_user(
            services,
            OPERATOR,
            email=f"{name}@example.com",
            role=role,
            name=name.title(),
            rep_id=reps.get(name),
        )
        found[name] = actor_of_user(User.objects.get(pk=made["id"]))
    return found


def told(actor: Actor) -> list[str]:
    return list(Notice.objects.filter(user_id=actor.user_id).order_by("id").values_list("kind", flat=True))


def write(services: Services, text: str, **more: Any) -> int:
    made = guidelines.save_guidelines(services, OPERATOR, text, **more)
    assert made is not None
    return made


def test_members_below_are_asked_and_others_are_not(services: Services, people: dict[str, Actor]) -> None:
    us = write(services, "All of us.", territory="us")
    west = write(services, "West only.", territory="west")
    assert [one.id for one in queries.concerning(people["ana"])] == [us, west]
    assert [one.id for one in queries.concerning(people["ben"])] == [us]
    assert queries.concerning(people["vera"]) == []
    assert (len(told(people["ana"])), len(told(people["ben"])), told(people["vera"])) == (2, 1, [])
    assert queries.paper(people["ben"], west) is None
    with pytest.raises(NotFoundError):
        guidelines.acknowledge(services, people["ben"], west)


def test_new_version_asks_again_and_the_old_one_stays_readable(
    services: Services, people: dict[str, Actor]
) -> None:
    first = write(services, "One\r\n", territory="west")
    assert guidelines.acknowledge(services, people["ana"], first)
    assert not guidelines.acknowledge(services, people["ana"], first)
    assert guidelines.save_guidelines(services, OPERATOR, "One", territory="west") is None
    second = write(services, "Two", territory="west", base=first)
    with pytest.raises(ConflictError):
        write(services, "Three", territory="west", base=first)
    with pytest.raises(ConflictError):
        guidelines.acknowledge(services, people["ana"], first)
    found = queries.versions(people["ana"], territory="west")
    assert [(one.id, one.number, one.text, one.is_in_force, one.is_open) for one in found] == [
        (second, 2, "Two", True, True),
        (first, 1, "One", False, False),
    ]


def test_manager_sees_who_has_read_and_reps_do_not(services: Services, people: dict[str, Actor]) -> None:
    write(services, "All of us.", territory="us")
    paper = queries.versions(people["mia"], territory="us")[0]
    guidelines.acknowledge(services, people["ana"], paper.id)
    assert [(one.name, one.at is not None) for one in queries.readers(people["mia"], paper)] == [
        ("Ben", False),
        ("Mia", False),
        ("Ana", True),
    ]
    assert queries.readers(people["ana"], paper) == []
    assert [(n, of) for _, n, of in queries.overview(people["mia"])] == [(1, 3)]
    assert guidelines.remind(services, people["mia"], paper.id) == 2
    assert guidelines.remind(services, people["mia"], paper.id) == 0


def test_only_those_who_manage_members_or_rules_there_write(
    services: Services, people: dict[str, Actor]
) -> None:
    with pytest.raises(ForbiddenError):
        guidelines.save_guidelines(services, people["mia"], "x", territory="west")
    with pytest.raises(ForbiddenError):
        guidelines.save_guidelines(services, people["mia"], "x")
    with pytest.raises(NotFoundError):
        guidelines.save_guidelines(services, people["ana"], "x", territory="east")
    assert guidelines.save_guidelines(services, people["vera"], "x", territory="west")
    with pytest.raises(InvalidInputError):
        guidelines.save_guidelines(services, people["vera"], "x\0", territory="west")


def test_training_is_for_roles_below_a_territory_until_it_is_retired(
    services: Services, people: dict[str, Actor]
) -> None:
    late = services.clock.today() - timedelta(days=1)
    item = guidelines.save_training(
        services, people["vera"], title="Prices", territory="us", roles=["owner"], due_on=late
    )
    assert [one.item.pk for one in queries.to_do(people["ana"])] == [item]
    assert queries.to_do(people["mia"]) == []
    guidelines.mark_done(services, people["ana"], item)
    lesson = queries.lessons(people["mia"])[0]
    assert lesson.is_overdue
    assert [one.name for one in lesson.missing] == ["Ben"]
    assert guidelines.tick(services)["overdue"] == 1
    assert guidelines.tick(services)["overdue"] == 0
    with pytest.raises(NotFoundError):
        guidelines.mark_done(services, people["mia"], item)
    guidelines.retire_training(services, people["vera"], item)
    assert queries.to_do(people["ben"]) == []
    with pytest.raises(ConflictError):
        guidelines.save_training(services, people["vera"], title="New", territory="us", item_id=item)


def test_everything_wrong_with_a_training_is_told_at_once(
    services: Services, people: dict[str, Actor]
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        guidelines.save_training(
            services,
            people["vera"],
            title=" ",
            url="javascript:alert(1)",
            roles=["boss"],
            due_on=date(2027, 1, 1),
        )
    assert [one.code for one in caught.value.problems] == ["missing-value", "bad-url", "unknown-role"]
