"""Repairs as plain values, ready for JSON, with a sentence for each damage."""

from __future__ import annotations

from typing import Any

import numpy as np

from merestone.core.design.asked import Asked
from merestone.core.design.problem import Problem
from merestone.core.design.repair.found import Damage, Move, Repair, Repairs, Wanted
from merestone.core.design.report import cost_unit, violations


def report(problem: Problem, asked: Asked, wanted: Wanted, found: Repairs) -> dict[str, Any]:
    """Return what there is to say of repairs."""
    return {
        "is_damaged": bool(found.damage),
        "is_repaired": bool(found.repairs) or not found.damage,
        "is_impossible": found.is_impossible,
        "damage": [_damage(problem, one) for one in found.damage],
        "measure": wanted.measure or "units",
        "most_moves": wanted.most_moves,
        "at_least": found.at_least,
        "repairs": [{"repair": at + 1, **_repair(problem, one)} for at, one in enumerate(found.repairs)],
        "least": None if found.least is None else _repair(problem, found.least),
        "today": {"cost": found.today.cost, "balance": _balance(problem, found.today.sums)},
        "objective": str(problem.objective),
        "cost_unit": cost_unit(asked),
        "stop_reason": str(found.stop),
        "seconds": round(found.seconds, 3),
        "seed": found.seed,
        "notes": list(dict.fromkeys(found.notes)),
    }


def damage_words(problem: Problem, one: Damage) -> str:
    """Return what is wrong, a sentence."""
    name = problem.labels[one.territory] if one.territory >= 0 else ""
    units = "1 unit" if one.amount == 1 else f"{one.amount:,.0f} units"
    are = "is" if one.amount == 1 else "are"
    amount = f"{one.amount:,.0f}" if one.amount >= 1000 else f"{one.amount:,.4g}"
    return {
        "over": f"{name} has {amount} {one.activity} too much.",
        "under": f"{name} has {amount} {one.activity} too little.",
        "capacity": f"{name} has {amount} load too much for any of its units.",
        "strays": f"{units} of {name} {are} cut off.",
        "empty": f"{name} has no unit.",
        "unassigned": f"Nobody has {units}.",
        "misplaced": f"{name} has {units} that may not be there.",
        "torn": f"{name} has {units} of groups that are elsewhere.",
        "met": f"{name} has {amount} pairs that may not share a territory.",
    }[one.kind]


def _damage(problem: Problem, one: Damage) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "territory": problem.labels[one.territory] if one.territory >= 0 else None,
        "activity": one.activity or None,
        "amount": one.amount,
        "text": damage_words(problem, one),
    }


def _repair(problem: Problem, one: Repair) -> dict[str, Any]:
    return {
        "moves": one.moved,
        "placed": one.placed,
        "size": one.size,
        "is_proved": one.is_proved,
        "cost_change": one.cost_change,
        "price": one.score.moves_cost,
        "balance": _balance(problem, one.score.sums),
        "violations": violations(one.score),
        "units": [_move(problem, move) for move in one.moves],
    }


def _move(problem: Problem, move: Move) -> dict[str, Any]:
    return {
        "id": problem.ids[move.unit],
        "from": problem.labels[move.source] if move.source >= 0 else None,
        "to": problem.labels[move.target],
        "why": move.why,
        "cost_change": move.cost,
        "amounts": {
            activity.name: amount for activity, amount in zip(problem.activities, move.amounts, strict=True)
        },
    }


def _balance(problem: Problem, sums: np.ndarray) -> dict[str, Any]:
    return {
        one.name: {"min": float(sums[row].min()), "max": float(sums[row].max())}
        for row, one in enumerate(problem.activities)
    }
