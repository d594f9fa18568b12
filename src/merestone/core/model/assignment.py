"""Who owns what, since when and why; and the difference between two assignments.

An association is a dated half-open interval; the queue has no association. The one rule: a diff holds only what
differs, so applying the diff of an assignment with itself changes nothing. Not here: which territory should win
(``core.rules``), how a diff is stored (``db.stores``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.base.errors import UsageError
from merestone.base.interval import Interval

ASSOCIATIONS_SCHEMA = pa.schema(
    [
        pa.field("record", pa.string(), nullable=False),  # or a number: ids are only compared
        pa.field("territory", pa.string()),  # null = the unassigned queue
        pa.field("owner", pa.string()),
        pa.field("valid_from", pa.timestamp("us", tz="UTC"), nullable=False),
        # First instant outside; null = until further notice.
        pa.field("valid_to", pa.timestamp("us", tz="UTC")),
    ]
)

DIFF_SCHEMA = pa.schema(
    [
        pa.field("account", pa.string(), nullable=False),
        pa.field("from_territory", pa.string()),
        pa.field("from_owner", pa.string()),
        pa.field("to_territory", pa.string()),
        pa.field("to_owner", pa.string()),
        pa.field("cause", pa.string(), nullable=False),  # one of columns.CAUSES
    ]
)


@dataclass(frozen=True, slots=True)
class Association:
    """One record's place in one territory over one stretch of time.

    Parameters
    ----------
    record : str
        External id of the account, lead or opportunity.
    territory : str
        Key of the territory.
    owner : str or None
        E-mail of the owning rep; ``None`` for an overlay without one.
    during : Interval of datetime
        UTC instants, half-open.
    cause : str
        One of ``columns.CAUSES``.
    reason : mapping
        The trace: plain JSON values.
    """

    record: str
    territory: str
    owner: str | None
    during: Interval[datetime]
    cause: str
    reason: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssignmentDiff:
    """The accounts whose territory or owner differs between two assignments.

    Parameters
    ----------
    rows : pa.Table
        ``DIFF_SCHEMA``, one row per account, sorted by account. A null ``from_…`` means it came out of the queue or
        is new, a null ``to_…`` that it goes to the queue or is gone.
    """

    rows: pa.Table

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @property
    def owner_changes(self) -> pa.Table:
        """The rows whose owner differs; the others change territory only."""
        return self.rows.filter(_differs(self.rows["from_owner"], self.rows["to_owner"]))


@dataclass(frozen=True, slots=True)
class Disruption:
    """How much of the company loses the owner it had.

    Parameters
    ----------
    accounts_changed, accounts : int
        Accounts that had an owner and get another or none; all accounts.
    revenue_changed, revenue : Decimal
        Their revenue; all revenue. A missing revenue counts as nothing.
    """

    accounts_changed: int
    accounts: int
    revenue_changed: Decimal
    revenue: Decimal

    @property
    def share_of_accounts(self) -> float:
        """Between 0 and 1; 0 when there are no accounts."""
        return self.accounts_changed / self.accounts if self.accounts else 0.0

    @property
    def share_of_revenue(self) -> float:
        """Between 0 and 1; 0 when there is no revenue."""
        return float(self.revenue_changed / self.revenue) if self.revenue else 0.0


def assignment_diff(current: pa.Table, desired: pa.Table, *, cause: str = "rule") -> AssignmentDiff:
    """Return what must change to get from one assignment to another.

    Parameters
    ----------
    current, desired : pa.Table
        Columns ``account``, ``territory``, ``owner``, one row per account; an account in the queue has nulls or no
        row. ``desired`` may carry ``cause`` per row.
    cause : str
        Cause of rows for which ``desired`` gives none.

    Raises
    ------
    UsageError
        If an account occurs twice in one of the tables.
    """
    before, after = _placements(current, "current"), _placements(desired, "desired")
    accounts = pc.unique(pa.concat_arrays([before["account"], after["account"]]))
    accounts = accounts.take(pc.sort_indices(accounts))
    in_before = pc.index_in(accounts, before["account"])
    in_after = pc.index_in(accounts, after["account"])
    rows = pa.table(
        {
            "account": accounts,
            "from_territory": before["territory"].take(in_before),
            "from_owner": before["owner"].take(in_before),
            "to_territory": after["territory"].take(in_after),
            "to_owner": after["owner"].take(in_after),
            "cause": pc.fill_null(after["cause"].take(in_after), cause),
        },
        schema=DIFF_SCHEMA,
    )
    differs = pc.or_(
        _differs(rows["from_territory"], rows["to_territory"]), _differs(rows["from_owner"], rows["to_owner"])
    )
    return AssignmentDiff(rows.filter(differs))


def disruption(diff: AssignmentDiff, accounts: pa.Table) -> Disruption:
    """Return the share of accounts and of revenue whose owner changes.

    An account that had no owner is not disrupted by getting one.

    Parameters
    ----------
    diff : AssignmentDiff
        What would change.
    accounts : pa.Table
        All accounts: ``external_id`` and ``revenue`` (decimal; null = nothing).
    """
    moved = diff.owner_changes
    moved = moved.filter(pc.is_valid(moved["from_owner"]))
    is_moved = pc.is_in(_text(accounts["external_id"]), value_set=_text(moved["account"]))
    revenue = accounts["revenue"]
    return Disruption(
        accounts_changed=pc.sum(is_moved, min_count=0).as_py(),
        accounts=accounts.num_rows,
        revenue_changed=_sum(revenue.filter(is_moved)),
        revenue=_sum(revenue),
    )


def rows_in_force(
    associations: pa.Table,
    keys: pa.ChunkedArray | pa.Array,
    moments: pa.ChunkedArray | pa.Array,
    *,
    key: str = "record",
    adopt_before: datetime | None = None,
) -> pa.Array:
    """Return, per (key, moment), the row number of the association in force then; null for none.

    A row is in force while ``valid_from <= moment < valid_to``. Of overlapping rows only the one that started last
    is looked at: a primary association never overlaps another.

    Parameters
    ----------
    associations : pa.Table
        ``key``, ``valid_from``, ``valid_to`` (UTC instants).
    keys : pa.Array of string, shape (n,)
        Null gives null.
    moments : pa.Array of timestamp, shape (n,)
        UTC instants; null gives null.
    key : str
        Name of the column that ``keys`` refer to.
    adopt_before : datetime, optional
        A key whose first association starts after the moment, but before this instant, counts as held by that one:
        what came in before anybody had it belongs to the first who got it.
    """
    n = associations.num_rows
    wanted = _codes(_text(keys), _text(associations[key]))
    if n == 0:
        return pa.nulls(len(wanted), pa.int64())
    own = _codes(_text(associations[key]), _text(associations[key]))
    starts, ends = _micros(associations["valid_from"]), _micros(associations["valid_to"], null=_FOREVER)
    asked = _micros(moments, null=_NEVER)
    # (key, start) pairs as one ascending number: starts become ranks, so that no product can overflow.
    distinct = np.unique(starts)
    stride = len(distinct) + 1
    place = own * stride + np.searchsorted(distinct, starts) + 1
    order = np.argsort(place, kind="stable")
    probe = wanted * stride + np.searchsorted(distinct, asked, side="right")
    at = np.searchsorted(place[order], probe, side="right") - 1
    row = order[np.maximum(at, 0)]
    has_earlier = (at >= 0) & (own[row] == wanted)
    found = has_earlier & (asked < ends[row])
    if adopt_before is not None:
        limit = _micros(pa.array([adopt_before], pa.timestamp("us", tz="UTC")))[0]
        following = order[np.minimum(at + 1, n - 1)]
        adopts = ~has_earlier & (at + 1 < n) & (own[following] == wanted) & (starts[following] < limit)
        row, found = np.where(adopts, following, row), found | adopts
    found &= (wanted >= 0) & (asked != _NEVER)
    return pa.array(row, pa.int64(), mask=~found)


_NEVER, _FOREVER = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def _codes(values: pa.Array, vocabulary: pa.Array) -> np.ndarray:
    codes = pc.index_in(values, value_set=pc.drop_null(pc.unique(vocabulary)))
    return pc.fill_null(codes, -1).cast(pa.int64()).to_numpy(zero_copy_only=False)


def _micros(instants: pa.ChunkedArray | pa.Array, *, null: int = _NEVER) -> np.ndarray:
    numbers = _one(instants).cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return pc.fill_null(numbers, int(null)).to_numpy(zero_copy_only=False)


def _placements(table: pa.Table, what: str) -> dict[str, pa.Array]:
    columns = {name: _text(table[name]) for name in ("account", "territory", "owner")}
    has_cause = "cause" in table.column_names
    columns["cause"] = _text(table["cause"]) if has_cause else pa.nulls(table.num_rows, pa.string())
    counts = pc.value_counts(columns["account"])
    twice = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        raise UsageError(
            f"Account '{twice[0]['values']}' occurs {twice[0]['counts']} times in the {what} assignment.",
            code="duplicate-account",
            fix="Give the primary association only, one row per account.",
        )
    return columns


def _differs(left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.ChunkedArray:
    """Null-safe inequality: null differs from every value and equals null."""
    both_known = pc.fill_null(pc.not_equal(left, right), False)
    return pc.or_(both_known, pc.xor(pc.is_null(left), pc.is_null(right)))


def _sum(money: pa.ChunkedArray) -> Decimal:
    return Decimal(pc.sum(money, min_count=0).as_py())


def _text(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    return _one(values).cast(pa.string())


def _one(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
