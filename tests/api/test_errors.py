"""Everything that goes wrong is application/problem+json."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import BASE, Caller, World

from merestone.app import assign


def is_problem(response: Any, status: int) -> dict[str, Any]:
    """Check an error answer and return its content."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    content = response.json()
    assert content["status"] == status
    assert content["type"] == f"/problems/{content['code']}"
    assert content["title"]
    assert content["detail"]
    return content


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/never",
        "/accounts/x",
        "/accounts/-1",
        "/accounts/1.5",
        "/accounts/9" + "9" * 40,
        "/docs/x",
        "/../",
    ],
)
def test_addresses_that_are_not_there(planner: Caller, path: str) -> None:
    assert planner.get(path).content == planner.get("/accounts/424242").content
    is_problem(planner.get(path), 404)


def test_methods_that_are_not_there_name_those_that_are(planner: Caller) -> None:
    response = planner("PUT", "/accounts")
    assert is_problem(response, 405)["fix"] == "Use GET, POST."
    assert response["Allow"] == "GET, POST"


def test_head_answers_like_get(planner: Caller) -> None:
    assert planner("HEAD", "/accounts").status_code == 200


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[1]", b'"x"', b"null", b"[" * 100_000, b'{"name": 1e999}']
)
def test_bodies_that_cannot_be_read(planner: Caller, body: bytes) -> None:
    response = planner.client.post(
        BASE + "/accounts", body, content_type="application/json", headers=planner.headers
    )
    assert response.status_code in (400, 422)
    is_problem(response, response.status_code)


def test_a_body_that_is_too_large(planner: Caller, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert is_problem(planner("POST", "/accounts", {"name": "x" * 2000}), 413)["code"] == "too-large"
    is_problem(planner("POST", "/models", {"merestone": "x" * 2000}), 413)


def test_our_own_mistakes_are_told_without_their_details(
    world: World, planner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(assign, "run_rules", broken)
    response = planner("POST", "/assign", {})
    assert is_problem(response, 500)["code"] == "internal"
    assert b"secret" not in response.content


def test_what_the_role_does_not_allow(rep: Caller) -> None:
    assert is_problem(rep.get("/audit"), 403)["code"] == "forbidden"
