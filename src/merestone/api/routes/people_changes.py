"""Leave, cover, ramps and departures."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpResponse
from ninja import Path, Query, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.errors import not_there
from merestone.api.plain import answer
from merestone.api.records import etag, wanted_version
from merestone.api.routing import operation
from merestone.api.schemas import Body, Key, Text
from merestone.app import people_changes as changes
from merestone.app.policy import Right
from merestone.db.queries import people_changes as queries
from merestone.db.queries import scope

Id = Path(..., ge=0, le=2**63 - 1, description="Key of the record.")
OtherId = Path(..., ge=0, le=2**63 - 1, description="Key of the leave or cover.")
CHANGE = Right.MANAGE_MEMBERS
MAX_LINES = 1000
LINE = (
    "id", "kind", "account_id", "lead_id", "opportunity_id", "activity_id", "territory_id", "name", "place", "workload_hours",
    "potential", "n_open", "successor_id", "suggested_id", "runner_up_id", "points", "runner_up_points", "why", "why_not",
    "is_by_hand",
)  # fmt: skip


class NewLeave(Body):
    """Days away."""

    first_day: date
    last_day: date
    starts_at_noon: bool = Field(False, description="The morning of the first day is worked.")
    ends_at_noon: bool = Field(False, description="The afternoon of the last day is worked.")
    reason: Text = Field("", max_length=200)
    cover: Key | None = Field(None, description="Rep who stands in on these days.")
    merge: bool = Field(
        False, description="Make one leave of this and what it touches; else overlaps are refused."
    )


class NewCover(Body):
    """Who stands in."""

    cover: Key = Field(description="Rep who stands in.")
    first_day: date
    last_day: date | None = Field(None, description="Null: until it is ended.")
    accounts: list[Key] = Field(
        [], max_length=1000, description="Only these; empty: all accounts of the rep."
    )
    reason: Text = Field("", max_length=200)


class Ramp(Body):
    """Since when, and how long until full load."""

    hired_on: date | None
    ramp_weeks: int | None = Field(ge=0, le=260, description="Null: full load at once.")


class NewDeparture(Body):
    """The last day."""

    last_day: date
    note: Text = Field("", max_length=2000)
    deactivates: bool = Field(False, description="End the user's sign-in with that day; needs manage-users.")


class Choice(Body):
    """Who takes over which lines."""

    lines: list[Key] = Field(min_length=1, max_length=50_000)
    successor: Key | None = Field(None, description="Rep; null: nobody, the unassigned queue.")
    suggested: bool = Field(
        False, description="True: whoever is suggested for each; `successor` is not read then."
    )


class Confirm(Body):
    """What was looked at."""

    fingerprint: Text | None = Field(None, max_length=64, description="Of the plan that was looked at.")


class LeaveOut(Schema):
    """One stretch of leave."""

    id: int
    starts_on: date
    ends_on: date = Field(description="First day back.")
    starts_at_noon: bool
    ends_at_noon: bool
    reason: str = Field(description="Empty for those who may not read it.")


class CoverOut(Schema):
    """Somebody stands in for a rep."""

    id: int
    rep_id: int
    cover_id: int
    account_id: int | None = Field(description="Null: all accounts of the rep.")
    starts_on: date
    ends_on: date | None = Field(description="First day without; null: until it is ended.")
    reason: str


class ChangesOut(Schema):
    """What changes about a rep."""

    hired_on: date | None
    ramp_weeks: int | None
    left_on: date | None = Field(description="First day no longer with the company.")
    leave: list[LeaveOut]
    covers: list[CoverOut]
    stands_in: list[CoverOut]
    departures: list[int]


class BalanceOut(Schema):
    """Somebody's load in hours a year before and after."""

    rep_id: int
    name: str
    accounts: int
    leads: int
    before: float
    after: float
    capacity: float | None = Field(description="Ramp and leave counted; null: not known.")
    use_before: float | None
    use_after: float | None


class DepartureOut(Schema):
    """A departure with what its plan comes to."""

    id: int
    rep_id: int
    last_day: date
    state: str
    note: str
    deactivates: bool
    version: int
    fingerprint: str = Field(description="Of what the plan was made from.")
    is_fresh: bool = Field(description="False: what the rep has changed since; make the plan anew.")
    lines: dict[str, int] = Field(description="By kind.")
    queued: int = Field(description="Accounts nobody takes over.")
    balances: list[BalanceOut]
    counts: dict[str, Any] = Field(description="What changed hands, once it is done.")


class LinePage(Schema):
    """Lines of a plan."""

    items: list[dict[str, Any]]
    next: int | None = Field(description="Send it as `after` for the next page.")


