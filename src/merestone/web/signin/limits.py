"""What somebody reads who tried too often."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from merestone.web.scoping import public


@public
def too_many(request: HttpRequest) -> HttpResponse:
    """Say that it was too often, and when to come back."""
    context = {
        "title": "Too many attempts",
        "message": "That was tried too often from here, or for this account.",
        "fix": "Try again in an hour at the latest.",
        "status": 429,
    }
    response = render(request, "kinds/message.html", context, status=429)
    response["Retry-After"] = "3600"
    return response
