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
OUTPUTS = (*NUMBERS, "geo_precision", "county")


def locate(gazetteer: Gazetteer, table: str, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the rows with location columns filled, and warnings (``ROW_PROBLEMS``).

    Tables without a location, and files that say nothing about it, come back as they are.
    """
    prefix = PREFIXES.get(table)
    if prefix is None or not any(prefix + name in rows.column_names for name in INPUTS):
        return rows, problem_table()
    found = gazetteer.locate(pa.table({name: _input(rows, prefix, name) for name in INPUTS}))
    is_located = _is_located(rows, prefix)
    for name in OUTPUTS if not prefix else NUMBERS:
        given = rows[name] if name in rows.column_names and not prefix else None
        values = (
            found[name]
            if given is None
            else pc.if_else(is_located, given.cast(found[name].type), found[name])
        )
        rows = _set(rows, prefix + name, values)
    return rows, _warnings(rows, pc.if_else(is_located, None, found["warning"]))


def _is_located(rows: pa.Table, prefix: str) -> Any:
    """Return which rows say themselves how they were placed: our own exports, whose places must not drift."""
    if prefix or any(name not in rows.column_names for name in OUTPUTS):
        return pa.chunked_array([pa.array([False] * rows.num_rows)])
    return pc.and_(
        pc.is_valid(rows["geo_precision"]),
        pc.or_(pc.is_valid(rows["latitude"]), pc.equal(rows["geo_precision"], "none")),
    )


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
