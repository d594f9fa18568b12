"""Leads, products, opportunities with their stage history, activities, contracts and claims."""

from __future__ import annotations

from django.db import models

from merestone.core.model.columns import (
    ACTIVITY_KINDS,
    CONTRACT_STATES,
    FORECAST_CATEGORIES,
    LEAD_STATUSES,
    OPPORTUNITY_STAGES,
)
from merestone.db.models.accounts import Account, Placed
from merestone.db.models.fields import MoneyField, Row, choices_of
from merestone.db.models.people import Rep, User


class Lead(Placed):
    """Somebody who may want to buy, not yet an account's opportunity."""

    external_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    name = models.CharField(max_length=200)
    company = models.CharField(max_length=300, blank=True)
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.SET_NULL, related_name="leads"
    )
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=50, blank=True)
    source = models.CharField(max_length=50, blank=True)
    status = models.CharField(max_length=20, choices=choices_of(LEAD_STATUSES), default="new")
    received_at = models.DateTimeField(help_text="When the lead came in.")
    converted_at = models.DateTimeField(null=True, blank=True)
    touched_at = models.DateTimeField(null=True, blank=True, help_text="Last activity of its owner.")

    class Meta:
        ordering = ["-received_at", "-id"]
        indexes = [models.Index(fields=["status", "-received_at"]), models.Index(fields=["email"])]

    def __str__(self) -> str:
        return self.name


class Product(Row):
    """Something we sell."""

    external_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    name = models.CharField(max_length=200, unique=True)
    family = models.CharField(max_length=100, blank=True)
    price = MoneyField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Opportunity(Row):
    """A possible sale, open until won or lost."""

    external_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    name = models.CharField(max_length=300, blank=True)
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, related_name="opportunities"
    )
    lead = models.ForeignKey(
        Lead, null=True, blank=True, on_delete=models.SET_NULL, related_name="opportunities"
    )
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    owner = models.ForeignKey(
        Rep, null=True, blank=True, on_delete=models.SET_NULL, related_name="opportunities"
    )
    stage = models.CharField(max_length=20, choices=choices_of(OPPORTUNITY_STAGES), default="prospecting")
    forecast_category = models.CharField(
        max_length=20, choices=choices_of(FORECAST_CATEGORIES), default="pipeline"
    )
    amount = MoneyField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    probability = models.FloatField(null=True, blank=True)
    opened_on = models.DateField(null=True, blank=True)
    expected_close_on = models.DateField(null=True, blank=True)
    closed_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_on", "-id"]
        verbose_name_plural = "opportunities"
        indexes = [models.Index(fields=["stage", "closed_on"]), models.Index(fields=["closed_on"])]

    def __str__(self) -> str:
        return self.name or f"Opportunity {self.pk}"


class StageChange(models.Model):
    """One step of an opportunity's stage history."""

    opportunity = models.ForeignKey(Opportunity, on_delete=models.CASCADE, related_name="stage_changes")
    from_stage = models.CharField(max_length=20, blank=True)
    stage = models.CharField(max_length=20, choices=choices_of(OPPORTUNITY_STAGES))
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["changed_at", "id"]


class Activity(Row):
    """A touch: call, mail, visit, task, note, or a service case."""

    external_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    kind = models.CharField(max_length=20, choices=choices_of(ACTIVITY_KINDS))
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, related_name="activities"
    )
    lead = models.ForeignKey(Lead, null=True, blank=True, on_delete=models.CASCADE, related_name="activities")
    opportunity = models.ForeignKey(
        Opportunity, null=True, blank=True, on_delete=models.SET_NULL, related_name="activities"
    )
    rep = models.ForeignKey(Rep, null=True, blank=True, on_delete=models.SET_NULL, related_name="activities")
    subject = models.CharField(max_length=300)
    notes = models.TextField(blank=True)
    occurs_at = models.DateTimeField()
    minutes = models.PositiveIntegerField(null=True, blank=True)
    is_done = models.BooleanField(default=False)

    class Meta:
        ordering = ["-occurs_at", "-id"]
        verbose_name_plural = "activities"
        indexes = [models.Index(fields=["rep", "is_done", "occurs_at"]), models.Index(fields=["occurs_at"])]

    def __str__(self) -> str:
        return self.subject


class Contract(Row):
    """What a customer has bought for a time; its end is a renewal."""

    external_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="contracts")
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    annual_value = MoneyField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    starts_on = models.DateField()
    ends_on = models.DateField()
    state = models.CharField(max_length=20, choices=choices_of(CONTRACT_STATES), default="active")

    class Meta:
        ordering = ["ends_on", "id"]
        indexes = [models.Index(fields=["ends_on"])]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on__gt=models.F("starts_on")), name="contract_not_empty"
            )
        ]


class Claim(Row):
    """An ownership dispute over an account."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="claims")
    claimant = models.ForeignKey(Rep, on_delete=models.PROTECT, related_name="claims")
    holder = models.ForeignKey(
        Rep, null=True, blank=True, on_delete=models.PROTECT, related_name="claims_against"
    )
    reason = models.TextField()
    state = models.CharField(
        max_length=20, choices=choices_of(("open", "upheld", "rejected")), default="open"
    )
    opened_at = models.DateTimeField()
    due_on = models.DateField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.TextField(blank=True)

    class Meta:
        ordering = ["-opened_at", "-id"]
