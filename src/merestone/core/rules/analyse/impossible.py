"""Rules no record can match, parts of rules that never hold, and criteria that say nothing new.

A contradiction is named by a smallest set of criteria: leaving out any one of them, the others can hold together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from merestone.core.criteria import Expr, render
from merestone.core.criteria import expression as ex
from merestone.core.rules.analyse.cover import Budget, BudgetSpentError, Cover
from merestone.core.rules.analyse.findings import Finding
from merestone.core.rules.analyse.space import Space
from merestone.core.rules.analyse.telling import called, listed


@dataclass(frozen=True)
class Criterion:
    """One criterion that a rule's path asks: whose it is, and what."""

    rule: int
    expr: Expr


def criteria_of(space: Space, position: int) -> list[Criterion]:
    """Return the criteria down a rule's path, an ``and`` taken apart."""
    found: list[Criterion] = []
    for step in space.path(position):
        where = space.rules[step].where
        if where is not None:
            parts = where.parts if isinstance(where, ex.And) else (where,)
            found += (Criterion(step, part) for part in parts)
    return found


def impossible_rules(space: Space) -> list[int]:
    """Return the rules that no record can match; of a branch of the tree only the topmost."""
    return [
        position
        for position, rule in enumerate(space.rules)
        if position not in space.boxes_of and (rule.parent is None or rule.parent in space.boxes_of)
    ]


def impossible_rule(space: Space, position: int) -> Finding:
    """Return the finding about a rule that no record can match."""
    conflict = _smallest_conflict(space, criteria_of(space, position))
    rule = space.rules[position]
    below = sum(1 for other in range(len(space.rules)) if other != position and position in space.path(other))
    also = f" Nor can the {below} below it." if below else ""
    owners = list(dict.fromkeys(entry.rule for entry in conflict))
    return Finding(
        "impossible",
        "error",
        (rule.key, *(space.rules[owner].key for owner in owners if owner != position)),
        f"No record can match {called(space, position)}: {_against(space, conflict, position)}.{also}",
        "Change one of these criteria, or remove the territory.",
        facts={
            "conflict": [
                {"territory": space.rules[entry.rule].key, "criterion": render(entry.expr)}
                for entry in conflict
            ]
        },
    )


def _against(space: Space, conflict: Sequence[Criterion], position: int) -> str:
    texts = [
        render(entry.expr) + ("" if entry.rule == position else f" (of {called(space, entry.rule)})")
        for entry in conflict
    ]
    if len(texts) == 1:
        return f"{texts[0]} can never hold"
    return f"{listed(texts, most=6)} contradict each other"


def _smallest_conflict(space: Space, criteria: list[Criterion]) -> list[Criterion]:
    """Return criteria that cannot hold together, none of which can be left out."""
    needed = list(criteria)
    for entry in reversed(criteria):
        fewer = [other for other in needed if other is not entry]
        if fewer and space.terms(other.expr for other in fewer) == []:
            needed = fewer
    return needed


def idle_criteria(space: Space, position: int, *, budget: Budget) -> list[Finding]:
    """Return the criteria of a rule that say nothing new, and the parts of an ``or`` that can never hold."""
    where = space.rules[position].where
    if where is None or position not in space.boxes_of:
        return []
    every = criteria_of(space, position)
    own = [entry for entry in every if entry.rule == position]
    others_of = {id(entry): [other for other in every if other is not entry] for entry in own}
    found = [finding for entry in own for finding in _dead_parts(space, entry, others_of[id(entry)])]
    idle = (
        entry
        for entry in own
        if others_of[id(entry)] and _says_nothing(space, entry, others_of[id(entry)], budget=budget)
    )
    # Of two that say the same, one is needed: the first is told, the next look tells more.
    found += [
        _redundant(space, entry, others_of[id(entry)], budget=budget) for entry in itertools.islice(idle, 1)
    ]
    return found


def _dead_parts(space: Space, entry: Criterion, others: list[Criterion]) -> Iterator[Finding]:
    if not isinstance(entry.expr, ex.Or):
        return
    for part in entry.expr.parts:
        if space.terms([*(other.expr for other in others), part]) == []:
            rule = space.rules[entry.rule]
            text = render(part)
            yield Finding(
                "dead-part",
                "note",
                (rule.key,),
                f"In {called(space, entry.rule)} the part {text} can never hold with the rest of the path.",
                "Remove the part, or mend it.",
                criterion=text,
            )


def _says_nothing(space: Space, entry: Criterion, others: list[Criterion], *, budget: Budget) -> bool:
    """Return whether the criterion holds for every record for which the others do."""
    rest, own = space.terms(other.expr for other in others), space.terms([entry.expr])
    if rest is None or own is None or not rest:
        return False
    try:
        return all(Cover(space, box, own).open_box(budget=budget.part(2_000)) is None for box in rest)
    except BudgetSpentError:
        return False


def _redundant(space: Space, entry: Criterion, others: list[Criterion], *, budget: Budget) -> Finding:
    enough = next((other for other in others if _says_nothing(space, entry, [other], budget=budget)), None)
    rule, text = space.rules[entry.rule], render(entry.expr)
    if enough is None:
        because = "the rest of the path"
    else:
        owner = "" if enough.rule == entry.rule else f" of {called(space, enough.rule)}"
        because = f"{render(enough.expr)}{owner}"
    return Finding(
        "redundant",
        "note",
        (rule.key,),
        f"In {called(space, entry.rule)} the criterion {text} says nothing new: {because} already does.",
        "It may go; the rule counts one criterion less then.",
        criterion=text,
    )
