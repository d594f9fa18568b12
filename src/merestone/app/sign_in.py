"""Signing in: what is noted, who may end whose sessions, lost second factors and passwords.

How somebody proves who they are (passwords, codes, keys, single sign-on) is the web face's; what it changes is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from merestone.app.access.people import require_an_admin_left, require_over
from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.app.single_sign_on import SingleSignOn
from merestone.base.errors import ForbiddenError, InvalidInputError, NotFoundError, Problem
from merestone.core.model.columns import USER_ROLES

KINDS = (
    "signed_in", "signed_out", "refused", "held_up", "factor_added", "factor_removed", "factors_reset",
    "recovery_codes_made", "recovery_code_used", "sessions_ended", "link_made", "identity_linked",
    "role_kept",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a request came from.

    Parameters
    ----------
    address : str or None
        Network address of the client.
    device : str
        What the browser says it is.
    """

    address: str | None = None
    device: str = ""


NOWHERE = Visit()
VISITOR = Actor(role="visitor", label="visitor")
"""Somebody at the door: nobody yet."""
PROVIDER = Actor(role="admin", label="single sign-on")


def note(
    services: Services,
    actor: Actor,
    kind: str,
    *,
    email: str = "",
    detail: str = "",
    visit: Visit = NOWHERE,
    user_id: int | None = None,
) -> None:
    """Keep an event in a transaction of its own; ``user_id`` defaults to the actor's."""
    with services.records.transaction(actor, cause=kind.replace("_", " ")):
        write(services, kind, user_id=user_id or actor.user_id, email=email, detail=detail, visit=visit)


def write(
    services: Services,
    kind: str,
    *,
    user_id: int | None,
    email: str = "",
    detail: str = "",
    visit: Visit = NOWHERE,
) -> None:
    """Keep an event within the transaction that is open."""
    services.sign_ins.note(
        kind,
        user_id=user_id,
        email=email,
        address=visit.address,
        device=visit.device[:200],
        detail=detail[:200],
    )


def reset_factors(
    services: Services, actor: Actor, user_id: int, *, visit: Visit = NOWHERE
) -> dict[str, Any]:
    """Remove somebody's second factors and end their sessions, for one who lost phone and keys.

    Raises
    ------
    ForbiddenError
        Unless the actor manages users.
    NotFoundError
        If there is no such user.
    """
    actor.require(Right.MANAGE_USERS, everywhere=True)
    require_over(services, actor, user_id)
    user = user_by_id(services, user_id)
    with services.records.transaction(actor, cause="reset second factor"):
        removed = services.sign_ins.remove_factors(user_id)
        services.sign_ins.end_sessions(user_id)
        write(services, "factors_reset", user_id=user_id, detail=f"{removed} removed", visit=visit)
    return {"email": user["email"], "removed": removed}


def end_sessions(services: Services, actor: Actor, user_id: int, *, visit: Visit = NOWHERE) -> dict[str, Any]:
    """End every session of a user: one's own, or anybody's for those who manage users."""
    if user_id != actor.user_id:
        actor.require(Right.MANAGE_USERS, everywhere=True)
        require_over(services, actor, user_id)
    user = user_by_id(services, user_id)
    with services.records.transaction(actor, cause="end sessions"):
        services.sign_ins.end_sessions(user_id)
        write(services, "sessions_ended", user_id=user_id, detail="all", visit=visit)
    return {"email": user["email"], "ended": "all"}


def end_session(services: Services, actor: Actor, session_id: int, *, visit: Visit = NOWHERE) -> None:
    """End one of one's own sessions; NotFoundError when it is not one."""
    assert actor.user_id is not None
    with services.records.transaction(actor, cause="end session"):
        if not services.sign_ins.end_session(actor.user_id, session_id):
            raise NotFoundError("There is no such session.")
        write(services, "sessions_ended", user_id=actor.user_id, detail="one", visit=visit)


def password_key(services: Services, actor: Actor, user_id: int, *, visit: Visit = NOWHERE) -> str:
    """Return a key to hand to somebody who forgot their password: it sets a new one, once, within a day."""
    actor.require(Right.MANAGE_USERS, everywhere=True)
    require_over(services, actor, user_id)
    _active(services, user_id)
    with services.records.transaction(actor, cause="make password link"):
        write(services, "link_made", user_id=user_id, detail="to set a password", visit=visit)
    return services.sign_ins.password_key(user_id)


def door_key(services: Services, actor: Actor, user_id: int) -> str:
    """Return a key that signs an administrator in once, within ten minutes, whatever single sign-on does.

    Raises
    ------
    InvalidInputError
        If the user is no administrator.
    """
    actor.require(Right.MANAGE_USERS, everywhere=True)
    require_over(services, actor, user_id)
    user = _active(services, user_id)
    if user["role"] != "admin":
        raise InvalidInputError(
            "No link was made.",
            [
                Problem(
                    "not-an-administrator",
                    f"'{user['email']}' is no administrator.",
                    "Only administrators sign in by a link.",
                    where="email",
                )
            ],
        )
    with services.records.transaction(actor, cause="make sign-in link"):
        write(services, "link_made", user_id=user_id, detail="to sign in")
    return services.sign_ins.door_key(user_id)


