"""Invitations, challenges and approvals as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Max, Q, Sum

from merestone.app.ports_review import ChallengeRow, CommentRow, Person, ReviewedModel, Word
from merestone.db.models import (
    AccountAssociation,
    AccountLock,
    Approval,
    AuditEntry,
    Challenge,
    ChallengeComment,
    Invitation,
    Opportunity,
    Rep,
    Territory,
    TerritoryModel,
    User,
)
from merestone.db.stores.failures import translated
from merestone.db.stores.reps import rep_names

CLOSED_STAGES = ("won", "lost")
LATE_STAGES = ("proposal", "negotiation")


class ReviewStore:
    """Implements ``app.ports_review.Reviews``."""

    def model(self, key: str) -> ReviewedModel | None:
        """Return a model by key."""
        row = TerritoryModel.objects.filter(key=key).first()
        return None if row is None else _model(row)

    def stamp(self) -> tuple[Any, ...]:
        """Return values that differ whenever a place, a lock or a rep was written or removed meanwhile.

        A place is opened and closed, and never written anew.
        """
        places = AccountAssociation.objects.aggregate(n=Count("pk"), last=Max("pk"), ended=Count("valid_to"))
        rest = [
            rows.objects.aggregate(n=Count("pk"), last=Max("pk"), writes=Sum("version"))
            for rows in (AccountLock, Rep)
        ]
        return tuple(value for found in (places, *rest) for value in found.values())

    def in_review(self) -> list[ReviewedModel]:
        """Return the models people look at now."""
        return [_model(row) for row in TerritoryModel.objects.filter(state="in_review").order_by("pk")]

    def asked(self, user_id: int) -> list[ReviewedModel]:
        """Return the models a user was asked to look at that are in review or scheduled, the newest first."""
        asked = Invitation.objects.filter(user_id=user_id).order_by().values("model_id")
        rows = TerritoryModel.objects.filter(pk__in=asked, state__in=("in_review", "scheduled"))
        return [_model(row) for row in rows.order_by("-pk")]

    def prepare(
        self, model_id: int, *, ends_on: date | None, policies: Mapping[str, Any] | None = None
    ) -> None:
        """Keep the last day for challenges, and policies when they are given."""
        row = TerritoryModel.objects.select_for_update().get(pk=model_id)
        row.review_ends_on = ends_on
        if policies is not None:
            row.policies = dict(policies)
        row.version += 1
        row.save(update_fields=["review_ends_on", "policies", "version", "updated_at"])

    def invite(
        self, model_id: int, people: Sequence[Mapping[str, Any]], *, by: int | None, message: str
    ) -> list[int]:
        """Keep invitations; returns who was not asked before."""
        ids = _territories(one["territory"] for one in people)
        rows = Invitation.objects.filter(model_id=model_id)
        known = {(row.user_id, row.role, row.territory_id) for row in rows}
        before = {user_id for user_id, _, _ in known}
        new = {
            (one["user_id"], one["role"], ids.get(one["territory"])): None
            for one in people
            if (one["user_id"], one["role"], ids.get(one["territory"])) not in known
        }
        Invitation.objects.bulk_create(
            Invitation(
                model_id=model_id, user_id=user_id, role=role, territory_id=territory, invited_by_id=by,
                message=message,
            )
            for user_id, role, territory in new
        )  # fmt: skip
        return sorted({user_id for user_id, _, _ in new} - before)

    def uninvite(self, model_id: int, ids: Sequence[int]) -> int:
        """Take invitations back; returns how many there were."""
        return Invitation.objects.filter(model_id=model_id, pk__in=ids).delete()[0]

    def looked(self, model_id: int, user_id: int, *, at: datetime, content_hash: str) -> None:
        """Say that a user has looked."""
        rows = Invitation.objects.filter(model_id=model_id, user_id=user_id)
        rows.update(looked_at=at, looked_hash=content_hash, updated_at=at, version=F("version") + 1)

    def reminded(self, ids: Sequence[int], *, at: datetime) -> None:
        """Say whose invitations were brought to mind."""
        Invitation.objects.filter(pk__in=ids).update(reminded_at=at, updated_at=at, version=F("version") + 1)

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
        names = (
            "id", "user_id", "role", "looked_at", "looked_hash", "reminded_at", "created_at", "invited_by_id", "message",
        )  # fmt: skip
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

    def say(
        self, model_id: int, *, user_id: int, territory: str | None, is_approved: bool, note: str,
        content_hash: str, at: datetime,
    ) -> int:  # fmt: skip
        """Keep an approval or a refusal; returns its id."""
        return Approval.objects.create(
            model_id=model_id,
            user_id=user_id,
            territory_id=_territories([territory]).get(territory),
            is_approved=is_approved,
            note=note,
            content_hash=content_hash,
            at=at,
        ).pk

    def void(self, ids: Sequence[int], *, at: datetime, because: str) -> None:
        """Say that these hold no longer."""
        Approval.objects.filter(pk__in=ids, voided_at=None).update(voided_at=at, voided_because=because[:300])

    def open_challenge(self, model_id: int, values: Mapping[str, Any], *, at: datetime) -> int:
        """Keep a challenge; returns its id."""
        ids = _territories([values["from_territory"], values["to_territory"]])
        with translated():
            return Challenge.objects.create(
                model_id=model_id,
                kind=values["kind"],
                account_id=values["account_id"],
                other_account_id=values["other_account_id"],
                from_territory_id=ids.get(values["from_territory"]),
                to_territory_id=ids.get(values["to_territory"]),
                rep_id=values["rep_id"],
                reason=values["reason"],
                opened_at=at,
                opened_by_id=values["opened_by"],
                due_on=values["due_on"],
            ).pk

    def challenges(self, model_id: int) -> list[ChallengeRow]:
        """Return a model's challenges, the newest first."""
        return _challenges(Challenge.objects.filter(model_id=model_id))

    def challenge(self, challenge_id: int, *, lock: bool = False) -> ChallengeRow | None:
        """Return one; with ``lock`` nobody else decides it until the transaction ends."""
        rows = Challenge.objects.filter(pk=challenge_id)
        if lock:  # alone first: joined, PostgreSQL would show the row as it was before the wait
            list(rows.select_for_update().values_list("pk"))
        return next(iter(_challenges(rows)), None)

    def decide(
        self, challenge_id: int, state: str, *, at: datetime, by: int | None, note: str, is_automatic: bool
    ) -> None:
        """Give a challenge its last state."""
        Challenge.objects.filter(pk=challenge_id).update(
            state=state, decided_at=at, decided_by_id=by, decision=note, is_automatic=is_automatic,
            updated_at=at, version=F("version") + 1,
        )  # fmt: skip

    def overdue(self, day: date) -> list[ChallengeRow]:
        """Return open challenges that had to be decided before this day."""
        return _challenges(Challenge.objects.filter(state="open", due_on__lt=day))

    def comment(
        self, challenge_id: int, *, user_id: int | None, at: datetime, text: str, stance: str
    ) -> None:
        """Add a word to a discussion."""
        ChallengeComment.objects.create(
            challenge_id=challenge_id, user_id=user_id, at=at, text=text, stance=stance
        )

    def comments(self, challenge_ids: Collection[int]) -> list[CommentRow]:
        """Return the discussions, the oldest first."""
        rows = ChallengeComment.objects.filter(challenge_id__in=challenge_ids).order_by("at", "id")
        return [
            CommentRow(challenge, user_id, name or email, rep, at, text, stance)
            for challenge, user_id, name, email, rep, at, text, stance in rows.values_list(
                "challenge_id",
                "user_id",
                "user__name",
                "user__email",
                "user__rep__id",
                "at",
                "text",
                "stance",
            )
        ]

    def open_work(self, account_ids: Collection[int] | None = None) -> dict[int, tuple[Any, int]]:
        """Return account id -> sum of its open opportunities, and how many of them are in a late stage."""
        rows = Opportunity.objects.exclude(stage__in=CLOSED_STAGES).exclude(account=None)
        if account_ids is not None:
            rows = rows.filter(account_id__in=account_ids)
        sums = rows.order_by().values("account_id").annotate(
            money=Sum("amount"), late=Count("pk", filter=Q(stage__in=LATE_STAGES))
        )  # fmt: skip
        return {row["account_id"]: (row["money"] or Decimal("0.00"), row["late"]) for row in sums}

    def owned_since(self, account_ids: Collection[int]) -> dict[int, tuple[int, datetime]]:
        """Return account id -> its owner now, and since when without a break."""
        rows = AccountAssociation.objects.filter(account_id__in=account_ids, is_primary=True)
        found: dict[int, tuple[int, datetime]] = {}
        ended: set[int] = set()
        for account, owner, start, end in rows.order_by("account_id", "-valid_from").values_list(
            "account_id", "owner_id", "valid_from", "valid_to"
        ):
            if account in ended:
                continue
            held = found.get(account)
            if held is None and (owner is None or end is not None):
                ended.add(account)
            elif held is None or (held[0] == owner and end == held[1]):
                found[account] = (owner, start)
            else:
                ended.add(account)
        return found


