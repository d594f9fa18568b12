"""From a scenario to a problem of ``core.design``, and from its plan back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from merestone.app.scenarios.drawn import Drawn
from merestone.base.errors import InvalidInputError, UsageError
from merestone.core.design.asked import Asked, Balance, Sheet
from merestone.core.design.bridges import bridges, islands
from merestone.core.design.checks import amounts as wrong_amounts
from merestone.core.design.checks_wishes import impossible
from merestone.core.design.plane import Plane
from merestone.core.design.problem import FREE, Activity, Adjacency, Objective, Problem

MAX_SECONDS = 600.0
_LEAST_WEIGHT = 1e-3
"""What a unit without any of the weight counts for, as a share of the mean: it goes to the nearest."""


@dataclass(frozen=True)
class Options:
    """What an optimisation is asked.

    Parameters
    ----------
    territories : tuple of int, optional
        Only the units these have now are dealt out again, among these.
    units : tuple of int, optional
        Only these units are dealt out again.
    seconds : float
    seed : int
    homes : bool
        Measure distances to the homes of the territories' owners.
    """

    territories: tuple[int, ...] | None = None
    units: tuple[int, ...] | None = None
    seconds: float = 30.0
    seed: int = 0
    homes: bool = False

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Options:
        """Return options from plain data: ``region`` (``all``, or a mapping with ``territories`` or ``units``),
        ``seconds`` (or ``time_limit``), ``seed``, ``homes``."""
        region = data.get("region") or "all"
        part = region if isinstance(region, Mapping) else {}
        if not part and region != "all":
            raise UsageError(
                f"'{str(region)[:40]}' is no region.",
                code="bad-choice",
                fix="Use all, territories or units.",
            )
        seconds = float(data.get("seconds") or data.get("time_limit") or cls.seconds)
        if not 0 < seconds <= MAX_SECONDS:
            raise UsageError(
                f"{seconds:g} seconds cannot be asked for.",
                code="bad-choice",
                fix=f"At most {MAX_SECONDS:g}.",
            )
        return cls(
            _numbers(part.get("territories")),
            _numbers(part.get("units")),
            seconds,
            int(data.get("seed") or 0),
            bool(data.get("homes")),
        )

    def told(self) -> dict[str, Any]:
        """Return plain data that ``read`` reads."""
        region: Any = "all"
        if self.territories is not None:
            region = {"territories": list(self.territories)}
        elif self.units is not None:
            region = {"units": list(self.units)}
        return {"region": region, "seconds": self.seconds, "seed": self.seed, "homes": self.homes}


def _numbers(given: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if given is None else tuple(sorted({int(one) for one in given}))


@dataclass(frozen=True, eq=False)
class Task:
    """A problem made of a scenario.

    Parameters
    ----------
    units, territories : int arrays
        The scenario's numbers of the problem's units and territories.
    bridges : (m, 2) int array
        Pairs of the problem's units treated as if they touched.
    """

    problem: Problem
    asked: Asked
    units: np.ndarray
    territories: np.ndarray
    bridges: np.ndarray

    def whole(self, drawn: Drawn, plan: np.ndarray) -> np.ndarray:
        """Return the scenario's plan with the problem's plan in it."""
        found = drawn.plan.copy()
        has = plan >= 0
        found[self.units[has]] = self.territories[plan[has]]
        return found


def task_of(drawn: Drawn, settings: Mapping[str, Any], options: Options) -> Task:
    """Return the problem a scenario asks: locked units, and all outside the region, stay where they are.

    Raises
    ------
    InvalidInputError
        With everything that makes the wishes impossible.
    UsageError
        ``bad-unit``, ``bad-territory``; ``empty-region`` when nothing can move.
    """
    _refuse_strange(drawn, options)
    free, territories = _region(drawn, options)
    place = np.full(drawn.k, FREE, np.int64)
    place[territories] = np.arange(len(territories))
    current = np.where(drawn.plan >= 0, place[drawn.plan], FREE)
    units = np.flatnonzero(free | (current >= 0))
    if not free.any() or len(territories) < 2:
        raise UsageError(
            "Nothing can move there: everything is locked, or there is only one territory.",
            code="empty-region",
            fix="Unlock units, or choose a larger region.",
        )
    if len(units) < len(territories):
        raise UsageError(
            f"There are {len(units)} units for {len(territories)} territories.", code="empty-region"
        )
    lat, lon = (np.array(drawn.content[name], np.float64)[units] for name in ("lat", "lon"))
    plane = Plane.about(lat, lon)
    x, y = plane.project(lat, lon)
    adjacency, added, notes = _graph(drawn, units, x, y) if settings["contiguous"] else (None, _NONE, ())
    if options.units is not None:
        notes += (
            "Territories that are outside their bounds because of units outside the region may stay so.",
        )
    locked = np.where(free[units], FREE, current[units]).astype(np.int32)
    weight = settings["weight"]
    weights = drawn.amounts(weight)[units]
    mean = weights.mean() if weights.any() else 1.0
    problem = Problem(
        ids=tuple(_called(drawn, at) for at in units.tolist()),
        labels=tuple(drawn.content["territories"][at]["name"] for at in territories.tolist()),
        x=x,
        y=y,
        objective=Objective(settings["objective"]),
        weights=weights + _LEAST_WEIGHT * mean,
        activities=tuple(
            _activity(drawn, one, units, current[units], territories, is_part=options.units is not None)
            for one in settings["balances"]
        ),
        adjacency=adjacency,
        locked=locked if (locked >= 0).any() else None,
        homes=_homes(drawn, territories, plane) if options.homes else None,
        current=current[units].astype(np.int32),
        notes=notes,
    )
    wrong = [
        replace(one, where=one.where.removeprefix("--")) for one in (*_empty(problem), *impossible(problem))
    ]
    if wrong:
        what = "1 thing is wrong" if len(wrong) == 1 else f"{len(wrong):,} things are wrong"
        raise InvalidInputError(f"Nothing can be designed from this: {what}.", wrong)
    asked = Asked(
        objective=problem.objective,
        balances=tuple(Balance(one["measure"], one["tolerance"]) for one in settings["balances"]),
        weight=weight,
    )
    return Task(problem, asked, units, territories, added)


def _called(drawn: Drawn, at: int) -> str:
    names = (drawn.content[column][at] for column in ("names", "states", "ids"))
    return "{}, {} ({})".format(*names)


_NONE = np.empty((0, 2), np.int64)


def _refuse_strange(drawn: Drawn, options: Options) -> None:
    for what, numbers, n in (
        ("unit", options.units, drawn.n),
        ("territory", options.territories, drawn.k),
    ):
        strange = [one for one in numbers or () if not 0 <= one < n]
        if strange:
            raise UsageError(
                f"There is no {what} {strange[0]}.", code=f"bad-{what}", fix=f"There are 0 to {n - 1}."
            )


def _region(drawn: Drawn, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Return which units are free, and the territories that take part."""
    if options.territories is not None:
        chosen = np.array(options.territories, np.int64)
        return np.isin(drawn.plan, chosen) & ~drawn.locked, chosen
    if options.units is not None:
        free = np.zeros(drawn.n, bool)
        free[list(options.units)] = True
        free &= ~drawn.locked
        # Only the territories at hand take part: those that have the units, or touch them.
        near = free.copy()
        source = np.repeat(np.arange(drawn.n), np.diff(drawn.graph.starts))
        near[drawn.graph.neighbours[free[source]]] = True
        found = np.unique(drawn.plan[near])
        return free, found[found >= 0]
    return ~drawn.locked, np.arange(drawn.k)


