"""The company's clock."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

from merestone.db.queries.company import company


class CompanyClock:
    """Implements ``app.ports.Clock``."""

    def now(self) -> datetime:
        """Return the present instant, UTC."""
        return timezone.now()

    def today(self) -> date:
        """Return the present day where the company is."""
        return timezone.localdate(timezone=ZoneInfo(company().time_zone))

    def zone(self) -> str:
        """Return the company's IANA time zone."""
        return company().time_zone

    def currency(self) -> str:
        """Return the company's ISO 4217 currency."""
        return company().currency
