"""Why not KEY: the small changes of rules that would make a territory win one record, each tried before it is told.

Ways: name the record; lift an exclusion; widen the criteria of the path that keep it out (the value added to the set,
the bound moved, or the criterion dropped); then, where a rival still comes first, a priority before the rival's, or the
record excluded there. Ranked by how little they change: a name or an exclusion touches one record and counts 1, a
criterion 1 and a little for how far its bound moves, a dropped one 2.5, a priority 2. Not here: changes of the record.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from merestone.base.errors import InvalidInputError
from merestone.core.criteria import Expr, check, count_criteria, evaluate, parse, render
from merestone.core.criteria import expression as ex
from merestone.core.criteria.evaluate import Truth
from merestone.core.criteria.values import fold
from merestone.core.model.columns import Kind
from merestone.core.rules.choices import World, size_of
from merestone.core.rules.flip import is_won, path_positions, wins
from merestone.core.rules.ruleset import RecordMatch, Rule, Ruleset, match_record, record_key

_DROPPED, _MOVED, _PRIORITY, _LISTED = 2.5, 1.0, 2.0, 1.0
_TRUE, _FALSE = ex.And(()), ex.Or(())  # what is left of a criterion that was dropped
_MAX_KM = Decimal(20_038)


@dataclass(frozen=True)
class Edit:
    """One change of one territory.

    Parameters
    ----------
    territory : str
        Its key.
    what : str
        ``where``, ``priority``, ``name`` (the record is added to ``named``), ``unname``, ``exclude`` (the record is added),
        ``unexclude``.
    before, after : object
        Criterion text (None = no criteria) or priority; of the others the record's id.
    touches : tuple of str
        Keys of the territories whose records may change: of a criterion the territory and all below.
    """

    territory: str
    what: str
    before: Any = None
    after: Any = None
    touches: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "territory": self.territory,
            "what": self.what,
            "from": self.before,
            "to": self.after,
            "touches": list(self.touches),
            "is_one_record": self.what not in ("where", "priority"),
        }


@dataclass(frozen=True)
class RuleFlip:
    """One way to change the rules so that a territory wins a record."""

    edits: tuple[Edit, ...]
    size: float

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"edits": [edit.as_dict() for edit in self.edits], "size": round(self.size, 4)}


def flip_rules(
    ruleset: Ruleset, record: Mapping[str, Any], key: str, *, match: RecordMatch | None = None
) -> list[RuleFlip]:
    """Return ways to change the rules so that ``key`` wins ``record``, the smallest change first; empty when it wins.

    Parameters
    ----------
    ruleset, record, key, match
        As for ``flip.flip_record``.
    """
    match = match or match_record(ruleset, record)
    if is_won(match, key):
        return []
    near = _near(ruleset, match, key)
    found: dict[tuple[Edit, ...], RuleFlip] = {}
    for edits, size in _Attempt(ruleset, near, record, key).ways():
        if edits not in found and wins(changed_rules(near, edits), record, key):
            found[edits] = RuleFlip(edits, size)
    ways = [way for way in found.values() if not any(set(less) < set(way.edits) for less in found)]
    return sorted(ways, key=lambda way: (way.size, len(way.edits), repr(way.edits)))


def _near(ruleset: Ruleset, match: RecordMatch, key: str) -> Ruleset:
    """Return the rules that can have a say when only the path of ``key`` is widened, and rivals are held back.

    They are the path, all below its first territory that does not match, and what claims the record now, each with its
    ancestors; every other rule goes on not matching.
    """
    position = {rule.key: number for number, rule in enumerate(ruleset.rules)}
    path = path_positions(ruleset, position[key])
    stands = {
        position[entry.territory] for entry in match.considered if entry.outcome not in ("missed", "excluded")
    }
    wanted = {position[claim] for claim in (*match.matches, *match.overlays)} | set(path)
    fallen = next((at for at in path if at not in stands), None)
    kept: set[int] = set()
    for number in range(len(ruleset.rules) - 1, -1, -1):
        parent = ruleset.rules[number].parent
        if number in wanted or number in kept:
            kept |= {number} | ({parent} if parent is not None else set())
    below: set[int | None] = {fallen} if fallen is not None else set()
    for number, rule in enumerate(ruleset.rules):
        if rule.parent in below and rule.parent is not None:
            below.add(number)
    return _restricted(ruleset, sorted(kept | {number for number in below if number is not None}))


def _restricted(ruleset: Ruleset, numbers: Sequence[int]) -> Ruleset:
    """Return only these rules; their ancestors are among them."""
    new = {number: place for place, number in enumerate(numbers)}
    rules = (ruleset.rules[number] for number in numbers)
    placed = (replace(rule, parent=None if rule.parent is None else new[rule.parent]) for rule in rules)
    return replace(ruleset, rules=tuple(placed))


def changed_rules(ruleset: Ruleset, edits: Iterable[Edit]) -> Ruleset:
    """Return the rules with the edits made, criteria counted anew along the path."""
    rules = list(ruleset.rules)
    grown: dict[int, int] = {}
    for edit in edits:
        at = ruleset.position(edit.territory)
        before = rules[at]
        rules[at] = _edited(before, edit)
        grown[at] = grown.get(at, 0) + count_criteria(rules[at].where) - count_criteria(before.where)
    added: dict[int | None, int] = {None: 0}
    for number, rule in enumerate(rules):
        added[number] = added[rule.parent] + grown.get(number, 0)
        if added[number]:
            rules[number] = replace(rule, n_criteria=rule.n_criteria + added[number])
    return replace(ruleset, rules=tuple(rules))


def _edited(rule: Rule, edit: Edit) -> Rule:
    if edit.what == "where":
        return replace(rule, where=None if edit.after is None else parse(edit.after))
    if edit.what == "priority":
        return replace(rule, priority=edit.after)
    own = {fold(edit.after)} if edit.after is not None else {fold(edit.before)}
    changed = {
        "name": {"named": rule.named | own},
        "unname": {"named": rule.named - own},
        "exclude": {"exclude": rule.exclude | own},
        "unexclude": {"exclude": rule.exclude - own},
    }
    return replace(rule, **changed[edit.what])  # type: ignore[arg-type]


class _Attempt:
    """One record, one territory, and the edits that may bring them together."""

    def __init__(self, ruleset: Ruleset, near: Ruleset, record: Mapping[str, Any], key: str) -> None:
        self.ruleset, self.near, self.record, self.key = ruleset, near, record, key
        self.path = path_positions(ruleset, ruleset.position(key))
        self.rule = ruleset.rules[self.path[-1]]
        self.own = record_key(record)
        shown = record.get("external_id") or record.get("id")
        self.shown = "" if shown is None else str(shown).strip()

    def ways(self) -> Iterator[tuple[tuple[Edit, ...], float]]:
        """Yield candidate edits; the caller tries each."""
        if self.own is not None:
            yield self._named()
        if self.rule.where is None:
            return
        lifted = self._lifted()
        for widened, size in self._widened():
            base = (*lifted, *widened)
            yield base, size + _LISTED * len(lifted)
            for more, more_size in self._overtaken(base):
                yield (*base, *more), size + _LISTED * len(lifted) + more_size

    def _named(self) -> tuple[tuple[Edit, ...], float]:
        """Name the record here, and nowhere else of primary type."""
        edits = [Edit(self.key, "unexclude", self.shown)] if self.own in self.rule.exclude else []
        if self.own not in self.rule.named:
            edits.append(Edit(self.key, "name", None, self.shown))
        if self.rule.is_primary:
            edits += [
                Edit(rule.key, "unname", self.shown)
                for rule in self.ruleset.rules
                if rule.is_primary and rule.key != self.key and self.own in rule.named
            ]
        return tuple(edits), _LISTED * len(edits)

    def _lifted(self) -> tuple[Edit, ...]:
        rules = (self.ruleset.rules[at] for at in self.path)
        return tuple(Edit(rule.key, "unexclude", self.shown) for rule in rules if self.own in rule.exclude)

    def _widened(self) -> Iterator[tuple[tuple[Edit, ...], float]]:
        """Yield the criteria of the path, changed so that they hold: bounds moved, or criteria dropped."""
        for widening in (_moved, _dropped):
            edits: list[Edit] = []
            total = 0.0
            for at in self.path:
                edit, size = self._where(at, widening)
                if edit is not None:
                    edits.append(edit)
                    total += size
            yield tuple(edits), total

    def _where(self, at: int, widening: Widening) -> tuple[Edit | None, float]:
        rule = self.ruleset.rules[at]
        if rule.where is None:
            return None, 0.0
        wider = _Widening(self.ruleset, self.record, widening).held(rule.where)
        if wider.size == 0:
            return None, 0.0
        text = None if wider.expr == _TRUE else render(wider.expr)
        return Edit(rule.key, "where", render(rule.where), text, self._below(at)), wider.size

    def _below(self, at: int) -> tuple[str, ...]:
        """Return the keys of a territory and all below it."""
        inside = {at}
        for number in range(at + 1, len(self.ruleset.rules)):
            if self.ruleset.rules[number].parent in inside:
                inside.add(number)
        return tuple(self.ruleset.rules[number].key for number in sorted(inside))

    def _overtaken(self, base: tuple[Edit, ...]) -> Iterator[tuple[tuple[Edit, ...], float]]:
        """Yield what puts the territory before the rivals that match with the edits made so far."""
        changed = changed_rules(self.near, base)
        match = match_record(changed, self.record)
        if not self.rule.is_primary or self.key not in match.matches:
            return
        by_key = {rule.key: rule for rule in changed.rules}
        rivals = [by_key[key] for key in match.matches[: match.matches.index(self.key)]]
        if not rivals or match.cause == "named":
            return
        priority = min(rival.priority for rival in rivals)
        if min(rival.rank for rival in rivals) < (priority, *by_key[self.key].rank[1:]):
            priority -= 1
        touched = self._below(self.path[-1])[:1]
        yield (Edit(self.key, "priority", self.rule.priority, priority, touched),), _PRIORITY
        above = {self.ruleset.rules[at].key for at in self.path}
        if self.own is not None and above.isdisjoint(rival.key for rival in rivals):
            edits = tuple(Edit(rival.key, "exclude", None, self.shown) for rival in rivals)
            yield edits, _LISTED * len(edits)


# --- criteria ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Wider:
    expr: Expr
    size: float


Widening = Callable[["_Widening", ex.Leaf, bool], _Wider]


class _Widening:
    """Rewrites one territory's criteria so that they say what is wanted of the record."""

    def __init__(self, ruleset: Ruleset, record: Mapping[str, Any], widening: Widening) -> None:
        self.ruleset, self.record, self.widening = ruleset, record, widening
        self.world = World(ruleset.fields, ruleset.lists, ruleset.areas)

    def truth(self, expr: Expr) -> Truth:
        rules = self.ruleset
        return evaluate(expr, self.record, fields=rules.fields, lists=rules.lists, areas=rules.areas)

    def held(self, expr: Expr) -> _Wider:
        """Return ``expr`` changed to hold."""
        if self.truth(expr) is True:
            return _Wider(expr, 0.0)
        if isinstance(expr, ex.And):
            return _all([self.held(part) for part in expr.parts], junction)
        if isinstance(expr, ex.Or):
            return _one([self.held(part) for part in expr.parts], expr.parts, alternative)
        if isinstance(expr, ex.Not):
            return _negated(self.failed(expr.part))
        return self.leaf(expr, wanted=True)

    def failed(self, expr: Expr) -> _Wider:
        """Return ``expr`` changed to be false."""
        if self.truth(expr) is False:
            return _Wider(expr, 0.0)
        if isinstance(expr, ex.Or):
            return _all([self.failed(part) for part in expr.parts], alternative)
        if isinstance(expr, ex.And):
            return _one([self.failed(part) for part in expr.parts], expr.parts, junction)
        if isinstance(expr, ex.Not):
            return _negated(self.held(expr.part))
        return self.leaf(expr, wanted=False)

    def leaf(self, leaf: ex.Leaf, *, wanted: bool) -> _Wider:
        """Return the leaf changed by the chosen way, dropped when that way gives nothing right."""
        found = self.widening(self, leaf, wanted)
        if found.expr in (_TRUE, _FALSE):
            return found
        wrong = check(
            found.expr, self.ruleset.fields, lists=self.ruleset.lists, areas=tuple(self.ruleset.areas)
        )
        is_right = not wrong and self.truth(found.expr) is wanted and _can_be_written(found.expr)
        return found if is_right else _dropped(self, leaf, wanted)

    def own(self, leaf: ex.Leaf) -> Any:
        """Return the record's value of the leaf's field."""
        assert leaf.field is not None
        return self.world.read(self.record, (self.world.fields[leaf.field.name].name,))[0]

    def missing(self, leaf: ex.Leaf) -> str | None:
        """Return the field whose missing value left the leaf unknown."""
        if leaf.field is not None:
            return leaf.field.name if self.own(leaf) is None else None
        values = self.world.read(self.record, ("latitude", "longitude"))
        return next((n for n, v in zip(("latitude", "longitude"), values, strict=True) if v is None), None)


