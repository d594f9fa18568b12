"""Signing in and out, the theme, one's own profile and API tokens."""

from __future__ import annotations

from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.account.internal import flows
from allauth.account.models import Login
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from merestone.app import admin, desk
from merestone.app import sign_in as door
from merestone.app.policy import RIGHTS
from merestone.base.errors import InvalidInputError
from merestone.db.queries import lists
from merestone.web.request import WebRequest
from merestone.web.scoping import public, scoped
from merestone.web.signin.adapters import REMEMBER, WRONG, TooManyAttempts, is_recent
from merestone.web.signin.recent import to_confirm
from merestone.web.signin.targets import target_of
from merestone.web.signin.theme import set_theme
from merestone.web.signin.visit import visit_of


class SignIn(forms.Form):
    """E-mail and password."""

    email = forms.EmailField(max_length=254)
    password = forms.CharField(max_length=1000, strip=False)
    remember = forms.BooleanField(required=False)


@public
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask who it is. One answer for an unknown e-mail, a wrong password and a closed account."""
    target, sso = target_of(request), settings.SINGLE_SIGN_ON
    if request.user.is_authenticated:
        return redirect(target)
    form = SignIn(request.POST or None)
    status = 200
    if request.method == "POST" and not (sso and sso.only):
        answer = _checked(request, form, target) if form.is_valid() else 422
        if isinstance(answer, HttpResponse):
            return answer
        status = answer
    context = {
        "form": form, "next": target, "sso": sso, "demo": getattr(settings, "DEMO_SIGN_INS", ()), "has_mail": settings.HAS_MAIL,
    }  # fmt: skip
    response = render(request, "pages/sign_in.html", context, status=status)
    if status == 429:
        response["Retry-After"] = str(form.retry_after)  # type: ignore[attr-defined]
    return response


def _checked(request: HttpRequest, form: SignIn, target: str) -> HttpResponse | int:
    """Return the answer to somebody whose password is right, or the status of the form that comes back."""
    email = form.cleaned_data["email"].lower()
    try:
        user = get_adapter().authenticate(request, email=email, password=form.cleaned_data["password"])
    except TooManyAttempts as error:
        form.add_error(None, error)
        form.retry_after = max(1, int((error.until - timezone.now()).total_seconds()))  # type: ignore[attr-defined]
        return 429
    if user is None or not user.is_active:
        services = cast(WebRequest, request).services
        door.note(services, door.VISITOR, "refused", email=email, detail="password", visit=visit_of(request))
        form.add_error(None, WRONG)
        return 422
    request.session[REMEMBER] = form.cleaned_data["remember"]
    login = Login(user=user, redirect_url=target, email=email)
    return flows.login.perform_password_login(request, {"email": email}, login)


@public
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    flows.logout.logout(request, show_message=False)
    return redirect("sign-in")


@scoped("own")
@require_POST
def theme(request: WebRequest) -> HttpResponse:
    """Keep the person's theme."""
    chosen = request.POST.get("theme", "system")
    desk.keep_preferences(request.services, request.actor, theme=chosen)
    response = HttpResponse(status=204) if request.htmx else redirect(_back(request))
    set_theme(response, chosen)
    return response


def _back(request: HttpRequest) -> str:
    came = request.headers.get("Referer", "/")
    return came if url_has_allowed_host_and_scheme(came, {request.get_host()}) else "/"


class Profile(forms.Form):
    """What everybody may change about themselves."""

    name = forms.CharField(max_length=200)
    time_zone = forms.CharField(
        max_length=64, required=False, help_text="IANA name such as Europe/Berlin. Empty: the company's."
    )


@scoped("own")
def profile(request: WebRequest) -> HttpResponse:
    """Show and change one's own name and time zone."""
    user = request.user
    form = Profile(request.POST or None, initial={"name": user.name, "time_zone": user.time_zone})
    problems: list[Any] = []
    if request.method == "POST" and form.is_valid():
        try:
            admin.change_user(request.services, request.actor, user.pk, **form.cleaned_data)
        except InvalidInputError as error:
            problems = error.problems
        else:
            messages.success(request, "Your profile is saved.")
            return redirect("profile")
    links = [("Sign-in and security", reverse("security"))]
    context = {"form": form, "title": "Your profile", "back": "/", "problems": problems, "links": links}
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
    """Show one's API tokens and make new ones; a new one is shown once, to somebody who has just proved who they are."""
    if request.method == "POST" and not is_recent(request):
        return to_confirm(request, reverse("tokens"))
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
        "is_recent": is_recent(request),
    }
    return render(request, "pages/tokens.html", context, status=422 if form.errors else 200)


@scoped("own")
@require_POST
def token_revoke(request: WebRequest, prefix: str) -> HttpResponse:
    """Revoke one of one's tokens."""
    admin.revoke_token(request.services, request.actor, prefix=prefix)
    messages.success(request, f"The token {prefix}… is revoked.")
    return redirect("tokens")
