"""The kernel as an engine: rules made ready once, in memory and on disk.

What runs machine code is imported when it is first needed: that takes a second, and a server starts without it.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from merestone.core.rules import Ruleset

if TYPE_CHECKING:
    from merestone.engines.kernel.compiled import KernelRules

MAX_REMEMBERED = 16  # rulesets in memory


class KernelMatcher:
    """Makes rules ready and matches tables against them.

    Parameters
    ----------
    folder : Path, optional
        Where rules made ready are kept between runs; without it only in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._ready: OrderedDict[int, tuple[weakref.ref[Ruleset], KernelRules]] = OrderedDict()

    def kept(self, digest: str) -> KernelRules | None:
        """Return the rules made ready under this digest before; None when there are none."""
        if self._folder is None:
            return None
        from merestone.engines.kernel.shelf import Shelf

        return Shelf(self._folder).take(digest)

    def compile(self, ruleset: Ruleset, *, digest: str | None = None) -> KernelRules:
        """Return the rules made ready; with a digest of their whole content they are kept on disk too."""
        remembered = self._ready.get(id(ruleset))
        if remembered is not None and remembered[0]() is ruleset:
            return remembered[1]
        for known, ready in list(self._ready.values()):
            if known() == ruleset:  # shared rules and trees make this quick, and others differ early
                return ready
        rules = None if digest is None else self.kept(digest)
        if rules is None:
            rules = self._made(ruleset, digest)
        self._remember(ruleset, rules)
        return rules

    def match(self, ruleset: Ruleset, table: pa.Table) -> pa.Table:
        """Return where each row belongs, equal to ``core.rules.match_record`` row by row."""
        return self.compile(ruleset).match(table)

    def rematch(self, old: Ruleset, new: Ruleset, table: pa.Table) -> pa.Table:
        """Return the rows that ``new`` places differently from ``old``."""
        from merestone.engines.kernel.change import rematch

        return rematch(self.compile(old), new, table)

    def _made(self, ruleset: Ruleset, digest: str | None) -> KernelRules:
        from merestone.engines.kernel.compiled import KernelRules
        from merestone.engines.kernel.shelf import Shelf

        rules = KernelRules.of(ruleset)
        if digest is not None and self._folder is not None:
            Shelf(self._folder).put(digest, rules)
        return rules

    def _remember(self, ruleset: Ruleset, rules: KernelRules) -> None:
        self._ready[id(ruleset)] = weakref.ref(ruleset), rules
        while len(self._ready) > MAX_REMEMBERED:
            try:
                self._ready.popitem(last=False)
            except KeyError:  # another thread was as quick
                break