def _dropped(_: _Widening, __: ex.Leaf, wanted: bool) -> _Wider:
    return _Wider(_TRUE if wanted else _FALSE, _DROPPED)


def junction(parts: Sequence[Expr]) -> Expr:
    """Return the parts joined by ``and``; a part that always holds is left out."""
    if _FALSE in parts:
        return _FALSE
    return _joined(ex.And, [part for part in parts if part != _TRUE], _TRUE)


def alternative(parts: Sequence[Expr]) -> Expr:
    """Return the parts joined by ``or``; a part that never holds is left out."""
    if _TRUE in parts:
        return _TRUE
    return _joined(ex.Or, [part for part in parts if part != _FALSE], _FALSE)


def _joined(kind: type[ex.And] | type[ex.Or], parts: Sequence[Expr], empty: Expr) -> Expr:
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
    distinct = tuple(dict.fromkeys(flat))
    return kind(distinct) if len(distinct) > 1 else (distinct[0] if distinct else empty)


def _all(parts: Sequence[_Wider], join: Callable[[Sequence[Expr]], Expr]) -> _Wider:
    return _Wider(join([part.expr for part in parts]), sum(part.size for part in parts))


def _one(parts: Sequence[_Wider], before: Sequence[Expr], join: Callable[[Sequence[Expr]], Expr]) -> _Wider:
    """Change only the part that needs the least."""
    best = min(range(len(parts)), key=lambda number: (parts[number].size, number))
    chosen = [parts[n].expr if n == best else part for n, part in enumerate(before)]
    return _Wider(join(chosen), parts[best].size)


