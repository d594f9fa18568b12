"""What staffing needs from outside, besides what other use cases read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Protocol


class Performance(Protocol):
    """What people have sold."""

    def won(self, start: date, end: date, *, currency: str) -> dict[int, Decimal]:
        """Return rep id -> sum of the opportunities won from ``start`` until before ``end`` in a currency."""
        ...
