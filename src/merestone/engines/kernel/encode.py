"""Columns as codes: each distinct value is read once, in comparison order, and rows hold its number.

A missing value has the code ``len(values)``, one past the last, so that a comparison is a range of codes and a set of
values a table of truth with a last entry for missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.core.criteria.values import fold, read_value
from merestone.core.model.columns import Kind
from merestone.engines.kernel.classes import days_of, plain

_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Ordered:
    """A column whose distinct values are sorted.

    Parameters
    ----------
    codes : (n_rows,) int array
        Number of each row's value; ``n_values`` where it is missing.
    values : sequence
        Distinct values as stored, ascending.
    key : callable
        Stored value to the value that literals compare with.
    """

    codes: np.ndarray
    values: Sequence[Any] | np.ndarray
    key: Callable[[Any], Any]

    @property
    def n_values(self) -> int:
        """Number of distinct values, and the code of a missing one."""
        return len(self.values)

    @cached_property
    def floats(self) -> np.ndarray:
        """The rows as floats, NaN where missing."""
        return np.array([*(float(self.key(value)) for value in self.values), np.nan])[self.codes]


@dataclass(frozen=True)
class Text:
    """A text column: trimmed spellings, and the folded values they compare as.

    Parameters
    ----------
    spelling_of_row : (n_rows,) int array
        Number of the row's spelling; ``len(spellings)`` where missing.
    spellings : list of str
        Distinct trimmed texts.
    folded : Ordered
        The column as it compares.
    """

    spelling_of_row: np.ndarray
    spellings: list[str]
    folded: Ordered


@dataclass(frozen=True)
class Lists:
    """A list column: distinct combinations, each a set of folded texts.

    Parameters
    ----------
    codes : (n_rows,) int array
        Number of the row's combination; ``len(combinations)`` where missing.
    combinations : list of frozenset of str
    """

    codes: np.ndarray
    combinations: list[frozenset[str]]


Column = Ordered | Text | Lists


def encode(kind: Kind, array: pa.ChunkedArray | pa.Array | None, *, n_rows: int) -> Column:
    """Return a column of ``kind`` as codes; a column the table does not have (None) is all missing."""
    flat = pa.nulls(n_rows) if array is None else _flat(array)
    if kind is Kind.TEXT:
        return _text(flat)
    if kind is Kind.LIST:
        return _lists(flat)
    fast = _fast_ordered(kind, flat)
    return fast if fast is not None else _slow_ordered(kind, flat)


def _flat(array: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # some types keep their chunks
        array = pa.concat_arrays(array.chunks)
    return plain(array)


def _distinct(array: pa.Array) -> tuple[np.ndarray, list[Any]]:
    """Return the rows' numbers into the distinct stored values; the last number past them is null."""
    if pa.types.is_null(array.type):
        return np.zeros(len(array), dtype=np.int32), []
    encoded = array.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    return encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False).astype(np.int32), values


def _renumber(codes: np.ndarray, values: list[Any]) -> tuple[np.ndarray, list[Any]]:
    """Return codes into the sorted distinct ``values``, of which None are missing and some may be equal."""
    known = sorted({value for value in values if value is not None})
    number_of = {value: number for number, value in enumerate(known)}
    table = np.array([*(number_of.get(value, len(known)) for value in values), len(known)], dtype=np.int32)
    return table[codes], known


def _same(value: Any) -> Any:
    return value


def _text(array: pa.Array) -> Text:
    codes, stored = _distinct(array)
    spelling_of_row, spellings = _renumber(codes, [read_value(Kind.TEXT, value) for value in stored])
    folded_codes, folded = _renumber(spelling_of_row, [fold(spelling) for spelling in spellings])
    return Text(spelling_of_row, spellings, Ordered(folded_codes, folded, _same))


def _lists(array: pa.Array) -> Lists:
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        stored: list[Any] = [tuple(items) if items is not None else None for items in array.to_pylist()]
        number_of: dict[Any, int] = {}
        codes = np.array([number_of.setdefault(items, len(number_of)) for items in stored], dtype=np.int32)
        distinct = list(number_of)
    else:
        codes, distinct = _distinct(array)
    read = [read_value(Kind.LIST, items) for items in distinct]
    sets = [frozenset(map(fold, items)) if items else None for items in read]  # type: ignore[arg-type]
    known = list(dict.fromkeys(items for items in sets if items))
    place = {items: number for number, items in enumerate(known)}
    table = np.array([*(place.get(items, len(known)) for items in sets), len(known)], dtype=np.int32)  # type: ignore[arg-type]
    return Lists(table[codes] if len(codes) else codes, known)


def _fast_ordered(kind: Kind, array: pa.Array) -> Ordered | None:
    """Encode numbers and dates that Arrow stores as machine numbers, without a Python object per value."""
    stored, is_missing = None, np.asarray(pc.is_null(array))
    if kind in (Kind.NUMBER, Kind.MONEY):
        if pa.types.is_floating(array.type) and array.type != pa.float16():
            # Floats compare as their shortest decimal; a 32-bit float reads as its 64-bit value, as Python does.
            stored = array.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
            is_missing = np.isnan(stored)
        elif pa.types.is_integer(array.type):
            stored = array.fill_null(0).to_numpy(zero_copy_only=False)
        key: Callable[[Any], Any] = _decimal
    elif kind in (Kind.DATE, Kind.INSTANT):
        stored, key = days_of(array), _date
    if stored is None:
        return None
    values, inverse = np.unique(stored[~is_missing], return_inverse=True)
    codes = np.full(len(array), len(values), dtype=np.int32)
    codes[~is_missing] = inverse
    return Ordered(codes, values, key)


def _decimal(number: Any) -> Any:
    return read_value(Kind.NUMBER, number)


def _date(day: Any) -> date:
    return date.fromordinal(int(day) + _EPOCH)


def _slow_ordered(kind: Kind, array: pa.Array) -> Ordered:
    codes, stored = _distinct(array)
    renumbered, known = _renumber(codes, [read_value(kind, value) for value in stored])
    return Ordered(renumbered, known, _same)