def _negated(inner: _Wider) -> _Wider:
    if inner.expr in (_TRUE, _FALSE):
        return _Wider(_FALSE if inner.expr == _TRUE else _TRUE, inner.size)
    if isinstance(inner.expr, ex.Not):
        return _Wider(inner.expr.part, inner.size)
    return _Wider(ex.Not(inner.expr), inner.size)


def _moved(scene: _Widening, leaf: ex.Leaf, wanted: bool) -> _Wider:
    """Move a criterion just so far that it says what is wanted of the record."""
    missing = scene.missing(leaf)
    if missing is not None and not isinstance(leaf, ex.IsNull):
        is_null = ex.IsNull(ex.FieldRef(missing), negated=not wanted)
        return _Wider((alternative if wanted else junction)([leaf, is_null]), _MOVED + 0.5)
    changed = _loosened(scene, leaf) if wanted else _tightened(scene, leaf)
    return changed or _beside(scene, leaf, wanted) or _dropped(scene, leaf, wanted)


def _beside(scene: _Widening, leaf: ex.Leaf, wanted: bool) -> _Wider | None:
    """Add the record's own value beside the criterion: ``… or city = 'Lodi'``, ``… and city <> 'Lodi'``."""
    if leaf.field is None or (isinstance(leaf, ex.IsNull) and leaf.negated):
        return None
    own = scene.own(leaf)
    if own is None or scene.world.fields[leaf.field.name].kind is Kind.LIST:
        return None
    same = ex.Comparison(leaf.field, "=" if wanted else "<>", ex.Literal(own))
    return _Wider((alternative if wanted else junction)([leaf, same]), _MOVED + 0.3)


