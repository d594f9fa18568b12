"""Challenges of a model in review: the list, one of them, and a new one with its effect before it is sent."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from merestone.app.review import challenges, deciding
from merestone.app.review.drafts import Draft, require_visible
from merestone.app.review.seeing import Picture, picture
from merestone.app.review.viewing import viewing
from merestone.base.errors import InvalidInputError, Problem
from merestone.db.queries.company import company
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.views.review import frame_of

KINDS = (
    ("keep", "Keep it: it is mine now"),
    ("give", "Give it to me"),
    ("swap", "Swap it for another account"),
)
MAX_CHOICES = 300


class Wish(forms.Form):
    """What is asked for."""

    kind = forms.ChoiceField(label="What should happen", choices=KINDS)
    other_account = forms.TypedChoiceField(
        label="In return",
        required=False,
        coerce=int,
        empty_value=None,
        help_text="For a swap: what you give.",
    )
    rep = forms.TypedChoiceField(label="For", required=False, coerce=int, empty_value=None)
    to_territory = forms.ChoiceField(
        label="Into territory", required=False, help_text="Empty: the one that fits."
    )
    reason = forms.CharField(
        label="Why", max_length=4000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Those who decide, and the other side, read it.",
    )  # fmt: skip

    def __init__(self, *args: Any, found: Picture, owned: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        eyes = found.viewing
        self._choose("other_account", [("", "Nothing"), *owned])
        reps = [(one["rep"], one["name"]) for one in found.balance]
        mine = "Me" if eyes.actor.rep_id is not None else "Choose"
        self._choose("rep", [("", mine), *(one for one in reps if one[0] != eyes.actor.rep_id)])
        nodes = [node for node in eyes.document.tree if eyes.is_visible(node.key)]
        self._choose("to_territory", [("", "The one that fits"), *((node.key, node.name) for node in nodes)])
        if len(self.fields["rep"].choices) == 1:  # type: ignore[attr-defined]
            del self.fields["rep"]

    def _choose(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def draft(self, account_id: int, *, reason: str = "") -> Draft:
        """Return what the form says."""
        said = self.cleaned_data
        return Draft(
            said["kind"], account_id, said.get("other_account") if said["kind"] == "swap" else None,
            said.get("to_territory") or None, said.get("rep"), said.get("reason") or reason,
        )  # fmt: skip


@scoped("reviews")
@require_safe
def challenges_page(request: WebRequest, key: str) -> HttpResponse:
    """Show the challenges one may see."""
    eyes = viewing(request.services, request.actor, key)
    found = challenges.listed(request.services, request.actor, key)
    state = request.GET.get("state", "")
    context = frame_of(request, eyes, "challenges") | {
        "title": "Challenges",
        "challenges": [one for one in found if not state or one["state"] == state],
        "states": sorted({one["state"] for one in found}),
        "state": state,
    }
    return render(request, "review/challenges.html", context)


@scoped("reviews")
@require_http_methods(["GET", "HEAD", "POST"])
def challenge_new(request: WebRequest, key: str, account_id: int) -> HttpResponse:
    """Ask for an account; what it would do to the balance is told first."""
    found = picture(request.services, request.actor, key)
    require_visible(request.services, found, [account_id])
    eyes, loads = found.viewing, found.loads
    rep = eyes.actor.rep_id
    is_mine = rep is not None and loads.owner_now(account_id) == rep and loads.owner_then(account_id) != rep
    form = Wish(
        request.POST or None,
        initial={"kind": request.GET.get("kind") or ("keep" if is_mine else "give")},
        found=found,
        owned=_owned(request, found, account_id),
    )
    problems: list[Problem] = []
    told: dict[str, Any] | None = None
    if request.method == "POST" and (form.is_valid() or request.POST.get("look")):
        draft = form.draft(account_id, reason="?" if request.POST.get("look") else "") if "kind" in form.cleaned_data else None  # fmt: skip
        try:
            if draft is not None and request.POST.get("look"):
                told = challenges.drafted(request.services, request.actor, key, draft)
            elif draft is not None:
                done = deciding.send(request.services, request.actor, key, draft)
                messages.success(request, "Accepted by policy." if done["state"] == "accepted" else "Sent.")
                return redirect("review-challenge", key, done["id"])
        except InvalidInputError as error:
            problems = error.problems
    row = next((one for one in found.moves.to_pylist() if one["id"] == account_id), None)
    name = row["name"] if row else request.services.records.snapshot("accounts", columns=["name"], ids=[account_id])["name"][0].as_py()  # fmt: skip
    context = frame_of(request, eyes, "challenges") | {
        "title": f"Challenge: {name}",
        "form": form,
        "row": row,
        "problems": problems,
        "told": told,
        "currency": company().currency,
        "url": reverse("review-challenge-new", args=[key, account_id]),
    }
    if request.htmx:
        return render(request, "review/effect.html", context)
    return render(request, "review/challenge_new.html", context, status=422 if problems else 200)


def _owned(request: WebRequest, found: Picture, account_id: int) -> list[tuple[int, str]]:
    """Return the accounts the model gives to those the viewer may ask for, to be given in return."""
    eyes, loads = found.viewing, found.loads
    reps = {one["rep"] for one in found.balance} if not eyes.sees_all else {loads.owner_now(account_id)}
    ids = [int(pk) for pk, owner in zip(loads.ids, loads.then, strict=True) if int(owner) in reps]
    seen = request.services.visibility.visible_ids(request.actor, "accounts", ids[: 20 * MAX_CHOICES])
    seen |= set(found.moves["id"].to_pylist()) & set(ids)
    wanted = sorted(seen - {account_id})
    names = request.services.records.snapshot("accounts", columns=["name"], ids=wanted)
    rows = sorted(zip(names["name"].to_pylist(), names["id"].to_pylist(), strict=True))
    return [(pk, name) for name, pk in rows[:MAX_CHOICES]]


@scoped("reviews")
@require_http_methods(["GET", "HEAD", "POST"])
def challenge_page(request: WebRequest, key: str, record_id: int) -> HttpResponse:
    """Show a challenge with its discussion and its effect as things are now; take a word."""
    services, actor = request.services, request.actor
    if request.method == "POST":
        done = deciding.speak(
            services, actor, key, record_id, text=request.POST.get("text", ""), stance=request.POST.get("stance", "")
        )  # fmt: skip
        if done["is_settled"]:
            messages.success(request, "The managers of both sides agree: it was accepted by policy.")
        return redirect("review-challenge", key, record_id)
    told = challenges.told(services, actor, key, record_id)
    eyes = viewing(services, actor, key)
    context = frame_of(request, eyes, "challenges") | {
        "title": told.facts["account_name"],
        "told": {"effect": told.effect},
        "challenge": told,
        "facts": told.facts,
        "may_decide": told.facts["state"] == "open" and deciding.may_decide(services, eyes, told.row),
        "becomes_author": not eyes.sees_all,
        "currency": company().currency,
    }
    return render(request, "review/challenge.html", context)


@scoped("reviews")
@require_POST
def challenge_decide(request: WebRequest, key: str, record_id: int) -> HttpResponse:
    """Accept, reject or take back a challenge."""
    word, note = request.POST.get("word", ""), request.POST.get("note", "")
    if word == "withdraw":
        challenges.withdraw(request.services, request.actor, key, record_id, note=note)
        messages.success(request, "Taken back.")
    elif word in ("accept", "reject"):
        done = deciding.decide(
            request.services, request.actor, key, record_id, accept=word == "accept", note=note
        )
        voided = done["voided"]
        text = f"{str(done['state']).capitalize()}."
        messages.success(
            request, f"{text} {voided} approval{'s' if voided != 1 else ''} voided." if voided else text
        )
    else:
        raise Http404
    return redirect("review-challenge", key, record_id)
