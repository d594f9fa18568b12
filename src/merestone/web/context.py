"""What every template sees."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def page(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001
    """Return the variables of the page frame."""
    return {}
