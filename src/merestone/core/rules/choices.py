"""The values of a record worth trying: for each field, one value per way in which the criteria tell values apart.

A field's values fall into classes that no criterion tells apart; of each class the value nearest to the record's own is
kept. With numbers, dates, truth values, and texts compared by equality, set, list, beginning and part, every class is
there; with patterns, text order and several places at once it may not be, and ``is_complete`` says so. Not here: the
search for a combination (``flip``), places on the map (``places``).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from functools import cache
from typing import Any

from merestone.core.criteria import Field, FieldSet, evaluate
from merestone.core.criteria import expression as ex
from merestone.core.criteria.evaluate import Lists, Truth, list_values
from merestone.core.criteria.functions import Places
from merestone.core.criteria.values import fold, read_value
from merestone.core.model.columns import ACCOUNTS, LEADS, Kind
from merestone.core.rules.places import places_to_try

LOCATION = ("latitude", "longitude")
MAX_ITEMS = 8  # of a list field whose subsets are all tried
MAX_PARTS = 5  # of a text whose combinations are all tried
MAX_TEXTS = 3_000  # literals of one text field
_FAR = 1e9
_NO_VALUE = 2.0  # taking a value away is the last resort
ANOTHER = ("other", "another", "none of these", "x-1", "x-2")
"""Texts that stand for a value no criterion names."""
_ENDINGS = "0123456789abcdefghijklmnopqrstuvwxyz-~"


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of one axis.

    Parameters
    ----------
    values : tuple
        One value per field of the axis; None = missing.
    size : float
        How far from the record's own; 0 = the record's own.
    truths : tuple of (bool or None)
        What each leaf of the axis says about it.
    """

    values: tuple[Any, ...]
    size: float
    truths: tuple[Truth, ...]


@dataclass(frozen=True)
class AxisChoices:
    """One field (or the location as a whole) with the values worth trying.

    Parameters
    ----------
    fields : tuple of str
        One field, or latitude and longitude.
    choices : tuple of Choice
        The record's own value first, then by size.
    is_complete : bool
        No class of values is left out.
    """

    fields: tuple[str, ...]
    choices: tuple[Choice, ...]
    is_complete: bool


