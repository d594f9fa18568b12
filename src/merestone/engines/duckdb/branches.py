"""A criterion as alternatives, each a set of tests that look at one attribute.

``Not`` is pushed down to the leaves, which keeps all three truth values; then ``or`` between different attributes makes
alternatives, while whatever looks at one attribute alone stays one test. What would make too many alternatives, and
what looks at a place, is one test of the whole record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from merestone.core.criteria import Expr, FieldSet, leaves
from merestone.core.criteria import expression as ex

MAX_BRANCHES = 48  # of one rule; beyond that its criterion is tested whole

RECORD = ""  # the attribute of tests that look at the whole record
Branch = dict[str, Expr]


@dataclass(frozen=True, slots=True)
class Signed:
    """A criterion without outer negation, and whether it must hold (True) or fail (False)."""

    expr: Expr
    sign: bool = True


def signed(expr: Expr) -> Signed:
    """Return what a test asks for without its outer ``not``: few values are easier to keep than all others."""
    match expr:
        case ex.Not(part=part):
            inner = signed(part)
            return Signed(inner.expr, not inner.sign)
        case ex.In(field=field, values=values, negated=True):
            return Signed(ex.In(field, values), False)
        case ex.InList(field=field, key=key, negated=True):
            return Signed(ex.InList(field, key), False)
        case ex.IsNull(field=field, negated=True):
            return Signed(ex.IsNull(field), False)
        case ex.Comparison(field=field, op="<>", value=value):
            return Signed(ex.Comparison(field, "=", value), False)
    return Signed(expr)


def branches(expr: Expr | None, fields: FieldSet) -> list[Branch]:
    """Return alternatives of which one must hold: each maps an attribute (a field's name, or ``RECORD``) to its test.

    Parameters
    ----------
    expr : Expr or None
        A checked criterion; None holds always.
    fields : FieldSet
        Resolves aliases.
    """
    return [{}] if expr is None else _branches(_without_not(expr, want=True), fields)


def _without_not(expr: Expr, *, want: bool) -> Expr:
    """Return an expression that is true where ``expr`` is ``want``, with ``not`` before leaves only."""
    if isinstance(expr, ex.Not):
        return _without_not(expr.part, want=not want)
    if isinstance(expr, ex.And | ex.Or):
        kind = ex.And if isinstance(expr, ex.And) is want else ex.Or
        return _join(kind, (_without_not(part, want=want) for part in expr.parts))
    return expr if want else ex.Not(expr)


def _join(kind: type[ex.And] | type[ex.Or], parts: Iterable[Expr]) -> Expr:
    """Return ``and`` or ``or`` of parts, none of its own kind."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def _attribute(expr: Expr, fields: FieldSet) -> str | None:
    """Return the one attribute ``expr`` looks at, or None when there are several."""
    found = {fields[leaf.field.name].name if leaf.field else RECORD for leaf in leaves(expr)}
    return found.pop() if len(found) == 1 else None


def _branches(expr: Expr, fields: FieldSet) -> list[Branch]:
    attribute = _attribute(expr, fields)
    if attribute is not None:
        return [{attribute: expr}]
    if isinstance(expr, ex.Or):
        found = _alternatives(expr.parts, fields)
        return found if len(found) <= MAX_BRANCHES else [{RECORD: expr}]
    assert isinstance(expr, ex.And)
    product: list[Branch] = [{}]
    for alternatives in sorted((_branches(part, fields) for part in expr.parts), key=len):
        if len(product) * len(alternatives) > MAX_BRANCHES:
            return [{RECORD: expr}]
        product = [_both(left, right) for left in product for right in alternatives]
    return product


def _alternatives(parts: Iterable[Expr], fields: FieldSet) -> list[Branch]:
    """Return the branches of ``or``, those that test the same one attribute joined."""
    alone: dict[str, list[Expr]] = {}
    found: list[Branch] = []
    for branch in (branch for part in parts for branch in _branches(part, fields)):
        if len(branch) == 1:
            ((attribute, expr),) = branch.items()
            alone.setdefault(attribute, []).append(expr)
        else:
            found.append(branch)
    return [{attribute: _join(ex.Or, exprs)} for attribute, exprs in alone.items()] + found


def _both(left: Branch, right: Branch) -> Branch:
    def add(branch: Branch, item: tuple[str, Expr]) -> Branch:
        attribute, expr = item
        known = branch.get(attribute)
        return branch | {attribute: expr if known is None else _join(ex.And, (known, expr))}

    return reduce(add, right.items(), left)
