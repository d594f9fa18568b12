"""A scenario starts with the rules, and goes on step by step: assign, lock, undo, redo."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.app.scenarios.conftest import CLACKAMAS, CLARK, KING, MULTNOMAH, World
from tests.builders import add_accounts

from merestone.app import scenarios
from merestone.app.policy import OPERATOR
from merestone.base.errors import ConflictError, InvalidInputError, NotFoundError, UsageError
from merestone.db.models import AuditEntry

pytestmark = pytest.mark.both_databases


def test_it_starts_with_what_the_rules_say(world: World) -> None:
    key = world.start()
    data, where = world.read(key), world.where(key)
    assert [one["key"] for one in data["territories"]] == ["oregon", "washington", "nevada"]
    assert [one["owner"] for one in data["territories"]] == ["Ana", "Ben", ""]
    assert data["left_out"] == [{"key": "large", "name": "Large"}]
    # Counties without accounts go by the rules too.
    assert {unit[:2]: territory for unit, territory in where.items()} == {
        "41": "oregon", "53": "washington", "32": "nevada",
    }  # fmt: skip
    assert len(where) == 36 + 39 + 17
    assert data["outside"] == {"without_unit": 1, "fixed": 0}
    at = data["units"]["id"].index(MULTNOMAH)
    assert {name: column[at] for name, column in data["units"]["amounts"].items()} == {
        "accounts": 2, "potential": 201.0, "revenue": 20.5, "workload": 50.0,
    }  # fmt: skip


def test_all_of_a_model_is_planned_without_a_parent(world: World) -> None:
    where = world.where(world.start(""))
    assert where["36061"] == "east"
    assert where["36059"] == "east"  # nobody is there
    assert "16001" not in where  # no leaf takes Idaho


def test_a_territory_with_nothing_below_cannot_be_planned(world: World) -> None:
    with pytest.raises(UsageError) as caught:
        world.start("oregon")
    assert caught.value.code == "nothing-to-plan"


def test_only_planning_models_are_planned(world: World) -> None:
    with pytest.raises(ConflictError) as caught:
        scenarios.start(world.services, OPERATOR, model="m1", name="No", parent="far")
    assert caught.value.code == "model-not-in-planning"
    with pytest.raises(NotFoundError):
        scenarios.start(world.services, OPERATOR, model="none", name="No", parent="far")
    with pytest.raises(NotFoundError):
        world.start("nowhere")


def test_assigning_moves_units_and_answers_with_the_balance(world: World) -> None:
    key = world.start()
    done = world.assign(key, [MULTNOMAH, CLACKAMAS], "washington")
    assert done["revision"] == 2
    assert done["can"] == {"undo": "Assign 2 counties to Washington", "redo": None}
    assert [one["amounts"]["workload"] for one in done["balance"]] == [25.0, 155.0, 60.0]
    assert [one["index"]["workload"] for one in done["balance"]] == [31.2, 193.8, 75.0]
    assert all(one["is_connected"] for one in done["balance"])
    assert world.where(key)[MULTNOMAH] == "washington"
    assert done["changed"]["territory"] == [1, 1]
    apart = world.assign(key, [CLARK], "washington")
    assert not apart["balance"][1]["is_connected"]


def test_locked_units_stay(world: World) -> None:
    key = world.start()
    at = world.read(key)["units"]["id"].index(MULTNOMAH)
    scenarios.lock(world.services, OPERATOR, key, seen=1, units=[at], is_locked=True)
    done = world.assign(key, [MULTNOMAH, CLACKAMAS], None)
    assert (done["held"], len(done["changed"]["units"])) == (1, 1)
    assert (world.where(key)[MULTNOMAH], world.where(key)[CLACKAMAS]) == ("oregon", None)


def test_undo_and_redo_walk_the_steps_and_a_new_step_ends_redo(world: World) -> None:
    key = world.start()
    states = [world.where(key)]
    for unit, territory in ((MULTNOMAH, "washington"), (KING, "nevada"), (MULTNOMAH, None)):
        world.assign(key, [unit], territory)
        states.append(world.where(key))
    revision = 4
    for state in states[2::-1]:
        revision = scenarios.undo(world.services, OPERATOR, key, seen=revision)["revision"]
        assert world.where(key) == state
    with pytest.raises(ConflictError, match="nothing to undo"):
        scenarios.undo(world.services, OPERATOR, key, seen=revision)
    for state in states[1:3]:
        revision = scenarios.redo(world.services, OPERATOR, key, seen=revision)["revision"]
        assert world.where(key) == state
    assert world.read(key)["can"]["redo"] == "Assign 1 county to nobody"
    world.assign(key, [CLARK], "oregon")
    assert world.read(key)["can"] == {"undo": "Assign 1 county to Oregon", "redo": None}
    kinds = [(one["kind"], one["units"]) for one in scenarios.steps(world.services, OPERATOR, key)]
    assert kinds == [("assign", 1), ("assign", 1), ("assign", 1), ("start", 0)]


def test_a_step_that_changes_nothing_is_none(world: World) -> None:
    key = world.start()
    assert world.assign(key, [MULTNOMAH], "oregon")["revision"] == 1
    assert world.read(key)["can"]["undo"] is None


def test_a_stale_step_is_refused_with_the_newer_revision(world: World) -> None:
    key = world.start()
    world.assign(key, [KING], "oregon")
    with pytest.raises(ConflictError) as caught:
        world.assign(key, [KING], "nevada", seen=1)
    assert caught.value.code == "scenario-changed"
    assert caught.value.difference == {"revision": [1, 2]}
    assert world.where(key)[KING] == "oregon"


def test_numbers_there_are_not_are_refused(world: World) -> None:
    key = world.start()
    for more, code in (
        ({"units": [9999]}, "bad-unit"),
        ({"units": [-1]}, "bad-unit"),
        ({"territory": 3}, "bad-territory"),
    ):
        with pytest.raises(UsageError) as caught:
            scenarios.assign(
                world.services, OPERATOR, key, **{"seen": 1, "units": [0], "territory": 0, **more}
            )
        assert caught.value.code == code


def test_looking_and_changing_ask_the_same_few_questions_whatever_the_size(world: World) -> None:
    small, large = world.start(), world.start("")
    counts = []
    for key in (small, large):
        with CaptureQueriesContext(connection) as reading:
            world.read(key)
        with CaptureQueriesContext(connection) as assigning:
            scenarios.assign(world.services, OPERATOR, key, seen=1, units=list(range(60)), territory=0)
        counts.append((len(reading), len(assigning)))
    assert counts[0] == counts[1]
    assert counts[0][0] <= 5
    assert counts[0][1] <= 22
    asked = " ".join(query["sql"] for query in assigning.captured_queries)
    assert "merestone_account" not in asked


def test_a_step_leaves_two_entries_in_the_log_however_many_units_move(world: World) -> None:
    key = world.start()
    before = AuditEntry.objects.count()
    scenarios.assign(world.services, OPERATOR, key, seen=1, units=list(range(90)), territory=0)
    made = AuditEntry.objects.order_by("id")[before:]
    assert sorted(entry.table_name for entry in made) == ["merestone_scenario", "merestone_scenariostep"]
    assert all(entry.actor == "cli" for entry in made)


def test_settings_are_checked_all_at_once(world: World) -> None:
    key = world.start()
    wrong = {
        "objective": "beauty",
        "balances": [{"measure": "height", "tolerance": 0.1}, {"measure": "accounts", "tolerance": 99.0}],
    }
    with pytest.raises(InvalidInputError) as caught:
        scenarios.change_settings(world.services, OPERATOR, key, seen=1, changes=wrong)
    assert [problem.where for problem in caught.value.problems] == ["objective", "balances/0", "balances/1"]
    done = scenarios.change_settings(world.services, OPERATOR, key, seen=1, changes={"contiguous": False})
    assert done["revision"] == 2
    assert world.read(key)["settings"]["contiguous"] is False


def test_a_copy_goes_its_own_way(world: World) -> None:
    key = world.start()
    world.assign(key, [KING], "oregon")
    made = scenarios.start(world.services, OPERATOR, model="", name="Second", copy_of=key)
    assert world.where(made["key"]) == world.where(key)
    world.assign(made["key"], [KING], "nevada")
    assert world.where(key)[KING] == "oregon"
    listed = scenarios.list_scenarios(world.services, OPERATOR)
    assert [(one["key"], one["moves"]["accounts"]) for one in listed] == [("first", 1), ("second", 1)]
    scenarios.delete(world.services, OPERATOR, key)
    assert [one["key"] for one in scenarios.list_scenarios(world.services, OPERATOR)] == ["second"]


def test_the_book_is_told_to_be_newer_and_read_anew_on_request(world: World) -> None:
    key = world.start()
    world.assign(key, [KING], "oregon")
    assert not world.read(key)["book"]["is_stale"]
    add_accounts(
        world.services, [{"external_id": "B-1", "state": "WA", "county": KING, "workload_hours": 7.0}]
    )
    data = world.read(key)
    at = data["units"]["id"].index(KING)
    assert data["book"]["is_stale"]
    assert data["units"]["amounts"]["accounts"][at] == 1
    scenarios.refresh(world.services, OPERATOR, key, seen=2)
    data = world.read(key)
    assert not data["book"]["is_stale"]
    assert data["units"]["amounts"]["accounts"][at] == 2
    assert world.where(key)[KING] == "oregon"
    assert data["can"]["undo"] == "Assign 1 county to Oregon"


def test_reading_anew_keeps_the_plan_where_units_come_in(world: World) -> None:
    key = world.start()
    world.assign(key, [KING], "oregon")
    add_accounts(world.services, [{"external_id": "B-1", "state": "WA", "county": "16001", "employees": 5}])
    done = scenarios.refresh(world.services, OPERATOR, key, seen=2)
    assert (done["new"], done["gone"]) == (44, 0)  # Idaho has 44 counties
    assert world.where(key)[KING] == "oregon"
    assert world.where(key)["16001"] == "washington"
    assert world.read(key)["can"] == {"undo": None, "redo": None}
