"""Whoever reads while a model is published sees all of the old state or all of the new one."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from tests.app.lifecycle.world import World, add_activities, add_opportunities, build, put, standing, swapped

from merestone.app import lifecycle, plans
from merestone.app.policy import OPERATOR
from merestone.app.services import Services
from merestone.db.models import Account
from merestone.db.queries.steady import one_state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
ROUNDS = 4


class Reader(threading.Thread):
    """Looks at everything, again and again."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: list[Any] = []
        self.failed: list[BaseException] = []
        self.stop = threading.Event()

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                with one_state():
                    self.seen.append(standing())
        except BaseException as error:
            self.failed.append(error)
        finally:
            connection.close()


@pytest.fixture
def busy(services: Services) -> World:
    """A world with open work."""
    world = build(services)
    add_opportunities(world, [{"account": place, "owner": "ana"} for place in (0, 1, 1)])
    add_activities(world, [{"account": 0, "rep": "ana"}])
    return world


def test_a_reader_sees_one_generation_at_a_time(busy: World) -> None:
    reader = Reader()
    reader.start()
    legal = [standing()]
    for number in range(ROUNDS):
        key = f"n{number}"
        plans.apply_document(busy.services, OPERATOR, swapped(key))
        put(busy.services, key)
        legal.append(standing())
        lifecycle.undo(busy.services, OPERATOR)
        legal.append(standing())
    reader.stop.set()
    reader.join()
    assert not reader.failed
    assert reader.seen
    torn = [one for one in reader.seen if one not in legal]
    assert not torn


def test_a_state_once_read_stays_until_the_end_and_a_use_case_leaves_it(busy: World) -> None:
    done, looked = threading.Event(), threading.Event()

    def publish() -> None:
        looked.wait()
        try:
            put(busy.services)
        finally:
            done.set()
            connection.close()

    other = threading.Thread(target=publish, daemon=True)
    other.start()
    with one_state():
        before = standing()
        looked.set()
        done.wait()
        assert standing() == before
        with busy.services.records.transaction(OPERATOR, cause="test"):
            Account.objects.filter(pk=busy.accounts[0]).update(name="Seen")
        assert standing() != before
    other.join()
    assert standing() != before
