"""Wishes that no plan can fulfil, found before any search: sums against bounds, loads against capacities, locks."""

from __future__ import annotations

import numpy as np

from merestone.base.errors import Problem as Wrong
from merestone.core.design.problem import Problem

SLACK = 1e-6
"""As far as sums of amounts may miss their bounds (``scoring.SLACK``)."""


def impossible(problem: Problem) -> list[Wrong]:
    """Return why no plan can keep the wishes of a problem whose columns are sound; empty when none is plain to see."""
    found = [wrong for at in range(len(problem.activities)) for wrong in _balance(problem, at)]
    if problem.load is not None and problem.capacity is not None:
        found += _loads(problem, problem.load, problem.capacity)
    if problem.allowed is not None:
        found += _eligibility(problem, problem.allowed)
    if problem.locked is not None:
        found += _locks(problem, problem.locked)
    return found


def _balance(problem: Problem, at: int) -> list[Wrong]:
    one = problem.activities[at]
    found = []
    top = float(one.upper.max())
    heavy = np.flatnonzero(one.amounts > top + SLACK)
    if len(heavy):
        worst = int(heavy[np.argmax(one.amounts[heavy])])
        more = f" {len(heavy) - 1:,} more are." if len(heavy) > 1 else ""
        found.append(
            Wrong(
                "unit-too-heavy",
                f"'{problem.ids[worst]}' has {_said(one.amounts[worst])} of '{one.name}', and a territory may have"
                f" {_said(top)}: it fits into none.{more}",
                "Split it, allow more, or ask for fewer territories.",
                f"--balance {one.name}",
            )
        )
    total, low, high = float(one.amounts.sum()), float(one.lower.sum()), float(one.upper.sum())
    if not low - SLACK * problem.k <= total <= high + SLACK * problem.k:
        found.append(
            Wrong(
                "total-outside-bounds",
                f"All units together have {_said(total)} of '{one.name}', and {problem.k:,} territories within their"
                f" bounds have {_said(low)} to {_said(high)}.",
                "Change the bounds or the number of territories.",
                f"--balance {one.name}",
            )
        )
    return found


def _loads(problem: Problem, load: np.ndarray, capacity: np.ndarray) -> list[Wrong]:
    found = []
    top = float(capacity.max())
    heavy = np.flatnonzero(load > top + SLACK)
    if len(heavy):
        worst = int(heavy[np.argmax(load[heavy])])
        found.append(
            Wrong(
                "load-too-heavy",
                f"'{problem.ids[worst]}' has a load of {_said(load[worst])}, and the largest capacity is {_said(top)}.",
                "Split it, or raise a capacity.",
                "--load",
            )
        )
    room = float(np.sort(capacity)[-problem.k :].sum())
    total = float(load.sum())
    if total > room + SLACK * problem.k:
        found.append(
            Wrong(
                "capacity-too-small",
                f"The loads add up to {_said(total)}, and the {problem.k:,} largest capacities to {_said(room)}.",
                "Ask for more territories, or raise capacities.",
                "--capacity",
            )
        )
    return found


def _eligibility(problem: Problem, allowed: np.ndarray) -> list[Wrong]:
    nobody = np.flatnonzero(~allowed.any(axis=1))
    found = []
    if len(nobody):
        units = f"1 unit: '{problem.ids[nobody[0]]}'" if len(nobody) == 1 else (
            f"{len(nobody):,} units, '{problem.ids[nobody[0]]}' among them"
        )  # fmt: skip
        found.append(
            Wrong(
                "no-taker",
                f"Nobody may take {units}.",
                "Add a person who may, or leave them out.",
                "--reps",
            )
        )
    nothing = np.flatnonzero(~allowed.any(axis=0))
    if len(nothing):
        names = ", ".join(f"'{problem.labels[at]}'" for at in nothing[:3])
        found.append(
            Wrong(
                "nothing-eligible",
                f"No unit may go to {names}.",
                "Leave them out, or widen what they may take.",
                "--reps",
            )
        )
    return found


def _locks(problem: Problem, locked: np.ndarray) -> list[Wrong]:
    units = np.flatnonzero(locked >= 0)
    found = []
    if problem.allowed is not None:
        against = units[~problem.allowed[units, locked[units]]]
        found += [
            _lock(
                "lock-conflict",
                f"'{problem.ids[unit]}' is locked to '{problem.labels[locked[unit]]}', who may not take it.",
                "Take the lock away, or say that they may.",
            )
            for unit in against[:3]
        ]
    for one in problem.activities:
        held = np.bincount(locked[units], one.amounts[units], problem.k)
        # What is not locked away from a territory is all it can still get.
        within_reach = held + one.amounts[locked < 0].sum()
        found += [
            _lock(
                "locks-too-heavy",
                f"What is locked to '{problem.labels[at]}' has {_said(held[at])} of '{one.name}', and it may have"
                f" {_said(one.upper[at])}.",
                "Take locks away, or allow more.",
            )
            for at in np.flatnonzero(held > one.upper + SLACK)
        ]
        found += [
            _lock(
                "locks-too-light",
                f"'{problem.labels[at]}' cannot reach {_said(one.lower[at])} of '{one.name}': too much is locked to"
                " others.",
                "Take locks away, or ask for less.",
            )
            for at in np.flatnonzero(within_reach < one.lower - SLACK)
        ]
    bare = sorted(set(range(problem.k)) - set(locked.tolist()))
    if bare and problem.n - len(units) < len(bare):
        names = ", ".join(f"'{problem.labels[at]}'" for at in bare[:3])
        found.append(
            _lock(
                "lock-conflict",
                f"{problem.n - len(units):,} units are not locked, and nothing is locked to {names}.",
                "Take locks away, or ask for fewer territories.",
            )
        )
    return found


def _lock(code: str, message: str, fix: str) -> Wrong:
    return Wrong(code, message, fix, "--current")


def _said(number: float) -> str:
    """Return a number as people read it."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:,.6g}"
