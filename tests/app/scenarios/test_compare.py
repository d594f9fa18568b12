"""What a plan moves, beside where the accounts are now and beside another plan."""

from __future__ import annotations

import pytest
from tests.app.scenarios.conftest import KING, MULTNOMAH, World

from merestone.app import scenarios
from merestone.app.policy import OPERATOR
from merestone.base.errors import ConflictError

pytestmark = pytest.mark.both_databases


def test_beside_the_live_model_accounts_and_money_that_move_are_told(world: World) -> None:
    key = world.start()
    same = scenarios.compare(world.services, OPERATOR, key)
    assert same["moves"] == {"units": 0, "accounts": 0, "potential": 0, "revenue": 0, "workload": 0}
    world.assign(key, [MULTNOMAH], "washington")
    found = scenarios.compare(world.services, OPERATOR, key)
    assert found["moves"] == {
        "units": 1,
        "accounts": 2,
        "potential": 201.0,
        "revenue": 20.5,
        "workload": 50.0,
    }
    assert found["share"]["accounts"] == pytest.approx(2 / 9)
    sides = {one["key"]: one for one in found["territories"]}
    washington, oregon = sides["washington"], sides["oregon"]
    assert (washington["gained"]["accounts"], washington["lost"]["accounts"]) == (2, 0)
    assert (oregon["before"]["workload"], oregon["after"]["workload"]) == (95.0, 45.0)
    assert (oregon["units_gained"], oregon["units_lost"]) == (0, 1)
    assert oregon["index_before"]["workload"] == 118.8
    reps = {one["name"]: one for one in found["reps"]}
    assert reps["Ben"]["gained"]["revenue"] == 20.5
    assert reps["Ana"]["lost"]["accounts"] == 2


def test_beside_another_scenario_units_are_told(world: World) -> None:
    first = world.start()
    second = scenarios.copy(world.services, OPERATOR, first, name="Second")["key"]
    world.assign(second, [KING], "oregon")
    found = scenarios.compare(world.services, OPERATOR, second, with_=first)
    assert found["with"] == {"key": "first", "name": "First"}
    assert (found["moves"]["units"], found["moves"]["workload"]) == (1, 40.0)
    sides = {one["key"]: one for one in found["territories"]}
    assert sides["oregon"]["gained"]["accounts"] == sides["washington"]["lost"]["accounts"] == 1


def test_scenarios_of_other_units_are_not_compared(world: World) -> None:
    with pytest.raises(ConflictError) as caught:
        scenarios.compare(world.services, OPERATOR, world.start(), with_=world.start(""))
    assert caught.value.code == "other-units"
