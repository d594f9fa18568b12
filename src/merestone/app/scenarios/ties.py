"""How long accounts have been with their owners, and what is expected to be lost when others take them over.

The model is that of ``core.design.prices``: what is lost of an account's annual revenue grows with the length of the
relationship, and shrinks with the likeness of the successor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.difference.comparing import plain
from merestone.app.services import Services
from merestone.core.design.prices import HALF_LIFE, LOSS, SAVES, Pricing, likeness

SOURCE = (
    "Shi, Sridhar, Grewal & Lilien (2017), Journal of Marketing 81(2): after a change of salesperson 13.2 % to 17.6 % of a "
    "customer's annual sales were lost, and like successors lose less. How it grows with the years is our assumption."
)
_YEAR = 365.25 * 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is assumed of a change of hands.

    Parameters
    ----------
    loss : float
        Share of the annual revenue lost when somebody in nothing like the one before takes a long relationship over.
    saves : float
        Share of that which a successor alike in everything saves.
    """

    loss: float = LOSS
    saves: float = SAVES


def held_years(services: Services, ids: pa.Array, at: datetime) -> np.ndarray:
    """Return since how many years each account is with its owner without a break; NaN for nobody's."""
    rows = services.associations.history("accounts")
    rows = rows.filter(rows["is_primary"])  # by record, the oldest first
    if not rows.num_rows:
        return np.full(len(ids), np.nan)
    record = np.asarray(rows["record"])
    owner = np.asarray(pc.fill_null(plain(rows["owner"]).cast(pa.int64()), -1))
    since = _micros(rows["valid_from"])
    until = _micros(rows["valid_to"])  # −1: still so
    goes_on = np.zeros(len(record), bool)
    goes_on[1:] = (record[1:] == record[:-1]) & (owner[1:] == owner[:-1]) & (since[1:] == until[:-1])
    firsts = np.flatnonzero(~goes_on)
    began = since[firsts[np.cumsum(~goes_on) - 1]]
    is_now = (until < 0) & (owner >= 0)
    years = (int(at.timestamp() * 1_000_000) - began[is_now]) / _YEAR
    place = pc.index_in(ids, value_set=pa.array(record[is_now], pa.int64()))
    found = np.asarray(pa.array(years, pa.float64()).take(place).fill_null(np.nan))
    return np.maximum(found, 0.0)


def _micros(values: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(plain(values).cast(pa.timestamp("us", "UTC")).cast(pa.int64()), -1))


def tied(revenue: np.ndarray, years: np.ndarray) -> np.ndarray:
    """Return how much of each account's annual revenue hangs on who has it: nothing of what nobody has."""
    whole = Pricing("revenue", 1.0, loss=1.0).losses(revenue, years)
    return np.where(np.isnan(years), 0.0, whole)


def price_of(
    services: Services,
    groups: Mapping[str, Sequence[Any]],
    to: Sequence[int | None],
    assumed: Assumed,
) -> dict[str, Any] | None:
    """Return what is expected to be lost when groups of accounts go to other people.

    Parameters
    ----------
    groups : mapping
        ``owner`` (rep id or None), ``revenue`` and ``tied`` (None where scenarios were made before it was kept).
    to : sequence of int or None
        Who has each group then.

    Returns
    -------
    dict or None
        ``loss``, ``revenue`` (what changes hands), ``share`` (of the loss in all revenue), and what was assumed.
    """
    if "tied" not in groups:
        return None
    people = services.people_changes.people({one for one in (*groups["owner"], *to) if one is not None})
    number = {rep: at for at, rep in enumerate(people)}
    alike = likeness(
        [
            [getattr(person, kind) for person in people.values()]
            for kind in ("languages", "industries", "skills")
        ]
    )
    padded = np.zeros((len(people) + 1, len(people) + 1))  # the last is nobody, who is like no one
    padded[:-1, :-1] = alike
    before, after = (
        np.array([number.get(rep, -1) if rep is not None else -1 for rep in side], np.int64)
        for side in (groups["owner"], to)
    )
    differs = np.array([a is not None and a != b for a, b in zip(groups["owner"], to, strict=True)], bool)
    revenue = np.array(groups["revenue"], np.float64)
    lost = np.array(groups["tied"], np.float64) * assumed.loss * (1 - assumed.saves * padded[before, after])
    loss = float(lost[differs].sum())
    return {
        "loss": round(loss, 2),
        "revenue": round(float(revenue[differs].sum()), 2),
        "share": loss / float(revenue.sum()) if revenue.sum() else 0.0,
        "assumed": {"loss": assumed.loss, "saves": assumed.saves, "half_life": HALF_LIFE},
        "source": SOURCE,
    }
