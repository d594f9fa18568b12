"""A staffing as plain values: for files, pages and programs the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from merestone.core.design.staffing import VACANT, Staffing
from merestone.core.design.staffing_words import LABELS, Telling


def line_of(telling: Telling, territory: int) -> dict[str, Any]:
    """Return one territory: who has it and why, the next best person here, and the change that costs least."""
    found = telling.staffing
    person = int(found.chosen[territory])
    is_staffed = person != VACANT
    line: dict[str, Any] = {
        "territory": found.openings.keys[territory],
        "name": found.openings.names[territory],
        "rep": found.staff.people.ids[person] if is_staffed else None,
        "rep_name": found.staff.names[person] if is_staffed else None,
        "score": round(float(found.points[territory, person]), 2) if is_staffed else None,
        "reasons": telling.reasons(territory, person) if is_staffed else [_vacant(found, territory)],
        "parts": _parts(found, territory, person) if is_staffed else {},
        "is_fixed": territory in found.terms.fixed,
    }
    for name, other in (
        ("runner_up", found.runner_up(territory)),
        ("cheapest_change", found.cheapest_change(territory)),
    ):
        line[name] = None if other == VACANT else option_of(telling, territory, other)
    return line


def option_of(telling: Telling, territory: int, person: int) -> dict[str, Any]:
    """Return somebody else for a territory: points here, what the whole loses, and why not they."""
    found = telling.staffing
    lost = float(found.lost[territory, person])
    return {
        "rep": found.staff.people.ids[person],
        "rep_name": found.staff.names[person],
        "score": round(float(found.points[territory, person]), 2),
        "lost": round(lost, 2) + 0.0 if np.isfinite(lost) else None,
        "vacancies": int(found.vacancies[territory, person]),
        "cost": telling.cost(territory, person),
        "compared": telling.compared(territory, person),
        "why_not": telling.why_not(territory, person),
    }


def whole_of(telling: Telling) -> dict[str, Any]:
    """Return what all choices come to."""
    found = telling.staffing
    return {
        "total": round(found.total, 2),
        "best": round(found.best, 2),
        "territories": len(found.openings.keys),
        "people": len(found.staff.names),
        "vacant": found.n_vacant,
        "vacant_at_best": found.best_n_vacant,
        "mean_score": round(found.total / max(len(found.openings.keys) - found.n_vacant, 1), 2),
        "weights": {name: round(weight, 2) for name, weight in found.weights.items()},
        "labels": {name: LABELS[name] for name in found.weights},
        "spare": [
            {"rep": found.staff.people.ids[person], "rep_name": found.staff.names[person]}
            for person in found.spare
        ],
    }


def _parts(found: Staffing, territory: int, person: int) -> dict[str, float]:
    return {
        name: round(float(weight * found.parts[name][territory, person]), 2)
        for name, weight in found.weights.items()
    }


def _vacant(found: Staffing, territory: int) -> str:
    if found.terms.fixed.get(territory) == VACANT:
        return "kept vacant by hand"
    if not len(found.staff.names):
        return "there is nobody to choose"
    if not found.allowed[territory].any():
        return "nobody meets what it requires"
    return "everybody who could take it is needed elsewhere"
