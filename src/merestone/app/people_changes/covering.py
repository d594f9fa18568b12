"""Cover: somebody sees and works what another rep owns, for some days; the rep stays owner."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

from merestone.app.access.places import require_records
from merestone.app.people_changes.access import refused, require_rep, require_seen
from merestone.app.policy import Actor, Right
from merestone.app.ports_people_changes import CoverRow, Person
from merestone.app.services import Services
from merestone.base.errors import NotFoundError, Problem
from merestone.core.routing.eligibility import say_date

MAX_REASON = 200
NOTHING_DONE = "No cover was entered."


def start_cover(
    services: Services,
    actor: Actor,
    rep_id: int,
    *,
    cover: int,
    first_day: date,
    last_day: date | None = None,
    accounts: Collection[int] = (),
    reason: str = "",
) -> dict[str, Any]:
    """Have somebody stand in for a rep; returns ``ids`` of the covers and ``warnings``.

    Parameters
    ----------
    cover : int
        Rep who stands in.
    last_day : date, optional
        Last day of cover, in the company's zone; default: until it is ended.
    accounts : collection of int
        Only these of the rep's accounts; default all they own, whatever comes or goes.

    Raises
    ------
    InvalidInputError
        ``overlapping-cover``, ``covers-themselves``, ``cover-away``, ``left-by-then``, ``empty-interval``,
        ``not-their-account``.
    """
    require_rep(services, actor, rep_id)
    ends_on = None if last_day is None else last_day + timedelta(days=1)
    with services.records.transaction(actor, cause="enter cover"):
        person = services.people_changes.lock_rep(rep_id)
        row = checked_cover(
            services,
            actor,
            person,
            cover=cover,
            first_day=first_day,
            ends_on=ends_on,
            reason=kept_words(reason),
            accounts=accounts,
        )
        wanted = sorted(set(accounts))
        _require_theirs(services, actor, person, wanted)
        rows = [
            CoverRow(0, rep_id, cover, one, row.starts_on, row.ends_on, row.reason) for one in wanted
        ] or [row]
        ids = added_cover(services, rows)
        warnings = _chains(services, row)
    return {"ids": ids, "warnings": warnings}


def end_cover(
    services: Services, actor: Actor, cover_id: int, *, rep_id: int, on: date | None = None
) -> None:
    """End cover with the day before ``on`` (default today); what has not begun by then is taken back.

    Raises
    ------
    NotFoundError
        If the rep has no such cover that is not over, or is hidden from the actor.
    """
    require_rep(services, actor, rep_id)
    with services.records.transaction(actor, cause="end cover"):
        services.people_changes.lock_rep(rep_id)
        day = on or services.clock.today()
        known = {row.id for row in services.people_changes.covers(rep_ids=[rep_id], until=day)}
        if cover_id not in known:
            raise NotFoundError("There is no such cover.")
        services.people_changes.end_covers([cover_id], day)


def checked_cover(
    services: Services,
    actor: Actor,
    person: Person,
    *,
    cover: int,
    first_day: date,
    ends_on: date | None,
    reason: str,
    accounts: Collection[int] = (),
) -> CoverRow:
    """Return the cover to enter; raises InvalidInputError with everything that stands against it."""
    other = require_seen(services, actor, cover)
    problems = []
    if other.id == person.id:
        problems.append(
            Problem(
                "covers-themselves",
                f"{person.name} cannot stand in for themselves.",
                "Choose another.",
                where="cover",
            )
        )
    if ends_on is not None and ends_on <= first_day:
        text = f"The cover would end before it begins on {say_date(first_day)}."
        problems.append(Problem("empty-interval", text, "Choose a later last day.", where="last_day"))
    for who in (person, other):
        if who.left_on is not None and (ends_on is None or who.left_on < ends_on):
            text = f"{who.name} is no longer with the company from {say_date(who.left_on)} on."
            problems.append(Problem("left-by-then", text, "Let the cover end before that.", where="last_day"))
    if not problems:
        problems += _away(services, other, first_day, ends_on)
        problems += _overlaps(services, person, first_day, ends_on, accounts)
    if problems:
        raise refused(NOTHING_DONE, problems)
    return CoverRow(0, person.id, other.id, None, first_day, ends_on, reason)


def added_cover(services: Services, rows: Sequence[CoverRow]) -> list[int]:
    """Write cover that was checked; returns the ids. The caller holds the transaction."""
    return services.people_changes.add_covers(rows)


def kept_words(text: str) -> str:
    """Return a reason as it is kept."""
    return text.strip()[:MAX_REASON]


def _require_theirs(services: Services, actor: Actor, person: Person, accounts: Sequence[int]) -> None:
    if not accounts:
        return
    require_records(services, actor, Right.SEE, table="accounts", ids=accounts)
    places = services.people_changes.places("accounts", ids=accounts).to_pylist()
    theirs = {row["record"] for row in places if row["owner"] == person.id}
    others = [
        Problem(
            "not-their-account",
            f"{person.name} does not own account {one}.",
            "Leave it out.",
            where=f"account {one}",
        )
        for one in accounts
        if one not in theirs
    ]
    if others:
        raise refused(NOTHING_DONE, others)


def _away(services: Services, other: Person, first_day: date, ends_on: date | None) -> list[Problem]:
    return [
        Problem(
            "cover-away",
            f"{other.name} is away from {say_date(row.starts_on)} to {say_date(row.ends_on - timedelta(days=1))}.",
            "Choose somebody else, or other days.",
            where="cover",
        )
        for row in services.people_changes.leave(rep_ids=[other.id], until=first_day)
        if ends_on is None or row.starts_on < ends_on
    ]


def _overlaps(
    services: Services, person: Person, first_day: date, ends_on: date | None, accounts: Collection[int]
) -> list[Problem]:
    """Return a problem for each cover of the same days and accounts: nobody has two who stand in."""
    known = services.people_changes.covers(rep_ids=[person.id], until=first_day)
    clash = [
        row
        for row in known
        if (ends_on is None or row.starts_on < ends_on)
        and (row.account_id is None) == (not accounts)
        and (row.account_id is None or row.account_id in accounts)
    ]
    names = services.people_changes.people({row.cover_id for row in clash})
    return [
        Problem(
            "overlapping-cover",
            f"{names[row.cover_id].name} stands in for {person.name} already {_span(row)}.",
            "End that cover first, or choose other days.",
            where="first_day",
        )
        for row in clash
    ]


def _span(row: CoverRow) -> str:
    if row.ends_on is None:
        return f"from {say_date(row.starts_on)} on"
    return f"from {say_date(row.starts_on)} to {say_date(row.ends_on - timedelta(days=1))}"


def _chains(services: Services, cover: CoverRow) -> list[str]:
    """Return a warning when whoever stands in has somebody standing in on these days: cover is not handed on."""
    found = services.people_changes.covers(rep_ids=[cover.cover_id], until=cover.starts_on)
    found = [row for row in found if cover.ends_on is None or row.starts_on < cover.ends_on]
    if not found:
        return []
    people = services.people_changes.people({cover.cover_id, *(row.cover_id for row in found)})
    who = ", ".join(sorted({people[row.cover_id].name for row in found}))
    return [f"{who} stands in for {people[cover.cover_id].name} on some of these days, but not for this rep."]
