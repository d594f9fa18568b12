"""Who owned what at an instant, as rows to filter: of records the actor sees now, with the names they may read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Case, CharField, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL

from merestone.app.history import Sight
from merestone.app.history.sight import OTHER_PERSON, OTHER_TERRITORY
from merestone.app.policy import Actor, Right
from merestone.db.models import (
    AccountAssociation,
    LeadAssociation,
    OpportunityOwnership,
    Publication,
    Quota,
    Rep,
    Territory,
    TerritoryModel,
    TerritoryNode,
)
from merestone.db.queries import scope

INTERVALS: dict[str, tuple[Any, str]] = {
    "accounts": (AccountAssociation, "account"),
    "leads": (LeadAssociation, "lead"),
    "opportunities": (OpportunityOwnership, "opportunity"),
}
ROWS = {"accounts": scope.accounts, "leads": scope.leads, "opportunities": scope.opportunities}


def owned_on(actor: Actor, table: str, when: datetime, *, ids: Iterable[int] | None = None) -> QuerySet[Any]:
    """Return the intervals that hold an instant, of visible records, annotated with what may be read.

    ``record_id``, ``record_name``, ``record_key``, ``territory_shown``, ``owner_shown``, ``owner_link`` (rep id, where it
    may be read), ``model_shown``.

    Parameters
    ----------
    ids : iterable of int, optional
        Intervals by id in place of the instant: those known at another time.
    """
    model, link = INTERVALS[table]
    rows = model.objects.all()
    if ids is None:
        rows = rows.filter(Q(valid_to=None) | Q(valid_to__gt=when), valid_from__lte=when)
    else:
        rows = rows.filter(pk__in=_among(ids))
    if table != "opportunities":
        rows = rows.filter(is_primary=True)
    if not actor.sees_all:
        rows = rows.filter(**{f"{link}_id__in": ROWS[table](actor).order_by().values("pk")})
    seen_reps = Q() if actor.sees_all else Q(owner_id__in=_rep_ids(actor)) | Q(owner_id=actor.rep_id or 0)
    shown = {
        "record_name": F(f"{link}__name"),
        "record_key": F(f"{link}__external_id"),
        "owner_shown": _told("owner", "owner__name", seen_reps, other=OTHER_PERSON),
        "owner_link": Case(When(seen_reps, then=F("owner_id")), output_field=IntegerField())
        if seen_reps
        else F("owner_id"),
        "model_shown": F("model__name"),
    }
    if table != "opportunities":
        seen = Q() if actor.sees_all else Q(territory_id__in=_territory_ids(actor))
        shown["territory_shown"] = _told("territory", "territory__name", seen, other=OTHER_TERRITORY)
    else:
        shown["account_name"] = F("opportunity__account__name")
    return rows.annotate(record_id=F(f"{link}_id"), **shown)


def _told(reference: str, name: str, seen: Q, *, other: str) -> Any:
    """Return the name where it may be read, words in its place where not, and null where there is none."""
    if not seen:
        return F(name)
    return Case(
        When(**{f"{reference}__isnull": True}, then=Value(None, output_field=CharField())),
        When(seen, then=F(name)),
        default=Value(other),
        output_field=CharField(),
    )


def _territory_ids(actor: Actor) -> QuerySet[Any]:
    return scope.visible_nodes(actor).order_by().values("territory_id")


def _rep_ids(actor: Actor) -> QuerySet[Any]:
    return scope.reps(actor).order_by().values("pk")


def _among(ids: Iterable[int]) -> RawSQL:
    """Return a subquery of these ids, one parameter whatever their number."""
    if connection.vendor == "sqlite":
        return RawSQL("SELECT value FROM json_each(%s)", [json.dumps([int(one) for one in ids])])
    return RawSQL("SELECT unnest(%s::bigint[])", [[int(one) for one in ids]])


def old_models(actor: Actor) -> QuerySet[TerritoryModel]:
    """Return the models that are or were active, for those who plan."""
    rows = TerritoryModel.objects.filter(state__in=("active", "archived")).order_by("-activated_at", "-id")
    return rows if actor.can(Right.PLAN) else rows.none()


def quotas(actor: Actor) -> QuerySet[Quota]:
    """Return the quotas of territories the actor sees; those who plan all also those of territories to come."""
    rows = Quota.objects.select_related("territory")
    return (
        rows
        if actor.can(Right.MANAGE_RULES, everywhere=True)
        else rows.filter(territory_id__in=_territory_ids(actor))
    )


def quota_territories(actor: Actor) -> QuerySet[Territory]:
    """Return the territories the actor may give quotas."""
    rows = Territory.objects.order_by("name", "key")
    if actor.can(Right.PLAN, everywhere=True):
        return rows
    planned = scope.visible_nodes(actor, Right.PLAN).order_by().values("territory_id")
    return rows.filter(pk__in=planned) if actor.can(Right.PLAN) else rows.none()


def nodes_of(model: str, sight: Sight) -> QuerySet[TerritoryNode]:
    """Return the territories of a model whose names may be read, in the order of its document."""
    rows = TerritoryNode.objects.filter(model__key=model).select_related("territory", "type")
    if sight.territories is not None:
        rows = rows.filter(territory__key__in=sight.territories)
    return rows.order_by("position", "id")


def publications(actor: Actor) -> QuerySet[Publication]:
    """Return what was published and undone, for those who plan."""
    rows = Publication.objects.select_related("model", "previous", "user")
    return rows if actor.can(Right.PLAN) else rows.none()


def rep_names(actor: Actor) -> dict[int, str]:
    """Return rep id -> name of the people the actor sees."""
    rows = Rep.objects.all() if actor.sees_all else scope.reps(actor)
    return dict(rows.order_by().values_list("pk", "name"))