def _far(literal: ex.Literal, own: Any) -> float:
    """Return what moving a bound to the record's value counts, more than 1 and less than 2."""
    size = size_of(literal.value, own)
    return _MOVED + size / (1 + size) * 0.9


def _loosened(scene: _Widening, leaf: ex.Leaf) -> _Wider | None:
    """Return the leaf made to hold by a value added or a bound moved, or None when it has no such way."""
    if isinstance(leaf, ex.Call):
        return _loosened_call(scene, leaf)
    own = ex.Literal(scene.own(leaf))
    match leaf:
        case ex.Comparison(field=ref, op="=", value=value):
            return _Wider(ex.In(ref, (value, own)), _MOVED)
        case ex.Comparison(field=ref, op="<" | "<=", value=value):
            return _Wider(ex.Comparison(ref, "<=", own), _far(value, own.value))
        case ex.Comparison(field=ref, op=">" | ">=", value=value):
            return _Wider(ex.Comparison(ref, ">=", own), _far(value, own.value))
        case ex.In(field=ref, values=values, negated=False):
            return _Wider(ex.In(ref, (*values, own)), _MOVED)
        case ex.In(field=ref, values=values, negated=True):
            return _without(leaf, own)
        case ex.Between(field=ref, low=low, high=high):
            is_below = _key(own.value) < _key(low.value)
            ends = (own, high) if is_below else (low, own)
            return _Wider(ex.Between(ref, *ends), _far(low if is_below else high, own.value))
    return None


