"""One record: as it is, created, changed, deleted. The ETag is its version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from pydantic import BaseModel

from merestone.api.access import ApiRequest
from merestone.api.errors import PreconditionNeededError, not_there, problem_of
from merestone.api.plain import answer
from merestone.api.resources import Resource
from merestone.api.schemas import REFERENCES
from merestone.app import crm
from merestone.app.policy import Actor
from merestone.base.errors import ConflictError, InvalidInputError, Problem, UsageError
from merestone.db.queries import lists

MAX_ID = 2**63 - 1
PRECONDITION = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "schema": {"type": "string"},
    "description": 'The ETag last read, such as `"3"`.',
}


def row_of(resource: Resource, actor: Actor, record_id: int) -> dict[str, Any] | None:
    """Return a visible record's fields by name."""
    if record_id > MAX_ID:
        return None
    paths = {field.path: None for field in resource.fields}
    row = resource.rows(actor).filter(pk=record_id).order_by().values(*paths).first()
    return None if row is None else {field.name: row[field.path] for field in resource.fields}


def read_record(
    resource: Resource, actor: Actor, record_id: int, *, status: int = 200
) -> HttpResponse | None:
    """Return a visible record with what belongs to it; None when it is hidden or missing."""
    row = row_of(resource, actor, record_id)
    if row is None:
        return None
    headers = {"ETag": etag(row["version"])} if "version" in row else {}
    if status == 201:
        headers["Location"] = f"/api/v1/{resource.name}/{record_id}"
    return answer(row | _more(resource, actor, record_id), status=status, headers=headers)


def etag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


def wanted_version(request: HttpRequest) -> int:
    """Return the version of ``If-Match``; without one the answer is 428."""
    text = request.headers.get("If-Match", "").strip()
    if not text:
        raise PreconditionNeededError(
            "A change needs to say which version it is based on.",
            fix="Read the record and send its ETag as If-Match.",
        )
    number = text.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise UsageError(
            f"'{text[:60]}' is not an ETag of ours.",
            code="bad-etag",
            fix='Send the ETag as it came, such as "3".',
        )
    return int(number)


def create(resource: Resource, request: ApiRequest, body: BaseModel) -> HttpResponse:
    """Create a record; new accounts and leads get their place in the same transaction."""
    values = body.model_dump(exclude_unset=True)
    references = {name: values.pop(name) for name in REFERENCES.get(resource.table, {}) if name in values}
    references = {name: value for name, value in references.items() if value is not None}
    _require_visible(request, resource.table, references)
    if resource.table == "activities":
        record_id = crm.log_activity(request.services, request.actor, values=values, **references)
    else:
        record_id = crm.create_record(
            request.services, request.actor, table=resource.table, values=values, references=references
        )
    made = read_record(resource, request.actor, record_id, status=201)
    # The rules may give a new account to somebody else; then its id is all its maker learns.
    return made if made is not None else answer({"id": record_id}, status=201)


def change(resource: Resource, request: ApiRequest, record_id: int, body: BaseModel) -> HttpResponse:
    """Change a record, unless somebody else did meanwhile."""
    row = row_of(resource, request.actor, record_id)
    if row is None:
        return not_there()
    version = wanted_version(request)
    try:
        crm.update_record(
            request.services,
            request.actor,
            table=resource.table,
            record_id=record_id,
            values=body.model_dump(exclude_unset=True),
            version=version,
        )
    except ConflictError as error:
        return _conflict(resource, request, record_id, error)
    changed = read_record(resource, request.actor, record_id)
    # A change of state or industry may move it out of sight.
    return changed if changed is not None else answer({"id": record_id})


def delete(resource: Resource, request: ApiRequest, record_id: int) -> HttpResponse:
    """Delete a record, unless somebody else changed it meanwhile."""
    if row_of(resource, request.actor, record_id) is None:
        return not_there()
    version = wanted_version(request)
    try:
        crm.delete_record(
            request.services, request.actor, table=resource.table, record_id=record_id, version=version
        )
    except ConflictError as error:
        return _conflict(resource, request, record_id, error)
    return HttpResponse(status=204)


def _conflict(resource: Resource, request: ApiRequest, record_id: int, error: ConflictError) -> HttpResponse:
    response = problem_of(error)
    row = row_of(resource, request.actor, record_id)
    if row is not None:
        response["ETag"] = etag(row["version"])
    return response


def _require_visible(request: ApiRequest, table: str, references: Mapping[str, int]) -> None:
    """Raise InvalidInputError with every reference to a record that is missing or hidden."""
    problems = []
    for name, value in references.items():
        target = REFERENCES[table][name]
        if target == "products":
            is_there = lists.products(request.actor).filter(pk=value).exists()
        else:
            is_there = bool(request.services.visibility.visible_ids(request.actor, target, [value]))
        if not is_there:
            problems.append(
                Problem(
                    "unknown-reference",
                    f"There is no record {value} in {target}, or it is not visible to you.",
                    f"Look it up with GET /{target}.",
                    where=name,
                )
            )
    if problems:
        raise InvalidInputError("The record was not created.", problems)


def _more(resource: Resource, actor: Actor, record_id: int) -> dict[str, Any]:
    if resource.name == "accounts":
        history = [_place(row) for row in lists.account_history(actor, record_id)]
        lock = lists.account_lock(actor, record_id)
        shown = None if lock is None else {"reason": lock.reason, "until": lock.until}
        return {"reason": _reason_now(history), "lock": shown, "history": history}
    if resource.name == "leads":
        history = [_place(row) for row in lists.lead_history(actor, record_id)]
        return {"reason": _reason_now(history), "history": history}
    if resource.name == "opportunities":
        names = ("from_stage", "stage", "changed_at")
        return {"history": list(lists.stage_changes(actor, record_id).values(*names))}
    return {}


def _place(row: Any) -> dict[str, Any]:
    return {
        "territory": row.territory.key if row.territory else None,
        "territory_name": row.territory.name if row.territory else None,
        "owner_id": row.owner_id,
        "owner": row.owner.name if row.owner else None,
        "model": row.model.key if row.model else None,
        "is_primary": row.is_primary,
        "cause": row.cause,
        "reason": row.reason,
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
    }


def _reason_now(history: list[dict[str, Any]]) -> Any:
    return next(
        (place["reason"] for place in history if place["is_primary"] and place["valid_to"] is None), None
    )
