"""Scenarios: candidate alignments of planning models, worked on step by step."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from ninja import Path, Query, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.plain import answer
from merestone.api.routes.difference import DifferenceAnswer
from merestone.api.routing import operation
from merestone.api.schemas import Body, ProblemEntry, Text
from merestone.app import scenarios
from merestone.app.policy import Right
from merestone.core.design.prices import LOSS, SAVES

MAX_UNITS = 100_000
KeyText = Annotated[Text, Field(min_length=1, max_length=100)]
Key = Path(..., min_length=1, max_length=100, description="Key of the scenario.")
Seen = Annotated[int, Field(ge=1, le=2**31 - 1, description="The revision last read.")]
Units = Annotated[
    list[Annotated[int, Field(ge=0, le=MAX_UNITS)]],
    Field(max_length=MAX_UNITS, description="Numbers of units, from 0."),
]
Number = Annotated[int, Field(ge=0, le=MAX_UNITS)]
Amounts = dict[str, float]


class ModelName(Schema):
    """A model."""

    key: str
    name: str


class ScenarioMoves(Schema):
    """What would leave the territory it is in now."""

    units: int
    accounts: int
    share: float = Field(description="Of the accounts.")


class ScenarioJob(Schema):
    """Work under way."""

    id: int
    state: str
    share: float
    stage: str
    cost: float | None
    bound: float | None
    gap: float | None


class ScenarioFailure(Schema):
    """Why the last work failed."""

    error: str


class ScenarioBalance(Schema):
    """A measure that is to fall evenly."""

    measure: str
    tolerance: float


class ScenarioSettings(Schema):
    """What a good plan is."""

    objective: str
    weight: str
    contiguous: bool
    balances: list[ScenarioBalance]
    left_out: list[str] | None = None


class ScenarioLine(Schema):
    """A scenario beside others."""

    key: str
    name: str
    model: ModelName
    parent: str = Field(description="Key of the territory whose leaves are planned; empty: all.")
    unit_kind: str
    revision: int
    origin: str
    territories: int
    units: int
    cost: float | None
    bound: float | None
    gap: float | None
    max_deviation: dict[str, float | None] = Field(
        description="Measure → how far the farthest is from the mean."
    )
    moves: ScenarioMoves
    settings: ScenarioSettings
    report: dict[str, Any] | None = Field(
        description="What the last optimisation said; `is_current`: of the plan as it is."
    )
    job: ScenarioJob | None
    updated_at: datetime | None
    updated_by: str


class ScenarioList(Schema):
    """Scenarios side by side."""

    results: list[ScenarioLine]


class ScenarioTerritory(Schema):
    """A territory in play; its place in the list is its number."""

    key: str
    name: str
    owner: str
    home: list[float] | None = Field(description="Longitude and latitude of the owner's home.")


class ScenarioMeasure(Schema):
    """What is measured."""

    key: str
    label: str
    unit: str


class ScenarioUnitColumns(Schema):
    """The units in columns, all of one length."""

    id: list[str]
    name: list[str]
    state: list[str]
    territory: list[int] = Field(description="Number of the territory; −1: nobody's.")
    live: list[int] = Field(
        description="Where most of its accounts are now; −1: in none of these territories."
    )
    locked: list[int]
    amounts: dict[str, list[float]]


class ScenarioNeighbours(Schema):
    """Which units touch: those of unit i are units[starts[i]] to units[starts[i + 1]], the last not included."""

    starts: list[int]
    units: list[int]


class ScenarioOutside(Schema):
    """Accounts that the plan does not reach."""

    without_unit: int = Field(description="They lie in no unit.")
    fixed: int = Field(description="Locked, named or excluded.")


class ScenarioBook(Schema):
    """What the amounts were taken from."""

    taken_at: datetime
    is_stale: bool = Field(description="Accounts or the model changed since.")


class ScenarioCan(Schema):
    """Words of the steps that can be taken back and done again."""

    undo: str | None
    redo: str | None


class ScenarioData(Schema):
    """A scenario with everything the planning workspace needs."""

    key: str
    name: str
    model: ModelName
    parent: str
    unit_kind: str
    origin: str
    revision: int
    territories: list[ScenarioTerritory]
    measures: list[ScenarioMeasure]
    settings: ScenarioSettings
    units: ScenarioUnitColumns
    neighbours: ScenarioNeighbours
    bridges: list[list[int]] = Field(description="Pairs that do not touch and count as if they did.")
    outside: ScenarioOutside
    left_out: list[ModelName] = Field(description="Leaves that are not planned and keep their rules.")
    book: ScenarioBook
    can: ScenarioCan
    job: ScenarioJob | None
    failed: ScenarioFailure | None
    report: dict[str, Any] | None


class ScenarioStart(Body):
    """A new scenario."""

    name: Annotated[Text, Field(max_length=200)]
    model: KeyText | None = Field(None, description="Key of a planning model; not needed for a copy.")
    parent: Annotated[Text, Field(max_length=100)] = Field(
        "", description="Plan the leaves below this territory; empty: all of the model."
    )
    unit_kind: Literal["county"] = "county"
    left_out: list[KeyText] | None = Field(
        None, description="Leaves not to plan; null: those whose rule names no place."
    )
    copy_of: KeyText | None = Field(None, description="Start with the plan of this scenario.")


class ScenarioMade(Schema):
    """A scenario that was made."""

    key: str
    name: str
    revision: int
    units: int
    territories: int


class ScenarioRename(Body):
    """Another name."""

    name: Annotated[Text, Field(max_length=200)]


class ScenarioNamed(Schema):
    """A scenario's name."""

    key: str
    name: str
    revision: int


