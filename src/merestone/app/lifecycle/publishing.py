"""Publishing: one transaction that makes a model the active one, places everything anew and hands open work over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow.compute as pc

from merestone.app.assign import place_accounts
from merestone.app.difference import preview
from merestone.app.lifecycle.handover import Moved, hand_over
from merestone.app.lifecycle.policies import work_policy
from merestone.app.lifecycle.states import MAX_NOTE, held, require_legal, require_planner
from merestone.app.model_hash import content_hash
from merestone.app.plans import load_model, read_whole, saved
from merestone.app.policy import Actor
from merestone.app.ports_lifecycle import ModelLife
from merestone.app.review.approvals import refuse_unapproved
from merestone.app.route import place_leads
from merestone.app.rulebook import company_fields
from merestone.app.services import Services
from merestone.base.errors import ConflictError, InvalidInputError
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.cases import run_cases

CONFLICT_ROWS = 100
"""As many rows of a difference go with a refusal."""
TURNS = ("accounts", "leads", "opportunities", "activities")


def publish(
    services: Services,
    actor: Actor,
    key: str,
    *,
    fingerprint: str | None = None,
    content: str | None = None,
    version: int | None = None,
    note: str = "",
) -> dict[str, Any]:
    """Make a model the active one and re-assign everything, in one transaction.

    Accounts are placed anew except locked ones; leads without owner are routed, others keep theirs; open work of
    accounts that change hands goes by the model's policies. Publishing the active model changes nothing.

    Parameters
    ----------
    fingerprint : str, optional
        Of the difference that was looked at (``difference.preview``): nothing else may move.
    content : str, optional
        Hash of the content that was approved (``model_hash.content_hash``): nothing else may be published.
    version : int, optional
        Of the model that was looked at.

    Returns
    -------
    dict
        ``key``, ``accounts``, ``changed``, ``queued``, ``leads_routed``; when something was published also
        ``publication`` (its id), ``accounts_moved``, ``opportunities_handed_over``, ``opportunities_kept``,
        ``activities_handed_over``, ``activities_kept``, ``content_hash``.

    Raises
    ------
    ConflictError
        ``difference-changed``: something else would move by now, with the difference as it is now;
        ``content-changed``; ``stale-version``; ``illegal-step``; ``not-approved``.
    InvalidInputError
        ``failing-cases``.
    """
    require_planner(actor)
    load_model(services, actor, key)
    services.book.accounts(columns=[])  # kept up to now, so that nobody waits while it is read
    with services.records.transaction(actor, cause=f"publish model {key}") as transaction:
        take_turns(services)
        return published(
            services,
            actor,
            key,
            transaction=transaction,
            fingerprint=fingerprint,
            content=content,
            version=version,
            note=note,
        )


def publish_document(
    services: Services, actor: Actor, data: Mapping[str, Any], *, fingerprint: str
) -> dict[str, Any]:
    """Save a document as a planning model and publish it, all or nothing, when nothing moves but what was looked at.

    Returns and raises what ``plans.apply_document`` and ``publish`` do.
    """
    require_planner(actor)
    document, terms = read_whole(services, data)
    refuse_failing(services, document)
    with services.records.transaction(actor, cause=f"publish model {document.key}") as transaction:
        take_turns(services)
        saved(services, actor, document, terms)
        return published(services, actor, document.key, transaction=transaction, fingerprint=fingerprint)


def refuse_failing(services: Services, document: TerritoryModelDocument) -> None:
    """Raise InvalidInputError when cases of the document fail."""
    failing = run_cases(document, fields=company_fields(services.records))
    if failing:
        raise InvalidInputError("The model was not published: its cases fail.", failing, code="failing-cases")


def take_turns(services: Services) -> None:
    """Let whoever places by the model that ends come before or after."""
    for table in TURNS:
        services.records.take_turn(table)


def published(
    services: Services,
    actor: Actor,
    key: str,
    *,
    transaction: str,
    fingerprint: str | None = None,
    content: str | None = None,
    version: int | None = None,
    note: str = "",
) -> dict[str, Any]:
    """Make the model the active one within the caller's transaction, which has taken the turns."""
    active = services.models.active()
    if active is not None and active[1].key == key:  # a retry: nothing is decided anew
        refuse_other_content(active[1], content)
        return _nothing(services, key)
    life, document = held(services, key, version=version)
    require_legal(life, "publish")
    refuse_failing(services, document)
    refuse_other_content(document, content)
    if life.state == "scheduled":
        refuse_other_content(document, life.approved_hash)
    refuse_unapproved(services, key)
    if fingerprint is not None:
        refuse_other_moves(services, actor, key, fingerprint=fingerprint)
    at, told = services.clock.now(), content_hash(document)
    counts = _switched(services, life, at=at, near=None if active is None else active[1])
    words = note.strip()[:MAX_NOTE]
    previous = None if active is None else services.lifecycle.life(active[1].key)
    if previous is not None:
        services.lifecycle.record(
            previous.id,
            old="active",
            new="archived",
            actor=actor,
            at=at,
            note=f"“{life.name}” was published.",
        )
    services.lifecycle.record(
        life.id, old=life.state, new="active", actor=actor, at=at, note=words, content_hash=told
    )
    number = services.lifecycle.keep_publication(
        kind="publish",
        model_id=life.id,
        previous_id=None if active is None else active[0],
        undoes=None,
        at=at,
        actor=actor,
        note=words,
        content_hash=told,
        transaction=transaction,
        marks=services.lifecycle.marks(),
        counts=counts,
    )
    return {"key": key, **counts, "publication": number, "content_hash": told}


