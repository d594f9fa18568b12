"""What leave, cover and departures need from outside. Whoever writes holds a transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Person:
    """A rep, as far as these changes ask.

    Parameters
    ----------
    left_on : date or None
        First day no longer with the company.
    is_seller : bool
        In the active model as anything but a manager, or in no territory at all.
    """

    id: int
    name: str
    email: str | None = None
    user_id: int | None = None
    manager_id: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    languages: frozenset[str] = frozenset()
    industries: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    seniority: str = ""
    capacity_hours: float | None = None
    hired_on: date | None = None
    ramp_weeks: int | None = None
    left_on: date | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class LeaveRow:
    """One stretch of leave; see ``core.routing.absence``."""

    id: int
    rep_id: int
    starts_on: date
    ends_on: date
    starts_at_noon: bool = False
    ends_at_noon: bool = False
    reason: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class CoverRow:
    """Somebody stands in for a rep; ``account_id`` None: for all of the rep's accounts."""

    id: int
    rep_id: int
    cover_id: int
    account_id: int | None
    starts_on: date
    ends_on: date | None
    reason: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class DepartureRow:
    """A rep who leaves; ``before`` is what scheduling changed."""

    id: int
    rep_id: int
    last_day: date
    state: str
    note: str = ""
    deactivates: bool = False
    fingerprint: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, Any] = field(default_factory=dict)
    created_by: int | None = None
    done_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a departure's plan; ``record`` is the id of what is handed over (a territory's too)."""

    kind: str
    record: int
    name: str
    place: str = ""
    workload_hours: float | None = None
    potential: Any = None
    n_open: int = 0
    successor: int | None = None
    suggested: int | None = None
    runner_up: int | None = None
    points: float | None = None
    runner_up_points: float | None = None
    why: str = ""
    why_not: str = ""
    is_by_hand: bool = False
    id: int | None = None


class PeopleChanges(Protocol):
    """Leave, cover, departures and their plans."""

    def people(self, ids: Iterable[int] | None = None) -> dict[int, Person]:
        """Return reps by id."""
        ...

    def lock_rep(self, rep_id: int) -> Person:
        """Return a rep whom nobody else changes before the transaction ends; NotFoundError when there is none."""
        ...

    def change_rep(self, rep_id: int, changes: Mapping[str, Any]) -> None:
        """Set ``left_on``, ``hired_on`` or ``ramp_weeks``."""
        ...

    def reassign_reports(self, manager_id: int, to: int | None) -> int:
        """Give those who report to somebody another manager; returns how many."""
        ...

    def leave(self, *, rep_ids: Collection[int] | None = None, until: date | None = None) -> list[LeaveRow]:
        """Return leave (of these reps; ending after ``until``) by rep and start."""
        ...

    def keep_leave(self, row: LeaveRow) -> int:
        """Insert (id 0) or change a stretch of leave; returns its id."""
        ...

    def delete_leave(self, ids: Collection[int]) -> int:
        """Delete leave; returns how many."""
        ...

    def covers(
        self,
        *,
        rep_ids: Collection[int] | None = None,
        cover_ids: Collection[int] | None = None,
        until: date | None = None,
    ) -> list[CoverRow]:
        """Return cover of these reps, or by these people, ending after ``until``, by start."""
        ...

    def add_covers(self, rows: Sequence[CoverRow]) -> list[int]:
        """Insert cover; returns the ids."""
        ...

    def end_covers(self, ids: Collection[int], on: date) -> int:
        """End cover before a day; what would not have begun by then is deleted; returns how many."""
        ...

    def loads(self) -> dict[int, tuple[int, float]]:
        """Return rep id -> (accounts, hours a year) of the accounts they own."""
        ...

    def places(self, table: str, *, owner: int | None = None, ids: Iterable[int] | None = None) -> pa.Table:
        """Return all open associations of the records an owner has any of, or of ``ids``, locked until the end of the
        transaction if one is open: ``id``, ``record``, ``territory`` (key), ``owner``, ``is_primary``, ``cause``,
        ``reason`` (JSON text), ``valid_from``; open leads only."""
        ...

    def facts(self, table: str, ids: Collection[int]) -> pa.Table:
        """Return ``id``, ``name``, ``language``, ``industry``, ``products_of_interest``, ``latitude``, ``longitude``,
        ``workload_hours`` (accounts), ``potential`` of accounts or leads, by id."""
        ...

    def ties(self, accounts: Collection[int], people: Collection[int]) -> pa.Table:
        """Return ``account``, ``rep``, ``n``: activities done and opportunities these people had with the accounts."""
        ...

    def open_work(self, table: str, holder: int) -> pa.Table:
        """Return open opportunities or activities somebody holds: ``id``, ``name``, ``account``, ``lead``,
        ``opportunity`` (null for opportunities), ``potential`` (their amount), ``place_owner`` (rep id of the owner of
        the account, null when nobody is)."""
        ...

    def owned_left(self, rep_id: int) -> dict[str, int]:
        """Return how many ``accounts``, ``leads`` (open), ``opportunities`` (open), ``activities`` (open) they have."""
        ...

    def memberships(self, rep_id: int) -> list[dict[str, Any]]:
        """Return places in the active model: ``id``, ``node_id``, ``territory_id``, ``territory``, ``name``, ``role``,
        ``is_primary``, ``starts_on``, ``ends_on``; by position."""
        ...

    def named_elsewhere(self, rep_id: int) -> list[str]:
        """Return names of models not active nor archived that name this rep as a member."""
        ...

    def end_memberships(self, rep_id: int, on: date) -> list[dict[str, Any]]:
        """End places in the active model on a day; returns what they were, for ``restore_memberships``."""
        ...

    def add_owners(self, owners: Mapping[str, int], on: date) -> list[int]:
        """Make people owner members of the active model's territories (key -> rep id) from a day; returns row ids."""
        ...

    def restore_memberships(self, before: Sequence[Mapping[str, Any]], added: Collection[int]) -> None:
        """Take back what ``end_memberships`` and ``add_owners`` did."""
        ...

    def departure(self, departure_id: int, *, is_locked: bool = False) -> DepartureRow | None:
        """Return a departure."""
        ...

    def departures(
        self, *, rep_ids: Collection[int] | None = None, states: Collection[str] | None = None
    ) -> list[DepartureRow]:
        """Return departures, the latest last day first."""
        ...

    def keep_departure(self, row: DepartureRow, *, at: datetime | None = None) -> int:
        """Insert (id 0) or change a departure; returns its id."""
        ...

    def lines(self, departure_id: int) -> list[Line]:
        """Return the lines of a departure's plan, by kind and name."""
        ...

    def keep_lines(self, departure_id: int, lines: Sequence[Line]) -> None:
        """Replace the lines of a plan."""
        ...

    def choose(self, line_ids: Collection[int], successor: int | None) -> int:
        """Set who takes over these lines, by hand; returns how many."""
        ...

    def suggest_again(self, line_ids: Collection[int]) -> int:
        """Give these lines the one suggested; returns how many."""
        ...
