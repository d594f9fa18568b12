"""The analysis of a model as a page: what would go wrong, where, for how many accounts, and what to do."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from merestone.app import analyse
from merestone.app.analyse import Analysis
from merestone.app.policy import Right
from merestone.core.rules.analyse import KINDS, SEVERITIES, Finding
from merestone.db.queries import territories as queries
from merestone.db.queries.company import company
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped

TONES = {"error": "danger", "warning": "warning", "note": "info"}
SHOWN = 10  # findings of a kind that are open to see
MOST_RULES = 3  # of a missing field


@scoped("territories", right=Right.MANAGE_RULES)
@require_safe
def analysis_page(request: WebRequest, key: str) -> HttpResponse:
    """Show the page; what takes a while is fetched by it."""
    found = queries.model_tree(request.actor, key)
    if found is None:
        raise Http404
    model, _ = found
    context = {
        "title": "Analysis",
        "crumbs": [
            ("Territories", reverse("territories")),
            ("Models", reverse("models")),
            (model.name, reverse("model", args=[model.key])),
        ],
        "model": model,
    }
    if "now" in request.GET:  # without scripts
        context |= _context(request, key)
    return render(request, "analysis/analysis.html", context)


@scoped("accounts", right=Right.MANAGE_RULES)
@require_safe
def analysis_result(request: WebRequest, key: str) -> HttpResponse:
    """Return the result as a fragment."""
    if queries.model_tree(request.actor, key) is None:
        raise Http404
    return render(request, "analysis/result.html", _context(request, key))


def _context(request: WebRequest, key: str) -> dict[str, Any]:
    found = analyse.analyse_model(request.services, request.actor, key)
    names = {node.key: node.name for node in found.book.document.territories}
    data = found.as_dict()
    return {
        "analysis": data,
        "groups": _groups(found, key, names),
        "book": data["book"],
        "missing": [_missing(cost, key, names) for cost in data["missing"]],
        "bounded": [part for part in data["parts"] if not part["complete"]],
        "currency": company().currency,
        "tones": TONES,
    }


def _groups(found: Analysis, key: str, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the findings by severity and kind, each ready to show."""
    groups = itertools.groupby(found.findings, key=lambda finding: (finding.severity, finding.kind))
    shown = []
    for (severity, kind), findings in groups:
        lines = [_line(finding, key, names) for finding in findings]
        shown.append(
            {
                "title": KINDS[kind],
                "id": f"{kind}-{severity}",
                "severity": severity,
                "tone": TONES[severity],
                "n": len(lines),
                "first": lines[:SHOWN],
                "more": lines[SHOWN:],
            }
        )
    return sorted(shown, key=lambda group: SEVERITIES.index(group["severity"]))


def _line(finding: Finding, key: str, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "finding": finding,
        "territories": _links(finding.territories[:4], key, names),
        "example": _example(finding.example),
        "accounts": finding.facts.get("accounts"),
        "money": finding.facts.get("money"),
    }


def _links(territories: Iterable[str], key: str, names: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (names[territory], reverse("model-rule", args=[key, territory]))
        for territory in territories
        if territory in names
    ]


def _example(example: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return the fields of an example with their values in words."""
    return [
        (name, "missing" if value is None else value if isinstance(value, str) else json.dumps(value))
        for name, value in (example or {}).items()
    ]


def _missing(cost: Mapping[str, Any], key: str, names: Mapping[str, str]) -> dict[str, Any]:
    rules = [
        (*_links([rule["territory"]], key, names)[0], rule["accounts"])
        for rule in cost["rules"][:MOST_RULES]
        if rule["territory"] in names
    ]
    return {**cost, "first_rules": rules, "n_more": max(0, len(cost["rules"]) - MOST_RULES)}
