"""What the worker does by the clock, every few seconds: each step looks first, and mostly finds nothing to do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from merestone.app import guidelines, notices
from merestone.app.review import reminders
from merestone.app.services import Services
from merestone.boot.services import services

logger = logging.getLogger(__name__)

STEPS: dict[str, Callable[[Services], Any]] = {
    "reviews": reminders.tick,
    "guidelines": guidelines.tick,
    "mail": notices.mail_out,
}


def do_due() -> None:
    """Do every step; one that fails keeps no other from its turn, and comes again."""
    for name, step in STEPS.items():
        try:
            step(services())
        except Exception:
            logger.warning("What is due (%s) was not done", name, exc_info=True)
