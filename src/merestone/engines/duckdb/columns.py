"""Arrow columns as ranks: every distinct value is read once, in Python, exactly as the row oracle reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.core.criteria.values import fold, read_value
from merestone.core.model.columns import Kind
from merestone.engines.duckdb.spans import MISSING, Ranks

_EPOCH = date(1970, 1, 1).toordinal()
_TICKS_A_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


@dataclass(frozen=True)
class Column:
    """One column of one table.

    Parameters
    ----------
    codes : (n_rows,) int32 array
        Rank of each row's value; -1 where it is missing.
    ranks : Ranks
        The distinct values, ascending.
    spellings : sequence of str
        Of a text, the trimmed spelling at each rank.
    """

    codes: np.ndarray
    ranks: Ranks
    spellings: Sequence[str] = ()


def read_column(kind: Kind, array: pa.ChunkedArray | None, *, n_rows: int) -> Column:
    """Return a column of ``kind``; one that the table does not have (None) is missing everywhere."""
    if array is None or kind is Kind.LOCATION:
        return Column(np.full(n_rows, MISSING, np.int32), Ranks([]))
    flat = _flat(array)
    if kind in (Kind.TEXT, Kind.LIST):
        return _words(kind, flat)
    stored = _machine_numbers(kind, flat)
    return _slowly(kind, flat) if stored is None else stored


def degrees(column: Column) -> np.ndarray:
    """Return a coordinate per row as float; NaN where it is missing or infinite."""
    stored = column.ranks.values
    floats = (
        stored.astype(np.float64) if isinstance(stored, np.ndarray) else [float(value) for value in stored]
    )
    values = np.append(floats, np.nan)
    values[np.isinf(values)] = np.nan
    return values[column.codes]  # the last entry is that of -1


def _flat(array: pa.ChunkedArray) -> pa.Array:
    """Return one array of a plain type."""
    if pa.types.is_dictionary(array.type):
        array = pa.chunked_array([chunk.dictionary_decode() for chunk in array.chunks], array.type.value_type)
    if array.type in (pa.string_view(), pa.binary_view()):
        array = array.cast(pa.large_string())
    return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)


def _distinct(array: pa.Array) -> tuple[np.ndarray, list[Any]]:
    """Return each row's number into the distinct stored values (-1 for null), and those."""
    if pa.types.is_null(array.type):
        return np.full(len(array), MISSING, np.int32), []
    if pa.types.is_nested(array.type):
        return _distinct_items(array)
    encoded = array.dictionary_encode()
    codes = encoded.indices.fill_null(MISSING).to_numpy(zero_copy_only=False)
    return codes.astype(np.int32), encoded.dictionary.to_pylist()


def _distinct_items(array: pa.Array) -> tuple[np.ndarray, list[Any]]:
    number_of: dict[str, int] = {}
    values: list[Any] = []
    codes = np.full(len(array), MISSING, np.int32)
    for row, items in enumerate(array.to_pylist()):
        if items is not None:
            number = codes[row] = number_of.setdefault(repr(items), len(values))
            if number == len(values):
                values.append(items)
    return codes, values


def _words(kind: Kind, array: pa.Array) -> Column:
    """Rank texts by folded form, then spelling; lists by the set of their folded items."""
    codes, stored = _distinct(array)
    read = [_word(kind, value) for value in stored]
    known = sorted({word for word in read if word is not None})
    rank_of = {word: rank for rank, word in enumerate(known)}
    ranks = np.array([*(MISSING if word is None else rank_of[word] for word in read), MISSING], np.int32)
    return Column(ranks[codes], Ranks([word[0] for word in known]), [word[1] for word in known])


def _word(kind: Kind, raw: Any) -> tuple[Any, str] | None:
    value: Any = read_value(kind, raw)
    if value is None:
        return None
    return (fold(value), value) if kind is Kind.TEXT else (tuple(sorted(set(map(fold, value)))), "")


def _machine_numbers(kind: Kind, array: pa.Array) -> Column | None:
    """Rank numbers and dates that Arrow holds as machine numbers; None when it does not."""
    type_ = array.type
    if kind in (Kind.NUMBER, Kind.MONEY):
        if pa.types.is_integer(type_):
            return _ranked(array, np.asarray(pc.is_null(array)), _integer)
        if type_ in (pa.float32(), pa.float64()):
            # A 32-bit float reads as its 64-bit value, as it does in Python.
            floats = array.cast(pa.float64()).fill_null(np.nan)
            return _ranked(floats, np.isnan(floats.to_numpy(zero_copy_only=False)), _decimal)
    elif kind in (Kind.DATE, Kind.INSTANT):
        if pa.types.is_date32(type_):
            return _ranked(array.cast(pa.int32()), np.asarray(pc.is_null(array)), _day)
        if pa.types.is_timestamp(type_):
            ticks = array.cast(pa.int64())
            return _ranked(ticks, np.asarray(pc.is_null(array)), _day, divisor=_TICKS_A_DAY[type_.unit])
    return None


def _ranked(array: pa.Array, is_missing: np.ndarray, key: Any, *, divisor: int = 1) -> Column:
    stored = array.fill_null(0).to_numpy(zero_copy_only=False)
    stored = stored if divisor == 1 else stored // divisor
    values, inverse = np.unique(stored[~is_missing], return_inverse=True)
    codes = np.full(len(array), MISSING, np.int32)
    codes[~is_missing] = inverse
    return Column(codes, Ranks(values, key))


def _integer(number: Any) -> Decimal:
    return Decimal(int(number))


def _decimal(number: Any) -> Decimal:
    """Return a float as its shortest decimal, as which it compares."""
    return Decimal(repr(float(number)))


def _day(number: Any) -> date:
    return date.fromordinal(int(number) + _EPOCH)


def _slowly(kind: Kind, array: pa.Array) -> Column:
    codes, stored = _distinct(array)
    read = [read_value(kind, value) for value in stored]
    known: list[Any] = sorted({value for value in read if value is not None})
    rank_of = {value: rank for rank, value in enumerate(known)}
    ranks = np.array([*(MISSING if value is None else rank_of[value] for value in read), MISSING], np.int32)
    return Column(ranks[codes], Ranks(known))
