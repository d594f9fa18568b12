"""Who may do what where: people and their grants, giving and ending them, and why somebody sees something."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from merestone.app.access import grants
from merestone.app.policy import COMPANY_RIGHTS, Actor, Right
from merestone.app.ports_access import Grant
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, Problem
from merestone.db.queries import access as queries
from merestone.db.queries import lists, scope
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped

INDENT = "\u2003"
WORDS: dict[Right, str] = {
    Right.SEE: "see",
    Right.EDIT_ACCOUNTS: "edit accounts",
    Right.WORK_LEADS: "work leads",
    Right.LOG_ACTIVITY: "log activities",
    Right.ASSIGN: "assign, move and lock",
    Right.IMPORT: "import files (whole company)",
    Right.EXPORT: "export",
    Right.PLAN: "plan territories",
    Right.MANAGE_RULES: "change rules",
    Right.MANAGE_MEMBERS: "manage members",
    Right.MANAGE_USERS: "manage users",
    Right.APPROVE: "approve plans",
    Right.READ_AUDIT: "read the audit log (whole company)",
}
THINGS = (
    ("accounts", "Account"),
    ("leads", "Lead"),
    ("opportunities", "Opportunity"),
    ("contacts", "Contact"),
    ("contracts", "Contract"),
    ("activities", "Activity"),
    ("claims", "Claim"),
    ("territories", "Territory"),
)


class Give(forms.Form):
    """Rights on a territory."""

    territory = forms.ChoiceField(required=False, help_text="And all territories below it.")
    rights = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, help_text="Those you hold.")
    ends_on = forms.DateField(
        label="Until", required=False, help_text="First day without them; empty: until ended.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip
    note = forms.CharField(max_length=grants.MAX_NOTE, required=False, help_text="Why.")
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        everywhere = actor.can(Right.MANAGE_USERS, everywhere=True)
        places = [
            (node.territory.key, INDENT * node.depth + node.name)
            for node in scope.visible_nodes(actor, Right.MANAGE_USERS)
        ]
        territory, rights = self.fields["territory"], self.fields["rights"]
        assert isinstance(territory, forms.ChoiceField)
        assert isinstance(rights, forms.MultipleChoiceField)
        territory.choices = [("", "The whole company"), *places] if everywhere else places
        rights.choices = [
            (right.value, words.capitalize())
            for right, words in WORDS.items()
            if actor.can(right) and (everywhere or right not in COMPANY_RIGHTS)
        ]


@scoped("users", right=Right.MANAGE_USERS)
@require_safe
def overview(request: WebRequest) -> HttpResponse:
    """Show who has what where: by person, or who reaches one territory."""
    actor, wanted = request.actor, request.GET.get("territory", "").strip()[:100]
    node = None
    if wanted:
        node = one(scope.visible_nodes(actor, Right.MANAGE_USERS), territory__key=wanted)
    context: dict[str, Any] = {
        "title": "Access",
        "lede": "Roles give rights on what they cover; grants add rights on a territory and all below it.",
        "crumbs": [("Users", reverse("users"))],
        "territory": node,
        "wanted": wanted,
        "places": list(scope.visible_nodes(actor, Right.MANAGE_USERS)),
        "people": [_person(one_of) for one_of in queries.people(actor)],
    }
    if node is not None:
        found = grants.list_grants(request.services, actor, territory=wanted)
        context["grants"] = [_line(grant) for grant in found]
        context["people"] = [
            line
            for line in context["people"]
            if line["sees_all"] or any(place["covers"](node.path) for place in line["places"])
        ]
    return render(request, "access/overview.html", context)


def _person(found: queries.Person) -> dict[str, Any]:
    user = found.user
    return {
        "user": user,
        "sees_all": user.role in ("admin", "planner", "integration") and user.is_active,
        "places": [
            {"name": place.name, "role": place.role, "is_below": place.is_below, "covers": place.covers}
            for place in found.places
        ],
        "grants": [
            {
                "place": grant.territory.name if grant.territory else "The whole company",
                "rights": _words(Right(word) for word in grant.rights if word in set(Right)),
                "ends_on": grant.ends_on,
            }
            for grant in found.grants
        ],
    }


def _line(grant: Grant) -> dict[str, Any]:
    return {
        "grant": grant,
        "place": grant.territory_name or "The whole company",
        "rights": _words(grant.rights),
    }


def _words(rights: Any) -> str:
    given = set(rights)
    return ", ".join(words for right, words in WORDS.items() if right in given)


@scoped("users", right=Right.MANAGE_USERS)
@require_http_methods(["GET", "HEAD", "POST"])
def person(request: WebRequest, record_id: int) -> HttpResponse:
    """Show one user's places and grants; give and change them."""
    actor, services = request.actor, request.services
    user = one(lists.users(actor), pk=record_id)
    listed = grants.list_grants(services, actor, user_id=record_id, ended=True)
    today = services.clock.today()
    running = [grant for grant in listed if grant.is_running(today)]
    chosen = request.GET.get("territory")
    given = next(
        (grant for grant in running if chosen is not None and (grant.territory or "") == chosen), None
    )
    form = Give(request.POST or None, actor=actor, initial=_initial(given, chosen))
    problems: list[Problem] = []
    status = 200
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = grants.give_grant(
                services,
                actor,
                user_id=record_id,
                territory=data["territory"] or None,
                rights=data["rights"],
                ends_on=data["ends_on"],
                note=data["note"],
                version=data["version"],
            )
        except InvalidInputError as error:
            problems, status = list(error.problems), 422
        except ConflictError as error:
            problems, status = [Problem(error.code, error.message, error.fix)], 409
        except ForbiddenError as error:
            problems, status = [Problem(error.code, error.message, error.fix)], 403
        else:
            messages.success(request, f"{user} has these rights in {made.territory_name or 'the whole company'} from now on.")  # fmt: skip
            return redirect("access-person", record_id)
    elif form.errors:
        status = 422
    found = queries.people(actor, user_ids=[record_id])
    context = {
        "title": str(user),
        "lede": f"{user.email} · {user.role}" + ("" if user.is_active else " · may not sign in"),
        "crumbs": [("Access", reverse("access"))],
        "person": _person(found[0]) if found else None,
        "subject": user,
        "running": [_line(grant) for grant in running],
        "ended": [_line(grant) for grant in listed if not grant.is_running(today)],
        "form": form,
        "given": given,
        "problems": problems,
        "is_oneself": user.pk == actor.user_id,
        "things": THINGS,
    }
    return render(request, "access/person.html", context, status=status)


