"""Who had which account when: the history of associations over last year's and this year's model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from merestone.boot.demo.accounts import Accounts
from merestone.boot.demo.columnar import text
from merestone.boot.demo.models import Model

CAUSES = ("import", "rule", "named", "manual")
_N_MOVES, _N_LOCKS = 45, 18


@dataclass(frozen=True)
class Ownership:
    """Territory and owner of every account at every change day.

    Parameters
    ----------
    changes : NDArray of int, shape (n_changes,)
        Ordinals of the days something changed, ascending; the first is before all deals.
    territory, owner, cause : NDArray of int, shape (n_changes, n_accounts)
        Positions in ``territories``, ``owners`` and ``CAUSES``; -1 = none.
    """

    changes: NDArray[np.int64]
    territories: tuple[str, ...]
    owners: tuple[str, ...]
    territory: NDArray[np.int64]
    owner: NDArray[np.int64]
    cause: NDArray[np.int64]
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
    """Return the history: as imported, then under last year's model, then under this year's.

    The import already followed last year's boundaries.
    """
    territories = tuple(dict.fromkeys((*previous.keys, *current.keys)))
    owners = tuple(
        dict.fromkeys(m.email for model in (previous, current) for m in model.members if m.role == "owner")
    )
    base = {model.key: _match(model, accounts, territories) for model in (previous, current)}
    moves = _moves(accounts, base[current.key][0], territories, current, today=today, rng=rng)
    origin = date(today.year - 2, 1, 1)
    changed_on = {origin, previous.effective, current.effective}
    changed_on |= {m.start for m in current.members} | {m.end for m in current.members if m.end}
    changed_on |= {m.end for m in previous.members if m.end}
    changed_on |= {day for move in moves for day in (move.start, move.end) if day}
    days = sorted(day for day in changed_on if day <= today)
    shape = (len(days), len(accounts.ids))
    territory, owner, cause = np.full(shape, -1), np.full(shape, -1), np.zeros(shape, dtype=np.int64)
    for row, day in enumerate(days):
        model = current if day >= current.effective else previous
        territory[row], by_name = base[model.key]
        cause[row] = np.where(by_name, CAUSES.index("named"), CAUSES.index("rule"))
        for move in moves:
            if move.start <= day and (move.end is None or day < move.end):
                territory[row, move.accounts] = territories.index(move.target)
                cause[row, move.accounts] = CAUSES.index("manual")
        by_territory = [
            _position(owners, model.owner_on(key, max(day, model.effective))) for key in territories
        ]
        owner[row] = np.array([*by_territory, -1])[territory[row]]
    cause[0] = CAUSES.index("import")
    ordinals = np.array([day.toordinal() for day in days])
    locked = [move for move in moves if move.end is None]
    locks = _locks(accounts, locked, today)
    return Ownership(ordinals, territories, owners, territory, owner, cause, locks)


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
