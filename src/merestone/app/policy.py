"""Who may do what: actors, roles, rights. Which rows an actor sees is ``db.queries``; what they may do is here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    MANAGE_MEMBERS = "manage-members"
    MANAGE_USERS = "manage-users"
    READ_AUDIT = "read-audit"


_REP = frozenset({Right.SEE, Right.EDIT_ACCOUNTS, Right.WORK_LEADS, Right.LOG_ACTIVITY, Right.EXPORT})
_MANAGER = _REP | {Right.ASSIGN}
_PLANNER = _MANAGER | {Right.IMPORT, Right.PLAN, Right.MANAGE_MEMBERS, Right.READ_AUDIT}
_ADMIN = frozenset(Right)
_INTEGRATION = _PLANNER - {Right.READ_AUDIT}

RIGHTS: dict[str, frozenset[Right]] = {
    "rep": _REP,
    "manager": _MANAGER,
    "planner": _PLANNER,
    "admin": _ADMIN,
    "integration": _INTEGRATION,
}
SEES_ALL = frozenset({"planner", "admin", "integration"})


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
        A token's limits on top of the role; ``None`` = the role's rights.
    """

    role: str
    user_id: int | None = None
    rep_id: int | None = None
    label: str = ""
    time_zone: str = "UTC"
    scopes: frozenset[Right] | None = None

    @property
    def sees_all(self) -> bool:
        """True for those who see every record."""
        return self.role in SEES_ALL

    def can(self, right: Right) -> bool:
        """Return whether role and scopes both grant the right."""
        return right in RIGHTS.get(self.role, frozenset()) and (self.scopes is None or right in self.scopes)

    def require(self, right: Right) -> None:
        """Raise ForbiddenError unless the actor has the right."""
        if not self.can(right):
            raise ForbiddenError(
                f"Your role ({self.role}) does not allow this: {right.value.replace('-', ' ')}.",
                fix="Ask a planner or an administrator.",
            )


OPERATOR = Actor(role="admin", label="cli")
SYSTEM = Actor(role="admin", label="system")
