"""The OpenAPI document, the reference page, and answers that keep to them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from ninja import Schema
from pydantic import TypeAdapter
from tests.api.conftest import BASE, Caller, World

from merestone.api.main import api, document
from merestone.api.resources import RESOURCES
from merestone.api.schemas import create_schema
from merestone.app import crm
from merestone.core.model.columns import TABLES

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md"


def test_the_document_is_public_and_stable(client: Client, db: None) -> None:
    response = client.get(BASE + "/openapi.json")
    assert response.status_code == 200
    assert response.json() == json.loads(json.dumps(document()))
    assert response.json()["openapi"].startswith("3.1")


def test_every_reference_in_the_document_is_resolved() -> None:
    text = json.dumps(document())
    known = set(document()["components"]["schemas"])
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= known


def test_operations_have_names_of_their_own_and_words() -> None:
    operations = [one for path in document()["paths"].values() for one in path.values()]
    ids = [one["operationId"] for one in operations]
    assert len(set(ids)) == len(ids)
    assert all(one["summary"] for one in operations)
    for one in operations:
        assert all(parameter.get("description") for parameter in one["parameters"]), one["operationId"]


def test_the_reference_page_needs_nothing_from_elsewhere(client: Client, db: None) -> None:
    page = client.get(BASE + "/docs").content.decode()
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert not [link for link in links if "//" in link]
    for link in links:
        if not link.startswith("data:"):
            assert client.get(f"{BASE}/{link}").status_code == 200, link


def test_bodies_offer_what_people_may_edit() -> None:
    for table, names in crm.EDITABLE.items():
        made = create_schema(table, table).model_fields
        assert set(names) <= set(made), table
        required = {name for name, field in made.items() if field.is_required()}
        assert {
            column.name for column in TABLES[table] if column.required and column.name in names
        } <= required


def test_lists_show_every_column_of_their_table() -> None:
    for resource in RESOURCES.values():
        if resource.table:
            shown = {field.name for field in resource.fields}
            assert set(TABLES[resource.table].names) <= shown


def models() -> dict[str, type[Schema]]:
    """Return operation id -> schema of its answer."""
    found = {}
    for bound in api._get_bound_routers():
        for view in bound.path_operations.values():
            for operation in view.operations:
                for status, model in operation.response_models.items():
                    if status in (200, 201) and hasattr(model, "model_fields"):
                        found[operation.operation_id] = model.model_fields["response"].annotation
    return found


def keeps_to(schema: Any, content: bytes) -> bool:
    """Return whether an answer is what its schema would write."""
    adapter: TypeAdapter[Any] = TypeAdapter(schema)
    value = adapter.validate_json(content)
    return adapter.dump_python(value, mode="json", exclude_unset=True) == json.loads(content)


@pytest.mark.both_databases
def test_answers_keep_to_their_schemas(world: World, admin_calls: Caller) -> None:
    schemas: dict[str, Any] = models()
    ids = {"accounts": world.accounts, "leads": world.leads, "reps": world.reps, **world.records}
    addresses = {
        "list_territories": "/territories",
        "read_territory": "/territories/west",
        "me": "/me",
        "list_tokens": "/tokens",
        "balance": "/balance",
        "scorecard": "/scorecard?from=2026-01-01&to=2027-01-01",
    }
    for name, resource in RESOURCES.items():
        addresses[f"list_{name}"] = f"/{name}?count=true"
        if name in ids:
            addresses[f"read_{resource.singular}"] = f"/{name}/{next(iter(ids[name].values()))}"
    for operation, address in addresses.items():
        assert keeps_to(schemas[operation], admin_calls.get(address).content), operation


def test_rows_hold_every_field_of_their_schema(world: World, admin_calls: Caller) -> None:
    for name, resource in RESOURCES.items():
        for row in admin_calls.items(f"/{name}"):
            assert list(row) == [field.name for field in resource.fields]


def test_the_reference_names_every_path_and_no_other() -> None:
    text = REFERENCE.read_text()
    told = set(re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`\s?]*)", text))
    there = {
        (method.upper(), path.removeprefix(BASE))
        for path, operations in document()["paths"].items()
        for method in operations
    }
    assert told == there
