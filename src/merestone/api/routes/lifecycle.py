"""The life of models: their steps, schedules, policies, what was published, and undo."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from django.http import HttpResponse
from ninja import Path, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.errors import not_there
from merestone.api.plain import answer
from merestone.api.routes.assignment import JobTaken, job_taken
from merestone.api.routing import operation
from merestone.api.schemas import Body, Text
from merestone.app import jobs, lifecycle
from merestone.app.policy import Right
from merestone.base.errors import ConflictError

Key = Path(..., min_length=1, max_length=100, description="Key of the model.")
INT64 = 2**63 - 1


class StepBody(Body):
    """Why, and which version it is based on."""

    note: Text = Field("", description="Why; kept with the step.")
    version: int | None = Field(
        None, ge=0, le=INT64, description="Of the model looked at: 412 if it has another."
    )


class ScheduleBody(StepBody):
    """When the model shall take effect."""

    effective: Text | None = Field(
        None,
        description="A day (its first instant) or a day and time in the company's zone, or with an offset;"
        " null: the model's own first day.",
    )
    content_hash: Text | None = Field(
        None, description="What was approved: 409 if the model says something else."
    )


class PublishBody(StepBody):
    """What exactly shall be published."""

    fingerprint: Text | None = Field(None, description="Of the difference looked at: nothing else may move.")
    content_hash: Text | None = Field(
        None, description="What was approved: 409 if the model says something else."
    )


class UndoBody(Body):
    """What shall be undone."""

    publication: int | None = Field(
        None, ge=0, le=INT64, description="The one looked at: 409 if it is not the last."
    )
    keep_later: bool = Field(False, description="Let stay what was changed since.")
    note: Text = ""


class StepDone(Schema):
    """Where the model stands now."""

    key: str
    state: str
    version: int
    content_hash: str = Field(description="Of what the model says.")
    takes_effect_at: datetime | None = None


class ModelEvent(Schema):
    """One step of a model's life."""

    id: int
    at: datetime
    user_id: int | None
    actor: str
    from_state: str
    to_state: str
    note: str
    content_hash: str


class ModelLife(Schema):
    """Where a model stands, and how it came there."""

    key: str
    name: str
    state: str
    version: int
    allowed: list[str] = Field(description="The steps that are legal now.")
    content_hash: str
    takes_effect_at: datetime | None = Field(description="When the worker publishes it.")
    cloned_from: str | None
    activated_at: datetime | None
    archived_at: datetime | None
    events: list[ModelEvent]


class Publication(Schema):
    """One change of the active model."""

    id: int
    kind: str = Field(description="`publish` or `undo`.")
    model: str | None = Field(description="Active afterwards.")
    previous: str | None = Field(description="Active before.")
    undoes: int | None
    undone_by: int | None
    at: datetime
    actor: str
    note: str
    content_hash: str
    counts: dict[str, Any]


class Publications(Schema):
    """The newest first."""

    items: list[Publication]


class UndoPreview(Schema):
    """What undoing the last publication would do."""

    publication: Publication
    counts: dict[str, int]
    changed: dict[str, Any] = Field(description="What was changed since, by table: the first 100 and `n_…`.")
    n_changed: int


class UndoDone(Schema):
    """What was brought back."""

    publication: int
    undoes: int
    model: str | None = Field(description="Active now.")
    previous: str | None


class PoliciesBody(Body):
    """Policies to change; null: back to what is usual."""

    opportunities: Literal["follow", "until_closed", "late_stage"] | None = None
    late_stages: list[Text] | None = Field(None, max_length=10)
    late_days: int | None = Field(None, ge=-INT64, le=INT64)
    activities: Literal["follow", "stay"] | None = None
    challenges: dict[str, Any] | None = None
    approvals: dict[str, Any] | None = None
    version: int | None = Field(None, ge=0, le=INT64)


STEPS = {
    "submit": (lifecycle.submit, "Send a model to review"),
    "return": (lifecycle.send_back, "Take a model out of review"),
    "cancel": (lifecycle.cancel, "Cancel a model's schedule"),
    "archive": (lifecycle.archive, "Put a model away that was never published"),
}


def _declare(verb: str) -> None:
    use_case, summary = STEPS[verb]

    def step(request: ApiRequest, key: str = Key, body: StepBody | None = None) -> HttpResponse:
        said = body or StepBody.model_validate({})
        return answer(use_case(request.services, request.actor, key, note=said.note, version=said.version))

    step.__doc__ = f"{summary}; 409 when that is no legal step, with those that are."
    step.__module__ = __name__
    operation(
        "POST",
        f"/models/{{key}}/{verb}",
        scope="models",
        right=Right.PLAN,
        summary=summary,
        response=StepDone,
        name=f"{verb}_model",
        errors=(404, 409, 412, 422),
    )(step)


for _verb in STEPS:
    _declare(_verb)


@operation(
    "POST",
    "/models/{key}/schedule",
    scope="models",
    right=Right.PLAN,
    summary="Schedule a model",
    response=StepDone,
    errors=(404, 409, 412, 422),
)
def schedule_model(request: ApiRequest, body: ScheduleBody, key: str = Key) -> HttpResponse:
    """Have the worker publish a model at an instant in the future, exactly as it is now."""
    done = lifecycle.schedule(
        request.services,
        request.actor,
        key,
        effective=body.effective,
        note=body.note,
        content=body.content_hash,
        version=body.version,
    )
    return answer(done)


