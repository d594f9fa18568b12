"""Scenarios: candidate alignments of planning models, with every step that led to them."""

from __future__ import annotations

from django.db import models

from merestone.db.models.fields import Row, choices_of
from merestone.db.models.people import User
from merestone.db.models.territories import TerritoryModel
from merestone.db.models.work import Job

UNIT_KINDS = ("county",)
ORIGINS = ("hand", "optimiser", "import", "copy")
SIGHTS = ("all", "part")
STEP_KINDS = ("start", "assign", "lock", "optimise")


class Scenario(Row):
    """A candidate alignment: which territory of a planning model has which unit.

    ``plan`` and ``locked`` are small numbers, a place per unit of ``ScenarioUnits``, packed: a click writes one row.
    """

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    model = models.ForeignKey(TerritoryModel, on_delete=models.CASCADE, related_name="scenarios")
    parent = models.CharField(
        max_length=100,
        blank=True,
        help_text="Key of the territory whose leaves are planned; empty: all of them.",
    )
    unit_kind = models.CharField(max_length=20, choices=choices_of(UNIT_KINDS), default="county")
    sight = models.CharField(
        max_length=10,
        choices=choices_of(SIGHTS),
        default="all",
        help_text="Whose accounts count: all in play, or those whoever plans the parent sees.",
    )
    settings = models.JSONField(default=dict, blank=True)
    plan = models.TextField(help_text="Number of the territory of each unit, packed.")
    locked = models.TextField(help_text="Whether each unit stays where it is, packed.")
    revision = models.PositiveIntegerField(default=1)
    origin = models.CharField(max_length=20, choices=choices_of(ORIGINS), default="hand")
    report = models.JSONField(null=True, blank=True, help_text="What the last optimisation said.")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    updated_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["model_id", "id"]

    def __str__(self) -> str:
        return self.name


class ScenarioUnits(models.Model):
    """The units of a scenario and their amounts, as the book stood at an instant: derived, and made anew on request."""

    scenario = models.OneToOneField(Scenario, on_delete=models.CASCADE, related_name="units")
    taken_at = models.DateTimeField()
    stamp = models.CharField(max_length=200, help_text="Of the accounts and the models it was read from.")
    content = models.BinaryField(help_text="JSON, compressed.")


class ScenarioStep(models.Model):
    """One step of a scenario: which units changed, from what to what."""

    scenario = models.ForeignKey(Scenario, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=choices_of(STEP_KINDS))
    words = models.CharField(max_length=300)
    changes = models.JSONField(
        default=dict, blank=True, help_text="Units, and their numbers before and after."
    )
    actor = models.CharField(max_length=200)
    at = models.DateTimeField()
    is_undone = models.BooleanField(default=False)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["scenario_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["scenario", "number"], name="scenario_step_number_once")
        ]
