"""The request as our views get it: with its actor and the services."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from merestone.app.policy import Actor
from merestone.app.services import Services


class WebRequest(HttpRequest):
    """A signed-in request after the middleware; ``boot.middleware`` sets the attributes."""

    actor: Actor
    services: Services
    htmx: HtmxDetails
    user: Any