@operation(
    "POST",
    "/models/{key}/publish",
    scope="models",
    right=Right.PLAN,
    summary="Publish a model",
    response={202: JobTaken},
    errors=(404, 422),
)
def publish_model(request: ApiRequest, key: str = Key, body: PublishBody | None = None) -> HttpResponse:
    """Make a model the active one, assign everything anew and hand open work over, as a job."""
    lifecycle.life_of(request.services, request.actor, key)
    said = body or PublishBody.model_validate({})
    job = jobs.enqueue(
        request.services,
        request.actor,
        "publish",
        key=key,
        fingerprint=said.fingerprint,
        content=said.content_hash,
        version=said.version,
        note=said.note,
    )
    return job_taken(job)


@operation(
    "GET",
    "/models/{key}/undo",
    scope="models",
    right=Right.PLAN,
    summary="Preview undoing a publication",
    response=UndoPreview,
    errors=(404, 409),
)
def preview_undo(request: ApiRequest, key: str = Key) -> HttpResponse:
    """Return what undoing the last publication (of this model) would bring back, and what was changed since."""
    _require_last(request, key)
    return answer(lifecycle.preview_undo(request.services, request.actor))


@operation(
    "POST",
    "/models/{key}/undo",
    scope="models",
    right=Right.PLAN,
    summary="Undo a publication",
    response=UndoDone,
    errors=(404, 409, 412, 422),
)
def undo_publication(request: ApiRequest, key: str = Key, body: UndoBody | None = None) -> HttpResponse:
    """Take the last publication (of this model) back; undoing an undo publishes again. 409 with what changed since."""
    _require_last(request, key)
    said = body or UndoBody.model_validate({})
    done = lifecycle.undo(
        request.services,
        request.actor,
        publication=said.publication,
        keep_later=said.keep_later,
        note=said.note,
    )
    return answer(done)


def _require_last(request: ApiRequest, key: str) -> None:
    """Raise unless this model is the one the last publication made active (or took from being so)."""
    lifecycle.life_of(request.services, request.actor, key)
    last = lifecycle.last_publication(request.services)
    if last is not None and key not in (last.model, last.previous if last.model is None else None):
        raise ConflictError(
            f"The last publication was not of '{key}'.",
            code="not-the-last",
            difference={"model": [key, last.model]},
            fix="Only the last one can be undone.",
        )


@operation(
    "GET",
    "/models/{key}/life",
    scope="models",
    right=Right.PLAN,
    summary="Read where a model stands",
    response=ModelLife,
    errors=(404,),
)
def model_life(request: ApiRequest, key: str = Key) -> HttpResponse:
    """Return a model's state, the steps that are legal now, and every step it took."""
    life = lifecycle.life_of_part(request.services, request.actor, key)
    loaded = request.services.models.load(key)
    if loaded is None:
        return not_there()
    names = (
        "key",
        "name",
        "state",
        "version",
        "takes_effect_at",
        "cloned_from",
        "activated_at",
        "archived_at",
    )
    found = {name: getattr(life, name) for name in names} | {
        "allowed": lifecycle.allowed_to(request.actor, life.state),
        "content_hash": lifecycle.content_hash(loaded[1]),
        "events": lifecycle.events(request.services, request.actor, key),
    }
    return answer(found)


@operation(
    "GET",
    "/models/{key}/publications",
    scope="models",
    right=Right.PLAN,
    summary="List a model's publications",
    response=Publications,
    errors=(404,),
)
def model_publications(request: ApiRequest, key: str = Key) -> HttpResponse:
    """Return the changes of the active model to and from this one, the newest first."""
    return answer({"items": lifecycle.publications(request.services, request.actor, key)})


@operation(
    "GET",
    "/publications",
    scope="models",
    right=Right.PLAN,
    summary="List publications",
    response=Publications,
)
def list_publications(request: ApiRequest) -> HttpResponse:
    """Return every change of the active model, the newest first."""
    return answer({"items": lifecycle.publications(request.services, request.actor)})


@operation(
    "GET",
    "/models/{key}/policies",
    scope="models",
    right=Right.PLAN,
    summary="Read a model's policies",
    response=dict[str, Any],
    errors=(404,),
)
def read_policies(request: ApiRequest, key: str = Key) -> HttpResponse:
    """Return what the model does with open work, challenges and approvals."""
    return answer(lifecycle.read_policies(request.services, request.actor, key))


@operation(
    "PATCH",
    "/models/{key}/policies",
    scope="models",
    right=Right.PLAN,
    summary="Change a model's policies",
    response=dict[str, Any],
    errors=(404, 409, 412, 422),
)
def change_policies(request: ApiRequest, body: PoliciesBody, key: str = Key) -> HttpResponse:
    """Change the policies named in the body; 422 with every problem."""
    changes = body.model_dump(exclude_unset=True, exclude={"version"})
    return answer(lifecycle.set_policies(request.services, request.actor, key, changes, version=body.version))
