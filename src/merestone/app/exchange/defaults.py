"""What a new record gets when its file is silent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

FIXED: Mapping[str, Mapping[str, Any]] = {
    "accounts": {"lifecycle": "prospect"},
    "leads": {"status": "new"},
    "contracts": {"state": "active"},
    "activities": {"is_done": False},
}
MONEY_TABLES = ("accounts", "leads", "opportunities", "products", "contracts")

# Usual values of the field per stage; the customer's own import overrides them.
STAGE_CATEGORY = {
    "prospecting": "pipeline",
    "qualification": "pipeline",
    "proposal": "best_case",
    "negotiation": "commit",
    "won": "closed",
    "lost": "omitted",
}
STAGE_PROBABILITY = {
    "prospecting": 0.1,
    "qualification": 0.2,
    "proposal": 0.5,
    "negotiation": 0.75,
    "won": 1.0,
    "lost": 0.0,
}


def with_defaults(table: str, rows: pa.Table, *, now: datetime, currency: str) -> pa.Table:
    """Return new rows with silent columns filled."""
    if not rows.num_rows:
        return rows
    for name, value in FIXED.get(table, {}).items():
        rows = fill(rows, name, pa.array([value] * rows.num_rows))
    if table in MONEY_TABLES:
        rows = fill(rows, "currency", pa.array([currency] * rows.num_rows))
    if table == "leads":
        rows = fill(rows, "received_at", pa.array([now] * rows.num_rows, pa.timestamp("us", "UTC")))
    if table == "opportunities":
        stages = rows["stage"].to_pylist()
        rows = fill(
            rows, "forecast_category", pa.array([STAGE_CATEGORY.get(stage) for stage in stages], pa.string())
        )
        rows = fill(
            rows, "probability", pa.array([STAGE_PROBABILITY.get(stage) for stage in stages], pa.float64())
        )
    return rows


def fill(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """Return the rows with nulls of a column (or the whole missing column) filled."""
    index = rows.schema.get_field_index(name)
    if index < 0:
        return rows.append_column(name, values)
    column = rows[name]
    return rows.set_column(index, name, pc.coalesce(column, pa.chunked_array([values.cast(column.type)])))
