"""Changing a scenario by hand: give units to a territory, lock them, undo, redo, settings.

Each is one transaction that writes the scenario's row and one step. Whoever changes names the revision they saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from merestone.app.policy import Actor
from merestone.app.ports_scenarios import ScenarioRow, StepRow
from merestone.app.scenarios.access import found
from merestone.app.scenarios.drawn import NOBODY, Drawn
from merestone.app.scenarios.measures import checked_settings
from merestone.app.services import Services
from merestone.base.errors import ConflictError, UsageError

UNIT_WORDS: Mapping[str, tuple[str, str]] = {"county": ("county", "counties")}


def assign(
    services: Services, actor: Actor, key: str, *, seen: int, units: Sequence[int], territory: int | None
) -> dict[str, Any]:
    """Give units to a territory (None: to nobody); returns what ``changed``, and the balance.

    Locked units stay where they are; ``held`` says how many.

    Raises
    ------
    ConflictError
        ``scenario-changed`` when it has another revision by now.
    UsageError
        ``bad-unit`` or ``bad-territory`` for a number there is not.
    """
    with services.records.transaction(actor, cause=f"assign units in scenario {key}"):
        open_ = opened(services, actor, key, seen)
        at = _numbers(units, open_.drawn.n)
        _territory(territory, open_.drawn.k)
        free = at[~open_.drawn.locked[at]]
        target = NOBODY if territory is None else territory
        moved = free[open_.drawn.plan[free] != target]
        where = "nobody" if territory is None else open_.drawn.content["territories"][target]["name"]
        words = f"Assign {counted(len(moved), open_.row.unit_kind)} to {where}"
        plan = open_.drawn.plan.copy()
        plan[moved] = target
        answer = written(services, actor, open_, kind="assign", words=words, plan=plan)
    return answer | {"held": len(at) - len(free)}


def lock(
    services: Services, actor: Actor, key: str, *, seen: int, units: Sequence[int], is_locked: bool
) -> dict[str, Any]:
    """Keep units where they are, or let them go; answers and raises as ``assign`` does."""
    with services.records.transaction(actor, cause=f"lock units in scenario {key}"):
        open_ = opened(services, actor, key, seen)
        at = _numbers(units, open_.drawn.n)
        changed = at[open_.drawn.locked[at] != is_locked]
        words = f"{'Lock' if is_locked else 'Unlock'} {counted(len(changed), open_.row.unit_kind)}"
        locked = open_.drawn.locked.copy()
        locked[changed] = is_locked
        return written(services, actor, open_, kind="lock", words=words, locked=locked)


def undo(services: Services, actor: Actor, key: str, *, seen: int) -> dict[str, Any]:
    """Take the last step back; answers and raises as ``assign`` does, ``nothing-to-undo`` when there is none."""
    return _walk(services, actor, key, seen=seen, is_back=True)


def redo(services: Services, actor: Actor, key: str, *, seen: int) -> dict[str, Any]:
    """Do the step again that was taken back last; answers and raises as ``undo`` does."""
    return _walk(services, actor, key, seen=seen, is_back=False)


def _walk(services: Services, actor: Actor, key: str, *, seen: int, is_back: bool) -> dict[str, Any]:
    verb = "undo" if is_back else "redo"
    with services.records.transaction(actor, cause=f"{verb} in scenario {key}"):
        open_ = opened(services, actor, key, seen)
        step = services.scenarios.last_step(open_.row.id, undone=not is_back)
        if step is None:
            raise ConflictError(f"There is nothing to {verb}.", code="nothing-to-undo")
        at = np.array(step.changes["units"], np.int64)
        numbers = np.array(step.changes["before" if is_back else "after"], np.int64)
        plan, locked = open_.drawn.plan.copy(), open_.drawn.locked.copy()
        if step.kind == "lock":
            locked[at] = numbers.astype(bool)
        else:
            plan[at] = numbers
        services.scenarios.mark(open_.row.id, step.number, is_undone=is_back)
        return _kept(services, actor, open_, plan, locked)


def change_settings(
    services: Services, actor: Actor, key: str, *, seen: int, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Change ``objective``, ``weight``, ``contiguous`` or ``balances``; returns ``revision`` and ``settings``.

    Raises
    ------
    InvalidInputError
        With everything that is wrong with them.
    """
    with services.records.transaction(actor, cause=f"settings of scenario {key}"):
        row = found(services, actor, key, is_locked=True)
        refuse_changed(row, seen)
        settings = checked_settings(row.settings, changes)
        revision = row.revision
        if settings != row.settings:
            revision = services.scenarios.change(row.id, {"settings": settings}, actor=actor)
    return {"revision": revision, "settings": settings}


