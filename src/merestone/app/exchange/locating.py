"""Places rows on the map offline: coordinates, else postal code, else city and state; the county from its polygon."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.exchange.problems import problem_table
from merestone.app.ports import Gazetteer

INPUTS = ("latitude", "longitude", "postal_code", "city", "state", "country")
PREFIXES = {"accounts": "", "leads": "", "reps": "home_"}
NUMBERS = ("latitude", "longitude")


def locate(gazetteer: Gazetteer, table: str, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the rows with location columns filled, and warnings (``ROW_PROBLEMS``).

    Tables without a location, and files that say nothing about it, come back as they are.
    """
    prefix = PREFIXES.get(table)
    if prefix is None or not any(prefix + name in rows.column_names for name in INPUTS):
        return rows, problem_table()
    found = gazetteer.locate(pa.table({name: _input(rows, prefix, name) for name in INPUTS}))
    outputs = ("latitude", "longitude", "geo_precision", "county") if not prefix else NUMBERS
    for name in outputs:
        rows = _set(rows, prefix + name, found[name])
    return rows, _warnings(rows, found["warning"])


def counts(rows: pa.Table) -> dict[str, int]:
    """Return how many rows were placed with which precision."""
    if "geo_precision" not in rows.column_names:
        return {}
    values = pc.value_counts(rows["geo_precision"].combine_chunks())
    return {row["values"] or "none": row["counts"] for row in values.to_pylist()}


def _input(rows: pa.Table, prefix: str, name: str) -> Any:
    kind = pa.float64() if name in NUMBERS else pa.string()
    column = prefix + name
    return rows[column].cast(kind) if column in rows.column_names else pa.nulls(rows.num_rows, kind)


def _set(rows: pa.Table, name: str, values: Any) -> pa.Table:
    index = rows.schema.get_field_index(name)
    return rows.append_column(name, values) if index < 0 else rows.set_column(index, name, values)


def _warnings(rows: pa.Table, texts: pa.ChunkedArray) -> pa.Table:
    told = pa.table({"row": rows["row"], "message": texts}).filter(pc.is_valid(texts))
    return problem_table(
        {
            "row": row["row"],
            "column": "",
            "code": "location",
            "value": "",
            "message": row["message"],
            "fix": "",
        }
        for row in told.to_pylist()
    )
