"""What is possible for the rules but not on earth: a county outside its state, a county of the US elsewhere.

Fields depend on each other in ways that rules do not know. What is only possible in this sense is told as a note. Not
here: postal codes, which cross borders.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from merestone.core.criteria.values import fold
from merestone.core.geo.counties import STATE_OF_COUNTY
from merestone.core.rules.analyse.space import Box, Space
from merestone.core.rules.axes import Region, has, ranges


def is_plausible(space: Space, box: Box) -> bool:
    """Return False when a box asks for counties, and for states or countries in which none of them lies."""
    numbers = space.flattening.number_of
    county = box.get(numbers.get("county", -1))
    states = None if county is None else _states(space, numbers["county"], county)
    if states is None:
        return True
    places = {"state": states, "country": {"US"}}
    return all(
        _has_one(space, numbers[field], box[numbers[field]], allowed)
        for field, allowed in places.items()
        if field in numbers and numbers[field] in box
    )


def is_plausible_record(record: Mapping[str, Any]) -> bool:
    """Return False for a county outside the record's state, or outside the US."""
    county = record.get("county")
    state = STATE_OF_COUNTY.get(str(county)[:2]) if county else None
    if state is None:
        return True
    return record.get("state") in (None, state) and record.get("country") in (None, "US")


def _states(space: Space, number: int, region: Region) -> set[str] | None:
    """Return the states of a region's counties; None when they are not all known."""
    found: set[str] = set()
    for low, high in ranges(region):
        if low % 2 == 0 or high - low > 1:
            return None
        state = STATE_OF_COUNTY.get(str(space.axes[number].points[low // 2])[:2])
        if state is None:
            return None
        found.add(state)
    return found


def _has_one(space: Space, number: int, region: Region, allowed: set[str]) -> bool:
    axis = space.axes[number]
    return has(region, axis.missing) or any(has(region, axis.class_of(fold(value))) for value in allowed)
