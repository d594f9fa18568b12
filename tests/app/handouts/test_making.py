"""What stands in a hand-out: sums that are those of the accounts listed, what comes and goes, whose eyes it is for."""

from __future__ import annotations

import zipfile
from io import BytesIO

import numpy as np
import pytest
from tests import builders
from tests.app.scenarios.conftest import CLACKAMAS, CLARK, KING, MULTNOMAH, World

from merestone.app import handouts, plan_members, scenarios
from merestone.app.handout import HandOut, TerritorySheet
from merestone.app.policy import OPERATOR
from merestone.base.errors import ConflictError, ForbiddenError, NotFoundError, UsageError

pytestmark = pytest.mark.both_databases


def sheet(hand_out: HandOut, key: str) -> TerritorySheet:
    return next(one for one in hand_out.sheets if one.key == key)


def manage(world: World, territory: str) -> None:
    """Let Mia manage a territory of the plan."""
    members = [{"rep": "mia@example.com", "role": "manager"}]
    seen = plan_members.read_members(world.services, OPERATOR, world.plan, territory)["fingerprint"]
    plan_members.set_members(world.services, OPERATOR, world.plan, territory, members, fingerprint=seen)


def moved(world: World) -> str:
    """Return a scenario in which Portland's county goes to Washington and Clark County, Nevada, to Oregon."""
    key = world.start()
    world.assign(key, [MULTNOMAH], "washington")
    world.assign(key, [CLARK], "oregon")
    return key


def test_sums_are_those_of_the_accounts_listed_and_of_the_scenario(world: World) -> None:
    key = moved(world)
    made = handouts.make(world.services, OPERATOR, key)
    compared = {one["key"]: one for one in scenarios.compare(world.services, OPERATOR, key)["territories"]}
    for one in made.sheets:
        mine = made.accounts.take(one.rows)
        sums = {each.measure: each for each in one.sums}
        assert sums["accounts"].planned == mine.num_rows
        assert sums["workload"].planned == sum(mine["workload"].to_pylist())
        for measure in ("accounts", "potential", "revenue", "workload"):
            beside = compared[one.key]
            assert (sums[measure].today, sums[measure].planned) == (
                beside["before"][measure],
                beside["after"][measure],
            )
    assert dict(made.moved) == {
        name: value
        for name, value in scenarios.compare(world.services, OPERATOR, key)["moves"].items()
        if name != "units"
    }


def test_index_is_of_the_mean_territory(world: World) -> None:
    made = handouts.make(world.services, OPERATOR, moved(world))
    workload = {one.key: one.sums[3] for one in made.sheets}
    mean = sum(one.planned for one in workload.values()) / len(workload)
    assert {key: one.index for key, one in workload.items()} == {
        key: round(one.planned * 100 / mean, 1) for key, one in workload.items()
    }


def test_what_comes_and_what_goes_is_told_by_place_and_owner(world: World) -> None:
    made = handouts.make(world.services, OPERATOR, moved(world))
    oregon, washington = sheet(made, "oregon"), sheet(made, "washington")
    assert [(one.territory, one.owner, one.accounts) for one in oregon.comes] == [("Nevada", "", 1)]
    assert [(one.territory, one.owner, one.accounts) for one in oregon.goes] == [("Washington", "Ben", 2)]
    assert [(one.territory, one.owner, one.accounts) for one in washington.comes] == [("Oregon", "Ana", 2)]
    assert (oregon.n_stay, len(oregon.rows), len(oregon.leaving)) == (2, 3, 2)
    leaving = made.accounts.take(oregon.leaving)
    assert set(leaving["territory"].to_pylist()) == {"Washington"}
    assert leaving["moves"].to_pylist() == leaving["new_owner"].to_pylist() == [True, True]
    assert sum(one.accounts for each in made.sheets for one in each.comes) == made.moved["accounts"]


def test_where_is_told_by_whole_states_and_what_is_missing(world: World) -> None:
    made = handouts.make(world.services, OPERATOR, moved(world))
    oregon, washington = sheet(made, "oregon").places, sheet(made, "washington").places
    assert [(one.state, one.is_except, one.units) for one in oregon] == [
        ("Oregon", True, ("Multnomah",)),
        ("Nevada", False, ("Clark",)),
    ]
    assert [(one.state, one.is_whole) for one in washington] == [("Washington", True), ("Oregon", False)]


def test_one_territory_lists_its_accounts_and_those_that_leave_only(world: World) -> None:
    key = moved(world)
    made = handouts.make(world.services, OPERATOR, key, territory="oregon")
    assert (made.scope, made.part, [one.key for one in made.sheets]) == ("territory", "Oregon", ["oregon"])
    assert made.accounts.num_rows == 5
    whole = sheet(handouts.make(world.services, OPERATOR, key), "oregon")
    assert (made.sheets[0].sums, made.sheets[0].comes) == (whole.sums, whole.comes)


