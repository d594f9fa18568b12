"""What can be handed out of a scenario."""

from __future__ import annotations

from typing import Any

from merestone.app.handouts.managing import managers_of
from merestone.app.plans import load_model
from merestone.app.policy import Actor, Right
from merestone.app.scenarios.access import found
from merestone.app.scenarios.drawn import Drawn
from merestone.app.services import Services


def choices(services: Services, actor: Actor, key: str) -> dict[str, Any]:
    """Return what can be handed out; matches nothing and reads no account.

    Returns
    -------
    dict
        ``scenario`` (``key``, ``name``, ``revision``), ``model`` (``key``, ``name``), ``territories`` (``key``, ``name``,
        ``owner``, ``units``, ``accounts``: as the scenario took them) in the tree's order, and ``managers`` (``id``,
        ``name``, ``territories``: how many) by name.

    Raises
    ------
    NotFoundError
        There is no such scenario, or none for the actor.
    ForbiddenError
        The actor may not take accounts out.
    """
    row = found(services, actor, key)
    actor.require(Right.EXPORT)
    content = services.scenarios.units(row.id)[0]
    drawn = Drawn.of(row, content)
    document = load_model(services, actor, row.model)[1]
    counts: dict[tuple[str, int], int] = {}
    for held in managers_of(services, document, row, content["territories"]):
        for rep, name in held:
            counts[name, rep] = counts.get((name, rep), 0) + 1
    return {
        "scenario": {"key": row.key, "name": row.name, "revision": row.revision},
        "model": {"key": row.model, "name": row.model_name},
        "territories": [
            {
                "key": one["key"],
                "name": one["name"],
                "owner": one["owner"],
                "units": sums["units"],
                "accounts": int(sums["amounts"]["accounts"]),
            }
            for one, sums in zip(content["territories"], drawn.balance(), strict=True)
        ],
        "managers": [
            {"id": rep, "name": name, "territories": n} for (name, rep), n in sorted(counts.items())
        ],
    }
