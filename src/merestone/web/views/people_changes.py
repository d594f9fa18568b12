"""Changes of people: a rep's leave, cover, ramp and departure, and the calendar of them all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from merestone.app import people_changes as changes
from merestone.app.policy import Right
from merestone.base.errors import ConflictError, InvalidInputError, Problem
from merestone.core.routing.ramp import full_from, ramp_share
from merestone.db.queries import people_changes as queries
from merestone.db.queries import scope
from merestone.web.forms.people_changes import CoverForm, DepartureForm, LeaveForm, RampForm
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import View, scoped

WEEKS = (4, 8, 13, 26)
COUNTED = ("accounts", "leads", "opportunities", "activities", "queued", "memberships", "reports", "covers")


def _forms(request: WebRequest, row: Any, *, data: Any = None, only: str = "") -> dict[str, Any]:
    """Return the forms of the page, the one that was sent with what was typed."""

    def sent(name: str) -> Any:
        return data if name == only else None

    ramp = {"hired_on": row.hired_on, "ramp_weeks": row.ramp_weeks}
    who = {"actor": request.actor, "besides": row.pk}
    return {
        "leave": LeaveForm(sent("leave"), auto_id="leave_%s", **who),
        "cover": CoverForm(sent("cover"), auto_id="cover_%s", **who),
        "ramp": RampForm(sent("ramp"), auto_id="ramp_%s", initial=ramp),
        "departure": DepartureForm(sent("departure"), auto_id="departure_%s"),
    }


def _page(
    request: WebRequest,
    row: Any,
    *,
    made: dict[str, Any],
    problems: list[Problem] | None = None,
    only: str = "",
) -> HttpResponse:
    today = request.services.clock.today()
    actor = request.actor
    leave = queries.leave(actor).filter(rep_id=row.pk).order_by("-starts_on", "-id")
    covers = queries.covers(actor).filter(rep_id=row.pk).order_by("-starts_on", "-id")
    given = queries.covers(actor).filter(cover_id=row.pk).order_by("-starts_on", "-id")
    departures = list(queries.departures(actor).filter(rep_id=row.pk)[:5])
    until = full_from(row.hired_on, row.ramp_weeks)
    context = {
        "title": "Changes",
        "crumbs": [("Reps", reverse("reps")), (row.name, reverse("rep", args=[row.pk]))],
        "lede": f"Leave, cover, ramp and departure of {row.name}.",
        "rep": row,
        "today": today,
        "leave": _with_last_day(leave[:20]),
        "covers": _with_last_day(covers[:20]),
        "given": _with_last_day(given[:20]),
        "departures": departures,
        "open": next((one for one in departures if one.state in queries.OPEN), None),
        "share": float(ramp_share(row.hired_on, row.ramp_weeks, today)),
        "full_from": until if until is not None and until > today else None,
        "may_change": queries.managed_reps(actor).filter(pk=row.pk).exists(),
        "form_of": made,
        "problems": problems or [],
        "problem_at": only,
    }
    return render(request, "people_changes/rep.html", context, status=422 if only else 200)


def _with_last_day(rows: Any) -> list[Any]:
    """Return the rows, each knowing its last day: people say "to Friday", the database keeps the first day after."""
    found = list(rows)
    for row in found:
        row.last_day = None if row.ends_on is None else row.ends_on - timedelta(days=1)
    return found


@scoped("reps")
@require_safe
def rep_changes(request: WebRequest, record_id: int) -> HttpResponse:
    """Show what changes about a rep, and the forms to change it."""
    row = one(scope.reps(request.actor), pk=record_id)
    return _page(request, row, made=_forms(request, row))


def _changing(name: str, run: Callable[[WebRequest, Any, dict[str, Any]], str | HttpResponse]) -> View:
    """Return the view that takes one form of the page: does it, or shows the page again with every problem."""

    @require_POST
    def change(request: WebRequest, record_id: int) -> HttpResponse:
        row = one(scope.reps(request.actor), pk=record_id)
        made = _forms(request, row, data=request.POST, only=name)
        form: forms.Form = made[name]
        if not form.is_valid():
            return _page(request, row, made=made, only=name)
        try:
            done = run(request, row, form.cleaned_data)
        except InvalidInputError as error:
            return _page(request, row, made=made, problems=error.problems, only=name)
        except ConflictError as error:
            problem = Problem(error.code, error.message, error.fix)
            return _page(request, row, made=made, problems=[problem], only=name)
        if isinstance(done, HttpResponse):
            return done
        messages.success(request, done)
        return redirect("rep-changes", record_id)

    return scoped("reps", right=Right.MANAGE_MEMBERS)(change)


def _leave(request: WebRequest, row: Any, data: dict[str, Any]) -> str:
    done = changes.enter_leave(request.services, request.actor, row.pk, **data)
    for warning in done["warnings"]:
        messages.warning(request, warning)
    return f"{row.name} is away for {done['days']:g} day{'s' if done['days'] != 1 else ''}."


def _cover(request: WebRequest, row: Any, data: dict[str, Any]) -> str:
    done = changes.start_cover(request.services, request.actor, row.pk, **data)
    for warning in done["warnings"]:
        messages.warning(request, warning)
    return f"Somebody stands in for {row.name}."


def _ramp(request: WebRequest, row: Any, data: dict[str, Any]) -> str:
    done = changes.set_ramp(request.services, request.actor, row.pk, **data)
    return f"{row.name} carries {done['share']:.0%} of a full load today."


def _depart(request: WebRequest, row: Any, data: dict[str, Any]) -> HttpResponse:
    made = changes.plan_departure(request.services, request.actor, row.pk, **data)
    messages.success(request, "The plan is made. Nothing changes hands before you apply it.")
    return redirect("departure", made)


enter_leave = _changing("leave", _leave)
start_cover = _changing("cover", _cover)
set_ramp = _changing("ramp", _ramp)
plan_departure = _changing("departure", _depart)


@scoped("reps", right=Right.MANAGE_MEMBERS)
@require_POST
def cancel_leave(request: WebRequest, record_id: int, leave_id: int) -> HttpResponse:
    """Take leave back."""
    row = one(scope.reps(request.actor), pk=record_id)
    changes.cancel_leave(request.services, request.actor, leave_id, rep_id=row.pk)
    messages.success(request, "The leave is taken back.")
    return redirect("rep-changes", record_id)


@scoped("reps", right=Right.MANAGE_MEMBERS)
@require_POST
def end_cover(request: WebRequest, record_id: int, cover_id: int) -> HttpResponse:
    """End cover today."""
    row = one(scope.reps(request.actor), pk=record_id)
    changes.end_cover(request.services, request.actor, cover_id, rep_id=row.pk)
    messages.success(request, "The cover is ended.")
    return redirect("rep-changes", record_id)


@scoped("reps", right=Right.MANAGE_MEMBERS)
@require_safe
def departure_page(request: WebRequest, record_id: int) -> HttpResponse:
    """Show the plan of a departure: who takes over what, and what it does to their load."""
    row = one(queries.departures(request.actor), pk=record_id)
    plan = changes.show(request.services, request.actor, row.pk)
    people = plan.people
    context = {
        "title": f"Departure of {plan.rep.name}",
        "crumbs": [("Reps", reverse("reps")), (plan.rep.name, reverse("rep", args=[plan.rep.id])), ("Changes", reverse("rep-changes", args=[plan.rep.id]))],
        "plan": plan,
        "row": plan.row,
        "counts": plan.counts,
        "n_loose": plan.counts.get("opportunities", 0) + plan.counts.get("activities", 0),
        "lines_url": f"{reverse('handovers')}?departure={row.pk}",
        "territories": [
            (line, people.get(line.successor or 0)) for line in plan.lines if line.kind == "territories"
        ],
        "counted": COUNTED,
        "is_past": plan.row.last_day < request.services.clock.today(),
        "day_after": plan.row.last_day + timedelta(days=1),
        "form": DepartureForm(
            initial={"last_day": plan.row.last_day, "note": plan.row.note, "deactivates": plan.row.deactivates}
        ),
    }  # fmt: skip
    return render(request, "people_changes/departure.html", context)


@scoped("reps", right=Right.MANAGE_MEMBERS)
@require_POST
def departure_apply(request: WebRequest, record_id: int) -> HttpResponse:
    """Apply a plan as it was looked at, or schedule it for the end of the last day."""
    row = one(queries.departures(request.actor), pk=record_id)
    done = changes.confirm(
        request.services,
        request.actor,
        row.pk,
        fingerprint=request.POST.get("fingerprint", ""),
        version=_whole(request.POST.get("version")),
    )
    if done["state"] == "scheduled":
        messages.success(request, "It is scheduled for the end of the last day. Until then it can be undone.")
    else:
        messages.success(request, f"{done['counts'].get('accounts', 0):,} accounts changed hands.")
    return redirect("departure", record_id)


@scoped("reps", right=Right.MANAGE_MEMBERS)
@require_POST
def departure_again(request: WebRequest, record_id: int) -> HttpResponse:
    """Make a plan anew; what was chosen by hand stays."""
    row = one(queries.departures(request.actor), pk=record_id)
    form = DepartureForm(request.POST)
    if not form.is_valid():
        raise Http404
    changes.plan_departure(request.services, request.actor, row.rep_id, **form.cleaned_data)
    messages.success(request, "The plan is made anew. What you chose by hand stays.")
    return redirect("departure", record_id)


@scoped("reps", right=Right.MANAGE_MEMBERS)
@require_POST
def departure_undo(request: WebRequest, record_id: int) -> HttpResponse:
    """Take a planned or scheduled departure back."""
    row = one(queries.departures(request.actor), pk=record_id)
    changes.undo(request.services, request.actor, row.pk, version=_whole(request.POST.get("version")))
    messages.success(request, f"{row.rep.name} stays. Nothing changed hands.")
    return redirect("rep-changes", row.rep_id)


@scoped("reps", right=Right.ASSIGN)
@require_safe
def calendar(request: WebRequest) -> HttpResponse:
    """Show who is away, covered or leaves, week by week."""
    today = request.services.clock.today()
    try:
        first = date.fromisoformat(request.GET.get("from", ""))
    except ValueError:
        first = today
    first = max(date(1900, 1, 1), min(first, date(9000, 1, 1)))
    first -= timedelta(days=first.weekday())
    weeks = _whole(request.GET.get("weeks")) or WEEKS[1]
    weeks = weeks if weeks in WEEKS else WEEKS[1]
    last = first + timedelta(days=7 * weeks - 1)
    rows = queries.calendar(request.actor, first, last)
    context = {
        "title": "People calendar",
        "lede": "Who is away, who stands in, who leaves.",
        "rows": [_calendar_line(row, first, last) for row in rows],
        "first": first,
        "last": last,
        "n_days": 7 * weeks,
        "weeks": weeks,
        "choices": WEEKS,
        "heads": [(7 * n, first + timedelta(days=7 * n)) for n in range(weeks)],
        "today_at": (today - first).days if first <= today <= last else None,
        "previous": first - timedelta(days=7 * weeks),
        "next": last + timedelta(days=1),
    }
    return render(request, "people_changes/calendar.html", context)


def _calendar_line(row: dict[str, Any], first: date, last: date) -> dict[str, Any]:
    """Return a person's line: bars in days from the first, and the same in words."""
    bars = []
    for one_ in row["leave"]:
        half = one_.starts_at_noon * 0.5, one_.ends_at_noon * 0.5
        bars.append(
            _bar("leave", one_.starts_on, one_.ends_on, first, last, half=half)
            | {"words": "Away", "row": one_}
        )
    for one_ in row["covers"]:
        what = one_.account.name if one_.account else "all accounts"
        bars.append(
            _bar("cover", one_.starts_on, one_.ends_on, first, last)
            | {"words": f"{one_.cover.name} stands in ({what})", "row": one_}
        )
    bars += [
        _bar("given", one_.starts_on, one_.ends_on, first, last)
        | {"words": f"Stands in for {one_.rep.name}", "row": one_}
        for one_ in row["given"]
    ]
    for one_ in row["departures"]:
        day = one_.last_day
        bars.append(
            _bar("leaves", day, day + timedelta(days=1), first, last)
            | {"words": f"Last day ({one_.state})", "row": one_}
        )
    for place, bar in enumerate(bars):
        bar["y"] = 3 + 11 * place
    return {"rep": row["rep"], "bars": bars, "height": 4 + 11 * len(bars)}


