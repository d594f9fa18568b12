"""The optimiser works as a job; its result is a step that can be taken back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.app.scenarios.conftest import CLARK, KING, MULTNOMAH, World

from merestone.app import scenarios
from merestone.app.policy import OPERATOR
from merestone.app.scenarios import optimising
from merestone.base.errors import ConflictError, InvalidInputError, UsageError
from merestone.boot.tasks import JobWatch
from merestone.db.models import Job
from merestone.db.stores.jobs import JobStore

WIDE = {"balances": [{"measure": "workload", "tolerance": 0.6}]}


def ready(world: World) -> str:
    key = world.start()
    scenarios.change_settings(world.services, OPERATOR, key, seen=1, changes=WIDE)
    return key


def optimise(world: World, key: str, **options: Any) -> int:
    seen = world.read(key)["revision"]
    done = scenarios.optimise(world.services, OPERATOR, key, seen=seen, options={"seconds": 2, **options})
    return int(done["job"])


def work(world: World, job: int) -> None:
    """Do a job as a worker does, but for the thread that keeps it alive: it would wait for the test's transaction."""
    store = world.services.jobs
    assert isinstance(store, JobStore)
    claimed = store.claim(job)
    if claimed is not None:
        store.finish(
            claimed, result=optimising.run(world.services, OPERATOR, claimed.payload, JobWatch(claimed))
        )


@pytest.mark.both_databases
def test_its_result_is_one_step_with_a_report(world: World) -> None:
    key = ready(world)
    before = world.where(key)
    job = optimise(world, key)
    assert world.read(key)["job"]["state"] == "queued"
    work(world, job)
    data = world.read(key)
    assert (data["job"], data["failed"]) == (None, None)
    report = data["report"]
    assert report["is_feasible"]
    assert report["is_current"]
    assert report["cost"] >= report["bound"] * (1 - 1e-9)
    assert data["can"]["undo"].startswith("Optimise everything")
    assert data["origin"] == "optimiser"
    scenarios.undo(world.services, OPERATOR, key, seen=data["revision"])
    assert world.where(key) == before
    assert not world.read(key)["report"]["is_current"]


@pytest.mark.both_databases
def test_a_result_that_moves_nothing_is_no_step_to_take_back(world: World) -> None:
    key = ready(world)
    work(world, optimise(world, key))
    first = world.read(key)
    work(world, optimise(world, key))
    second = world.read(key)
    assert second["units"]["territory"] == first["units"]["territory"]
    assert second["report"]["is_current"]
    scenarios.undo(world.services, OPERATOR, key, seen=second["revision"])
    assert world.read(key)["can"]["undo"] is None


def test_locks_and_what_is_outside_the_region_stay(world: World) -> None:
    key = ready(world)
    data = world.read(key)
    ids = data["units"]["id"]
    revision = world.assign(key, [MULTNOMAH], "washington")["revision"]
    scenarios.lock(world.services, OPERATOR, key, seen=revision, units=[ids.index(MULTNOMAH)], is_locked=True)
    before = world.where(key)
    work(world, optimise(world, key, region={"territories": [0, 1]}))
    after = world.where(key)
    assert after[MULTNOMAH] == "washington"
    assert {unit for unit in ids if before[unit] == "nevada"} == {
        unit for unit in ids if after[unit] == "nevada"
    }
    chosen = [ids.index("53011"), ids.index("53059")]
    work(world, optimise(world, key, region={"units": chosen}))
    last = world.where(key)
    assert {unit for unit in ids if last[unit] != after[unit]} <= {"53011", "53059"}


