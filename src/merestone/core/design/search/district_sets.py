"""Few units a territory: the cheapest plan of all sets that could be territories, and a bound that keeps contiguity.

    minimise Σ c_S z_S   over all sets of units S that are balanced and connected
    subject to           every unit in one set, k sets

Sets are priced into the linear relaxation by growing those that cost less than their units' prices, until there is none:
its value bounds every plan. A plan that costs no more than the relaxation by a room r consists of sets that cost no more
than their units' prices by r each, and together; such sets are grown for a room that widens, and searched through. When
that is done up to the cost of the plan at hand, nothing cheaper exists.

Prices between those of the relaxation and of the best bound so far keep what is grown few (Wentges 1997,
doi:10.1016/S0969-6016(97)00001-4). They begin at the multipliers of the problem without contiguity.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from merestone.core.design.control import Control
from merestone.core.design.loops.districts import FIRST_AMOUNT, Ground
from merestone.core.design.loops.districts_pool import Pool, price, reduce_costs
from merestone.core.design.loops.districts_sets import DONE, FOUND, STAGE, Growth, begin, grow
from merestone.core.design.search.district_pool import can_pool, price_units, put_together, words_of

THREADS = 2
MOST_EACH = 14
"""With more units a territory the sets are too many."""
STEPS_A_SECOND = 2.5e6
"""Of growing, in one thread."""
SEARCH_SHARE = 40
"""Steps of putting together a second of the time that is planned for."""
CHUNK = 100_000
"""Steps of growing between two looks at the control."""
ROOM_FOR = 1 << 15
"""Sets of a centre taken out at a time."""
MOST_SETS = 2_500_000
PRICED = 20
"""Sets priced in for each centre at a time."""
MOST_PRICING = 300_000
"""Steps of growing for each centre when sets are priced in."""
PRICINGS = 120
FIRST = 300
ADDED = 100
INNER = 200
FAR = 0.3
"""Sets so much too dear leave the relaxation, in costs of a territory."""
NEGATIVE = 1e-7
CLOSED = 1e-4
"""The relaxation is known when its bound is as near as this to its value."""
BETWEEN = 0.8, 0.05
"""How far prices are from the relaxation's at first, and when they become them."""
MULTIPLIER_STEPS = 300
FIRST_ROOM = 0.1
ABSURD = 10.0
WIDEN = 1.6, 1.12
"""By how much the room is widened at most; by less than the second is not worth it."""
ROUNDED = 1e-9
KEEPS_ALL = (
    "The bound keeps contiguity and whole units: it is of all sets of units that could be a territory."
)


@dataclass(frozen=True, eq=False, slots=True)
class Settled:
    """The cheapest plan put together, where it is cheaper than those known, and what no plan costs less than."""

    plan: np.ndarray | None = None
    bound: float | None = None


@dataclass(frozen=True, eq=False, slots=True)
class _Grown:
    """Sets, what they cost less the prices, how many steps it took, and whether they are all there are."""

    columns: np.ndarray
    reduced: np.ndarray
    steps: float
    is_all: bool


def can_settle(ground: Ground) -> bool:
    """Whether a territory has so few units that all sets near the best prices can be grown."""
    return (
        can_pool(ground)
        and len(ground.x) <= MOST_EACH * len(ground.has_home)
        and ground.lower.shape[0] > 0
        and bool(np.isfinite(ground.upper[_tightest(ground), 0]) and ground.lower[_tightest(ground), 0] > 0.0)
    )


def settle(
    ground: Ground, pools: Sequence[Pool], plans: Sequence[np.ndarray], *, seconds: float, control: Control
) -> Settled:
    """Return a plan cheaper than those known, if it is found in about so many seconds of work, and a bound.

    Parameters
    ----------
    pools : sequence of Pool
        Sets to begin with.
    plans : sequence of (n,) arrays
        That keep all bounds.
    """
    work = _Work(ground, pools, plans, control)
    work.relax()
    work.search(seconds)
    return Settled(work.plan, work.told())


