"""Ids, units and money: the small words every room shares."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NewType

from merestone.base.errors import UsageError

Km = NewType("Km", float)
Minutes = NewType("Minutes", float)
Hours = NewType("Hours", float)
TerritoryKey = NewType("TerritoryKey", str)

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency, exact to the hundredth.

    Parameters
    ----------
    amount : Decimal
        Rounded half-even to two places on construction.
    currency : str
        ISO 4217 code, three capital letters.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if len(self.currency) != 3 or not self.currency.isupper():
            raise UsageError(f"'{self.currency}' is not an ISO 4217 currency code.", code="bad-currency")
        object.__setattr__(self, "amount", self.amount.quantize(CENT, rounding=ROUND_HALF_EVEN))

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise UsageError(f"Cannot add {other.currency} to {self.currency}.", code="mixed-currency")
        return Money(self.amount + other.amount, self.currency)

    def __str__(self) -> str:
        return f"{self.amount:,.2f} {self.currency}"
