"""Accounts, their contacts, and the fields customers add."""

from __future__ import annotations

from django.db import models

from merestone.core.model.columns import GEO_PRECISIONS, LIFECYCLES, Kind
from merestone.db.models.fields import MoneyField, Row, choices_of


class CustomField(Row):
    """A field the customer declared; values live in ``custom`` of the table's rows."""

    table = models.CharField(max_length=20, choices=choices_of(("accounts", "leads")))
    key = models.SlugField(max_length=60)
    label = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=choices_of(tuple(kind.value for kind in Kind)))
    choices = models.JSONField(default=list, blank=True)
    is_indexed = models.BooleanField(
        default=False, help_text="Has a database index, for lists that filter by it."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["table", "key"], name="custom_field_key_per_table")]


class Placed(Row):
    """What accounts and leads share: where they are and what they are like."""

    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=100, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    geo_precision = models.CharField(max_length=20, choices=choices_of(GEO_PRECISIONS), default="none")
    county = models.CharField(max_length=5, blank=True)
    industry = models.CharField(max_length=100, blank=True)
    naics = models.CharField(max_length=10, blank=True)
    employees = models.PositiveIntegerField(null=True, blank=True)
    revenue = MoneyField(null=True, blank=True)
    potential = MoneyField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    products_of_interest = models.JSONField(default=list, blank=True)
    language = models.CharField(max_length=10, blank=True)
    custom = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True


class Account(Placed):
    """A company or site we sell to or want to."""

    external_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    name = models.CharField(max_length=300)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    domain = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=50, blank=True)
    address = models.CharField(max_length=300, blank=True)
    workload_hours = models.FloatField(null=True, blank=True)
    lifecycle = models.CharField(max_length=20, choices=choices_of(LIFECYCLES), default="prospect")
    founded_year = models.PositiveSmallIntegerField(null=True, blank=True)
    customer_since = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]
        indexes = [
            models.Index(fields=["name", "id"]),
            models.Index(fields=["domain"]),
            models.Index(fields=["country", "state", "postal_code"]),
            models.Index(fields=["county"]),
            models.Index(fields=["lifecycle", "name"]),
            models.Index(fields=["industry", "name"]),
        ]

    def __str__(self) -> str:
        return self.name


class Contact(Row):
    """A person at an account."""

    external_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="contacts")
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100)
    title = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=50, blank=True)
    language = models.CharField(max_length=10, blank=True)
    is_decision_maker = models.BooleanField(default=False)

    class Meta:
        ordering = ["last_name", "first_name", "id"]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()
