"""Where a request comes from."""

from __future__ import annotations

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest

from merestone.app.sign_in import Visit
from merestone.web.signin.devices import device_words


def visit_of(request: HttpRequest) -> Visit:
    """Return address and device of a request."""
    return Visit(get_client_ip(request) or None, device_words(request.META.get("HTTP_USER_AGENT", "")))
