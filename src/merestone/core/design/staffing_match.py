"""The best assignment of people to territories, and what every other choice would cost it.

    maximise    sum_t points[t, p(t)]  -  sum_p further * (0 + 1 + … + (n_p - 1))
    subject to  p(t) allowed, n_p <= most_p, where n_p = the number of territories of p,

with as many territories staffed as can be: a vacancy costs more than all points together. What forcing (t, q) loses
is exact: the shortest alternating path that makes room for it in the residual graph of the assignment.

References
----------
H. W. Kuhn (1955), The Hungarian method for the assignment problem, Naval Research Logistics Quarterly 2:83-97,
doi:10.1002/nav.3800020109. R. W. Floyd (1962), Algorithm 97: Shortest path, Communications of the ACM 5(6):345,
doi:10.1145/367766.368168.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from merestone.core.design.staffing_asked import VACANT


@dataclass(frozen=True, eq=False)
class Match:
    """An assignment.

    Parameters
    ----------
    chosen : array of int, shape (k,)
        Person of each territory; -1 = vacant.
    total : float
        Points of all, less what further territories cost.
    lost : array of float, shape (k, m)
        Points that the whole loses when this person has this territory and the rest is best for that; less than 0 where
        it gains. inf where the person may not have it.
    vacancies : array of int, shape (k, m)
        Vacancies that come on top then.
    """

    chosen: np.ndarray
    total: float
    lost: np.ndarray
    vacancies: np.ndarray


def match(
    points: np.ndarray, allowed: np.ndarray, *, most: np.ndarray, further: float, fixed: dict[int, int]
) -> Match:
    """Return the best assignment with the fixed choices kept, and what others would lose.

    A fixed person may take as many as are fixed, whatever ``most`` says; the losses of a fixed territory are those of
    fixing it otherwise.

    Parameters
    ----------
    points : array of float, shape (k, m)
        0 or more.
    fixed : dict of int to int
        Territory -> person, or -1 to keep it vacant.
    """
    k, m = points.shape
    rows, columns = _problem(points, allowed, most=most, further=further, fixed=fixed)
    chosen, lost = _solved(rows, columns, k, m)
    for territory, person in fixed.items():
        chosen[territory] = person
    value = _value(points, chosen, further)
    whole = value - columns.vacancy * int((chosen == VACANT).sum())
    for territory in sorted(fixed):
        others = {at: person for at, person in fixed.items() if at != territory}
        freed = _problem(points, allowed, most=most, further=further, fixed=others)
        without, row = _solved(*freed, k, m)
        for at, person in others.items():
            without[at] = person
        best = _value(points, without, further) - columns.vacancy * int((without == VACANT).sum())
        lost[territory] = row[territory] - (best - whole)
        if chosen[territory] != VACANT:
            lost[territory, chosen[territory]] = 0.0
    with np.errstate(invalid="ignore"):
        vacancies = np.where(np.isfinite(lost), np.round(lost / columns.vacancy), 0).astype(np.int64)
    return Match(chosen, value, lost - vacancies * columns.vacancy, vacancies)


@dataclass(frozen=True, eq=False)
class _Columns:
    """Places to be had: each person as often as they can take a territory, dearer each time."""

    person: np.ndarray
    price: np.ndarray
    vacancy: float


def _problem(
    points: np.ndarray, allowed: np.ndarray, *, most: np.ndarray, further: float, fixed: dict[int, int]
) -> tuple[tuple[np.ndarray, np.ndarray], _Columns]:
    """Return (free territories, their costs per place) and the places."""
    k, m = points.shape
    taken = np.bincount([person for person in fixed.values() if person != VACANT], minlength=m)
    room = np.clip(np.minimum(most, taken + k) - taken, 0, None).astype(np.int64)
    person = np.repeat(np.arange(m), room)
    nth = np.arange(len(person)) - np.repeat(np.cumsum(room) - room, room) + taken[person]
    price = further * nth
    # A power of two: sums with it lose no digit of the points.
    most_points = 2.0 * (k + 1) * (float(points.max(initial=0.0)) + further * (k + 1) + 1)
    vacancy = 2.0 ** np.ceil(np.log2(most_points))
    free = np.array([at for at in range(k) if at not in fixed], dtype=np.int64)
    cost = price[None, :] - points[np.ix_(free, person)]
    cost = np.where(allowed[np.ix_(free, person)], cost, np.inf)
    return (free, cost), _Columns(person, price, float(vacancy))


def _solved(
    rows: tuple[np.ndarray, np.ndarray], columns: _Columns, k: int, m: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return who has each free territory, and what the whole loses per pair (inf: not allowed, or not free)."""
    from scipy.optimize import linear_sum_assignment

    free, cost = rows
    n_places, n_free = len(columns.person), len(free)
    chosen, lost = np.full(k, VACANT), np.full((k, m), np.inf)
    if n_free == 0:
        return chosen, lost
    padded = np.hstack([cost, np.full((n_free, n_free), columns.vacancy)])
    _, place = linear_sum_assignment(padded)
    is_staffed = place < n_places
    chosen[free[is_staffed]] = columns.person[place[is_staffed]]
    extra = _extra_costs(padded, place)[:, :n_places]
    for at in range(n_free):
        np.minimum.at(lost[free[at]], columns.person, extra[at])
        if is_staffed[at]:
            lost[free[at], chosen[free[at]]] = 0.0
    return chosen, lost


def _extra_costs(cost: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return by how much the least cost rises when a row has to take a column, for each pair.

    The row leaves its column and takes the wanted one; the cycle is closed by a shortest path from there back: rows move
    from column to column, into free ones and out of used ones (``outside`` stands for all that are free). It needs no care
    that the row itself does not move again: a shortest path ends where it left.
    """
    n = len(place)
    outside = n
    now = cost[np.arange(n), place]
    change = cost - now[:, None]
    is_free = np.ones(cost.shape[1], dtype=bool)
    is_free[place] = False
    moves = np.zeros((n + 1, n + 1))
    moves[:n, :n] = change[:, place]
    moves[:n, outside] = change[:, is_free].min(axis=1, initial=np.inf)
    np.fill_diagonal(moves, 0.0)
    for through in range(n + 1):
        np.minimum(moves, moves[:, through, None] + moves[through], out=moves)
    back = np.empty_like(cost)
    back[:, is_free] = moves[outside, :n, None]
    back[:, place] = moves[:n, :n].T
    return np.maximum(change + back, 0.0)


def _value(points: np.ndarray, chosen: np.ndarray, further: float) -> float:
    staffed = np.flatnonzero(chosen != VACANT)
    counts = np.bincount(chosen[staffed]) if len(staffed) else np.zeros(0, dtype=np.int64)
    return float(points[staffed, chosen[staffed]].sum() - further * (counts * (counts - 1) / 2).sum())
