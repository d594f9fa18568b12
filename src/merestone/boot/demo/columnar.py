"""From numpy columns to Arrow tables in the order and types of ``core.model.columns``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from merestone.core.model.columns import TABLES, Kind

MONEY = pa.decimal128(18, 2)
INSTANT = pa.timestamp("us", tz="UTC")
NO_MONEY = np.iinfo(np.int64).min
_WHOLE = frozenset({"employees", "founded_year", "minutes"})
_EPOCH = date(1970, 1, 1).toordinal()
NO_DAY = np.iinfo(np.int64).min

TYPES = {
    Kind.TEXT: pa.string(),
    Kind.NUMBER: pa.float64(),
    Kind.MONEY: MONEY,
    Kind.DATE: pa.date32(),
    Kind.INSTANT: INSTANT,
    Kind.BOOLEAN: pa.bool_(),
    Kind.LIST: pa.list_(pa.string()),
}


def text(values: Sequence[Any] | NDArray[Any]) -> pa.Array:
    """Return texts; empty ones and ``None`` become null."""
    return pa.array([str(value) if value else None for value in values], pa.string())


def money(cents: NDArray[np.int64]) -> pa.Array:
    """Return exact amounts from hundredths; ``NO_MONEY`` becomes null."""
    missing = cents == NO_MONEY
    words = np.zeros((len(cents), 2), dtype="<i8")
    words[:, 0] = np.where(missing, 0, cents)
    words[:, 1] = np.where(words[:, 0] < 0, -1, 0)
    validity = pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes())
    return pa.Array.from_buffers(MONEY, len(cents), [validity, pa.py_buffer(words.tobytes())])


def whole(values: NDArray[Any]) -> pa.Array:
    """Return whole numbers; NaN becomes null."""
    numbers = np.asarray(values, dtype=float)
    missing = np.isnan(numbers)
    return pa.array(np.where(missing, 0, numbers).astype(np.int64), pa.int64(), mask=missing)


def number(values: NDArray[Any]) -> pa.Array:
    """Return numbers; NaN becomes null."""
    numbers = np.asarray(values, dtype=float)
    return pa.array(numbers, pa.float64(), mask=np.isnan(numbers))


def days(ordinals: NDArray[np.int64]) -> pa.Array:
    """Return dates from proleptic ordinals; ``NO_DAY`` becomes null."""
    missing = ordinals == NO_DAY
    since_epoch = np.where(missing, 0, ordinals - _EPOCH).astype(np.int32)
    return pa.array(since_epoch, pa.int32(), mask=missing).cast(pa.date32())


def instants(ordinals: NDArray[np.int64], seconds: NDArray[Any] | int = 0) -> pa.Array:
    """Return UTC instants from ordinals and seconds of the day; ``NO_DAY`` becomes null."""
    missing = ordinals == NO_DAY
    micros = (np.where(missing, 0, ordinals - _EPOCH) * 86_400 + np.asarray(seconds)) * 1_000_000
    return pa.array(micros.astype(np.int64), pa.int64(), mask=missing).cast(INSTANT)


def contract_table(name: str, columns: Mapping[str, pa.Array]) -> pa.Table:
    """Return the columns as the table of that contract: all of its columns, in its order, missing ones null.

    Columns named ``custom.<key>`` follow.
    """
    contract = TABLES[name]
    unknown = [key for key in columns if key not in contract.names and not key.startswith("custom.")]
    if unknown:
        raise KeyError(f"{name} has no column {unknown[0]}.")
    n_rows = len(next(iter(columns.values())))
    names, arrays = [], []
    for column in contract:
        wanted = pa.int64() if column.name in _WHOLE else TYPES[column.kind]
        names.append(column.name)
        arrays.append(
            columns[column.name].cast(wanted) if column.name in columns else pa.nulls(n_rows, wanted)
        )
    for key in columns:
        if key.startswith("custom."):
            names.append(key)
            arrays.append(columns[key])
    return pa.Table.from_arrays(arrays, names=names)
