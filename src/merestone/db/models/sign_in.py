"""What happened at the door, who somebody is elsewhere, and the short memory all server processes share."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from merestone.app.sign_in import KINDS
from merestone.db.models.fields import Row, choices_of
from merestone.db.models.people import User


class SignInEvent(models.Model):
    """Somebody came in, left, was refused, or changed what they sign in with. Never changed afterwards."""

    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=30, choices=choices_of(KINDS))
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="sign_ins")
    email = models.CharField(max_length=254, blank=True, help_text="As typed; may be nobody's.")
    address = models.GenericIPAddressField(null=True, blank=True)
    device = models.CharField(max_length=200, blank=True, help_text="What the browser says it is.")
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["user", "-at"])]


class Identity(Row):
    """A user as an OpenID Connect provider knows them."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)
    email = models.CharField(max_length=254, blank=True, help_text="At the time they were linked.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="identity_once_per_issuer"),
            # Two people of one provider behind one account: never.
            models.UniqueConstraint(fields=["user", "issuer"], name="identity_once_per_user"),
        ]


class CacheEntry(models.Model):
    """Django's database cache: counts of failed sign-ins and used codes, the same for every process and server."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)
