"""A second factor where the company asks for one: whoever must have one sets it up before anything else."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url

from merestone.db.queries.sign_in import has_factor, roles_with_factor

SINGLE_SIGN_ON = "merestone_single_sign_on"
"""Key of the session that says somebody came in through the provider."""
OPEN = ("/profile/security/", "/profile/confirm/", "/sign-in/", "/sign-out/", "/theme/", "/static/")


def set_up_first(request: HttpRequest) -> HttpResponse | None:
    """Return the way to the set-up for somebody who must have a second factor and has none; None for all others.

    The API sees nobody signed in: a session that is half a proof gives nothing. Tokens are not asked.
    """
    user = request.user
    if not user.is_authenticated or request.path.startswith(OPEN) or not lacks_factor(request):
        return None
    if request.path.startswith("/api/"):
        request.actor = None  # type: ignore[attr-defined]
        return None
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = resolve_url("security")
        return response
    messages.warning(request, "Set up a second factor first.")
    return redirect("security")


def lacks_factor(request: HttpRequest) -> bool:
    """Return whether the signed-in person must have a second factor and has none."""
    user = request.user
    sso = settings.SINGLE_SIGN_ON
    if sso is not None and sso.has_second_factor and request.session.get(SINGLE_SIGN_ON):
        return False
    return getattr(user, "role", "") in roles_with_factor() and not has_factor(user.pk or 0)
