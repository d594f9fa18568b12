"""Wishes that no plan can fulfil, found before any search: sums against bounds, loads against capacities, locks."""

from __future__ import annotations

import numpy as np

from merestone.base.errors import Problem as Wrong
from merestone.core.design.conflict_model import cliques
from merestone.core.design.problem import Problem
from merestone.core.design.together import allowed, numbers

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
    if problem.together is not None:
        found += _groups(problem, problem.together)
    if problem.apart is not None:
        found += _pairs(problem, problem.apart)
    return found


def _groups(problem: Problem, together: np.ndarray) -> list[Wrong]:
    """Return the groups that fit nowhere: too heavy, locked to several, or without anybody who may take them all."""
    found = []
    of = numbers(together)
    count = int(of.max()) + 1
    first = np.full(count, problem.n)
    np.minimum.at(first, of, np.arange(problem.n))
    names = [problem.together_names[at] if at >= 0 else "" for at in together[first]]
    if count < problem.k:
        found.append(
            Wrong(
                "too-many-territories",
                f"With what is kept together there are {count:,} units for {problem.k:,} territories.",
                "Ask for fewer territories, or keep less together.",
                "--units",
            )
        )
    is_group = np.bincount(of, minlength=count) > 1
    for one in problem.activities:
        sums, top = np.bincount(of, one.amounts, count), float(one.upper.max())
        heavy = np.flatnonzero(is_group & (sums > top + SLACK))
        if len(heavy):
            worst = int(heavy[np.argmax(sums[heavy])])
            more = f" {len(heavy) - 1:,} more are." if len(heavy) > 1 else ""
            found.append(
                _group(
                    "group-too-heavy",
                    f"The units of '{names[worst]}' have {_said(sums[worst])} of '{one.name}' together, and a territory"
                    f" may have {_said(top)}.{more}",
                    "Split the group, or allow more.",
                )
            )
    may = allowed(problem, of, count)
    if may is not None and problem.allowed is not None:
        nobody = np.flatnonzero(is_group & ~may.any(axis=1))
        each: np.ndarray = np.asarray(problem.allowed.any(axis=1))
        found += [
            _group(
                "together-conflict",
                f"Nobody may take all units of '{names[group]}'.",
                "Split the group, or add a person who may.",
            )
            for group in nobody[:3]
            if each[of == group].all()
        ]
    if problem.locked is None:
        return found
    held = np.flatnonzero(problem.locked >= 0)
    low, high = np.full(count, problem.k), np.full(count, -1)
    np.minimum.at(low, of[held], problem.locked[held])
    np.maximum.at(high, of[held], problem.locked[held])
    for group in np.flatnonzero(high > low)[:3]:
        found.append(
            _group(
                "together-conflict",
                f"Units of '{names[group]}' are locked to '{problem.labels[low[group]]}' and to"
                f" '{problem.labels[high[group]]}'.",
                "Take locks away, or split the group.",
            )
        )
    if may is not None and problem.allowed is not None:
        locked = np.flatnonzero(is_group & (high >= 0) & (high == low) & may.any(axis=1))
        for group in locked[~may[locked, high[locked]]][:3]:
            members = np.flatnonzero(of == group)
            own = problem.locked[members] >= 0
            if problem.allowed[members[own], high[group]].all():
                found.append(
                    _group(
                        "together-conflict",
                        f"Units of '{names[group]}' are locked to '{problem.labels[high[group]]}', who may not take all"
                        " of them.",
                        "Take locks away, or split the group.",
                    )
                )
    return found


def _pairs(problem: Problem, apart: np.ndarray) -> list[Wrong]:
    """Return the pairs apart that must meet, and the sets all apart of one another that are too many."""
    found = []
    same = apart[apart[:, 0] == apart[:, 1]]
    found += [
        _apart(f"'{problem.ids[a]}' cannot be apart from itself.", "Leave the row out.") for a, _ in same[:3]
    ]
    pairs = apart[apart[:, 0] != apart[:, 1]]
    if problem.together is not None:
        group = problem.together[pairs]
        inside = pairs[(group[:, 0] == group[:, 1]) & (group[:, 0] >= 0)]
        found += [
            _apart(
                f"'{problem.ids[a]}' and '{problem.ids[b]}' are kept together as"
                f" '{problem.together_names[problem.together[a]]}' and may not share a territory.",
                "Leave the pair out, or split the group.",
            )
            for a, b in inside[:3]
        ]
    if problem.locked is not None:
        held = problem.locked[pairs]
        both = pairs[(held[:, 0] == held[:, 1]) & (held[:, 0] >= 0)]
        found += [
            _apart(
                f"'{problem.ids[a]}' and '{problem.ids[b]}' are both locked to '{problem.labels[problem.locked[a]]}' and"
                " may not share a territory.",
                "Take a lock away, or leave the pair out.",
            )
            for a, b in both[:3]
        ]
    crowds = [one for one in cliques(pairs) if len(one) > problem.k]
    for crowd in sorted(crowds, key=lambda one: -len(one))[:3]:
        shown = ", ".join(f"'{problem.ids[at]}'" for at in crowd[:4]) + (" …" if len(crowd) > 4 else "")
        found.append(
            _apart(
                f"{len(crowd):,} units may not share a territory in any pair ({shown}), and there are {problem.k:,}"
                " territories.",
                "Ask for more territories, or leave pairs out.",
            )
        )
    return found


def _group(code: str, message: str, fix: str) -> Wrong:
    return Wrong(code, message, fix, "--units")


def _apart(message: str, fix: str) -> Wrong:
    return Wrong("apart-conflict", message, fix, "--apart")


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
