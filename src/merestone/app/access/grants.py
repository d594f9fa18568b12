"""Giving, changing and ending grants: only what one holds, only where one manages users, never to oneself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from merestone.app.access.people import holds_over
from merestone.app.policy import COMPANY_RIGHTS, Actor, Held, Right
from merestone.app.ports_access import Grant
from merestone.app.services import Services
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, Problem

MAX_NOTE = 300


def list_grants(
    services: Services,
    actor: Actor,
    *,
    user_id: int | None = None,
    territory: str | None = None,
    ended: bool = False,
) -> list[Grant]:
    """Return the grants the actor may look at: their own, and those where they manage users.

    Parameters
    ----------
    user_id : int, optional
        Only this user's.
    territory : str, optional
        Only those that reach this territory: on it, above it, or for the whole company.
    ended : bool
        Also those that are over.
    """
    actor.require(Right.SEE)
    today = services.clock.today()
    path = services.access.paths([territory]).get(territory, ()) if territory else ()
    return [
        grant
        for grant in services.access.grants(actor)
        if (ended or grant.is_running(today))
        and user_id in (None, grant.user_id)
        and (territory is None or grant.territory is None or grant.territory in path)
    ]


def give_grant(
    services: Services,
    actor: Actor,
    *,
    user_id: int,
    territory: str | None,
    rights: Sequence[str],
    ends_on: date | None = None,
    note: str = "",
    version: int | None = None,
) -> Grant:
    """Give a user rights on a territory and all below, replacing what they were given on it before.

    Parameters
    ----------
    territory : str or None
        Key; None = the whole company.
    rights : sequence of str
        Values of ``policy.Right``.
    ends_on : date, optional
        First day without it; default: until it is ended.
    version : int, optional
        Of the grant as it was looked at; 0 = there was none.

    Raises
    ------
    ConflictError
        ``stale-version`` when somebody else changed it meanwhile.
    ForbiddenError
        When the actor gives to themselves, to an administrator, or what they do not hold there.
    NotFoundError
        When there is no such user or territory, or the actor manages nothing there.
    """
    actor.require(Right.MANAGE_USERS)
    wanted = _checked(services, rights, territory=territory, ends_on=ends_on)
    with services.records.transaction(actor, cause="give rights"):
        _require_may_give(services, actor, user_id, [Held(territory, frozenset(wanted))])
        before = services.access.kept(user_id, territory)
        if before is not None:
            _require_may_give(services, actor, user_id, [Held(territory, before.rights)])
        if version is not None and version != (before.version if before else 0):
            raise ConflictError(
                "Somebody else changed these rights meanwhile.",
                code="stale-version",
                difference={"rights": [sorted(wanted), sorted(before.rights) if before else []]},
                fix="Look at them again.",
            )
        services.access.keep(
            user_id=user_id,
            territory=territory,
            rights=sorted(wanted),
            ends_on=ends_on,
            note=note.strip()[:MAX_NOTE],
            granted_by=actor.user_id,
        )
        made = services.access.kept(user_id, territory)
    assert made is not None
    return made


def end_grant(services: Services, actor: Actor, grant_id: int) -> Grant:
    """End a grant at once; it stays on record. Ending it again changes nothing.

    Raises
    ------
    ForbiddenError
        When it gives rights that the actor does not hold.
    NotFoundError
        When there is none, or the actor manages nothing there.
    """
    actor.require(Right.MANAGE_USERS)
    with services.records.transaction(actor, cause="end rights"):
        found = services.access.grant(grant_id)
        if found is None:
            raise NotFoundError("There is no such grant.")
        _require_may_give(services, actor, found.user_id, [Held(found.territory, found.rights)])
        today = services.clock.today()
        if found.is_running(today):
            services.access.end(grant_id, on=today)
        found = services.access.grant(grant_id)
    assert found is not None
    return found


def _checked(
    services: Services, rights: Sequence[str], *, territory: str | None, ends_on: date | None
) -> list[Right]:
    """Return the rights, or raise InvalidInputError with everything that is wrong."""
    known = {right.value: right for right in Right}
    problems = [
        Problem("unknown-right", f"'{word}' is not a right.", f"Use {', '.join(sorted(known))}.", where="rights")
        for word in rights
        if word not in known
    ]  # fmt: skip
    wanted = [known[word] for word in dict.fromkeys(rights) if word in known]
    if not rights:
        problems.append(
            Problem("missing-rights", "No right is chosen.", "Choose at least one.", where="rights")
        )
    if territory is not None:
        problems += [
            Problem(
                "company-right",
                f"{_words(right)} cannot be limited to a territory.",
                "Give it for the whole company, or leave it out.",
                where="rights",
            )
            for right in wanted
            if right in COMPANY_RIGHTS
        ]
    if ends_on is not None and ends_on <= services.clock.today():
        problems.append(
            Problem("past-date", f"{ends_on} is not in the future.", "Choose a later day.", where="ends_on")
        )
    if problems:
        raise InvalidInputError("The rights were not given.", problems)
    return wanted


def _words(right: Right) -> str:
    return f"“{right.value.replace('-', ' ')}”"


def _require_may_give(services: Services, actor: Actor, user_id: int, places: list[Held]) -> None:
    """Raise unless the actor may give (or take) these rights at these places."""
    mine = services.visibility.holdings(actor)
    keys = [held.territory for held in places if held.territory is not None]
    paths = services.access.paths(keys)
    for key in keys:
        manages = any(
            Right.MANAGE_USERS in one.rights and key in paths and one.covers(paths[key]) for one in mine
        )
        if not manages:
            raise NotFoundError(f"There is no territory '{key[:100]}'.")
    standing = services.access.standing(user_id)
    if standing is None or not services.access.is_known_to(actor, user_id):
        raise NotFoundError("There is no such user.")
    if user_id == actor.user_id:
        raise ForbiddenError("Nobody changes their own rights.", fix="Ask somebody else who manages users.")
    if standing.role == "admin" and actor.role != "admin":
        raise ForbiddenError("Administrators' rights are for administrators.", fix="Ask an administrator.")
    if not holds_over(services, actor, places):
        raise ForbiddenError(
            "You can give, change and take back only rights that you hold there yourself.",
            fix="Ask an administrator.",
        )


def as_dict(grant: Grant) -> dict[str, Any]:
    """Return a grant as plain values."""
    return {
        "id": grant.id,
        "user_id": grant.user_id,
        "user": grant.user,
        "email": grant.email,
        "territory": grant.territory,
        "territory_name": grant.territory_name or "The whole company",
        "rights": sorted(right.value for right in grant.rights),
        "ends_on": grant.ends_on.isoformat() if grant.ends_on else None,
        "note": grant.note,
        "granted_by": grant.granted_by,
        "version": grant.version,
    }
