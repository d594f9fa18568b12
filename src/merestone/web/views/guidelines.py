"""Rules of engagement: what one is to read, every version, how they differ, who has read them; writing them."""

from __future__ import annotations

import difflib

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from merestone.app import guidelines
from merestone.app.guidelines.places import WRITING
from merestone.app.policy import Actor
from merestone.base.errors import ConflictError, InvalidInputError, Problem
from merestone.core.rules.document import MAX_GUIDELINES
from merestone.db.queries import guidelines as queries
from merestone.db.queries import scope
from merestone.db.queries.guidelines import Paper
from merestone.web.markdown import html_of
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped

HOME = ("Rules of engagement", "guidelines")


class Writing(forms.Form):
    """A new version."""

    text = forms.CharField(
        label="Text", required=False, max_length=MAX_GUIDELINES, strip=False,
        widget=forms.Textarea(attrs={"rows": 22, "spellcheck": "true"}),
        help_text="Markdown: # headings, - lists, **bold**, [words](https://…). Empty: withdraw them.",
    )  # fmt: skip
    must_be_acknowledged = forms.BooleanField(
        label="Ask everybody they are for to confirm that they have read them", required=False
    )
    base = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


@scoped("own")
@require_safe
def guidelines_page(request: WebRequest) -> HttpResponse:
    """Show what the actor is to read, and how far those they lead are."""
    actor = request.actor
    found = queries.concerning(actor)
    context = {
        "title": "Rules of engagement",
        "lede": "What the company, the territory model and your territories have agreed on.",
        "to_read": [paper for paper in found if paper.is_open],
        "others": [paper for paper in found if not paper.is_open],
        "overview": [
            {"paper": paper, "n": n, "of": of, "share": n / of} for paper, n, of in queries.overview(actor)
        ],
        "company_text": next(iter(queries.versions(actor)), None),
        "writes_all": queries.written(actor) is None,
        "places": queries.places(actor),
        "model": queries.active_model(),
    }
    return render(request, "guidelines/home.html", context)


@scoped("own")
@require_safe
def guideline_page(request: WebRequest, version_id: int) -> HttpResponse:
    """Show one version, the difference from another, and who has read it."""
    actor = request.actor
    found = queries.paper(actor, version_id)
    if found is None:
        raise Http404
    paper, versions = found
    against = _against(request, paper, versions)
    readers = queries.readers(actor, paper) if paper.is_in_force and paper.must_be_acknowledged else []
    context = {
        "title": paper.name,
        "lede": f"Rules of engagement, version {paper.number}"
        + (", in force." if paper.is_in_force else ", replaced or not in force."),
        "crumbs": [(HOME[0], reverse(HOME[1]))],
        "paper": paper,
        "versions": versions,
        "newest": versions[0],
        "html": html_of(paper.text),
        "against": against,
        "lines": difference_lines(against.text, paper.text) if against else [],
        "asks": paper.is_open and queries.is_concerned(actor, paper),
        "readers": readers,
        "n_read": sum(reader.at is not None for reader in readers),
        "writes": _writes(actor, paper),
        "edit_url": _edit_url(paper),
    }
    return render(request, "guidelines/version.html", context)


def _against(request: WebRequest, paper: Paper, versions: list[Paper]) -> Paper | None:
    wanted = request.GET.get("against", "")
    return next((one for one in versions if str(one.number) == wanted and one.id != paper.id), None)


def difference_lines(old: str, new: str) -> list[tuple[str, str]]:
    """Return (mark, text) of each line of a unified difference: ``+``, ``-``, a blank, or ``…`` between parts."""
    found = list(difflib.unified_diff(old.split("\n"), new.split("\n"), lineterm="", n=3))[3:]
    return [("…", "") if line.startswith("@@") else (line[:1], line[1:]) for line in found]


def _writes(actor: Actor, paper: Paper) -> bool:
    keys = queries.written(actor)
    return keys is None or (paper.territory is not None and paper.territory in keys)


def _edit_url(paper: Paper) -> str:
    address = reverse("guideline-edit")
    if paper.territory is not None:
        return f"{address}?territory={paper.territory}"
    return f"{address}?model={paper.model}" if paper.model else address


@scoped("own")
@require_http_methods(["GET", "HEAD", "POST"])
def guideline_edit(request: WebRequest) -> HttpResponse:
    """Write a new version for a territory, a model or the company."""
    actor, services = request.actor, request.services
    territory = request.GET.get("territory", "").strip()[:100] or None
    model = None if territory else request.GET.get("model", "").strip()[:100] or None
    name = _name_of(actor, territory, model)
    now = services.guidelines.in_force(territory, model)
    initial = {
        "text": now.guidelines.text if now else "",
        "must_be_acknowledged": now.guidelines.must_be_acknowledged if now else True,
        "base": now.id if now else 0,
    }
    form, problems, status = Writing(request.POST or None, initial=initial), [], 200
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = guidelines.save_guidelines(
                services,
                actor,
                data["text"],
                territory=territory,
                model=model,
                must_be_acknowledged=data["must_be_acknowledged"],
                base=data["base"],
            )
        except InvalidInputError as error:
            problems, status = list(error.problems), 422
        except ConflictError as error:
            problems, status = [Problem(error.code, error.message, error.fix)], 409
        else:
            messages.success(request, "Saved as a new version." if made else "Nothing changed.")
            shown = made or (now.id if now else None)
            return redirect("guideline", shown) if shown else redirect("guidelines")
    elif form.errors:
        status = 422
    context = {
        "title": f"Rules of {name}",
        "lede": "Saving makes a new version and tells those it is for. Earlier versions stay readable.",
        "crumbs": [(HOME[0], reverse(HOME[1]))],
        "form": form,
        "problems": problems,
        "current": now if status == 409 else None,
        "back": reverse("guideline", args=[now.id]) if now else reverse("guidelines"),
    }
    return render(request, "guidelines/edit.html", context, status=status)


def _name_of(actor: Actor, territory: str | None, model: str | None) -> str:
    """Return what the text is for; a territory or model one may not write for is missing or forbidden."""
    if territory is not None:
        node = one(scope.visible_nodes(actor), territory__key=territory)
        keys = queries.written(actor)
        if keys is not None and territory not in keys:
            actor.require(WRITING[0], everywhere=True)
        return str(node.name)
    actor.require(
        next((right for right in WRITING if actor.can(right, everywhere=True)), WRITING[0]), everywhere=True
    )
    if model is None:
        return "the whole company"
    from merestone.db.queries.territories import models

    return str(one(models(actor), key=model).name)


@scoped("own")
@require_POST
def guideline_acknowledge(request: WebRequest, version_id: int) -> HttpResponse:
    """Confirm that one has read a version."""
    guidelines.acknowledge(request.services, request.actor, version_id)
    messages.success(request, "Thank you: noted that you have read it.")
    return redirect("guidelines" if request.POST.get("next") == "list" else "guideline", *([] if request.POST.get("next") == "list" else [version_id]))  # fmt: skip


@scoped("own")
@require_POST
def guideline_remind(request: WebRequest, version_id: int) -> HttpResponse:
    """Remind those who have not read a version."""
    if queries.paper(request.actor, version_id) is None:
        raise Http404
    n = guidelines.remind(request.services, request.actor, version_id)
    messages.success(
        request, f"{n} reminded." if n else "Everybody was reminded today already, or has read it."
    )
    return redirect("guideline", version_id)
