"""The space of all records, as far as rules can tell them apart, and each rule as boxes in it.

A dimension is a field cut into classes (``axes``) or a question that is either true or not (an item test, a text search,
a circle, an area: an *atom*). A box asks a region of some dimensions. A *law* is a box that holds no record, such as
being in two areas that do not meet. Not here: named and excluded accounts; every statement is about the others.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import shapely

from merestone.core.criteria import Expr
from merestone.core.criteria import expression as ex
from merestone.core.criteria.values import fold
from merestone.core.geo import EARTH_RADIUS_KM, distance_km
from merestone.core.rules.analyse.admitted import Admitted
from merestone.core.rules.axes import Region, intersect
from merestone.core.rules.flatten import Check, Flattening, ItemTest, Term, TooMany, flatten
from merestone.core.rules.ruleset import Rule, Ruleset

Box: TypeAlias = Mapping[int, Region]
"""Dimension number to region; other dimensions are free. The empty box is everything."""

HOLDS: Region = (0, 1)
FAILS: Region = (1, 2)
EITHER: Region = (0, 2)
_MARGIN_KM = 0.01  # by which circles must clear each other before that counts as certain


@dataclass(frozen=True)
class ItemAtom:
    """A question to a list field."""

    axis: int
    items: frozenset[str]
    needs_all: bool

    def holds(self, items: frozenset[str]) -> bool:
        """Return the answer for a list that is not missing."""
        return self.items <= items if self.needs_all else not self.items.isdisjoint(items)


Atom: TypeAlias = ItemAtom | Expr


@dataclass(frozen=True)
class RuleBox:
    """One way to match a rule.

    Parameters
    ----------
    rule : int
        Position in the ruleset.
    box : Box
        Admitted classes only; never empty.
    """

    rule: int
    box: Box


class Space:
    """The boxes of a ruleset's rules.

    Parameters
    ----------
    ruleset : Ruleset
    """

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset
        self.flattening = Flattening(ruleset, is_for_records=False)
        self.axes = self.flattening.axes
        spelling = _spellings(ruleset)
        self.admitted = [
            Admitted(axis, ruleset.fields[axis.field], spelling.get(axis.field, {})) for axis in self.axes
        ]
        self.atoms: list[Atom] = []
        self._number_of_atom: dict[Atom, int] = {}
        flat = flatten(ruleset, flattening=self.flattening)
        found = (
            RuleBox(conjunction.rule, box)
            for conjunction in flat.conjunctions
            if (box := self.box(Term(conjunction.regions, conjunction.items, conjunction.checks))) is not None
        )
        self._conflicts: dict[tuple[int, int], frozenset[tuple[bool, bool]]] = {}
        self.boxes: tuple[RuleBox, ...] = tuple(one for one in found if not self.breaks_law(one.box))

    # --- rules

    @cached_property
    def boxes_of(self) -> dict[int, list[Box]]:
        """Rule position -> its boxes; a rule that can never match is absent."""
        found: dict[int, list[Box]] = defaultdict(list)
        for one in self.boxes:
            found[one.rule].append(one.box)
        return dict(found)

    @cached_property
    def children(self) -> dict[int | None, list[int]]:
        """Claiming rule -> the claiming rules next below it; None -> the topmost.

        Only primary rules with a criterion claim records; grouping nodes and overlays between do not count.
        """
        found: dict[int | None, list[int]] = defaultdict(list)
        for position in range(len(self.rules)):
            if self.claims(position):
                above = self.path(position)[-2::-1]
                found[next((step for step in above if self.claims(step)), None)].append(position)
        return found

    def claims(self, position: int) -> bool:
        """Return whether a rule can win a record by its criterion."""
        return self.rules[position].is_primary and self.rules[position].where is not None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules."""
        return self.ruleset.rules

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        """Claiming rules with no claiming rule below."""
        return tuple(
            position
            for position in range(len(self.rules))
            if self.claims(position) and position not in self.children
        )

    def path(self, position: int) -> list[int]:
        """Return the rules from the root down to one, both included."""
        found = [position]
        while (parent := self.rules[found[-1]].parent) is not None:
            found.append(parent)
        return found[::-1]

    @cached_property
    def is_exact(self) -> bool:
        """Whether logic decides everything: no text search, circle, area or rule with too many alternatives."""
        return all(isinstance(atom, ItemAtom) for atom in self.atoms)

    # --- expressions and boxes

    def terms(self, parts: Iterable[Expr]) -> list[Box] | None:
        """Return the boxes of expressions that must all hold; None when there are too many to tell."""
        every = tuple(parts)
        if not every:
            return [{}]
        try:
            terms = self.flattening.terms(every[0] if len(every) == 1 else ex.And(every))
        except TooMany:
            return None
        boxes = (self.box(term) for term in terms)
        return [box for box in boxes if box is not None and not self.breaks_law(box)]

    def box(self, term: Term) -> Box | None:
        """Return a term as a box of admitted classes; None when it holds none."""
        box: dict[int, Region] = {}
        for axis, region in term.regions.items():
            admitted = self.admitted[axis].region
            box[axis] = region if region == () else intersect(region, admitted)
            if not box[axis]:
                return None
        questions: tuple[ItemTest | Check, ...] = (*term.items, *term.checks)
        for question in questions:
            number = self.atom(_atom_of(question))
            wanted = HOLDS if question.wanted else FAILS
            box[number] = intersect(box.get(number, EITHER), wanted)
            if not box[number]:
                return None
        return box

    def atom(self, atom: Atom) -> int:
        """Return the dimension of an atom."""
        number = self._number_of_atom.get(atom)
        if number is None:
            number = self._number_of_atom[atom] = len(self.axes) + len(self.atoms)
            self.atoms.append(atom)
        return number

    def whole(self, dimension: int) -> Region:
        """Return everything a dimension admits."""
        return self.admitted[dimension].region if dimension < len(self.axes) else EITHER

    def known(self, dimension: int) -> Region:
        """Return what a dimension admits apart from the missing value."""
        if dimension >= len(self.axes):
            return EITHER
        return intersect(self.admitted[dimension].region, self.axes[dimension].known)

    def atom_at(self, dimension: int) -> Atom | None:
        """Return the atom of a dimension, if it is one."""
        return self.atoms[dimension - len(self.axes)] if dimension >= len(self.axes) else None

    def fixed_atoms(self, box: Box) -> list[tuple[int, bool]]:
        """Return the atoms that a box decides: (dimension, holds)."""
        return [
            (number, region == HOLDS)
            for number, region in box.items()
            if number >= len(self.axes) and region != EITHER
        ]

    def is_decided(self, box: Box) -> bool:
        """Return whether everything a box asks is of the kind that logic decides fully: classes and items."""
        return all(isinstance(self.atom_at(number), ItemAtom) for number, _ in self.fixed_atoms(box))

    def breaks_law(self, box: Box) -> bool:
        """Return whether what a box asks of atoms certainly cannot be."""
        fixed = self.fixed_atoms(box)
        if len(fixed) < 2:
            return False
        pairs = itertools.combinations(fixed, 2)
        if any((first, second) in self.conflicts(one, other) for (one, first), (other, second) in pairs):
            return True
        return any(items_for(own) is None for own in self.items_of(fixed).values() if len(own) > 2)

    def laws(self, dimensions: Iterable[int]) -> list[Box]:
        """Return boxes without records: atoms that hold though their field is missing, pairs that cannot be."""
        atoms = sorted(number for number in dimensions if number >= len(self.axes))
        missing: list[Box] = [
            {atom: HOLDS, axis: (self.axes[axis].missing, self.axes[axis].missing + 1)}
            for atom in atoms
            for axis in self.axes_of(atom)
        ]
        return missing + [
            {one: HOLDS if first else FAILS, other: HOLDS if second else FAILS}
            for one, other in itertools.combinations(atoms, 2)
            for first, second in sorted(self.conflicts(one, other))
        ]

    def axes_of(self, dimension: int) -> list[int]:
        """Return the axes of the fields an atom asks; none for a whole rule."""
        atom = self.atom_at(dimension)
        if isinstance(atom, ItemAtom):
            return [atom.axis]
        if not isinstance(atom, ex.Call):
            return []
        names = (
            ("latitude", "longitude") if atom.field is None else (self.ruleset.fields[atom.field.name].name,)
        )
        return [self.flattening.number_of[name] for name in names]

    def tidied(self, box: Box) -> Box:
        """Return a box without atoms that fail anyway because their field is missing."""
        return {
            number: region
            for number, region in box.items()
            if not any(box.get(axis, (0,))[0] >= self.axes[axis].missing for axis in self.axes_of(number))
        }

    def conflicts(self, one: int, other: int) -> frozenset[tuple[bool, bool]]:
        """Return the answers that two atoms cannot give together."""
        if (one, other) not in self._conflicts:
            left, right = self.atom_at(one), self.atom_at(other)
            assert left is not None
            assert right is not None
            self._conflicts[one, other] = _conflicts(self.ruleset, left, right)
        return self._conflicts[one, other]

    def items_of(self, fixed: Iterable[tuple[int, bool]]) -> dict[int, list[tuple[ItemAtom, bool]]]:
        """Return the item questions among decided atoms, by axis."""
        found: dict[int, list[tuple[ItemAtom, bool]]] = defaultdict(list)
        for number, holds in fixed:
            atom = self.atom_at(number)
            if isinstance(atom, ItemAtom):
                found[atom.axis].append((atom, holds))
        return found


