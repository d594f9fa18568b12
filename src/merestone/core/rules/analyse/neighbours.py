"""Which boxes of primary rules may meet: for each dimension a table of regions that overlap, and a row of it per box.

What comes out is a superset, exact in every dimension taken alone; boxes that share no class anywhere never come up.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from merestone.core.rules.analyse.space import Box, RuleBox, Space, meet
from merestone.core.rules.axes import Region, ranges


class Neighbours:
    """The boxes of all primary rules, indexed by what they overlap.

    Parameters
    ----------
    space : Space
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.boxes: tuple[RuleBox, ...] = tuple(
            one for one in space.boxes if space.rules[one.rule].is_primary
        )
        self.rule_of = np.array([one.rule for one in self.boxes], dtype=np.int64)
        order = sorted(range(len(space.rules)), key=lambda position: space.rules[position].rank)
        self.rank_of_rule = np.empty(len(order), dtype=np.int64)
        self.rank_of_rule[order] = np.arange(len(order))
        claims = np.array([rule.where is not None for rule in space.rules], dtype=bool)
        self.claims = claims[self.rule_of] if len(self.rule_of) else np.zeros(0, dtype=bool)
        leaves = set(space.leaves)
        self.is_leaf = np.array([one.rule in leaves for one in self.boxes], dtype=bool)
        self.has_atoms = np.array([bool(space.fixed_atoms(one.box)) for one in self.boxes], dtype=bool)
        self._number_of = {id(one.box): number for number, one in enumerate(self.boxes)}
        self._tables = self._build()

    def _build(self) -> dict[int, _Table]:
        regions: dict[int, dict[int, Region]] = defaultdict(dict)
        for number, one in enumerate(self.boxes):
            for dimension, region in one.box.items():
                regions[dimension][number] = region
        return {dimension: _Table(of_box, len(self.boxes)) for dimension, of_box in regions.items()}

    def row(self, number: int) -> np.ndarray:
        """Return for each box whether it may meet box ``number``."""
        found = np.ones(len(self.boxes), dtype=bool)
        for dimension in self.boxes[number].box:
            found &= self._tables[dimension].row(number)
        return found

    def near(self, box: Box) -> np.ndarray:
        """Return the numbers of boxes that may meet a box of a primary rule; of any other box, all of them."""
        number = self._number_of.get(id(box))
        return np.arange(len(self.boxes)) if number is None else np.flatnonzero(self.row(number))

    def before(self, box: Box, position: int) -> list[tuple[int, Box]]:
        """Return (rule, box) of those that claim, rank before a rule and may meet one of its boxes."""
        near = self.near(box)
        is_before = self.rank_of_rule[self.rule_of[near]] < self.rank_of_rule[position]
        return [self._entry(number) for number in near[is_before & self.claims[near]]]

    def before_rule(self, position: int) -> np.ndarray:
        """Return the numbers of boxes that claim, rank before a rule and may meet one of its boxes."""
        near = np.zeros(len(self.boxes), dtype=bool)
        for box in self.space.boxes_of.get(position, ()):
            near[self.near(box)] = True
        is_before = self.rank_of_rule[self.rule_of] < self.rank_of_rule[position]
        return np.flatnonzero(near & is_before & self.claims)

    def meeting(self, box: Box, numbers: np.ndarray) -> list[tuple[int, Box]]:
        """Return (rule, box) of those among ``numbers`` that meet a box."""
        entries = (self._entry(number) for number in numbers)
        return [entry for entry in entries if meet(box, entry[1]) is not None]

    def _entry(self, number: int) -> tuple[int, Box]:
        one = self.boxes[number]
        return one.rule, one.box


class _Table:
    """Which boxes overlap in one dimension."""

    def __init__(self, regions: dict[int, Region], n_boxes: int) -> None:
        distinct = list(dict.fromkeys(regions.values()))
        number_of = {region: number for number, region in enumerate(distinct)}
        self.free = len(distinct)  # the column of boxes that do not ask this dimension
        self.of_box = np.full(n_boxes, self.free, dtype=np.int64)
        for box, region in regions.items():
            self.of_box[box] = number_of[region]
        self.table = np.ones((self.free + 1, self.free + 1), dtype=bool)
        self.table[: self.free, : self.free] = _overlapping(distinct)

    def row(self, box: int) -> np.ndarray:
        """Return for each box whether it overlaps this one."""
        row: np.ndarray = self.table[self.of_box[box]][self.of_box]
        return row


def _overlapping(regions: list[Region]) -> np.ndarray:
    """Return which regions share a class: two ranges do when one holds the low end of the other."""
    pairs = sorted((low, number) for number, region in enumerate(regions) for low, _ in ranges(region))
    lows = np.array([low for low, _ in pairs], dtype=np.int64)
    owners = np.array([number for _, number in pairs], dtype=np.int64)
    table = np.zeros((len(regions), len(regions)), dtype=bool)
    for number, region in enumerate(regions):
        starts = np.searchsorted(lows, region[::2], side="left")
        ends = np.searchsorted(lows, region[1::2], side="left")
        for start, end in zip(starts, ends, strict=True):
            table[number, owners[start:end]] = True
    return table | table.T
