"""Pages of leads, opportunities, contacts and reps, and the edit and create forms of all records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from merestone.app import crm
from merestone.app.policy import Actor
from merestone.base.errors import ConflictError, InvalidInputError
from merestone.core.model.columns import TABLES
from merestone.db.queries import home, lists, scope
from merestone.web.facts import custom_facts, facts_of
from merestone.web.forms.actions import ActivityForm
from merestone.web.forms.record import initial_of, record_form
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import View, scoped
from merestone.web.views import why
from merestone.web.views.people_changes import load_on


@dataclass(frozen=True, slots=True)
class Record:
    """A kind of record with pages of its own.

    Parameters
    ----------
    route : str
        Name of its page's route; its list's route is ``table``.
    """

    table: str
    route: str
    singular: str
    rows: Callable[[Actor], QuerySet[Any]]


RECORDS = {
    record.route: record
    for record in (
        Record("accounts", "account", "account", scope.accounts),
        Record("leads", "lead", "lead", scope.leads),
        Record("opportunities", "opportunity", "opportunity", scope.opportunities),
        Record("contacts", "contact", "contact", scope.contacts),
        Record("reps", "rep", "rep", scope.reps),
    )
}


def edit(route: str) -> View:
    """Return the view that edits a record; a stale version shows both sides."""
    record = RECORDS[route]

    def change(request: WebRequest, record_id: int) -> HttpResponse:
        row = one(record.rows(request.actor), pk=record_id)
        form = record_form(record.table)(request.POST or None, initial=initial_of(row, record.table))
        context: dict[str, Any] = {
            "title": f"Edit {row}",
            "crumbs": [
                (TABLES[record.table].label, reverse(record.table)),
                (str(row), reverse(route, args=[record_id])),
            ],
            "form": form,
            "back": reverse(route, args=[record_id]),
            "links": [("Plan a departure", reverse("rep-changes", args=[record_id]) + "#departure")]
            if route == "rep"
            else [],
        }
        if request.method != "POST":
            return render(request, "kinds/form.html", context)
        if not form.is_valid():
            return render(request, "kinds/form.html", context, status=422)
        version = form.cleaned_data["version"] or 0
        try:
            changed = crm.update_record(
                request.services,
                request.actor,
                table=record.table,
                record_id=record_id,
                values=form.values,
                version=version,
            )
        except ConflictError as error:
            return _conflict(request, record, error, {**context, "version": row.version})
        except InvalidInputError as error:
            return render(request, "kinds/form.html", {**context, "problems": error.problems}, status=422)
        messages.success(request, "Saved." if changed else "Nothing differed, so nothing was saved.")
        return redirect(route, record_id)

    return scoped(record.table, right=crm.RIGHTS[record.table])(change)


def _conflict(
    request: WebRequest, record: Record, error: ConflictError, context: dict[str, Any]
) -> HttpResponse:
    """Show both values of each field; saving again is a decision, made on the newest version."""
    contract = TABLES[record.table]
    rows = [(contract[name].label, *sides) for name, sides in error.difference.items()]
    data = request.POST.copy()
    data["version"] = str(context["version"])
    form = record_form(record.table)(data)
    return render(request, "kinds/form.html", {**context, "form": form, "conflict": rows}, status=409)


def create(route: str) -> View:
    """Return the view that makes a record standing on its own."""
    record = RECORDS[route]

    def make(request: WebRequest) -> HttpResponse:
        form = record_form(record.table)(request.POST or None)
        context: dict[str, Any] = {
            "title": f"New {record.singular}",
            "crumbs": [(TABLES[record.table].label, reverse(record.table))],
            "form": form,
            "back": reverse(record.table),
            "submit": f"Create {record.singular}",
        }
        if request.method == "POST" and form.is_valid():
            try:
                made = crm.create_record(
                    request.services, request.actor, table=record.table, values=form.values
                )
            except InvalidInputError as error:
                return render(request, "kinds/form.html", {**context, "problems": error.problems}, status=422)
            messages.success(request, f"The {record.singular} is created.")
            is_seen = record.rows(request.actor).filter(pk=made).exists()
            return redirect(route, made) if is_seen else redirect(record.table)
        return render(request, "kinds/form.html", context, status=422 if form.errors else 200)

    return scoped(record.table, right=crm.RIGHTS[record.table])(make)


def _edit_url(request: WebRequest, route: str, record_id: int) -> str:
    can = request.actor.can(crm.RIGHTS[RECORDS[route].table])
    return reverse(f"{route}-edit", args=[record_id]) if can else ""


@scoped("leads")
def lead(request: WebRequest, record_id: int) -> HttpResponse:
    """Show a lead: what is known, who has it and why, what was done."""
    row = one(scope.leads(request.actor).select_related("account"), pk=record_id)
    history = list(lists.lead_history(request.actor, record_id))
    context = {
        "title": row.name,
        "crumbs": [("Leads", reverse("leads"))],
        "lead": row,
        "history": history,
        "current": next((item for item in history if item.valid_to is None and item.is_primary), None),
        "facts": facts_of(
            row, "leads", [name for name in TABLES["leads"].names if name not in ("name", "owner", "status")]
        ),
        "custom": custom_facts(row, "leads"),
        "activities": scope.activities(request.actor).filter(lead_id=record_id).order_by("-occurs_at")[:20],
        "activity_form": ActivityForm(initial={"occurs_at": request.services.clock.now()}),
        "edit_url": _edit_url(request, "lead", record_id),
        **why.panel(request, "leads", record_id),
    }
    return render(request, "pages/lead.html", context)


@scoped("opportunities")
def opportunity(request: WebRequest, record_id: int) -> HttpResponse:
    """Show an opportunity with its stage history."""
    row = one(scope.opportunities(request.actor), pk=record_id)
    context = {
        "title": str(row),
        "crumbs": [("Opportunities", reverse("opportunities"))],
        "opportunity": row,
        "facts": facts_of(
            row, "opportunities", [name for name in TABLES["opportunities"].names if name != "name"]
        ),
        "stages": lists.stage_changes(request.actor, record_id),
        "activities": scope.activities(request.actor).filter(opportunity_id=record_id)[:20],
        "edit_url": _edit_url(request, "opportunity", record_id),
    }
    return render(request, "pages/opportunity.html", context)


@scoped("contacts")
def contact(request: WebRequest, record_id: int) -> HttpResponse:
    """Show a contact."""
    row = one(scope.contacts(request.actor), pk=record_id)
    context = {
        "title": str(row),
        "crumbs": [("Contacts", reverse("contacts"))],
        "facts": facts_of(row, "contacts", TABLES["contacts"].names),
        "edit_url": _edit_url(request, "contact", record_id),
        "lede": f"{row.title} at {row.account}" if row.title else f"At {row.account}",
    }
    return render(request, "kinds/detail.html", context)


@scoped("reps")
def rep(request: WebRequest, record_id: int) -> HttpResponse:
    """Show a rep: territories, load against capacity, what they know."""
    row = one(scope.reps(request.actor).select_related("manager"), pk=record_id)
    accounts = home.owned_accounts(request.actor, record_id)
    load = home.load_of(accounts)
    hours = float(load["workload"] or 0)
    context = {
        "title": row.name,
        "crumbs": [("Reps", reverse("reps"))],
        "rep": row,
        "facts": facts_of(
            row,
            "reps",
            [
                name
                for name in TABLES["reps"].names
                if name not in ("name", "home_latitude", "home_longitude")
            ],
        ),
        "memberships": home.memberships_of(request.actor, record_id),
        "load": load,
        "top": accounts.order_by("-potential", "pk")[:8],
        "activities": scope.activities(request.actor).filter(rep_id=record_id).order_by("-occurs_at")[:8],
        "edit_url": _edit_url(request, "rep", record_id),
        **load_on(request, row, hours),
    }
    return render(request, "pages/rep.html", context)
