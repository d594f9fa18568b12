"""Numbers as decimals, so that sums do not depend on the order or the level they are made at.

The one rule: round each row once, then only add. Money has two decimals, other measures six.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from merestone.base.errors import UsageError

MONEY = pa.decimal128(38, 2)
MEASURE = pa.decimal128(38, 6)


def to_decimal(values: pa.ChunkedArray | pa.Array, *, scale: int) -> pa.ChunkedArray | pa.Array:
    """Return numbers as decimals with ``scale`` places, each rounded half to even; null stays null."""
    kind = values.type
    if pa.types.is_decimal(kind) and kind.scale > scale:
        values = pc.round(values, ndigits=scale, round_mode="half_to_even")
    elif pa.types.is_floating(kind):
        values = pc.round(values.cast(pa.float64()), ndigits=scale, round_mode="half_to_even")
    elif pa.types.is_integer(kind):
        values = values.cast(pa.decimal128(20, 0))
    return values.cast(pa.decimal128(38, scale))


def require_one_currency(*tables: pa.Table) -> None:
    """Raise unless the ``currency`` columns of the tables, as far as given, name at most one currency.

    Raises
    ------
    UsageError
        ``mixed-currency``, naming the currencies.
    """
    seen: set[str] = set()
    for table in tables:
        if "currency" in table.column_names:
            seen.update(code for code in pc.unique(table["currency"]).to_pylist() if code)
    if len(seen) > 1:
        raise UsageError(
            f"Money in {', '.join(sorted(seen))} cannot be added up.",
            code="mixed-currency",
            fix="Convert to one currency first.",
        )
