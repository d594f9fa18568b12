"""Writing rules: what may be written, text and tree in step, values, live counts, territories of planning models."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.errors import PreconditionNeededError
from merestone.api.plain import answer
from merestone.api.records import PRECONDITION
from merestone.api.routing import operation
from merestone.api.schemas import Body, ProblemEntry, Text
from merestone.app import plan_edits, plan_members, rulework
from merestone.app.policy import Right
from merestone.base.errors import UsageError

MAX_TEXT = 200_000  # characters of a rule that are looked at; the language itself allows fewer
KeyText = Annotated[Text, Field(min_length=1, max_length=100)]
RuleText = Annotated[str, Field(max_length=MAX_TEXT)]
Model = Path(..., min_length=1, max_length=100, description="Key of the model.")
Territory = Path(..., min_length=1, max_length=100, description="Key of the territory.")
Prefix = Query("", max_length=200, description="What was typed so far.")
FINGERPRINT = PRECONDITION | {"description": "The ETag last read."}


class RuleField(Schema):
    """A field rules may use."""

    name: str
    label: str
    kind: str
    unit: str
    choices: list[str] = Field(description="Allowed values; empty: any.")
    group: str
    aliases: list[str] = Field(description="Other names it may be written by.")
    operators: list[str] = Field(description="Operators and functions it takes, the usual ones first.")


class RuleOperator(Schema):
    """An operator."""

    op: str
    label: str
    date_label: str
    takes: str = Field(description="`none`, `one`, `two`, `many` values, or the key of a `list`.")


class RuleArgument(Schema):
    """A value a function takes."""

    name: str
    kind: str
    minimum: float | None
    maximum: float | None


class RuleFunction(Schema):
    """A function."""

    name: str
    label: str
    signature: str
    description: str
    example: str
    subject: str = Field(description="Kind of its field; `location`: it takes none.")
    takes: str = Field(description="`many` values of the one argument, or the `arguments` in order.")
    arguments: list[RuleArgument]


class NamedList(Schema):
    """A named list of the model."""

    key: str
    n: int


class RuleFields(Schema):
    """Everything a builder offers."""

    fields: list[RuleField]
    operators: list[RuleOperator]
    functions: list[RuleFunction]
    lists: list[NamedList]
    areas: list[str]


class RuleProblem(ProblemEntry):
    """One thing that is wrong with a rule."""

    replacement: str | None = Field(None, description="Text that mends it at its place, where there is one.")
    severity: Literal["error", "warning"] | None = None


class RuleRead(Schema):
    """A rule as text, as a tree and in words."""

    text: str = Field(description="Canonical; as given when it cannot be read.")
    tree: dict[str, Any] | None = Field(
        description="`and`, `or` with `parts`, `not` with `part`, `test` with `field`, `op`, `values`."
    )
    english: str
    problems: list[RuleProblem]


class ReadRule(Body):
    """A rule to read."""

    text: RuleText
    model: KeyText | None = Field(
        None, description="Whose lists, areas and fields it may use; default the active."
    )


class WriteRule(Body):
    """A builder tree to write as text."""

    tree: dict[str, Any] | None = Field(description="As read; null: no rule, a grouping node.")
    model: KeyText | None = None


class SuggestedValue(Schema):
    """A value there is."""

    value: str
    label: str = Field(description="Words for a code; empty: the value says it.")
    count: int


class SuggestedValues(Schema):
    """The values of a field, the most frequent first."""

    field: str
    values: list[SuggestedValue]
    distinct: int = Field(description="Distinct values in all.")
    missing: int = Field(description="Accounts without a value.")


class CountRule(Body):
    """A rule to try on the accounts."""

    model: KeyText | None = Field(None, description="Key of the model; default the active one.")
    territory: KeyText = Field(description="Key of the territory; the rules above it hold too.")
    where: RuleText = Field(description="The criterion tried; blank: none.")
    priority: int | None = Field(None, ge=-1_000_000_000, le=1_000_000_000)
    parts: list[Literal["wins", "criteria", "examples", "points"]] | None = Field(
        None, max_length=10, description="What to answer beside the counts; default everything."
    )


class Rival(Schema):
    """Who wins what the rule matches as well."""

    territory: str | None
    name: str
    accounts: int


class CriterionCount(Schema):
    """What one comparison does by itself."""

    text: str
    keeps: int = Field(description="Of the accounts the parent matches.")
    missing: int = Field(description="Unknown, because a value is missing.")


class Example(Schema):
    """An account that matches."""

    id: int
    external_id: str | None
    name: str
    city: str | None
    state: str | None
    revenue: str | None = Field(description="Money.")
    winner: str | None
    winner_name: str
    record: dict[str, Any] = Field(description="What the rules look at: enough for a case.")


class Points(Schema):
    """Located accounts in columns, thinned when there are many."""

    lat: list[float]
    lon: list[float]
    n: list[int] = Field(description="Accounts the point stands for.")
    won: list[bool]


class RuleCount(Schema):
    """What a rule would match."""

    total: int = Field(description="All accounts.")
    parent: int = Field(description="Matched by every rule above.")
    matches: int
    revenue: str = Field(description="Money: of what it matches.")
    is_grouping: bool
    is_primary: bool | None = None
    wins: int | None = None
    won_by_name: int | None = None
    won_revenue: str | None = Field(None, description="Money.")
    rivals: list[Rival] | None = None
    criteria: list[CriterionCount] | None = None
    examples: list[Example] | None = None
    located: int | None = None
    points: Points | None = None
    counties: dict[str, int] | None = None


class CaseEntry(Body):
    """A test inside a model: a record, and what is expected of the territory."""

    record: dict[KeyText, Any] = Field(max_length=200)
    expect: Literal["match", "no-match", "win"] = "match"


class TryRule(Body):
    """A rule to look at beside the rest of its model."""

    model: KeyText | None = None
    territory: KeyText
    where: RuleText
    cases: list[CaseEntry] | None = Field(
        None, max_length=200, description="Cases to try; default those the territory has."
    )


class CaseResult(Schema):
    """How a case does."""

    number: int
    record: dict[str, Any]
    expect: str
    passes: bool
    message: str


class RuleChecked(Schema):
    """What is to be said about a rule."""

    problems: list[RuleProblem]
    cases: list[CaseResult]


class TerritoryChange(Body):
    """What to change of a territory; null empties what may be empty."""

    name: Text = Field("", min_length=1, max_length=200)
    parent: KeyText | None = None
    type: KeyText = ""
    where: RuleText | None = Field(None, description="The criterion; null: a grouping node.")
    priority: int = Field(100, ge=-1_000_000_000, le=1_000_000_000)
    named: list[KeyText] = Field([], max_length=100_000)
    exclude: list[KeyText] = Field([], max_length=100_000)
    cases: list[CaseEntry] = Field([], max_length=1_000)
    notes: Text = ""


class PlannedTerritory(Schema):
    """A territory as a model has it."""

    key: str
    name: str
    parent: str | None
    type: str
    where: str | None
    priority: int
    named: list[str]
    exclude: list[str]
    cases: list[dict[str, Any]]
    notes: str
    members: list[dict[str, Any]]
    model: str
    state: str
    children: list[str]
    fingerprint: str = Field(description="The ETag.")
    changed: bool | None = None


class MemberEntry(Body):
    """Somebody in a territory."""

    rep: Text = Field(..., min_length=1, max_length=254, description="E-mail.")
    role: Literal["owner", "manager", "specialist", "sdr", "csm", "backup"] = "owner"
    since: date | None = Field(None, alias="from", description="First day; null: always.")
    until: date | None = Field(None, alias="to", description="First day without; null: for ever.")


class MembersBody(Body):
    """Everybody in a territory: who is not named leaves it."""

    members: list[MemberEntry] = Field(..., max_length=1_000)


class PlannedMembers(Schema):
    """Who is in a territory of a plan."""

    territory: str
    members: list[dict[str, Any]]
    fingerprint: str = Field(description="The ETag.")
    changed: bool | None = None


class TerritoryRemoved(Schema):
    """What removing a territory did."""

    removed: list[str]
    moved: list[str]


class CloneModel(Body):
    """How to call the copy."""

    key: KeyText | None = Field(None, description="Default: the key with a free number behind it.")


class ModelCloned(Schema):
    """The planning model that was made."""

    key: str
    name: str
    territories: int


@operation("GET", "/rules/fields", scope="models", right=Right.MANAGE_RULES, summary="What rules may use", response=RuleFields, errors=(404,))  # fmt: skip
def rule_fields(
    request: ApiRequest,
    model: str | None = Query(
        None, min_length=1, max_length=100, description="Key of a model; default active."
    ),
) -> HttpResponse:
    """Return fields, operators and functions, and the lists and areas of a model."""
    return answer(rulework.rule_fields(request.services, request.actor, model=model))


@operation("POST", "/rules/read", scope="models", right=Right.MANAGE_RULES, summary="Read a rule", response=RuleRead, errors=(404, 413, 422))  # fmt: skip
def read_rule(request: ApiRequest, body: ReadRule) -> HttpResponse:
    """Return a rule's canonical text, its tree, its words, and every problem with its place and fix."""
    return answer(rulework.read_rule(request.services, request.actor, body.text, model=body.model))


