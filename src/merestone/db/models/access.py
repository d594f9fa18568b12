"""Rights given to a user on a part of the tree."""

from __future__ import annotations

from django.db import models

from merestone.db.models.fields import Row
from merestone.db.models.people import User
from merestone.db.models.territories import Territory


class Grant(Row):
    """Rights of a user on a territory and all below it, beyond those of their role."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    territory = models.ForeignKey(
        Territory, null=True, blank=True, on_delete=models.CASCADE, related_name="grants",
        help_text="Empty: the whole company.",
    )  # fmt: skip
    rights = models.JSONField(default=list, help_text="Words of app.policy.Right.")
    granted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    ends_on = models.DateField(null=True, blank=True, help_text="First day without it.")
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "territory"], name="grant_once_per_territory"),
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(territory=None), name="grant_once_for_all"
            ),
        ]
