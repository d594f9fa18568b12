"""Actions that need a fresh proof of who somebody is: passwords, second factors, tokens, other people's sign-ins."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from merestone.web.signin.adapters import is_recent

View = Callable[..., HttpResponseBase]


def needs_recent(view: View, *, back: str = "") -> View:
    """Return a view that asks for password, code or key again when the last proof is older than 15 minutes.

    Parameters
    ----------
    back : str
        Where to go on afterwards; empty = the page itself. What was posted is not kept: it is posted again by hand.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return (
            view(request, *args, **kwargs)
            if is_recent(request)
            else to_confirm(request, back or request.path)
        )

    return guarded


def to_confirm(request: HttpRequest, back: str) -> HttpResponse:
    """Return the way to the page that asks again."""
    methods = get_adapter().get_reauthentication_methods(request.user)
    url = methods[0]["url"] if methods else "/sign-in/"
    return redirect(f"{url}?{urlencode({'next': back})}")
