"""Single sign-on: to the provider and back."""

from __future__ import annotations

import logging
from typing import Any, cast

from allauth.account.internal import flows
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from merestone.app import sign_in
from merestone.base.errors import ForbiddenError
from merestone.db.queries.sign_in import user_row
from merestone.web.request import WebRequest
from merestone.web.scoping import public
from merestone.web.signin import oidc
from merestone.web.signin.required import SINGLE_SIGN_ON
from merestone.web.signin.targets import target_of
from merestone.web.signin.visit import visit_of

logger = logging.getLogger(__name__)

ASKED = "merestone_single_sign_on_asked"


@public
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider; somebody signed in is asked there again."""
    sso = _settings()
    try:
        address, asked = oidc.ask(
            sso,
            callback=_callback(request),
            target=target_of(request),
            is_fresh=request.user.is_authenticated,
        )
    except oidc.Refused as error:
        return _turned_away(request, error)
    request.session[ASKED] = asked.as_dict()
    return redirect(address)


@public
@never_cache
def callback(request: HttpRequest) -> HttpResponse:
    """Take the provider's answer, and let in whom it stands for."""
    sso, kept = _settings(), request.session.pop(ASKED, None)
    if kept is None or "code" not in request.GET:
        return _turned_away(
            request, oidc.Refused(f"no answer to a question of ours ({request.GET.get('error', '')})")
        )
    asked, ours = oidc.Asked(**kept), cast(WebRequest, request)
    try:
        claims = oidc.answered(
            sso,
            asked,
            state=request.GET.get("state", ""),
            code=request.GET["code"],
            callback=_callback(request),
        )
        admitted = sign_in.admit(ours.services, sso, claims, visit=visit_of(request))
    except (oidc.Refused, ForbiddenError) as error:
        return _turned_away(request, error)
    return _let_in(request, user_row(admitted["id"]), asked)


def _let_in(request: HttpRequest, user: Any, asked: oidc.Asked) -> HttpResponse:
    if request.user.is_authenticated:
        if request.user.pk == user.pk:  # asked again
            flows.login.record_authentication(request, user, "single_sign_on", reauthenticated=True)
            return redirect(asked.target)
        flows.logout.logout(request, show_message=False)
    request.session[SINGLE_SIGN_ON] = True
    flows.login.record_authentication(request, user, "single_sign_on")
    return flows.login.perform_login(request, Login(user=user, redirect_url=asked.target, email=user.email))


def _turned_away(request: HttpRequest, error: Exception) -> HttpResponse:
    """Say that it failed. What exactly is wrong with an answer is for the log, not for whoever forged it."""
    services = cast(WebRequest, request).services
    logger.warning("Single sign-on was refused: %s", error)
    sign_in.note(
        services, sign_in.VISITOR, "refused", detail=f"single sign-on: {error}", visit=visit_of(request)
    )
    if isinstance(error, ForbiddenError):
        messages.error(request, f"{error.message} {error.fix}")
    else:
        messages.error(request, "Signing in with your provider did not work. Try again.")
    return redirect("sign-in")


def _settings() -> Any:
    if settings.SINGLE_SIGN_ON is None:
        raise Http404
    return settings.SINGLE_SIGN_ON


def _callback(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("sso-callback"))
