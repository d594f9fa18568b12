"""What reviews and notices need from outside. Whoever writes holds a transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ReviewedModel:
    """What a review needs to know of a model besides its document.

    Parameters
    ----------
    state : str
        One of ``core.model.columns.MODEL_STATES``.
    policies : mapping
        What is done with challenges, approvals and open work.
    review_ends_on : date or None
        Last day for challenges, in the company's zone.
    created_by : int or None
        User id.
    """

    id: int
    key: str
    name: str
    state: str
    policies: Mapping[str, Any] = field(default_factory=dict)
    review_ends_on: date | None = None
    created_by: int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A user who is active, and the rep they are.

    Parameters
    ----------
    rep_id : int or None
    rep : str or None
        As documents name them.
    """

    user_id: int
    name: str
    email: str
    role: str
    rep_id: int | None = None
    rep: str | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody said to a part of a model: an approval, or a refusal.

    Parameters
    ----------
    territory : str or None
        Key of the subtree; None: the whole model.
    content_hash : str
        Of the subtree as it was then.
    """

    id: int
    user_id: int
    user_name: str
    territory: str | None
    is_approved: bool
    note: str
    content_hash: str
    at: datetime
    voided_at: datetime | None = None
    voided_because: str = ""


class Notices(Protocol):
    """What people are told."""

    def tell(
        self, user_ids: Collection[int], *, kind: str, text: str, url: str, key: str, at: datetime
    ) -> int:
        """Keep one notice per key and user; returns how many are new."""
        ...

    def mark_read(self, user_id: int, ids: Sequence[int] | None, *, at: datetime) -> int:
        """Mark a user's notices (None: all) as read; returns how many were not."""
        ...

    def take_unmailed(self, *, at: datetime, limit: int) -> list[dict[str, Any]]:
        """Mark notices not mailed yet as mailed now, and return ``id``, ``email``, ``name``, ``text``, ``url``."""
        ...

    def give_back(self, ids: Sequence[int]) -> None:
        """Say that these were not mailed after all."""
        ...


class Reviews(Protocol):
    """Invitations, challenges and approvals of models."""

    def model(self, key: str) -> ReviewedModel | None:
        """Return a model by key."""
        ...

    def people(self) -> list[Person]:
        """Return all active users by name."""
        ...

    def authors(self, model_id: int) -> set[int]:
        """Return who wrote or changed the model's content: user ids, those of tokens' owners too."""
        ...

    def invitations(self, model_id: int) -> list[dict[str, Any]]:
        """Return ``id``, ``user_id``, ``role``, ``territory`` (key or None), ``looked_at``, ``looked_hash``,
        ``reminded_at``, ``created_at``."""
        ...

    def words(self, model_id: int) -> list[Word]:
        """Return what was said to the model, the newest first."""
        ...
