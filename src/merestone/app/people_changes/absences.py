"""Leave: out of rotation by dates, still owner; and who stands in meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from merestone.app.people_changes.access import refused, require_rep
from merestone.app.people_changes.covering import added_cover, checked_cover, kept_words
from merestone.app.policy import Actor
from merestone.app.ports_people_changes import LeaveRow
from merestone.app.services import Services
from merestone.base.errors import NotFoundError, Problem
from merestone.core.routing.absence import Absence
from merestone.core.routing.eligibility import say_date

MAX_YEARS = 5


def absence_of(row: LeaveRow) -> Absence:
    """Return a row's stretch of days."""
    return Absence(row.starts_on, row.ends_on, row.starts_at_noon, row.ends_at_noon)


def enter_leave(
    services: Services,
    actor: Actor,
    rep_id: int,
    *,
    first_day: date,
    last_day: date,
    starts_at_noon: bool = False,
    ends_at_noon: bool = False,
    reason: str = "",
    cover: int | None = None,
    merge: bool = False,
) -> dict[str, Any]:
    """Enter leave, with somebody who stands in meanwhile or nobody; they stay owner and take no leads.

    Parameters
    ----------
    first_day, last_day : date
        Both away, in the company's zone.
    starts_at_noon, ends_at_noon : bool
        The morning of the first day, the afternoon of the last day is worked.
    cover : int, optional
        Rep who stands in on all these days for all accounts.
    merge : bool
        Make one stretch of this and of leave it overlaps or touches; default: overlapping leave is refused.

    Returns
    -------
    dict
        ``id``, ``first_day``, ``last_day``, ``days``, ``merged`` (how many stretches became part of it), ``cover`` (id of
        the cover, null when nobody stands in), ``warnings``.

    Raises
    ------
    InvalidInputError
        ``overlapping-leave``, ``empty-interval``, ``left-by-then``, and what ``start_cover`` raises.
    """
    require_rep(services, actor, rep_id)
    wanted = _wanted(first_day, last_day, starts_at_noon=starts_at_noon, ends_at_noon=ends_at_noon)
    with services.records.transaction(actor, cause="enter leave"):
        person = services.people_changes.lock_rep(rep_id)
        if person.left_on is not None and person.left_on <= last_day:
            text = f"{person.name} is no longer with the company from {say_date(person.left_on)} on."
            problem = Problem("left-by-then", text, "End the leave before that.", where="last_day")
            raise refused("No leave was entered.", problem)
        known = services.people_changes.leave(rep_ids=[rep_id])
        over = [row for row in known if absence_of(row).overlaps(wanted)]
        if over and not merge:
            raise refused("No leave was entered.", [_overlap(person.name, row) for row in over])
        joined = [row for row in known if merge and absence_of(row).touches(wanted)]
        for row in joined:
            wanted = wanted.joined(absence_of(row))
        words = kept_words(reason) or next((row.reason for row in joined if row.reason), "")
        made = LeaveRow(
            joined[0].id if joined else 0,
            rep_id,
            wanted.starts_on,
            wanted.ends_on,
            wanted.starts_at_noon,
            wanted.ends_at_noon,
            words,
        )
        services.people_changes.delete_leave([row.id for row in joined[1:]])
        leave_id = services.people_changes.keep_leave(made)
        cover_id = None
        if cover is not None:
            checked = checked_cover(
                services,
                actor,
                person,
                cover=cover,
                first_day=wanted.starts_on,
                ends_on=wanted.ends_on,
                reason=words,
            )
            [cover_id] = added_cover(services, [checked])
        warnings = _warnings(services, replace(made, id=leave_id))
    return {
        "id": leave_id,
        "first_day": wanted.starts_on,
        "last_day": wanted.ends_on - timedelta(days=1),
        "days": float(wanted.days),
        "merged": len(joined),
        "cover": cover_id,
        "warnings": warnings,
    }


def cancel_leave(services: Services, actor: Actor, leave_id: int, *, rep_id: int) -> None:
    """Take leave back; cover that was entered with it stays until it is ended.

    Raises
    ------
    NotFoundError
        If the rep has no such leave, or is hidden from the actor.
    """
    require_rep(services, actor, rep_id)
    with services.records.transaction(actor, cause="cancel leave"):
        services.people_changes.lock_rep(rep_id)
        if leave_id not in {row.id for row in services.people_changes.leave(rep_ids=[rep_id])}:
            raise NotFoundError("There is no such leave.")
        services.people_changes.delete_leave([leave_id])


def _wanted(first_day: date, last_day: date, *, starts_at_noon: bool, ends_at_noon: bool) -> Absence:
    half_days = 2 * (last_day - first_day).days + 2 - starts_at_noon - ends_at_noon
    if half_days <= 0:
        text = f"From {say_date(first_day)} to {say_date(last_day)} nothing is left to be away."
        raise refused(
            "No leave was entered.",
            Problem("empty-interval", text, "The last day lies on or after the first one.", where="last_day"),
        )
    if (last_day - first_day).days > 366 * MAX_YEARS or last_day >= date.max:
        problem = Problem(
            "too-long", f"That is more than {MAX_YEARS} years.", "End it earlier.", where="last_day"
        )
        raise refused("No leave was entered.", problem)
    return Absence(first_day, last_day + timedelta(days=1), starts_at_noon, ends_at_noon)


def _overlap(name: str, row: LeaveRow) -> Problem:
    last = row.ends_on - timedelta(days=1)
    return Problem(
        "overlapping-leave",
        f"{name} is away already from {say_date(row.starts_on)} to {say_date(last)}.",
        "Choose other days, or make one leave of both.",
        where="first_day",
    )


def _warnings(services: Services, leave: LeaveRow) -> list[str]:
    """Return what somebody should look at: cover this rep gives to others on these days, days nobody covers."""
    given = services.people_changes.covers(cover_ids=[leave.rep_id], until=leave.starts_on)
    given = [row for row in given if row.starts_on < leave.ends_on]
    people = services.people_changes.people({leave.rep_id, *(row.rep_id for row in given)})
    me = people[leave.rep_id].name
    names = sorted({people[row.rep_id].name for row in given})
    found = [f"{me} stands in for {name} on some of these days." for name in names]
    mine = services.people_changes.covers(rep_ids=[leave.rep_id], until=leave.starts_on)
    if not any(row.starts_on < leave.ends_on for row in mine):
        found.append(f"Nobody stands in for {me}.")
    return found
