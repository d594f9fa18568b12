"""Moments people ask about: a day means its last instant where the company is, so that what changed that day counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from merestone.app.services import Services
from merestone.base.errors import UsageError

FIRST, LAST = 1900, 2200


def end_of(services: Services, day: date) -> datetime:
    """Return the last instant of a day in the company's zone."""
    midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(services.clock.zone()))
    return midnight.astimezone(UTC) - timedelta(microseconds=1)


def day_of(services: Services, instant: datetime) -> date:
    """Return the company's day of an instant."""
    return instant.astimezone(ZoneInfo(services.clock.zone())).date()


def read_moment(services: Services, text: str, *, name: str = "on") -> datetime:
    """Return the instant a text means: a day's last, or the very instant; one without offset is the company's.

    Raises
    ------
    UsageError
        For anything that is no ISO 8601 day or instant between 1900 and 2200.
    """
    text = text.strip()
    try:
        is_day = len(text) <= len("2026-01-31")
        found = end_of(services, date.fromisoformat(text)) if is_day else datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise _bad(text, name) from error
    if found.tzinfo is None:
        found = found.replace(tzinfo=ZoneInfo(services.clock.zone()))
    if not FIRST <= found.year <= LAST:
        raise _bad(text, name)
    return found.astimezone(UTC)


def _bad(text: str, name: str) -> UsageError:
    return UsageError(
        f"'{text[:40]}' is not a day for '{name}'.",
        code="bad-moment",
        fix="Write a day such as 2026-01-31, or an instant such as 2026-01-31T12:00:00Z.",
    )
