"""Hands each request its actor and the services."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from merestone.boot.services import services
from merestone.db.queries.actors import actor_of_user
from merestone.db.queries.company import company

Handler = Callable[[HttpRequest], HttpResponse]


class ServicesMiddleware:
    """Sets ``request.services``, ``request.actor`` (None when nobody signed in) and the zone times are shown in."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.services = services()  # type: ignore[attr-defined]
        actor = actor_of_user(request.user) if request.user.is_authenticated else None
        request.actor = actor  # type: ignore[attr-defined]
        zone = actor.time_zone if actor else company().time_zone
        with timezone.override(zoneinfo.ZoneInfo(zone)):
            return self.get_response(request)