def _atom_of(question: ItemTest | Check) -> Atom:
    if isinstance(question, ItemTest):
        return ItemAtom(question.axis, question.items, question.needs_all)
    return question.expr


def _spellings(ruleset: Ruleset) -> dict[str, dict[Any, Any]]:
    """Return field -> folded text -> the way the rules write it first."""
    found: dict[str, dict[Any, Any]] = defaultdict(dict)
    for rule in ruleset.rules:
        for leaf in ex.leaves(rule.where) if rule.where is not None else ():
            if leaf.field is None:
                continue
            own = found[ruleset.fields[leaf.field.name].name]
            for value in _texts(leaf, ruleset):
                own.setdefault(fold(value), value.strip())
    return found


def _texts(leaf: ex.Leaf, ruleset: Ruleset) -> Iterator[str]:
    match leaf:
        case ex.Comparison(value=value):
            literals: Sequence[ex.Literal] = (value,)
        case ex.Between(low=low, high=high):
            literals = (low, high)
        case ex.In(values=values):
            literals = values
        case ex.Call():
            literals = leaf.values
        case ex.InList(key=key):
            yield from ruleset.lists[str(key.value)]
            return
        case _:
            return
    yield from (literal.value for literal in literals if isinstance(literal.value, str))


# --- boxes ------------------------------------------------------------------------------------------------------------