class ScenarioStepIn(Body):
    """One step."""

    kind: Literal["assign", "lock", "unlock", "undo", "redo"]
    seen: Seen
    units: Units = Field(default_factory=list)
    territory: Number | None = Field(None, description="`assign`: number of the territory; null: nobody's.")


class ScenarioChanged(Schema):
    """What became of the units that changed."""

    units: list[int]
    territory: list[int]
    locked: list[int]


class ScenarioTerritorySums(Schema):
    """What a territory gets."""

    territory: int
    units: int
    amounts: Amounts
    index: dict[str, float | None] = Field(description="100 is the mean.")
    is_connected: bool


class ScenarioStepOut(Schema):
    """What a step did."""

    revision: int
    changed: ScenarioChanged
    balance: list[ScenarioTerritorySums]
    can: ScenarioCan
    held: int | None = Field(None, description="`assign`: units that were locked and stayed.")


class ScenarioStepLine(Schema):
    """One step that was done."""

    number: int
    kind: str
    words: str
    units: int
    actor: str
    at: datetime
    is_undone: bool


class ScenarioSteps(Schema):
    """The steps of a scenario, the newest first."""

    results: list[ScenarioStepLine]


class BalanceIn(Body):
    """A measure that is to fall evenly."""

    measure: Annotated[Text, Field(max_length=40)]
    tolerance: Annotated[float, Field(ge=0, le=10, description="Share of the mean.")]


class ScenarioSettingsIn(Body):
    """Settings to change; what is not given stays."""

    seen: Seen
    objective: Literal["inertia", "distance"] | None = None
    weight: Literal["accounts", "potential", "revenue", "workload"] | None = None
    contiguous: bool | None = None
    balances: Annotated[list[BalanceIn], Field(max_length=10)] | None = None


class ScenarioSettled(Schema):
    """Settings as they are now."""

    revision: int
    settings: ScenarioSettings


class ScenarioRegion(Body):
    """Where something may change: territories (their units are dealt out among them), or units."""

    territories: Annotated[list[Number], Field(max_length=10_000)] | None = None
    units: Units | None = None


class ScenarioOptimise(Body):
    """What the optimiser is asked."""

    seen: Seen
    region: Literal["all"] | ScenarioRegion = "all"
    seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    homes: bool = Field(False, description="Measure distances to the homes of the owners.")


class ScenarioJobTaken(Schema):
    """Work that was queued."""

    job: int | None
    revision: int | None = None


class ScenarioProgress(Schema):
    """How far the work is."""

    revision: int
    job: ScenarioJob | None
    failed: ScenarioFailure | None
    report: dict[str, Any] | None


class ScenarioSeen(Body):
    """The revision last read."""

    seen: Seen


class ScenarioRefreshed(Schema):
    """What reading the book anew changed."""

    revision: int
    units: int
    new: int
    gone: int


class ScenarioSide(Schema):
    """A territory or a rep on both sides."""

    key: str | None = None
    id: int | None = None
    name: str
    before: Amounts
    after: Amounts
    gained: Amounts
    lost: Amounts
    index_before: dict[str, float | None]
    index_after: dict[str, float | None]
    units_gained: int | None = None
    units_lost: int | None = None


class ScenarioAssumed(Schema):
    """What is assumed of a change of hands."""

    loss: float = Field(description="Share of annual revenue lost to somebody of no likeness, of a long tie.")
    saves: float = Field(description="Share of that saved by a successor alike in everything.")
    half_life: float = Field(description="Years after which a tie has half its strength.")


class ScenarioPrice(Schema):
    """What changes of hands are expected to lose."""

    loss: float = Field(description="Of annual revenue.")
    revenue: float = Field(description="That gets another owner.")
    share: float = Field(description="Of the loss in the revenue of all accounts planned.")
    assumed: ScenarioAssumed
    source: str


