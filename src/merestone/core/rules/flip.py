"""Why not KEY: the smallest change of a record that makes a territory win, or why no change of the record can.

A change of fewer fields is smaller; among equal numbers the sum of ``choices.size_of`` decides. Only what stands in the
way is looked at: first the territory's own path, then, one after the other, the rivals ranking above it that a found
change would hand the record to. Every answer has been put to ``match_record``. Not here: changes of rules (``relax``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from merestone.core.criteria import expression as ex
from merestone.core.criteria.evaluate import Truth
from merestone.core.criteria.render import render
from merestone.core.geo import distance_km
from merestone.core.rules.choices import ANOTHER, LOCATION, AxisChoices, Choice, World, axis_choices
from merestone.core.rules.ruleset import RecordMatch, Rule, Ruleset, match_record, record_key

MAX_STEPS = 6_000  # combinations looked at
MAX_ROUNDS = 40  # rivals met one after the other
Test = Callable[["Values"], Truth]


@dataclass(frozen=True)
class FieldChange:
    """One field to change.

    Parameters
    ----------
    field : str
        Its name; ``location`` stands for latitude and longitude together.
    before, after : object
        Values as criteria see them; None = missing. Of a location (latitude, longitude).
    gains : tuple of str
        Criteria of the territory's path that the change makes hold.
    drops : tuple of (str, str)
        Rival and criterion of it that no longer holds.
    km : float or None
        How far a location moves.
    """

    field: str
    before: Any
    after: Any
    gains: tuple[str, ...] = ()
    drops: tuple[tuple[str, str], ...] = ()
    km: float | None = None

    @property
    def is_any_other(self) -> bool:
        """The new value only stands for one that no rule names."""
        return self.after in ANOTHER or self.after == ANOTHER[:1]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        data = {"field": self.field, "from": json_value(self.before), "to": json_value(self.after)}
        data["is_any_other"] = self.is_any_other
        data["gains"] = list(self.gains)
        data["drops"] = [{"territory": key, "criterion": text} for key, text in self.drops]
        return data | ({"km": round(self.km, 3)} if self.km is not None else {})


@dataclass(frozen=True)
class RecordFlip:
    """What of a record would have to change for a territory to win (of an overlay: to apply).

    Parameters
    ----------
    changes : tuple of FieldChange
        Empty when none is needed or none does it.
    reason : str
        ``found``; ``already`` (it wins); else why no change of the record does it: ``excluded``, ``named`` (elsewhere),
        ``grouping`` (no criteria of its own), ``contradiction`` (its path cannot hold), ``rival`` (one that matches
        whenever it does), ``bounded`` (the search gave up).
    is_minimal : bool
        Proved: nothing smaller does it (``found``), or nothing at all (the others).
    because : tuple of str
        Keys of the territories that stand in the way.
    size : float
        Sum of the sizes of the changes.
    """

    changes: tuple[FieldChange, ...] = ()
    reason: str = "found"
    is_minimal: bool = True
    because: tuple[str, ...] = ()
    size: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "is_possible": self.reason in ("found", "already"),
            "is_minimal": self.is_minimal,
            "reason": self.reason,
            "changes": [change.as_dict() for change in self.changes],
            "because": list(self.because),
            "size": round(self.size, 4),
        }


def json_value(value: Any) -> Any:
    """Return a value of a record as JSON."""
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value) if abs(value) < 10**18 else float(value)
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    return [json_value(item) for item in value] if isinstance(value, tuple | list) else value


def changed_record(record: Mapping[str, Any], changes: Iterable[FieldChange]) -> dict[str, Any]:
    """Return the record with the changes made."""
    changed = dict(record)
    for change in changes:
        names = LOCATION if change.field == "location" else (change.field,)
        after = change.after if change.field == "location" else (change.after,)
        changed |= dict(zip(names, after or (None, None), strict=True))
    return changed


def wins(ruleset: Ruleset, record: Mapping[str, Any], key: str) -> bool:
    """Return whether a territory wins a record; of an overlay, whether it applies."""
    return is_won(match_record(ruleset, record), key)


def is_won(match: RecordMatch, key: str) -> bool:
    """Return whether a territory won, or, as an overlay, applies."""
    return match.winner == key or key in match.overlays


def flip_record(
    ruleset: Ruleset, record: Mapping[str, Any], key: str, *, match: RecordMatch | None = None
) -> RecordFlip:
    """Return the smallest change of ``record`` that makes the territory ``key`` win.

    Parameters
    ----------
    ruleset : Ruleset
        Compiled rules.
    record : mapping
        As for ``match_record``; the field ``external_id`` never changes.
    key : str
        A territory of the ruleset; of an overlay the question is what makes it apply.
    match : RecordMatch, optional
        What ``match_record`` says of them, when it is there already.
    """
    match = match or match_record(ruleset, record)
    if is_won(match, key):
        return RecordFlip(reason="already")
    scene = _Scene(ruleset, key)
    blocked = _fixed_obstacle(scene, record, match)
    return blocked or _Flip(scene, record).smallest()


def path_positions(ruleset: Ruleset, position: int) -> list[int]:
    """Return the positions of the rules from the root down to one, both included."""
    path = []
    at: int | None = position
    while at is not None:
        path.append(at)
        at = ruleset.rules[at].parent
    return path[::-1]


class _Scene:
    """The territory asked for, its path, and the rules that would come before it."""

    def __init__(self, ruleset: Ruleset, key: str) -> None:
        self.ruleset, self.key = ruleset, key
        self.world = World(ruleset.fields, ruleset.lists, ruleset.areas)
        self.position = ruleset.position(key)
        self.rule = ruleset.rules[self.position]
        self.path = path_positions(ruleset, self.position)
        self.rivals = {
            number
            for number, rule in enumerate(ruleset.rules)
            if self.rule.is_primary
            and rule.is_primary
            and rule.where is not None
            and rule.rank < self.rule.rank
        }
        self.needed = set(self.rivals)
        for number in range(len(ruleset.rules) - 1, -1, -1):
            parent = ruleset.rules[number].parent
            if number in self.needed and parent is not None:
                self.needed.add(parent)
        self._tests: dict[int, Test] = {}

    def criteria(self, position: int) -> list[tuple[Rule, ex.Expr]]:
        """Return the criteria from the root down to a rule."""
        rules = (self.ruleset.rules[at] for at in path_positions(self.ruleset, position))
        return [(rule, rule.where) for rule in rules if rule.where is not None]

    def matching_rivals(self, record: Mapping[str, Any]) -> list[int]:
        """Return the rules ranking above the territory that match the record."""
        values = Values(self.world, record)
        own = record_key(record)
        matched: set[int] = set()
        for number, rule in enumerate(self.ruleset.rules):
            if number not in self.needed or (rule.parent is not None and rule.parent not in matched):
                continue
            if own not in rule.exclude and (rule.where is None or self.test(number)(values) is True):
                matched.add(number)
        return sorted(matched & self.rivals)

    def test(self, number: int) -> Test:
        """Return the quick test of one rule's criterion."""
        if number not in self._tests:
            where = self.ruleset.rules[number].where
            assert where is not None
            self._tests[number] = quick_test(self.world, where)
        return self._tests[number]


