"""Carrying out a departure: at once when the last day is over, else scheduled for its end; and taking that back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from merestone.app.notices import tell
from merestone.app.people_changes.access import held_departure, refused, require_whole
from merestone.app.people_changes.choosing import require_draft, require_version
from merestone.app.people_changes.handing import TURNS, hand_over, handing_of
from merestone.app.people_changes.situation import Situation, owners_after, situation_of
from merestone.app.policy import Actor, Right
from merestone.app.ports_people_changes import DepartureRow, Line, Person
from merestone.app.services import Services
from merestone.base.errors import ConflictError, Problem
from merestone.core.routing.eligibility import say_date


def confirm(
    services: Services,
    actor: Actor,
    departure_id: int,
    *,
    fingerprint: str | None = None,
    version: int | None = None,
) -> dict[str, Any]:
    """Carry out a plan in one transaction, or schedule it when the last day is not over yet.

    From the day after the last one the rep is out of rotation, their places in the tree have ended and those who take
    over are owner members: all dated, so that it holds at midnight whoever is awake. What they own changes hands at
    once, or when the worker sees that the day is over.

    Parameters
    ----------
    fingerprint : str, optional
        Of the plan that was looked at.
    version : int, optional
        Of the departure that was looked at.

    Returns
    -------
    dict
        ``id``, ``state`` (``done`` or ``scheduled``), ``counts``.

    Raises
    ------
    ConflictError
        ``departure-changed`` when accounts, leads, opportunities or places came or went since the plan was made, with
        the difference; ``departure-not-in-planning``; ``stale-version``.
    InvalidInputError
        ``successor-left``.
    """
    person_name = _name(services, actor, departure_id)
    with services.records.transaction(actor, cause=f"departure of {person_name}"):
        take_turns(services)
        row = held_departure(services, actor, departure_id, is_locked=True)
        require_draft(row)
        require_version(row, version)
        person = services.people_changes.lock_rep(row.rep_id)
        here = situation_of(services, row.rep_id)
        require_whole(services, actor, row.rep_id, territories=here.territories)
        if row.deactivates:
            actor.require(Right.MANAGE_USERS)
        lines = services.people_changes.lines(row.id)
        _refuse_changed(row, here, lines, fingerprint=fingerprint)
        _refuse_left(services, row, lines)
        row = replace(row, before=_dated(services, person, row, lines))
        if row.last_day < services.clock.today():
            row = carried_out(services, row, person, lines=lines, by=actor.label)
        else:
            row = replace(row, state="scheduled")
            services.people_changes.keep_departure(row)
            _tell(services, row, person, lines)
    return {"id": row.id, "state": row.state, "counts": dict(row.counts)}


def undo(
    services: Services, actor: Actor, departure_id: int, *, version: int | None = None
) -> dict[str, Any]:
    """Take back a departure that is planned or scheduled; returns ``id`` and ``state``.

    Raises
    ------
    ConflictError
        ``departure-done`` when what they had has changed hands; ``stale-version``.
    """
    person_name = _name(services, actor, departure_id)
    with services.records.transaction(actor, cause=f"undo departure of {person_name}"):
        take_turns(services)
        row = held_departure(services, actor, departure_id, is_locked=True)
        require_version(row, version)
        if row.state not in ("draft", "scheduled"):
            raise ConflictError(
                f"This departure is {row.state}: there is nothing to take back.",
                code="departure-done",
                fix="Move accounts by hand, or clear the day they left under Edit.",
            )
        person = services.people_changes.lock_rep(row.rep_id)
        if row.state == "scheduled":
            if person.left_on == row.last_day + timedelta(days=1):
                left = row.before.get("left_on")
                services.people_changes.change_rep(person.id, {"left_on": left and date.fromisoformat(left)})
            services.people_changes.restore_memberships(
                row.before.get("members", ()), row.before.get("added", ())
            )
        row = replace(row, state="cancelled")
        services.people_changes.keep_departure(row)
    return {"id": row.id, "state": row.state}


def carried_out(
    services: Services, row: DepartureRow, person: Person, *, lines: Sequence[Line], by: str
) -> DepartureRow:
    """Hand everything over and close the departure; the caller holds the transaction and has taken the turns."""
    day = row.last_day + timedelta(days=1)
    counts = hand_over(services, handing_of(services, row, person, lines=lines, by=by))
    counts["memberships"] = len(row.before.get("members", ()))
    counts["reports"] = services.people_changes.reassign_reports(person.id, person.manager_id)
    mine = services.people_changes.covers(rep_ids=[person.id], until=day)
    given = services.people_changes.covers(cover_ids=[person.id], until=day)
    counts["covers"] = services.people_changes.end_covers({one.id for one in (*mine, *given)}, day)
    if row.deactivates and person.user_id is not None:
        services.people.change_user(person.user_id, {"is_active": False})
    row = replace(row, state="done", counts=counts, done_at=services.clock.now())
    services.people_changes.keep_departure(row)
    _tell(services, row, person, lines)
    return row


def take_turns(services: Services) -> None:
    """Let whoever decides about accounts, leads or open work come before or after."""
    for table in TURNS:
        services.records.take_turn(table)


def _name(services: Services, actor: Actor, departure_id: int) -> str:
    row = held_departure(services, actor, departure_id)
    return services.people_changes.people([row.rep_id])[row.rep_id].name


def _dated(services: Services, person: Person, row: DepartureRow, lines: Sequence[Line]) -> dict[str, Any]:
    """End the leaver's places with the last day and let others own from then on; returns how to take it back."""
    day = row.last_day + timedelta(days=1)
    from_day = max(day, services.clock.today())
    members = services.people_changes.end_memberships(person.id, day)
    owned = owners_after(services, person.id, from_day)
    keys = {
        place["territory_id"]: place["territory"] for place in services.people_changes.memberships(person.id)
    }
    wanted = {
        keys[line.record]: line.successor
        for line in lines
        if line.kind == "territories" and line.successor is not None and line.record in keys
    }
    owners = {key: rep for key, rep in wanted.items() if key not in owned}
    added = services.people_changes.add_owners(owners, from_day)
    if person.left_on is None or person.left_on > day:
        services.people_changes.change_rep(person.id, {"left_on": day})
    return {
        "left_on": person.left_on and person.left_on.isoformat(),
        "members": members,
        "added": added,
    }


