"""What the life of models needs from outside: their states, what was published, and what that moved.

Whoever writes holds a transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

import pyarrow as pa

from merestone.app.policy import Actor


@dataclass(frozen=True, slots=True)
class ModelLife:
    """Where a model stands in its life.

    Parameters
    ----------
    state : str
        One of ``core.model.columns.MODEL_STATES``.
    version : int
        Rises with every change of the model.
    takes_effect_at : datetime or None
        Scheduled: when the worker publishes it.
    approved_hash : str
        Scheduled: the content that may be published.
    policies : mapping
        What happens to open work, to challenges, to approvals.
    cloned_from : str or None
        Key of the model it is a copy of.
    created_by : int or None
        User id.
    """

    id: int
    key: str
    name: str
    state: str
    version: int
    effective: date | None = None
    takes_effect_at: datetime | None = None
    approved_hash: str = ""
    policies: Mapping[str, Any] = field(default_factory=dict)
    cloned_from: str | None = None
    created_by: int | None = None
    activated_at: datetime | None = None
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """One change of the active model.

    Parameters
    ----------
    kind : str
        ``publish`` or ``undo``.
    model, previous : str or None
        Keys of the models active afterwards and before; None: none was.
    undoes, undone_by : int or None
        Ids of other such changes.
    transaction : str
        Its audit transaction.
    marks : mapping
        What was the last association then, by table: later ones have larger ids.
    counts : mapping
        What it moved.
    """

    id: int
    kind: str
    model_id: int | None
    model: str | None
    previous_id: int | None
    previous: str | None
    undoes: int | None
    undone_by: int | None
    at: datetime
    actor: str
    note: str
    content_hash: str
    transaction: str
    marks: Mapping[str, int]
    counts: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return what faces show."""
        names = (
            "id",
            "kind",
            "model",
            "previous",
            "undoes",
            "undone_by",
            "at",
            "actor",
            "note",
            "content_hash",
        )
        return {name: getattr(self, name) for name in names} | {"counts": dict(self.counts)}


@dataclass(frozen=True)
class Placed:
    """Where associations stood before a publication.

    Parameters
    ----------
    desired : pa.Table
        As ``Associations.replace`` takes it: every association of each record the publication touched.
    changed : frozenset of int
        Records whose associations changed since, or that were locked since; ``desired`` is without them.
    created : frozenset of int
        Records that came since.
    n_moved : int
        How many records of ``desired`` stand elsewhere now; the others have another reason.
    """

    desired: pa.Table
    changed: frozenset[int]
    created: frozenset[int]
    n_moved: int


@dataclass(frozen=True)
class Held:
    """Who held opportunities or activities before a publication.

    Parameters
    ----------
    owners : mapping of int to int or None
        Record -> rep id.
    changed : frozenset of int
        Records with another owner by now, or closed since.
    """

    owners: Mapping[int, int | None]
    changed: frozenset[int]


class Lifecycle(Protocol):
    """States of models, publications, and the open work they move."""

    def life(self, key: str, *, is_locked: bool = False) -> ModelLife | None:
        """Return where a model stands; ``is_locked``: nobody else changes it before the transaction ends."""
        ...

    def due(self, now: datetime) -> list[str]:
        """Return the keys of scheduled models whose instant has come, the earliest first."""
        ...

    def next_due(self) -> datetime | None:
        """Return the instant of the next scheduled model."""
        ...

    def step(
        self,
        model_id: int,
        *,
        old: str,
        new: str,
        actor: Actor,
        at: datetime,
        note: str = "",
        content_hash: str = "",
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        """Bring a model from one state into another and record it; ``changes`` are further fields of the model."""
        ...

    def record(
        self,
        model_id: int,
        *,
        old: str,
        new: str,
        actor: Actor,
        at: datetime,
        note: str = "",
        content_hash: str = "",
    ) -> None:
        """Record a step that was done otherwise."""
        ...

    def events(self, model_id: int) -> list[dict[str, Any]]:
        """Return ``id``, ``at``, ``user_id``, ``actor``, ``from_state``, ``to_state``, ``note``, ``content_hash``,
        the newest first."""
        ...

    def keep_policies(self, model_id: int, policies: Mapping[str, Any]) -> None:
        """Write a model's policies."""
        ...

    def keep_origin(self, model_id: int, origin_id: int) -> None:
        """Say which model this one is a copy of."""
        ...

    def marks(self) -> dict[str, int]:
        """Return the last association's id by table."""
        ...

    def primary_owners(self) -> pa.Table:
        """Return the accounts' open primary associations: ``record``, ``territory`` (id), ``owner``; by record."""
        ...

    def open_work(self, table: str, accounts: Sequence[int]) -> pa.Table:
        """Return the open opportunities or activities of these accounts: ``id``, ``account``, ``holder`` (rep id),
        ``stage`` or ``opportunity``; nobody else changes them before the transaction ends."""
        ...

    def give(self, table: str, owners: Mapping[int, int | None]) -> None:
        """Give opportunities or activities to others."""
        ...

    def tell_ownerships(
        self,
        ids: Collection[int],
        *,
        model_id: int | None,
        reason: Mapping[str, Any],
        stays_until: date | None = None,
    ) -> None:
        """Say of the open ownerships of these opportunities why they are so, and until when."""
        ...

    def stays_over(self, day: date) -> pa.Table:
        """Return the open opportunities that were to stay until this day or earlier: ``id``, ``model_id``, ``owner``
        (of the account, null when nobody is)."""
        ...

    def keep_publication(
        self,
        *,
        kind: str,
        model_id: int | None,
        previous_id: int | None,
        undoes: int | None,
        at: datetime,
        actor: Actor,
        note: str,
        content_hash: str,
        transaction: str,
        marks: Mapping[str, int],
        counts: Mapping[str, Any],
    ) -> int:
        """Keep one change of the active model; returns its id."""
        ...

    def publications(self, key: str | None = None, *, limit: int | None = None) -> list[Published]:
        """Return the changes of the active model (or those to or from this model), the newest first."""
        ...

    def deactivate(self, model_id: int, *, at: datetime) -> None:
        """Archive the active model; none is active then."""
        ...

    def placed_before(self, table: str, publication: Published) -> Placed:
        """Return where the associations of ``accounts`` or ``leads`` stood before the publication."""
        ...

    def held_before(self, table: str, publication: Published) -> Held:
        """Return who held ``opportunities`` or ``activities`` before the publication."""
        ...

    def restore_ownerships(self, publication: Published, opportunities: Collection[int]) -> None:
        """Give the open ownerships of these opportunities the model, reason and end they had before it."""
        ...

    def names(self, table: str, ids: Collection[int]) -> dict[int, str]:
        """Return id -> name of accounts, leads, opportunities or activities."""
        ...
