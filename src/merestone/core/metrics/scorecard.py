"""The scorecard: what each territory did in a period, by who owned what at the time.

The one rule: keep counts, sums and samples, and make shares and medians from them last. So the figures of any level
equal those computed there, and all territories with the row of the queue are the company, to the cent. Definitions
are in ``catalog``; here is only the arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.base.errors import UsageError
from merestone.base.interval import Interval
from merestone.core.metrics.exact import MONEY, require_one_currency, to_decimal
from merestone.core.metrics.levels import as_text, group_sums, regroup
from merestone.core.model.assignment import rows_in_force

_COUNTS = (
    "leads_created",
    "leads_converted",
    "won",
    "lost",
    "closed",
    "won_with_amount",
    "customers_at_start",
    "customers_retained",
    "open_opportunities",
)
_SUMS = ("bookings", "pipeline", "weighted_forecast")

SCORECARD_SCHEMA = pa.schema(
    [
        ("territory", pa.string()),  # null = the unassigned rest, last
        ("leads_created", pa.int64()),
        ("leads_converted", pa.int64()),
        ("lead_conversion", pa.float64()),
        ("won", pa.int64()),
        ("lost", pa.int64()),
        ("closed", pa.int64()),
        ("win_rate", pa.float64()),
        ("sales_cycle_samples", pa.list_(pa.int64())),  # days, ascending
        ("sales_cycle_days", pa.float64()),
        ("bookings", MONEY),
        ("won_with_amount", pa.int64()),
        ("average_deal_size", MONEY),
        ("customers_at_start", pa.int64()),
        ("customers_retained", pa.int64()),
        ("customer_retention", pa.float64()),
        ("open_opportunities", pa.int64()),
        ("pipeline", MONEY),
        ("weighted_forecast", MONEY),
    ]
)


@dataclass(frozen=True, slots=True)
class ScorecardTables:
    """What a scorecard is made of. Ids may be text or numbers; overlays (``is_primary`` false) are left out.

    Parameters
    ----------
    associations : pa.Table
        Of accounts: ``record``, ``territory`` (null = the queue), ``valid_from``, ``valid_to`` (UTC instants,
        half-open, null = until further notice), optionally ``is_primary``.
    lead_associations : pa.Table
        The same of leads.
    leads : pa.Table
        ``id``, ``created_at``, ``converted_at`` (UTC instants).
    opportunities : pa.Table
        ``account``, ``stage``, ``amount``, ``probability``, ``forecast_category``, ``opened_on``, ``closed_on``,
        optionally ``currency``. For a period in the past, as they stood at its end.
    contracts : pa.Table
        ``account``, ``starts_on``, ``ends_on`` (null = until further notice).
    """

    associations: pa.Table
    lead_associations: pa.Table
    leads: pa.Table
    opportunities: pa.Table
    contracts: pa.Table


@dataclass(frozen=True, slots=True)
class _Period:
    start: date
    end: date
    zone: tzinfo

    def midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def end_of(self, days: pa.ChunkedArray) -> pa.Array:
        """Return the last moment of each day as a UTC instant."""
        distinct = pc.drop_null(pc.unique(days))
        last = [self.midnight(day + timedelta(days=1)) - _TICK for day in distinct.to_pylist()]
        return pa.array(last, _INSTANT).take(pc.index_in(days, value_set=distinct).combine_chunks())


_INSTANT = pa.timestamp("us", tz="UTC")
_TICK = timedelta(microseconds=1)


def scorecard(
    tables: ScorecardTables,
    *,
    period: Interval[date],
    zone: tzinfo = UTC,
    territories: Iterable[str] = (),
    group_of: Mapping[str, str] | None = None,
    adopt_history: bool = False,
) -> pa.Table:
    """Return one row per territory and one, without territory, for what nobody owned at the time.

    Parameters
    ----------
    tables : ScorecardTables
        The records and who owned them.
    period : Interval of date
        Half-open, with an end.
    zone : tzinfo
        The company's time zone: where days begin.
    territories : iterable of str
        Territories that get a row even when nothing happened in them.
    group_of : mapping of str to str, optional
        Territory -> group, for another level of the tree.
    adopt_history : bool
        Count what happened before an account's first association for that association. For records that are older
        than the system; otherwise such history belongs to the rest.

    Returns
    -------
    pa.Table
        ``SCORECARD_SCHEMA``, sorted by territory, the rest last. Shares lie between 0 and 1 and are null when there
        is nothing to divide by.

    Raises
    ------
    UsageError
        If the period is open or the amounts are in several currencies.
    """
    if period.end is None:
        raise UsageError(f"The period from {period.start} has no end.", code="open-period")
    require_one_currency(tables.opportunities)
    span = _Period(period.start, period.end, zone)
    accounts = _Owners(_primary(tables.associations), _LAST if adopt_history else None)
    won_or_lost, samples = _closed(tables.opportunities, span, accounts)
    events = [
        _leads(tables, span),
        won_or_lost,
        _open(tables.opportunities, span, accounts),
        _customers(tables.contracts, span, accounts),
        pa.table({"territory": pa.array(territories, pa.string())}),
    ]
    card = _assemble(_stack(events), samples)
    return card if group_of is None else roll_up(card, group_of)


def roll_up(card: pa.Table, group_of: Mapping[str, str]) -> pa.Table:
    """Return the scorecard of another level: the same as if it had been computed there.

    Parameters
    ----------
    card : pa.Table
        From ``scorecard``.
    group_of : mapping of str to str
        Territory -> group (``levels.groups_at_depth``); territories without a group go to the rest.
    """
    return _merge(card, regroup(card["territory"], group_of))


def company(card: pa.Table) -> pa.Table:
    """Return the scorecard of the whole company, the unassigned rest included, as one row."""
    return _merge(card, pa.nulls(card.num_rows, pa.string()))


@dataclass(frozen=True, slots=True)
class _Owners:
    """Whose account it was."""

    associations: pa.Table
    adopt_before: datetime | None

    def at(self, accounts: pa.ChunkedArray, moments: pa.Array | datetime) -> pa.Array:
        if isinstance(moments, datetime):
            moments = pa.repeat(pa.scalar(moments, _INSTANT), len(accounts))
        rows = rows_in_force(self.associations, accounts, moments, adopt_before=self.adopt_before)
        return as_text(self.associations["territory"]).take(rows)


_LAST = datetime.max.replace(tzinfo=UTC)


def _leads(tables: ScorecardTables, span: _Period) -> pa.Table:
    start, end = (pa.scalar(span.midnight(day), _INSTANT) for day in (span.start, span.end))
    leads = tables.leads
    leads = leads.filter(
        pc.and_(pc.greater_equal(leads["created_at"], start), pc.less(leads["created_at"], end))
    )
    # The queue owns nothing: a lead that waited there belongs to the first who got it.
    held = _primary(tables.lead_associations)
    owners = _Owners(held.filter(pc.is_valid(held["territory"])), end.as_py())
    return pa.table(
        {
            "territory": owners.at(leads["id"], leads["created_at"]),
            "leads_created": pa.repeat(1, leads.num_rows),
            "leads_converted": _ones(pc.less(leads["converted_at"], end)),
        }
    )


def _closed(table: pa.Table, span: _Period, owners: _Owners) -> tuple[pa.Table, pa.Table]:
    """Return the opportunities closed in the period, and the days each won one took."""
    closed_on = table["closed_on"]
    inside = pc.and_(pc.greater_equal(closed_on, span.start), pc.less(closed_on, span.end))
    table = table.filter(pc.and_(inside, _is_decided(table)))
    is_won = pc.equal(table["stage"], "won")
    amount = to_decimal(table["amount"], scale=2)
    events = pa.table(
        {
            "territory": owners.at(table["account"], span.end_of(table["closed_on"])),
            "won": _ones(is_won),
            "lost": _ones(pc.invert(is_won)),
            "closed": pa.repeat(1, table.num_rows),
            "bookings": pc.if_else(is_won, amount, pa.scalar(None, amount.type)),
            "won_with_amount": _ones(pc.and_(is_won, pc.is_valid(amount))),
        }
    )
    days = pc.days_between(table["opened_on"], table["closed_on"])
    counts = pc.fill_null(pc.and_(is_won, pc.greater_equal(days, 0)), False)
    samples = pa.table({"territory": events["territory"], "days": days.cast(pa.int64())})
    return events, samples.filter(counts)


def _open(table: pa.Table, span: _Period, owners: _Owners) -> pa.Table:
    """Return the opportunities open at the end of the period."""
    has_begun = pc.fill_null(pc.less(table["opened_on"], span.end), True)
    is_over = pc.and_(_is_decided(table), pc.fill_null(pc.less(table["closed_on"], span.end), True))
    table = table.filter(pc.and_(has_begun, pc.invert(is_over)))
    amount = to_decimal(table["amount"], scale=2)
    # Narrow types keep the product within 38 digits; each is rounded, so that every level adds the same cents.
    chance = to_decimal(table["probability"], scale=6).cast(pa.decimal128(7, 6))
    weighted = pc.round(
        pc.multiply(amount.cast(pa.decimal128(28, 2)), chance), ndigits=2, round_mode="half_to_even"
    ).cast(MONEY)
    is_forecast = pc.fill_null(pc.not_equal(table["forecast_category"], "omitted"), True)
    return pa.table(
        {
            "territory": owners.at(table["account"], span.midnight(span.end) - _TICK),
            "open_opportunities": pa.repeat(1, table.num_rows),
            "pipeline": amount,
            "weighted_forecast": pc.if_else(is_forecast, weighted, pa.scalar(None, MONEY)),
        }
    )


def _customers(contracts: pa.Table, span: _Period, owners: _Owners) -> pa.Table:
    """Return the accounts with a contract on the first day, and whether they have one on the day of the end."""
    before = pc.unique(contracts.filter(_runs_on(contracts, span.start))["account"])
    after = pc.unique(contracts.filter(_runs_on(contracts, span.end))["account"])
    before = pc.drop_null(before)
    return pa.table(
        {
            "territory": owners.at(before, span.midnight(span.start)),
            "customers_at_start": pa.repeat(1, len(before)),
            "customers_retained": _ones(pc.is_in(before, value_set=after)),
        }
    )


def _runs_on(contracts: pa.Table, day: date) -> pa.ChunkedArray:
    has_begun = pc.fill_null(pc.less_equal(contracts["starts_on"], day), False)
    return pc.and_(has_begun, pc.fill_null(pc.greater(contracts["ends_on"], day), True))


def _is_decided(opportunities: pa.Table) -> pa.ChunkedArray:
    return pc.is_in(opportunities["stage"], value_set=pa.array(["won", "lost"]))


def _primary(associations: pa.Table) -> pa.Table:
    if "is_primary" not in associations.column_names:
        return associations
    return associations.filter(pc.fill_null(associations["is_primary"], True))


def _ones(truth: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    return pc.fill_null(truth, False).cast(pa.int64())


def _stack(events: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(events, promote_options="default")


def _merge(card: pa.Table, groups: pa.Array) -> pa.Table:
    samples = card["sales_cycle_samples"].combine_chunks()
    pooled = pa.table(
        {
            "territory": groups.take(pc.list_parent_indices(samples)),
            "days": pc.list_flatten(samples),
        }
    )
    counted = card.select([*_COUNTS, *_SUMS]).append_column("territory", groups)
    return _assemble(counted, pooled)


def _assemble(events: pa.Table, samples: pa.Table) -> pa.Table:
    """Return the scorecard of counted events and pooled samples, by their ``territory``."""
    events = _with_rest(events)
    sums = group_sums(events, columns=[*_COUNTS, *_SUMS])
    lists, medians = _pool(samples, sums["territory"])
    columns = {name: sums[name] for name in sums.column_names} | {
        "lead_conversion": _share(sums, "leads_converted", "leads_created"),
        "win_rate": _share(sums, "won", "closed"),
        "sales_cycle_samples": lists,
        "sales_cycle_days": medians,
        "average_deal_size": _mean_money(sums["bookings"], sums["won_with_amount"]),
        "customer_retention": _share(sums, "customers_retained", "customers_at_start"),
    }
    return pa.table([columns[name] for name in SCORECARD_SCHEMA.names], SCORECARD_SCHEMA.names).cast(
        SCORECARD_SCHEMA
    )


def _with_rest(events: pa.Table) -> pa.Table:
    """Add a row of nothing without territory: the rest is always shown, even when it is empty."""
    return _stack([events, pa.table({"territory": pa.nulls(1, pa.string())})])


def _pool(samples: pa.Table, territories: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Return, per territory, its samples ascending and their exact median."""
    codes = pc.index_in(as_text(samples["territory"]), value_set=as_text(territories))
    group = codes.to_numpy(zero_copy_only=False).astype(np.int64)
    days = samples["days"].to_numpy().astype(np.int64)
    order = np.lexsort((days, group))
    days = days[order]
    offsets = np.searchsorted(group[order], np.arange(len(territories) + 1))
    low, high = offsets[:-1], offsets[1:]
    is_known = high > low
    # Empty groups point anywhere inside; their value is masked.
    padded = np.append(days, 0)
    middle_low = padded[np.where(is_known, low + (high - low - 1) // 2, 0)]
    middle_high = padded[np.where(is_known, low + (high - low) // 2, 0)]
    medians = pa.array((middle_low + middle_high) / 2, pa.float64(), mask=~is_known)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(days, pa.int64())), medians


def _share(sums: pa.Table, part: str, whole: str) -> pa.ChunkedArray:
    divisor = _none_for_zero(sums[whole]).cast(pa.float64())
    return pc.divide(sums[part].cast(pa.float64()), divisor)


def _mean_money(total: pa.ChunkedArray, count: pa.ChunkedArray) -> pa.Array:
    # One division per territory, in Python: Arrow's decimal division truncates and widens.
    pairs = zip(total.to_pylist(), count.to_pylist(), strict=True)
    return pa.array([None if not n else round(money / n, 2) for money, n in pairs], MONEY)


def _none_for_zero(counts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(counts, 0), pa.scalar(None, counts.type), counts)
