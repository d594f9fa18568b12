"""Which territories and records an actor may see, or do something with: the one place that decides it.

Planner, admin and integration reach everything; a manager the subtrees of the active model they manage, and sees what
their people see; a rep the territories they are a member of today, and what they own. A grant adds a territory with all
below it. Whoever stands in for a rep reaches that rep's records while it lasts. A record that is not visible does not
exist. Every queryset takes the right that is asked for; without one it is seeing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import CharField, Exists, F, FilteredRelation, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat, StrIndex
from django.db.models.lookups import GreaterThan
from django.utils import timezone

from merestone.app.policy import COVER_RIGHTS, PLANNING, SEES_ALL, Actor, Held, Right
from merestone.db.models import (
    Account,
    AccountAssociation,
    Activity,
    Claim,
    Contact,
    Contract,
    Cover,
    Lead,
    LeadAssociation,
    Member,
    Opportunity,
    Rep,
    TerritoryNode,
)
from merestone.db.queries.company import company_day

NOTHING = Q(pk__in=[])


def current_members(today: date) -> QuerySet[Member]:
    """Return members of the active model whose dates cover ``today``."""
    return Member.objects.filter(
        Q(starts_on=None) | Q(starts_on__lte=today),
        Q(ends_on=None) | Q(ends_on__gt=today),
        Q(rep__left_on=None) | Q(rep__left_on__gt=today),
        node__model__state="active",
    )


def current_covers(today: date) -> QuerySet[Cover]:
    """Return who stands in for whom today."""
    return Cover.objects.filter(Q(ends_on=None) | Q(ends_on__gt=today), starts_on__lte=today)


def day(actor: Actor) -> date:
    """Return the company's day the actor's dated places are read at."""
    return actor.today or company_day()


def below(keys: Iterable[str], *, prefix: str = "") -> Q:
    """Return the condition on nodes of any model: one of these territories, or below one.

    Not by ``startswith``: SQLite's LIKE takes 'us' and 'US' for the same.
    """
    path = Concat(Value("/"), F(f"{prefix}path"), output_field=CharField())
    return reduce(or_, (Q(GreaterThan(StrIndex(path, Value(f"/{key}/")), 0)) for key in keys), NOTHING)


def holdings(actor: Actor) -> tuple[Held, ...]:
    """Return what the actor holds where, by role and by grants (1 query for managers and reps)."""
    if actor.role in SEES_ALL:
        return (Held(None, actor.role_rights), *actor.grants)
    if actor.rep_id is None or not actor.role_rights:
        return actor.grants
    places = current_members(day(actor)).filter(rep_id=actor.rep_id)
    own = tuple(
        Held(key, actor.role_rights, is_below=actor.role == "manager" and role == "manager")
        for key, role in places.order_by("node__position", "role").values_list("node__territory__key", "role")
    )
    return (*own, *actor.grants)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where an actor has one right, as numbers.

    Parameters
    ----------
    is_everything : bool
        The whole company; the rest is empty then.
    nodes, territories : frozenset of int
        Territories of the active model: their nodes, their identities.
    owners : frozenset of int
        Reps whose records are reached wherever they lie.
    covered : frozenset of (int, int)
        Single accounts that somebody stands in for: rep, account.
    people : frozenset of int
        Reps one of these stands in for.
    team : frozenset of int or None
        The reps a manager answers for.
    """

    is_everything: bool
    nodes: frozenset[int] = frozenset()
    territories: frozenset[int] = frozenset()
    owners: frozenset[int] = frozenset()
    covered: frozenset[tuple[int, int]] = frozenset()
    people: frozenset[int] = frozenset()
    team: frozenset[int] | None = None


EVERYTHING = Reach(True)


def reach(actor: Actor, right: Right = Right.SEE) -> Reach:
    """Return where the actor has a right: found out once a request (at most 4 queries)."""
    if actor.has(right, everywhere=True):
        return EVERYTHING
    if actor.today is None:
        return _reach(actor, right)
    if right not in actor.memo:
        actor.memo[right] = _reach(actor, right)
    found: Reach = actor.memo[right]
    return found


