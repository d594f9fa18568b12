"""Scenarios as rows: packed plans, and two people at once."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from tests.app.scenarios.conftest import World

from merestone.app import scenarios
from merestone.app.policy import OPERATOR
from merestone.base.errors import ConflictError
from merestone.db.models import ScenarioStep
from merestone.db.stores.scenarios import packed, unpacked

ROUNDS = 3


@given(st.lists(st.integers(-1, 30_000)))
def test_packed_numbers_come_back(numbers: list[int]) -> None:
    assert unpacked(packed(numbers)) == tuple(numbers)


def test_a_plan_of_all_counties_stays_short() -> None:
    assert len(packed([at // 80 for at in range(3200)])) < 1_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_of_two_steps_from_the_same_revision_one_is_taken() -> None:
    from merestone.boot.services import services

    world = World(services())
    key = world.start()
    for revision in range(1, ROUNDS + 1):
        units = list(range(5 * (revision - 1), 5 * revision))  # Nevada's come first
        outcomes = both_assign(world, key, seen=revision, units=units)
        assert sorted(map(str, outcomes))[1] == "scenario-changed", outcomes
        winner = next(one for one in outcomes if isinstance(one, int))
        data = world.read(key)
        assert data["revision"] == revision + 1
        assert {data["units"]["territory"][at] for at in units} == {winner}
    assert list(ScenarioStep.objects.values_list("number", flat=True)) == list(range(1, ROUNDS + 2))


def both_assign(world: World, key: str, *, seen: int, units: list[int]) -> list[int | str]:
    """Let two people give the same units to different territories at once; returns what came of it."""
    barrier = threading.Barrier(2)
    outcomes: list[int | str] = []

    def assign(territory: int) -> None:
        try:
            barrier.wait()
            scenarios.assign(world.services, OPERATOR, key, seen=seen, units=units, territory=territory)
            outcomes.append(territory)
        except ConflictError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=assign, args=(territory,)) for territory in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
