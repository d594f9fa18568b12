"""Grants add rights on a part of the tree; whoever gives them gives only what they hold, where they hold it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests import builders

from merestone.app import admin, assign, crm, plan_edits, plans
from merestone.app.access import grants
from merestone.app.policy import OPERATOR, Actor, Right
from merestone.app.services import Services
from merestone.base.errors import ForbiddenError, InvalidInputError, NotFoundError

TREE = (
    {"key": "us", "name": "United States", "where": "country = 'US'"},
    {
        "key": "west",
        "name": "West",
        "parent": "us",
        "where": "state in ('CA', 'WA')",
        "members": [{"rep": "mia@example.com", "role": "manager"}],
    },
    {
        "key": "ca",
        "name": "California",
        "parent": "west",
        "where": "state = 'CA'",
        "members": [{"rep": "ana@example.com"}],
    },
    {"key": "wa", "name": "Washington", "parent": "west", "where": "state = 'WA'"},
    {
        "key": "east",
        "name": "East",
        "parent": "us",
        "where": "state = 'NY'",
        "members": [{"rep": "ben@example.com"}],
    },
)
PASSWORD = "quarry-and-fern-29"


class World:
    """A company with a rep in California, one in the east, a manager of the west, a planner and two administrators."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.reps = builders.add_reps(services)
        builders.publish(services, TREE)
        states = ("CA", "WA", "NY", "TX")
        ids = builders.add_accounts(services, [{"state": state} for state in states])
        self.accounts = dict(zip(states, ids, strict=True))
        self.users: dict[str, int] = {}
        for name, role, rep in (
            ("ana", "rep", "ana"),
            ("ben", "rep", "ben"),
            ("mia", "manager", "mia"),
            ("pat", "planner", None),
            ("ada", "admin", None),
            ("abe", "admin", None),
        ):
            self.users[name] = admin.create_user(
                services,
                OPERATOR,
                email=f"{name}@example.com",
                role=role,
                rep_id=self.reps[rep] if rep else None,
            )["id"]

    def actor(self, name: str, **changes: Any) -> Actor:
        """Return the actor of a user as the next request would have it."""
        from dataclasses import replace

        from merestone.db.models import User
        from merestone.db.queries.actors import actor_of_user

        return replace(actor_of_user(User.objects.get(pk=self.users[name])), **changes)

    def give(self, name: str, territory: str | None, *rights: str, by: Actor = OPERATOR, **more: Any) -> Any:
        """Give a user rights."""
        return grants.give_grant(
            self.services, by, user_id=self.users[name], territory=territory, rights=rights, **more
        )

    def seen(self, name: str, right: Right = Right.SEE) -> set[str]:
        """Return the states whose account the user sees, or has a right on."""
        ids = self.services.visibility.visible_ids(self.actor(name), "accounts", right=right)
        return {state for state, one in self.accounts.items() if one in ids}


