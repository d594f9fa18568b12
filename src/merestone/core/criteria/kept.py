"""The trees read last, so that a document that is checked, compiled and shown is read once."""

from __future__ import annotations

import threading
from collections import OrderedDict

from merestone.core.criteria import expression as ex

_BUDGET = 128_000_000  # bytes, as estimated by ``_weight``: some 35,000 rules with 30 postal codes each
_LEAF = 600  # bytes of a value with its place and its share of the leaf


class Kept:
    """Trees by text, the least recently used dropped when they weigh too much; safe to share between threads."""

    def __init__(self, budget: int = _BUDGET) -> None:
        self._budget, self._weight = budget, 0
        self._lock = threading.Lock()
        self._trees: OrderedDict[str, tuple[ex.Expr, int]] = OrderedDict()

    def get(self, text: str) -> ex.Expr | None:
        """Return the tree of ``text``, if it is still there."""
        with self._lock:
            found = self._trees.get(text)
            if found is None:
                return None
            self._trees.move_to_end(text)
            return found[0]

    def keep(self, text: str, tree: ex.Expr) -> None:
        """Remember the tree of ``text``."""
        weight = _weight(text, tree)
        with self._lock:
            _, before = self._trees.pop(text, (None, 0))
            self._trees[text] = tree, weight
            self._weight += weight - before
            while self._weight > self._budget:
                _, (_, dropped) = self._trees.popitem(last=False)
                self._weight -= dropped

    @property
    def weight(self) -> int:
        """Return the estimated bytes of what is kept."""
        return self._weight


def _weight(text: str, tree: ex.Expr) -> int:
    n_literals = sum(len(leaf.arguments) if isinstance(leaf, ex.Call) else 1 for leaf in ex.leaves(tree))
    return 2 * len(text) + _LEAF * n_literals
