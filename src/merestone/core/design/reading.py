"""From tables and words to a problem, checked once: all that is wrong in all tables is told together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from merestone.base.errors import InvalidInputError, UsageError
from merestone.base.errors import Problem as Wrong
from merestone.core.design import checks
from merestone.core.design.asked import Asked, Balance, Sheet
from merestone.core.design.bridges import bridges, islands
from merestone.core.design.checks_wishes import impossible
from merestone.core.design.conflict import find_conflict, is_plainly_possible
from merestone.core.design.conflict_words import Contradiction, as_dict, told
from merestone.core.design.groups import joined_groups, with_groups, with_moves
from merestone.core.design.people import People, read_people
from merestone.core.design.places import Places, place
from merestone.core.design.problem import FREE, Activity, Adjacency, Objective, Problem
from merestone.core.design.today import Today, read_today

SHOWN_BRIDGES = 5


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a design; ``units`` has an ``id``, coordinates and the columns that are asked for.

    Parameters
    ----------
    units : Sheet
    adjacency : Sheet, optional
        Pairs ``a``, ``b`` of ids.
    reps : Sheet, optional
        See ``people.read_people``.
    current : Sheet, optional
        See ``today.read_today``.
    apart : Sheet, optional
        Pairs ``a``, ``b`` of ids of units that may not share a territory.
    """

    units: Sheet
    adjacency: Sheet | None = None
    reps: Sheet | None = None
    current: Sheet | None = None
    apart: Sheet | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Read:
    """A problem and what was added to it.

    Parameters
    ----------
    problem : Problem
    bridges : (m, 2) int array
        Pairs of units that do not touch and are treated as if they did.
    """

    problem: Problem
    bridges: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))


def read_problem(tables: Tables, asked: Asked, *, found: tuple[Wrong, ...] = ()) -> Read:
    """Return the problem that tables and words make.

    Parameters
    ----------
    found : tuple of Problem
        What was wrong already when the tables were read; told with the rest.

    Raises
    ------
    UsageError
        The words contradict one another.
    InvalidInputError
        All that is wrong in the tables.
    Contradiction
        Where they are sound, all that makes the wishes impossible, with the smallest set in conflict.
    """
    asked.check()
    if tables.current is None and (asked.most_moves or asked.pricing is not None):
        raise UsageError(
            "--most-moves and --move-price need --current.", fix="Give who has which unit today."
        )
    units = tables.units
    if not units.length:
        raise _refused([*found, Wrong("no-units", f"'{units.name}' has no row.", "", units.name)])
    labels = units.texts["id"]
    wrong = [*found, *checks.ids(units)]
    places = place(units, tables.reps, wrong)
    for column in asked.columns:
        if column in units.numbers:  # else its absence was told when the table was read
            wrong += checks.amounts(units, column, labels, needs_total=column != asked.capacity)
    number_of = {str(label): at for at, label in enumerate(labels) if label}
    pairs = _pairs(tables.adjacency, number_of, wrong)
    apart = _pairs(tables.apart, number_of, wrong)
    people = read_people(tables.reps, units, wrong) if tables.reps is not None else None
    today = None
    if tables.current is not None:
        today = read_today(tables.current, number_of, people, wrong, as_of=asked.as_of)
    names, notes = _names(asked, len(labels), people, today, wrong)
    if wrong or places is None:
        raise _refused(wrong)
    problem = _problem(tables, asked, names=names, places=places, people=people)
    if today is not None:
        problem = today.put_in(problem)
        notes += today.notes
        problem, said = with_moves(problem, asked, units, people=people, today=today)
        notes += said
    problem = with_groups(problem, units, apart)
    _refuse_impossible(problem, () if people is None else people.needs)
    added = np.empty((0, 2), np.int64)
    if pairs is not None:
        problem, added, bridged = _connected(problem, pairs)
        notes += bridged
    return Read(replace(problem, notes=(*places.notes, *_said(asked, people), *notes)), added)


def _refuse_impossible(problem: Problem, needs: tuple[str, ...]) -> None:
    """Raise Contradiction when no plan can keep the wishes."""
    wrong = impossible(problem)
    if not wrong and is_plainly_possible(problem):
        return
    conflict = find_conflict(problem)
    if conflict is not None:
        wrong += told(problem, conflict, needs)
    if wrong:
        raise Contradiction(wrong, None if conflict is None else as_dict(problem, conflict, needs))


def _refused(wrong: list[Wrong]) -> InvalidInputError:
    what = "1 thing is wrong" if len(wrong) == 1 else f"{len(wrong):,} things are wrong"
    return InvalidInputError(f"Nothing can be designed from this: {what}.", wrong)


