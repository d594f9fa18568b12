"""Splits checked rows into new ones, changed ones and those that say nothing new. Blank cells leave what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.exchange.references import LATER

CUSTOM = "custom."


@dataclass(frozen=True)
class Changes:
    """What to write: ``inserts`` without ``id``, ``updates`` with ``id``; both keep ``row``."""

    inserts: pa.Table
    updates: pa.Table
    n_unchanged: int


def split_changes(rows: pa.Table, existing: pa.Table, match_id: pa.ChunkedArray) -> Changes:
    """Return the changes.

    Parameters
    ----------
    rows : pa.Table
        Checked rows, with the columns the file has.
    existing : pa.Table
        Snapshot of the table.
    match_id : array of int64
        Per row the id of its record; null for new rows.
    """
    is_new = pc.is_null(match_id)
    inserts = rows.filter(is_new)
    known = rows.filter(pc.invert(is_new))
    ids = match_id.filter(pc.invert(is_new))
    if not known.num_rows:
        return Changes(inserts, with_ids(known, ids), 0)
    old = existing.take(positions(existing["id"], ids))
    differs = np.zeros(known.num_rows, dtype=bool)
    for name in known.column_names:
        if name == "row":
            continue
        if name.startswith(LATER):
            differs |= filled(known[name])
            continue
        before = old[name.removeprefix(CUSTOM)] if name.removeprefix(CUSTOM) in old.column_names else None
        values = keep_blank(known[name], before)
        known = known.set_column(known.schema.get_field_index(name), name, values)
        differs |= filled(values) if before is None else unequal(values, before)
    changed = pa.array(differs)
    updates = with_ids(known.filter(changed), ids.filter(changed))
    return Changes(inserts, updates, int((~differs).sum()))


def with_ids(rows: pa.Table, ids: Any) -> pa.Table:
    """Return the rows with their record ids."""
    return rows.append_column("id", ids)


def positions(ids: pa.ChunkedArray, wanted: pa.ChunkedArray) -> pa.Array:
    """Return where each wanted id stands in ``ids``."""
    return pc.index_in(wanted.combine_chunks(), value_set=ids.combine_chunks())


def is_blank(values: pa.ChunkedArray) -> Any:
    """Return which values say nothing: null, and empty lists."""
    if pa.types.is_list(values.type):
        return pc.fill_null(pc.equal(pc.list_value_length(values), 0), True)
    return pc.is_null(values)


def filled(values: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Return which values say something."""
    return np.asarray(pc.invert(is_blank(values)).to_numpy(zero_copy_only=False), dtype=bool)


def keep_blank(values: pa.ChunkedArray, before: pa.ChunkedArray | None) -> pa.ChunkedArray:
    """Return the values with what was there in the place of blanks."""
    if before is None:
        return values
    if pa.types.is_null(before.type):
        return values
    return pc.if_else(is_blank(values), before.cast(values.type, safe=False), values)


def unequal(values: pa.ChunkedArray, before: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Return where the values differ; null equals null, an empty list equals null."""
    if pa.types.is_list(values.type):
        left, right = as_text(values), as_text(before)
    else:
        left, right = values, before.cast(values.type, safe=False)
    both_null = pc.and_(pc.is_null(left), pc.is_null(right))
    same = pc.or_(both_null, pc.fill_null(pc.equal(left, right), False))
    return np.asarray(pc.invert(same).to_numpy(zero_copy_only=False), dtype=bool)


def as_text(lists: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return each list as one text; null and empty as empty."""
    if pa.types.is_null(lists.type):
        return pa.chunked_array([pa.array([""] * len(lists))])
    return pc.fill_null(pc.binary_join(lists.cast(pa.list_(pa.string())), "\x1f"), "")
