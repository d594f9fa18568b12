"""From tables to wishes about groups, pairs and moves: what is kept together or apart, and what moves may cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from merestone.core.design.asked import Asked, Sheet
from merestone.core.design.bridges import bridges, islands
from merestone.core.design.people import People
from merestone.core.design.prices import likeness, move_prices, unknown_owner
from merestone.core.design.problem import FREE, Adjacency, MoveCap, Problem
from merestone.core.design.today import Today

TOGETHER = "together"
SHOWN = 3


def with_groups(problem: Problem, units: Sheet, apart: np.ndarray | None) -> Problem:
    """Return the problem with the units that must share a territory, and the pairs that may not.

    Parameters
    ----------
    units : Sheet
        Units of one word under ``together`` share a territory; a word of one unit alone means nothing.
    apart : (m, 2) int array, optional
    """
    words = [(value or "").strip() for value in units.texts.get(TOGETHER, ())]
    if any(words):
        names, of, sizes = np.unique(np.array(words), return_inverse=True, return_counts=True)
        is_group = (sizes > 1) & (names != "")
        number = np.where(is_group, np.cumsum(is_group) - 1, FREE)
        if is_group.any():
            kept = tuple(str(name) for name in names[is_group])
            problem = replace(problem, together=number[of.ravel()].astype(np.int32), together_names=kept)
    if apart is not None and len(apart):
        pairs = np.unique(np.sort(apart, axis=1), axis=0)
        problem = replace(problem, apart=pairs)
    return problem


def with_moves(
    problem: Problem, asked: Asked, units: Sheet, *, people: People | None, today: Today
) -> tuple[Problem, tuple[str, ...]]:
    """Return the problem with caps and prices of moves, and what is to be said of them."""
    current = problem.current
    assert current is not None
    has = current >= 0
    caps = []
    for one in asked.most_moves:
        amounts = units.numbers[one.column] if one.column else np.ones(problem.n)
        caps.append(MoveCap(one.column, amounts, one.share * float(amounts[has].sum()), one.share))
    problem = replace(problem, move_caps=tuple(caps))
    pricing = asked.pricing
    if pricing is None:
        return problem, ()
    losses = pricing.losses(units.numbers[pricing.column], today.years)
    owner, alike = unknown_owner(problem.n), None
    if people is not None:
        named = today.owners or (None,) * problem.n
        owner = np.array(
            [
                people.numbers.get(own or there or "", FREE)
                for own, there in zip(named, today.territory, strict=True)
            ],
            np.int64,
        )
        alike = likeness(people.words) if people.words else np.zeros((problem.k, problem.k))
    price, surcharge = move_prices(losses, pricing, current, owner=owner, alike=alike, k=problem.k)
    said = [
        f"A move is expected to lose {pricing.loss:.1%} of '{pricing.column}', up to {pricing.saves:.0%} less the more"
        f" alike the successor is; {pricing.rate:g} of it counts as one unit of the cost."
    ]
    if today.years is None:
        said.append("How long relationships have lasted is not said: all count as long.")
    elif np.isnan(today.years[has]).any():
        said.append(
            f"{int(np.isnan(today.years[has]).sum()):,} units do not say since when: they count as long."
        )
    if alike is None or not (people and people.words):
        said.append("What people have in common is not said: successors count as in nothing alike.")
    return replace(problem, move_price=price, surcharge=surcharge), tuple(said)


def joined_groups(problem: Problem, pairs: np.ndarray) -> tuple[Problem, np.ndarray, tuple[str, ...]]:
    """Return pairs that touch with those that join the parts of each group, for a group counts as one unit.

    What is said names the groups whose parts do not touch.
    """
    if problem.together is None:
        return problem, pairs, ()
    order = np.argsort(problem.together, kind="stable")
    order = order[problem.together[order] >= 0]
    starts = np.flatnonzero(np.diff(problem.together[order], prepend=-1))
    inner = pairs[
        (problem.together[pairs[:, 0]] == problem.together[pairs[:, 1]])
        & (problem.together[pairs[:, 0]] >= 0)
    ]
    place = np.full(problem.n, FREE, np.int64)
    place[order] = np.arange(len(order))
    part = islands(Adjacency.of(len(order), place[inner]), len(order))
    added, scattered = [], []
    for number, members in enumerate(np.split(order, starts[1:])):
        own = np.unique(part[place[members]], return_inverse=True)[1].ravel()
        if own.max(initial=0):
            scattered.append(problem.together_names[number])
            added.append(members[bridges(problem.x[members], problem.y[members], own)])
    if not added:
        return problem, pairs, ()
    names = ", ".join(f"'{name}'" for name in scattered[:SHOWN])
    more = f" and {len(scattered) - SHOWN:,} more" if len(scattered) > SHOWN else ""
    note = (
        f"The units of {names}{more} do not touch one another; they are kept together and count as touching."
    )
    return problem, np.concatenate([pairs, *added]), (note,)
