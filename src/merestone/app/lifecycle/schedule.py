"""Models that take effect at an instant in the future, and the worker that sees to it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from merestone.app.lifecycle.publishing import published, refuse_failing, refuse_other_content, take_turns
from merestone.app.lifecycle.states import held, require_legal, require_planner, stepped
from merestone.app.model_hash import content_hash
from merestone.app.notices import tell
from merestone.app.policy import SYSTEM, Actor
from merestone.app.ports_lifecycle import ModelLife
from merestone.app.review.approvals import refuse_unapproved
from merestone.app.services import Services
from merestone.base.errors import ConflictError, InvalidInputError, NotFoundError, Problem

_TEXT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(Z|[+-]\d{2}:\d{2})?)?")
HOW = "Write a day (2027-01-01) or a day and time (2027-01-01 06:00) in the company's zone."
REFUSALS = (ConflictError, InvalidInputError)


def instant_of(effective: str | date | datetime, *, zone: str) -> datetime:
    """Return the instant (UTC) that a day or a time means.

    Parameters
    ----------
    effective : str, date or datetime
        A day is its first instant; a time without offset is the zone's, the earlier one where clocks are set back.
    zone : str
        IANA name.

    Raises
    ------
    InvalidInputError
        When the text is no day or time, or clocks skip that time.
    """
    given = _read(effective) if isinstance(effective, str) else effective
    is_day = not isinstance(given, datetime)
    when = given if isinstance(given, datetime) else datetime.combine(given, time(), tzinfo=None)
    try:
        if when.tzinfo is not None:
            return when.astimezone(UTC)
        instant = when.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        shown = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except OverflowError as error:
        raise _refused(f"'{effective}' is out of reach.", HOW) from error
    if shown != when and not is_day:
        raise _refused(
            f"{when:%Y-%m-%d %H:%M} does not exist in {zone}: clocks skip it.", "Choose another time."
        )
    return instant


def _read(text: str) -> date | datetime:
    found = _TEXT.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        if found[2] is None:
            return date.fromisoformat(found[1])
        return datetime.fromisoformat(f"{found[1]}T{found[2]}{(found[3] or '').replace('Z', '+00:00')}")
    except ValueError as error:
        raise _refused(f"'{text[:60]}' is no day or time.", HOW) from error


def _refused(message: str, fix: str, *, code: str = "bad-instant") -> InvalidInputError:
    return InvalidInputError(
        "Nothing was scheduled.", [Problem(code, message, fix, where="effective")], code=code
    )


def schedule(
    services: Services,
    actor: Actor,
    key: str,
    *,
    effective: str | date | datetime | None = None,
    note: str = "",
    content: str | None = None,
    version: int | None = None,
) -> dict[str, Any]:
    """Have the worker publish a model at an instant in the future, exactly as it is now; until then it can be cancelled.

    Parameters
    ----------
    effective : str, date or datetime, optional
        A day means its first instant in the company's zone; default: the model's own first day.
    content : str, optional
        Hash of the content that was approved.

    Returns
    -------
    dict
        ``key``, ``state``, ``version``, ``content_hash``, ``takes_effect_at``.

    Raises
    ------
    InvalidInputError
        ``bad-instant``, ``past-date``, ``failing-cases``.
    ConflictError
        ``illegal-step``, ``stale-version``, ``content-changed``, ``not-approved``.
    """
    require_planner(actor)
    with services.records.transaction(actor, cause=f"schedule model {key}"):
        life, document = held(services, key, version=version)
        require_legal(life, "schedule")
        wanted = effective if effective not in (None, "") else document.effective
        if wanted is None:
            raise _refused("The model names no first day.", "Say when it shall take effect.")
        at = instant_of(wanted, zone=services.clock.zone())
        if at <= services.clock.now():
            shown = at.astimezone(ZoneInfo(services.clock.zone()))
            raise _refused(
                f"{shown:%Y-%m-%d %H:%M} is not in the future.", "Choose a later time.", code="past-date"
            )
        refuse_failing(services, document)
        refuse_other_content(document, content)
        refuse_unapproved(services, key)
        changes = {"takes_effect_at": at, "approved_hash": content_hash(document)}
        done = stepped(services, actor, life, "scheduled", document=document, note=note, changes=changes)
        return done | {"takes_effect_at": at}


def publish_due(services: Services) -> list[dict[str, Any]]:
    """Publish the scheduled models whose instant has come, the earliest first; returns what each came to.

    Safe to call again after a crash, and by several workers at once: a model is published once.
    """
    return [publish_scheduled(services, key) for key in services.lifecycle.due(services.clock.now())]


def publish_scheduled(services: Services, key: str) -> dict[str, Any]:
    """Publish a scheduled model whose instant has come, or send it back to review when it may not be.

    Returns
    -------
    dict
        ``key``, ``outcome`` (``published``, ``returned``, or ``nothing`` when somebody else did it or it was
        cancelled), and what ``publish`` returns, or ``because``.
    """
    try:
        with services.records.transaction(SYSTEM, cause=f"publish model {key}") as transaction:
            take_turns(services)
            if not _is_due(services, key):
                return {"key": key, "outcome": "nothing"}
            done = published(services, SYSTEM, key, transaction=transaction, note="As scheduled.")
            return {"outcome": "published", **done}
    except REFUSALS as error:
        return _returned(services, key, str(error))


def _is_due(services: Services, key: str) -> bool:
    life = services.lifecycle.life(key, is_locked=True)
    return (
        life is not None
        and life.state == "scheduled"
        and life.takes_effect_at is not None
        and life.takes_effect_at <= services.clock.now()
    )


def _returned(services: Services, key: str, because: str) -> dict[str, Any]:
    """Send a scheduled model back to review, and tell those it concerns."""
    note = f"Not published as scheduled: {because}"
    with services.records.transaction(SYSTEM, cause=f"return model {key}"):
        try:
            life, document = held(services, key, version=None)
        except NotFoundError:
            return {"key": key, "outcome": "nothing"}
        if life.state != "scheduled":
            return {"key": key, "outcome": "nothing"}
        people = _concerned(services, life)
        cleared = {"takes_effect_at": None, "approved_hash": ""}
        stepped(services, SYSTEM, life, "in_review", document=document, note=note, changes=cleared)
        tell(
            services,
            people,
            kind="model",
            text=f"“{life.name}” was not published as scheduled and is back in review. {because}",
            url=f"/models/{key}/",
            key=f"model-returned-{life.id}-{life.version}",
        )
    return {"key": key, "outcome": "returned", "because": because}


def _concerned(services: Services, life: ModelLife) -> set[int | None]:
    """Return who made the model and who scheduled it."""
    steps = services.lifecycle.events(life.id)
    return {life.created_by, *(step["user_id"] for step in steps if step["to_state"] == "scheduled")}
