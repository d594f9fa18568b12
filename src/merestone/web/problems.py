"""Errors as pages: the same words for a missing record and a hidden one."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from merestone.base.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    MerestoneError,
    NotFoundError,
    UnavailableError,
    UsageError,
)
from merestone.web.conflicts import told_changes, told_moves

STATUS: tuple[tuple[type[MerestoneError], int, str], ...] = (
    (NotFoundError, 404, "Nothing here"),
    (ForbiddenError, 403, "Not yours to open"),
    (ConflictError, 409, "Somebody was faster"),
    (InvalidInputError, 422, "That cannot be done yet"),
    (UsageError, 400, "That request makes no sense"),
    (UnavailableError, 503, "Out of reach for the moment"),
)
GENERIC_MISSING = "This page or record does not exist, or is not visible to you."


def problem_page(request: HttpRequest, error: MerestoneError) -> HttpResponse:
    """Return the page that tells an error: its sentence, every problem, and the way out."""
    status, title = _status(error)
    message = GENERIC_MISSING if status == 404 else error.args[0]
    difference = getattr(error, "difference", {})
    moves, n_moves = told_moves(difference)
    context = {
        "title": title,
        "message": message,
        "fix": error.fix,
        "problems": getattr(error, "problems", ()),
        "changes": told_changes(difference),
        "moves": moves,
        "n_more": n_moves - len(moves),
        "status": status,
    }
    return render(request, "kinds/message.html", context, status=status)


def status_code(error: MerestoneError) -> int:
    """Return the status an error is answered with."""
    return _status(error)[0]


def _status(error: MerestoneError) -> tuple[int, str]:
    return next(
        ((status, title) for kind, status, title in STATUS if isinstance(error, kind)),
        (500, "Something went wrong"),
    )


def one(rows: Any, **lookup: Any) -> Any:
    """Return the one visible row, or raise Http404: hidden and missing look alike."""
    row = rows.filter(**lookup).first()
    if row is None:
        raise Http404
    return row


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """Return the 404 page."""
    return problem_page(request, NotFoundError(GENERIC_MISSING))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """Return the 403 page, also shown when a form's token is too old."""
    return problem_page(
        request,
        ForbiddenError(
            "You may not do this, or the form was open for too long.", fix="Go back, reload and try again."
        ),
    )


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Return the 500 page, without asking the database anything."""
    return HttpResponse(SERVER_ERROR_PAGE, status=500)


SERVER_ERROR_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Something went wrong · Merestone</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/css/tokens.css"><link rel="stylesheet" href="/static/css/base.css">
<link rel="stylesheet" href="/static/css/frame.css"><link rel="stylesheet" href="/static/css/parts.css">
<main><div class="message-page"><span class="badge danger">Error 500</span><h1>Something went wrong</h1>
<p>Nothing was saved. The server wrote the details to its log; trying again may help.</p>
<a class="button primary" href="/">Back to the start page</a></div></main></html>
"""
