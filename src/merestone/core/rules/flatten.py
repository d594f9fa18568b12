"""The match index: rules flattened down the tree to conjunctions of regions, one region per axis.

A rule matches a record exactly when one of its conjunctions does: every region holds the record's class, every item
test and every check holds. What is no comparison with stated values (text inside text, patterns, distances, polygons)
stays as a *check*, an expression to be asked last; so does an expression with too many alternatives. Three-valued
logic is settled here: ``not`` is pushed down to the leaves, where "known and not" is a region too. Names and
exclusions are not in the index. Not here: bitmaps, records in bulk.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, reduce
from typing import Any

from merestone.core.criteria import Expr
from merestone.core.criteria import expression as ex
from merestone.core.criteria.evaluate import list_values
from merestone.core.criteria.values import fold
from merestone.core.geo import EARTH_RADIUS_KM, Areas
from merestone.core.model.columns import Kind
from merestone.core.rules.axes import NOWHERE, Axis, Region, intersect, next_prefix, union
from merestone.core.rules.ruleset import Ruleset

MAX_OWN = 64  # alternatives of one rule; above, the rule stays one check
MAX_PATH = 256  # alternatives down a path
FREE_TEXT = frozenset(("external_id", "name", "domain", "company"))
"""Fields with about as many values as records: their beginnings are checked, not cut into classes."""
_MARGIN = 1e-6  # degrees by which a box around a circle or an area is drawn too large
_SEAM = (Decimal(-180), Decimal(180))
_POLES = (Decimal(-90), Decimal(90))


@dataclass(frozen=True)
class Check:
    """An expression asked of the record itself: it must be True, or (``wanted`` False) known and not True."""

    expr: Expr
    wanted: bool = True


@dataclass(frozen=True)
class ItemTest:
    """A question to a list field: has it any (or all) of these folded items? Unknown when the list is missing."""

    axis: int
    items: frozenset[str]
    needs_all: bool
    wanted: bool = True

    def holds(self, items: frozenset[str]) -> bool:
        """Return the answer for a list that is not missing."""
        answer = self.items <= items if self.needs_all else not self.items.isdisjoint(items)
        return answer is self.wanted


@dataclass(frozen=True)
class Conjunction:
    """One way for a record to match a rule.

    Parameters
    ----------
    rule : int
        Position of the rule in the ruleset.
    regions : mapping of int to Region
        Axis number to the classes it may have; other axes are free.
    items : tuple of ItemTest
    checks : tuple of Check
        Asked after all else. Regions drawn around a check (a box around a circle) are necessary, not sufficient.
    """

    rule: int
    regions: Mapping[int, Region]
    items: tuple[ItemTest, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class FlatRules:
    """The match index of a ruleset.

    Parameters
    ----------
    axes : tuple of Axis
        Every field that conjunctions look at by class.
    conjunctions : tuple of Conjunction
        In the order of the ruleset (parents before children); those of one rule stand together. A rule without any
        can never match. Grouping nodes have theirs too, though they claim nothing.
    """

    axes: tuple[Axis, ...]
    conjunctions: tuple[Conjunction, ...]

    @cached_property
    def of_rule(self) -> dict[int, tuple[Conjunction, ...]]:
        """Rule position -> its conjunctions; a rule that can never match is absent."""
        found: dict[int, list[Conjunction]] = defaultdict(list)
        for conjunction in self.conjunctions:
            found[conjunction.rule].append(conjunction)
        return {rule: tuple(every) for rule, every in found.items()}


@dataclass(frozen=True)
class Term:
    """A conjunction without a rule: what one alternative of an expression asks."""

    regions: Mapping[int, Region] = field(default_factory=dict)
    items: tuple[ItemTest, ...] = ()
    checks: tuple[Check, ...] = ()

    def joined(self, other: Term) -> Term | None:
        """Return both together; None when no record can fulfil them."""
        if not other.regions:
            regions = self.regions
        else:
            shared = {**self.regions}
            for axis, region in other.regions.items():
                shared[axis] = intersect(shared[axis], region) if axis in shared else region
                if not shared[axis]:
                    return None
            regions = shared
        items = tuple(dict.fromkeys((*self.items, *other.items))) if other.items else self.items
        checks = tuple(dict.fromkeys((*self.checks, *other.checks))) if other.checks else self.checks
        return Term(regions, items, checks)

    @property
    def only_axis(self) -> int | None:
        """The axis, when the term asks about one region and nothing else."""
        is_plain = len(self.regions) == 1 and not self.items and not self.checks
        return next(iter(self.regions)) if is_plain else None


class TooMany(Exception):
    """An expression has more alternatives than the index takes."""


def flatten(ruleset: Ruleset, *, flattening: Flattening | None = None) -> FlatRules:
    """Return the match index of compiled rules, by the usual flattening or by a given one."""
    flattening = flattening or Flattening(ruleset)
    terms_of: list[list[Term]] = []
    conjunctions: list[Conjunction] = []
    for position, rule in enumerate(ruleset.rules):
        above = [Term()] if rule.parent is None else terms_of[rule.parent]
        terms = above if rule.where is None or not above else flattening.below(above, rule.where)
        terms_of.append(terms)
        conjunctions += (Conjunction(position, term.regions, term.items, term.checks) for term in terms)
    return FlatRules(flattening.axes, tuple(conjunctions))


class Flattening:
    """Turns expressions over the fields of one ruleset into terms.

    Parameters
    ----------
    ruleset : Ruleset
    also : iterable of Expr
        Expressions beside the ruleset's own whose values cut the axes too.
    is_for_records : bool
        False for thinking about rules without records: no boxes are drawn around places, and the beginnings of free
        text are classes too. Every field that a check asks has an axis then.
    """

    def __init__(self, ruleset: Ruleset, *, also: Iterable[Expr] = (), is_for_records: bool = True) -> None:
        self.fields, self.lists, self.places = ruleset.fields, ruleset.lists, ruleset.areas
        self._is_for_records = is_for_records
        self._values_of: dict[int, tuple[ex.In, set[Any]]] = {}
        self._list_values: dict[tuple[str, Kind], frozenset[Any]] = {}
        points: dict[str, set[Any]] = {}
        self._boxes: dict[ex.Leaf, _Box] = {}
        wheres = (rule.where for rule in ruleset.rules if rule.where is not None)
        for expr in (*wheres, *also):
            for leaf in ex.leaves(expr):
                self._note(leaf, points)
        self.axes = tuple(
            Axis(name, self.fields[name].kind, tuple(sorted(found))) for name, found in sorted(points.items())
        )
        self.number_of = {axis.field: number for number, axis in enumerate(self.axes)}

    def below(self, above: list[Term], where: Expr) -> list[Term]:
        """Return the terms of a rule whose parent has the terms ``above``."""
        try:
            own = self.terms(where)
            if len(above) * len(own) > MAX_PATH:
                raise TooMany
        except TooMany:
            own = [Term(checks=(Check(where),))]
        return _product(above, own)

    def terms(self, expr: Expr, *, wanted: bool = True) -> list[Term]:
        """Return the alternatives under which ``expr`` is True (or, not ``wanted``, known to be False).

        Raises
        ------
        TooMany
            When there are more than ``MAX_OWN``.
        """
        if isinstance(expr, ex.Not):
            return self.terms(expr.part, wanted=not wanted)
        if isinstance(expr, ex.And | ex.Or):
            parts = [self.terms(part, wanted=wanted) for part in expr.parts]
            found = reduce(_product, parts) if isinstance(expr, ex.And) is wanted else _merged(parts)
            if len(found) > MAX_OWN:
                raise TooMany
            return found
        term = self.leaf(expr, wanted=wanted)
        return [] if term is None else [term]

    def leaf(self, leaf: ex.Leaf, *, wanted: bool) -> Term | None:
        """Return what a leaf asks; None when no record can fulfil it."""
        if self._is_check(leaf):
            assert isinstance(leaf, ex.Call)
            return self._checked(leaf, wanted=wanted)
        assert leaf.field is not None
        number = self.number_of[self.fields[leaf.field.name].name]
        axis = self.axes[number]
        if isinstance(leaf, ex.IsNull):
            is_known = leaf.negated is wanted
            return Term({number: axis.known if is_known else (axis.missing, axis.missing + 1)})
        if axis.kind is Kind.LIST:
            assert isinstance(leaf, ex.Call)
            wanted_items = frozenset(fold(str(literal.value)) for literal in leaf.values)
            return Term(
                {number: axis.known}, (ItemTest(number, wanted_items, leaf.name == "has_all", wanted),)
            )
        region = self._region(leaf, axis)
        if not wanted:
            region = axis.without(region)
        return Term({number: region}) if region else None

    def _region(self, leaf: ex.Leaf, axis: Axis) -> Region:
        match leaf:
            case ex.Comparison(op=op, value=literal):
                return axis.compared(op, key_of(literal.value))
            case ex.Between(low=low, high=high):
                return axis.between(key_of(low.value), key_of(high.value))
            case ex.In(negated=negated) | ex.InList(negated=negated):
                region = axis.at(self._values(leaf, axis.kind))
                return axis.without(region) if negated else region
            case ex.Call():
                return axis.prefixed(str(literal.value).casefold() for literal in leaf.values)
        raise AssertionError(leaf)

    def _values(self, leaf: ex.In | ex.InList, kind: Kind) -> Iterable[Any]:
        if isinstance(leaf, ex.In):
            found = self._values_of.get(id(leaf))
            if found is None:  # kept by identity: hashing hundreds of values costs more than reading them
                found = self._values_of[id(leaf)] = leaf, {key_of(value) for value in leaf.plain}
            return found[1]
        name = str(leaf.key.value)
        if (name, kind) not in self._list_values:
            self._list_values[name, kind] = frozenset(list_values(self.lists, name, kind))
        return self._list_values[name, kind]

    def _is_check(self, leaf: ex.Leaf) -> bool:
        if not isinstance(leaf, ex.Call):
            return False
        if leaf.name == "starts_with":
            assert leaf.field is not None
            return self._is_for_records and self.fields[leaf.field.name].name in FREE_TEXT
        return leaf.name not in ("has_any", "has_all")

    def _checked(self, call: ex.Call, *, wanted: bool) -> Term:
        """Return a check with the regions it cannot do without."""
        if call.field is not None:  # free text has no axis unless something else asks for it
            number = self.number_of.get(self.fields[call.field.name].name)
            needed = {} if number is None else {number: self.axes[number].known}
            return Term(needed, checks=(Check(call, wanted),))
        box = self._boxes[call] if wanted else _EVERYWHERE
        needed = {}
        for name, ends, turn in (("latitude", box.latitude, _POLES), ("longitude", box.longitude, _SEAM)):
            number = self.number_of[name]
            axis = self.axes[number]
            region = axis.known
            if ends is not None:
                # Degrees beyond a whole turn mean another place; what lies there is left to the check.
                beyond = union(axis.compared("<", turn[0]), axis.compared(">", turn[1]))
                region = union(axis.between(*ends), beyond)
            needed[number] = region
        return Term(needed, checks=(Check(call, wanted),))

    def _note(self, leaf: ex.Leaf, points: dict[str, set[Any]]) -> None:
        """Add the values at which a leaf cuts its field."""
        if leaf.field is None:
            assert isinstance(leaf, ex.Call)
            box = self._boxes[leaf] = _box_of(leaf, self.places) if self._is_for_records else _EVERYWHERE
            for name, ends, turn in (
                ("latitude", box.latitude, _POLES),
                ("longitude", box.longitude, _SEAM),
            ):
                points.setdefault(name, set()).update((*ends, *turn) if ends else ())
            return
        spec = self.fields[leaf.field.name]
        if self._is_check(leaf):
            if not self._is_for_records:
                points.setdefault(spec.name, set())
            return
        found = points.setdefault(spec.name, set())
        match leaf:
            case ex.Comparison(value=literal):
                found.add(key_of(literal.value))
            case ex.Between(low=low, high=high):
                found.update((key_of(low.value), key_of(high.value)))
            case ex.In() | ex.InList():
                found.update(self._values(leaf, spec.kind))
            case ex.Call(name="starts_with"):
                for literal in leaf.values:
                    prefix = str(literal.value).casefold()
                    after = next_prefix(prefix)
                    found.update((prefix,) if after is None else (prefix, after))
            case ex.Call():
                found.update(fold(str(literal.value)) for literal in leaf.values)


def key_of(value: Any) -> Any:
    """Return a literal's value in the form in which it compares."""
    return fold(value) if isinstance(value, str) else value


