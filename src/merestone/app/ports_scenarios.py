"""What scenarios need from outside: their rows, and the map of the units they are made of.

Whoever writes holds a transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from merestone.app.policy import Actor


@dataclass(frozen=True, slots=True)
class JobState:
    """How far long work is.

    Parameters
    ----------
    share : float
        0 to 1.
    details : mapping
        What else it has reached: ``cost``, ``bound``, ``gap``.
    """

    id: int
    state: str
    share: float = 0.0
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is yet to end."""
        return self.state in ("queued", "running")


@dataclass(frozen=True, slots=True)
class ScenarioRow:
    """A scenario without its units.

    Parameters
    ----------
    parent : str
        Key of the territory whose leaves are planned; empty: of all of them.
    sight : str
        ``all``: all accounts in play count; ``part``: those that whoever plans the parent sees.
    plan, locked : tuple of int
        By unit: the number of its territory (−1: nobody's), and whether it stays there.
    undo, redo : str or None
        Words of the step that would be taken back, or done again.
    """

    id: int
    key: str
    name: str
    model_id: int
    model: str
    model_name: str
    parent: str
    unit_kind: str
    sight: str
    settings: Mapping[str, Any]
    plan: tuple[int, ...]
    locked: tuple[int, ...]
    revision: int
    origin: str
    report: Mapping[str, Any] | None
    job: JobState | None = None
    undo: str | None = None
    redo: str | None = None
    created_by: str = ""
    updated_by: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step.

    Parameters
    ----------
    kind : str
        ``start``, ``assign``, ``lock`` or ``optimise``.
    changes : mapping
        ``units`` (numbers), and of those ``before`` and ``after`` (numbers of territories; 0 or 1 for locks).
    """

    number: int
    kind: str
    words: str
    changes: Mapping[str, Any]
    actor: str
    at: datetime
    is_undone: bool = False


class Scenarios(Protocol):
    """Scenarios, their units and steps."""

    def all(self, *, model: str | None = None) -> list[ScenarioRow]:
        """Return the scenarios (of a model), by model and age."""
        ...

    def load(self, key: str, *, is_locked: bool = False) -> ScenarioRow | None:
        """Return a scenario; ``is_locked``: nobody else changes it until the transaction ends."""
        ...

    def keys(self) -> set[str]:
        """Return the keys there are."""
        ...

    def units(self, scenario_id: int) -> tuple[Mapping[str, Any], datetime, str]:
        """Return the units' content, when it was taken, and the stamp of what it was taken from."""
        ...

    def all_units(self, scenario_ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
        """Return scenario -> its units' content."""
        ...

    def add(
        self,
        row: Mapping[str, Any],
        *,
        units: Mapping[str, Any],
        taken_at: datetime,
        stamp: str,
        step: StepRow,
        actor: Actor,
    ) -> int:
        """Keep a new scenario (fields of ``ScenarioRow``) with its units and first step; returns its id."""
        ...

    def change(self, scenario_id: int, changes: Mapping[str, Any], *, actor: Actor) -> int:
        """Set fields; returns the revision, which rises by one."""
        ...

    def keep_units(
        self, scenario_id: int, units: Mapping[str, Any], *, taken_at: datetime, stamp: str
    ) -> None:
        """Replace the units' content."""
        ...

    def add_step(self, scenario_id: int, step: StepRow, *, job: int | None = None) -> None:
        """Keep a step behind those not undone; undone ones are dropped. ``step.number`` is not looked at."""
        ...

    def last_step(self, scenario_id: int, *, undone: bool) -> StepRow | None:
        """Return the step that undo takes back, or the one that redo does again (``undone``); None without one."""
        ...

    def mark(self, scenario_id: int, number: int, *, is_undone: bool) -> None:
        """Say that a step is undone, or is not any more."""
        ...

    def steps(self, scenario_id: int) -> list[StepRow]:
        """Return all steps, the newest first."""
        ...

    def step_of_job(self, job: int) -> str | None:
        """Return the key of the scenario in which a job has left a step already."""
        ...

    def forget_steps(self, scenario_id: int) -> None:
        """Drop all steps."""
        ...

    def keep_job(self, scenario_id: int, job: int) -> None:
        """Say which work is under way for a scenario; its revision stays."""
        ...

    def delete(self, scenario_id: int) -> None:
        """Delete a scenario."""
        ...

    def model_stamp(self, model_id: int) -> str:
        """Return a text that differs whenever the model, or which model is active, was changed."""
        ...


class UnitMap(Protocol):
    """Where units are, and which touch."""

    def units(self, kind: str) -> pa.Table:
        """Return ``id``, ``name``, ``state``, ``lon``, ``lat`` of every unit of a kind, by id."""
        ...

    def touching(self, kind: str) -> Sequence[tuple[str, str]]:
        """Return the pairs of units that share a border."""
        ...
