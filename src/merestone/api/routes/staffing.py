"""Who should have the territories of a planning model: proposals, everybody for one territory, keeping the choice."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from ninja import Path, Query, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.plain import answer
from merestone.api.routing import operation
from merestone.api.schemas import Body, Key, Text
from merestone.app.policy import Right
from merestone.app.staffing.proposing import MOST_PER_PERSON, Proposal, apply_staffing, propose
from merestone.app.staffing.words import read_wish

Model = Path(..., min_length=1, max_length=100, description="Key of the model.")
Territory = Path(..., min_length=1, max_length=100, description="Key of the territory.")
MOST_CHOICES = 2000
Fixed = Query(
    [],
    alias="fix",
    max_length=MOST_CHOICES,
    description="Choices that stand: `TERRITORY=REP_ID`, or `TERRITORY=-` to keep it vacant.",
)
Weights = Query(
    [], alias="weight", max_length=20, description="`distance:30`: points of a part; others as usual."
)
Required = Query(
    [],
    alias="require",
    max_length=3,
    description="`language:0.3`: who has a territory must know what this share of it asks for. Also `industry`, `skills`.",
)
PerPerson = Query(1, ge=1, le=MOST_PER_PERSON, description="Territories one person takes.")


class StaffingOption(Schema):
    """Somebody else for a territory."""

    rep: int
    rep_name: str
    score: float = Field(description="Points of 100 in this territory.")
    lost: float | None = Field(description="Points that all territories together lose; null: may not be.")
    vacancies: int = Field(description="Vacancies that come on top then.")
    cost: str = Field(description="The same in words.")
    compared: str = Field(description="The largest differences from the choice, in points of this territory.")
    why_not: str


class StaffingChoice(StaffingOption):
    """Somebody for a territory, chosen or not."""

    is_chosen: bool
    is_allowed: bool = Field(description="False: something required is not met.")
    reasons: list[str]
    elsewhere: list[str] = Field(description="Names of the territories they are proposed for.")


class StaffingLine(Schema):
    """One territory with who is proposed."""

    territory: str
    name: str
    rep: int | None = Field(description="Null: vacant.")
    rep_name: str | None
    score: float | None
    reasons: list[str] = Field(description="What speaks for the choice, the weightiest first.")
    parts: dict[str, float] = Field(description="Points per part.")
    is_fixed: bool
    runner_up: StaffingOption | None = Field(description="Most points here of all others.")
    cheapest_change: StaffingOption | None = Field(description="The other choice the whole loses least by.")
    now: int | None = Field(description="Who owns it in the model.")
    now_name: str | None
    is_change: bool
    fingerprint: str = Field(description="Of its members; send it back when you keep the choice.")
    accounts: int
    workload_hours: float


class StaffingPerson(Schema):
    """Somebody without a territory."""

    rep: int
    rep_name: str


class StaffingOut(Schema):
    """A proposal for all territories whose members you manage."""

    total: float = Field(description="Points of all territories together.")
    best: float = Field(description="The same without fixed choices.")
    mean_score: float
    territories: int
    people: int
    vacant: int
    vacant_at_best: int
    changed: int = Field(description="Territories whose owner in the model would change.")
    state: str
    may_apply: bool
    weights: dict[str, float] = Field(
        description="Points per part, of those something is known of; 100 together."
    )
    labels: dict[str, str]
    spare: list[StaffingPerson]
    lines: list[StaffingLine]


class StaffingChoices(Schema):
    """Everybody for one territory, the most points first."""

    territory: str
    items: list[StaffingChoice]


class StaffingPick(Body):
    """One choice to keep."""

    territory: Text = Field(min_length=1, max_length=100)
    rep: Key | None = Field(description="Null: vacant.")
    fingerprint: Text = Field(min_length=1, max_length=64, description="Of the members as they were read.")


class StaffingPicks(Body):
    """Choices to keep, all or none."""

    choices: list[StaffingPick] = Field(min_length=1, max_length=MOST_CHOICES)


class StaffingApplied(Schema):
    """What was changed."""

    changed: list[str] = Field(description="Keys of the territories with another owner now.")


def _proposal(
    request: ApiRequest, key: str, fix: list[str], weight: list[str], require: list[str], per_person: int
) -> Proposal:
    wish = read_wish(fixed=fix, weights=weight, required=require, per_person=per_person)
    return propose(request.services, request.actor, key, wish)


@operation("GET", "/models/{key}/staffing", scope="models", right=Right.MANAGE_MEMBERS,
           summary="Propose people for territories", response=StaffingOut, errors=(404, 422))  # fmt: skip
def read_staffing(
    request: ApiRequest,
    key: str = Model,
    fix: list[str] = Fixed,
    weight: list[str] = Weights,
    require: list[str] = Required,
    per_person: int = PerPerson,
) -> HttpResponse:
    """Return who should have which territory of a model, best for all together, with reasons and runner-up."""
    found = _proposal(request, key, fix, weight, require, per_person)
    return answer(found.whole() | {"lines": found.lines()})


@operation("GET", "/models/{key}/staffing/{territory}", scope="models", right=Right.MANAGE_MEMBERS,
           summary="Rank people for one territory", response=StaffingChoices, errors=(404, 422))  # fmt: skip
def read_staffing_choices(
    request: ApiRequest,
    key: str = Model,
    territory: str = Territory,
    fix: list[str] = Fixed,
    weight: list[str] = Weights,
    require: list[str] = Required,
    per_person: int = PerPerson,
) -> HttpResponse:
    """Return everybody for one territory with what choosing them would cost all territories together, and why not."""
    found = _proposal(request, key, fix, weight, require, per_person)
    return answer({"territory": territory, "items": found.options(territory)})


@operation("POST", "/models/{key}/staffing", scope="models", right=Right.MANAGE_MEMBERS,
           summary="Keep chosen people", response={200: StaffingApplied}, errors=(404, 409, 412, 422))  # fmt: skip
def write_staffing(request: ApiRequest, body: StaffingPicks, key: str = Model) -> HttpResponse:
    """Make people owners of territories of a model in planning or review, all or none."""
    choices: list[dict[str, Any]] = [pick.model_dump() for pick in body.choices]
    return answer(apply_staffing(request.services, request.actor, key, choices))
