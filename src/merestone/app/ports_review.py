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


@dataclass(frozen=True, slots=True)
class ChallengeRow:
    """A change request.

    Parameters
    ----------
    account_id, account_external_id, account_name
        What is kept, asked for, or wanted in a swap.
    other_account_id, other_external_id, other_name
        What is given in return.
    from_territory, to_territory : str or None
        Where the model places the account, and where the challenge would.
    rep_id : int or None
        For whom.
    due_on : date or None
        Last day on which it can be decided, in the company's zone.
    """

    id: int
    model_id: int
    kind: str
    account_id: int
    account_external_id: str | None
    account_name: str
    other_account_id: int | None
    other_external_id: str | None
    other_name: str | None
    from_territory: str | None
    to_territory: str | None
    rep_id: int | None
    rep_name: str | None
    reason: str
    state: str
    opened_at: datetime
    opened_by: int | None
    opened_by_name: str | None
    due_on: date | None = None
    decided_at: datetime | None = None
    decided_by_name: str | None = None
    decision: str = ""
    is_automatic: bool = False

    @property
    def accounts(self) -> tuple[int, ...]:
        """The accounts it moves."""
        return (
            (self.account_id,) if self.other_account_id is None else (self.account_id, self.other_account_id)
        )


@dataclass(frozen=True, slots=True)
class CommentRow:
    """One word in the discussion of a challenge; ``stance`` is ``for``, ``against`` or empty."""

    challenge_id: int
    user_id: int | None
    user_name: str | None
    rep_id: int | None
    at: datetime
    text: str
    stance: str


class Mail(Protocol):
    """Sends mail."""

    @property
    def is_set_up(self) -> bool:
        """Whether there is a mail server."""
        ...

    def link(self, path: str) -> str:
        """Return the whole address of a page."""
        ...

    def send(self, to: str, *, subject: str, text: str) -> None:
        """Send one mail; UnavailableError when the server does not take it."""
        ...


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

    def stamp(self) -> tuple[Any, ...]:
        """Return values that differ whenever a place, a lock or a rep was written or removed meanwhile."""
        ...

    def in_review(self) -> list[ReviewedModel]:
        """Return the models people look at now."""
        ...

    def asked(self, user_id: int) -> list[ReviewedModel]:
        """Return the models a user was asked to look at that are in review or scheduled, the newest first."""
        ...

    def prepare(
        self, model_id: int, *, ends_on: date | None, policies: Mapping[str, Any] | None = None
    ) -> None:
        """Keep the last day for challenges, and policies when they are given."""
        ...

    def invite(
        self, model_id: int, people: Sequence[Mapping[str, Any]], *, by: int | None, message: str
    ) -> list[int]:
        """Keep invitations (``user_id``, ``role``, ``territory`` key or None); returns who was not asked before."""
        ...

    def uninvite(self, model_id: int, ids: Sequence[int]) -> int:
        """Take invitations back; returns how many there were."""
        ...

    def looked(self, model_id: int, user_id: int, *, at: datetime, content_hash: str) -> None:
        """Say that a user has looked."""
        ...

    def reminded(self, ids: Sequence[int], *, at: datetime) -> None:
        """Say whose invitations were brought to mind."""
        ...

    def say(
        self, model_id: int, *, user_id: int, territory: str | None, is_approved: bool, note: str,
        content_hash: str, at: datetime,
    ) -> int:  # fmt: skip
        """Keep an approval or a refusal; returns its id."""
        ...

    def void(self, ids: Sequence[int], *, at: datetime, because: str) -> None:
        """Say that these hold no longer."""
        ...

    def open_challenge(self, model_id: int, values: Mapping[str, Any], *, at: datetime) -> int:
        """Keep a challenge: ``kind``, ``account_id``, ``other_account_id``, ``from_territory`` and ``to_territory``
        (keys), ``rep_id``, ``reason``, ``opened_by``, ``due_on``; returns its id."""
        ...

    def challenges(self, model_id: int) -> list[ChallengeRow]:
        """Return a model's challenges, the newest first."""
        ...

    def challenge(self, challenge_id: int, *, lock: bool = False) -> ChallengeRow | None:
        """Return one; with ``lock`` nobody else decides it until the transaction ends."""
        ...

    def decide(
        self, challenge_id: int, state: str, *, at: datetime, by: int | None, note: str, is_automatic: bool
    ) -> None:
        """Give a challenge its last state."""
        ...

    def overdue(self, day: date) -> list[ChallengeRow]:
        """Return open challenges that had to be decided before this day."""
        ...

    def comment(
        self, challenge_id: int, *, user_id: int | None, at: datetime, text: str, stance: str
    ) -> None:
        """Add a word to a discussion."""
        ...

    def comments(self, challenge_ids: Collection[int]) -> list[CommentRow]:
        """Return the discussions, the oldest first."""
        ...

    def open_work(self, account_ids: Collection[int] | None = None) -> dict[int, tuple[Any, int]]:
        """Return account id -> sum of its open opportunities, and how many of them are in a late stage."""
        ...

    def owned_since(self, account_ids: Collection[int]) -> dict[int, tuple[int, datetime]]:
        """Return account id -> its owner now, and since when without a break."""
        ...
