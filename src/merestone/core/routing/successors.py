"""Who takes over what a leaver had: ranked with reasons, and shared out so that nobody is overloaded.

The one rule: with ``L`` the smallest level of use (load over capacity) at which everything fits, and never below full
capacity, nobody ends above ``max(what they had, L * capacity)`` by more than the one largest piece that is handed over.
Not here: who may be a successor at all (``app``), what becomes of it in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from merestone.core.geo.distance import distance_km
from merestone.core.routing.kinship import BESIDE, SAME, nearness

WEIGHTS: Mapping[str, float] = {
    "territory": 25, "ties": 20, "language": 15, "industry": 10, "distance": 10, "room": 10, "likeness": 5, "skills": 5,
}  # fmt: skip
"""Points of 100 for what speaks for somebody, in the order told."""
HALF_KM = 100.0
"""Distance at which nearness is worth half."""
EPSILON = 1e-9
_PLACES = {
    SAME: "in the same territory",
    BESIDE: "in a territory next to it",
    0.0: "in the same part of the tree",
}


@dataclass(frozen=True)
class People:
    """Who could take over, ``m`` of them.

    Parameters
    ----------
    ids : tuple of int
        In a stated order, which breaks ties.
    load : array of float, shape (m,)
        Hours of work a year they have already.
    capacity : array of float, shape (m,)
        Hours a year they can carry now, ramp and leave counted; NaN = not known.
    latitude, longitude : array of float, shape (m,)
        Home in degrees; NaN = not known.
    languages, industries, skills : tuple of frozenset of str
        Folded texts.
    seniority : tuple of str
    territories : tuple of frozenset of str
        Keys of the territories they are in.
    """

    ids: tuple[int, ...]
    load: np.ndarray
    capacity: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    languages: tuple[frozenset[str], ...]
    industries: tuple[frozenset[str], ...]
    skills: tuple[frozenset[str], ...]
    seniority: tuple[str, ...]
    territories: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Pieces:
    """What is handed over, ``n`` pieces.

    Parameters
    ----------
    load : array of float, shape (n,)
        Hours a year; NaN = not known: as much as a middling piece.
    latitude, longitude : array of float, shape (n,)
        Degrees; NaN = not known.
    language, industry : sequence of str
        Folded; empty = not known.
    products : sequence of frozenset of str
        What they want, folded: asks for skills of these names.
    territory : sequence of str or None
        Key of the territory each lies in.
    ties : (array of int, array of int, array of float)
        Piece, person and how often they had to do with each other.
    """

    load: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    language: Sequence[str]
    industry: Sequence[str]
    products: Sequence[frozenset[str]]
    territory: Sequence[str | None]
    ties: tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Leaver:
    """Whom the successors should be like; folded texts."""

    traits: frozenset[str]
    seniority: str = ""


@dataclass(frozen=True)
class Sharing:
    """Who takes over what.

    Parameters
    ----------
    chosen, runner_up : array of int, shape (n,)
        Place in ``People``; -1 = nobody there. The runner-up has most points of all others, room or not.
    parts : mapping of str to array of float, shape (n, m)
        What speaks for each person, in [0, 1] each, by the names of ``WEIGHTS``.
    points : array of float, shape (n, m)
        Of 100.
    piece_load, capacity, limit, after : array of float
        Hours of the pieces; capacity with the unknown filled in; what nobody should pass; what everybody ends with.
    level : float
        Use of capacity up to which people are filled.
    """

    chosen: np.ndarray
    runner_up: np.ndarray
    parts: Mapping[str, np.ndarray]
    points: np.ndarray
    piece_load: np.ndarray
    capacity: np.ndarray
    limit: np.ndarray
    after: np.ndarray
    level: float


def share_out(
    pieces: Pieces, people: People, *, leaver: Leaver, paths: Mapping[str, Sequence[str]]
) -> Sharing:
    """Return who takes over which piece.

    Everybody has a limit: ``max(load, level * capacity)``. Pieces are dealt with in order of regret (how much worse the
    second best is), each to the person with most points into whose limit it fits; where it fits nobody, to the one with
    most points who has not reached the limit. Limits together hold everything, so that somebody never has, and nobody
    passes the limit by more than one piece. Then pieces move on to somebody better while these have room.

    Parameters
    ----------
    pieces, people : Pieces, People
    leaver : Leaver
        Whose likes come first.
    paths : mapping of str to sequence of str
        Territory -> keys from the root down to it.
    """
    n, m = len(pieces.load), len(people.ids)
    load = _filled(pieces.load, default=1.0)
    if m == 0:
        nobody, nothing = np.full(n, -1), np.zeros(0)
        return Sharing(nobody, nobody.copy(), {}, np.zeros((n, 0)), load, nothing, nothing, nothing, 1.0)
    capacity = known_capacity(people, total=float(load.sum()))
    parts = _parts(pieces, people, leaver=leaver, paths=paths, capacity=capacity)
    points = sum(weight * parts[name] for name, weight in WEIGHTS.items())
    assert isinstance(points, np.ndarray)
    level = max(1.0, level_of(people.load, capacity, total=float(load.sum())))
    limit = np.maximum(people.load, level * capacity)
    chosen, after = _dealt(points, load, people.load, limit)
    chosen, after = _improved(points, load, chosen, after=after, limit=limit)
    return Sharing(chosen, _runner_up(points, chosen), parts, points, load, capacity, limit, after, level)


def known_capacity(people: People, *, total: float) -> np.ndarray:
    """Return capacities with the unknown filled in: the middling one, or when none is known an equal share of all."""
    usual = (float(people.load.sum()) + total) / max(len(people.ids), 1) or 1.0
    return np.maximum(_filled(people.capacity, default=usual), EPSILON)


def level_of(load: np.ndarray, capacity: np.ndarray, *, total: float) -> float:
    """Return the least ``L`` with ``sum(max(0, L * capacity - load)) >= total``: no plan keeps all below it.

    Water finds its level: people are filled from the least used one on.
    """
    use = load / capacity
    order = np.argsort(use, kind="stable")
    filled_capacity, filled_load = np.cumsum(capacity[order]), np.cumsum(load[order])
    levels = (total + filled_load) / filled_capacity
    following = np.append(use[order][1:], np.inf)
    return float(levels[np.flatnonzero(levels <= following)[0]])


def _filled(values: np.ndarray, *, default: float) -> np.ndarray:
    known = values[~np.isnan(values)]
    usual = float(np.median(known)) if len(known) else default
    return np.where(np.isnan(values), usual, values).astype(np.float64)


def _parts(
    pieces: Pieces,
    people: People,
    *,
    leaver: Leaver,
    paths: Mapping[str, Sequence[str]],
    capacity: np.ndarray,
) -> dict[str, np.ndarray]:
    n, m = len(pieces.load), len(people.ids)
    ties = np.zeros((n, m))
    np.add.at(ties, (pieces.ties[0], pieces.ties[1]), pieces.ties[2])
    apart = distance_km(
        pieces.latitude[:, None], pieces.longitude[:, None], to=(people.latitude, people.longitude)
    )
    use = np.clip(people.load / capacity, 0, 1)
    return {
        "territory": _by_value(
            pieces.territory, lambda key: [nearness(key, mine, paths) for mine in people.territories], m=m
        ),
        "ties": 1 - 0.5**ties,
        "language": _by_value(
            pieces.language, lambda word: [not word or word in mine for mine in people.languages], m=m
        ),
        "industry": _by_value(
            pieces.industry, lambda word: [bool(word) and word in mine for mine in people.industries], m=m
        ),
        "distance": np.nan_to_num(0.5 ** (apart / HALF_KM), nan=0.0),
        "room": np.broadcast_to(1 - use, (n, m)),
        "likeness": np.broadcast_to(_likeness(people, leaver), (n, m)),
        "skills": _by_value(
            pieces.products,
            lambda wanted: [len(wanted & mine) / len(wanted) if wanted else 0 for mine in people.skills],
            m=m,
        ),
    }


def _by_value(values: Sequence[Hashable], of: Callable[[Any], Sequence[float]], *, m: int) -> np.ndarray:
    """Return a row per piece, worked out once per distinct value."""
    rows: dict[Hashable, int] = {}
    codes = np.array([rows.setdefault(value, len(rows)) for value in values], dtype=np.int64)
    table = np.array([of(value) for value in rows], dtype=np.float64).reshape(len(rows), m)
    return table[codes] if len(rows) else np.zeros((0, m))


def _likeness(people: People, leaver: Leaver) -> np.ndarray:
    found = []
    for place in range(len(people.ids)):
        mine = people.languages[place] | people.industries[place] | people.skills[place]
        both = mine | leaver.traits
        shared = len(mine & leaver.traits) / len(both) if both else 0.0
        same = bool(leaver.seniority) and people.seniority[place] == leaver.seniority
        found.append(0.7 * shared + 0.3 * same)
    return np.array(found)


def _dealt(
    points: np.ndarray, load: np.ndarray, before: np.ndarray, limit: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first sharing and everybody's load after it."""
    n, m = points.shape
    if m > 1 and n:
        best = np.partition(points, m - 2, axis=1)
        regret = best[:, -1] - best[:, -2]
    else:
        regret = np.zeros(n)
    after, chosen = before.astype(np.float64), np.full(n, -1)
    for piece in np.lexsort((np.arange(n), -load, -regret)):
        mine = points[piece]
        fits = after + load[piece] <= limit + EPSILON
        open_ = fits if fits.any() else after < limit - EPSILON
        if not open_.any():  # rounding alone can bring this about: limits hold everything
            open_ = after / limit <= (after / limit).min() + EPSILON
        person = int(np.argmax(np.where(open_, mine, -np.inf)))
        chosen[piece] = person
        after[person] += load[piece]
    return chosen, after


