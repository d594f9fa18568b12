"""Who I am, and my API tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from ninja import Path, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.errors import not_there
from merestone.api.plain import answer
from merestone.api.routing import operation
from merestone.api.schemas import Body, Text
from merestone.app import admin
from merestone.app.policy import Right
from merestone.base.errors import ForbiddenError
from merestone.db.queries import lists

Prefix = Path(..., max_length=100, description="The first twelve characters of the token.")
TOKEN_FIELDS = ("prefix", "name", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")


class Me(Schema):
    """The actor of this request."""

    role: str
    label: str = Field(description="How the audit log names you.")
    user_id: int | None
    rep_id: int | None
    time_zone: str
    rights: list[str] = Field(
        description="What you may do: the role's rights, limited by the token's scopes."
    )
    sees_all: bool
    token: str | None = Field(description="Prefix of the token used; null for a session.")


class NewToken(Body):
    """A token to make."""

    name: Text = Field(max_length=100, description="What it is for.")
    scopes: list[Text] = Field(["see"], max_length=50, description="Rights; the role still limits them.")
    days: int = Field(90, ge=1, le=admin.MAX_TOKEN_DAYS, description="Days until it expires.")


class TokenRow(Schema):
    """A token, without its secret."""

    prefix: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokenPage(Schema):
    """The user's tokens, newest first."""

    items: list[TokenRow]
    next: None


class TokenMade(Schema):
    """A new token: `token` is shown this once."""

    id: int
    token: str
    prefix: str
    name: str
    scopes: list[str]
    expires_at: datetime


class TokenRevoked(Schema):
    """A token that works no more."""

    prefix: str
    revoked_at: datetime


@operation("GET", "/me", scope="own", summary="Who I am", response=Me)
def me(request: ApiRequest) -> HttpResponse:
    """Return your role, your rights and the zone times are shown in."""
    actor = request.actor
    return answer(
        {
            "role": actor.role,
            "label": actor.label,
            "user_id": actor.user_id,
            "rep_id": actor.rep_id,
            "time_zone": actor.time_zone,
            "rights": sorted(right.value for right in Right if actor.can(right)),
            "sees_all": actor.sees_all,
            "token": request.token or None,
        }
    )


@operation("GET", "/tokens", scope="own", summary="List my tokens", response=TokenPage)
def list_tokens(request: ApiRequest) -> HttpResponse:
    """Return your API tokens without their secrets, newest first."""
    rows: list[dict[str, Any]] = list(lists.tokens(request.actor).values(*TOKEN_FIELDS))
    return answer({"items": rows, "next": None})


@operation("POST", "/tokens", scope="own", summary="Make a token", response={201: TokenMade}, errors=(422,))
def make_token(request: ApiRequest, body: NewToken) -> HttpResponse:
    """Make a token for yourself. Only a signed-in session may: a token must not outlive itself by making another."""
    if request.token or request.actor.user_id is None:
        raise ForbiddenError(
            "A token cannot make tokens.",
            code="session-needed",
            fix="Sign in, or use `merestone token create`.",
        )
    if not request.has_proof:
        raise ForbiddenError(
            "You proved who you are too long ago to make a token.",
            code="proof-needed",
            fix="Sign in again, or make it on the page of your tokens.",
        )
    made = admin.create_token(
        request.services,
        request.actor,
        user_id=request.actor.user_id,
        name=body.name,
        scopes=body.scopes,
        days=body.days,
    )
    return answer(made, status=201)


@operation(
    "DELETE",
    "/tokens/{prefix}",
    scope="own",
    summary="Revoke a token",
    response=TokenRevoked,
    errors=(404,),
)
def revoke_token(request: ApiRequest, prefix: str = Prefix) -> HttpResponse:
    """Revoke one of your tokens at once. A token may revoke itself, no other."""
    if not lists.tokens(request.actor).filter(prefix=prefix.replace("\x00", "")).exists():
        return not_there()
    if request.token and request.token != prefix:
        raise ForbiddenError(
            "A token can revoke only itself.", code="session-needed", fix="Sign in to revoke others."
        )
    return answer(admin.revoke_token(request.services, request.actor, prefix=prefix))
