"""The lists, and one record of each: read, create, change, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from ninja import Path

from merestone.api.access import ApiRequest
from merestone.api.describing import list_parameters
from merestone.api.errors import not_there
from merestone.api.paging import read_page
from merestone.api.plain import answer
from merestone.api.records import (
    PRECONDITION,
    change,
    create,
    delete,
    read_record,
)
from merestone.api.resources import RESOURCES, Resource
from merestone.api.routing import operation
from merestone.api.schemas import create_schema, detail_schema, page_schema, patch_schema, row_schema
from merestone.app import crm

Id = Path(..., ge=0, description="Key of the record.")
CREATABLE = ("accounts", "leads", "contacts", "opportunities", "activities", "contracts")


def _list(resource: Resource, page: Any) -> None:
    def list_records(request: ApiRequest) -> HttpResponse:
        return answer(read_page(resource, request.actor, request.GET))

    list_records.__doc__ = resource.help
    operation(
        "GET",
        f"/{resource.name}",
        scope=resource.scope,
        right=resource.right,
        summary=f"List {resource.name}",
        response=page,
        name=f"list_{resource.name}",
        extra={"parameters": list_parameters(resource)},
    )(list_records)


def _detail(resource: Resource, schema: Any) -> None:
    def read(request: ApiRequest, record_id: int = Id) -> HttpResponse:
        found = read_record(resource, request.actor, record_id)
        return not_there() if found is None else found

    operation(
        "GET",
        f"/{resource.name}/{{int:record_id}}",
        scope=resource.scope,
        right=resource.right,
        summary=f"Read one {resource.singular}",
        response=schema,
        name=f"read_{resource.singular}",
        errors=(404,),
    )(read)


def _create(resource: Resource, schema: Any) -> None:
    body = create_schema(resource.table, resource.schema_name)

    def post(request: ApiRequest, record: Any) -> HttpResponse:
        return create(resource, request, record)

    operation(
        "POST",
        f"/{resource.name}",
        scope=resource.scope,
        right=crm.RIGHTS[resource.table],
        summary=f"Create a {resource.singular}"
        if resource.singular[0] not in "ao"
        else f"Create an {resource.singular}",
        response={201: schema},
        name=f"create_{resource.singular}",
        errors=(409, 422),
    )(_typed(post, record=body))


def _patch(resource: Resource, schema: Any) -> None:
    body = patch_schema(resource.table, resource.schema_name)

    def patch(request: ApiRequest, record: Any, record_id: int = Id) -> HttpResponse:
        return change(resource, request, record_id, record)

    operation(
        "PATCH",
        f"/{resource.name}/{{int:record_id}}",
        scope=resource.scope,
        right=crm.RIGHTS[resource.table],
        summary=f"Change one {resource.singular}",
        response=schema,
        name=f"change_{resource.singular}",
        errors=(404, 409, 412, 422, 428),
        extra={"parameters": [PRECONDITION]},
    )(_typed(patch, record=body))


def _delete(resource: Resource) -> None:
    def remove(request: ApiRequest, record_id: int = Id) -> HttpResponse:
        return delete(resource, request, record_id)

    operation(
        "DELETE",
        f"/{resource.name}/{{int:record_id}}",
        scope=resource.scope,
        right=crm.RIGHTS[resource.table],
        summary=f"Delete one {resource.singular}",
        response={204: None},
        name=f"delete_{resource.singular}",
        errors=(404, 412, 428),
        extra={"parameters": [PRECONDITION]},
    )(remove)


def _typed(function: Callable[..., Any], **annotations: Any) -> Callable[..., Any]:
    """Return the function with the types that are only known now."""
    function.__annotations__.update(annotations)
    return function


for one in RESOURCES.values():
    row = row_schema(one)
    _list(one, page_schema(one, row))
    if one.has_detail:
        detail = detail_schema(one, row)
        _detail(one, detail)
        if one.name in CREATABLE:
            _create(one, detail)
        if one.table in crm.EDITABLE:
            _patch(one, detail)
        if one.name in crm.DELETABLE:
            _delete(one)
