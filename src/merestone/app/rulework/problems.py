"""What is wrong with, or doubtful about, a rule while it is being written; and how its cases do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from merestone.app.access.places import require_planned, trimmed
from merestone.app.analyse import problems_of_rule
from merestone.app.plans import load_model
from merestone.app.policy import Actor, Right
from merestone.app.rulebook import company_fields
from merestone.app.rulework.reading import reading_of
from merestone.app.services import Services
from merestone.base.errors import InvalidInputError, NotFoundError, Problem
from merestone.core.criteria import FieldSet
from merestone.core.model.territory import EXPECTATIONS, Case, TerritoryModelDocument, TerritoryNode
from merestone.core.rules import run_cases

Analysis = Callable[[TerritoryModelDocument, str, FieldSet], Iterable[Problem]]
"""Looks at a whole model for what concerns one territory: overlaps, shadowed and impossible criteria."""

ANALYSES: tuple[Analysis, ...] = (problems_of_rule,)


def problems_of(
    services: Services, actor: Actor, *, model: str | None, territory: str, where: str
) -> list[dict[str, Any]]:
    """Return everything to be said about a territory's rule, errors first.

    Each entry has ``severity``: ``error`` (it cannot be saved), ``warning`` (it can), beside the problem's own fields.
    """
    document = load_model(services, actor, model)[1]
    require_planned(services, actor, Right.MANAGE_RULES, document=document, territories=[territory])
    changed = with_where(document, territory, where)
    errors = reading_of(services, where, document)["problems"]
    found = [{"severity": "error", **one} for one in errors]
    if found:
        return found
    changed = trimmed(services, actor, changed)  # what is doubtful beside other territories would name them
    fields = company_fields(services.records)
    return [
        {"severity": "warning", **problem.as_dict()}
        for analyse in ANALYSES
        for problem in analyse(changed, territory, fields)
    ]


def with_where(document: TerritoryModelDocument, territory: str, where: str) -> TerritoryModelDocument:
    """Return the document with another criterion at a territory; NotFoundError when it has none of that key."""
    if all(node.key != territory for node in document.territories):
        raise NotFoundError(f"There is no territory '{territory[:100]}' in this model.")
    return replace(
        document,
        territories=tuple(
            replace(node, where=where if where.strip() else None) if node.key == territory else node
            for node in document.territories
        ),
    )


def try_cases(
    services: Services,
    actor: Actor,
    *,
    model: str | None,
    territory: str,
    where: str,
    cases: Sequence[Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Return how the cases of a territory do with another criterion.

    Parameters
    ----------
    cases : sequence of mapping, optional
        ``record`` and ``expect`` of each, tried instead of those the territory has.

    Returns
    -------
    list of dict
        ``number``, ``record``, ``expect``, ``passes``, ``message``; none when the criterion cannot be read.
    """
    document = load_model(services, actor, model)[1]
    require_planned(services, actor, Right.MANAGE_RULES, document=document, territories=[territory])
    if cases is not None:
        document = _with_cases(document, territory, cases)
    node = node_of(document, territory)
    if not node.cases or reading_of(services, where, document)["problems"]:
        return []
    changed = with_where(document, territory, where)
    # Only this territory's cases are asked about, but the whole model answers them.
    only = replace(
        changed,
        territories=tuple(
            one if one.key == territory else replace(one, cases=()) for one in changed.territories
        ),
    )
    failures = {
        problem.where: problem.message for problem in run_cases(only, fields=company_fields(services.records))
    }
    if not actor.has(Right.MANAGE_RULES, everywhere=True):
        failures = dict.fromkeys(failures, "It does not hold.")  # who wins instead may be hidden
    return [_case(node, number, failures) for number in range(1, len(node.cases) + 1)]


def _with_cases(
    document: TerritoryModelDocument, territory: str, cases: Sequence[Mapping[str, Any]]
) -> TerritoryModelDocument:
    """Return the document with other cases at a territory, those of the others left out."""
    problems = [
        Problem("wrong-shape", "This is not a case.", "Write {record: {…}, expect: match}.", where=f"cases/{number}")
        for number, case in enumerate(cases, start=1)
        if not isinstance(case, Mapping)
        or not isinstance(case.get("record"), Mapping)
        or case.get("expect", "match") not in EXPECTATIONS
    ]  # fmt: skip
    if problems:
        raise InvalidInputError("The cases cannot be tried.", problems)
    made = tuple(Case(dict(case["record"]), case.get("expect", "match")) for case in cases)
    return replace(
        document,
        territories=tuple(
            replace(node, cases=made) if node.key == territory else node for node in document.territories
        ),
    )


def _case(node: TerritoryNode, number: int, failures: Mapping[str, str]) -> dict[str, Any]:
    case = node.cases[number - 1]
    message = failures.get(f"territories/{node.key}/cases/{number}", "")
    return {
        "number": number,
        "record": dict(case.record),
        "expect": case.expect,
        "passes": not message,
        "message": message,
    }


def node_of(document: TerritoryModelDocument, territory: str) -> TerritoryNode:
    """Return a territory of a document; NotFoundError when there is none of this key."""
    node = next((node for node in document.territories if node.key == territory), None)
    if node is None:
        raise NotFoundError(f"There is no territory '{territory[:100]}' in this model.")
    return node
