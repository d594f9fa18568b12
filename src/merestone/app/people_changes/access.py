"""Who may change what about people: whoever manages the members where the rep sells."""

from __future__ import annotations

from collections.abc import Iterable

from merestone.app.access.places import require_records
from merestone.app.policy import Actor, Right
from merestone.app.ports_people_changes import DepartureRow, Person
from merestone.app.services import Services
from merestone.base.errors import ForbiddenError, InvalidInputError, NotFoundError, Problem


def require_rep(services: Services, actor: Actor, rep_id: int) -> None:
    """Raise unless the actor manages the members where the rep is."""
    actor.require(Right.MANAGE_MEMBERS)
    if actor.has(Right.MANAGE_MEMBERS, everywhere=True):
        if rep_id not in services.people_changes.people([rep_id]):
            raise NotFoundError("There is no such record.")
        return
    require_records(services, actor, Right.MANAGE_MEMBERS, table="reps", ids=[rep_id])


def require_whole(
    services: Services, actor: Actor, rep_id: int, *, territories: Iterable[str | None]
) -> None:
    """Raise unless the actor manages the members of every territory in which the rep has something.

    Someone who leaves leaves everywhere: a plan for a part would leave the rest to nobody.
    """
    require_rep(services, actor, rep_id)
    if actor.has(Right.MANAGE_MEMBERS, everywhere=True):
        return
    mine = services.visibility.visible_territories(actor, right=Right.MANAGE_MEMBERS)
    if not mine.issuperset({key for key in territories if key is not None}):
        raise ForbiddenError(
            "This rep has accounts or a place in territories whose members you do not manage.",
            fix="Ask a planner of the whole company to plan the departure.",
        )


def require_seen(services: Services, actor: Actor, rep_id: int) -> Person:
    """Return a rep whom the actor sees; NotFoundError otherwise."""
    person = services.people_changes.people([rep_id]).get(rep_id)
    if person is None or rep_id not in services.visibility.visible_ids(actor, "reps", [rep_id]):
        raise NotFoundError("There is no such record.")
    return person


def held_departure(
    services: Services, actor: Actor, departure_id: int, *, is_locked: bool = False
) -> DepartureRow:
    """Return a departure whose rep the actor manages; NotFoundError otherwise."""
    actor.require(Right.MANAGE_MEMBERS)
    row = services.people_changes.departure(departure_id, is_locked=is_locked)
    if row is None:
        raise NotFoundError("There is no such departure.")
    if actor.has(Right.MANAGE_MEMBERS, everywhere=True) or (
        row.created_by is not None and row.created_by == actor.user_id
    ):
        return row
    if row.rep_id not in services.visibility.visible_ids(
        actor, "reps", [row.rep_id], right=Right.MANAGE_MEMBERS
    ):
        raise NotFoundError("There is no such departure.")
    return row


def refused(what: str, problems: Problem | list[Problem], *, code: str | None = None) -> InvalidInputError:
    """Return the error that says nothing was done, and why."""
    found = [problems] if isinstance(problems, Problem) else problems
    return InvalidInputError(what, found, code=code or found[0].code)
