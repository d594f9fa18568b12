"""Whoever plans a part of the tree plans that part, on the accounts they see, and nothing reaches beyond its top."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import builders

from merestone.app import admin, lifecycle, plan_edits, plan_members, plans, rulework
from merestone.app.access import grants
from merestone.app.analyse import analyse_model
from merestone.app.comparison import compare, read_side
from merestone.app.difference import preview
from merestone.app.policy import OPERATOR, Actor
from merestone.app.services import Services
from merestone.base.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    MerestoneError,
    NotFoundError,
)
from merestone.db.models import User
from merestone.db.queries import territories
from merestone.db.queries.actors import actor_of_user

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
TREE: tuple[dict[str, Any], ...] = (
    {"key": "us", "name": "United States", "where": "country = 'US'"},
    {"key": "west", "name": "Westland", "parent": "us", "where": "state in ('CA', 'WA')"},
    {"key": "ca", "name": "California", "parent": "west", "where": "state = 'CA'", "members": [{"rep": "ana@example.com"}]},
    {"key": "wa", "name": "Washington", "parent": "west", "where": "state = 'WA'", "members": [{"rep": "cal@example.com"}]},
    {"key": "east", "name": "Eastmarch", "parent": "us", "where": "state in ('NY', 'MA')"},
    {"key": "ny", "name": "Newyorkshire", "parent": "east", "where": "state = 'NY'", "members": [{"rep": "ben@example.com"}]},
)  # fmt: skip
STATES = ("CA", "WA", "NY", "MA", "TX")
EAST = {
    "Eastmarch",
    "Newyorkshire",
    "'ny'",
    '"ny"',
    '"east"',
    "Ben",
    "ben@",
    "NY Stone",
    "MA Stone",
    "TX Stone",
}
"""What nobody is told who plans the west only."""


class World:
    """A company whose west is planned by Wes, who is no planner; in the plan `next`."""

    def __init__(self, services: Services) -> None:
        self.services = services
        builders.add_reps(services, ("ana", "ben", "cal"))
        builders.publish(services, TREE)
        rows = [
            {"state": state, "country": "US", "name": f"{state} Stone", "external_id": f"A-{state}"}
            for state in STATES
        ]
        self.accounts = dict(zip(STATES, builders.add_accounts(services, rows), strict=True))
        plan_edits.clone_model(services, OPERATOR, "m1", new_key="next")
        self.users: dict[str, int] = {}

    def person(self, name: str, *rights: str, on: str | None = "west") -> Actor:
        """Return somebody with a role that gives nothing, and rights on a part."""
        if name not in self.users:
            made = admin.create_user(self.services, OPERATOR, email=f"{name}@example.com", role="rep")
            self.users[name] = made["id"]
            grants.give_grant(self.services, OPERATOR, user_id=made["id"], territory=on, rights=[*rights])
        return actor_of_user(User.objects.get(pk=self.users[name]))

    def edit(self, actor: Actor, territory: str, **changes: Any) -> Any:
        """Change a territory of the plan as it is now."""
        seen = plan_edits.read_territory(self.services, OPERATOR, "next", territory)
        return plan_edits.edit_territory(
            self.services, actor, "next", territory, changes, fingerprint=seen["fingerprint"]
        )

    def placed(self) -> dict[str, str | None]:
        """Return state -> the territory the plan would put its account in."""
        found = compare(self.services, OPERATOR, read_side("m1"), read_side("next"))
        keys = found.sides.vocabulary.texts(found.sides.after.territory).to_pylist()
        ids = found.sides.accounts["id"].to_pylist()
        by_id = dict(zip(ids, keys, strict=True))
        return {state: by_id[pk] for state, pk in self.accounts.items()}


@pytest.fixture
def world(services: Services, settings: Any) -> World:
    """The company."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return World(services)


def told(error: pytest.ExceptionInfo[MerestoneError]) -> str:
    """Return all that an error says."""
    return str(error.value) + json.dumps([str(problem) for problem in getattr(error.value, "problems", [])])


@pytest.mark.parametrize("right", ["plan", "manage-rules"])
def test_the_territories_of_ones_part_can_be_changed(world: World, right: str) -> None:
    wes = world.person("wes", "see", right)
    assert world.edit(wes, "ca", where="state = 'CA' and name <> 'x'", priority=5)["changed"]
    assert world.edit(wes, "west", name="The West")["changed"]


