"""The kinds of long work a worker does, each a use case with progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from merestone.app import assign, lifecycle
from merestone.app.exchange import importing
from merestone.app.policy import Actor
from merestone.app.ports import Progress
from merestone.app.scenarios import optimising
from merestone.app.services import Services
from merestone.base.errors import UsageError

Kind = Callable[[Services, Actor, Mapping[str, Any], Progress], dict[str, Any]]


def _undo(services: Services, actor: Actor, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Take the publication back that is named; what is taken back stays so.

    A worker may have died after it had done it: to take back whatever is the last one now would publish again.
    """
    wanted = payload["publication"]
    for one in lifecycle.publications(services, actor):
        if one["undoes"] == wanted:
            return {
                "publication": one["id"],
                "undoes": wanted,
                "model": one["model"],
                "previous": one["previous"],
            }
    return lifecycle.undo(
        services,
        actor,
        publication=wanted,
        keep_later=payload.get("keep_later", False),
        note=payload.get("note", ""),
    )


KINDS: dict[str, Kind] = {
    "import": lambda services, actor, payload, progress: importing.apply_import(
        services, actor, payload["run_id"], progress=progress
    ),
    "rule run": lambda services, actor, _payload, _progress: dict(assign.run_rules(services, actor)),
    "publish": lambda services, actor, payload, _progress: lifecycle.publish(
        services,
        actor,
        payload["key"],
        fingerprint=payload.get("fingerprint"),
        content=payload.get("content"),
        version=payload.get("version"),
        note=payload.get("note", ""),
    ),
    "optimise scenario": lambda services, actor, payload, progress: optimising.run(
        services, actor, payload, progress
    ),
    "undo publish": lambda services, actor, payload, _progress: _undo(services, actor, payload),
}


def enqueue(services: Services, actor: Actor, kind: str, **payload: Any) -> int:
    """Queue long work; returns the job's id."""
    if kind not in KINDS:
        raise UsageError(f"'{kind}' is not a kind of job.", code="unknown-job")
    if kind == "undo publish" and payload.get("publication") is None:
        raise UsageError("Say which publication to undo: by the time it is done another may be the last.")
    return services.jobs.enqueue(kind, payload, actor=actor)


def run(
    services: Services, actor: Actor, kind: str, payload: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    """Do the work."""
    return KINDS[kind](services, actor, payload, progress)
