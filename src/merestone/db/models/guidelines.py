"""Rules of engagement and training: what the people of a territory are to know."""

from __future__ import annotations

from django.db import models

from merestone.db.models.fields import Row
from merestone.db.models.people import User
from merestone.db.models.territories import Territory, TerritoryModel


class Guideline(models.Model):
    """One version of the rules of engagement of a territory, of a model, or (both empty) of the company.

    With both, it is what the model brings for the territory: in force once the model is active, and hidden before.
    """

    territory = models.ForeignKey(
        Territory, null=True, blank=True, on_delete=models.CASCADE, related_name="guidelines"
    )
    model = models.ForeignKey(
        TerritoryModel, null=True, blank=True, on_delete=models.CASCADE, related_name="guidelines"
    )
    number = models.PositiveIntegerField(help_text="Versions count from 1.")
    body = models.TextField(help_text="Markdown.")
    must_be_acknowledged = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["territory", "number"],
                condition=models.Q(model=None),
                name="territory_guideline_once",
            ),
            models.UniqueConstraint(
                fields=["model", "number"], condition=models.Q(territory=None), name="model_guideline_once"
            ),
            models.UniqueConstraint(
                fields=["number"],
                condition=models.Q(territory=None, model=None),
                name="company_guideline_once",
            ),
            models.UniqueConstraint(
                fields=["model", "territory", "number"],
                condition=models.Q(territory__isnull=False, model__isnull=False),
                name="planned_guideline_once",
            ),
        ]


class Acknowledgement(models.Model):
    """A user has read a version of the rules and agrees to them."""

    guideline = models.ForeignKey(Guideline, on_delete=models.CASCADE, related_name="acknowledgements")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["guideline", "user"], name="acknowledged_once")]


class TrainingItem(Row):
    """Something the people of a territory are to learn by a day."""

    title = models.CharField(max_length=200)
    body = models.TextField(blank=True, help_text="Markdown.")
    url = models.URLField(blank=True)
    territory = models.ForeignKey(
        Territory, null=True, blank=True, on_delete=models.CASCADE, related_name="training",
        help_text="Its members and those of territories below; empty: everybody.",
    )  # fmt: skip
    roles = models.JSONField(default=list, blank=True, help_text="Member roles it is for; empty: all.")
    due_on = models.DateField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["due_on", "id"]


class TrainingDone(models.Model):
    """A user has done a training item."""

    item = models.ForeignKey(TrainingItem, on_delete=models.CASCADE, related_name="done")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "user"], name="training_done_once")]
