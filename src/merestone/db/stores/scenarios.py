"""Scenarios as rows: a plan is one packed column, its units one compressed document."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from merestone.app.policy import Actor
from merestone.app.ports_scenarios import JobState, ScenarioRow, StepRow
from merestone.base.errors import ConflictError
from merestone.db.models import Job, Scenario, ScenarioStep, ScenarioUnits, TerritoryModel
from merestone.db.stores.failures import translated

_SMALL = np.dtype("<i2")
PACKED = ("plan", "locked")


def packed(numbers: Iterable[int]) -> str:
    """Return small whole numbers as a short text."""
    return base64.b85encode(zlib.compress(np.fromiter(numbers, _SMALL).tobytes(), 6)).decode()


def unpacked(text: str) -> tuple[int, ...]:
    """Return the numbers of a packed text."""
    return tuple(np.frombuffer(zlib.decompress(base64.b85decode(text)), _SMALL).tolist())


class ScenarioStore:
    """Implements ``app.ports_scenarios.Scenarios``."""

    def all(self, *, model: str | None = None) -> list[ScenarioRow]:
        """Return the scenarios (of a model), by model and age."""
        rows = _rows() if model is None else _rows().filter(model__key=model)
        return [_row(row) for row in rows.order_by("model_id", "pk")]

    def load(self, key: str, *, is_locked: bool = False) -> ScenarioRow | None:
        """Return a scenario; ``is_locked``: nobody else changes it until the transaction ends."""
        with translated():
            if is_locked and not Scenario.objects.select_for_update(no_key=True).filter(key=key).values("pk"):
                return None
            row = _rows().filter(key=key).first()
        return None if row is None else _row(row)

    def keys(self) -> set[str]:
        """Return the keys there are."""
        return set(Scenario.objects.order_by().values_list("key", flat=True))

    def units(self, scenario_id: int) -> tuple[Mapping[str, Any], datetime, str]:
        """Return the units' content, when it was taken, and the stamp of what it was taken from."""
        row = ScenarioUnits.objects.get(scenario_id=scenario_id)
        return _content(row.content), row.taken_at, row.stamp

    def all_units(self, scenario_ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
        """Return scenario -> its units' content."""
        rows = ScenarioUnits.objects.filter(scenario_id__in=list(scenario_ids))
        return {row.scenario_id: _content(row.content) for row in rows}

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
        with translated():
            if Scenario.objects.filter(key=row["key"]).exists():
                raise ConflictError(
                    f"There is a scenario '{row['key']}' already.",
                    code="scenario-exists",
                    fix="Choose another name.",
                )
            made = Scenario.objects.create(
                **_packed(row), created_by_id=actor.user_id, updated_by_id=actor.user_id
            )
            ScenarioUnits.objects.create(
                scenario=made, taken_at=taken_at, stamp=stamp, content=_compressed(units)
            )
        self.add_step(made.pk, step)
        return made.pk

    def change(self, scenario_id: int, changes: Mapping[str, Any], *, actor: Actor) -> int:
        """Set fields; returns the revision, which rises by one."""
        rows = Scenario.objects.filter(pk=scenario_id)
        with translated():
            rows.update(
                **_packed(changes),
                revision=F("revision") + 1,
                version=F("version") + 1,
                updated_at=timezone.now(),
                updated_by_id=actor.user_id,
            )
        return int(rows.values_list("revision", flat=True)[0])

    def keep_units(
        self, scenario_id: int, units: Mapping[str, Any], *, taken_at: datetime, stamp: str
    ) -> None:
        """Replace the units' content."""
        with translated():
            ScenarioUnits.objects.filter(scenario_id=scenario_id).update(
                taken_at=taken_at, stamp=stamp, content=_compressed(units)
            )

    def add_step(self, scenario_id: int, step: StepRow, *, job: int | None = None) -> None:
        """Keep a step behind those not undone; undone ones are dropped. ``step.number`` is not looked at."""
        steps = ScenarioStep.objects.filter(scenario_id=scenario_id)
        with translated():
            if steps.filter(is_undone=True).exists():
                steps.filter(is_undone=True).delete()
            last = steps.order_by("-number").values_list("number", flat=True).first()
            ScenarioStep.objects.create(
                scenario_id=scenario_id,
                number=(last or 0) + 1,
                kind=step.kind,
                words=step.words[:300],
                changes=dict(step.changes),
                actor=step.actor[:200],
                at=step.at,
                job_id=job,
            )

    def last_step(self, scenario_id: int, *, undone: bool) -> StepRow | None:
        """Return the step that undo takes back, or the one that redo does again (``undone``); None without one."""
        steps = _walked().filter(scenario_id=scenario_id, is_undone=undone)
        row = steps.order_by("number" if undone else "-number").first()
        return None if row is None else _step(row)

    def mark(self, scenario_id: int, number: int, *, is_undone: bool) -> None:
        """Say that a step is undone, or is not any more."""
        with translated():
            ScenarioStep.objects.filter(scenario_id=scenario_id, number=number).update(is_undone=is_undone)

    def steps(self, scenario_id: int) -> list[StepRow]:
        """Return all steps, the newest first."""
        rows = ScenarioStep.objects.filter(scenario_id=scenario_id).order_by("-number")
        return [_step(row) for row in rows]

    def step_of_job(self, job: int) -> str | None:
        """Return the key of the scenario in which a job has left a step already."""
        return ScenarioStep.objects.filter(job_id=job).values_list("scenario__key", flat=True).first()

    def forget_steps(self, scenario_id: int) -> None:
        """Drop all steps."""
        with translated():
            ScenarioStep.objects.filter(scenario_id=scenario_id).delete()

    def keep_job(self, scenario_id: int, job: int) -> None:
        """Say which work is under way for a scenario; its revision stays."""
        with translated():
            Scenario.objects.filter(pk=scenario_id).update(job_id=job, version=F("version") + 1)

    def delete(self, scenario_id: int) -> None:
        """Delete a scenario."""
        with translated():
            Scenario.objects.filter(pk=scenario_id).delete()

    def model_stamp(self, model_id: int) -> str:
        """Return a text that differs whenever the model, or which model is active, was changed."""
        rows = TerritoryModel.objects.filter(pk=model_id) | TerritoryModel.objects.filter(state="active")
        return ";".join(f"{pk}:{version}" for pk, version in rows.order_by("pk").values_list("pk", "version"))


def _rows() -> QuerySet[Scenario]:
    steps = _walked().filter(scenario=OuterRef("pk"))
    undo = steps.filter(is_undone=False).order_by("-number").values("words")[:1]
    redo = steps.filter(is_undone=True).order_by("number").values("words")[:1]
    related = Scenario.objects.select_related("model", "job", "created_by", "updated_by")
    return related.annotate(undo_words=Subquery(undo), redo_words=Subquery(redo))


def _walked() -> QuerySet[ScenarioStep]:
    """Return the steps that undo and redo walk: those that changed something."""
    return ScenarioStep.objects.exclude(kind="start").exclude(changes={})


def _row(row: Any) -> ScenarioRow:
    return ScenarioRow(
        id=row.pk,
        key=row.key,
        name=row.name,
        model_id=row.model_id,
        model=row.model.key,
        model_name=row.model.name,
        parent=row.parent,
        unit_kind=row.unit_kind,
        sight=row.sight,
        settings=row.settings,
        plan=unpacked(row.plan),
        locked=unpacked(row.locked),
        revision=row.revision,
        origin=row.origin,
        report=row.report,
        job=None if row.job is None else job_state(row.job),
        undo=row.undo_words,
        redo=row.redo_words,
        created_by=str(row.created_by or ""),
        updated_by=str(row.updated_by or ""),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def job_state(job: Job) -> JobState:
    """Return how far a job is."""
    return JobState(
        id=job.pk,
        state=job.state,
        share=job.done_steps / job.total_steps if job.total_steps else 0.0,
        message=job.message,
        details=job.details,
        error=job.error,
    )


def _step(row: ScenarioStep) -> StepRow:
    return StepRow(row.number, row.kind, row.words, row.changes, row.actor, row.at, row.is_undone)


def _packed(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: packed(value) if name in PACKED else value for name, value in fields.items()}


def _compressed(content: Mapping[str, Any]) -> bytes:
    return zlib.compress(json.dumps(content, separators=(",", ":"), allow_nan=False).encode(), 6)


def _content(data: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(zlib.decompress(bytes(data)))
    return found
