"""From a signed-in user to the actor the use cases know."""

from __future__ import annotations

from typing import Any

from merestone.app.policy import Actor
from merestone.db.models import Rep, User
from merestone.db.queries.company import company


def actor_of_user(user: Any) -> Actor:
    """Return the actor for a user."""
    assert isinstance(user, User)
    rep_id = Rep.objects.filter(user_id=user.pk).values_list("id", flat=True).first()
    return Actor(
        role=user.role,
        user_id=user.pk,
        rep_id=rep_id,
        label=f"user:{user.email}",
        time_zone=user.time_zone or company().time_zone,
    )