class ScenarioComparison(Schema):
    """What a scenario changes."""

    scenario: dict[str, Any]
    compared: ModelName = Field(description="`live`, or the other scenario.")
    measures: list[ScenarioMeasure]
    moves: Amounts = Field(description="`units`, and each measure.")
    share: Amounts
    units: list[int] = Field(description="Numbers of the units that move.")
    territories: list[ScenarioSide]
    reps: list[ScenarioSide]
    price: ScenarioPrice | None = Field(
        description="Beside `live`: what changes of hands are expected to lose. Null: not known."
    )


class ScenarioRule(Schema):
    """A territory's rule, as it is and as the plan has it."""

    territory: str
    name: str
    before: str | None
    after: str | None
    priority_before: int
    priority_after: int
    units: int
    is_changed: bool


class ScenarioStray(Schema):
    """An account the rules cannot place as the plan has it."""

    id: int
    name: str
    gets: str | None
    wanted: str | None


class ScenarioRules(Schema):
    """A scenario as rules."""

    scenario: str
    revision: int
    model: ModelName
    rules: list[ScenarioRule]
    is_exact: bool
    strays: list[ScenarioStray]
    n_strays: int
    n_others: int = Field(description="Accounts not in play that would move.")
    n_without_unit: int = Field(description="Accounts in play that lie in no unit and would move.")
    failing_cases: list[ProblemEntry]
    fingerprint: str = Field(description="Send it along to write exactly this.")
    written: bool
    difference: DifferenceAnswer | None = Field(None, description="Against the planning model as it is.")


class ScenarioWriteRules(Body):
    """Write exactly what was looked at."""

    seen: Seen
    fingerprint: Annotated[Text, Field(min_length=64, max_length=64)]


def _route(method: str, path: str, **more: Any) -> Any:
    return operation(method, path, scope="models", right=Right.PLAN, **more)


@_route("GET", "/scenarios", summary="List scenarios side by side", response=ScenarioList)
def list_scenarios(
    request: ApiRequest,
    model: str | None = Query(None, max_length=100, description="Of this model only."),
) -> HttpResponse:
    """Return the scenarios you may work on, by model and age."""
    return answer({"results": scenarios.list_scenarios(request.services, request.actor, model)})


@_route(
    "POST", "/scenarios", summary="Start a scenario", response={201: ScenarioMade}, errors=(404, 409, 422)
)
def start_scenario(request: ApiRequest, body: ScenarioStart) -> HttpResponse:
    """Start with the rules of a planning model, or with the plan of another scenario."""
    made = scenarios.start(
        request.services,
        request.actor,
        model=body.model or "",
        name=body.name,
        parent=body.parent,
        unit_kind=body.unit_kind,
        left_out=body.left_out,
        copy_of=body.copy_of,
    )
    return answer(made, status=201, headers={"Location": f"/api/v1/scenarios/{made['key']}"})


@_route("GET", "/scenarios/{key}", summary="Read a scenario", response=ScenarioData, errors=(404,))
def read_scenario(request: ApiRequest, key: str = Key) -> HttpResponse:
    """Return its units, plan, amounts, and which units touch; amounts are as of `book.taken_at`."""
    return answer(scenarios.read(request.services, request.actor, key))


@_route("PATCH", "/scenarios/{key}", summary="Rename a scenario", response=ScenarioNamed, errors=(404, 422))
def rename_scenario(request: ApiRequest, body: ScenarioRename, key: str = Key) -> HttpResponse:
    """Give it another name; its key stays."""
    return answer(scenarios.rename(request.services, request.actor, key, name=body.name))


@_route("DELETE", "/scenarios/{key}", summary="Delete a scenario", response={204: None}, errors=(404,))
def delete_scenario(request: ApiRequest, key: str = Key) -> HttpResponse:
    """Delete it with its steps; work under way is stopped. The model stays as it is."""
    scenarios.delete(request.services, request.actor, key)
    return HttpResponse(status=204)


@_route(
    "GET",
    "/scenarios/{key}/steps",
    summary="List the steps of a scenario",
    response=ScenarioSteps,
    errors=(404,),
)
def scenario_steps(request: ApiRequest, key: str = Key) -> HttpResponse:
    """Return what was done, by whom, the newest first."""
    return answer({"results": scenarios.steps(request.services, request.actor, key)})


@_route(
    "POST",
    "/scenarios/{key}/steps",
    summary="Assign or lock units, undo, redo",
    response=ScenarioStepOut,
    errors=(404, 409, 422),
)
def take_step(request: ApiRequest, body: ScenarioStepIn, key: str = Key) -> HttpResponse:
    """Do one step; 409 `scenario-changed` when the scenario has another revision than the one you saw."""
    services, actor = request.services, request.actor
    if body.kind == "assign":
        done = scenarios.assign(
            services, actor, key, seen=body.seen, units=body.units, territory=body.territory
        )
    elif body.kind in ("lock", "unlock"):
        done = scenarios.lock(
            services, actor, key, seen=body.seen, units=body.units, is_locked=body.kind == "lock"
        )
    else:
        walk = scenarios.undo if body.kind == "undo" else scenarios.redo
        done = walk(services, actor, key, seen=body.seen)
    return answer(done)