def _reach(actor: Actor, right: Right) -> Reach:
    today = day(actor)
    keys = {held.territory for held in actor.grants if held.territory and right in held.rights}
    exact, owners, covering, team = NOTHING, set(), set(), None
    if actor.rep_id is not None and right in COVER_RIGHTS:
        covering = {actor.rep_id}
    if actor.rep_id is not None and right in actor.role_rights:
        owners = {actor.rep_id}
        own = current_members(today).filter(rep_id=actor.rep_id)
        exact = Q(pk__in=own.values("node_id"))
        if actor.role == "manager":
            managed = set(own.filter(role="manager").values_list("node__territory__key", flat=True))
            keys |= managed
            team = frozenset(
                current_members(today)
                .filter(below(managed, prefix="node__"))
                .values_list("rep_id", flat=True)
            )
    if team and right is Right.SEE:  # whoever answers for people sees what they see
        exact |= Q(pk__in=current_members(today).filter(rep_id__in=team).values("node_id"))
        owners |= team
        covering |= team
    places = TerritoryNode.objects.filter(exact | below(keys), model__state="active").order_by()
    nodes = list(places.values_list("pk", "territory_id"))
    covers = current_covers(today).filter(cover_id__in=covering).values_list("rep_id", "account_id")
    stood_in = set(covers) if covering else set()
    return Reach(
        is_everything=False,
        nodes=frozenset(pk for pk, _ in nodes),
        territories=frozenset(territory for _, territory in nodes),
        owners=frozenset(owners | {rep for rep, account in stood_in if account is None}),
        covered=frozenset((rep, account) for rep, account in stood_in if account is not None),
        people=frozenset(rep for rep, _ in stood_in),
        team=team,
    )


def visible_nodes(actor: Actor, right: Right = Right.SEE) -> QuerySet[TerritoryNode]:
    """Return the active model's territories the actor sees (or has a right on), in tree order."""
    nodes = TerritoryNode.objects.filter(model__state="active").select_related("territory", "type")
    found = reach(actor, right)
    return nodes if found.is_everything else nodes.filter(pk__in=found.nodes)


def planned_nodes(actor: Actor, *rights: Right) -> QuerySet[TerritoryNode]:
    """Return the territories of all models that one of the rights reaches by its place in each tree.

    By default those the actor may look into: whose rules or members they manage.
    """
    asked = [right for right in rights or PLANNING if actor.can(right)]
    if any(actor.has(right, everywhere=True) for right in asked):
        return TerritoryNode.objects.all()
    held = [
        (one.territory, one.is_below)
        for one in holdings(actor)
        if one.territory and not one.rights.isdisjoint(asked)
    ]
    exact = Q(territory__key__in=[key for key, is_below in held if not is_below])
    return TerritoryNode.objects.filter(exact | below(key for key, is_below in held if is_below))


def _is_placed(actor: Actor, associations: Any, *, outer: str, right: Right) -> Q:
    """Return the condition: an open association in a territory the right reaches, or of an owner it reaches."""
    found = reach(actor, right)
    if found.is_everything:
        return Q()
    here = Q(territory_id__in=found.territories) | Q(owner_id__in=found.owners)
    if outer == "account":
        by_rep: dict[int, list[int]] = {}
        for rep, account in found.covered:
            by_rep.setdefault(rep, []).append(account)
        for rep, ids in by_rep.items():
            here |= Q(owner_id=rep, account_id__in=ids)
    return Q(Exists(associations.objects.filter(here, **{outer: OuterRef("pk"), "valid_to": None})))