def _switched(
    services: Services, life: ModelLife, *, at: datetime, near: TerritoryModelDocument | None
) -> dict[str, int]:
    """Make the model the active one, place everything by it and hand open work over; returns what that moved."""
    opened = services.associations.open_now("accounts")
    moved = Moved(services, opened)
    services.models.activate(life.id, at=at)
    placed = place_accounts(services, at=at, keep_manual=False, near=near, opened=opened)
    routed = place_leads(services, at=at)
    n_moved, hands = moved.hands()
    handed = hand_over(
        services,
        work_policy(life.policies),
        hands,
        model_id=life.id,
        model=life.key,
        today=services.clock.today(),
    )
    return {**placed, "leads_routed": routed["routed"], "accounts_moved": n_moved, **handed}


def _nothing(services: Services, key: str) -> dict[str, Any]:
    places = services.associations.open_now("accounts")
    waiting = pc.and_(places["is_primary"], pc.is_null(places["owner"]))
    return {
        "key": key,
        "accounts": pc.sum(places["is_primary"]).as_py() or 0,
        "changed": 0,
        "queued": pc.sum(waiting).as_py() or 0,
        "leads_routed": 0,
    }


def refuse_other_content(document: TerritoryModelDocument, content: str | None) -> None:
    """Raise ConflictError unless the model says exactly what was looked at (None: whatever it says)."""
    now = content_hash(document)
    if content is not None and content != now:
        raise ConflictError(
            f"The model '{document.key}' says something else by now than what was approved.",
            code="content-changed",
            difference={"content_hash": [content, now]},
            fix="Look at it again, and publish what it says now.",
        )


def refuse_other_moves(services: Services, actor: Actor, key: str, *, fingerprint: str) -> None:
    """Raise ConflictError with the present difference unless it is the one that was looked at."""
    now = preview(services, actor, key)
    if now.fingerprint != fingerprint:
        raise ConflictError(
            "Something else would move by now: accounts, owners or rules changed since the difference was shown.",
            code="difference-changed",
            difference=now.as_dict(limit=CONFLICT_ROWS),
            fix="Look at the difference again, and apply that one.",
        )
