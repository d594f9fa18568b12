"""The gap a record falls into: the widest region around it that no leaf covers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from merestone.core.criteria import evaluate
from merestone.core.criteria.values import fold, read_value
from merestone.core.model.columns import Kind
from merestone.core.rules.analyse.gaps import Gap, GapSearch
from merestone.core.rules.analyse.neighbours import Neighbours
from merestone.core.rules.analyse.space import ItemAtom, Space
from merestone.core.rules.ruleset import match_record

_MATCHES = ("won", "lost", "passed")


class GapFinder:
    """Finds the gaps of records, one by one; what records of the same territory share is made once.

    Parameters
    ----------
    space : Space
    neighbours : Neighbours
    """

    def __init__(self, space: Space, neighbours: Neighbours) -> None:
        self.space, self.neighbours = space, neighbours
        self._searches: dict[int | None, GapSearch] = {}
        self._position = {rule.key: position for position, rule in enumerate(space.rules)}

    def gap_of(self, record: Mapping[str, Any]) -> Gap | None:
        """Return the gap around a record; None when a leaf matches it, or a name or exclusion decides."""
        inside = self._innermost(record)
        if inside not in self._searches:
            self._searches[inside] = GapSearch(self.space, self.neighbours, inside)
        search = self._searches[inside]
        point = self._point(record)
        for box, cover in search.covers:
            domains = None if cover.is_covered_whole else cover.point(point)
            if domains is not None and cover.is_open(domains) and self._is_in(point, box):
                return search.gap(box, cover, cover.widened(domains))
        return None

    def _innermost(self, record: Mapping[str, Any]) -> int | None:
        """Return the deepest claiming rule that matches."""
        found: int | None = None
        for entry in match_record(self.space.ruleset, record).considered:
            position = self._position[entry.territory]
            rule = self.space.rules[position]
            if entry.outcome in _MATCHES and entry.cause != "named" and self.space.claims(position):
                found = position if found is None or rule.depth > self.space.rules[found].depth else found
        return found

    def _is_in(self, point: Mapping[int, int], box: Mapping[int, Any]) -> bool:
        return all(
            any(low <= point[dimension] < high for low, high in zip(region[::2], region[1::2], strict=True))
            for dimension, region in box.items()
        )

    def _point(self, record: Mapping[str, Any]) -> dict[int, int]:
        """Return the record's class in every dimension."""
        rules = self.space.ruleset
        values: dict[int, Any] = {}
        for number, axis in enumerate(self.space.axes):
            field = rules.fields[axis.field]
            values[number] = read_value(field.kind, rules.fields.raw(record, field))
        point = {number: self._class(number, value) for number, value in values.items()}
        for index, atom in enumerate(self.space.atoms):
            if isinstance(atom, ItemAtom):
                items = values[atom.axis]
                holds = items is not None and atom.holds(frozenset(map(fold, items)))
            else:
                answer = evaluate(atom, record, fields=rules.fields, lists=rules.lists, areas=rules.areas)
                holds = answer is True
            point[len(self.space.axes) + index] = 0 if holds else 1
        return point

    def _class(self, number: int, value: Any) -> int:
        axis = self.space.axes[number]
        if value is None:
            return axis.missing
        if axis.kind is Kind.LIST:
            return 0
        return axis.class_of(fold(value) if isinstance(value, str) else value)