@dataclass(frozen=True)
class World:
    """What leaves are judged by: the fields, lists and areas of a ruleset."""

    fields: FieldSet
    lists: Lists
    areas: Places | None

    def names(self, leaf: ex.Leaf) -> tuple[str, ...]:
        """Return the fields of the axis a leaf belongs to."""
        name = LOCATION[0] if leaf.field is None else self.fields[leaf.field.name].name
        return LOCATION if name in LOCATION else (name,)

    def read(self, record: Mapping[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
        """Return the record's values of some fields as criteria see them."""
        found = (self.fields[name] for name in names)
        return tuple(read_value(field.kind, self.fields.raw(record, field)) for field in found)

    def test(self, leaf: ex.Leaf, names: Sequence[str]) -> Callable[[tuple[Any, ...]], Truth]:
        """Return a quick test of one leaf on the values of its axis."""
        members = self._members(leaf)
        if members is None:
            return lambda values: evaluate(
                leaf,
                dict(zip(names, values, strict=True)),
                fields=self.fields,
                lists=self.lists,
                areas=self.areas,
            )
        is_negated = isinstance(leaf, ex.In | ex.InList) and leaf.negated
        return lambda values: None if values[0] is None else (_key(values[0]) in members) is not is_negated

    def _members(self, leaf: ex.Leaf) -> frozenset[Any] | None:
        """Return the values of a set criterion in the form in which they compare."""
        if leaf.field is None or self.fields[leaf.field.name].name in LOCATION:
            return None
        if isinstance(leaf, ex.In):
            return frozenset(_key(literal.value) for literal in leaf.values)
        if isinstance(leaf, ex.InList):
            kind = self.fields[leaf.field.name].kind
            return frozenset(list_values(self.lists, str(leaf.key.value), kind))
        return None


def _key(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


def axis_choices(
    world: World, names: tuple[str, ...], leaves: Sequence[ex.Leaf], *, record: Mapping[str, Any]
) -> AxisChoices:
    """Return the values worth trying of one axis.

    Parameters
    ----------
    names : tuple of str
        The fields of the axis.
    leaves : sequence of Leaf
        Every criterion that looks at them.
    record : mapping
        Its own value comes first.
    """
    own = world.read(record, names)
    tests = [world.test(leaf, names) for leaf in leaves]
    found, is_complete = _found(world, names, leaves, own)
    best: dict[tuple[Truth, ...], Choice] = {}
    mine = Choice(own, 0.0, tuple(test(own) for test in tests))
    for values, size in found:
        truths = tuple(test(values) for test in tests)
        known = best.get(truths)
        if truths != mine.truths and (known is None or size < known.size):
            best[truths] = Choice(values, size, truths)
    others = sorted(best.values(), key=lambda choice: choice.size)  # stable: of equals the more natural first
    return AxisChoices(names, (mine, *others), is_complete)


Found = tuple[Iterable[tuple[tuple[Any, ...], float]], bool]


def _found(world: World, names: tuple[str, ...], leaves: Sequence[ex.Leaf], own: tuple[Any, ...]) -> Found:
    """Return values with their sizes, and whether every class is among them."""
    if names == LOCATION:
        points, is_complete = places_to_try(leaves, own, areas=world.areas)
        return [*points, ((None, None), _NO_VALUE)], is_complete
    field = world.fields[names[0]]
    if field.name == "external_id":
        return [], True  # a record stays itself
    values, is_complete = _OF_KIND[field.kind](world, field, leaves, own[0])
    sized = [((value,), size_of(own[0], value)) for value in (*values, None)]
    return sized, is_complete


def size_of(before: Any, after: Any) -> float:
    """Return how far one value is from another, 0 and up.

    A number counts its difference relative to what it was, a date its years, a list half for each item, another text 1,
    a value given where there was none 1, a value taken away 2.
    """
    if before == after:
        return 0.0
    if after is None or before is None:
        return _NO_VALUE if after is None else 1.0
    if isinstance(after, bool):
        return 1.0
    if isinstance(after, Decimal):
        return _relative(before, after)
    if isinstance(after, date):
        return abs((after - before).days) / 365
    if isinstance(after, tuple):
        return 0.5 * len(set(map(fold, after)) ^ set(map(fold, before)))
    return 1.0


def _relative(before: Decimal, after: Decimal) -> float:
    try:
        return min(float(abs(after - before) / (abs(before) + 1)), _FAR)
    except (ArithmeticError, OverflowError):
        return _FAR


# --- numbers and dates ------------------------------------------------------------------------------------------------


def _literals(leaves: Sequence[ex.Leaf]) -> Iterator[Any]:
    """Yield the values that comparisons, ranges and sets name."""
    for leaf in leaves:
        match leaf:
            case ex.Comparison(value=value):
                yield value.value
            case ex.In(values=values):
                yield from (value.value for value in values)
            case ex.Between(low=low, high=high):
                yield from (low.value, high.value)


def _list_items(world: World, field: Field, leaves: Sequence[ex.Leaf]) -> Iterator[Any]:
    for leaf in leaves:
        if isinstance(leaf, ex.InList):
            yield from (read_value(field.kind, item) for item in world.lists[str(leaf.key.value)])


@cache
def _limits(name: str) -> tuple[Decimal | None, Decimal | None]:
    """Return the least and the greatest value a built-in column allows."""
    column = next((table[name] for table in (ACCOUNTS, LEADS) if name in table.names), None)
    low, high = (column.minimum, column.maximum) if column else (None, None)
    return None if low is None else Decimal(low), None if high is None else Decimal(high)


def _numbers(world: World, field: Field, leaves: Sequence[ex.Leaf], own: Any) -> tuple[list[Any], bool]:
    low, high = (None, None) if field.is_custom else _limits(field.name)
    named = [*_literals(leaves), *_list_items(world, field, leaves)]
    borders = {value for value in named if isinstance(value, Decimal) and value.is_finite()}
    limits = {limit for limit in (low, high) if limit is not None} - borders
    borders |= limits
    near = own if own is not None and own.is_finite() else None
    grid = None if field.is_custom else _GRIDS.get(field.name, _CENT if field.kind is Kind.MONEY else None)
    step = grid or _step([*borders, *([near] if near is not None else [])])
    values = _number_steps(sorted(borders), near, step=step, is_dense=grid is None, limits=limits)
    values.sort(
        key=lambda value: value in limits
    )  # stable: of equally near values a criterion's own comes first
    allowed = [v for v in values if (low is None or v >= low) and (high is None or v <= high)]
    return allowed, True


_CENT = Decimal("0.01")
_GRIDS = {"employees": Decimal(1), "founded_year": Decimal(1)}  # fields of whole numbers


def _step(values: Iterable[Decimal]) -> Decimal:
    """Return the unit of the last digit that any of the values uses, at most 1."""
    exponents = [value.normalize().as_tuple().exponent for value in values]
    return Decimal(1).scaleb(min([0, *(exponent for exponent in exponents if isinstance(exponent, int))]))


def _number_steps(
    borders: Sequence[Decimal],
    own: Decimal | None,
    *,
    step: Decimal,
    is_dense: bool,
    limits: Collection[Decimal],
) -> list[Decimal]:
    """Return each border, and in each gap the value nearest to ``own``, in multiples of ``step``.

    Where a gap is narrower than a step it has no value, unless the field ``is_dense``: then its middle. Without ``own``
    values stay close to what criteria name rather than to the field's ``limits``.
    """
    if not borders:  # only asked whether it is known: any number will do
        return [Decimal(1) if own is None else own]
    values = [border for border in borders if is_dense or border % step == 0]
    values += [_below(borders[0], step), _above(borders[-1], step)]
    for left, right in itertools.pairwise(borders):
        is_upward = left not in limits if own is None else own <= left
        near = _above(left, step) if is_upward else _below(right, step)
        if left < near < right:
            values.append(near)
        elif is_dense and left < (left + right) / 2 < right:
            values.append((left + right) / 2)
    return values


def _above(value: Decimal, step: Decimal) -> Decimal:
    """Return the least multiple of ``step`` above a value (of numbers beyond all digits just a larger one)."""
    try:
        return (value / step).to_integral_value(ROUND_FLOOR) * step + step
    except InvalidOperation:
        return value * 2 if value > 0 else value / 2


def _below(value: Decimal, step: Decimal) -> Decimal:
    return -_above(-value, step)


ANY_DAY = date(2024, 1, 1)  # for dates that are only asked whether they are known


def _dates(world: World, field: Field, leaves: Sequence[ex.Leaf], own: Any) -> tuple[list[Any], bool]:
    day = timedelta(days=1)
    named = [*_literals(leaves), *_list_items(world, field, leaves)]
    borders = sorted({value for value in named if isinstance(value, date)})
    values = list(borders) or [ANY_DAY]
    values += [borders[0] - day] if borders and borders[0] > date.min else []
    values += [borders[-1] + day] if borders and borders[-1] < date.max else []
    for left, right in itertools.pairwise(borders):
        near = left + day if own is None or own <= left else right - day
        values += [near] if left < near < right else []
    return values, True


def _truths(*_: Any) -> tuple[list[Any], bool]:
    return [True, False], True


# --- texts ------------------------------------------------------------------------------------------------------------


def _texts(world: World, field: Field, leaves: Sequence[ex.Leaf], own: Any) -> tuple[list[Any], bool]:
    if field.choices:
        return list(field.choices), True
    exact = dict.fromkeys(
        str(value).strip() for value in (*_literals(leaves), *_list_items(world, field, leaves))
    )
    is_complete = len(exact) <= MAX_TEXTS
    exact = dict.fromkeys(itertools.islice(exact, MAX_TEXTS))
    calls = {name: _arguments(leaves, name) for name in ("starts_with", "contains", "matches")}
    beginnings, parts = calls["starts_with"], calls["contains"]
    values = [*exact, *_with_beginnings(beginnings, own, known=[*exact, *beginnings])]
    values += _with_parts(parts, ["", *([own] if own else []), *beginnings])
    values.sort(key=lambda value: -_n_alike(own, value))
    values += [text for text in ANOTHER if _is_other(text, [*exact, *beginnings, *parts])][:2]
    ordered = [leaf for leaf in leaves if isinstance(leaf, ex.Between) or _is_ordering(leaf)]
    values += [f"{text}!" for text in exact] + ["!", "0"] if ordered else []
    values += [text for pattern in calls["matches"] for text in sample_texts(pattern)]
    # A part beside a set of values may need padding that is only tried around the record's own text.
    is_exact = (
        not ordered and not calls["matches"] and len(parts) <= MAX_PARTS and not (parts and exact and not own)
    )
    return [value.strip() for value in values if value.strip()], is_complete and is_exact


def _n_alike(own: str | None, value: str) -> int:
    """Return how many characters two texts have in common from the start: the next postal code before a far one."""
    pairs = zip(fold(own or ""), fold(value), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _is_ordering(leaf: ex.Leaf) -> bool:
    return isinstance(leaf, ex.Comparison) and leaf.op not in ("=", "<>")


def _arguments(leaves: Sequence[ex.Leaf], name: str) -> list[str]:
    calls = (leaf for leaf in leaves if isinstance(leaf, ex.Call) and leaf.name == name)
    return list(dict.fromkeys(str(value.value) for call in calls for value in call.values))


def _is_other(text: str, known: Iterable[str]) -> bool:
    return not any(text.startswith(fold(each)) or fold(each) in text for each in known if fold(each))


def _with_beginnings(beginnings: Sequence[str], own: str | None, *, known: Sequence[str]) -> Iterator[str]:
    """Yield each beginning put on the record's own text, alone, and with an ending that says nothing more."""
    taken = [each.casefold() for each in known]
    for beginning in beginnings:
        if own and len(own) > len(beginning):
            yield beginning + own[len(beginning) :]
        yield beginning
        start = beginning.casefold()
        free = (end for end in _ENDINGS if not any(each.startswith(start + end) for each in taken))
        yield beginning + next(free, "~~")


def _with_parts(parts: Sequence[str], starts: Sequence[str]) -> Iterator[str]:
    """Yield texts with some of the parts after each start."""
    n_most = len(parts) if len(parts) <= MAX_PARTS else 1
    groups = [group for n in range(1, n_most + 1) for group in itertools.combinations(parts, n)]
    for start, group in itertools.product(starts, groups):
        for between in (" ", "~"):
            yield between.join(filter(None, (start, *group)))
    if parts:  # a beginning with nothing after it that could be a part
        yield from (f"{start}~" for start in starts if start)


_PATTERN_WORDS = ("", "a", "0", "abc", "123", "test", "00000", "example")


def sample_texts(pattern: str) -> list[str]:
    """Return a few texts that a simple pattern might find: its own plain words; the caller tests them."""
    plain: list[str] = [""]
    depth_skip = False
    for character in pattern:
        if character in "^$":
            continue
        if character == "[":
            depth_skip = True
        elif depth_skip:
            if character.isalnum():
                plain = [text + character for text in plain]
                depth_skip = False
        elif character == "|":
            plain.append("")
        elif character.isalnum() or character in " -_&":
            plain[-1] += character
    return [text + word for text in plain for word in _PATTERN_WORDS]


# --- lists ------------------------------------------------------------------------------------------------------------


def _lists(_: World, __: Field, leaves: Sequence[ex.Leaf], own: Any) -> tuple[list[Any], bool]:
    items: dict[str, str] = {}
    for leaf in leaves:
        if isinstance(leaf, ex.Call):
            for value in leaf.values:
                items.setdefault(fold(str(value.value)), str(value.value).strip())
    kept = tuple(item for item in own or () if fold(item) not in items)
    had = {fold(item): item for item in own or () if fold(item) in items}
    chosen = _subsets(items, leaves, had) if len(items) > MAX_ITEMS else _all_subsets(items)
    values = [(*kept, *(had.get(key, items[key]) for key in items if key in group)) for group in chosen]
    return [value or ("other",) for value in values], len(items) <= MAX_ITEMS


def _all_subsets(items: Mapping[str, str]) -> Iterator[frozenset[str]]:
    for n in range(len(items) + 1):
        yield from map(frozenset, itertools.combinations(items, n))


def _subsets(
    items: Mapping[str, str], leaves: Sequence[ex.Leaf], had: Mapping[str, str]
) -> Iterator[frozenset[str]]:
    """Yield what one or two criteria at a time ask for, on top of what is there or instead of it."""
    groups = [
        frozenset(fold(str(v.value)) for v in leaf.values) for leaf in leaves if isinstance(leaf, ex.Call)
    ]
    moves = [*groups, *(frozenset((key,)) for key in items)]
    base = frozenset(had)
    yield frozenset()
    for one in moves:
        yield from (base | one, base - one, one)
    for one, two in itertools.combinations(groups, 2):
        yield from ((base | one) - two, (base - one) | two, base | one | two, base - one - two)


_OF_KIND: Mapping[Kind, Callable[..., tuple[list[Any], bool]]] = {
    Kind.TEXT: _texts,
    Kind.NUMBER: _numbers,
    Kind.MONEY: _numbers,
    Kind.DATE: _dates,
    Kind.INSTANT: _dates,
    Kind.BOOLEAN: _truths,
    Kind.LIST: _lists,
}
