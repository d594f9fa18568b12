"""Approvals of a model by subtree: which it needs, which it has, and what an edit takes from it.

An approval holds as long as the subtree says what it said then (``model_hash.subtree_hash``). Nobody approves a model
that they wrote or changed themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from merestone.app.model_hash import subtree_hash
from merestone.app.notices import tell
from merestone.app.policy import SYSTEM, Actor, Right
from merestone.app.ports_review import Person, ReviewedModel, Word
from merestone.app.review.policies import approval_policy
from merestone.app.services import Services
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, Problem
from merestone.core.model.territory import TerritoryModelDocument

MAX_NOTE = 4_000


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
    holders = overlay_holders(services, document)
    for demand in (
        *_at_depth(document, policy.depth, free, asked, day, holders),
        *_named(document, policy.by, free),
    ):
        found.setdefault((demand.territory, tuple(person.user_id for person in demand.who)), demand)
    return list(found.values())


def _at_depth(
    document: TerritoryModelDocument,
    depth: int | None,
    people: Sequence[Person],
    asked: Sequence[dict[str, Any]],
    day: date,
    holders: Mapping[str, frozenset[int]],
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
        invited |= holders.get(node.key, frozenset())
        who = tuple(one for one in people if one.user_id in invited or (one.rep and one.rep in managers))
        yield Demand(node.key, node.name, who)


def overlay_holders(services: Services, document: TerritoryModelDocument) -> dict[str, frozenset[int]]:
    """Return overlay territory -> users whom a grant lets approve it.

    An overlay is seldom the business of those who manage the accounts beneath: its approvers are those named for it.
    """
    overlays = {kind.key for kind in document.types if not kind.is_primary}
    places = [node.key for node in document.tree if node.type in overlays]
    if not places:
        return {}
    today = services.clock.today()
    granted = [
        (one.territory, one.user_id)
        for one in services.access.grants(SYSTEM)
        if Right.APPROVE in one.rights and one.is_running(today)
    ]
    found = {}
    for key in places:
        path = {node.key for node in document.tree.path(key)} | {None}
        found[key] = frozenset(user for territory, user in granted if territory in path)
    return found


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
        raise _missing(key)
    return model, loaded[1]


def approve(
    services: Services, actor: Actor, key: str, territory: str | None, *, is_approved: bool, note: str = ""
) -> dict[str, Any]:
    """Approve or reject a subtree of a model in review (None: the whole) as it is now; returns ``territory``, ``state``.

    Raises
    ------
    ForbiddenError
        ``own-work`` for whoever wrote or changed the model; for those whose approval is not asked for.
    ConflictError
        ``review-closed`` unless the model is in review.
    InvalidInputError
        ``missing-note`` when it is rejected without a word.
    """
    actor.require(Right.APPROVE)
    model, _ = _found(services, key)
    asked = {one["user_id"] for one in services.reviews.invitations(model.id)}
    if actor.user_id is None or (actor.user_id not in asked and not (actor.can(Right.PLAN, everywhere=True))):
        raise _missing(key)
    if not is_approved and not note.strip():
        raise InvalidInputError(
            "It was not rejected.",
            [Problem("missing-note", "There is no reason.", "Say what should change.", where="note")],
            code="missing-note",
        )
    verb = "approve" if is_approved else "reject"
    with services.records.transaction(actor, cause=f"{verb} {territory or 'all'} of {key}"):
        services.records.take_turn(
            "accounts"
        )  # whoever edits takes it too: what is approved is what is there
        model, document = _found(services, key)
        _refuse_unasked(services, actor, model, document, territory)
        services.reviews.say(
            model.id,
            user_id=actor.user_id,
            territory=territory,
            is_approved=is_approved,
            note=note.strip()[:MAX_NOTE],
            content_hash=subtree_hash(document, territory),
            at=services.clock.now(),
        )
        name = "the whole model" if territory is None else document.tree[territory].name
        word = "approved" if is_approved else "rejected"
        tell(
            services,
            {one["invited_by_id"] for one in services.reviews.invitations(model.id)} - {actor.user_id},
            kind="approval",
            text=f"“{model.name}”: {name} was {word}.",
            url=f"/review/{key}/approvals/",
            key=f"approval:{model.id}:{territory}:{actor.user_id}:{services.clock.now().isoformat()}",
        )
    return {"territory": territory, "state": word}


def _refuse_unasked(
    services: Services,
    actor: Actor,
    model: ReviewedModel,
    document: TerritoryModelDocument,
    territory: str | None,
) -> None:
    if model.state != "in_review":
        raise ConflictError(
            f"“{model.name}” is {model.state.replace('_', ' ')}, not in review.", code="review-closed"
        )
    if actor.user_id in services.reviews.authors(model.id):
        raise ForbiddenError(
            "You wrote or changed this model, so you cannot approve it.",
            code="own-work",
            fix="Somebody else must look: invite them to approve.",
        )
    wanted = [one for one in demands(services, model, document) if one.territory == territory]
    if not any(one.asks(actor.user_id) for one in wanted):
        raise ForbiddenError("Your approval is not asked for here.", fix="Ask a planner to invite you.")


def keep_model(services: Services, document: TerritoryModelDocument, *, actor: Actor, because: str) -> int:
    """Save a model's content and void the approvals that this touches; returns the model's id.

    Every edit of a model goes through here. The caller holds the transaction.
    """
    model_id = services.models.save(document, actor=actor)
    void_touched(services, document.key, because=because)
    return model_id


def void_touched(services: Services, key: str, *, because: str) -> int:
    """Void what was said to subtrees that say something else by now, and nothing else; returns how many.

    The caller holds the transaction in which the model was changed. Those whose word it was are told.
    """
    known = services.reviews.model(key)
    words = (
        [] if known is None else [one for one in services.reviews.words(known.id) if one.voided_at is None]
    )
    if not words:
        return 0
    model, document = _found(services, key)
    nodes = document.tree.nodes
    touched = [
        word
        for word in words
        if (
            (word.territory is not None and word.territory not in nodes)
            or subtree_hash(document, word.territory) != word.content_hash
        )
    ]
    if not touched:
        return 0
    services.reviews.void([word.id for word in touched], at=services.clock.now(), because=because)
    for word in touched:
        name = "the whole model" if word.territory is None else _name(document, word.territory)
        tell(
            services,
            [word.user_id],
            kind="approval",
            text=f"“{model.name}” changed after you {'approved' if word.is_approved else 'rejected'} {name}: {because}",
            url=f"/review/{key}/approvals/",
            key=f"voided:{word.id}",
        )
    return len(touched)


def _name(document: TerritoryModelDocument, key: str) -> str:
    node = document.tree.nodes.get(key)
    return key if node is None else node.name


def _missing(key: str) -> NotFoundError:
    return NotFoundError(f"There is no territory model '{key}'.", fix="`merestone model list` shows all.")
