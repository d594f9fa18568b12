"""The scenarios of planning models: side by side, started, renamed, deleted, and what was done in one."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from merestone.app import scenarios
from merestone.app.access.places import plans_whole
from merestone.app.policy import Right
from merestone.base.errors import (
    ConflictError,
    InvalidInputError,
    MerestoneError,
    NotFoundError,
    Problem,
    UsageError,
)
from merestone.db.queries import territories as queries
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.views.planning_lines import LABELS, lines_of
from merestone.web.views.rules import EDITABLE

MOST_STEPS = 500
MOST_PICKED = 8
CRUMB = ("Planning", "planning")


# --- side by side -----------------------------------------------------------------------------------------------------


@scoped("territories", right=Right.PLAN)
@require_safe
def planning_page(request: WebRequest) -> HttpResponse:
    """Show the scenarios side by side, by model; with two or more picked, only those, a column each."""
    return _listed(request)


def _listed(request: WebRequest, error: MerestoneError | None = None) -> HttpResponse:
    rows = _rows(request)
    found = lines_of(rows)
    models = list(queries.models(request.actor))
    used = {line["model"]["key"] for line in found}
    shown = [model for model in models if model.state in EDITABLE or model.key in used]
    shown.sort(key=lambda model: model.state not in EDITABLE)
    wanted = request.GET.get("model", "")
    asked = request.GET.getlist("pick")[:50]
    picked = [row for row in rows if row["key"] in asked][:MOST_PICKED]
    context = {
        "title": "Planning",
        "lede": "Scenarios try other territories on a planning model. Nothing is live until the model is published.",
        "groups": [
            {"model": model, "is_open": model.state in EDITABLE, "lines": [line for line in found if line["model"]["key"] == model.key]}
            for model in shown
            if wanted in ("", model.key)
        ],
        "lines": found,
        "models": shown,
        "wanted": wanted,
        "picked": lines_of(picked) if len(picked) > 1 else [],
        "picked_measures": [(key, label) for key, label in LABELS.items() if any(key in one["max_deviation"] for one in picked)],
        "is_too_few": bool(asked) and len(picked) < 2,
        "active": next((model for model in models if model.state == "active"), None),
        "has_open": any(model.state in EDITABLE for model in shown),
        "may_copy": plans_whole(request.actor),
        **told_problems(error),
    }  # fmt: skip
    return render(request, "planning/list.html", context, status=status_of(error))


def _rows(request: WebRequest) -> list[dict[str, Any]]:
    """Return the scenarios, with the name of the territory below which each plans."""
    rows = scenarios.list_scenarios(request.services, request.actor)
    names = queries.planned_names(request.actor, {row["parent"] for row in rows} - {""}) if rows else {}
    return [
        row | {"parent_name": names.get((row["model"]["key"], row["parent"]), row["parent"])} for row in rows
    ]


def told_problems(error: MerestoneError | None, title: str = "That was not done.") -> dict[str, Any]:
    """Return what the partial of problems shows of an error."""
    if error is None:
        return {"problems": []}
    found = getattr(error, "problems", None) or [Problem(error.code, error.message, error.fix)]
    return {"problems": found, "problem_title": error.message if getattr(error, "problems", None) else title}


def status_of(error: MerestoneError | None) -> int:
    """Return the status of a page that tells an error in place."""
    return 200 if error is None else 409 if isinstance(error, ConflictError) else 422


@scoped("territories", right=Right.PLAN)
@require_safe
def under_way(request: WebRequest, key: str) -> HttpResponse:
    """Return the cell that tells how far the work under way is; when it has ended, one that asks for the list anew."""
    try:
        found = scenarios.progress(request.services, request.actor, key)
    except NotFoundError:
        if not request.htmx:
            raise
        gone = HttpResponse(status=404)
        gone["HX-Refresh"] = "true"  # somebody deleted it: show what is there
        return gone
    return render(
        request, "planning/job.html", {"line": {"key": key, "job": found["job"]}, "is_done": not found["job"]}
    )


# --- starting ---------------------------------------------------------------------------------------------------------


@scoped("territories", right=Right.PLAN)
@require_http_methods(["GET", "HEAD", "POST"])
def new_page(request: WebRequest) -> HttpResponse:
    """Ask what a scenario is to be about, and start it; or copy one."""
    error: MerestoneError | None = None
    given = request.POST if request.method == "POST" else request.GET
    if request.method == "POST":
        try:
            made = _started(request)
        except (ConflictError, InvalidInputError, UsageError) as refused:
            error = refused
        else:
            messages.success(
                request,
                f"“{made['name']}” is ready: {made['territories']:,} territories, {made['units']:,} units.",
            )
            return redirect("planning-scenario", made["key"])
    every = _rows(request)
    open_models = [model for model in queries.models(request.actor) if model.state in EDITABLE]
    source = next((one for one in every if one["key"] == given.get("copy_of")), None)
    keys = [model.key for model in open_models]
    model = source["model"]["key"] if source else given.get("model") or (keys[0] if keys else "")
    chosen: dict[str, Any] | None = None
    if model and not source:
        chosen = scenarios.choices(request.services, request.actor, model, given.get("parent", ""))
    context = {
        "title": "Start a scenario",
        "lede": "It begins as the model’s rules have it, or as another scenario stands. The model changes only when you write the plan into its rules.",
        "crumbs": [(CRUMB[0], reverse(CRUMB[1]))],
        "models": open_models,
        "model": model,
        "source": source,
        "sources": [one for one in every if one["model"]["key"] == model],
        "chosen": chosen,
        "name": given.get("name", ""),
        "suggested": f"{source['name']}, another way"[:200] if source else "",
        "is_settled": source is not None and model not in keys,
        "usual": [leaf["name"] for leaf in chosen["leaves"] if leaf["is_left_out"]] if chosen else [],
        "is_by_hand": given.get("leaves") == "chosen",
        "left_out": set(given.getlist("left_out")) if given.get("leaves") == "chosen" else
            {leaf["key"] for leaf in chosen["leaves"] if leaf["is_left_out"]} if chosen else set(),
        **told_problems(error, "The scenario was not started."),
    }  # fmt: skip
    return render(request, "planning/new.html", context, status=status_of(error))


def _started(request: WebRequest) -> dict[str, Any]:
    post = request.POST
    copy_of = post.get("copy_of") or None
    by_hand = post.get("leaves") == "chosen"
    if not copy_of and not post.get("model"):
        raise UsageError("No planning model is chosen.", fix="Choose the one to plan in.")
    return scenarios.start(
        request.services,
        request.actor,
        model=post.get("model", ""),
        name=post.get("name", ""),
        parent=post.get("parent", ""),
        left_out=post.getlist("left_out") if by_hand else None,
        copy_of=copy_of,
    )


# --- names and steps --------------------------------------------------------------------------------------------------


@scoped("territories", right=Right.PLAN)
@require_POST
def rename(request: WebRequest, key: str) -> HttpResponse:
    """Give a scenario another name."""
    try:
        done = scenarios.rename(request.services, request.actor, key, name=request.POST.get("name", ""))
    except InvalidInputError as error:
        return _listed(request, error)
    messages.success(request, f"It is “{done['name']}” now.")
    return redirect(f"{_back(request)}#s-{key}")


@scoped("territories", right=Right.PLAN)
@require_POST
def delete(request: WebRequest, key: str) -> HttpResponse:
    """Delete a scenario with its steps."""
    scenarios.delete(request.services, request.actor, key)
    messages.success(request, "The scenario is deleted.")
    return redirect(f"{_back(request)}#scenarios")


def _back(request: WebRequest) -> str:
    """Return the list as it was filtered."""
    model = request.POST.get("model", "")
    return f"{reverse('planning')}?{urlencode({'model': model})}" if model else reverse("planning")


@scoped("territories", right=Right.PLAN)
@require_safe
def steps_page(request: WebRequest, key: str) -> HttpResponse:
    """Show what was done in a scenario, and by whom."""
    found = scenarios.steps(request.services, request.actor, key)
    row = scenarios.summary(request.services, request.actor, key)
    steps = [one | {"at": datetime.fromisoformat(one["at"])} for one in found[:MOST_STEPS]]
    context = {
        "title": "Steps",
        "lede": "What was done, the newest first. Undo and redo are in the workspace; a new step drops those taken back.",
        **scenario_frame(row, "steps"),
        "steps": steps,
        "n_steps": len(found),
        "now": next((one["number"] for one in steps if not one["is_undone"]), None),
    }  # fmt: skip
    return render(request, "planning/steps.html", context)


def scenario_frame(row: dict[str, Any], tab: str) -> dict[str, Any]:
    """Return what every page about one scenario shows around itself."""
    return {
        "scenario": row,
        "tab": tab,
        "crumbs": [
            (CRUMB[0], reverse(CRUMB[1])),
            (row["model"]["name"], f"{reverse('planning')}?{urlencode({'model': row['model']['key']})}"),
            (row["name"], reverse("planning-scenario", args=[row["key"]])),
        ],
    }
