"""Scenarios as the faces show them: side by side, and one with all its units."""

from __future__ import annotations

from typing import Any

import numpy as np

from merestone.app.policy import Actor, Right
from merestone.app.ports_scenarios import JobState, ScenarioRow
from merestone.app.scenarios.access import found, seen
from merestone.app.scenarios.drawn import Drawn
from merestone.app.scenarios.measures import MEASURES
from merestone.app.services import Services


def list_scenarios(services: Services, actor: Actor, model: str | None = None) -> list[dict[str, Any]]:
    """Return the scenarios side by side, by model and age: ``key``, ``name``, ``model``, ``parent``, ``revision``,
    ``origin``, ``territories``, ``units``, ``cost``, ``bound``, ``gap``, ``max_deviation`` (by balanced measure),
    ``moves`` (against where the accounts are now: ``units``, ``accounts``, ``share``), ``settings``, ``report`` (with
    ``is_current``, which cost, bound and gap need to be of the plan as it is), ``job``, ``updated_at``, ``updated_by``."""
    actor.require(Right.PLAN)
    rows = seen(services, actor, services.scenarios.all(model=model))
    contents = services.scenarios.all_units([row.id for row in rows]) if rows else {}
    return [_line(row, Drawn.of(row, contents[row.id])) for row in rows]


def summary(services: Services, actor: Actor, key: str) -> dict[str, Any]:
    """Return ``key``, ``name``, ``model``, ``parent``, ``unit_kind`` and ``revision`` of a scenario, without its units."""
    row = found(services, actor, key)
    names = ("key", "name", "parent", "unit_kind", "revision")
    return {name: getattr(row, name) for name in names} | {
        "model": {"key": row.model, "name": row.model_name}
    }


def _line(row: ScenarioRow, drawn: Drawn) -> dict[str, Any]:
    report = row.report or {}
    return {
        "key": row.key,
        "name": row.name,
        "model": {"key": row.model, "name": row.model_name},
        "parent": row.parent,
        "unit_kind": row.unit_kind,
        "revision": row.revision,
        "origin": row.origin,
        "territories": drawn.k,
        "units": drawn.n,
        "cost": report.get("cost"),
        "bound": report.get("bound"),
        "gap": report.get("gap"),
        "max_deviation": {
            one["measure"]: drawn.deviation(one["measure"]) for one in row.settings["balances"]
        },
        "moves": moves(drawn),
        "settings": dict(row.settings),
        "report": report_told(row),
        "job": job_told(row.job),
        "updated_at": row.updated_at and row.updated_at.isoformat(),
        "updated_by": row.updated_by,
    }


def moves(drawn: Drawn) -> dict[str, Any]:
    """Return what would leave the territory it is in now: units by their most accounts, and accounts one by one."""
    keys = {one["key"]: at for at, one in enumerate(drawn.content["territories"])}
    by_place = drawn.content["by_place"]
    now = np.array([keys.get(key, -2 if key else -1) for key in by_place["territory"]], np.int64)
    accounts = np.array(by_place["accounts"], np.int64)
    moved = (drawn.plan[np.array(by_place["unit"], np.int64)] != now) if len(now) else np.zeros(0, bool)
    total = int(accounts.sum())
    has = drawn.amounts("accounts") > 0  # where nobody is, nobody moves
    return {
        "units": int((has & (drawn.plan != np.array(drawn.content["live"], np.int64))).sum()),
        "accounts": int(accounts[moved].sum()),
        "share": float(accounts[moved].sum() / total) if total else 0.0,
    }


def read(services: Services, actor: Actor, key: str) -> dict[str, Any]:
    """Return a scenario with everything the workspace needs; matches nothing and reads no account.

    ``book`` says when the amounts were taken, and whether accounts or the model changed since. The cost, bound and gap
    of ``report`` are those of the revision it names (``is_current``: this one).
    """
    row = found(services, actor, key)
    content, taken_at, stamp = services.scenarios.units(row.id)
    return {
        "key": row.key,
        "name": row.name,
        "model": {"key": row.model, "name": row.model_name},
        "parent": row.parent,
        "unit_kind": row.unit_kind,
        "origin": row.origin,
        "revision": row.revision,
        "territories": [
            {name: one[name] for name in ("key", "name", "owner", "home")} for one in content["territories"]
        ],
        "measures": measures_told(services),
        "settings": dict(row.settings),
        "units": {
            "id": content["ids"],
            "name": content["names"],
            "state": content["states"],
            "territory": list(row.plan),
            "live": content["live"],
            "locked": list(row.locked),
            "amounts": content["amounts"],
        },
        "neighbours": {"starts": content["starts"], "units": content["neighbours"]},
        "bridges": content["bridges"],
        "outside": content["outside"],
        "left_out": content["left_out"],
        "book": {"taken_at": taken_at.isoformat(), "is_stale": stamp != stamp_of(services, row.model_id)},
        "can": {"undo": row.undo, "redo": row.redo},
        **progress_of(row),
        "report": report_told(row),
    }


def measures_told(services: Services) -> list[dict[str, str]]:
    """Return the measures; money in the company's currency."""
    currency = services.clock.currency()
    return [
        {"key": one.key, "label": one.label, "unit": currency if one.unit == "money" else one.unit}
        for one in MEASURES
    ]


def stamp_of(services: Services, model_id: int) -> str:
    """Return a text that differs whenever an account or the model was changed."""
    return f"{services.records.stamp(['accounts'])}|{services.scenarios.model_stamp(model_id)}"[:200]


def report_told(row: ScenarioRow) -> dict[str, Any] | None:
    """Return what the last optimisation said."""
    if row.report is None:
        return None
    return {**row.report, "is_current": row.report.get("revision") == row.revision}


def progress(services: Services, actor: Actor, key: str) -> dict[str, Any]:
    """Return how far the work under way for a scenario is: ``revision``, ``job``, ``failed``, ``result``, ``report``."""
    row = found(services, actor, key)
    return {"revision": row.revision, **progress_of(row), "report": report_told(row)}


def progress_of(row: ScenarioRow) -> dict[str, Any]:
    """Return ``job`` (None when nothing is under way) and ``failed`` (why the last work failed)."""
    failed = row.job is not None and row.job.state == "failed"
    return {"job": job_told(row.job), "failed": {"error": row.job.error} if failed and row.job else None}


def job_told(job: JobState | None) -> dict[str, Any] | None:
    """Return ``id``, ``state``, ``share``, ``stage``, ``cost``, ``bound``, ``gap`` of work under way."""
    if job is None or not job.is_open:
        return None
    return {
        "id": job.id,
        "state": job.state,
        "share": job.share,
        "stage": job.message or "Waiting for a worker",
        **{name: job.details.get(name) for name in ("cost", "bound", "gap")},
    }
