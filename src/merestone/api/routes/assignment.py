"""Assignment: rule runs, moves by hand, explanations, routing of leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from ninja import Path, Query, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.errors import not_there
from merestone.api.plain import answer
from merestone.api.records import row_of
from merestone.api.resources import RESOURCES
from merestone.api.routing import operation
from merestone.api.schemas import Body, Key, Text
from merestone.app import assign, explain, jobs, route
from merestone.app.policy import Right
from merestone.base.errors import InvalidInputError, Problem

Id = Path(..., ge=0, le=2**63 - 1, description="Key of the record.")
WHY_NOT = Query(
    None, max_length=200, description="Key of a territory: what would have to change for it to win."
)


class RunRules(Body):
    """Which accounts to match, and how."""

    ids: list[Key] | None = Field(
        None, max_length=10_000, description="Only these accounts; default all you see."
    )
    background: bool = Field(False, description="True: a job does it; the answer is 202 with the job.")


class RunDone(Schema):
    """What a rule run did."""

    accounts: int = Field(description="Accounts looked at.")
    changed: int = Field(description="Places that changed.")
    queued: int = Field(description="Accounts without owner afterwards.")


class JobTaken(Schema):
    """A job that will do the work; see GET /jobs/{record_id}."""

    job: int


class Move(Body):
    """Where to move an account by hand."""

    territory: Text | None = Field(description="Key of the territory; null gives it back to the rules.")
    reason: Text = Field("", max_length=500, description="Why, in a few words; needed with a territory.")


class Seen(Body):
    """Where an account was when it was looked at."""

    territory: Text | None = Field(description="Key of its territory; null: none.")
    owner: Key | None = Field(description="Its owner's key; null: nobody.")


class MoveOne(Move):
    """Where to move an account by hand, and where it was seen."""

    seen: Seen | None = Field(None, description="The answer is 409 when it is elsewhere by now.")


class MoveMany(Move):
    """Which accounts to move by hand, and where."""

    ids: list[Key] = Field(min_length=1, max_length=10_000)
    seen: dict[Key, Seen] | None = Field(
        None,
        description="Account to where it was seen: 409, and none is moved, when one is elsewhere by now.",
    )


class LeadsRouted(Schema):
    """What routing did."""

    leads: int = Field(description="Leads that had no owner.")
    routed: int
    queued: int


def job_taken(job_id: int) -> HttpResponse:
    """Return the 202 that names a job."""
    return answer({"job": job_id}, status=202, headers={"Location": f"/api/v1/jobs/{job_id}"})


@operation(
    "POST",
    "/assign",
    scope="accounts",
    right=Right.ASSIGN,
    summary="Run the rules",
    response={200: RunDone, 202: JobTaken},
    errors=(422,),
)
def run_rules(request: ApiRequest, body: RunRules) -> HttpResponse:
    """Match accounts to the active model and write what differs; locked and hand-moved accounts stay."""
    if body.background and body.ids is None:
        return job_taken(jobs.enqueue(request.services, request.actor, "rule run"))
    return answer(assign.run_rules(request.services, request.actor, ids=body.ids))


@operation(
    "POST",
    "/accounts/{int:record_id}/move",
    scope="accounts",
    right=Right.ASSIGN,
    summary="Move one account by hand",
    response=RunDone,
    errors=(404, 409, 422),
)
def move_account(request: ApiRequest, body: MoveOne, record_id: int = Id) -> HttpResponse:
    """Move an account into a territory; it stays there through rule runs and imports of the same model."""
    if row_of(RESOURCES["accounts"], request.actor, record_id) is None:
        return not_there()
    return answer(_move(request, [record_id], body, seen={record_id: body.seen} if body.seen else {}))


@operation(
    "POST",
    "/accounts/move",
    scope="accounts",
    right=Right.ASSIGN,
    summary="Move accounts by hand",
    response=RunDone,
    errors=(404, 409, 422),
)
def move_accounts(request: ApiRequest, body: MoveMany) -> HttpResponse:
    """Move many accounts at once: all of them, or none."""
    return answer(_move(request, body.ids, body, seen=body.seen or {}))


def _move(request: ApiRequest, ids: list[int], body: Move, *, seen: Mapping[int, Seen]) -> dict[str, int]:
    if body.territory is not None:
        require_territory(request, body.territory)
    return assign.move_accounts(
        request.services,
        request.actor,
        ids,
        territory=body.territory,
        reason=body.reason,
        seen={record: (place.territory, place.owner) for record, place in seen.items()},
    )


def require_territory(request: ApiRequest, key: str) -> None:
    """Raise InvalidInputError unless the territory is there and visible."""
    if key not in request.services.visibility.visible_territories(request.actor):
        problem = Problem(
            "unknown-territory",
            f"There is no territory '{key[:100]}', or it is not visible to you.",
            "GET /territories lists those you see.",
            where="territory",
        )
        raise InvalidInputError("Nothing was moved.", [problem])


@operation(
    "GET",
    "/accounts/{int:record_id}/explain",
    scope="accounts",
    summary="Why an account is where it is",
    response=dict[str, Any],
    errors=(404,),
)
def explain_account(
    request: ApiRequest,
    record_id: int = Id,
    why_not: str | None = WHY_NOT,
) -> HttpResponse:
    """Return a fresh trace of the active rules: the winner, every territory considered, criterion by criterion with the
    account's own values, and why each lost; what holds the account whatever the rules say. With ``why_not`` also the
    smallest change of the account, and the small changes of rules, that would bring it into that territory.
    """
    if row_of(RESOURCES["accounts"], request.actor, record_id) is None:
        return not_there()
    return answer(explain.explain_account(request.services, request.actor, record_id, why_not=why_not))


@operation(
    "GET",
    "/leads/{int:record_id}/explain",
    scope="leads",
    summary="Why the rules put a lead where they do",
    response=dict[str, Any],
    errors=(404,),
)
def explain_lead(request: ApiRequest, record_id: int = Id, why_not: str | None = WHY_NOT) -> HttpResponse:
    """Return the same for a lead; whose turn it was stands in the reason of its place."""
    if row_of(RESOURCES["leads"], request.actor, record_id) is None:
        return not_there()
    return answer(explain.explain_lead(request.services, request.actor, record_id, why_not=why_not))


@operation(
    "POST",
    "/leads/{int:record_id}/route",
    scope="leads",
    right=Right.ASSIGN,
    summary="Route one lead",
    response=LeadsRouted,
    errors=(404,),
)
def route_lead(request: ApiRequest, record_id: int = Id) -> HttpResponse:
    """Give a lead without owner its owner; one that has an owner keeps it, however often this is asked."""
    if row_of(RESOURCES["leads"], request.actor, record_id) is None:
        return not_there()
    return answer(route.route_leads(request.services, request.actor, ids=[record_id]))
