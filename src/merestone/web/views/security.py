"""One's own sign-in: password, second factors, sessions, and what lately happened."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows import password_change
from allauth.account.views import ReauthenticateView
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from merestone.app import admin, sign_in
from merestone.base.errors import InvalidInputError
from merestone.db.queries import sign_in as queries
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.signin.factors import Unprocessable
from merestone.web.signin.recent import needs_recent
from merestone.web.signin.required import lacks_factor
from merestone.web.signin.visit import visit_of


class NewPassword(forms.Form):
    """A new password, twice."""

    password = forms.CharField(
        label="New password", strip=False, max_length=1000, help_text="At least 10 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    again = forms.CharField(
        label="New password, again", strip=False, max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def clean_again(self) -> str:
        """Refuse a second password that differs from the first."""
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("password"):
            raise forms.ValidationError("The two passwords differ.")
        return again


@scoped("own")
def security(request: WebRequest) -> HttpResponse:
    """Show how one signs in."""
    user_id = request.user.pk
    context = {
        "title": "Sign-in and security",
        "crumbs": [("Your profile", reverse("profile"))],
        "factors": queries.factors(user_id),
        "sessions": queries.sessions(user_id),
        "here": request.session.session_key,
        "events": queries.events(user_id),
        "identities": queries.identities(user_id),
        "has_password": request.user.has_usable_password() and not _no_passwords(),
        "lacks_factor": lacks_factor(request),
    }
    return render(request, "account/security.html", context)


@scoped("own")
@sensitive_post_parameters()
@needs_recent
def password(request: WebRequest) -> HttpResponse:
    """Change one's password. All other sessions end."""
    if _no_passwords():
        raise Http404
    form = NewPassword(request.POST or None)
    problems: list[Any] = []
    if request.method == "POST" and form.is_valid():
        user = request.user
        try:
            admin.change_user(
                request.services, request.actor, user.pk, password=form.cleaned_data["password"]
            )
        except InvalidInputError as error:
            problems = error.problems
        else:
            user.refresh_from_db()
            update_session_auth_hash(request, user)
            password_change.finalize_password_change(request, user)
            return redirect("security")
    context = {
        "title": "Change your password",
        "crumbs": [("Sign-in and security", reverse("security"))],
        "note": "All your other sessions end.",
        "form": form,
        "back": reverse("security"),
        "submit": "Change password",
        "problems": problems,
    }
    return render(request, "kinds/form.html", context, status=422 if problems or form.errors else 200)


@scoped("own")
@require_POST
def end_session(request: WebRequest, session_id: int) -> HttpResponse:
    """End one of one's sessions."""
    sign_in.end_session(request.services, request.actor, session_id, visit=visit_of(request))
    messages.success(request, "The session is ended.")
    return redirect("security")


@scoped("own")
@require_POST
def end_sessions(request: WebRequest) -> HttpResponse:
    """End all of one's sessions but this one."""
    sign_in.end_sessions(request.services, request.actor, request.user.pk, visit=visit_of(request))
    request.user.refresh_from_db()
    update_session_auth_hash(request, request.user)
    UserSession.objects.create_from_request(request)
    messages.success(request, "All other sessions are ended.")
    return redirect("security")


class Confirm(Unprocessable, ReauthenticateView):
    """Ask for the password again."""


confirm = scoped("own")(
    sensitive_post_parameters("password")(Confirm.as_view(extra_context={"title": "Is it you?"}))
)


def _no_passwords() -> bool:
    return settings.SINGLE_SIGN_ON is not None and settings.SINGLE_SIGN_ON.only
