"""What refers to something must find it; who left must have handed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.db import models

from merestone.app.policy import Right
from merestone.app.ports_audit import BREACH, NOTE, Check, Finding
from merestone.db import audit
from merestone.db.models import (
    AccountAssociation,
    Approval,
    Grant,
    LeadAssociation,
    Publication,
    Rep,
    TerritoryModel,
)
from merestone.db.stores.review import ReviewStore
from merestone.db.stores.verify.asking import quoted, rows, table_of

LONG = timedelta(days=30)


def checks(now: datetime) -> Sequence[Check]:
    """Return the checks."""
    return (
        Check("references", 6, "Everything that is referred to is there.", _references),
        Check("grants", 9, "Every grant is of rights there are.", _grants),
        Check("leavers", 1, "Who left long ago owns nothing.", lambda: _leavers(now)),
        Check("four-eyes", 2, "Nobody approved what they wrote.", _four_eyes),
        Check("last-publication", 2, "The active model is the one published last.", _last_publication),
    )


def _references() -> Iterator[Finding]:
    for model in audit.watched():
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and field.related_model not in (None, "self"):
                yield from _dangling(model, field)


def _dangling(model: type[models.Model], field: models.ForeignKey) -> Iterator[Finding]:
    column, target = quoted(str(field.column)), field.remote_field.model
    key = quoted(str(target._meta.pk.column))
    sql = (
        f"SELECT mine.id, mine.{column} FROM {table_of(model)} AS mine LEFT JOIN {table_of(target)} AS theirs"  # noqa: S608
        f" ON theirs.{key} = mine.{column} WHERE mine.{column} IS NOT NULL AND theirs.{key} IS NULL ORDER BY mine.id"
    )
    for pk, value in rows(sql):
        yield Finding(
            f"The row {pk} of {model._meta.db_table} refers to {field.name} {value}, which does not exist.",
            "Restore what it refers to, or correct the reference.",
            model._meta.db_table,
            pk,
            str(value),
        )


def _grants() -> Iterator[Finding]:
    known = {right.value for right in Right}
    for pk, rights in Grant.objects.order_by("id").values_list("id", "rights"):
        unknown = sorted({str(right) for right in rights or []} - known)
        if unknown:
            yield Finding(
                f"The grant {pk} names rights there are not: {', '.join(unknown)}.",
                "Make the grant anew.",
                "grants",
                pk,
                ", ".join(unknown),
            )


def _leavers(now: datetime) -> Iterator[Finding]:
    for association, link, table in (
        (AccountAssociation, "account_id", "accounts"),
        (LeadAssociation, "lead_id", "leads"),
    ):
        sql = (
            f"SELECT r.id, r.name, r.left_on, count(*), min(a.{link}) FROM {table_of(association)} AS a"  # noqa: S608
            f" JOIN {table_of(Rep)} AS r ON r.id = a.owner_id WHERE a.valid_to IS NULL AND r.left_on <= %s"
            " GROUP BY r.id, r.name, r.left_on ORDER BY r.id"
        )
        for _, name, left_on, n, one in rows(sql, [(now - LONG).date()]):
            yield Finding(
                f"{name} left on {left_on} and still owns {n:,} {table} (for instance {one}).",
                "Hand them over: the leaver's page does it in one step.",
                table,
                one,
                str(name),
                NOTE,
            )


def _four_eyes() -> Iterator[Finding]:
    given = Approval.objects.filter(is_approved=True, voided_at=None).select_related("model", "user")
    for approval in given.order_by("id"):
        if approval.user_id in ReviewStore().authors(approval.model_id):
            yield Finding(
                f"{approval.user} approved the model '{approval.model.key}', which they wrote.",
                "Let somebody else approve it.",
                "approvals",
                approval.pk,
                str(approval.user),
                BREACH,
            )


def _last_publication() -> Iterator[Finding]:
    last = Publication.objects.order_by("-id").select_related("model").first()
    active = TerritoryModel.objects.filter(state="active").order_by("id").first()
    if last is None or last.model_id == (active.pk if active else None):
        return
    yield Finding(
        f"The active model is '{active.key if active else 'none'}', published last was"
        f" '{last.model.key if last.model else 'none'}'.",
        "Publish the right one.",
        "models",
        active.pk if active else None,
    )
