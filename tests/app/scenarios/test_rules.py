"""A plan written as rules puts every account in play where the plan has it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.app.scenarios.conftest import CLARK, KING, MULTNOMAH, World

from merestone.app import lifecycle, plan_edits, scenarios
from merestone.app.policy import OPERATOR
from merestone.app.review import approvals
from merestone.app.rulebook import rule_book
from merestone.base.errors import ConflictError, InvalidInputError
from merestone.db.models import Approval


def matched(world: World) -> dict[str, tuple[str | None, str | None]]:
    """Return account -> (county, territory) as the plan's rules have it."""
    loaded = world.services.models.load("plan")
    assert loaded is not None
    accounts = world.services.book.accounts()
    found = world.services.matcher.match(rule_book(world.services, loaded[1]).ruleset, accounts)
    columns = (accounts[name].to_pylist() for name in ("external_id", "county"))
    return {
        name: (county, territory)
        for name, county, territory in zip(*columns, found["territory"].to_pylist(), strict=True)
    }


def write(world: World, key: str, **more: Any) -> dict[str, Any]:
    seen = world.read(key)["revision"]
    return scenarios.write_rules(world.services, OPERATOR, key, preview=False, seen=seen, **more)


@pytest.mark.both_databases
def test_rules_are_compact_and_shown_with_their_difference_before_they_are_written(world: World) -> None:
    key = world.start()
    world.assign(key, [MULTNOMAH], "washington")
    before = matched(world)
    made = scenarios.write_rules(world.services, OPERATOR, key)
    assert matched(world) == before
    assert {rule["territory"]: rule["after"] for rule in made["rules"]} == {
        "oregon": "state = 'OR' and county <> '41051'",
        "washington": "state = 'WA' or county = '41051'",
        "nevada": "state = 'NV'",
    }
    assert [rule["is_changed"] for rule in made["rules"]] == [True, True, False]
    assert (made["difference"]["summary"]["moved"], made["n_others"], made["n_without_unit"]) == (2, 0, 0)
    written = write(world, key, fingerprint=made["fingerprint"])
    assert written["written"]
    after = matched(world)
    assert {name: place for name, place in after.items() if place != before[name]} == {
        "A0": ("41051", "washington"),
        "A1": ("41051", "washington"),
    }
    assert after["A10"] == ("41051", "large")  # not planned, ranks before
    assert not world.read(key)["book"]["is_stale"]


@pytest.mark.both_databases
def test_the_rules_above_hold_and_a_plan_beyond_them_is_refused(world: World) -> None:
    key = world.start("")
    world.assign(key, ["36061"], "oregon")  # the far west has no New York
    made = scenarios.write_rules(world.services, OPERATOR, key)
    assert (made["is_exact"], made["n_strays"]) == (False, 1)
    assert (made["strays"][0]["gets"], made["strays"][0]["wanted"]) == (None, "oregon") or made["strays"][0][
        "gets"
    ] == "us"
    before = matched(world)
    with pytest.raises(InvalidInputError) as caught:
        write(world, key)
    assert caught.value.code == "rules-inexact"
    assert matched(world) == before


def test_nothing_else_is_written_than_what_was_looked_at(world: World) -> None:
    key = world.start()
    made = scenarios.write_rules(world.services, OPERATOR, key)
    world.assign(key, [KING], "oregon")
    with pytest.raises(ConflictError) as caught:
        write(world, key, fingerprint=made["fingerprint"])
    assert caught.value.code == "rules-changed"
    with pytest.raises(ConflictError) as stale:
        scenarios.write_rules(world.services, OPERATOR, key, preview=False, seen=1)
    assert stale.value.code == "scenario-changed"


def test_a_state_that_some_account_names_wrongly_is_told_by_its_counties(world: World) -> None:
    from tests.builders import add_accounts

    add_accounts(world.services, [{"external_id": "odd", "state": "NV", "county": "41001", "employees": 5}])
    key = world.start()
    rules = {
        one["territory"]: one["after"]
        for one in scenarios.write_rules(world.services, OPERATOR, key)["rules"]
    }
    assert "state" not in rules["nevada"]
    write(world, key)
    assert matched(world)["odd"] == ("41001", world.where(key)["41001"])


def test_accounts_that_another_rank_would_take_are_kept_by_rank(world: World) -> None:
    node = plan_edits.read_territory(world.services, OPERATOR, "plan", "east")
    plan_edits.add_territory(
        world.services, OPERATOR, "plan",
        {"key": "coast", "name": "Coast", "parent": "us", "type": node["type"], "where": "county in ('41051', '53033')", "priority": 60},
    )  # fmt: skip
    oregon = plan_edits.read_territory(world.services, OPERATOR, "plan", "oregon")
    plan_edits.edit_territory(
        world.services, OPERATOR, "plan", "oregon", {"priority": 50}, fingerprint=oregon["fingerprint"]
    )
    key = world.start()
    world.assign(key, [MULTNOMAH], "washington")  # which ranks behind the coast
    made = write(world, key)
    assert made["is_exact"]
    assert matched(world)["A0"] == ("41051", "washington")


def test_writing_rules_voids_approvals_of_what_they_change(world: World) -> None:
    key = world.start()
    world.assign(key, [CLARK], "oregon")
    planner = world.actor("boss", role="planner")
    lifecycle.submit(world.services, OPERATOR, "plan")
    loaded = world.services.models.load("plan")
    assert loaded is not None
    policies = {"approvals": {"by": [{"user": "boss@example.com"}]}}
    with world.services.records.transaction(OPERATOR, cause="test"):
        world.services.reviews.prepare(loaded[0], ends_on=None, policies=policies)
    approvals.approve(world.services, planner, "plan", None, is_approved=True)
    assert Approval.objects.filter(voided_at=None).count() == 1
    write(world, key)
    assert Approval.objects.filter(voided_at=None).count() == 0


def test_any_plan_comes_back_from_its_rules(world: World) -> None:
    key = world.start()
    before = matched(world)
    playing = [
        name
        for name, (county, place) in before.items()
        if county and place in ("oregon", "washington", "nevada")
    ]
    n = len(world.where(key))

    @settings(max_examples=12, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(0, n), st.sampled_from([0, 1, 2, None])), max_size=6
        )
    )
    def check(cuts: list[tuple[int, int, int | None]]) -> None:
        for first, length, territory in cuts:
            seen = world.read(key)["revision"]
            units = list(range(first, min(n, first + length)))
            scenarios.assign(world.services, OPERATOR, key, seen=seen, units=units, territory=territory)
        write(world, key)
        where, now = world.where(key), matched(world)
        for name in playing:
            county, place = now[name]
            assert county is not None
            wanted = where[county]
            assert place == wanted or (wanted is None and place in (None, "us", "far"))
        assert now["A10"] == before["A10"]
        assert now["A11"] == before["A11"]

    check()
