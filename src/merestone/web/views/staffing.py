"""Staffing a model: who is proposed for which territory and why, choosing others, keeping the choice.

What was chosen by hand stands in the address (``fix=west=12``), so that it survives a reload and can be sent to somebody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from merestone.app.policy import Right
from merestone.app.staffing.proposing import MOST_PER_PERSON, Proposal, apply_staffing, propose
from merestone.app.staffing.words import read_wish, write_fixed
from merestone.base.errors import ConflictError, InvalidInputError, Problem, UsageError
from merestone.core.design.staffing import WEIGHTS, WORDS
from merestone.core.design.staffing_words import LABELS
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped

SHARES = ("0.2", "0.3", "0.5", "0.8")
REQUIRED_LABELS = {"language": "Languages", "industry": "Industries", "skills": "Skills"}
ORDERS = ("change", "score", "name")
KEPT = ("fix", "weight", "require", "per_person", "order")
MOST_FIXED = 2000


@scoped("territories", right=Right.MANAGE_MEMBERS)
@require_http_methods(["GET", "HEAD", "POST"])
def staffing_page(request: WebRequest, key: str) -> HttpResponse:
    """Show who is proposed for every territory; keep the choice."""
    problems: list[Any] = []
    if request.method == "POST":
        try:
            done = apply_staffing(request.services, request.actor, key, _picks(request.POST))
        except (InvalidInputError, ConflictError, UsageError) as error:
            problems = getattr(error, "problems", None) or [Problem(error.code, error.message, error.fix)]
        else:
            n = len(done["changed"])
            messages.success(request, f"{n} {'territory has' if n == 1 else 'territories have'} another owner in this model. Nothing moves until it is published.")  # fmt: skip
            return redirect("model-staffing", key)
    found, problems = _proposed(request, key, problems)
    whole, lines = found.whole(), found.lines()
    address = _kept(request.GET)
    for line in lines:
        line["choose_url"] = _url(reverse("model-staffing-choice", args=[key, line["territory"]]), address)
        line["free_url"] = _url("", _without_fixed(address, line["territory"]))
    context = _frame(found) | {
        "title": "Staffing",
        "lede": f"Who should have which territory of {found.situation.document.name or key}: the best for all together.",
        "whole": whole,
        "lines": _ordered(lines, request.GET.get("order", "")),
        "orders": [(one, _url("", _with(address, "order", one))) for one in ORDERS],
        "order": request.GET.get("order", "") if request.GET.get("order") in ORDERS else "change",
        "n_staffed": whole["territories"] - whole["vacant"],
        "n_fixed": sum(line["is_fixed"] for line in lines),
        "free_all_url": _url("", _with(address, "fix", None)),
        "weights": [
            (name, LABELS[name], _weight(found, name), whole["weights"].get(name)) for name in WEIGHTS
        ],
        "required": [(kind, REQUIRED_LABELS[kind], found.wish.required.get(kind)) for kind in WORDS],
        "shares": [(share, float(share)) for share in SHARES],
        "most_per_person": MOST_PER_PERSON,
        "wish": found.wish,
        "fixes": request.GET.getlist("fix"),
        "query": address.urlencode(),
        "problems": problems,
        "problem_title": "That was not done.",
    }
    return render(request, "staffing/staffing.html", context, status=422 if problems else 200)


@scoped("territories", right=Right.MANAGE_MEMBERS)
@require_safe
def choice_page(request: WebRequest, key: str, territory: str) -> HttpResponse:
    """Show everybody for one territory: points, what choosing them does to the whole, and why not."""
    found, problems = _proposed(request, key, [])
    at = found.place(territory)
    line = found.line(at)
    address = _kept(request.GET)
    others = _without_fixed(address, territory)
    back = reverse("model-staffing", args=[key])
    options = [
        one | {"choose_url": _url(back, _fixed(others, territory, one["rep"])) + f"#t-{at}"}
        for one in found.options(territory)
    ]
    context = _frame(found) | {
        "title": f"Who for {line['name']}?",
        "line": line,
        "at": at,
        "options": options,
        "labels": LABELS,
        "vacant_url": _url(back, _fixed(others, territory, None)) + f"#t-{at}",
        "free_url": _url(back, others) + f"#t-{at}",
        "back_url": _url(back, address) + f"#t-{at}",
        "problems": problems,
    }
    context["crumbs"] = [*context["crumbs"], ("Staffing", _url(back, address))]
    return render(request, "staffing/choice.html", context, status=422 if problems else 200)


def _frame(found: Proposal) -> dict[str, Any]:
    model = found.situation.document
    return {
        "model": model,
        "state": found.situation.state,
        "may_apply": found.may_apply,
        "crumbs": [
            ("Territories", reverse("territories")),
            ("Models", reverse("models")),
            (model.name or model.key, reverse("model", args=[model.key])),
        ],
    }


def _proposed(request: WebRequest, key: str, problems: list[Any]) -> tuple[Proposal, list[Any]]:
    """Return the proposal the address asks for; where it cannot be, the usual one and why."""
    try:
        return propose(request.services, request.actor, key, _wish(request.GET)), problems
    except (InvalidInputError, UsageError) as error:
        told = getattr(error, "problems", None) or [Problem(error.code, error.message, error.fix)]
        return propose(request.services, request.actor, key), [*problems, *told]


def _wish(query: QueryDict) -> Any:
    wanted = query.get("per_person", "1")
    weights = [f"{name}:{query[f'w_{name}']}" for name in WEIGHTS if query.get(f"w_{name}", "").strip()]
    required = [f"{kind}:{query[f'r_{kind}']}" for kind in WORDS if query.get(f"r_{kind}", "").strip()]
    return read_wish(
        fixed=query.getlist("fix")[:MOST_FIXED],
        weights=[*query.getlist("weight")[:20], *weights],
        required=[*query.getlist("require")[:5], *required],
        per_person=int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 else 0,
    )


def _weight(found: Proposal, name: str) -> float:
    return found.wish.weights.get(name, WEIGHTS[name])


def _kept(query: QueryDict) -> QueryDict:
    """Return the part of the address that says what is wanted, in one form."""
    found = QueryDict(mutable=True)
    for name in KEPT:
        for value in query.getlist(name)[:MOST_FIXED]:
            if value:
                found.appendlist(name, value)
    for prefix, names in (("w_", WEIGHTS), ("r_", WORDS)):
        for name in names:
            given = query.get(f"{prefix}{name}", "")
            if given.strip():
                found[f"{prefix}{name}"] = given
    return found


def _with(query: QueryDict, name: str, value: str | None) -> QueryDict:
    found = query.copy()
    found.pop(name, None)
    if value is not None:
        found[name] = value
    return found


def _without_fixed(query: QueryDict, territory: str) -> QueryDict:
    found = query.copy()
    kept = [text for text in query.getlist("fix") if text.rpartition("=")[0] != territory]
    found.setlist("fix", kept)
    return found


def _fixed(query: QueryDict, territory: str, rep: int | None) -> QueryDict:
    found = query.copy()
    found.appendlist("fix", write_fixed(territory, rep))
    return found


def _url(path: str, query: QueryDict) -> str:
    text = query.urlencode()
    return f"{path}?{text}" if text else path or "?"


def _ordered(lines: list[dict[str, Any]], order: str) -> Sequence[dict[str, Any]]:
    for at, line in enumerate(lines):
        line["at"] = at
    if order == "name":
        return sorted(lines, key=lambda line: line["name"].casefold())
    if order == "score":
        return sorted(lines, key=lambda line: (line["score"] is not None, line["score"] or 0.0, line["name"]))
    return sorted(lines, key=lambda line: (not line["is_change"], line["rep"] is not None, line["at"]))


def _picks(post: QueryDict) -> list[dict[str, Any]]:
    """Return the ticked choices: each ``pick`` is a territory, with ``rep-KEY`` and ``seen-KEY`` beside."""
    picks = []
    for territory in post.getlist("pick"):
        rep = post.get(f"rep-{territory}", "")
        if not (rep == "" or (rep.isascii() and rep.isdigit() and len(rep) < 19)):
            raise UsageError(f"'{rep[:40]}' is no rep.", fix="Choose one of those shown.")
        seen = post.get(f"seen-{territory}", "")
        picks.append({"territory": territory, "rep": int(rep) if rep else None, "fingerprint": seen})
    if not picks:
        raise UsageError("No territory is ticked.", fix="Tick those whose owner is to change.")
    return picks
