"""Rules of engagement in versions, training items, and who has read or done them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, Q

from merestone.app.ports_guidelines import Item, Version
from merestone.base.errors import ConflictError, NotFoundError
from merestone.core.model.terms import Guidelines
from merestone.db.models import (
    Acknowledgement,
    Guideline,
    Territory,
    TerritoryModel,
    TerritoryNode,
    TrainingDone,
    TrainingItem,
)
from merestone.db.queries import guidelines as queries


class GuidelineStore:
    """Implements ``app.ports_guidelines.GuidelineBook``."""

    def in_force(self, territory: str | None, model: str | None) -> Version | None:
        """Return the version in force of a territory, or of the company; of a model its newest."""
        if model is not None:
            row = Guideline.objects.filter(territory=None, model__key=model).order_by("-number").first()
            return (
                None if row is None else _version(row, row.model is not None and row.model.state == "active")
            )
        row = queries.came_into_force().filter(territory__key=territory).first() if territory else None
        if territory is None:
            row = queries.came_into_force().filter(territory=None, model=None).first()
        return None if row is None else _version(row, True)

    def version(self, version_id: int) -> Version | None:
        """Return a version."""
        row = Guideline.objects.select_related("territory", "model").filter(pk=version_id).first()
        if row is None:
            return None
        territory = row.territory.key if row.territory else None
        newest = self.in_force(territory, row.model.key if row.model and territory is None else None)
        return _version(row, newest is not None and newest.id == row.pk and newest.is_in_force)

    def of_model(self, model_id: int) -> dict[str | None, Guidelines]:
        """Return what a model says, by territory key (None: of itself): what it brings, else what is in force (1 query)."""
        keys = TerritoryNode.objects.filter(model_id=model_id).order_by().values("territory_id")
        rows = (
            queries.in_force_first(Guideline.objects.all())
            .filter(
                Q(territory=None, model_id=model_id)
                | (Q(territory_id__in=keys) & (queries.CAME_INTO_FORCE | Q(model_id=model_id)))
            )
            .reverse()
        )
        found: dict[str | None, Guidelines] = {}
        brought: set[str | None] = set()
        for row in rows:
            key = row.territory.key if row.territory else None
            # What a model not active yet brings comes after all that is in force, whenever it was written.
            is_coming = row.model_id == model_id and row.model is not None and row.model.activated_at is None
            if is_coming or key not in brought:
                found[key] = Guidelines(row.body, row.must_be_acknowledged)
            if is_coming:
                brought.add(key)
        return found

    def keep(
        self,
        guidelines: Guidelines,
        *,
        territory: str | None,
        model: str | None,
        at: datetime,
        by: int | None,
    ) -> int:
        """Write the next version; returns its id."""
        place = None if territory is None else _one(Territory, territory, "territory")
        of_model = None if model is None else _one(TerritoryModel, model, "territory model")
        same = Guideline.objects.filter(territory=place, model=of_model)
        last = same.aggregate(last=Max("number"))["last"] or 0
        try:
            with transaction.atomic():
                row = Guideline.objects.create(
                    territory=place,
                    model=of_model,
                    number=last + 1,
                    body=guidelines.text,
                    must_be_acknowledged=guidelines.must_be_acknowledged,
                    created_at=at,
                    created_by_id=by,
                )
        except IntegrityError as error:  # somebody else wrote the same number just now
            raise ConflictError(
                "Somebody else changed this text just now.", code="stale-version", fix="Look at it again."
            ) from error
        return row.pk

    def readers(self, version_id: int) -> dict[int, datetime | None]:
        """Return user id -> when they acknowledged it (None: not yet) of those a version is for (3 queries)."""
        row = Guideline.objects.select_related("territory").get(pk=version_id)
        read = dict(Acknowledgement.objects.filter(guideline=row).values_list("user_id", "at"))
        territory = row.territory.key if row.territory else None
        return {one.user_id: read.get(one.user_id) for one in queries.members() if one.is_in(territory)}

    def acknowledge(self, version_id: int, user_id: int, *, at: datetime) -> bool:
        """Note that a user has read a version; returns whether that is new."""
        with transaction.atomic():
            return Acknowledgement.objects.get_or_create(
                guideline_id=version_id, user_id=user_id, defaults={"at": at}
            )[1]

    def unread(self) -> list[Version]:
        """Return the versions in force that ask to be acknowledged."""
        rows = {row.pk: row for row in queries.came_into_force()}
        return [
            _version(rows[one.id], True)
            for one in queries.papers(rows.values())
            if one.is_in_force and one.text and one.must_be_acknowledged
        ]

    def item(self, item_id: int, *, is_locked: bool = False) -> Item | None:
        """Return a training item."""
        rows = TrainingItem.objects.select_related("territory")
        row = (rows.select_for_update(of=("self",)) if is_locked else rows).filter(pk=item_id).first()
        return None if row is None else _item(row)

    def keep_item(
        self,
        item_id: int | None,
        *,
        title: str,
        body: str,
        url: str,
        territory: str | None,
        roles: Sequence[str],
        due_on: date | None,
        by: int | None,
    ) -> int:
        """Write a training item; returns its id."""
        if item_id is None:
            row = TrainingItem(created_by_id=by)
        else:
            row = TrainingItem.objects.get(pk=item_id)
            row.version += 1
        row.title, row.body, row.url, row.roles, row.due_on = title, body, url, list(roles), due_on
        row.territory = None if territory is None else _one(Territory, territory, "territory")
        row.save()
        return row.pk

    def retire_item(self, item_id: int, *, at: datetime) -> None:
        """Take a training item out of use; who did it stays on record."""
        row = TrainingItem.objects.get(pk=item_id)
        row.retired_at, row.version = at, row.version + 1
        row.save(update_fields=["retired_at", "version", "updated_at"])

    def learners(self, item_id: int) -> Mapping[int, datetime | None]:
        """Return user id -> when they did it (None: not yet) of those an item is for (3 queries)."""
        row = TrainingItem.objects.select_related("territory").get(pk=item_id)
        done = dict(TrainingDone.objects.filter(item=row).values_list("user_id", "at"))
        territory = row.territory.key if row.territory else None
        return {
            one.user_id: done.get(one.user_id)
            for one in queries.members()
            if one.is_in(territory, roles=row.roles)
        }

    def done(self, item_id: int, user_id: int, *, at: datetime) -> bool:
        """Note that a user has done an item; returns whether that is new."""
        with transaction.atomic():
            return TrainingDone.objects.get_or_create(item_id=item_id, user_id=user_id, defaults={"at": at})[
                1
            ]

    def open_items(self) -> list[Item]:
        """Return the items that are not retired and have a due date."""
        rows = TrainingItem.objects.select_related("territory").filter(retired_at=None, due_on__isnull=False)
        return _items(rows.order_by("due_on", "pk"))


def _items(rows: Iterable[TrainingItem]) -> list[Item]:
    return [_item(row) for row in rows]


def _one(kind: Any, key: str, what: str) -> Any:
    row = kind.objects.filter(key=key).first()
    if row is None:
        raise NotFoundError(f"There is no {what} '{key[:100]}'.")
    return row


def _version(row: Guideline, is_in_force: bool) -> Version:
    return Version(
        id=row.pk,
        territory=row.territory.key if row.territory else None,
        model=row.model.key if row.model else None,
        guidelines=Guidelines(row.body, row.must_be_acknowledged),
        is_in_force=is_in_force,
        name=row.territory.name if row.territory else row.model.name if row.model else "The whole company",
        at=row.model.activated_at or row.created_at if row.model else row.created_at,
    )


def _item(row: TrainingItem) -> Item:
    return Item(
        id=row.pk,
        title=row.title,
        body=row.body,
        url=row.url,
        territory=row.territory.key if row.territory else None,
        territory_name=row.territory.name if row.territory else "Everybody",
        roles=tuple(row.roles),
        due_on=row.due_on,
        is_retired=row.retired_at is not None,
        version=row.version,
    )
