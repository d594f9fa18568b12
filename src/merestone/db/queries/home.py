"""Figures and short lists of the start pages and of people's pages; all from scoped querysets."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from merestone.app.policy import Actor
from merestone.db.models import Activity, Job, Member, Quota, Rep, TerritoryModel, TerritoryNode
from merestone.db.queries import lists, scope

OPEN_LEADS = ("new", "working", "nurturing", "qualified")
CLOSED_STAGES = ("won", "lost")


def active_model() -> TerritoryModel | None:
    """Return the active territory model."""
    return TerritoryModel.objects.filter(state="active").first()


def territory_names(actor: Actor) -> dict[str, str]:
    """Return territory key -> name as the active model has it, of visible territories."""
    return dict(scope.visible_nodes(actor).order_by().values_list("territory__key", "name"))


def quotas_on(actor: Actor, day: date, *, currency: str) -> dict[str, Decimal]:
    """Return territory key -> what it is to win in the period that holds a day, of visible territories."""
    seen = scope.visible_nodes(actor).order_by().values("territory_id")
    running: Any = Quota.objects.filter(
        territory_id__in=seen, starts_on__lte=day, ends_on__gt=day, currency=currency
    ).order_by("starts_on")
    return {quota["territory__key"]: quota["amount"] for quota in running.values("territory__key", "amount")}


def vacant_nodes(actor: Actor) -> QuerySet[TerritoryNode]:
    """Return visible territories that take accounts but have no owner today."""
    owned = scope.current_members(timezone.localdate()).filter(role="owner", node_id=OuterRef("pk"))
    leaves = scope.visible_nodes(actor).filter(children=None, type__is_primary=True)
    return leaves.filter(~Exists(owned))


def load_of(accounts: QuerySet[Any]) -> dict[str, Any]:
    """Return how many accounts there are and what they sum up to."""
    return accounts.order_by().aggregate(
        accounts=Count("pk"),
        workload=Sum("workload_hours"),
        potential=Sum("potential"),
        revenue=Sum("revenue"),
    )


def memberships_of(actor: Actor, rep_id: int) -> QuerySet[Member]:
    """Return where a rep is a member in visible territories of the active model, today and later."""
    today = timezone.localdate()
    nodes = scope.visible_nodes(actor).order_by().values("pk")
    rows = Member.objects.filter(Q(ends_on=None) | Q(ends_on__gt=today), rep_id=rep_id, node_id__in=nodes)
    return rows.select_related("node__territory").order_by("node__position", "role")


def data_gaps(actor: Actor) -> dict[str, int]:
    """Return how many visible accounts lack what rules and measures need."""
    return (
        scope.accounts(actor)
        .order_by()
        .aggregate(
            location=Count("pk", filter=Q(latitude=None)),
            industry=Count("pk", filter=Q(industry="")),
            potential=Count("pk", filter=Q(potential=None)),
            workload=Count("pk", filter=Q(workload_hours=None)),
            employees=Count("pk", filter=Q(employees=None)),
        )
    )


def pipeline_by_territory(actor: Actor, *, since: date) -> list[dict[str, Any]]:
    """Return per territory of the account: open pipeline, weighted, and won since a day; largest first."""
    is_open = ~Q(stage__in=CLOSED_STAGES)
    places = {"account__associations__valid_to": None, "account__associations__is_primary": True}
    rows: Any = (
        scope.opportunities(actor)
        .filter(is_open | Q(stage="won", closed_on__gte=since), **places)
        .order_by()
        .values(
            key=F("account__associations__territory__key"), place=F("account__associations__territory__name")
        )
        .annotate(
            open=Sum("amount", filter=is_open),
            n_open=Count("pk", filter=is_open),
            won=Sum("amount", filter=Q(stage="won", closed_on__gte=since)),
            n_won=Count("pk", filter=Q(stage="won", closed_on__gte=since)),
        )
    )
    return sorted(rows, key=lambda row: (-(row["open"] or 0), row["place"] or ""))


def team_figures(actor: Actor, *, since: date) -> list[dict[str, Any]]:
    """Return per rep the actor sees: open pipeline, won since a day; most won first."""
    is_open = ~Q(stage__in=CLOSED_STAGES)
    rows: Any = (
        scope.opportunities(actor)
        .filter(owner__isnull=False)
        .order_by()
        .values("owner_id", person=F("owner__name"))
        .annotate(
            open=Sum("amount", filter=is_open),
            n_open=Count("pk", filter=is_open),
            won=Sum("amount", filter=Q(stage="won", closed_on__gte=since)),
        )
    )
    return sorted(rows, key=lambda row: (-(row["won"] or 0), row["person"]))


def owned_accounts(actor: Actor, rep_id: int | None) -> QuerySet[Any]:
    """Return the visible accounts a rep owns."""
    rows: QuerySet[Any] = scope.accounts(actor)
    return rows.filter(place__owner_id=rep_id or 0)


def due_activities(actor: Actor, *, until: datetime) -> QuerySet[Activity]:
    """Return the actor's own undone activities up to an instant, the oldest first."""
    mine = scope.activities(actor).filter(rep_id=actor.rep_id or 0, is_done=False, occurs_at__lt=until)
    return mine.order_by("occurs_at", "id")


def new_leads(actor: Actor) -> QuerySet[Any]:
    """Return the actor's own new leads, the newest first."""
    rows: QuerySet[Any] = scope.leads(actor)
    return rows.filter(place__owner_id=actor.rep_id or 0, status="new").order_by("-received_at", "-id")


def renewals(actor: Actor, *, days: int = 90) -> QuerySet[Any]:
    """Return active contracts of visible accounts that end within some days, the soonest first."""
    today = timezone.localdate()
    rows = scope.contracts(actor).filter(
        state="active", ends_on__gte=today, ends_on__lt=today + timedelta(days=days)
    )
    return rows.order_by("ends_on", "id")


def neglected_accounts(actor: Actor, *, days: int = 60) -> QuerySet[Any]:
    """Return the actor's own customers and prospects without a finished touch for some days, by potential."""
    since = timezone.now() - timedelta(days=days)
    touched = Activity.objects.filter(account_id=OuterRef("pk"), is_done=True, occurs_at__gte=since)
    mine = owned_accounts(actor, actor.rep_id).filter(lifecycle__in=("customer", "prospect"))
    return mine.filter(~Exists(touched)).order_by(F("potential").desc(nulls_last=True), "pk")


def error_kinds(errors: QuerySet[Any]) -> list[dict[str, Any]]:
    """Return how many row errors there are per code and column, the most frequent first."""
    counted = errors.order_by().values("code", "column", "is_rejection").annotate(n=Count("pk"))
    return list(counted.order_by("-is_rejection", "-n")[:30])


def import_job(actor: Actor, run_id: int) -> Job | None:
    """Return the newest job that applies an import."""
    jobs = lists.jobs(actor).filter(kind="import", payload__run_id=run_id)
    return jobs.order_by("-id").first()


def free_reps() -> QuerySet[Rep]:
    """Return reps without a user, for the form that makes one; its view asks for the right first."""
    return Rep.objects.filter(user=None, left_on=None)