@operation("POST", "/rules/write", scope="models", right=Right.MANAGE_RULES, summary="Write a rule", response=RuleRead, errors=(404, 413, 422))  # fmt: skip
def write_rule(request: ApiRequest, body: WriteRule) -> HttpResponse:
    """Return the text of a tree, read again: the same answer as `/rules/read`."""
    text = "" if body.tree is None else rulework.write_rule(body.tree)
    return answer(rulework.read_rule(request.services, request.actor, text, model=body.model))


@operation("GET", "/rules/values", scope="accounts", right=Right.MANAGE_RULES, summary="Values of a field", response=SuggestedValues, errors=(404,))  # fmt: skip
def suggest_values(
    request: ApiRequest,
    field: str = Query(..., min_length=1, max_length=100, description="Name of the field."),
    q: str = Prefix,
    limit: int = Query(20, ge=1, le=100, description="At most so many."),
) -> HttpResponse:
    """Return the distinct values of a field over all accounts with their counts, the most frequent first."""
    return answer(rulework.suggest_values(request.services, request.actor, field, q, limit=limit))


@operation("POST", "/rules/count", scope="accounts", right=Right.MANAGE_RULES, summary="Try a rule", response=RuleCount, errors=(404, 413, 422))  # fmt: skip
def count_rule(request: ApiRequest, body: CountRule) -> HttpResponse:
    """Return how many accounts a territory would match and win with another rule; nothing is saved."""
    more = {} if body.parts is None else {"parts": frozenset(body.parts)}
    found = rulework.count_matches(
        request.services,
        request.actor,
        model=body.model,
        territory=body.territory,
        where=body.where,
        priority=body.priority,
        **more,
    )
    return answer(found)


