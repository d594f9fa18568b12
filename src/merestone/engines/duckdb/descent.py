"""Down the tree, level by level: ``reached`` holds who matches a parent, ``matches`` who matches what.

Each branch is entered through its rarest test: the pairs (parent, code) that pass it are joined with the pairs
(parent, row) of the level above, so a child never sees what its parent does not match. The other tests of the branch
are then asked of those candidates only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp

from merestone.core.model.columns import Kind
from merestone.engines.duckdb.book import Book
from merestone.engines.duckdb.columns import read_column
from merestone.engines.duckdb.plan import Plan, RuleBranch
from merestone.engines.duckdb.session import Session
from merestone.engines.duckdb.sql import all_rows_of

ROOT = -1
_EVERYTHING = (-1, 2**31 - 1)  # the span that every rank is in

_STANDING = """
    SELECT *, CAST(row_number() OVER (ORDER BY priority, -depth, -n_criteria, key) - 1 AS INTEGER) AS standing
    FROM unranked
"""
"""The winning order; keys compare by code point, as DuckDB compares text."""

_NAMES = "SELECT k.row, n.rule, n.is_exclusion FROM keys AS k JOIN names AS n ON n.name = k.name"
_CLAIMS = """
    SELECT n.row, r.rule, r.standing AS place, TRUE AS is_named, r.is_primary
    FROM mentioned AS n JOIN rules AS r ON r.rule = n.rule
    WHERE NOT n.is_exclusion
    UNION ALL
    SELECT m.row, r.rule, r.standing + (SELECT CAST(count(*) AS INTEGER) FROM rules), FALSE, r.is_primary
    FROM matches AS m JOIN rules AS r ON r.rule = m.rule
    WHERE r.claims AND NOT EXISTS (
        SELECT 1 FROM mentioned AS n WHERE n.row = m.row AND n.rule = m.rule AND NOT n.is_exclusion
    )
