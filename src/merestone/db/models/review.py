"""Review of a model: who is asked, what they object to, who approved."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from merestone.db.models.accounts import Account
from merestone.db.models.fields import Row, choices_of
from merestone.db.models.people import Rep, User
from merestone.db.models.territories import Territory, TerritoryModel

INVITATION_ROLES = ("reviewer", "approver")
CHALLENGE_KINDS = ("keep", "give", "swap")
CHALLENGE_STATES = ("open", "accepted", "rejected", "withdrawn", "expired")
STANCES = ("for", "against")


class Invitation(Row):
    """Somebody asked to look at a model in review, or to approve a part of it."""

    model = models.ForeignKey(TerritoryModel, on_delete=models.CASCADE, related_name="invitations")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=20, choices=choices_of(INVITATION_ROLES), default="reviewer")
    territory = models.ForeignKey(
        Territory, null=True, blank=True, on_delete=models.CASCADE, related_name="+",
        help_text="The subtree concerned; empty: the whole model.",
    )  # fmt: skip
    invited_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    looked_at = models.DateTimeField(null=True, blank=True, help_text="When the user last looked.")
    looked_hash = models.CharField(max_length=64, blank=True, help_text="The content they looked at.")
    reminded_at = models.DateTimeField(null=True, blank=True)
    message = models.TextField(blank=True, help_text="What the one who asked said.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["model", "user", "role", "territory"], name="invited_once"),
            models.UniqueConstraint(
                fields=["model", "user", "role"], condition=Q(territory=None), name="invited_once_to_all"
            ),
        ]


class Challenge(Row):
    """A change request against a model in review: keep an account, give one, or swap two."""

    model = models.ForeignKey(TerritoryModel, on_delete=models.CASCADE, related_name="challenges")
    kind = models.CharField(max_length=10, choices=choices_of(CHALLENGE_KINDS))
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    other_account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, related_name="+",
        help_text="What is given in return.",
    )  # fmt: skip
    from_territory = models.ForeignKey(
        Territory, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    to_territory = models.ForeignKey(
        Territory, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    rep = models.ForeignKey(Rep, null=True, blank=True, on_delete=models.PROTECT, related_name="challenges")
    reason = models.TextField()
    state = models.CharField(max_length=20, choices=choices_of(CHALLENGE_STATES), default="open")
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    due_on = models.DateField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    decision = models.TextField(blank=True)
    is_automatic = models.BooleanField(default=False, help_text="Decided by policy.")

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "account", "rep"], condition=Q(state="open"), name="one_open_challenge"
            )
        ]


class ChallengeComment(models.Model):
    """One word in the discussion of a challenge."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="comments")
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()
    stance = models.CharField(max_length=10, choices=choices_of(STANCES), blank=True)

    class Meta:
        ordering = ["at", "id"]


class Approval(models.Model):
    """What somebody said to the content of a model, or of a subtree of it; an edit voids it."""

    model = models.ForeignKey(TerritoryModel, on_delete=models.CASCADE, related_name="approvals")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    territory = models.ForeignKey(
        Territory, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    is_approved = models.BooleanField()
    note = models.TextField(blank=True)
    content_hash = models.CharField(max_length=64, help_text="Of the subtree approved.")
    at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_because = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
