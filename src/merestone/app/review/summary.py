"""Where a review stands: who was asked, who has looked, what was challenged and decided, what is approved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from merestone.app.model_hash import content_hash
from merestone.app.policy import Actor, Right
from merestone.app.review.approvals import standings
from merestone.app.review.viewing import Viewing, viewing
from merestone.app.services import Services
from merestone.base.errors import ForbiddenError


def require_planner(eyes: Viewing) -> None:
    """Raise ForbiddenError unless the viewer plans."""
    if not (eyes.sees_all and eyes.actor.can(Right.PLAN, everywhere=True)):
        raise ForbiddenError("Only those who plan see how a review stands.", fix="Ask a planner.")


def summary(services: Services, actor: Actor, key: str) -> dict[str, Any]:
    """Return where a review stands, for those who plan.

    Returns
    -------
    dict
        ``model``, ``name``, ``state``, ``ends_on``, ``is_closed``; ``people`` (see ``invited``); ``looked`` and
        ``asked`` (users); ``challenges`` (state -> how many); ``approvals`` (``Standing.as_dict``); ``approved`` and
        ``demanded`` (how many).
    """
    eyes = viewing(services, actor, key)
    require_planner(eyes)
    model = eyes.model
    people = invited(services, eyes)
    asked = {one["user_id"] for one in people}
    rows = services.reviews.challenges(model.id)
    approvals = standings(services, model, eyes.document)
    last = model.review_ends_on
    return {
        "model": model.key,
        "name": model.name,
        "state": model.state,
        "ends_on": last,
        "is_closed": last is not None and services.clock.today() > last,
        "people": people,
        "asked": len(asked),
        "looked": len({one["user_id"] for one in people if one["looked_at"]}),
        "challenges": dict(sorted(Counter(row.state for row in rows).items())),
        "approvals": [one.as_dict() for one in approvals],
        "approved": sum(1 for one in approvals if one.state == "approved"),
        "demanded": len(approvals),
    }


def invited(services: Services, eyes: Viewing) -> list[dict[str, Any]]:
    """Return a row per invitation, by name: ``id``, ``user_id``, ``name``, ``role``, ``territory`` and its name,
    ``looked_at``, ``is_current`` (they looked at the model as it is now), ``reminded_at``, ``challenges``."""
    names = {one.user_id: one.name for one in services.reviews.people()}
    opened = Counter(row.opened_by for row in services.reviews.challenges(eyes.model.id))
    content = content_hash(eyes.document)
    found = [
        {
            "id": one["id"],
            "user_id": one["user_id"],
            "name": names.get(one["user_id"], "No longer active"),
            "role": one["role"],
            "territory": one["territory"],
            "territory_name": eyes.territory_name(one["territory"]) or "The whole model",
            "looked_at": one["looked_at"],
            "is_current": one["looked_hash"] == content,
            "reminded_at": one["reminded_at"],
            "challenges": opened.get(one["user_id"], 0),
        }
        for one in services.reviews.invitations(eyes.model.id)
    ]
    return sorted(found, key=lambda one: (one["name"], one["id"]))


def reviews_of(services: Services, actor: Actor) -> list[dict[str, Any]]:
    """Return the reviews the actor was asked to, or all that are on for those who plan, with what is left to do."""
    actor.require(Right.SEE)
    plans = actor.can(Right.PLAN, everywhere=True)
    models = services.reviews.in_review() if plans else []
    if actor.user_id is not None:
        known = {model.id for model in models}
        models += [model for model in services.reviews.asked(actor.user_id) if model.id not in known]
    return [_mine(services, actor, model.key) for model in models]


def _mine(services: Services, actor: Actor, key: str) -> dict[str, Any]:
    eyes = viewing(services, actor, key)
    demanded = [
        one for one in standings(services, eyes.model, eyes.document) if one.demand.asks(actor.user_id)
    ]
    mine: list[Mapping[str, Any]] = list(eyes.invitations)
    return {
        "model": key,
        "name": eyes.model.name,
        "state": eyes.model.state,
        "ends_on": eyes.model.review_ends_on,
        "is_asked": bool(mine),
        "message": next((one["message"] for one in mine if one["message"]), ""),
        "looked_at": max((one["looked_at"] for one in mine if one["looked_at"]), default=None),
        "to_approve": sum(1 for one in demanded if one.state != "approved"),
    }


def approvals_of(services: Services, actor: Actor, key: str) -> list[dict[str, Any]]:
    """Return the approvals the actor may see, as ``Standing.as_dict`` has them, with ``is_mine``.

    Those who plan see all, others what is theirs to approve.
    """
    eyes = viewing(services, actor, key)
    return [
        one.as_dict() | {"is_mine": one.demand.asks(actor.user_id)}
        for one in standings(services, eyes.model, eyes.document)
        if eyes.sees_all or one.demand.asks(actor.user_id)
    ]