@operation("POST", "/rules/check", scope="models", right=Right.MANAGE_RULES, summary="Check a rule", response=RuleChecked, errors=(404, 413, 422))  # fmt: skip
def check_rule(request: ApiRequest, body: TryRule) -> HttpResponse:
    """Return what is wrong or doubtful about a rule beside the rest of its model, and how its cases do."""
    cases = None if body.cases is None else [case.model_dump() for case in body.cases]
    asked: dict[str, Any] = {"model": body.model, "territory": body.territory, "where": body.where}
    return answer(
        {
            "problems": rulework.problems_of(request.services, request.actor, **asked),
            "cases": rulework.try_cases(request.services, request.actor, **asked, cases=cases),
        }
    )


@operation("POST", "/models/{key}/clone", scope="models", right=Right.PLAN, summary="Copy a model", response={201: ModelCloned}, errors=(404, 409, 422))  # fmt: skip
def clone_model(request: ApiRequest, body: CloneModel, key: str = Model) -> HttpResponse:
    """Copy a model into a new planning model."""
    made = plan_edits.clone_model(request.services, request.actor, key, new_key=body.key)
    return answer(made, status=201)


def _shown(territory: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return answer(territory, status=status, headers={"ETag": f'"{territory["fingerprint"]}"'})


def _wanted(request: HttpRequest) -> str:
    """Return the fingerprint of ``If-Match``; without one the answer is 428."""
    text = request.headers.get("If-Match", "").strip()
    if not text:
        raise PreconditionNeededError(
            "A change needs to say which version it is based on.",
            fix="Read the territory and send its ETag as If-Match.",
        )
    found = text.removeprefix("W/").strip('"')
    if len(found) > 64 or not found.isascii() or not found.isalnum():
        raise UsageError(
            f"'{text[:60]}' is not an ETag of ours.", code="bad-etag", fix="Send the ETag as it came."
        )
    return found


@operation("GET", "/models/{key}/territories/{territory}", scope="models", right=Right.MANAGE_RULES, summary="Read a territory of a model", response=PlannedTerritory, errors=(404,))  # fmt: skip
def read_planned_territory(request: ApiRequest, key: str = Model, territory: str = Territory) -> HttpResponse:
    """Return a territory as a model has it; its `ETag` is what a change needs."""
    return _shown(plan_edits.read_territory(request.services, request.actor, key, territory))


@operation("PATCH", "/models/{key}/territories/{territory}", scope="models", right=Right.MANAGE_RULES, summary="Change a territory of a plan", response=PlannedTerritory, errors=(404, 409, 412, 413, 422, 428), extra={"parameters": [FINGERPRINT]})  # fmt: skip
def change_planned_territory(
    request: ApiRequest, body: TerritoryChange, key: str = Model, territory: str = Territory
) -> HttpResponse:
    """Change a territory of a planning model; only what is given is changed, and the whole model is checked."""
    changes = body.model_dump(exclude_unset=True)
    return _shown(
        plan_edits.edit_territory(
            request.services, request.actor, key, territory, changes, fingerprint=_wanted(request)
        )
    )


@operation("PUT", "/models/{key}/territories/{territory}", scope="models", right=Right.PLAN, summary="Add a territory to a plan", response={201: PlannedTerritory}, errors=(404, 409, 413, 422))  # fmt: skip
def add_planned_territory(
    request: ApiRequest, body: TerritoryChange, key: str = Model, territory: str = Territory
) -> HttpResponse:
    """Add a territory to a planning model, behind its parent's last child."""
    entry = {"key": territory, **body.model_dump(exclude_unset=True)}
    return _shown(plan_edits.add_territory(request.services, request.actor, key, entry), status=201)


@operation("DELETE", "/models/{key}/territories/{territory}", scope="models", right=Right.PLAN, summary="Remove a territory from a plan", response=TerritoryRemoved, errors=(404, 409, 412, 428), extra={"parameters": [FINGERPRINT]})  # fmt: skip
def remove_planned_territory(
    request: ApiRequest,
    key: str = Model,
    territory: str = Territory,
    children: Literal["refuse", "move-up", "remove"] = Query(
        "refuse", description="What becomes of the territories below it."
    ),
) -> HttpResponse:
    """Remove a territory from a planning model; those below it are moved up or removed only when you say so."""
    removed = plan_edits.remove_territory(
        request.services, request.actor, key, territory, children=children, fingerprint=_wanted(request)
    )
    return answer(removed)


@operation("GET", "/models/{key}/territories/{territory}/members", scope="models", right=Right.MANAGE_MEMBERS, summary="Read who is in a territory of a model", response=PlannedMembers, errors=(404,))  # fmt: skip
def read_planned_members(request: ApiRequest, key: str = Model, territory: str = Territory) -> HttpResponse:
    """Return the members of a territory as a model has them; the `ETag` is what a change needs."""
    return _shown(plan_members.read_members(request.services, request.actor, key, territory))


@operation("PUT", "/models/{key}/territories/{territory}/members", scope="models", right=Right.MANAGE_MEMBERS, summary="Change who is in a territory of a plan", response=PlannedMembers, errors=(404, 409, 412, 413, 422, 428), extra={"parameters": [FINGERPRINT]})  # fmt: skip
def change_planned_members(
    request: ApiRequest, body: MembersBody, key: str = Model, territory: str = Territory
) -> HttpResponse:
    """Replace the members of a territory of a planning model."""
    members = [one.model_dump(mode="json", by_alias=True) for one in body.members]
    return _shown(
        plan_members.set_members(
            request.services, request.actor, key, territory, members, fingerprint=_wanted(request)
        )
    )
