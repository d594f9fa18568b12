"""Gaps: what a territory matches but no territory below it, nor any leaf elsewhere; and what lies outside all of them.

Every gap is told as the widest box that stays open, so that a few of them say it all; a search that finds no further
open box is the proof that the list is complete. First come records that miss nothing, then those that fall through only
because a value is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from merestone.core.rules.analyse.cover import Budget, BudgetSpentError, Clause, Cover, price
from merestone.core.rules.analyse.examples import example_record
from merestone.core.rules.analyse.findings import POSSIBLE, PROVED, Finding
from merestone.core.rules.analyse.neighbours import Neighbours
from merestone.core.rules.analyse.space import Box, Space
from merestone.core.rules.analyse.telling import called, described, listed, matched
from merestone.core.rules.ruleset import RecordMatch


@dataclass(frozen=True)
class Gap:
    """One region that no leaf covers.

    Parameters
    ----------
    inside : int or None
        The innermost rule that matches it; None = outside all roots.
    box : Box
        The region.
    within : Box
        The box of ``inside`` in which it lies.
    missing : tuple of str
        Fields whose missing value alone leaves it open.
    """

    inside: int | None
    box: Box
    within: Box
    missing: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """The fewer dimensions a gap asks beyond the territory around it, the larger it is."""
        return len(self.missing), len(own_part(self))


def own_part(gap: Gap) -> Box:
    """Return what a gap asks beyond the territory around it."""
    return {number: region for number, region in gap.box.items() if gap.within.get(number) != region}


def inner_rules(space: Space) -> list[int | None]:
    """Return where gaps can be: outside everything, and in each rule with claiming ones below, parents first."""
    return [None, *sorted(position for position in space.children if position is not None)]


class GapSearch:
    """Looks for the gaps of one territory (None: outside all).

    Parameters
    ----------
    space : Space
    neighbours : Neighbours
    inside : int or None
    """

    def __init__(self, space: Space, neighbours: Neighbours, inside: int | None) -> None:
        self.space, self.inside = space, inside
        self._neighbours = neighbours

    @cached_property
    def covers(self) -> list[tuple[Box, Cover]]:
        """The boxes of the territory, each with what lies over it."""
        boxes: list[Box] = [{}] if self.inside is None else self.space.boxes_of.get(self.inside, [])
        return [
            (box, Cover(self.space, box, _laid_over(self.space, self._neighbours, self.inside, box)))
            for box in boxes
        ]

    @property
    def price(self) -> int:
        """What preparing it costs, in boxes looked at; many boxes at once ask many dimensions."""
        return sum(3 * price(len(cover.touching)) for _, cover in self.covers)

    def gaps(self, *, budget: Budget, most: int) -> tuple[list[Gap], bool]:
        """Return the gaps and whether there are no others."""
        found: list[Gap] = []
        is_complete = True
        for box, cover in self.covers:
            told: list[Clause] = []
            for is_known in (True, False):
                own, is_all = self._open(box, cover, told, is_known=is_known, budget=budget, most=most)
                found += own
                is_complete &= is_all
        return found, is_complete

    def _open(
        self, within: Box, cover: Cover, told: list[Clause], *, is_known: bool, budget: Budget, most: int
    ) -> tuple[list[Gap], bool]:
        found: list[Gap] = []
        try:
            while len(found) < most:
                domains = cover.open_box(budget=budget, is_known=is_known, without=told)
                if domains is None:
                    return found, True
                wide = cover.widened(domains)
                told.append(cover.as_clause(wide))
                found.append(self.gap(within, cover, wide))
            # One more look tells whether that was all.
            return found, cover.open_box(budget=budget, is_known=is_known, without=told) is None
        except BudgetSpentError:
            return found, False

    def gap(self, within: Box, cover: Cover, domains: list[int]) -> Gap:
        """Return open domains as a gap."""
        missing = tuple(self.space.axes[number].field for number in cover.missing_only(domains))
        return Gap(self.inside, self.space.tidied(cover.region_box(domains)), within, missing)


def _laid_over(space: Space, neighbours: Neighbours, inside: int | None, box: Box) -> Iterator[Box]:
    """Yield the boxes of the children, and of leaves elsewhere."""
    children = set(space.children.get(inside, ()))
    if inside is None:
        yield from (one for child in children for one in space.boxes_of.get(child, ()))
        return
    near = neighbours.near(box)
    counts = neighbours.is_leaf[near] | np.isin(neighbours.rule_of[near], list(children))
    for number in near[counts]:
        yield neighbours.boxes[number].box


def told_gap(space: Space, gap: Gap) -> Finding:
    """Return the finding about a gap, with an example that has been tested."""
    record = example_record(space, gap.box, is_full=True) or example_record(space, gap.box)
    match = matched(space.ruleset, record)
    is_proved = match is not None and not _leaves_matching(space, match)
    criterion, _ = described(space, gap.box)
    _, english = described(space, own_part(gap), is_plain=True)
    return Finding(
        "gap-missing" if gap.missing else "gap",
        "note" if gap.missing else "warning",
        () if gap.inside is None else (space.rules[gap.inside].key,),
        _message(space, gap, english, match if is_proved else None),
        _fix(gap),
        PROVED if is_proved else POSSIBLE,
        criterion,
        english,
        record if is_proved else None,
        {"fields": list(gap.missing)} if gap.missing else {},
    )


def _leaves_matching(space: Space, match: RecordMatch) -> Iterable[str]:
    leaves = {space.rules[position].key for position in space.leaves}
    return leaves & set(match.matches)


def _message(space: Space, gap: Gap, english: str, match: RecordMatch | None) -> str:
    where = "outside all territories" if gap.inside is None else f"inside {called(space, gap.inside)}"
    if gap.missing:
        what = f"Records {where} without {listed(_labels(space, gap.missing), most=5)}"
        rest = own_part(gap)
        if len(rest) > len(gap.missing):
            what += f" ({_short(english)})"
    elif not english or english == "any record":
        what = f"Records {where}"
    else:
        what = f"Records {where} with {_short(english)}"
    verb = "match" if match is not None else "may match"
    return (
        f"{what} {verb} no territory{'' if gap.inside is None else ' below it'}; {_end(space, gap, match)}."
    )


def _end(space: Space, gap: Gap, match: RecordMatch | None) -> str:
    if match is not None and match.winner is not None:
        winner = next(rule.name for rule in space.rules if rule.key == match.winner)
        return f"they stay at “{winner}”"
    is_stuck = gap.inside is not None and space.rules[gap.inside].where is not None
    return (
        f"they stay at {called(space, gap.inside)}"
        if is_stuck and gap.inside is not None
        else "they go to the unassigned queue"
    )


def _labels(space: Space, fields: Iterable[str]) -> list[str]:
    labels = [space.ruleset.fields[name].label for name in fields]
    return [label if label[:2].isupper() else label[:1].lower() + label[1:] for label in labels]


def _short(english: str) -> str:
    text = english if english[:2].isupper() else english[:1].lower() + english[1:]
    return text if len(text) <= 240 else text[:239] + "…"


def _fix(gap: Gap) -> str:
    if gap.missing:
        return "Fill the field, or add a territory for records without it."
    if gap.inside is None:
        return "Add a territory for them, or leave them to the unassigned queue on purpose."
    return "Add a territory below it, or widen one; the criterion says which records."
