"""Notices as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from merestone.db.models import Notice

MAX_KEY = 160
TOO_OLD = timedelta(days=3)


class NoticeStore:
    """Implements ``app.ports_review.Notices``."""

    def tell(
        self, user_ids: Collection[int], *, kind: str, text: str, url: str, key: str, at: datetime
    ) -> int:
        """Keep one notice per key and user; returns how many are new."""
        wanted = {f"{key[:MAX_KEY]}:{user_id}": user_id for user_id in user_ids}
        known = set(Notice.objects.filter(key__in=wanted).values_list("key", flat=True))
        new = [
            Notice(user_id=user_id, at=at, kind=kind, text=text, url=url, key=each)
            for each, user_id in wanted.items()
            if each not in known
        ]
        Notice.objects.bulk_create(new, ignore_conflicts=True)
        return len(new)

    def mark_read(self, user_id: int, ids: Sequence[int] | None, *, at: datetime) -> int:
        """Mark a user's notices (None: all) as read; returns how many were not."""
        rows = Notice.objects.filter(user_id=user_id, read_at=None)
        return (rows if ids is None else rows.filter(pk__in=ids)).update(read_at=at)

    def take_unmailed(self, *, at: datetime, limit: int) -> list[dict[str, Any]]:
        """Mark notices not mailed yet as mailed now, and return ``id``, ``email``, ``name``, ``text``, ``url``.

        Those who read it on the page need no mail; what is days old (mail was set up later) is no news.
        """
        rows = Notice.objects.select_for_update(of=("self",), skip_locked=True).filter(
            mailed_at=None, read_at=None, user__is_active=True, at__gt=at - TOO_OLD
        )
        rows = rows.order_by("id").annotate(email=F("user__email"), name=F("user__name"))
        found: list[dict[str, Any]] = [
            dict(row) for row in rows.values("id", "text", "url", "email", "name")[:limit]
        ]
        Notice.objects.filter(pk__in=[row["id"] for row in found]).update(mailed_at=at)
        return found

    def give_back(self, ids: Sequence[int]) -> None:
        """Say that these were not mailed after all."""
        Notice.objects.filter(pk__in=ids).update(mailed_at=None)