@pytest.fixture
def world(services: Services, settings: Any) -> World:
    """The company."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return World(services)


@pytest.mark.both_databases
def test_a_grant_counts_from_the_next_request_with_all_below_until_it_ends(world: World) -> None:
    assert world.seen("ben") == {"NY"}
    made = world.give("ben", "west", "see")
    assert world.seen("ben") == {"NY", "CA", "WA"}
    assert world.seen("ben", Right.EDIT_ACCOUNTS) == {"NY"}
    grants.end_grant(world.services, OPERATOR, made.id)
    assert world.seen("ben") == {"NY"}


def test_a_grant_is_over_on_the_day_it_ends(world: World) -> None:
    from merestone.db.models import Grant

    today = world.services.clock.today()
    world.give("ben", "west", "see", ends_on=today + timedelta(days=1))
    assert world.seen("ben") == {"NY", "CA", "WA"}
    Grant.objects.update(ends_on=today)
    assert world.seen("ben") == {"NY"}


def test_a_grant_for_the_whole_company_reaches_what_no_territory_has(world: World) -> None:
    world.give("ben", None, "see")
    assert world.seen("ben") == {"CA", "WA", "NY", "TX"}
    assert world.actor("ben").sees_all


def test_seen_without_the_right_is_forbidden_and_hidden_is_missing(world: World) -> None:
    world.give("ben", "ca", "see")
    ben = world.actor("ben")

    def rename(state: str) -> None:
        crm.update_record(
            world.services,
            ben,
            table="accounts",
            record_id=world.accounts[state],
            values={"name": "New"},
            version=1,
        )

    rename("NY")
    with pytest.raises(ForbiddenError, match="edit accounts"):
        rename("CA")
    with pytest.raises(NotFoundError):
        rename("WA")
    world.give("ben", "ca", "see", "edit-accounts")
    ben = world.actor("ben")
    rename("CA")


def test_moving_needs_the_right_on_the_account_and_on_the_territory(world: World) -> None:
    world.give("ben", "west", "see")
    world.give("ben", "wa", "assign")

    def move(state: str, territory: str) -> None:
        assign.move_accounts(
            world.services, world.actor("ben"), [world.accounts[state]], territory=territory, reason="x"
        )

    with pytest.raises(ForbiddenError):
        move("WA", "ca")
    with pytest.raises(ForbiddenError):
        move("CA", "wa")
    with pytest.raises(NotFoundError):
        move("WA", "us")
    move("WA", "wa")


def test_many_records_are_changed_only_where_all_may_be(world: World) -> None:
    world.give("ben", "ca", "see")
    with pytest.raises(ForbiddenError):
        crm.update_records(
            world.services,
            world.actor("ben"),
            table="accounts",
            ids=[world.accounts["NY"], world.accounts["CA"]],
            values={"industry": "Food"},
        )


@pytest.fixture
def plan(world: World) -> str:
    """A planning model."""
    return plan_edits.clone_model(world.services, OPERATOR, "m1", new_key="next")["key"]


def edit(world: World, name: str, territory: str, **changes: Any) -> Any:
    """Change a territory of the plan as a user."""
    seen = plan_edits.read_territory(world.services, OPERATOR, "next", territory)
    return plan_edits.edit_territory(
        world.services, world.actor(name), "next", territory, changes, fingerprint=seen["fingerprint"]
    )


@pytest.mark.usefixtures("plan")
def test_a_right_to_plan_a_subtree_plans_that_subtree_only(world: World) -> None:
    with pytest.raises(ForbiddenError):
        edit(world, "ana", "ca", priority=5)
    world.give("ana", "west", "plan")
    assert edit(world, "ana", "ca", priority=5)["changed"]
    for territory in ("east", "us"):
        with pytest.raises(NotFoundError):
            edit(world, "ana", territory, priority=5)
        with pytest.raises(NotFoundError):
            plan_edits.read_territory(world.services, world.actor("ana"), "next", territory)
    add = {"key": "or", "name": "Oregon", "where": "state = 'OR'"}
    for parent in ("us", None):
        with pytest.raises((NotFoundError, ForbiddenError)):
            plan_edits.add_territory(world.services, world.actor("ana"), "next", {**add, "parent": parent})
    plan_edits.add_territory(world.services, world.actor("ana"), "next", {**add, "parent": "west"})
    assert edit(world, "ana", "or", priority=7)["changed"]
    with pytest.raises((NotFoundError, ForbiddenError)):
        edit(world, "ana", "ca", parent="us")
    with pytest.raises(ForbiddenError):
        plan_edits.remove_territory(world.services, world.actor("ana"), "next", "west", children="remove")
    with pytest.raises(ForbiddenError):
        plans.export_document(world.services, world.actor("ana"), "next")


@pytest.mark.usefixtures("plan")
def test_the_right_to_change_rules_is_not_the_right_to_change_the_tree(world: World) -> None:
    world.give("ana", "west", "manage-rules")
    assert edit(world, "ana", "ca", priority=5)["changed"]
    with pytest.raises(ForbiddenError):
        edit(world, "ana", "ca", parent="wa")
    with pytest.raises(ForbiddenError):
        plan_edits.clone_model(world.services, world.actor("ana"), "m1")


@pytest.mark.usefixtures("plan")
def test_models_not_active_are_missing_to_those_who_do_not_plan(world: World) -> None:
    from merestone.db.queries import territories

    for name in ("ana", "mia"):
        with pytest.raises(NotFoundError):
            plans.load_model(world.services, world.actor(name), "next")
        assert territories.model_tree(world.actor(name), "next") is None
    world.give("ana", "west", "plan")
    found = territories.model_tree(world.actor("ana"), "next")
    assert found is not None
    assert {row.key for row in found[1]} == {"west", "ca", "wa"}
    counts = {model.key: model.n_territories for model in territories.models(world.actor("ana"))}
    assert counts == {"m1": 3, "next": 3}


def test_somebody_who_stands_in_has_the_records_while_it_lasts(world: World) -> None:
    from merestone.db.models import Cover

    today = world.services.clock.today()
    dates = {"starts_on": today, "ends_on": today + timedelta(days=5)}
    cover = Cover.objects.create(rep_id=world.reps["ana"], cover_id=world.reps["ben"], **dates)
    assert world.seen("ben") == world.seen("ben", Right.EDIT_ACCOUNTS) == {"NY", "CA"}
    assert world.seen("ben", Right.ASSIGN) == set()
    cover.account_id = world.accounts["NY"]
    cover.save()
    assert world.seen("ben") == {"NY"}
    cover.account_id = world.accounts["CA"]
    cover.save()
    assert world.seen("ben") == {"NY", "CA"}
    Cover.objects.update(starts_on=today - timedelta(days=5), ends_on=today)
    assert world.seen("ben") == {"NY"}


@pytest.mark.both_databases
def test_a_manager_sees_what_their_people_see(world: World) -> None:
    from merestone.db.models import AccountAssociation, Cover

    assert world.seen("mia") == {"CA", "WA"}
    AccountAssociation.objects.filter(account_id=world.accounts["NY"], valid_to=None).update(
        owner_id=world.reps["ana"]
    )
    assert world.seen("ana") == world.seen("mia") - {"WA"} == {"CA", "NY"}
    assert world.seen("mia", Right.ASSIGN) == {"CA", "WA"}
    AccountAssociation.objects.filter(account_id=world.accounts["NY"], valid_to=None).update(
        owner_id=world.reps["ben"]
    )
    today = world.services.clock.today()
    Cover.objects.create(rep_id=world.reps["ben"], cover_id=world.reps["ana"], starts_on=today)
    assert world.seen("ana") <= world.seen("mia") == {"CA", "WA", "NY"}


DELEGATED = ("manage-users", "assign", "approve", "edit-accounts", "work-leads", "log-activity", "export")


def test_who_manages_users_gives_only_what_they_hold_where_they_hold_it(world: World) -> None:
    world.give("mia", "west", *DELEGATED)
    mia = world.actor("mia")
    assert world.give("ana", "wa", "see", "assign", by=mia).granted_by == "mia@example.com"
    assert world.seen("ana") == {"CA", "WA"}
    for territory, rights, error in (
        ("west", ["plan"], ForbiddenError),  # a right not held
        ("us", ["see"], NotFoundError),  # above the part managed
        ("east", ["see"], NotFoundError),
        (None, ["see"], ForbiddenError),  # the whole company
    ):
        with pytest.raises(error):
            world.give("ana", territory, *rights, by=mia)
    with pytest.raises(NotFoundError):  # somebody of another part of the tree is not known here
        world.give("ben", "ca", "see", by=mia)
    with pytest.raises(NotFoundError):
        world.give("ada", "ca", "see", by=mia)


def test_nobody_raises_themselves(world: World) -> None:
    world.give("mia", "west", *DELEGATED)
    with pytest.raises(ForbiddenError):
        world.give("mia", "ca", "see", by=world.actor("mia"))
    with pytest.raises(ForbiddenError):
        world.give("ada", None, "see", by=world.actor("ada"))
    for changes in ({"role": "admin"}, {"role": "planner"}, {"rep_id": world.reps["ben"]}):
        with pytest.raises(ForbiddenError):
            admin.change_user(world.services, world.actor("mia"), world.users["mia"], **changes)
    with pytest.raises(ForbiddenError):
        admin.change_user(world.services, world.actor("ana"), world.users["ana"], role="manager")


def test_a_delegate_changes_nobody_who_has_more(world: World) -> None:
    world.give("mia", "west", *DELEGATED)
    change: Callable[..., Any] = admin.change_user
    mia = world.actor("mia")
    assert change(world.services, mia, world.users["ana"], is_active=False)["is_active"] is False
    change(world.services, mia, world.users["ana"], is_active=True)
    with pytest.raises(ForbiddenError):
        change(world.services, mia, world.users["ana"], password=PASSWORD)
    with pytest.raises(ForbiddenError):
        change(world.services, mia, world.users["ana"], role="planner")
    for name in ("ben", "pat", "ada"):
        with pytest.raises(NotFoundError):
            change(world.services, mia, world.users[name], is_active=False)
    world.give("ana", "ca", "plan")
    with pytest.raises(ForbiddenError):
        change(world.services, world.actor("mia"), world.users["ana"], is_active=False)
    with pytest.raises(ForbiddenError):
        admin.create_token(world.services, mia, user_id=world.users["ana"], name="x")


def test_a_delegate_makes_users_of_their_part_only(world: World) -> None:
    world.give("mia", "west", *DELEGATED)
    mia = world.actor("mia")

    def make(role: str, rep: str | None) -> Any:
        return admin.create_user(
            world.services,
            mia,
            email=f"{role}-{rep}@example.com",
            role=role,
            rep_id=world.reps[rep] if rep else None,
        )

    for role, rep in (
        ("rep", None),
        ("rep", "cal"),
        ("planner", None),
        ("admin", None),
        ("integration", None),
    ):
        with pytest.raises(ForbiddenError):
            make(role, rep)


def test_managing_all_users_without_being_admin_stops_below_administrators(world: World) -> None:
    world.give("pat", None, "manage-users")
    pat = world.actor("pat")
    assert (
        admin.create_user(world.services, pat, email="new@example.com", role="planner")["role"] == "planner"
    )
    for name, changes in (("ada", {"password": PASSWORD}), ("ana", {"role": "admin"})):
        with pytest.raises(ForbiddenError):
            admin.change_user(world.services, pat, world.users[name], **changes)
    with pytest.raises(ForbiddenError):
        admin.create_user(world.services, pat, email="root@example.com", role="admin")
    with pytest.raises(ForbiddenError):
        admin.create_token(world.services, pat, user_id=world.users["ada"], name="x")
    with pytest.raises(ForbiddenError):
        world.give("ada", "ca", "see", by=pat)


@pytest.mark.both_databases
def test_the_last_administrator_stays(world: World) -> None:
    ada = world.actor("ada")
    admin.change_user(world.services, ada, world.users["abe"], role="planner")
    for changes in ({"role": "rep"}, {"is_active": False}):
        with pytest.raises(InvalidInputError) as refused:
            admin.change_user(world.services, OPERATOR, world.users["ada"], **changes)
        assert "last-admin" in {problem.code for problem in refused.value.problems}
    assert admin.change_user(world.services, ada, world.users["ada"], name="Ada")["role"] == "admin"


def test_scopes_limit_grants_too(world: World) -> None:
    world.give("ben", "ca", "see", "assign")
    limited = world.actor("ben", scopes=frozenset({Right.SEE}))
    with pytest.raises(ForbiddenError):
        assign.lock_accounts(world.services, limited, [world.accounts["CA"]], reason="x")
    world.give("mia", "west", *DELEGATED)
    token = world.actor("mia", scopes=frozenset({Right.SEE, Right.MANAGE_USERS}))
    world.give("ana", "ca", "see", by=token)
    with pytest.raises(ForbiddenError):
        world.give("ana", "ca", "assign", by=token)
    with pytest.raises(ForbiddenError):
        admin.create_token(world.services, token, user_id=world.users["mia"], name="x", scopes=["assign"])
    with pytest.raises(ForbiddenError):
        admin.change_user(world.services, token, world.users["mia"], password=PASSWORD)


def test_a_wrong_grant_is_told_with_everything_that_is_wrong(world: World) -> None:
    with pytest.raises(InvalidInputError) as refused:
        world.give("ana", "ca", "fly", "import", ends_on=world.services.clock.today())
    assert [problem.code for problem in refused.value.problems] == [
        "unknown-right",
        "company-right",
        "past-date",
    ]
    with pytest.raises(InvalidInputError, match="not given"):
        world.give("ana", "ca")


def test_giving_and_ending_is_audited(world: World) -> None:
    from merestone.db.models import AuditEntry

    made = world.give("ana", "wa", "see", by=world.actor("ada"))
    grants.end_grant(world.services, world.actor("abe"), made.id)
    entries = AuditEntry.objects.filter(table_name="merestone_grant").order_by("id")
    assert [(entry.actor, entry.cause, entry.operation) for entry in entries] == [
        ("user:ada@example.com", "give rights", "I"),
        ("user:abe@example.com", "end rights", "U"),
    ]


def test_a_deactivated_user_may_do_nothing_at_once(world: World) -> None:
    world.give("ana", None, "see", "assign")
    admin.change_user(world.services, OPERATOR, world.users["ana"], is_active=False)
    ana = world.actor("ana")
    assert not any(ana.can(right) for right in Right)
    assert world.seen("ana") == set()


def test_keys_that_differ_in_case_are_different_territories(world: World) -> None:
    builders.publish(
        world.services,
        (*TREE, {"key": "CA", "name": "Other", "parent": "east", "where": "state = 'NY'"}),
        key="m2",
    )
    world.give("ben", "ca", "see")
    assert world.services.visibility.visible_territories(world.actor("ben")) == {"ca", "east"}