class DepartureState(Schema):
    """Where a departure stands."""

    id: int
    state: str
    counts: dict[str, Any] = {}


def _rep(request: ApiRequest, rep_id: int) -> Any:
    return scope.reps(request.actor).filter(pk=rep_id).first()


def _cover(row: Any) -> dict[str, Any]:
    names = ("id", "rep_id", "cover_id", "account_id", "starts_on", "ends_on")
    return {name: getattr(row, name) for name in names} | {"reason": row.said}


@operation("GET", "/reps/{int:record_id}/changes", scope="reps", summary="Read what changes about a rep",
           response=ChangesOut, errors=(404,))  # fmt: skip
def rep_changes(request: ApiRequest, record_id: int = Id) -> HttpResponse:
    """Return leave, cover, ramp and departures of a rep you see."""
    row = _rep(request, record_id)
    if row is None:
        return not_there()
    names = ("id", "starts_on", "ends_on", "starts_at_noon", "ends_at_noon")
    leave: Any = queries.leave(request.actor).filter(rep_id=record_id).order_by("starts_on", "id")
    covers: Any = queries.covers(request.actor).order_by("starts_on", "id")
    return answer(
        {
            **{name: getattr(row, name) for name in ("hired_on", "ramp_weeks", "left_on")},
            "leave": [{name: getattr(one, name) for name in names} | {"reason": one.said} for one in leave],
            "covers": [_cover(one) for one in covers.filter(rep_id=record_id)],
            "stands_in": [_cover(one) for one in covers.filter(cover_id=record_id)],
            "departures": list(
                queries.departures(request.actor).filter(rep_id=record_id).values_list("pk", flat=True)
            ),
        }
    )


@operation("POST", "/reps/{int:record_id}/leave", scope="reps", right=CHANGE, summary="Enter leave",
           response={201: dict[str, Any]}, errors=(404, 422))  # fmt: skip
def enter_leave(request: ApiRequest, body: NewLeave, record_id: int = Id) -> HttpResponse:
    """Enter days away: out of rotation, still owner. Answers with its id, the days, and warnings."""
    if _rep(request, record_id) is None:
        return not_there()
    return answer(
        changes.enter_leave(request.services, request.actor, record_id, **body.model_dump()), status=201
    )


@operation("DELETE", "/reps/{int:record_id}/leave/{int:other_id}", scope="reps", right=CHANGE, summary="Take leave back",
           response={204: None}, errors=(404,))  # fmt: skip
def cancel_leave(request: ApiRequest, record_id: int = Id, other_id: int = OtherId) -> HttpResponse:
    """Take leave back; cover stays until it is ended."""
    if _rep(request, record_id) is None:
        return not_there()
    changes.cancel_leave(request.services, request.actor, other_id, rep_id=record_id)
    return HttpResponse(status=204)


@operation("POST", "/reps/{int:record_id}/covers", scope="reps", right=CHANGE, summary="Enter cover",
           response={201: dict[str, Any]}, errors=(404, 422))  # fmt: skip
def start_cover(request: ApiRequest, body: NewCover, record_id: int = Id) -> HttpResponse:
    """Have somebody see and work what a rep owns, for some days; the rep stays owner."""
    if _rep(request, record_id) is None:
        return not_there()
    return answer(
        changes.start_cover(request.services, request.actor, record_id, **body.model_dump()), status=201
    )


@operation("DELETE", "/reps/{int:record_id}/covers/{int:other_id}", scope="reps", right=CHANGE, summary="End cover",
           response={204: None}, errors=(404,))  # fmt: skip
def end_cover(request: ApiRequest, record_id: int = Id, other_id: int = OtherId) -> HttpResponse:
    """End cover today; what has not begun is taken back."""
    if _rep(request, record_id) is None:
        return not_there()
    changes.end_cover(request.services, request.actor, other_id, rep_id=record_id)
    return HttpResponse(status=204)


@operation("PUT", "/reps/{int:record_id}/ramp", scope="reps", right=CHANGE, summary="Set a joiner's ramp",
           response=dict[str, Any], errors=(404, 422))  # fmt: skip
def set_ramp(request: ApiRequest, body: Ramp, record_id: int = Id) -> HttpResponse:
    """Say when a rep joined and how many weeks the way to full load takes; answers with today's share."""
    if _rep(request, record_id) is None:
        return not_there()
    return answer(changes.set_ramp(request.services, request.actor, record_id, **body.model_dump()))


@operation("POST", "/reps/{int:record_id}/departure", scope="reps", right=CHANGE, summary="Plan a departure",
           response={201: DepartureOut}, errors=(404, 409, 422))  # fmt: skip
