"""The parameters of lists, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from merestone.api.fields import Field
from merestone.api.filters import LOOKUPS, MEANINGS
from merestone.api.paging import DEFAULT_LIMIT, MAX_LIMIT
from merestone.api.resources import Resource
from merestone.core.model.columns import Kind

TYPES: dict[Kind, dict[str, Any]] = {
    Kind.NUMBER: {"type": "number"},
    Kind.MONEY: {"type": "string", "format": "decimal"},
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.INSTANT: {"type": "string", "format": "date-time"},
    Kind.BOOLEAN: {"type": "boolean"},
}


def list_parameters(resource: Resource) -> list[dict[str, Any]]:
    """Return every parameter a list takes."""
    sortable = [field.name for field in resource.fields if field.is_sortable]
    common = [
        _parameter(
            "q", {"type": "string"}, f"Words to find in {', '.join(resource.search)}; all must occur."
        ),
        _parameter(
            "sort",
            {"type": "string", "default": "id"},
            f"One of {', '.join(sortable)}; `-` before it turns it.",
        ),
        _parameter("fields", {"type": "string"}, "Only these fields, separated by commas."),
        _parameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            "Page size.",
        ),
        _parameter("cursor", {"type": "string"}, "`next` of the page before."),
        _parameter("count", {"type": "boolean", "default": False}, "Also tell the `total`."),
    ]
    if resource.has_custom:
        common.append(
            _parameter(
                "custom.{key}", {"type": "string"}, "A field of the customer's, with the lookups of its kind."
            )
        )
    return common + [parameter for field in resource.fields for parameter in _of_field(field)]


def _of_field(field: Field) -> list[dict[str, Any]]:
    if not field.is_filterable:
        return []
    return [
        _parameter(
            f"{field.name}__{lookup}" if lookup else field.name,
            _schema(field, lookup),
            f"{field.help} {MEANINGS[lookup].capitalize()}.",
        )
        for lookup in LOOKUPS[field.kind]
    ]


def _schema(field: Field, lookup: str) -> dict[str, Any]:
    if lookup == "isnull":
        return {"type": "boolean"}
    if lookup in ("in", "contains", "startswith", "has"):
        return {"type": "string"}
    one = {"type": "integer"} if field.is_whole else TYPES.get(field.kind, {"type": "string"})
    return {**one, "enum": list(field.choices)} if field.choices else dict(one)


def _parameter(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"in": "query", "name": name, "required": False, "schema": schema, "description": text}
