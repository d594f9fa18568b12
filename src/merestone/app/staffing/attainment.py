"""How much of their quotas people reached over the last year, as far as both are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from merestone.app.services import Services
from merestone.core.model.team import owner_on

DAYS = 365


def attainments(services: Services, ids: Sequence[int]) -> np.ndarray:
    """Return won over quota of the last year per rep, in the order of ``ids``; NaN where there was no quota.

    The quota of somebody is that of the territories they own today, by the days of each period that lie in the year.
    """
    today = services.clock.today()
    start, currency = today - timedelta(days=DAYS), services.clock.currency()
    quotas = _quotas(services, start, today, currency)
    won = services.performance.won(start, today, currency=currency)
    found = [float(won.get(rep, Decimal(0)) / quotas[rep]) if quotas.get(rep) else np.nan for rep in ids]
    return np.array(found, dtype=np.float64)


def _quotas(services: Services, start: date, end: date, currency: str) -> dict[int, Decimal]:
    members = services.models.members()
    people = dict(zip(members["rep"].to_pylist(), members["rep_id"].to_pylist(), strict=True))
    owners = {row["territory"]: people[row["owner"]] for row in owner_on(members, end).to_pylist()}
    found: defaultdict[int, Decimal] = defaultdict(Decimal)
    for row in services.history.quotas().to_pylist():
        rep = owners.get(row["territory"])
        days = (min(row["ends_on"], end) - max(row["starts_on"], start)).days
        if rep is not None and days > 0 and row["currency"] == currency:
            found[rep] += row["amount"] * days / (row["ends_on"] - row["starts_on"]).days
    return dict(found)
