"""Column types of our own."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django import forms
from django.core import exceptions
from django.db import models

HUNDREDTHS = Decimal(100)


class MoneyField(models.BigIntegerField):
    """An exact amount, stored as hundredths in a 64-bit integer and read as ``Decimal`` with two places.

    SQLite has no decimal type; integers keep sums exact to the cent on every database.
    """

    def from_db_value(self, value: int | None, expression: Any, connection: Any) -> Decimal | None:  # noqa: ARG002
        return None if value is None else Decimal(int(value)).scaleb(-2)

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or value == "":
            return None
        try:
            return Decimal(str(value)).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)
        except ArithmeticError as error:
            raise exceptions.ValidationError(
                f"“{value}” is not an amount of money.", code="invalid"
            ) from error

    def get_prep_value(self, value: Any) -> int | None:
        if hasattr(value, "resolve_expression"):
            return value
        amount = self.to_python(value)
        return None if amount is None else int(amount * HUNDREDTHS)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return self.get_db_prep_value(value, connection, prepared=False)

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else str(value)

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        options = {"form_class": forms.DecimalField, "decimal_places": 2, "max_digits": 18}
        return models.Field.formfield(self, **{**options, **kwargs})


class TransactionField(models.BigIntegerField):
    """The number PostgreSQL gave the transaction that wrote a row (``xid8``); empty on SQLite, which has none.

    Rows become visible in the order of neither their ids nor these numbers; a snapshot says which numbers it sees.
    """

    def db_type(self, connection: Any) -> str | None:
        return "xid8" if connection.vendor == "postgresql" else super().db_type(connection)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:  # noqa: ARG002
        return None if value is None else int(value)


def choices_of(values: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return Django choices from the words of ``core.model.columns``."""
    return [(value, value.replace("_", " ").capitalize()) for value in values]


class Row(models.Model):
    """What every editable row has: times of writing and a version for optimistic locking (the ETag)."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        abstract = True
