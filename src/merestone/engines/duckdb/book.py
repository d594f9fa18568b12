"""A batch of records as tables of the database, and the tests decided on their distinct values.

``facts`` has a row per record and a column ``c<n>`` per attribute with the rank of its value (-1 = missing); for tests
of the whole record the rank is the row itself. A test is then either a span of ranks, kept beside the branch, or a set
of ranks: the rows (test, code) of ``h<n>``. Texts are found by one join of all literals with the distinct values
``d<n>``, whatever the number of rules; only what no join can say is rendered as a condition and asked of ``d<n>``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
from sqlglot import exp

from merestone.core.criteria import expression as ex
from merestone.core.criteria.fields import Field
from merestone.core.model.columns import Kind
from merestone.core.rules import Ruleset
from merestone.engines.duckdb.columns import Column, degrees, read_column
from merestone.engines.duckdb.plan import Attribute, Plan
from merestone.engines.duckdb.session import NoMemoryError, Session
from merestone.engines.duckdb.spans import MISSING, Span, expand, spans
from merestone.engines.duckdb.sql import (
    SPELLING,
    Columns,
    Lists,
    all_rows_of,
    any_of,
    compare,
    haversine_km,
    never,
    number,
    text,
    to_sql,
    within,
)

MAX_EXPANDED = 40_000_000  # ranks of spans kept one by one, in one batch
_QUERIES_AT_ONCE = 64
_BORDER_KM = 0.001  # nearer than this to its limit a distance is computed once more, as the row oracle does


class Facts:
    """The columns of a batch that rules look at, each read once."""

    def __init__(self, ruleset: Ruleset, table: pa.Table) -> None:
        self.ruleset, self.table = ruleset, table
        self.n_rows = table.num_rows
        self._columns: dict[str, Column] = {}

    def column(self, field: Field) -> Column:
        """Return a field's column."""
        if field.name not in self._columns:
            names = {name: name for name in self.table.column_names}
            name = self.ruleset.fields.raw(names, field)
            stored = None if name is None else self.table[name]
            self._columns[field.name] = read_column(field.kind, stored, n_rows=self.n_rows)
        return self._columns[field.name]

    def codes(self, attribute: Attribute) -> np.ndarray:
        """Return the rank of each row's value."""
        if attribute.field is None:
            return np.arange(self.n_rows, dtype=np.int32)
        return self.column(attribute.field).codes

    def distinct(self, field: Field) -> pa.Table:
        """Return a text's or list's distinct values by ``code``, with a last row for a missing one."""
        column = self.column(field)
        codes = pa.array([*range(len(column.ranks)), MISSING], pa.int32())
        return pa.table({"code": codes, **self._values(field, np.asarray(codes))})

    def records(self, fields: Sequence[Field], *, with_location: bool) -> pa.Table:
        """Return whole records by ``code``, the row's number; numbers and dates as ranks."""
        columns: dict[str, pa.Array] = {"code": pa.array(np.arange(self.n_rows, dtype=np.int32))}
        for field in fields:
            columns |= self._values(field, self.column(field).codes)
        for name in ("latitude", "longitude") if with_location else ():
            column = self.column(self.ruleset.fields[name])
            columns[_DEGREES[name]] = pa.array(degrees(column), pa.float64(), mask=column.codes == MISSING)
        return pa.table(columns)

    def _values(self, field: Field, codes: np.ndarray) -> dict[str, pa.Array]:
        column, missing = self.column(field), codes == MISSING
        if field.kind not in (Kind.TEXT, Kind.LIST):
            return {field.name: pa.array(codes, pa.int32(), mask=missing)}
        rows = pa.array(np.maximum(codes, 0), pa.int64(), mask=missing)
        if field.kind is Kind.LIST:
            items = pa.array([list(items) for items in column.ranks.values], pa.list_(pa.large_string()))
            return {field.name: items.take(rows)}
        folded = pa.array(column.ranks.values, pa.large_string())
        return {
            field.name: folded.take(rows),
            field.name + SPELLING: pa.array(column.spellings, pa.large_string()).take(rows),
        }


_DEGREES: Mapping[str, str] = {"latitude": "latitude__degrees", "longitude": "longitude__degrees"}


