"""What the worker tells by the clock: texts that came into force with a model, training that is overdue."""

from __future__ import annotations

from datetime import timedelta

from merestone.app.guidelines.papers import ask
from merestone.app.guidelines.training import call
from merestone.app.policy import SYSTEM
from merestone.app.services import Services

LATELY = timedelta(days=2)
"""Who joins later finds what there is to read on the start page."""


def tick(services: Services) -> dict[str, int]:
    """Tell who has not been told: ``asked`` to read, ``overdue`` training. For the worker, as often as it likes."""
    today = services.clock.today()
    since = services.clock.now() - LATELY
    unread = [version for version in services.guidelines.unread() if version.at > since]
    overdue = [
        one for one in services.guidelines.open_items() if one.due_on is not None and one.due_on < today
    ]
    if not unread and not overdue:
        return {"asked": 0, "overdue": 0}
    with services.records.transaction(SYSTEM, cause="remind of guidelines and training"):
        return {
            "asked": sum(ask(services, version) for version in unread),
            "overdue": sum(call(services, item, key="overdue") for item in overdue),
        }
