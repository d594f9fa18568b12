"""Who wins what a rule under edit matches, without making the whole model ready anew at each keystroke.

Where nothing lies below a territory, its rule changes nobody else's claims: the best of the others is the saved model's
winner, or its runner-up where that winner is the territory itself. Only the two ranks are left to compare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.rulebook import RuleBook
from merestone.app.services import Services
from merestone.core.rules import Ruleset

NOBODY = -1


@dataclass(frozen=True)
class _Asked:
    """A saved model on one generation of the book; the same question is answered once."""

    book_id: int
    generation: bytes
    services: Services = field(compare=False)
    book: RuleBook = field(compare=False)
    accounts: pa.Table = field(compare=False)


@dataclass(frozen=True)
class Standing:
    """Where a saved model puts every account: places of rules, ``NOBODY`` where there is none.

    Parameters
    ----------
    winner, runner_up : numpy.ndarray of int32
    is_named : numpy.ndarray of bool
        The winner has it by name.
    """

    winner: np.ndarray
    runner_up: np.ndarray
    is_named: np.ndarray


def standing(services: Services, book: RuleBook, accounts: pa.Table) -> Standing:
    """Return where the saved model puts every account of the book."""
    generation = (accounts.schema.metadata or {}).get(b"generation", b"")
    return _stood(_Asked(id(book), generation, services, book, accounts))


@lru_cache(maxsize=2)
def _stood(asked: _Asked) -> Standing:
    found = asked.services.matcher.match(asked.book.ruleset, asked.accounts)
    keys = pa.array([rule.key for rule in asked.book.ruleset.rules], pa.string())
    return Standing(
        _places(found["territory"], keys),
        _places(found["runner_up"], keys),
        np.asarray(pc.fill_null(pc.equal(found["cause"].cast(pa.string()), "named"), False)),
    )


def _places(column: pa.ChunkedArray, keys: pa.Array) -> np.ndarray:
    found = pc.index_in(column.cast(pa.string()), value_set=keys, skip_nulls=True)
    return np.asarray(pc.fill_null(found, NOBODY), dtype=np.int32)


def is_leaf(ruleset: Ruleset, place: int) -> bool:
    """Return whether nothing lies below a rule."""
    return all(rule.parent != place for rule in ruleset.rules)


def winners_beside(
    ruleset: Ruleset, place: int, *, saved: Standing, rows: np.ndarray, claims: bool
) -> np.ndarray:
    """Return who wins each row, as places of rules, when a leaf's rule is the one in ``ruleset``.

    Parameters
    ----------
    place : int
        The leaf's place.
    saved : Standing
        Of the model as it is saved; it may have another rule there.
    rows : numpy.ndarray of int
        Accounts the leaf's rule matches now.
    claims : bool
        The leaf has a rule of a primary type: without one it wins by name only.
    """
    winner, is_named = saved.winner[rows], saved.is_named[rows]
    is_own = winner == place
    other = np.where(is_own, saved.runner_up[rows], winner)
    order = _order(ruleset)
    is_before = (other == NOBODY) | (order[place] < order[other])
    wins = (is_own & is_named) | (claims & is_before & ~(is_named & ~is_own))
    return np.where(wins, place, other)


def _order(ruleset: Ruleset) -> np.ndarray:
    """Return the place of each rule in winning order; one more at the end for nobody."""
    order = np.empty(len(ruleset.rules) + 1, dtype=np.int64)
    ranked = sorted(range(len(ruleset.rules)), key=lambda place: ruleset.rules[place].rank)
    order[ranked] = np.arange(len(ranked))
    order[NOBODY] = len(ranked)
    return order


def texts_of(places: np.ndarray, ruleset: Ruleset) -> pa.Array:
    """Return places of rules as keys; null for nobody."""
    keys = pa.array([rule.key for rule in ruleset.rules], pa.string())
    return keys.take(pa.array(np.maximum(places, 0), mask=places == NOBODY))