def _with_place(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Annotate territory and owner of the open primary association (``place``)."""
    return rows.annotate(
        place=FilteredRelation(
            "associations", condition=Q(associations__valid_to=None, associations__is_primary=True)
        )
    ).annotate(
        territory_id=F("place__territory_id"),
        territory_key=F("place__territory__key"),
        territory_name=F("place__territory__name"),
        owner_id=F("place__owner_id"),
        owner_name=F("place__owner__name"),
        cause=F("place__cause"),
        since=F("place__valid_from"),
    )


def accounts(actor: Actor, right: Right = Right.SEE) -> QuerySet[Account]:
    """Return visible accounts with ``territory_*``, ``owner_*``, ``cause`` and ``since`` of their primary place."""
    return _with_place(
        Account.objects.filter(_is_placed(actor, AccountAssociation, outer="account", right=right))
    )


def leads(actor: Actor, right: Right = Right.SEE) -> QuerySet[Lead]:
    """Return visible leads, annotated like accounts."""
    return _with_place(Lead.objects.filter(_is_placed(actor, LeadAssociation, outer="lead", right=right)))


def _account_ids(actor: Actor, right: Right) -> QuerySet[Any]:
    placed = _is_placed(actor, AccountAssociation, outer="account", right=right)
    return Account.objects.filter(placed).order_by().values("pk")


def _lead_ids(actor: Actor, right: Right) -> QuerySet[Any]:
    placed = _is_placed(actor, LeadAssociation, outer="lead", right=right)
    return Lead.objects.filter(placed).order_by().values("pk")


def reps(actor: Actor, right: Right = Right.SEE) -> QuerySet[Rep]:
    """Return the people the actor sees: everybody's colleagues in visible territories, oneself, whom one stands in for.

    With another right: those who are today in territories the right reaches.
    """
    found = reach(actor, right)
    if found.is_everything:
        return Rep.objects.all()
    if right is not Right.SEE:
        members = current_members(day(actor)).filter(node_id__in=found.nodes)
        return Rep.objects.filter(pk__in=members.values("rep_id"))
    colleagues = Member.objects.filter(node_id__in=found.nodes).values("rep_id")
    return Rep.objects.filter(Q(pk__in=colleagues) | Q(pk__in=found.people | {actor.rep_id or 0}))


def _own_or_team(actor: Actor, field: str, right: Right) -> Q:
    """Return the condition for rows without account: mine, or (manager) of a rep of mine."""
    if actor.rep_id is None or right not in actor.role_rights:
        return NOTHING
    mine = Q(**{f"{field}_id": actor.rep_id})
    return mine | Q(**{f"{field}_id__in": reach(actor, right).team or ()})


def opportunities(actor: Actor, right: Right = Right.SEE) -> QuerySet[Opportunity]:
    """Return opportunities of visible accounts, and those without account of oneself or one's team."""
    rows = Opportunity.objects.select_related("account", "owner", "product")
    if actor.has(right, everywhere=True):
        return rows
    at_account = Q(account_id__in=_account_ids(actor, right))
    return rows.filter(at_account | (Q(account=None) & _own_or_team(actor, "owner", right)))


def activities(actor: Actor, right: Right = Right.SEE) -> QuerySet[Activity]:
    """Return activities at visible accounts or leads, and free-standing ones of oneself or one's team."""
    rows = Activity.objects.select_related("account", "lead", "rep")
    if actor.has(right, everywhere=True):
        return rows
    return rows.filter(
        Q(account_id__in=_account_ids(actor, right))
        | (Q(account=None) & Q(lead_id__in=_lead_ids(actor, right)))
        | (Q(account=None, lead=None) & _own_or_team(actor, "rep", right))
    )


def _at_accounts(rows: QuerySet[Any], actor: Actor, right: Right) -> QuerySet[Any]:
    return (
        rows if actor.has(right, everywhere=True) else rows.filter(account_id__in=_account_ids(actor, right))
    )


def contacts(actor: Actor, right: Right = Right.SEE) -> QuerySet[Contact]:
    """Return contacts of visible accounts."""
    return _at_accounts(Contact.objects.select_related("account"), actor, right)


def contracts(actor: Actor, right: Right = Right.SEE) -> QuerySet[Contract]:
    """Return contracts of visible accounts."""
    return _at_accounts(Contract.objects.select_related("account", "product"), actor, right)


def claims(actor: Actor, right: Right = Right.SEE) -> QuerySet[Claim]:
    """Return disputes over visible accounts."""
    return _at_accounts(Claim.objects.select_related("account", "claimant", "holder"), actor, right)


def queue(actor: Actor) -> QuerySet[Account]:
    """Return visible accounts in the unassigned queue."""
    rows: QuerySet[Any] = accounts(actor)
    return rows.filter(owner_id=None)  # of the annotated place


def stale_leads(actor: Actor, *, days: int = 14) -> QuerySet[Lead]:
    """Return visible open leads nobody touched for ``days``."""
    before = timezone.now() - timedelta(days=days)
    return leads(actor).filter(
        Q(touched_at__lt=before) | Q(touched_at=None, received_at__lt=before),
        status__in=("new", "working", "nurturing", "qualified"),
    )
