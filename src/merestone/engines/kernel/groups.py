"""Geography, met once per combination instead of once per record.

Records of one combination of geography are a *group*; groups of one combination of coarse geography (state, country) are a
*block*. A block knows the conjunctions that its geography leaves and numbers them anew, densely: a group's bitmap is a few words
then, and so are the bitmaps of the other axes once the block has seen enough records to be worth tables of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from merestone.engines.kernel import loops

_FIRST_SLOTS = 1 << 12
_MAX_ROWS = 512  # an axis of more rows than this makes no blocks
_MAX_NUMBERED = 1 << 24  # conjunctions that blocks number at most; further ones share one block
_ENTRIES_A_RECORD = 1000  # a record spares the time that this many entries of a table take to make
_MAX_TABLE_WORDS = 1 << 24


@dataclass(frozen=True, eq=False)
class Met:
    """What the loops look up; arrays that only grow at their ends, as they were at one moment.

    Parameters
    ----------
    start, words, bits : arrays
        The words that are not empty of group g's bitmap, in its block's numbers: those of [start[g], start[g + 1]).
    block_of : int32 array
        The block of each group.
    first, conjunctions : arrays
        The conjunctions of block b begin at ``conjunctions[first[b]]``, in winning order.
    n_words : int32 array
        Words of a bitmap in each block.
    base : (n_blocks, n_tabled) int64 array
        Where the block's bitmaps of each tabled axis begin in ``tables``; negative while it has none.
    tables : uint64 array
    """

    start: np.ndarray
    words: np.ndarray
    bits: np.ndarray
    block_of: np.ndarray
    first: np.ndarray
    conjunctions: np.ndarray
    n_words: np.ndarray
    base: np.ndarray
    tables: np.ndarray


@dataclass(frozen=True)
class Tabled:
    """The axes whose bitmaps blocks keep in their own numbers.

    Parameters
    ----------
    first_row, n_rows : int64 arrays
        The rows of each axis in the table of bitmaps.
    """

    first_row: np.ndarray
    n_rows: np.ndarray


class Groups:
    """Numbers the combinations of bitmap rows on some axes, and keeps what each has in common.

    Parameters
    ----------
    axes : tuple of int
        Places of the grouped axes.
    n_rows : sequence of int
        Bitmap rows of each.
    base : int
        Bitmap rows there are.
    all_bits : uint64 array
        Every conjunction.
    tabled : Tabled
    """

    def __init__(
        self, axes: tuple[int, ...], *, n_rows: Sequence[int], base: int, all_bits: np.ndarray, tabled: Tabled
    ) -> None:
        self.axes, self._base, self._all_bits, self._tabled = axes, base, all_bits, tabled
        self._coarse = [place for place in range(len(axes)) if n_rows[place] <= _MAX_ROWS]
        self._slots = np.zeros(_FIRST_SLOTS, np.int64)
        self._ids = np.full(_FIRST_SLOTS, -1, np.int32)
        self._keys, self._start = Growing(np.int64), Growing(np.int64)
        self._start.extend(np.zeros(1, np.int64))
        self._words, self._bits, self._block_of = Growing(np.int32), Growing(np.uint64), Growing(np.int32)
        self._first, self._conjunctions, self._n_words = (
            Growing(np.int64),
            Growing(np.int32),
            Growing(np.int32),
        )
        self._bases, self._tables, self._seen = Growing(np.int64), Growing(np.uint64), np.zeros(0, np.int64)
        self._block_numbers: dict[tuple[int, ...], int] = {}
        self.met = self._snapshot()

    def number(self, rows: Sequence[np.ndarray], bitmaps: np.ndarray, *, n_rows: int) -> np.ndarray:
        """Return the group of each record, given its bitmap rows on the grouped axes."""
        keys = np.zeros(n_rows, np.int64)
        for more in rows:
            keys = keys * self._base + more
        numbers = np.empty(n_rows, np.int32)
        place, room = 0, np.empty(min(len(self._slots), n_rows), np.int64)
        while place < n_rows:
            known = len(self._keys.used)
            place, n_new = loops.number_keys(keys, self._slots, self._ids, known, place, numbers, room)
            if n_new:
                self._extend(room[:n_new], bitmaps)
            if place < n_rows:
                self._grow()
                room = np.empty(len(self._slots), np.int64)
        self._warm(numbers, bitmaps)
        return numbers

    # --- new groups and blocks ----------------------------------------------------------------------------------------

    def _extend(self, keys: np.ndarray, bitmaps: np.ndarray) -> None:
        members = np.empty((len(keys), len(self.axes)), np.int32)
        rest = keys.copy()
        for member in range(len(self.axes) - 1, -1, -1):
            rest, members[:, member] = np.divmod(rest, self._base)
        blocks = self._blocks(members[:, self._coarse], bitmaps)
        start, words, bits = self._meet(members, blocks, bitmaps)
        self._keys.extend(keys)
        self._start.extend(start[1:] + len(self._words.used))
        self._words.extend(words)
        self._bits.extend(bits)
        self._block_of.extend(blocks)
        self.met = self._snapshot()

    def _blocks(self, coarse: np.ndarray, bitmaps: np.ndarray) -> np.ndarray:
        """Return the block of each group, given its rows on the coarse axes."""
        kinds, number_of = np.unique(coarse, axis=0, return_inverse=True)
        blocks = [self._block(tuple(rows), bitmaps) for rows in kinds.tolist()]
        return np.array(blocks, np.int32)[number_of.reshape(-1)]

    def _block(self, rows: tuple[int, ...], bitmaps: np.ndarray) -> int:
        number = self._block_numbers.get(rows)
        if number is not None:
            return number
        if rows and len(self._conjunctions.used) > _MAX_NUMBERED:
            return self._block((), bitmaps)
        words = np.bitwise_and.reduce(bitmaps[list(rows)], axis=0) if rows else self._all_bits
        left = np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little"))
        self._first.extend(np.array([len(self._conjunctions.used)]))
        self._conjunctions.extend(left)
        self._n_words.extend(np.array([-(-len(left) // 64)]))
        self._bases.extend(np.full(len(self._tabled.n_rows), -1))
        self._seen = np.append(self._seen, 0)
        return self._block_numbers.setdefault(rows, len(self._block_numbers))

    def _meet(
        self, members: np.ndarray, blocks: np.ndarray, bitmaps: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the words of each group's bitmap that are not empty, and where each group's begin."""
        first = np.append(self._first.used, len(self._conjunctions.used))
        start = np.zeros(len(members) + 1, np.int64)
        room = int(self._n_words.used[blocks].sum())
        words, bits = np.empty(room, np.int32), np.empty(room, np.uint64)
        n_used = loops.meet(members, blocks, first, self._conjunctions.used, bitmaps, start, words, bits)
        return start, words[:n_used], bits[:n_used]

    def _grow(self) -> None:
        n_slots, keys = len(self._slots) * 4, self._keys.used
        self._slots, self._ids = np.zeros(n_slots, np.int64), np.full(n_slots, -1, np.int32)
        numbers, room = np.empty(len(keys), np.int32), np.empty(len(keys), np.int64)
        loops.number_keys(keys, self._slots, self._ids, 0, 0, numbers, room)

    # --- tables -------------------------------------------------------------------------------------------------------

    def _warm(self, numbers: np.ndarray, bitmaps: np.ndarray) -> None:
        """Make the tables of blocks that have seen records enough to be worth them."""
        if not len(self._tabled.n_rows) or not len(numbers):
            return
        self._seen += np.bincount(self._block_of.used[numbers], minlength=len(self._seen))
        sizes = np.diff(self._first.used, append=len(self._conjunctions.used))
        is_worth_it = self._seen * _ENTRIES_A_RECORD > sizes * int(self._tabled.n_rows.sum())
        cold = self._bases.used[:: len(self._tabled.n_rows)] < 0
        chosen = np.flatnonzero(is_worth_it & cold & (sizes > 0))
        for block in chosen.tolist():
            self._make_tables(block, bitmaps)
        if len(chosen):
            self.met = self._snapshot()

    def _make_tables(self, block: int, bitmaps: np.ndarray) -> None:
        n_words, n_tabled = int(self._n_words.used[block]), len(self._tabled.n_rows)
        if len(self._tables.used) + n_words * int(self._tabled.n_rows.sum()) > _MAX_TABLE_WORDS:
            return
        end = self._first.used[block + 1] if block + 1 < len(self._first.used) else None
        conjunctions = self._conjunctions.used[self._first.used[block] : end]
        bases = np.empty(n_tabled, np.int64)
        for place, (first, count) in enumerate(
            zip(self._tabled.first_row.tolist(), self._tabled.n_rows.tolist(), strict=True)
        ):
            bases[place] = len(self._tables.used)
            self._tables.extend(loops.narrowed(bitmaps[first : first + count], conjunctions, n_words))
        # A copy: snapshots taken before go on saying that there are no tables.
        self._bases = self._bases.replaced(block * n_tabled, bases)

    def _snapshot(self) -> Met:
        return Met(
            self._start.used,
            self._words.used,
            self._bits.used,
            self._block_of.used,
            self._first.used,
            self._conjunctions.used,
            self._n_words.used,
            self._bases.used.reshape(len(self._first.used), len(self._tabled.n_rows)),
            self._tables.used,
        )


class Growing:
    """An array that grows at its end; what was written stays where it is, so that views of it stay right."""

    def __init__(self, kind: type) -> None:
        self._array: np.ndarray = np.empty(0, kind)
        self.used = self._array

    def extend(self, more: np.ndarray) -> None:
        """Write ``more`` after its end."""
        n_used = len(self.used)
        if n_used + len(more) > len(self._array):
            grown = np.empty(2 * (n_used + len(more)), self._array.dtype)
            grown[:n_used] = self.used
            self._array = grown
        self._array[n_used : n_used + len(more)] = more
        self.used = self._array[: n_used + len(more)]

    def replaced(self, place: int, values: np.ndarray) -> Growing:
        """Return a copy with ``values`` written at a place."""
        other = Growing(self._array.dtype.type)
        other.extend(self.used)
        other._array[place : place + len(values)] = values
        return other
