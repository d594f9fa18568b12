"""Conditions that write themselves as criteria and, for planning the demo's history, test columns.

Only what the demo's rules need. The criteria language itself is ``core.criteria``; this writes it, so that the documents
and the demo's history of owners come from one place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]
"""Text columns as fixed-width arrays (missing = empty), numbers as floats (missing = NaN)."""


class Condition(Protocol):
    """One boolean expression."""

    def text(self) -> str:
        """Return it in the criteria language."""
        ...

    def mask(self, columns: Columns) -> NDArray[np.bool_]:
        """Return where it is known to be true."""
        ...

    def count(self) -> int:
        """Return its number of criteria: ``and`` adds, ``or`` takes the largest branch."""
        ...


def _quoted(values: Sequence[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A text field is (not) one of some values; with ``list_name`` the document keeps the values as a named list."""

    field: str
    values: tuple[str, ...]
    list_name: str = ""
    negate: bool = False

    def text(self) -> str:
        if len(self.values) == 1 and not self.list_name:
            return f"{self.field} {'<>' if self.negate else '='} '{self.values[0]}'"
        source = f"list('{self.list_name}')" if self.list_name else f"({_quoted(self.values)})"
        return f"{self.field} {'not ' if self.negate else ''}in {source}"

    def mask(self, columns: Columns) -> NDArray[np.bool_]:
        found = np.isin(columns[self.field], self.values)
        return (~found & (columns[self.field] != "")) if self.negate else found

    def count(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class Prefix:
    """A text field starts with one of some prefixes."""

    field: str
    prefixes: tuple[str, ...]

    def text(self) -> str:
        return f"starts_with({self.field}, {_quoted(self.prefixes)})"

    def mask(self, columns: Columns) -> NDArray[np.bool_]:
        values = columns[self.field]
        found = np.zeros(len(values), dtype=bool)
        for size in {len(prefix) for prefix in self.prefixes}:
            wanted = [prefix for prefix in self.prefixes if len(prefix) == size]
            found |= np.isin(values.astype(f"U{size}"), wanted)
        return found

    def count(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A number is at least ``limit``."""

    field: str
    limit: int

    def text(self) -> str:
        return f"{self.field} >= {self.limit}"

    def mask(self, columns: Columns) -> NDArray[np.bool_]:
        return columns[self.field] >= self.limit

    def count(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class Below:
    """A number is below ``limit``."""

    field: str
    limit: int

    def text(self) -> str:
        return f"{self.field} < {self.limit}"

    def mask(self, columns: Columns) -> NDArray[np.bool_]:
        return columns[self.field] < self.limit

    def count(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold."""

    parts: tuple[Condition, ...]

    def text(self) -> str:
        return " and ".join(f"({p.text()})" if isinstance(p, Some) else p.text() for p in self.parts)

    def mask(self, columns: Columns) -> NDArray[np.bool_]:
        return np.logical_and.reduce([part.mask(columns) for part in self.parts])

    def count(self) -> int:
        return sum(part.count() for part in self.parts)


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Condition, ...]

    def text(self) -> str:
        return " or ".join(f"({p.text()})" if isinstance(p, Every) else p.text() for p in self.parts)

    def mask(self, columns: Columns) -> NDArray[np.bool_]:
        return np.logical_or.reduce([part.mask(columns) for part in self.parts])

    def count(self) -> int:
        return max(part.count() for part in self.parts)


def state(*codes: str, listed: str = "") -> Condition:
    """Return "the state is one of these"."""
    return OneOf("state", codes, listed)


def postal(*prefixes: str) -> Condition:
    """Return "the postal code starts with one of these"; ten that fill a decade are written as one."""
    decades = {prefix[:-1] for prefix in prefixes}
    whole = {decade for decade in decades if all(f"{decade}{digit}" in prefixes for digit in range(10))}
    rest = [prefix for prefix in prefixes if prefix[:-1] not in whole]
    return Prefix("postal_code", tuple(sorted([*whole, *rest])))


def county(*codes: str, listed: str = "", negate: bool = False) -> Condition:
    """Return "the county is (not) one of these"."""
    return OneOf("county", codes, listed, negate)


def every(*parts: Condition) -> Condition:
    """Return the conjunction."""
    return Every(parts)


def some(*parts: Condition) -> Condition:
    """Return the disjunction."""
    return Some(parts)


def prefixes(first: int, last: int) -> tuple[str, ...]:
    """Return the three-digit postal prefixes from first to last, both included."""
    return tuple(f"{number:03d}" for number in range(first, last + 1))


def lists_in(condition: Condition) -> dict[str, list[str]]:
    """Return the named lists a condition uses."""
    if isinstance(condition, OneOf) and condition.list_name:
        return {condition.list_name: list(condition.values)}
    if isinstance(condition, Every | Some):
        found: dict[str, list[str]] = {}
        for part in condition.parts:
            found |= lists_in(part)
        return found
    return {}
