"""Columns of a table, encoded: text as codes of a dictionary that only grows, so that a code keeps its meaning."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SPARE = 1024
CODED = pa.dictionary(pa.int32(), pa.string())


def encoded(column: pa.Array) -> pa.Array:
    """Return text with codes in the order the texts first come; anything else as it is."""
    if not pa.types.is_string(column.type):
        return column
    coded = column.dictionary_encode()
    return pa.DictionaryArray.from_arrays(coded.indices.cast(pa.int32()), coded.dictionary)


def merged(old: pa.Table, fresh: Mapping[str, pa.Array], changed: np.ndarray) -> pa.Table:
    """Return a table with some rows written anew; columns in which nothing differs are shared with the old one.

    Parameters
    ----------
    old : pa.Table
        Ordered by ``id``, one chunk per column.
    fresh : mapping of str to pa.Array
        The same columns, text not encoded: the changed rows that are still there, ordered by ``id``.
    changed : array of int64
        Ids of all changed rows, ascending.
    """
    ids, new_ids = _ids(old["id"].chunk(0)), _ids(fresh["id"])
    if len(new_ids) == len(changed) and np.isin(changed, ids, assume_unique=True).all():
        at = pa.array(np.searchsorted(ids, changed))
        columns = [_patched(old[name].chunk(0), fresh[name], at) for name in old.column_names]
    else:
        stays = np.flatnonzero(~np.isin(ids, changed, assume_unique=True))
        source = np.concatenate([stays, len(ids) + np.arange(len(new_ids))])
        order = pa.array(source[np.argsort(np.concatenate([ids[stays], new_ids]), kind="stable")])
        columns = [_with(old[name].chunk(0), fresh[name], order) for name in old.column_names]
    return pa.table([_compact(column) for column in columns], names=old.column_names)


def _ids(column: pa.Array) -> np.ndarray:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.int64)


def _patched(old: pa.Array, fresh: pa.Array, at: pa.Array) -> pa.Array:
    """Return the column with the values at these rows replaced; the old one when they are the same."""
    current = old.take(at)
    if _decoded(current).equals(fresh):
        return old
    source = np.arange(len(old))
    source[np.asarray(at)] = len(old) + np.arange(len(fresh))
    return _with(old, fresh, pa.array(source))


def _with(old: pa.Array, fresh: pa.Array, order: pa.Array) -> pa.Array:
    """Return the rows of ``old`` followed by those of ``fresh``, in this order."""
    if not pa.types.is_dictionary(old.type):
        return pa.concat_arrays([old, fresh]).take(order)
    codes, dictionary = _codes(fresh, old.dictionary)
    return pa.DictionaryArray.from_arrays(pa.concat_arrays([old.indices, codes]).take(order), dictionary)


def _codes(values: pa.Array, dictionary: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the codes of texts, and the dictionary with those it had not at its end."""
    codes = pc.index_in(values, value_set=dictionary)
    unknown = values.filter(pc.and_(pc.is_null(codes), pc.is_valid(values)))
    if len(unknown):
        dictionary = pa.concat_arrays([dictionary, pc.unique(unknown)])
        codes = pc.index_in(values, value_set=dictionary)
    return codes, dictionary


def _compact(column: pa.Array) -> pa.Array:
    """Return the column, its dictionary made anew when most of it is of no more use."""
    if pa.types.is_dictionary(column.type) and len(column.dictionary) > 2 * len(column) + SPARE:
        return encoded(_decoded(column))
    return column


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