def _refuse_changed(
    row: DepartureRow, here: Situation, lines: Sequence[Line], *, fingerprint: str | None
) -> None:
    if here.fingerprint == row.fingerprint and fingerprint in (None, row.fingerprint):
        return
    difference: dict[str, Any] = {"fingerprint": [fingerprint or row.fingerprint, here.fingerprint]}
    for table in ("accounts", "leads"):
        planned = {line.record for line in lines if line.kind == table}
        owned = set(here.owned(table))
        difference[f"{table}_gone"] = [sorted(planned - owned), []]
        difference[f"{table}_new"] = [[], sorted(owned - planned)]
    raise ConflictError(
        "What this rep has changed since the plan was made.",
        difference={name: pair for name, pair in difference.items() if pair != [[], []]},
        code="departure-changed",
        fix="Make the plan anew: it keeps what you chose by hand.",
    )


def _refuse_left(services: Services, row: DepartureRow, lines: Sequence[Line]) -> None:
    day = row.last_day + timedelta(days=1)
    chosen = Counter(line.successor for line in lines if line.successor is not None)
    people = services.people_changes.people(chosen)
    problems = [
        Problem(
            "successor-left",
            f"{people[rep].name}, who is to take over {n}, is no longer with the company on {say_date(day)}.",
            "Choose somebody else for these.",
            where="successor",
        )
        for rep, n in sorted(chosen.items())
        if (left_on := people[rep].left_on) is not None and left_on <= day
    ]
    if problems:
        raise refused("Nothing changed hands.", problems)


def _tell(services: Services, row: DepartureRow, person: Person, lines: Sequence[Line]) -> None:
    """Tell those who take something over, once when it is scheduled and once when it is done."""
    got = Counter(line.successor for line in lines if line.kind == "accounts" and line.successor is not None)
    people = services.people_changes.people(got)
    when = "" if row.state == "done" else f" after {say_date(row.last_day)}"
    for rep, n in got.items():
        text = f"You take over {n:,} account{'s' if n != 1 else ''} from {person.name}{when}."
        tell(
            services,
            [people[rep].user_id],
            kind="handover",
            text=text,
            url="/accounts/",
            key=f"departure:{row.id}:{row.state}:{row.version}",
        )
