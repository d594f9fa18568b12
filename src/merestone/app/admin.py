"""Users, API tokens and company settings: who may sign in, and with what."""

from __future__ import annotations

import hashlib
import secrets
import zoneinfo
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from merestone.app.access.people import require_an_admin_left, require_may_make, require_over
from merestone.app.exchange.references import AMBIGUOUS, fold, lookup
from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.errors import ForbiddenError, InvalidInputError, NotFoundError, Problem
from merestone.core.model.columns import USER_ROLES

TOKEN_MARK = "mst_"  # noqa: S105 - the public mark all our tokens begin with
MAX_TOKEN_DAYS = 3650
OWN = frozenset({"name", "time_zone", "password"})
"""What everybody may change about themselves."""


def create_user(
    services: Services,
    actor: Actor,
    *,
    email: str,
    role: str,
    name: str = "",
    password: str | None = None,
    rep_id: int | None = None,
    rep: str | None = None,
) -> dict[str, Any]:
    """Create a user and return it without secrets.

    Parameters
    ----------
    rep_id, rep : int or str, optional
        The rep this user is, by id, or by e-mail, external id or name.

    Raises
    ------
    InvalidInputError
        Unknown role, e-mail taken or malformed, weak password: all at once.
    """
    actor.require(Right.MANAGE_USERS)
    problems = role_problems(role)
    if "@" not in email:
        problems.append(
            Problem(
                "bad-email", f"'{email}' is not an e-mail address.", "Write name@example.com.", where="email"
            )
        )
    if rep is not None:
        rep_id = lookup(services.records, "reps").get(fold(rep))
        if rep_id is None or rep_id == AMBIGUOUS:
            problems.append(
                Problem("unknown-rep", f"'{rep}' names no one rep.", "Use the rep's e-mail.", where="rep")
            )
    if problems:
        raise InvalidInputError("The user was not created.", problems)
    require_may_make(services, actor, role=role, rep_id=rep_id)
    with services.records.transaction(actor, cause="create user"):
        return services.people.create_user(
            email=email, role=role, name=name, password=password, rep_id=rep_id
        )


def role_problems(role: str) -> list[Problem]:
    """Return a problem when the role is unknown."""
    if role in USER_ROLES:
        return []
    return [
        Problem(
            "unknown-role", f"'{role}' is not a role.", f"Use one of {', '.join(USER_ROLES)}.", where="role"
        )
    ]


def change_user(services: Services, actor: Actor, user_id: int, **changes: Any) -> dict[str, Any]:
    """Change a user's name, role, time zone, activity, password or rep; returns it without secrets.

    Raises
    ------
    ForbiddenError
        For oneself: anything but name, time zone and password. For others: see ``access.people``; passwords and reps
        are for those who manage all users, and nobody is given a role with rights one does not hold.
    InvalidInputError
        ``last-admin``: somebody must stay who can manage the company.
    """
    is_own = user_id == actor.user_id
    if not is_own:
        require_over(services, actor, user_id)
        if set(changes) & {"password", "rep_id"}:
            actor.require(Right.MANAGE_USERS, everywhere=True)
    elif set(changes) - OWN:
        _require_admin_of_oneself(services, actor, changes)
    if is_own and actor.scopes is not None and "password" in changes:
        actor.require(Right.MANAGE_USERS, everywhere=True)  # a token must not take over its owner
    problems = role_problems(changes["role"]) if "role" in changes else []
    problems += zone_problems(changes.get("time_zone"))
    if user_id == actor.user_id and changes.get("is_active") is False:
        problems.append(
            Problem(
                "own-account",
                "You cannot deactivate yourself.",
                "Ask another administrator.",
                where="is_active",
            )
        )
    if problems:
        raise InvalidInputError("The user was not changed.", problems)
    with services.records.transaction(actor, cause="change user"):
        standing = services.access.standing(user_id)
        if standing is None:
            raise NotFoundError("There is no such user.")
        if changes.get("role", standing.role) != standing.role or "rep_id" in changes:
            rep_id = changes.get("rep_id", services.access.rep_of(user_id))
            require_may_make(services, actor, role=changes.get("role", standing.role), rep_id=rep_id)
        stays = changes.get("role", "admin") == "admin" and changes.get("is_active", True)
        if standing.role == "admin" and standing.is_active and not stays:
            require_an_admin_left(services, user_id)
        return services.people.change_user(user_id, changes)


