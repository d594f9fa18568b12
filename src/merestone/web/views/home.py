"""The start page of each role: what needs attention first, each figure a link to its records."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from merestone.app import report
from merestone.app.policy import Right
from merestone.db.queries import guidelines, lists, people_changes, scope
from merestone.db.queries import home as queries
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.views.attainment import attainment
from merestone.web.views.periods import quarter_start

SHOWN = 6
MEASURES = (
    ("accounts", "Accounts"),
    ("potential", "Potential"),
    ("workload_hours", "Workload"),
    ("revenue", "Revenue"),
)


@scoped("own")
def home(request: WebRequest) -> HttpResponse:
    """Show what the actor's role needs first."""
    role = request.actor.role
    if role == "rep":
        return render(request, "pages/home_rep.html", _rep(request))
    if role == "manager":
        return render(request, "pages/home_manager.html", _manager(request))
    if role == "integration":
        return render(request, "pages/home_integration.html", {"title": "Integration"})
    return render(request, "pages/home_planner.html", _planner(request))


def greeting(request: WebRequest) -> str:
    """Return the words at the top, by the hour where the person is."""
    hour = timezone.localtime().hour
    part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    return f"Good {part}, {str(request.user).split()[0]}"


def _planner(request: WebRequest) -> dict[str, Any]:
    actor = request.actor
    model = queries.active_model()
    claims = scope.claims(actor).filter(state="open")
    accounts = scope.accounts(actor).count()
    gaps = queries.data_gaps(actor)
    return {
        "title": greeting(request),
        "lede": f"{model.name} is the active territory model."
        if model
        else "No territory model is active yet.",
        "model": model,
        "n_accounts": accounts,
        "n_queue": scope.queue(actor).count(),
        "n_stale": scope.stale_leads(actor).count(),
        "n_claims": claims.count(),
        "claims": claims.order_by("due_on", "id")[:SHOWN],
        "vacant": queries.vacant_nodes(actor),
        "queue": scope.queue(actor).order_by("-potential", "pk")[:SHOWN],
        "gaps": _gap_lines(gaps, accounts),
        "imports": lists.imports(actor)[:4],
        "n_users": lists.users(actor).filter(is_active=True).count()
        if actor.can(Right.MANAGE_USERS)
        else None,
        "goals": attainment(request.services, actor, names=queries.territory_names(actor)),
        **_balance(request),
    }


def _gap_lines(gaps: dict[str, int], accounts: int) -> list[dict[str, Any]]:
    """Return what accounts lack, each with the list that shows them."""
    told = (
        ("location", "No location", "latitude.empty=yes"),
        ("industry", "No industry", "industry.empty=yes"),
        ("potential", "No potential", "potential.empty=yes"),
        ("workload", "No workload", "workload_hours.empty=yes"),
        ("employees", "No headcount", "employees.empty=yes"),
    )
    return [
        {
            "label": label,
            "n": gaps[name],
            "share": gaps[name] / accounts if accounts else 0,
            "url": f"{reverse('accounts')}?{query}",
        }
        for name, label, query in told
    ]


def _balance(request: WebRequest) -> dict[str, Any]:
    """Return how evenly the visible territories are loaded, and the most and the least loaded."""
    balance = report.balance_report(request.services, request.actor)
    names = queries.territory_names(request.actor)
    rows = [row for row in balance.table.to_pylist() if row["territory"] is not None]
    for row in rows:
        row["name"] = names.get(row["territory"], row["territory"])
        row["share"] = (row["workload_hours_index"] or 0) / 200
    rows.sort(key=lambda row: -(row["workload_hours_index"] or 0))
    spreads = [(label, balance.spreads[name]) for name, label in MEASURES if name in balance.spreads]
    return {"territories": rows, "ends": rows if len(rows) <= 8 else rows[:4] + rows[-4:], "spreads": spreads}


def _manager(request: WebRequest) -> dict[str, Any]:
    actor, since = request.actor, quarter_start(timezone.localdate())
    places = queries.pipeline_by_territory(actor, since=since)
    names = queries.territory_names(actor)
    goals = attainment(request.services, actor, names=names)
    for place in places:
        place["name"] = names.get(place["key"], place["place"])
        place["won"] = goals.won.get(place["key"], place["won"])
    largest = max((float(place["open"] or 0) for place in places), default=0.0)
    for place in places:
        place["share"] = float(place["open"] or 0) / largest if largest else 0
    load = queries.load_of(scope.accounts(actor))
    return {
        "title": greeting(request),
        "lede": f"Your territories since {since:%-d %B}.",
        "places": places,
        "load": load,
        "n_queue": scope.queue(actor).count(),
        "n_stale": scope.stale_leads(actor).count(),
        "goals": goals,
        "open": sum(place["open"] or 0 for place in places),
        "n_open": sum(place["n_open"] for place in places),
        "team": queries.team_figures(actor, since=since),
        "away": people_changes.away(actor, until=timezone.localdate() + timedelta(days=14)),
        "covers": people_changes.covers_soon(actor, days=14),
        "claims": scope.claims(actor).filter(state="open")[:SHOWN],
        "vacant": queries.vacant_nodes(actor),
        **_to_read(request),
        **_balance(request),
    }


def _to_read(request: WebRequest) -> dict[str, Any]:
    """Return what the actor has yet to read and to learn."""
    papers = guidelines.concerning(request.actor)
    return {
        "to_read": [paper for paper in papers if paper.is_open][:SHOWN],
        "to_learn": guidelines.to_do(request.actor)[:SHOWN],
    }


def _rep(request: WebRequest) -> dict[str, Any]:
    actor, now = request.actor, timezone.localtime()
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
    start = datetime.combine(now.date(), time(), now.tzinfo)
    due = list(queries.due_activities(actor, until=midnight)[:60])
    mine = queries.owned_accounts(actor, actor.rep_id)
    me = scope.reps(actor).filter(pk=actor.rep_id or 0).first()
    leads = queries.new_leads(actor)
    neglected = queries.neglected_accounts(actor)
    renewals = queries.renewals(actor)
    return {
        "title": greeting(request),
        "lede": f"{now:%A, %-d %B}.",
        "overdue": [one for one in due if one.occurs_at < start],
        "today": [one for one in due if one.occurs_at >= start],
        "leads": leads[:SHOWN],
        "n_leads": leads.count(),
        "renewals": renewals[:SHOWN],
        "n_renewals": renewals.count(),
        "neglected": neglected[:SHOWN],
        "n_neglected": neglected.count(),
        "load": queries.load_of(mine),
        "has_rep": actor.rep_id is not None,
        "standing_in": people_changes.standing_in(actor),
        "mine_url": f"{reverse('accounts')}?{urlencode({'owner': me.name if me else ''})}",
        **_to_read(request),
        **_own_pipeline(request),
    }


def _own_pipeline(request: WebRequest) -> dict[str, Any]:
    since = quarter_start(timezone.localdate())
    own = [
        row
        for row in queries.team_figures(request.actor, since=since)
        if row["owner_id"] == request.actor.rep_id
    ]
    return {"pipeline": own[0] if own else {"open": 0, "n_open": 0, "won": 0}}