class RankedColumns(Columns):
    """Numbers and dates are compared by rank, and places and patterns by the functions of the session."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def ordered(self, leaf: ex.Leaf, field: Field, lists: Lists) -> exp.Expr:
        """Return a comparison as spans of ranks."""
        column = self.value(field)
        found = spans(leaf, self.facts.column(field).ranks, field, lists)
        return (
            any_of(
                exp.and_(compare(column.copy(), ">=", number(low)), compare(column.copy(), "<", number(high)))
                for low, high in found
            )
            if found
            else never(column)
        )

    def degrees(self) -> tuple[exp.Expr, exp.Expr]:
        """Return the coordinates, which the records have as floats."""
        return exp.column(_DEGREES["latitude"]), exp.column(_DEGREES["longitude"])

    def matches(self, spelling: exp.Expr, pattern: str) -> exp.Expr:
        """Return whether the pattern is found, by the same RE2 as everywhere."""
        return exp.Anonymous(this="found_in", expressions=[text(pattern), spelling])

    def within_km(self, latitude: float, longitude: float, *, km: float) -> exp.Expr:
        """Return the distance compared; on the border the last bit of an arc sine must not decide."""
        north, east = self.degrees()
        distance = haversine_km(north, east, latitude=latitude, longitude=longitude)
        is_border = compare(
            exp.Abs(this=exp.Sub(this=distance, expression=number(km))), "<=", number(_BORDER_KM)
        )
        exact = exp.Anonymous(
            this="exact_km", expressions=[north.copy(), east.copy(), *map(_double, (latitude, longitude))]
        )
        return within(
            north,
            east,
            latitude,
            km=km,
            decided=[
                (_is_nowhere(east), exp.Boolean(this=False)),
                (is_border, compare(exact, "<=", _double(km))),
            ],
            otherwise=compare(distance.copy(), "<=", _double(km)),
        )


def _is_nowhere(degrees: exp.Expr) -> exp.Expr:
    """Return whether a coordinate is infinite, which stands as NaN: that is above all numbers here."""
    return exp.GT(this=exp.Abs(this=degrees.copy()), expression=number(1e300))


def _double(value: float) -> exp.Expr:
    return exp.cast(exp.Literal.string(repr(value)), "DOUBLE")


class Book:
    """A batch loaded into a session, with its tests decided."""

    def __init__(self, session: Session, plan: Plan, table: pa.Table) -> None:
        self.session, self.plan = session, plan
        self.facts = Facts(plan.ruleset, table)
        self.spans: dict[tuple[int, int], Span] = {}
        self.is_empty: set[tuple[int, int]] = set()
        self._n_expanded = 0
        codes = {f"c{index}": self.facts.codes(item) for index, item in enumerate(plan.attributes)}
        rows = np.arange(table.num_rows, dtype=np.int32)
        session.load("facts", pa.table({"row": rows, **codes}))
        for index, attribute in enumerate(plan.attributes):
            self._decide(index, attribute)

    @cached_property
    def n_rows_of(self) -> dict[tuple[int, int], int]:
        """How many rows pass each test that is kept as a set: (attribute, test) to rows."""
        if not self.plan.attributes:
            return {}
        counts = self.session.fetch(all_rows_of([*map(_rows_per_test, range(len(self.plan.attributes)))]))
        return {(row["attribute"], row["test"]): row["n"] for row in counts.to_pylist()}

    def is_wanted(self, attribute: int, number: int) -> bool:
        """Return whether the ranks kept for a test are those that pass, or those that fail."""
        item = self.plan.attributes[attribute]
        return item.way(item.tests[number]) == "spans" or item.tests[number].sign

    def _decide(self, index: int, attribute: Attribute) -> None:
        """Make the table ``h<n>``: for each test that is not one span, the ranks that pass it (or that fail it)."""
        self.session.show(f"s{index}", self._span_hits(index, attribute))
        self._load_distinct(index, attribute)
        queries = [
            exp.select(exp.column("test"), exp.column("code")).from_(exp.to_table(f"s{index}")),
            *self._value_hits(index, attribute),
            *self._sql_hits(index, attribute),
        ]
        self.session.create(f"h{index}", all_rows_of(queries[:_QUERIES_AT_ONCE]))
        for start in range(_QUERIES_AT_ONCE, len(queries), _QUERIES_AT_ONCE):
            self.session.insert(f"h{index}", all_rows_of(queries[start : start + _QUERIES_AT_ONCE]))

    def _span_hits(self, index: int, attribute: Attribute) -> pa.Table:
        """Return the ranks of tests by spans; a single wide span is kept as it is instead."""
        tests, codes = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
        for number_ in attribute.numbers("spans"):
            assert attribute.field is not None
            test, ranks = attribute.tests[number_], self.facts.column(attribute.field).ranks
            expr = test.expr if test.sign else ex.Not(test.expr)
            found = spans(expr, ranks, attribute.field, self.plan.ruleset.lists)
            n_codes = sum(high - low for low, high in found)
            if not found:
                self.is_empty.add((index, number_))
            elif len(found) == 1 and n_codes * 8 > len(ranks):
                self.spans[index, number_] = found[0]
            else:
                self._n_expanded += n_codes
                if self._n_expanded > MAX_EXPANDED:
                    raise NoMemoryError(
                        "The rules hold for more values than fit into memory.", fix="Match with the kernel."
                    )
                codes.append(expand(found))
                tests.append(np.full(n_codes, number_, np.int32))
        return pa.table({"test": np.concatenate(tests), "code": np.concatenate(codes)})

    def _value_hits(self, index: int, attribute: Attribute) -> Iterator[exp.Query]:
        literals = self.plan.literals[index]
        if literals is None:
            return
        assert attribute.field is not None
        self.session.show(f"l{index}", literals)
        values = exp.column(attribute.field.name, "d", quoted=True)
        yield (
            exp.select(exp.column("test", "l"), exp.column("code", "d"))
            .from_(exp.alias_(exp.to_table(f"l{index}"), "l", table=True))
            .join(
                exp.alias_(exp.to_table(f"d{index}"), "d", table=True),
                on=exp.EQ(this=values, expression=exp.column("value", "l")),
            )
        )
        failing = [number_ for number_ in attribute.numbers("values") if not attribute.tests[number_].sign]
        if failing:  # unknown is not the opposite of found
            yield from (exp.select(number(number_), number(MISSING)) for number_ in failing)

    def _load_distinct(self, index: int, attribute: Attribute) -> None:
        if attribute.field is None:
            named = {
                leaf.field.name
                for test in attribute.tests
                for leaf in ex.leaves(test.expr)
                if leaf.field is not None
            }
            fields = {self.plan.ruleset.fields[name] for name in named}
            has_location = any(
                leaf.field is None for test in attribute.tests for leaf in ex.leaves(test.expr)
            )
            ordered = sorted(fields, key=lambda item: item.name)
            self.session.load(f"d{index}", self.facts.records(ordered, with_location=has_location))
        elif attribute.numbers("values") or attribute.numbers("sql"):
            self.session.load(f"d{index}", self.facts.distinct(attribute.field))

    def _sql_hits(self, index: int, attribute: Attribute) -> Iterator[exp.Query]:
        columns, ruleset = RankedColumns(self.facts), self.plan.ruleset
        for number_ in attribute.numbers("sql"):
            test = attribute.tests[number_]
            condition = to_sql(test.expr, fields=ruleset.fields, lists=ruleset.lists, columns=columns)
            if not test.sign:
                condition = exp.not_(exp.Is(this=exp.paren(condition), expression=exp.Boolean(this=False)))
            query = exp.select(number(number_), exp.column("code")).from_(exp.to_table(f"d{index}"))
            yield query.where(condition, copy=False)


def _rows_per_test(index: int) -> exp.Query:
    rows = (
        exp.select(exp.column(f"c{index}").as_("code"), exp.Count(this=exp.Star()).as_("n"))
        .from_("facts")
        .group_by(exp.column(f"c{index}"))
        .subquery("f")
    )
    count = exp.cast(exp.Sum(this=exp.column("n", "f")), "BIGINT")
    return (
        exp.select(number(index).as_("attribute"), exp.column("test", "h"), count.as_("n"))
        .from_(exp.alias_(exp.to_table(f"h{index}"), "h", table=True))
        .join(rows, on=exp.EQ(this=exp.column("code", "h"), expression=exp.column("code", "f")))
        .group_by(exp.column("test", "h"))
    )