def test_managers_are_the_nearest_in_the_tree(world: World) -> None:
    key = moved(world)
    manage(world, "far")
    made = handouts.make(world.services, OPERATOR, key)
    (mia,) = made.managers
    assert (mia.name, len(mia.sheets), mia.n_between, mia.comes) == ("Mia", 3, 3, ())
    assert {one.managers for one in made.sheets} == {("Mia",)}
    alone = handouts.make(world.services, OPERATOR, key, manager=world.reps["mia"])
    assert (alone.scope, alone.part, len(alone.sheets)) == ("manager", "Mia", 3)
    told = handouts.choices(world.services, OPERATOR, key)
    assert told["managers"] == [{"id": world.reps["mia"], "name": "Mia", "territories": 3}]
    assert [one["accounts"] for one in told["territories"]] == [len(one.rows) for one in made.sheets]


def test_a_county_of_nobodys_is_in_no_sheet(world: World) -> None:
    key = world.start()
    world.assign(key, [KING], None)
    made = handouts.make(world.services, OPERATOR, key)
    assert made.accounts["territory"].to_pylist().count("Nobody") == 1
    (goes,) = sheet(made, "washington").goes
    assert (goes.territory, goes.accounts) == ("Nobody", 1)
    assert np.concatenate([one.rows for one in made.sheets]).tolist() != []


def test_what_was_drawn_before_the_book_changed_is_said_to_be_stale(world: World) -> None:
    key = world.start()
    assert not handouts.make(world.services, OPERATOR, key).is_stale
    builders.add_accounts(world.services, [{"external_id": "new", "state": "OR", "county": CLACKAMAS}])
    made = handouts.make(world.services, OPERATOR, key)
    assert made.is_stale
    assert len(sheet(made, "oregon").rows) == 5


@pytest.mark.parametrize("more", [{"territory": "nowhere"}, {"manager": 4711}])
def test_an_unknown_part_is_refused(world: World, more: dict[str, object]) -> None:
    key = world.start()
    with pytest.raises(NotFoundError):
        handouts.make(world.services, OPERATOR, key, **more)  # type: ignore[arg-type]


def test_a_part_is_one_of_two(world: World) -> None:
    with pytest.raises(UsageError):
        handouts.make(world.services, OPERATOR, world.start(), territory="oregon", manager=1)


def test_too_many_accounts_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from merestone.app.handouts import making

    monkeypatch.setattr(making, "MAX_ACCOUNTS", 5)
    key = world.start()
    with pytest.raises(UsageError) as error:
        handouts.make(world.services, OPERATOR, key)
    assert error.value.code == "hand-out-too-large"
    assert handouts.make(world.services, OPERATOR, key, territory="nevada").accounts.num_rows == 2


def test_a_scenario_that_is_hidden_has_no_hand_outs(world: World) -> None:
    key = world.start()
    partly = world.give(world.actor("pat", rep="ana"), "east", "plan")
    for use in (handouts.make, handouts.choices):
        with pytest.raises(NotFoundError):
            use(world.services, partly, key)
    with pytest.raises(ForbiddenError):
        handouts.make(world.services, world.actor("rex"), key)


def test_who_plans_a_part_gets_that_part_without_names_above(world: World) -> None:
    manage(world, "us")
    planner = world.give(world.actor("pat", rep="ana"), "far", "plan")
    key = world.start(actor=planner)
    made = handouts.make(world.services, planner, key)
    assert made.managers == ()
    assert made.accounts.num_rows == 9
    assert "Mia" not in str(handouts.choices(world.services, planner, key))


def test_a_lost_territory_is_a_conflict(world: World) -> None:
    from merestone.app import plan_edits

    key = world.start()
    plan_edits.remove_territory(world.services, OPERATOR, world.plan, "nevada")
    with pytest.raises(ConflictError):
        handouts.make(world.services, OPERATOR, key)


def test_files_are_named_after_scenario_part_and_day(world: World) -> None:
    made = handouts.make(world.services, OPERATOR, world.start(), territory="oregon")
    assert handouts.file_name(made, "pdf") == f"first-oregon-{made.made_on:%Y-%m-%d}.pdf"


def test_a_zip_has_files_of_each_territory_without_the_accounts_of_others(world: World) -> None:
    made = handouts.make(world.services, OPERATOR, moved(world))
    files = [BytesIO(), BytesIO()]
    for file in files:
        handouts.write_each(world.services, made, file)
    assert files[0].getvalue() == files[1].getvalue()
    with zipfile.ZipFile(files[0]) as archive:
        names = archive.namelist()
        nevada = next(name for name in names if "nevada" in name and name.endswith("xlsx"))
        with zipfile.ZipFile(BytesIO(archive.read(nevada))) as book:
            written = "".join(book.read(name).decode() for name in book.namelist() if "worksheets/" in name)
    assert len(names) == len(set(names)) == 2 * len(made.sheets)
    mine = (
        handouts.make(world.services, OPERATOR, made.key, territory="nevada")
        .accounts["external_id"]
        .to_pylist()
    )
    others = set(made.accounts["external_id"].to_pylist()) - set(mine)
    assert all(f">{one}<" in written for one in mine)
    assert not any(f">{one}<" in written for one in others)


def test_reading_takes_as_many_queries_for_all_as_for_one(world: World) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    key = moved(world)
    handouts.make(world.services, OPERATOR, key)  # what is kept of the book is brought up to date once
    counts = []
    for part in ({}, {"territory": "oregon"}):
        with CaptureQueriesContext(connection) as asked:
            handouts.make(world.services, OPERATOR, key, **part)
        counts.append(len(asked))
    assert counts[0] == counts[1] < 60
