"""Criteria as plain trees for builders: ``tree_of`` and ``expr_of`` are inverse to each other, whatever is nested.

A node is ``{"kind": "and" | "or", "parts": […]}``, ``{"kind": "not", "part": …}`` or a test
``{"kind": "test", "field": "state", "op": "in", "values": ["CA", {"number": "12.5"}, {"date": "2026-01-31"}, true]}``.
The ``op`` of a function is its name; location functions have no field. Numbers travel as text, so that none is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from merestone.base.errors import InvalidInputError, Problem
from merestone.core.criteria import MAX_DEPTH, MAX_LENGTH, parse, render
from merestone.core.criteria import expression as ex
from merestone.core.criteria.fields import RESERVED
from merestone.core.criteria.render import literal_text

COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
OPERATORS = (*COMPARISONS, "in", "not in", "in list", "not in list", "between", "is null", "is not null")
MAX_NODES = 20_000


def tree_of(expr: ex.Expr) -> dict[str, Any]:
    """Return a criterion as a builder tree; tests tell where they stand in the text (``at``: line, column, length)."""
    match expr:
        case ex.And(parts=parts):
            return {"kind": "and", "parts": [tree_of(part) for part in parts]}
        case ex.Or(parts=parts):
            return {"kind": "or", "parts": [tree_of(part) for part in parts]}
        case ex.Not(part=part):
            return {"kind": "not", "part": tree_of(part)}
    field, op, values = _test(expr)
    return {"kind": "test", "field": field, "op": op, "values": values, "at": list(expr.position)}


def _test(leaf: ex.Leaf) -> tuple[str | None, str, list[Any]]:
    match leaf:
        case ex.Comparison(field=field, op=op, value=value):
            return field.name, op, [_plain(value)]
        case ex.In(field=field, values=values, negated=negated):
            return field.name, "not in" if negated else "in", [_plain(value) for value in values]
        case ex.InList(field=field, key=key, negated=negated):
            return field.name, "not in list" if negated else "in list", [_plain(key)]
        case ex.Between(field=field, low=low, high=high):
            return field.name, "between", [_plain(low), _plain(high)]
        case ex.IsNull(field=field, negated=negated):
            return field.name, "is not null" if negated else "is null", []
        case ex.Call(name=name):
            return leaf.field.name if leaf.field else None, name, [_plain(value) for value in leaf.values]
    raise AssertionError(leaf)


def _plain(literal: ex.Literal) -> Any:
    value = literal.value
    if isinstance(value, Decimal):
        return {"number": literal_text(literal)}
    return {"date": value.isoformat()} if isinstance(value, date) else value


def write_rule(tree: Any) -> str:
    """Return the canonical text of a builder tree.

    Raises
    ------
    InvalidInputError
        With every node that is none, or is unfinished; ``where`` is its path, such as ``parts/0/part``.
    """
    return render(expr_of(tree))


def expr_of(tree: Any) -> ex.Expr:
    """Return the criterion a builder tree says; see ``write_rule`` for what it refuses."""
    reader = _Reader()
    expr = reader.node(tree, "", depth=0)
    if reader.problems or expr is None:
        raise InvalidInputError("The rule cannot be written.", reader.problems, code="bad-rule-tree")
    text = render(expr)
    if len(text) > MAX_LENGTH:
        parse(text)  # says what to do about it
    return expr


class _Reader:
    """Takes expressions out of plain data and notes what was wrong with it."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.nodes = 0

    def wrong(self, where: str, message: str, fix: str = "") -> None:
        if len(self.problems) < 100:
            self.problems.append(Problem("bad-rule-tree", message, fix, where=where))

    def node(self, data: Any, where: str, *, depth: int) -> ex.Expr | None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            if self.nodes == MAX_NODES + 1:
                self.wrong(where, f"The rule has more than {MAX_NODES:,} parts.", "Use a named list.")
            return None
        if depth > MAX_DEPTH:
            self.wrong(
                where, f"Groups are nested more than {MAX_DEPTH} deep.", "Take some out of their groups."
            )
            return None
        if not isinstance(data, Mapping):
            self.wrong(where, "This is neither a group nor a test.", 'Send {"kind": "test", …}.')
            return None
        kind = data.get("kind")
        if kind == "not":
            part = self.node(data.get("part"), _under(where, "part"), depth=depth + 1)
            return None if part is None else ex.Not(part)
        if kind == "and" or kind == "or":
            return self.group(data, where, kind=ex.And if kind == "and" else ex.Or, depth=depth)
        if kind == "test":
            return self.test(data, where)
        self.wrong(where, f"{_shown(kind)} is no kind of node.", "Use and, or, not or test.")
        return None

    def group(self, data: Mapping[str, Any], where: str, *, kind: Any, depth: int) -> ex.Expr | None:
        parts = data.get("parts")
        if not isinstance(parts, Sequence) or isinstance(parts, str) or not parts:
            self.wrong(where, "The group is empty.", "Add a criterion, or remove the group.")
            return None
        found = [
            self.node(part, _under(where, f"parts/{place}"), depth=depth + 1)
            for place, part in enumerate(parts)
        ]
        known = [part for part in found if part is not None]
        if len(known) < len(found):
            return None
        if len(known) == 1:
            return known[0]
        return kind(
            tuple(one for part in known for one in (part.parts if isinstance(part, kind) else [part]))
        )

    def test(self, data: Mapping[str, Any], where: str) -> ex.Expr | None:
        field, op, given = data.get("field"), data.get("op"), data.get("values", [])
        before = len(self.problems)
        if field is not None and not _is_name(field):
            self.wrong(where, f"{_shown(field)} is no field.", "Choose a field.")
        if not isinstance(op, str) or not (op in OPERATORS or _is_name(op)):
            self.wrong(where, f"{_shown(op)} is no operator.", f"Use {', '.join(OPERATORS)} or a function.")
        if not isinstance(given, Sequence) or isinstance(given, str):
            self.wrong(where, "The values are not a list.", "Send a list.")
        if len(self.problems) > before:
            return None
        assert isinstance(op, str)
        values = [value for one in given if (value := self.value(one, where)) is not None]
        if len(values) < len(given):
            return None
        ref = None if field is None else ex.FieldRef(field.lower())
        return self.call(op, ref, values) if op not in OPERATORS else self.compare(op, ref, values, where)

    def call(self, name: str, field: ex.FieldRef | None, values: list[ex.Literal]) -> ex.Expr:
        return ex.Call(name.lower(), (*(() if field is None else (field,)), *values))

    def compare(
        self, op: str, field: ex.FieldRef | None, values: list[ex.Literal], where: str
    ) -> ex.Expr | None:
        if field is None:
            self.wrong(where, "A field is missing.", "Choose a field.")
            return None
        least, most = {"between": (2, 2), "in": (1, None), "not in": (1, None)}.get(
            op, (0, 0) if op.endswith("null") else (1, 1)
        )
        if len(values) < least or (most is not None and len(values) > most):
            wanted = f"{least} value{'s' if least != 1 else ''}" if most == least else "at least one value"
            self.wrong(where, f"'{op}' takes {wanted}, not {len(values)}.", "Give the values it needs.")
            return None
        if op in COMPARISONS:
            return ex.Comparison(field, op, values[0])
        if op == "between":
            return ex.Between(field, values[0], values[1])
        if op in ("in", "not in"):
            return ex.In(field, tuple(values), op == "not in")
        if op.endswith("null"):
            return ex.IsNull(field, op == "is not null")
        if not isinstance(values[0].value, str):
            self.wrong(where, "The name of the list is not text.", "Choose a list.")
            return None
        return ex.InList(field, values[0], op == "not in list")

    def value(self, data: Any, where: str) -> ex.Literal | None:
        found = _literal(data)
        if found is None:
            self.wrong(
                where,
                f"{_shown(data)} is no value.",
                'Send text, true, false, {"number": "12.5"} or {"date": "2026-01-31"}.',
            )
        return found


