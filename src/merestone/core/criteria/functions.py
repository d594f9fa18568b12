"""The one function table of the criteria language: engines, the builder in the browser and the docs all read it.

A function tests one *subject*: a text field, a list field, or the record's location (latitude and longitude), which is
not written. ``holds`` gets the subject and the literal arguments, both present; a missing subject is unknown before it
is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import re2

from merestone.core.criteria.values import fold
from merestone.core.model.columns import Kind

MAX_PATTERN = 1_000  # characters of a regular expression
_PATTERN_MEMORY = 1 << 20


class Places(Protocol):
    """What location functions need to know about the world; ``core.geo.Areas`` provides it."""

    def contains(self, key: str, longitude: Any, latitude: Any) -> Any:
        """Return whether the points lie in the area called ``key``."""
        ...

    def distance_km(self, latitude: Any, longitude: Any, *, to: tuple[float, float]) -> Any:
        """Return the distance in km from the points to (latitude, longitude)."""
        ...

    def __contains__(self, key: object) -> bool: ...


@dataclass(frozen=True, slots=True)
class Argument:
    """One literal argument: its name in the signature, its kind, and the range of a number."""

    name: str
    kind: Kind
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language.

    Parameters
    ----------
    name, signature, description, example : str
        For the reference and the builder.
    subject : Kind
        TEXT or LIST: the first argument is a field of this kind. LOCATION: the record's location, not written.
    arguments : tuple of Argument
        The literal arguments.
    is_variadic : bool
        The last argument may repeat.
    english : str
        Template with ``{field}``, ``{values}`` (joined by *or* / *and*) and ``{0}``, ``{1}`` … for single values.
    holds : callable
        ``(subject, values, places) -> bool``, the meaning, row by row.
    """

    name: str
    signature: str
    description: str
    example: str
    subject: Kind
    arguments: tuple[Argument, ...]
    is_variadic: bool
    english: str
    holds: Callable[[Any, Sequence[Any], Places | None], bool]


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Any:
    """Return the RE2 pattern, without case; raises ``re2.error`` when it is wrong or needs too much memory."""
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    options.max_mem = _PATTERN_MEMORY
    return re2.compile(pattern, options)


def _starts_with(text: str, prefixes: Sequence[str], _: Places | None) -> bool:
    return fold(text).startswith(tuple(prefix.casefold() for prefix in prefixes))


def _contains(text: str, parts: Sequence[str], _: Places | None) -> bool:
    folded = fold(text)
    return any(part.casefold() in folded for part in parts)


def _matches(text: str, patterns: Sequence[str], _: Places | None) -> bool:
    return compile_pattern(patterns[0]).search(text) is not None


def _has_any(items: Sequence[str], wanted: Sequence[str], _: Places | None) -> bool:
    return not {fold(item) for item in items}.isdisjoint(map(fold, wanted))


def _has_all(items: Sequence[str], wanted: Sequence[str], _: Places | None) -> bool:
    return {fold(item) for item in items}.issuperset(map(fold, wanted))


def _within_km(location: tuple[float, float], values: Sequence[Any], places: Places | None) -> bool:
    latitude, longitude, km = map(float, values)
    assert places is not None
    return bool(places.distance_km(location[0], location[1], to=(latitude, longitude)) <= km)


def _in_area(location: tuple[float, float], values: Sequence[Any], places: Places | None) -> bool:
    assert places is not None
    return bool(places.contains(values[0], location[1], location[0]))


_TEXTS = (Argument("text", Kind.TEXT),)

FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        Function(
            "starts_with",
            "starts_with(field, 'a', …)",
            "The text begins with one of the given beginnings, without case.",
            "starts_with(naics, '54', '51')",
            Kind.TEXT,
            _TEXTS,
            True,
            "{field} starts with {values}",
            _starts_with,
        ),
        Function(
            "contains",
            "contains(field, 'a', …)",
            "The text contains one of the given parts, without case.",
            "contains(name, 'brewing', 'brewery')",
            Kind.TEXT,
            _TEXTS,
            True,
            "{field} contains {values}",
            _contains,
        ),
        Function(
            "matches",
            "matches(field, 're')",
            "The RE2 regular expression is found in the trimmed text, without case; ^ and $ tie it to the ends.",
            "matches(postal_code, '^9[45]')",
            Kind.TEXT,
            (Argument("re", Kind.TEXT),),
            False,
            "{field} matches the pattern {0}",
            _matches,
        ),
        Function(
            "has_any",
            "has_any(list_field, 'a', …)",
            "The list has at least one of the given values.",
            "has_any(products_of_interest, 'spectrometer')",
            Kind.LIST,
            _TEXTS,
            True,
            "{field} include {values}",
            _has_any,
        ),
        Function(
            "has_all",
            "has_all(list_field, 'a', …)",
            "The list has every one of the given values.",
            "has_all(products_of_interest, 'balance', 'scale')",
            Kind.LIST,
            _TEXTS,
            True,
            "{field} include all of {values}",
            _has_all,
        ),
        Function(
            "within_km",
            "within_km(lat, lon, km)",
            "The record's location lies at most km kilometres (great circle) from the given point.",
            "within_km(37.77, -122.42, 50)",
            Kind.LOCATION,
            (
                Argument("lat", Kind.NUMBER, -90, 90),
                Argument("lon", Kind.NUMBER, -180, 180),
                Argument("km", Kind.NUMBER, 0, 20_038),
            ),
            False,
            "location within {2} km of {0}, {1}",
            _within_km,
        ),
        Function(
            "in_area",
            "in_area('area-key')",
            "The record's location lies in the named area (a GeoJSON polygon of the document; holes are outside).",
            "in_area('bay')",
            Kind.LOCATION,
            (Argument("area-key", Kind.TEXT),),
            False,
            "location in the area {0}",
            _in_area,
        ),
    )
}
