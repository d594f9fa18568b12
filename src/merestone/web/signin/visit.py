"""Where a request comes from."""

from __future__ import annotations

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest

from merestone.app.sign_in import Visit


def visit_of(request: HttpRequest) -> Visit:
    """Return address and device of a request."""
    return Visit(get_client_ip(request) or None, request.META.get("HTTP_USER_AGENT", "")[:200])
