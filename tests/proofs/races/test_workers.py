"""Two workers at the same instant: a scheduled model is published once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import connection
from tests.app.lifecycle.world import Dial
from tests.proofs.races.world import World, build

from merestone.app import lifecycle
from merestone.app.policy import OPERATOR
from merestone.app.services import Services
from merestone.boot import timetable
from merestone.db.models import ModelEvent, Publication

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

ROUNDS = 50


class Watched:
    """The worker's chore that publishes what is due, and what it came to each time."""

    def __init__(self) -> None:
        self.came_to: list[dict[str, Any]] = []
        [chore] = [chore for chore in timetable.CHORES if chore.do is lifecycle.publish_due]
        self.chore = replace(chore, do=self._do)

    def _do(self, services: Services) -> None:
        self.came_to += lifecycle.publish_due(services)


def due(world: World, key: str, variant: int) -> None:
    """Have a model whose instant has come: it was scheduled an hour ago."""
    world.plan(key, variant)
    then = Dial(datetime.now(UTC) - timedelta(hours=1))
    services = replace(world.services, clock=then)
    lifecycle.schedule(services, OPERATOR, key, effective=then.now() + timedelta(minutes=1))
    world.company.life[key] = "scheduled"


def at_once(workers: ThreadPoolExecutor, barrier: threading.Barrier, chore: timetable.Chore) -> list[bool]:
    """Let both workers look at the same instant; returns whether each did well."""

    def look() -> bool:
        barrier.wait()
        return timetable.done(chore)

    return [one.result() for one in [workers.submit(look) for _ in range(2)]]


def test_two_workers_publish_a_scheduled_model_once(
    services: Services, tmp_path: Path, breaches: Callable[[Services], list[str]]
) -> None:
    world, dice, barrier = build(services, tmp_path), Random(5), threading.Barrier(2)
    saw_both = 0
    with ThreadPoolExecutor(2) as workers:
        for number in range(ROUNDS):
            key, watched = f"s{number}", Watched()
            due(world, key, dice.choice(world.others()))
            world.begin()
            world.company.publish(key)
            assert at_once(workers, barrier, watched.chore) == [True, True]
            assert world.now() == world.company
            outcomes = sorted(str(one["outcome"]) for one in watched.came_to)
            assert outcomes in (["published"], ["nothing", "published"])
            saw_both += len(outcomes) == 2
            steps = ModelEvent.objects.filter(model__key=key, to_state="active")
            assert steps.count() == Publication.objects.filter(model__key=key).count() == 1

        def leave() -> None:
            barrier.wait()
            connection.close()

        for one in [workers.submit(leave) for _ in range(2)]:
            one.result()
    assert saw_both  # both found it due: there was something to decide between them
    assert breaches(services) == []