def test_adding_moving_and_removing_needs_planning_and_stays_in_the_part(world: World) -> None:
    wes, rue = world.person("wes", "see", "plan"), world.person("rue", "see", "manage-rules")
    entry = {"key": "or", "name": "Oregon", "parent": "west", "where": "state = 'OR'"}
    with pytest.raises(ForbiddenError):
        plan_edits.add_territory(world.services, rue, "next", entry)
    plan_edits.add_territory(world.services, wes, "next", entry)
    assert world.edit(wes, "or", parent="ca")["parent"] == "ca"
    with pytest.raises(ForbiddenError):
        world.edit(rue, "or", parent="west")
    for parent in ("east", "us", "nowhere"):
        with pytest.raises(NotFoundError, match=f"There is no territory '{parent}' in this model"):
            world.edit(wes, "or", parent=parent)
    with pytest.raises(ForbiddenError):
        plan_edits.remove_territory(world.services, wes, "next", "west", children="remove")
    assert plan_edits.remove_territory(world.services, wes, "next", "or")["removed"] == ["or"]


@pytest.mark.parametrize("changes", [
    {"where": "country = 'US'"}, {"where": None}, {"priority": 1}, {"exclude": ["A-CA"]}, {"parent": None}, {"parent": "us"},
])  # fmt: skip
def test_the_top_of_a_part_is_ruled_from_above(world: World, changes: dict[str, Any]) -> None:
    wes = world.person("wes", "see", "plan", "manage-members")
    if changes == {"parent": "us"}:  # where it is
        assert not world.edit(wes, "west", **changes)["changed"]
        return
    with pytest.raises(ForbiddenError) as refused:
        world.edit(wes, "west", **changes)
    assert "United States" not in told(refused)
    above = world.person("ulf", "see", "manage-rules", "plan", on="us")
    if "parent" not in changes:
        assert world.edit(above, "west", **changes)["changed"]


def test_what_lies_outside_is_missing_and_what_one_may_look_into_says_which_right_is_lacking(
    world: World,
) -> None:
    wes, mem = world.person("wes", "see", "plan"), world.person("mem", "see", "manage-members")
    seen = plan_edits.read_territory(world.services, OPERATOR, "next", "ny")["fingerprint"]
    answers = []
    for territory in ("ny", "never"):
        with pytest.raises(NotFoundError) as missing:
            plan_edits.edit_territory(world.services, wes, "next", territory, {"name": "x"}, fingerprint=seen)
        answers.append(told(missing).replace(territory, ""))
    assert answers[0] == answers[1]
    both = world.person("bo", "see", "manage-members")
    grants.give_grant(
        world.services, OPERATOR, user_id=world.users["bo"], territory="ny", rights=["see", "manage-rules"]
    )
    both = world.person("bo")
    with pytest.raises(ForbiddenError, match="“manage rules” on “California” \\(ca\\)"):
        world.edit(both, "ca", name="x")
    with pytest.raises(ForbiddenError):
        world.edit(mem, "ca", name="x")


def test_a_name_reaches_only_what_the_top_matches(world: World) -> None:
    wes = world.person("wes", "see", "manage-rules")
    assert world.edit(wes, "ca", named=["A-WA"])["named"] == ["A-WA"]
    assert world.placed()["WA"] == "ca"
    said = []
    for name in ("A-NY", "A-never"):  # hidden, and not there
        with pytest.raises(InvalidInputError) as refused:
            world.edit(wes, "ca", named=["A-WA", name])
        said.append([(one.code, one.message.replace(name, "")) for one in refused.value.problems])
    assert said[0] == said[1]
    assert said[0][0][0] == "unknown-account"
    grants.give_grant(world.services, OPERATOR, user_id=world.users["wes"], territory="east", rights=["see"])
    with pytest.raises(InvalidInputError) as refused:
        world.edit(world.person("wes"), "ca", named=["A-NY"])
    assert [one.code for one in refused.value.problems] == ["outside-part"]
    entry = {"key": "new", "name": "New", "parent": "west", "named": ["A-NY"]}
    with pytest.raises(ForbiddenError):
        plan_edits.add_territory(world.services, world.person("wes"), "next", entry)
    pia = world.person("pia", "see", "plan")
    with pytest.raises(InvalidInputError):
        plan_edits.add_territory(world.services, pia, "next", entry)
    world.edit(OPERATOR, "ca", named=["A-NY"])
    assert world.edit(pia, "ca", named=["A-NY"], name="Golden")["changed"]  # it was there before


