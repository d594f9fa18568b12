"""How many people: what more hours bring, and the number from which one more costs more than that.

    profit(K) = margin * sum_i P_i r(e_i / W_i) - cost * K,    hours e_i >= 0 with sum_i e_i = hours * K, chosen best
    r(u)      = least + (most - least) * u^c / (d + u^c)       ADBUDG: concave where c <= 1, S-shaped where c > 1

``P_i`` is the potential of a unit, ``W_i`` the hours that serve it as planned, ``u`` the hours it gets over those. Hours go
where the next one brings most. Where r is S-shaped, units are served well or not at all: its concave envelope is what a
mix of such units reaches, so that profit is concave in K and the best K is certain. Not here: which units are whose.

References
----------
J. D. C. Little (1970), Models and managers: the concept of a decision calculus, Management Science 16(8):B466-B485,
doi:10.1287/mnsc.16.8.B466. L. M. Lodish, E. Curtis, M. Ness, M. K. Simpson (1988), Sales force sizing and deployment using
a decision calculus model at Syntex Laboratories, Interfaces 18(1):5-20, doi:10.1287/inte.18.1.5. S. Albers,
M. K. Mantrala, S. Sridhar (2010), Personal selling elasticities: a meta-analysis, Journal of Marketing Research
47(5):840-853, doi:10.1509/jmkr.47.5.840.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from merestone.base.errors import InvalidInputError, Problem

MOST_PEOPLE = 1_000_000
SPAN = 3
NEWTON = 60
ANSWERS = (0.0, 0.5, 2 / 3, 1.0)
"""Shares reached without hours, with half of them, with all of them, with any number: an elasticity of 1/3 at the planned
hours, near the mean of 0.34 that Albers, Mantrala & Sridhar (2010) found."""
CHANGES = (
    ("cost", 1.2, "cost per person 20 % higher"),
    ("cost", 0.8, "cost per person 20 % lower"),
    ("margin", 1.2, "margin 20 % higher"),
    ("margin", 0.8, "margin 20 % lower"),
    ("hours", 1.1, "hours per person 10 % more"),
    ("hours", 0.9, "hours per person 10 % fewer"),
)


@dataclass(frozen=True)
class Response:
    """Share of a unit's potential reached with hours, from four answers of those who know.

    Parameters
    ----------
    none, half, full, most : float
        With no hours, half of the planned, the planned, and any number of hours; rising, within [0, 1].
    """

    none: float = ANSWERS[0]
    half: float = ANSWERS[1]
    full: float = ANSWERS[2]
    most: float = ANSWERS[3]

    def problems(self) -> list[Problem]:
        """Return what is wrong with the answers."""
        answers = (self.none, self.half, self.full, self.most)
        if 0 <= self.none < self.half < self.full < self.most <= 1:
            return []
        said = ", ".join(f"{one:g}" for one in answers)
        return [Problem("bad-response", f"The shares {said} do not rise from 0 to 1.", "Give four shares, each larger than the one before.", where="response")]  # fmt: skip

    @cached_property
    def d(self) -> float:
        """The constant of ADBUDG."""
        return (self.most - self.full) / (self.full - self.none)

    @cached_property
    def c(self) -> float:
        """The exponent of ADBUDG."""
        found = float(np.log2((self.most - self.half) / (self.half - self.none) / self.d))
        return 1.0 if abs(found - 1) < 1e-9 else found

    @property
    def elasticity(self) -> float:
        """Per cent more reached for one per cent more hours, at the planned hours."""
        return (self.most - self.none) * self.c * self.d / (1 + self.d) ** 2 / self.full

    def reached(self, u: np.ndarray) -> np.ndarray:
        """Return the share reached by hours over planned hours, on the concave envelope."""
        power = np.power(u, self.c)
        found = self.none + (self.most - self.none) * power / (self.d + power)
        if self.c <= 1:
            return np.asarray(found)
        return np.where(u < self.knee, self.none + u * self._slope(self.knee), found)

    @cached_property
    def knee(self) -> float:
        """From how many of the planned hours on a unit is worth serving: 0, or where the envelope leaves the tangent.

        There r(u) - none = u r'(u), which is u^c = d (c - 1).
        """
        return 0.0 if self.c <= 1 else float((self.d * (self.c - 1)) ** (1 / self.c))

    def _slope(self, u: float) -> float:
        power = u**self.c
        return float((self.most - self.none) * self.c * self.d * power / u / (self.d + power) ** 2)

    def hours_at(self, price: np.ndarray) -> np.ndarray:
        """Return the largest u at which the envelope still rises by ``price``; 0 where it never does.

        In x = ln u the logarithm of the slope is concave and falls from the knee on; Newton's method comes to the root from
        the right, from where the slope would be were d nothing.
        """
        if self.c == 1:
            return np.maximum(np.sqrt((self.most - self.none) * self.d / price) - self.d, 0.0)
        goal = np.log(price) - np.log((self.most - self.none) * self.c * self.d)
        x = -goal / (self.c + 1)
        has_root = goal <= self._steepest
        for _ in range(NEWTON):
            power = np.exp(np.clip(self.c * x, -700, 700))
            value = (self.c - 1) * x - 2 * np.log(self.d + power)
            slope = (self.c - 1) - 2 * self.c * power / (self.d + power)
            step = np.where(has_root, (value - goal) / slope, 0.0)
            x = np.clip(x - step, -700, 700)
            if np.abs(step).max(initial=0.0) < 1e-13 * (1 + np.abs(x).max(initial=0.0)):
                break
        return np.where(has_root, np.maximum(np.exp(x), self.knee), 0.0)

    @cached_property
    def _steepest(self) -> float:
        """Logarithm of the largest slope, over the same factor as in ``hours_at``."""
        if self.c < 1:
            return np.inf
        return float((self.c - 1) * np.log(self.knee) - 2 * np.log(self.d * self.c))


@dataclass(frozen=True)
class SizingTerms:
    """What people can do and cost.

    Parameters
    ----------
    hours : float
        Hours a year one person has for units.
    cost : float
        Of one person, a year.
    margin : float
        Share of what is sold that is left before the people are paid.
    response : Response
    """

    hours: float
    cost: float = 0.0
    margin: float = 1.0
    response: Response = field(default_factory=Response)


@dataclass(frozen=True)
class SizeRow:
    """What so many people come to.

    Parameters
    ----------
    workload_per_head, utilisation : float
        Planned hours per person, and these over the hours they have; above 1 nobody can do it all.
    reached, share : float
        Potential reached with the hours where they bring most, and its share of all.
    profit : float
        Margin of what is reached, less the people.
    gain : float
        Margin that the last of them brings, before their cost.
    """

    people: int
    workload_per_head: float
    utilisation: float
    reached: float
    share: float
    profit: float
    gain: float


@dataclass(frozen=True)
class Sizing:
    """How many people, and how sure that is.

    Parameters
    ----------
    people : int
        Recommended.
    by_workload : int
        As many as can do all planned hours.
    rows : tuple of SizeRow
        Around the recommended number; of today's too, when it was given.
    cost_range, margin_range : (float, float)
        Where cost per person, or margin, may lie with the number still being best.
    sensitivity : tuple of (str, int)
        What changes, and the number that is best then.
    has_potential : bool
        False: nothing is known of potential; the number is the one by workload.
    """

    people: int
    by_workload: int
    workload: float
    potential: float
    today: int | None
    rows: tuple[SizeRow, ...]
    cost_range: tuple[float, float]
    margin_range: tuple[float, float]
    sensitivity: tuple[tuple[str, int], ...]
    has_potential: bool
    terms: SizingTerms


def size_force(
    workload: np.ndarray, potential: np.ndarray | None, terms: SizingTerms, *, today: int | None = None
) -> Sizing:
    """Return how many people are best.

    Parameters
    ----------
    workload : array of float, shape (n,)
        Hours a year that serve each unit as planned, 0 or more. A unit of 0 needs nobody and reaches its full share.
    potential : array of float, shape (n,), or None
        Money a year, 0 or more.
    today : int, optional
        People there are; shown beside.

    Raises
    ------
    InvalidInputError
        ``bad-sizing``, ``bad-response``.
    """
    _check(workload, potential, terms, today)
    total = float(workload.sum())
    by_workload = max(1, int(np.ceil(total / terms.hours - 1e-9)))
    if potential is None or not potential.sum() > 0:
        rows = tuple(
            SizeRow(k, total / k, total / (k * terms.hours), 0.0, 0.0, -terms.cost * k, 0.0)
            for k in _around(by_workload, today)
        )
        nothing = (0.0, np.inf)
        return Sizing(by_workload, by_workload, total, 0.0, today, rows, nothing, nothing, (), False, terms)
    book = _Book(workload, potential, terms.response)
    best = _best(book, terms)
    rows = tuple(_row(book, terms, k) for k in _around(best, today))
    gain, following = (book.gain(k, terms.hours) for k in (best, best + 1))
    return Sizing(
        people=best,
        by_workload=by_workload,
        workload=total,
        potential=float(potential.sum()),
        today=today,
        rows=rows,
        cost_range=(terms.margin * following, np.inf if best == 1 else terms.margin * gain),
        margin_range=(
            0.0 if best == 1 or gain <= 0 else terms.cost / gain,
            terms.cost / following if following > 0 else np.inf,
        ),
        sensitivity=_sensitivity(book, workload, potential, terms),
        has_potential=True,
        terms=terms,
    )


@dataclass(frozen=True, eq=False)
class _Book:
    """What hours bring, all units together."""

    workload: np.ndarray
    potential: np.ndarray
    response: Response
    kept: dict[float, float] = field(default_factory=dict)

    def reached(self, hours: float) -> float:
        """Return the potential reached with so many hours, spent best."""
        if hours not in self.kept:
            self.kept[hours] = self._reached(hours)
        return self.kept[hours]

    def gain(self, people: int, hours: float) -> float:
        """Return what the last of so many people adds."""
        return max(0.0, self.reached(people * hours) - self.reached((people - 1) * hours))

    def _reached(self, hours: float) -> float:
        needs = (self.workload > 0) & (self.potential > 0)
        base = self.response.full * float(self.potential[self.workload <= 0].sum())
        work, money = self.workload[needs], self.potential[needs]
        if not len(work) or hours <= 0:
            return base + self.response.none * float(money.sum())
        price = self._price_of(hours, work, money)
        u = self.response.hours_at(price * work / money)
        left = hours - float((work * u).sum())
        # Units at the very price share what is left along the envelope, where an hour brings that price to each.
        return base + float((money * self.response.reached(u)).sum()) + left * price

    def _price_of(self, hours: float, work: np.ndarray, money: np.ndarray) -> float:
        """Return what the last hour brings when so many are spent."""
        from scipy.optimize import brentq

        def too_many(log_price: float) -> float:
            spent = float((work * self.response.hours_at(np.exp(log_price) * work / money)).sum())
            return float(np.arctan(np.log(max(spent, 1e-300) / hours)))  # spans too far for a straight line

        worth = np.log(money / work)
        low, high = float(worth.min()) - 60, float(worth.max()) + 60
        if too_many(low) <= 0:
            return float(np.exp(low))
        if too_many(high) >= 0:
            return float(np.exp(high))
        return float(np.exp(brentq(too_many, low, high, xtol=1e-13, rtol=1e-14, maxiter=300)))

    def hours_worth(self, price: float) -> float:
        """Return how many hours bring at least so much each."""
        needs = (self.workload > 0) & (self.potential > 0)
        work, money = self.workload[needs], self.potential[needs]
        return float((work * self.response.hours_at(price * work / money)).sum())


def _best(book: _Book, terms: SizingTerms) -> int:
    """Return the largest number whose last person brings their cost.

    Profit is concave, so it lies beside the number at which an hour brings just what it costs.
    """
    hours = book.hours_worth(terms.cost / terms.hours / terms.margin)
    least = int(min(hours / terms.hours, MOST_PEOPLE))
    for people in (
        least + 2,
        least + 1,
    ):  # one more than needed: rounding may put the last hour on either side
        if terms.margin * book.gain(people, terms.hours) >= terms.cost:
            return people
    return max(1, least)


def _around(best: int, today: int | None) -> list[int]:
    found = set(range(max(1, best - SPAN), best + SPAN + 1))
    return sorted(found | ({today} if today else set()))


def _row(book: _Book, terms: SizingTerms, people: int) -> SizeRow:
    total, whole = float(book.workload.sum()), float(book.potential.sum())
    reached = book.reached(people * terms.hours)
    return SizeRow(
        people=people,
        workload_per_head=total / people,
        utilisation=total / (people * terms.hours),
        reached=reached,
        share=reached / whole,
        profit=terms.margin * reached - terms.cost * people,
        gain=terms.margin * book.gain(people, terms.hours),
    )


def _sensitivity(
    book: _Book, workload: np.ndarray, potential: np.ndarray, terms: SizingTerms
) -> tuple[tuple[str, int], ...]:
    found = []
    for name, factor, words in CHANGES:
        changed = replace(terms, **{name: getattr(terms, name) * factor})
        if changed.margin > 1:
            continue
        found.append((words, _best(book, changed)))
    for factor, words in ((1.2, "workload 20 % higher"), (0.8, "workload 20 % lower")):
        found.append((words, _best(_Book(workload * factor, potential, terms.response), terms)))
    for answers, words in _other_responses(terms.response):
        found.append((words, _best(_Book(workload, potential, answers), terms)))
    return tuple(found)


def _other_responses(response: Response) -> list[tuple[Response, str]]:
    """Return the response with the planned hours reaching a quarter more, or less, of what is still open around them."""
    found = []
    for share, words in ((0.25, "planned hours reach more"), (-0.25, "planned hours reach less")):
        room = (response.most - response.full) if share > 0 else (response.full - response.half)
        full = response.full + share * room
        found.append((replace(response, full=full), f"{words} ({full:.0%} instead of {response.full:.0%})"))
    return found


def _check(workload: np.ndarray, potential: np.ndarray | None, terms: SizingTerms, today: int | None) -> None:
    wrong = terms.response.problems()
    numbers = {"hours": (terms.hours, terms.hours > 0), "cost": (terms.cost, terms.cost >= 0), "margin": (terms.margin, 0 < terms.margin <= 1)}  # fmt: skip
    for name, (value, is_right) in numbers.items():
        if not (is_right and np.isfinite(value)):
            wrong.append(Problem("bad-sizing", f"{name} cannot be {value:g}.", "Hours are more than 0, cost 0 or more, margin above 0 and at most 1.", where=name))  # fmt: skip
    if today is not None and not 1 <= today <= MOST_PEOPLE:
        wrong.append(Problem("bad-sizing", f"{today} is no number of people.", "Give 1 or more.", where="people"))  # fmt: skip
    if not len(workload) or not (
        np.isfinite(workload).all() and (workload >= 0).all() and workload.sum() > 0
    ):
        wrong.append(Problem("bad-sizing", "The workload is not 0 or more hours for each unit, with a sum above 0.", "Give each unit its hours.", where="workload"))  # fmt: skip
    if potential is not None and not (np.isfinite(potential).all() and (potential >= 0).all()):
        wrong.append(Problem("bad-sizing", "The potential is not 0 or more for each unit.", "Write 0 where there is none.", where="potential"))  # fmt: skip
    has_price = potential is not None and potential.sum() > 0
    if has_price and not terms.cost > 0:
        wrong.append(Problem("bad-sizing", "With people at no cost, any number is too small.", "Give the cost of one person.", where="cost"))  # fmt: skip
    if wrong:
        raise InvalidInputError("The sales force cannot be sized like this.", wrong)
