"""Text to tree: ``parse`` reads a criterion or says what is wrong, where, and how to mend it.

Texts longer than ``MAX_LENGTH`` characters or nested deeper than ``MAX_DEPTH`` are refused before they are read. A
text with a syntax error has one problem (nothing after it can be trusted); wrong values are reported all at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from lark import (
    Token,
    Transformer,
    UnexpectedCharacters,
    UnexpectedEOF,
    UnexpectedInput,
    UnexpectedToken,
    v_args,
)

from merestone.base.errors import InvalidInputError, Problem
from merestone.core.criteria import expression as ex
from merestone.core.criteria.grammar import first_too_deep, parser
from merestone.core.criteria.kept import Kept
from merestone.core.criteria.shapes import covered, joined, read_shapes, split_texts, unquote

MAX_LENGTH = 100_000  # characters; longer lists belong in a named list
MAX_DEPTH = 64  # brackets and `not` within each other
_HALF = re.compile("[\ud800-\udfff]")
_KEPT = Kept()  # trees are frozen, so that everybody may share them


def parse(text: str) -> ex.Expr:
    """Return the tree of a criterion.

    Parameters
    ----------
    text : str
        One boolean expression of the criteria language.

    Raises
    ------
    InvalidInputError
        When the text is empty, too long, too deep, or not in the language; each problem has its position.
    """
    tree = _KEPT.get(text)
    if tree is None:
        _refuse_monsters(text)
        tree = read_shapes(text) or parse_slowly(text)
        _KEPT.keep(text, tree)
    return tree


def parse_slowly(text: str) -> ex.Expr:
    """Return what ``parse`` returns, read by the grammar alone; for texts that are neither empty nor too long."""
    if (offset := first_too_deep(text, MAX_DEPTH)) is not None:
        message = f"Brackets and 'not' are nested more than {MAX_DEPTH} deep here."
        fix = "Simplify, or split the rule over parent and child territories."
        raise _invalid([_problem_at(text, offset, "criteria-too-deep", message, fix)])
    try:
        tree = parser(_Builder).parse(text)
    except UnexpectedInput as error:
        raise _invalid([_syntax_problem(text, error)]) from None
    problems = [value.problem for value in _values(tree) if isinstance(value, _Bare | _Wrong)]
    if problems:
        raise _invalid(problems)
    return cast(ex.Expr, tree)


def _invalid(problems: list[Problem]) -> InvalidInputError:
    return InvalidInputError("The criteria cannot be read.", problems, code="bad-criteria")


def _refuse_monsters(text: str) -> None:
    if len(text) > MAX_LENGTH:
        message = f"The criteria are {len(text):,} characters long; at most {MAX_LENGTH:,} are allowed."
        fix = "Move long lists of values into a named list: postal_code in list('my-list')."
        raise _invalid([Problem("criteria-too-long", message, fix, line=1, column=1)])
    if not text.strip():
        fix = "Write a criterion such as country = 'US'."
        raise _invalid([Problem("empty-criteria", "The criteria are empty.", fix, line=1, column=1)])
    if (nul := text.find("\0")) >= 0:
        raise _invalid(
            [_problem_at(text, nul, "bad-character", "The text holds a NUL character.", "Remove it.")]
        )
    if half := None if text.isascii() else _HALF.search(text):
        message = "The text holds half a character (a surrogate)."
        raise _invalid(
            [_problem_at(text, half.start(), "bad-character", message, "Write the character anew.")]
        )


def _problem_at(
    text: str, offset: int, code: str, message: str, fix: str = "", *, length: int = 1
) -> Problem:
    line = text.count("\n", 0, offset) + 1
    return Problem(code, message, fix, line=line, column=offset - text.rfind("\n", 0, offset), length=length)


def _values(tree: Any) -> Iterator[Any]:
    """Yield what stands where values belong; until the end of ``parse`` that may be a mistake."""
    for leaf in ex.leaves(tree):
        match leaf:
            case ex.Comparison(value=value):
                yield value
            case ex.In(values=values) if not isinstance(values, ex.Texts):
                yield from values
            case ex.Between(low=low, high=high):
                yield from (low, high)
            case ex.Call(arguments=arguments):
                yield from arguments


# --- building nodes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Bare:
    """A word where a value belongs: the field of a function, else text without quotes."""

    word: str
    position: ex.Position

    @property
    def problem(self) -> Problem:
        fix = f"Write text in single quotes: '{self.word}'. A field can only stand on the left."
        return Problem("unquoted-text", f"{self.word} is not in quotes.", fix, **self.position._asdict())


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A value that cannot be read."""

    problem: Problem
    position: ex.Position


