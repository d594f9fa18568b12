"""What pages show of notices: one's own."""

from __future__ import annotations

from django.db.models import QuerySet

from merestone.app.policy import Actor
from merestone.db.models import Notice


def notices(actor: Actor) -> QuerySet[Notice]:
    """Return the actor's own notices, the newest first."""
    if actor.user_id is None:
        return Notice.objects.none()
    return Notice.objects.filter(user_id=actor.user_id).order_by("-at", "-id")


def n_unread(actor: Actor) -> int:
    """Return how many of the actor's notices they have not read."""
    return 0 if actor.user_id is None else notices(actor).filter(read_at=None).count()