class Values:
    """The values of one record, each read once."""

    def __init__(self, world: World, record: Mapping[str, Any]) -> None:
        self.world, self.record = world, record
        self._read: dict[tuple[str, ...], tuple[Any, ...]] = {}

    def __getitem__(self, names: tuple[str, ...]) -> tuple[Any, ...]:
        if names not in self._read:
            self._read[names] = self.world.read(self.record, names)
        return self._read[names]


def quick_test(world: World, expr: ex.Expr) -> Test:
    """Return a function that says what ``evaluate`` says of ``expr``, made once for many records."""
    if isinstance(expr, ex.And | ex.Or):
        tests = [quick_test(world, part) for part in expr.parts]
        decisive = isinstance(expr, ex.Or)

        def junction(values: Values) -> Truth:
            result: Truth = not decisive
            for test in tests:
                truth = test(values)
                if truth is decisive:
                    return decisive
                if truth is None:
                    result = None
            return result

        return junction
    if isinstance(expr, ex.Not):
        inner = quick_test(world, expr.part)
        return lambda values: None if (truth := inner(values)) is None else not truth
    names = world.names(expr)
    judge = world.test(expr, names)
    return lambda values: judge(values[names])


def _fixed_obstacle(scene: _Scene, record: Mapping[str, Any], match: RecordMatch) -> RecordFlip | None:
    """Return why no change of any field could help, if so: names and exclusions go by the record's id."""
    own, rules = record_key(record), scene.ruleset.rules
    excluding = next((rules[at].key for at in scene.path if own in rules[at].exclude), None)
    if scene.rule.is_primary and match.cause == "named" and match.winner is not None:
        return RecordFlip(reason="named", because=(match.winner,))
    if excluding is not None:
        return RecordFlip(reason="excluded", because=(excluding,))
    if scene.rule.where is None:
        return RecordFlip(reason="grouping", because=(scene.key,))
    return None