def _at(token: Token) -> ex.Position:
    return ex.Position(token.line or 1, token.column or 1, len(token))


def _span(first: Token, last: Token) -> ex.Position:
    return ex.Position(first.line or 1, first.column or 1, (last.end_pos or 0) - (first.start_pos or 0))


def _wrong(token: Token, code: str, message: str, fix: str) -> _Wrong:
    position = _at(token)
    return _Wrong(Problem(code, message, fix, **position._asdict()), position)


def _field(name: Token) -> ex.FieldRef:
    return ex.FieldRef(name.lower(), _at(name))


def _flat(kind: type, children: tuple[Any, ...]) -> Any:
    return joined(kind, [child for child in children if not isinstance(child, Token)])


@v_args(inline=True)
class _Builder(Transformer):
    """Called by the parser for each rule as soon as it is complete; pure, so threads may share it."""

    def any_of(self, *children: Any) -> Any:
        return children[0] if len(children) == 1 else _flat(ex.Or, children)

    def all_of(self, *children: Any) -> Any:
        return children[0] if len(children) == 1 else _flat(ex.And, children)

    def negation(self, word: Token, part: Any) -> Any:
        return ex.Not(part, _at(word))

    def group(self, part: Any) -> Any:
        return part

    def comparison(self, name: Token, op: Token, value: Any) -> Any:
        operator = {"!=": "<>", "==": "="}.get(op, str(op))
        return ex.Comparison(_field(name), operator, value, covered(_at(name), value.position))

    def in_list(self, name: Token, _in: Token, _list: Token, key: Token, end: Token) -> Any:
        return ex.InList(_field(name), ex.Literal(unquote(key), _at(key)), False, _span(name, end))

    def not_in_list(self, name: Token, _not: Token, _in: Token, _list: Token, key: Token, end: Token) -> Any:
        return ex.InList(_field(name), ex.Literal(unquote(key), _at(key)), True, _span(name, end))

    def in_values(self, name: Token, _in: Token, values: Sequence[ex.Literal], end: Token) -> Any:
        return ex.In(_field(name), values, False, _span(name, end))

    def not_in_values(
        self, name: Token, _not: Token, _in: Token, values: Sequence[ex.Literal], end: Token
    ) -> Any:
        return ex.In(_field(name), values, True, _span(name, end))

    def between(self, name: Token, _between: Token, low: Any, _and: Token, high: Any) -> Any:
        return ex.Between(_field(name), low, high, covered(_at(name), high.position))

    def not_between(self, name: Token, _not: Token, _between: Token, low: Any, _and: Token, high: Any) -> Any:
        position = covered(_at(name), high.position)
        return ex.Not(ex.Between(_field(name), low, high, position), position)

    def is_null(self, name: Token, _is: Token, null: Token) -> Any:
        return ex.IsNull(_field(name), False, _span(name, null))

    def is_not_null(self, name: Token, _is: Token, _not: Token, null: Token) -> Any:
        return ex.IsNull(_field(name), True, _span(name, null))

    def call(self, name: Token, values: Sequence[ex.Literal] | None, end: Token) -> Any:
        arguments: list[Any] = list(values or ())
        if arguments and isinstance(arguments[0], _Bare):
            arguments[0] = ex.FieldRef(arguments[0].word.lower(), arguments[0].position)
        return ex.Call(name.lower(), tuple(arguments), _span(name, end))

    def values(self, *items: Any) -> Sequence[ex.Literal]:
        if len(items) == 1 and isinstance(items[0], Token):
            return split_texts(items[0], items[0].line or 1, items[0].column or 1)
        literals: list[ex.Literal] = []
        for item in items:
            if isinstance(item, Token):
                literals += split_texts(item, item.line or 1, item.column or 1)
            else:
                literals.append(item)
        return tuple(literals)

    def text(self, token: Token) -> ex.Literal:
        return ex.Literal(unquote(token), _at(token))

    def number(self, token: Token) -> ex.Literal:
        return ex.Literal(Decimal(str(token)), _at(token))

    def true(self, token: Token) -> ex.Literal:
        return ex.Literal(True, _at(token))

    def false(self, token: Token) -> ex.Literal:
        return ex.Literal(False, _at(token))

    def day(self, word: Token, token: Token) -> ex.Literal | _Wrong:
        text = unquote(token)
        try:
            if len(text) != 10:
                raise ValueError
            return ex.Literal(date.fromisoformat(text), _span(word, token))
        except ValueError:
            fix = "Write a day of the calendar as date 'YYYY-MM-DD'."
            return _wrong(token, "bad-date", f"'{text}' is not a date.", fix)

    def bare(self, token: Token) -> _Bare:
        return _Bare(str(token), _at(token))

    def quoted(self, token: Token) -> _Wrong:
        inner = token[1:-1].replace("'", "''")
        fix = f"Write text in single quotes: '{inner}'."
        return _wrong(token, "double-quotes", f"{token} is in double quotes.", fix)


