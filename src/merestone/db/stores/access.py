"""Grants, and what users hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction

from merestone.app.policy import Actor, Held, Right
from merestone.app.ports_access import Grant, Standing
from merestone.base.errors import ConflictError, NotFoundError
from merestone.db.models import Grant as GrantRow
from merestone.db.models import Rep, Territory, TerritoryNode, User
from merestone.db.queries import lists, scope
from merestone.db.queries.actors import KNOWN_RIGHTS, actor_of_user


def paths_of(keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return territory key -> keys from the root, in the active model, else in the newest that has it (1 query)."""
    rows = (
        TerritoryNode.objects.filter(territory__key__in=set(keys))
        .order_by("model_id")
        .values_list("territory__key", "model__state", "path")
    )
    found: dict[str, tuple[str, ...]] = {}
    for key, _, path in sorted(rows, key=lambda row: row[1] == "active"):  # the active model comes last
        found[key] = tuple(path.rstrip("/").split("/"))
    return found


def as_grants(rows: Iterable[GrantRow]) -> list[Grant]:
    """Return grants with names and paths (1 query)."""
    listed = list(rows)
    paths = paths_of(row.territory.key for row in listed if row.territory)
    return [_as_grant(row, paths) for row in listed]


def _as_grant(row: GrantRow, paths: dict[str, tuple[str, ...]]) -> Grant:
    key = row.territory.key if row.territory else None
    return Grant(
        id=row.pk,
        user_id=row.user_id,
        user=str(row.user),
        email=row.user.email,
        territory=key,
        territory_name=row.territory.name if row.territory else "",
        path=paths.get(key, (key,)) if key else (),
        rights=frozenset(KNOWN_RIGHTS[word] for word in row.rights if word in KNOWN_RIGHTS),
        ends_on=row.ends_on,
        note=row.note,
        granted_by=str(row.granted_by) if row.granted_by else "",
        version=row.version,
    )


class AccessStore:
    """Implements ``app.ports_access.Access``."""

    def paths(self, territories: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return territory key -> keys from the root down to it, of those there are (1 query)."""
        return paths_of(territories)

    def standing(self, user_id: int) -> Standing | None:
        """Return what a user holds, active or not; None when there is no such user."""
        user = User.objects.filter(pk=user_id).first()
        if user is None:
            return None
        actor = actor_of_user(user, as_if_active=True)
        return Standing(user.pk, user.email, user.role, user.is_active, scope.holdings(actor))

    def standing_as(self, role: str, rep_id: int | None) -> tuple[Held, ...]:
        """Return what somebody of a role would hold who is this rep."""
        return scope.holdings(Actor(role=role, rep_id=rep_id))

    def rep_of(self, user_id: int) -> int | None:
        """Return the rep a user is."""
        return Rep.objects.filter(user_id=user_id).values_list("pk", flat=True).first()

    def is_known_to(self, actor: Actor, user_id: int) -> bool:
        """Return whether the actor manages access where this user is."""
        return lists.users(actor).filter(pk=user_id).exists()

    def has_other_admin(self, user_id: int) -> bool:
        """Return whether somebody else is an active administrator; their rows are locked until the end."""
        admins = User.objects.select_for_update().filter(role="admin", is_active=True).order_by("pk")
        return any(user.pk != user_id for user in admins)

    def grants(self, actor: Actor) -> list[Grant]:
        """Return the grants the actor may look at, ended ones too."""
        return as_grants(lists.grants(actor))

    def grant(self, grant_id: int) -> Grant | None:
        """Return a grant, which nobody else changes before the transaction ends."""
        return self._one(pk=grant_id)

    def kept(self, user_id: int, territory: str | None) -> Grant | None:
        """Return a user's grant on a place, which nobody else changes before the transaction ends."""
        if territory is None:
            return self._one(user_id=user_id, territory=None)
        return self._one(user_id=user_id, territory__key=territory)

    def _one(self, **which: Any) -> Grant | None:
        rows = GrantRow.objects.select_related("user", "territory", "granted_by")
        return next(iter(as_grants(rows.select_for_update(of=("self",)).filter(**which))), None)

    def keep(
        self,
        *,
        user_id: int,
        territory: str | None,
        rights: Sequence[Right],
        ends_on: date | None,
        note: str,
        granted_by: int | None,
    ) -> int:
        """Write a user's grant on a place, replacing the one that is there; returns its id."""
        place = None
        if territory is not None:
            place = Territory.objects.filter(key=territory).first()
            if place is None:
                raise NotFoundError(f"There is no territory '{territory[:100]}'.")
        row = GrantRow.objects.select_for_update().filter(user_id=user_id, territory=place).first()
        if row is None:
            row = GrantRow(user_id=user_id, territory=place)
        row.rights, row.ends_on, row.note = [right.value for right in rights], ends_on, note
        row.granted_by_id = granted_by
        row.version += 1 if row.pk else 0
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError as error:  # somebody else gave them something there just now
            raise ConflictError(
                "Somebody else changed this person's rights there just now.",
                code="stale-version",
                fix="Look at them again.",
            ) from error
        return row.pk

    def end(self, grant_id: int, *, on: date) -> None:
        """End a grant: ``on`` is the first day without it."""
        row = GrantRow.objects.get(pk=grant_id)
        row.ends_on, row.version = on, row.version + 1
        row.save(update_fields=["ends_on", "version", "updated_at"])
