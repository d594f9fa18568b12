"""People for territories: who is best for the whole, what speaks for each choice, and what any other would cost.

The one rule: points of one pair say how well they fit, the choice is what is best for all territories together. Not here:
how a territory is found (``solve``), what is written where (``app``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from merestone.base.errors import InvalidInputError, Problem
from merestone.core.design.staffing_asked import VACANT, WEIGHTS, WORDS, Openings, Staff, Terms
from merestone.core.design.staffing_match import match
from merestone.core.design.staffing_parts import allowed_of, mean_km, parts_of, required_words

__all__ = ["VACANT", "WEIGHTS", "WORDS", "Openings", "Staff", "Staffing", "Terms", "staff_territories"]


@dataclass(frozen=True, eq=False)
class Staffing:
    """Who has which territory, and everything that led there.

    Parameters
    ----------
    weights : mapping of str to float
        Points of 100 per part, of those something is known of.
    parts : mapping of str to array of float, shape (k, m)
        In [0, 1].
    points : array of float, shape (k, m)
        Of 100.
    km : array of float, shape (k, m)
        Mean distance from home; NaN = not known.
    needs : mapping of str to list of frozenset of str
        Kind -> required words per territory.
    allowed : array of bool, shape (k, m)
    chosen, lost, vacancies : array
        See ``staffing_match.Match``.
    total : float
        Points of all territories, less what further territories cost.
    best : float
        The same without the fixed choices. Its ``n_vacant`` is the number of vacancies then.
    """

    openings: Openings
    staff: Staff
    terms: Terms
    weights: Mapping[str, float]
    parts: Mapping[str, np.ndarray]
    points: np.ndarray
    km: np.ndarray
    needs: Mapping[str, list[frozenset[str]]]
    allowed: np.ndarray
    chosen: np.ndarray
    lost: np.ndarray
    vacancies: np.ndarray
    total: float
    best: float
    best_n_vacant: int

    @property
    def n_vacant(self) -> int:
        """How many territories nobody has."""
        return int((self.chosen == VACANT).sum())

    @property
    def spare(self) -> list[int]:
        """People without a territory, by points they would have where they fit best."""
        has = set(self.chosen.tolist())
        rest = [person for person in range(len(self.staff.names)) if person not in has]
        top = self.points.max(axis=0, initial=0.0)
        return sorted(rest, key=lambda person: (-top[person], self.staff.names[person]))

    def runner_up(self, territory: int) -> int:
        """Return who has most points here of all others who may have it and are not fixed elsewhere; -1 = nobody."""
        return self._first(territory, -self.points[territory])

    def cheapest_change(self, territory: int) -> int:
        """Return the one whose choice here the whole loses least by; -1 = nobody."""
        most = float(np.abs(self.lost[np.isfinite(self.lost)]).max(initial=0.0)) + 1
        return self._first(territory, self.lost[territory] + self.vacancies[territory] * most)

    def _first(self, territory: int, order: np.ndarray) -> int:
        is_other = self.allowed[territory] & np.isfinite(self.lost[territory])
        if self.chosen[territory] != VACANT:
            is_other[self.chosen[territory]] = False
        if not is_other.any():
            return VACANT
        return int(np.argmin(np.where(is_other, order, np.inf)))


def staff_territories(openings: Openings, staff: Staff, terms: Terms | None = None) -> Staffing:
    """Return the staffing that is best for all territories together; as many as can be are staffed.

    Raises
    ------
    InvalidInputError
        ``bad-weight``, ``unknown-part``, ``bad-requirement``.
    """
    terms = terms or Terms()
    _check(terms)
    km = mean_km(openings, staff)
    parts = parts_of(openings, staff, km=km)
    total = sum(terms.weights.get(name, 0.0) for name in parts)
    weights = (
        {name: 100 * terms.weights.get(name, 0.0) / total for name in WEIGHTS if name in parts}
        if total
        else {}
    )
    points = np.zeros(km.shape)
    for name, weight in weights.items():
        points = points + weight * parts[name]
    allowed = allowed_of(openings, staff, terms, km=km)
    fixed = dict(terms.fixed)
    found = match(points, allowed, most=staff.most, further=terms.further, fixed=fixed)
    free = match(points, allowed, most=staff.most, further=terms.further, fixed={}) if fixed else found
    return Staffing(
        openings=openings,
        staff=staff,
        terms=terms,
        weights=weights,
        parts=parts,
        points=points,
        km=km,
        needs={kind: required_words(openings, kind, least) for kind, least in terms.required.items()},
        allowed=allowed,
        chosen=found.chosen,
        lost=found.lost,
        vacancies=found.vacancies,
        total=found.total,
        best=free.total,
        best_n_vacant=int((free.chosen == VACANT).sum()),
    )


def _check(terms: Terms) -> None:
    wrong = [
        Problem("unknown-part", f"'{name}' is nothing people are judged by.", f"Known: {', '.join(WEIGHTS)}.")
        for name in terms.weights
        if name not in WEIGHTS
    ]
    wrong += [
        Problem("bad-weight", f"The weight {weight:g} of {name} is no number of 0 or more.", "Use 0 for what does not count.")
        for name, weight in terms.weights.items()
        if not (0 <= weight < np.inf)
    ]  # fmt: skip
    wrong += [
        Problem("bad-requirement", f"'{kind}' with {least:g} is no requirement.", f"Name {', '.join(WORDS)} with a share above 0 and at most 1.")
        for kind, least in terms.required.items()
        if kind not in WORDS or not 0 < least <= 1
    ]  # fmt: skip
    if not wrong and terms.weights and not any(terms.weights.values()):
        wrong.append(Problem("bad-weight", "All weights are 0.", "Give one of them more than 0."))
    if not 0 <= terms.further < np.inf:
        wrong.append(
            Problem(
                "bad-weight", f"A further territory cannot cost {terms.further:g} points.", "Use 0 or more."
            )
        )
    if wrong:
        raise InvalidInputError("People cannot be assigned like this.", wrong)
