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

from merestone.app.policy import COVER_RIGHTS, SEES_ALL, Actor, Held, Right
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
    """Where an actor has one right.

    Parameters
    ----------
    is_everything : bool
        The whole company; the rest is empty then.
    nodes : Q
        Condition on territory nodes.
    owners : Q
        Condition on open associations: whose records are reached wherever they lie.
    covers : QuerySet of Cover or None
        Single accounts somebody stands in for.
    team : QuerySet or None
        Ids of the reps a manager answers for.
    """

    is_everything: bool
    nodes: Q = NOTHING
    owners: Q = NOTHING
    covers: QuerySet[Cover] | None = None
    team: Any = None


EVERYTHING = Reach(True)


def reach(actor: Actor, right: Right = Right.SEE) -> Reach:
    """Return where the actor has a right (1 query for managers)."""
    if actor.has(right, everywhere=True):
        return EVERYTHING
    nodes = below(held.territory for held in actor.grants if held.territory and right in held.rights)
    if actor.rep_id is None:
        return Reach(False, nodes)
    today = day(actor)
    owners, who, team = NOTHING, NOTHING, None
    if right in COVER_RIGHTS:
        who = Q(cover_id=actor.rep_id)
    if right in actor.role_rights:
        own = current_members(today).filter(rep_id=actor.rep_id)
        owners, nodes = Q(owner_id=actor.rep_id), nodes | Q(pk__in=own.values("node_id"))
        if actor.role == "manager":
            keys = list(own.filter(role="manager").values_list("node__territory__key", flat=True))
            nodes |= below(keys)
            team = current_members(today).filter(below(keys, prefix="node__")).values("rep_id")
    if team is not None and right is Right.SEE:  # whoever answers for people sees what they see
        nodes |= Q(pk__in=current_members(today).filter(rep_id__in=team).values("node_id"))
        owners |= Q(owner_id__in=team)
        who |= Q(cover_id__in=team)
    covers = current_covers(today).filter(who)
    owners |= Q(owner_id__in=covers.filter(account=None).values("rep_id"))
    return Reach(False, nodes, owners, covers.exclude(account=None), team)


def visible_nodes(actor: Actor, right: Right = Right.SEE) -> QuerySet[TerritoryNode]:
    """Return the active model's territories the actor sees (or has a right on), in tree order."""
    nodes = TerritoryNode.objects.filter(model__state="active").select_related("territory", "type")
    found = reach(actor, right)
    return nodes if found.is_everything else nodes.filter(found.nodes)


def planned_nodes(actor: Actor, right: Right = Right.MANAGE_RULES) -> QuerySet[TerritoryNode]:
    """Return the territories of all models that the actor may plan: those the right reaches by its place in each tree."""
    if actor.has(right, everywhere=True):
        return TerritoryNode.objects.all()
    held = [(one.territory, one.is_below) for one in holdings(actor) if right in one.rights and one.territory]
    exact = Q(territory__key__in=[key for key, is_below in held if not is_below])
    return TerritoryNode.objects.filter(exact | below(key for key, is_below in held if is_below))


def _is_placed(actor: Actor, associations: Any, *, outer: str, right: Right) -> Q:
    """Return the condition: an open association in a territory the right reaches, or of an owner it reaches."""
    found = reach(actor, right)
    if found.is_everything:
        return Q()
    nodes = TerritoryNode.objects.filter(found.nodes, model__state="active")
    here = Q(territory_id__in=nodes.order_by().values("territory_id")) | found.owners
    if found.covers is not None and outer == "account":
        pair = found.covers.filter(account_id=OuterRef("account_id"), rep_id=OuterRef("owner_id"))
        here |= Q(account_id__in=found.covers.order_by().values("account_id")) & Q(Exists(pair))
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
    nodes = TerritoryNode.objects.filter(found.nodes, model__state="active").order_by()
    if right is not Right.SEE:
        members = current_members(day(actor)).filter(node_id__in=nodes.values("pk"))
        return Rep.objects.filter(pk__in=members.values("rep_id"))
    people = Q(memberships__node_id__in=nodes.values("pk")) | Q(pk=actor.rep_id)
    if found.covers is not None:
        who = Q(cover_id=actor.rep_id) | (Q(cover_id__in=found.team) if found.team is not None else NOTHING)
        people |= Q(pk__in=current_covers(day(actor)).filter(who).order_by().values("rep_id"))
    return Rep.objects.filter(people).distinct()


def _own_or_team(actor: Actor, field: str, right: Right) -> Q:
    """Return the condition for rows without account: mine, or (manager) of a rep of mine."""
    if actor.rep_id is None or right not in actor.role_rights:
        return NOTHING
    mine = Q(**{f"{field}_id": actor.rep_id})
    team = reach(actor, right).team
    return mine if team is None else mine | Q(**{f"{field}_id__in": team})


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
