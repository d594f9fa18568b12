"""The audit log in words: who changed what, from what to what, why, and what was done together."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpResponse
from ninja import Query, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.plain import answer
from merestone.api.routing import operation
from merestone.app.audit import read_wanted
from merestone.app.policy import Right
from merestone.db.queries import audit

TEXT = 200


class FieldChange(Schema):
    """One field of one row."""

    field: str
    old: str = Field(description="In words; empty for nothing.")
    new: str = Field(description="In words; empty for nothing.")


class AuditLine(Schema):
    """One entry of the log."""

    id: int
    at: datetime
    actor: str
    cause: str
    transaction: str = Field(description="What was done together has the same.")
    table: str
    record_id: int
    record: str = Field(description="What the row is called.")
    did: str = Field(description="created, changed or deleted.")
    changes: list[FieldChange]


class AuditLines(Schema):
    """A page of the log, the newest first."""

    items: list[AuditLine]
    older: int | None = Field(description="Send as `before` for the next page; null on the last.")


@operation(
    "GET",
    "/audit/lines",
    scope="audit",
    right=Right.READ_AUDIT,
    summary="The audit log in words",
    response=AuditLines,
    name="audit_lines",
    errors=(422,),
)
def lines(
    request: ApiRequest,
    actor: str = Query("", max_length=TEXT, description="Occurs in who did it."),
    cause: str = Query("", max_length=TEXT, description="Occurs in why."),
    table: str = Query("", max_length=TEXT, description="account, rep, territorynode …"),
    record: int | None = Query(
        None, ge=0, lt=2**63, description="Id of the record; with `table`, what belongs to it too."
    ),
    field: str = Query("", max_length=TEXT, description="A field that changed."),
    did: str = Query("", max_length=10, description="I: created, U: changed, D: deleted."),
    since: str = Query("", alias="from", max_length=40, description="First day, or an instant."),
    until: str = Query("", alias="to", max_length=40, description="Last day, or an instant before which."),
    transaction: str = Query("", max_length=TEXT, description="What was done together."),
    before: int | None = Query(None, ge=0, lt=2**63, description="`older` of the page before."),
    limit: int = Query(100, ge=1, le=500, description="Entries on a page."),
) -> HttpResponse:
    """Return a page of the audit log, newest first, with records and references by name."""
    asked = {
        "actor": actor, "cause": cause, "table": table, "record": "" if record is None else str(record),
        "field": field, "did": did, "from": since, "to": until, "transaction": transaction,
    }  # fmt: skip
    wanted = read_wanted(asked, zone=request.actor.time_zone)
    page = audit.read_page(request.actor, wanted, before=before, size=limit)
    items = [_item(line) for group in page.groups for line in group.lines]
    return answer({"items": items, "older": page.older})


def _item(line: audit.Line) -> dict[str, object]:
    entry = line.entry
    return {
        "id": entry.pk,
        "at": entry.at,
        "actor": entry.actor,
        "cause": entry.cause,
        "transaction": entry.transaction,
        "table": entry.table_name.removeprefix("merestone_"),
        "record_id": entry.row_id,
        "record": line.record,
        "did": line.did,
        "changes": [{"field": change.field, "old": change.old, "new": change.new} for change in line.changes],
    }
