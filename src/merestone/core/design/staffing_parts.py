"""What speaks for each person in each territory, part by part, each in [0, 1].

The one rule: a part that is known of nobody, or asked for nowhere, is left out instead of counting for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from merestone.core.design.staffing_asked import WORDS, Openings, Staff, Terms
from merestone.core.geo.distance import distance_km
from merestone.core.routing.kinship import nearness
from merestone.core.routing.successors import HALF_KM

FULL_ATTAINMENT = 1.5
"""Share of quota beyond which performance counts no more."""
HALF = 0.5
"""What is not known of one person or territory counts as middling."""
LEVELS = {
    "trainee": 0.0, "junior": 0.0, "associate": 0.0, "mid": 1 / 3, "middle": 1 / 3, "senior": 2 / 3, "lead": 1.0,
    "principal": 1.0, "expert": 1.0,
}  # fmt: skip
"""Words for seniority; numbers are scaled from their least to their largest."""
BLOCK = 2_000_000


def parts_of(openings: Openings, staff: Staff, *, km: np.ndarray) -> dict[str, np.ndarray]:
    """Return name of ``WEIGHTS`` -> array of shape (k, m), of the parts something is known of.

    ``relationships``: the mean of the shares of accounts and of revenue that the person has already. ``distance``:
    0.5 to the power of the mean kilometres over ``HALF_KM``. Words: the share of the territory's words that the person
    knows. ``performance``: attainment over ``FULL_ATTAINMENT``, at most 1. ``seniority``: 1 less the difference between the
    person's rank among levels and the territory's rank by potential. ``place``: ``core.routing.kinship``.
    """
    found: dict[str, np.ndarray] = {}
    if (openings.owner >= 0).any():
        held = [
            share_held(openings, staff, values) for values in (np.ones(len(openings.owner)), openings.revenue)
        ]
        has_revenue = (openings.sums(openings.revenue) > 0)[:, None]
        found["relationships"] = np.where(has_revenue, (held[0] + held[1]) / 2, held[0])
    if np.isfinite(km).any():
        found["distance"] = np.nan_to_num(0.5 ** (km / HALF_KM), nan=0.0)
    for kind in WORDS:
        asked, known = openings.words(kind), staff.words(kind)
        if any(asked) and any(known):
            found[kind] = _known_share(openings, asked, known)
    shape = km.shape
    if np.isfinite(staff.attainment).any():
        usual = float(np.nanmedian(staff.attainment))
        reached = np.clip(np.nan_to_num(staff.attainment, nan=usual) / FULL_ATTAINMENT, 0, 1)
        found["performance"] = np.broadcast_to(reached, shape)
    levels = seniority_levels(staff.people.seniority)
    potential = openings.sums(openings.potential)
    if np.isfinite(levels).any() and (potential > 0).any():
        fit = 1 - np.abs(_ranks(potential)[:, None] - levels[None, :])
        found["seniority"] = np.nan_to_num(fit, nan=HALF)
    mine = staff.people.territories
    if openings.paths and any(mine):
        near = [[nearness(key, one, openings.paths) for one in mine] for key in openings.keys]
        found["place"] = np.array(near, dtype=np.float64).reshape(shape)
    return found


def mean_km(openings: Openings, staff: Staff) -> np.ndarray:
    """Return the weighted mean distance from each home to each territory's accounts in km, shape (k, m).

    NaN where the home is not known, or no account's place is.
    """
    k, m = len(openings.keys), len(staff.names)
    home = staff.people.latitude, staff.people.longitude
    is_placed = np.isfinite(openings.latitude) & np.isfinite(openings.longitude)
    share = np.where(is_placed, openings.shares(), 0.0)
    sums, weights = np.zeros((k, m)), np.bincount(openings.territory, weights=share, minlength=k)
    rows = np.flatnonzero(is_placed)
    step = max(1, BLOCK // max(m, 1))
    for start in range(0, len(rows), step):
        at = rows[start : start + step]
        latitude, longitude = openings.latitude[at, None], openings.longitude[at, None]
        if openings.is_plane:
            apart = np.hypot(latitude - home[0], longitude - home[1]) / 1000
        else:
            apart = distance_km(latitude, longitude, to=home)
        order = np.argsort(openings.territory[at], kind="stable")
        owners = openings.territory[at][order]
        edges = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
        sums[owners[edges]] += np.add.reduceat((apart * share[at, None])[order], edges, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weights[:, None] > 0, sums / weights[:, None], np.nan)


def share_held(openings: Openings, staff: Staff, values: np.ndarray) -> np.ndarray:
    """Return the share of each territory's sum of values that each person has today, shape (k, m)."""
    k, m = len(openings.keys), len(staff.names)
    known = np.nan_to_num(values)
    held = openings.owner >= 0
    cells = openings.territory[held] * m + openings.owner[held]
    sums = np.bincount(cells, weights=known[held], minlength=k * m).reshape(k, m)
    whole = openings.sums(known)[:, None]
    return np.divide(sums, whole, out=np.zeros((k, m)), where=whole > 0)


