"""The difference a model would make equals what publishing it then does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.builders import WEST_EAST, add_accounts, add_reps, document, places, publish

from merestone.app import assign, lifecycle, plans
from merestone.app.difference import preview
from merestone.app.policy import OPERATOR, Actor
from merestone.app.services import Services
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from merestone.db.models import AccountAssociation

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def edited(
    key: str, territories: Sequence[Mapping[str, Any]] = WEST_EAST, **changes: Any
) -> list[dict[str, Any]]:
    """Return the territories with one of them changed."""
    return [{**node, **(changes if node["key"] == key else {})} for node in territories]


def world(services: Services) -> tuple[dict[str, int], list[int]]:
    """Publish West and East with accounts in CA, NY, TX and France; returns reps and account ids."""
    reps = add_reps(services)
    publish(services)
    rows = [{"state": "CA", "revenue": Decimal("10.00")}, {"state": "NY", "revenue": Decimal("5.00")}]
    return reps, add_accounts(services, [*rows, {"state": "TX"}, {"country": "FR"}])


def moves(difference: Any) -> dict[int, tuple[str | None, str | None]]:
    return {row["id"]: (row["from_territory"], row["to_territory"]) for row in difference.rows.to_pylist()}


def test_a_model_that_says_the_same_moves_nothing(services: Services) -> None:
    world(services)
    difference = preview(services, OPERATOR, document(WEST_EAST, key="m2"))
    assert len(difference) == 0
    assert difference.summary.accounts == 4
    assert difference.summary.moved == 0


def test_what_moves_is_told_with_places_owners_and_reason(services: Services) -> None:
    reps, ids = world(services)
    new = document(edited("east", where="state in ('NY', 'MA', 'CA')", priority=1), key="m2")
    difference = preview(services, OPERATOR, new)
    [row] = difference.rows.to_pylist()
    assert row == {
        "id": ids[0],
        "external_id": "A0",
        "name": "Account 0",
        "from_territory": "west",
        "from_name": "West",
        "to_territory": "east",
        "to_name": "East",
        "from_owner": reps["ana"],
        "from_owner_name": "Ana",
        "to_owner": reps["ben"],
        "to_owner_name": "Ben",
        "revenue": Decimal("10.00"),
        "potential": None,
        "was": "rule",
        "cause": "rule",
        "overlays_gained": [],
        "overlays_lost": [],
        "why": "East now matches: state is NY, MA or CA. West matches too, but East wins because its priority is"
        " lower in number.",
    }


def test_sums_by_pair_territory_and_rep(services: Services) -> None:
    reps, _ = world(services)
    new = document(edited("west", where="state in ('CA', 'WA', 'NY', 'TX')", priority=1), key="m2")
    difference = preview(services, OPERATOR, new)
    assert difference.summary.as_dict() == {
        "accounts": 4,
        "moved": 2,
        "reassigned": 2,
        "overlays": 0,
        "held": 0,
        "share": 0.5,
        "revenue": "15.00",
        "revenue_moved": "5.00",
    }
    pairs = {
        (row["from_territory"], row["to_territory"]): row["accounts"] for row in difference.pairs.to_pylist()
    }
    assert pairs == {("east", "west"): 1, ("vacant", "west"): 1}
    counts = {row.pop("territory"): tuple(row.values())[1:] for row in difference.territories.to_pylist()}
    assert counts == {"west": (1, 3, 2, 0), "east": (1, 0, 0, 1), "vacant": (1, 0, 0, 1), None: (1, 1, 0, 0)}
    by_rep = {row.pop("rep"): tuple(row.values())[1:] for row in difference.reps.to_pylist()}
    assert by_rep == {reps["ana"]: (1, 3, 2, 0), reps["ben"]: (1, 0, 0, 1), None: (2, 1, 0, 1)}


def test_another_owner_of_a_territory_moves_its_accounts(services: Services) -> None:
    reps, ids = world(services)
    new = document(edited("east", members=[{"rep": "cal@example.com"}]), key="m2")
    [row] = preview(services, OPERATOR, new).rows.to_pylist()
    assert (row["id"], row["from_owner"], row["to_owner"]) == (ids[1], reps["ben"], reps["cal"])
    assert row["why"] == "Cal owns East instead of Ben."


def test_locked_accounts_stay_and_are_told(services: Services) -> None:
    _, ids = world(services)
    assign.lock_accounts(services, OPERATOR, [ids[0]], reason="A promise")
    difference = preview(services, OPERATOR, document(edited("west", where="state = 'WA'"), key="m2"))
    assert len(difference) == 0
    [held] = difference.held.to_pylist()
    assert (held["id"], held["territory"], held["to_territory"]) == (ids[0], "west", "us")


def test_accounts_moved_by_hand_go_where_the_rules_say(services: Services) -> None:
    _, ids = world(services)
    assign.move_accounts(services, OPERATOR, [ids[0]], territory="east", reason="Ben knows them")
    [row] = preview(services, OPERATOR, document(WEST_EAST, key="m2")).rows.to_pylist()
    assert (row["from_territory"], row["to_territory"], row["was"]) == ("east", "west", "manual")
    assert row["why"].startswith("It was moved to East by hand;")


def test_overlays_gained_and_lost(services: Services) -> None:
    _, ids = world(services)
    kinds = [
        {"key": "territory", "name": "T", "primary": True},
        {"key": "ai", "name": "AI", "primary": False},
    ]
    primary = [{**node, "type": "territory"} for node in WEST_EAST]
    one = {"key": "ai", "name": "AI", "type": "ai", "where": "state in ('CA', 'NY')"}
    publish(services, [*primary, one], key="m2", types=kinds)
    new = document([*primary, {**one, "where": "state in ('NY', 'TX')"}], key="m3", types=kinds)
    rows = preview(services, OPERATOR, new).rows.to_pylist()
    found = {row["id"]: (row["overlays_gained"], row["overlays_lost"], row["why"]) for row in rows}
    assert found == {
        ids[0]: ([], ["ai"], "AI no longer matches it."),
        ids[2]: (["ai"], [], "AI matches it too."),
    }


def test_publishing_the_active_model_moves_nothing(services: Services) -> None:
    _, ids = world(services)
    assign.move_accounts(services, OPERATOR, [ids[0]], territory="east", reason="Ben knows them")
    assert len(preview(services, OPERATOR, "m1")) == 0


def test_two_documents_are_compared_on_the_same_accounts(services: Services) -> None:
    _, ids = world(services)
    assign.move_accounts(services, OPERATOR, [ids[0]], territory="east", reason="Ben knows them")
    old = document(edited("west", where="state = 'CA'"), key="m2")
    new = document(edited("west", where="state in ('CA', 'TX')", priority=1), key="m2")
    difference = preview(services, OPERATOR, new, base=old)
    assert moves(difference) == {ids[2]: ("vacant", "west")}
    assert not difference.is_live


def test_the_first_model_takes_everything_out_of_the_queue(services: Services) -> None:
    add_reps(services)
    ids = add_accounts(services, [{"state": "CA"}, {"country": "FR"}])
    difference = preview(services, OPERATOR, document(WEST_EAST))
    assert moves(difference) == {ids[0]: (None, "west")}
    assert difference.base is None


def test_only_planners_see_a_difference(services: Services) -> None:
    world(services)
    with pytest.raises(ForbiddenError):
        preview(services, Actor(role="manager"), document(WEST_EAST))


def test_a_bad_document_is_refused_with_its_problems(services: Services) -> None:
    world(services)
    with pytest.raises(InvalidInputError) as caught:
        preview(services, OPERATOR, document(edited("west", where="stat = 'CA'")))
    assert [problem.code for problem in caught.value.problems] == ["unknown-field"]
    with pytest.raises(InvalidInputError) as caught:
        preview(services, OPERATOR, document(edited("west", members=[{"rep": "nobody@example.com"}])))
    assert [problem.code for problem in caught.value.problems] == ["unknown-rep"]
    with pytest.raises(NotFoundError):
        preview(services, OPERATOR, "m99")


def test_the_answer_is_json_with_a_limit(services: Services) -> None:
    world(services)
    new = document(edited("west", where="state in ('CA', 'NY', 'TX')", priority=1), key="m2")
    answer = preview(services, OPERATOR, new).as_dict(limit=1)
    assert answer["n_rows"] == 2
    assert [row["revenue"] for row in answer["rows"]] == ["5.00"]


STATES = ("CA", "WA", "NY", "TX")
rule = st.lists(st.sampled_from(STATES), min_size=1, unique=True).map(
    lambda states: f"state in ({', '.join(repr(state) for state in states)})"
)
models = st.fixed_dictionaries(
    {
        "wheres": st.tuples(rule, rule, rule),
        "priorities": st.tuples(*[st.sampled_from((50, 100))] * 3),
        "owners": st.tuples(*[st.sampled_from(("ana", "ben", "cal", None))] * 3),
        "named": st.lists(st.sampled_from(("A0", "A1", "A2")), unique=True),
    }
)


def territories(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for i, (where, priority, owner) in enumerate(
        zip(model["wheres"], model["priorities"], model["owners"], strict=True)
    ):
        members = [{"rep": f"{owner}@example.com"}] if owner else []
        kind = "ai" if i == 2 else "geo"
        node = {"key": f"t{i}", "where": where, "priority": priority, "members": members, "type": kind}
        found.append({**node, "named": model["named"] if i == 0 else []})
    return found


KINDS = [{"key": "geo", "name": "Geo", "primary": True}, {"key": "ai", "name": "AI", "primary": False}]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=models, new=models, moved=st.sets(st.integers(0, 5)), locked=st.sets(st.integers(0, 5)))
def test_publishing_does_what_the_difference_says(
    services: Services, old: Mapping[str, Any], new: Mapping[str, Any], moved: set[int], locked: set[int]
) -> None:
    savepoint = transaction.savepoint()  # an example leaves nothing to the next one
    add_reps(services)
    publish(services, territories(old), key="m1", types=KINDS)
    ids = add_accounts(services, [{"state": state} for state in (*STATES, None, "CA")])
    for one in moved:
        assign.move_accounts(services, OPERATOR, [ids[one]], territory="t1", reason="so")
    if locked:
        assign.lock_accounts(services, OPERATOR, [ids[one] for one in locked], reason="so")
    said = preview(services, OPERATOR, document(territories(new), key="m2", types=KINDS))
    before, over = places(services), overlays(services)
    publish(services, territories(new), key="m2", types=KINDS)
    after, under = places(services), overlays(services)
    rows = {row["id"]: row for row in said.rows.to_pylist()}
    assert rows.keys() >= {one for one in ids if before[one][:2] != after[one][:2]}
    for one, row in rows.items():
        assert (row["from_territory"], row["from_owner"]) == before[one][:2]
        assert (row["to_territory"], row["to_owner"]) == after[one][:2]
        gained, lost = under[one].keys() - over[one].keys(), over[one].keys() - under[one].keys()
        assert (set(row["overlays_gained"]), set(row["overlays_lost"])) == (gained, lost)
        assert before[one][:2] != after[one][:2] or over[one] != under[one]
        assert row["why"]
    assert len(preview(services, OPERATOR, "m2")) == 0
    transaction.savepoint_rollback(savepoint)


def overlays(services: Services) -> dict[int, dict[str, int | None]]:
    """Return record -> overlay -> owner."""
    rows = services.associations.open_now("accounts")
    found: dict[int, dict[str, int | None]] = {
        one: {} for one in pa.compute.unique(rows["record"]).to_pylist()
    }
    for row in rows.filter(pa.compute.invert(rows["is_primary"])).to_pylist():
        found[row["record"]][row["territory"]] = row["owner"]
    return found


def test_what_was_looked_at_is_applied_and_nothing_else(services: Services) -> None:
    reps, ids = world(services)
    new = document(edited("west", where="state in ('CA', 'NY')", priority=1), key="m2")
    fingerprint = preview(services, OPERATOR, new).fingerprint
    assert lifecycle.publish_document(services, OPERATOR, new, fingerprint=fingerprint)["changed"] == 1
    assert places(services)[ids[1]] == ("west", reps["ana"], "rule")


def test_a_difference_that_is_another_one_by_now_is_refused_with_the_new_one(services: Services) -> None:
    _, ids = world(services)
    new = document(edited("west", where="state in ('CA', 'NY')", priority=1), key="m2")
    fingerprint = preview(services, OPERATOR, new).fingerprint
    assign.move_accounts(services, OPERATOR, [ids[0]], territory="east", reason="Ben knows them")
    before = places(services)
    with pytest.raises(ConflictError) as caught:
        lifecycle.publish_document(services, OPERATOR, new, fingerprint=fingerprint)
    assert caught.value.code == "difference-changed"
    assert {row["id"] for row in caught.value.difference["rows"]} == {ids[0], ids[1]}
    assert places(services) == before
    assert services.models.load("m2") is None, "nothing is half applied"
    again = caught.value.difference["fingerprint"]
    lifecycle.publish_document(services, OPERATOR, new, fingerprint=again)


def test_another_document_than_the_one_looked_at_is_refused(services: Services) -> None:
    world(services)
    plans.apply_document(services, OPERATOR, document(edited("west", where="state = 'CA'"), key="m2"))
    fingerprint = preview(services, OPERATOR, "m2").fingerprint
    plans.apply_document(services, OPERATOR, document(edited("west", where="state = 'CA' "), key="m2"))
    plans.apply_document(services, OPERATOR, document(edited("west", where="state in ('CA')"), key="m2"))
    with pytest.raises(ConflictError):
        lifecycle.publish(services, OPERATOR, "m2", fingerprint=fingerprint)


def test_a_rep_may_be_named_by_anything_that_names_them(services: Services) -> None:
    reps, _ = world(services)
    new = document(edited("east", members=[{"rep": "Cal"}]), key="m2")
    difference = preview(services, OPERATOR, new)
    assert difference.rows["to_owner"].to_pylist() == [reps["cal"]]
    lifecycle.publish_document(services, OPERATOR, new, fingerprint=difference.fingerprint)


def test_publishing_writes_only_what_differs(services: Services) -> None:
    _, ids = world(services)
    before = associations(services)
    publish(services, edited("west", where="state in ('CA', 'NY')", priority=1), key="m2")
    after = associations(services)
    written = {row["account_id"] for row in after if row not in before}
    assert written == set(ids[1:]), "the one that moved, and those in the queue, told anew why"
    assert len(after) == len(before) + 1


def test_a_rule_run_writes_nothing_when_nothing_differs(services: Services) -> None:
    world(services)
    before = associations(services)
    assert assign.run_rules(services, OPERATOR) == {"accounts": 4, "changed": 0, "queued": 2}
    assert associations(services) == before


def associations(_services: Services) -> list[dict[str, Any]]:
    """Return every row of the accounts' associations."""
    return list(AccountAssociation.objects.order_by("id").values())
