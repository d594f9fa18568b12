"""The life of scenarios: start, copy, rename, read the book anew, delete."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from merestone.app.policy import Actor
from merestone.app.ports_scenarios import ScenarioRow, StepRow
from merestone.app.scenarios.access import found, model_for
from merestone.app.scenarios.drawn import NOBODY
from merestone.app.scenarios.measures import UNIT_FIELDS, first_settings
from merestone.app.scenarios.reading import stamp_of
from merestone.app.scenarios.steps import refuse_changed
from merestone.app.scenarios.taking import Asked, take
from merestone.app.services import Services
from merestone.base.errors import InvalidInputError, Problem, UsageError

MAX_NAME = 200


def start(
    services: Services,
    actor: Actor,
    *,
    model: str,
    name: str,
    parent: str = "",
    unit_kind: str = "county",
    left_out: Collection[str] | None = None,
    copy_of: str | None = None,
) -> dict[str, Any]:
    """Start a scenario of a planning model; returns ``key``, ``name``, ``revision``, ``units``, ``territories``.

    Parameters
    ----------
    parent : str
        The leaves below this territory are planned; empty: all of the model.
    left_out : collection of str, optional
        Leaves that are not planned and keep their rules; None: those whose rule names no place.
    copy_of : str, optional
        Start with the plan, locks and settings of this scenario, whose model and parent count then.

    Raises
    ------
    NotFoundError, ForbiddenError
        As ``access.model_for`` says.
    ConflictError
        ``model-not-in-planning``.
    UsageError
        ``nothing-to-plan`` when nothing lies below the parent.
    """
    if copy_of is not None:
        return copy(services, actor, copy_of, name=name)
    if unit_kind not in UNIT_FIELDS:
        raise UsageError(
            f"'{unit_kind[:40]}' is no kind of unit.", code="bad-choice", fix=f"Use {', '.join(UNIT_FIELDS)}."
        )
    title = _title(name)
    model_id, document, sight = model_for(services, actor, model, parent)
    stamp = stamp_of(services, model_id)
    asked = Asked(parent, unit_kind, left_out, sight)
    content = take(services, document, asked)
    row = {
        "name": title,
        "model_id": model_id,
        "parent": parent,
        "unit_kind": unit_kind,
        "sight": sight,
        "settings": first_settings(content) | ({} if left_out is None else {"left_out": sorted(left_out)}),
        "plan": content["start"],
        "locked": [0] * len(content["ids"]),
        "origin": "hand",
    }
    return _added(
        services, actor, row, content, stamp=stamp, words=f"Start with the rules of {document.name}"
    )


def copy(
    services: Services,
    actor: Actor,
    key: str,
    *,
    name: str,
    changes: Mapping[str, Any] | None = None,
    content: Mapping[str, Any] | None = None,
    step: StepRow | None = None,
    job: int | None = None,
) -> dict[str, Any]:
    """Copy a scenario with its plan, locks and settings; returns as ``start`` does.

    Parameters
    ----------
    changes : mapping, optional
        Other fields of the row, such as another ``plan``.
    content : mapping, optional
        The units these are about, when the scenario may have others by now.
    step : StepRow, optional
        What comes after the first step, and the ``job`` that did it.
    """
    title = _title(name)
    row = found(services, actor, key)
    units, _, stamp = services.scenarios.units(row.id)
    if content is None:
        content = units
    fields = {
        "name": title,
        "model_id": row.model_id,
        "parent": row.parent,
        "unit_kind": row.unit_kind,
        "sight": row.sight,
        "settings": dict(row.settings),
        "plan": row.plan,
        "locked": row.locked,
        "origin": "copy",
        "report": _carried_report(row, 1),
        **(changes or {}),
    }
    return _added(services, actor, fields, content, stamp=stamp, words=f"Copy {row.name}", then=step, job=job)


def _added(
    services: Services,
    actor: Actor,
    row: Mapping[str, Any],
    content: Mapping[str, Any],
    *,
    stamp: str,
    words: str,
    then: StepRow | None = None,
    job: int | None = None,
) -> dict[str, Any]:
    now = services.clock.now()
    step = StepRow(0, "start", words, {}, actor.label or actor.role, now)
    with services.records.transaction(actor, cause=f"start scenario {row['name']}"[:200]):
        key = _free(row["name"], services.scenarios.keys())
        made = services.scenarios.add(
            {**row, "key": key}, units=content, taken_at=now, stamp=stamp, step=step, actor=actor
        )
        if then is not None:
            services.scenarios.add_step(made, then, job=job)
    return {
        "key": key,
        "name": row["name"],
        "revision": 1,
        "units": len(content["ids"]),
        "territories": len(content["territories"]),
    }


def rename(services: Services, actor: Actor, key: str, *, name: str) -> dict[str, Any]:
    """Give a scenario another name; its key stays."""
    title = _title(name)
    with services.records.transaction(actor, cause=f"rename scenario {key}"):
        row = found(services, actor, key, is_locked=True)
        revision = row.revision
        if title != row.name:
            changes = {"name": title, "report": _carried_report(row, row.revision + 1)}
            revision = services.scenarios.change(row.id, changes, actor=actor)
    return {"key": key, "name": title, "revision": revision}


def _carried_report(row: ScenarioRow, revision: int) -> dict[str, Any] | None:
    """Return what the last optimisation said, for the same plan under another revision; it stays old if it was."""
    if row.report is None:
        return None
    is_current = row.report.get("revision") == row.revision
    return {**row.report, "revision": revision if is_current else 0}


def delete(services: Services, actor: Actor, key: str) -> None:
    """Delete a scenario with its steps; work under way for it is stopped."""
    with services.records.transaction(actor, cause=f"delete scenario {key}"):
        row = found(services, actor, key, is_locked=True)
        if row.job is not None and row.job.is_open:
            services.jobs.cancel(row.job.id)
        services.scenarios.delete(row.id)


def refresh(services: Services, actor: Actor, key: str, *, seen: int) -> dict[str, Any]:
    """Read the book and the model anew, and keep the plan; returns ``revision``, ``units``, ``new``, ``gone``.

    Where units or territories are others than before, what was done cannot be undone any more.

    Raises
    ------
    ConflictError
        ``scenario-changed``; ``model-not-in-planning``.
    """
    row = found(services, actor, key)
    refuse_changed(row, seen)
    model_id, document, _ = model_for(services, actor, row.model, row.parent)
    stamp = stamp_of(services, model_id)
    left_out = row.settings.get("left_out")
    content = take(services, document, Asked(row.parent, row.unit_kind, left_out, row.sight))
    now = services.clock.now()
    with services.records.transaction(actor, cause=f"read the book anew for scenario {key}"):
        row = found(services, actor, key, is_locked=True)
        refuse_changed(row, seen)
        before = services.scenarios.units(row.id)[0]
        plan, locked, is_same = _carried(row, before, content)
        services.scenarios.keep_units(row.id, content, taken_at=now, stamp=stamp)
        if not is_same:
            services.scenarios.forget_steps(row.id)
            step = StepRow(0, "start", "Read the book and the model anew", {}, actor.label or actor.role, now)
            services.scenarios.add_step(row.id, step)
        changes = {} if is_same else {"plan": plan.tolist(), "locked": locked.tolist()}
        revision = services.scenarios.change(row.id, changes, actor=actor)
    old, new = set(before["ids"]), set(content["ids"])
    return {"revision": revision, "units": len(new), "new": len(new - old), "gone": len(old - new)}


def _carried(
    row: ScenarioRow, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return the plan and locks over the new units and territories, and whether these are the same as before."""
    keys = [[one["key"] for one in content["territories"]] for content in (before, after)]
    if before["ids"] == after["ids"] and keys[0] == keys[1]:
        return np.array(row.plan), np.array(row.locked), True
    number = {key: at for at, key in enumerate(keys[1])}
    had = {unit: at for at, unit in enumerate(before["ids"])}
    plan, locked = np.array(after["start"], np.int64), np.zeros(len(after["ids"]), np.int64)
    for at, unit in enumerate(after["ids"]):
        if unit in had:
            old = row.plan[had[unit]]
            key = keys[0][old] if old >= 0 else None
            if key is None or key in number:  # what a territory had that is gone starts anew
                plan[at] = NOBODY if key is None else number[key]
                locked[at] = row.locked[had[unit]]
    return plan, locked, False


def _title(name: str) -> str:
    title = " ".join(name.split())
    if not 1 <= len(title) <= MAX_NAME:
        problem = Problem(
            "bad-scenario-name", "A scenario needs a name.", f"At most {MAX_NAME} characters.", where="name"
        )
        raise InvalidInputError("The scenario was not kept.", [problem])
    return title


def _free(name: str, taken: set[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:80] or "scenario"
    return next(
        key for n in range(1, len(taken) + 2) if (key := stem if n == 1 else f"{stem}-{n}") not in taken
    )
