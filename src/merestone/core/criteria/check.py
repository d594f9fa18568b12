"""Is a criterion right? ``check`` returns every mistake with its place, the nearest right name and a fix."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache

import re2

from merestone.base.errors import InvalidInputError, Problem
from merestone.core.criteria import expression as ex
from merestone.core.criteria.fields import Field, FieldSet
from merestone.core.criteria.functions import FUNCTIONS, MAX_PATTERN, Argument, Function, compile_pattern
from merestone.core.criteria.nearest import Suggestions
from merestone.core.criteria.parse import parse
from merestone.core.criteria.values import fold, read_value
from merestone.core.model.columns import Kind

Lists = Mapping[str, Sequence[str]]
_NUMERIC = (Kind.NUMBER, Kind.MONEY)
_DATES = (Kind.DATE, Kind.INSTANT)
_WORDS = {
    Kind.TEXT: "text",
    Kind.NUMBER: "a number",
    Kind.MONEY: "money",
    Kind.DATE: "a date",
    Kind.INSTANT: "a date",
    Kind.BOOLEAN: "true or false",
    Kind.LIST: "a list",
    Kind.LOCATION: "a location",
}


def read(
    text: str, fields: FieldSet, *, lists: Lists | None = None, areas: Collection[str] = ()
) -> tuple[ex.Expr | None, list[Problem]]:
    """Return the tree of ``text`` (None when it cannot be read) and every problem of it.

    Parameters
    ----------
    text : str
        A criterion.
    fields : FieldSet
        The fields it may use.
    lists, areas : mapping, collection
        The named lists, and the keys of the areas, it may use.
    """
    return Checker(fields, lists=lists, areas=areas).read(text)


def check(
    expr: ex.Expr, fields: FieldSet, *, lists: Lists | None = None, areas: Collection[str] = ()
) -> list[Problem]:
    """Return every mistake of ``expr`` in reading order; empty = right.

    Parameters
    ----------
    expr : Expr
        A tree from ``parse``.
    fields : FieldSet
        The fields it may use.
    lists, areas : mapping, collection
        The named lists, and the keys of the areas, it may use.
    """
    return Checker(fields, lists=lists, areas=areas).check(expr)


def _problem(node: ex.FieldRef | ex.Literal | ex.Leaf, code: str, message: str, fix: str = "") -> Problem:
    return Problem(code, message, fix, **node.position._asdict())


def _kind_of(literal: ex.Literal) -> Kind:
    if isinstance(literal.value, bool):
        return Kind.BOOLEAN
    if isinstance(literal.value, Decimal):
        return Kind.NUMBER
    return Kind.DATE if isinstance(literal.value, date) else Kind.TEXT


@lru_cache(maxsize=256)
def _folded(choices: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(fold, choices))


def _are_choices(values: Sequence[ex.Literal], field: Field) -> bool:
    """Return whether ``values`` are plain texts that the field may hold, as nearly all are."""
    if field.kind is not Kind.TEXT or not isinstance(values, ex.Texts):
        return False
    return not field.choices or _folded(field.choices).issuperset(map(fold, values.texts))


class Checker:
    """Checks the criteria of one document; what they share is looked at once.

    Parameters
    ----------
    fields : FieldSet
        The fields they may use.
    lists, areas : mapping, collection
        The named lists, and the keys of the areas, they may use.
    suggestions : Suggestions, optional
        Where other parts of the document look for names too.
    """

    def __init__(
        self,
        fields: FieldSet,
        *,
        lists: Lists | None = None,
        areas: Collection[str] = (),
        suggestions: Suggestions | None = None,
    ) -> None:
        self.fields, self.lists, self.areas = fields, lists or {}, areas
        self.suggestions = suggestions or Suggestions()
        self._misfits: dict[tuple[str, Kind], str | None] = {}

    def read(self, text: str) -> tuple[ex.Expr | None, list[Problem]]:
        """Return what the function ``read`` does."""
        try:
            expr = parse(text)
        except InvalidInputError as error:
            return None, error.problems
        return expr, self.check(expr)

    def check(self, expr: ex.Expr) -> list[Problem]:
        """Return what the function ``check`` does."""
        return [problem for leaf in ex.leaves(expr) for problem in self.leaf(leaf)]

    def nearest(self, name: str, known: Collection[str], what: str) -> str:
        near = self.suggestions.nearest(name, known, what=what)
        if near:
            return f"Did you mean '{near}'?"
        if not known:
            return f"The document has no {what}."
        return f"Known {what}: {', '.join(self.suggestions.known(known, what=what)[:10])}."

    def leaf(self, leaf: ex.Leaf) -> Iterator[Problem]:
        if isinstance(leaf, ex.Call):
            yield from self.call(leaf)
            return
        field = self.fields.get(leaf.field.name)
        if field is None:
            yield self.unknown_field(leaf.field)
        elif not isinstance(leaf, ex.IsNull):
            if field.kind is Kind.LIST:
                yield self.list_needs_function(leaf, field)
            else:
                yield from _RULES[type(leaf)](self, leaf, field)

    def unknown_field(self, ref: ex.FieldRef) -> Problem:
        near = self.suggestions.nearest(ref.name, self.fields.names, what="fields", cutoff=0.6)
        fix = f"Did you mean '{near}'?" if near else "See the list of fields, or declare a custom field."
        return _problem(ref, "unknown-field", f"There is no field '{ref.name}'.", fix)

    def list_needs_function(self, leaf: ex.Leaf, field: Field) -> Problem:
        message = f"'{field.name}' is a list and cannot be compared."
        return _problem(leaf, "wrong-type", message, f"Write has_any({field.name}, 'a', 'b').")

    def literal(self, literal: ex.Literal, field: Field) -> Iterator[Problem]:
        """Check that a value is of the field's kind, and one of its choices."""
        wanted, given = field.kind, _kind_of(literal)
        fits = (
            given is wanted
            or (given is Kind.NUMBER and wanted in _NUMERIC)
            or (given is Kind.DATE and wanted in _DATES)
        )
        if not fits:
            message = f"'{field.name}' holds {_WORDS[wanted]}, not {_WORDS[given]}."
            yield _problem(literal, "wrong-type", message, _rewrite(literal, wanted))
        elif field.choices and wanted is Kind.TEXT and fold(str(literal.value)) not in _folded(field.choices):
            message = f"'{literal.value}' is not a value of '{field.name}'."
            yield _problem(literal, "unknown-value", message, self.nearest_choice(literal, field))

    def nearest_choice(self, literal: ex.Literal, field: Field) -> str:
        near = self.suggestions.nearest(str(literal.value), field.choices, what=f"values of {field.name}")
        return (
            f"Did you mean '{near}'?" if near else f"Known values: {', '.join(sorted(field.choices)[:10])}."
        )

    def comparison(self, leaf: ex.Comparison, field: Field) -> Iterator[Problem]:
        if field.kind is Kind.BOOLEAN and leaf.op not in ("=", "<>"):
            message = f"'{field.name}' is true or false and has no order."
            yield _problem(leaf, "wrong-operator", message, f"Write {field.name} = true.")
        yield from self.literal(leaf.value, field)

    def in_values(self, leaf: ex.In, field: Field) -> Iterator[Problem]:
        if not _are_choices(leaf.values, field):
            for value in leaf.values:
                yield from self.literal(value, field)

    def in_list(self, leaf: ex.InList, field: Field) -> Iterator[Problem]:
        key = str(leaf.key.value)
        if key not in self.lists:
            fix = self.nearest(key, self.lists, "lists")
            yield _problem(leaf.key, "unknown-list", f"There is no list '{key}'.", fix)
            return
        bad = self.misfit(key, field.kind)
        if bad is not None:
            message = f"'{field.name}' holds {_WORDS[field.kind]}, but the list '{key}' has '{bad}'."
            yield _problem(leaf.key, "wrong-type", message, "Use a list of the field's kind.")

    def misfit(self, key: str, kind: Kind) -> str | None:
        """Return the first item of a list that cannot be read as ``kind``, or None."""
        if (key, kind) not in self._misfits:
            items = self.lists[key]
            bad = next((item for item in items if read_value(kind, item) is None), None)
            self._misfits[key, kind] = bad
        return self._misfits[key, kind]

    def between(self, leaf: ex.Between, field: Field) -> Iterator[Problem]:
        if field.kind is Kind.BOOLEAN:
            message = f"'{field.name}' is true or false and has no order."
            yield _problem(leaf, "wrong-operator", message, f"Write {field.name} = true.")
            return
        wrong = [*self.literal(leaf.low, field), *self.literal(leaf.high, field)]
        yield from wrong
        if not wrong and _order(leaf.low) > _order(leaf.high):
            message = f"Nothing lies between {leaf.low.value} and {leaf.high.value}."
            yield _problem(leaf, "empty-between", message, "Write the lower end first.")

    def call(self, call: ex.Call) -> Iterator[Problem]:
        function = FUNCTIONS.get(call.name)
        if function is None:
            fix = self.nearest(call.name, FUNCTIONS, "functions")
            yield _problem(call, "unknown-function", f"There is no function '{call.name}'.", fix)
            return
        yield from self.subject(call, function)
        yield from self.arguments(call, function)

    def subject(self, call: ex.Call, function: Function) -> Iterator[Problem]:
        """Check the leading field: there when the function takes one, absent when it tests the location."""
        ref = call.field
        if function.subject is Kind.LOCATION:
            if ref is not None:
                message = f"{function.name} takes no field; it tests the record's own location."
                yield _problem(ref, "wrong-arguments", message, f"Write {function.example}.")
            return
        if ref is None:
            message = f"{function.name} needs a field first."
            yield _problem(call, "wrong-arguments", message, f"Write {function.example}.")
            return
        field = self.fields.get(ref.name)
        if field is None:
            yield self.unknown_field(ref)
        elif field.kind is not function.subject:
            message = f"{function.name} takes {_WORDS[function.subject]}, and '{field.name}' holds {_WORDS[field.kind]}."
            yield _problem(ref, "wrong-type", message, _other_way(field))

    def arguments(self, call: ex.Call, function: Function) -> Iterator[Problem]:
        values, wanted = call.values, function.arguments
        least = len(wanted)
        if len(values) < least or (len(values) > least and not function.is_variadic):
            count = f"{'at least ' if function.is_variadic else ''}{least} value{'s' if least > 1 else ''}"
            message = f"{function.name} takes {count}, not {len(values)}."
            yield _problem(call, "wrong-arguments", message, f"Write {function.signature}.")
            return
        for index, value in enumerate(values):
            yield from self.argument(value, wanted[min(index, least - 1)], function)

    def argument(self, value: ex.Literal, wanted: Argument, function: Function) -> Iterator[Problem]:
        if _kind_of(value) is not wanted.kind:
            message = f"{function.name} takes {_WORDS[wanted.kind]} as {wanted.name}, not {_WORDS[_kind_of(value)]}."
            yield _problem(value, "wrong-type", message, _rewrite(value, wanted.kind))
        elif isinstance(value.value, Decimal):
            low, high = wanted.minimum, wanted.maximum
            if low is not None and high is not None and not low <= value.value <= high:
                message = f"{value.value} is no {wanted.name}."
                yield _problem(value, "out-of-range", message, f"It must lie between {low:g} and {high:g}.")
        elif isinstance(value.value, str):
            yield from self.text_argument(value, value.value, function)

    def text_argument(self, value: ex.Literal, text: str, function: Function) -> Iterator[Problem]:
        if not text.strip():
            message = f"{function.name} has an empty text, which says nothing."
            yield _problem(
                value, "empty-text", message, "Write at least one letter or digit, or use is null."
            )
        elif function.name == "in_area" and text not in self.areas:
            fix = self.nearest(text, self.areas, "areas")
            yield _problem(value, "unknown-area", f"There is no area '{text}'.", fix)
        elif function.name == "matches":
            yield from _pattern_problems(value, text)


