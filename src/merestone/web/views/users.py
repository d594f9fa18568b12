"""Users and the company's settings, for administrators."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters

from merestone.app import admin
from merestone.app.policy import Right
from merestone.base.errors import InvalidInputError
from merestone.core.model.columns import USER_ROLES
from merestone.db.queries import home, lists
from merestone.db.queries.company import company
from merestone.web.forms.fields import choices_of
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped


class NewUser(forms.Form):
    """Somebody who will sign in."""

    email = forms.EmailField(label="E-mail")
    name = forms.CharField(max_length=200)
    role = forms.ChoiceField(choices=choices_of(USER_ROLES), initial="rep")
    rep_id = forms.TypedChoiceField(
        label="Sells as", required=False, coerce=int, empty_value=None, help_text="The rep this person is."
    )
    password = forms.CharField(
        strip=False, max_length=1000, help_text="At least 10 characters; they can change it on their profile.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["rep_id"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [("", "Nobody"), *home.free_reps().values_list("id", "name")]


class EditUser(forms.Form):
    """What administrators change about a user."""

    name = forms.CharField(max_length=200)
    role = forms.ChoiceField(choices=choices_of(USER_ROLES))
    time_zone = forms.CharField(max_length=64, required=False, help_text="Empty: the company's.")
    is_active = forms.BooleanField(label="May sign in", required=False)
    password = forms.CharField(
        label="New password", required=False, strip=False, max_length=1000, help_text="Empty: as it is.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip


class CompanySettings(forms.Form):
    """The company."""

    name = forms.CharField(max_length=200)
    time_zone = forms.CharField(
        max_length=64, help_text="IANA name such as America/Chicago: what “today” means."
    )
    currency = forms.CharField(max_length=3, help_text="ISO 4217 code.")
    country = forms.CharField(
        max_length=2, help_text="ISO 3166-1 alpha-2 code, assumed where files name none."
    )


@scoped("users", right=Right.MANAGE_USERS)
@sensitive_post_parameters("password")
def new(request: WebRequest) -> HttpResponse:
    """Create a user."""
    form = NewUser(request.POST or None)
    context = {
        "title": "New user",
        "crumbs": [("Users", reverse("users"))],
        "form": form,
        "back": reverse("users"),
        "submit": "Create user",
    }

    def save(data: dict[str, Any]) -> str:
        admin.create_user(request.services, request.actor, **data)
        return f"{data['name']} can sign in now."

    return _saved(request, form, save, context)


@scoped("users", right=Right.MANAGE_USERS)
@sensitive_post_parameters("password")
def edit(request: WebRequest, record_id: int) -> HttpResponse:
    """Change or deactivate a user."""
    user = one(lists.users(request.actor), pk=record_id)
    names = ("name", "role", "time_zone", "is_active")
    form = EditUser(request.POST or None, initial={name: getattr(user, name) for name in names})
    context = {
        "title": str(user),
        "crumbs": [("Users", reverse("users"))],
        "lede": user.email,
        "form": form,
        "back": reverse("users"),
        "links": [("Sign-in", reverse("user-sign-in", args=[record_id]))],
    }

    def save(data: dict[str, Any]) -> str:
        changes = {name: value for name, value in data.items() if name != "password" or value}
        admin.change_user(request.services, request.actor, record_id, **changes)
        return "The user is saved."

    return _saved(request, form, save, context)


@scoped("company", right=Right.MANAGE_USERS)
def company_settings(request: WebRequest) -> HttpResponse:
    """Change the company's settings."""
    request.actor.require(Right.MANAGE_USERS, everywhere=True)
    now = company()
    names = ("name", "time_zone", "currency", "country")
    form = CompanySettings(request.POST or None, initial={name: getattr(now, name) for name in names})
    context = {"title": "Settings", "lede": "The company this database works for.", "form": form, "back": "/"}
    context["links"] = [("Rules of signing in", reverse("sign-in-rules"))]

    def save(data: dict[str, Any]) -> str:
        admin.change_company(request.services, request.actor, **data)
        return "The settings are saved."

    return _saved(request, form, save, {**context, "done": "settings"})


def _saved(request: WebRequest, form: forms.Form, save: Any, context: dict[str, Any]) -> HttpResponse:
    """Run a form's use case and go on, or show the form again with every problem."""
    problems: list[Any] = []
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, save(form.cleaned_data))
        except InvalidInputError as error:
            problems = error.problems
        else:
            return redirect(context.get("done", "users"))
    status = 422 if problems or form.errors else 200
    return render(request, "kinds/form.html", {**context, "problems": problems}, status=status)
