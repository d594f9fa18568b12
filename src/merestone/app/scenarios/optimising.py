"""Letting the optimiser work on a scenario: a job, whose result is one more step of the scenario.

It solves outside any transaction. When the scenario was changed meanwhile, the result becomes a scenario of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from merestone.app.policy import Actor
from merestone.app.ports import Progress, Watch
from merestone.app.ports_scenarios import ScenarioRow, StepRow
from merestone.app.scenarios.access import found
from merestone.app.scenarios.drawn import Drawn
from merestone.app.scenarios.problems import Options, Task, task_of
from merestone.app.scenarios.starting import copy
from merestone.app.scenarios.steps import Open, counted, refuse_changed, written
from merestone.app.services import Services
from merestone.base.errors import ConflictError
from merestone.core.design.control import Control
from merestone.core.design.control import Progress as Reached
from merestone.core.design.reading import Read
from merestone.core.design.relabel import relabelled

if TYPE_CHECKING:
    from merestone.core.design.solve import Result

KIND = "optimise scenario"
STEPS = 1_000
"""Into how many parts progress is told."""
_LEFT_OUT = ("territories", "load", "groups")


def optimise(
    services: Services, actor: Actor, key: str, *, seen: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Queue an optimisation; returns ``job`` and ``revision``.

    Parameters
    ----------
    options : mapping
        As ``Options.read`` takes it.

    Raises
    ------
    ConflictError
        ``scenario-changed``; ``job-running`` when one is under way.
    InvalidInputError
        With everything that makes the wishes impossible: before any work starts.
    """
    wanted = Options.read(options)
    with services.records.transaction(actor, cause=f"optimise scenario {key}"):
        row = found(services, actor, key, is_locked=True)
        refuse_changed(row, seen)
        if row.job is not None and row.job.is_open:
            raise ConflictError(
                "The optimiser is at work on this scenario already.",
                code="job-running",
                fix="Wait until it is done, or stop it.",
                difference={"job": [None, row.job.id]},
            )
        task_of(_drawn(services, row), row.settings, wanted)  # what cannot be is said now
        payload = {"scenario": key, "seen": seen, "options": wanted.told()}
        job = services.jobs.enqueue(KIND, payload, actor=actor)
        services.scenarios.keep_job(row.id, job)
    return {"job": job, "revision": row.revision}


def stop(services: Services, actor: Actor, key: str) -> dict[str, Any]:
    """Ask the optimiser to end with the best it has; returns ``job``, None when nothing is under way."""
    with services.records.transaction(actor, cause=f"stop optimising scenario {key}"):
        row = found(services, actor, key)
        if row.job is None or not row.job.is_open:
            return {"job": None}
        services.jobs.cancel(row.job.id)
    return {"job": row.job.id}


def run(services: Services, actor: Actor, payload: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Do the work; returns ``scenario`` (where the result is), ``revision``, ``is_copy``, ``changed``, ``report``."""
    job = progress.job if isinstance(progress, Watch) else None
    done = services.scenarios.step_of_job(job) if job is not None else None
    if done is not None:  # a worker that died after it had written it
        row = found(services, actor, done)
        return {"scenario": done, "revision": row.revision, "is_copy": done != payload["scenario"]}
    row = found(services, actor, payload["scenario"])
    drawn = _drawn(services, row)
    options = Options.read(payload["options"])
    task = task_of(drawn, row.settings, options)
    result = _solved(task, options, progress)
    told = _report(task, options, result)
    plan = task.whole(drawn, result.plan)
    words = f"Optimise {_region(drawn, options, row)}: {counted(int((plan != drawn.plan).sum()), row.unit_kind)} moved"
    return _kept(services, actor, row, drawn, plan=plan, told=told, words=words, job=job)


def _kept(
    services: Services,
    actor: Actor,
    before: ScenarioRow,
    drawn: Drawn,
    *,
    plan: np.ndarray,
    told: dict[str, Any],
    words: str,
    job: int | None,
) -> dict[str, Any]:
    changed = int((plan != drawn.plan).sum())
    with services.records.transaction(actor, cause=f"optimise scenario {before.key}"):
        row = found(services, actor, before.key, is_locked=True)
        if row.revision == before.revision:
            more = {"report": told, "origin": "optimiser"}
            answer = written(
                services, actor, Open(row, drawn), kind="optimise", words=words, plan=plan, job=job, more=more
            )
            return {
                "scenario": row.key,
                "revision": answer["revision"],
                "is_copy": False,
                "changed": changed,
                "report": told,
            }
    note = f"“{before.name}” was changed while the optimiser was at work, so its result is a scenario of its own."
    told = {**told, "notes": [*told["notes"], note], "revision": 1}
    made = copy(
        services,
        actor,
        before.key,
        name=f"{before.name} (optimised)"[:200],
        changes={"plan": plan.tolist(), "locked": before.locked, "origin": "optimiser", "report": told},
        content=drawn.content,
        step=StepRow(
            0, "optimise", words, _changes(drawn, plan), actor.label or actor.role, services.clock.now()
        ),
        job=job,
    )
    return {"scenario": made["key"], "revision": 1, "is_copy": True, "changed": changed, "report": told}


def _changes(drawn: Drawn, plan: np.ndarray) -> dict[str, Any]:
    at = np.flatnonzero(plan != drawn.plan)
    if not len(at):
        return {}
    return {"units": at.tolist(), "before": drawn.plan[at].tolist(), "after": plan[at].tolist()}


def _drawn(services: Services, row: ScenarioRow) -> Drawn:
    return Drawn.of(row, services.scenarios.units(row.id)[0])


def _solved(task: Task, options: Options, progress: Progress) -> Result:
    from merestone.core.design.scoring import score
    from merestone.core.design.solve import solve

    def tell(reached: Reached) -> None:
        progress(round(STEPS * min(1.0, max(0.0, reached.share))), STEPS, reached.stage)
        if isinstance(progress, Watch):
            cost, bound = (_finite(value) for value in (control.best, control.bound))
            gap = max(0.0, (cost - bound) / cost) if cost and bound is not None else None
            progress.tell({"cost": cost, "bound": bound, "gap": gap})

    control = Control(seed=options.seed, time_limit=options.seconds, tell=tell)
    if isinstance(progress, Watch):
        progress.on_cancel(control.cancel)
    progress(0, STEPS, "Beginning")
    result = solve(task.problem, control)
    plan = relabelled(task.problem, result.plan)
    return replace(result, plan=plan, score=score(task.problem, plan))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _report(task: Task, options: Options, result: Result) -> dict[str, Any]:
    from merestone.core.design.report import report

    told = report(Read(task.problem, task.bridges), task.asked, result)
    kept = {name: value for name, value in told.items() if name not in _LEFT_OUT}
    if not kept["is_feasible"]:
        kept["gap"] = None  # how near a plan is that breaks what was asked says nothing
    return {**_json(kept), "region": options.told()["region"]}


def _json(value: Any) -> Any:
    """Return plain values: what is not finite is none."""
    if isinstance(value, Mapping):
        return {str(name): _json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json(one) for one in value]
    if isinstance(value, np.generic):
        return _json(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, str | bool | int) else str(value)


def _region(drawn: Drawn, options: Options, row: ScenarioRow) -> str:
    if options.units is not None:
        return counted(len(options.units), row.unit_kind)
    if options.territories is not None:
        names = [drawn.content["territories"][at]["name"] for at in options.territories]
        return names[0] if len(names) == 1 else f"{len(names)} territories"
    return "everything"
