"""An account's page, and what can be done there."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from merestone.app import assign, crm
from merestone.app.policy import Right
from merestone.base.errors import InvalidInputError
from merestone.db.queries import lists, people_changes, scope
from merestone.web.facts import custom_facts, facts_of
from merestone.web.forms.actions import ActivityForm, LockForm
from merestone.web.forms.bulk import MoveAccount
from merestone.web.forms.record import record_form
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.views import why

FACTS = (
    "external_id", "industry", "naics", "employees", "revenue", "workload_hours", "domain", "phone", "address", "city",
    "state", "postal_code", "country", "county", "language", "products_of_interest", "customer_since", "founded_year",
    "geo_precision", "parent",
)  # fmt: skip
SHOWN = 8


@scoped("accounts")
def account(request: WebRequest, record_id: int) -> HttpResponse:
    """Show one account with everything that belongs to it."""
    actor = request.actor
    row = one(scope.accounts(actor).select_related("parent"), pk=record_id)
    history = list(lists.account_history(actor, record_id))
    current = next((item for item in history if item.valid_to is None and item.is_primary), None)
    at_account = {"account_id": record_id}
    opportunities = scope.opportunities(actor).filter(**at_account)
    activities = scope.activities(actor).filter(**at_account)
    contacts = scope.contacts(actor).filter(**at_account)
    context = {
        "title": row.name,
        "crumbs": [("Accounts", reverse("accounts"))],
        "account": row,
        "current": current,
        **why.panel(request, "accounts", record_id),
        "overlays": [item for item in history if item.valid_to is None and not item.is_primary],
        "history": [item for item in history if item.is_primary],
        "facts": facts_of(row, "accounts", FACTS),
        "custom": custom_facts(row, "accounts"),
        "lock": lists.account_lock(actor, record_id),
        "contacts": contacts[:SHOWN],
        "n_contacts": contacts.count(),
        "opportunities": opportunities.order_by("-opened_on", "-id")[:SHOWN],
        "n_opportunities": opportunities.count(),
        "activities": activities.order_by("-occurs_at", "-id")[:SHOWN],
        "n_activities": activities.count(),
        "standing_in": people_changes.covers_of_account(actor, record_id, row.owner_id),
        "contracts": scope.contracts(actor).filter(**at_account).order_by("-ends_on")[:SHOWN],
        "claims": scope.claims(actor).filter(**at_account).order_by("-opened_at")[:SHOWN],
        "activity_form": ActivityForm(initial={"occurs_at": request.services.clock.now()}),
    }
    return render(request, "pages/account.html", context)


@scoped("activities", right=Right.LOG_ACTIVITY)
def log_activity(request: WebRequest, table: str, record_id: int) -> HttpResponse:
    """Log a touch at an account or a lead."""
    rows = {"accounts": scope.accounts, "leads": scope.leads}[table](request.actor)
    row = one(rows, pk=record_id)
    form = ActivityForm(request.POST or None, initial={"occurs_at": request.services.clock.now()})
    back = reverse("account" if table == "accounts" else "lead", args=[record_id])
    if request.method == "POST" and form.is_valid():
        target = {"account_id": record_id} if table == "accounts" else {"lead_id": record_id}
        crm.log_activity(request.services, request.actor, values=form.cleaned_data, **target)
        messages.success(request, f"Logged at {row.name}.")
        return redirect(back)
    context = {
        "title": "Log an activity",
        "lede": f"At {row.name}",
        "form": form,
        "back": back,
        "submit": "Log it",
    }
    return render(request, "kinds/form.html", context, status=422 if form.errors else 200)


@scoped("contacts", right=Right.EDIT_ACCOUNTS)
def add_contact(request: WebRequest, record_id: int) -> HttpResponse:
    """Add a person at an account."""
    row = one(scope.accounts(request.actor), pk=record_id)
    form = record_form("contacts")(request.POST or None)
    return _create(request, "contacts", form, back=reverse("account", args=[record_id]), about=row.name,
                   title="New contact", references={"account_id": record_id})  # fmt: skip


@scoped("opportunities", right=Right.EDIT_ACCOUNTS)
def add_opportunity(request: WebRequest, record_id: int) -> HttpResponse:
    """Open an opportunity at an account, owned by the account's owner."""
    row = one(scope.accounts(request.actor), pk=record_id)
    initial = {"opened_on": request.services.clock.today(), "currency": row.currency, "stage": "prospecting"}
    form = record_form("opportunities")(request.POST or None, initial=initial)
    owner = row.owner_id or request.actor.rep_id
    references = {"account_id": record_id} | ({"owner_id": owner} if owner else {})
    return _create(request, "opportunities", form, back=reverse("account", args=[record_id]), about=row.name,
                   title="New opportunity", references=references)  # fmt: skip


