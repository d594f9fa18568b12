"""What a move costs: the revenue that is expected to be lost when somebody else takes a unit over.

    loss = amount × share × (1 − 2^(−years ÷ half-life)) × (1 − saves × likeness)
    price = loss ÷ rate, in units of the objective

``share`` 17.6 %: Shi, Sridhar, Grewal & Lilien (2017) measured losses of 13.2 % to 17.6 % of a customer's annual sales
after a change of salesperson; the upper end is for a successor who is in nothing like the one before. ``saves`` 40 %:
the same study found successors of like industry experience to lose less, and its authors put what the right choice of
successors would have saved at 40 % of the loss; that it falls evenly with likeness is our assumption, as is that
language, skill and industry count the same. ``half_life`` 2 years: relationships grow stronger with their length
(Dagger, Danaher & Gibbs 2009) and loyalty to the salesperson goes with them (Palmatier, Scheer & Steenkamp 2007); that
half of the strength is there after two years is our assumption. A change need not harm, and may refresh a relationship
(Schmitz, Friess, Alavi & Habel 2020): these are expectations, to be set by whoever knows better.

``rate`` says what one unit of the objective (an hour, a kilometre, a km²) is worth in the money of the amounts. Nothing
can know that but the company; so it must be given.

References
----------
H. Shi, S. Sridhar, R. Grewal, G. Lilien (2017), Sales representative departures and customer reassignment strategies in
business-to-business markets, Journal of Marketing 81(2):25-44.
R. W. Palmatier, L. K. Scheer, J.-B. E. M. Steenkamp (2007), Customer loyalty to whom? Managing the benefits and risks of
salesperson-owned loyalty, Journal of Marketing Research 44(2):185-199, doi:10.1509/jmkr.44.2.185.
T. S. Dagger, P. J. Danaher, B. J. Gibbs (2009), How often versus how long: the interplay of contact frequency and
relationship duration in customer-reported service relationship strength, Journal of Service Research 11(4).
C. Schmitz, M. Friess, S. Alavi, J. Habel (2020), Understanding the impact of relationship disruptions, Journal of
Marketing 84(1):66-87.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from merestone.base.errors import UsageError
from merestone.core.design.problem import FREE

LOSS = 0.176
SAVES = 0.4
HALF_LIFE = 2.0
MOST_CELLS = 20_000_000
"""Units × people up to which every successor has a price of their own; beyond, the best one's is taken."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """How moves are priced.

    Parameters
    ----------
    column : str
        Of annual revenue, or another amount, of units.
    rate : float
        What one unit of the objective is worth, in that column's money.
    loss : float
        Share of the amount lost on a move to somebody of no likeness, 0 to 1.
    saves : float
        Share of the loss that a successor alike in everything saves, 0 to 1.
    half_life : float
        Years after which a relationship has half its strength; 0: all are as strong.
    """

    column: str
    rate: float
    loss: float = LOSS
    saves: float = SAVES
    half_life: float = HALF_LIFE

    def check(self) -> None:
        """Raise UsageError when the numbers make no sense."""
        if not (0 < self.rate < np.inf):
            raise UsageError(
                "--move-price needs --cost-rate: what an hour, a kilometre or a km² is worth.",
                fix="Give it in the money of the column, such as --cost-rate 80.",
            )
        if not (0 <= self.loss <= 1 and 0 <= self.saves <= 1 and 0 <= self.half_life < np.inf):
            raise UsageError("--loss and --similar-saves are shares from 0 to 1, --half-life years.")

    def losses(self, amounts: np.ndarray, years: np.ndarray | None) -> np.ndarray:
        """Return (n,) expected losses on a move to somebody of no likeness; NaN years count as long."""
        age = np.ones(len(amounts))
        if years is not None and self.half_life > 0:
            age = 1.0 - 0.5 ** (np.where(np.isnan(years), np.inf, np.maximum(years, 0.0)) / self.half_life)
        return np.asarray(amounts * self.loss * age)


def likeness(words: Sequence[Sequence[frozenset[str]]]) -> np.ndarray:
    """Return (p, p) how alike people are, 0 to 1: the mean over kinds of common ÷ all words (Jaccard).

    Parameters
    ----------
    words : sequence of sequence of frozenset
        For each kind, each person's words; kinds that neither of two has a word of do not count.
    """
    p = len(words[0]) if words else 0
    total, kinds = np.zeros((p, p)), np.zeros((p, p))
    for one in words:
        names = sorted(frozenset().union(*one))
        has = np.array([[name in mine for name in names] for mine in one], float).reshape(p, len(names))
        common = has @ has.T
        sizes = has.sum(axis=1)
        every = sizes[:, None] + sizes - common
        total += np.divide(common, every, out=np.zeros_like(common), where=every > 0)
        kinds += every > 0
    return np.divide(total, kinds, out=np.zeros_like(total), where=kinds > 0)


def move_prices(
    losses: np.ndarray,
    pricing: Pricing,
    current: np.ndarray,
    *,
    owner: np.ndarray,
    alike: np.ndarray | None,
    k: int,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the (n,) price of a move to the best successor, and (n, k) what each costs more; None when all cost the same.

    Parameters
    ----------
    losses : (n,) float64 array
        See ``Pricing.losses``.
    current : (n,) int array
        The territory today, or ``FREE``: such units have no price.
    owner : (n,) int array
        Who has the unit today, among those who have territories then; ``FREE`` for anybody else. Who keeps a unit
        loses nothing.
    alike : (k, k) float64 array, optional
        See ``likeness``; None when the territories have no people, who then are in nothing alike.
    """
    has = current >= 0
    base = np.where(has, losses, 0.0) / pricing.rate
    if alike is None or k < 2:
        return base, None
    if len(losses) * k > MOST_CELLS:
        best = np.array([np.delete(row, at).max() for at, row in enumerate(alike)])
        factor = np.where(owner >= 0, 1.0 - pricing.saves * best[np.maximum(owner, 0)], 1.0)
        return base * factor, None
    factors = np.ones((len(alike) + 1, k))
    factors[:-1] = 1.0 - pricing.saves * alike
    factors[np.arange(k), np.arange(k)] = 0.0
    table = base[:, None] * factors[np.where(owner >= 0, owner, len(alike))]
    row = np.flatnonzero(has)
    table[row, current[row]] = np.inf
    least = np.where(has, table.min(axis=1), 0.0)
    table -= least[:, None]
    table[row, current[row]] = 0.0
    table[~has] = 0.0
    return least, table if table.any() else None


def unknown_owner(n: int) -> np.ndarray:
    """Return owners nobody knows."""
    return np.full(n, FREE, np.int64)
