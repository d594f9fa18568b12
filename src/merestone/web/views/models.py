"""The life of models: all of them, where one stands and what can be done with it, publications and undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from merestone.app import lifecycle
from merestone.app.access.places import plans_whole
from merestone.app.policy import Right
from merestone.app.work_policy import ACTIVITIES, MAX_DAYS, OPEN_STAGES, OPPORTUNITIES, WorkPolicy
from merestone.base.errors import ConflictError, InvalidInputError, MerestoneError, Problem
from merestone.db.queries import territories as queries
from merestone.web.forms.fields import choices_of
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.views.rules import EDITABLE, states_of

WORDS = {
    "submit": ("Send to review", "It can still be changed; an edit voids the approvals it touches."),
    "return": ("Back to planning", "The review ends."),
    "schedule": ("Schedule", "The worker publishes it at that time, exactly as it is now. Until then you can cancel."),
    "cancel": ("Cancel the schedule", "Nothing happens at its time; it is in planning again."),
    "publish": ("Publish now", "It becomes the active model: accounts, leads and open work move at once."),
    "archive": ("Archive", "It is put away. It stays readable, and can be copied."),
}  # fmt: skip
FORWARD = ("submit", "schedule", "publish", "cancel", "return", "archive")
"""Steps in the order they are offered: what leads on comes first."""
SPOKEN = {
    "follow": "Go with the account",
    "until_closed": "Stay with who has them until closed",
    "late_stage": "Late stages stay for some days",
    "stay": "Stay with who has them",
}
COUNTS = (
    ("accounts_moved", "accounts moved"),
    ("accounts_restored", "accounts brought back"),
    ("accounts_created_since", "accounts placed that came since"),
    ("accounts_kept", "accounts left as changed since"),
    ("leads_routed", "leads routed"),
    ("leads_restored", "leads brought back"),
    ("queued", "accounts in the queue"),
    ("opportunities_handed_over", "opportunities handed over"),
    ("opportunities_restored", "opportunities brought back"),
    ("opportunities_kept", "opportunities kept"),
    ("activities_handed_over", "activities handed over"),
    ("activities_restored", "activities brought back"),
    ("activities_kept", "activities kept"),
)
"""Counts of a publication worth words, in this order."""
STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    "submit": lifecycle.submit,
    "return": lifecycle.send_back,
    "cancel": lifecycle.cancel,
    "archive": lifecycle.archive,
}


class Policies(forms.Form):
    """What happens to open work of accounts that change hands."""

    opportunities = forms.ChoiceField(
        label="Open opportunities", choices=[(one, SPOKEN[one]) for one in OPPORTUNITIES]
    )
    activities = forms.ChoiceField(
        label="Open activities", choices=[(one, SPOKEN[one]) for one in ACTIVITIES],
        help_text="Those that belong to an opportunity stay where it stays.",
    )  # fmt: skip
    late_stages = forms.MultipleChoiceField(
        label="Late stages", choices=choices_of(OPEN_STAGES), widget=forms.CheckboxSelectMultiple,
        help_text="Counts when late stages stay.",
    )  # fmt: skip
    late_days = forms.IntegerField(
        label="Days they stay", min_value=1, max_value=MAX_DAYS, help_text="Counts when late stages stay."
    )


def count_words(counts: dict[str, Any]) -> list[tuple[str, int]]:
    """Return what a publication moved, without what it did not."""
    return [(words, counts[name]) for name, words in COUNTS if counts.get(name)]


@scoped("territories", right=Right.MANAGE_RULES)
@require_safe
def models_page(request: WebRequest) -> HttpResponse:
    """List all territory models, where each stands, and in how many territories it differs from the active one."""
    found = list(queries.models(request.actor))
    differences = queries.differences(request.actor, [model.key for model in found])
    order = {
        state: place
        for place, state in enumerate(("active", "scheduled", "in_review", "planning", "archived"))
    }
    found.sort(key=lambda model: order[model.state])
    context = {
        "title": "Territory models",
        "lede": "Each model is a whole tree of territories. Exactly one is active; the others are planned or archived.",
        "crumbs": [("Territories", reverse("territories"))],
        "models": [(model, differences[model.key], lifecycle.NEXT[model.state]) for model in found],
        "zone": request.services.clock.zone(),
        "may_plan": request.actor.can(Right.PLAN),
        "may_publish": plans_whole(request.actor),
    }
    return render(request, "models/models.html", context)


@scoped("territories", right=Right.PLAN)
@require_http_methods(["GET", "HEAD", "POST"])
def life_page(request: WebRequest, key: str) -> HttpResponse:
    """Show where a model stands and how it came there; take the next step."""
    model = one(queries.models(request.actor), key=key)
    problems: list[Any] = []
    if request.method == "POST":
        try:
            messages.success(request, _stepped(request, key))
        except InvalidInputError as error:
            problems = error.problems or [_as_problem(error)]
        except ConflictError as error:
            problems = [_as_problem(error)]
        else:
            return redirect("model-life", key)
    life = lifecycle.life_of_part(request.services, request.actor, key)
    is_planner = plans_whole(request.actor)
    loaded = request.services.models.load(key)
    assert loaded is not None
    can = lifecycle.allowed_to(request.actor, life.state)
    last = lifecycle.last_publication(request.services)
    chosen = request.POST.get("action") if problems else request.GET.get("step")
    context = {
        "title": f"Life of {model.name}",
        "crumbs": [
            ("Territories", reverse("territories")),
            ("Models", reverse("models")),
            (model.name, reverse("model", args=[key])),
        ],
        "model": model,
        "life": life,
        "steps": states_of(life.state),
        "next": lifecycle.NEXT[life.state],
        "can": [(verb, *WORDS[verb]) for verb in sorted(can, key=FORWARD.index)],
        "chosen": next(((verb, *WORDS[verb]) for verb in can if verb == chosen), None),
        "typed": request.POST,
        "is_early": life.effective is not None and life.effective > request.services.clock.today(),
        "content": lifecycle.content_hash(loaded[1]),
        "zone": request.services.clock.zone(),
        "events": lifecycle.events(request.services, request.actor, key),
        "publications": _publications(request, key) if is_planner else [],
        "can_undo": is_planner
        and last is not None
        and key in (last.model, last.previous if last.model is None else None),
        "work": _work_words(lifecycle.work_policy(life.policies)),
        "may_edit": is_planner and life.state in EDITABLE,
        "problems": problems,
        "problem_title": "That was not done.",
    }
    return render(request, "models/life.html", context, status=_status(problems))


def _status(problems: list[Any]) -> int:
    return 422 if problems else 200


def _as_problem(error: MerestoneError) -> Problem:
    return Problem(error.code, error.message, error.fix)


def _stepped(request: WebRequest, key: str) -> str:
    """Take the step that was asked for; returns what to say."""
    post = request.POST
    verb, note = post.get("action", ""), post.get("note", "")
    version = int(post["version"]) if post.get("version", "").isdigit() else None
    if verb in STEPS:
        STEPS[verb](request.services, request.actor, key, note=note, version=version)
        return {
            "submit": "It is in review. Now ask people to look at it.",
            "return": "It is back in planning.",
            "cancel": "The schedule is cancelled. Nothing will happen at its time.",
            "archive": "It is archived.",
        }[verb]
    content = post.get("content") or None
    if verb == "schedule":
        when = " ".join(filter(None, (post.get("day", "").strip(), post.get("time", "").strip())))
        done = lifecycle.schedule(
            request.services, request.actor, key, effective=when, note=note, content=content, version=version
        )
        local = done["takes_effect_at"].astimezone(ZoneInfo(request.services.clock.zone()))
        return f"It takes effect on {local:%Y-%m-%d} at {local:%H:%M}, {request.services.clock.zone()}."
    if verb == "publish":
        done = lifecycle.publish(
            request.services, request.actor, key, content=content, version=version, note=note
        )
        return f"Published: {_sentence(done)}."
    raise InvalidInputError(
        "Nothing was done.",
        [Problem("bad-choice", f"'{verb[:40]}' is no step.", "Choose one of those shown.")],
    )


def _sentence(counts: dict[str, Any]) -> str:
    told = [f"{n:,} {words}" for words, n in count_words(counts)]
    return ", ".join(told) or "nothing had to move"


def _publications(request: WebRequest, key: str | None) -> list[dict[str, Any]]:
    found = lifecycle.publications(request.services, request.actor, key)
    return [row | {"told": count_words(row["counts"])} for row in found]


def _work_words(policy: WorkPolicy) -> list[tuple[str, str]]:
    """Return what happens to open work, in words."""
    opportunities = SPOKEN[policy.opportunities]
    if policy.opportunities == "late_stage":
        opportunities = f"Stay for {policy.late_days} days in {', '.join(policy.late_stages)}; others go with the account"  # fmt: skip
    return [("Open opportunities", opportunities), ("Open activities", SPOKEN[policy.activities])]


@scoped("territories", right=Right.PLAN)
@require_http_methods(["GET", "HEAD", "POST"])
def policies_page(request: WebRequest, key: str) -> HttpResponse:
    """Change what happens to open work when a model is published."""
    model = one(queries.models(request.actor), key=key)
    life = lifecycle.life_of(request.services, request.actor, key)
    now = lifecycle.work_policy(life.policies)
    names = ("opportunities", "late_stages", "late_days", "activities")
    form = Policies(request.POST or None, initial={name: getattr(now, name) for name in names})
    problems: list[Any] = []
    if request.method == "POST" and form.is_valid():
        try:
            lifecycle.set_policies(request.services, request.actor, key, form.cleaned_data)
        except (InvalidInputError, ConflictError) as error:
            problems = getattr(error, "problems", None) or [_as_problem(error)]
        else:
            messages.success(request, "The policies are kept.")
            return redirect("model-life", key)
    context = {
        "title": "Open work",
        "lede": f"What happens to opportunities and activities of accounts that change hands when {model.name} is published. "
        "What others than the account's owner hold stays theirs.",
        "crumbs": [("Models", reverse("models")), (model.name, reverse("model", args=[key])), ("Life", reverse("model-life", args=[key]))],
        "form": form,
        "back": reverse("model-life", args=[key]),
        "problems": problems,
    }  # fmt: skip
    return render(request, "kinds/form.html", context, status=422 if problems or form.errors else 200)


@scoped("territories", right=Right.PLAN)
@require_safe
def publications_page(request: WebRequest) -> HttpResponse:
    """List every change of the active model."""
    context = {
        "title": "Publications",
        "lede": "Every change of the active model: what was published, what was undone, and what that moved.",
        "crumbs": [("Territories", reverse("territories")), ("Models", reverse("models"))],
        "publications": _publications(request, None),
        "can_undo": lifecycle.last_publication(request.services) is not None,
    }
    return render(request, "models/publications.html", context)


@scoped("territories", right=Right.PLAN)
@require_http_methods(["GET", "HEAD", "POST"])
def undo_page(request: WebRequest) -> HttpResponse:
    """Show what undoing the last publication would bring back, and do it."""
    problems: list[Any] = []
    if request.method == "POST":
        wanted = request.POST.get("publication", "")
        try:
            done = lifecycle.undo(
                request.services,
                request.actor,
                publication=int(wanted) if wanted.isdigit() else None,
                keep_later=request.POST.get("keep_later") == "1",
                note=request.POST.get("note", ""),
            )
        except ConflictError as error:
            problems = [_as_problem(error)]
            if error.code == "nothing-to-undo":
                raise
        else:
            messages.success(request, f"Undone: {_sentence(done)}.")
            return redirect("model-life", done["model"] or done["previous"])
    seen = lifecycle.preview_undo(request.services, request.actor)
    publication = seen["publication"]
    context = {
        "title": "Publish again" if publication["kind"] == "undo" else "Undo the last publication",
        "lede": "Everything stands as before it. Nothing that happened is forgotten: the way back is added to the history.",
        "crumbs": [("Models", reverse("models")), ("Publications", reverse("publications"))],
        "publication": publication,
        "told": count_words(seen["counts"]),
        "changed": [
            (table, seen["changed"][f"n_{table}"], rows[:20])
            for table, rows in seen["changed"].items()
            if isinstance(rows, list)
        ],
        "n_changed": seen["n_changed"],
        "problems": problems,
        "problem_title": "Nothing was undone.",
    }
    return render(request, "models/undo.html", context, status=409 if problems else 200)