_RULES: dict[type, Callable[..., Iterator[Problem]]] = {
    ex.Comparison: Checker.comparison,
    ex.In: Checker.in_values,
    ex.InList: Checker.in_list,
    ex.Between: Checker.between,
}


def _pattern_problems(value: ex.Literal, pattern: str) -> Iterator[Problem]:
    if len(pattern) > MAX_PATTERN:
        message = f"The pattern is {len(pattern):,} characters long; at most {MAX_PATTERN:,} are allowed."
        yield _problem(value, "bad-pattern", message, "Use a named list or several patterns joined by or.")
        return
    try:
        compile_pattern(pattern)
    except re2.error as error:
        detail = error.args[0] if error.args else b""
        reason = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        message = f"The pattern '{pattern}' is wrong: {reason}."
        fix = "Patterns are RE2: no look-around and no back-references."
        yield _problem(value, "bad-pattern", message, fix)


def _order(literal: ex.Literal) -> tuple[int, object]:
    value = literal.value
    return (0, fold(value)) if isinstance(value, str) else (1, value)


def _rewrite(literal: ex.Literal, wanted: Kind) -> str:
    """Return how the same value would be written as ``wanted``."""
    value = literal.value
    if wanted is Kind.TEXT:
        return f"Write it in quotes: '{value}'."
    if wanted in _DATES:
        readable = isinstance(value, str) and read_value(Kind.DATE, value)
        return f"Write date '{readable or '2026-01-31'}'."
    if wanted is Kind.BOOLEAN:
        return "Write true or false, without quotes."
    number = read_value(Kind.NUMBER, value) if isinstance(value, str) else None
    return f"Write {number} without quotes." if number is not None else "Write a number such as 250."


def _other_way(field: Field) -> str:
    if field.kind is Kind.LIST:
        return f"Write has_any({field.name}, 'a', 'b')."
    if field.kind is Kind.TEXT:
        return f"Write {field.name} in ('a', 'b')."
    return f"Compare it: {field.name} >= …, or {field.name} between … and …."
