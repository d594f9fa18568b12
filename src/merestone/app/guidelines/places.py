"""Who may write for a place, and who may call those it is for to mind."""

from __future__ import annotations

from collections.abc import Sequence

from merestone.app.policy import Actor, Right
from merestone.app.services import Services
from merestone.base.errors import ForbiddenError, NotFoundError

WRITING = (Right.MANAGE_MEMBERS, Right.MANAGE_RULES)
LEADING = (Right.ASSIGN, *WRITING)


def require_any(services: Services, actor: Actor, rights: Sequence[Right], *, territory: str | None) -> None:
    """Raise unless the actor has one of the rights on a territory of the active model; None: on the whole company.

    Raises
    ------
    ForbiddenError
        When the actor sees the territory and has none of them there.
    NotFoundError
        When there is no such territory, or it is hidden.
    """
    if any(actor.can(right, everywhere=True) for right in rights):
        return
    if territory is None:
        words = " or ".join(right.value.replace("-", " ") for right in rights)
        raise ForbiddenError(
            f"This needs a right on the whole company: {words}.", fix="Ask a planner or an administrator."
        )
    if territory not in services.visibility.visible_territories(actor):
        raise NotFoundError(f"There is no territory '{territory[:100]}'.")
    for right in rights:
        if actor.can(right) and territory in services.visibility.visible_territories(actor, right=right):
            return
    raise ForbiddenError(
        "You see this territory, but your rights there do not allow this.",
        fix="Ask whoever manages that territory, or a planner.",
    )
