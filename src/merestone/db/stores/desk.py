"""Saved views and preferences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from merestone.base.errors import NotFoundError
from merestone.db.models import SavedView, User


class DeskStore:
    """Implements ``app.ports.Desk``."""

    def save_view(self, *, user_id: int, table: str, name: str, query: str, is_shared: bool) -> int:
        """Keep a list's view under a name, replacing one's own of that name; returns its id."""
        view, _ = SavedView.objects.update_or_create(
            user_id=user_id, table=table, name=name, defaults={"query": query, "is_shared": is_shared}
        )
        return view.pk

    def delete_view(self, view_id: int, *, user_id: int) -> None:
        """Delete one's own view; NotFoundError when there is none."""
        deleted, _ = SavedView.objects.filter(pk=view_id, user_id=user_id).delete()
        if not deleted:
            raise NotFoundError("There is no such view of yours.")

    def keep_preferences(self, user_id: int, changes: Mapping[str, Any]) -> None:
        """Merge the changes into a user's preferences."""
        user = User.objects.select_for_update().filter(pk=user_id).first()
        if user is None:
            raise NotFoundError("There is no such user.")
        user.preferences = {**user.preferences, **changes}
        user.save(update_fields=["preferences"])
