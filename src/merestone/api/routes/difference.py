"""What a model would move: looked at, and applied only as it was looked at."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from ninja import Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.plain import answer
from merestone.api.routing import operation
from merestone.api.schemas import Body, Text
from merestone.app import lifecycle
from merestone.app.difference import preview
from merestone.app.policy import Right

Model = dict[str, Any] | Text


class Compare(Body):
    """Which models to compare."""

    new: Model = Field(description="A model document, or the key of a model: what would be published.")
    base: Model | None = Field(
        None,
        description="Compare with what this document or model would do; null: with where the accounts are now.",
    )
    limit: int = Field(100, ge=0, le=10_000, description="At most so many rows of each list.")


class ApplyDifference(Body):
    """What to publish, when nothing else moves than was looked at."""

    new: Model = Field(description="As it was compared.")
    fingerprint: str = Field(min_length=64, max_length=64, description="Of the difference looked at.")


class DifferenceRow(Schema):
    """An account that would move, or whose overlays would differ."""

    id: int
    external_id: str | None
    name: str
    from_territory: str | None
    from_name: str | None
    to_territory: str | None
    to_name: str | None
    from_owner: int | None
    from_owner_name: str | None
    to_owner: int | None
    to_owner_name: str | None
    revenue: str | None
    potential: str | None
    was: str | None = Field(description="Why it is where it is.")
    cause: str | None = Field(description="Why it would be there.")
    overlays_gained: list[str]
    overlays_lost: list[str]
    why: str


class HeldRow(Schema):
    """A locked account that stays although the rules would place it elsewhere."""

    id: int
    external_id: str | None
    name: str
    territory: str | None
    to_territory: str | None


class PairRow(Schema):
    """What moves from one territory to another."""

    from_territory: str | None
    from_name: str | None
    to_territory: str | None
    to_name: str | None
    accounts: int
    revenue: str


class TerritoryCount(Schema):
    """A territory's accounts; null: the unassigned queue of those no territory matches."""

    territory: str | None
    name: str | None
    before: int
    after: int
    gained: int
    lost: int


class RepCount(Schema):
    """A rep's accounts; null: the unassigned queue."""

    rep: int | None
    name: str | None
    before: int
    after: int
    gained: int
    lost: int


class DifferenceSums(Schema):
    """What a difference adds up to."""

    accounts: int = Field(description="Accounts looked at.")
    moved: int = Field(description="Those with another territory or owner.")
    reassigned: int = Field(description="Those with another owner.")
    overlays: int = Field(description="Those whose overlays differ.")
    held: int = Field(description="Locked accounts that stay although the rules would place them elsewhere.")
    share: float = Field(description="Moved ÷ accounts.")
    revenue: str
    revenue_moved: str


class DifferenceAnswer(Schema):
    """What would move."""

    model: str
    base: str | None
    is_live: bool = Field(description="Compared with where the accounts are now.")
    fingerprint: str = Field(description="Send it along to apply exactly this.")
    summary: DifferenceSums
    n_rows: int = Field(description="All rows there are.")
    rows: list[DifferenceRow] = Field(description="The largest revenue first.")
    held: list[HeldRow]
    pairs: list[PairRow] = Field(description="The most accounts first.")
    territories: list[TerritoryCount]
    reps: list[RepCount]


class Published(Schema):
    """What publishing did."""

    key: str
    accounts: int
    changed: int
    queued: int
    leads_routed: int


@operation(
    "POST",
    "/models/difference",
    scope="models",
    right=Right.MANAGE_RULES,
    summary="Show what a model would move",
    response=DifferenceAnswer,
    errors=(404, 413, 422),
)
def difference(request: ApiRequest, body: Compare) -> HttpResponse:
    """Return every account that would have another place if the model were published, and why; nothing is written."""
    found = preview(request.services, request.actor, body.new, base=body.base)
    return answer(found.as_dict(limit=body.limit))


@operation(
    "POST",
    "/models/difference/apply",
    scope="models",
    right=Right.PLAN,
    summary="Publish exactly the difference looked at",
    response=Published,
    errors=(404, 409, 413, 422),
)
def apply_difference(request: ApiRequest, body: ApplyDifference) -> HttpResponse:
    """Save the document and publish it; 409 with the present difference when something else would move by now."""
    if isinstance(body.new, str):
        done = lifecycle.publish(request.services, request.actor, body.new, fingerprint=body.fingerprint)
    else:
        done = lifecycle.publish_document(
            request.services, request.actor, body.new, fingerprint=body.fingerprint
        )
    return answer(done)
