"""The states of a model and the legal steps between them, each recorded with who, when and why.

planning → in review → scheduled → active → archived; back to planning from review and from the schedule. A model that
was active once stays as it was for ever: what shall change is a copy of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from merestone.app.access.places import plans_whole, reached
from merestone.app.model_hash import content_hash
from merestone.app.policy import Actor, Right
from merestone.app.ports_lifecycle import ModelLife
from merestone.app.services import Services
from merestone.base.errors import ConflictError, ForbiddenError, NotFoundError
from merestone.core.model.territory import TerritoryModelDocument

MAX_NOTE = 2_000


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that can be done with a model: from which states, into which."""

    verb: str
    origins: tuple[str, ...]
    target: str


STEPS = {
    step.verb: step
    for step in (
        Step("submit", ("planning",), "in_review"),
        Step("return", ("in_review",), "planning"),
        Step("schedule", ("planning", "in_review"), "scheduled"),
        Step("cancel", ("scheduled",), "planning"),
        Step("publish", ("planning", "in_review", "scheduled"), "active"),
        Step("archive", ("planning", "in_review"), "archived"),
    )
}
PARTLY = ("submit",)
"""What those can do who plan a part of a model only; all else is for those who plan the whole company."""
NEXT = {
    "planning": "Send it to review, schedule it, or publish it.",
    "in_review": "Wait for approvals, then schedule or publish it.",
    "scheduled": "It is published when its time comes.",
    "active": "",
    "archived": "",
}
"""What usually comes next."""


def allowed(state: str) -> tuple[str, ...]:
    """Return what can be done with a model in this state."""
    return tuple(step.verb for step in STEPS.values() if state in step.origins)


def require_planner(actor: Actor) -> None:
    """Raise ForbiddenError unless the actor plans and sees everything: a model concerns all accounts."""
    actor.require(Right.PLAN, everywhere=True)
    if not actor.sees_all:
        raise ForbiddenError("A model concerns every account, and you do not see all of them.")


def require_part(services: Services, actor: Actor, key: str) -> None:
    """Raise unless the actor plans the model, or a part of it: to look at its life, and to send it to review.

    Raises
    ------
    ForbiddenError
        For those who plan nothing of it.
    """
    actor.require(Right.PLAN)
    if plans_whole(actor):
        return
    loaded = services.models.load(key)
    if loaded is not None and not reached(services, actor, Right.PLAN, loaded[1]):
        raise ForbiddenError(
            "This needs the right “plan” on some part of the model.",
            fix="Ask a planner of the whole company.",
        )


def allowed_to(actor: Actor, state: str) -> tuple[str, ...]:
    """Return what this actor can do with a model in this state."""
    return allowed(state) if plans_whole(actor) else tuple(verb for verb in allowed(state) if verb in PARTLY)


def life_of_part(services: Services, actor: Actor, key: str) -> ModelLife:
    """Return where a model stands that the actor plans a part of; NotFoundError when there is none."""
    require_part(services, actor, key)
    return _found(services, key)


def life_of(services: Services, actor: Actor, key: str) -> ModelLife:
    """Return where a model stands; NotFoundError when there is none."""
    require_planner(actor)
    return _found(services, key)


def _found(services: Services, key: str, *, is_locked: bool = False) -> ModelLife:
    life = services.lifecycle.life(key, is_locked=is_locked)
    if life is None:
        raise NotFoundError(f"There is no territory model '{key}'.", fix="`merestone model list` shows all.")
    return life


def held(services: Services, key: str, *, version: int | None) -> tuple[ModelLife, TerritoryModelDocument]:
    """Return a model's life and content, which nobody else changes before the transaction ends.

    Raises
    ------
    ConflictError
        ``stale-version`` when it has another version by now than the one looked at.
    """
    life = _found(services, key, is_locked=True)
    if version is not None and version != life.version:
        raise ConflictError(
            f"The model '{key}' was changed since you looked at it.",
            code="stale-version",
            fix="Look at it again.",
            difference={"version": [version, life.version]},
        )
    loaded = services.models.load(key)
    assert loaded is not None
    return life, loaded[1]