def _improved(
    points: np.ndarray, load: np.ndarray, chosen: np.ndarray, *, after: np.ndarray, limit: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sharing in which no piece alone could go to somebody better who has room; points rise at each step."""
    rows = np.arange(len(chosen))
    while True:
        room = after[None, :] + load[:, None] <= limit[None, :] + EPSILON
        gain = np.where(room, points, -np.inf) - points[rows, chosen][:, None]
        best = gain.argmax(axis=1) if len(rows) else rows
        wishes = rows[gain[rows, best] > EPSILON]
        moved = False
        for piece in wishes[np.argsort(-gain[wishes, best[wishes]], kind="stable")]:
            person = int(best[piece])
            if after[person] + load[piece] > limit[person] + EPSILON:
                continue
            after[chosen[piece]] -= load[piece]
            after[person] += load[piece]
            chosen[piece], moved = person, True
        if not moved:
            return chosen, after


def _runner_up(points: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    n, m = points.shape
    if m < 2:
        return np.full(n, -1)
    others = points.copy()
    others[np.arange(n), chosen] = -np.inf
    return others.argmax(axis=1)


@dataclass(frozen=True)
class Telling:
    """Says in words what speaks for somebody.

    Parameters
    ----------
    n_ties : array of float, shape (n, m)
        How often they had to do with each other.
    """

    pieces: Pieces
    people: People
    sharing: Sharing

    @cached_property
    def n_ties(self) -> np.ndarray:
        """How often piece and person had to do with each other, shape (n, m)."""
        found = np.zeros(self.sharing.points.shape)
        np.add.at(found, (self.pieces.ties[0], self.pieces.ties[1]), self.pieces.ties[2])
        return found

    def words(self, piece: int, person: int) -> str:
        """Return what speaks for a person, the weightiest first: ``same territory; 12 contacts so far; 14 km away``."""
        parts, told = self.sharing.parts, []
        for name in sorted(WEIGHTS, key=lambda name: -WEIGHTS[name] * parts[name][piece, person]):
            value = float(parts[name][piece, person])
            if value > 0 and (text := self._say(name, value, piece, person)):
                told.append(text)
        use = self.sharing.after[person] / self.sharing.capacity[person]
        return "; ".join([*told, f"{use:.0%} of capacity afterwards"])

    def _say(self, name: str, value: float, piece: int, person: int) -> str:
        if name == "territory":
            return _PLACES[next(least for least in _PLACES if value >= least)]
        if name == "ties":
            n = int(self.n_ties[piece, person])
            return f"{n} contact{'s' if n != 1 else ''} so far"
        if name == "language":
            word = self.pieces.language[piece]
            tells = word and self.sharing.parts[name][piece].min() < 1  # what everybody speaks says nothing
            return f"speaks {word}" if tells else ""
        if name == "industry":
            return f"knows {self.pieces.industry[piece]}"
        if name == "distance":
            return f"{-HALF_KM * float(np.log2(value)):.0f} km away" if value >= 0.2 else ""
        if name == "skills":
            return "has the skills asked for"
        if name == "likeness":
            return "like the one who leaves" if value >= 0.5 else ""
        return ""
