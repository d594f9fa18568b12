"""The company's settings, and its day."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from django.utils import timezone

from merestone.db.models import Company


def company() -> Company:
    """Return the company, or one with defaults before ``merestone init``."""
    return Company.objects.order_by("id").first() or Company()


def company_day(zone: str | None = None) -> date:
    """Return the present day where the company is, whatever zone the reader's times are shown in."""
    return timezone.localdate(timezone=ZoneInfo(zone or company().time_zone))
