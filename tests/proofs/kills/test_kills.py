"""kill -9 in the middle of publishing, undoing, importing and of a worker's job: nothing torn, nothing lost, nothing twice.

A child process does one thing; it is killed at a moment drawn from the time an undisturbed child takes. Then a new
connection must find the company as it was or as it should be (``races.company.Company`` says how), and ``merestone verify``
must find nothing. What a worker left is done by the next one, and its effect is there once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from tests.proofs.kills.nursery import End, Nursery
from tests.proofs.races.company import TERRITORY_OF
from tests.proofs.races.world import STATES, World, build, rota

from merestone.app import jobs, lifecycle
from merestone.app.exchange import importing
from merestone.app.policy import OPERATOR
from merestone.app.services import Services
from merestone.app.verify.content import content_checks
from merestone.db.models import Job, Opportunity, OpportunityOwnership, Publication
from merestone.db.stores.jobs import LEASE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

KILLS = {"publish": 15, "undo": 10, "take_in": 10, "work": 15}
BEYOND = 1.2
"""The last moment drawn, in undisturbed runs."""
PART_BEFORE = 0.3
"""At least so many must be killed before anything is committed."""
WORKED_ON, LOOSE = ("A0", "A2", "A4"), ("A1", "A3", "A5")
"""Accounts with open work, and those that imports and rule runs move."""
JOBS = ("publish", "undo publish", "rule run", "import")

Breaches = Callable[[Services], list[str]]


@pytest.fixture(scope="module")
def nursery(django_db_setup: Any) -> Iterator[Nursery]:
    """A process that forks children on the test database."""
    parts = connection.settings_dict
    if connection.vendor == "sqlite":
        database = f"sqlite:///{parts['NAME']}"
    else:
        who = f"{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{parts['PORT']}"
        database = f"postgresql://{who}/{parts['NAME']}"
    ours = Nursery(database=database, data_dir=settings.DATA_DIR)
    yield ours
    ours.close()


@pytest.fixture
def world(services: Services, tmp_path: Path) -> World:
    """A company with an open opportunity on every account of ``WORKED_ON``, held by the account's owner."""
    made = build(services, tmp_path)
    rows = pa.table(
        {
            "name": [f"Deal {account}" for account in WORKED_ON],
            "account_id": [made.ids[account] for account in WORKED_ON],
            "owner_id": [made.place_id(made.company.places[account])[1] for account in WORKED_ON],
            "stage": ["prospecting"] * len(WORKED_ON),
        }
    )
    with services.records.transaction(OPERATOR, cause="test"):
        services.records.write("opportunities", rows)
    return made


class Round:
    """One thing to be done, and how it looks once it is."""

    def __init__(self, world: World, number: int, dice: Random) -> None:
        self.world, self.number, self.dice = world, number, dice
        self.after = deepcopy(world.company)
        self.said: dict[str, Any] = {}
        self.kind = ""
        self.job = 0

    def publish(self) -> str:
        """Plan a model to be published; returns its key."""
        key = f"k{self.number}"
        self.world.plan(key, self.dice.choice(self.world.others()))
        self.said = {"key": key}
        self.after = deepcopy(self.world.company)
        self.after.forget()
        self.after.publish(key)
        return key

    def undo(self) -> int:
        """Have the last publication to take back; returns its number."""
        publication = Publication.objects.latest("pk").pk
        self.said = {"publication": publication}
        self.after.forget()
        self.after.undo()
        return publication

    def take_in(self) -> Path:
        """Have an account that lies elsewhere; returns the file that says so."""
        account, state = self._elsewhere()
        path = self.world.file(account, state)
        self.said = {"path": str(path)}
        self.after.forget()
        self.after.take_in({account: state})
        self.after.before = None
        return path

    def run(self) -> None:
        """Have an account that lies elsewhere and was not placed."""
        account, state = self._elsewhere()
        world = self.world
        with world.services.records.transaction(OPERATOR, cause="test"):
            world.services.records.write("accounts", pa.table({"id": [world.ids[account]], "state": [state]}))
        world.company.states[account] = state
        self.after = deepcopy(world.company)
        self.after.forget()
        self.after.run()
        self.after.before = None

    def work(self) -> None:
        """Queue a job: one kind after the other."""
        kind, services = JOBS[self.number % len(JOBS)], self.world.services
        said: dict[str, Any] = {}
        self.kind = kind
        if kind == "publish":
            said = {"key": self.publish()}
        elif kind == "undo publish":  # of the publication that the round before came to
            said = {"publication": self.undo()}
        elif kind == "import":
            path = self.take_in()
            report = importing.preview_import(services, OPERATOR, "accounts", path, file_name=path.name)
            said = {"run_id": report.run_id}
        else:
            self.run()
        self.said = {}
        self.job = jobs.enqueue(services, OPERATOR, kind, **said)

    def _elsewhere(self) -> tuple[str, str]:
        account = self.dice.choice(LOOSE)
        here = TERRITORY_OF.get(self.world.company.states[account])
        return account, self.dice.choice([state for state in STATES if TERRITORY_OF.get(state) != here])


