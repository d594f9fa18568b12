"""Values as plain JSON: money as decimal strings, instants as UTC ISO with ``Z``, days as ISO dates."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse


def plain(value: Any) -> Any:
    """Return the value as JSON takes it; numbers that are not finite become null."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return str(value)


def instant(value: datetime) -> str:
    """Return a UTC instant as ISO 8601 with ``Z``."""
    utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return utc.isoformat().replace("+00:00", "Z")


def answer(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a JSON response that no cache keeps."""
    body = json.dumps(plain(content), ensure_ascii=False, allow_nan=False)
    response = HttpResponse(body.encode("utf-8", "replace"), status=status, content_type="application/json")
    response["Cache-Control"] = "private, no-cache"
    for name, value in (headers or {}).items():
        response[name] = value
    return response
