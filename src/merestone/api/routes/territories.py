"""Territories of the active model, and the models themselves."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from ninja import Path, Query, Schema
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.errors import not_there
from merestone.api.plain import answer
from merestone.api.routing import operation
from merestone.app import plans
from merestone.app.policy import Right
from merestone.app.rulebook import RuleBook
from merestone.base.errors import UsageError
from merestone.db.queries import scope, territories

Key = Path(..., min_length=1, max_length=100, description="Key of the territory or model.")


class Sums(Schema):
    """Totals over accounts."""

    accounts: int
    customers: int
    unowned: int
    potential: str = Field(description="Money, in the company's currency.")
    revenue: str = Field(description="Money, in the company's currency.")
    workload_hours: float


class TerritoryRow(Schema):
    """A territory of the active model."""

    key: str
    name: str
    type: str
    is_primary: bool
    parent: str | None = Field(description="Nearest visible territory above it.")
    depth: int
    is_leaf: bool
    priority: int
    owners: list[str]
    managers: list[str]
    own: Sums = Field(description="Accounts placed exactly here.")
    total: Sums = Field(description="With everything below it.")


class TerritoryPage(Schema):
    """All visible territories, in tree order."""

    items: list[TerritoryRow]
    next: None = Field(description="Always null: the tree comes whole.")


class TerritoryMember(Schema):
    """Somebody in a territory."""

    rep_id: int
    rep: str
    role: str
    starts_on: date | None
    ends_on: date | None


class TerritoryDetail(TerritoryRow):
    """A territory with its rule and people."""

    criteria: str | None = Field(description="In the criteria language; null: a grouping node.")
    rule: str = Field(description="The same in plain English.")
    members: list[TerritoryMember]


class DocumentApplied(Schema):
    """What applying a document did."""

    key: str
    territories: int
    changed: bool = Field(description="False: the model had this content already.")


def _sums(sums: territories.Sums) -> dict[str, Any]:
    return {
        "accounts": sums.accounts,
        "customers": sums.customers,
        "unowned": sums.unowned,
        "potential": f"{Decimal(sums.potential):.2f}",
        "revenue": f"{Decimal(sums.revenue):.2f}",
        "workload_hours": round(sums.workload_hours, 6),
    }


def _row(row: territories.TreeRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "name": row.name,
        "type": row.type_name,
        "is_primary": row.is_primary,
        "parent": row.parent,
        "depth": row.depth,
        "is_leaf": row.is_leaf,
        "priority": row.priority,
        "owners": row.owners,
        "managers": row.managers,
        "own": _sums(row.own),
        "total": _sums(row.total),
    }


@operation("GET", "/territories", scope="territories", summary="List territories", response=TerritoryPage)
def list_territories(request: ApiRequest) -> HttpResponse:
    """Return the active model's tree as far as you see it, depth first."""
    return answer({"items": [_row(row) for row in territories.tree(request.actor)], "next": None})


@operation(
    "GET",
    "/territories/{key}",
    scope="territories",
    summary="Read one territory",
    response=TerritoryDetail,
    errors=(404,),
)
def read_territory(request: ApiRequest, key: str = Key) -> HttpResponse:
    """Return a territory of the active model with its rule in plain English and everybody in it."""
    row = next((row for row in territories.tree(request.actor) if row.key == key), None)
    node = scope.visible_nodes(request.actor).filter(territory__key=key).first() if row else None
    if row is None or node is None:
        return not_there()
    book = RuleBook(plans.load_model(request.services, request.actor, None)[1])
    members = [
        {
            "rep_id": member.rep_id,
            "rep": member.rep.name,
            "role": member.role,
            "starts_on": member.starts_on,
            "ends_on": member.ends_on,
        }
        for member in territories.members_of(node)
        if member.node_id == node.pk
    ]
    content = _row(row) | {"criteria": node.criteria, "rule": book.english(key), "members": members}
    return answer(content)


@operation(
    "POST",
    "/models",
    scope="models",
    right=Right.PLAN,
    summary="Apply a model document",
    response={200: DocumentApplied},
    errors=(409, 413, 422),
    extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "object", "description": "A model document."}}
            },
        }
    },
)
def apply_document(
    request: ApiRequest,
    dry_run: bool = Query(False, description="True: only tell what would change."),
) -> HttpResponse:
    """Create or replace a planning model; applying the same document again changes nothing."""
    data = read_document_body(request)
    if dry_run:
        return answer(plans.diff_document(request.services, request.actor, data))
    return answer(plans.apply_document(request.services, request.actor, data))


def read_document_body(request: ApiRequest) -> dict[str, Any]:
    """Return a model document sent as the body; UsageError when it is no JSON object."""
    try:
        data = json.loads(request.body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "The body is not JSON.", code="unreadable", fix="Send the model document as application/json."
        ) from error
    if not isinstance(data, dict):
        raise UsageError("A model document is a JSON object.", code="unreadable", fix="Send { … }.")
    return data


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@operation(
    "GET",
    "/models/{key}/document",
    scope="models",
    right=Right.PLAN,
    summary="Export a model as a document",
    response=dict[str, Any],
    errors=(404,),
)
def export_document(request: ApiRequest, key: str = Key) -> HttpResponse:
    """Return a model's document; applying it again changes nothing."""
    return answer(plans.export_document(request.services, request.actor, key))
