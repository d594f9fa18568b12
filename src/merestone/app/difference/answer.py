"""The difference between two assignments: what moves from whom to whom, why, and what that adds up to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

MONEY = pa.decimal128(18, 2)

ROWS = pa.schema(
    [
        ("id", pa.int64()),
        ("external_id", pa.string()),
        ("name", pa.string()),
        ("from_territory", pa.string()),
        ("from_name", pa.string()),
        ("to_territory", pa.string()),
        ("to_name", pa.string()),
        ("from_owner", pa.int64()),
        ("from_owner_name", pa.string()),
        ("to_owner", pa.int64()),
        ("to_owner_name", pa.string()),
        ("revenue", MONEY),
        ("potential", MONEY),
        ("was", pa.string()),
        ("cause", pa.string()),
        ("overlays_gained", pa.list_(pa.string())),
        ("overlays_lost", pa.list_(pa.string())),
        ("why", pa.string()),
    ]
)
"""One row per account that differs, the largest revenue first. ``was`` and ``cause``: why it is, and would be, there."""

HELD = pa.schema(
    [
        ("id", pa.int64()),
        ("external_id", pa.string()),
        ("name", pa.string()),
        ("territory", pa.string()),
        ("to_territory", pa.string()),
    ]
)
"""Locked accounts: where they stay, and where the rules would have them."""

PAIRS = pa.schema(
    [
        ("from_territory", pa.string()),
        ("from_name", pa.string()),
        ("to_territory", pa.string()),
        ("to_name", pa.string()),
        ("accounts", pa.int64()),
        ("revenue", MONEY),
    ]
)
TERRITORIES = pa.schema(
    [
        ("territory", pa.string()),
        ("name", pa.string()),
        ("before", pa.int64()),
        ("after", pa.int64()),
        ("gained", pa.int64()),
        ("lost", pa.int64()),
    ]
)
REPS = pa.schema(
    [
        ("rep", pa.int64()),
        ("name", pa.string()),
        ("before", pa.int64()),
        ("after", pa.int64()),
        ("gained", pa.int64()),
        ("lost", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a difference adds up to.

    Parameters
    ----------
    accounts : int
        Accounts looked at.
    moved : int
        Those that would have another territory or another owner.
    reassigned : int
        Those of them whose owner would be another one, or none, or the first.
    overlays : int
        Accounts whose overlays would differ.
    held : int
        Locked accounts that stay although the rules would place them elsewhere.
    revenue, revenue_moved : Decimal
        Of all accounts looked at, and of those moved; a missing revenue counts as nothing.
    """

    accounts: int
    moved: int
    reassigned: int
    overlays: int
    held: int
    revenue: Decimal
    revenue_moved: Decimal

    @property
    def share(self) -> float:
        """The share of accounts that move, between 0 and 1."""
        return self.moved / self.accounts if self.accounts else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        names = ("accounts", "moved", "reassigned", "overlays", "held")
        counts = {name: getattr(self, name) for name in names}
        money = {"revenue": str(self.revenue), "revenue_moved": str(self.revenue_moved)}
        return {**counts, "share": round(self.share, 6), **money}


@dataclass(frozen=True)
class Difference:
    """What would move if one model took the place of another.

    Parameters
    ----------
    model : str
        Key of the new model.
    base : str or None
        Key of the model compared with; None = no model is active.
    is_live : bool
        Compared with where the accounts are now, rather than with what another document says.
    rows : pa.Table
        ``ROWS``.
    held : pa.Table
        ``HELD``.
    pairs, territories, reps : pa.Table
        ``PAIRS``, the most accounts first; ``TERRITORIES`` and ``REPS`` with a row for each that gains or loses
        something or has something, the unassigned queue with a null key.
    summary : Summary
    fingerprint : str
        Of the new document and of everything that would move: another one when either is another.
    """

    model: str
    base: str | None
    is_live: bool
    rows: pa.Table
    held: pa.Table
    pairs: pa.Table
    territories: pa.Table
    reps: pa.Table
    summary: Summary
    fingerprint: str

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def as_dict(self, *, limit: int | None = None) -> dict[str, Any]:
        """Return JSON values: money as text, at most ``limit`` rows of each table, ``n_rows`` the number of all rows."""
        tables = {
            "rows": self.rows,
            "held": self.held,
            "pairs": self.pairs,
            "territories": self.territories,
            "reps": self.reps,
        }
        shown = {name: plain_rows(table.slice(0, limit)) for name, table in tables.items()}
        return {
            "model": self.model,
            "base": self.base,
            "is_live": self.is_live,
            "fingerprint": self.fingerprint,
            "summary": self.summary.as_dict(),
            "n_rows": self.rows.num_rows,
            **shown,
        }


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return rows as JSON values."""
    return [{name: _plain(value) for name, value in row.items()} for row in table.to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date | datetime) else value
