"""Promise 5: dated history without gap, overlap, empty or reversed interval, and none that begins in the future."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models

from merestone.app.ports_audit import Check, Finding
from merestone.db.models import (
    AccountAssociation,
    LeadAssociation,
    Member,
    Opportunity,
    OpportunityOwnership,
    Quota,
)
from merestone.db.stores.cells import Shape, cell
from merestone.db.stores.verify.asking import rows, table_of

CLOCKS_DIFFER = timedelta(minutes=5)
DAWN = "0001-01-01"


@dataclass(frozen=True)
class Intervals:
    """A table of dated rows.

    Parameters
    ----------
    by : tuple of str
        What the intervals of may not overlap.
    is_whole : bool
        They may leave no gap either.
    is_past : bool
        None may begin in the future.
    """

    rule: str
    title: str
    model: type[models.Model]
    table: str
    by: tuple[str, ...]
    start: str = "valid_from"
    end: str = "valid_to"
    where: str = "1 = 1"
    is_whole: bool = True
    is_past: bool = True


INTERVALS = (
    Intervals(
        "account-history", "Places of accounts follow each other.", AccountAssociation, "accounts", ("account_id",),
        where="is_primary",
    ),
    Intervals(
        "account-overlay-history", "Overlays of accounts do not overlap themselves.", AccountAssociation, "accounts",
        ("account_id", "territory_id"), where="NOT is_primary", is_whole=False,
    ),
    Intervals(
        "lead-history", "Places of leads follow each other.", LeadAssociation, "leads", ("lead_id",),
        where="is_primary",
    ),
    Intervals(
        "opportunity-history", "Owners of opportunities follow each other.", OpportunityOwnership, "opportunities",
        ("opportunity_id",),
    ),
    Intervals(
        "member-history", "Nobody is twice in one role of a territory.", Member, "members", ("node_id", "rep_id", "role"),
        start=f"coalesce(starts_on, '{DAWN}')", end="ends_on", is_whole=False, is_past=False,
    ),
    Intervals(
        "quota-history", "Quotas of a territory do not overlap.", Quota, "quotas", ("territory_id",),
        start="starts_on", end="ends_on", is_whole=False, is_past=False,
    ),
)  # fmt: skip


def checks(now: datetime) -> Sequence[Check]:
    """Return the checks."""
    return (
        *(_check(intervals, now) for intervals in INTERVALS),
        Check("opportunity-owner", 5, "An opportunity's owner is the last of its history.", _owners),
    )


def _check(intervals: Intervals, now: datetime) -> Check:
    def ask() -> Iterator[Finding]:
        yield from _shapes(intervals, now)
        yield from _sequence(intervals)

    return Check(intervals.rule, 5, intervals.title, ask)


def _shapes(intervals: Intervals, now: datetime) -> Iterator[Finding]:
    table, start, end = table_of(intervals.model), intervals.start, intervals.end
    future, parameters = "1 = 0", []
    if intervals.is_past:
        future, parameters = f"{start} > %s", [cell(now + CLOCKS_DIFFER, Shape.INSTANT)] * 2
    sql = (
        f"SELECT id, {intervals.by[0]}, {start}, {end}, CASE WHEN {future} THEN 1 ELSE 0 END FROM {table}"  # noqa: S608
        f" WHERE ({intervals.where}) AND ({end} <= {start} OR {future}) ORDER BY id"
    )
    for pk, one, begins, ends, is_future in rows(sql, parameters):
        words = "begins in the future" if is_future else "lasts no time, or ends before it begins"
        yield Finding(
            f"The history of {_of(intervals, one)} has a row ({pk}) that {words}: from {begins} to {ends or 'now'}.",
            "Correct its dates.",
            intervals.table,
            one,
            f"{begins} – {ends or ''}",
        )


def _sequence(intervals: Intervals) -> Iterator[Finding]:
    by, wrong = ", ".join(intervals.by), "before IS NULL OR before > begins"
    if intervals.is_whole:
        wrong = "before IS NULL OR before <> begins"
    sql = (
        f"SELECT id, one, begins, before, earlier, CASE WHEN before < begins THEN 1 ELSE 0 END FROM (SELECT id, {intervals.by[0]} AS one, {intervals.start} AS begins,"  # noqa: S608
        f" lag({intervals.end}) OVER place AS before, lag(id) OVER place AS earlier FROM {table_of(intervals.model)}"
        f" WHERE {intervals.where} WINDOW place AS (PARTITION BY {by} ORDER BY {intervals.start}, id)) AS placed"
        f" WHERE earlier IS NOT NULL AND ({wrong}) ORDER BY id"
    )
    for pk, one, begins, before, earlier, is_gap in rows(sql):
        yield Finding(
            f"The history of {_of(intervals, one)} has {'a gap' if is_gap else 'an overlap'}: row {earlier} ends"
            f" {before or 'never'}, row {pk} begins {begins}.",
            "Correct the dates so that one begins where the other ends.",
            intervals.table,
            one,
            f"{before or ''} / {begins}",
        )


def _of(intervals: Intervals, one: int) -> str:
    return f"{intervals.by[0].removesuffix('_id')} {one}"


def _owners() -> Iterator[Finding]:
    sql = (
        f"SELECT o.id, o.name, o.owner_id, count(h.id), max(h.owner_id) FROM {table_of(Opportunity)} AS o"  # noqa: S608
        f" LEFT JOIN {table_of(OpportunityOwnership)} AS h ON h.opportunity_id = o.id AND h.valid_to IS NULL"
        " GROUP BY o.id, o.name, o.owner_id HAVING count(h.id) <> 1"
        " OR coalesce(max(h.owner_id), 0) <> coalesce(o.owner_id, 0) ORDER BY o.id"
    )
    for pk, name, owner, n, told in rows(sql):
        words = f"the history says {told or 'nobody'}" if n == 1 else f"the history has {n} open rows"
        yield Finding(
            f"The opportunity {pk} ({name}) is owned by {owner or 'nobody'}; {words}.",
            "Set the owner anew; the history follows.",
            "opportunities",
            pk,
            str(owner),
        )
