"""Scenarios as lines of a comparison: what each is worth, in words, and where it is the best of those it can be compared with."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import datetime
from typing import Any

from merestone.app.scenarios.measures import MEASURES

Line = dict[str, Any]
NOUNS = {"county": ("county", "counties")}
LABELS = {one.key: one.label for one in MEASURES}
OBJECTIVES = {"inertia": "compact", "distance": "near"}


def lines_of(rows: Iterable[Mapping[str, Any]]) -> list[Line]:
    """Return scenarios, as ``list_scenarios`` tells them, ready to be shown side by side.

    ``best`` names what a scenario is best at: ``cost``, ``gap``, ``moves``, or the key of a measure. Only scenarios of
    the same territories and units are compared; costs, only of plans as they stand and of one objective.
    """
    lines = [_line(row) for row in rows]
    _mark(lines, "cost", lambda one: one["cost"] if one["is_comparable"] else None, by_objective=True)
    _mark(lines, "gap", lambda one: one["gap"] if one["is_comparable"] else None, by_objective=True)
    _mark(lines, "moves", lambda one: one["moves"]["accounts"])
    for measure in LABELS:
        _mark(lines, measure, _deviation_of(measure))
    return lines


def _deviation_of(measure: str) -> Callable[[Line], float | None]:
    return lambda line: line["max_deviation"].get(measure)


def _line(row: Mapping[str, Any]) -> Line:
    report = row["report"] or {}
    is_current = bool(report.get("is_current"))
    is_whole = report.get("region", "all") == "all"
    one, many = NOUNS.get(row["unit_kind"], ("unit", "units"))
    tolerances = {one["measure"]: one["tolerance"] for one in row["settings"]["balances"]}
    return {
        **row,
        "report": report,
        "noun": one if row["units"] == 1 else many,
        "updated_at": datetime.fromisoformat(row["updated_at"]) if row["updated_at"] else None,
        "is_current": is_current,
        "is_whole": is_whole,
        "is_comparable": is_current and is_whole and bool(report.get("is_feasible", True)),
        "is_proved": is_current and bool(report.get("is_proved")),
        "proof": _proof(report, is_current=is_current, is_whole=is_whole),
        "deviations": [
            {
                "key": key,
                "label": LABELS.get(key, key),
                "value": value,
                "tolerance": tolerances.get(key),
                # as sums are rounded, so is what is asked of them
                "is_over": value is not None and key in tolerances and value > tolerances[key] + 1e-6,
            }
            for key, value in row["max_deviation"].items()
        ],
        "best": set(),
    }


def _proof(report: Mapping[str, Any], *, is_current: bool, is_whole: bool) -> str:
    """Return how good the plan is known to be, in words."""
    if not report:
        return "Not optimised yet"
    if not is_current:
        return "Changed since it was optimised"
    part = "" if is_whole else " for the part it worked on"
    if report.get("violations"):
        return " ".join(report["violations"])
    if report.get("is_proved"):
        return f"Proved optimal{part}"
    if report.get("gap") is not None:
        return f"At most {report['gap'] * 100:.2f} % of the cost could still be saved{part}"
    return f"Optimised{part}; how far from the best is not known"


def _mark(
    lines: list[Line], name: str, value_of: Callable[[Line], float | None], *, by_objective: bool = False
) -> None:
    groups: dict[Hashable, list[tuple[float, Line]]] = {}
    for line in lines:
        value = value_of(line)
        if value is not None:
            settings = line["settings"]
            asked = (settings["objective"], settings["weight"]) if by_objective else ()
            group = (
                line["model"]["key"],
                line["parent"],
                line["unit_kind"],
                line["territories"],
                line["units"],
                asked,
            )
            groups.setdefault(group, []).append((value, line))
    for found in groups.values():
        least = min(value for value, _ in found)
        best = [line for value, line in found if value <= least * (1 + 1e-9)]
        if len(best) < len(found):  # where all are alike, none is the best
            for line in best:
                line["best"].add(name)