def _bar(
    kind: str,
    starts: date,
    ends: date | None,
    first: date,
    last: date,
    *,
    half: tuple[float, float] = (0.0, 0.0),
) -> dict[str, Any]:
    start = max((starts - first).days + half[0], 0.0)
    end = (
        (last - first).days + 1.0
        if ends is None
        else min((ends - first).days - half[1], (last - first).days + 1.0)
    )
    return {
        "kind": kind,
        "x": f"{start:g}",
        "width": f"{max(end - start, 0.5):g}",
        "starts": starts,
        "last_day": None if ends is None else ends - timedelta(days=1),
    }


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def load_on(request: WebRequest, row: Any, hours: float) -> dict[str, Any]:
    """Return what a rep's page says of load and presence: capacity on the way to full load, leave, cover."""
    today = request.services.clock.today()
    until = full_from(row.hired_on, row.ramp_weeks)
    ramp = float(ramp_share(row.hired_on, row.ramp_weeks, today))
    capacity = None if row.capacity_hours is None else row.capacity_hours * ramp
    soon = today + timedelta(days=28)
    now = (
        queries.covers(request.actor)
        .filter(starts_on__lt=soon)
        .exclude(ends_on__lte=today)
        .order_by("starts_on")
    )
    return {
        "today": today,
        "ramp": ramp,
        "full_from": until if until is not None and until > today else None,
        "capacity": capacity,
        "use": hours / capacity if capacity else None,
        "away": list(
            queries.leave(request.actor)
            .filter(rep_id=row.pk, ends_on__gt=today, starts_on__lt=soon)
            .order_by("starts_on")[:3]
        ),
        "covered_by": list(now.filter(rep_id=row.pk)[:3]),
        "covering": list(now.filter(cover_id=row.pk)[:3]),
    }
