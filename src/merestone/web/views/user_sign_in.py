"""How another user signs in, for those who manage users: reset what is lost, end sessions, hand out a link."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from merestone.app import sign_in
from merestone.app.policy import Right
from merestone.core.model.columns import USER_ROLES
from merestone.db.queries import lists
from merestone.db.queries import sign_in as queries
from merestone.web.forms.fields import choices_of
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import View, scoped
from merestone.web.signin.adapters import is_recent
from merestone.web.signin.recent import to_confirm
from merestone.web.signin.visit import visit_of


class Rules(forms.Form):
    """Whom the company asks for a second factor."""

    roles = forms.MultipleChoiceField(
        label="Ask a second factor of",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=choices_of(USER_ROLES),
        help_text="Whoever has none sets one up before anything else, from the next page on. Tokens are not asked.",
    )


@scoped("company", right=Right.MANAGE_USERS)
def rules(request: WebRequest) -> HttpResponse:
    """Say of whom a second factor is asked, and show how single sign-on is set up."""
    request.actor.require(Right.MANAGE_USERS, everywhere=True)
    form = Rules(request.POST or None, initial={"roles": queries.roles_with_factor()})
    if request.method == "POST" and form.is_valid():
        if not is_recent(request):
            return to_confirm(request, reverse("sign-in-rules"))
        sign_in.require_factors(request.services, request.actor, form.cleaned_data["roles"])
        messages.success(request, "The rules are saved.")
        return redirect("sign-in-rules")
    context = {
        "title": "Rules of signing in",
        "crumbs": [("Settings", reverse("settings"))],
        "form": form,
        "sso": settings.SINGLE_SIGN_ON,
        "has_mail": settings.HAS_MAIL,
    }
    return render(request, "account/rules.html", context, status=422 if form.errors else 200)


def _sensitive(view: View) -> View:
    """Return a view that asks for a fresh proof first, and goes on from the page of the user."""

    def guarded(request: WebRequest, record_id: int) -> HttpResponse:
        if not is_recent(request):
            return to_confirm(request, reverse("user-sign-in", args=[record_id]))
        return view(request, record_id)  # type: ignore[return-value]

    return scoped("users", right=Right.MANAGE_USERS)(require_POST(never_cache(guarded)))


@scoped("users", right=Right.MANAGE_USERS)
def user_sign_in(request: WebRequest, record_id: int, link: str = "") -> HttpResponse:
    """Show how a user signs in."""
    request.actor.require(Right.MANAGE_USERS, everywhere=True)
    user = one(lists.users(request.actor), pk=record_id)
    context = {
        "title": f"Sign-in of {user}",
        "crumbs": [("Users", reverse("users")), (str(user), reverse("user", args=[record_id]))],
        "person": user,
        "factors": queries.factors(record_id),
        "sessions": queries.sessions(record_id),
        "events": queries.events(record_id),
        "identities": queries.identities(record_id),
        "link": link,
    }
    return render(request, "account/user_sign_in.html", context)


@_sensitive
def reset_factors(request: WebRequest, record_id: int) -> HttpResponse:
    """Remove a user's second factors."""
    sign_in.reset_factors(request.services, request.actor, record_id, visit=visit_of(request))
    messages.success(request, "The second factors are removed, and all sessions ended.")
    return redirect("user-sign-in", record_id)


@_sensitive
def end_sessions(request: WebRequest, record_id: int) -> HttpResponse:
    """End all sessions of a user."""
    sign_in.end_sessions(request.services, request.actor, record_id, visit=visit_of(request))
    messages.success(request, "All sessions are ended.")
    return redirect("user-sign-in", record_id)


@_sensitive
def password_link(request: WebRequest, record_id: int) -> HttpResponse:
    """Make a link with which the user sets a new password, and show it this once."""
    key = sign_in.password_key(request.services, request.actor, record_id, visit=visit_of(request))
    uid, _, rest = key.partition("-")
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": rest})
    return user_sign_in(request, record_id, link=request.build_absolute_uri(path))  # type: ignore[return-value]
