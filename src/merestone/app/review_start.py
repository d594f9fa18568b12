"""Starts a review: the model's step into review, who is asked, and until when, in one transaction.

Beside ``review``, because it knows the states: these ask the reviews, and are not asked by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from merestone.app.lifecycle.states import held, require_legal, require_planner, stepped
from merestone.app.policy import Actor
from merestone.app.review.inviting import Guest, invited, refuse_guests, with_overlay_approvers
from merestone.app.services import Services


def start_review(
    services: Services,
    actor: Actor,
    key: str,
    guests: Sequence[Guest],
    *,
    ends_on: date | None = None,
    message: str = "",
    version: int | None = None,
) -> dict[str, Any]:
    """Bring a planning model into review and ask people to look; returns ``key``, ``state``, ``version``, ``invited``.

    Parameters
    ----------
    ends_on : date, optional
        Last day for challenges, in the company's zone.
    version : int, optional
        Of the model as it was looked at.

    Raises
    ------
    ConflictError
        ``illegal-step`` unless the model is in planning; ``stale-version``.
    InvalidInputError
        ``bad-invitation`` with everything that does not fit.
    """
    require_planner(actor)
    with services.records.transaction(actor, cause=f"start review of {key}"):
        services.records.take_turn("accounts")
        life, document = held(services, key, version=version)
        step = require_legal(life, "submit")
        refuse_guests(services, document, guests, ends_on=ends_on)
        changes: dict[str, Any] = {"takes_effect_at": None, "approved_hash": ""}
        told = stepped(services, actor, life, step.target, document=document, note=message, changes=changes)
        model = services.reviews.model(key)
        assert model is not None
        services.reviews.prepare(model.id, ends_on=ends_on)
        people = with_overlay_approvers(services, model, document, guests)
        n_told = invited(services, actor, model, people, message=message, ends_on=ends_on)
    return {**told, "invited": n_told}
