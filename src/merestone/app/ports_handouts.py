"""What hand-outs need from outside: the outlines of units, and a writer of files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO, Protocol

from merestone.app.handout import HandOut


class Outlines(Protocol):
    """How units are drawn."""

    def outlines(self, kind: str) -> Mapping[str, Any]:
        """Return unit id -> its polygon (shapely, degrees, longitude before latitude), of every unit of a kind."""
        ...

    def states(self) -> Mapping[str, str]:
        """Return state code -> its name."""
        ...


class HandOutFiles(Protocol):
    """Writes hand-outs."""

    def write(self, hand_out: HandOut, target: BinaryIO, *, fmt: str, paper: str) -> None:
        """Write a hand-out: ``fmt`` is ``pdf`` or ``xlsx``, ``paper`` ``letter`` or ``a4``. The same content gives the
        same bytes."""
        ...