def _activity(
    drawn: Drawn,
    balance: Mapping[str, Any],
    units: np.ndarray,
    current: np.ndarray,
    territories: np.ndarray,
    *,
    is_part: bool,
) -> Activity:
    """Return a measure with its bounds: around the mean of the territories that take part.

    Where only some units may move, it is the mean of all territories, and no territory must be nearer to it than it is
    now: what is outside the region cannot be mended from within.
    """
    amounts = drawn.amounts(balance["measure"])
    k, share = len(territories), balance["tolerance"]
    mean = float(drawn.sums(balance["measure"]).mean()) if is_part else float(amounts[units].sum()) / k
    lower, upper = np.full(k, max(0.0, mean * (1 - share))), np.full(k, mean * (1 + share))
    if is_part:
        now = np.bincount(current[current >= 0], amounts[units][current >= 0], minlength=k)
        upper = np.maximum(upper, np.maximum(now, 0) + amounts[units][current < 0].sum())
        lower = np.minimum(lower, now)
    return Activity(balance["measure"], amounts[units], lower, upper)


def _empty(problem: Problem) -> list[Any]:
    """Return what is wrong with measures that are nought everywhere."""
    sheet = Sheet("the scenario", {"id": problem.ids}, {one.name: one.amounts for one in problem.activities})
    return [
        wrong
        for one in problem.activities
        for wrong in wrong_amounts(sheet, one.name, problem.ids, needs_total=True)
    ]


def _graph(
    drawn: Drawn, units: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[Adjacency, np.ndarray, tuple[str, ...]]:
    """Return which of the units touch, made one piece by the shortest bridges."""
    n = len(units)
    place = np.full(drawn.n, FREE, np.int64)
    place[units] = np.arange(n)
    pairs = place[drawn.graph.pairs()]
    pairs = pairs[(pairs >= 0).all(axis=1)]
    graph = Adjacency.of(n, pairs)
    part = islands(graph, n)
    if not part.any():
        return graph, _NONE, ()
    added = bridges(x, y, part)
    words = f"The region has {int(part.max()) + 1:,} parts that do not touch; the shortest bridges count as touching."
    return Adjacency.of(n, np.concatenate([pairs, added])), added, (words,)


def _homes(drawn: Drawn, territories: np.ndarray, plane: Plane) -> np.ndarray:
    homes = np.full((len(territories), 2), np.nan)
    for at, number in enumerate(territories.tolist()):
        home = drawn.content["territories"][number]["home"]
        if home is not None:
            x, y = plane.project(np.array(home[1]), np.array(home[0]))
            homes[at] = float(x), float(y)
    return homes
