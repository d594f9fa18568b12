"""A hand-out as a file of the kind asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import pyarrow as pa

from merestone.app.handout import HandOut, Whole
from merestone.app.ports_handouts import Outlines


class HandOutWriter:
    """Implements ``app.ports_handouts.HandOutFiles``.

    Parameters
    ----------
    outlines : Outlines
        How units are drawn.
    guard : callable
        Makes a text column safe in a spreadsheet.
    """

    def __init__(self, outlines: Outlines, guard: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> None:
        self._outlines = outlines
        self._guard = guard
        self._last: Any = None

    def write(self, hand_out: HandOut, target: BinaryIO, *, fmt: str, paper: str) -> None:
        """Write a hand-out: ``fmt`` is ``pdf`` or ``xlsx``, ``paper`` ``letter`` or ``a4``."""
        # Imported where they are needed: most processes never write one.
        if fmt == "xlsx":
            from merestone.connectors.handouts.workbook import write_workbook

            write_workbook(hand_out, target, guard=self._guard)
        else:
            from merestone.connectors.handouts.booklet import write_booklet

            write_booklet(hand_out, target, atlas=self._atlas(hand_out.whole), paper=paper)

    def _atlas(self, whole: Whole) -> Any:
        """Return the outlines of a scenario; for one territory after another of one scenario they are the same."""
        from merestone.connectors.handouts.maps import Atlas

        last = self._last
        if last is None or last.whole is not whole:
            self._last = last = Atlas(whole, self._outlines.outlines(whole.unit_kind))
        return last
