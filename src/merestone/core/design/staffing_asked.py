"""What a staffing is asked for: territories with their accounts, people, and what counts how much.

The one rule: everything comes as columns, and NaN, -1 or empty says "not known". People are those of ``core.routing``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from merestone.core.routing.successors import People

WEIGHTS: Mapping[str, float] = {
    "relationships": 25, "distance": 20, "language": 15, "industry": 10, "performance": 10, "seniority": 10, "skills": 5,
    "place": 5,
}  # fmt: skip
"""Points for what speaks for somebody, in the order told. Those that nothing is known of are left out, and the others
are scaled to 100."""
WORDS = ("language", "industry", "skills")
"""Parts that can be required."""
FURTHER = 10.0
"""Points that a second territory of one person costs; a third costs twice as much, and so on."""
VACANT = -1


@dataclass(frozen=True, eq=False)
class Openings:
    """Territories that need somebody, ``k`` of them, and the ``n`` accounts (or units) in them.

    Parameters
    ----------
    keys, names : tuple of str, length k
    territory : array of int, shape (n,)
        Place in ``keys``.
    weight : array of float, shape (n,)
        What an account counts for in distance and words, 0 or more; where a territory's sum is 0, each counts for 1.
    latitude, longitude : array of float, shape (n,)
        Degrees; NaN = not known. With ``is_plane``: y and x in metres.
    language, industry, skills : sequence of frozenset of str, length n
        Folded words an account asks for.
    potential, revenue : array of float, shape (n,)
        Money; NaN = not known.
    owner : array of int, shape (n,)
        Place of who has it today among the people; -1 = none of them.
    paths : mapping of str to sequence of str
        Key -> keys from the root down to it.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    territory: np.ndarray
    weight: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    language: Sequence[frozenset[str]]
    industry: Sequence[frozenset[str]]
    skills: Sequence[frozenset[str]]
    potential: np.ndarray
    revenue: np.ndarray
    owner: np.ndarray
    paths: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_plane: bool = False

    def words(self, kind: str) -> Sequence[frozenset[str]]:
        """Return the words of a kind of ``WORDS`` per account."""
        found: Sequence[frozenset[str]] = getattr(self, kind)
        return found

    def shares(self) -> np.ndarray:
        """Return what each account counts for in its territory; those of a territory add up to 1."""
        k = len(self.keys)
        sums = np.bincount(self.territory, weights=self.weight, minlength=k)
        counts = np.bincount(self.territory, minlength=k)
        is_weighed = sums[self.territory] > 0
        return np.where(
            is_weighed,
            self.weight / np.where(is_weighed, sums[self.territory], 1),
            1 / np.maximum(counts, 1)[self.territory],
        )

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return sums per territory; what is not known counts as nothing."""
        return np.bincount(self.territory, weights=np.nan_to_num(values), minlength=len(self.keys))


@dataclass(frozen=True, eq=False)
class Staff:
    """Who can be chosen, ``m`` people.

    Parameters
    ----------
    people : People
        Homes, words, seniority and territories of today; load and capacity are not asked.
    names : tuple of str
    attainment : array of float, shape (m,)
        Share of quota reached; NaN = not known.
    most : array of int, shape (m,)
        How many territories somebody can take.
    """

    people: People
    names: tuple[str, ...]
    attainment: np.ndarray
    most: np.ndarray

    def words(self, kind: str) -> Sequence[frozenset[str]]:
        """Return the words of a kind of ``WORDS`` per person."""
        of_people = {"language": "languages", "industry": "industries", "skills": "skills"}
        found: Sequence[frozenset[str]] = getattr(self.people, of_people[kind])
        return found


@dataclass(frozen=True)
class Terms:
    """What counts, and what must be.

    Parameters
    ----------
    weights : mapping of str to float
        Of ``WEIGHTS``; 0 or more, what is absent counts nothing.
    required : mapping of str to float
        Kind of ``WORDS`` -> a word that at least this share of a territory asks for must be known to whoever has it.
    most_km : float, optional
        How far home may be from a territory's accounts on average.
    further : float
        See ``FURTHER``.
    fixed : mapping of int to int
        Territory -> person: choices that stand; -1 keeps it vacant. They stand against requirements, too.
    forbidden : frozenset of (int, int)
        Pairs of territory and person that may not be.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))
    required: Mapping[str, float] = field(default_factory=dict)
    most_km: float | None = None
    further: float = FURTHER
    fixed: Mapping[int, int] = field(default_factory=dict)
    forbidden: frozenset[tuple[int, int]] = frozenset()
