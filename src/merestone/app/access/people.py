"""Whose access somebody may manage: delegated, never beyond what one holds oneself.

An administrator manages everybody. Whoever else manages users does so in their part of the tree only, for people who
hold nothing there that they do not hold themselves, and never for administrators or for themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from merestone.app.policy import Actor, Held, Right, with_implied
from merestone.app.services import Services
from merestone.base.errors import ForbiddenError, InvalidInputError, NotFoundError, Problem


def holds_over(services: Services, actor: Actor, places: Iterable[Held]) -> bool:
    """Return whether the actor manages users at all these places, and has every right that is held there."""
    wanted = list(places)
    if not wanted:
        return actor.can(Right.MANAGE_USERS, everywhere=True)
    mine = services.visibility.holdings(actor)
    paths = services.access.paths(held.territory for held in wanted if held.territory is not None)
    return all(
        actor.can(right) and any(_includes(own, right, held, paths) for own in mine)
        for held in wanted
        for right in {*with_implied(held.rights), Right.MANAGE_USERS}
    )


def _includes(own: Held, right: Right, place: Held, paths: Mapping[str, tuple[str, ...]]) -> bool:
    if right not in own.rights:
        return False
    if own.territory is None:
        return True
    if place.territory is None or place.territory not in paths or (place.is_below and not own.is_below):
        return False
    return own.covers(paths[place.territory])


def may_make(services: Services, actor: Actor, *, role: str, rep_id: int | None) -> bool:
    """Return whether the actor may make somebody of this role, being this rep."""
    if actor.role == "admin":
        return True
    places = services.access.standing_as(role, rep_id)
    return role != "admin" and holds_over(services, actor, places)


def require_may_make(services: Services, actor: Actor, *, role: str, rep_id: int | None) -> None:
    """Raise ForbiddenError unless the actor may make somebody of this role, being this rep."""
    actor.require(Right.MANAGE_USERS)
    if not may_make(services, actor, role=role, rep_id=rep_id):
        raise ForbiddenError(
            f"You cannot give somebody the role '{role}' there: it brings rights, or a place, that you do not have.",
            fix="Ask an administrator.",
        )


def require_over(services: Services, actor: Actor, user_id: int) -> None:
    """Raise unless the actor may manage this user's access: change, deactivate, sign in for them.

    Raises
    ------
    ForbiddenError
        For an administrator (unless the actor is one) and for whoever holds something the actor does not.
    NotFoundError
        When there is no such user, or the actor manages nothing where they are.
    """
    actor.require(Right.MANAGE_USERS)
    standing = services.access.standing(user_id)
    if standing is None or not (actor.role == "admin" or services.access.is_known_to(actor, user_id)):
        raise NotFoundError("There is no such user.")
    if actor.role == "admin":
        return
    if standing.role == "admin" or not holds_over(services, actor, standing.holdings):
        raise ForbiddenError(
            "This person has rights, or a place, that you do not have.", fix="Ask an administrator."
        )


def require_an_admin_left(services: Services, user_id: int) -> None:
    """Raise InvalidInputError when nobody but this user is an active administrator; the caller holds a transaction."""
    if not services.access.has_other_admin(user_id):
        problem = Problem(
            "last-admin",
            "This is the last administrator: nobody could manage the company any more.",
            "Make somebody else an administrator first.",
            where="role",
        )
        raise InvalidInputError("The user was not changed.", [problem], code="last-admin")
