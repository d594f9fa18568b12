"""What there is to say of a plan, as plain values: cost, bound, balance, contiguity, moves, and what it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from merestone.core.design.asked import Asked
from merestone.core.design.conflict_words import not_found
from merestone.core.design.problem import FREE, Activity, MoveCap, Objective
from merestone.core.design.reading import Read

if TYPE_CHECKING:  # what judges and searches is loaded when a search begins
    from merestone.core.design.scoring import Score
    from merestone.core.design.solve import Result

SLACK = 1e-6
"""As far as a sum may miss its bound (``scoring.SLACK``)."""


def report(read: Read, asked: Asked, result: Result) -> dict[str, Any]:
    """Return the report of a design, ready for JSON.

    ``gap`` is (cost − bound) ÷ cost. Deviations are shares of the mean. Bounds that differ between territories are
    told in ``territories``.
    """
    problem, score = read.problem, result.score
    sums = {one.name: score.sums[at] for at, one in enumerate(problem.activities)}
    balance = {one.name: _balance(one, sums[one.name]) for one in problem.activities}
    contiguity = _contiguity(read, result)
    return {
        "is_feasible": score.is_feasible,
        "violations": violations(result.score),
        "units": problem.n,
        "territories_asked": problem.k,
        "objective": str(problem.objective),
        "cost": score.cost,
        "cost_unit": cost_unit(asked),
        "bound": result.bound,
        "gap": result.gap,
        "is_proved": result.is_proved,
        "stop_reason": str(result.stop),
        "seconds": round(result.seconds, 3),
        "seed": result.seed,
        "balance": balance,
        "load": _load(read, asked, result),
        "contiguity": contiguity,
        "moves": _moves(read, asked, result),
        "groups": _groups(read, result),
        "conflict": not_found(problem, score),
        "territories": _territories(read, result),
        "notes": list(dict.fromkeys((*problem.notes, *result.notes))),
    }


def cost_unit(asked: Asked) -> str:
    """Return what costs are counted in."""
    if asked.objective is Objective.TRAVEL:
        return "hours" if asked.weight_column is None else f"{asked.weight_column} × hours"
    distance = "km²" if asked.objective is Objective.INERTIA else "km"
    return distance if asked.weight_column is None else f"{asked.weight_column} × {distance}"


def violations(score: Score) -> list[str]:
    """Return which wishes a plan breaks, in words."""
    counts = (
        (score.unassigned, "1 unit has no territory", "{:,} units have no territory"),
        (score.empty, "1 territory has no unit", "{:,} territories have no unit"),
        (
            int((score.excess > SLACK).any(axis=0).sum()),
            "1 territory is outside its bounds",
            "{:,} territories are outside their bounds",
        ),
        (
            int((score.over_capacity > SLACK).sum()),
            "1 territory is over the capacity of any of its units",
            "{:,} territories are over the capacity of any of their units",
        ),
        (score.strays, "1 unit is cut off from its territory", "{:,} units are cut off from their territory"),
        (
            score.misplaced,
            "1 unit is where it may not be",
            "{:,} units are where they may not be",
        ),
        (
            score.torn,
            "1 unit is not with the rest of its group",
            "{:,} units are not with the rest of their group",
        ),
        (
            score.met,
            "1 pair that may not share a territory does",
            "{:,} pairs that may not share a territory do",
        ),
        (
            int((score.over_moves > SLACK).sum()),
            "More moves than one limit allows",
            "More moves than {:,} limits allow",
        ),
    )
    return [f"{(one if n == 1 else many).format(n)}." for n, one, many in counts if n]


def _balance(one: Activity, sums: np.ndarray) -> dict[str, Any]:
    mean = float(one.amounts.sum()) / len(sums)
    return {
        "lower": _common(one.lower),
        "upper": _common(one.upper),
        "mean": mean,
        "min": float(sums.min()),
        "max": float(sums.max()),
        "max_deviation_from_mean": float(np.abs(sums / mean - 1).max()),
        "violated_territories": int(((sums < one.lower - SLACK) | (sums > one.upper + SLACK)).sum()),
    }


def _common(bounds: np.ndarray) -> float | None:
    """Return the bound all territories share; None when they differ or nothing is asked."""
    is_common = bool(np.isfinite(bounds).all()) and np.ptp(bounds) == 0
    return float(bounds[0]) if is_common else None


def _load(read: Read, asked: Asked, result: Result) -> dict[str, Any] | None:
    problem = read.problem
    if problem.load is None:
        return None
    sums = np.bincount(result.plan[result.plan >= 0], problem.load[result.plan >= 0], problem.k)
    return {
        "column": asked.load,
        "capacity_column": asked.capacity,
        "min": float(sums.min()),
        "max": float(sums.max()),
        "violated_territories": int((result.score.over_capacity > SLACK).sum()),
    }


def _contiguity(read: Read, result: Result) -> dict[str, Any]:
    problem = read.problem
    pairs = [[problem.ids[a], problem.ids[b]] for a, b in read.bridges]
    crossing = [result.plan[a] for a, b in read.bridges if result.plan[a] == result.plan[b]]
    return {
        "asked": problem.adjacency is not None,
        "strays": result.score.strays,
        "bridges": pairs,
        "territories_over_bridges": len(set(crossing)),
    }


def _groups(read: Read, result: Result) -> dict[str, Any]:
    """Return what is kept together and apart, and how many units and pairs are not."""
    problem = read.problem
    return {
        "together": len(problem.together_names),
        "torn_units": result.score.torn,
        "apart": 0 if problem.apart is None else len(problem.apart),
        "pairs_met": result.score.met,
    }


def _moves(read: Read, asked: Asked, result: Result) -> dict[str, Any] | None:
    problem = read.problem
    if problem.current is None:
        return None
    had = problem.current >= 0
    moved = had & (result.plan != problem.current)
    shares = {
        one.name: float(one.amounts[moved].sum() / max(one.amounts.sum(), SLACK))
        for one in problem.activities
    }
    return {
        "units": int(moved.sum()),
        "share_of_units": float(moved.sum() / max(1, had.sum())),
        "shares": shares,
        "new_units": int((~had).sum()),
        "price": result.score.moves_cost,
        "expected_loss": None if asked.pricing is None else result.score.moves_cost * asked.pricing.rate,
        "caps": [_cap(cap, moved) for cap in problem.move_caps],
    }


def _cap(cap: MoveCap, moved: np.ndarray) -> dict[str, Any]:
    found = float(cap.amounts[moved].sum())
    return {
        "column": cap.name or None,
        "most": cap.most,
        "share": cap.share,
        "moved": found,
        "is_kept": found <= cap.most + SLACK,
    }


def _territories(read: Read, result: Result) -> list[dict[str, Any]]:
    problem, score = read.problem, result.score
    sizes = np.bincount(result.plan[result.plan >= 0], minlength=problem.k)
    return [
        {
            "territory": label,
            "units": int(sizes[at]),
            "centre": centre_id(read, score, at),
            "sums": {one.name: float(score.sums[row, at]) for row, one in enumerate(problem.activities)},
            "lower": {one.name: float(one.lower[at]) for one in problem.activities},
            "upper": {one.name: _finite(one.upper[at]) for one in problem.activities},
        }
        for at, label in enumerate(problem.labels)
    ]


def centre_id(read: Read, score: Score, territory: int) -> str | None:
    """Return the id of the unit a territory has its centre in; None for a home and for an empty territory."""
    centre = int(score.centres[territory])
    return None if centre == FREE else read.problem.ids[centre]


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
