"""Several plans in one run, along the frontier of balance, cost and disruption, to choose from.

All keep every wish asked for. They come from problems derived from the one asked: bounds drawn in, moves at a price;
each tells the bound of the problem it was searched for, and of the problem as asked.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from merestone.core.design.control import Control, Part
from merestone.core.design.gallery.found import Card, Change, Gallery, Measures
from merestone.core.design.problem import Problem

if TYPE_CHECKING:
    from merestone.core.design.gallery.runs import Run
    from merestone.core.design.scoring import Score

__all__ = ["Card", "Change", "Gallery", "Measures", "gallery", "measures_of"]

PLANS = 6
"""Shown when nothing else is asked."""
BOUND_SHARE = 0.12
"""Of the time limit, for the bounds of the plans picked."""
FEW = "No more plans were found that differ and are each better at something."
NONE = "No plan was found that keeps all wishes; the one that breaks them least is given."


def gallery(problem: Problem, control: Control, *, plans: int = PLANS) -> Gallery:
    """Return at most so many plans to choose from.

    Parameters
    ----------
    problem : Problem
        With ``current`` the frontier is balance, cost and disruption, else balance and cost.
    control : Control
        Its time limit is shared between all searches; cancelled, what was found so far is shown.
    plans : int
        5 to 7 are what people can compare.
    """
    from merestone.core.design.gallery.choose import spread
    from merestone.core.design.gallery.family import free
    from merestone.core.design.gallery.runs import Runs
    from merestone.core.design.scoring import score

    runs = Runs(problem, control)
    bounding = Part(control.seed, control.time_limit, whole=control)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(_bound, free(problem), bounding)
        try:
            runs.run()
            sound = [run for run in runs.found if run.worth.is_feasible]
            measures = [measures_of(problem, run.worth) for run in sound]
            picked = spread([run.plan for run in sound], measures, plans)
            bounds = _bounds([sound[at] for at in picked], control)
        finally:
            bounding.cancel()
        asked_bound = asked.result()
    today = None if problem.current is None else score(problem, problem.current)
    today_measures = None if today is None or problem.current is None else measures_of(problem, today)
    notes = list(problem.notes)
    nearest = None
    if not sound:
        nearest = min(runs.found, key=_broken).plan
        notes.append(NONE)
    elif len(picked) < plans:
        notes.append(FEW)
    cards = _cards(
        problem, [sound[at] for at in picked], [measures[at] for at in picked], asked_bound, bounds
    )
    return Gallery(
        cards,
        today,
        today_measures,
        nearest,
        len({run.plan.tobytes() for run in sound}),
        control.seconds(),
        control.seed,
        control.reason(),
        tuple(notes),
    )


def measures_of(problem: Problem, worth: Score) -> Measures:
    """Return what a plan is compared by."""
    from merestone.core.design.gallery.family import imbalance

    had = 0 if problem.current is None else int((problem.current >= 0).sum())
    return Measures(imbalance(problem, worth.sums), worth.cost, worth.moved / max(1, had))


def changes_of(problem: Problem, plan: np.ndarray) -> tuple[Change, ...]:
    """Return what each territory gains and loses against today."""
    from merestone.core.design.gallery.family import aims

    current = problem.current
    if current is None:
        return ()
    wanted, k = aims(problem), problem.k

    def count(numbers: np.ndarray) -> np.ndarray:
        return np.bincount(numbers[numbers >= 0], minlength=k)

    def sums(numbers: np.ndarray) -> np.ndarray:
        has = numbers >= 0
        return np.array([np.bincount(numbers[has], one[has], k) for one in problem.amounts]).reshape(-1, k)

    differs = plan != current
    before, after = sums(current), sums(plan)
    units_today, units = count(current), count(plan)
    gained, lost = count(plan[differs]), count(current[differs])
    return tuple(
        Change(
            t,
            int(units_today[t]),
            int(units[t]),
            int(gained[t]),
            int(lost[t]),
            tuple(before[:, t].tolist()),
            tuple(after[:, t].tolist()),
            tuple(wanted[:, t].tolist()),
        )
        for t in range(k)
    )


def _cards(
    problem: Problem,
    runs: list[Run],
    measures: list[Measures],
    asked_bound: float | None,
    bounds: list[float | None],
) -> tuple[Card, ...]:
    from merestone.core.design.gallery.words import best_at, trade
    from merestone.core.design.scoring import score
    from merestone.core.design.solve import gap

    has_today = problem.current is not None
    said = best_at(measures, problem.objective, has_today=has_today) if measures else []
    cards = []
    for run, one, best in zip(runs, measures, said, strict=True):
        solved_for, total = "as asked, moves free" if has_today else "as asked", run.worth.cost
        bound = asked_bound
        # A plan that missed the tighter bounds it was searched for is one of the problem as asked.
        if not run.variant.is_asked and (there := score(run.variant.problem, run.plan)).is_feasible:
            solved_for, total = run.variant.words, there.total
            wider = [
                value
                for other, value in zip(runs, bounds, strict=True)
                if value is not None and run.variant.is_within(other.variant)
            ]
            bound = max([*wider, *([] if asked_bound is None else [asked_bound])], default=None)
        cards.append(
            Card(
                plan=run.plan,
                score=run.worth,
                measures=one,
                best_at=best,
                trade=trade(one, measures, problem.objective, has_today=has_today),
                changes=changes_of(problem, run.plan),
                moved=run.worth.moved,
                moved_shares=_moved_shares(problem, run.plan),
                loss=run.worth.moves_cost,
                solved_for=solved_for,
                bound=bound,
                gap=gap(total, bound),
                asked_bound=asked_bound,
                asked_gap=gap(run.worth.cost, asked_bound),
            )
        )
    return tuple(sorted(cards, key=lambda card: (card.measures.disruption, card.measures.cost)))


def _moved_shares(problem: Problem, plan: np.ndarray) -> tuple[float, ...]:
    if problem.current is None:
        return ()
    had = problem.current >= 0
    moved = had & (plan != problem.current)
    return tuple(float(one[moved].sum() / max(one[had].sum(), 1e-300)) for one in problem.amounts)


def _bounds(runs: list[Run], control: Control) -> list[float | None]:
    """Return the bounds of the problems plans were searched for, worked out in turn; None for the problem as asked."""
    control.report("bounds", 0.85)
    wanted = {id(run.variant): run for run in runs if not run.variant.is_asked}
    found: dict[int, float | None] = {}
    for number, (key, run) in enumerate(wanted.items()):
        part = Part.of(control, BOUND_SHARE / len(wanted))
        found[key] = _bound(run.variant.problem, part) if control.left() > 0 else None
        control.report("bounds", 0.85 + 0.15 * (number + 1) / len(wanted))
    return [found.get(id(run.variant)) for run in runs]


def _bound(problem: Problem, control: Part) -> float | None:
    from merestone.core.design.bound import lower_bound

    return lower_bound(problem, control).value


def _broken(run: Run) -> tuple[float, ...]:
    worth = run.worth
    units = worth.unassigned + worth.empty + worth.misplaced + worth.strays
    return (float(units), float(worth.excess.sum() + worth.over_capacity.sum()), worth.cost)