def _create(
    request: WebRequest,
    table: str,
    form: Any,
    *,
    back: str,
    about: str,
    title: str,
    references: dict[str, int],
) -> HttpResponse:
    problems: list[Any] = []
    if request.method == "POST" and form.is_valid():
        try:
            crm.create_record(
                request.services, request.actor, table=table, values=form.values, references=references
            )
        except InvalidInputError as error:
            problems = error.problems
        else:
            messages.success(request, f"Added to {about}.")
            return redirect(back)
    context = {
        "title": title,
        "lede": f"At {about}",
        "form": form,
        "back": back,
        "submit": "Add",
        "problems": problems,
    }
    return render(request, "kinds/form.html", context, status=422 if problems or form.errors else 200)


@scoped("accounts", right=Right.ASSIGN)
def move(request: WebRequest, record_id: int) -> HttpResponse:
    """Move an account to another territory by hand, or give it back to the rules."""
    row = one(scope.accounts(request.actor), pk=record_id)
    is_given_back = request.POST.get("give_back") == "1"
    shown = {"seen_territory": row.territory_key, "seen_owner": row.owner_id, "has_seen": True}
    form = MoveAccount(None if is_given_back else request.POST or None, actor=request.actor, initial=shown)
    problems: list[Any] = []
    if is_given_back or (request.method == "POST" and form.is_valid()):
        said = {} if is_given_back else form.cleaned_data
        try:
            assign.move_accounts(
                request.services,
                request.actor,
                [record_id],
                territory=said.get("territory"),
                reason=said.get("reason", ""),
                seen=_seen(record_id, request.POST),
            )
        except InvalidInputError as error:
            problems = error.problems
        else:
            messages.success(
                request, f"{row.name} {'follows the rules again' if is_given_back else 'is moved'}."
            )
            # After a move the account may lie outside the actor's sight.
            is_seen = scope.accounts(request.actor).filter(pk=record_id).exists()
            return redirect("account", record_id) if is_seen else redirect("accounts")
    context = {
        "title": f"Reassign {row.name}",
        "lede": f"Now in {row.territory_name or 'no territory'}, owned by {row.owner_name or 'nobody'}.",
        "form": form,
        "back": reverse("account", args=[record_id]),
        "submit": "Reassign",
        "problems": problems,
        "note": "An account moved by hand stays where you put it when rules run.",
        "give_back": row.cause == "manual",
    }
    return render(request, "kinds/form.html", context, status=422 if problems or form.errors else 200)


def _seen(record_id: int, sent: QueryDict) -> dict[int, tuple[str | None, int | None]] | None:
    """Return where the account was when the form was shown, if the form says so."""
    if not sent.get("has_seen"):
        return None
    owner = sent.get("seen_owner", "")
    known = int(owner) if owner.isascii() and owner.isdigit() and len(owner) < 19 else None
    return {record_id: (sent.get("seen_territory") or None, known)}


@scoped("accounts", right=Right.ASSIGN)
def lock(request: WebRequest, record_id: int) -> HttpResponse:
    """Lock an account where it is, or unlock it."""
    row = one(scope.accounts(request.actor), pk=record_id)
    held = lists.account_lock(request.actor, record_id)
    if request.method == "POST" and request.POST.get("unlock") == "1":
        assign.unlock_account(request.services, request.actor, record_id)
        messages.success(request, f"{row.name} is unlocked.")
        return redirect("account", record_id)
    form = LockForm(
        request.POST or None, initial={"reason": held.reason, "until": held.until} if held else None
    )
    if request.method == "POST" and form.is_valid():
        try:
            assign.lock_account(request.services, request.actor, record_id, **form.cleaned_data)
        except InvalidInputError as error:
            for problem in error.problems:
                form.add_error(problem.where, f"{problem.message} {problem.fix}")
        else:
            messages.success(request, f"{row.name} is locked.")
            return redirect("account", record_id)
    context = {
        "title": f"Lock {row.name}",
        "lede": "A locked account keeps its territory and owner through rule runs, imports and moves.",
        "form": form,
        "back": reverse("account", args=[record_id]),
        "submit": "Lock",
        "lock": held,
    }
    return render(request, "kinds/form.html", context, status=422 if form.errors else 200)
