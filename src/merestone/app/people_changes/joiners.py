"""Joiners: from when they are there, and how long until they carry a full load."""

from __future__ import annotations

from datetime import date
from typing import Any

from merestone.app.people_changes.access import refused, require_rep
from merestone.app.policy import Actor
from merestone.app.services import Services
from merestone.base.errors import ConflictError, Problem
from merestone.core.routing.ramp import full_from, ramp_share

MAX_WEEKS = 260


def set_ramp(
    services: Services,
    actor: Actor,
    rep_id: int,
    *,
    hired_on: date | None,
    ramp_weeks: int | None,
    version: int | None = None,
) -> dict[str, Any]:
    """Say when a rep joined and how many weeks the way to full load takes; returns ``share`` today and ``full_from``.

    Raises
    ------
    InvalidInputError
        ``bad-ramp``.
    ConflictError
        ``stale-version``.
    """
    require_rep(services, actor, rep_id)
    if ramp_weeks is not None and not 0 <= ramp_weeks <= MAX_WEEKS:
        text = f"{ramp_weeks} is no number of weeks from 0 to {MAX_WEEKS}."
        raise refused(
            "The ramp was not kept.", Problem("bad-ramp", text, "Use whole weeks.", where="ramp_weeks")
        )
    if ramp_weeks and hired_on is None:
        problem = Problem("bad-ramp", "A ramp needs the day of hire.", "Say from when.", where="hired_on")
        raise refused("The ramp was not kept.", problem)
    with services.records.transaction(actor, cause="set ramp"):
        person = services.people_changes.lock_rep(rep_id)
        if version is not None and person.version != version:
            raise ConflictError(
                "Somebody else changed this rep meanwhile.",
                difference={
                    "hired_on": [hired_on, person.hired_on],
                    "ramp_weeks": [ramp_weeks, person.ramp_weeks],
                },
                code="stale-version",
                fix="Look at the rep as they are now, then save again.",
            )
        services.people_changes.change_rep(rep_id, {"hired_on": hired_on, "ramp_weeks": ramp_weeks})
    today = services.clock.today()
    return {
        "share": float(ramp_share(hired_on, ramp_weeks, today)),
        "full_from": full_from(hired_on, ramp_weeks),
    }
