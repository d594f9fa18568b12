"""A scenario is there for those who plan its part, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.app.scenarios.conftest import World

from merestone.app import scenarios
from merestone.app.policy import OPERATOR, Actor
from merestone.base.errors import ForbiddenError, NotFoundError

pytestmark = pytest.mark.both_databases


def every(world: World, actor: Actor, key: str) -> list[Callable[[], object]]:
    """Return everything one can do with a scenario."""
    services = world.services
    return [
        lambda: scenarios.read(services, actor, key),
        lambda: scenarios.progress(services, actor, key),
        lambda: scenarios.steps(services, actor, key),
        lambda: scenarios.assign(services, actor, key, seen=1, units=[0], territory=0),
        lambda: scenarios.lock(services, actor, key, seen=1, units=[0], is_locked=True),
        lambda: scenarios.undo(services, actor, key, seen=1),
        lambda: scenarios.redo(services, actor, key, seen=1),
        lambda: scenarios.change_settings(services, actor, key, seen=1, changes={}),
        lambda: scenarios.refresh(services, actor, key, seen=1),
        lambda: scenarios.rename(services, actor, key, name="Mine"),
        lambda: scenarios.copy(services, actor, key, name="Mine"),
        lambda: scenarios.optimise(services, actor, key, seen=1, options={}),
        lambda: scenarios.stop(services, actor, key),
        lambda: scenarios.compare(services, actor, key),
        lambda: scenarios.write_rules(services, actor, key),
        lambda: scenarios.write_rules(services, actor, key, preview=False, seen=1),
        lambda: scenarios.delete(services, actor, key),
    ]


def test_without_the_right_to_plan_nothing_is_there_to_ask_for(world: World) -> None:
    key = world.start()
    rep = world.actor("somebody", rep="ana")
    for act in every(world, rep, key):
        with pytest.raises(ForbiddenError):
            act()


def test_what_is_hidden_reads_like_what_is_not_there(world: World) -> None:
    key = world.start()
    elsewhere = world.give(world.actor("east", rep="cal"), "east", "plan")
    for hidden, missing in zip(every(world, elsewhere, key), every(world, elsewhere, "none"), strict=True):
        with pytest.raises(NotFoundError) as one:
            hidden()
        with pytest.raises(NotFoundError) as other:
            missing()
        assert str(one.value).replace(key, "none") == str(other.value)
    assert scenarios.list_scenarios(world.services, elsewhere) == []


def test_whoever_plans_a_part_works_on_scenarios_of_that_part(world: World) -> None:
    part = world.give(world.actor("part", rep="ana"), "far", "plan")
    with pytest.raises(ForbiddenError):
        world.start("", actor=part)
    with pytest.raises(NotFoundError):
        world.start("us", actor=part)
    key = world.start(actor=part)
    assert scenarios.assign(world.services, part, key, seen=1, units=[0], territory=1)["revision"] == 2
    assert [one["key"] for one in scenarios.list_scenarios(world.services, part)] == [key]
    assert world.read(key)["key"] == key  # a planner of the whole sees it too
    made = scenarios.write_rules(world.services, part, key)
    assert made["is_exact"]
    scenarios.write_rules(world.services, part, key, preview=False, seen=2, fingerprint=made["fingerprint"])


def test_a_part_s_sums_count_only_accounts_that_are_there_now(world: World) -> None:
    """Idaho would come in by the plan's rules, but whoever plans the far west does not see it yet."""
    from merestone.app import plan_edits

    far = plan_edits.read_territory(world.services, OPERATOR, "plan", "far")
    plan_edits.edit_territory(
        world.services, OPERATOR, "plan", "far",
        {"where": "state in ('OR', 'WA', 'NV', 'ID')"}, fingerprint=far["fingerprint"],
    )  # fmt: skip
    part = world.give(world.actor("part", rep="ana"), "far", "plan")
    mine, whole = world.start(actor=part), world.start()
    assert "16001" not in world.where(mine)
    assert world.where(whole)["16001"] is None
    assert [one["key"] for one in scenarios.list_scenarios(world.services, part)] == [mine]
    with pytest.raises(NotFoundError):
        world.read(whole, actor=part)
