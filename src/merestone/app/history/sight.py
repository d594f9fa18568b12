"""Which names of the past an actor may read: those of territories and people they see today."""

from __future__ import annotations

from dataclasses import dataclass

from merestone.app.policy import Actor
from merestone.app.services import Services

OTHER_TERRITORY = "Another territory"
OTHER_PERSON = "Somebody else"


@dataclass(frozen=True, slots=True)
class Sight:
    """What an actor may read of territories and people.

    Parameters
    ----------
    territories : frozenset of str or None
        Keys; None = all.
    reps : frozenset of int or None
        Ids; None = all.
    """

    territories: frozenset[str] | None = None
    reps: frozenset[int] | None = None

    def shows_territory(self, key: str | None) -> bool:
        """Return whether a territory's name may be read; no territory is no secret."""
        return key is None or self.territories is None or key in self.territories

    def shows_rep(self, rep: int | None) -> bool:
        """Return whether a person's name may be read; nobody is no secret."""
        return rep is None or self.reps is None or rep in self.reps


EVERYTHING = Sight()


def sight_of(services: Services, actor: Actor) -> Sight:
    """Return what an actor may read."""
    if actor.sees_all:
        return EVERYTHING
    reps = services.visibility.visible_ids(actor, "reps")
    own = {actor.rep_id} if actor.rep_id is not None else set()
    return Sight(frozenset(services.visibility.visible_territories(actor)), frozenset(reps | own))
