"""Territory models: applied from documents, compared, exported, published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow.compute as pc

from merestone.app.assign import place_accounts
from merestone.app.difference import preview
from merestone.app.policy import Actor, Right
from merestone.app.route import place_leads
from merestone.app.rulebook import company_fields
from merestone.app.services import Services
from merestone.base.errors import ConflictError, InvalidInputError, NotFoundError
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.cases import run_cases
from merestone.core.rules.document import read_document, write_document

CONFLICT_ROWS = 100
"""As many rows of a difference go with a refusal."""


def apply_document(services: Services, actor: Actor, data: Mapping[str, Any]) -> dict[str, Any]:
    """Create or replace a planning model from a document.

    Returns
    -------
    dict
        ``key``, ``territories``, ``changed``, and ``failing_cases``: what must be mended before it is published.

    Raises
    ------
    InvalidInputError
        With every problem of the document at once.
    ConflictError
        When a model of this key is not in planning any more.
    """
    actor.require(Right.PLAN)
    document = read_document(data, fields=company_fields(services.records))
    with services.records.transaction(actor, cause=f"apply model {document.key}"):
        changed = saved(services, actor, document)
    failing = run_cases(document, fields=company_fields(services.records))
    return {
        "key": document.key,
        "territories": len(document.territories),
        "changed": changed,
        "failing_cases": [problem.as_dict() for problem in failing],
    }


def load_model(services: Services, actor: Actor, key: str | None) -> tuple[int, TerritoryModelDocument]:
    """Return (id, document) of a model by key, or of the active one; NotFoundError when there is none.

    Models not yet active are invisible to those who do not plan.
    """
    active = services.models.active()
    if key is None or (active is not None and active[1].key == key):
        if active is None:
            raise NotFoundError(
                "No territory model is active.", fix="Publish one: merestone model publish KEY."
            )
        return active
    found = services.models.load(key) if actor.can(Right.PLAN) else None
    if found is None:
        raise NotFoundError(f"There is no territory model '{key}'.", fix="`merestone model list` shows all.")
    return found


def export_document(services: Services, actor: Actor, key: str | None = None) -> dict[str, Any]:
    """Return a model's document as plain data; applying it again changes nothing."""
    actor.require(Right.PLAN)
    return write_document(load_model(services, actor, key)[1])


def diff_document(services: Services, actor: Actor, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what applying the document would change: ``added``, ``removed``, ``changed`` territories and ``model``."""
    actor.require(Right.PLAN)
    new = read_document(data, fields=company_fields(services.records))
    found = services.models.load(new.key)
    before = (
        {} if found is None else {entry["key"]: entry for entry in write_document(found[1])["territories"]}
    )
    after = {entry["key"]: entry for entry in write_document(new)["territories"]}
    changed = {
        key: {
            field: [before[key].get(field), after[key].get(field)]
            for field in sorted(before[key].keys() | after[key].keys())
            if before[key].get(field) != after[key].get(field)
        }
        for key in after
        if key in before and before[key] != after[key]
    }
    return {
        "model": new.key,
        "is_new": found is None,
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": changed,
        "is_same": found is not None and found[1] == new,
    }


def publish(services: Services, actor: Actor, key: str, *, fingerprint: str | None = None) -> dict[str, Any]:
    """Make a planning model the active one and re-assign everything, in one transaction.

    Accounts are placed anew except locked ones; leads without owner are routed, others keep theirs. Publishing the
    active model changes nothing.

    Parameters
    ----------
    fingerprint : str, optional
        Of the difference that was looked at (``difference.preview``): nothing else may move.

    Returns
    -------
    dict
        ``key``, ``accounts``, ``changed``, ``queued``, ``leads_routed``.

    Raises
    ------
    ConflictError
        When something else would move by now, with the difference as it is now.
    """
    actor.require(Right.PLAN)
    model_id, document = load_model(services, actor, key)
    refuse_failing(services, document)
    with services.records.transaction(actor, cause=f"publish model {key}"):
        return published(services, actor, model_id, document, fingerprint=fingerprint)


def publish_document(
    services: Services, actor: Actor, data: Mapping[str, Any], *, fingerprint: str
) -> dict[str, Any]:
    """Save a document as a planning model and publish it, all or nothing, when nothing moves but what was looked at.

    Returns and raises what ``apply_document`` and ``publish`` do.
    """
    actor.require(Right.PLAN)
    document = read_document(data, fields=company_fields(services.records))
    refuse_failing(services, document)
    with services.records.transaction(actor, cause=f"publish model {document.key}"):
        take_turns(services)
        saved(services, actor, document)
        model_id, lasting = load_model(services, actor, document.key)
        return published(services, actor, model_id, lasting, fingerprint=fingerprint)


def refuse_failing(services: Services, document: TerritoryModelDocument) -> None:
    """Raise InvalidInputError when cases of the document fail."""
    failing = run_cases(document, fields=company_fields(services.records))
    if failing:
        raise InvalidInputError("The model was not published: its cases fail.", failing, code="failing-cases")


def take_turns(services: Services) -> None:
    """Let whoever places by the model that ends come before or after."""
    for table in ("accounts", "leads"):
        services.records.take_turn(table)


def saved(services: Services, actor: Actor, document: TerritoryModelDocument) -> bool:
    """Write a document unless it is there already; returns whether it was written."""
    before = services.models.load(document.key)
    if before is not None and before[1] == document:
        return False
    services.models.save(document, actor=actor)
    return True


def published(
    services: Services,
    actor: Actor,
    model_id: int,
    document: TerritoryModelDocument,
    *,
    fingerprint: str | None,
) -> dict[str, Any]:
    """Make the model the active one within the caller's transaction."""
    take_turns(services)
    active = services.models.active()
    if active is not None and active[0] == model_id:  # a retry: nothing is decided anew
        places = services.associations.open_now("accounts")
        waiting = pc.and_(places["is_primary"], pc.is_null(places["owner"]))
        return {
            "key": document.key,
            "accounts": pc.sum(places["is_primary"]).as_py() or 0,
            "changed": 0,
            "queued": pc.sum(waiting).as_py() or 0,
            "leads_routed": 0,
        }
    if fingerprint is not None:
        refuse_other_moves(services, actor, document.key, fingerprint=fingerprint)
    at = services.clock.now()
    services.models.activate(model_id, at=at)
    near = None if active is None else active[1]
    placed = place_accounts(services, at=at, keep_manual=False, near=near)
    routed = place_leads(services, at=at)
    return {"key": document.key, **placed, "leads_routed": routed["routed"]}


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


def list_models(services: Services, actor: Actor) -> list[dict[str, Any]]:
    """Return every model's ``key``, ``name``, ``state``, ``effective``, ``territories``, newest first."""
    actor.require(Right.PLAN)
    return services.models.all()
