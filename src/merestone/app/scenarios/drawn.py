"""A scenario as columns: its units, its plan, and what each territory gets by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from merestone.app.ports_scenarios import ScenarioRow
from merestone.app.scenarios.measures import KEYS
from merestone.core.design.bridges import islands
from merestone.core.design.problem import Adjacency

NOBODY = -1


@dataclass(frozen=True, eq=False)
class Drawn:
    """A plan over units.

    Parameters
    ----------
    content : mapping
        Of ``ScenarioUnits``.
    plan : (n,) int array
        The number of each unit's territory, or ``NOBODY``.
    locked : (n,) bool array
    """

    content: Mapping[str, Any]
    plan: np.ndarray
    locked: np.ndarray

    @classmethod
    def of(cls, row: ScenarioRow, content: Mapping[str, Any]) -> Drawn:
        """Return a scenario as it stands."""
        return cls(content, np.array(row.plan, np.int64), np.array(row.locked, bool))

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.plan)

    @property
    def k(self) -> int:
        """Number of territories."""
        return len(self.content["territories"])

    @cached_property
    def graph(self) -> Adjacency:
        """Which units touch; bridges count."""
        return Adjacency(
            np.array(self.content["starts"], np.int32), np.array(self.content["neighbours"], np.int32)
        )

    def amounts(self, measure: str) -> np.ndarray:
        """Return a measure by unit."""
        return np.array(self.content["amounts"][measure], np.float64)

    def sums(self, measure: str) -> np.ndarray:
        """Return a measure by territory."""
        has = self.plan >= 0
        return np.bincount(self.plan[has], self.amounts(measure)[has], minlength=self.k)

    def pieces(self) -> np.ndarray:
        """Return in how many pieces each territory is; none without units."""
        pairs = self.graph.pairs()
        same = self.plan[pairs[:, 0]] == self.plan[pairs[:, 1]]
        part = islands(Adjacency.of(self.n, pairs[same].astype(np.int64)), self.n)
        has = self.plan >= 0
        found = np.unique(np.stack([self.plan[has], part[has]], axis=1), axis=0)
        return np.bincount(found[:, 0], minlength=self.k)

    def balance(self) -> list[dict[str, Any]]:
        """Return what each territory gets: ``territory``, ``units``, ``amounts``, ``index`` (100 is the mean; None
        where nothing is measured), ``is_connected``."""
        sums = {key: self.sums(key) for key in KEYS}
        means = {key: float(values.mean()) if self.k else 0.0 for key, values in sums.items()}
        pieces = self.pieces()
        units = np.bincount(self.plan[self.plan >= 0], minlength=self.k)
        return [
            {
                "territory": at,
                "units": int(units[at]),
                "amounts": {key: round(float(values[at]), 2) for key, values in sums.items()},
                "index": {
                    key: round(float(values[at]) * 100 / means[key], 1) if means[key] else None
                    for key, values in sums.items()
                },
                "is_connected": bool(pieces[at] <= 1),
            }
            for at in range(self.k)
        ]

    def deviation(self, measure: str) -> float | None:
        """Return how far the territory farthest from the mean is, as a share of it; None without a mean."""
        sums = self.sums(measure)
        mean = sums.mean() if len(sums) else 0.0
        return float(np.abs(sums / mean - 1).max()) if mean else None
