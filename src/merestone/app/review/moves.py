"""What a model in review moves and what that makes of everybody's load, on the day it takes effect; kept while nothing changes.

Many people look at the same model one after another: each sees a part of one and the same difference.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from merestone.app.difference import Difference, preview
from merestone.app.policy import SYSTEM
from merestone.app.ports import Clock
from merestone.app.review.approvals import day_of
from merestone.app.review.loads import Loads, loads_of
from merestone.app.rulebook import rule_book
from merestone.app.services import Services
from merestone.core.model.territory import TerritoryModelDocument

KEPT = 3
_lock = threading.Lock()
_kept: OrderedDict[tuple[Any, ...], tuple[Difference, Loads]] = OrderedDict()


@dataclass(frozen=True, slots=True)
class OnDay:
    """The company's clock on another day: who owns a territory then."""

    clock: Clock
    day: date

    def zone(self) -> str:
        """Return the company's time zone."""
        return self.clock.zone()

    def currency(self) -> str:
        """Return the company's currency."""
        return self.clock.currency()

    def now(self) -> datetime:
        """Return the present instant."""
        return self.clock.now()

    def today(self) -> date:
        """Return that day."""
        return self.day


def moves_of(services: Services, document: TerritoryModelDocument) -> tuple[Difference, Loads]:
    """Return what a saved model moves against where the accounts are now, and the loads before and after.

    Owners of the model's territories are those of the day it takes effect.
    """
    day = day_of(services, document)
    active = services.models.active()
    key = (
        rule_book(services, document).digest,
        active and rule_book(services, active[1]).digest,
        active and active[1].key,
        services.book.accounts(columns=[]).schema.metadata[b"generation"],
        services.reviews.stamp(),
        document.key,
        day,
        id(services.matcher),
    )
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    difference = preview(replace(services, clock=OnDay(services.clock, day)), SYSTEM, document.key)
    found = difference, loads_of(services, difference)
    with _lock:
        _kept[key] = found
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return found
