"""A record inside a box: concrete, plausible values, tested before they are shown.

Classes and items always have one; for text searches, patterns, circles and areas a number of likely values are tried,
so that None means "not found", not "there is none".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from merestone.core.criteria import evaluate
from merestone.core.criteria import expression as ex
from merestone.core.model.columns import Kind
from merestone.core.rules.analyse.space import Box, Space, items_for
from merestone.core.rules.axes import Region, has
from merestone.core.rules.choices import sample_texts
from merestone.core.rules.places import places_to_try

_LOCATION = ("latitude", "longitude")
_SAMPLES = 12  # values of a class tried against text searches
_HERE = [(37.0, -122.0), (40.7, -74.0), (52.5, 13.4)]
_GRID = [(lat, lon) for lat in range(-80, 81, 20) for lon in range(-170, 171, 20)]


def example_record(space: Space, box: Box, *, is_full: bool = False) -> dict[str, Any] | None:
    """Return a record that lies in a box, as JSON values; None when none was found.

    Fields that the box leaves free are left out; those it wants missing are None. A record that only must not lie in
    some places gets a location when it shall be ``is_full``, else none.
    """
    asked = _questions(space, box, is_full=is_full)
    record: dict[str, Any] = {}
    for dimension in _fields_to_fill(space, box, asked):
        axis = space.axes[dimension]
        if axis.field in _LOCATION and "location" in asked:
            continue
        value, is_found = _value(space, dimension, box, asked.get(axis.field, []))
        if not is_found:
            return None
        record[axis.field] = value
    if asked.get("location"):
        place = _place(space, box, asked["location"])
        if place is None:
            return None
        record |= place
    return {name: as_json(value) for name, value in record.items()}


def _fields_to_fill(space: Space, box: Box, asked: Mapping[str, Any]) -> list[int]:
    """Return the axes a box speaks about, itself or through a question."""
    found = {number for number in box if number < len(space.axes)}
    found |= {space.flattening.number_of[name] for name in asked if name != "location"}
    found |= set(space.items_of(space.fixed_atoms(box)))
    return sorted(found)


def _questions(space: Space, box: Box, *, is_full: bool) -> dict[str, list[tuple[ex.Expr, bool]]]:
    """Return what a box asks beside classes, by field; ``location`` for circles and areas. Whole rules are left out."""
    found: dict[str, list[tuple[ex.Expr, bool]]] = {}
    for number, holds in space.fixed_atoms(box):
        atom = space.atom_at(number)
        if isinstance(atom, ex.Call):
            name = "location" if atom.field is None else space.ruleset.fields[atom.field.name].name
            if name == "location" or not _is_missing(space, box, name):
                found.setdefault(name, []).append((atom, holds))
    if "location" in found and _may_miss_place(space, box, found["location"], is_full=is_full):
        del found["location"]
    return found


def _may_miss_place(space: Space, box: Box, questions: list[tuple[ex.Expr, bool]], *, is_full: bool) -> bool:
    """Return whether a record without location will do: the box wants that, or only that no place holds."""
    if any(_is_missing(space, box, name) for name in _LOCATION):
        return True
    is_free = not any(space.flattening.number_of[name] in box for name in _LOCATION)
    return is_free and not is_full and not any(holds for _, holds in questions)


def _is_missing(space: Space, box: Box, field: str) -> bool:
    """Return whether the box wants a field missing."""
    number = space.flattening.number_of[field]
    return number in box and not has_known(space, number, box[number])


def has_known(space: Space, dimension: int, region: Region) -> bool:
    """Return whether a region of a field holds more than the missing value."""
    return bool(region) and region[0] < space.axes[dimension].missing


def _value(space: Space, dimension: int, box: Box, questions: list[tuple[ex.Expr, bool]]) -> tuple[Any, bool]:
    region = box.get(dimension, space.known(dimension))
    axis, admitted = space.axes[dimension], space.admitted[dimension]
    if not has_known(space, dimension, region):
        return None, True
    if axis.kind is Kind.LIST:
        return _items(space, dimension, box)
    if not questions:
        known = (*region[:-1], min(region[-1], axis.missing))
        found = admitted.samples(known, most=1)
        return (found[0], True) if found else (None, False)
    for text in _texts(space, dimension, region, questions):
        number = admitted.class_of(text)
        if number is not None and has(region, number) and _answers(space, {axis.field: text}, questions):
            return text, True
    return None, False


def _items(space: Space, dimension: int, box: Box) -> tuple[Any, bool]:
    """Return the items of a list that answers all questions; at least one, as an empty list is a missing one."""
    questions = space.items_of(space.fixed_atoms(box)).get(dimension, [])
    items = items_for(questions)
    if items is None:
        return None, False
    spelling = space.admitted[dimension].spelling
    return [spelling.get(item, item) for item in sorted(items)] or ["other"], True


def _texts(
    space: Space, dimension: int, region: Region, questions: list[tuple[ex.Expr, bool]]
) -> Iterator[str]:
    starts = [str(value) for value in space.admitted[dimension].samples(region, most=_SAMPLES) if value]
    parts = [
        text
        for question, holds in questions
        if holds and isinstance(question, ex.Call)
        for text in _parts(question)
    ]
    every = [
        next(iter(_parts(question)), "")
        for question, holds in questions
        if holds and isinstance(question, ex.Call)
    ]
    yield from starts
    yield from parts
    for start in starts:
        yield " ".join((start, *every))
        yield from (f"{start} {part}" for part in parts)
        yield from (f"{start}{part}" for part in parts)
    yield " ".join(every)
    yield "".join(every)


def _parts(call: ex.Call) -> list[str]:
    texts = [str(value.value) for value in call.values]
    return sample_texts(texts[0]) if call.name == "matches" else texts


def _answers(space: Space, record: Mapping[str, Any], questions: list[tuple[ex.Expr, bool]]) -> bool:
    rules = space.ruleset
    return all(
        evaluate(expr, record, fields=rules.fields, lists=rules.lists, areas=rules.areas) is holds
        for expr, holds in questions
    )


def _place(space: Space, box: Box, questions: list[tuple[ex.Expr, bool]]) -> dict[str, Any] | None:
    """Return latitude and longitude that answer all questions."""
    leaves = [expr for expr, _ in questions]
    tried, _ = places_to_try(leaves, (None, None), areas=space.ruleset.areas)  # type: ignore[arg-type]
    numbers = [space.flattening.number_of[name] for name in _LOCATION]
    samples = [
        space.admitted[number].samples(box[number], most=6) if number in box else [] for number in numbers
    ]
    pairs = [*_HERE, *(place for place, _ in tried), *_GRID]
    pairs += [(lat, lon) for lat in samples[0] for lon in samples[1] if None not in (lat, lon)]
    for pair in pairs:
        if None in pair:
            continue
        place = {name: Decimal(repr(float(value))) for name, value in zip(_LOCATION, pair, strict=True)}
        is_inside = all(
            number not in box or has(box[number], space.axes[number].class_of(value))
            for number, value in zip(numbers, place.values(), strict=True)
        )
        if is_inside and _answers(space, place, questions):
            return place
    return None


def as_json(value: Any) -> Any:
    """Return a value as JSON: whole numbers as int, dates as ISO text."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 10**15 else float(value)
    return value.isoformat() if isinstance(value, date) else value
