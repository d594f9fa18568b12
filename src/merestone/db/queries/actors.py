"""From a user to the actor the use cases know: built anew for each request, so a change counts from the next one."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from merestone.app.policy import Actor, Held, Right, with_implied
from merestone.db.models import Company, User
from merestone.db.queries.company import company_day

KNOWN_RIGHTS = {right.value: right for right in Right}


def actor_of_user(user: Any, *, as_if_active: bool = False) -> Actor:
    """Return the actor for a user, with the grants in force today; a deactivated user may do nothing (1 query)."""
    assert isinstance(user, User)
    rows: list[Any] = list(
        User.objects.filter(pk=user.pk)
        .order_by("grants__id")
        .values(
            "role",
            "is_active",
            "rep__id",
            "grants__id",
            "grants__rights",
            "grants__ends_on",
            territory=F("grants__territory__key"),
            company_zone=Company.objects.order_by("id").values("time_zone")[:1],
        )
    )
    zone = rows[0]["company_zone"] if rows else None
    zone = zone or Company._meta.get_field("time_zone").get_default()
    today = company_day(zone)
    if not rows or not (rows[0]["is_active"] or as_if_active):
        return Actor(role="nobody", user_id=user.pk, label=f"user:{user.email}", time_zone=zone, today=today)
    return Actor(
        role=rows[0]["role"],
        user_id=user.pk,
        rep_id=rows[0]["rep__id"],
        label=f"user:{user.email}",
        time_zone=user.time_zone or zone,
        grants=tuple(
            Held(row["territory"], rights_of(row["grants__rights"]))
            for row in rows
            if row["grants__id"] is not None
            and (row["grants__ends_on"] is None or row["grants__ends_on"] > today)
        ),
        today=today,
    )


def rights_of(words: Any) -> frozenset[Right]:
    """Return the rights a grant's words stand for, with what they imply; unknown words give nothing."""
    return with_implied(KNOWN_RIGHTS[word] for word in words or () if word in KNOWN_RIGHTS)
