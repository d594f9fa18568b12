"""The planning workspace of a scenario: its page, its columns, and what is done in it, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.http import Http404, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST, require_safe

from merestone.app import scenarios
from merestone.app.policy import Right
from merestone.app.scenarios.steps import UNIT_WORDS
from merestone.base.errors import MerestoneError
from merestone.db.queries.company import company
from merestone.web.forms import planning as sent
from merestone.web.problems import status_code
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped

OBJECTIVES = (
    ("inertia", "the ground each covers (squared distances to its centre)"),
    ("distance", "the travel (distances to its centre)"),
)
LIMITS = ((10, "10 seconds"), (30, "30 seconds"), (120, "2 minutes"), (600, "10 minutes"))
VERBS = ("assign", "lock", "undo", "redo", "settings", "optimise", "stop", "refresh")


@scoped("territories", right=Right.PLAN)
@require_safe
def workspace_page(request: WebRequest, key: str) -> HttpResponse:
    """Show the workspace; its scripts ask for the columns."""
    row = scenarios.summary(request.services, request.actor, key)
    noun = list(UNIT_WORDS[row["unit_kind"]])
    context = {
        "title": row["name"],
        "scenario": row,
        "noun": noun,
        "objectives": OBJECTIVES,
        "measures": scenarios.measures_told(request.services),
        "limits": LIMITS,
        "config": {
            "currency": company().currency,
            "noun": noun,
            "csrf": get_token(request),
            "urls": _urls(key),
        },
    }
    return render(request, "planning/workspace.html", context)


def _urls(key: str) -> dict[str, str]:
    act = reverse("planning-act", args=[key, "assign"])
    return {
        "data": reverse("planning-data", args=[key]),
        "job": reverse("planning-job", args=[key]),
        "post": act.removesuffix("assign/"),
        "counties": static("vendor/geo/counties-10m.json"),
        "countries": static("vendor/geo/countries-110m.json"),
        "maplibre": static("vendor/maplibre-gl/maplibre-gl.mjs"),
        "worker": static("vendor/maplibre-gl/maplibre-gl-worker.mjs"),
        "topojson": static("vendor/topojson-client/index.js"),
    }


def _told(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Return a view whose errors are JSON: ``code``, ``message``, ``fix``, ``problems``."""

    @wraps(view)
    def answered(request: WebRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except MerestoneError as error:
            problems = [problem.as_dict() for problem in getattr(error, "problems", ())]
            content = {"code": error.code, "message": error.message, "fix": error.fix, "problems": problems}
            return JsonResponse(content, status=status_code(error))

    return answered


@scoped("territories", right=Right.PLAN)
@require_safe
@gzip_page
@_told
def data(request: WebRequest, key: str) -> HttpResponse:
    """Return the scenario with all its units, in columns."""
    return _json(scenarios.read(request.services, request.actor, key))


@scoped("territories", right=Right.PLAN)
@require_safe
@_told
def job(request: WebRequest, key: str) -> HttpResponse:
    """Return how far the optimiser is."""
    return _json(scenarios.progress(request.services, request.actor, key))


@scoped("territories", right=Right.PLAN)
@require_POST
@_told
def act(request: WebRequest, key: str, verb: str) -> HttpResponse:
    """Do one thing to a scenario, as its revision was seen."""
    if verb not in VERBS:
        raise Http404
    return _json(_done(request, key, verb), status=202 if verb == "optimise" else 200)


def _done(request: WebRequest, key: str, verb: str) -> Mapping[str, Any]:
    services, actor, body = request.services, request.actor, request.body
    if verb == "stop":
        return scenarios.stop(services, actor, key)
    if verb == "assign":
        one = sent.read_sent(sent.Assign, body)
        return scenarios.assign(services, actor, key, seen=one.seen, units=one.units, territory=one.territory)
    if verb == "lock":
        held = sent.read_sent(sent.Lock, body)
        return scenarios.lock(
            services, actor, key, seen=held.seen, units=held.units, is_locked=held.is_locked
        )
    if verb == "settings":
        wish = sent.read_sent(sent.Settings, body)
        changes = wish.model_dump(exclude_none=True, exclude={"seen"})
        return scenarios.change_settings(services, actor, key, seen=wish.seen, changes=changes)
    if verb == "optimise":
        asked = sent.read_sent(sent.Optimise, body)
        options = asked.model_dump(exclude_none=True, exclude={"seen"})
        return scenarios.optimise(services, actor, key, seen=asked.seen, options=options)
    walk = {"undo": scenarios.undo, "redo": scenarios.redo, "refresh": scenarios.refresh}[verb]
    return walk(services, actor, key, seen=sent.read_sent(sent.Sent, body).seen)


def _json(content: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    response = JsonResponse(dict(content), status=status, json_dumps_params={"separators": (",", ":")})
    response["Cache-Control"] = "private, no-store"
    return response
