"""Who asks: a bearer token, or the signed-in session (with CSRF protection on writes)."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest
from ninja.security import HttpBearer
from ninja.utils import check_csrf

from merestone.api.errors import SignInNeededError
from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.errors import ForbiddenError
from merestone.db.queries import steady
from merestone.db.queries.tokens import actor_of_token

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class ApiRequest(HttpRequest):
    """A request after authentication.

    ``token`` is the prefix of the token used, empty for a session; ``has_proof`` says whether the person behind a
    session proved who they are lately.
    """

    actor: Actor
    services: Services
    token: str
    has_proof: bool


class BearerToken(HttpBearer):
    """Lets in who has the right; its name is the one of the security scheme in the OpenAPI document."""

    def __init__(self, right: Right) -> None:
        super().__init__()
        self.right = right

    def __call__(self, request: HttpRequest) -> Any:
        ours = cast(ApiRequest, request)
        header = request.headers.get("Authorization", "")
        if header:
            self.authenticate(ours, header)
        else:
            self.continue_session(ours)
        ours.actor.require(self.right)
        if request.method in SAFE_METHODS:
            steady.enter()  # until the answer is made: ``api.main`` leaves it
        return ours.actor

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        """Set the actor of an ``Authorization`` header, or raise SignInNeededError."""
        ours = cast(ApiRequest, request)
        scheme, _, secret = token.partition(" ")
        found = None
        if scheme.lower() == "bearer":
            found = actor_of_token(secret.strip(), now=ours.services.clock.now())
        if found is None:
            raise SignInNeededError(
                "The token is not valid: unknown, expired, revoked, or its user is not active.",
                code="invalid-token",
                fix="Make a new one under Settings, or with `merestone token create`.",
            )
        ours.actor, ours.token = found
        return ours.actor

    def continue_session(self, request: ApiRequest) -> None:
        """Take the actor of the signed-in session; writes need its CSRF token."""
        if request.actor is None:
            raise SignInNeededError(
                "Nobody is signed in.", fix="Send a header 'Authorization: Bearer mst_…', or sign in."
            )
        request.token = ""
        if request.method not in SAFE_METHODS and check_csrf(request) is not None:
            raise ForbiddenError(
                "The session's CSRF token is missing or wrong.",
                code="csrf",
                fix="Send the cookie's value as X-CSRFToken, or use an API token.",
            )