def meet(left: Box, right: Box) -> Box | None:
    """Return what two boxes share; None when they do not meet."""
    if len(left) < len(right):
        left, right = right, left
    shared = dict(left)
    for dimension, region in right.items():
        own = shared.get(dimension)
        if own is not None and own != region:
            region = intersect(own, region)
            if not region:
                return None
        shared[dimension] = region
    return shared


def is_within(inner: Box, outer: Box) -> bool:
    """Return whether one box lies in another; dimensions that ``inner`` leaves free count as wider."""
    return all(
        dimension in inner and intersect(inner[dimension], region) == inner[dimension]
        for dimension, region in outer.items()
    )


# --- laws -------------------------------------------------------------------------------------------------------------


def items_for(questions: Iterable[tuple[ItemAtom, bool]]) -> frozenset[str] | None:
    """Return items of a list that answers all questions as stated; None when there is none.

    Items that must not be there are settled first; the rest is a small search for the items of "all of these, but not
    all of those".
    """
    every = list(questions)
    must = frozenset().union(*(atom.items for atom, holds in every if holds and atom.needs_all))
    never = frozenset().union(*(atom.items for atom, holds in every if not holds and not atom.needs_all))
    some = [atom.items for atom, holds in every if holds and not atom.needs_all]
    not_all = [atom.items for atom, holds in every if not holds and atom.needs_all]
    return _search(must, never, some, not_all)


