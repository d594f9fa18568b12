"""The whole history of one record, in words: who, in which territory, from when to when, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from merestone.app.history.owned import OWNED_TABLES
from merestone.app.history.sight import OTHER_PERSON, OTHER_TERRITORY, sight_of
from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.errors import NotFoundError, UsageError

CAUSE_WORDS = {
    "lock": "locked where it is",
    "named": "named in the territory",
    "rule": "placed by rule",
    "manual": "moved by hand",
    "import": "imported",
    "design": "placed by a design",
    "default": "nobody said why",
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time without change.

    Parameters
    ----------
    territory, owner : str or int or None
        Key and rep id; None where there was none, or the reader may not know.
    territory_name, owner_name : str
        Empty where there was none.
    model, model_name : str
        The model that placed it; empty when none did.
    because : str
        The reason in words.
    valid_from, valid_to : datetime or None
        Half-open.
    """

    territory: str | None
    territory_name: str
    owner: int | None
    owner_name: str
    is_primary: bool
    cause: str
    because: str
    model: str
    model_name: str
    valid_from: datetime
    valid_to: datetime | None

    def holds(self, instant: datetime) -> bool:
        """Return whether an instant lies in it."""
        return self.valid_from <= instant and (self.valid_to is None or instant < self.valid_to)

    @property
    def cause_words(self) -> str:
        """The cause as people say it."""
        return CAUSE_WORDS.get(self.cause, self.cause)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "territory": self.territory,
            "territory_name": self.territory_name or None,
            "owner": self.owner,
            "owner_name": self.owner_name or None,
            "is_primary": self.is_primary,
            "cause": self.cause,
            "because": self.because,
            "model": self.model or None,
            "from": self.valid_from,
            "to": self.valid_to,
        }


def timeline(
    services: Services, actor: Actor, table: str, record: int, *, known: datetime | None = None
) -> list[Stretch]:
    """Return the history of a record the actor sees now, newest first.

    Parameters
    ----------
    known : datetime, optional
        As the database said just before this instant.

    Raises
    ------
    NotFoundError
        When there is no such record, or the actor does not see it.
    """
    actor.require(Right.SEE)
    if table not in OWNED_TABLES:
        raise UsageError(f"'{table}' has no history of owners.", code="unknown-table")
    if not services.visibility.visible_ids(actor, table, [record]):
        raise NotFoundError("There is no such record, or it is not visible to you.")
    sight = sight_of(services, actor)
    names = services.history.names(known=known)
    found = services.history.intervals(table, [record], known=known).to_pylist()
    stretches = []
    for row in found:
        territory, owner = row.get("territory"), row["owner"]
        is_told = sight.shows_territory(territory) and sight.shows_rep(owner)
        stretches.append(
            Stretch(
                territory=territory if sight.shows_territory(territory) else None,
                territory_name=_name(
                    territory, names.territories, OTHER_TERRITORY, sight.shows_territory(territory)
                ),
                owner=owner if sight.shows_rep(owner) else None,
                owner_name=_name(owner, names.reps, OTHER_PERSON, sight.shows_rep(owner)),
                is_primary=row.get("is_primary", True),
                cause=row["cause"],
                because=_because(row["reason"]) if is_told else "",
                model=row["model"] or "",
                model_name=names.models.get(row["model"], row["model"]) if row["model"] else "",
                valid_from=row["valid_from"],
                valid_to=row["valid_to"],
            )
        )
    return stretches[::-1]


def _name(one: Any, names: Any, other: str, is_shown: bool) -> str:
    if one is None:
        return ""
    return str(names.get(one, one)) if is_shown else other


def _because(reason: str | None) -> str:
    """Return a reason in words; one of a change without sentence names the change."""
    told = json.loads(reason) if reason else {}
    if not isinstance(told, dict):
        return ""
    return str(told.get("sentence") or told.get("because") or told.get("reason") or "")
