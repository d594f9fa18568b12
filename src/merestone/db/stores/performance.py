"""What people have sold, as sums."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db.models import Sum

from merestone.db.models import Opportunity


class PerformanceStore:
    """Implements ``app.ports_staffing.Performance``."""

    def won(self, start: date, end: date, *, currency: str) -> dict[int, Decimal]:
        """Return rep id -> sum of the opportunities won from ``start`` until before ``end`` in a currency."""
        rows = (
            Opportunity.objects.filter(
                stage="won",
                closed_on__gte=start,
                closed_on__lt=end,
                owner__isnull=False,
                currency__in=(currency, ""),
            )
            .order_by()
            .values("owner_id")
            .annotate(total=Sum("amount"))
        )
        return {row["owner_id"]: row["total"] for row in rows if row["total"] is not None}