def _search(
    must: frozenset[str], never: frozenset[str], some: list[frozenset[str]], not_all: list[frozenset[str]]
) -> frozenset[str] | None:
    if must & never or any(group <= must for group in not_all):
        return None
    group = next((group for group in some if not group & must), None)
    if group is None:
        return must
    for item in sorted(group - never):
        found = _search(must | {item}, never, some, not_all)
        if found is not None:
            return found
    return None


def _conflicts(ruleset: Ruleset, left: Atom, right: Atom) -> frozenset[tuple[bool, bool]]:
    if isinstance(left, ItemAtom) and isinstance(right, ItemAtom):
        if left.axis != right.axis:
            return frozenset()
        answers = ((True, True), (True, False), (False, True), (False, False))
        return frozenset(pair for pair in answers if items_for(zip((left, right), pair, strict=True)) is None)
    if _is_place(left) and _is_place(right):
        return _CONFLICTS[_relation(ruleset, left, right)]  # type: ignore[arg-type]
    return frozenset()


def _is_place(atom: Atom) -> bool:
    return isinstance(atom, ex.Call) and atom.field is None


_CONFLICTS: Mapping[str, frozenset[tuple[bool, bool]]] = {
    "apart": frozenset({(True, True)}),
    "inside": frozenset({(True, False)}),
    "around": frozenset({(False, True)}),
    "": frozenset(),
}


def _relation(ruleset: Ruleset, first: ex.Call, second: ex.Call) -> str:
    """Return how two places lie: ``apart``, ``inside`` (the first in the second), ``around``, or empty: not certain."""
    if first.name == second.name == "within_km":
        (lat, lon, km), (to_lat, to_lon, to_km) = (_circle(call) for call in (first, second))
        distance = float(distance_km(lat, lon, to=(to_lat, to_lon)))
        if distance > km + to_km + _MARGIN_KM:
            return "apart"
        if distance + km + _MARGIN_KM < to_km:
            return "inside"
        return "around" if distance + to_km + _MARGIN_KM < km else ""
    if first.name == second.name == "in_area":
        left, right = (ruleset.areas.geometries[str(call.values[0].value)] for call in (first, second))
        if not _touches_seam(left, right) and not shapely.intersects(left, right):
            return "apart"
        if shapely.covers(right, left):
            return "inside"
        return "around" if shapely.covers(left, right) else ""
    circle, area = (first, second) if first.name == "within_km" else (second, first)
    around = _box_around(*_circle(circle))
    geometry = ruleset.areas.geometries[str(area.values[0].value)]
    return "" if around is None or shapely.intersects(around, geometry) else "apart"


def _circle(call: ex.Call) -> tuple[float, float, float]:
    latitude, longitude, km = (float(str(value.value)) for value in call.values)
    return latitude, longitude, km


def _box_around(latitude: float, longitude: float, km: float) -> Any:
    """Return degrees that hold a circle; None near a pole or the antimeridian."""
    reach = (km + _MARGIN_KM) / EARTH_RADIUS_KM
    climb = math.degrees(reach)
    if abs(latitude) + climb >= 89:
        return None
    swing = math.degrees(math.asin(math.sin(reach) / math.cos(math.radians(latitude))))
    if abs(longitude) + swing >= 180:
        return None
    return shapely.box(longitude - swing, latitude - climb, longitude + swing, latitude + climb)


def _touches_seam(left: Any, right: Any) -> bool:
    """Return whether both reach the antimeridian, where -180 and 180 are one."""
    return all(geometry.bounds[0] <= -180 or geometry.bounds[2] >= 180 for geometry in (left, right))
