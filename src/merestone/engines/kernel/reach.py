"""Rows within reach of some rules: a quick look that may let through too many, never too few.

The bitmap of a class, its words folded into one, says which of 64 bundles of conjunctions allow it. Axis after axis, coarse
geography first, only rows that some bundle allows so far are asked further.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
from numba import int32, int64, njit, types, uint64

from merestone.engines.kernel.batch import rows_of
from merestone.engines.kernel.classes import AxisReader, Coded, Dictionaries, codes_of, plain
from merestone.engines.kernel.index import Index

_ALL = ~np.uint64(0)


@njit(
    int64(
        types.Array(int32, 1, "C", readonly=True),
        types.Array(uint64, 1, "C", readonly=True),
        types.Array(uint64, 1, "C"),
        types.Array(int64, 1, "C"),
    ),
    nogil=True,
    cache=True,
)
def sieve(codes: np.ndarray, allowed: np.ndarray, left: np.ndarray, rows: np.ndarray) -> int:
    """Take from what is left of each row what its code does not allow; move rows with anything left to the front.

    Returns how many these are.
    """
    n_left = 0
    for place in range(len(codes)):
        bundles = left[place] & allowed[codes[place]]
        left[n_left], rows[n_left] = bundles, rows[place]
        n_left += bundles != np.uint64(0)
    return n_left


class Reach:
    """Finds the rows that some conjunction of an index may match, its checks left aside.

    Parameters
    ----------
    index : Index
    readers : mapping of str to AxisReader
        Field -> what reads it.
    """

    def __init__(self, index: Index, readers: Mapping[str, AxisReader]) -> None:
        self._index, self._readers = index, readers
        self._bundles = np.bitwise_or.reduce(index.bitmaps[: index.n_static], axis=1)
        self._of_words = {number: Dictionaries() for number in range(len(index.axes))}
        loose = (number for number in range(len(index.axes)) if number not in index.groups.axes)
        self._order = [*reversed(index.groups.axes), *sorted(loose, key=self._share)]

    @property
    def is_exact(self) -> bool:
        """Whether only rows are found that some conjunction matches."""
        return len(self._index.rule_of) <= 64 and not self._index.checks.every

    def rows(self, column: Callable[[str], pa.Array | None], *, n_rows: int) -> np.ndarray:
        """Return the rows within reach, ascending.

        Parameters
        ----------
        column : callable
            Field -> the table's column of it.
        """
        if not len(self._index.rule_of):
            return np.zeros(0, np.int64)
        left, rows = np.full(n_rows, _ALL), np.arange(n_rows)
        for number in self._order:
            n_left = sieve(*self._allowed(number, column(self._index.axes[number].field), rows), left, rows)
            left, rows = left[:n_left], rows[:n_left]
            if not n_left:
                break
        return rows

    def _allowed(self, number: int, array: pa.Array | None, rows: np.ndarray) -> Coded:
        """Return the codes of some rows on an axis, and the bundles that each code leaves."""
        reader = self._readers[self._index.axes[number].field]
        if array is None or not pa.types.is_dictionary(array.type) or reader.is_searched:
            some = array if array is None or len(rows) == len(array) else plain(array).take(pa.array(rows))
            codes, classes = reader.read(some, n_rows=len(rows))
            return codes, self._bundles_of(number, reader, classes)
        words = array.dictionary
        allowed = self._of_words[number].get(words)
        if allowed is None:
            if len(words) > len(rows):  # only the words that these rows use
                classes = reader.classes_at(codes_of(array, rows), words)
                return np.arange(len(rows), dtype=np.int32), self._bundles_of(number, reader, classes)
            allowed = self._bundles_of(number, reader, reader.classes_of(words, is_shared=True))
            self._of_words[number].put(words, allowed)
        return codes_of(array, rows), allowed

    def _bundles_of(self, number: int, reader: AxisReader, classes: np.ndarray) -> np.ndarray:
        rows = rows_of(self._index, number, reader=reader, classes=classes)
        if self._index.row_of_class[number] is not None:
            return self._bundles[rows]
        return np.bitwise_or.reduce(self._index.bitmaps[rows], axis=1)

    def _share(self, number: int) -> float:
        """Return the share of bundles that a class of the axis leaves."""
        rows = self._index.row_of_class[number]
        if rows is None:
            return 64.0  # lists are read one by one
        return float(np.bitwise_count(self._bundles[rows]).mean())