def require_legal(life: ModelLife, verb: str) -> Step:
    """Return the step; ConflictError ``illegal-step`` with what is allowed when the model's state forbids it."""
    step = STEPS[verb]
    if life.state not in step.origins:
        can = allowed(life.state)
        words = life.state.replace("_", " ")
        raise ConflictError(
            f"The model '{life.key}' is {words}; {verb} is for models {_or(step.origins)}.",
            code="illegal-step",
            fix=f"Allowed now: {', '.join(can)}." if can else "Copy it, and change the copy.",
            difference={"state": [" or ".join(step.origins), life.state], "allowed": [verb, ", ".join(can)]},
        )
    return step


def _or(states: tuple[str, ...]) -> str:
    words = [state.replace("_", " ") for state in states]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def submit(
    services: Services, actor: Actor, key: str, *, note: str = "", version: int | None = None
) -> dict[str, Any]:
    """Send a planning model to review; it can still be edited, which voids what was approved of it."""
    return _plain_step(services, actor, key, "submit", note=note, version=version)


def send_back(
    services: Services, actor: Actor, key: str, *, note: str = "", version: int | None = None
) -> dict[str, Any]:
    """Take a model out of review, back to planning."""
    return _plain_step(services, actor, key, "return", note=note, version=version)


def cancel(
    services: Services, actor: Actor, key: str, *, note: str = "", version: int | None = None
) -> dict[str, Any]:
    """Take a scheduled model back to planning: nothing happens at its time any more."""
    return _plain_step(services, actor, key, "cancel", note=note, version=version)


def archive(
    services: Services, actor: Actor, key: str, *, note: str = "", version: int | None = None
) -> dict[str, Any]:
    """Put a model away that was never published; it stays readable, and can be copied."""
    return _plain_step(services, actor, key, "archive", note=note, version=version)


def _plain_step(
    services: Services, actor: Actor, key: str, verb: str, *, note: str, version: int | None
) -> dict[str, Any]:
    """Do a step that moves nothing; returns ``key``, ``state``, ``version``, ``content_hash``.

    Raises
    ------
    ConflictError
        ``illegal-step`` with what is allowed, or ``stale-version`` when ``version`` is not the model's any more.
    """
    if verb in PARTLY:
        require_part(services, actor, key)
    else:
        require_planner(actor)
    with services.records.transaction(actor, cause=f"{verb} model {key}"):
        life, document = held(services, key, version=version)
        step = require_legal(life, verb)
        at = services.clock.now()
        changes: dict[str, Any] = {"takes_effect_at": None, "approved_hash": ""}
        if step.target == "archived":
            changes["archived_at"] = at
        return stepped(services, actor, life, step.target, document=document, note=note, changes=changes)


def stepped(
    services: Services,
    actor: Actor,
    life: ModelLife,
    new: str,
    *,
    document: TerritoryModelDocument,
    note: str,
    changes: dict[str, Any],
) -> dict[str, Any]:
    """Bring a model that is held into another state and record it."""
    content = content_hash(document)
    services.lifecycle.step(
        life.id,
        old=life.state,
        new=new,
        actor=actor,
        at=services.clock.now(),
        note=note.strip()[:MAX_NOTE],
        content_hash=content,
        changes=changes,
    )
    return {"key": life.key, "state": new, "version": life.version + 1, "content_hash": content}


def events(services: Services, actor: Actor, key: str) -> list[dict[str, Any]]:
    """Return every step of a model's life, the newest first; see ``ports_lifecycle.Lifecycle.events``."""
    return services.lifecycle.events(life_of_part(services, actor, key).id)


def publications(services: Services, actor: Actor, key: str | None = None) -> list[dict[str, Any]]:
    """Return every change of the active model (to or from ``key``), the newest first, as ``Published.as_dict`` has it."""
    require_planner(actor)
    if key is not None:
        life_of(services, actor, key)
    return [one.as_dict() for one in services.lifecycle.publications(key)]
