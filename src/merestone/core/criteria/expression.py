"""The tree of a criterion: frozen nodes, each with its place in the text.

Two trees are equal when they mean the same text; places do not count. ``and`` and ``or`` hold any number of parts and
never hold a part of their own kind, so a chain of ten thousand ``or`` is one level deep.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple, TypeAlias, overload


class Position(NamedTuple):
    """Where a node stands: 1-based line and column of its first character, and its length in characters."""

    line: int = 1
    column: int = 1
    length: int = 1


NOWHERE = Position()


class _Node:
    """Pickles without its place, which only matters to whoever reads the text: a third of the time and the bytes."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        return type(self), tuple([getattr(self, name) for name in _CONTENT[type(self)]])


@dataclass(frozen=True, slots=True)
class FieldRef(_Node):
    """A field as written, in lower case."""

    name: str
    position: Position = dataclasses.field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Literal(_Node):
    """A written value: text, number (exact), truth value or date."""

    value: str | Decimal | bool | date
    position: Position = dataclasses.field(default=NOWHERE, compare=False, repr=False)


class Texts(Sequence[Literal]):
    """The texts of an ``in``: reads like a tuple of ``Literal``, and keeps no more than the texts.

    Rules hold postal codes by the hundred, and a book of rules by the million; where each one stands is only found out
    when somebody asks.

    Parameters
    ----------
    texts : tuple of str
        The values in reading order.
    places : callable, optional
        Returns the position of each; without it they stand nowhere. A function that can be pickled.
    """

    __slots__ = ("_places", "texts")

    def __init__(
        self, texts: tuple[str, ...], places: Callable[[], Sequence[Position]] | None = None
    ) -> None:
        self.texts, self._places = texts, places

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, index: int) -> Literal: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Literal, ...]: ...
    def __getitem__(self, index: int | slice) -> Literal | tuple[Literal, ...]:
        return tuple(self)[index]

    def __iter__(self) -> Iterator[Literal]:
        places = [NOWHERE] * len(self.texts) if self._places is None else self._places()
        return map(Literal, self.texts, places)

    def __eq__(self, other: object) -> bool:
        return self.texts == other.texts if isinstance(other, Texts) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.texts)

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __reduce__(self) -> Any:
        return Texts, (self.texts,)


@dataclass(frozen=True, slots=True)
class Comparison(_Node):
    """``field op value`` with ``op`` one of ``= <> < <= > >=``."""

    field: FieldRef
    op: str
    value: Literal
    position: Position = dataclasses.field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class In(_Node):
    """``field in (…)``, or ``not in``; values that are all text are kept as ``Texts``, any others as a tuple."""

    field: FieldRef
    values: Sequence[Literal]
    negated: bool = False
    position: Position = dataclasses.field(default=NOWHERE, compare=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.values, Texts):
            return
        # While a criterion is being read, a mistake may stand for a value.
        values = [value.value for value in self.values if isinstance(value, Literal)]
        texts = tuple([value for value in values if isinstance(value, str)])
        if len(texts) == len(self.values):
            places = tuple([value.position for value in self.values])
            object.__setattr__(self, "values", Texts(texts, partial(_given, places)))

    @property
    def plain(self) -> tuple[str | Decimal | bool | date, ...]:
        """The values without their places."""
        if isinstance(self.values, Texts):
            return self.values.texts
        return tuple([literal.value for literal in self.values])


def _given(places: Sequence[Position]) -> Sequence[Position]:
    return places


@dataclass(frozen=True, slots=True)
class InList(_Node):
    """``field in list('key')``, or ``not in``."""

    field: FieldRef
    key: Literal
    negated: bool = False
    position: Position = dataclasses.field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Between(_Node):
    """``field between low and high``, both ends included."""

    field: FieldRef
    low: Literal
    high: Literal
    position: Position = dataclasses.field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IsNull(_Node):
    """``field is null``, or ``is not null``: the only criterion that is never unknown."""

    field: FieldRef
    negated: bool = False
    position: Position = dataclasses.field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call(_Node):
    """A function of the function table: a leading field where it takes one, then values."""

    name: str
    arguments: tuple[FieldRef | Literal, ...]
    position: Position = dataclasses.field(default=NOWHERE, compare=False, repr=False)

    @property
    def field(self) -> FieldRef | None:
        """The leading field, if there is one."""
        first = self.arguments[0] if self.arguments else None
        return first if isinstance(first, FieldRef) else None

    @property
    def values(self) -> tuple[Literal, ...]:
        """The literal arguments in order."""
        return tuple(argument for argument in self.arguments if isinstance(argument, Literal))


@dataclass(frozen=True, slots=True)
class And(_Node):
    """All parts hold."""

    parts: tuple[Expr, ...]
    position: Position = dataclasses.field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Or(_Node):
    """At least one part holds."""

    parts: tuple[Expr, ...]
    position: Position = dataclasses.field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not(_Node):
    """The part does not hold."""

    part: Expr
    position: Position = dataclasses.field(default=NOWHERE, compare=False, repr=False)


Leaf: TypeAlias = Comparison | In | InList | Between | IsNull | Call
Expr: TypeAlias = Leaf | And | Or | Not
_CONTENT: dict[type, tuple[str, ...]] = {
    kind: tuple(field.name for field in dataclasses.fields(kind) if field.compare)
    for kind in (FieldRef, Literal, Comparison, In, InList, Between, IsNull, Call, And, Or, Not)
}


def leaves(expr: Expr) -> Iterator[Leaf]:
    """Yield the comparisons and functions in reading order."""
    if isinstance(expr, And | Or):
        for part in expr.parts:
            yield from leaves(part)
    elif isinstance(expr, Not):
        yield from leaves(expr.part)
    else:
        yield expr


def fields_used(expr: Expr) -> tuple[str, ...]:
    """Return the written field names in order of first use (functions of the location name none)."""
    names = (leaf.field.name for leaf in leaves(expr) if leaf.field is not None)
    return tuple(dict.fromkeys(names))


def count_criteria(expr: Expr | None) -> int:
    """Return how specific a criterion is: a leaf 1, ``and`` adds, ``or`` its largest branch, ``not`` what it holds."""
    if expr is None:
        return 0
    if isinstance(expr, And):
        return sum(count_criteria(part) for part in expr.parts)
    if isinstance(expr, Or):
        return max(count_criteria(part) for part in expr.parts)
    if isinstance(expr, Not):
        return count_criteria(expr.part)
    return 1