"""
_ROOT = "SELECT row, CAST(-1 AS INTEGER) AS rule FROM facts"
_NONE = "SELECT row, CAST(-1 AS INTEGER) AS rule FROM facts WHERE FALSE"


@dataclass(frozen=True)
class Entry:
    """A branch on its way through the plan: the attribute it is entered by, and what it still has to pass."""

    branch: RuleBranch
    parent: int
    access: int | None


def find_claims(session: Session, plan: Plan, table: pa.Table) -> None:
    """Fill ``facts``, ``rules`` and ``claims`` (row, rule, place in the winning order, is_named, is_primary).

    A territory claims a record by name, or by its criterion; names have the first places.
    """
    session.show("unranked", plan.rules)
    session.create_from("rules", _STANDING)
    _load_names(session, plan, table)
    book = Book(session, plan, table)
    _descend(book)
    session.create_from("claims", _CLAIMS)


def _load_names(session: Session, plan: Plan, table: pa.Table) -> None:
    """Fill ``mentioned`` (row, rule, is_exclusion), by the key that ``core.rules.record_key`` gives."""
    names = plan.names
    session.show("names", names)
    keys = pa.table({"row": pa.array([], pa.int32()), "name": pa.array([], pa.string())})
    if names.num_rows:
        column = table["external_id" if "external_id" in table.column_names else "id"]
        read = read_column(Kind.TEXT, column, n_rows=table.num_rows)
        rows = np.flatnonzero(read.codes >= 0).astype(np.int32)
        folded = pa.array(read.ranks.values, pa.large_string())
        keys = pa.table({"row": rows, "name": folded.take(pa.array(read.codes[rows]))})
    session.show("keys", keys)
    session.create_from("mentioned", _NAMES)


def _descend(book: Book) -> None:
    session = book.session
    session.create_from("reached", _ROOT)
    session.create_from("matches", _NONE)
    for level in book.plan.levels:
        groups = _entries(book, level)
        if groups:
            found = [_entering(book, access, entries) for access, entries in groups.items()]
            session.create("level", _not_excluded(all_rows_of(found)))
            session.insert(
                "matches", exp.select(exp.column("row"), exp.column("rule")).from_(exp.to_table("level"))
            )
            session.create("reached", _with_children())
        else:
            session.create_from("reached", _NONE)


def _not_excluded(found: exp.Query) -> exp.Query:
    """Return the distinct (row, rule) found, without those that the rule excludes."""
    excluded = (
        exp.select(exp.Literal.number(1))
        .from_(_table("mentioned", "e"))
        .where(
            _equal("row", "e", "row", "f"), _equal("rule", "e", "rule", "f"), exp.column("is_exclusion", "e")
        )
    )
    return (
        exp.select(exp.column("row", "f"), exp.column("rule", "f"))
        .from_(found.subquery("f", copy=False), copy=False)
        .where(exp.not_(exp.Exists(this=excluded)), copy=False)
        .distinct(copy=False)
    )


def _with_children() -> exp.Query:
    return (
        exp.select(exp.column("row", "l"), exp.column("rule", "l"))
        .from_(_table("level", "l"))
        .join(_table("rules", "r"), on=_equal("rule", "r", "rule", "l"))
        .where(exp.column("has_children", "r"))
    )


def _entries(book: Book, level: Sequence[RuleBranch]) -> dict[int | None, list[Entry]]:
    """Return the branches that can match at all, by the attribute of their rarest test."""
    groups: dict[int | None, list[Entry]] = defaultdict(list)
    for branch in level:
        rows = {
            attribute: book.n_rows_of.get((attribute, test), 0)
            for attribute, test in branch.tests.items()
            if (attribute, test) not in book.spans and book.is_wanted(attribute, test)
        }
        access = min(rows, key=lambda attribute: rows[attribute], default=None)
        if access is None or rows[access]:
            parent = book.plan.ruleset.rules[branch.rule].parent
            groups[access].append(Entry(branch, ROOT if parent is None else parent, access))
    return groups


def _entering(book: Book, access: int | None, entries: Sequence[Entry]) -> exp.Query:
    """Return the (row, rule) that pass the branches entered by one attribute."""
    name = f"b{'' if access is None else access}"
    book.session.show(name, _branch_table(book, entries))
    entered, conditions = _table(name, "b"), [_equal("parent", "b", "rule", "p")]
    if access is not None:
        entered = _with_codes(name, access).subquery("b", copy=False)
        conditions.append(_equal("code", "b", f"c{access}", "f"))
    query = (
        exp.select(exp.column("row", "p"), exp.column("rule", "b"))
        .from_(_table("reached", "p"), copy=False)
        .join(_table("facts", "f"), on=_equal("row", "f", "row", "p"), copy=False)
        .join(entered, on=exp.and_(*conditions, copy=False), copy=False)
    )
    for attribute in _attributes(book, entries, is_span=False):
        hits = f"h{attribute}"
        both = exp.and_(
            _equal("test", hits, f"t{attribute}", "b"), _equal("code", hits, f"c{attribute}", "f"), copy=False
        )
        query = query.join(_table(hits, hits), on=both, join_type="left", copy=False)
        query = query.where(_passes(attribute), copy=False)
    for attribute in _attributes(book, entries, is_span=True):
        code = exp.column(f"c{attribute}", "f")
        query = query.where(
            exp.GTE(this=code, expression=exp.column(f"lo{attribute}", "b")),
            exp.LT(this=code.copy(), expression=exp.column(f"hi{attribute}", "b")),
            copy=False,
        )
    return query


def _attributes(book: Book, entries: Sequence[Entry], *, is_span: bool) -> list[int]:
    """Return the attributes, other than that of entry, with tests kept as spans, or as sets."""
    return sorted(
        {
            attribute
            for entry in entries
            for attribute, test in entry.branch.tests.items()
            if attribute != entry.access and ((attribute, test) in book.spans) is is_span
        }
    )


def _branch_table(book: Book, entries: Sequence[Entry]) -> pa.Table:
    """Return a row per branch: parent, rule, the test of entry, and its other tests by attribute."""
    columns: dict[str, Any] = {
        "parent": pa.array([entry.parent for entry in entries], pa.int32()),
        "rule": pa.array([entry.branch.rule for entry in entries], pa.int32()),
        "entry": pa.array(
            [None if entry.access is None else entry.branch.tests[entry.access] for entry in entries],
            pa.int32(),
        ),
    }
    for attribute in _attributes(book, entries, is_span=True):
        found = [
            book.spans.get((attribute, entry.branch.tests.get(attribute, -1)), _EVERYTHING)
            for entry in entries
        ]
        columns[f"lo{attribute}"] = pa.array([low for low, _ in found], pa.int32())
        columns[f"hi{attribute}"] = pa.array([high for _, high in found], pa.int32())
    for attribute in _attributes(book, entries, is_span=False):
        tests = [_set_test(book, attribute, entry) for entry in entries]
        columns[f"t{attribute}"] = pa.array(tests, pa.int32())
        columns[f"w{attribute}"] = pa.array(
            [None if test is None else book.is_wanted(attribute, test) for test in tests], pa.bool_()
        )
    return pa.table(columns)


def _set_test(book: Book, attribute: int, entry: Entry) -> int | None:
    test = entry.branch.tests.get(attribute)
    is_other = attribute != entry.access and (attribute, test) not in book.spans
    return test if is_other else None


def _with_codes(name: str, access: int) -> exp.Query:
    """Return the branches once per rank that passes their test of entry."""
    return (
        exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier("b")), exp.column("code", "h"))
        .from_(_table(name, "b"), copy=False)
        .join(_table(f"h{access}", "h"), on=_equal("test", "h", "entry", "b"))
    )


def _passes(attribute: int) -> exp.Expr:
    """Return the condition that a branch has no set test of the attribute, or that the row passes it."""
    no_test = exp.Is(this=exp.column(f"t{attribute}", "b"), expression=exp.Null())
    is_found = exp.not_(exp.Is(this=exp.column("test", f"h{attribute}"), expression=exp.Null()))
    return exp.or_(
        no_test, exp.EQ(this=exp.paren(is_found), expression=exp.column(f"w{attribute}", "b")), copy=False
    )


def _table(name: str, alias: str) -> exp.Expr:
    return exp.alias_(exp.to_table(name), alias, table=True)


def _equal(left: str, left_table: str, right: str, right_table: str) -> exp.Expr:
    return exp.EQ(this=exp.column(left, left_table), expression=exp.column(right, right_table))