def plan_departure(request: ApiRequest, body: NewDeparture, record_id: int = Id) -> HttpResponse:
    """Make the plan of who takes over what, or make it anew; nothing changes hands yet."""
    if _rep(request, record_id) is None:
        return not_there()
    made = changes.plan_departure(request.services, request.actor, record_id, **body.model_dump())
    return _departure(request, made, status=201)


@operation("GET", "/departures/{int:record_id}", scope="reps", right=CHANGE, summary="Read a departure",
           response=DepartureOut, errors=(404,))  # fmt: skip
def departure(request: ApiRequest, record_id: int = Id) -> HttpResponse:
    """Return a departure, what its plan comes to, and everybody's load before and after."""
    return _departure(request, record_id)


def _departure(request: ApiRequest, record_id: int, *, status: int = 200) -> HttpResponse:
    if not queries.departures(request.actor).filter(pk=record_id).exists():
        return not_there()
    plan = changes.show(request.services, request.actor, record_id)
    names = ("id", "rep_id", "last_day", "state", "note", "deactivates", "version", "fingerprint", "counts")
    told = {name: getattr(plan.row, name) for name in names} | {
        "is_fresh": plan.is_fresh,
        "lines": dict(plan.counts),
        "queued": plan.queued,
        "balances": [one.as_dict() for one in plan.balances],
    }
    headers = {"ETag": etag(plan.row.version)}
    if status == 201:
        headers["Location"] = f"/api/v1/departures/{record_id}"
    return answer(told, status=status, headers=headers)


@operation("GET", "/departures/{int:record_id}/lines", scope="reps", right=CHANGE, summary="Read the lines of a plan",
           response=LinePage, errors=(404,))  # fmt: skip
def departure_lines(
    request: ApiRequest,
    record_id: int = Id,
    kind: str | None = Query(
        None, max_length=20, description="Only accounts, leads, opportunities, activities or territories."
    ),
    after: int = Query(0, ge=0, le=2**63 - 1, description="`next` of the page before."),
    limit: int = Query(200, ge=1, le=MAX_LINES, description="Page size."),
) -> HttpResponse:
    """Return who takes over what, with reasons, line by line."""
    if not queries.departures(request.actor).filter(pk=record_id).exists():
        return not_there()
    rows = queries.handovers(request.actor).filter(departure_id=record_id, pk__gt=after).order_by("pk")
    if kind is not None:
        rows = rows.filter(kind=kind.replace("\x00", ""))
    items: list[dict[str, Any]] = list(rows.values(*LINE)[: limit + 1])
    more = len(items) > limit
    return answer({"items": items[:limit], "next": items[limit - 1]["id"] if more else None})


@operation("POST", "/departures/{int:record_id}/choose", scope="reps", right=CHANGE, summary="Choose who takes over",
           response=DepartureOut, errors=(404, 409, 412, 422, 428))  # fmt: skip
def choose(request: ApiRequest, body: Choice, record_id: int = Id) -> HttpResponse:
    """Change by hand who takes over lines of a plan, before it is applied."""
    if not queries.departures(request.actor).filter(pk=record_id).exists():
        return not_there()
    version = wanted_version(request)
    if body.suggested:
        changes.take_suggestions(
            request.services, request.actor, record_id, lines=body.lines, version=version
        )
    else:
        changes.choose(
            request.services,
            request.actor,
            record_id,
            lines=body.lines,
            successor=body.successor,
            version=version,
        )
    return _departure(request, record_id)


@operation("POST", "/departures/{int:record_id}/confirm", scope="reps", right=CHANGE, summary="Apply or schedule a departure",
           response=DepartureState, errors=(404, 409, 412, 422, 428))  # fmt: skip
def confirm(request: ApiRequest, body: Confirm, record_id: int = Id) -> HttpResponse:
    """Carry out a plan in one transaction, or have the worker do it when the last day is over."""
    if not queries.departures(request.actor).filter(pk=record_id).exists():
        return not_there()
    version = wanted_version(request)
    return answer(
        changes.confirm(
            request.services, request.actor, record_id, fingerprint=body.fingerprint, version=version
        )
    )


@operation("POST", "/departures/{int:record_id}/undo", scope="reps", right=CHANGE, summary="Undo a planned departure",
           response=DepartureState, errors=(404, 409, 412, 428))  # fmt: skip
def undo_departure(request: ApiRequest, record_id: int = Id) -> HttpResponse:
    """Take back a departure that is planned or scheduled."""
    if not queries.departures(request.actor).filter(pk=record_id).exists():
        return not_there()
    return answer(changes.undo(request.services, request.actor, record_id, version=wanted_version(request)))