RULES = st.sampled_from([
    "country = 'US'", "state in ('CA', 'WA', 'NY', 'MA', 'TX')", "state = 'NY'", "state = 'CA'", "not state = 'CA'", "name is not null", None,
])  # fmt: skip
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["west", "ca", "wa"]),
        st.fixed_dictionaries(
            {},
            optional={
                "where": RULES,
                "priority": st.integers(-5, 200),
                "named": st.lists(st.sampled_from([f"A-{state}" for state in STATES]), unique=True),
                "exclude": st.lists(st.sampled_from([f"A-{state}" for state in STATES]), unique=True),
                "parent": st.sampled_from(["west", "ca", "wa", "us", "east", None]),
            },
        ),
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS)
def test_no_edit_of_a_part_takes_an_account_its_top_does_not_match(world: World, edits: Any) -> None:
    wes = world.person("wes", "see", "plan", "manage-members")
    before = world.placed()
    with transaction.atomic():
        transaction.get_connection().atomic_blocks[-1]._from_testcase = True
        for territory, changes in edits:
            try:
                world.edit(wes, territory, **changes)
            except (ForbiddenError, NotFoundError, InvalidInputError, ConflictError):
                continue
        after = world.placed()
        transaction.set_rollback(True)
    outside = {state for state in STATES if state not in ("CA", "WA")}
    assert {state: after[state] for state in outside} == {state: before[state] for state in outside}


def test_members_are_for_those_who_manage_members_and_strangers_are_unknown(world: World) -> None:
    mem, rue = world.person("mem", "see", "manage-members"), world.person("rue", "see", "manage-rules")
    seen = plan_members.read_members(world.services, mem, "next", "ca")
    assert [one["rep"] for one in seen["members"]] == ["ana@example.com"]
    assert territories.model_tree(mem, "next") is not None
    asked: dict[str, Any] = {"fingerprint": seen["fingerprint"]}
    wanted = [{"rep": "cal@example.com", "role": "owner"}]
    with pytest.raises(ForbiddenError):
        plan_members.set_members(world.services, rue, "next", "ca", wanted, **asked)
    said = []
    for rep in ("ben@example.com", "never@example.com"):
        with pytest.raises(InvalidInputError) as refused:
            plan_members.set_members(world.services, mem, "next", "ca", [{"rep": rep}], **asked)
        said.append(told(refused).replace(rep, ""))
    assert said[0] == said[1]
    with pytest.raises(NotFoundError):
        plan_members.set_members(world.services, mem, "next", "ny", wanted, **asked)
    done = plan_members.set_members(world.services, mem, "next", "ca", wanted, **asked)
    assert done["changed"]
    assert [one["rep"] for one in done["members"]] == ["cal@example.com"]
    with pytest.raises(ConflictError):
        plan_members.set_members(world.services, mem, "next", "ca", [], **asked)


def test_counts_are_of_the_accounts_one_sees(world: World) -> None:
    wes = world.person("wes", "see", "manage-rules")
    found = rulework.count_matches(world.services, wes, model="next", territory="wa", where="country = 'US'")
    whole = rulework.count_matches(
        world.services, OPERATOR, model="next", territory="us", where="country = 'US'"
    )
    assert (found["total"], found["matches"], found["wins"]) == (2, 2, 1)
    assert whole["total"] == 5
    assert {one["territory"] for one in found["rivals"]} == {"ca"}
    counts = rulework.count_territories(world.services, wes, model="next")
    assert counts == {"total": 2, "territories": {"west": [2, 0], "ca": [1, 1], "wa": [1, 1]}}
    assert rulework.count_territories(world.services, OPERATOR, model="next")["total"] == 5
    for territory in ("ny", "us"):
        with pytest.raises(NotFoundError):
            rulework.count_matches(world.services, wes, model="next", territory=territory, where="")
    values = rulework.suggest_values(world.services, wes, "state", "")
    assert [one["value"] for one in values["values"]] == ["CA", "WA"]
    assert len(rulework.suggest_values(world.services, OPERATOR, "state", "")["values"]) == 5


