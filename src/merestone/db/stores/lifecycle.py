"""The life of models: their states with every step recorded, what was published, and the open work that moves with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from django.db import models
from django.db.models import F, Max, OuterRef, Q, Subquery
from django.utils import timezone

from merestone.app.policy import Actor
from merestone.app.ports_lifecycle import Held, ModelLife, Placed, Published
from merestone.base.errors import ConflictError, UsageError
from merestone.db.models import (
    Account,
    AccountAssociation,
    Activity,
    Lead,
    LeadAssociation,
    ModelEvent,
    Opportunity,
    OpportunityOwnership,
    Publication,
    TerritoryModel,
)
from merestone.db.stores import before, bulk
from merestone.db.stores.cells import Shape, to_arrow
from merestone.db.stores.failures import translated

CLOSED_STAGES = ("won", "lost")
HOLDERS: dict[str, tuple[type[models.Model], str]] = {
    "opportunities": (Opportunity, "owner_id"),
    "activities": (Activity, "rep_id"),
}
NAMES: dict[str, tuple[type[models.Model], str]] = {
    "accounts": (Account, "name"),
    "leads": (Lead, "name"),
    "opportunities": (Opportunity, "name"),
    "activities": (Activity, "subject"),
}


class LifecycleStore:
    """Implements ``app.ports_lifecycle.Lifecycle``."""

    def life(self, key: str, *, is_locked: bool = False) -> ModelLife | None:
        """Return where a model stands; ``is_locked``: nobody else changes it before the transaction ends."""
        query = TerritoryModel.objects.filter(key=key)
        with translated():
            row = (query.select_for_update(no_key=True) if is_locked else query).first()
            return None if row is None else _life(row)

    def due(self, now: datetime) -> list[str]:
        """Return the keys of scheduled models whose instant has come, the earliest first."""
        query = TerritoryModel.objects.filter(state="scheduled", takes_effect_at__lte=now)
        return list(query.order_by("takes_effect_at", "pk").values_list("key", flat=True))

    def next_due(self) -> datetime | None:
        """Return the instant of the next scheduled model."""
        query = TerritoryModel.objects.filter(state="scheduled").order_by("takes_effect_at")
        return query.values_list("takes_effect_at", flat=True).first()

    def step(
        self,
        model_id: int,
        *,
        old: str,
        new: str,
        actor: Actor,
        at: datetime,
        note: str = "",
        content_hash: str = "",
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        """Bring a model from one state into another and record it; ``changes`` are further fields of the model."""
        with translated():
            n_rows = TerritoryModel.objects.filter(pk=model_id, state=old).update(
                state=new, version=F("version") + 1, updated_at=timezone.now(), **(changes or {})
            )
            if not n_rows:
                raise ConflictError(
                    f"The model is not {old.replace('_', ' ')} any more.", code="stale-version"
                )
        self.record(model_id, old=old, new=new, actor=actor, at=at, note=note, content_hash=content_hash)

    def record(
        self,
        model_id: int,
        *,
        old: str,
        new: str,
        actor: Actor,
        at: datetime,
        note: str = "",
        content_hash: str = "",
    ) -> None:
        """Record a step that was done otherwise."""
        with translated():
            ModelEvent.objects.create(
                model_id=model_id,
                at=at,
                user_id=actor.user_id,
                actor=_label(actor),
                from_state=old,
                to_state=new,
                note=note,
                content_hash=content_hash,
            )

    def events(self, model_id: int) -> list[dict[str, Any]]:
        """Return the steps of a model's life, the newest first."""
        names = ("id", "at", "user_id", "actor", "from_state", "to_state", "note", "content_hash")
        return list(ModelEvent.objects.filter(model_id=model_id).values(*names))

    def keep_policies(self, model_id: int, policies: Mapping[str, Any]) -> None:
        """Write a model's policies."""
        self._touch(model_id, policies=dict(policies))

    def keep_origin(self, model_id: int, origin_id: int) -> None:
        """Say which model this one is a copy of."""
        self._touch(model_id, cloned_from_id=origin_id)

    def _touch(self, model_id: int, **changes: Any) -> None:
        with translated():
            TerritoryModel.objects.filter(pk=model_id).update(
                version=F("version") + 1, updated_at=timezone.now(), **changes
            )

    def marks(self) -> dict[str, int]:
        """Return the last association's id by table."""
        found = {}
        for table, model in (("accounts", AccountAssociation), ("leads", LeadAssociation)):
            found[table] = model._default_manager.aggregate(last=Max("pk"))["last"] or 0
        return found

    def primary_owners(self) -> pa.Table:
        """Return the accounts' open primary associations: ``record``, ``territory`` (id), ``owner``; by record."""
        query = AccountAssociation.objects.filter(valid_to=None, is_primary=True).order_by()
        columns = bulk.fetch(query, ["account_id", "territory_id", "owner_id"])
        arrays = [to_arrow(column, Shape.INTEGER) for column in columns]
        return pa.table(arrays, names=["record", "territory", "owner"]).sort_by("record")

    def open_work(self, table: str, accounts: Sequence[int]) -> pa.Table:
        """Return the open opportunities or activities of these accounts; nobody else changes them meanwhile."""
        model, holder = _held_by(table)
        query = model._default_manager.filter(account_id__in=bulk.among(accounts)).order_by("pk")
        if model is Opportunity:
            query, last, shape = query.exclude(stage__in=CLOSED_STAGES), "stage", Shape.TEXT
        else:
            query, last, shape = query.filter(is_done=False), "opportunity_id", Shape.INTEGER
        columns = bulk.fetch(query.select_for_update(no_key=True), ["id", "account_id", holder, last])
        shapes = (Shape.INTEGER, Shape.INTEGER, Shape.INTEGER, shape)
        arrays = [to_arrow(column, shape) for column, shape in zip(columns, shapes, strict=True)]
        return pa.table(arrays, names=["id", "account", "holder", last.removesuffix("_id")])

    def give(self, table: str, owners: Mapping[int, int | None]) -> None:
        """Give opportunities or activities to others."""
        model, holder = _held_by(table)
        if owners:
            with translated():
                bulk.update(model, list(owners), {holder: list(owners.values())})

    def tell_ownerships(
        self,
        ids: Collection[int],
        *,
        model_id: int | None,
        reason: Mapping[str, Any],
        stays_until: date | None = None,
    ) -> None:
        """Say of the open ownerships of these opportunities why they are so, and until when."""
        if ids:
            rows = OpportunityOwnership.objects.filter(opportunity_id__in=bulk.among(ids), valid_to=None)
            with translated():
                rows.update(model_id=model_id, reason=dict(reason), stays_until=stays_until)

    def stays_over(self, day: date) -> pa.Table:
        """Return the open opportunities that were to stay until this day or earlier: ``id``, ``model_id``, ``owner``."""
        account = AccountAssociation.objects.filter(
            account_id=OuterRef("opportunity__account_id"), valid_to=None, is_primary=True
        )
        query = (
            OpportunityOwnership.objects.filter(stays_until__lte=day, valid_to=None)
            .exclude(opportunity__stage__in=CLOSED_STAGES)
            .annotate(holder=Subquery(account.values("owner_id")[:1]))
            .filter(holder__isnull=False)
            .order_by("opportunity_id")
        )
        columns = bulk.fetch(query, ["opportunity_id", "model_id", "holder"])
        arrays = [to_arrow(column, Shape.INTEGER) for column in columns]
        return pa.table(arrays, names=["id", "model_id", "owner"])

    def keep_publication(
        self,
        *,
        kind: str,
        model_id: int | None,
        previous_id: int | None,
        undoes: int | None,
        at: datetime,
        actor: Actor,
        note: str,
        content_hash: str,
        transaction: str,
        marks: Mapping[str, int],
        counts: Mapping[str, Any],
    ) -> int:
        """Keep one change of the active model; returns its id."""
        with translated():
            row = Publication.objects.create(
                kind=kind,
                model_id=model_id,
                previous_id=previous_id,
                undoes_id=undoes,
                at=at,
                user_id=actor.user_id,
                actor=_label(actor),
                note=note,
                content_hash=content_hash,
                transaction=transaction,
                marks=dict(marks),
                counts=dict(counts),
            )
        return row.pk

    def publications(self, key: str | None = None, *, limit: int | None = None) -> list[Published]:
        """Return the changes of the active model (or those to or from this model), the newest first."""
        query = Publication.objects.select_related("model", "previous", "undone_by").order_by("-pk")
        if key is not None:
            query = query.filter(Q(model__key=key) | Q(previous__key=key))
        return [_published(row) for row in query[:limit]]

    def deactivate(self, model_id: int, *, at: datetime) -> None:
        """Archive the active model; none is active then."""
        with translated():
            TerritoryModel.objects.filter(pk=model_id, state="active").update(
                state="archived", archived_at=at, version=F("version") + 1, updated_at=timezone.now()
            )

    def placed_before(self, table: str, publication: Published) -> Placed:
        """Return where the associations of ``accounts`` or ``leads`` stood before the publication."""
        return before.placed(table, publication)

    def held_before(self, table: str, publication: Published) -> Held:
        """Return who held ``opportunities`` or ``activities`` before the publication."""
        model, holder = _held_by(table)
        return before.held(model, holder, publication)

    def restore_ownerships(self, publication: Published, opportunities: Collection[int]) -> None:
        """Give the open ownerships of these opportunities the model, reason and end they had before it."""
        with translated():
            before.restore_ownerships(publication, opportunities)

    def names(self, table: str, ids: Collection[int]) -> dict[int, str]:
        """Return id -> name of accounts, leads, opportunities or activities."""
        model, name = NAMES[table]
        rows = model._default_manager.filter(pk__in=bulk.among(ids))
        return dict(rows.values_list("pk", name))


