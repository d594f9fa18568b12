"""What is measured of units and territories, and how a scenario asks for it to be balanced."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from merestone.base.errors import InvalidInputError, Problem
from merestone.core.design.problem import Objective

OBJECTIVES = (Objective.INERTIA.value, Objective.DISTANCE.value)
MAX_TOLERANCE = 10.0
_STEP = 0.05
UNIT_FIELDS: Mapping[str, str] = {"county": "county"}
"""Kind of unit -> the field of an account that says in which it lies."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A sum over accounts.

    Parameters
    ----------
    column : str
        Of the book; empty: a count.
    unit : str
        ``accounts``, ``hours`` or ``money``.
    """

    key: str
    label: str
    unit: str
    column: str = ""


MEASURES = (
    Measure("accounts", "Accounts", "accounts"),
    Measure("potential", "Potential", "money", "potential"),
    Measure("revenue", "Annual revenue", "money", "revenue"),
    Measure("workload", "Workload", "hours", "workload_hours"),
)
KEYS = tuple(one.key for one in MEASURES)
DEFAULTS: Mapping[str, Any] = {
    "objective": Objective.INERTIA.value,
    "weight": "workload",
    "contiguous": True,
    "balances": [{"measure": "workload", "tolerance": 0.25}],
}


def first_settings(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings a scenario starts with: as even as its heaviest unit lets it be, in steps of 5 %."""
    settings = dict(DEFAULTS)
    balances = []
    for one in settings["balances"]:
        amounts = content["amounts"][one["measure"]]
        mean = sum(amounts) / max(1, len(content["territories"]))
        needed = max(amounts, default=0.0) / mean - 1 if mean else 0.0
        tolerance = min(MAX_TOLERANCE, max(one["tolerance"], math.ceil(needed / _STEP + 1e-9) * _STEP))
        balances.append({**one, "tolerance": round(tolerance, 2)})
    return settings | {"balances": balances}


def checked_settings(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with some changed.

    Raises
    ------
    InvalidInputError
        With everything that is wrong.
    """
    wrong: list[Problem] = []
    if changes.get("objective", OBJECTIVES[0]) not in OBJECTIVES:
        wrong.append(_choice("objective", changes["objective"], OBJECTIVES))
    if changes.get("weight", KEYS[0]) not in KEYS:
        wrong.append(_choice("weight", changes["weight"], KEYS))
    balances = changes.get("balances", [])
    for place, one in enumerate(balances):
        if one["measure"] not in KEYS:
            wrong.append(_choice(f"balances/{place}", one["measure"], KEYS))
        if not 0 <= one["tolerance"] <= MAX_TOLERANCE:
            wrong.append(
                Problem(
                    "bad-tolerance",
                    f"{one['tolerance']:g} is no tolerance.",
                    f"Give a share of the mean: 0.05 is ±5 %, at most {MAX_TOLERANCE:g}.",
                    where=f"balances/{place}",
                )
            )
    named = [one["measure"] for one in balances]
    if len(set(named)) < len(named):
        wrong.append(
            Problem("bad-choice", "A measure is balanced twice.", "Name each once.", where="balances")
        )
    if wrong:
        raise InvalidInputError("The settings were not changed.", wrong)
    kept = {name: changes[name] for name in DEFAULTS if name in changes}
    if "balances" in kept:
        kept["balances"] = [
            {"measure": one["measure"], "tolerance": float(one["tolerance"])} for one in balances
        ]
    return {**before, **kept}


def _choice(where: str, value: Any, known: tuple[str, ...]) -> Problem:
    return Problem("bad-choice", f"'{str(value)[:40]}' is none of them.", f"Use {', '.join(known)}.", where)
