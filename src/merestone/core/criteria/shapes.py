"""The common shapes of criteria, read without the parser: what makes up ten thousand rules is a few shapes.

``read_shapes`` is a short cut and no second language: it reads a whole text or none of it, what it reads is what the
grammar reads (a test compares them on random texts), and whatever is rare, deep or wrong it leaves to the grammar.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from sys import intern
from typing import Any

from merestone.core.criteria import expression as ex
from merestone.core.criteria.grammar import NAME, NUMBER, SPACE, STRING, TEXTS

MAX_DEPTH = 32  # brackets and ``not``; deeper texts go to the grammar, which counts exactly

_S = SPACE
_END = "(?![a-z0-9_])"  # of a word
_STRING, _TEXTS = f"(?-i:{STRING})", f"(?-i:{TEXTS})"
_RUN = r"(?-i:'[^()]*')"  # in brackets: at best a run of texts, to be looked at
_VALUE = rf"(?>{_STRING}|{NUMBER}|true{_END}|false{_END})"
# Terminals are atomic: like a lexer, a shape never goes back into a word to read it otherwise. The empty group that
# ends each shape is the last to close, so that ``lastindex`` names the shape.
_SHAPES = re.compile(
    rf"""{_S}(?:
      (?P<name>(?>{NAME})){_S}(?:
          (?P<op>(?><>|!=|<=|>=|==|=|<|>)){_S}(?P<value>{_VALUE})(?P<comparison>)
        | (?P<not_in>not[ ]+)?in{_S}\({_S}(?P<texts>{_RUN}(?={_S}\))|(?>{_TEXTS})|(?>{_STRING})){_S}\)(?P<in_texts>)
        | between{_S}(?P<low>{_VALUE}){_S}and{_S}(?P<high>{_VALUE})(?P<between>)
        | \({_S}(?:(?P<first>(?>{NAME})){_S},{_S})?(?P<given>(?>{_TEXTS})|{_VALUE}(?:{_S},{_S}{_VALUE})*){_S}\)(?P<call>)
        | (?P<not_list>not[ ]+)?in{_S}list{_S}\({_S}(?P<list>(?>{_STRING})){_S}\)(?P<in_list>)
        | is[ ]+(?P<not_null>not[ ]+)?null{_END}(?P<is_null>)
      )
      | \((?P<bracket>)
      | not{_END}(?P<negation>)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_JOINS = re.compile(rf"{_S}(?:(or){_END}|(and){_END}|(\))|(\Z))", re.IGNORECASE)
_OR, _AND, _CLOSE, _STOP = 1, 2, 3, 4
_ITEM = re.compile(_VALUE, re.IGNORECASE)
_TEXT = re.compile(STRING)
_ONE_OR_MORE = re.compile(f"{TEXTS}|{STRING}")
_SPELLING = {"!=": "<>", "==": "="}


def read_shapes(text: str) -> ex.Expr | None:
    """Return the tree of a criterion made of common shapes, else None: ask the grammar."""
    reader = _Reader(text)
    try:
        tree = reader.any_of()
    except _RareError:
        return None
    return tree if reader.join == _STOP else None


def unquote(quoted: str) -> str:
    """Return what a quoted text says."""
    return quoted[1:-1].replace("''", "'")


def joined(kind: Any, operands: Sequence[Any]) -> Any:
    """Return ``and`` or ``or`` of operands, opening those that are the same operator in brackets."""
    parts: list[Any] = []
    for operand in operands:
        parts += operand.parts if isinstance(operand, kind) else (operand,)
    return kind(tuple(parts), operands[0].position)


def covered(name: ex.Position, value: ex.Position) -> ex.Position:
    """Return the place from a name to the end of a value; exact on one line, the name alone across lines."""
    if value.line != name.line:
        return name
    return ex.Position(name.line, name.column, value.column + value.length - name.column)


def split_texts(run: str, line: int, column: int) -> ex.Texts:
    """Return the texts of a run of quoted texts that starts at ``line`` and ``column``."""
    inner = run[1:-1]
    texts = inner.split("', '")
    if inner.count("'") != 2 * (len(texts) - 1):  # other blanks, quotes within texts, or no run at all
        if not _ONE_OR_MORE.fullmatch(run):
            raise _RareError
        texts = [unquote(quoted) for quoted in _TEXT.findall(run)]
    return ex.Texts(tuple(map(intern, texts)), partial(_places, run, line, column))


def _places(run: str, line: int, column: int) -> list[ex.Position]:
    lines = _Lines(run, line, column)
    return [lines.span(*quoted.span()) for quoted in _TEXT.finditer(run)]


class _RareError(Exception):
    """The text has something that is left to the grammar."""


class _Lines:
    """Tells the line and column of an offset in a text that starts at ``line`` and ``column``."""

    def __init__(self, text: str, line: int = 1, column: int = 1) -> None:
        self.line, self.column = line, column
        self.breaks = [found.start() for found in re.finditer("\n", text)] if "\n" in text else []

    def span(self, start: int, end: int) -> ex.Position:
        """Return the place from offset ``start`` to ``end``."""
        n = bisect_right(self.breaks, start - 1) if self.breaks else 0
        column = start - self.breaks[n - 1] if n else start + self.column
        return ex.Position(self.line + n, column, end - start)


class _Reader:
    """Reads one text from left to right; ``join`` is what followed the last operand."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth, self.join = text, 0, 0, _STOP
        self.lines = _Lines(text)

    def any_of(self) -> Any:
        operands = [self.all_of()]
        while self.join == _OR:
            operands.append(self.all_of())
        return operands[0] if len(operands) == 1 else joined(ex.Or, operands)

    def all_of(self) -> Any:
        operands = [self.operand()]
        while self.join == _AND:
            operands.append(self.operand())
        return operands[0] if len(operands) == 1 else joined(ex.And, operands)

    def operand(self) -> Any:
        found = _SHAPES.match(self.text, self.at)
        if found is None or self.depth > MAX_DEPTH:
            raise _RareError
        self.at = found.end()
        shape = found.lastgroup
        if shape == "bracket":
            return self.bracket()
        if shape == "negation":
            return self.negation(found)
        leaf = _LEAVES[shape](self, found)  # type: ignore[index]
        self.read_join()
        return leaf

    def read_join(self) -> None:
        found = _JOINS.match(self.text, self.at)
        if found is None:
            raise _RareError
        self.at, self.join = found.end(), found.lastindex or _STOP

    def bracket(self) -> Any:
        self.depth += 1
        inner = self.any_of()
        if self.join != _CLOSE:
            raise _RareError
        self.depth -= 1
        self.read_join()
        return inner

    def negation(self, found: re.Match[str]) -> ex.Not:
        self.depth += 1
        part = self.operand()
        self.depth -= 1
        return ex.Not(part, self.lines.span(found.end() - len("not"), found.end()))

    def literal(self, start: int, end: int) -> ex.Literal:
        word, place = self.text[start:end], self.lines.span(start, end)
        if word[0] == "'":
            return ex.Literal(unquote(word), place)
        return ex.Literal(word[0] in "tT" if word[0].isalpha() else Decimal(word), place)

    def field(self, found: re.Match[str], group: str = "name") -> ex.FieldRef:
        return ex.FieldRef(intern(found[group].lower()), self.lines.span(*found.span(group)))

    def whole(self, found: re.Match[str]) -> ex.Position:
        return self.lines.span(found.start("name"), found.end())

    def comparison(self, found: re.Match[str]) -> ex.Comparison:
        field, value, op = self.field(found), self.literal(*found.span("value")), found["op"]
        return ex.Comparison(field, _SPELLING.get(op, op), value, covered(field.position, value.position))

    def in_texts(self, found: re.Match[str]) -> ex.In:
        place = self.lines.span(*found.span("texts"))
        values = split_texts(found["texts"], place.line, place.column)
        return ex.In(self.field(found), values, found["not_in"] is not None, self.whole(found))

    def between(self, found: re.Match[str]) -> ex.Between:
        field, low, high = (
            self.field(found),
            self.literal(*found.span("low")),
            self.literal(*found.span("high")),
        )
        return ex.Between(field, low, high, covered(field.position, high.position))

    def call(self, found: re.Match[str]) -> ex.Call:
        items = _ITEM.finditer(self.text, *found.span("given"))
        arguments: list[ex.FieldRef | ex.Literal] = [self.literal(*item.span()) for item in items]
        if found["first"] is not None:
            arguments.insert(0, self.field(found, "first"))
        return ex.Call(intern(found["name"].lower()), tuple(arguments), self.whole(found))

    def in_list(self, found: re.Match[str]) -> ex.InList:
        key = self.literal(*found.span("list"))
        return ex.InList(self.field(found), key, found["not_list"] is not None, self.whole(found))

    def is_null(self, found: re.Match[str]) -> ex.IsNull:
        return ex.IsNull(self.field(found), found["not_null"] is not None, self.whole(found))


_LEAVES: dict[str, Callable[[_Reader, re.Match[str]], ex.Leaf]] = {
    "comparison": _Reader.comparison,
    "in_texts": _Reader.in_texts,
    "between": _Reader.between,
    "call": _Reader.call,
    "in_list": _Reader.in_list,
    "is_null": _Reader.is_null,
}
