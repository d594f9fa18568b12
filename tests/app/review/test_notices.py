"""What people are told."""

from __future__ import annotations

import pytest
from tests.review_world import World

from merestone.app import notices
from merestone.app.policy import OPERATOR
from merestone.db.models import Notice

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_the_same_key_tells_a_user_once(world: World) -> None:
    users = [world.ana.user_id, world.ben.user_id, None]
    counts = []
    for _ in range(2):
        with world.services.records.transaction(OPERATOR, cause="test"):
            counts.append(notices.tell(world.services, users, kind="test", text="Hello", url="/", key="k"))
    assert counts == [2, 0]


def test_those_invited_are_told_where_to_look(review: World) -> None:
    told = Notice.objects.get(user_id=review.ana.user_id)
    assert (told.kind, told.url) == ("review", "/review/new/")
    assert "Please look." in told.text


def test_reading_marks_only_ones_own(review: World) -> None:
    assert notices.mark_read(review.services, review.ana) == 1
    assert notices.mark_read(review.services, review.ana) == 0
    assert Notice.objects.filter(read_at=None).count() == 5
    other = Notice.objects.get(user_id=review.ben.user_id)
    assert notices.mark_read(review.services, review.ana, ids=[other.pk]) == 0


def test_a_long_text_is_cut(world: World) -> None:
    with world.services.records.transaction(OPERATOR, cause="test"):
        notices.tell(world.services, [world.ana.user_id], kind="t", text="x" * 900, url="/", key="k")
    assert len(Notice.objects.get().text) == 500
