"""Why somebody sees something: every reason there is, told by the same rules that decide it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from merestone.app.policy import SEES_ALL, Actor, Right
from merestone.db.models import (
    AccountAssociation,
    Activity,
    Grant,
    LeadAssociation,
    Member,
    Opportunity,
    Rep,
    TerritoryNode,
    User,
)
from merestone.db.queries import lists, scope
from merestone.db.queries.actors import actor_of_user, rights_of

RECORDS: dict[str, Any] = {
    "accounts": scope.accounts,
    "leads": scope.leads,
    "opportunities": scope.opportunities,
    "contacts": scope.contacts,
    "contracts": scope.contracts,
    "activities": scope.activities,
    "claims": scope.claims,
}
VEILS = {
    "team": "Somebody of the people they manage has it, or is where it is.",
    "cover": "They stand in for somebody who has it.",
    "grant": "A grant",
    "member": "A member",
    "manager": "A manager",
}
"""What is told of a reason to those who may not see all it names."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that makes somebody see something.

    Parameters
    ----------
    kind : str
        ``role``, ``member``, ``manager``, ``grant``, ``owner``, ``cover``, ``team``.
    sentence : str
    territory : str or None
        Key of the territory it goes by.
    """

    kind: str
    sentence: str
    territory: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether and why a user sees something.

    Parameters
    ----------
    sees : bool
        As every page and list has it.
    reasons : tuple of Reason
        Empty when they do not see it.
    """

    user: User
    name: str
    sees: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is looked at: the open places of a record (territory id, owner id, account id), or a territory."""

    name: str
    territories: frozenset[int]
    owners: frozenset[int]
    account: int | None = None
    holders: frozenset[int] = frozenset()


def why(asker: Actor, user_id: int, *, table: str, key: str) -> Answer | None:
    """Return why a user sees a record or a territory; None when the asker sees either the user or the thing not.

    Parameters
    ----------
    table : str
        A CRM table, or ``"territories"``.
    key : str
        The record's id, or the territory's key.
    """
    user = _people(asker).filter(pk=user_id).first()
    subject = _subject(asker, table, key)
    if user is None or subject is None:
        return None
    actor = actor_of_user(user)
    if table == "territories":
        sees = scope.visible_nodes(actor).filter(territory_id__in=subject.territories).exists()
    else:
        sees = RECORDS[table](actor).filter(pk=int(key)).exists()
    reasons = list(_reasons(actor, user, subject)) if sees else []
    if not (asker.sees_all or asker.user_id == user_id):
        seen = set(scope.visible_nodes(asker).order_by().values_list("territory__key", flat=True))
        reasons = [_veiled(reason, seen) for reason in reasons]
    return Answer(user, subject.name, sees, tuple(dict.fromkeys(reasons)))


def _veiled(reason: Reason, seen: set[str]) -> Reason:
    """Return a reason without the names of people and territories the asker may not see."""
    if reason.kind in ("team", "cover"):
        return Reason(reason.kind, VEILS[reason.kind])
    if reason.territory is not None and reason.territory not in seen:
        return Reason(reason.kind, f"{VEILS[reason.kind]}, in a territory you do not see.")
    return reason


def _people(asker: Actor) -> QuerySet[User]:
    return User.objects.filter(
        Q(pk=asker.user_id or 0) | Q(pk__in=lists.users(asker).order_by().values("pk"))
    )


def _subject(asker: Actor, table: str, key: str) -> _Subject | None:
    if table == "territories":
        node = scope.visible_nodes(asker).filter(territory__key=key).first()
        return _Subject(node.name, frozenset({node.territory_id}), frozenset()) if node else None
    if table not in RECORDS or not (key.isascii() and key.isdigit() and len(key) < 19):
        return None
    row = RECORDS[table](asker).filter(pk=int(key)).first()
    if row is None:
        return None
    account = row.pk if table == "accounts" else getattr(row, "account_id", None)
    lead = row.pk if table == "leads" else getattr(row, "lead_id", None)
    places: Any = AccountAssociation.objects.none()
    if account is not None and table != "leads":
        places = AccountAssociation.objects.filter(account_id=account, valid_to=None)
    elif lead is not None:
        places, account = LeadAssociation.objects.filter(lead_id=lead, valid_to=None), None
    found = list(places.values_list("territory_id", "owner_id"))
    holders = set()
    if account is None and lead is None:  # free-standing: whoever has it
        holders = {row.owner_id if isinstance(row, Opportunity) else getattr(row, "rep_id", None)}
    return _Subject(
        str(row.subject if isinstance(row, Activity) else row),
        frozenset(territory for territory, _ in found if territory is not None),
        frozenset(owner for _, owner in found if owner is not None),
        account,
        frozenset(one for one in holders if one is not None),
    )


def _reasons(actor: Actor, user: User, subject: _Subject) -> Iterable[Reason]:
    if actor.role in SEES_ALL:
        yield Reason("role", f"The role {actor.role} sees everything.")
    yield from _granted(actor, subject)
    if actor.rep_id is None or Right.SEE not in actor.role_rights:
        return
    if actor.rep_id in subject.owners | subject.holders:
        yield Reason("owner", f"{user} has it.")
    yield from _as_member(actor, subject)
    yield from _covering(actor, subject, [actor.rep_id], kind="cover")
    if actor.role == "manager":
        yield from _through_the_team(actor, subject)


def _nodes(subject: _Subject) -> list[TerritoryNode]:
    nodes = TerritoryNode.objects.filter(model__state="active", territory_id__in=subject.territories)
    return list(nodes.select_related("territory").order_by("position"))


def _granted(actor: Actor, subject: _Subject) -> Iterable[Reason]:
    today = scope.day(actor)
    rows = Grant.objects.filter(Q(ends_on=None) | Q(ends_on__gt=today), user_id=actor.user_id or 0)
    nodes = _nodes(subject)
    for grant in rows.select_related("territory", "granted_by"):
        if Right.SEE not in rights_of(grant.rights):
            continue
        words = ", ".join(sorted(str(word).replace("-", " ") for word in grant.rights))
        until = f", until {grant.ends_on}" if grant.ends_on else ""
        giver = f", given by {grant.granted_by}" if grant.granted_by else ""
        key = grant.territory.key if grant.territory else None
        if grant.territory is None:
            yield Reason("grant", f"A grant for the whole company: {words}{giver}{until}.")
        elif any(key in node.path.split("/") for node in nodes):
            yield Reason(
                "grant", f"A grant on {grant.territory.name} and all below: {words}{giver}{until}.", key
            )


def _as_member(actor: Actor, subject: _Subject) -> Iterable[Reason]:
    own = scope.current_members(scope.day(actor)).filter(rep_id=actor.rep_id or 0)
    nodes = _nodes(subject)
    for member in own.select_related("node__territory").order_by("node__position", "role"):
        key = member.node.territory.key
        if any(node.pk == member.node_id for node in nodes):
            yield Reason("member", f"A member of {member.node.name} ({member.role}).", key)
        elif _manages(actor, member) and any(key in node.path.split("/") for node in nodes):
            yield Reason("manager", f"Manages {member.node.name}, which it lies below.", key)


def _manages(actor: Actor, member: Member) -> bool:
    return actor.role == "manager" and member.role == "manager"


def _covering(actor: Actor, subject: _Subject, reps: Any, *, kind: str) -> Iterable[Reason]:
    covers = scope.current_covers(scope.day(actor)).filter(
        Q(account=None) | Q(account_id=subject.account or 0), cover_id__in=reps, rep_id__in=subject.owners
    )
    for cover in covers.select_related("rep", "cover"):
        until = f" until {cover.ends_on}" if cover.ends_on else ""
        yield Reason(kind, f"{cover.cover} stands in for {cover.rep}{until}.")


def _through_the_team(actor: Actor, subject: _Subject) -> Iterable[Reason]:
    people = (scope.reach(actor).team or frozenset()) - {actor.rep_id}
    for rep in Rep.objects.filter(pk__in=people & (subject.owners | subject.holders)):
        yield Reason("team", f"{rep}, of the people they manage, has it.")
    seen = scope.current_members(scope.day(actor)).filter(
        rep_id__in=people, node__territory_id__in=subject.territories
    )
    for member in seen.select_related("rep", "node__territory").order_by("node__position", "rep__name"):
        yield Reason(
            "team",
            f"{member.rep}, of the people they manage, is in {member.node.name}.",
            member.node.territory.key,
        )
    yield from _covering(actor, subject, people, kind="team")


@dataclass(frozen=True, slots=True)
class Place:
    """A territory somebody has by their role.

    Parameters
    ----------
    path : str
        Keys from the root, each followed by '/'.
    is_below : bool
        Whether all territories below belong to it.
    """

    name: str
    role: str
    path: str
    is_below: bool

    def covers(self, path: str) -> bool:
        """Return whether a territory's path is reached."""
        return path.startswith(self.path) if self.is_below else path == self.path


