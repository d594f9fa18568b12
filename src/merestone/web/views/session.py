"""Signing in and out, the theme, one's own profile and API tokens."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from merestone.app import admin, desk
from merestone.app.policy import RIGHTS
from merestone.base.errors import InvalidInputError
from merestone.db.queries import lists
from merestone.db.queries.actors import actor_of_user
from merestone.web.request import WebRequest
from merestone.web.scoping import public, scoped

COOKIE_SECONDS = 365 * 24 * 3600


class SignIn(forms.Form):
    """E-mail and password."""

    email = forms.EmailField(max_length=254)
    password = forms.CharField(max_length=1000, strip=False)


@public
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask who it is. One answer for an unknown e-mail, a wrong password and a closed account."""
    target = request.POST.get("next") or request.GET.get("next") or "/"
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = "/"
    if request.user.is_authenticated:
        return redirect(target)
    form = SignIn(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = authenticate(
            request, username=form.cleaned_data["email"].lower(), password=form.cleaned_data["password"]
        )
        if user is not None:
            # Signing in writes the user's last sign-in: the audit log shall name who it was.
            with request.services.records.transaction(actor_of_user(user), cause="sign in"):  # type: ignore[attr-defined]
                login(request, user)
            response = redirect(target)
            _set_theme(response, getattr(user, "preferences", {}).get("theme", ""))
            return response
    if request.method == "POST":
        form.add_error(None, "E-mail or password is wrong, or the account is closed.")
    context = {"form": form, "next": target, "demo": getattr(settings, "DEMO_SIGN_INS", ())}
    return render(request, "pages/sign_in.html", context, status=422 if form.errors else 200)


@public
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("sign-in")


@scoped("own")
@require_POST
def theme(request: WebRequest) -> HttpResponse:
    """Keep the person's theme."""
    chosen = request.POST.get("theme", "system")
    desk.keep_preferences(request.services, request.actor, theme=chosen)
    response = HttpResponse(status=204) if request.htmx else redirect(_back(request))
    _set_theme(response, chosen)
    return response


def _set_theme(response: HttpResponse, chosen: str) -> None:
    if chosen in desk.PREFERENCES["theme"]:
        response.set_cookie("theme", chosen, max_age=COOKIE_SECONDS, samesite="Lax", secure=settings.IS_HTTPS)


def _back(request: HttpRequest) -> str:
    came = request.headers.get("Referer", "/")
    return came if url_has_allowed_host_and_scheme(came, {request.get_host()}) else "/"


class Profile(forms.Form):
    """What everybody may change about themselves."""

    name = forms.CharField(max_length=200)
    time_zone = forms.CharField(
        max_length=64, required=False, help_text="IANA name such as Europe/Berlin. Empty: the company's."
    )
    password = forms.CharField(
        label="New password", required=False, strip=False, max_length=1000, help_text="At least 10 characters. Empty: as it is.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip


@scoped("own")
@sensitive_post_parameters("password")
def profile(request: WebRequest) -> HttpResponse:
    """Show and change one's own name, time zone and password."""
    user = request.user
    form = Profile(request.POST or None, initial={"name": user.name, "time_zone": user.time_zone})
    problems: list[Any] = []
    if request.method == "POST" and form.is_valid():
        changes = {name: value for name, value in form.cleaned_data.items() if name != "password" or value}
        try:
            admin.change_user(request.services, request.actor, user.pk, **changes)
        except InvalidInputError as error:
            problems = error.problems
        else:
            user.refresh_from_db()
            update_session_auth_hash(request, user)
            messages.success(request, "Your profile is saved.")
            return redirect("profile")
    context = {"form": form, "title": "Your profile", "back": "/", "problems": problems}
    return render(request, "kinds/form.html", context, status=422 if problems or form.errors else 200)


class NewToken(forms.Form):
    """An API token to make."""

    name = forms.CharField(max_length=100, help_text="What it is for, for example “CRM sync”.")
    days = forms.IntegerField(label="Valid for (days)", min_value=1, max_value=3650, initial=90)
    scopes = forms.MultipleChoiceField(label="May", widget=forms.CheckboxSelectMultiple, initial=["see"])

    def __init__(self, *args: Any, role: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            (right.value, right.value.replace("-", " ").capitalize()) for right in sorted(RIGHTS[role])
        ]


@scoped("own")
def tokens(request: WebRequest) -> HttpResponse:
    """Show one's API tokens and make new ones; a new one is shown once."""
    form = NewToken(request.POST or None, role=request.actor.role)
    made = None
    if request.method == "POST" and form.is_valid():
        assert request.actor.user_id is not None
        made = admin.create_token(
            request.services, request.actor, user_id=request.actor.user_id, **form.cleaned_data
        )
        form = NewToken(role=request.actor.role)
    context = {
        "title": "API tokens",
        "lede": "Keys for programs that work in your name. Only a digest is kept here.",
        "form": form,
        "made": made,
        "tokens": lists.tokens(request.actor),
        "now": request.services.clock.now(),
    }
    return render(request, "pages/tokens.html", context, status=422 if form.errors else 200)


@scoped("own")
@require_POST
def token_revoke(request: WebRequest, prefix: str) -> HttpResponse:
    """Revoke one of one's tokens."""
    admin.revoke_token(request.services, request.actor, prefix=prefix)
    messages.success(request, f"The token {prefix}… is revoked.")
    return redirect("tokens")