def test_a_winner_one_does_not_know_is_elsewhere(world: World) -> None:
    wes = world.person("wes", "see", "manage-rules")
    world.edit(OPERATOR, "east", where="state in ('NY', 'MA', 'CA')")
    world.edit(OPERATOR, "ny", where="state in ('NY', 'CA')", priority=-50)
    found = rulework.count_matches(world.services, wes, model="next", territory="ca", where="state = 'CA'")
    assert found["rivals"] == [{"territory": "", "name": "Elsewhere", "accounts": 1}]
    assert [one["winner_name"] for one in found["examples"]] == ["Elsewhere"]
    side = compare(world.services, wes, read_side("m1"), read_side("next"))
    text = json.dumps(side.as_dict(), default=str)
    assert not [word for word in EAST if word in text]
    (moved,) = side.as_dict()["accounts"]
    assert (moved["from_name"], moved["to_name"], moved["to_owner_name"], moved["why"]) == (
        "California", "Elsewhere", "Somebody else", "",
    )  # fmt: skip
    assert side.as_dict()["summary"]["accounts"] == 2


def test_a_comparison_holds_what_one_sees_and_agrees_with_the_whole(world: World) -> None:
    wes = world.person("wes", "see", "plan")
    world.edit(wes, "ca", where="state in ('CA', 'WA')", priority=1)
    world.edit(OPERATOR, "ny", where="state = 'MA'")
    mine = compare(world.services, wes, read_side("m1"), read_side("next")).as_dict()
    whole = compare(world.services, OPERATOR, read_side("m1"), read_side("next")).as_dict()
    assert mine["n_accounts"] == 1 < whole["n_accounts"]
    assert [one["territory"] for one in mine["territories"]] == ["ca"]
    both = {one["territory"]: one for one in whole["by_territory"]}
    for line in mine["by_territory"]:
        same = {name: line[name] for name in ("accounts_before", "accounts_after", "gained", "lost")}
        assert same == {name: both[line["territory"]][name] for name in same}
    assert mine["accounts"][0]["why"] == next(
        one["why"] for one in whole["accounts"] if one["id"] == mine["accounts"][0]["id"]
    )
    assert not [word for word in EAST if word in json.dumps(mine, default=str)]


def test_a_difference_is_of_an_edit_in_the_part_only(world: World) -> None:
    wes = world.person("wes", "see", "manage-rules")
    data = plan_edits.changed_document(
        world.services, wes, "next", "ca", {"where": "state in ('CA', 'WA')", "priority": 1}
    )
    found = preview(world.services, wes, data, base="next").as_dict()
    assert [row["to_territory"] for row in found["rows"]] == ["ca"]
    assert found["summary"]["accounts"] == 2
    assert not [word for word in EAST if word in json.dumps(found, default=str)]
    strange = json.loads(json.dumps(data))
    strange["territories"][5]["where"] = "state = 'CA'"
    with pytest.raises(ForbiddenError):
        preview(world.services, wes, strange, base="next")
    strange = json.loads(json.dumps(data))
    strange["territories"][2]["members"] = [{"rep": "ben@example.com"}]
    with pytest.raises(ForbiddenError):
        preview(world.services, wes, strange, base="next")


def test_an_analysis_is_of_the_part(world: World) -> None:
    wes = world.person("wes", "see", "plan")
    world.edit(OPERATOR, "wa", where="state in ('WA', 'CA')")
    found = analyse_model(world.services, wes, "next").as_dict()
    assert found["certificate"] is None
    assert found["book"]["accounts"] == 2
    assert any({"ca", "wa"} <= set(one["territories"]) for one in found["findings"])
    assert not [word for word in EAST if word in json.dumps(found, default=str)]


def test_a_part_is_sent_to_review_and_the_rest_is_for_whoever_plans_the_whole(world: World) -> None:
    wes = world.person("wes", "see", "plan")
    assert lifecycle.life_of_part(world.services, wes, "next").state == "planning"
    for step in (lifecycle.archive, lifecycle.publish):
        with pytest.raises(ForbiddenError, match="whole company"):
            step(world.services, wes, "next")
    with pytest.raises(ForbiddenError, match="whole company"):
        lifecycle.schedule(world.services, wes, "next", effective="2099-01-01")
    with pytest.raises(ForbiddenError, match="whole company"):
        plans.export_document(world.services, wes, "next")
    assert lifecycle.submit(world.services, wes, "next", note="ready")["state"] == "in_review"
    with pytest.raises(ForbiddenError, match="whole company"):
        lifecycle.send_back(world.services, wes, "next")
    rue = world.person("rue", "see", "manage-rules")
    with pytest.raises(ForbiddenError):
        lifecycle.submit(world.services, rue, "next")


def test_a_copy_tells_of_ones_part_only(world: World) -> None:
    wes = world.person("wes", "see", "plan")
    assert plan_edits.clone_model(world.services, wes, "m1")["territories"] == 3