def _require_admin_of_oneself(services: Services, actor: Actor, changes: Mapping[str, Any]) -> None:
    """Nobody raises themselves: of one's own role and rep only what leaves them as they are may be sent."""
    actor.require(Right.MANAGE_USERS)
    standing = services.access.standing(actor.user_id or 0)
    is_lower = actor.role == "admin"  # an administrator has everything already
    is_same = (
        standing is not None
        and changes.get("role", standing.role) == standing.role
        and changes.get("is_active", True)
        and "rep_id" not in changes
    )
    if not (is_lower or is_same):
        raise ForbiddenError("Nobody changes their own role.", fix="Ask an administrator.")


def zone_problems(zone: str | None) -> list[Problem]:
    """Return a problem when the time zone is unknown."""
    if not zone or zone in zoneinfo.available_timezones():
        return []
    return [
        Problem(
            "unknown-time-zone",
            f"'{zone}' is not a time zone.",
            "Use an IANA name such as Europe/Berlin.",
            where="time_zone",
        )
    ]


def user_by_email(services: Services, email: str) -> dict[str, Any]:
    """Return a user; NotFoundError when there is none."""
    for user in services.people.users():
        if user["email"] == email.lower():
            return user
    raise NotFoundError(f"There is no user '{email}'.", fix="`merestone user list` shows all.")


def create_token(
    services: Services,
    actor: Actor,
    *,
    user_id: int,
    name: str,
    scopes: Sequence[str] = ("see",),
    days: int = 90,
) -> dict[str, Any]:
    """Create an API token; the returned ``token`` is shown this once, only its digest is kept.

    Parameters
    ----------
    scopes : sequence of str
        Values of ``policy.Right``; the user's role still limits them.
    days : int
        Days until it expires, 1 to 3650.
    """
    if user_id != actor.user_id:
        require_over(services, actor, user_id)
        actor.require(Right.MANAGE_USERS, everywhere=True)
    known = {right.value for right in Right}
    problems = [
        Problem(
            "unknown-scope", f"'{scope}' is not a scope.", f"Use {', '.join(sorted(known))}.", where="scopes"
        )
        for scope in scopes
        if scope not in known
    ]
    if actor.scopes is not None and not {right.value for right in actor.scopes}.issuperset(scopes):
        raise ForbiddenError("A token cannot make one that may do more.", fix="Sign in to make it.")
    if not 1 <= days <= MAX_TOKEN_DAYS:
        problems.append(
            Problem("bad-days", f"{days} days is out of range.", f"Use 1 to {MAX_TOKEN_DAYS}.", where="days")
        )
    if not name.strip():
        problems.append(
            Problem("missing-name", "The token has no name.", "Say what it is for.", where="name")
        )
    if problems:
        raise InvalidInputError("The token was not created.", problems)
    secret = secrets.token_urlsafe(32)
    prefix = TOKEN_MARK + secrets.token_hex(4)
    token = f"{prefix}_{secret}"
    with services.records.transaction(actor, cause="create token"):
        kept = services.people.create_token(
            user_id=user_id,
            name=name.strip(),
            digest=token_digest(token),
            prefix=prefix,
            scopes=list(scopes),
            expires_at=services.clock.now() + timedelta(days=days),
        )
    return {**kept, "token": token}


def token_digest(token: str) -> str:
    """Return what is kept of a token. The token is 256 random bits, so a plain fast hash is safe."""
    return hashlib.sha256(token.encode()).hexdigest()


def revoke_token(services: Services, actor: Actor, *, prefix: str) -> dict[str, Any]:
    """Revoke a token at once."""
    own = services.people.token_owner(prefix)
    if own is None or own != actor.user_id:
        actor.require(Right.MANAGE_USERS, everywhere=True)
        if own is not None:
            require_over(services, actor, own)
    with services.records.transaction(actor, cause="revoke token"):
        return services.people.revoke_token(prefix=prefix, at=services.clock.now())


def change_company(services: Services, actor: Actor, **changes: Any) -> dict[str, Any]:
    """Change the company's name, time zone, currency or country."""
    actor.require(Right.MANAGE_USERS, everywhere=True)
    problems = zone_problems(changes.get("time_zone"))
    currency = changes.get("currency")
    if currency is not None and (len(currency) != 3 or not currency.isalpha()):
        problems.append(
            Problem(
                "bad-currency",
                f"'{currency}' is not a currency.",
                "Use an ISO 4217 code such as EUR.",
                where="currency",
            )
        )
    if problems:
        raise InvalidInputError("The settings were not changed.", problems)
    with services.records.transaction(actor, cause="change company"):
        return services.people.change_company(changes)
