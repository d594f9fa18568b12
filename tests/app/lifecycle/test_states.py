"""A model goes through its states by legal steps only, each recorded; what is scheduled or was active stands still."""

from __future__ import annotations

import pytest
from tests import builders
from tests.app.lifecycle.world import World, put, state_of

from merestone.app import lifecycle, plan_edits, plans
from merestone.app.model_hash import content_hash
from merestone.app.policy import OPERATOR, Actor
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError

pytestmark = pytest.mark.both_databases
LATER = "2999-01-01"
STEPS = {
    "submit": lifecycle.submit,
    "return": lifecycle.send_back,
    "cancel": lifecycle.cancel,
    "archive": lifecycle.archive,
    "schedule": lambda *args: lifecycle.schedule(*args, effective=LATER),
    "publish": lifecycle.publish,
}
LEGAL = {
    "planning": {"submit": "in_review", "schedule": "scheduled", "publish": "active", "archive": "archived"},
    "in_review": {"return": "planning", "schedule": "scheduled", "publish": "active", "archive": "archived"},
    "scheduled": {"cancel": "planning", "publish": "active"},
    "archived": {},
}
PATHS: dict[str, tuple[str, ...]] = {
    "planning": (),
    "in_review": ("submit",),
    "scheduled": ("schedule",),
    "archived": ("archive",),
}


def bring(world: World, state: str) -> None:
    for verb in PATHS[state]:
        STEPS[verb](world.services, OPERATOR, "m2")
    assert state_of("m2") == state


@pytest.mark.parametrize("state", PATHS)
@pytest.mark.parametrize("verb", STEPS)
def test_only_legal_steps_are_taken(world: World, state: str, verb: str) -> None:
    bring(world, state)
    before = lifecycle.events(world.services, OPERATOR, "m2")
    if verb in LEGAL[state]:
        STEPS[verb](world.services, OPERATOR, "m2")
        assert state_of("m2") == LEGAL[state][verb]
        step = lifecycle.events(world.services, OPERATOR, "m2")[0]
        assert (step["from_state"], step["to_state"]) == (state, LEGAL[state][verb])
        return
    with pytest.raises(ConflictError) as caught:
        STEPS[verb](world.services, OPERATOR, "m2")
    assert caught.value.code == "illegal-step"
    assert set(caught.value.difference["allowed"][1].split(", ")) - {""} == set(LEGAL[state])
    assert state_of("m2") == state
    assert lifecycle.events(world.services, OPERATOR, "m2") == before


def test_the_active_model_takes_no_step_and_publishing_it_again_changes_nothing(world: World) -> None:
    put(world.services)
    for verb in ("submit", "return", "cancel", "archive", "schedule"):
        with pytest.raises(ConflictError):
            STEPS[verb](world.services, OPERATOR, "m2")
    before = (
        lifecycle.publications(world.services, OPERATOR),
        lifecycle.events(world.services, OPERATOR, "m2"),
    )
    assert put(world.services)["changed"] == 0
    assert (lifecycle.publications(world.services, OPERATOR), lifecycle.events(world.services, OPERATOR, "m2")) == before  # fmt: skip


def test_a_step_tells_who_when_why_and_what_the_model_said(world: World) -> None:
    vera = Actor(role="planner", label="user:vera@example.com")
    before = world.services.clock.now()
    lifecycle.submit(world.services, vera, "m2", note="  Ready for the managers. ")
    step = lifecycle.events(world.services, OPERATOR, "m2")[0]
    assert (step["actor"], step["note"]) == ("user:vera@example.com", "Ready for the managers.")
    assert before <= step["at"] <= world.services.clock.now()
    assert step["content_hash"] == content_hash(plans.load_model(world.services, OPERATOR, "m2")[1])


def test_a_model_in_review_is_edited_and_a_scheduled_one_is_not(world: World) -> None:
    lifecycle.submit(world.services, OPERATOR, "m2")
    west = plan_edits.read_territory(world.services, OPERATOR, "m2", "west")
    mark = west["fingerprint"]
    plan_edits.edit_territory(world.services, OPERATOR, "m2", "west", {"notes": "x"}, fingerprint=mark)
    assert state_of("m2") == "in_review"
    lifecycle.schedule(world.services, OPERATOR, "m2", effective=LATER)
    west = plan_edits.read_territory(world.services, OPERATOR, "m2", "west")
    changed = builders.document(builders.WEST_EAST, key="m2")
    for act in (
        lambda: plan_edits.edit_territory(
            world.services, OPERATOR, "m2", "west", {"notes": "y"}, fingerprint=west["fingerprint"]
        ),
        lambda: plans.apply_document(world.services, OPERATOR, changed),
    ):
        with pytest.raises(ConflictError) as caught:
            act()
        assert (caught.value.code, "Cancel" in caught.value.fix) == ("model-not-in-planning", True)