def _initial(given: Grant | None, chosen: str | None) -> dict[str, Any]:
    if given is None:
        return {"territory": chosen or "", "rights": ["see"]}
    return {
        "territory": given.territory or "",
        "rights": [right.value for right in given.rights],
        "ends_on": given.ends_on,
        "note": given.note,
        "version": given.version,
    }


@scoped("users", right=Right.MANAGE_USERS)
@require_POST
def end(request: WebRequest, record_id: int) -> HttpResponse:
    """End a grant at once."""
    found = grants.end_grant(request.services, request.actor, record_id)
    messages.success(
        request, f"{found.user} has no grant in {found.territory_name or 'the whole company'} any more."
    )
    if not lists.users(request.actor).filter(pk=found.user_id).exists():
        return redirect("access")
    return redirect("access-person", found.user_id)


@scoped("own")
@require_safe
def why(request: WebRequest) -> HttpResponse:
    """Tell why somebody sees a record or a territory, or that they do not: oneself, or a user one manages."""
    actor = request.actor
    user = request.GET.get("user", "").strip() or str(actor.user_id or "")
    table, key = request.GET.get("table", "").strip(), request.GET.get("key", "").strip()[:100]
    answer = None
    if key:
        if not (user.isascii() and user.isdigit() and len(user) < 19) or table not in dict(THINGS):
            raise Http404
        answer = queries.why(actor, int(user), table=table, key=key)
        if answer is None:
            raise NotFoundError("There is no such record.")
    context = {
        "title": "Why can they see it?",
        "lede": "Every role, membership, grant and cover that shows somebody a record.",
        "crumbs": [("Access", reverse("access"))] if actor.can(Right.MANAGE_USERS) else [],
        "answer": answer,
        "things": THINGS,
        "table": table,
        "key": key,
        "wanted": user,
        "people": list(lists.users(actor).order_by("email")) if actor.can(Right.MANAGE_USERS) else [],
    }
    return render(request, "access/why.html", context)
