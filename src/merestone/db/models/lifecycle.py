"""The life of territory models: their states over time, what was published when, and who held which opportunity."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from merestone.core.model.columns import CAUSES, MODEL_STATES
from merestone.db.models.crm import Opportunity
from merestone.db.models.fields import choices_of
from merestone.db.models.people import Rep, User
from merestone.db.models.territories import TerritoryModel

PUBLICATION_KINDS = ("publish", "undo")


class ModelEvent(models.Model):
    """One step in the life of a model."""

    model = models.ForeignKey(TerritoryModel, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=200)
    from_state = models.CharField(max_length=20, choices=choices_of(MODEL_STATES), blank=True)
    to_state = models.CharField(max_length=20, choices=choices_of(MODEL_STATES))
    note = models.TextField(blank=True)
    content_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-at", "-id"]


class Publication(models.Model):
    """One change of the active model: a publish, or the undoing of one."""

    kind = models.CharField(max_length=10, choices=choices_of(PUBLICATION_KINDS))
    model = models.ForeignKey(
        TerritoryModel, null=True, blank=True, on_delete=models.PROTECT, related_name="publications",
        help_text="Active afterwards.",
    )  # fmt: skip
    previous = models.ForeignKey(
        TerritoryModel, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Active before.",
    )  # fmt: skip
    undoes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by"
    )
    at = models.DateTimeField()
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=200)
    content_hash = models.CharField(max_length=64, blank=True)
    transaction = models.CharField(max_length=32, blank=True, help_text="Its audit transaction.")
    note = models.TextField(blank=True)
    marks = models.JSONField(
        default=dict, blank=True, help_text="The last association then, by table: later ones have larger ids."
    )
    counts = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-id"]


class OpportunityOwnership(models.Model):
    """Who held an opportunity over ``[valid_from, valid_to)``, and why."""

    opportunity = models.ForeignKey(Opportunity, on_delete=models.CASCADE, related_name="ownerships")
    owner = models.ForeignKey(Rep, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    model = models.ForeignKey(
        TerritoryModel, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    cause = models.CharField(max_length=20, choices=choices_of(CAUSES), default="default")
    reason = models.JSONField(default=dict, blank=True)
    stays_until = models.DateField(
        null=True, blank=True, help_text="A late-stage opportunity follows its account from this day on."
    )
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["opportunity"], condition=Q(valid_to=None), name="opportunity_one_open_ownership"
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="ownership_not_empty"
            ),
        ]
        indexes = [
            models.Index(fields=["opportunity", "valid_from"], name="ownership_history"),
            models.Index(fields=["stays_until"], condition=Q(valid_to=None), name="ownership_staying"),
        ]
