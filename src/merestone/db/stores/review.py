"""Invitations, challenges and approvals as rows."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from merestone.app.ports_review import Person, ReviewedModel, Word
from merestone.db.models import Approval, AuditEntry, Invitation, Rep, TerritoryModel, User
from merestone.db.stores.reps import rep_names


class ReviewStore:
    """Implements ``app.ports_review.Reviews``."""

    def model(self, key: str) -> ReviewedModel | None:
        """Return a model by key."""
        row = TerritoryModel.objects.filter(key=key).first()
        if row is None:
            return None
        return ReviewedModel(
            row.pk, row.key, row.name, row.state, dict(row.policies), row.review_ends_on, row.created_by_id
        )

    def people(self) -> list[Person]:
        """Return all active users by name."""
        names = rep_names()
        reps = dict(Rep.objects.exclude(user=None).values_list("user_id", "id"))
        users = User.objects.filter(is_active=True).order_by("name", "email")
        return [
            Person(pk, name or email, email, role, reps.get(pk), names.get(reps.get(pk, 0)))
            for pk, name, email, role in users.values_list("id", "name", "email", "role")
        ]

    def authors(self, model_id: int) -> set[int]:
        """Return who wrote or changed the model's content: user ids, those of tokens' owners too.

        Whoever saves a model's content writes its hash, and the audit log knows who did.
        """
        entries = AuditEntry.objects.filter(
            table_name=TerritoryModel._meta.db_table, row_id=model_id, changes__has_key="content_hash"
        )
        labels = set(entries.order_by().values_list("actor", flat=True).distinct())
        emails = {email for label in labels if (email := _email_of(label))}
        found = set(User.objects.filter(email__in=emails).values_list("id", flat=True))
        created_by = (
            TerritoryModel.objects.filter(pk=model_id).values_list("created_by_id", flat=True).first()
        )
        return found | ({created_by} if created_by else set())

    def invitations(self, model_id: int) -> list[dict[str, Any]]:
        """Return who was asked to look; see ``app.ports_review.Reviews``."""
        rows = Invitation.objects.filter(model_id=model_id).order_by("id")
        names = ("id", "user_id", "role", "looked_at", "looked_hash", "reminded_at", "created_at")
        return [{**row, "territory": row.pop("key")} for row in rows.values(*names, key=F("territory__key"))]

    def words(self, model_id: int) -> list[Word]:
        """Return what was said to the model, the newest first."""
        rows = Approval.objects.filter(model_id=model_id).order_by("-at", "-id")
        return [
            Word(
                id=row.pk,
                user_id=row.user_id,
                user_name=str(row.user),
                territory=None if row.territory is None else row.territory.key,
                is_approved=row.is_approved,
                note=row.note,
                content_hash=row.content_hash,
                at=row.at,
                voided_at=row.voided_at,
                voided_because=row.voided_because,
            )
            for row in rows.select_related("user", "territory")
        ]


def _email_of(label: str) -> str | None:
    """Return the e-mail in an actor's label: ``user:ana@example.com``, ``token:ci (ana@example.com)``."""
    kind, _, rest = label.partition(":")
    if kind == "user":
        return rest
    return rest[rest.rfind("(") + 1 : -1] if kind == "token" and rest.endswith(")") else None
