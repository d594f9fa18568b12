"""Rows within reach of some rules: a quick look that may let through too many, never too few.

The bitmap of a class, its words folded into one, says which of 64 bundles of conjunctions allow it. Axis after axis, geography
first, only rows that some bundle allows so far are asked further.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
from numba import int32, int64, njit, types, uint64

from merestone.engines.kernel.batch import rows_of
from merestone.engines.kernel.classes import AxisReader, Coded, plain
from merestone.engines.kernel.index import Index

_ALL = ~np.uint64(0)


@njit(
    int64(
        types.Array(int32, 1, "C", readonly=True),
        types.Array(uint64, 1, "C", readonly=True),
        types.Array(uint64, 1, "C"),
    ),
    nogil=True,
    cache=True,
)
def sieve(codes: np.ndarray, allowed: np.ndarray, left: np.ndarray) -> int:
    """Take from what is left of each row what its code does not allow; return how many rows have anything left."""
    n_left = 0
    for row in range(len(codes)):
        left[row] &= allowed[codes[row]]
        n_left += left[row] != np.uint64(0)
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
        loose = (number for number in range(len(index.axes)) if number not in index.groups.axes)
        self._order = [*index.groups.axes, *sorted(loose, key=self._share)]

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
        left, rows = np.full(n_rows, _ALL), np.arange(0)
        is_every = True
        for number in self._order:
            array = column(self._index.axes[number].field)
            if not is_every and array is not None:
                array = _taken(array, rows)
            codes, allowed = self._allowed(number, array, n_rows=len(left))
            n_left = sieve(codes, allowed, left)
            if not n_left:
                break
            if 2 * n_left < len(left):
                alive = np.flatnonzero(left != 0)
                left, rows = left[alive], alive if is_every else rows[alive]
                is_every = False
        alive = np.flatnonzero(left != 0)
        return alive if is_every else rows[alive]

    def _allowed(self, number: int, array: pa.Array | None, *, n_rows: int) -> Coded:
        """Return the rows' codes on an axis, and the bundles that each code leaves."""
        reader = self._readers[self._index.axes[number].field]
        codes, classes = reader.read(array, n_rows=n_rows)
        return codes, self._bundles_of(number, rows_of(self._index, number, reader=reader, classes=classes))

    def _bundles_of(self, number: int, rows: np.ndarray) -> np.ndarray:
        if self._index.row_of_class[number] is not None:
            return self._bundles[rows]
        return np.bitwise_or.reduce(self._index.bitmaps[rows], axis=1)

    def _share(self, number: int) -> float:
        """Return the share of bundles that a class of the axis leaves."""
        rows = self._index.row_of_class[number]
        if rows is None:
            return 64.0  # lists are read one by one
        return float(np.bitwise_count(self._bundles[rows]).mean())


def _taken(array: pa.Array, rows: np.ndarray) -> pa.Array:
    array = plain(array) if not pa.types.is_dictionary(array.type) else array
    return array.take(pa.array(rows))
