"""Problems derived from one: bounds drawn in around what territories should have, moves at a price."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from merestone.core.design.problem import Activity, Problem


@dataclass(frozen=True, eq=False, slots=True)
class Variant:
    """A problem of the family.

    Parameters
    ----------
    problem : Problem
    width : float
        Of its bounds, as a share of those asked for.
    price : float
        Of a mean unit's move, in units of the objective; NaN where moves have the prices asked for.
    """

    problem: Problem
    width: float = 1.0
    price: float = 0.0

    @property
    def is_asked(self) -> bool:
        """Whether it differs from what was asked in nothing but that moves have no price."""
        return self.width == 1.0 and self.price == 0.0

    def is_within(self, other: Variant) -> bool:
        """Whether every plan of this problem is one of the other's and costs no less: its bound holds here, too."""
        return self is other or (self.width <= other.width and self.price >= other.price)

    @property
    def words(self) -> str:
        """What it is, in words."""
        said = [] if self.width == 1.0 else [f"bounds {self.width:.0%} as wide as asked"]
        if np.isnan(self.price):
            said.append("moves at the prices asked for")
        elif self.price > 0:
            said.append(f"moves at a price of {self.price:.4g} each")
        elif self.problem.current is not None:
            said.append("moves free")
        return ", ".join(said) or "as asked"


def aims(problem: Problem) -> np.ndarray:
    """Return the (a, k) sums territories should have: all there is, shared out as the middles of the bounds are."""
    found = np.zeros((len(problem.activities), problem.k))
    for row, one in enumerate(problem.activities):
        total = float(one.amounts.sum())
        middles = (one.lower + one.upper) / 2
        if not np.isfinite(middles).all() or middles.sum() <= 0:
            middles = np.ones(problem.k)
        found[row] = np.clip(total * middles / middles.sum(), one.lower, one.upper)
    return found


def imbalance(problem: Problem, sums: np.ndarray) -> float:
    """Return the largest deviation of (a, k) sums from what they should be, as a share of that."""
    wanted = aims(problem)
    has = wanted > 0
    return float(np.abs(sums[has] / wanted[has] - 1).max(initial=0.0))


def free(problem: Problem) -> Problem:
    """Return the problem with moves at no price."""
    return replace(problem, move_price=None, surcharge=None)


def narrowed(problem: Problem, width: float) -> Problem:
    """Return the problem with bounds of that share of their width, around the same aims."""
    wanted = aims(problem)
    total = problem.amounts.sum(axis=1)
    activities = []
    for row, one in enumerate(problem.activities):
        # A side that is open begins as far as everything there is.
        upper = np.minimum(one.upper, total[row])
        lower = wanted[row] - width * (wanted[row] - one.lower)
        activities.append(Activity(one.name, one.amounts, lower, wanted[row] + width * (upper - wanted[row])))
    return replace(problem, activities=tuple(activities))


def priced(problem: Problem, price: float) -> Problem:
    """Return the problem with moves at that price for a mean unit, in the proportions asked for where there are any."""
    each = np.ones(problem.n)
    if problem.move_price is not None and problem.move_price.sum() > 0:
        each = problem.move_price / problem.move_price.mean()
    return replace(problem, move_price=price * each, surcharge=None)


def variant(problem: Problem, *, width: float = 1.0, price: float = 0.0) -> Variant:
    """Return the problem of the family with such bounds and prices."""
    made = problem if width == 1.0 else narrowed(problem, width)
    if np.isnan(price):
        return Variant(made, width, price)
    return Variant(free(made) if price == 0.0 else priced(made, price), width, price)
