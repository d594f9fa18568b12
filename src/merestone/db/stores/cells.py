"""Between the database's cells and Arrow columns, the same for SQLite and PostgreSQL.

A *cell* is what the driver takes and gives: SQLite knows no dates, decimals or booleans, so they are text and integers
there. Whole columns are converted at once; no model instance is made.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection, models

from merestone.core.model.columns import Kind
from merestone.db.models.fields import MoneyField

INSTANT = pa.timestamp("us", "UTC")
MONEY = pa.decimal128(18, 2)


class Shape(StrEnum):
    """How a column's values are kept."""

    TEXT = "text"
    INTEGER = "integer"
    FLOAT = "float"
    MONEY = "money"
    DATE = "date"
    INSTANT = "instant"
    BOOLEAN = "boolean"
    LIST = "list"
    JSON = "json"


ARROW_TYPES: dict[Shape, pa.DataType] = {
    Shape.TEXT: pa.string(),
    Shape.INTEGER: pa.int64(),
    Shape.FLOAT: pa.float64(),
    Shape.MONEY: MONEY,
    Shape.DATE: pa.date32(),
    Shape.INSTANT: INSTANT,
    Shape.BOOLEAN: pa.bool_(),
    Shape.LIST: pa.list_(pa.string()),
    Shape.JSON: pa.string(),
}
POSTGRESQL_TYPES = {
    Shape.TEXT: "text",  # not varchar(n): an explicit cast to it would cut long text silently
    Shape.INTEGER: "bigint",
    Shape.FLOAT: "double precision",
    Shape.MONEY: "bigint",
    Shape.DATE: "date",
    Shape.INSTANT: "timestamptz",
    Shape.BOOLEAN: "boolean",
    Shape.LIST: "text",
    Shape.JSON: "text",
}
CUSTOM_SHAPES = {
    Kind.TEXT: Shape.TEXT,
    Kind.NUMBER: Shape.FLOAT,
    Kind.MONEY: Shape.MONEY,
    Kind.DATE: Shape.DATE,
    Kind.INSTANT: Shape.INSTANT,
    Kind.BOOLEAN: Shape.BOOLEAN,
    Kind.LIST: Shape.LIST,
    Kind.LOCATION: Shape.TEXT,
}


def shape_of(field: models.Field[Any, Any]) -> Shape:
    """Return how a model's field is kept."""
    if isinstance(field, models.ForeignKey):
        return Shape.INTEGER
    if isinstance(field, MoneyField):
        return Shape.MONEY
    if isinstance(field, models.JSONField):
        return Shape.LIST if field.default is list else Shape.JSON
    if isinstance(field, models.BooleanField):
        return Shape.BOOLEAN
    if isinstance(field, models.IntegerField):
        return Shape.INTEGER
    if isinstance(field, models.FloatField):
        return Shape.FLOAT
    if isinstance(field, models.DateTimeField):
        return Shape.INSTANT
    if isinstance(field, models.DateField):
        return Shape.DATE
    return Shape.TEXT


def to_arrow(cells: Sequence[Any], shape: Shape) -> pa.Array:
    """Return cells as the Arrow column of their shape; empty text is null."""
    match shape:
        case Shape.TEXT:
            texts = pa.array(cells, pa.string())
            return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
        case Shape.MONEY:
            return _money_of_hundredths(pa.array(cells, pa.int64()))
        case Shape.BOOLEAN:
            return pa.array(cells).cast(pa.bool_())
        case Shape.INSTANT if connection.vendor == "sqlite":
            return pa.array(cells, pa.timestamp("us")).cast(INSTANT)  # the driver gives naive UTC
        case Shape.LIST:
            return pa.array(parse_json(cells), ARROW_TYPES[shape])
        case _:
            return pa.array(cells, ARROW_TYPES[shape])


def to_cells(column: pa.ChunkedArray | pa.Array, shape: Shape) -> list[Any]:
    """Return an Arrow column as cells."""
    match shape:
        case Shape.MONEY:
            return _hundredths_of_money(column)
        case Shape.LIST:
            return [None if value is None else json.dumps(value) for value in column.to_pylist()]
        case Shape.DATE | Shape.INSTANT if connection.vendor == "sqlite":
            return [cell(value, shape) for value in column.cast(ARROW_TYPES[shape]).to_pylist()]
        case _:
            return column.cast(ARROW_TYPES[shape]).to_pylist()


def cell(value: Any, shape: Shape) -> Any:
    """Return one Python value as a cell."""
    if value is None:
        return None
    match shape:
        case Shape.MONEY:
            return int(Decimal(value).scaleb(2))
        case Shape.LIST | Shape.JSON:
            return value if isinstance(value, str) else json.dumps(value)
        case Shape.INSTANT if connection.vendor == "sqlite":
            return str(
                value.astimezone(UTC).replace(tzinfo=None)
            )  # as Django writes it: text order is time order
        case Shape.DATE if connection.vendor == "sqlite":
            return str(value)
        case _:
            return value


def parse_json(cells: Sequence[str | None]) -> list[Any]:
    """Return the values of many JSON texts, parsed in one go."""
    return json.loads(f"[{','.join(text or 'null' for text in cells)}]")


def custom_to_arrow(values: list[Any], kind: str) -> pa.Array:
    """Return values of one custom field, as its JSON keeps them, as an Arrow column."""
    shape = CUSTOM_SHAPES[Kind(kind)]
    match shape:
        case Shape.MONEY:
            hundredths = [None if value is None else round(value * 100) for value in values]
            return _money_of_hundredths(pa.array(hundredths, pa.int64()))
        case Shape.DATE | Shape.INSTANT:
            return pa.array(values, pa.string()).cast(ARROW_TYPES[shape])
        case _:
            return pa.array(values, ARROW_TYPES[shape])


def custom_to_json(column: pa.ChunkedArray, kind: str) -> list[Any]:
    """Return the JSON values of one custom field: money as a number, dates and instants as ISO text."""
    shape = CUSTOM_SHAPES[Kind(kind)]
    return [_plain(value) for value in column.cast(ARROW_TYPES[shape]).to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def _money_of_hundredths(hundredths: pa.Array) -> pa.Array:
    """Return decimals whose unscaled 128-bit value is the 64-bit one, sign extended: exact and without a loop."""
    low = np.asarray(hundredths.fill_null(0))
    words = np.empty((len(low), 2), dtype="<i8")
    words[:, 0], words[:, 1] = low, low >> 63
    validity = pa.array(np.asarray(hundredths.is_valid())).buffers()[1]
    return pa.Array.from_buffers(MONEY, len(low), [validity, pa.py_buffer(words.tobytes())])


def _hundredths_of_money(column: pa.ChunkedArray | pa.Array) -> list[int | None]:
    money = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_decimal128(money.type) or money.type.scale != 2:
        money = pc.round(money.cast(pa.decimal128(38, 6)), 2, round_mode="half_to_even")
    money = money.cast(MONEY)
    words = np.frombuffer(money.buffers()[1], dtype="<i8").reshape(-1, 2)
    low = words[money.offset : money.offset + len(money), 0]
    return pa.array(low, mask=np.asarray(money.is_null())).to_pylist()
