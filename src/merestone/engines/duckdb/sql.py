"""Criteria as SQL: a tree becomes a SQLGlot expression, and that the text of any dialect.

The SQL is true, false or NULL where the criterion is true, false or unknown. It reads a *normalised* relation: values
as ``core.criteria.values.read_value`` gives them, texts and the items of lists folded, and the trimmed spelling of a
text in a second column ``<field>__spelling``. Nothing a user wrote is ever joined into SQL as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from sqlglot import exp

from merestone.core.criteria import Expr, FieldSet, standard_fields
from merestone.core.criteria import expression as ex
from merestone.core.criteria.evaluate import list_values
from merestone.core.criteria.fields import Field
from merestone.core.criteria.values import fold
from merestone.core.geo import EARTH_RADIUS_KM
from merestone.core.model.columns import Kind

Lists = Mapping[str, Sequence[str]]
SPELLING = "__spelling"
KM_PER_DEGREE = 111.19  # of latitude, rounded down
_OPERATORS: Mapping[str, type[exp.Binary]] = {
    "=": exp.EQ,
    "<>": exp.NEQ,
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
}


def render_sql(
    expr: Expr,
    *,
    fields: FieldSet | None = None,
    lists: Lists | None = None,
    dialect: str = "duckdb",
    columns: Columns | None = None,
) -> str:
    """Return a checked criterion as the text of an SQL condition (parameters as ``to_sql``).

    Parameters
    ----------
    dialect : str
        A dialect of SQLGlot: ``duckdb``, ``postgres``, ``spark`` …
    """
    return to_sql(expr, fields=fields, lists=lists, columns=columns).sql(dialect=dialect)


def to_sql(
    expr: Expr,
    *,
    fields: FieldSet | None = None,
    lists: Lists | None = None,
    columns: Columns | None = None,
) -> exp.Expr:
    """Return a checked criterion as an SQLGlot condition.

    Parameters
    ----------
    expr : Expr
        A checked tree.
    fields, lists : FieldSet, mapping
        As in ``core.criteria.evaluate``.
    columns : Columns, optional
        How the relation holds the values; a normalised relation with native types when omitted.
    """
    return _Rendering(fields or standard_fields(), lists or {}, columns or Columns()).condition(expr)


def number(value: float | Decimal) -> exp.Expr:
    """Return a number literal, all its digits written."""
    return exp.Literal.number(format(value, "f") if isinstance(value, Decimal) else value)


def text(value: str) -> exp.Expr:
    """Return a text literal."""
    return exp.Literal.string(value)


def literal(value: object) -> exp.Expr:
    """Return the literal of a value in the form in which it compares."""
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "DATE")
    return text(fold(str(value)))


def compare(left: exp.Expr, op: str, right: exp.Expr) -> exp.Expr:
    """Return ``left op right``."""
    return _OPERATORS[op](this=left, expression=right)


def any_of(conditions: Iterable[exp.Expr]) -> exp.Expr:
    """Return ``or`` of conditions; there must be one."""
    return exp.or_(*conditions, copy=False)


def never(column: exp.Expr) -> exp.Expr:
    """Return a condition that is false where the column is known and unknown elsewhere."""
    return exp.NEQ(this=column, expression=column.copy())


def always(column: exp.Expr) -> exp.Expr:
    """Return a condition that is true where the column is known and unknown elsewhere."""
    return exp.EQ(this=column, expression=column.copy())


def all_rows_of(queries: Sequence[exp.Query]) -> exp.Query:
    """Return the rows of all queries; there must be one."""
    return queries[0] if len(queries) == 1 else exp.union(*queries, distinct=False, copy=False)


class Columns:
    """How the relation holds a record's values; an engine with types of its own overrides parts of it."""

    def value(self, field: Field) -> exp.Expr:
        """Return the column of a field: what ``is null`` asks, and what texts and lists compare by."""
        return exp.column(field.name, quoted=True)

    def spelling(self, field: Field) -> exp.Expr:
        """Return the column of a text field's trimmed spelling."""
        return exp.column(field.name + SPELLING, quoted=True)

    def degrees(self) -> tuple[exp.Expr, exp.Expr]:
        """Return the latitude and longitude in degrees, as floats."""
        latitude, longitude = exp.column("latitude", quoted=True), exp.column("longitude", quoted=True)
        return exp.cast(latitude, "DOUBLE"), exp.cast(longitude, "DOUBLE")

    def ordered(self, leaf: ex.Leaf, field: Field, lists: Lists) -> exp.Expr:
        """Return a comparison of a number, date or truth value."""
        column = self.value(field)
        return plain_leaf(
            leaf, exp.cast(column, "DATE") if field.kind is Kind.INSTANT else column, field, lists
        )

    def matches(self, spelling: exp.Expr, pattern: str) -> exp.Expr:
        """Return whether a regular expression is found, without case."""
        return exp.RegexpILike(this=spelling, expression=text(pattern))

    def within_km(self, latitude: float, longitude: float, *, km: float) -> exp.Expr:
        """Return whether the record lies within a distance of a point."""
        north, east = self.degrees()
        distance = haversine_km(north, east, latitude=latitude, longitude=longitude)
        return within(
            north, east, latitude, km=km, decided=[], otherwise=exp.LTE(this=distance, expression=number(km))
        )

    def in_area(self, key: str) -> exp.Expr:
        """Return whether the record lies in a named area: a function ``in_area(key, longitude, latitude)``."""
        north, east = self.degrees()
        return exp.Anonymous(this="in_area", expressions=[text(key), east, north])


