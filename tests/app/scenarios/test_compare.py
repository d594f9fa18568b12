"""What a plan moves, beside where the accounts are now and beside another plan."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.app.scenarios.conftest import KING, MULTNOMAH, World

from merestone.app import scenarios
from merestone.app.policy import OPERATOR
from merestone.app.scenarios import Assumed
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


def held_for(world: World, years: float) -> None:
    """Let every account be with its owner for some years."""
    from merestone.db.models import AccountAssociation

    since = world.services.clock.now() - timedelta(days=365.25 * years)
    AccountAssociation.objects.update(valid_from=since)


def test_moves_have_a_price_by_the_length_of_the_tie_and_the_likeness_of_the_successor(world: World) -> None:
    from merestone.db.models import Rep

    held_for(world, 2)
    key = world.start()
    price = scenarios.compare(world.services, OPERATOR, key)["price"]
    assert (price["loss"], price["revenue"]) == (0, 0)
    world.assign(key, [MULTNOMAH], "washington")  # from Ana to Ben
    price = scenarios.compare(world.services, OPERATOR, key)["price"]
    assert price["revenue"] == 20.5
    assert price["loss"] == pytest.approx(20.5 * 0.176 / 2, abs=0.01)
    assert price["share"] == pytest.approx(20.5 * 0.176 / 2 / (9 * 10.25), rel=1e-3)
    assert price["assumed"] == {"loss": 0.176, "saves": 0.4, "half_life": 2.0}
    Rep.objects.filter(pk__in=(world.reps["ana"], world.reps["ben"])).update(languages=["Spanish"])
    price = scenarios.compare(world.services, OPERATOR, key, assumed=Assumed(loss=1.0, saves=0.4))["price"]
    assert price["loss"] == pytest.approx(20.5 / 2 * 0.6, abs=0.01)
    second = scenarios.copy(world.services, OPERATOR, key, name="Second")["key"]
    assert scenarios.compare(world.services, OPERATOR, second, with_=key)["price"] is None


def test_a_tie_begins_where_the_owner_came_not_where_the_territory_changed(world: World) -> None:
    from merestone.app.scenarios.ties import held_years
    from merestone.db.models import AccountAssociation

    held_for(world, 4)
    now = world.services.clock.now()
    account = world.accounts[0]
    standing = AccountAssociation.objects.get(account_id=account, valid_to=None, is_primary=True)
    middle = now - timedelta(days=365.25)
    for owner, since in ((standing.owner_id, now - timedelta(days=365.25 * 3)), (world.reps["cal"], now - timedelta(days=365.25 * 5))):  # fmt: skip
        until = middle if owner == standing.owner_id else now - timedelta(days=365.25 * 3)
        AccountAssociation.objects.create(
            account_id=account,
            territory_id=standing.territory_id,
            owner_id=owner,
            cause="rule",
            valid_from=since,
            valid_to=until,
        )
    AccountAssociation.objects.filter(pk=standing.pk).update(valid_from=middle)
    years = held_years(world.services, pa.array([account, world.accounts[1], 10**9], pa.int64()), now)
    assert years[:2] == pytest.approx([3, 4], rel=1e-6)
    assert np.isnan(years[2])
