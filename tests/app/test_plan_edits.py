"""A plan is changed territory by territory, checked as a whole, and never over somebody else's change."""

from __future__ import annotations

from typing import Any

import pytest
from tests import builders

from merestone.app import lifecycle, plan_edits, plans
from merestone.app.policy import OPERATOR, Actor
from merestone.app.services import Services
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, UsageError

pytestmark = pytest.mark.both_databases


@pytest.fixture
def plan(services: Services) -> Services:
    """A model in planning."""
    builders.add_reps(services)
    plans.apply_document(services, OPERATOR, builders.document(builders.WEST_EAST, key="p"))
    return services


def read(services: Services, key: str = "west") -> dict[str, Any]:
    return plan_edits.read_territory(services, OPERATOR, "p", key)


def edit(services: Services, changes: dict[str, Any], key: str = "west", seen: str = "") -> dict[str, Any]:
    mark = seen or read(services, key)["fingerprint"]
    return plan_edits.edit_territory(services, OPERATOR, "p", key, changes, fingerprint=mark)


def test_an_edit_changes_what_it_names_and_keeps_the_rest(plan: Services) -> None:
    before = plans.export_document(plan, OPERATOR, "p")
    found = edit(plan, {"where": "state = 'OR'", "notes": "why"})
    assert (found["where"], found["notes"], found["changed"]) == ("state = 'OR'", "why", True)
    after = plans.export_document(plan, OPERATOR, "p")
    west = next(entry for entry in before["territories"] if entry["key"] == "west")
    west |= {"where": "state = 'OR'", "notes": "why"}
    assert after == before


def test_the_same_again_changes_nothing(plan: Services) -> None:
    assert not edit(plan, {"where": "state in ('CA', 'WA')"})["changed"]


def test_a_stale_edit_is_refused_with_the_difference(plan: Services) -> None:
    seen = read(plan)["fingerprint"]
    edit(plan, {"where": "state = 'AZ'"})
    with pytest.raises(ConflictError) as caught:
        edit(plan, {"where": "state = 'OR'", "priority": 5}, seen=seen)
    assert caught.value.code == "stale-version"
    assert caught.value.difference == {"where": ["state = 'OR'", "state = 'AZ'"], "priority": [5, 100]}
    assert read(plan)["where"] == "state = 'AZ'"


def test_changes_of_other_territories_are_no_conflict(plan: Services) -> None:
    seen = read(plan)["fingerprint"]
    edit(plan, {"where": "state = 'VT'"}, "east")
    edit(plan, {"where": "state = 'OR'"}, seen=seen)
    assert (read(plan)["where"], read(plan, "east")["where"]) == ("state = 'OR'", "state = 'VT'")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"where": "stat = 'CA'"}, "unknown-field"),
        ({"parent": "nowhere"}, "unknown-parent"),
        ({"type": "none"}, "unknown-type"),
        ({"named": ["A"], "exclude": ["A"]}, "named-and-excluded"),
        ({"members": []}, "unknown-key"),
        ({"priority": "high"}, "wrong-type"),
    ],
)
def test_an_edit_is_checked_as_a_whole_document(plan: Services, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        edit(plan, changes)
    assert code in {problem.code for problem in caught.value.problems}
    assert read(plan)["where"] == "state in ('CA', 'WA')"


def test_a_parent_below_itself_is_refused(plan: Services) -> None:
    with pytest.raises(InvalidInputError) as caught:
        edit(plan, {"parent": "west"}, "us")
    assert caught.value.problems[0].code == "cyclic-parents"


def test_only_planning_models_are_changed(plan: Services) -> None:
    lifecycle.publish(plan, OPERATOR, "p")
    for act in (
        lambda: edit(plan, {"notes": "x"}),
        lambda: plan_edits.add_territory(plan, OPERATOR, "p", {"key": "n"}),
        lambda: plan_edits.remove_territory(plan, OPERATOR, "p", "west"),
    ):
        with pytest.raises(ConflictError) as caught:
            act()
        assert caught.value.code == "model-not-in-planning"


def test_a_copy_says_the_same_under_a_free_key(plan: Services) -> None:
    lifecycle.publish(plan, OPERATOR, "p")
    first, second = (plan_edits.clone_model(plan, OPERATOR, "p") for _ in range(2))
    assert (first["key"], second["key"]) == ("p-plan", "p-plan-2")
    original = plans.export_document(plan, OPERATOR, "p")
    copied = plans.export_document(plan, OPERATOR, "p-plan")
    assert copied["territories"] == original["territories"]
    assert read(plan)["state"] == "active"
    with pytest.raises(ConflictError):
        plan_edits.clone_model(plan, OPERATOR, "p", new_key="p-plan")
    with pytest.raises(InvalidInputError):
        plan_edits.clone_model(plan, OPERATOR, "p", new_key="no spaces")


def test_a_new_territory_stands_behind_its_family(plan: Services) -> None:
    plan_edits.add_territory(plan, OPERATOR, "p", {"key": "w2", "parent": "west", "where": "employees > 5"})
    keys = [entry["key"] for entry in plans.export_document(plan, OPERATOR, "p")["territories"]]
    assert keys == ["us", "west", "w2", "east", "vacant"]


def test_children_are_removed_or_moved_only_when_asked_for(plan: Services) -> None:
    with pytest.raises(ConflictError) as caught:
        plan_edits.remove_territory(plan, OPERATOR, "p", "us")
    assert caught.value.code == "has-children"
    moved = plan_edits.remove_territory(plan, OPERATOR, "p", "us", children="move-up")
    assert moved == {"removed": ["us"], "moved": ["west", "east", "vacant"]}
    assert read(plan)["parent"] is None
    plan_edits.add_territory(plan, OPERATOR, "p", {"key": "w2", "parent": "west"})
    gone = plan_edits.remove_territory(plan, OPERATOR, "p", "west", children="remove")
    assert gone["removed"] == ["w2", "west"]
    with pytest.raises(UsageError):
        plan_edits.remove_territory(plan, OPERATOR, "p", "east", children="eat")


def test_those_who_do_not_plan_may_not(plan: Services) -> None:
    manager = Actor(role="manager")
    for key in ("p", "never"):  # a plan they may not see reads like one that is not there
        with pytest.raises(NotFoundError, match=f"There is no territory model '{key}'"):
            plan_edits.read_territory(plan, manager, key, "west")
    for act in (
        lambda: plan_edits.clone_model(plan, manager, "p"),
        lambda: plan_edits.edit_territory(plan, manager, "p", "west", {}, fingerprint=""),
    ):
        with pytest.raises(ForbiddenError):
            act()
    with pytest.raises(NotFoundError):
        read(plan, "none")
