"""A conflict in words: each wish as a person would say it, and what would relax it. Also what a found plan breaks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from merestone.base.errors import InvalidInputError
from merestone.base.errors import Problem as Wrong
from merestone.core.design.problem import MoveCap, Problem

if TYPE_CHECKING:
    from merestone.core.design.conflict import Conflict
    from merestone.core.design.conflict_model import Wish
    from merestone.core.design.scoring import Score

SLACK = 1e-6
SHOWN = 3
LIKE = 3
"""So many wishes that differ in the territory alone are told in one sentence."""
_PLACES = {
    "lower": "--balance",
    "upper": "--balance",
    "lock": "--current",
    "eligibility": "--reps",
    "together": "--units",
    "apart": "--apart",
    "moves": "--most-moves",
}


class Contradiction(InvalidInputError):
    """Wishes that no plan can keep: proved before anything was searched.

    Parameters
    ----------
    conflict : dict, optional
        As in the report.
    """

    code = "wishes-contradict"

    def __init__(self, problems: list[Wrong], conflict: dict[str, Any] | None) -> None:
        super().__init__("No plan can keep all of these wishes: nothing was searched.", problems)
        self.conflict = conflict


def told(problem: Problem, conflict: Conflict, needs: Sequence[str] = ()) -> list[Wrong]:
    """Return a conflict as what is wrong, wishes that differ in the territory alone in one sentence."""
    total = len(conflict.wishes)
    kind = "the fewest" if conflict.is_smallest else "none of which is idle"
    if total > 1:
        head = f"{total:,} wishes contradict one another ({kind}): "
        head += (
            "relaxing any one of them is enough."
            if all(conflict.is_enough)
            else "relax any one of them; others contradict one another, too."
        )
    else:
        head = "One wish cannot be kept by itself."
    found = [Wrong("wishes-conflict", head, "", "")]
    done: set[int] = set()
    for at, one in enumerate(conflict.wishes):
        if at in done:
            continue
        alike = [other for other in range(at, total) if _is_like(problem, one, conflict.wishes[other])]
        if len(alike) < LIKE:
            alike = [at]
        done |= set(alike)
        territories = sorted({t for other in alike for t in conflict.wishes[other].territories})
        wish = wish_in_words(problem, one, needs, territories=territories)
        relaxation = relaxed(problem, conflict, at)
        found.append(Wrong("wishes-conflict", wish, relaxation, _PLACES[str(one.kind)]))
    return found


def as_dict(problem: Problem, conflict: Conflict, needs: Sequence[str] = ()) -> dict[str, Any]:
    """Return a conflict for the report."""
    return {
        "is_proved": True,
        "is_smallest": conflict.is_smallest,
        "wishes": [
            {
                "kind": str(one.kind),
                "wish": wish_in_words(problem, one, needs, territories=one.territories),
                "relaxation": relaxed(problem, conflict, at),
                "relax_by": conflict.missed[at],
                "keeps_all_others": conflict.is_enough[at],
            }
            for at, one in enumerate(conflict.wishes)
        ],
    }


def _is_like(problem: Problem, one: Wish, other: Wish) -> bool:
    if str(one.kind) not in ("lower", "upper") or (one.kind, one.at) != (other.kind, other.at):
        return False
    bounds = _bounds(problem, one)
    return bool(
        bounds[one.territories[0]] == bounds[other.territories[0]]
        or abs(bounds[one.territories[0]] - bounds[other.territories[0]]) <= 1e-9 * bounds.max()
    )


def _bounds(problem: Problem, one: Wish) -> np.ndarray:
    activity = problem.activities[one.at]
    return activity.lower if str(one.kind) == "lower" else activity.upper


def wish_in_words(
    problem: Problem, one: Wish, needs: Sequence[str] = (), *, territories: Sequence[int] = ()
) -> str:
    """Return a wish as a sentence."""
    kind = str(one.kind)
    if kind in ("lower", "upper"):
        name = problem.activities[one.at].name
        bounds = _bounds(problem, one)[list(territories)]
        if len(territories) == problem.k > 1:
            who = f"Each of the {problem.k:,} territories"
        elif len(territories) > 1:
            who = f"Each of {_named([problem.labels[t] for t in territories])}"
        else:
            who = f"Territory '{problem.labels[territories[0]]}'"
        if kind == "lower":
            return f"{who} must have at least {number(bounds.min())} of '{name}'."
        return f"{who} may have at most {number(bounds.max())} of '{name}'."
    units = one.units
    if kind == "lock":
        return f"{_units(problem, units)} locked to '{problem.labels[one.territories[0]]}'."
    if kind == "eligibility":
        who = _named([problem.labels[t] for t in one.territories]) if one.territories else "nobody"
        share = _shares(problem, units)
        need = f" with {needs[units[0]]}" if len(needs) and needs[units[0]] else ""
        return f"Only {who} ({len(one.territories):,} of {problem.k:,}) may take {_count(len(units))}{need}{share}."
    if kind == "together":
        return f"The {len(units):,} units of '{problem.together_names[one.at]}' must share a territory."
    if kind == "apart":
        shown = _named([problem.ids[at] for at in units])
        if len(units) > problem.k:
            return f"{shown} may not share a territory in any pair, and there are {problem.k:,} territories."
        return f"{shown} may not share a territory{' in any pair' if len(units) > 2 else ''}."
    cap = problem.move_caps[one.at]
    what = "the units" if not cap.name else f"'{cap.name}'"
    return f"At most {100 * cap.share:.4g} % of {what} may change hands ({number(cap.most)})."


def relaxed(problem: Problem, conflict: Conflict, at: int) -> str:
    """Return what makes the rest of the wishes possible."""
    one, missed = conflict.wishes[at], conflict.missed[at]
    kind = str(one.kind)
    if missed is None:
        return ""
    rest = (
        "the rest is possible" if conflict.is_enough[at] else "these others are possible, but not all wishes"
    )
    if kind in ("lower", "upper"):
        bounds = _bounds(problem, one)[list(one.territories)]
        if len(one.territories) > 1:
            return f"With {number(missed)} {'less' if kind == 'lower' else 'more'} {rest}."
        if kind == "lower":
            return f"With {_below(float(bounds[0]) - missed)} {rest}."
        return f"With {_above(float(bounds[0]) + missed)} {rest}."
    if kind in ("lock", "eligibility"):
        if conflict.column >= 0:
            name = problem.activities[conflict.column].name
            return f"If units with {_above(missed)} of '{name}' may go elsewhere, {rest}."
        return f"If {_count(max(1, math.ceil(missed - 1e-6)))} may go elsewhere, {rest}."
    if kind == "moves":
        cap = problem.move_caps[one.at]
        return f"With {_above(cap.most + missed)} ({_percent(cap, cap.most + missed)}) {rest}."
    return f"Without it {rest}."


def not_found(problem: Problem, score: Score) -> dict[str, Any] | None:
    """Return what a plan breaks though no contradiction is known, and with what bounds it would do; None when nothing."""
    if score.is_feasible:
        return None
    wishes: list[dict[str, Any]] = []
    for at, one in enumerate(problem.activities):
        for t in np.flatnonzero(score.excess[at] > SLACK).tolist():
            found, by = float(score.sums[at, t]), float(score.excess[at, t])
            is_low = found < one.lower[t]
            bound = float(one.lower[t] if is_low else one.upper[t])
            side = "at least" if is_low else "at most"
            wishes.append(
                {
                    "kind": "lower" if is_low else "upper",
                    "wish": f"Territory '{problem.labels[t]}' should have {side} {number(bound)} of '{one.name}'"
                    f" and has {number(found)}.",
                    "relaxation": f"With {_below(found) if is_low else _above(found)} this plan would keep it.",
                    "relax_by": by,
                }
            )
    for at, cap in enumerate(problem.move_caps):
        if score.over_moves[at] > SLACK:
            found = cap.most + float(score.over_moves[at])
            what = "units" if not cap.name else f"of '{cap.name}'"
            wishes.append(
                {
                    "kind": "moves",
                    "wish": f"At most {number(cap.most)} {what} may change hands, and {number(found)} do.",
                    "relaxation": f"With {_above(found)} ({_percent(cap, found)}) this plan would keep it.",
                    "relax_by": float(score.over_moves[at]),
                }
            )
    counts = (
        ("apart", score.met, "pairs that may not share a territory do"),
        ("together", score.torn, "units are not with the rest of their group"),
        ("contiguity", score.strays, "units are cut off from their territory"),
        ("capacity", int((score.over_capacity > SLACK).sum()), "territories are over every capacity"),
        ("allowed", score.misplaced, "units are where they may not be"),
    )
    wishes += [
        {"kind": kind, "wish": f"{count:,} {said}.", "relaxation": "", "relax_by": float(count)}
        for kind, count, said in counts
        if count
    ]
    return {"is_proved": False, "is_smallest": False, "wishes": wishes}


def number(value: float) -> str:
    """Return a number as people read it."""
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:,.6g}"


def _percent(cap: MoveCap, amount: float) -> str:
    whole = cap.most / cap.share if cap.share > 0 else float(cap.amounts.sum())
    return f"{math.ceil(1e4 * amount / max(whole, 1e-300) - 1e-6) / 100:g} %"


def _above(value: float) -> str:
    return number(_rounded(value, math.ceil))


def _below(value: float) -> str:
    return number(_rounded(max(0.0, value), math.floor))


def _rounded(value: float, way: Any) -> float:
    """Return a bound of six digits on the side that is wide enough."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(value)) - 5)
    nearest = round(value / unit) * unit
    return float(nearest if abs(nearest - value) <= 1e-9 * value else way(value / unit) * unit)


def _named(names: Sequence[str]) -> str:
    shown = [f"'{name}'" for name in names[:SHOWN]]
    if len(names) > SHOWN:
        return f"{', '.join(shown)} and {len(names) - SHOWN:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def _count(n: int) -> str:
    return "1 unit" if n == 1 else f"{n:,} units"


def _units(problem: Problem, units: np.ndarray) -> str:
    shown = _named([problem.ids[at] for at in units])
    return f"{shown} {'is' if len(units) == 1 else 'are'}"


def _shares(problem: Problem, units: np.ndarray) -> str:
    said = [
        f"{100 * one.amounts[units].sum() / one.amounts.sum():.3g} % of '{one.name}'"
        for one in problem.activities
        if one.amounts.sum() > 0
    ]
    return f" ({', '.join(said)})" if said else ""
