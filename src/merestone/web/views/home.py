"""The start page of each role."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from merestone.web.request import WebRequest
from merestone.web.scoping import scoped


@scoped("own")
def home(request: WebRequest) -> HttpResponse:
    """Show what the actor's role needs first."""
    return render(request, "pages/home.html", {"title": "Home"})
