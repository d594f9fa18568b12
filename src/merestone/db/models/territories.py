"""Territory models: versioned trees of territories with criteria and people.

A ``Territory`` is the lasting identity (its key); a ``TerritoryNode`` is how one model defines it. Associations point at
identities, so publishing a new model writes only what changes.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from merestone.core.model.columns import MEMBER_ROLES, MODEL_STATES
from merestone.db.models.fields import MoneyField, Row, choices_of
from merestone.db.models.people import Rep, User


class TerritoryModel(Row):
    """One whole tree of territories in one state; exactly one is active at any instant."""

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=20, choices=choices_of(MODEL_STATES), default="planning")
    effective_on = models.DateField(null=True, blank=True)
    activated_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    takes_effect_at = models.DateTimeField(
        null=True, blank=True, help_text="Scheduled: the instant at which the worker publishes it."
    )
    approved_hash = models.CharField(
        max_length=64, blank=True, help_text="The content that may be published."
    )
    review_ends_on = models.DateField(null=True, blank=True, help_text="Last day for challenges.")
    cloned_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    policies = models.JSONField(
        default=dict, blank=True, help_text="What happens to open work, to challenges, to approvals."
    )
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    fields = models.JSONField(default=dict, blank=True)
    areas = models.JSONField(default=dict, blank=True)
    lists = models.JSONField(default=dict, blank=True)
    content_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="active"), name="one_active_model")
        ]

    def __str__(self) -> str:
        return self.name


class TerritoryType(models.Model):
    """Primary (an account has exactly one such territory) or overlay (specialists on top)."""

    model = models.ForeignKey(TerritoryModel, on_delete=models.CASCADE, related_name="types")
    key = models.SlugField(max_length=100)
    name = models.CharField(max_length=200)
    is_primary = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "key"], name="type_key_per_model")]


class Territory(models.Model):
    """The lasting identity of a territory over all models that define it."""

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200, help_text="As in the newest model that was active.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "territories"

    def __str__(self) -> str:
        return self.name


class TerritoryNode(Row):
    """How one model defines a territory: its place in the tree, type, criteria, priority."""

    model = models.ForeignKey(TerritoryModel, on_delete=models.CASCADE, related_name="nodes")
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, related_name="nodes")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children"
    )
    type = models.ForeignKey(TerritoryType, on_delete=models.PROTECT, related_name="nodes")
    name = models.CharField(max_length=200)
    criteria = models.TextField(null=True, blank=True, help_text="Empty: a grouping node.")
    priority = models.IntegerField(default=100)
    position = models.PositiveIntegerField(default=0, help_text="Place in the document.")
    path = models.CharField(
        max_length=2000, db_index=True, help_text="Keys from the root, each followed by '/'."
    )
    depth = models.PositiveSmallIntegerField(default=0)
    cases = models.JSONField(default=list, blank=True)
    notes = models.TextField(blank=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["model", "territory"], name="territory_once_per_model")
        ]

    def __str__(self) -> str:
        return self.name


class Member(Row):
    """A rep in a territory of a model, with a role, over half-open dates (empty start: from the beginning)."""

    node = models.ForeignKey(TerritoryNode, on_delete=models.CASCADE, related_name="members")
    rep = models.ForeignKey(Rep, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=choices_of(MEMBER_ROLES), default="owner")
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_on=None) | Q(ends_on=None) | Q(ends_on__gt=models.F("starts_on")),
                name="member_not_empty",
            ),
        ]


class NamedAccount(models.Model):
    """An account fixed to, or excluded from, a territory by its external id."""

    node = models.ForeignKey(TerritoryNode, on_delete=models.CASCADE, related_name="named_accounts")
    account_external_id = models.CharField(max_length=100)
    is_excluded = models.BooleanField(default=False)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["node", "account_external_id", "is_excluded"], name="named_once_per_node"
            )
        ]


class Quota(Row):
    """What a territory is to win over half-open dates."""

    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, related_name="quotas")
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="First day after.")
    amount = MoneyField()
    currency = models.CharField(max_length=3, default="USD")

    class Meta:
        ordering = ["starts_on", "id"]
        constraints = [
            models.UniqueConstraint(fields=["territory", "starts_on"], name="quota_once_per_start"),
            models.CheckConstraint(condition=Q(ends_on__gt=models.F("starts_on")), name="quota_not_empty"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="quota_positive"),
        ]