@_route(
    "POST",
    "/scenarios/{key}/settings",
    summary="Say what a good plan is",
    response=ScenarioSettled,
    errors=(404, 409, 422),
)
def change_scenario_settings(request: ApiRequest, body: ScenarioSettingsIn, key: str = Key) -> HttpResponse:
    """Change the objective, the balances, or whether territories are in one piece."""
    changes = body.model_dump(exclude_none=True, exclude={"seen"})
    done = scenarios.change_settings(request.services, request.actor, key, seen=body.seen, changes=changes)
    return answer(done)


@_route(
    "POST",
    "/scenarios/{key}/refresh",
    summary="Read the book and the model anew",
    response=ScenarioRefreshed,
    errors=(404, 409),
)
def refresh_scenario(request: ApiRequest, body: ScenarioSeen, key: str = Key) -> HttpResponse:
    """Take the amounts anew and keep the plan."""
    return answer(scenarios.refresh(request.services, request.actor, key, seen=body.seen))


@_route(
    "POST",
    "/scenarios/{key}/optimise",
    summary="Let the optimiser work on a scenario",
    response={202: ScenarioJobTaken},
    errors=(404, 409, 422),
)
def optimise_scenario(request: ApiRequest, body: ScenarioOptimise, key: str = Key) -> HttpResponse:
    """Queue the work; its result is one more step, which can be taken back. Wishes that cannot be are refused now."""
    options = body.model_dump(exclude={"seen"}, exclude_none=True)
    done = scenarios.optimise(request.services, request.actor, key, seen=body.seen, options=options)
    return answer(done, status=202, headers={"Location": f"/api/v1/jobs/{done['job']}"})


@_route(
    "GET",
    "/scenarios/{key}/progress",
    summary="See how far the optimiser is",
    response=ScenarioProgress,
    errors=(404,),
)
def scenario_progress(request: ApiRequest, key: str = Key) -> HttpResponse:
    """Return the best so far with its bound and gap; no job when nothing is under way."""
    return answer(scenarios.progress(request.services, request.actor, key))


@_route(
    "POST",
    "/scenarios/{key}/stop",
    summary="Stop the optimiser and keep its best",
    response=ScenarioJobTaken,
    errors=(404,),
)
def stop_scenario(request: ApiRequest, key: str = Key) -> HttpResponse:
    """Ask it to end within a second or two; the best plan so far becomes the step."""
    return answer(scenarios.stop(request.services, request.actor, key))


@_route(
    "GET",
    "/scenarios/{key}/compare",
    summary="See what a scenario changes",
    response=ScenarioComparison,
    errors=(404, 409),
)
def compare_scenario(
    request: ApiRequest,
    key: str = Key,
    with_: str = Query(
        "live", alias="with", max_length=100, description="`live`, or the key of another scenario."
    ),
    loss: float = Query(
        LOSS, ge=0, le=1, description="Share of annual revenue a change of hands loses at most."
    ),
    saves: float = Query(
        SAVES, ge=0, le=1, description="Share of that saved by a successor alike in everything."
    ),
) -> HttpResponse:
    """Return what moves per territory and rep, the balance on both sides, and what the moves may cost."""
    assumed = scenarios.Assumed(loss, saves)
    found = scenarios.compare(request.services, request.actor, key, with_=with_, assumed=assumed)
    return answer({**found, "compared": found["with"]})


@_route(
    "GET",
    "/scenarios/{key}/rules",
    summary="See a scenario as rules",
    response=ScenarioRules,
    errors=(404, 409, 422),
)
def scenario_rules(
    request: ApiRequest,
    key: str = Key,
    limit: int = Query(100, ge=0, le=10_000, description="At most so many rows of each list."),
) -> HttpResponse:
    """Return the criteria the plan comes to, and what they would move in the planning model; nothing is written."""
    return answer(scenarios.write_rules(request.services, request.actor, key, limit=limit))


@_route(
    "POST",
    "/scenarios/{key}/rules",
    summary="Write a scenario into its model's rules",
    response=ScenarioRules,
    errors=(404, 409, 422),
)
def write_scenario_rules(request: ApiRequest, body: ScenarioWriteRules, key: str = Key) -> HttpResponse:
    """Write the criteria looked at; approvals of what they change are void."""
    done = scenarios.write_rules(
        request.services, request.actor, key, preview=False, seen=body.seen, fingerprint=body.fingerprint
    )
    return answer(done)