CHALLENGE_NAMES = {
    "account_external_id": "account__external_id", "account_name": "account__name",
    "other_external_id": "other_account__external_id", "other_name": "other_account__name",
    "from_key": "from_territory__key", "to_key": "to_territory__key", "rep_name": "rep__name",
}  # fmt: skip


def _challenges(rows: Any) -> list[ChallengeRow]:
    names = (
        "id", "model_id", "kind", "account_id", "other_account_id", "rep_id", "reason", "state", "opened_at", "due_on",
        "decided_at", "decision", "is_automatic", "opened_by_id", "opened_by__name", "opened_by__email",
        "decided_by__name", "decided_by__email",
    )  # fmt: skip
    found = []
    for row in rows.order_by("-opened_at", "-id").values(
        *names, **{name: F(path) for name, path in CHALLENGE_NAMES.items()}
    ):
        people = {
            f"{who}_name": row.pop(f"{who}__name") or row.pop(f"{who}__email")
            for who in ("opened_by", "decided_by")
        }
        row.pop("opened_by__email", None)
        row.pop("decided_by__email", None)
        found.append(
            ChallengeRow(
                **{name: value for name, value in row.items() if not name.endswith("_key") and name != "opened_by_id"},
                from_territory=row["from_key"],
                to_territory=row["to_key"],
                opened_by=row["opened_by_id"],
                **people,
            )
        )  # fmt: skip
    return found


def _model(row: TerritoryModel) -> ReviewedModel:
    return ReviewedModel(
        row.pk, row.key, row.name, row.state, dict(row.policies), row.review_ends_on, row.created_by_id
    )


def _territories(keys: Any) -> dict[str | None, int]:
    """Return key -> id of the territories named."""
    wanted = {key for key in keys if key is not None}
    return dict(Territory.objects.filter(key__in=wanted).values_list("key", "id")) if wanted else {}


def _email_of(label: str) -> str | None:
    """Return the e-mail in an actor's label: ``user:ana@example.com``, ``token:ci (ana@example.com)``."""
    kind, _, rest = label.partition(":")
    if kind == "user":
        return rest
    return rest[rest.rfind("(") + 1 : -1] if kind == "token" and rest.endswith(")") else None
