"""What the worker sees to at its time, besides jobs: models that take effect, stays that are over.

Each chore looks first and writes only when something is due, and does nothing twice: several workers may do it at once,
and one that was killed is made up for at the next look.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from merestone.app import lifecycle, people_changes
from merestone.app.services import Services
from merestone.boot.services import services
from merestone.db.write_ahead import shrink_log

logger = logging.getLogger(__name__)

AFTER_FAILURE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to look after.

    Parameters
    ----------
    every_seconds : float
        Between one look and the next.
    """

    name: str
    every_seconds: float
    do: Callable[[Services], Any]


CHORES = (
    Chore("scheduled models", 1.0, lifecycle.publish_due),
    Chore("stays that are over", 60.0, lifecycle.end_stays),
    Chore("departures whose last day is over", 5.0, people_changes.run_due),
    Chore("a write-ahead log grown large", 30.0, lambda _: shrink_log()),
)


def do_all(chores: tuple[Chore, ...] = CHORES) -> None:
    """Do every chore once; what fails is logged and tried again at the next look."""
    for chore in chores:
        done(chore)


def done(chore: Chore) -> bool:
    """Do a chore; returns whether it went well."""
    try:
        chore.do(services())
    except Exception:
        logger.warning("A chore stumbled: %s", chore.name, exc_info=True)
        return False
    return True


def keep(stop: threading.Event, chores: tuple[Chore, ...] = CHORES) -> None:
    """Do the chores when their time comes, until told to stop."""
    due = {chore.name: 0.0 for chore in chores}
    try:
        while not stop.wait(min(chore.every_seconds for chore in chores)):
            for chore in chores:
                if time.monotonic() >= due[chore.name]:
                    pause = chore.every_seconds if done(chore) else AFTER_FAILURE_SECONDS
                    due[chore.name] = time.monotonic() + pause
    finally:
        connection.close()


def start(stop: threading.Event) -> threading.Thread:
    """Keep the timetable in a thread."""
    thread = threading.Thread(target=keep, args=(stop,), daemon=True)
    thread.start()
    return thread
