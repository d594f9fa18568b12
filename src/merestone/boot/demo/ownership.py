"""Who had which account when: the history of associations over last year's and this year's model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from merestone.boot.demo.accounts import Accounts
from merestone.boot.demo.columnar import NO_DAY, instants, text
from merestone.boot.demo.geography import COMPANY_ZONE
from merestone.boot.demo.models import Model

_N_MOVES, _N_LOCKS = 45, 18
_ZONE = ZoneInfo(COMPANY_ZONE)


@dataclass(frozen=True)
class Ownership:
    """Territory and owner of every account at every change day.

    Parameters
    ----------
    changes : NDArray of int, shape (n_changes,)
        Ordinals of the days something changed, ascending; the first is before all deals.
    territory, owner : NDArray of int, shape (n_changes, n_accounts)
        Positions in ``territories`` and ``owners``; -1 = none.
    """

    changes: NDArray[np.int64]
    territories: tuple[str, ...]
    owners: tuple[str, ...]
    territory: NDArray[np.int64]
    owner: NDArray[np.int64]
    history: pa.Table
    locks: pa.Table

    def owners_at(self, accounts: NDArray[np.int64], ordinals: NDArray[np.int64]) -> NDArray[Any]:
        """Return the owner's e-mail (or an empty text) per account and day."""
        epoch = np.clip(np.searchsorted(self.changes, ordinals, side="right") - 1, 0, None)
        return np.array((*self.owners, ""))[self.owner[epoch, accounts]]

    def territories_at(self, accounts: NDArray[np.int64], ordinals: NDArray[np.int64]) -> NDArray[Any]:
        """Return the territory's key (or an empty text) per account and day."""
        epoch = np.clip(np.searchsorted(self.changes, ordinals, side="right") - 1, 0, None)
        return np.array((*self.territories, ""))[self.territory[epoch, accounts]]


@dataclass(frozen=True, slots=True)
class _Move:
    """Accounts put into a territory by hand from one day to another (``None`` = still)."""

    accounts: NDArray[np.int64]
    target: str
    start: date
    end: date | None


def make_ownership(
    accounts: Accounts, previous: Model, current: Model, *, today: date, rng: np.random.Generator
) -> Ownership:
    """Return the history: two years under last year's boundaries, this year's since its first day."""
    territories = tuple(dict.fromkeys((*previous.keys, *current.keys)))
    owners = tuple(
        dict.fromkeys(m.email for model in (previous, current) for m in model.members if m.role == "owner")
    )
    base = {model.key: _match(model, accounts, territories) for model in (previous, current)}
    moves = _moves(accounts, base[current.key][0], territories, current, today=today, rng=rng)
    origin = date(today.year - 2, 1, 1)
    changed_on = {origin, current.effective}
    changed_on |= {m.start for m in current.members} | {m.end for m in current.members if m.end}
    changed_on |= {m.end for m in previous.members if m.end}
    changed_on |= {day for move in moves for day in (move.start, move.end) if day}
    days = sorted(day for day in changed_on if day <= today)
    shape = (len(days), len(accounts.ids))
    territory, owner, cause = np.full(shape, -1), np.full(shape, -1), np.zeros(shape, dtype=np.int64)
    for row, day in enumerate(days):
        model = current if day >= current.effective else previous
        territory[row], by_name = base[model.key]
        cause[row] = np.where(by_name, _CAUSES.index("named"), _CAUSES.index("rule"))
        for move in moves:
            if move.start <= day and (move.end is None or day < move.end):
                territory[row, move.accounts] = territories.index(move.target)
                cause[row, move.accounts] = _CAUSES.index("manual")
        by_territory = [
            _position(owners, model.owner_on(key, max(day, model.effective))) for key in territories
        ]
        owner[row] = np.array([*by_territory, -1])[territory[row]]
    cause[0] = _CAUSES.index("import")
    ordinals = np.array([day.toordinal() for day in days])
    history = _history(accounts, ordinals, territory, owner, cause, territories, owners, previous, current)
    locked = [move for move in moves if move.end is None]
    return Ownership(
        ordinals, territories, owners, territory, owner, history, _locks(accounts, locked, today)
    )


_CAUSES = ("import", "rule", "named", "manual")
_REASONS = {
    "import": "Taken over from the old system.",
    "rule": "Rules of {model}.",
    "named": "Named in {model}.",
    "manual": "Moved by hand: the customer asked for a person they know.",
}


