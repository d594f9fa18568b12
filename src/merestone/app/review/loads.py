"""What each rep would carry before and after: accounts, potential, workload, and their index to the mean.

The mean is over all reps who have anything before or after. An effect is what some accounts more or less do to those
who would have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.difference import Difference
from merestone.app.difference.comparing import plain
from merestone.app.services import Services

MEASURES = ("accounts", "potential", "workload_hours")
WEIGHED = ("potential", "workload_hours")
NOBODY = -1


@dataclass(frozen=True)
class Loads:
    """Every account with its owner after, and every rep with their sums before and after.

    Parameters
    ----------
    ids : array of int64, shape (n,)
        The accounts, ascending.
    values : array of float, shape (n, 3)
        ``MEASURES`` per account; a missing one counts as nothing.
    now, then : array of int64, shape (n,)
        Rep id of the owner today, and once the model is active; -1: nobody.
    reps : array of int64, shape (r,)
        Ascending, without -1.
    before, after : array of float, shape (r, 3)
    """

    ids: np.ndarray
    values: np.ndarray
    now: np.ndarray
    then: np.ndarray
    reps: np.ndarray
    before: np.ndarray
    after: np.ndarray

    def position(self, account_id: int) -> int | None:
        """Return an account's row, or None."""
        at = int(np.searchsorted(self.ids, account_id))
        return at if at < len(self.ids) and self.ids[at] == account_id else None

    def owner_now(self, account_id: int) -> int | None:
        """Return who owns an account today."""
        return self._owner(self.now, account_id)

    def owner_then(self, account_id: int) -> int | None:
        """Return who would own it."""
        return self._owner(self.then, account_id)

    def _owner(self, owners: np.ndarray, account_id: int) -> int | None:
        at = self.position(account_id)
        return None if at is None or owners[at] == NOBODY else int(owners[at])

    def of(self, rep_id: int, *, then: bool) -> np.ndarray:
        """Return a rep's sums; zeros for who has nothing."""
        at = int(np.searchsorted(self.reps, rep_id))
        if at < len(self.reps) and self.reps[at] == rep_id:
            return np.array((self.after if then else self.before)[at])
        return np.zeros(len(MEASURES))

    def mean(self, *, then: bool) -> np.ndarray:
        """Return the mean of the reps' sums."""
        sums = self.after if then else self.before
        return np.array(sums.mean(axis=0)) if len(sums) else np.zeros(len(MEASURES))

    def told(self, rep_id: int, sums: np.ndarray, *, then: bool) -> dict[str, Any]:
        """Return sums with their indexes (100 = the mean; None when there is none), as plain numbers."""
        means = self.mean(then=then)
        found: dict[str, Any] = {"rep": rep_id}
        for name, value, mean in zip(MEASURES, sums.tolist(), means.tolist(), strict=True):
            found[name] = int(value) if name == "accounts" else round(value, 2)
            found[f"{name}_index"] = round(100 * value / mean, 1) if mean else None
        return found


def loads_of(services: Services, difference: Difference) -> Loads:
    """Return what everybody carries before and after a difference."""
    book = services.book.accounts(columns=["potential", "workload_hours"])
    ids = np.asarray(plain(book["id"]))
    values = np.column_stack([np.ones(len(ids)), *(_floats(book[name]) for name in WEIGHED)])
    opened = services.associations.open_now("accounts")
    main = opened.filter(opened["is_primary"])
    now = np.full(len(ids), NOBODY, dtype=np.int64)
    _put(now, ids, main["record"], main["owner"])
    then = now.copy()
    _put(then, ids, difference.rows["id"], difference.rows["to_owner"])
    reps = np.unique(np.concatenate([now, then]))
    reps = reps[reps != NOBODY]
    return Loads(ids, values, now, then, reps, _sums(now, reps, values), _sums(then, reps, values))


def _put(owners: np.ndarray, ids: np.ndarray, records: Any, new: Any) -> None:
    wanted = np.asarray(plain(records), dtype=np.int64)
    at = np.searchsorted(ids, wanted)
    known = (at < len(ids)) & (ids[np.minimum(at, max(len(ids) - 1, 0))] == wanted) if len(ids) else at < 0
    values = np.asarray(plain(new).cast(pa.int64()).fill_null(NOBODY))
    owners[at[known]] = values[known]


def _sums(owners: np.ndarray, reps: np.ndarray, values: np.ndarray) -> np.ndarray:
    held = owners != NOBODY
    at = np.searchsorted(reps, owners[held])
    columns = [
        np.bincount(at, weights=values[held, place], minlength=len(reps)) for place in range(values.shape[1])
    ]
    return np.column_stack(columns) if len(reps) else np.zeros((0, values.shape[1]))


def _floats(column: Any) -> np.ndarray:
    return np.asarray(pc.fill_null(plain(column).cast(pa.float64()), 0.0))


@dataclass(frozen=True, slots=True)
class Side:
    """One rep's sums in the new model, without and with a change."""

    rep_id: int
    without: Mapping[str, Any]
    with_it: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change would do to the balance.

    Parameters
    ----------
    sides : tuple of Side
        Those who lose or win something by it.
    share : float
        The largest change of anybody's potential or workload, as a share of the mean.
    """

    sides: tuple[Side, ...]
    share: float


def effect(loads: Loads, moves: Mapping[int, int | None]) -> Effect:
    """Return what giving accounts to other owners (None: nobody) in the new model would do."""
    change: dict[int, np.ndarray] = {}
    for account_id, owner in moves.items():
        at = loads.position(account_id)
        if at is None:
            continue
        for rep_id, sign in ((loads.owner_then(account_id), -1.0), (owner, 1.0)):
            if rep_id is not None:
                change[rep_id] = change.get(rep_id, np.zeros(len(MEASURES))) + sign * loads.values[at]
    means = loads.mean(then=True)
    weighed = [MEASURES.index(name) for name in WEIGHED]
    shares = [
        abs(delta[place]) / means[place] if means[place] else float(delta[place] != 0)
        for delta in change.values()
        for place in weighed
    ]
    sides = []
    for rep_id in sorted(change):
        before = loads.of(rep_id, then=True)
        sides.append(
            Side(
                rep_id,
                loads.told(rep_id, before, then=True),
                loads.told(rep_id, before + change[rep_id], then=True),
            )
        )
    return Effect(tuple(sides), float(max(shares, default=0.0)))
