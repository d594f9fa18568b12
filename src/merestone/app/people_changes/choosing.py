"""Changing by hand who takes over what, before a plan is applied."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from merestone.app.people_changes.access import held_departure, refused, require_seen
from merestone.app.policy import Actor
from merestone.app.ports_people_changes import DepartureRow
from merestone.app.services import Services
from merestone.base.errors import ConflictError, NotFoundError, Problem
from merestone.core.routing.eligibility import say_date


def choose(
    services: Services,
    actor: Actor,
    departure_id: int,
    *,
    lines: Collection[int],
    successor: int | None,
    version: int | None = None,
) -> int:
    """Have somebody (None: nobody, the unassigned queue) take over these lines of a plan; returns how many.

    Raises
    ------
    NotFoundError
        When the departure, one of the lines or the successor does not exist or is hidden.
    ConflictError
        ``departure-not-in-planning``, ``stale-version``.
    InvalidInputError
        ``successor-left``, ``successor-leaves``.
    """
    with services.records.transaction(actor, cause="choose successor"):
        row = _draft(services, actor, departure_id, lines=lines, version=version)
        if successor is not None:
            _refuse_unfit(services, actor, row, successor)
        n_lines = services.people_changes.choose(lines, successor)
        services.people_changes.keep_departure(replace(row))
    return n_lines


def take_suggestions(
    services: Services, actor: Actor, departure_id: int, *, lines: Collection[int], version: int | None = None
) -> int:
    """Give these lines back to the one suggested; returns how many. Raises what ``choose`` raises."""
    with services.records.transaction(actor, cause="take suggested successors"):
        row = _draft(services, actor, departure_id, lines=lines, version=version)
        n_lines = services.people_changes.suggest_again(lines)
        services.people_changes.keep_departure(replace(row))
    return n_lines


def require_draft(row: DepartureRow) -> None:
    """Raise ConflictError unless the plan can still be changed."""
    if row.state != "draft":
        raise ConflictError(
            f"This departure is {row.state}: its plan stands.",
            code="departure-not-in-planning",
            fix="Undo a scheduled departure first, then plan anew.",
        )


def require_version(row: DepartureRow, version: int | None) -> None:
    """Raise ConflictError unless this is the version that was looked at (None: whichever it is)."""
    if version is not None and row.version != version:
        raise ConflictError(
            "Somebody else changed this plan meanwhile.",
            difference={"version": [version, row.version]},
            code="stale-version",
            fix="Look at it again, then go on.",
        )


def _draft(
    services: Services, actor: Actor, departure_id: int, *, lines: Collection[int], version: int | None
) -> DepartureRow:
    row = held_departure(services, actor, departure_id, is_locked=True)
    require_draft(row)
    require_version(row, version)
    known = {line.id for line in services.people_changes.lines(departure_id)}
    if not known.issuperset(lines):
        raise NotFoundError("There is no such line in this plan.")
    return row


def _refuse_unfit(services: Services, actor: Actor, row: DepartureRow, successor: int) -> None:
    other = require_seen(services, actor, successor)
    day = row.last_day + timedelta(days=1)
    if other.id == row.rep_id:
        text = f"{other.name} is the one who leaves."
        problem = Problem("successor-leaves", text, "Choose somebody else.", where="successor")
        raise refused("Nothing was chosen.", problem)
    if other.left_on is not None and other.left_on <= day:
        text = f"{other.name} is no longer with the company on {say_date(day)}."
        problem = Problem("successor-left", text, "Choose somebody else.", where="successor")
        raise refused("Nothing was chosen.", problem)
