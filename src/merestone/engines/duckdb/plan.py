"""Rules made ready for the relational plan: what does not depend on a table.

Each rule has branches (alternatives), each branch at most one test per attribute; equal tests are kept once. Tests are
numbered within their attribute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from merestone.core.criteria import Expr, leaves
from merestone.core.criteria import expression as ex
from merestone.core.criteria.fields import Field
from merestone.core.model.columns import Kind
from merestone.core.rules import Ruleset
from merestone.engines.duckdb.branches import RECORD, Signed, branches, signed
from merestone.engines.duckdb.sql import Lists, wanted

_ORDERED_CALLS = frozenset({"starts_with"})


@dataclass(frozen=True, slots=True)
class RuleBranch:
    """One alternative of a rule: the tests, by attribute, that must all pass."""

    rule: int
    tests: dict[int, int]


@dataclass(frozen=True)
class Attribute:
    """A field, or the whole record, with the tests that look at it.

    Parameters
    ----------
    field : Field or None
        None = the whole record.
    tests : tuple of Signed
        By number.
    """

    field: Field | None
    tests: tuple[Signed, ...]

    def numbers(self, way: str) -> list[int]:
        """Return the tests decided one ``way``: ``"values"``, ``"spans"`` or ``"sql"``."""
        return [number for number, test in enumerate(self.tests) if self.way(test) == way]

    def way(self, test: Signed) -> str:
        """Return how a test is decided: by a join with its values, by spans of ranks, or by SQL."""
        if self.field is None:
            return "sql"
        if self.field.kind is Kind.TEXT and _values_of(test.expr):
            return "values"
        is_ordered = self.field.kind not in (Kind.TEXT, Kind.LIST)
        return "spans" if is_ordered or all(map(_is_span, leaves(test.expr))) else "sql"

    def literals(self, lists: Lists) -> pa.Table:
        """Return the table (test, value) of the tests decided by a join."""
        assert self.field is not None
        pairs = [
            (number, value)
            for number in self.numbers("values")
            for value in _wanted(self.tests[number].expr, self.field, lists)
        ]
        return pa.table(
            {
                "test": pa.array([number for number, _ in pairs], pa.int32()),
                "value": pa.array([value for _, value in pairs], pa.string()),
            }
        )


@dataclass(frozen=True)
class Plan:
    """A ruleset as tests and branches."""

    ruleset: Ruleset
    attributes: tuple[Attribute, ...]
    branches: tuple[RuleBranch, ...]

    @property
    def depth(self) -> int:
        """Number of levels of the tree."""
        return max((rule.depth + 1 for rule in self.ruleset.rules), default=0)

    @cached_property
    def levels(self) -> tuple[tuple[RuleBranch, ...], ...]:
        """The branches by depth of their rule."""
        levels: list[list[RuleBranch]] = [[] for _ in range(self.depth)]
        for branch in self.branches:
            levels[self.ruleset.rules[branch.rule].depth].append(branch)
        return tuple(map(tuple, levels))

    @cached_property
    def rules(self) -> pa.Table:
        """The rules as a table."""
        rules = self.ruleset.rules
        has_children = {rule.parent for rule in rules}
        return pa.table(
            {
                "rule": pa.array(range(len(rules)), pa.int32()),
                "key": pa.array([rule.key for rule in rules], pa.string()),
                "is_primary": pa.array([rule.is_primary for rule in rules], pa.bool_()),
                "claims": pa.array([rule.where is not None for rule in rules], pa.bool_()),
                "has_children": pa.array([n in has_children for n in range(len(rules))], pa.bool_()),
                "priority": pa.array([rule.priority for rule in rules], pa.int64()),
                "depth": pa.array([rule.depth for rule in rules], pa.int32()),
                "n_criteria": pa.array([rule.n_criteria for rule in rules], pa.int32()),
            }
        )

    @cached_property
    def names(self) -> pa.Table:
        """The names and exclusions of rules: ``rule``, ``name`` (folded), ``is_exclusion``."""
        rows = [
            (number, name, is_exclusion)
            for number, rule in enumerate(self.ruleset.rules)
            for names, is_exclusion in ((rule.named - rule.exclude, False), (rule.exclude, True))
            for name in sorted(names)
        ]
        return pa.table(
            {
                "rule": pa.array([row[0] for row in rows], pa.int32()),
                "name": pa.array([row[1] for row in rows], pa.string()),
                "is_exclusion": pa.array([row[2] for row in rows], pa.bool_()),
            }
        )

    @cached_property
    def literals(self) -> tuple[pa.Table | None, ...]:
        """Per attribute the table of values to join with, if any."""
        lists = self.ruleset.lists
        return tuple(
            attribute.literals(lists) if attribute.numbers("values") else None
            for attribute in self.attributes
        )


def make_plan(ruleset: Ruleset) -> Plan:
    """Return the plan of a ruleset."""
    tests: dict[str, dict[Signed, int]] = {}
    rule_branches = [
        (
            rule,
            {attribute: _number(tests.setdefault(attribute, {}), expr) for attribute, expr in branch.items()},
        )
        for rule, definition in enumerate(ruleset.rules)
        for branch in branches(definition.where, ruleset.fields)
    ]
    position = {attribute: index for index, attribute in enumerate(tests)}
    return Plan(
        ruleset,
        tuple(
            Attribute(None if name == RECORD else ruleset.fields[name], tuple(known))
            for name, known in tests.items()
        ),
        tuple(
            RuleBranch(rule, {position[attribute]: test for attribute, test in branch.items()})
            for rule, branch in rule_branches
        ),
    )


def _number(known: dict[Signed, int], expr: Expr) -> int:
    return known.setdefault(signed(expr), len(known))


def _values_of(expr: Expr) -> bool:
    return isinstance(expr, ex.In | ex.InList) or (isinstance(expr, ex.Comparison) and expr.op == "=")


def _wanted(expr: Expr, field: Field, lists: Lists) -> Iterator[str]:
    if isinstance(expr, ex.Comparison):
        expr = ex.In(expr.field, (expr.value,))
    assert isinstance(expr, ex.In | ex.InList)
    yield from map(str, wanted(expr, field, lists))


def _is_span(leaf: ex.Leaf) -> bool:
    return not isinstance(leaf, ex.Call) or leaf.name in _ORDERED_CALLS
