"""What use cases of rules of engagement and training need from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from merestone.core.model.terms import Guidelines


@dataclass(frozen=True, slots=True)
class Version:
    """One version of rules of engagement.

    Parameters
    ----------
    territory, model : str or None
        Keys of what it is for; both None: the company; both given: what the model brings for the territory.
    is_in_force : bool
        Whether it is the one that counts today.
    at : datetime
        When it came into force, or was written.
    """

    id: int
    territory: str | None
    model: str | None
    guidelines: Guidelines
    is_in_force: bool
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """A training item."""

    id: int
    title: str
    body: str
    url: str
    territory: str | None
    territory_name: str
    roles: tuple[str, ...]
    due_on: date | None
    is_retired: bool
    version: int


class GuidelineBook(Protocol):
    """Rules of engagement in versions, who has read them; training items, who has done them.

    The caller holds a transaction for writes.
    """

    def in_force(self, territory: str | None, model: str | None) -> Version | None:
        """Return the version in force of a territory, or of the company; of a model its newest."""
        ...

    def version(self, version_id: int) -> Version | None:
        """Return a version."""
        ...

    def of_model(self, model_id: int) -> dict[str | None, Guidelines]:
        """Return what a model says, by territory key (None: of itself): what it brings, else what is in force."""
        ...

    def keep(
        self,
        guidelines: Guidelines,
        *,
        territory: str | None,
        model: str | None,
        at: datetime,
        by: int | None,
    ) -> int:
        """Write the next version; returns its id. NotFoundError when there is no such territory or model."""
        ...

    def readers(self, version_id: int) -> dict[int, datetime | None]:
        """Return user id -> when they acknowledged it (None: not yet) of those a version is for."""
        ...

    def acknowledge(self, version_id: int, user_id: int, *, at: datetime) -> bool:
        """Note that a user has read a version; returns whether that is new."""
        ...

    def unread(self) -> list[Version]:
        """Return the versions in force that ask to be acknowledged."""
        ...

    def item(self, item_id: int, *, is_locked: bool = False) -> Item | None:
        """Return a training item."""
        ...

    def keep_item(
        self,
        item_id: int | None,
        *,
        title: str,
        body: str,
        url: str,
        territory: str | None,
        roles: Sequence[str],
        due_on: date | None,
        by: int | None,
    ) -> int:
        """Write a training item; returns its id. NotFoundError when there is no such territory."""
        ...

    def retire_item(self, item_id: int, *, at: datetime) -> None:
        """Take a training item out of use; who did it stays on record."""
        ...

    def learners(self, item_id: int) -> Mapping[int, datetime | None]:
        """Return user id -> when they did it (None: not yet) of those an item is for."""
        ...

    def done(self, item_id: int, user_id: int, *, at: datetime) -> bool:
        """Note that a user has done an item; returns whether that is new."""
        ...

    def open_items(self) -> list[Item]:
        """Return the items that are not retired and have a due date."""
        ...
