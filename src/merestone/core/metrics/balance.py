"""How evenly accounts, potential, workload and revenue fall on the territories.

The one rule: the row without a territory (the unassigned queue) is kept and summed, but is no territory: it has no
index and no part in the mean or in any spread. Definitions are in ``catalog``. Not here: making it even (``design``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.core.metrics.exact import MEASURE, MONEY, require_one_currency, to_decimal
from merestone.core.metrics.levels import Parents, as_text, group_sums, lineage, regroup

MEASURES = ("potential", "workload_hours", "revenue")
_MONEY_MEASURES = frozenset({"potential", "revenue"})


@dataclass(frozen=True, slots=True)
class Spread:
    """How unevenly one measure falls on the territories.

    Parameters
    ----------
    measure : str
        Name of the column; ``accounts`` counts them.
    n_territories : int
        Territories compared.
    mean : float or None
        Arithmetic mean; ``None`` without territories.
    minimum, maximum : Decimal or None
        Least and greatest sum of a territory.
    max_deviation : float or None
        Greatest distance from the mean, as a share of the mean; ``None`` when the mean is 0.
    variation : float or None
        Coefficient of variation: population standard deviation over the mean; ``None`` when the mean is 0.
    gini : float or None
        0 = all equal, (n - 1) / n = one territory has everything; ``None`` when the mean is 0.
    """

    measure: str
    n_territories: int
    mean: float | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    max_deviation: float | None = None
    variation: float | None = None
    gini: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "mean": self.mean,
            "min": None if self.minimum is None else float(self.minimum),
            "max": None if self.maximum is None else float(self.maximum),
            "max_deviation": self.max_deviation,
            "cv": self.variation,
            "gini": self.gini,
        }


@dataclass(frozen=True, slots=True)
class Balance:
    """The sums per territory and how evenly they fall.

    Parameters
    ----------
    table : pa.Table
        ``territory`` (null = the unassigned queue, last), ``accounts``, the measures as decimals, and for each of
        them ``…_index``: 100 = the mean of the territories, null for the queue and when the mean is 0.
    spreads : mapping of str to Spread
        By measure, ``accounts`` first.
    """

    table: pa.Table
    spreads: Mapping[str, Spread]

    def as_dict(self) -> dict[str, Any]:
        """Return the spreads as plain JSON values."""
        return {measure: spread.as_dict() for measure, spread in self.spreads.items()}


def balance(
    table: pa.Table,
    *,
    measures: Sequence[str] = MEASURES,
    territories: Iterable[str] = (),
    group_of: Mapping[str, str] | None = None,
) -> Balance:
    """Return the sums per territory, their index to the mean, and the spread of each measure.

    Parameters
    ----------
    table : pa.Table
        One row per account: ``territory`` (key; null = the unassigned queue) and the measures; a missing value
        counts as nothing.
    measures : sequence of str
        Columns to sum, besides the number of accounts.
    territories : iterable of str
        All territories: those without accounts get a row of zeros and count in the mean.
    group_of : mapping of str to str, optional
        Territory -> group, to compare on another level of the tree (``levels.groups_at_depth``).

    Raises
    ------
    UsageError
        If the rows are in several currencies.
    """
    require_one_currency(table)
    names = ["accounts", *measures]
    keys = as_text(table["territory"])
    empty = pa.array(territories, pa.string())
    if group_of is not None:
        keys, empty = regroup(keys, group_of), pc.drop_null(regroup(empty, group_of))
    rows = pa.table(
        {"territory": keys, "accounts": pa.repeat(1, table.num_rows)}
        | {name: to_decimal(table[name], scale=_decimal_type(name).scale) for name in measures}
    )
    zeros = pa.table({"territory": empty, "accounts": pa.repeat(0, len(empty))})
    sums = group_sums(pa.concat_tables([rows, zeros], promote_options="default"), columns=names)
    return _compare(_typed(sums, names), names)


def roll_up(table: pa.Table, parents: Parents) -> pa.Table:
    """Return the sums of every node of the tree over its whole subtree, and the row without a territory.

    Parameters
    ----------
    table : pa.Table
        ``territory`` and numeric columns, e.g. ``Balance.table``; index columns are left out. Rows of territories
        that are not in the tree are added to the row without a territory.
    parents : mapping of str to str or None
        Every territory of the tree -> its parent.
    """
    names = [name for name in table.column_names if name != "territory" and not name.endswith("_index")]
    tree = lineage(parents)
    at = pc.index_in(tree["territory"], value_set=as_text(table["territory"]))
    nodes = table.select(names).take(at).append_column("territory", tree["ancestor"])
    inside = pc.is_in(as_text(table["territory"]), value_set=pa.array(parents.keys(), pa.string()))
    outside = table.select(names).filter(pc.invert(inside))
    outside = outside.append_column("territory", pa.nulls(outside.num_rows, pa.string()))
    sums = group_sums(pa.concat_tables([nodes, outside]), columns=names)
    return sums.cast(pa.schema([("territory", pa.string()), *((n, table[n].type) for n in names)]))


def spread(measure: str, values: Sequence[int | Decimal]) -> Spread:
    """Return how unevenly values of 0 or more fall.

    With mean ``m`` and values sorted ascending ``x_1 … x_n``:
    max deviation ``max |x_i - m| / m``; variation ``sqrt(sum (x_i - m)^2 / n) / m``;
    Gini ``sum (2 i - n - 1) x_i / (n^2 m)``, half the mean absolute difference of all pairs over the mean.

    References
    ----------
    Gini, C. (1912). Variabilità e mutabilità. Bologna: Cuppini.
    Sen, A. (1973). On Economic Inequality. Oxford: Clarendon. doi:10.1093/0198281935.001.0001
    Pearson, K. (1896). Regression, heredity and panmixia. Philosophical Transactions A 187, 253-318 (the coefficient
    of variation). doi:10.1098/rsta.1896.0007
    """
    if not values:
        return Spread(measure, 0)
    exact = sorted(Fraction(value) for value in values)
    n, total = len(exact), sum(exact, Fraction(0))
    mean = total / n
    known = Spread(
        measure,
        n,
        mean=float(mean),
        minimum=Decimal(min(values)),
        maximum=Decimal(max(values)),
    )
    if mean == 0:
        return known
    variance = sum(((value - mean) ** 2 for value in exact), Fraction(0)) / n
    ranked = sum(((2 * i - n - 1) * value for i, value in enumerate(exact, start=1)), Fraction(0))
    return Spread(
        measure,
        n,
        mean=known.mean,
        minimum=known.minimum,
        maximum=known.maximum,
        max_deviation=float(max(exact[-1] - mean, mean - exact[0]) / mean),
        variation=math.sqrt(variance / mean**2),
        gini=float(ranked / (n * total)),
    )


def _compare(sums: pa.Table, names: Sequence[str]) -> Balance:
    is_territory = pc.is_valid(sums["territory"])
    spreads, indexes = {}, {}
    for name in names:
        spreads[name] = spread(name, sums[name].filter(is_territory).to_pylist())
        mean = spreads[name].mean or None
        share = pc.divide(sums[name].cast(pa.float64()), pa.scalar(mean, pa.float64()))
        indexes[f"{name}_index"] = pc.if_else(is_territory, pc.multiply(share, 100.0), None)
    for name, values in indexes.items():
        sums = sums.append_column(name, values)
    return Balance(sums, spreads)


def _typed(sums: pa.Table, names: Sequence[str]) -> pa.Table:
    types = [("territory", pa.string()), ("accounts", pa.int64())]
    return sums.cast(pa.schema([*types, *((name, _decimal_type(name)) for name in names[1:])]))


def _decimal_type(measure: str) -> pa.Decimal128Type:
    return MONEY if measure in _MONEY_MEASURES else MEASURE
