"""How a route is declared: its scope, the right it needs, and what it answers besides.

Each route states its scope (``x-scope`` in the OpenAPI document); a test fails when one does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ninja import Router
from ninja.constants import NOT_SET

from merestone.api.access import BearerToken
from merestone.app.policy import Right

SCOPES = frozenset(
    {
        "public", "own", "company", "accounts", "leads", "opportunities", "activities", "contacts", "contracts", "claims",
        "reps", "reviews", "territories", "models", "imports", "jobs", "products", "audit", "users",
    }
)  # fmt: skip
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
MEANINGS = {
    400: "The call is wrong",
    401: "Not signed in, or the token is not valid",
    403: "The role or the token's scopes do not allow it",
    404: "Missing, or hidden from you: the two read the same",
    409: "It clashes with what is there",
    412: "Changed meanwhile: `difference` says what",
    413: "Too large",
    422: "The content is wrong: `problems` lists everything",
    428: "`If-Match` is missing",
}


router = Router()
"""The one router: two routers may not share a path."""


def operation(
    method: str,
    path: str,
    *,
    scope: str,
    right: Right = Right.SEE,
    summary: str,
    response: Any = NOT_SET,
    name: str = "",
    errors: tuple[int, ...] = (),
    extra: dict[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the decorator that makes a function a route.

    Parameters
    ----------
    scope : str
        One of ``SCOPES``: whose rows it shows or changes.
    right : Right
        What the actor must be allowed to do, else 403.
    name : str
        The operation's id; default the function's name.
    errors : tuple of int
        Statuses it may answer besides 400, 401 and 403.
    """
    assert scope in SCOPES, scope
    statuses = sorted({400, 401, 403, *errors})
    openapi = {
        "x-scope": scope,
        "x-right": right.value,
        "responses": {status: {"description": MEANINGS[status], "content": PROBLEM} for status in statuses},
        **(extra or {}),
    }

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        return router.api_operation(
            [method],
            path,
            auth=BearerToken(right),
            summary=summary,
            response=response,
            tags=[function.__module__.rpartition(".")[2]],
            operation_id=name or function.__name__,
            openapi_extra=openapi,
        )(function)

    return decorate
