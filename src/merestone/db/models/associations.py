"""Who has what, when, and why: dated associations, locks and turns.

The unassigned queue is not a second table: it is the open primary association without an owner. So one partial unique
index enforces that nothing is in two places, and nothing is nowhere as long as every record has its open row.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from merestone.core.model.columns import CAUSES
from merestone.db.models.accounts import Account
from merestone.db.models.crm import Lead
from merestone.db.models.fields import Row, choices_of
from merestone.db.models.people import Rep
from merestone.db.models.territories import Territory, TerritoryModel


class Association(models.Model):
    """Record ↔ territory with its owner over ``[valid_from, valid_to)``, with cause and reason.

    ``territory`` empty: no territory matched. ``owner`` empty: in the unassigned queue.
    """

    # A publish writes every index of every place that moves. Territories are never deleted, and who asks for those of
    # one asks for open places; the index by owner tells open places as well as all, which the deletion of a rep asks for.
    territory = models.ForeignKey(
        Territory, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    owner = models.ForeignKey(
        Rep, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # Models are never deleted and nobody asks for the places of one: an index would only slow a publish.
    model = models.ForeignKey(
        TerritoryModel, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    is_primary = models.BooleanField(default=True)
    cause = models.CharField(max_length=20, choices=choices_of(CAUSES))
    reason = models.JSONField(default=dict, blank=True)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class AccountAssociation(Association):
    """An account's place."""

    # Without an index of its own: that of its history begins with it.
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="associations", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(valid_to=None, is_primary=True),
                name="account_one_open_primary",
            ),
            models.UniqueConstraint(
                fields=["account", "territory"],
                condition=Q(valid_to=None),
                name="account_territory_once_open",
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="account_assoc_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(owner=None) | Q(territory__isnull=False), name="account_owner_has_territory"
            ),
        ]
        indexes = [
            models.Index(
                fields=["territory", "account"], condition=Q(valid_to=None), name="account_open_by_territory"
            ),
            models.Index(fields=["owner", "valid_to", "account"], name="account_by_owner"),
            models.Index(fields=["account", "valid_from"], name="account_assoc_history"),
        ]


class LeadAssociation(Association):
    """A lead's place."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="associations", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lead"], condition=Q(valid_to=None, is_primary=True), name="lead_one_open_primary"
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="lead_assoc_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(owner=None) | Q(territory__isnull=False), name="lead_owner_has_territory"
            ),
        ]
        indexes = [
            models.Index(
                fields=["territory", "lead"], condition=Q(valid_to=None), name="lead_open_by_territory"
            ),
            models.Index(fields=["owner", "valid_to", "lead"], name="lead_by_owner"),
            models.Index(fields=["lead", "valid_from"], name="lead_assoc_history"),
        ]


class AccountLock(Row):
    """The account may not move until a date (empty: until the lock is removed)."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="lock")
    reason = models.CharField(max_length=300, blank=True)
    until = models.DateField(null=True, blank=True)


class Rotation(models.Model):
    """A territory's rotation of leads so far, as ``core.routing.rotation.Rotation.as_dict`` writes it."""

    territory = models.OneToOneField(Territory, on_delete=models.CASCADE, related_name="rotation")
    state = models.JSONField(default=dict)