def test_a_step_on_another_version_than_looked_at_is_refused(world: World) -> None:
    version = lifecycle.life_of(world.services, OPERATOR, "m2").version
    plans.apply_document(world.services, OPERATOR, builders.document(builders.WEST_EAST, key="m2"))
    for verb in ("submit", "archive"):
        with pytest.raises(ConflictError) as caught:
            STEPS[verb](world.services, OPERATOR, "m2", version=version)  # type: ignore[operator]
        assert caught.value.code == "stale-version"
        assert caught.value.difference == {"version": [version, version + 1]}
    done = lifecycle.submit(world.services, OPERATOR, "m2", version=version + 1)
    assert done["version"] == lifecycle.life_of(world.services, OPERATOR, "m2").version


def test_a_copy_knows_its_original(world: World) -> None:
    made = plan_edits.clone_model(world.services, OPERATOR, "m1")
    assert lifecycle.life_of(world.services, OPERATOR, made["key"]).cloned_from == "m1"
    listed = {one["key"]: one for one in plans.list_models(world.services, OPERATOR)}
    assert listed[made["key"]]["cloned_from"] == "m1"
    assert [one["state"] for one in listed.values()].count("planning") == 2


def test_archived_models_stay_readable_whole(world: World) -> None:
    before = plans.export_document(world.services, OPERATOR, "m1")
    put(world.services)
    assert state_of("m1") == "archived"
    assert plans.export_document(world.services, OPERATOR, "m1") == before
    assert [step["to_state"] for step in lifecycle.events(world.services, OPERATOR, "m1")] == [
        "archived",
        "active",
    ]


def test_what_is_not_there_and_who_may_not(world: World) -> None:
    with pytest.raises(NotFoundError):
        lifecycle.submit(world.services, OPERATOR, "nowhere")
    for role in ("rep", "manager"):
        actor = Actor(role=role, label="x")
        for act in (
            lambda actor=actor: lifecycle.submit(world.services, actor, "m2"),
            lambda actor=actor: lifecycle.publish(world.services, actor, "m2"),
            lambda actor=actor: lifecycle.undo(world.services, actor),
            lambda actor=actor: lifecycle.events(world.services, actor, "m2"),
            lambda actor=actor: lifecycle.publications(world.services, actor),
            lambda actor=actor: lifecycle.set_policies(world.services, actor, "m2", {}),
        ):
            with pytest.raises(ForbiddenError):
                act()


@pytest.mark.parametrize(
    ("changes", "wheres"),
    [
        ({"opportunities": "keep"}, {"opportunities"}),
        ({"activities": "until_closed", "late_days": 0}, {"activities", "late_days"}),
        ({"late_stages": ["won"], "late_days": True}, {"late_stages", "late_days"}),
        ({"late_stages": []}, {"late_stages"}),
        ({"cadences": "follow"}, {"cadences"}),
    ],
)
def test_wrong_policies_are_refused_with_every_problem(
    world: World, changes: dict[str, object], wheres: set[str]
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        lifecycle.set_policies(world.services, OPERATOR, "m2", changes)
    assert {problem.where for problem in caught.value.problems} == wheres
    assert lifecycle.life_of(world.services, OPERATOR, "m2").policies == {}


def test_policies_are_kept_and_taken_back(world: World) -> None:
    usual = lifecycle.read_policies(world.services, OPERATOR, "m2")
    assert (usual["opportunities"], usual["activities"]) == ("follow", "follow")
    wanted = {"opportunities": "late_stage", "late_stages": ["proposal", "negotiation"], "late_days": 10}
    found = lifecycle.set_policies(world.services, OPERATOR, "m2", wanted)
    assert {name: found[name] for name in wanted} == wanted
    assert lifecycle.set_policies(world.services, OPERATOR, "m2", dict.fromkeys(wanted)) == usual
    lifecycle.schedule(world.services, OPERATOR, "m2", effective=LATER)
    with pytest.raises(ConflictError):
        lifecycle.set_policies(world.services, OPERATOR, "m2", wanted)
