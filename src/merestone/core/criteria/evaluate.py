"""The row oracle: what a criterion says about one record. Every engine must equal it.

Three-valued logic: True, False, or None (unknown) when a value it needs is missing. ``explain`` also tells, leaf by
leaf, what held and which fields were missing; ``blame`` names the first criterion that kept a record out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from merestone.base.errors import UsageError
from merestone.core.criteria import expression as ex
from merestone.core.criteria.fields import Field, FieldSet, standard_fields
from merestone.core.criteria.functions import FUNCTIONS, Places
from merestone.core.criteria.render import render
from merestone.core.criteria.values import fold, read_value
from merestone.core.model.columns import Kind

Truth = bool | None
Lists = Mapping[str, Sequence[str]]
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one criterion said about a record.

    Parameters
    ----------
    text : str
        The criterion in canonical text.
    value : bool or None
        Held, failed, or unknown.
    missing : tuple of str
        The fields whose missing value made it unknown.
    """

    text: str
    value: Truth
    missing: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        data: dict[str, Any] = {"criterion": self.text, "outcome": _WORD[self.value]}
        return data | ({"missing": list(self.missing)} if self.missing else {})


_WORD = {True: "held", False: "failed", None: "unknown"}


def evaluate(
    expr: ex.Expr,
    record: Record,
    *,
    fields: FieldSet | None = None,
    lists: Lists | None = None,
    areas: Places | None = None,
) -> Truth:
    """Return whether ``expr`` holds for ``record``: True, False, or None when a missing value leaves it open.

    Parameters
    ----------
    expr : Expr
        A checked tree.
    record : mapping
        Field name to value; an absent name is a missing value.
    fields : FieldSet, optional
        Kinds of the fields; the built-in ones when omitted.
    lists : mapping, optional
        Named lists.
    areas : Places, optional
        Needed by location functions (``core.geo.Areas``).
    """
    return _Evaluation(record, fields or standard_fields(), lists or {}, areas).truth(expr)


def explain(
    expr: ex.Expr,
    record: Record,
    *,
    fields: FieldSet | None = None,
    lists: Lists | None = None,
    areas: Places | None = None,
) -> list[Outcome]:
    """Return what each comparison and function of ``expr`` said, in reading order (parameters as ``evaluate``)."""
    evaluation = _Evaluation(record, fields or standard_fields(), lists or {}, areas)
    return [evaluation.outcome(leaf) for leaf in ex.leaves(expr)]


def blame(
    expr: ex.Expr,
    record: Record,
    *,
    fields: FieldSet | None = None,
    lists: Lists | None = None,
    areas: Places | None = None,
) -> Outcome | None:
    """Return the first criterion that keeps ``record`` out, or None when ``expr`` holds (parameters as ``evaluate``).

    Of an ``and`` it is the first part that failed, else the first unknown one; an ``or`` or ``not`` is named whole.
    """
    evaluation = _Evaluation(record, fields or standard_fields(), lists or {}, areas)
    return evaluation.blame(expr)


class _Evaluation:
    """One record with what its evaluation needs; remembers the values it has read."""

    def __init__(self, record: Record, fields: FieldSet, lists: Lists, places: Places | None) -> None:
        self.record, self.fields, self.lists, self.places = record, fields, lists, places
        self._values: dict[str, Any] = {}

    def truth(self, expr: ex.Expr) -> Truth:
        if isinstance(expr, ex.And):
            return self.all(expr.parts)
        if isinstance(expr, ex.Or):
            return self.any(expr.parts)
        if isinstance(expr, ex.Not):
            inner = self.truth(expr.part)
            return None if inner is None else not inner
        return self.leaf(expr)

    def all(self, parts: tuple[ex.Expr, ...]) -> Truth:
        result: Truth = True
        for part in parts:
            truth = self.truth(part)
            if truth is False:
                return False
            if truth is None:
                result = None
        return result

    def any(self, parts: tuple[ex.Expr, ...]) -> Truth:
        result: Truth = False
        for part in parts:
            truth = self.truth(part)
            if truth is True:
                return True
            if truth is None:
                result = None
        return result

    def value(self, name: str) -> Any:
        """Return the record's value of a field, read as the field's kind; None when missing."""
        if name not in self._values:
            field = self.fields[name]
            self._values[name] = read_value(field.kind, self.fields.raw(self.record, field))
        return self._values[name]

    def leaf(self, leaf: ex.Leaf) -> Truth:
        if isinstance(leaf, ex.Call):
            return self.call(leaf)
        value = self.value(leaf.field.name)
        if isinstance(leaf, ex.IsNull):
            return (value is None) is not leaf.negated
        return None if value is None else _test(leaf, value, self.fields[leaf.field.name], self.lists)

    def call(self, call: ex.Call) -> Truth:
        function = FUNCTIONS[call.name]
        subject = self.location() if call.field is None else self.value(call.field.name)
        if subject is None:
            return None
        if function.subject is Kind.LOCATION and self.places is None:
            raise UsageError(f"{call.name} needs areas to be passed in.", code="areas-needed")
        return function.holds(subject, [literal.value for literal in call.values], self.places)

    def location(self) -> tuple[float, float] | None:
        latitude, longitude = self.value("latitude"), self.value("longitude")
        return None if latitude is None or longitude is None else (float(latitude), float(longitude))

    def outcome(self, expr: ex.Expr) -> Outcome:
        truth = self.truth(expr)
        return Outcome(render(expr), truth, self.missing(expr) if truth is None else ())

    def missing(self, expr: ex.Expr) -> tuple[str, ...]:
        """Return the fields without value that leaves of ``expr`` needed, in reading order."""
        names: dict[str, None] = {}
        for leaf in ex.leaves(expr):
            if self.truth(leaf) is None:
                used = (
                    ("latitude", "longitude") if leaf.field is None else (self.fields[leaf.field.name].name,)
                )
                names.update(dict.fromkeys(name for name in used if self.value(name) is None))
        return tuple(names)

    def blame(self, expr: ex.Expr) -> Outcome | None:
        truth = self.truth(expr)
        if truth is True:
            return None
        if isinstance(expr, ex.And):
            return next(self.blame(part) for part in expr.parts if self.truth(part) is truth)
        return self.outcome(expr)


def _test(leaf: ex.Leaf, value: Any, field: Field, lists: Lists) -> bool:
    """Decide a criterion on a value that is there."""
    own = fold(value) if isinstance(value, str) else value
    match leaf:
        case ex.Comparison(op=op, value=literal):
            return _compare(op, own, _key(literal.value))
        case ex.In(plain=values, negated=negated):
            return (own in map(_key, values)) is not negated
        case ex.InList(key=key, negated=negated):
            return (own in list_values(lists, str(key.value), field.kind)) is not negated
        case ex.Between(low=low, high=high):
            return bool(_key(low.value) <= own <= _key(high.value))
    raise AssertionError(leaf)


def _key(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


def list_values(lists: Lists, key: str, kind: Kind) -> set[Any]:
    """Return the values of a named list in the form in which a field of ``kind`` compares."""
    return {_key(read_value(kind, item)) for item in lists[key]} - {None}


def _compare(op: str, left: Any, right: Any) -> bool:
    match op:
        case "=":
            return bool(left == right)
        case "<>":
            return bool(left != right)
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case _:
            return bool(left >= right)
