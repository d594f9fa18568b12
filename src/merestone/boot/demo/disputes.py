"""Claims: who says an account is theirs, and why; twelve open ones and some decided before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from merestone.boot.demo.accounts import Accounts
from merestone.boot.demo.columnar import NO_DAY, days, instants, text
from merestone.boot.demo.ownership import Ownership
from merestone.boot.demo.people import Team


@dataclass(frozen=True, slots=True)
class _Quarrel:
    """Claims of one kind: the holder's territory, the claimant's, how many, and the reason."""

    held: str
    claimant: str
    n_open: int
    n_decided: int
    reason: str


_QUARRELS = (
    _Quarrel(
        "missouri",
        "plains",
        3,
        2,
        "The plant is in Kansas City, on my side of the river; I have served it for years.",
    ),
    _Quarrel(
        "bay-life-science",
        "bay-area",
        3,
        1,
        "It is a contract laboratory, not a drug maker; the industry code is wrong.",
    ),
    _Quarrel(
        "texas-gulf",
        "west-texas-oklahoma",
        2,
        1,
        "The buyer sits in Austin and all quotes went out from there.",
    ),
    _Quarrel(
        "key-accounts",
        "boston",
        2,
        1,
        "Only the group has 5,000 people; this site is run and buys on its own.",
    ),
    _Quarrel(
        "chicago-enterprise",
        "chicago-smb",
        1,
        1,
        "They have 180 employees since the plant closed; the figure is old.",
    ),
    _Quarrel(
        "new-york-enterprise",
        "new-jersey",
        1,
        0,
        "Head office is in New York, but the laboratory is in New Jersey.",
    ),
)
_DECISIONS = (
    ("upheld", "The claimant has the visits and the offers to show; moved and locked for a year."),
    ("rejected", "The rule is right and the account matches it; it stays."),
)


def make_claims(
    accounts: Accounts, ownership: Ownership, team: Team, *, today: date, rng: np.random.Generator
) -> pa.Table:
    """Return the claims: account, claimant, holder, reason, state, opened, due, decided, decision."""
    now, last = today.toordinal(), ownership.territory[-1]
    rows: list[tuple[int, _Quarrel, int, int, str, int, str]] = []
    for quarrel in _QUARRELS:
        here = last == ownership.territories.index(quarrel.held)
        pool = np.flatnonzero(here & accounts.is_customer)
        chosen = rng.choice(pool, size=quarrel.n_open + quarrel.n_decided, replace=False)
        for number_, account in enumerate(chosen):
            is_open = number_ < quarrel.n_open
            opened = now - int(rng.integers(2, 26) if is_open else rng.integers(60, 200))
            state, decision = ("open", "") if is_open else _DECISIONS[len(rows) % 2]
            decided = NO_DAY if is_open else opened + int(rng.integers(5, 28))
            rows.append((int(account), quarrel, opened, opened + 21, state, decided, decision))
    rows.sort(key=lambda row: (row[2], row[0]))
    account_of = np.array([row[0] for row in rows])
    return pa.table(
        {
            "account": text(accounts.ids[account_of]),
            "claimant": text([team.owner_of(row[1].claimant).email for row in rows]),
            "holder": text(ownership.owners_at(account_of, np.full(len(rows), now))),
            "reason": text([row[1].reason for row in rows]),
            "state": text([row[4] for row in rows]),
            "opened_at": instants(np.array([row[2] for row in rows]), 16 * 3600),
            "due_on": days(np.array([row[3] for row in rows])),
            "decided_at": instants(np.array([row[5] for row in rows]), 20 * 3600),
            "decision": text([row[6] for row in rows]),
        }
    )
