"""The same company on the real stores: made, changed by rivals at the same instant, and read back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from django.db import connection
from django.db.models import Q
from tests.builders import WEST_EAST, add_accounts, add_reps, document, publish
from tests.proofs.races.company import RULE, Company, Outcome, Place, Spell, owners_of

from merestone.app import plans
from merestone.app.policy import OPERATOR
from merestone.app.services import Services
from merestone.base.errors import ConflictError
from merestone.db.models import Account, AccountAssociation, ImportRun, Publication, TerritoryModel

STATES = ("CA", "WA", "NY", "MA", "TX", "FL")
NOT_THE_CALLERS = frozenset({"race", "constraint"})
"""Conflicts that speak of the database's own troubles; a rival must meet none."""
SCATTER_SECONDS = 0.01


def rota(key: str, variant: int) -> dict[str, Any]:
    """Return the document of a model in which everybody sits as ``owners_of`` says."""
    owners = owners_of(variant)
    territories = [
        {**node, "members": [{"rep": f"{owners[node['key']]}@example.com"}]}
        if node["key"] in owners
        else node
        for node in WEST_EAST
    ]
    return document(territories, key=key, name=f"Model {key}")


@dataclass
class Files:
    """Reads every file once: a parser of its own for each reading would take longer than the race."""

    real: Any
    kept: dict[Path, Any] = field(default_factory=dict)

    def read_table(self, path: Path, **options: Any) -> Any:
        if path not in self.kept:
            self.kept[path] = self.real.read_table(path, **options)
        return self.kept[path]


@dataclass
class World:
    """The company and what it should be."""

    services: Services
    folder: Path
    company: Company
    ids: dict[str, int]
    reps: dict[str, int]
    marks: tuple[int, ...] = ()

    def plan(self, key: str, variant: int) -> None:
        """Plan a model."""
        plans.apply_document(self.services, OPERATOR, rota(key, variant))
        self.company.variants[key], self.company.life[key] = variant, "planning"

    def others(self) -> list[int]:
        """Return the variants that are not in force."""
        return [variant for variant in range(3) if variant != self.company.variants[self.company.active]]

    def file(self, account: str, state: str) -> Path:
        """Return a file that says where an account lies."""
        path = self.folder / f"{account}-{state}.csv"
        if not path.exists():
            name = f"Account {account.removeprefix('A')}"
            path.write_text(f"id,name,country,state\n{account},{name},US,{state}\n")
        return path

    def begin(self) -> None:
        """Remember where a round begins."""
        self.company.forget()
        last = AccountAssociation.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self.marks = (last, Publication.objects.count(), applied())

    def now(self) -> Company:
        """Return the company as the database has it, with what was opened since the round began."""
        external = {pk: account for account, pk in self.ids.items()}
        rep_names = {pk: name for name, pk in self.reps.items()}
        marks, found = self.marks, replace(self.company, places={}, causes={}, opened={})
        names = ("pk", "account_id", "territory__key", "owner_id", "cause", "model__key", "valid_to")
        rows = AccountAssociation.objects.filter(Q(valid_to=None) | Q(pk__gt=marks[0])).values_list(*names)
        for pk, account_id, territory, owner_id, cause, model, valid_to in rows.order_by("valid_from", "pk"):
            account, place = external[account_id], (territory, rep_names.get(owner_id or 0))
            if valid_to is None:
                assert account not in found.places, f"{account} is in two places"
                found.places[account], found.causes[account] = place, cause
            if pk > marks[0]:
                found.opened.setdefault(account, []).append(Spell(place, cause, model or ""))
        states = Account.objects.values_list("pk", "state")
        found.states = {external[pk]: state or "" for pk, state in states}
        found.life = dict(TerritoryModel.objects.values_list("key", "state"))
        found.active = TerritoryModel.objects.get(state="active").key
        found.publications = Publication.objects.count() - marks[1]
        found.imports = applied() - marks[2]
        return found

    def place_id(self, place: Place) -> tuple[str | None, int | None]:
        """Return a place with the owner's id."""
        return place[0], None if place[1] is None else self.reps[place[1]]


def applied() -> int:
    """Return how many imports were applied."""
    return ImportRun.objects.filter(state="applied").count()


def build(services: Services, folder: Path) -> World:
    """Return a company of six accounts whose model is active."""
    ours = replace(services, files=Files(services.files))
    reps = add_reps(ours)
    publish(ours, rota("m0", 0)["territories"], key="m0", name="Model m0")
    ids = add_accounts(ours, [{"state": state} for state in STATES])
    names = {f"A{place}": pk for place, pk in enumerate(ids)}
    company = Company(dict(zip(names, STATES, strict=True)), "m0", {"m0": 0}, {"m0": "active"})
    company.places = {account: company.ruled(account) for account in names}
    company.causes = dict.fromkeys(names, RULE)
    world = World(ours, folder, company, names, reps)
    world.begin()
    assert world.now() == world.company
    return world


class Rivals:
    """Two threads, each with a connection of its own, that start at the same instant.

    Whoever came first starts a little later the next time, so that the two stay as close as can be however long each of
    them prepares.
    """

    def __init__(self, seed: int) -> None:
        self.pool, self.barrier, self.dice = ThreadPoolExecutor(2), threading.Barrier(2), Random(seed)
        self.lead_seconds = 0.0  # of the first over the second

    def race(self, *deeds: Callable[[], Outcome]) -> list[Outcome]:
        """Do both at once; returns what came of each."""
        late = self.lead_seconds + self.dice.uniform(-SCATTER_SECONDS, SCATTER_SECONDS)
        waits = (max(0.0, late), max(0.0, -late))
        started = [self.pool.submit(self._do, deed, wait) for deed, wait in zip(deeds, waits, strict=True)]
        return [one.result() for one in started]

    def came_first(self, place: int) -> None:
        """Say which of the two came first."""
        self.lead_seconds += SCATTER_SECONDS if place == 0 else -SCATTER_SECONDS

    def _do(self, deed: Callable[[], Outcome], wait: float) -> Outcome:
        self.barrier.wait()
        threading.Event().wait(wait)
        return outcome(deed)

    def close(self) -> None:
        """Give the connections back."""
        meet = threading.Barrier(2)

        def leave() -> None:
            meet.wait()
            connection.close()

        for done in [self.pool.submit(leave) for _ in range(2)]:
            done.result()
        self.pool.shutdown()


@contextmanager
def rivals(seed: int) -> Iterator[Rivals]:
    """Two rivals, gone afterwards."""
    both = Rivals(seed)
    try:
        yield both
    finally:
        both.close()


def outcome(deed: Callable[[], Outcome]) -> Outcome:
    """Return what a deed came to; a conflict must say what is different, anything else is an error."""
    try:
        return deed()
    except ConflictError as error:
        if error.code in NOT_THE_CALLERS or not error.difference:
            raise
        return "conflict", error.code


Deed = tuple[Callable[[], Outcome], Callable[[Company], Outcome]]
"""What to do with the product, and what that comes to in the company."""


def serial(company: Company, deeds: Sequence[Deed], order: Sequence[int]) -> tuple[Company, list[Outcome]]:
    """Return the company and the outcomes when the deeds are done one after the other."""
    copy, found = deepcopy(company), {}
    for place in order:
        found[place] = deeds[place][1](copy)
    return copy, [found[place] for place in range(len(deeds))]
