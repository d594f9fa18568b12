"""What people are told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from tests.review_world import World

from merestone.app import notices
from merestone.app.policy import OPERATOR
from merestone.base.errors import UnavailableError
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


@dataclass
class Outbox:
    """Mail kept instead of sent; refuses what is for somebody in ``refuses``."""

    is_set_up: bool = True
    refuses: set[str] = field(default_factory=set)
    sent: list[tuple[str, str]] = field(default_factory=list)

    def link(self, path: str) -> str:
        return f"https://here{path}"

    def send(self, to: str, *, subject: str, text: str) -> None:
        if to in self.refuses:
            raise UnavailableError("No.")
        self.sent.append((to, text))


def test_unread_notices_are_mailed_once_with_their_link(review: World) -> None:
    outbox = Outbox()
    services = replace(review.services, mail=outbox)
    notices.mark_read(services, review.ana)

    assert (notices.mail_out(services), notices.mail_out(services)) == (5, 0)
    assert "ana@example.com" not in [to for to, _ in outbox.sent]
    assert all("https://here/review/new/" in text for _, text in outbox.sent)


def test_what_the_server_refused_is_sent_again(review: World) -> None:
    outbox = Outbox(refuses={"ben@example.com"})
    services = replace(review.services, mail=outbox)
    assert notices.mail_out(services) == 5
    outbox.refuses.clear()
    assert notices.mail_out(services) == 1
    assert outbox.sent[-1][0] == "ben@example.com"


def test_without_a_mail_server_nothing_is_marked(review: World) -> None:
    assert notices.mail_out(replace(review.services, mail=Outbox(is_set_up=False))) == 0
    assert Notice.objects.filter(mailed_at=None).count() == 6
