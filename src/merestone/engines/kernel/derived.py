"""Classes of a few points, read off those of many: what a small change of rules asks of columns known already.

The points of changed rules mostly are points of the rules they come from, whose reader remembers the columns' words. A
class of its finer axis lies in one class of the coarser axis, but for gaps in which a new point falls: only words in such
a gap are read again.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property

import numpy as np
import pyarrow as pa

from merestone.core.model.columns import Kind
from merestone.core.rules.axes import Axis
from merestone.engines.kernel.classes import AxisReader

_UNSURE = -1


class DerivedReader(AxisReader):
    """Turns columns into the classes of an axis with the help of a reader of the same field.

    Parameters
    ----------
    axis : Axis
    finer : AxisReader
        Of an axis of the same field and kind; of a list field, one that knows all the items.
    """

    def __init__(self, axis: Axis, *, finer: AxisReader) -> None:
        super().__init__(axis)
        self._finer = finer

    def classes_at(self, codes: np.ndarray, values: pa.Array) -> np.ndarray:
        """Return the class of some of the values of a dictionary; the code past them is null."""
        return self._coarser(self._finer.classes_at(codes, values), values, codes)

    def classes_of(self, values: pa.Array, *, is_shared: bool) -> np.ndarray:
        """Return the class of each distinct stored value, and behind them that of null."""
        return self._coarser(self._finer.classes_of(values, is_shared=is_shared), values, None)

    def _coarser(self, finer: np.ndarray, values: pa.Array, codes: np.ndarray | None) -> np.ndarray:
        if self.axis.kind is Kind.LIST:
            return self._fewer_items(finer)
        classes = self._class_of_finer[finer]
        unsure = np.flatnonzero(classes == _UNSURE)
        if len(unsure):
            read = unsure if codes is None else codes[unsure]
            classes[unsure] = self._classes(values.take(pa.array(read)))
        return classes

    def _fewer_items(self, finer: np.ndarray) -> np.ndarray:
        """Return the numbers of combinations of which only the items of this axis count; -1 is missing."""
        combinations = self._finer.combinations
        numbers = np.full(len(combinations) + 1, -1, np.int32)
        for number in np.unique(finer[finer >= 0]).tolist():
            numbers[number] = self._combination(combinations[number])
        return numbers[finer]

    @cached_property
    def _class_of_finer(self) -> np.ndarray:
        """The class that each class of the finer axis lies in."""
        points, finer = self.axis.points, self._finer.axis.points
        found = np.empty(self._finer.axis.n_classes, np.int32)
        after = 0
        for number, point in enumerate(points):
            place = bisect_left(finer, point)
            is_shared = place < len(finer) and finer[place] == point
            at = 2 * place + is_shared
            found[after:at] = 2 * number
            found[at] = 2 * number + 1 if is_shared else _UNSURE
            after = at + 1
        found[after:-1] = 2 * len(points)
        found[-1] = self.axis.missing
        return found


def reader_of(axis: Axis, known: AxisReader | None) -> AxisReader:
    """Return what reads an axis, with the help of what reads its field for other rules where that is of use."""
    if known is None or known.axis.kind is not axis.kind:
        return AxisReader(axis)
    if axis.kind is Kind.LIST and not set(axis.points) <= set(known.axis.points):
        return AxisReader(axis)
    return DerivedReader(axis, finer=known)
