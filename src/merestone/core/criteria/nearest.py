"""The nearest right name for a wrong one, at a cost that no document can drive up.

A document may hold a hundred thousand names and as many mistakes, and comparing two names takes microseconds: so only
the first mistakes get a suggestion, and among very many names only those that start alike are looked at.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Collection, Sequence

MAX_ASKED = 100  # different wrong names that get a suggestion
MAX_COMPARED = 500  # known names that one wrong name is compared with
MAX_NAME = 100  # characters; what is longer is no slip of the pen


class Suggestions:
    """Finds the nearest names for the mistakes of one document; ``n_compared`` counts its work."""

    def __init__(self) -> None:
        self.n_compared = 0
        self._found: dict[tuple[str, str], str | None] = {}
        self._sorted: dict[str, list[str]] = {}

    def nearest(self, name: str, known: Collection[str], *, what: str, cutoff: float = 0.5) -> str | None:
        """Return the known name most like ``name``, or None when none is alike or too much was asked.

        Parameters
        ----------
        name : str
            The wrong name.
        known : collection of str
            The right ones; the same ones whenever ``what`` is the same.
        what : str
            Which kind of name it is.
        cutoff : float
            Least likeness from 0 to 1.
        """
        if (what, name) in self._found:
            return self._found[what, name]
        if len(self._found) >= MAX_ASKED or len(name) > MAX_NAME:
            return None
        near = difflib.get_close_matches(name, self._candidates(name, known, what), n=1, cutoff=cutoff)
        self._found[what, name] = near[0] if near else None
        return self._found[what, name]

    def known(self, names: Collection[str], *, what: str) -> Sequence[str]:
        """Return the names in order, sorted once for each ``what``."""
        if what not in self._sorted:
            self._sorted[what] = sorted(names)
        return self._sorted[what]

    def _candidates(self, name: str, known: Collection[str], what: str) -> Sequence[str]:
        candidates: Sequence[str] = (
            list(known) if len(known) <= MAX_COMPARED else self._around(name, known, what)
        )
        self.n_compared += len(candidates)
        return [candidate for candidate in candidates if len(candidate) <= MAX_NAME]

    def _around(self, name: str, known: Collection[str], what: str) -> Sequence[str]:
        ordered = self.known(known, what=what)
        place = bisect_left(ordered, name)
        return ordered[max(0, place - MAX_COMPARED // 2) : place + MAX_COMPARED // 2]
