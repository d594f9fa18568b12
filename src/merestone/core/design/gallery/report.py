"""A gallery as plain values, ready for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from merestone.core.design.asked import Asked
from merestone.core.design.gallery.family import aims
from merestone.core.design.gallery.found import Card, Change, Gallery, Measures
from merestone.core.design.problem import Problem
from merestone.core.design.report import cost_unit, violations
from merestone.core.design.scoring import Score


def report(problem: Problem, asked: Asked, found: Gallery) -> dict[str, Any]:
    """Return what there is to say of a gallery; ``gap`` is (cost − bound) ÷ cost of the problem ``solved_for``."""
    return {
        "is_feasible": bool(found.cards),
        "units": problem.n,
        "territories_asked": problem.k,
        "objective": str(problem.objective),
        "cost_unit": cost_unit(asked),
        "plans": [{"plan": at + 1, **_card(problem, asked, card)} for at, card in enumerate(found.cards)],
        "today": _today(problem, found),
        "considered": found.considered,
        "stop_reason": str(found.stop),
        "seconds": round(found.seconds, 3),
        "seed": found.seed,
        "notes": list(dict.fromkeys(found.notes)),
    }


def _card(problem: Problem, asked: Asked, card: Card) -> dict[str, Any]:
    return {
        "best_at": list(card.best_at),
        "trade": card.trade,
        **_measures(problem, card.measures),
        "moves": None if problem.current is None else _moves(problem, asked, card),
        "solved_for": card.solved_for,
        "bound": card.bound,
        "gap": card.gap,
        "asked_bound": card.asked_bound,
        "asked_gap": card.asked_gap,
        "balance": _balance(problem, card.score),
        "territories": [_change(problem, one) for one in card.changes],
    }


def _measures(problem: Problem, one: Measures) -> dict[str, Any]:
    return {
        "cost": one.cost,
        "imbalance": one.imbalance,
        "disruption": None if problem.current is None else one.disruption,
    }


def _moves(problem: Problem, asked: Asked, card: Card) -> dict[str, Any]:
    assert problem.current is not None
    names = [one.name for one in problem.activities]
    return {
        "units": card.moved,
        "share_of_units": card.measures.disruption,
        "shares": dict(zip(names, card.moved_shares, strict=True)),
        "new_units": int((problem.current < 0).sum()),
        "price": card.loss,
        "expected_loss": None if asked.pricing is None else card.loss * asked.pricing.rate,
    }


def _balance(problem: Problem, score: Score) -> dict[str, Any]:
    wanted = aims(problem)
    return {
        one.name: {
            "min": float(score.sums[row].min()),
            "max": float(score.sums[row].max()),
            "max_deviation": _deviation(score.sums[row], wanted[row]),
        }
        for row, one in enumerate(problem.activities)
    }


def _deviation(sums: np.ndarray, wanted: np.ndarray) -> float:
    has = wanted > 0
    return float(np.abs(sums[has] / wanted[has] - 1).max(initial=0.0))


def _change(problem: Problem, one: Change) -> dict[str, Any]:
    return {
        "territory": problem.labels[one.territory],
        "units_today": one.units_today,
        "units": one.units,
        "gained": one.gained,
        "lost": one.lost,
        "balance": {
            activity.name: {
                "today": one.today[row],
                "plan": one.plan[row],
                "change": one.plan[row] - one.today[row],
                "aim": one.aims[row],
            }
            for row, activity in enumerate(problem.activities)
        },
    }


def _today(problem: Problem, found: Gallery) -> dict[str, Any] | None:
    if found.today is None or found.today_measures is None:
        return None
    return {
        **_measures(problem, found.today_measures),
        "is_feasible": found.today.is_feasible,
        "violations": violations(found.today),
        "balance": _balance(problem, found.today),
    }
