"""Where every account of the book is, in columns: as it stands, and as rules would have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NOWHERE = -1
"""The code of no territory, and of no owner."""


@dataclass(frozen=True)
class Vocabulary:
    """The territories both sides know, so that places compare as numbers.

    Parameters
    ----------
    keys : tuple of str
        Each once; a key's position is its code.
    """

    keys: tuple[str, ...]

    @classmethod
    def of(cls, *sources: Iterable[str | None]) -> Vocabulary:
        """Return the vocabulary of all these keys, in the order they first come."""
        return cls(tuple(dict.fromkeys(key for source in sources for key in source if key is not None)))

    @cached_property
    def values(self) -> pa.Array:
        """The keys as Arrow text."""
        return pa.array(self.keys, pa.string())

    def codes(self, keys: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Return the code per key; ``NOWHERE`` for null."""
        return _numbers(pc.index_in(_one(keys).cast(pa.string()), value_set=self.values))

    def texts(self, codes: np.ndarray) -> pa.Array:
        """Return the key per code; null for ``NOWHERE``."""
        return self.values.take(pa.array(np.maximum(codes, 0), pa.int64(), mask=codes < 0))


@dataclass(frozen=True)
class Places:
    """One place per account, by its row in the book, and the overlays on top.

    Parameters
    ----------
    territory : array of int64, shape (n,)
        Codes of the vocabulary; ``NOWHERE`` = no territory.
    owner : array of int64, shape (n,)
        Rep ids; ``NOWHERE`` = the unassigned queue.
    cause : pa.Array of string, shape (n,)
        One of ``columns.CAUSES``; null for an account without any place yet.
    overlays : array of int64, shape (k, 3)
        Row, territory, owner; each once.
    """

    territory: np.ndarray
    owner: np.ndarray
    cause: pa.Array
    overlays: np.ndarray

    def but(self, other: Places, rows: np.ndarray) -> Places:
        """Return these places with those of ``other`` for some rows."""
        if not rows.any():
            return self
        stays, comes = ~rows[self.overlays[:, 0]], rows[other.overlays[:, 0]]
        return Places(
            np.where(rows, other.territory, self.territory),
            np.where(rows, other.owner, self.owner),
            pc.if_else(pa.array(rows), other.cause, self.cause),
            np.concatenate([self.overlays[stays], other.overlays[comes]]),
        )


def open_places(opened: pa.Table, ids: pa.Array, vocabulary: Vocabulary) -> Places:
    """Return the places of the open associations.

    Parameters
    ----------
    opened : pa.Table
        As ``Associations.open_now`` gives it; records not among ``ids`` do not count.
    ids : pa.Array of int64
        The accounts, in the order of the book.
    """
    rows = _numbers(pc.index_in(_one(opened["record"]), value_set=ids))
    territory = vocabulary.codes(opened["territory"])
    owner = _numbers(_one(opened["owner"]))
    is_primary = np.asarray(_one(opened["is_primary"]).to_numpy(zero_copy_only=False), dtype=bool)
    main = is_primary & (rows >= 0)
    source = np.full(len(ids), -1, dtype=np.int64)
    source[rows[main]] = np.flatnonzero(main)
    has = source >= 0
    overlay = ~is_primary & (rows >= 0)
    return Places(
        np.where(has, _taken(territory, source), NOWHERE),
        np.where(has, _taken(owner, source), NOWHERE),
        _one(opened["cause"]).cast(pa.string()).take(pa.array(np.maximum(source, 0), mask=~has)),
        np.column_stack([rows[overlay], territory[overlay], owner[overlay]]),
    )


def ruled_places(matched: pa.Table, owners: Mapping[str, int], vocabulary: Vocabulary) -> Places:
    """Return the places that rules give, each territory's owner owning what is in it.

    Parameters
    ----------
    matched : pa.Table
        As ``CompiledRules.match`` gives it, a row per account of the book.
    owners : mapping of str to int
        Territory key -> rep id of its owner.
    """
    owner_of = np.array([owners.get(key, NOWHERE) for key in vocabulary.keys] + [NOWHERE], dtype=np.int64)
    territory = vocabulary.codes(matched["territory"])
    lists = _one(matched["overlays"])
    parents = np.asarray(pc.list_parent_indices(lists), dtype=np.int64)
    overlay = vocabulary.codes(pc.list_flatten(lists))
    return Places(
        territory,
        owner_of[territory],
        pc.coalesce(_one(matched["cause"]).cast(pa.string()), "default"),
        np.column_stack([parents, overlay, owner_of[overlay]]),
    )


def overlays_only_in(left: Places, right: Places) -> np.ndarray:
    """Return the overlays of ``left`` that ``right`` has not, shape (k, 3)."""
    there = set(map(tuple, right.overlays.tolist())) if len(left.overlays) else set()
    is_alone = [tuple(row) not in there for row in left.overlays.tolist()]
    return left.overlays[np.array(is_alone, dtype=bool)] if is_alone else left.overlays


def _one(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _numbers(values: pa.Array) -> np.ndarray:
    return np.asarray(values.cast(pa.int64()).fill_null(NOWHERE).to_numpy(zero_copy_only=False))


def _taken(values: np.ndarray, source: np.ndarray) -> np.ndarray:
    return values[np.maximum(source, 0)] if len(values) else np.full(len(source), NOWHERE)
