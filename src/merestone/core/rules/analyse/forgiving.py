"""Rules that forgive a missing field: what they would match if it were filled in suitably."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from merestone.core.criteria import Expr
from merestone.core.criteria import expression as ex
from merestone.core.rules.ruleset import Ruleset

LOCATION = ("latitude", "longitude")


def field_groups(ruleset: Ruleset) -> Mapping[str, tuple[str, ...]]:
    """Return what can be missing: each field that a rule asks by its name, both halves of a place as ``location``."""
    found: dict[str, tuple[str, ...]] = {}
    for rule in ruleset.rules:
        for leaf in ex.leaves(rule.where) if rule.where is not None else ():
            name = _group(ruleset, leaf)
            found[name] = LOCATION if name == "location" else (name,)
    return dict(sorted(found.items()))


def forgiving(ruleset: Ruleset, group: str) -> tuple[Ruleset, list[int]]:
    """Return rules that hold where only a missing field of ``group`` keeps them from it, and their old positions.

    Only rules that ask for the group, on their path, are there (and what lies above them).
    """
    fields = field_groups(ruleset)[group]
    asks: list[bool] = []
    for rule in ruleset.rules:
        own = rule.where is not None and any(_group(ruleset, leaf) == group for leaf in ex.leaves(rule.where))
        asks.append(own or (rule.parent is not None and asks[rule.parent]))
    kept = _with_ancestors(ruleset, [position for position, is_asking in enumerate(asks) if is_asking])
    place = {old: new for new, old in enumerate(kept)}
    rules = tuple(
        replace(
            rule,
            parent=None if rule.parent is None else place[rule.parent],
            where=None if rule.where is None else _forgiven(ruleset, rule.where, group, fields, wanted=True),
        )
        for rule in (ruleset.rules[old] for old in kept)
    )
    return replace(ruleset, rules=rules), [old for old in kept if asks[old]]


def _with_ancestors(ruleset: Ruleset, positions: Collection[int]) -> list[int]:
    found: set[int] = set()
    for position in positions:
        step: int | None = position
        while step is not None and step not in found:
            found.add(step)
            step = ruleset.rules[step].parent
    return sorted(found)


def _group(ruleset: Ruleset, leaf: ex.Leaf) -> str:
    if leaf.field is None:
        return "location"
    name = ruleset.fields[leaf.field.name].name
    return "location" if name in LOCATION else name


def _forgiven(ruleset: Ruleset, expr: Expr, group: str, fields: tuple[str, ...], *, wanted: bool) -> Expr:
    """Return ``expr`` that is True (not ``wanted``: False) where only the missing fields leave it open."""
    if isinstance(expr, ex.Not):
        return ex.Not(_forgiven(ruleset, expr.part, group, fields, wanted=not wanted))
    if isinstance(expr, ex.And):
        return _joined(
            ex.And, [_forgiven(ruleset, part, group, fields, wanted=wanted) for part in expr.parts]
        )
    if isinstance(expr, ex.Or):
        return _joined(ex.Or, [_forgiven(ruleset, part, group, fields, wanted=wanted) for part in expr.parts])
    if isinstance(expr, ex.IsNull) or _group(ruleset, expr) != group:
        return expr
    refs = [ex.FieldRef(name) for name in fields]
    if wanted:
        return ex.Or((expr, *(ex.IsNull(ref) for ref in refs)))
    return ex.And((expr, *(ex.IsNull(ref, negated=True) for ref in refs)))


def _joined(kind: type[ex.And] | type[ex.Or], parts: list[Expr]) -> Expr:
    """Return a tree node without parts of its own kind, as the parser makes them."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
    return kind(tuple(flat))
