"""Territory models as documents: applied, compared, exported. Their life is ``app.lifecycle``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from merestone.app.policy import Actor, Right
from merestone.app.review.approvals import keep_model
from merestone.app.rulebook import company_fields
from merestone.app.services import Services
from merestone.base.errors import NotFoundError
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.cases import run_cases
from merestone.core.rules.document import read_document, write_document


def apply_document(services: Services, actor: Actor, data: Mapping[str, Any]) -> dict[str, Any]:
    """Create or replace a model in planning or review from a document.

    Returns
    -------
    dict
        ``key``, ``territories``, ``changed``, and ``failing_cases``: what must be mended before it is published.

    Raises
    ------
    InvalidInputError
        With every problem of the document at once.
    ConflictError
        When a model of this key is neither in planning nor in review any more.
    """
    actor.require(Right.PLAN, everywhere=True)
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
    found = services.models.load(key) if actor.can(Right.MANAGE_RULES) else None
    if found is None:
        raise NotFoundError(f"There is no territory model '{key}'.", fix="`merestone model list` shows all.")
    return found


def export_document(services: Services, actor: Actor, key: str | None = None) -> dict[str, Any]:
    """Return a model's document as plain data; applying it again changes nothing."""
    actor.require(Right.PLAN, everywhere=True)
    return write_document(load_model(services, actor, key)[1])


def diff_document(services: Services, actor: Actor, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what applying the document would change: ``added``, ``removed``, ``changed`` territories and ``model``."""
    actor.require(Right.PLAN, everywhere=True)
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


def saved(services: Services, actor: Actor, document: TerritoryModelDocument) -> bool:
    """Write a document unless it is there already; returns whether it was written."""
    before = services.models.load(document.key)
    if before is not None and before[1] == document:
        return False
    keep_model(services, document, actor=actor, because="A document was applied to the model.")
    return True


def list_models(services: Services, actor: Actor) -> list[dict[str, Any]]:
    """Return every model's ``key``, ``name``, ``state``, ``effective``, ``territories``, ``takes_effect_at``,
    ``cloned_from``, newest first."""
    actor.require(Right.PLAN, everywhere=True)
    return services.models.all()
