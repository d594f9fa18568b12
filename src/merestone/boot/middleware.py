"""Hands each request its actor and the services."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from merestone.boot.services import services
from merestone.db.queries.actors import actor_of_user
from merestone.db.queries.company import company
from merestone.web.signin.adapters import is_recent
from merestone.web.signin.required import set_up_first

Handler = Callable[[HttpRequest], HttpResponse]


class ServicesMiddleware:
    """Hands each request its services, its actor and the zone times are shown in.

    ``request.actor`` is None when nobody signed in; ``request.has_proof`` says whether they proved who they are lately.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.services = services()  # type: ignore[attr-defined]
        actor = actor_of_user(request.user) if request.user.is_authenticated else None
        request.actor = actor  # type: ignore[attr-defined]
        request.has_proof = actor is not None and is_recent(request)  # type: ignore[attr-defined]
        zone = actor.time_zone if actor else company().time_zone
        with timezone.override(zoneinfo.ZoneInfo(zone)):
            return set_up_first(request) or self.get_response(request)