def _position(values: tuple[str, ...], value: str) -> int:
    return values.index(value) if value in values else -1


def _match(
    model: Model, accounts: Accounts, territories: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    winner, by_name = model.match(accounts.columns)
    return np.array([*(territories.index(key) for key in model.keys), -1])[winner], by_name


def _moves(
    accounts: Accounts,
    now: NDArray[np.int64],
    territories: tuple[str, ...],
    current: Model,
    *,
    today: date,
    rng: np.random.Generator,
) -> list[_Move]:
    """Return moves of last year that ended with it, and this year's, which are locked."""
    year = today.year
    pairs = (
        ("north-texas", "texas-gulf", 3),
        ("new-jersey", "philadelphia-delaware", 6),
        ("virginia", "maryland-dc", 9),
    )
    moves, taken = [], np.zeros(len(now), dtype=bool)
    for source, target, month in pairs:
        chosen = _pick(accounts, now == territories.index(source), _N_MOVES // 3, taken, rng)
        moves.append(_Move(chosen, target, date(year - 1, month, 15), current.effective))
    start = max(current.effective, date.fromordinal(today.toordinal() - 110))
    for source, target in (
        ("bay-life-science", "bay-area"),
        ("missouri", "plains"),
        ("texas-gulf", "west-texas-oklahoma"),
    ):
        chosen = _pick(accounts, now == territories.index(source), _N_LOCKS // 3, taken, rng)
        moves.append(_Move(chosen, target, start, None))
    return moves


def _pick(
    accounts: Accounts,
    eligible: NDArray[np.bool_],
    n: int,
    taken: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    chosen = rng.choice(np.flatnonzero(eligible & accounts.is_customer & ~taken), size=n, replace=False)
    taken[chosen] = True
    return np.sort(chosen)


def _locks(accounts: Accounts, moves: list[_Move], today: date) -> pa.Table:
    rows = [(int(i), move.target) for move in moves for i in move.accounts]
    until = date(today.year + 1, 1, 1)
    return pa.table(
        {
            "account": text([accounts.ids[i] for i, _ in rows]),
            "territory": text([target for _, target in rows]),
            "reason": text(["Stays until the running project is handed over."] * len(rows)),
            "until": pa.array([until if n % 3 else None for n in range(len(rows))], pa.date32()),
        }
    )


def _midnight(ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the seconds after 00:00 UTC at which the days begin for the company."""
    distinct, inverse = np.unique(ordinals, return_inverse=True)
    days = [date.fromordinal(int(day)) if day != NO_DAY else date(2000, 1, 1) for day in distinct]
    starts = [
        datetime(day.year, day.month, day.day, tzinfo=_ZONE).utcoffset() or timedelta(0) for day in days
    ]
    return np.array([-int(start.total_seconds()) for start in starts])[inverse]


def _history(
    accounts: Accounts,
    ordinals: NDArray[np.int64],
    territory: NDArray[np.int64],
    owner: NDArray[np.int64],
    cause: NDArray[np.int64],
    territories: tuple[str, ...],
    owners: tuple[str, ...],
    previous: Model,
    current: Model,
) -> pa.Table:
    """Return one row per stretch without change, by account and time."""
    differs = np.ones(territory.shape, dtype=bool)
    differs[1:] = (territory[1:] != territory[:-1]) | (owner[1:] != owner[:-1])
    account, epoch = np.nonzero(differs.T)
    is_last = np.append(account[1:] != account[:-1], True)
    starts = ordinals[epoch]
    ends = np.where(is_last, NO_DAY, np.append(starts[1:], NO_DAY))
    in_current = starts >= current.effective.toordinal()
    causes = np.array(_CAUSES)[cause[epoch, account]]
    model = np.where(causes == "import", "", np.where(in_current, current.key, previous.key))
    names = {"": "", current.key: current.name, previous.key: previous.name}
    reasons = [_REASONS[c].format(model=names[m]) for c, m in zip(causes, model, strict=True)]
    return pa.table(
        {
            "account": text(accounts.ids[account]),
            "territory": text(np.array((*territories, ""))[territory[epoch, account]]),
            "owner": text(np.array((*owners, ""))[owner[epoch, account]]),
            "model": text(model),
            "is_primary": pa.array(np.ones(len(account), dtype=bool)),
            "cause": text(causes),
            "reason": text(reasons),
            "valid_from": instants(starts, _midnight(starts)),
            "valid_to": instants(ends, _midnight(ends)),
        }
    )