@dataclass(frozen=True)
class _Demand:
    """A condition: a criterion of the path must hold, or a rival's path must not."""

    parts: tuple[ex.Expr, ...]
    rule: str
    is_rival: bool
    test: Callable[[Mapping[int, Choice]], bool] = field(compare=False)
    axes: frozenset[int] = field(compare=False)


class _Flip:
    """One search, round after round."""

    def __init__(self, scene: _Scene, record: Mapping[str, Any]) -> None:
        self.scene, self.record = scene, record
        self.steps = 0

    def smallest(self) -> RecordFlip:
        met: list[int] = self.scene.matching_rivals(self.record)
        n_fields = 1
        for _ in range(MAX_ROUNDS):
            search = _Search(self.scene, self.record, met)
            found = search.run(n_fields, steps=MAX_STEPS - self.steps)
            self.steps += search.steps
            if found is None:
                return self._impossible(met, search)
            n_fields = max(n_fields, len(found))
            changes = search.changes(found)
            changed = changed_record(self.record, changes)
            more = [number for number in self.scene.matching_rivals(changed) if number not in met]
            if not more:
                if not wins(self.scene.ruleset, changed, self.scene.key):
                    break  # never claimed, whatever the search says
                size = sum(choice.size for choice in found.values())
                return RecordFlip(changes, "found", search.is_proved, search.rivals_dropped(changes), size)
            met = [*met, *more]
        return RecordFlip(reason="bounded", is_minimal=False)

    def _impossible(self, met: Sequence[int], search: _Search) -> RecordFlip:
        """Return why nothing was found: the path alone cannot hold, or a rival always comes first."""
        if search.is_exhausted:
            return RecordFlip(reason="bounded", is_minimal=False)
        alone = _Search(self.scene, self.record, [])
        if alone.run(1, steps=MAX_STEPS) is None and alone.is_proved:
            return RecordFlip(reason="contradiction", is_minimal=True, because=(self.scene.key,))
        if not search.is_proved:  # not found is not impossible
            return RecordFlip(reason="bounded", is_minimal=False)
        single = [number for number in met if self._always_first(number)]
        keys = tuple(self.scene.ruleset.rules[number].key for number in single or met)
        return RecordFlip(reason="rival", is_minimal=True, because=keys)

    def _always_first(self, rival: int) -> bool:
        search = _Search(self.scene, self.record, [rival])
        return search.run(1, steps=MAX_STEPS // 10) is None and not search.is_exhausted


class _Search:
    """The smallest set of field changes that meets all demands: hitting sets by depth, smallest number first."""

    def __init__(self, scene: _Scene, record: Mapping[str, Any], rivals: Sequence[int]) -> None:
        self.scene, self.record, self.steps = scene, record, 0
        self.is_exhausted = False
        own = scene.criteria(scene.position)
        theirs = [scene.criteria(number) for number in rivals]
        exprs = [expr for _, expr in own] + [expr for path in theirs for _, expr in path]
        self.axes = _axes(scene.world, exprs, record)
        self.number_of = {axis.fields: number for number, axis in enumerate(self.axes)}
        self.places = _places(scene.world, exprs, self.number_of)
        self.demands = [self._demand((part,), rule.key) for rule, expr in own for part in _conjuncts(expr)]
        for number, path in zip(rivals, theirs, strict=True):
            parts = tuple(expr for _, expr in path)
            self.demands.append(self._demand(parts, scene.ruleset.rules[number].key, is_rival=True))
        self.is_proved = all(axis.is_complete for axis in self.axes)

    def _demand(self, parts: tuple[ex.Expr, ...], key: str, *, is_rival: bool = False) -> _Demand:
        tests = [self._compiled(part) for part in parts]
        axes = frozenset(self.places[leaf][0] for part in parts for leaf in ex.leaves(part))
        if is_rival:
            return _Demand(parts, key, True, lambda now: not all(test(now) is True for test in tests), axes)
        return _Demand(parts, key, False, lambda now: tests[0](now) is True, axes)

    def _compiled(self, expr: ex.Expr) -> Callable[[Mapping[int, Choice]], Truth]:
        if isinstance(expr, ex.And | ex.Or):
            tests = [self._compiled(part) for part in expr.parts]
            decisive = isinstance(expr, ex.Or)

            def junction(now: Mapping[int, Choice]) -> Truth:
                truths = [test(now) for test in tests]
                return decisive if decisive in truths else (None if None in truths else not decisive)

            return junction
        if isinstance(expr, ex.Not):
            inner = self._compiled(expr.part)
            return lambda now: None if (truth := inner(now)) is None else not truth
        axis, leaf = self.places[expr]
        mine = self.axes[axis].choices[0]
        return lambda now: now.get(axis, mine).truths[leaf]

    def run(self, n_fields: int, *, steps: int) -> dict[int, Choice] | None:
        """Return axis -> choice of the smallest change of at least ``n_fields`` axes, or None."""
        self.left, self.best, self.best_size = steps, None, float("inf")
        for limit in range(n_fields, len(self.axes) + 1):
            self._visit({}, frozenset(), 0.0, limit)
            if self.best is not None or self.is_exhausted:
                break
        if self.is_exhausted:
            self.is_proved = False
        return self.best

    best: dict[int, Choice] | None = None

    def _visit(self, now: dict[int, Choice], kept: frozenset[int], size: float, limit: int) -> None:
        self.steps += 1
        if self.steps > self.left:
            self.is_exhausted = True
            return
        violated = [demand for demand in self.demands if not demand.test(now)]
        if not violated:
            self.best, self.best_size = dict(now), size
            return
        frees = [demand.axes - kept - now.keys() for demand in violated]
        if len(now) + _n_disjoint(frees) > limit or not all(frees):
            return
        _, free = min((len(free), sorted(free)) for free in frees)
        for axis in free:
            for choice in self.axes[axis].choices[1:]:
                if size + choice.size >= self.best_size or self.is_exhausted:
                    break
                self._visit({**now, axis: choice}, kept, size + choice.size, limit)
            kept |= {axis}

    def changes(self, found: Mapping[int, Choice]) -> tuple[FieldChange, ...]:
        """Return what was found as changes of fields."""
        return tuple(self._change(axis, choice) for axis, choice in sorted(found.items()))

    def _change(self, axis: int, choice: Choice) -> FieldChange:
        fields, mine = self.axes[axis].fields, self.axes[axis].choices[0]
        gains: list[tuple[str, str]] = []
        drops: list[tuple[str, str]] = []
        for demand in self.demands:
            for leaf in (leaf for part in demand.parts for leaf in ex.leaves(part)):
                at, number = self.places[leaf]
                if at == axis and mine.truths[number] is not choice.truths[number]:
                    (drops if demand.is_rival else gains).append((demand.rule, render(leaf)))
        texts = tuple(dict.fromkeys(text for _, text in gains))
        kept_drops = tuple(dict.fromkeys(drops))
        if fields == LOCATION:
            return _moved(mine.values, choice.values, gains=texts, drops=kept_drops)
        return FieldChange(fields[0], mine.values[0], choice.values[0], texts, kept_drops)

    def rivals_dropped(self, changes: Iterable[FieldChange]) -> tuple[str, ...]:
        """Return the rivals that the changes keep from matching."""
        return tuple(dict.fromkeys(key for change in changes for key, _ in change.drops))


def _moved(before: tuple[Any, ...], after: tuple[Any, ...], **why: Any) -> FieldChange:
    is_known = None not in before and None not in after
    places = [(float(place[0]), float(place[1])) for place in (before, after)] if is_known else []
    km = float(distance_km(places[0][0], places[0][1], to=places[1])) if is_known else None
    return FieldChange("location", before, after, km=km, **why)


def _conjuncts(expr: ex.Expr) -> tuple[ex.Expr, ...]:
    return expr.parts if isinstance(expr, ex.And) else (expr,)


def _axes(world: World, exprs: Sequence[ex.Expr], record: Mapping[str, Any]) -> list[AxisChoices]:
    return [
        axis_choices(world, names, leaves, record=record)
        for names, leaves in _leaves_of(world, exprs).items()
    ]


def _leaves_of(world: World, exprs: Sequence[ex.Expr]) -> dict[tuple[str, ...], list[ex.Leaf]]:
    found: dict[tuple[str, ...], dict[ex.Leaf, None]] = {}
    for leaf in (leaf for expr in exprs for leaf in ex.leaves(expr)):
        found.setdefault(world.names(leaf), {})[leaf] = None
    return {names: list(leaves) for names, leaves in found.items()}


def _places(
    world: World, exprs: Sequence[ex.Expr], number_of: Mapping[tuple[str, ...], int]
) -> dict[ex.Leaf, tuple[int, int]]:
    """Return leaf -> (axis, place among the axis's leaves)."""
    return {
        leaf: (number_of[names], place)
        for names, leaves in _leaves_of(world, exprs).items()
        for place, leaf in enumerate(leaves)
    }


def _n_disjoint(groups: Iterable[frozenset[int]]) -> int:
    """Return how many groups share no axis, taken greedily: each needs a change of its own."""
    taken: set[int] = set()
    n = 0
    for group in sorted(groups, key=len):
        if taken.isdisjoint(group):
            taken |= group
            n += 1
    return n
