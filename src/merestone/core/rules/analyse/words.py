"""A box as a criterion: the shortest that says it, in the language of rules."""

from __future__ import annotations

from typing import Any

from merestone.core.criteria import Expr, render
from merestone.core.criteria import expression as ex
from merestone.core.criteria.values import fold
from merestone.core.model.columns import Kind
from merestone.core.rules.analyse.space import HOLDS, Box, ItemAtom, Space
from merestone.core.rules.axes import Axis, Region, complement, next_prefix, ranges, union


def criterion(space: Space, box: Box, *, is_plain: bool = False) -> Expr | None:
    """Return a criterion that holds exactly in a box (of admitted values; ``is_plain``: of records with every value).

    None for the whole space, and for the rare box whose borders cannot be written (the text after ``'@'`` is ``'A'``,
    which the language reads as ``'a'``).
    """
    try:
        parts = [
            part for dimension in sorted(box) if (part := _part(space, dimension, box, is_plain)) is not None
        ]
    except _Unwritable:
        return None
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, ex.And) else (part,))]
    if not flat:
        return None
    return flat[0] if len(flat) == 1 else ex.And(tuple(flat))


def either(parts: list[Expr]) -> Expr:
    """Return an ``or`` of criteria, flat."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, ex.Or) else (part,))]
    return flat[0] if len(flat) == 1 else ex.Or(tuple(flat))


class _Unwritable(Exception):
    """No literal of the language stands for this point."""


def _part(space: Space, dimension: int, box: Box, is_plain: bool) -> Expr | None:
    region = box[dimension]
    if region == space.whole(dimension):
        return None
    if dimension >= len(space.axes):
        return _answer(space, dimension, box, is_plain)
    axis = space.axes[dimension]
    field = ex.FieldRef(axis.field)
    is_missing_in = region[-1] > axis.missing
    known = _without_missing(region, axis)
    if not known:
        return ex.IsNull(field)
    admitted = _without_missing(space.whole(dimension), axis)
    if known == admitted:
        return ex.IsNull(field, negated=True)  # the missing value is out, else it were the whole
    unused = complement(admitted, axis.missing)
    written = _Written(space, dimension)
    tries = [found for found in (written.region(known), written.region(union(known, unused))) if found]
    best = min(tries, key=lambda part: len(render(part)))
    return either([best, ex.IsNull(field)]) if is_missing_in else best


def _without_missing(region: Region, axis: Axis) -> Region:
    if region and region[-1] > axis.missing:
        return region[:-2] if region[-2] == axis.missing else (*region[:-1], axis.missing)
    return region


def _answer(space: Space, dimension: int, box: Box, is_plain: bool) -> Expr | None:
    """Return what a box wants of an atom; what fails may do so because its field is missing."""
    atom = space.atom_at(dimension)
    assert atom is not None
    call = _call(space, atom) if isinstance(atom, ItemAtom) else atom
    if box[dimension] == HOLDS:
        return call
    axes = [(space.axes[number], box.get(number, space.whole(number))) for number in space.axes_of(dimension)]
    if any(region[0] >= axis.missing for axis, region in axes):
        return None  # missing: it fails anyway
    may_miss = [axis.field for axis, region in axes if region[-1] > axis.missing and not is_plain]
    return either([ex.Not(call), *(ex.IsNull(ex.FieldRef(name)) for name in may_miss)])


def _call(space: Space, atom: ItemAtom) -> Expr:
    spelling = space.admitted[atom.axis].spelling
    values = tuple(ex.Literal(spelling.get(item, item)) for item in sorted(atom.items))
    field = ex.FieldRef(space.axes[atom.axis].field)
    return ex.Call("has_all" if atom.needs_all else "has_any", (field, *values))


class _Written:
    """Regions of one field, written."""

    def __init__(self, space: Space, dimension: int) -> None:
        self.axis = space.axes[dimension]
        self.spelling = space.admitted[dimension].spelling
        self.field = ex.FieldRef(self.axis.field)

    def region(self, region: Region) -> Expr | None:
        """Return a criterion for known classes; None when they are all there are."""
        if not region or region == self.axis.known:
            return None
        tries = [self._as_ranges(region)]
        if (points := self._only_points(region)) is not None:
            tries.append(self._set(points, negated=False))
        outside = self.axis.without(region)
        if (points := self._only_points(outside)) is not None:
            tries.append(self._set(points, negated=True))
        return min(tries, key=lambda part: len(render(part)))

    def _only_points(self, region: Region) -> list[Any] | None:
        """Return the points of a region without any class between points, else None."""
        if any(low % 2 == 0 or high - low > 1 for low, high in ranges(region)):
            return None
        return [self.axis.points[low // 2] for low, _ in ranges(region)]

    def _set(self, points: list[Any], *, negated: bool) -> Expr:
        values = tuple(self._literal(point) for point in points)
        if len(values) == 1:
            return ex.Comparison(self.field, "<>" if negated else "=", values[0])
        if self.axis.kind not in (Kind.TEXT, Kind.NUMBER, Kind.MONEY, Kind.DATE, Kind.INSTANT):
            parts = tuple(ex.Comparison(self.field, "<>" if negated else "=", value) for value in values)
            return ex.And(parts) if negated else ex.Or(parts)
        return ex.In(self.field, values, negated=negated)

    def _as_ranges(self, region: Region) -> Expr:
        singles: list[Any] = []
        parts: list[Expr] = []
        for low, high in ranges(region):
            if high - low == 1 and low % 2:
                singles.append(self.axis.points[low // 2])
            else:
                parts.append(self._range(low, high))
        if singles:
            parts.append(self._set(singles, negated=False))
        return either(parts)

    def _range(self, low: int, high: int) -> Expr:
        """Return a criterion for the classes from ``low`` up to, not with, ``high``."""
        first = None if low == 0 else self.axis.points[(low - 1) // 2 if low % 2 == 0 else low // 2]
        last = None if high == self.axis.missing else self.axis.points[(high - 1) // 2]
        has_first, has_last = low % 2 == 1, high % 2 == 0
        if (prefix := self._prefix(low, high)) is not None:
            return prefix
        if first is not None and last is not None and has_first and has_last:
            return ex.Between(self.field, self._literal(first), self._literal(last))
        parts: list[Expr] = []
        if first is not None:
            parts.append(ex.Comparison(self.field, ">=" if has_first else ">", self._literal(first)))
        if last is not None:
            parts.append(ex.Comparison(self.field, "<=" if has_last else "<", self._literal(last)))
        return parts[0] if len(parts) == 1 else ex.And(tuple(parts))

    def _prefix(self, low: int, high: int) -> Expr | None:
        """Return ``starts_with`` for the texts that begin with the point at ``low``, when that is the range."""
        if self.axis.kind is not Kind.TEXT or low % 2 == 0 or high % 2 == 0 or high == self.axis.missing:
            return None
        prefix = self.axis.points[low // 2]
        if not prefix or next_prefix(prefix) != self.axis.points[high // 2]:
            return None
        return ex.Call("starts_with", (self.field, ex.Literal(self.spelling.get(prefix, prefix))))

    def _literal(self, point: Any) -> ex.Literal:
        if isinstance(point, str) and fold(point) != point:
            raise _Unwritable
        return ex.Literal(self.spelling.get(point, point))