def within(
    north: exp.Expr,
    east: exp.Expr,
    latitude: float,
    *,
    km: float,
    decided: Sequence[tuple[exp.Expr, exp.Expr]],
    otherwise: exp.Expr,
) -> exp.Expr:
    """Return ``otherwise`` where the location is known and its latitude near enough to be worth the sines."""
    degrees = km / KM_PER_DEGREE + 1e-6
    climb = exp.Abs(this=exp.Sub(this=north, expression=number(latitude)))
    case = exp.Case().when(exp.or_(_is_null(north), _is_null(east)), exp.Null())
    case = case.when(exp.GT(this=climb, expression=number(degrees)), exp.Boolean(this=False))
    for condition, result in decided:
        case = case.when(condition, result)
    return case.else_(otherwise)


def haversine_km(north: exp.Expr, east: exp.Expr, *, latitude: float, longitude: float) -> exp.Expr:
    """Return the great-circle distance to a point, the formula of ``core.geo.distance_km``."""
    climb = _half_radians(exp.Sub(this=number(latitude), expression=north))
    turn = _half_radians(exp.Sub(this=number(longitude), expression=east))
    flat = exp.Mul(
        this=exp.Mul(this=exp.func("COS", exp.func("RADIANS", north)), expression=_squared_sine(turn)),
        expression=exp.func("COS", exp.func("RADIANS", number(latitude))),
    )
    chord = exp.Add(this=_squared_sine(climb), expression=flat)
    most = exp.Anonymous(this="LEAST", expressions=[chord, number(1.0)])
    return exp.Mul(this=number(2 * EARTH_RADIUS_KM), expression=exp.func("ASIN", exp.func("SQRT", most)))


def _half_radians(degrees: exp.Expr) -> exp.Expr:
    return exp.Div(this=exp.func("RADIANS", degrees), expression=number(2.0), typed=True, safe=False)


def _squared_sine(angle: exp.Expr) -> exp.Expr:
    sine = exp.func("SIN", angle)
    return exp.Mul(this=sine, expression=sine.copy())


def _is_null(column: exp.Expr) -> exp.Expr:
    return exp.Is(this=column.copy(), expression=exp.Null())


def wanted(leaf: ex.In | ex.InList, field: Field, lists: Lists) -> list[object]:
    """Return the distinct values of ``in``, in the form in which they compare, in a stable order."""
    if isinstance(leaf, ex.InList):
        return sorted(list_values(lists, str(leaf.key.value), field.kind))
    if isinstance(leaf.values, ex.Texts):
        return list(dict.fromkeys(map(fold, leaf.values.texts)))
    values = (fold(item.value) if isinstance(item.value, str) else item.value for item in leaf.values)
    return list(dict.fromkeys(values))


def plain_leaf(leaf: ex.Leaf, column: exp.Expr, field: Field, lists: Lists) -> exp.Expr:
    """Return a comparison as SQL writes it."""
    match leaf:
        case ex.Comparison(op=op, value=value):
            return compare(column, op, literal(value.value))
        case ex.Between(low=low, high=high):
            return exp.Between(this=column, low=literal(low.value), high=literal(high.value))
        case ex.In() | ex.InList():
            values = [literal(value) for value in wanted(leaf, field, lists)]
            if not values:  # a named list may be empty, and SQL has no empty IN
                return always(column) if leaf.negated else never(column)
            found = exp.In(this=column, expressions=values)
            return exp.not_(found, copy=False) if leaf.negated else found
    raise AssertionError(leaf)


class _Rendering:
    def __init__(self, fields: FieldSet, lists: Lists, columns: Columns) -> None:
        self.fields, self.lists, self.columns = fields, lists, columns

    def condition(self, expr: Expr) -> exp.Expr:
        if isinstance(expr, ex.And):
            return exp.and_(*map(self.condition, expr.parts), copy=False)
        if isinstance(expr, ex.Or):
            return any_of(map(self.condition, expr.parts))
        if isinstance(expr, ex.Not):
            return exp.not_(self.condition(expr.part), copy=False)
        return self.call(expr) if isinstance(expr, ex.Call) else self.leaf(expr)

    def leaf(self, leaf: ex.Comparison | ex.In | ex.InList | ex.Between | ex.IsNull) -> exp.Expr:
        field = self.fields[leaf.field.name]
        if isinstance(leaf, ex.IsNull):
            missing = _is_null(self.columns.value(field))
            return exp.not_(missing, copy=False) if leaf.negated else missing
        if field.kind is Kind.TEXT:
            return plain_leaf(leaf, self.columns.value(field), field, self.lists)
        return self.columns.ordered(leaf, field, self.lists)

    def call(self, call: ex.Call) -> exp.Expr:
        values = [value.value for value in call.values]
        if call.field is None:
            return self.place(call.name, values)
        field = self.fields[call.field.name]
        column = self.columns.value(field)
        match call.name:
            case "starts_with":
                return any_of(
                    exp.StartsWith(this=column.copy(), expression=text(str(value).casefold()))
                    for value in values
                )
            case "contains":
                found = (
                    exp.StrPosition(this=column.copy(), substr=text(str(value).casefold()))
                    for value in values
                )
                return any_of(exp.GT(this=position, expression=exp.Literal.number(0)) for position in found)
            case "matches":
                return self.columns.matches(self.columns.spelling(field), str(values[0]))
        items = exp.array(*(text(fold(str(value))) for value in values))
        return (exp.ArrayOverlaps if call.name == "has_any" else exp.ArrayContainsAll)(
            this=column, expression=items
        )

    def place(self, name: str, values: Sequence[object]) -> exp.Expr:
        if name == "in_area":
            return self.columns.in_area(str(values[0]))
        latitude, longitude, km = (float(value) for value in values)  # type: ignore[arg-type]
        return self.columns.within_km(latitude, longitude, km=km)
