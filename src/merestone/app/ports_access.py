"""What the use cases of access need kept and told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from merestone.app.policy import Actor, Held, Right


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights of a user on a territory and all below.

    Parameters
    ----------
    territory : str or None
        Key; None = the whole company.
    path : tuple of str
        Keys from the root of the active model down to the territory (of the newest other model that has it, when the
        active one has not); empty for the whole company.
    rights : frozenset of Right
        As they were given; what they bring along is not written out.
    ends_on : date or None
        First day without it.
    """

    id: int
    user_id: int
    user: str
    email: str
    territory: str | None
    territory_name: str
    path: tuple[str, ...]
    rights: frozenset[Right]
    ends_on: date | None
    note: str
    granted_by: str
    version: int

    def is_running(self, day: date) -> bool:
        """Return whether it is in force on a day."""
        return self.ends_on is None or self.ends_on > day


@dataclass(frozen=True, slots=True)
class Standing:
    """A user as those who manage access look at them.

    Parameters
    ----------
    holdings : tuple of Held
        By role and by grants, today; as if active.
    """

    user_id: int
    email: str
    role: str
    is_active: bool
    holdings: tuple[Held, ...]


class Access(Protocol):
    """Grants, and what users hold. The caller holds a transaction for writes."""

    def paths(self, territories: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Return territory key -> keys from the root down to it, as ``Grant.path`` has them, of those there are."""
        ...

    def standing(self, user_id: int) -> Standing | None:
        """Return what a user holds, active or not; None when there is no such user."""
        ...

    def standing_as(self, role: str, rep_id: int | None) -> tuple[Held, ...]:
        """Return what somebody of a role would hold who is this rep."""
        ...

    def rep_of(self, user_id: int) -> int | None:
        """Return the rep a user is."""
        ...

    def is_known_to(self, actor: Actor, user_id: int) -> bool:
        """Return whether the actor manages access where this user is, so that they may know of them."""
        ...

    def has_other_admin(self, user_id: int) -> bool:
        """Return whether somebody else is an active administrator, and keep it so until the transaction ends."""
        ...

    def grants(self, actor: Actor) -> list[Grant]:
        """Return the grants the actor may look at, ended ones too: their own, and those where they manage users."""
        ...

    def grant(self, grant_id: int) -> Grant | None:
        """Return a grant, which nobody else changes before the transaction ends."""
        ...

    def keep(
        self,
        *,
        user_id: int,
        territory: str | None,
        rights: Sequence[Right],
        ends_on: date | None,
        note: str,
        granted_by: int | None,
    ) -> int:
        """Write a user's grant on a place, replacing the one that is there; returns its id."""
        ...

    def kept(self, user_id: int, territory: str | None) -> Grant | None:
        """Return a user's grant on a place, which nobody else changes before the transaction ends."""
        ...

    def end(self, grant_id: int, *, on: date) -> None:
        """End a grant: ``on`` is the first day without it."""
        ...