def _held_by(table: str) -> tuple[type[models.Model], str]:
    if table not in HOLDERS:
        raise UsageError(
            f"'{table}' is not handed over.", code="unknown-table", fix="Use opportunities or activities."
        )
    return HOLDERS[table]


def _label(actor: Actor) -> str:
    return (actor.label or actor.role)[:200]


def _life(row: TerritoryModel) -> ModelLife:
    return ModelLife(
        id=row.pk,
        key=row.key,
        name=row.name,
        state=row.state,
        version=row.version,
        effective=row.effective_on,
        takes_effect_at=row.takes_effect_at,
        approved_hash=row.approved_hash,
        policies=row.policies,
        cloned_from=row.cloned_from.key if row.cloned_from else None,
        created_by=row.created_by_id,
        activated_at=row.activated_at,
        archived_at=row.archived_at,
    )


def _published(row: Publication) -> Published:
    undone_by = getattr(row, "undone_by", None)
    return Published(
        id=row.pk,
        kind=row.kind,
        model_id=row.model_id,
        model=row.model.key if row.model else None,
        previous_id=row.previous_id,
        previous=row.previous.key if row.previous else None,
        undoes=row.undoes_id,
        undone_by=undone_by and undone_by.pk,
        at=row.at,
        actor=row.actor,
        note=row.note,
        content_hash=row.content_hash,
        transaction=row.transaction,
        marks=row.marks,
        counts=row.counts,
    )