def steps(services: Services, actor: Actor, key: str) -> list[dict[str, Any]]:
    """Return what was done, the newest first: ``number``, ``kind``, ``words``, ``units``, ``actor``, ``at``,
    ``is_undone``."""
    row = found(services, actor, key)
    return [
        {
            "number": one.number,
            "kind": one.kind,
            "words": one.words,
            "units": len(one.changes.get("units", ())),
            "actor": one.actor,
            "at": one.at.isoformat(),
            "is_undone": one.is_undone,
        }
        for one in services.scenarios.steps(row.id)
    ]


@dataclass(frozen=True)
class Open:
    """A scenario nobody else changes before the transaction ends."""

    row: ScenarioRow
    drawn: Drawn


def opened(services: Services, actor: Actor, key: str, seen: int) -> Open:
    """Return a scenario for change; the caller holds the transaction."""
    row = found(services, actor, key, is_locked=True)
    refuse_changed(row, seen)
    return Open(row, Drawn.of(row, services.scenarios.units(row.id)[0]))


def refuse_changed(row: ScenarioRow, seen: int) -> None:
    """Raise ConflictError ``scenario-changed`` unless the scenario still has the revision somebody saw."""
    if row.revision != seen:
        raise ConflictError(
            f"The scenario was changed meanwhile: it has revision {row.revision} by now.",
            code="scenario-changed",
            fix="Load it again.",
            difference={"revision": [seen, row.revision]},
        )


def written(
    services: Services,
    actor: Actor,
    open_: Open,
    *,
    kind: str,
    words: str,
    plan: np.ndarray | None = None,
    locked: np.ndarray | None = None,
    job: int | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Keep another plan, or other locks, with the step that led there; a step that changes nothing is none."""
    before, after = (
        (open_.drawn.plan, plan)
        if plan is not None
        else (open_.drawn.locked.astype(np.int64), np.asarray(locked, np.int64))
    )
    assert after is not None
    at = np.flatnonzero(before != after)
    if len(at) or job is not None:
        changes: dict[str, Any] = {}
        if len(at):
            changes = {"units": at.tolist(), "before": before[at].tolist(), "after": after[at].tolist()}
        step = StepRow(0, kind, words, changes, actor.label or actor.role, services.clock.now())
        services.scenarios.add_step(open_.row.id, step, job=job)
    return _kept(
        services,
        actor,
        open_,
        open_.drawn.plan if plan is None else plan,
        open_.drawn.locked if locked is None else locked,
        more=more,
    )


def _kept(
    services: Services,
    actor: Actor,
    open_: Open,
    plan: np.ndarray,
    locked: np.ndarray,
    *,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    changed = np.flatnonzero((plan != open_.drawn.plan) | (locked != open_.drawn.locked))
    revision = open_.row.revision
    if len(changed) or more:
        fields: dict[str, Any] = dict(more or {})
        fields |= {"plan": plan.tolist()} if (plan != open_.drawn.plan).any() else {}
        fields |= {"locked": locked.tolist()} if (locked != open_.drawn.locked).any() else {}
        if "report" in fields:
            fields["report"] = {**fields["report"], "revision": revision + 1}
        revision = services.scenarios.change(open_.row.id, fields, actor=actor)
    words = {
        name: step and step.words
        for name, undone in (("undo", False), ("redo", True))
        for step in (services.scenarios.last_step(open_.row.id, undone=undone),)
    }
    return {
        "revision": revision,
        "changed": {
            "units": changed.tolist(),
            "territory": plan[changed].tolist(),
            "locked": locked[changed].astype(int).tolist(),
        },
        "balance": replace(open_.drawn, plan=plan, locked=locked).balance(),
        "can": words,
    }


def counted(n: int, unit_kind: str) -> str:
    """Return a number of units in words."""
    one, many = UNIT_WORDS.get(unit_kind, ("unit", "units"))
    return f"{n:,} {one if n == 1 else many}"


def _numbers(units: Sequence[int], n: int) -> np.ndarray:
    at = np.unique(np.array(units, np.int64))
    if len(at) and (at[0] < 0 or at[-1] >= n):
        raise UsageError(
            f"There is no unit {int(at[0] if at[0] < 0 else at[-1])}.",
            code="bad-unit",
            fix=f"Units are numbered from 0 to {n - 1}.",
        )
    return at


def _territory(territory: int | None, k: int) -> None:
    if territory is not None and not 0 <= territory < k:
        raise UsageError(
            f"There is no territory {territory}.",
            code="bad-territory",
            fix=f"Territories are numbered from 0 to {k - 1}; null is nobody.",
        )
