"""Lists in one flat cell: values separated by ``;``, with ``\\;`` and ``\\\\`` standing for themselves."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def join_lists(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a list column as text; ``merestone.app.exchange.texts.split_list`` is the way back."""
    chunks = [_join(chunk) for chunk in column.chunks]
    return pa.chunked_array(chunks, pa.string())


def _join(array: pa.Array) -> pa.Array:
    kind = pa.list_(pa.string())
    lists = array.cast(kind)
    values = pc.replace_substring(lists.flatten(), "\\", "\\\\")
    values = pc.replace_substring(values, ";", "\\;")
    # Offsets of a sliced or null-holding array need not start at zero or be tight; lengths always tell the truth.
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, values), ";")
    empty = pa.scalar(None, pa.string())
    return pc.if_else(pc.equal(lengths, 0), empty, joined)
