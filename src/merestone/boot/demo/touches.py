"""Activities: calls, mails, visits, tasks, notes and service cases, past and planned."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from merestone.boot.demo.accounts import Accounts
from merestone.boot.demo.columnar import contract_table, instants, text, whole
from merestone.boot.demo.leads import Leads
from merestone.boot.demo.ownership import Ownership

N_ACTIVITIES = 25_000
N_PLANNED = 1_400
_KINDS = ("call", "mail", "visit", "task", "note", "case")
_SHARE = np.array([0.30, 0.28, 0.16, 0.07, 0.07, 0.12])
_MINUTES = np.array([18, 6, 75, 20, 5, 90])
_SUBJECTS = {
    "call": ("Follow-up call", "Call about the quote", "Introduced the new product line", "Renewal call"),
    "mail": (
        "Sent the quote",
        "Sent data sheets",
        "Answered technical questions",
        "Invitation to the seminar",
    ),
    "visit": (
        "Site visit",
        "Demonstration on site",
        "Review with the laboratory",
        "Installation walk-through",
    ),
    "task": (
        "Prepare the offer",
        "Check stock for delivery",
        "Send sample results",
        "Clarify the delivery date",
    ),
    "note": (
        "Budget decided in spring",
        "New laboratory building planned",
        "Competitor on site",
        "Prefers mail",
    ),
    "case": (
        "Sensor drifts after cleaning",
        "Display shows error 42",
        "Calibration overdue",
        "Spare pump head needed",
    ),
}


def make_activities(
    accounts: Accounts, ownership: Ownership, leads: Leads, *, today: date, rng: np.random.Generator
) -> pa.Table:
    """Return 25,000 activities, oldest first: each touched lead has one at least, neglected ones have none."""
    touched = np.flatnonzero(leads.is_touched & (leads.owner != ""))
    n_lead = len(touched) + len(touched) // 2
    lead = np.concatenate(
        [touched, rng.choice(touched, n_lead - len(touched)), np.full(N_ACTIVITIES - n_lead, -1)]
    )
    is_lead = lead >= 0
    account = np.where(is_lead, -1, _visited(accounts, N_ACTIVITIES, rng))
    kind = rng.choice(len(_KINDS), size=N_ACTIVITIES, p=_SHARE)
    kind = np.where(is_lead, rng.choice(2, N_ACTIVITIES), kind)
    is_case = kind == _KINDS.index("case")
    account = np.where(is_case, rng.choice(np.flatnonzero(accounts.is_customer), N_ACTIVITIES), account)
    now = today.toordinal()
    day = now - np.floor(540 * rng.random(N_ACTIVITIES)).astype(int) - 1
    day = np.where(
        is_lead, np.minimum(leads.received[lead] + rng.integers(0, 12, N_ACTIVITIES), now - 1), day
    )
    planned = np.zeros(N_ACTIVITIES, dtype=bool)
    eligible = np.flatnonzero(~is_lead & np.isin(kind, (0, 2, 3)))
    planned[rng.choice(eligible, N_PLANNED, replace=False)] = True
    day = np.where(
        planned, _workdays(now + rng.integers(-2, 15, N_ACTIVITIES)), np.where(is_lead, day, _workdays(day))
    )
    is_done = ~planned & ~(is_case & (now - day < 25) & (rng.random(N_ACTIVITIES) < 0.6))
    rep = np.where(is_lead, leads.owner[lead], ownership.owners_at(account, np.minimum(day, now)))
    order = np.argsort(day, kind="stable")
    minutes = np.maximum(5, np.round(_MINUTES[kind] * rng.lognormal(0, 0.35, N_ACTIVITIES) / 5) * 5)
    pick = rng.integers(0, 4, N_ACTIVITIES)
    # Leads come in before 12:00 UTC, touches of them follow after 13:50.
    seconds = np.where(
        is_lead, rng.integers(50_000, 80_000, N_ACTIVITIES), rng.integers(14 * 4, 22 * 4, N_ACTIVITIES) * 900
    )
    columns = {
        "kind": text(np.array(_KINDS)[kind]),
        "account": text(np.where(account >= 0, accounts.ids[account], "")),
        "lead": text(np.where(is_lead, leads.ids[lead], "")),
        "rep": text(rep),
        "subject": text([_SUBJECTS[_KINDS[k]][p] for k, p in zip(kind, pick, strict=True)]),
        "occurs_at": instants(day, seconds),
        "minutes": whole(minutes),
        "is_done": pa.array(is_done),
    }
    rows = pa.table(columns).take(order)
    columns = {name: rows[name].combine_chunks() for name in rows.column_names}
    columns["external_id"] = text([f"V-{i:05d}" for i in range(1, N_ACTIVITIES + 1)])
    return contract_table("activities", columns)


def _visited(accounts: Accounts, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return accounts to touch: customers most, and a third of all never."""
    weight = np.array([5.0, 1.2, 0.3, 0.05])[accounts.lifecycle] * (rng.random(len(accounts.ids)) > 0.33)
    return np.asarray(rng.choice(len(weight), size=n, p=weight / weight.sum()))


def _workdays(ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the days with week-ends moved to the Friday before."""
    weekday = (ordinals - 1) % 7  # ordinal 1 was a Monday
    return ordinals - np.where(weekday >= 5, weekday - 4, 0)


def last_touches(activities: pa.Table) -> pa.Table:
    """Return ``lead`` and ``touched_at``: the last done activity of each touched lead."""
    done = activities.filter(pc.and_(pc.is_valid(activities["lead"]), activities["is_done"]))
    latest = done.group_by("lead", use_threads=False).aggregate([("occurs_at", "max")])
    return latest.rename_columns(["lead", "touched_at"]).sort_by("lead")
