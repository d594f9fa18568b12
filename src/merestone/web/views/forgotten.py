"""For those who cannot sign in: a mail with a link, a link from an administrator, the way in when the provider is down."""

from __future__ import annotations

from typing import Any, cast

from allauth.account import views as allauth
from allauth.account.internal import flows
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from merestone.db.queries.sign_in import user_row
from merestone.web.request import WebRequest
from merestone.web.scoping import public
from merestone.web.signin.factors import Unprocessable


class Forgotten(Unprocessable, allauth.PasswordResetView):
    """Ask for the e-mail; the answer is the same for every one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "has_mail": settings.HAS_MAIL}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.HAS_MAIL:  # the page says whom to ask
            return redirect("account_reset_password")
        return cast(HttpResponse, super().post(request, *args, **kwargs))


class FromLink(Unprocessable, allauth.PasswordResetFromKeyView):
    """Set a new password by a link; second factors stay, and are asked for at the next sign-in."""


def _with_passwords(view: Any) -> Any:
    """Return a view that is not there when single sign-on has replaced passwords."""

    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.SINGLE_SIGN_ON is not None and settings.SINGLE_SIGN_ON.only:
            raise Http404
        return cast(HttpResponseBase, view(request, *args, **kwargs))

    return public(sensitive_post_parameters()(never_cache(opened)))


forgotten = _with_passwords(Forgotten.as_view(extra_context={"title": "Forgotten password"}))
sent = _with_passwords(allauth.PasswordResetDoneView.as_view(extra_context={"title": "Look into your mail"}))
new_password = _with_passwords(FromLink.as_view(extra_context={"title": "New password"}))
done = _with_passwords(
    allauth.PasswordResetFromKeyDoneView.as_view(extra_context={"title": "Password changed"})
)


@public
@never_cache
def door(request: HttpRequest, key: str) -> HttpResponse:
    """Let an administrator in by a link from the command line. A button, so that no preview of the link uses it up."""
    services = cast(WebRequest, request).services
    admitted = services.sign_ins.user_of_door_key(key)
    if admitted is None:
        messages.error(request, "The link is used, older than ten minutes, or wrong.")
        return redirect("sign-in")
    if request.method != "POST":
        return render(request, "account/door.html", {"title": "Sign in by link", "email": admitted["email"]})
    if request.user.is_authenticated:
        flows.logout.logout(request, show_message=False)
    user = user_row(admitted["id"])
    flows.login.record_authentication(request, user, "link")
    return flows.login.perform_login(request, Login(user=user, email=user.email))
