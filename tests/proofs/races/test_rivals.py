"""Publish against publish, import, manual move and rule run: one comes after the other, and the later one knows it.

Each round two threads with connections of their own start at the same instant. What the database holds then, history
and counts included, and what each of them was told, must be what one of the two orders comes to in ``company.Company``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from tests.proofs.races.company import Company, Outcome
from tests.proofs.races.world import STATES, Deed, World, build, rivals, serial

from merestone.app import assign, lifecycle
from merestone.app.difference import preview
from merestone.app.exchange import importing
from merestone.app.policy import OPERATOR
from merestone.app.services import Services

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

ROUNDS = 200
BOTH_WAYS = 10
"""So often at least each of them comes first: otherwise it was no race."""

Breaches = Callable[[Services], list[str]]


@pytest.fixture
def world(services: Services, tmp_path: Path) -> World:
    """A company of six accounts."""
    return build(services, tmp_path)


def publishing(world: World, key: str, *, looks: bool) -> Deed:
    """Publish a model, having looked at what would move or blindly."""
    fingerprint = preview(world.services, OPERATOR, key).fingerprint if looks else None
    seen = world.company.moves(key) if looks else None

    def do() -> Outcome:
        return "done", lifecycle.publish(world.services, OPERATOR, key, fingerprint=fingerprint)["changed"]

    return do, lambda company: company.publish(key, seen=seen)


def importing_one(world: World, account: str, state: str) -> Deed:
    """Import a file that says where an account lies."""
    path = world.file(account, state)

    def do() -> Outcome:
        return "done", importing.import_file(world.services, OPERATOR, "accounts", path).accepted

    return do, lambda company: company.take_in({account: state})


def moving(world: World, account: str, territory: str) -> Deed:
    """Move an account by hand from where it is seen now."""
    pk, seen = world.ids[account], world.company.places[account]
    known = {pk: world.place_id(seen)}

    def do() -> Outcome:
        done = assign.move_accounts(
            world.services, OPERATOR, [pk], territory=territory, reason="Asked for", seen=known
        )
        return "done", done["changed"]

    return do, lambda company: company.move(account, territory, seen=seen)


def running(world: World) -> Deed:
    """Run the rules."""

    def do() -> Outcome:
        return "done", assign.run_rules(world.services, OPERATOR)["changed"]

    return do, Company.run


def race(world: World, deeds_of: Callable[[World, int, Random], list[Deed]], *, seed: int) -> Counter[str]:
    """Race ``ROUNDS`` times; returns how often which of the two came first."""
    dice, first = Random(seed), Counter[str]()
    with rivals(seed) as both:
        for number in range(ROUNDS):
            deeds = deeds_of(world, number, dice)
            world.begin()
            told = both.race(*(do for do, _ in deeds))
            now = world.now()
            orders = {
                name: serial(world.company, deeds, order)
                for name, order in (("one", (0, 1)), ("other", (1, 0)))
            }
            fits = [name for name, found in orders.items() if found == (now, told)]
            assert fits, f"round {number}: neither order leads to\n{now}\n{told}\nbut\n{orders}"
            world.company = orders[fits[0]][0]
            if len(fits) == 1:
                both.came_first(0 if fits[0] == "one" else 1)
            first["both alike" if len(fits) == 2 else fits[0]] += 1
    return first


def two_publishers(world: World, number: int, dice: Random) -> list[Deed]:
    """Two models at once, looked at or blindly; now and then the same one twice."""
    keys = [f"p{number}a", f"p{number}b"]
    for key, variant in zip(keys, dice.sample(world.others(), 2), strict=True):
        world.plan(key, variant)
    looks = number % 2 == 0
    if number % 10 == 9:
        keys[1] = keys[0]
    return [publishing(world, key, looks=looks) for key in keys]


def publisher_and_importer(world: World, number: int, dice: Random) -> list[Deed]:
    """A model, and an account that lies elsewhere."""
    world.plan(f"i{number}", dice.choice(world.others()))
    account = dice.choice(list(world.ids))
    state = dice.choice([state for state in STATES if state != world.company.states[account]])
    publisher = publishing(world, f"i{number}", looks=number % 2 == 0)
    return [publisher, importing_one(world, account, state)]


def publisher_and_mover(world: World, number: int, dice: Random) -> list[Deed]:
    """A model, and an account that somebody moves from where he sees it."""
    world.plan(f"m{number + 1}", dice.choice(world.others()))
    account = dice.choice(list(world.ids))
    territory = dice.choice([seat for seat in ("west", "east") if seat != world.company.places[account][0]])
    publisher = publishing(world, f"m{number + 1}", looks=number % 2 == 0)
    return [publisher, moving(world, account, territory)]


def publisher_and_runner(world: World, number: int, dice: Random) -> list[Deed]:
    """A model, and a rule run that has something to do: an account was written without being placed."""
    import pyarrow as pa

    world.plan(f"r{number}", dice.choice(world.others()))
    account = dice.choice(list(world.ids))
    state = dice.choice([state for state in STATES if state != world.company.states[account]])
    with world.services.records.transaction(OPERATOR, cause="test"):
        world.services.records.write("accounts", pa.table({"id": [world.ids[account]], "state": [state]}))
    world.company.states[account] = state
    return [publishing(world, f"r{number}", looks=number % 2 == 0), running(world)]


@pytest.mark.parametrize(
    "rivalry", [two_publishers, publisher_and_importer, publisher_and_mover, publisher_and_runner]
)
def test_rivals_come_one_after_the_other(
    world: World, breaches: Breaches, rivalry: Callable[[World, int, Random], list[Deed]]
) -> None:
    first = race(world, rivalry, seed=7)
    assert first["one"] >= BOTH_WAYS
    assert first["other"] >= BOTH_WAYS
    assert breaches(world.services) == []
