"""Pairs of leaves that some record matches both of, who wins it, and by what.

All pairs are counted; of those that are listed an example is made, if possible one that no third territory wins.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from merestone.core.rules.analyse.cover import Budget, BudgetSpentError, Cover
from merestone.core.rules.analyse.examples import example_record
from merestone.core.rules.analyse.findings import POSSIBLE, PROVED, Finding
from merestone.core.rules.analyse.neighbours import Neighbours
from merestone.core.rules.analyse.plausible import is_plausible, is_plausible_record
from merestone.core.rules.analyse.space import Box, Space, meet
from merestone.core.rules.analyse.telling import RANK_WORDS, called, described, matched, told
from merestone.core.rules.analyse.words import criterion as criterion_of
from merestone.core.rules.analyse.words import either
from merestone.core.rules.ruleset import RANKS, RecordMatch, Rule

_MOST_EXAMPLES = 5  # boxes an example is made of before the least bad is taken
_MOST_TOLD = 6  # boxes of an overlap written as one criterion
_MOST_BOXES = 64  # of a pair that are looked at one by one


@dataclass(frozen=True)
class Pairs:
    """Overlapping pairs of leaves, the better rank first.

    Parameters
    ----------
    by_key : array of (n, 2) int
        Those that only the key decides, in the order of the winner's rank.
    by_rank : array of (n, 2) int
        The others; only the first ``kept`` of them.
    n_by_rank : int
        How many others there are.
    """

    by_key: np.ndarray
    by_rank: np.ndarray
    n_by_rank: int


def overlapping_pairs(space: Space, neighbours: Neighbours, *, kept: int) -> Pairs:
    """Return all pairs of leaves whose boxes meet.

    Parameters
    ----------
    kept : int
        How many pairs decided by rank are returned, not only counted.
    """
    ranks = np.array([rule.rank[:3] for rule in space.rules], dtype=np.int64).reshape(-1, 3)
    by_key: list[np.ndarray] = []
    by_rank: list[np.ndarray] = []
    n_by_rank = 0
    for position in sorted(space.leaves, key=lambda leaf: space.rules[leaf].rank):
        others = partners(space, neighbours, position)
        others = others[neighbours.rank_of_rule[others] > neighbours.rank_of_rule[position]]
        is_tie = (ranks[others] == ranks[position]).all(axis=1)
        by_key.append(_paired(position, others[is_tie]))
        n_by_rank += int((~is_tie).sum())
        if sum(map(len, by_rank)) < kept:
            by_rank.append(_paired(position, others[~is_tie]))
    return Pairs(_stacked(by_key), _stacked(by_rank)[:kept], n_by_rank)


def _paired(position: int, others: np.ndarray) -> np.ndarray:
    return np.column_stack([np.full(len(others), position), others])


def _stacked(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty((0, 2), dtype=np.int64)


def partners(space: Space, neighbours: Neighbours, position: int) -> np.ndarray:
    """Return the other leaves that a leaf overlaps, ascending."""
    is_leaf, has_atoms = neighbours.is_leaf, neighbours.has_atoms
    found: list[np.ndarray] = [np.empty(0, dtype=np.int64)]
    for box in space.boxes_of.get(position, ()):
        near = neighbours.near(box)
        near = near[is_leaf[near]]
        if space.fixed_atoms(box):
            doubtful = near[has_atoms[near]]
            near = near[~has_atoms[near]]
            meeting = [
                rule for rule, other in neighbours.meeting(box, doubtful) if _can_meet(space, box, other)
            ]
            found.append(np.array(meeting, dtype=np.int64))
        found.append(neighbours.rule_of[near])
    every = np.unique(np.concatenate(found))
    return every[every != position]


def _can_meet(space: Space, box: Box, other: Box) -> bool:
    shared = meet(box, other)
    return shared is not None and not space.breaks_law(shared)


def overlap(
    space: Space, neighbours: Neighbours, first: int, second: int, *, budget: Budget
) -> Finding | None:
    """Return the finding about two leaves, or None when they do not overlap."""
    if space.rules[second].rank < space.rules[first].rank:
        first, second = second, first
    shared = list(itertools.islice(_shared(space, first, second), _MOST_BOXES))
    if not shared:
        return None
    decisive, is_sure = _decisive(space, neighbours, shared, first, budget=budget)
    example, match = _example(space, [*decisive, *shared], (first, second))
    is_hidden = is_sure and not decisive
    formal = is_formal(space, first, second)
    return _finding(space, (first, second), shared, example, match, is_hidden=is_hidden, formal=formal)


def is_formal(space: Space, first: int, second: int) -> bool:
    """Return whether two leaves only overlap on paper: no county lies in the states or countries they share."""
    shared = itertools.islice(_shared(space, first, second), _MOST_BOXES)
    return not any(is_plausible(space, box) for box in shared)


def _shared(space: Space, first: int, second: int) -> Iterator[Box]:
    for one, other in itertools.product(space.boxes_of.get(first, ()), space.boxes_of.get(second, ())):
        both = meet(one, other)
        if both is not None and not space.breaks_law(both):
            yield both


def _decisive(
    space: Space, neighbours: Neighbours, shared: Iterable[Box], winner: int, *, budget: Budget
) -> tuple[list[Box], bool]:
    """Return boxes of the overlap that nobody ranking before both matches, and whether the search was complete."""
    before = neighbours.before_rule(winner)
    found: list[Box] = []
    try:
        for box in shared:
            cover = Cover(space, box, [other for _, other in neighbours.meeting(box, before)])
            domains = cover.open_box(budget=budget, is_known=True)
            domains = cover.open_box(budget=budget) if domains is None else domains
            if domains is not None:
                found += [cover.region_box(cover.widened(domains)), cover.region_box(domains)]
                break
    except BudgetSpentError:
        return found, False
    return found, True


def _example(
    space: Space, boxes: Iterable[Box], pair: tuple[int, int]
) -> tuple[dict[str, Any] | None, RecordMatch | None]:
    """Return the first example that both match."""
    keys = {space.rules[position].key for position in pair}
    first: tuple[dict[str, Any] | None, RecordMatch | None] = (None, None)
    for box in itertools.islice(boxes, _MOST_EXAMPLES):
        record = example_record(space, box)
        match = matched(space.ruleset, record)
        if record is None or match is None or not keys <= set(match.matches):
            continue
        if is_plausible_record(record):
            return record, match
        first = first if first[0] is not None else (record, match)
    return first


def _finding(
    space: Space,
    pair: tuple[int, int],
    shared: list[Box],
    example: dict[str, Any] | None,
    match: RecordMatch | None,
    *,
    is_hidden: bool,
    formal: bool,
) -> Finding:
    winner, loser = (space.rules[position] for position in pair)
    rank = decided_by(winner, loser)
    is_tie = rank == "key"
    criterion, english = described(space, shared[0]) if len(shared) == 1 else _either(space, shared)
    may = "" if example is not None else " may"
    text = f"{called(space, pair[0])} and {called(space, pair[1])}{may} both match {_some(english)}: "
    if is_hidden:
        text += "another territory that ranks before both wins them all."
    else:
        text += f"{called(space, pair[0])} wins because {RANK_WORDS[rank]}."
    if formal:
        text += " No real record does: these counties lie elsewhere."
    return Finding(
        "key-tie" if is_tie and not is_hidden else "overlap",
        "note" if is_hidden or formal else "error" if is_tie else "warning",
        (winner.key, loser.key),
        text,
        "Set a priority on one of them, or make their criteria exclude each other."
        if is_tie
        else "Keep it if the rank is meant; else make their criteria exclude each other.",
        PROVED if example is not None else POSSIBLE,
        criterion,
        english,
        example,
        {
            "decided_by": rank,
            "winner": winner.key,
            **({"wins_example": match.winner} if match is not None and match.winner != winner.key else {}),
        },
    )


def _either(space: Space, shared: list[Box]) -> tuple[str | None, str]:
    parts = [part for box in shared[:_MOST_TOLD] if (part := criterion_of(space, box)) is not None]
    return told(space, either(parts)) if len(parts) == len(shared) else (None, "")


def _some(english: str) -> str:
    return (
        "some records"
        if not english or len(english) > 160
        else f"records with {english[:1].lower()}{english[1:]}"
    )


def decided_by(winner: Rule, loser: Rule) -> str:
    """Return the first element of the winning order in which two rules differ."""
    pairs = zip(RANKS[2:], winner.rank, loser.rank, strict=True)
    return next(name for name, left, right in pairs if left != right)
