"""Approvals: who may, what an edit takes away, and that nothing else is taken."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import builders
from tests.review_world import NEW, World, begin

from merestone.app import plan_edits, plans
from merestone.app.access import grants
from merestone.app.lifecycle import set_policies
from merestone.app.model_hash import subtree_hash
from merestone.app.policy import OPERATOR, Actor
from merestone.app.review import deciding
from merestone.app.review.approvals import approve, refuse_unapproved, standings, void_touched
from merestone.app.review.drafts import Draft
from merestone.app.review.policies import check_policies
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError
from merestone.core.model.territory import TerritoryModelDocument, TerritoryNode
from merestone.core.rules.document import write_document
from merestone.db.models import Approval, Notice, User
from merestone.db.queries.actors import actor_of_user

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def ask(world: World, **policy: Any) -> None:
    set_policies(world.services, world.vera, "new", {"approvals": policy or {"depth": 0}})


def states(world: World) -> dict[str | None, str]:
    model, loaded = world.services.reviews.model("new"), world.services.models.load("new")
    assert model is not None
    assert loaded is not None
    return {one.demand.territory: one.state for one in standings(world.services, model, loaded[1])}


def edit(world: World, territory: str, **changes: Any) -> None:
    seen = plan_edits.read_territory(world.services, world.vera, "new", territory)
    plan_edits.edit_territory(
        world.services, world.vera, "new", territory, changes, fingerprint=seen["fingerprint"]
    )


def say_yes(world: World) -> None:
    approve(world.services, world.mia, "new", "us", is_approved=True)
    approve(world.services, world.eve, "new", "eu", is_approved=True)


def test_nothing_is_demanded_unless_policy_says_so(review: World) -> None:
    refuse_unapproved(review.services, "new")


def test_every_root_needs_its_manager(review: World) -> None:
    ask(review)
    with pytest.raises(ConflictError) as refused:
        refuse_unapproved(review.services, "new")
    assert refused.value.code == "not-approved"
    assert "United States (Mia); Europe (Eve)" in str(refused.value)

    say_yes(review)
    assert states(review) == {"us": "approved", "eu": "approved"}
    refuse_unapproved(review.services, "new")


def test_an_overlay_is_approved_by_those_whom_a_grant_names_for_it_without_being_invited(
    world: World,
) -> None:
    fay = world.fay.user_id
    assert fay is not None
    overlay = {"key": "spec", "name": "Specialists", "type": "overlay", "where": "country = 'US'"}
    data = builders.document([*NEW, overlay], key="new", name="New model")
    types = [{"key": "standard", "name": "Standard"}, {"key": "overlay", "name": "Overlay", "primary": False}]
    plans.apply_document(world.services, world.vera, {**data, "types": types})
    grants.give_grant(world.services, OPERATOR, user_id=fay, territory="spec", rights=["see", "approve"])
    ask(world)
    begin(world, names=("ana", "mia", "eve"))
    assert states(world)["spec"] == "missing"
    with pytest.raises(ConflictError, match=r"Specialists \(Fay\)"):
        refuse_unapproved(world.services, "new")
    approve(world.services, granted(fay), "new", "spec", is_approved=True)
    assert states(world)["spec"] == "approved"
    with pytest.raises(ForbiddenError):
        approve(world.services, granted(fay), "new", "us", is_approved=True)


def granted(user_id: int) -> Actor:
    """Return the actor of a user as the next request has it."""
    return actor_of_user(User.objects.get(pk=user_id))


def test_named_people_approve_the_whole(review: World) -> None:
    ask(review, by=[{"user": "paul@example.com"}])
    approve(review.services, review.paul, "new", None, is_approved=True)
    refuse_unapproved(review.services, "new")
    edit(review, "france", notes="More")
    assert states(review) == {None: "voided"}


def test_whoever_wrote_it_cannot_approve_it(review: World) -> None:
    ask(review, by=[{"user": "vera@example.com"}])
    with pytest.raises(ForbiddenError) as refused:
        approve(review.services, review.vera, "new", None, is_approved=True)
    assert refused.value.code == "own-work"
    with pytest.raises(ConflictError, match="nobody may approve it"):
        refuse_unapproved(review.services, "new")


def test_an_approval_ends_when_who_gave_it_edits_another_part(review: World) -> None:
    ask(review, by=[{"user": "paul@example.com", "territory": "us"}])
    approve(review.services, review.paul, "new", "us", is_approved=True)
    refuse_unapproved(review.services, "new")
    seen = plan_edits.read_territory(review.services, review.paul, "new", "france")
    plan_edits.edit_territory(
        review.services, review.paul, "new", "france", {"notes": "x"}, fingerprint=seen["fingerprint"]
    )
    with pytest.raises(ConflictError):
        refuse_unapproved(review.services, "new")


def test_who_edits_by_a_token_is_an_author_too(review: World) -> None:
    ask(review, by=[{"user": "paul@example.com"}])
    token = replace(review.paul, label="token:ci (paul@example.com)")
    seen = plan_edits.read_territory(review.services, token, "new", "france")
    plan_edits.edit_territory(
        review.services, token, "new", "france", {"notes": "x"}, fingerprint=seen["fingerprint"]
    )
    with pytest.raises(ForbiddenError):
        approve(review.services, review.paul, "new", None, is_approved=True)


def test_approval_is_for_those_asked(review: World) -> None:
    ask(review)
    with pytest.raises(ForbiddenError):
        approve(review.services, review.mia, "new", "eu", is_approved=True)
    with pytest.raises(ForbiddenError):
        approve(review.services, review.ana, "new", "us", is_approved=True)


def test_an_edit_voids_what_it_touches_says_why_and_tells(review: World) -> None:
    ask(review)
    say_yes(review)
    edit(review, "west", notes="Changed")

    assert states(review) == {"us": "voided", "eu": "approved"}
    voided = Approval.objects.get(voided_at__isnull=False)
    assert "west" in voided.voided_because.lower()
    assert Notice.objects.filter(user_id=review.mia.user_id, kind="approval").exists()
    assert not Notice.objects.filter(user_id=review.eve.user_id, kind="approval").exists()


def test_taking_an_edit_back_does_not_bring_an_approval_back(review: World) -> None:
    ask(review)
    say_yes(review)
    edit(review, "west", notes="Changed")
    edit(review, "west", notes="")
    assert states(review)["us"] == "voided"


def test_an_accepted_challenge_voids_its_side_alone(review: World) -> None:
    ask(review)
    say_yes(review)
    draft = Draft("keep", review.accounts["was-one"], reason="Mine.")
    number = int(str(deciding.send(review.services, review.ana, "new", draft)["id"]))
    done = deciding.decide(review.services, review.paul, "new", number, accept=True)
    assert done["voided"] == 1
    assert states(review) == {"us": "voided", "eu": "approved"}


def test_a_rejection_needs_a_reason_and_blocks(review: World) -> None:
    ask(review)
    with pytest.raises(InvalidInputError) as refused:
        approve(review.services, review.mia, "new", "us", is_approved=False)
    assert refused.value.code == "missing-note"
    approve(review.services, review.mia, "new", "us", is_approved=False, note="Too much moves.")
    assert states(review)["us"] == "rejected"
    approve(review.services, review.mia, "new", "us", is_approved=True)
    assert states(review)["us"] == "approved"


def told(node: TerritoryNode) -> Any:
    """What an approval is about, said by the document itself."""
    entry = next(
        one
        for one in write_document(
            TerritoryModelDocument("x", "x", territories=(replace(node, parent=None),))
        )["territories"]
    )
    return str(sorted(entry.items(), key=lambda item: item[0]))


def subtree(document: TerritoryModelDocument, key: str | None) -> Any:
    """Return what a subtree says, and what constrains it from above: an oracle without hashes."""
    tree = document.tree
    if key is None:
        return sorted((node.key, node.parent, told(node)) for node in document.territories)
    if key not in tree.nodes:
        return None
    above = [(node.key, node.where, sorted(node.exclude)) for node in tree.path(key)[:-1]]
    return above, sorted((node.key, node.parent, told(node)) for node in tree.subtree(key))


KEYS = ("us", "west", "east", "eu", "france", "germany")
EDITS = st.tuples(
    st.sampled_from(KEYS),
    st.sampled_from(
        [
            {"notes": "a"}, {"notes": ""}, {"name": "Other"}, {"priority": 7}, {"priority": 100},
            {"exclude": ["paris"]}, {"exclude": []}, {"named": ["cal-one"]}, {"named": []},
        ]
    ),
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(EDITS, min_size=1, max_size=4))
def test_edits_void_exactly_what_they_touch(review: World, edits: list[tuple[str, dict[str, Any]]]) -> None:
    services = review.services
    model = services.reviews.model("new")
    assert model is not None
    user = review.paul.user_id or 0
    for territory, changes in edits:
        before = services.models.load("new")
        assert before is not None
        with services.records.transaction(OPERATOR, cause="test"):
            for key in (None, *KEYS):
                services.reviews.say(
                    model.id, user_id=user, territory=key, is_approved=True, note="",
                    content_hash=subtree_hash(before[1], key), at=services.clock.now(),
                )  # fmt: skip
        with suppress(InvalidInputError):  # named where it is excluded, or twice
            edit(review, territory, **changes)
        after = services.models.load("new")
        assert after is not None
        latest: dict[str | None, bool] = {}
        for word in services.reviews.words(model.id):
            latest.setdefault(word.territory, word.voided_at is not None)
        expected = {key: subtree(before[1], key) != subtree(after[1], key) for key in (None, *KEYS)}
        assert latest == expected


def test_what_slips_through_is_voided_when_asked_again(review: World) -> None:
    ask(review)
    say_yes(review)
    with review.services.records.transaction(OPERATOR, cause="test"):
        assert void_touched(review.services, "new", because="nothing") == 0


@pytest.mark.parametrize(
    "policies",
    [
        {"challenges": {"accept": [{"kinds": ["steal"], "late_stage": True}]}},
        {"challenges": {"accept": [{"effect_within": 0.1}]}},
        {"challenges": {"accept": [{"late_stage": "yes"}]}},
        {"challenges": {"decide_days": -1}},
        {"challenges": {"nonsense": 1}},
        {"challenges": []},
        {"approvals": {"depth": True}},
        {"approvals": {"by": [{"user": "nobody@example.com"}]}},
        {"approvals": {"by": [{"user": "vera@example.com", "territory": "mars"}]}},
        {"approvals": {"by": "vera@example.com"}},
    ],
)
def test_a_policy_that_cannot_be_read_is_refused(policies: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        check_policies(policies, territories=frozenset({"us"}), users=frozenset({"vera@example.com"}))
