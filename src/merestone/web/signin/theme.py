"""The theme, kept in a cookie so that the server draws it."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse

from merestone.app import desk

COOKIE_SECONDS = 365 * 24 * 3600


def set_theme(response: HttpResponse, chosen: str) -> None:
    """Keep a theme that is one of ours."""
    if chosen in desk.PREFERENCES["theme"]:
        response.set_cookie("theme", chosen, max_age=COOKIE_SECONDS, samesite="Lax", secure=settings.IS_HTTPS)
