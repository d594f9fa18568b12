"""Every view states its scope: whose rows it shows. A view without one fails a test, so none can be forgotten.

The scope names the queryset of ``db.queries`` a view reads through; the rows themselves are limited there. A record
that is not visible answers exactly like one that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, resolve_url

from merestone.app.policy import Right
from merestone.base.errors import MerestoneError
from merestone.db.queries.steady import one_state
from merestone.web.problems import problem_page
from merestone.web.request import WebRequest

SCOPES = frozenset(
    {
        "public", "own", "company", "accounts", "leads", "opportunities", "activities", "contacts", "contracts", "claims",
        "reps", "reviews", "territories", "imports", "jobs", "products", "audit", "users",
    }
)  # fmt: skip
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)

View = Callable[..., HttpResponseBase]
STEADY = frozenset({"accounts", "leads", "opportunities", "activities", "contacts", "contracts", "claims", "reps", "territories"})  # fmt: skip
"""Scopes whose pages show one state of the data: what is published meanwhile shows at the next look."""


def is_steady(request: HttpRequest, scope: str) -> bool:
    """Return whether all that a request reads must be of one state."""
    return scope in STEADY and request.method in ("GET", "HEAD")


def scoped(scope: str, *, right: Right = Right.SEE) -> Callable[[View], View]:
    """Return a decorator for views of signed-in people.

    Parameters
    ----------
    scope : str
        One of ``SCOPES``: the rows the view shows or changes.
    right : Right
        What the actor must be allowed to do; otherwise the answer is 403.
    """
    assert scope in SCOPES, scope

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            ours = cast(WebRequest, request)
            if ours.actor is None:
                return _to_sign_in(ours)
            try:
                ours.actor.require(right)
                with one_state() if is_steady(ours, scope) else nullcontext():
                    response: HttpResponseBase = view(ours, *args, **kwargs)
            except MerestoneError as error:
                response = problem_page(ours, error)
            return _secure(response)

        guarded.scope = scope  # type: ignore[attr-defined]
        guarded.right = right.value  # type: ignore[attr-defined]
        return guarded

    return decorate


def public(view: View) -> View:
    """Mark a view that anybody may open without signing in."""

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return _secure(view(request, *args, **kwargs))

    opened.scope = "public"  # type: ignore[attr-defined]
    return opened


def _to_sign_in(request: WebRequest) -> HttpResponse:
    if request.htmx:  # a fragment must not show the sign-in page inside the old one
        response = HttpResponse(status=204)
        response["HX-Redirect"] = resolve_url("sign-in")
        return response
    return redirect(f"{resolve_url('sign-in')}?{urlencode({'next': request.get_full_path()})}")


def _secure(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers.setdefault("Cache-Control", "private, no-cache")
    return response
