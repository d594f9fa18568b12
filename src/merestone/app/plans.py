"""Territory models as documents: applied, compared, exported. Their life is ``app.lifecycle``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from merestone.app.policy import PLANNING, Actor, Right
from merestone.app.review.approvals import keep_model
from merestone.app.review.policies import check_policies
from merestone.app.rulebook import company_fields
from merestone.app.services import Services
from merestone.app.work_policy import work_problems
from merestone.base.errors import ConflictError, InvalidInputError, NotFoundError, Problem
from merestone.core.criteria import FieldSet
from merestone.core.model.terms import Terms, told
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.cases import run_cases
from merestone.core.rules.differing import DocumentDifference, difference
from merestone.core.rules.document import invalid, read_parts, write_document

EDITABLE = ("planning", "in_review")
"""States in which a model can be changed."""


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
    document, terms = read_whole(services, data)
    with services.records.transaction(actor, cause=f"apply model {document.key}"):
        changed = saved(services, actor, document, terms)
    failing = run_cases(document, fields=company_fields(services.records))
    return {
        "key": document.key,
        "territories": len(document.territories),
        "changed": changed,
        "failing_cases": [problem.as_dict() for problem in failing],
    }


def read_whole(services: Services, data: Any) -> tuple[TerritoryModelDocument, Terms]:
    """Return a document and what goes with it, checked against what the company has.

    Raises
    ------
    InvalidInputError
        With every problem at once, those of the policies too.
    """
    document, terms, problems = read_parts(data, fields=company_fields(services.records))
    problems = [*problems, *_policy_problems(services, document, terms)]
    if problems or document is None:
        raise invalid(problems)
    return document, terms


def _policy_problems(
    services: Services, document: TerritoryModelDocument | None, terms: Terms
) -> list[Problem]:
    if not terms.policies or document is None:
        return []
    life = services.lifecycle.life(document.key)
    if life is not None and life.policies == terms.policies:  # kept before, whoever has left since
        return []
    problems = list(work_problems(terms.policies))
    try:
        check_policies(
            terms.policies,
            territories=frozenset(node.key for node in document.territories),
            users=frozenset(person.email.lower() for person in services.reviews.people()),
        )
    except InvalidInputError as error:
        problems += error.problems
    return [replace(problem, where=f"policies/{problem.where}") for problem in problems]


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
    found = services.models.load(key) if any(map(actor.can, PLANNING)) else None
    if found is None:
        raise NotFoundError(f"There is no territory model '{key}'.", fix="`merestone model list` shows all.")
    return found


def read_terms(services: Services, key: str) -> Terms:
    """Return what goes with a model: its policies, and the guidelines that hold in it."""
    life = services.lifecycle.life(key)
    if life is None:
        return Terms()
    said = services.guidelines.of_model(life.id)
    return Terms(
        policies=dict(life.policies),
        guidelines=said.pop(None, None),
        territories={territory: text for territory, text in said.items() if territory is not None},
    )


def keep_terms(services: Services, actor: Actor, key: str, terms: Terms) -> bool:
    """Write what goes with a model as far as it differs; returns whether anything did.

    The caller holds the transaction. What a model brings for a territory is in force once the model is active.
    """
    if terms == Terms():
        return False
    life = services.lifecycle.life(key, is_locked=True)
    assert life is not None
    before = read_terms(services, key)
    policies = terms.policies if terms.policies is not None and terms.policies != before.policies else None
    known = before.all_guidelines
    texts = {
        place: text
        for place, text in terms.all_guidelines.items()
        if text != known.get(place) and (text.text or told(known.get(place)))
    }
    if policies is None and not texts:
        return False
    if life.state not in EDITABLE:
        raise ConflictError(
            f"The model '{key}' is {life.state.replace('_', ' ')}: its policies and guidelines stand.",
            code="model-not-in-planning",
            fix="Save it under another key.",
        )
    if policies is not None:
        services.lifecycle.keep_policies(life.id, policies)
    for place, text in texts.items():
        services.guidelines.keep(text, territory=place, model=key, at=services.clock.now(), by=actor.user_id)
    return True


def export_document(services: Services, actor: Actor, key: str | None = None) -> dict[str, Any]:
    """Return a whole model as plain data; applying it again changes nothing."""
    actor.require(Right.PLAN, everywhere=True)
    document = load_model(services, actor, key)[1]
    return write_document(document, read_terms(services, document.key))


def diff_document(services: Services, actor: Actor, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what applying the document would change: ``added``, ``removed``, ``changed`` territories, ``settings``
    (all else), ``is_reordered``, ``is_same``, ``is_new`` and ``model``."""
    return compare_document(services, actor, data).as_dict()


def compare_document(services: Services, actor: Actor, data: Mapping[str, Any]) -> DocumentDifference:
    """Return how a document differs from the model of its key: what applying it would change."""
    actor.require(Right.PLAN, everywhere=True)
    new, said = read_whole(services, data)
    found = services.models.load(new.key)
    if found is None:
        return difference(None, write_document(new, said))
    terms = read_terms(services, new.key)
    return difference(write_document(found[1], terms), write_document(new, said.over(terms)))


def compare_models(services: Services, actor: Actor, old: str | None, new: str) -> DocumentDifference:
    """Return how a model (by key) differs from another one; None: from the active model."""
    before = export_document(services, actor, old)
    return difference(before, export_document(services, actor, new))


def compare_documents(old: Any, new: Any, *, services: Services | None = None) -> DocumentDifference:
    """Return how a document differs from another one; both are checked, with the company's fields if there are any."""
    fields = None if services is None else company_fields(services.records)
    return difference(_rewritten(old, fields), _rewritten(new, fields))


def _rewritten(data: Any, fields: FieldSet | None) -> dict[str, Any]:
    document, terms, problems = read_parts(data, fields=fields)
    if problems or document is None:
        raise invalid(problems)
    return write_document(document, terms)


def saved(
    services: Services, actor: Actor, document: TerritoryModelDocument, terms: Terms | None = None
) -> bool:
    """Write a document, and what goes with it, unless it is there already; returns whether anything was written."""
    before = services.models.load(document.key)
    changed = before is None or before[1] != document
    if changed:
        keep_model(services, document, actor=actor, because="A document was applied to the model.")
    return keep_terms(services, actor, document.key, terms or Terms()) or changed


def list_models(services: Services, actor: Actor) -> list[dict[str, Any]]:
    """Return every model's ``key``, ``name``, ``state``, ``effective``, ``territories``, ``takes_effect_at``,
    ``cloned_from``, newest first."""
    actor.require(Right.PLAN, everywhere=True)
    return services.models.all()
