"""Rules of engagement and training."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import HttpResponse
from ninja import Path, Query, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.errors import not_there
from merestone.api.plain import answer
from merestone.api.routing import operation
from merestone.api.schemas import Body, Text
from merestone.app import guidelines
from merestone.app.guidelines.training import MAX_TITLE, MAX_URL
from merestone.core.rules.document import MAX_GUIDELINES
from merestone.db.queries import guidelines as queries
from merestone.db.queries.guidelines import Lesson, Paper, Reader

VersionId = Path(..., ge=1, le=2**63 - 1, description="Of the version.")
ItemId = Path(..., ge=1, le=2**63 - 1, description="Of the training item.")


class ReaderRow(Schema):
    """Somebody it is for."""

    user_id: int
    name: str
    email: str
    at: datetime | None = Field(description="When they confirmed or did it; null: not yet.")


class PaperRow(Schema):
    """A version of rules of engagement."""

    id: int
    territory: str | None = Field(description="Key; null with `model` null: the company's.")
    model: str | None
    name: str
    number: int = Field(description="Counts from 1.")
    text: str = Field(description="Markdown; empty: withdrawn.")
    must_be_acknowledged: bool
    at: datetime = Field(description="When it came into force, or was written.")
    author: str
    is_in_force: bool
    acknowledged_at: datetime | None = Field(description="When you confirmed it.")


class PaperPage(Schema):
    """Versions."""

    items: list[PaperRow]
    next: None


class ReaderPage(Schema):
    """People."""

    items: list[ReaderRow]
    next: None


class NewPaper(Body):
    """A new version."""

    text: Text = Field(max_length=MAX_GUIDELINES, description="Markdown; empty withdraws.")
    territory: Text | None = Field(
        None, max_length=100, description="Key; null with `model` null: the company."
    )
    model: Text | None = Field(None, max_length=100, description="Key of a model.")
    must_be_acknowledged: bool = True
    base: int | None = Field(
        None, ge=0, le=2**63 - 1, description="Id of the version it was made from; 0: there was none."
    )


class Saved(Schema):
    """What became of it."""

    id: int | None = Field(description="Of the new version or the item; null: nothing differs.")


class Noted(Schema):
    """Whether it is new."""

    is_new: bool


class LessonRow(Schema):
    """A training item."""

    id: int
    title: str
    body: str
    url: str
    territory: str | None
    roles: list[str]
    due_on: date | None
    is_retired: bool
    is_overdue: bool
    is_mine: bool = Field(description="Whether it is for you.")
    done_at: datetime | None = Field(description="When you did it.")
    people: list[ReaderRow] = Field(description="Those you lead whom it is for.")
    version: int


class LessonPage(Schema):
    """Training items."""

    items: list[LessonRow]
    next: None


class NewTraining(Body):
    """A training item to make."""

    title: Text = Field(max_length=MAX_TITLE)
    body: Text = Field("", max_length=MAX_GUIDELINES, description="Markdown.")
    url: Text = Field("", max_length=MAX_URL)
    territory: Text | None = Field(None, max_length=100, description="Key; null: everybody.")
    roles: list[Text] = Field(default_factory=list, max_length=20, description="Member roles; empty: all.")
    due_on: date | None = None


def _paper(found: Paper) -> dict[str, Any]:
    names = PaperRow.model_fields
    return {name: getattr(found, name) for name in names}


def _reader(found: Reader) -> dict[str, Any]:
    return {"user_id": found.user_id, "name": found.name, "email": found.email, "at": found.at}


def _lesson(found: Lesson) -> dict[str, Any]:
    item = found.item
    return {
        "id": item.pk,
        "title": item.title,
        "body": item.body,
        "url": item.url,
        "territory": item.territory.key if item.territory else None,
        "roles": list(item.roles),
        "due_on": item.due_on,
        "is_retired": item.retired_at is not None,
        "is_overdue": found.is_overdue,
        "is_mine": found.is_mine,
        "done_at": found.done_at,
        "people": [_reader(one) for one in found.people],
        "version": item.version,
    }


@operation("GET", "/guidelines", scope="own", summary="List rules of engagement", response=PaperPage)
def list_guidelines(
    request: ApiRequest,
    territory: str | None = Query(None, max_length=100, description="All versions of this territory."),
    model: str | None = Query(None, max_length=100, description="All versions of this model."),
    company: bool = Query(False, description="All versions of the company."),
) -> HttpResponse:
    """Return what is in force for you; with a place, all its versions you may read, the newest first."""
    if territory or model or company:
        place = {
            name: (key or "").replace("\x00", "") or None
            for name, key in (("territory", territory), ("model", model))
        }
        found = queries.versions(request.actor, **place)
    else:
        found = queries.concerning(request.actor)
    return answer({"items": [_paper(one) for one in found], "next": None})


@operation(
    "POST",
    "/guidelines",
    scope="own",
    summary="Write rules of engagement",
    response={201: Saved},
    errors=(404, 409, 412, 422),
)
def save_guidelines(request: ApiRequest, body: NewPaper) -> HttpResponse:
    """Save a new version for a territory, a model or the company, and tell those it is for."""
    data = body.model_dump()
    made = guidelines.save_guidelines(request.services, request.actor, data.pop("text"), **data)
    return answer({"id": made}, status=201)


@operation(
    "GET",
    "/guidelines/{int:version_id}",
    scope="own",
    summary="Read a version",
    response=PaperRow,
    errors=(404,),
)
def read_guideline(request: ApiRequest, version_id: int = VersionId) -> HttpResponse:
    """Return one version."""
    found = queries.paper(request.actor, version_id)
    return not_there() if found is None else answer(_paper(found[0]))


@operation(
    "GET",
    "/guidelines/{int:version_id}/readers",
    scope="own",
    summary="Who has read it",
    response=ReaderPage,
    errors=(404,),
)
def guideline_readers(request: ApiRequest, version_id: int = VersionId) -> HttpResponse:
    """Return those you lead whom it is for, those who have not confirmed it first."""
    found = queries.paper(request.actor, version_id)
    if found is None:
        return not_there()
    return answer({"items": [_reader(one) for one in queries.readers(request.actor, found[0])], "next": None})


@operation(
    "POST",
    "/guidelines/{int:version_id}/acknowledge",
    scope="own",
    summary="Confirm having read it",
    response=Noted,
    errors=(404, 409, 412),
)
def acknowledge_guideline(request: ApiRequest, version_id: int = VersionId) -> HttpResponse:
    """Confirm that you have read the version in force."""
    return answer({"is_new": guidelines.acknowledge(request.services, request.actor, version_id)})


@operation("GET", "/training", scope="own", summary="List training", response=LessonPage)
def list_training(
    request: ApiRequest,
    retired: bool = Query(False, description="Also what is out of use."),
) -> HttpResponse:
    """Return the training items you may look at, and who of those you lead has done them."""
    found = queries.lessons(request.actor, is_retired=retired)
    return answer({"items": [_lesson(one) for one in found], "next": None})


@operation(
    "POST",
    "/training",
    scope="own",
    summary="Make a training item",
    response={201: Saved},
    errors=(404, 422),
)
def save_training(request: ApiRequest, body: NewTraining) -> HttpResponse:
    """Make a training item and tell those it is for."""
    return answer(
        {"id": guidelines.save_training(request.services, request.actor, **body.model_dump())}, status=201
    )


@operation(
    "POST",
    "/training/{int:item_id}/done",
    scope="own",
    summary="Say that you have done it",
    response=Noted,
    errors=(404,),
)
def training_done(request: ApiRequest, item_id: int = ItemId) -> HttpResponse:
    """Note that you have done a training item that is for you."""
    return answer({"is_new": guidelines.mark_done(request.services, request.actor, item_id)})


@operation(
    "POST",
    "/training/{int:item_id}/retire",
    scope="own",
    summary="Retire a training item",
    response=Saved,
    errors=(404,),
)
def retire_training(request: ApiRequest, item_id: int = ItemId) -> HttpResponse:
    """Take a training item out of use; who did it stays on record."""
    guidelines.retire_training(request.services, request.actor, item_id)
    return answer({"id": item_id})