def admit(
    services: Services, sso: SingleSignOn, claims: Mapping[str, Any], *, visit: Visit = NOWHERE
) -> dict[str, Any]:
    """Return the user an identity of the provider stands for, linked or created where that is allowed.

    A link is made by an e-mail the provider has verified, and by nothing less; after that the provider's own number for
    the person counts. The role follows the claims at each sign-in where a claim gives it.

    Raises
    ------
    ForbiddenError
        ``sso-refused``: not verified, of another domain, unknown, linked to somebody else, or closed.
    """
    email, subject = str(claims.get("email") or "").strip().lower(), str(claims["sub"])
    with services.records.transaction(PROVIDER, cause="single sign-on"):
        user = services.sign_ins.user_of_identity(sso.issuer, subject)
        if not sso.lets_in(email or (user or {}).get("email", "")):
            raise _refused("People with your e-mail address do not sign in here.")
        if user is None:
            user = _linked(services, sso, claims, email=email, subject=subject, visit=visit)
        if not user["is_active"]:
            raise _refused("Your account is closed.")
        role = sso.role_of(claims)
        if role is not None and role != user["role"]:
            user = _with_role(services, user, role, visit=visit)
    return user


def _with_role(services: Services, user: dict[str, Any], role: str, *, visit: Visit) -> dict[str, Any]:
    """Return the user with the role the provider gives; the last administrator stays one, and the log says so.

    Refusing them would lock the company out: nobody could make another administrator.
    """
    try:
        if user["role"] == "admin":
            require_an_admin_left(services, user["id"])
    except InvalidInputError:
        told = f"The provider gives the role {role}; this is the last administrator."
        write(services, "role_kept", user_id=user["id"], email=user["email"], detail=told, visit=visit)
        return user
    return services.people.change_user(user["id"], {"role": role})


def _linked(
    services: Services,
    sso: SingleSignOn,
    claims: Mapping[str, Any],
    *,
    email: str,
    subject: str,
    visit: Visit,
) -> dict[str, Any]:
    if not email or claims.get("email_verified") not in (True, "true"):
        raise _refused("Your provider has not verified your e-mail address.")
    user = next((one for one in services.people.users() if one["email"] == email), None)
    if user is None:
        if not sso.creates_users:
            raise _refused("You have no account here.")
        role, name = sso.role_of(claims) or sso.default_role, str(claims.get("name") or "")[:200]
        user = services.people.create_user(email=email, role=role, name=name, password=None, rep_id=None)
    elif sso.issuer in services.sign_ins.issuers_of(user["id"]):
        raise _refused("Your account is linked to somebody else at the provider.")
    services.sign_ins.link(user["id"], issuer=sso.issuer, subject=subject, email=email)
    write(services, "identity_linked", user_id=user["id"], email=email, detail=sso.issuer, visit=visit)
    return user


def _refused(message: str) -> ForbiddenError:
    return ForbiddenError(message, code="sso-refused", fix="Ask an administrator.")


def user_by_id(services: Services, user_id: int) -> dict[str, Any]:
    """Return a user; NotFoundError when there is none."""
    for user in services.people.users():
        if user["id"] == user_id:
            return user
    raise NotFoundError("There is no such user.")


def _active(services: Services, user_id: int) -> dict[str, Any]:
    user = user_by_id(services, user_id)
    if not user["is_active"]:
        raise InvalidInputError(
            "No link was made.",
            [
                Problem(
                    "inactive-user",
                    f"The account of '{user['email']}' is closed.",
                    "Open it again first.",
                    where="email",
                )
            ],
        )
    return user


def require_factors(services: Services, actor: Actor, roles: Sequence[str]) -> list[str]:
    """Ask a second factor of everybody with one of these roles, from their next request on; returns the roles.

    Raises
    ------
    ForbiddenError
        Unless the actor manages all users.
    InvalidInputError
        ``unknown-role``
    """
    actor.require(Right.MANAGE_USERS, everywhere=True)
    problems = [
        Problem(
            "unknown-role", f"'{role}' is not a role.", f"Use one of {', '.join(USER_ROLES)}.", where="roles"
        )
        for role in roles
        if role not in USER_ROLES
    ]
    if problems:
        raise InvalidInputError("The roles were not changed.", problems)
    asked = [role for role in USER_ROLES if role in roles]
    with services.records.transaction(actor, cause="require second factor"):
        services.people.change_company({"second_factor_roles": asked})
    return asked
