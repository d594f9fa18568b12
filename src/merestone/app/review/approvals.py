"""Approvals of a model by subtree: which it needs, which it has, and what an edit takes from it.

An approval holds as long as the subtree says what it said then (``model_hash.subtree_hash``). Nobody approves a model
that they wrote or changed themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from merestone.app.model_hash import subtree_hash
from merestone.app.ports_review import Person, ReviewedModel, Word
from merestone.app.review.policies import approval_policy
from merestone.app.services import Services
from merestone.base.errors import ConflictError, NotFoundError
from merestone.core.model.territory import TerritoryModelDocument

OPEN_STATES = ("planning", "in_review")


@dataclass(frozen=True, slots=True)
class Demand:
    """One approval a model needs: of a territory with all below (None: the whole), by one of some people.

    Parameters
    ----------
    who : tuple of Person
        Any of them; those who wrote or changed the model are not among them.
    """

    territory: str | None
    name: str
    who: tuple[Person, ...]

    def asks(self, user_id: int | None) -> bool:
        """Return whether this user may give it."""
        return any(person.user_id == user_id for person in self.who)


@dataclass(frozen=True, slots=True)
class Standing:
    """A demand, and where it stands.

    Parameters
    ----------
    state : str
        ``approved``, ``rejected``, ``voided`` (was approved, but what it says has changed), ``missing``.
    word : Word or None
        What was said last.
    """

    demand: Demand
    state: str
    word: Word | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        word = self.word
        return {
            "territory": self.demand.territory,
            "name": self.demand.name,
            "who": [person.name for person in self.demand.who],
            "state": self.state,
            "by": word and word.user_name,
            "at": word and word.at.isoformat(),
            "note": word and word.note,
            "because": word and word.voided_because,
        }


def refuse_unapproved(services: Services, model_key: str) -> None:
    """Raise ConflictError ``not-approved``, naming what is missing, unless the model has the approvals it needs."""
    model, document = _found(services, model_key)
    lacking = [one for one in standings(services, model, document) if one.state != "approved"]
    if not lacking:
        return
    said = "; ".join(_lacking(one) for one in lacking)
    raise ConflictError(
        f"“{model.name}” is not approved yet: {said}.",
        code="not-approved",
        fix="Ask those who approve to look, then try again.",
        difference={one.demand.territory or "": [one.state, "approved"] for one in lacking},
    )


def _lacking(standing: Standing) -> str:
    who = (
        " or ".join(person.name for person in standing.demand.who) or "nobody may approve it: invite somebody"
    )
    if standing.state == "rejected" and standing.word:
        return f"{standing.demand.name} was rejected by {standing.word.user_name}"
    return f"{standing.demand.name} ({who})"


def standings(services: Services, model: ReviewedModel, document: TerritoryModelDocument) -> list[Standing]:
    """Return every approval the model needs, and where it stands, in the order of the tree."""
    words, authors = services.reviews.words(model.id), services.reviews.authors(model.id)
    return [_standing(demand, words, document, authors) for demand in demands(services, model, document)]


def _standing(
    demand: Demand, words: Sequence[Word], document: TerritoryModelDocument, authors: set[int]
) -> Standing:
    content = subtree_hash(document, demand.territory)
    last: dict[int, Word] = {}
    for word in words:
        if word.territory == demand.territory and demand.asks(word.user_id):
            last.setdefault(word.user_id, word)
    holding = [word for word in last.values() if word.voided_at is None and word.content_hash == content]
    rejected = next((word for word in holding if not word.is_approved), None)
    if rejected is not None:
        return Standing(demand, "rejected", rejected)
    approved = next((word for word in holding if word.is_approved and word.user_id not in authors), None)
    if approved is not None:
        return Standing(demand, "approved", approved)
    voided = next((word for word in last.values() if word.is_approved), None)
    return Standing(demand, "voided" if voided else "missing", voided)


def demands(services: Services, model: ReviewedModel, document: TerritoryModelDocument) -> list[Demand]:
    """Return the approvals the model's policy asks for."""
    policy = approval_policy(model.policies)
    if policy.depth is None and not policy.by:
        return []
    people, authors = services.reviews.people(), services.reviews.authors(model.id)
    free = [person for person in people if person.user_id not in authors]
    asked = services.reviews.invitations(model.id)
    day = day_of(services, document)
    found: dict[tuple[str | None, tuple[int, ...]], Demand] = {}
    for demand in (*_at_depth(document, policy.depth, free, asked, day), *_named(document, policy.by, free)):
        found.setdefault((demand.territory, tuple(person.user_id for person in demand.who)), demand)
    return list(found.values())


def _at_depth(
    document: TerritoryModelDocument,
    depth: int | None,
    people: Sequence[Person],
    asked: Sequence[dict[str, Any]],
    day: date,
) -> Iterator[Demand]:
    if depth is None:
        return
    tree = document.tree
    for node in tree:
        if len(path := tree.path(node.key)) - 1 != depth:
            continue
        above = {one.key for one in path} | {None}
        invited = {one["user_id"] for one in asked if one["role"] == "approver" and one["territory"] in above}
        managers = managers_of(document, node.key, day)
        who = tuple(one for one in people if one.user_id in invited or (one.rep and one.rep in managers))
        yield Demand(node.key, node.name, who)


def _named(
    document: TerritoryModelDocument, by: Sequence[tuple[str, str | None]], people: Sequence[Person]
) -> Iterator[Demand]:
    tree = document.tree
    for email, key in by:
        if (
            key is not None and key not in tree.nodes
        ):  # the territory is gone, and with it what was to be approved
            continue
        name = "the whole model" if key is None else tree[key].name
        yield Demand(key, name, tuple(person for person in people if person.email.lower() == email))


def managers_of(document: TerritoryModelDocument, key: str, day: date) -> frozenset[str]:
    """Return who manages a territory on a day, as documents name them: its managers, else those next above."""
    for node in reversed(document.tree.path(key)):
        found = {one.rep.lower() for one in node.members if one.role == "manager" and one.is_active(day)}
        if found:
            return frozenset(found)
    return frozenset()


def day_of(services: Services, document: TerritoryModelDocument) -> date:
    """Return the day a model is looked at for: when it takes effect, or today when that is past."""
    today = services.clock.today()
    return max(today, document.effective) if document.effective else today


def _found(services: Services, key: str) -> tuple[ReviewedModel, TerritoryModelDocument]:
    model, loaded = services.reviews.model(key), services.models.load(key)
    if model is None or loaded is None:
        raise NotFoundError(f"There is no territory model '{key}'.", fix="`merestone model list` shows all.")
    return model, loaded[1]