@dataclass(frozen=True, slots=True)
class Person:
    """A user with what they hold, for the page of access."""

    user: User
    places: tuple[Place, ...]
    grants: tuple[Grant, ...]


def people(actor: Actor, *, user_ids: Iterable[int] | None = None) -> list[Person]:
    """Return the users whose access the actor manages, with their places by role and their grants in force (3 queries)."""
    users = lists.users(actor).order_by("email")
    if user_ids is not None:
        users = users.filter(pk__in=list(user_ids))
    found = list(users.select_related("rep"))
    today = scope.day(actor)
    places: dict[int, list[Place]] = {}
    members = scope.current_members(today).filter(rep__user_id__in=[user.pk for user in found])
    roles = {user.pk: user.role for user in found}
    for member in members.select_related("rep", "node").order_by("node__position", "role"):
        owner = member.rep.user_id or 0
        below = member.role == "manager" and roles[owner] == "manager"
        places.setdefault(owner, []).append(Place(member.node.name, member.role, member.node.path, below))
    grants: dict[int, list[Grant]] = {}
    running = lists.grants(actor).filter(Q(ends_on=None) | Q(ends_on__gt=today))
    for grant in running.filter(user_id__in=[user.pk for user in found]):
        grants.setdefault(grant.user_id, []).append(grant)
    return [Person(user, tuple(places.get(user.pk, ())), tuple(grants.get(user.pk, ()))) for user in found]
