"""Why an account or a lead is where it is, and why not elsewhere: the panel on its page, and a page of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from merestone.app import explain
from merestone.app.explain_words import own_words, value_words
from merestone.app.policy import Actor
from merestone.db.queries import scope
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import View, scoped

HITS = 8
OTHERS = 3  # territories a record is not in, shown beside the one it is in
MISSED = 50  # territories that do not match, shown on the page
MARKS = {
    "held": ("check", "good", "Holds"),
    "failed": ("close", "danger", "Fails"),
    "unknown": ("info", "warning", "Unknown"),
    "group": ("down", "", "Passes on"),
    "excluded": ("lock", "danger", "Excluded"),
    "named": ("bookmark", "good", "Named"),
}
_OF_TERRITORY = {"held": "Matches", "failed": "Does not match"}
_EXPLAIN: Mapping[str, Callable[..., dict[str, Any]]] = {
    "accounts": explain.explain_account,
    "leads": explain.explain_lead,
}
_ROWS: Mapping[str, Callable[[Actor], Any]] = {"accounts": scope.accounts, "leads": scope.leads}


def panel(request: WebRequest, table: str, record_id: int) -> dict[str, Any]:
    """Return what the panel on a record's page shows: the path, what holds the record, its nearest rivals."""
    answer = _EXPLAIN[table](request.services, request.actor, record_id)
    return {
        "others": _beside(request.actor, answer),
        "path": _path(answer),
        "held": answer.get("held"),
        "why_url": why_url(table, record_id),
    }


def why_url(table: str, record_id: int) -> str:
    """Return the address of a record's page of reasons."""
    return reverse("account-why" if table == "accounts" else "lead-why", args=[record_id])


def _beside(actor: Actor, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the territories next to the winner that also match, or else do not, with what kept the record out."""
    parents = {
        node.territory.key: node.parent_id
        for node in scope.visible_nodes(actor).filter(type__is_primary=True)
    }
    beside = [
        entry
        for entry in answer["considered"]
        if entry["rule"] and entry["territory"] in parents and entry["outcome"] in ("lost", "missed")
    ]
    home = parents.get(answer["winner"] or "", 0)
    beside.sort(key=lambda entry: (entry["outcome"] != "lost", parents[entry["territory"]] != home))
    return beside[:OTHERS]


def _path(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps from the root to the winner."""
    by_key = {entry["territory"]: entry for entry in answer["considered"]}
    entries = [by_key[key] for key in answer.get("path", ()) if key in by_key]
    return [_step(entry, _matched(entry)) for entry in entries]


def _matched(entry: Mapping[str, Any]) -> str:
    if entry.get("cause") == "named":
        return "named"
    return "group" if entry["is_group"] else "held"


def _step(entry: Mapping[str, Any], mark: str) -> dict[str, Any]:
    icon, tone, word = MARKS[mark]
    shown = (icon, tone, _OF_TERRITORY.get(mark, word))
    return {**entry, "mark": shown, "lines": [_line(criterion) for criterion in entry["criteria"]]}


def _line(criterion: Mapping[str, Any]) -> dict[str, Any]:
    """Return a criterion with its mark and the record's own value in words."""
    values = list(criterion["values"].items())
    own = f"has {own_words(criterion)}" if len(values) > 1 else _own(*values[0])
    return {**criterion, "mark": MARKS[criterion["outcome"]], "own": own}


def _own(field: str, value: Any) -> str:
    return "is missing" if value is None else f"has {value_words(value, field=field)}"


def _territories(request: WebRequest, text: str) -> list[Any]:
    """Return visible territories whose name or key has the text, those that begin with it first."""
    nodes = scope.visible_nodes(request.actor)
    for word in text.split()[:6]:
        nodes = nodes.filter(Q(name__icontains=word) | Q(territory__key__icontains=word))
    return sorted(nodes[: 5 * HITS], key=lambda node: not node.name.lower().startswith(text.lower()))[:HITS]


def _why(table: str) -> View:
    """Return the page of reasons of one table's records."""

    def why(request: WebRequest, record_id: int) -> HttpResponse:
        row = one(_ROWS[table](request.actor), pk=record_id)
        text = request.GET.get("find", "").strip()[:100]
        finds = _territories(request, text) if text else []
        context: dict[str, Any] = {"find": text, "finds": finds, "why_url": why_url(table, record_id)}
        if request.htmx and request.htmx.target == "why-finds":
            return render(request, "partials/why_finds.html", context)
        wanted = request.GET.get("why_not", "")[:200] or None
        answer = _EXPLAIN[table](request.services, request.actor, record_id, why_not=wanted)
        route = "account" if table == "accounts" else "lead"
        context |= {
            "title": f"Why {row.territory_name or 'no territory'}?",
            "crumbs": [
                ("Accounts" if table == "accounts" else "Leads", reverse(table)),
                (row.name, reverse(route, args=[record_id])),
            ],
            "answer": answer,
            "path": _path(answer),
            "not_here": _not_here(answer),
            "overlays": [_step(e, "held") for e in answer["considered"] if e["outcome"] == "overlay"],
            "why_not": _why_not(answer),
            "wanted": wanted,
        }
        return render(request, "pages/why.html", context)

    why.__doc__ = f"Show why one of the {table} is where it is, and why not elsewhere."
    return scoped(table)(why)


def _not_here(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the territories that did not win: those that match too, then those that do not."""
    entries = [entry for entry in answer["considered"] if entry["outcome"] in ("lost", "missed", "excluded")]
    on_path = set(answer.get("path", ()))
    lost = [
        _step(e, _matched(e)) for e in entries if e["outcome"] == "lost" and e["territory"] not in on_path
    ]
    missed = [e for e in entries if e["outcome"] != "lost"]
    shown = [
        _step(e, "excluded" if e["outcome"] == "excluded" else e["because"]["outcome"])
        for e in missed[:MISSED]
    ]
    return {"lost": lost, "missed": shown, "n_missed": len(missed), "n_more": max(0, len(missed) - MISSED)}


def _why_not(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    found = answer.get("why_not")
    if found is None:
        return None
    return {**found, "steps": [_step(step, step["step"]) for step in found["steps"]]}


account_why = _why("accounts")
lead_why = _why("leads")
