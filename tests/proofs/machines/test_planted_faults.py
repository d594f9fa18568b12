"""The checks of the machines find what they are for: each kind of fault, planted past the use cases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from tests.proofs.machines import checks, surfaces
from tests.proofs.machines.company import World
from tests.proofs.machines.everyday import Everyday
from tests.proofs.machines.sight import Looking

from merestone.app import assign, lifecycle, plans
from merestone.app.policy import OPERATOR
from merestone.db import audit
from merestone.db.models import Account, AccountAssociation, Territory, TerritoryModel, TerritoryNode
from merestone.db.queries import scope

pytestmark = [pytest.mark.both_databases]


@pytest.fixture
def machine(world: World) -> Any:
    """A machine at its beginning; what is planted is taken back."""
    made = Looking(world)
    made.everything_holds()
    yield made
    made.teardown()


def move(machine: Everyday) -> None:
    machine.move(number=0, territory="east", who="vera")


def test_what_is_right_is_found_right(machine: Any) -> None:
    move(machine)
    machine.everything_holds()
    assert checks.misplaced(machine.ledger, machine.dial.today) == []
    assert surfaces.disagreements(machine.services, machine.book) == []


def test_an_account_that_is_nowhere_is_found(machine: Any) -> None:
    AccountAssociation.objects.filter(account_id=machine.account(3), is_primary=True).delete()
    machine.ledger.read()
    assert checks.misplaced(machine.ledger, machine.dial.today) == [
        f"account {machine.account(3)} is in 0 places"
    ]


def test_an_owner_who_has_left_is_found(machine: Any) -> None:
    from merestone.db.models import Rep

    Rep.objects.filter(pk=machine.rep("ben")).update(left_on=machine.dial.today)
    machine.ledger.read()
    assert any("who has left" in found for found in checks.misplaced(machine.ledger, machine.dial.today))


@pytest.mark.parametrize(("hours", "words"), [(1, "overlap"), (-1, "a gap")])
def test_a_gap_and_an_overlap_are_found(machine: Any, hours: int, words: str) -> None:
    machine.dial.turn(86_400)
    move(machine)
    closed = AccountAssociation.objects.exclude(valid_to=None).latest("id")
    AccountAssociation.objects.filter(pk=closed.pk).update(valid_to=closed.valid_to + timedelta(hours=hours))
    machine.ledger.read()
    found = checks.broken_intervals(machine.ledger, machine.dial.at + timedelta(days=1))
    assert len(found) == 1
    assert words in found[0]


def unlogged(machine: Any, act: Callable[[], Any]) -> list[str]:
    since = machine.ledger.entry
    act()
    return checks.unlogged(machine.ledger.read(), since=since, actors={"cli", "user:vera@example.com"})


def test_a_change_past_the_triggers_is_found(machine: Any) -> None:
    with connection.cursor() as cursor:
        for statement in audit.drop_statements():
            cursor.execute(statement)
    found = unlogged(machine, lambda: Account.objects.filter(pk=machine.account(0)).update(city="Elsewhere"))
    assert found == [f"merestone_account {machine.account(0)}: city is 'Elsewhere', the log says None"]


def test_a_change_by_nobody_is_found(machine: Any) -> None:
    found = unlogged(machine, lambda: Account.objects.filter(pk=machine.account(0)).update(city="Elsewhere"))
    assert any("is by 'unknown' because of ''" in one for one in found)


def test_a_place_the_rules_do_not_give_is_found(machine: Any) -> None:
    east = Territory.objects.get(key="east")
    AccountAssociation.objects.filter(account_id=machine.account(0), is_primary=True).update(territory=east)
    machine.ledger.read()
    with pytest.raises(AssertionError):
        machine.stands_as_told()


def test_a_cent_that_is_lost_is_found(machine: Any) -> None:
    pk = machine.account(0)
    machine.book.accounts[pk]["potential"] += Decimal("0.01")
    found = surfaces.disagreements(machine.services, machine.book)
    assert {"list", "history", "export", "tree", "balance", "map"} == {one.split(":")[0] for one in found} | {
        "history"
    }


def test_a_rule_changed_after_it_was_published_is_found(machine: Any) -> None:
    def act() -> None:
        machine.does("vera", lifecycle.publish, "m1")
        TerritoryNode.objects.filter(model__key="m1", territory__key="west").update(priority=7)

    machine.apply(number=0, edits=[("priority", 10, "east")], who="vera", is_again=False)
    with pytest.raises(AssertionError):
        machine.comes_into_force("m1", act)


def test_a_publish_without_the_approvals_is_found(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from merestone.app.lifecycle import publishing

    machine.apply(number=0, edits=[("priority", 10, "east")], who="vera", is_again=False)
    machine.ask_for_approvals(number=0, policy="parts", who="vera")
    monkeypatch.setattr(publishing, "refuse_unapproved", lambda *_: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        machine.publish(number=1, who="vera", is_as_seen=False, is_again=False)


def test_an_account_seen_by_mistake_is_found(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.look_around(name="ana")
    real = scope.accounts
    monkeypatch.setattr(scope, "accounts", lambda _actor, *_: real(OPERATOR))
    with pytest.raises(AssertionError):
        machine.look_around(name="ana")


def test_a_rep_who_sees_more_than_their_manager_is_found(
    machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.each_sees_less_than_their_boss()
    monkeypatch.setattr(
        machine, "visible", lambda name: {machine.account(0)} if name in ("ana", "ben", "cal") else set()
    )
    with pytest.raises(AssertionError):
        machine.each_sees_less_than_their_boss()


def test_an_undo_that_forgets_a_reason_is_found(machine: Any) -> None:
    machine.put(edits=[("state", "CA", "east")], who="vera")
    changed = machine.done[-1]
    pk = next(iter(changed.moved))
    changed.before["accounts"][pk] = {(None, None, True, "another", "")}
    with pytest.raises(AssertionError):
        machine.undo(who="paul", is_stale=False)


def test_a_run_that_writes_again_is_found(machine: Any) -> None:
    def act(services: Any, actor: Any) -> None:
        assign.run_rules(services, actor)
        TerritoryModel.objects.filter(state="active").update(name="Again")

    with pytest.raises(AssertionError):
        machine.changes_nothing(act)
    assert plans.list_models(machine.services, machine.world.actor("vera"))
