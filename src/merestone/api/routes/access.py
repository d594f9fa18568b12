"""Grants: rights on parts of the tree; and why somebody sees something."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from django.http import HttpResponse
from ninja import Path, Query, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.errors import not_there
from merestone.api.plain import answer
from merestone.api.routing import operation
from merestone.api.schemas import Body, Key, Text
from merestone.app.access import grants
from merestone.app.policy import Right
from merestone.db.queries import access as queries

GrantId = Path(..., ge=1, le=2**63 - 1, description="Of the grant.")


class GrantRow(Schema):
    """Rights of a user on a territory and all below it."""

    id: int
    user_id: int
    user: str
    email: str
    territory: str | None = Field(description="Key; null: the whole company.")
    territory_name: str
    rights: list[str]
    ends_on: date | None = Field(description="First day without it; null: until it is ended.")
    note: str
    granted_by: str
    version: int


class GrantPage(Schema):
    """Grants."""

    items: list[GrantRow]
    next: None


class NewGrant(Body):
    """Rights to give."""

    user_id: Key
    territory: Text | None = Field(None, max_length=100, description="Key; null: the whole company.")
    rights: list[Text] = Field(max_length=50, description="Values as `GET /me` names them.")
    ends_on: date | None = Field(None, description="First day without it.")
    note: Text = Field("", max_length=grants.MAX_NOTE)
    version: int | None = Field(
        None, ge=0, le=2**31 - 1, description="Of the grant as it was read; 0: there was none."
    )


class ReasonRow(Schema):
    """One thing that shows somebody something."""

    kind: Literal["role", "member", "manager", "grant", "owner", "cover", "team"]
    sentence: str
    territory: str | None


class WhySeen(Schema):
    """Whether a user sees something, and every reason."""

    user_id: int
    name: str = Field(description="Of the record or territory.")
    sees: bool
    reasons: list[ReasonRow]


@operation("GET", "/grants", scope="users", summary="List grants", response=GrantPage)
def list_grants(
    request: ApiRequest,
    user_id: int | None = Query(None, ge=1, le=2**63 - 1, description="Only this user's."),
    territory: str | None = Query(
        None, min_length=1, max_length=100, description="Only those that reach this territory."
    ),
    ended: bool = Query(False, description="Also those that are over."),
) -> HttpResponse:
    """Return your own grants and, where you manage users, those of others."""
    key = None if territory is None else territory.replace("\x00", "")
    found = grants.list_grants(request.services, request.actor, user_id=user_id, territory=key, ended=ended)
    return answer({"items": [grants.as_dict(grant) for grant in found], "next": None})


@operation(
    "POST",
    "/grants",
    scope="users",
    right=Right.MANAGE_USERS,
    summary="Give rights",
    response={201: GrantRow},
    errors=(404, 412, 422),
)
def give_grant(request: ApiRequest, body: NewGrant) -> HttpResponse:
    """Give a user rights on a territory and all below it, instead of what they were given on it before."""
    made = grants.give_grant(request.services, request.actor, **body.model_dump())
    return answer(grants.as_dict(made), status=201)


@operation(
    "DELETE",
    "/grants/{int:record_id}",
    scope="users",
    right=Right.MANAGE_USERS,
    summary="End a grant",
    response=GrantRow,
    errors=(404,),
)
def end_grant(request: ApiRequest, record_id: int = GrantId) -> HttpResponse:
    """End a grant at once; it stays on record."""
    return answer(grants.as_dict(grants.end_grant(request.services, request.actor, record_id)))


@operation("GET", "/access/why", scope="own", summary="Why somebody sees it", response=WhySeen, errors=(404,))
def why_seen(
    request: ApiRequest,
    table: str = Query(..., max_length=30, description="A table of records, or `territories`."),
    key: str = Query(..., min_length=1, max_length=100, description="The id; of a territory its key."),
    user_id: int | None = Query(
        None, ge=1, le=2**63 - 1, description="A user you manage; default: yourself."
    ),
) -> HttpResponse:
    """Return every role, membership, grant, cover or team that shows somebody a record or a territory."""
    wanted = user_id if user_id is not None else request.actor.user_id
    found = (
        None
        if wanted is None
        else queries.why(request.actor, wanted, table=table, key=key.replace("\x00", ""))
    )
    if found is None:
        return not_there()
    content: dict[str, Any] = {
        "user_id": found.user.pk,
        "name": found.name,
        "sees": found.sees,
        "reasons": [
            {"kind": reason.kind, "sentence": reason.sentence, "territory": reason.territory}
            for reason in found.reasons
        ],
    }
    return answer(content)