def _tightened(scene: _Widening, leaf: ex.Leaf) -> _Wider | None:
    """Return the leaf made to fail by a value taken out or a bound moved, or None when it has no such way."""
    if isinstance(leaf, ex.Call):
        return None
    own = ex.Literal(scene.own(leaf))
    match leaf:
        case ex.Comparison(field=ref, op="<" | "<=", value=value):
            return _Wider(ex.Comparison(ref, "<", own), _far(value, own.value))
        case ex.Comparison(field=ref, op=">" | ">=", value=value):
            return _Wider(ex.Comparison(ref, ">", own), _far(value, own.value))
        case ex.Comparison(field=ref, op="<>", value=value):
            return _Wider(ex.In(ref, (value, own), negated=True), _MOVED)
        case ex.In(negated=False):
            return _without(leaf, own)
        case ex.In(field=ref, values=values, negated=True):
            return _Wider(ex.In(ref, (*values, own), negated=True), _MOVED)
    return None


def _without(leaf: ex.In, own: ex.Literal) -> _Wider | None:
    rest = tuple(value for value in leaf.values if _key(value.value) != _key(own.value))
    return _Wider(replace(leaf, values=rest), _MOVED) if rest else None


def _loosened_call(scene: _Widening, call: ex.Call) -> _Wider | None:
    if call.name in ("within_km", "in_area"):
        return _reached(scene, call)
    own = scene.own(call)
    if call.name in ("starts_with", "contains"):
        return _Wider(replace(call, arguments=(*call.arguments, ex.Literal(own))), _MOVED)
    if call.name == "has_any":
        return _Wider(replace(call, arguments=(*call.arguments, ex.Literal(own[0]))), _MOVED)
    if call.name == "has_all":
        had = {fold(item) for item in own}
        kept = tuple(value for value in call.values if fold(str(value.value)) in had)
        return _Wider(replace(call, arguments=(call.arguments[0], *kept)), _MOVED + 0.5) if kept else None
    return None


def _reached(scene: _Widening, call: ex.Call) -> _Wider | None:
    """Return a circle made just large enough, or an area with a circle of 1 km around the record beside it."""
    here = tuple(float(value) for value in scene.world.read(scene.record, ("latitude", "longitude")))
    if call.name == "in_area":
        spot = [ex.Literal(Decimal(str(round(degrees, 5)))) for degrees in here]
        circle = ex.Call("within_km", (*spot, ex.Literal(Decimal(1))))
        return _Wider(alternative([call, circle]), _MOVED + 0.5)
    latitude, longitude, km = call.values
    places = scene.world.areas
    if places is None:
        return None
    to = (float(latitude.value), float(longitude.value))  # type: ignore[arg-type]
    away = float(places.distance_km(here[0], here[1], to=to))
    enough = ex.Literal(min(Decimal(math.ceil(away * 10)) / 10, _MAX_KM))
    return _Wider(replace(call, arguments=(latitude, longitude, enough)), _far(km, enough.value))


def _key(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


def _can_be_written(expr: Expr) -> bool:
    """Return whether an expression can be read again: infinity and some characters have no way to be written."""
    try:
        return parse(render(expr)) == expr
    except InvalidInputError:
        return False