class _Work:
    """The work on one problem; costs are the problem's own."""

    def __init__(
        self, ground: Ground, pools: Sequence[Pool], plans: Sequence[np.ndarray], control: Control
    ) -> None:
        self.ground, self.control = ground, control
        self.n, self.k = len(ground.x), len(ground.has_home)
        self.activity = _tightest(ground)
        known = [words_of(plan, self.k) for plan in plans]
        self.columns = np.unique(
            np.concatenate([*known, *(pool.columns[: pool.filled[0]] for pool in pools)]), axis=0
        )
        self.costs = self._price(self.columns)
        self.top = min((float(self._price(words).sum()) for words in known), default=np.inf)
        self.plan: np.ndarray | None = None
        self.scale = float(np.median(self.costs)) if len(self.costs) else 1.0
        # A bound above it, while no plan is known, says that there is none, not what one costs.
        self.ceiling = ABSURD * self.k * float(self.costs.max(initial=0.0))
        self.at_centres = _centre_costs(ground)
        self.prices = np.zeros(self.n + 1)
        self.value, self.bound = -np.inf, -np.inf

    def told(self) -> float | None:
        """Return the bound, less what sums of floats may be wrong by."""
        return self.bound - ROUNDED * abs(self.bound) if np.isfinite(self.bound) else None

    def relax(self) -> None:
        """Find prices that bound every plan: those of the linear relaxation over all sets, or near them."""
        if len(self.columns) < self.k or self.scale <= 0.0:
            return
        goal = self.top if np.isfinite(self.top) else 1.2 * self.k * self.scale
        self.prices, value = multipliers(self.at_centres, self.ground, self.activity, self.k, goal=goal)
        self.value = value
        self._tell(value)
        chosen = np.zeros(len(self.columns), bool)
        chosen[np.argsort(self.costs, kind="stable")[:: max(1, len(self.costs) // FIRST)]] = True
        between, least = BETWEEN
        for _ in range(PRICINGS):
            solved = self._solve(chosen)
            if solved is None:
                return
            prices, value, chosen = solved
            if value - self.value <= CLOSED * abs(value) or self.value >= self.top:
                return
            use = between * self.prices + (1.0 - between) * prices
            grown = self._grow(use, 0.0, most=MOST_PRICING, is_best=True)
            if grown is None:
                return
            bound = (
                use[: self.n].sum() + self.k * use[self.n] + self.k * min(0.0, grown.reduced.min(initial=0.0))
            )
            is_better = grown.is_all and bound > self.value
            if is_better:
                self.prices, self.value = use, float(bound)
                self._tell(self.value)
            new = np.unique(grown.columns, axis=0)
            costs, reduced = self._price(new), np.zeros(len(new))
            reduce_costs(new, costs, prices, reduced)
            is_cheap = reduced < -NEGATIVE * self.scale
            self.columns = np.concatenate([self.columns, new])
            self.costs = np.concatenate([self.costs, costs])
            chosen = np.concatenate([chosen, is_cheap])
            if not is_cheap.any():
                if between == 0.0 and not is_better:
                    return
                between = between / 2 if between > least else 0.0

    def _solve(self, chosen: np.ndarray) -> tuple[np.ndarray, float, np.ndarray] | None:
        """Return the prices and the value of the relaxation over the sets known, and which of them are in it."""
        reduced, prices = np.zeros(len(self.columns)), self.prices
        for _ in range(INNER):
            if self.control.must_stop():
                return None
            at = np.flatnonzero(chosen)
            found = price_units(self.columns[at], self.costs[at] / self.scale, k=self.k, n=self.n)
            if found is None:
                return None
            prices = found * self.scale
            reduce_costs(self.columns, self.costs, prices, reduced)
            chosen[at[reduced[at] > FAR * self.scale]] = False
            cheap = np.flatnonzero((reduced < -NEGATIVE * self.scale) & ~chosen)
            if not len(cheap):
                break
            chosen[cheap[np.argsort(reduced[cheap], kind="stable")[:ADDED]]] = True
        return prices, float(prices[: self.n].sum() + self.k * prices[self.n]), chosen

    def search(self, seconds: float) -> None:
        """Search through all sets within a room that widens as long as there is time."""
        left = seconds * STEPS_A_SECOND
        room = FIRST_ROOM * (self.top - self.value) if np.isfinite(self.top) else 0.005 * abs(self.value)
        if not np.isfinite(self.value):
            return
        before, wider, power = 0.0, WIDEN[0], 4.0
        efforts = max(1, int(seconds * SEARCH_SHARE))
        while room > 0.0 and (np.isfinite(self.top) or room < self.ceiling) and not self.control.must_stop():
            grown = self._grow(self.prices, room, most=left, is_best=False)
            if grown is None or not grown.is_all:
                return
            if not self._put_together(grown, efforts):
                return
            self._tell(min(self.top, self.value + room))
            if self.value + room >= self.top or self.control.must_stop():
                return
            left -= grown.steps
            if before:
                power = max(2.0, np.log(grown.steps / before) / np.log(wider)) + 1.0
            before = grown.steps
            wider = min(
                WIDEN[0], (max(left, 1.0) / grown.steps) ** (1.0 / power), (self.top - self.value) / room
            )
            if wider < WIDEN[1] and room * wider < self.top - self.value:
                return
            room = min(room * wider * (1.0 + ROUNDED), self.top - self.value)

    def _put_together(self, grown: _Grown, efforts: int) -> bool:
        """Search through sets; return whether to the end."""
        order = np.argsort(grown.reduced, kind="stable")
        # What the relaxation left a little too cheap counts as nothing: the sum is then no less than it is.
        reduced = np.maximum(grown.reduced[order], 0.0)
        room = (
            self.top - self.value
            if np.isfinite(self.top)
            else self.k * (reduced[-1] if len(reduced) else 0.0)
        )
        room -= ROUNDED * abs(self.value)
        found = put_together(
            grown.columns[order],
            reduced,
            k=self.k,
            n=self.n,
            room=room,
            efforts=efforts,
            control=self.control,
        )
        if found.plan is not None:
            self.plan = found.plan
            self.top = float(self._price(words_of(found.plan, self.k)).sum())
            self.control.tell_best(self.top)
        return found.is_done

    def _grow(self, prices: np.ndarray, limit: float, *, most: float, is_best: bool) -> _Grown | None:
        """Return the sets that cost less than their prices and the limit; None when it has to stop."""
        found, total = [0], [0.0]
        room = PRICED if is_best else ROOM_FOR

        def each(centre: int) -> _Grown | None:
            costs = np.ascontiguousarray(self.at_centres[centre] - prices[: self.n])
            growth = _growth(self.ground, self.activity, costs, room)
            begin(self.ground, growth, self.activity, centre, limit + prices[self.n])
            columns, values, used, is_all = [], [], 0.0, True
            while is_all and growth.at[STAGE] != DONE:
                if self.control.must_stop():
                    return None
                left = grow(self.ground, growth, self.activity, centre, CHUNK, is_best)
                used += CHUNK - left
                total[0] += CHUNK - left
                is_all = (used if is_best else total[0]) <= most and found[0] <= MOST_SETS
                if growth.at[STAGE] == DONE or not is_all or (growth.at[FOUND] == room and not is_best):
                    count = int(growth.at[FOUND])
                    columns.append(growth.columns[:count].copy())
                    values.append(growth.values[:count] - prices[self.n])
                    found[0] += count
                    growth.at[FOUND] = 0
            return _Grown(np.concatenate(columns), np.concatenate(values), used, is_all)

        with ThreadPoolExecutor(THREADS) as threads:
            done = list(threads.map(each, range(self.n)))
        grown = [one for one in done if one is not None]
        if len(grown) < len(done):
            return None
        steps = sum(one.steps for one in grown)
        return _Grown(
            np.concatenate([one.columns for one in grown]),
            np.concatenate([one.reduced for one in grown]),
            max(1.0, steps),
            all(one.is_all for one in grown),
        )

    def _tell(self, bound: float) -> None:
        if bound > self.bound and (np.isfinite(self.top) or bound < self.ceiling):
            self.bound = bound
            told = self.told()
            if told is not None:
                self.control.tell_bound(told)

    def _price(self, columns: np.ndarray) -> np.ndarray:
        columns, costs = np.ascontiguousarray(columns), np.zeros(len(columns))
        price(self.ground, columns, costs, np.zeros(self.n, np.int32))
        return costs


def multipliers(
    at_centres: np.ndarray, ground: Ground, activity: int, k: int, *, goal: float
) -> tuple[np.ndarray, float]:
    """Return prices of the units, and of a territory, without contiguity and with units split, and the bound they give.

    Parameters
    ----------
    at_centres : (n, n) array
        What each unit (column) costs round each centre (row).
    goal : float
        What steps aim at: the cost of a plan (Held, Wolfe & Crowder 1974, doi:10.1007/BF01580223).
    """
    n = len(at_centres)
    amounts = ground.features[:, FIRST_AMOUNT + activity]
    lower, upper = ground.lower[activity, 0], ground.upper[activity, 0]
    prices = np.full(n, goal / n) if amounts.sum() <= 0.0 else goal * amounts / amounts.sum()
    best, kept, least = -np.inf, prices, np.zeros(k)
    direction, size, stalled = np.zeros(n), 1.0, 0
    for step in range(MULTIPLIER_STEPS):
        costs = at_centres - prices
        order = np.argsort(costs / np.maximum(amounts, 1e-9), axis=1, kind="stable")
        costs, held = np.take_along_axis(costs, order, axis=1), amounts[order]
        before = np.cumsum(held, axis=1) - held
        ends = np.where(costs < 0.0, upper, lower)
        taken = np.clip((ends - before) / np.maximum(held, 1e-9), 0.0, 1.0)
        taken[(held <= 0.0) & (costs >= 0.0)] = 0.0
        worth = (taken * costs).sum(axis=1)
        centres = np.argsort(worth, kind="stable")[:k]
        value = float(prices.sum() + worth[centres].sum())
        if value > best + 1e-6 * abs(goal):
            best, kept, least, stalled = value, prices, worth[centres], 0
        else:
            stalled += 1
            if stalled == 15:
                size, stalled, prices = 0.7 * size, 0, kept
        table = np.zeros((k, n))
        np.put_along_axis(table, order[centres], taken[centres], axis=1)
        turn = 1.0 - table.sum(axis=0)
        direction = 0.7 * direction + 0.3 * turn if step else turn
        norm = float(direction @ direction)
        if norm <= 1e-12:
            break
        prices = prices + size * max(0.0, 1.005 * goal - value) / norm * direction
    return np.append(kept, least.mean()), best


def _tightest(ground: Ground) -> int:
    """Return the activity whose bounds leave least room."""
    return (
        int(np.argmin((ground.upper[:, 0] - ground.lower[:, 0]) * ground.shares)) if len(ground.lower) else 0
    )


def _centre_costs(ground: Ground) -> np.ndarray:
    """Return the (n, n) table of what each unit (column) costs round each centre (row)."""
    away = (ground.x[:, None] - ground.x) ** 2 + (ground.y[:, None] - ground.y) ** 2
    if ground.wants[1]:
        away = np.sqrt(away)
        away = np.floor(away * 1000.0 + 1e-7) / 1000.0 if ground.wants[2] else away
    return np.asarray(ground.features[:, 0] * away)


def _growth(ground: Ground, activity: int, costs: np.ndarray, room: int) -> Growth:
    n = len(ground.x)
    amounts = ground.features[:, FIRST_AMOUNT + activity]
    return Growth(
        costs=costs,
        order=np.argsort(costs / np.maximum(amounts, 1e-9), kind="stable").astype(np.int64),
        states=np.zeros(n, np.int8),
        fronts=np.zeros(n, np.int64),
        units=np.zeros(n + 1, np.int64),
        sides=np.zeros(n + 1, np.int8),
        marks=np.zeros(n + 1, np.int64),
        shut=np.zeros(n + 1, np.int64),
        seen=np.zeros(n, np.int64),
        queue=np.zeros(n + 1, np.int64),
        sums=np.zeros(ground.features.shape[1]),
        columns=np.zeros((room, (n + 63) // 64), np.uint64),
        values=np.zeros(room),
        at=np.zeros(5, np.int64),
        spent=np.zeros(3),
    )
