"""Hand-outs of a scenario as files."""

from __future__ import annotations

import io
from typing import Any

from django.http import HttpResponse
from ninja import Path, Query, Schema

from merestone.api.access import ApiRequest
from merestone.api.errors import not_there
from merestone.api.plain import answer
from merestone.api.routes.scenarios import ModelName
from merestone.api.routing import operation
from merestone.app import handouts
from merestone.app.policy import Right

Key = Path(..., min_length=1, max_length=100, description="Key of the scenario.")
CONTENT_TYPES = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}


class HandOutTerritory(Schema):
    """A territory that can be handed out."""

    key: str
    name: str
    owner: str
    units: int
    accounts: int


class HandOutManager(Schema):
    """A manager for whom the territories can be handed out together."""

    id: int
    name: str
    territories: int


class HandOutChoices(Schema):
    """What can be handed out of a scenario."""

    scenario: dict[str, Any]
    model: ModelName
    territories: list[HandOutTerritory]
    managers: list[HandOutManager]


@operation(
    "GET",
    "/scenarios/{key}/hand-outs",
    scope="models",
    right=Right.PLAN,
    summary="List what can be handed out",
    response=HandOutChoices,
    errors=(404,),
)
def hand_outs(request: ApiRequest, key: str = Key) -> HttpResponse:
    """Return the territories and managers of a scenario for whom there are hand-outs."""
    return answer(handouts.choices(request.services, request.actor, key))


@operation(
    "GET",
    "/scenarios/{key}/hand-outs/{fmt}",
    scope="models",
    right=Right.PLAN,
    summary="Make a hand-out",
    errors=(404, 409, 422),
)
def hand_out(
    request: ApiRequest,
    key: str = Key,
    fmt: str = Path(..., max_length=10, description="pdf, xlsx, or zip: both for each territory."),
    territory: str | None = Query(None, max_length=100, description="Of this territory only."),
    manager: int | None = Query(None, ge=0, le=2**63 - 1, description="Of the territories of this rep only."),
    paper: str = Query("letter", max_length=10, description="letter or a4; for pdf and zip."),
) -> HttpResponse:
    """Return a file: the accounts as they are now, where the scenario would put them, beside where they are."""
    if fmt not in CONTENT_TYPES:
        return not_there()
    found = handouts.make(request.services, request.actor, key, territory=territory, manager=manager)
    buffer = io.BytesIO()
    if fmt == "zip":
        handouts.write_each(request.services, found, buffer, paper=paper)
    else:
        handouts.write(request.services, found, buffer, fmt=fmt, paper=paper)
    response = HttpResponse(buffer.getvalue(), content_type=CONTENT_TYPES[fmt])
    response["Content-Disposition"] = f'attachment; filename="{handouts.file_name(found, fmt)}"'
    response["Cache-Control"] = "private, no-store"
    return response
