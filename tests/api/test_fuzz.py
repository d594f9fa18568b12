"""Whatever is sent, the answer is one the document allows: never a 500."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.conftest import Caller, World

from merestone.api.main import document

HOSTILE = (
    "", " ", "0", "1", "-1", "2", "1.5", "1e400", "NaN", "inf", "-inf", "9" * 25, "true", "null", "\x00", "\n", "'", '"', "%", "_",
    "\\", "2026-02-30", "2026-01-31", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
    "2026-01-01T00:00:00Z", "CA", "a,b", ",", "é\u0301", "\U0001f600", "x" * 5000, "us", "west", "m1", "../..", "٣", "1_0", "[1", "(",
)  # fmt: skip
texts = st.sampled_from(HOSTILE) | st.text(max_size=20)
keys = st.sampled_from(["west", "us", "m1"]) | texts
ids = st.sampled_from(["1", "2", "3", "4"]) | st.sampled_from(["0", "999999", str(2**63 - 1), "9" * 30])
versions = st.sampled_from(['"1"', '"1"', '"2"', "", "x"])
numbers = st.integers() | st.floats() | st.sampled_from([2**31, 2**63, -1, 1e308])
leaves = st.none() | st.booleans() | numbers | texts
bodies = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
DOCUMENT = document()
OPERATIONS = sorted((path, method) for path, operations in DOCUMENT["paths"].items() for method in operations)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(1, 4),
    "number": st.floats(0, 1),
    "boolean": st.booleans(),
    "array": st.lists(st.sampled_from(["IPA", "é", 1, 2]), max_size=3),
    "string": st.sampled_from(["west", "CA", "12.50", "Ω", "=1+1"]),
    "date": st.dates().map(str),
    "date-time": st.datetimes(timezones=st.just(UTC)).map(str),
}


def schema_of(operation: Any) -> dict[str, Any]:
    """Return the schema of an operation's JSON body."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def likely(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values of which most fit a property."""
    found = []
    for one in (schema, *schema.get("anyOf", ())):
        if one.get("enum"):
            found.append(st.sampled_from(one["enum"]))
        elif one.get("type") in KINDS:
            found.append(KINDS.get(one.get("format", ""), KINDS[one["type"]]))
    return st.one_of(*found * 4, leaves)


@st.composite
def shaped(draw: st.DrawFn, schema: dict[str, Any]) -> dict[str, Any]:
    """A body with what is needed and a few other fields."""
    fields = schema["properties"]
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True))
    return {
        name: draw(likely(fields[name])) for name in dict.fromkeys([*schema.get("required", ()), *chosen])
    }


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, str, bytes, str]:
    """A method, an address, a body, and an If-Match."""
    path, method = draw(st.sampled_from(OPERATIONS))
    operation = DOCUMENT["paths"][path][method]
    address = path.replace("{record_id}", draw(ids)).replace(
        "{fmt}", draw(st.sampled_from(["csv", "parquet"]))
    )
    for name in ("{key}", "{prefix}", "{territory}"):
        address = address.replace(name, quote(draw(keys), safe=""))
    known = {one["name"]: one["schema"] for one in operation["parameters"] if one["in"] == "query"}
    names = st.sampled_from(sorted(known)) if known else texts
    chosen = draw(st.lists(names | names | texts, max_size=3))
    query = [(name, draw(likely(known.get(name, {})).map(str) | texts)) for name in chosen]
    schema = schema_of(operation)
    is_shaped = "properties" in schema and draw(st.integers(0, 5))
    body = json.dumps(draw(shaped(schema) if is_shaped else bodies)).encode()
    return method.upper(), f"{address}?{urlencode(query, errors='replace')}", body, draw(versions)


@pytest.mark.both_databases
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(call=calls(), role=st.sampled_from(["admin", "planner", "manager", "rep"]))
def test_no_call_makes_the_server_fail(world: World, call: tuple[str, str, bytes, str], role: str) -> None:
    method, address, body, version = call
    caller = Caller(world.tokens[role])
    headers = caller.headers | ({"If-Match": version} if version else {})
    response = caller.client.generic(method, address, body, content_type="application/json", headers=headers)
    assert response.status_code < 500, response.content
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json", (address, response.status_code)
        assert response.json()["status"] == response.status_code