def settle() -> None:
    """Look with a new connection, once the server has noticed that the child is gone."""
    connection.close()
    while connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            if not cursor.fetchone()[0]:
                return


def astray(world: World) -> list[str]:
    """Return the opportunities that are not with the owner of their account, or not on record as being so."""
    held = dict(OpportunityOwnership.objects.filter(valid_to=None).values_list("opportunity_id", "owner_id"))
    places = world.now().places
    names = {pk: account for account, pk in world.ids.items()}
    rows = Opportunity.objects.values_list("pk", "name", "account_id", "owner_id")
    return [
        name
        for pk, name, account, owner in rows
        if not owner == held.get(pk) == world.place_id(places[names[account or 0]])[1]
    ]


def is_after(world: World, ours: Round) -> bool:
    """Return whether what was asked for is done; it must be, whole, or nothing of it."""
    now = world.now()
    assert now in (world.company, ours.after), f"torn: {now}\nbefore {world.company}\nafter {ours.after}"
    return now != world.company


def a_while_later(job: int) -> None:
    """Let the dead worker's lease be over."""
    then = timezone.now() - LEASE - timedelta(seconds=1)
    Job.objects.filter(pk=job).update(created_at=then)
    Job.objects.filter(pk=job, state="running").update(lease_until=then)


def torn(services: Services) -> list[str]:
    """Return what ``merestone verify`` finds, but for one question about the schema, which nobody changes here."""
    with services.evidence.at_one_instant():
        checks = [*services.evidence.checks(now=services.clock.now(), head=None), *content_checks(services)]
        asked = [check for check in checks if check.rule != "constraints-installed"]
        return [f"{check.rule}: {found.message}" for check in asked for found in check.ask()]


def begin(world: World, ours: Round, deed: str) -> None:
    """Lay ready what the child shall do, and remember how everything is."""
    if deed == "undo" and (world.company.before is None or ours.number % 3 == 0):
        key = Round(world, 100_000 + ours.number, ours.dice).publish()
        world.company.publish(key)
        lifecycle.publish(world.services, OPERATOR, key)
        ours.after = deepcopy(world.company)
    getattr(ours, deed)()
    world.begin()
    connection.close()


def finish(world: World, ours: Round, nursery: Nursery) -> None:
    """Let the next worker do what the dead one left; it is done then, once."""
    a_while_later(ours.job)
    connection.close()
    nursery.kill("work")
    settle()
    kept = Job.objects.get(pk=ours.job)
    assert (kept.state, kept.error) == ("done", ""), kept.kind
    assert world.now() == ours.after, f"{kept.kind}: not once\n{world.now()}\n{ours.after}"


def moments(n_kills: int, dice: Random) -> list[float]:
    """Return when to kill, in undisturbed runs: evenly over all of one and a little beyond, in any order."""
    return dice.sample([(place + dice.random()) / n_kills * BEYOND for place in range(n_kills)], n_kills)


def killed(
    nursery: Nursery, world: World, ours: Round, deed: str, *, after: float | None
) -> tuple[End, bool]:
    """Kill a child and look; returns how it ended, and whether it had done it."""
    end = nursery.kill(deed, after=after, **ours.said)
    settle()
    done = is_after(world, ours)
    assert done or not end.is_done, "it said that it was done"
    assert torn(world.services) == []
    assert astray(world) == []
    if deed == "work":
        finish(world, ours, nursery)
    world.company = ours.after if done or deed == "work" else world.company
    return end, done


@pytest.mark.parametrize("deed", KILLS)
def test_a_killed_process_leaves_all_or_nothing(
    nursery: Nursery, world: World, breaches: Breaches, deed: str
) -> None:
    dice, n_after, number = Random(11), 0, 0
    nursery.look(rota("look", 1))
    whole: dict[str, float] = {}
    while len(whole) < (len(JOBS) if deed == "work" else 1):  # undisturbed, each kind once
        ours = Round(world, number, dice)
        begin(world, ours, deed)
        end, done = killed(nursery, world, ours, deed, after=None)
        assert done
        whole[ours.kind] = end.seconds
        number += 1
    times = [*moments(KILLS[deed] - 1, dice), None]  # the last one when it has just said that it is done
    for moment in times:
        ours = Round(world, number, dice)
        begin(world, ours, deed)
        after = None if moment is None else moment * whole[ours.kind]
        n_after += killed(nursery, world, ours, deed, after=after)[1]
        number += 1
    assert breaches(world.services) == []
    assert KILLS[deed] - n_after >= PART_BEFORE * KILLS[deed]
    assert n_after >= 1