def _literal(data: Any) -> ex.Literal | None:
    if isinstance(data, bool):
        return ex.Literal(data)
    if isinstance(data, str):
        return None if "\0" in data else ex.Literal(data)
    if isinstance(data, int | float):
        return _number(repr(data))
    if isinstance(data, Mapping) and isinstance(data.get("number"), str):
        return _number(data["number"])
    if isinstance(data, Mapping) and isinstance(data.get("date"), str):
        try:
            return ex.Literal(date.fromisoformat(data["date"])) if len(data["date"]) == 10 else None
        except ValueError:
            return None
    return None


def _number(text: str) -> ex.Literal | None:
    """Return the number when the language can write it: finite, and of an exponent it can hold."""
    if len(text) > MAX_LENGTH or not text.isascii():
        return None
    try:
        number = Decimal(text.strip().replace("_", "x"))
    except InvalidOperation:
        return None
    return ex.Literal(number) if number.is_finite() and abs(number.adjusted()) < 1000 else None


def _is_name(text: Any) -> bool:
    return (
        isinstance(text, str)
        and len(text) <= 100
        and text.isascii()
        and text.isidentifier()
        and text.lower() not in RESERVED
    )


def _under(where: str, part: str) -> str:
    return f"{where}/{part}" if where else part


def _shown(data: Any) -> str:
    text = f"'{data}'" if isinstance(data, str) else type(data).__name__ if data is not None else "Nothing"
    return text if len(text) <= 60 else text[:57] + "…'"
