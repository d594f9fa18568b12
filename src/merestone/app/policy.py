"""Who may do what: actors, roles, rights, and what is held where.

A role gives its rights on what it covers: admin, planner and integration on everything; a manager on the subtrees they
manage; a rep on their own territories and records. A grant adds rights on a territory and all below it, or on the whole
company. Nothing is allowed that is not given. Which rows that comes to is ``db.queries.scope``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from merestone.base.errors import ForbiddenError


class Right(StrEnum):
    """What a use case asks for."""

    SEE = "see"
    EDIT_ACCOUNTS = "edit-accounts"
    WORK_LEADS = "work-leads"
    LOG_ACTIVITY = "log-activity"
    ASSIGN = "assign"
    IMPORT = "import"
    EXPORT = "export"
    PLAN = "plan"
    MANAGE_RULES = "manage-rules"
    MANAGE_MEMBERS = "manage-members"
    MANAGE_USERS = "manage-users"
    APPROVE = "approve"
    READ_AUDIT = "read-audit"


_REP = frozenset({Right.SEE, Right.EDIT_ACCOUNTS, Right.WORK_LEADS, Right.LOG_ACTIVITY, Right.EXPORT})
_MANAGER = _REP | {Right.ASSIGN, Right.APPROVE}
_PLANNER = _MANAGER | {
    Right.IMPORT, Right.PLAN, Right.MANAGE_RULES, Right.MANAGE_MEMBERS, Right.READ_AUDIT,
}  # fmt: skip
_ADMIN = frozenset(Right)
_INTEGRATION = _PLANNER - {Right.READ_AUDIT, Right.APPROVE}

RIGHTS: dict[str, frozenset[Right]] = {
    "rep": _REP,
    "manager": _MANAGER,
    "planner": _PLANNER,
    "admin": _ADMIN,
    "integration": _INTEGRATION,
}
SEES_ALL = frozenset({"planner", "admin", "integration"})
"""Roles whose rights hold everywhere."""
COMPANY_RIGHTS = frozenset({Right.IMPORT, Right.READ_AUDIT})
"""Rights that make sense for the whole company only: a file and the log know no borders."""
PLANNING = (Right.MANAGE_RULES, Right.MANAGE_MEMBERS)
"""Rights that let one look into a plan; ``PLAN`` brings the first."""
COVER_RIGHTS = _REP
"""What somebody standing in for a rep may do with that rep's records."""


def with_implied(rights: Iterable[Right]) -> frozenset[Right]:
    """Return the rights with those they bring along: whoever may do something sees it; planning includes the rules."""
    found = frozenset(rights)
    if Right.PLAN in found:
        found |= {Right.MANAGE_RULES}
    return found | {Right.SEE} if found else found


@dataclass(frozen=True, slots=True)
class Held:
    """Rights on a part of the tree.

    Parameters
    ----------
    territory : str or None
        Key of the territory; None = the whole company.
    rights : frozenset of Right
    is_below : bool
        Whether all territories below belong to it.
    """

    territory: str | None
    rights: frozenset[Right]
    is_below: bool = True

    def covers(self, path: Sequence[str]) -> bool:
        """Return whether it reaches a territory, given the keys from the root down to it."""
        if self.territory is None:
            return True
        return self.territory in path if self.is_below else tuple(path[-1:]) == (self.territory,)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks.

    Parameters
    ----------
    role : str
        One of ``core.model.columns.USER_ROLES``.
    user_id, rep_id : int or None
        The user and, when they sell, their rep.
    label : str
        How the audit log names the actor: ``"user:ana@example.com"``, ``"cli"``, ``"token:ci (ana@…)"``.
    time_zone : str
        IANA name for what is shown on screen.
    scopes : frozenset of Right or None
        A token's limits on top of role and grants; ``None`` = no limits.
    grants : tuple of Held
        Rights beyond the role's, in force at the start of the request.
    today : date or None
        The company's day at the start of the request, which dated places are read at; ``None`` = look it up.
    memo : dict
        What ``db.queries.scope`` found out for this request; an actor that says no day keeps nothing.
    """

    role: str
    user_id: int | None = None
    rep_id: int | None = None
    label: str = ""
    time_zone: str = "UTC"
    scopes: frozenset[Right] | None = None
    grants: tuple[Held, ...] = ()
    today: date | None = None
    memo: dict[Any, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def role_rights(self) -> frozenset[Right]:
        """The rights of the role, wherever it covers."""
        return RIGHTS.get(self.role, frozenset())

    @property
    def sees_all(self) -> bool:
        """True for those who see every record."""
        return self.role in SEES_ALL or any(
            held.territory is None and Right.SEE in held.rights for held in self.grants
        )

    def has(self, right: Right, *, everywhere: bool = False) -> bool:
        """Return whether role or grants give the right, somewhere or everywhere; a token's scopes are not asked."""
        if right in self.role_rights and (self.role in SEES_ALL or not everywhere):
            return True
        return any(
            right in held.rights and (held.territory is None or not everywhere) for held in self.grants
        )

    def can(self, right: Right, *, everywhere: bool = False) -> bool:
        """Return whether the actor has the right anywhere at all, or in the whole company.

        What touches a record or a territory asks for the place too: ``app.access.places``.
        """
        return (self.scopes is None or right in self.scopes) and self.has(right, everywhere=everywhere)

    def require(self, right: Right, *, everywhere: bool = False) -> None:
        """Raise ForbiddenError unless the actor has the right anywhere at all, or in the whole company."""
        if self.can(right, everywhere=everywhere):
            return
        what = right.value.replace("-", " ")
        if everywhere and self.can(right):
            raise ForbiddenError(
                f"This needs a right on the whole company: {what}.",
                fix="Ask a planner or an administrator.",
            )
        raise ForbiddenError(
            f"Your role ({self.role}) does not allow this: {what}.",
            fix="Ask a planner or an administrator.",
        )


OPERATOR = Actor(role="admin", label="cli")
SYSTEM = Actor(role="admin", label="system")
