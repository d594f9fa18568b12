"""Every error as RFC 9457 ``application/problem+json``: type, title, status, detail, code, fix, problems.

A hidden record answers byte for byte like one that does not exist, whatever the use case said about it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from merestone.api.plain import plain
from merestone.app import crm
from merestone.base.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    MerestoneError,
    MissingExtraError,
    NotFoundError,
    UnavailableError,
    UsageError,
)

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
NOT_THERE = "There is nothing at this address, or it is not visible to you."


class SignInNeededError(MerestoneError):
    """Nobody is signed in, or the token is not valid."""

    code = "not-signed-in"


class PreconditionNeededError(MerestoneError):
    """A write without ``If-Match``."""

    code = "precondition-required"


class TooLargeError(MerestoneError):
    """The body is larger than the server takes."""

    code = "too-large"


STATUS: tuple[tuple[type[MerestoneError], int, str], ...] = (
    (SignInNeededError, 401, "Not signed in"),
    (PreconditionNeededError, 428, "Say which version you change"),
    (TooLargeError, 413, "Too large"),
    (NotFoundError, 404, "Not found"),
    (ForbiddenError, 403, "Not allowed"),
    (ConflictError, 409, "Changed meanwhile"),
    (InvalidInputError, 422, "The content is wrong"),
    (UsageError, 400, "The call is wrong"),
    (MissingExtraError, 501, "An optional part is not installed"),
    (UnavailableError, 503, "Out of reach"),
)
TITLES = {status: title for _, status, title in STATUS} | {
    405: "Method not allowed",
    412: "Changed meanwhile",
    500: "Our mistake",
}


def problem(
    status: int,
    *,
    code: str,
    detail: str,
    fix: str = "",
    problems: Sequence[Mapping[str, Any]] = (),
    difference: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Return a problem document.

    Parameters
    ----------
    problems : sequence of mapping
        ``base.errors.Problem.as_dict`` of everything that is wrong.
    difference : mapping, optional
        Field -> [yours, theirs], on conflicts.
    """
    content: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": TITLES.get(status, "Refused"),
        "status": status,
        "detail": detail,
        "code": code,
        "fix": fix,
        "problems": list(problems),
    }
    if difference is not None:
        content["difference"] = plain(difference)
    response = HttpResponse(json.dumps(content), status=status, content_type=CONTENT_TYPE)
    response["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def not_there() -> HttpResponse:
    """Return the one 404: for hidden records, missing records and missing addresses."""
    return problem(404, code="not-found", detail=NOT_THERE)


def not_allowed(allowed: str) -> HttpResponse:
    """Return the 405, naming the methods there are."""
    return problem(
        405,
        code="method-not-allowed",
        detail="This address does not take this method.",
        fix=f"Use {allowed}." if allowed else "",
        headers={"Allow": allowed},
    )


def problem_of(error: MerestoneError) -> HttpResponse:
    """Return the problem document of an error of ours."""
    status = next((status for kind, status, _ in STATUS if isinstance(error, kind)), 500)
    if status == 404:
        return not_there()
    if isinstance(error, ConflictError) and error.code == "stale-version":
        status = 412
    return problem(
        status,
        code=error.code,
        detail=error.message,
        fix=error.fix,
        problems=[one.as_dict() for one in getattr(error, "problems", ())],
        difference=error.difference if isinstance(error, ConflictError) else None,
        headers={"WWW-Authenticate": 'Bearer realm="merestone"'} if status == 401 else None,
    )


_ELSEWHERE = {name: problem for (_, name), problem in crm.ELSEWHERE.items()}


def problem_of_validation(error: ValidationError) -> HttpResponse:
    """Return the problem document for a body or parameters that do not fit their schema: 422, or 400 for the address."""
    problems = [_problem_of_entry(entry) for entry in error.errors]
    is_body = any(entry["loc"][:1] in (("body",), ("form",), ("file",)) for entry in error.errors)
    if is_body:
        return problem(422, code="invalid-input", detail="The content does not fit.", problems=problems)
    return problem(400, code="bad-parameter", detail="A parameter does not fit.", problems=problems)


def _problem_of_entry(entry: Mapping[str, Any]) -> dict[str, str]:
    place = [str(part) for part in entry["loc"][1:]]
    if entry["loc"][:1] == ("body",) and len(place) > 1:
        place = place[1:]  # ninja names the body's parameter first
    if entry["type"] == "extra_forbidden" and (known := _ELSEWHERE.get(place[-1])) is not None:
        return known.as_dict()
    message = str(entry["msg"]).removeprefix("Value error, ")
    return {"code": str(entry["type"]).replace("_", "-"), "message": message, "where": "/".join(place)}


def install(api: NinjaAPI) -> None:
    """Make the API answer every error as a problem."""
    handlers: dict[type[Exception], Any] = {
        MerestoneError: lambda _request, error: problem_of(error),
        ValidationError: lambda _request, error: problem_of_validation(error),
        Http404: lambda _request, _error: not_there(),
        HttpError: _http_error,
        Exception: unexpected,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _http_error(_request: HttpRequest, error: HttpError) -> HttpResponse:
    status = error.status_code
    if isinstance(error.__cause__, RequestDataTooBig) or isinstance(error.__context__, RequestDataTooBig):
        return too_large()
    code = {400: "unreadable", 401: "not-signed-in", 403: "forbidden"}.get(status, "refused")
    return problem(status, code=code, detail=error.message or "The request was refused.")


def too_large() -> HttpResponse:
    """Return the 413."""
    return problem(
        413, code="too-large", detail="The body is larger than the server takes.", fix="Send it in parts."
    )


def unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the problem for an exception that is not ours: bad requests as 400, everything else as a logged 500."""
    if isinstance(error, RequestDataTooBig):
        return too_large()
    if isinstance(error, SuspiciousOperation | MultiPartParserError | UnreadablePostError):
        return problem(400, code="unreadable", detail="The request could not be read.")
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem(
        500,
        code="internal",
        detail="The server made a mistake; its log has the details.",
        fix="Try again; tell the administrator when it stays.",
    )
