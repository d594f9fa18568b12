"""Training: what one is to learn by when, and for those who lead people who has not yet."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from merestone.app import guidelines
from merestone.app.guidelines.training import MAX_TITLE, MAX_URL
from merestone.app.policy import Actor, Right
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError, Problem
from merestone.core.model.columns import MEMBER_ROLES
from merestone.core.rules.document import MAX_GUIDELINES
from merestone.db.queries import guidelines as queries
from merestone.db.queries.guidelines import Lesson
from merestone.web.markdown import html_of
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped

INDENT = "\u2003"


class Training(forms.Form):
    """A training item."""

    title = forms.CharField(max_length=MAX_TITLE)
    body = forms.CharField(
        label="What it is about", required=False, max_length=MAX_GUIDELINES, strip=False,
        widget=forms.Textarea(attrs={"rows": 8}), help_text="Markdown.",
    )  # fmt: skip
    url = forms.URLField(
        label="Link", required=False, max_length=MAX_URL, assume_scheme="https", help_text="Where to do it."
    )
    territory = forms.ChoiceField(
        required=False, label="For", help_text="Its members and those of territories below."
    )
    roles = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, help_text="None ticked: everybody there.",
        choices=[(role, role.upper() if len(role) == 3 else role.capitalize()) for role in MEMBER_ROLES],
    )  # fmt: skip
    due_on = forms.DateField(
        label="Due", required=False, help_text="Last day to do it.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        territory = self.fields["territory"]
        assert isinstance(territory, forms.ChoiceField)
        places = [(node.territory.key, INDENT * node.depth + node.name) for node in queries.places(actor)]
        territory.choices = [("", "Everybody"), *places] if queries.written(actor) is None else places


@scoped("own")
@require_safe
def training_page(request: WebRequest) -> HttpResponse:
    """Show what the actor is to learn, and how far those they lead are."""
    found = queries.lessons(request.actor, is_retired=request.GET.get("retired") == "yes")
    context = {
        "title": "Training",
        "lede": "What to learn, by when, and who has.",
        "to_do": [
            one for one in found if one.is_mine and one.done_at is None and one.item.retired_at is None
        ],
        "done": [one for one in found if one.is_mine and one.done_at is not None],
        "overdue": [(one, reader) for one in found if one.is_overdue for reader in one.missing],
        "led": [one for one in found if one.people],
        "shows_retired": request.GET.get("retired") == "yes",
        "writes": _may_write(request.actor),
    }
    return render(request, "training/home.html", context)


def _may_write(actor: Actor) -> bool:
    keys = queries.written(actor)
    return keys is None or bool(keys)


def _lesson(request: WebRequest, item_id: int) -> Lesson:
    found = queries.lessons(request.actor, is_retired=True)
    lesson = next((one for one in found if one.item.pk == item_id), None)
    if lesson is None:
        raise Http404
    return lesson


def _writes(actor: Actor, lesson: Lesson) -> bool:
    keys = queries.written(actor)
    territory = lesson.item.territory
    return keys is None or (territory is not None and territory.key in keys)


@scoped("own")
@require_safe
def training_item(request: WebRequest, item_id: int) -> HttpResponse:
    """Show an item, and who has done it."""
    lesson = _lesson(request, item_id)
    item = lesson.item
    context = {
        "title": item.title,
        "crumbs": [("Training", reverse("training"))],
        "lesson": lesson,
        "item": item,
        "html": html_of(item.body),
        "writes": _writes(request.actor, lesson) and item.retired_at is None,
        "asks": lesson.is_mine and lesson.done_at is None and item.retired_at is None,
    }
    return render(request, "training/item.html", context)


@scoped("own")
@require_http_methods(["GET", "HEAD", "POST"])
def training_edit(request: WebRequest, item_id: int | None = None) -> HttpResponse:
    """Make or change an item."""
    actor = request.actor
    lesson = None if item_id is None else _lesson(request, item_id)
    if not (_may_write(actor) if lesson is None else _writes(actor, lesson)):
        actor.require(Right.MANAGE_MEMBERS, everywhere=True)
    item = lesson.item if lesson else None
    initial: dict[str, Any] = {"territory": request.GET.get("territory", "")}
    if item is not None:
        initial = {
            name: getattr(item, name) for name in ("title", "body", "url", "roles", "due_on", "version")
        }
        initial["territory"] = item.territory.key if item.territory else ""
    form = Training(request.POST or None, actor=actor, initial=initial)
    problems: list[Problem] = []
    status = 200
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = guidelines.save_training(
                request.services,
                actor,
                **{name: data[name] for name in ("title", "body", "url", "roles", "due_on")},
                territory=data["territory"] or None,
                item_id=item_id,
                version=data["version"],
            )
        except InvalidInputError as error:
            problems, status = list(error.problems), 422
        except (ConflictError, ForbiddenError) as error:
            problems = [Problem(error.code, error.message, error.fix)]
            status = 409 if isinstance(error, ConflictError) else 403
        else:
            messages.success(request, "Saved. Those it is for have been told.")
            return redirect("training-item", made)
    elif form.errors:
        status = 422
    context = {
        "title": item.title if item else "New training",
        "crumbs": [("Training", reverse("training"))],
        "form": form,
        "problems": problems,
        "back": reverse("training-item", args=[item_id]) if item_id else reverse("training"),
    }
    return render(request, "training/edit.html", context, status=status)


@scoped("own")
@require_POST
def training_done(request: WebRequest, item_id: int) -> HttpResponse:
    """Say that one has done an item."""
    guidelines.mark_done(request.services, request.actor, item_id)
    messages.success(request, "Noted: done.")
    return redirect("training")


@scoped("own")
@require_POST
def training_retire(request: WebRequest, item_id: int) -> HttpResponse:
    """Take an item out of use."""
    _lesson(request, item_id)
    guidelines.retire_training(request.services, request.actor, item_id)
    messages.success(request, "Retired: nobody is asked any more.")
    return redirect("training-item", item_id)


@scoped("own")
@require_POST
def training_remind(request: WebRequest, item_id: int) -> HttpResponse:
    """Remind those who have not done an item."""
    _lesson(request, item_id)
    n = guidelines.remind_learners(request.services, request.actor, item_id)
    messages.success(
        request, f"{n} reminded." if n else "Everybody was reminded today already, or has done it."
    )
    return redirect("training-item", item_id)