def test_wishes_that_cannot_be_are_refused_before_any_work(world: World) -> None:
    key = world.start()
    scenarios.change_settings(
        world.services, OPERATOR, key, seen=1,
        changes={"balances": [{"measure": "workload", "tolerance": 0.0}, {"measure": "accounts", "tolerance": 0.0}]},
    )  # fmt: skip
    seen = world.read(key)["revision"]
    units = world.read(key)["units"]["id"]
    locked = [units.index(unit) for unit in (MULTNOMAH, KING, CLARK, "53053", "32031")]
    seen = scenarios.lock(world.services, OPERATOR, key, seen=seen, units=locked, is_locked=True)["revision"]
    for territory_units in ([MULTNOMAH, KING],):
        seen = scenarios.lock(
            world.services,
            OPERATOR,
            key,
            seen=seen,
            units=[units.index(u) for u in territory_units],
            is_locked=False,
        )["revision"]
        seen = world.assign(key, territory_units, "nevada")["revision"]
        seen = scenarios.lock(
            world.services,
            OPERATOR,
            key,
            seen=seen,
            units=[units.index(u) for u in territory_units],
            is_locked=True,
        )["revision"]
    with pytest.raises(InvalidInputError) as caught:
        scenarios.optimise(world.services, OPERATOR, key, seen=seen, options={})
    assert len(caught.value.problems) >= 2
    assert not Job.objects.exists()


def test_a_region_in_which_nothing_can_move_is_refused(world: World) -> None:
    key = ready(world)
    for region, code in (
        ({"territories": [0]}, "empty-region"),
        ({"units": []}, "empty-region"),
        ({"units": [9999]}, "bad-unit"),
        ({"territories": [7]}, "bad-territory"),
        ("some", "bad-choice"),
    ):
        with pytest.raises(UsageError) as caught:
            scenarios.optimise(world.services, OPERATOR, key, seen=2, options={"region": region})
        assert caught.value.code == code


def test_only_one_works_at_a_time_and_one_that_waits_is_stopped_at_once(world: World) -> None:
    key = ready(world)
    job = optimise(world, key)
    with pytest.raises(ConflictError) as caught:
        optimise(world, key)
    assert caught.value.code == "job-running"
    assert scenarios.stop(world.services, OPERATOR, key) == {"job": job}
    assert Job.objects.get(pk=job).state == "cancelled"
    assert scenarios.stop(world.services, OPERATOR, key) == {"job": None}
    work(world, job)
    assert world.read(key)["revision"] == 2


def test_stopping_one_at_work_ends_it_with_the_best_so_far(world: World) -> None:
    """The watch passes the wish on to whoever asked to be told."""
    key = ready(world)
    job = optimise(world, key, seconds=500)
    store = world.services.jobs
    assert isinstance(store, JobStore)
    claimed = store.claim(job)
    assert claimed is not None
    watch = JobWatch(claimed)
    scenarios.stop(world.services, OPERATOR, key)
    watch.beat(store)
    result = optimising.run(world.services, OPERATOR, claimed.payload, watch)
    assert result["report"]["stop_reason"] in ("cancelled", "optimal")
    assert result["report"]["seconds"] < 60
    assert set(watch.details or {}) <= {"cost", "bound", "gap"}


def test_a_scenario_changed_meanwhile_keeps_its_change_and_the_result_is_a_copy(world: World) -> None:
    key = ready(world)
    job = optimise(world, key)
    payload = Job.objects.get(pk=job).payload

    class Meddling:
        """Progress that lets somebody else work while the optimiser does."""

        def __init__(self) -> None:
            self.is_done = False

        def __call__(self, done: int, total: int, message: str) -> None:
            if not self.is_done:
                self.is_done = True
                world.assign(key, [CLARK], "oregon")

    result = optimising.run(world.services, OPERATOR, payload, Meddling())
    assert result["is_copy"]
    assert world.where(key)[CLARK] == "oregon"
    other = world.read(result["scenario"])
    assert "changed while the optimiser was at work" in other["report"]["notes"][-1]
    assert other["can"]["undo"].startswith("Optimise everything")


def test_a_worker_that_died_after_its_step_leaves_no_second_one(world: World) -> None:
    key = ready(world)
    job = optimise(world, key)
    work(world, job)
    revision = world.read(key)["revision"]
    Job.objects.filter(pk=job).update(state="queued")
    work(world, job)
    assert Job.objects.get(pk=job).state == "done"
    assert world.read(key)["revision"] == revision
    assert len(scenarios.list_scenarios(world.services, OPERATOR)) == 1
