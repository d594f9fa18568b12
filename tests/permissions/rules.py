"""The rules of access once more, small and by themselves: what the matrix expects comes from here and from nowhere else.

Nothing of the program is imported. Places are paths of keys; an actor has a role and holds rights on parts of the tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field

REP = {"see", "edit-accounts", "work-leads", "log-activity", "export"}
MANAGER = REP | {"assign", "approve"}
PLANNER = MANAGER | {"import", "plan", "manage-rules", "manage-members", "read-audit"}
ROLES = {
    "rep": REP,
    "manager": MANAGER,
    "planner": PLANNER,
    "integration": PLANNER - {"read-audit", "approve"},
    "admin": PLANNER | {"manage-users"},
}
EVERYWHERE = {"planner", "integration", "admin"}

PLACES: dict[str, tuple[str, ...]] = {
    "own": ("us", "west", "ca"),
    "child": ("us", "west", "ca", "ca-n"),
    "sibling": ("us", "west", "wa"),
    "parent": ("us", "west"),
    "elsewhere": ("us", "east", "ny"),
    "unassigned": (),
}
"""Relation to the rep of the matrix -> where the record lies in the active model; () = no territory has it."""
PLANNED: dict[str, tuple[str, ...]] = {
    **{relation: path for relation, path in PLACES.items() if path},
    "planning": ("us", "dream"),
}
"""The same in the planning model, with a territory that only it has."""


@dataclass(frozen=True)
class Who:
    """Somebody who asks.

    Parameters
    ----------
    role : str or None
        None: not signed in, or not any more.
    at : str or None
        The territory they are a member of.
    grants : mapping
        Territory -> rights given on it and on all below.
    scopes : set or None
        A token's limits.
    """

    role: str | None
    at: str | None = None
    grants: dict[str, set[str]] = field(default_factory=dict)
    scopes: frozenset[str] | None = None

    def may(self, right: str) -> bool:
        """Return whether they have the right anywhere at all."""
        if self.role is None or (self.scopes is not None and right not in self.scopes):
            return False
        return right in ROLES[self.role] or any(right in rights for rights in self.grants.values())

    def holds(self, right: str, path: tuple[str, ...]) -> bool:
        """Return whether they have the right at a place."""
        if not self.may(right):
            return False
        by_role = right in ROLES[self.role or ""]
        if by_role and self.role in EVERYWHERE:
            return True
        if by_role and self.role == "manager" and self.at in path:
            return True
        if by_role and self.role == "rep" and path and self.at == path[-1]:
            return True
        return any(right in rights and territory in path for territory, rights in self.grants.items())


MEMBER_AT = {"rep": ("us", "west", "ca"), "manager": ("us", "west"), "grantee": ("us", "east", "ny")}
"""Actor -> the path of the territory they are a member of."""
INVITED = ("manager", "rep", "grantee")
"""Who is asked to look at the model in review."""


def reads(actor: str, path: tuple[str, ...]) -> bool:
    """Return whether somebody may read the texts and lessons of a territory (the empty path: the company's)."""
    who = ACTORS[actor]
    if not who.may("see"):
        return False
    mine = MEMBER_AT.get(actor, ())
    return not path or who.holds("see", path) or mine[: len(path)] == path


def may_do(actor: str, act: str, path: tuple[str, ...]) -> bool:
    """Return whether somebody writes the texts and lessons of a territory, or reminds its people of them."""
    rights = ("manage-members", "manage-rules", *(("assign",) if act == "remind" else ()))
    return any(ACTORS[actor].holds(right, path) for right in rights)


def reviews(actor: str, path: tuple[str, ...]) -> bool:
    """Return whether somebody sees what is asked about an account in a territory of the model in review."""
    who = ACTORS[actor]
    plans_all = who.role in EVERYWHERE and who.may("plan")
    return plans_all or (actor in INVITED and who.holds("see", path))


ACTORS: dict[str, Who] = {
    "admin": Who("admin"),
    "planner": Who("planner"),
    "manager": Who("manager", at="west"),
    "rep": Who("rep", at="ca"),
    "grantee": Who("rep", at="ny", grants={"ca": {"see", "edit-accounts", "plan", "manage-rules"}}),
    "token": Who("integration", scopes=frozenset({"see", "edit-accounts", "export"})),
    "signed-out": Who(None),
    "deactivated": Who(None),
}
