"""Territory models: applied from documents, compared, exported, published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow.compute as pc

from merestone.app.assign import place_accounts
from merestone.app.policy import Actor, Right
from merestone.app.route import place_leads
from merestone.app.rulebook import company_fields
from merestone.app.services import Services
from merestone.base.errors import InvalidInputError, NotFoundError
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.cases import run_cases
from merestone.core.rules.document import read_document, write_document


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
        before = services.models.load(document.key)
        changed = before is None or before[1] != document
        if changed:
            services.models.save(document, actor=actor)
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


def publish(services: Services, actor: Actor, key: str) -> dict[str, Any]:
    """Make a planning model the active one and re-assign everything, in one transaction.

    Accounts are placed anew except locked ones; leads without owner are routed, others keep theirs. Publishing the
    active model changes nothing.

    Returns
    -------
    dict
        ``key``, ``accounts``, ``changed``, ``queued``, ``leads_routed``.
    """
    actor.require(Right.PLAN)
    model_id, document = load_model(services, actor, key)
    failing = run_cases(document, fields=company_fields(services.records))
    if failing:
        raise InvalidInputError("The model was not published: its cases fail.", failing, code="failing-cases")
    with services.records.transaction(actor, cause=f"publish model {key}"):
        for table in ("accounts", "leads"):  # whoever places by the model that ends comes before or after
            services.records.take_turn(table)
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
        at = services.clock.now()
        services.models.activate(model_id, at=at)
        placed = place_accounts(services, at=at, keep_manual=False)
        routed = place_leads(services, at=at)
    return {"key": document.key, **placed, "leads_routed": routed["routed"]}


def list_models(services: Services, actor: Actor) -> list[dict[str, Any]]:
    """Return every model's ``key``, ``name``, ``state``, ``effective``, ``territories``, newest first."""
    actor.require(Right.PLAN)
    return services.models.all()
