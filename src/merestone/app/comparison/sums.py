"""What each territory and each rep has on either side: accounts, revenue, potential, workload, and their balance."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.difference import Sides
from merestone.app.difference.answer import MONEY
from merestone.app.difference.comparing import coded_among, owner_ids, plain, rep_names
from merestone.app.difference.limited import ELSEWHERE, SOMEBODY
from merestone.app.places import NOWHERE

MEASURES = ("accounts", "revenue", "potential", "workload")
TYPES = {"accounts": pa.int64(), "revenue": MONEY, "potential": MONEY, "workload": pa.float64()}
COLUMNS = {"revenue": "revenue", "potential": "potential", "workload": "workload_hours"}
FIELDS = [
    (f"{measure}_{part}", pa.float64() if part.startswith("index") else TYPES[measure])
    for measure in MEASURES
    for part in ("before", "after", "change", "index_before", "index_after")
]
COUNTS = [("gained", pa.int64()), ("lost", pa.int64()), ("revenue_gained", MONEY), ("revenue_lost", MONEY)]
TERRITORY_SUMS = pa.schema([("territory", pa.string()), ("name", pa.string()), *COUNTS, *FIELDS])
"""A row per territory that has something on either side, in the order of the models; null key: the queue, last.

``index_…``: 100 is the mean of the territories that have accounts on that side; null for the queue and for elsewhere.
"""
REP_SUMS = pa.schema([("rep", pa.int64()), ("name", pa.string()), *COUNTS, *FIELDS])
"""The same per rep, by name."""


def sums_by_territory(sides: Sides) -> pa.Table:
    """Return ``TERRITORY_SUMS``."""
    keys = sides.vocabulary.keys
    others = [code for code, key in enumerate(keys) if key == ELSEWHERE]
    codes, columns = _sums(sides, sides.before.territory, sides.after.territory, n=len(keys), others=others)
    names = sides.names_of(codes, sides.new_names)
    return pa.table([sides.vocabulary.texts(codes), names, *columns], schema=TERRITORY_SUMS)


def sums_by_rep(sides: Sides) -> pa.Table:
    """Return ``REP_SUMS``."""
    known = np.unique(np.concatenate([sides.before.owner, sides.after.owner]))
    known = known[known != NOWHERE]
    coded = [coded_among(owners, known) for owners in (sides.before.owner, sides.after.owner)]
    codes, columns = _sums(sides, *coded, n=len(known), others=np.flatnonzero(known == SOMEBODY))
    owners = np.append(known, NOWHERE)[codes]
    table = pa.table([owner_ids(owners), rep_names(owners, sides.reps), *columns], schema=REP_SUMS)
    return table.sort_by([("name", "ascending"), ("rep", "ascending")])


def _sums(
    sides: Sides, before: np.ndarray, after: np.ndarray, *, n: int, others: Sequence[int] | np.ndarray
) -> tuple[np.ndarray, list[pa.Array]]:
    """Return the codes with something on either side, and their columns; the last place is the queue's.

    ``others`` are no one territory or rep: no mean counts them.
    """
    left, right = (np.where(codes < 0, n, codes) for codes in (before, after))
    counts = [np.bincount(codes, minlength=n + 1) for codes in (left, right)]
    seen = np.flatnonzero(counts[0] + counts[1])
    differs = left != right
    revenue = _hundredths(sides.accounts["revenue"])
    columns: list[pa.Array] = [
        pa.array(np.bincount(codes[differs], minlength=n + 1)[seen], pa.int64()) for codes in (right, left)
    ]
    columns += [_money(_added(codes[differs], revenue[differs], n)[seen]) for codes in (right, left)]
    has = [count[seen] > 0 for count in counts]
    for measure in MEASURES:
        both = [_measured(sides, measure, codes, n)[seen] for codes in (left, right)]
        columns += _parts(measure, both, has=has, is_none=np.isin(seen, [n, *others]))
    return np.where(seen == n, NOWHERE, seen), columns


def _measured(sides: Sides, measure: str, codes: np.ndarray, n: int) -> np.ndarray:
    """Return the sums per code: counts, hundredths of money, hours."""
    if measure == "accounts":
        return np.bincount(codes, minlength=n + 1)
    values = sides.accounts[COLUMNS[measure]]
    if measure == "workload":
        hours = np.asarray(pc.fill_null(plain(values), 0.0))
        return np.bincount(codes, weights=hours, minlength=n + 1)
    return _added(codes, _hundredths(values), n)


def _parts(
    measure: str, both: Sequence[np.ndarray], *, has: Sequence[np.ndarray], is_none: np.ndarray
) -> list[pa.Array]:
    before, after = both
    change = after - before
    typed = _money if TYPES[measure] == MONEY else lambda values: pa.array(values, TYPES[measure])
    indexes = [_index(values, count, is_none) for values, count in zip(both, has, strict=True)]
    return [typed(before), typed(after), typed(change), *indexes]


def _index(values: np.ndarray, has: np.ndarray, is_none: np.ndarray) -> pa.Array:
    """Return the values with 100 for the mean of those that have accounts; null for the rest."""
    counts = has & ~is_none
    mean = values[counts].mean() if counts.any() else 0
    index = values * 100 / mean if mean else np.zeros(len(values))
    return pa.array(np.round(index, 1), pa.float64(), mask=~counts | (mean == 0))


def _hundredths(money: pa.ChunkedArray) -> np.ndarray:
    """Return exact whole hundredths; missing amounts count as nothing."""
    whole = pc.multiply(
        pc.fill_null(plain(money), Decimal(0)).cast(pa.decimal128(20, 2)), pa.scalar(Decimal(100))
    )
    return np.asarray(whole.cast(pa.decimal128(38, 2)).cast(pa.int64()))


def _added(codes: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Return exact sums of whole numbers per code."""
    sums = np.zeros(n + 1, dtype=np.int64)
    np.add.at(sums, codes, values)
    return sums


def _money(hundredths: np.ndarray) -> pa.Array:
    return pa.array([Decimal(int(value)).scaleb(-2) for value in hundredths], MONEY)
