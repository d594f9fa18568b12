"""Which territories and records an actor sees: the one place that decides it.

Planner, admin and integration see all; a manager the subtrees of the active model's territories they manage; a rep
the territories they are a member of today, plus what they own themselves. A record that is not visible does not exist.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet
from django.utils import timezone

from merestone.app.policy import Actor
from merestone.db.models import (
    Account,
    AccountAssociation,
    Activity,
    Claim,
    Contact,
    Contract,
    Lead,
    LeadAssociation,
    Member,
    Opportunity,
    Rep,
    TerritoryNode,
)


def current_members(today: date) -> QuerySet[Member]:
    """Return members of the active model whose dates cover ``today``."""
    return Member.objects.filter(
        Q(starts_on=None) | Q(starts_on__lte=today),
        Q(ends_on=None) | Q(ends_on__gt=today),
        Q(rep__left_on=None) | Q(rep__left_on__gt=today),
        node__model__state="active",
    )


def visible_nodes(actor: Actor) -> QuerySet[TerritoryNode]:
    """Return the active model's territories the actor sees, in tree order."""
    nodes = TerritoryNode.objects.filter(model__state="active").select_related("territory", "type")
    if actor.sees_all:
        return nodes
    if actor.rep_id is None:
        return nodes.none()
    own = current_members(timezone.localdate()).filter(rep_id=actor.rep_id)
    if actor.role != "manager":
        return nodes.filter(pk__in=own.values("node_id"))
    paths = list(own.values_list("node__path", flat=True))
    if not paths:
        return nodes.none()
    return nodes.filter(reduce(or_, (Q(path__startswith=path) for path in paths)))


def _is_placed(actor: Actor, associations: Any, *, outer: str) -> Q:
    """Return the condition: an open association in a visible territory, or owned by the actor's rep."""
    mine = Q(owner_id=actor.rep_id) if actor.rep_id is not None else Q(pk__in=[])
    territories = visible_nodes(actor).order_by().values("territory_id")
    open_here = associations.objects.filter(
        Q(territory_id__in=territories) | mine, **{outer: OuterRef("pk"), "valid_to": None}
    )
    return Q(Exists(open_here))


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


def accounts(actor: Actor) -> QuerySet[Account]:
    """Return visible accounts with ``territory_*``, ``owner_*``, ``cause`` and ``since`` of their primary place."""
    rows = Account.objects.all()
    if not actor.sees_all:
        rows = rows.filter(_is_placed(actor, AccountAssociation, outer="account"))
    return _with_place(rows)


def leads(actor: Actor) -> QuerySet[Lead]:
    """Return visible leads, annotated like accounts."""
    rows = Lead.objects.all()
    if not actor.sees_all:
        rows = rows.filter(_is_placed(actor, LeadAssociation, outer="lead"))
    return _with_place(rows)


def _account_ids(actor: Actor) -> QuerySet[Any]:
    return (
        Account.objects.filter(_is_placed(actor, AccountAssociation, outer="account")).order_by().values("pk")
    )


def _lead_ids(actor: Actor) -> QuerySet[Any]:
    return Lead.objects.filter(_is_placed(actor, LeadAssociation, outer="lead")).order_by().values("pk")


def reps(actor: Actor) -> QuerySet[Rep]:
    """Return the people the actor sees: everybody's colleagues in visible territories, and oneself."""
    if actor.sees_all:
        return Rep.objects.all()
    nodes = visible_nodes(actor).order_by().values("pk")
    return Rep.objects.filter(Q(memberships__node_id__in=nodes) | Q(pk=actor.rep_id)).distinct()


def _own_or_team(actor: Actor, field: str) -> Q:
    """Return the condition for rows without account: mine, or (manager) of a rep of mine."""
    if actor.role == "manager":
        return Q(**{f"{field}_id__in": reps(actor).order_by().values("pk")})
    return Q(**{f"{field}_id": actor.rep_id}) if actor.rep_id is not None else Q(pk__in=[])


def opportunities(actor: Actor) -> QuerySet[Opportunity]:
    """Return opportunities of visible accounts, and those without account of oneself or one's team."""
    rows = Opportunity.objects.select_related("account", "owner", "product")
    if actor.sees_all:
        return rows
    return rows.filter(
        Q(account_id__in=_account_ids(actor)) | (Q(account=None) & _own_or_team(actor, "owner"))
    )


def activities(actor: Actor) -> QuerySet[Activity]:
    """Return activities at visible accounts or leads, and free-standing ones of oneself or one's team."""
    rows = Activity.objects.select_related("account", "lead", "rep")
    if actor.sees_all:
        return rows
    return rows.filter(
        Q(account_id__in=_account_ids(actor))
        | (Q(account=None) & Q(lead_id__in=_lead_ids(actor)))
        | (Q(account=None, lead=None) & _own_or_team(actor, "rep"))
    )


def contacts(actor: Actor) -> QuerySet[Contact]:
    """Return contacts of visible accounts."""
    rows = Contact.objects.select_related("account")
    return rows if actor.sees_all else rows.filter(account_id__in=_account_ids(actor))


def contracts(actor: Actor) -> QuerySet[Contract]:
    """Return contracts of visible accounts."""
    rows = Contract.objects.select_related("account", "product")
    return rows if actor.sees_all else rows.filter(account_id__in=_account_ids(actor))


def claims(actor: Actor) -> QuerySet[Claim]:
    """Return disputes over visible accounts."""
    rows = Claim.objects.select_related("account", "claimant", "holder")
    return rows if actor.sees_all else rows.filter(account_id__in=_account_ids(actor))


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
