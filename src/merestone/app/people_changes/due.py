"""What the worker does when a last day is over."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from merestone.app.people_changes.applying import carried_out, take_turns
from merestone.app.policy import SYSTEM
from merestone.app.services import Services


def run_due(services: Services) -> list[int]:
    """Carry out the departures whose last day is over in the company's zone; returns their ids.

    Each is one transaction. Safe to call again, and by several workers at once.
    """
    today = services.clock.today()
    due = [row for row in services.people_changes.departures(states=("scheduled",)) if row.last_day < today]
    return [row.id for row in reversed(due) if _run(services, row.id)]


def next_due(services: Services) -> datetime | None:
    """Return the instant at which the next last day is over."""
    scheduled = services.people_changes.departures(states=("scheduled",))
    if not scheduled:
        return None
    day = min(row.last_day for row in scheduled) + timedelta(days=1)
    return datetime.combine(day, time(), tzinfo=ZoneInfo(services.clock.zone()))


def _run(services: Services, departure_id: int) -> bool:
    with services.records.transaction(SYSTEM, cause="departure: the last day is over"):
        take_turns(services)
        row = services.people_changes.departure(departure_id, is_locked=True)
        if row is None or row.state != "scheduled" or row.last_day >= services.clock.today():
            return False  # another worker was faster, or it was taken back
        person = services.people_changes.lock_rep(row.rep_id)
        lines = services.people_changes.lines(row.id)
        carried_out(services, row, person, lines=lines, by=SYSTEM.label)
    return True
