"""Company, users, reps and their leave."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.crypto import salted_hmac

from merestone.core.model.columns import USER_ROLES
from merestone.db.models.fields import MoneyField, Row, choices_of

DEPARTURE_STATES = ("draft", "scheduled", "done", "cancelled")
HANDOVER_KINDS = ("accounts", "leads", "opportunities", "activities", "territories")


class Company(Row):
    """The one company this database works for."""

    name = models.CharField(max_length=200, default="My company")
    time_zone = models.CharField(max_length=64, default="UTC")
    currency = models.CharField(max_length=3, default="USD")
    country = models.CharField(max_length=2, default="US")
    second_factor_roles = models.JSONField(
        default=list, blank=True, help_text="Roles that must sign in with a second factor."
    )


class UserManager(BaseUserManager["User"]):
    """Creates users by e-mail."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Return a saved user; without a password nobody can sign in as them."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """Somebody, or some program, who signs in."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=20, choices=choices_of(USER_ROLES), default="rep")
    time_zone = models.CharField(max_length=64, blank=True, help_text="Empty: the company's.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    preferences = models.JSONField(default=dict, blank=True)
    session_epoch = models.PositiveIntegerField(default=0, help_text="A higher number ends all sessions.")
    version = models.PositiveIntegerField(default=1)

    USERNAME_FIELD = "email"
    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.name or self.email

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Sessions carry this hash: they end when password, role or epoch change, and so does what a session may do.
        return salted_hmac(
            "merestone.session", f"{self.password}:{self.role}:{self.session_epoch}",
            secret=secret, algorithm="sha256",
        ).hexdigest()  # fmt: skip


class Rep(Row):
    """A seller; may have a user to sign in with."""

    user = models.OneToOneField(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="rep")
    external_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    name = models.CharField(max_length=200)
    email = models.EmailField(null=True, blank=True, unique=True)
    manager = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="reports"
    )
    office = models.CharField(max_length=100, blank=True)
    home_city = models.CharField(max_length=100, blank=True)
    home_state = models.CharField(max_length=100, blank=True)
    home_postal_code = models.CharField(max_length=20, blank=True)
    home_country = models.CharField(max_length=2, blank=True)
    home_latitude = models.FloatField(null=True, blank=True)
    home_longitude = models.FloatField(null=True, blank=True)
    languages = models.JSONField(default=list, blank=True)
    industries = models.JSONField(default=list, blank=True)
    skills = models.JSONField(default=list, blank=True)
    seniority = models.CharField(max_length=20, blank=True)
    capacity_hours = models.FloatField(null=True, blank=True)
    weekly_hours = models.FloatField(null=True, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    hired_on = models.DateField(null=True, blank=True)
    ramp_weeks = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Weeks from the day of hire until full capacity; empty: at once."
    )
    left_on = models.DateField(null=True, blank=True, help_text="First day no longer with the company.")

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Leave(Row):
    """Days a rep is away, in the company's zone: out of rotation, still owner."""

    rep = models.ForeignKey(Rep, on_delete=models.CASCADE, related_name="leave")
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="First day back.")
    starts_at_noon = models.BooleanField(default=False, help_text="Works the morning of the first day.")
    ends_at_noon = models.BooleanField(default=False, help_text="Is back at noon of the last day.")
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on__gt=models.F("starts_on")), name="leave_not_empty"
            )
        ]


class Departure(Row):
    """A rep who leaves: the plan of who takes over what, and what became of it."""

    rep = models.ForeignKey(Rep, on_delete=models.PROTECT, related_name="departures")
    last_day = models.DateField(help_text="The last day of work.")
    state = models.CharField(max_length=20, choices=choices_of(DEPARTURE_STATES), default="draft")
    note = models.TextField(blank=True)
    deactivates = models.BooleanField(default=False, help_text="Ends the user's sign-in with the last day.")
    fingerprint = models.CharField(max_length=64, blank=True, help_text="What the plan was made from.")
    before = models.JSONField(default=dict, blank=True, help_text="What scheduling changed, to take it back.")
    counts = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-last_day", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rep"],
                condition=models.Q(state__in=("draft", "scheduled")),
                name="departure_once_open",
            )
        ]


class Handover(Row):
    """One line of a departure's plan: an account, a lead, loose work or a territory, and who takes it over.

    What it is called and where it lies is kept as it was when the plan was made.
    """

    departure = models.ForeignKey(Departure, on_delete=models.CASCADE, related_name="lines")
    kind = models.CharField(max_length=20, choices=choices_of(HANDOVER_KINDS))
    account = models.ForeignKey(
        "merestone.Account", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    lead = models.ForeignKey(
        "merestone.Lead", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    opportunity = models.ForeignKey(
        "merestone.Opportunity", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    activity = models.ForeignKey(
        "merestone.Activity", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    territory = models.ForeignKey(
        "merestone.Territory", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    name = models.CharField(max_length=300)
    place = models.CharField(max_length=200, blank=True, help_text="Name of the territory it lies in.")
    workload_hours = models.FloatField(null=True, blank=True)
    potential = MoneyField(null=True, blank=True)
    n_open = models.PositiveIntegerField(
        default=0, help_text="Open opportunities and activities that come along."
    )
    successor = models.ForeignKey(Rep, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    suggested = models.ForeignKey(Rep, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    runner_up = models.ForeignKey(Rep, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    points = models.FloatField(null=True, blank=True, help_text="Of 100, for the one suggested.")
    runner_up_points = models.FloatField(null=True, blank=True)
    why = models.CharField(max_length=500, blank=True, help_text="Why the one suggested.")
    why_not = models.CharField(max_length=500, blank=True, help_text="What speaks for the runner-up.")
    is_by_hand = models.BooleanField(default=False)

    class Meta:
        ordering = ["kind", "name", "id"]


class Cover(Row):
    """Somebody who stands in for a rep over half-open dates; the rep stays owner."""

    rep = models.ForeignKey(Rep, on_delete=models.CASCADE, related_name="covered_by")
    cover = models.ForeignKey(Rep, on_delete=models.CASCADE, related_name="covers")
    account = models.ForeignKey(
        "merestone.Account", null=True, blank=True, on_delete=models.CASCADE, related_name="covers",
        help_text="Empty: all accounts of the rep.",
    )  # fmt: skip
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True, help_text="First day without cover.")
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["starts_on", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on=None) | models.Q(ends_on__gt=models.F("starts_on")),
                name="cover_not_empty",
            ),
            models.CheckConstraint(condition=~models.Q(rep=models.F("cover")), name="cover_by_another"),
        ]


class Notice(models.Model):
    """Something a user should know; also sent by mail where mail is set up."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    text = models.CharField(max_length=500)
    url = models.CharField(max_length=300, blank=True)
    key = models.CharField(max_length=200, unique=True, help_text="Told once per key.")
    read_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["user", "read_at"])]
