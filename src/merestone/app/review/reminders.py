"""What a review does by itself: brings itself to mind once a day, ends what nobody decided, voids what slipped through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from merestone.app.notices import tell
from merestone.app.policy import SYSTEM, Actor
from merestone.app.ports_review import ReviewedModel
from merestone.app.review.approvals import standings
from merestone.app.review.deciding import expire
from merestone.app.review.summary import require_planner
from merestone.app.review.viewing import viewing
from merestone.app.services import Services

MORNING = 8
"""The hour, where the company is, before which nobody is reminded."""


def remind(services: Services, actor: Actor, key: str) -> int:
    """Remind those who have not looked, and those whose approval is missing; returns how many were told.

    Nobody is reminded twice on one day, whoever asks for it.
    """
    eyes = viewing(services, actor, key)
    require_planner(eyes)
    with services.records.transaction(actor, cause=f"remind of review of {key}"):
        return _reminded(services, eyes.model)


def _reminded(services: Services, model: ReviewedModel) -> int:
    services.records.take_turn("accounts")
    today = services.clock.today()
    waiting = _waiting(services, model)
    if not waiting:
        return 0
    at, ends = services.clock.now(), model.review_ends_on
    until = f" until {ends:%-d %B %Y}" if ends else ""
    n_told = 0
    for todo, rows in waiting.items():
        n_told += tell(
            services,
            {one["user_id"] for one in rows},
            kind="review",
            text=f"“{model.name}” is in review{until}: {todo}.",
            url=f"/review/{model.key}/" if todo == LOOK else f"/review/{model.key}/approvals/",
            key=f"review:{model.id}:reminder:{today.isoformat()}",
        )
    services.reviews.reminded([one["id"] for rows in waiting.values() for one in rows], at=at)
    return n_told


LOOK, APPROVE = "please look at what changes for you", "your approval is missing"


def _waiting(services: Services, model: ReviewedModel) -> dict[str, list[Mapping[str, Any]]]:
    """Return what is to be done -> the invitations of those who have not done it and were not reminded today."""
    asked = [
        one
        for one in services.reviews.invitations(model.id)
        if not _is_today(services, one["reminded_at"]) and not _is_today(services, one["created_at"])
    ]
    loaded = services.models.load(model.key)
    if not asked or loaded is None:
        return {}
    missing = {
        person.user_id
        for one in standings(services, model, loaded[1])
        if one.state in ("missing", "voided")
        for person in one.demand.who
    }
    unseen: list[Mapping[str, Any]] = [one for one in asked if one["looked_at"] is None]
    unsaid: list[Mapping[str, Any]] = [
        one for one in asked if one["user_id"] in missing and one["looked_at"] is not None
    ]
    found = {LOOK: unseen, APPROVE: unsaid}
    return {todo: rows for todo, rows in found.items() if rows}


def _is_today(services: Services, at: datetime | None) -> bool:
    zone = ZoneInfo(services.clock.zone())
    return at is not None and at.astimezone(zone).date() == services.clock.today()


def tick(services: Services) -> dict[str, int]:
    """Do what is due: ``expired`` challenges, ``reminded`` people. For the worker, as often as it likes."""
    models: Sequence[ReviewedModel] = services.reviews.in_review()
    expired = expire(services)
    reminded = 0
    hour = services.clock.now().astimezone(ZoneInfo(services.clock.zone())).hour
    for model in models if hour >= MORNING else ():
        if model.review_ends_on is not None and services.clock.today() > model.review_ends_on:
            continue
        if _waiting(services, model):
            with services.records.transaction(SYSTEM, cause=f"remind of review of {model.key}"):
                reminded += _reminded(services, model)
    return {"expired": expired, "reminded": reminded}
