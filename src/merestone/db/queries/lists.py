"""Rows of the lists that are not customer records: imports, jobs, products, the audit log, users, saved views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet

from merestone.app.policy import Actor, Right
from merestone.db.models import (
    AccountAssociation,
    AccountLock,
    ApiToken,
    AuditEntry,
    CustomField,
    Grant,
    ImportRowError,
    ImportRun,
    Job,
    LeadAssociation,
    Product,
    SavedView,
    StageChange,
    User,
)
from merestone.db.queries import scope


def imports(actor: Actor) -> QuerySet[ImportRun]:
    """Return import runs, for those who may import."""
    rows = ImportRun.objects.select_related("created_by")
    return rows if actor.can(Right.IMPORT, everywhere=True) else rows.none()


def import_errors(actor: Actor, run_id: int) -> QuerySet[ImportRowError]:
    """Return what was wrong with the rows of one import."""
    return ImportRowError.objects.filter(run__in=imports(actor).order_by(), run_id=run_id)


def jobs(actor: Actor) -> QuerySet[Job]:
    """Return long work: all of it for planners, one's own for others."""
    rows = Job.objects.select_related("created_by")
    return rows if actor.can(Right.PLAN, everywhere=True) else rows.filter(created_by_id=actor.user_id or 0)


def products(actor: Actor) -> QuerySet[Product]:
    """Return what the company sells; everybody signed in may know."""
    return Product.objects.all() if actor.can(Right.SEE) else Product.objects.none()


def audit_entries(actor: Actor) -> QuerySet[AuditEntry]:
    """Return the audit log, for those who may read it."""
    return (
        AuditEntry.objects.all()
        if actor.can(Right.READ_AUDIT, everywhere=True)
        else AuditEntry.objects.none()
    )


def users(actor: Actor) -> QuerySet[User]:
    """Return the users, for those who manage them: everybody, or who is or has a grant in the part they manage."""
    if not actor.can(Right.MANAGE_USERS):
        return User.objects.none()
    if actor.has(Right.MANAGE_USERS, everywhere=True):
        return User.objects.all()
    members = scope.reps(actor, Right.MANAGE_USERS).exclude(user=None).order_by().values("user_id")
    granted = grants(actor).order_by().values("user_id")
    return User.objects.filter(Q(pk__in=members) | Q(pk__in=granted)).exclude(role="admin")


def grants(actor: Actor) -> QuerySet[Grant]:
    """Return grants, ended ones too: one's own, and those on territories where the actor manages users."""
    rows = Grant.objects.select_related("user", "territory", "granted_by")
    if actor.can(Right.MANAGE_USERS, everywhere=True):
        return rows
    mine = Q(user_id=actor.user_id or 0)
    if not actor.can(Right.MANAGE_USERS):
        return rows.filter(mine)
    managed = scope.planned_nodes(actor, Right.MANAGE_USERS).order_by().values("territory_id")
    return rows.filter(mine | Q(territory_id__in=managed))


def tokens(actor: Actor) -> QuerySet[ApiToken]:
    """Return the actor's own API tokens."""
    return ApiToken.objects.filter(user_id=actor.user_id or 0).order_by("-id")


def saved_views(actor: Actor, table: str) -> QuerySet[SavedView]:
    """Return a list's views: one's own and the shared ones."""
    mine = Q(user_id=actor.user_id or 0) | Q(is_shared=True)
    return SavedView.objects.filter(mine, table=table).select_related("user")


def custom_fields(table: str) -> QuerySet[CustomField]:
    """Return the fields the customer declared on a table."""
    return CustomField.objects.filter(table=table).order_by("label", "id")


def account_history(actor: Actor, account_id: int) -> QuerySet[AccountAssociation]:
    """Return every place a visible account had, newest first."""
    visible = scope.accounts(actor).filter(pk=account_id).order_by().values("pk")
    rows = AccountAssociation.objects.filter(account_id__in=visible)
    return rows.select_related("territory", "owner", "model").order_by("-valid_from", "-id")


def lead_history(actor: Actor, lead_id: int) -> QuerySet[LeadAssociation]:
    """Return every place a visible lead had, newest first."""
    visible = scope.leads(actor).filter(pk=lead_id).order_by().values("pk")
    rows = LeadAssociation.objects.filter(lead_id__in=visible)
    return rows.select_related("territory", "owner", "model").order_by("-valid_from", "-id")


def account_lock(actor: Actor, account_id: int) -> AccountLock | None:
    """Return the lock on a visible account, if any."""
    visible = scope.accounts(actor).filter(pk=account_id).order_by().values("pk")
    return AccountLock.objects.filter(account_id__in=visible).first()


def stage_changes(actor: Actor, opportunity_id: int) -> QuerySet[StageChange]:
    """Return the stage history of a visible opportunity, newest first."""
    visible = scope.opportunities(actor).filter(pk=opportunity_id).order_by().values("pk")
    return StageChange.objects.filter(opportunity_id__in=visible).order_by("-changed_at", "-id")


def row_changes(actor: Actor, table_name: str, row_ids: Sequence[int]) -> QuerySet[Any]:
    """Return audit entries of given rows; the caller has checked that the rows are visible."""
    rows = AuditEntry.objects.filter(table_name=table_name, row_id__in=list(row_ids))
    return rows if actor.can(Right.SEE) else rows.none()


def own_views(actor: Actor) -> QuerySet[SavedView]:
    """Return the actor's own saved views."""
    return SavedView.objects.filter(user_id=actor.user_id or 0)