def word_shares(openings: Openings, kind: str) -> tuple[list[str], np.ndarray]:
    """Return the words of a kind and, in shape (k, words), by which share of a territory each is asked for.

    Of a territory's accounts those count that ask for any word; an account of several words asks for each.
    """
    return _shares_of(openings, openings.words(kind), is_split=False)


def required_words(openings: Openings, kind: str, least: float) -> list[frozenset[str]]:
    """Return per territory the words that at least this share of it asks for."""
    words, shares = word_shares(openings, kind)
    return [frozenset(words[at] for at in np.flatnonzero(row >= least - 1e-9)) for row in shares]


def allowed_of(openings: Openings, staff: Staff, terms: Terms, *, km: np.ndarray) -> np.ndarray:
    """Return who may have which territory, shape (k, m)."""
    allowed = np.ones(km.shape, dtype=bool)
    for kind, least in terms.required.items():
        needs = required_words(openings, kind, least)
        known = staff.words(kind)
        for at, words in enumerate(needs):
            if words:
                allowed[at] &= [words <= one for one in known]
    if terms.most_km is not None:
        with np.errstate(invalid="ignore"):
            allowed &= ~(km > terms.most_km)
    for territory, person in terms.forbidden:
        allowed[territory, person] = False
    return allowed


def seniority_levels(texts: Sequence[str]) -> np.ndarray:
    """Return levels in [0, 1]: of known words, or of numbers between their least and their largest; NaN = not known."""
    found = np.array([LEVELS.get(text.casefold(), np.nan) for text in texts], dtype=np.float64)
    numbers = np.array([_number(text) for text in texts], dtype=np.float64)
    if np.isfinite(numbers).any():
        low, high = np.nanmin(numbers), np.nanmax(numbers)
        scaled = (
            (numbers - low) / (high - low) if high > low else np.where(np.isfinite(numbers), HALF, np.nan)
        )
        found = np.where(np.isfinite(numbers), scaled, found)
    return found


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return np.nan
    return value if np.isfinite(value) else np.nan


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 0 (least) to 1 (largest), equal values alike; the one of one value is middling."""
    if len(values) < 2:
        return np.full(len(values), HALF)
    below = (values[None, :] < values[:, None]).sum(axis=1)
    same = (values[None, :] == values[:, None]).sum(axis=1)
    return np.asarray((below + (same - 1) / 2) / (len(values) - 1), dtype=np.float64)


def _known_share(
    openings: Openings, asked: Sequence[frozenset[str]], known: Sequence[frozenset[str]]
) -> np.ndarray:
    """Return the share of what territories ask for that people know; 1 where nothing is asked for."""
    words, shares = _shares_of(openings, asked, is_split=True)
    has = np.array([[word in mine for mine in known] for word in words], dtype=np.float64)
    found = shares @ has.reshape(len(words), len(known))
    return np.where(shares.sum(axis=1)[:, None] > 0, np.minimum(found, 1.0), 1.0)


def _shares_of(
    openings: Openings, asked: Sequence[frozenset[str]], *, is_split: bool
) -> tuple[list[str], np.ndarray]:
    vocabulary = sorted(frozenset().union(*asked))
    code = {word: at for at, word in enumerate(vocabulary)}
    rows = [at for at, words in enumerate(asked) for _ in words]
    cells = [code[word] for words in asked for word in sorted(words)]
    k, n_words = len(openings.keys), len(vocabulary)
    sums = np.zeros((k, n_words))
    share = openings.shares()
    counts = np.array([len(words) for words in asked], dtype=np.float64)
    at = np.array(rows, dtype=np.int64)
    value = share / np.maximum(counts, 1) if is_split else share
    np.add.at(sums, (openings.territory[at], np.array(cells, dtype=np.int64)), value[at])
    asking = np.bincount(openings.territory, weights=share * (counts > 0), minlength=k)
    return vocabulary, np.divide(sums, asking[:, None], out=np.zeros_like(sums), where=asking[:, None] > 0)
