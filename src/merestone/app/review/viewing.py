"""Whose eyes look at a model in review: which of its territories, people and moves concern them.

Those who plan and see everything see all of it. Others see a model only while it is in review or scheduled and only when
they were asked: a rep what they win or lose themselves, a manager what their subtrees win or lose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from merestone.app.difference.owners import Reps
from merestone.app.policy import Actor, Right
from merestone.app.ports_review import ReviewedModel
from merestone.app.review.approvals import day_of
from merestone.app.services import Services
from merestone.base.errors import NotFoundError
from merestone.core.model.territory import TerritoryModelDocument

SHOWN_STATES = ("in_review", "scheduled")
SOMEBODY, SOMEWHERE = "Another rep", "Another territory"


@dataclass(frozen=True)
class Viewing:
    """What somebody may see of a model in review.

    Parameters
    ----------
    sees_all : bool
        They plan.
    is_wide : bool
        They see whole territories, not only what is their own.
    invitations : tuple of mapping
        Theirs.
    territories : frozenset of str
        Keys whose names and accounts they may see, of the active model and of this one.
    focus : frozenset of str or None
        When all they were asked about is parts of the tree: the territories of these.
    reps : frozenset of int
        People whose names they may read.
    names : mapping of int to str
        Every rep's name; ask ``rep_name``.
    """

    model: ReviewedModel
    document: TerritoryModelDocument
    actor: Actor
    sees_all: bool
    is_wide: bool
    invitations: tuple[Mapping[str, Any], ...]
    territories: frozenset[str]
    focus: frozenset[str] | None
    reps: frozenset[int]
    names: Mapping[int, str]

    def rep_name(self, rep_id: int | None) -> str | None:
        """Return a rep's name as far as it is visible; None for nobody."""
        if rep_id is None:
            return None
        is_known = self.sees_all or rep_id in self.reps or rep_id == self.actor.rep_id
        return self.names.get(rep_id, SOMEBODY) if is_known else SOMEBODY

    def is_visible(self, territory: str | None) -> bool:
        """Return whether a territory's name may be read."""
        return self.sees_all or territory is None or territory in self.territories

    def territory_name(self, key: str | None, *, otherwise: str | None = None) -> str | None:
        """Return a territory's name as far as it is visible; None for none."""
        if key is None:
            return None
        if not self.is_visible(key):
            return SOMEWHERE
        nodes = self.document.tree.nodes
        return nodes[key].name if key in nodes else otherwise or key

    @property
    def is_open(self) -> bool:
        """True while people are asked for their word."""
        return self.model.state == "in_review"


def viewing(services: Services, actor: Actor, key: str) -> Viewing:
    """Return what the actor may see of a model in review.

    Raises
    ------
    NotFoundError
        When there is no such model, or it is none of the actor's business: the two read the same.
    """
    model, loaded = services.reviews.model(key), services.models.load(key)
    if model is None or loaded is None:
        raise _missing(key)
    asked = tuple(one for one in services.reviews.invitations(model.id) if one["user_id"] == actor.user_id)
    plans = actor.can(Right.PLAN, everywhere=True)
    if not plans and (actor.user_id is None or not asked or model.state not in SHOWN_STATES):
        raise _missing(key)
    actor.require(Right.SEE)
    reps = Reps(services.models.reps())
    if plans:
        return Viewing(model, loaded[1], actor, True, True, asked, frozenset(), None, frozenset(), reps.names)
    return _limited(services, actor, model, loaded[1], asked, reps)


def _missing(key: str) -> NotFoundError:
    return NotFoundError(f"There is no territory model '{key}'.", fix="`merestone model list` shows all.")


def _limited(
    services: Services,
    actor: Actor,
    model: ReviewedModel,
    document: TerritoryModelDocument,
    asked: tuple[Mapping[str, Any], ...],
    reps: Reps,
) -> Viewing:
    is_wide = actor.role == "manager" or bool(actor.grants)
    held = held_territories(services, document, reps, actor.rep_id, is_wide=is_wide)
    subtrees = [
        {node.key for node in document.tree.subtree(one["territory"])}
        for one in asked
        if one["territory"] in document.tree.nodes
    ]
    for one, keys in zip(
        (one for one in asked if one["territory"] in document.tree.nodes), subtrees, strict=True
    ):
        if one["role"] == "approver":  # nobody approves what they cannot see
            held |= keys
            is_wide = True
    if any(one["role"] == "approver" and one["territory"] is None for one in asked) and actor.role != "rep":
        held, is_wide = set(document.tree.nodes), True
    known = services.visibility.visible_ids(actor, "reps")
    members = {
        found[1]
        for node in document.territories
        if node.key in held
        for member in node.members
        if (found := reps.by_label.get(member.rep.lower()))
    }
    focus = None
    if subtrees and all(one["territory"] is not None for one in asked):
        focus = frozenset().union(*subtrees)
    return Viewing(
        model,
        document,
        actor,
        sees_all=False,
        is_wide=is_wide,
        invitations=asked,
        territories=frozenset(held | services.visibility.visible_territories(actor)),
        focus=focus,
        reps=frozenset(known | members),
        names=reps.names,
    )


def held_territories(
    services: Services,
    document: TerritoryModelDocument,
    reps: Reps,
    rep_id: int | None,
    *,
    is_wide: bool,
) -> set[str]:
    """Return the territories of a model a rep would be a member of, with all below where they would manage."""
    if rep_id is None:
        return set()
    day, tree, found = day_of(services, document), document.tree, set()
    for node in document.territories:
        for member in node.members:
            known = reps.by_label.get(member.rep.lower())
            if known is None or known[1] != rep_id or not member.is_active(day):
                continue
            below = tree.subtree(node.key) if is_wide else (node,)
            found |= {one.key for one in below}
    return found