def _names(
    asked: Asked, n: int, people: People | None, today: Today | None, wrong: list[Wrong]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the territories, and what is to be said of them."""
    given = people.names if people is not None else today.names if today is not None else ()
    k = len(given) if asked.territories is None else asked.territories
    if k < 1:
        why = "There are to be 0 territories." if not k else f"There cannot be {k} territories."
        wrong.append(
            Wrong(
                "bad-territories",
                why,
                "Ask for at least 1; --reps or --current may say how many.",
                "--territories",
            )
        )
    elif k > n:
        wrong.append(
            Wrong(
                "too-many-territories",
                f"{k:,} territories are more than the {n:,} units.",
                "Ask for fewer.",
                "--territories",
            )
        )
    if people is not None and k != len(given):
        wrong.append(
            Wrong(
                "reps-differ",
                f"There are {len(given):,} people for {k:,} territories.",
                "Leave --territories out, or give as many people.",
                "--reps",
            )
        )
    if len(given) >= k:
        closed = given[k:]
        if people is not None or not closed:
            return given if people is not None else tuple(sorted(given)), ()
        shown = ", ".join(f"'{name}'" for name in closed[:SHOWN_BRIDGES])
        if today is not None and today.held & set(closed):
            wrong.append(
                Wrong(
                    "lock-conflict",
                    f"Units are locked to {len(today.held):,} territories, and there are to be {k:,}.",
                    "Ask for more territories, or take locks away.",
                    "--current",
                )
            )
        return tuple(sorted(given[:k])), (
            f"{len(closed):,} of the current territories with the fewest units get none: {shown}.",
        )
    numbers = (str(number) for number in range(1, k + len(given) + 1))
    fresh = [name for name in numbers if name not in given]
    kept = given if people is not None else tuple(sorted(given))
    return (*kept, *fresh[: k - len(given)]), ()


def _problem(
    tables: Tables, asked: Asked, *, names: tuple[str, ...], places: Places, people: People | None
) -> Problem:
    units, k = tables.units, len(names)
    weights = (
        np.ones(units.length) if asked.weight_column is None else units.numbers[asked.weight_column].copy()
    )
    if asked.objective is Objective.TRAVEL:
        weights *= 2 * asked.detour / asked.speed_km_h
    return Problem(
        ids=tuple(str(label) for label in units.texts["id"]),
        labels=names,
        x=places.x,
        y=places.y,
        objective=asked.objective,
        weights=weights,
        activities=tuple(
            _activity(one, units.numbers[one.column], k, None if people is None else people.share_of(one, at))
            for at, one in enumerate(asked.balances)
        ),
        load=None if asked.load is None else units.numbers[asked.load],
        capacity=None if asked.capacity is None else units.numbers[asked.capacity],
        floors_distance=asked.floors_distance,
        allowed=None if people is None else people.allowed,
        homes=places.homes,
    )


def _activity(balance: Balance, amounts: np.ndarray, k: int, shares: np.ndarray | None) -> Activity:
    if balance.tolerance is None:
        return Activity(balance.column, amounts, np.full(k, balance.low), np.full(k, balance.high))
    aims = np.full(k, amounts.sum() / k) if shares is None else amounts.sum() * shares
    lower = np.maximum(0.0, aims * (1 - balance.tolerance))
    return Activity(balance.column, amounts, lower, aims * (1 + balance.tolerance))


def _pairs(sheet: Sheet | None, number_of: dict[str, int], wrong: list[Wrong]) -> np.ndarray | None:
    """Return (m, 2) pairs of unit numbers; unknown ids are told and left out."""
    if sheet is None:
        return None
    columns = [
        np.array([number_of.get(str(value), FREE) for value in sheet.texts[name]], np.int64)
        for name in ("a", "b")
    ]
    pairs = np.stack(columns, axis=1)
    for at, name in enumerate(("a", "b")):
        rows = np.flatnonzero(pairs[:, at] < 0)
        values = [str(sheet.texts[name][row] or "") for row in rows[: checks.SHOWN]]
        wrong += checks.wrong_rows(
            sheet, rows, code="unknown-unit", one=f"names a unit under '{name}' that is not among the units",
            many=f"name units under '{name}' that are not among the units",
            fix="Correct the ids, or leave these rows out; leading zeros count.", values=values,
        )  # fmt: skip
    return np.asarray(pairs[(pairs >= 0).all(axis=1)])


def _connected(problem: Problem, pairs: np.ndarray) -> tuple[Problem, np.ndarray, tuple[str, ...]]:
    """Return the problem with its graph made one piece, the pairs added, and what is to be said of them."""
    problem, pairs, joined = joined_groups(problem, pairs)
    graph = Adjacency.of(problem.n, pairs)
    part = islands(graph, problem.n)
    n_parts = int(part.max()) + 1
    if n_parts == 1:
        return replace(problem, adjacency=graph), np.empty((0, 2), np.int64), joined
    added = bridges(problem.x, problem.y, part)
    shown = ", ".join(
        f"'{problem.ids[a]}' and '{problem.ids[b]}' ("
        f"{np.hypot(problem.x[a] - problem.x[b], problem.y[a] - problem.y[b]) / 1000:,.1f} km)"
        for a, b in added[:SHOWN_BRIDGES]
    )
    more = f" and {len(added) - SHOWN_BRIDGES:,} more" if len(added) > SHOWN_BRIDGES else ""
    sizes = np.sort(np.bincount(part))[::-1]
    note = (
        f"The map has {n_parts:,} parts that do not touch, of {', '.join(f'{size:,}' for size in sizes[:5])}"
        f"{' …' if n_parts > 5 else ''} units. The shortest bridges count as touching: {shown}{more}."
    )
    whole = Adjacency.of(problem.n, np.concatenate([pairs, added]))
    return replace(problem, adjacency=whole), added, (*joined, note)


def _said(asked: Asked, people: People | None) -> tuple[str, ...]:
    notes = () if people is None else people.notes(asked)
    if asked.objective is Objective.TRAVEL:
        notes += (
            f"Hours are straight distances there and back × {asked.detour:g} for detours at {asked.speed_km_h:g} km/h.",
        )
    return notes