def _product(left: list[Term], right: list[Term]) -> list[Term]:
    if len(left) * len(right) > MAX_PATH:
        raise TooMany
    joined = (one.joined(other) for one in left for other in right)
    return [term for term in joined if term is not None]


def _merged(parts: list[list[Term]]) -> list[Term]:
    """Return the alternatives of an ``or``; those that only ask about one axis become one region."""
    regions: dict[int, Region] = {}
    rest: list[Term] = []
    for term in (term for terms in parts for term in terms):
        axis = term.only_axis
        if axis is None:
            rest.append(term)
        else:
            regions[axis] = union(regions.get(axis, NOWHERE), term.regions[axis])
    plain = [Term({axis: region}) for axis, region in regions.items()]
    return [*plain, *rest]


# --- boxes around places ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Box:
    """Ranges of degrees that hold a place; None = anywhere."""

    latitude: tuple[Decimal, Decimal] | None = None
    longitude: tuple[Decimal, Decimal] | None = None


_EVERYWHERE = _Box()


def _box_of(call: ex.Call, places: Areas) -> _Box:
    values = [literal.value for literal in call.values]
    if call.name == "in_area":
        geometry = places.geometries.get(str(values[0]))
        return _EVERYWHERE if geometry is None or geometry.is_empty else _box(*geometry.bounds)
    latitude, longitude, km = (float(value) for value in values)  # type: ignore[arg-type]
    reach = km / EARTH_RADIUS_KM
    climb = math.degrees(reach)
    south, north = latitude - climb, latitude + climb
    if south - _MARGIN <= -90 or north + _MARGIN >= 90:  # a pole lies inside: every longitude does
        return _Box(_decimals(max(south, -90.0), min(north, 90.0)))
    swing = math.degrees(math.asin(min(1.0, math.sin(reach) / math.cos(math.radians(latitude)))))
    return _box(longitude - swing, south, longitude + swing, north)


def _box(west: float, south: float, east: float, north: float) -> _Box:
    crosses_seam = west - _MARGIN <= -180 or east + _MARGIN >= 180
    return _Box(_decimals(south, north), None if crosses_seam else _decimals(west, east))


def _decimals(low: float, high: float) -> tuple[Decimal, Decimal]:
    return Decimal(repr(low - _MARGIN)), Decimal(repr(high + _MARGIN))
