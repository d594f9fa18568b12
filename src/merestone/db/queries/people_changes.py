"""Leave, cover and departures, as far as an actor sees the people they are about.

Dates are for everybody who sees the rep; why somebody is away is for those who manage the rep, and for the rep.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When

from merestone.app.policy import Actor, Right
from merestone.db.models import Cover, Departure, Handover, Leave, Rep
from merestone.db.queries import scope

OPEN = ("draft", "scheduled")


def _managed(actor: Actor, field: str) -> Q:
    """Return the condition: a rep whose members the actor manages."""
    if not actor.can(Right.MANAGE_MEMBERS):
        return scope.NOTHING
    if actor.has(Right.MANAGE_MEMBERS, everywhere=True):
        return Q()
    return Q(**{f"{field}__in": scope.reps(actor, Right.MANAGE_MEMBERS).order_by().values("pk")})


def _seen(actor: Actor, field: str) -> Q:
    return Q() if actor.sees_all else Q(**{f"{field}__in": scope.reps(actor).order_by().values("pk")})


def departures(actor: Actor) -> QuerySet[Departure]:
    """Return departures of reps whose members the actor manages, and those the actor planned."""
    rows = Departure.objects.select_related("rep")
    if not actor.can(Right.MANAGE_MEMBERS):
        return rows.none()
    mine = Q(created_by_id=actor.user_id) if actor.user_id is not None else scope.NOTHING
    if actor.has(Right.MANAGE_MEMBERS, everywhere=True):
        return rows
    return rows.filter(_managed(actor, "rep_id") | mine)


def handovers(actor: Actor) -> QuerySet[Handover]:
    """Return the lines of the plans of visible departures, without records the actor does not see."""
    rows = Handover.objects.select_related("departure__rep", "successor", "suggested", "runner_up")
    rows = rows.filter(departure__in=departures(actor).order_by().values("pk"))
    if actor.sees_all:
        return rows
    return rows.filter(
        Q(account=None) | Q(account_id__in=scope.accounts(actor).order_by().values("pk")),
        Q(lead=None) | Q(lead_id__in=scope.leads(actor).order_by().values("pk")),
        Q(opportunity=None) | Q(opportunity_id__in=scope.opportunities(actor).order_by().values("pk")),
        Q(activity=None) | Q(activity_id__in=scope.activities(actor).order_by().values("pk")),
    )


def _with_reason(rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
    may = _managed(actor, "rep_id")
    mine = Q(rep_id=actor.rep_id) if actor.rep_id is not None else scope.NOTHING
    if may == Q():
        return rows.annotate(said=F("reason"))
    return rows.annotate(
        said=Case(When(may | mine, then=F("reason")), default=Value(""), output_field=CharField())
    )


def leave(actor: Actor) -> QuerySet[Leave]:
    """Return leave of visible people; ``said`` is its reason where the actor may read it."""
    return _with_reason(Leave.objects.select_related("rep").filter(_seen(actor, "rep_id")), actor)


def covers(actor: Actor) -> QuerySet[Cover]:
    """Return who stands in for visible people; ``said`` is the reason where the actor may read it.

    Cover of an account the actor does not see is not there.
    """
    rows = Cover.objects.select_related("rep", "cover", "account").filter(_seen(actor, "rep_id"))
    if not actor.sees_all:
        rows = rows.filter(Q(account=None) | Q(account_id__in=scope.accounts(actor).order_by().values("pk")))
    return _with_reason(rows, actor)


def covers_of_account(actor: Actor, account_id: int, owner_id: int | None) -> list[Cover]:
    """Return who stands in for an account's owner today or later, the soonest first."""
    if owner_id is None:
        return []
    today = scope.day(actor)
    rows = Cover.objects.select_related("cover").filter(
        Q(ends_on=None) | Q(ends_on__gt=today), Q(account=None) | Q(account_id=account_id), rep_id=owner_id
    )
    return list(rows.order_by("starts_on", "id")[:5])


def standing_in(actor: Actor) -> list[Cover]:
    """Return for whom the actor stands in today or later, the soonest first."""
    today = scope.day(actor)
    rows = Cover.objects.select_related("rep", "account").filter(
        Q(ends_on=None) | Q(ends_on__gt=today), cover_id=actor.rep_id or 0
    )
    return list(rows.order_by("starts_on", "id")[:20])


def away(actor: Actor, *, until: date) -> list[Leave]:
    """Return leave of visible people between today and a day, the soonest first."""
    return list(
        leave(actor)
        .filter(ends_on__gt=scope.day(actor), starts_on__lt=until)
        .order_by("starts_on", "id")[:50]
    )


def covers_soon(actor: Actor, *, days: int) -> list[Cover]:
    """Return who stands in for visible people within some days, the soonest first."""
    today = scope.day(actor)
    rows = covers(actor).filter(
        Q(ends_on=None) | Q(ends_on__gt=today), starts_on__lt=today + timedelta(days=days)
    )
    return list(rows.order_by("starts_on", "id")[:50])


def managed_reps(actor: Actor) -> QuerySet[Rep]:
    """Return the people whose leave, cover and departure the actor may enter."""
    return Rep.objects.filter(_managed(actor, "pk"))


def choosable(actor: Actor, *, on: date) -> QuerySet[Rep]:
    """Return the people the actor may choose to take something over on a day, by name."""
    rows = scope.reps(actor).filter(Q(left_on=None) | Q(left_on__gt=on))
    return Rep.objects.filter(pk__in=rows.order_by().values("pk")).order_by("name", "pk")


def calendar(
    actor: Actor, first: date, last: date, *, only: Iterable[int] | None = None
) -> list[dict[str, Any]]:
    """Return per visible person with anything between two days: ``rep``, ``leave``, ``covers``, ``given`` and
    ``departures``, by name."""
    spans: dict[str, Any] = {
        "leave": leave(actor).filter(starts_on__lte=last, ends_on__gt=first),
        "covers": covers(actor).filter(Q(ends_on=None) | Q(ends_on__gt=first), starts_on__lte=last),
        "departures": departures(actor).filter(
            last_day__gte=first, last_day__lte=last, state__in=("draft", "scheduled", "done")
        ),
    }
    found: dict[int, dict[str, Any]] = {}

    def at(rep: Rep) -> dict[str, Any]:
        blank: dict[str, Any] = {"rep": rep, "leave": [], "covers": [], "given": [], "departures": []}
        return found.setdefault(rep.pk, blank)

    for name, rows in spans.items():
        for row in rows.order_by("pk")[:2000]:
            at(row.rep)[name].append(row)
            if name == "covers":
                at(row.cover)["given"].append(row)
    wanted = None if only is None else set(only)
    rows = [row for pk, row in found.items() if wanted is None or pk in wanted]
    return sorted(rows, key=lambda row: (row["rep"].name, row["rep"].pk))


def counts_by_kind(actor: Actor, departure_id: int) -> dict[str, int]:
    """Return how many visible lines of each kind a plan has."""
    rows = handovers(actor).filter(departure_id=departure_id).order_by()
    return dict(rows.values_list("kind").annotate(n=Count("pk")))