# --- syntax errors ----------------------------------------------------------------------------------------------------

_CLOSED = re.compile("'[^']*(?:''[^']*)*'")
_VALUE = "a value: 'text', 12.5, true, or date '2026-01-31'"
_EXPECTED = (  # the first set of tokens that may follow names the whole situation
    ({"NUMBER", "RPAR"}, f"{_VALUE}, or a closing bracket"),
    ({"NUMBER"}, _VALUE),
    ({"NAME", "NOT"}, "a field or a function"),
    ({"OP", "LPAR"}, "=, <>, <, <=, >, >=, in, between or is null after a field, or ( after a function"),
    ({"NOT", "NULL"}, "null or not null after is"),
    ({"NULL"}, "null"),
    ({"IN", "BETWEEN"}, "in or between after not"),
    ({"LIST", "LPAR"}, "('a', 'b') or list('key') after in"),
    ({"LPAR"}, "an opening bracket"),
    ({"COMMA"}, "a comma or a closing bracket"),
    ({"STRING"}, "text in single quotes"),
    ({"RPAR", "AND", "OR"}, "and, or, or a closing bracket"),
    ({"RPAR"}, "a closing bracket"),
    ({"AND", "OR"}, "and, or, or the end"),
    ({"AND"}, "and and the upper end"),
)


def _expectation(error: UnexpectedInput) -> str:
    if isinstance(error, UnexpectedToken) and error.interactive_parser is not None:
        expected = error.accepts
    else:
        expected = getattr(error, "allowed", None) or set()
    words = (words for names, words in _EXPECTED if names <= set(expected))
    return next(words, "the end")


def _syntax_problem(text: str, error: UnexpectedInput) -> Problem:
    fix = f"Expected {_expectation(error)}."
    at_end = isinstance(error, UnexpectedEOF) or (
        isinstance(error, UnexpectedToken) and error.token.type == "$END"
    )
    if at_end:
        return _problem_at(
            text, len(text.rstrip()), "incomplete-criteria", "The criteria end too early.", fix
        )
    offset = int(error.pos_in_stream or 0)
    if isinstance(error, UnexpectedCharacters):
        return _bad_character(text, offset, fix)
    word = str(getattr(error, "token", text[offset]))
    shown = word if len(word) <= 40 else word[:37] + "…"
    return _problem_at(text, offset, "bad-syntax", f"{shown} cannot stand here.", fix, length=len(word))


def _bad_character(text: str, offset: int, fix: str) -> Problem:
    rest = text[offset:]
    if rest[0] == "'" and not _CLOSED.match(rest):
        fix = "Close it with a single quote; a quote inside text is written twice: 'O''Neil'."
        return _problem_at(text, offset, "open-text", "The text that starts here has no closing quote.", fix)
    if rest[0] in "‘’“”":
        return _problem_at(
            text, offset, "bad-character", f"{rest[0]} is a printer's quote.", "Use the plain quote '."
        )
    if number := re.match(r"[+-]?[\d.][\w.]*", rest):
        fix = "Write numbers as 1200 or 12.5, text in single quotes."
        message = f"{number[0][:40]} is not a number."
        return _problem_at(text, offset, "bad-number", message, fix, length=len(number[0]))
    return _problem_at(text, offset, "bad-character", f"{rest[0]} cannot stand here.", fix)
