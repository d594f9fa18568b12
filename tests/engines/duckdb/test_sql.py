"""Criteria as SQL: the text in several dialects, and that a database finds in it what the row oracle finds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from tests.core.criteria.strategies import AREAS, DAYS, FIELDS, ITEMS, LISTS, WORDS, exprs

from merestone.core.criteria import evaluate, parse
from merestone.core.criteria.values import fold, read_value
from merestone.core.geo import read_areas
from merestone.core.model.columns import Kind
from merestone.engines.duckdb import render_sql

PLACES, _ = read_areas(AREAS)

# criterion, then the SQL of DuckDB, then, where it differs, that of PostgreSQL
GOLDEN = [
    ("city = ' Straße '", "\"city\" = 'strasse'", None),
    ("name <> 'O''Neil'", "\"name\" <> 'o''neil'", None),
    ("zip between '94' AND '95'", "\"postal_code\" BETWEEN '94' AND '95'", None),
    ("city in ('B', 'a', 'b')", "\"city\" IN ('b', 'a')", None),
    ("city not in list('places')", "NOT \"city\" IN ('94002', 'bern', 'strasse', 'zürich')", None),
    ("employees >= 250.50", '"employees" >= 250.50', None),
    ("employees in (1, 1e2)", '"employees" IN (1, 100)', None),
    ("employees < -3", '"employees" < -3', None),
    ("is_vip <> true", '"is_vip" <> TRUE', None),
    ("customer_since > date '2026-01-31'", "\"customer_since\" > CAST('2026-01-31' AS DATE)", None),
    (
        "received_at = date '2026-01-31'",
        "CAST(\"received_at\" AS DATE) = CAST('2026-01-31' AS DATE)",
        None,
    ),
    ("lat is not null", 'NOT "latitude" IS NULL', None),
    (
        "not (city = 'a' and (tier = 'b' or tier is null))",
        'NOT ("city" = \'a\' AND ("tier" = \'b\' OR "tier" IS NULL))',
        None,
    ),
    (
        "starts_with(naics, '54', '51')",
        "STARTS_WITH(\"naics\", '54') OR STARTS_WITH(\"naics\", '51')",
        None,
    ),
    ("contains(name, 'É')", "STRPOS(\"name\", 'é') > 0", "POSITION('é' IN \"name\") > 0"),
    (
        "matches(city, '^a\\d')",
        "REGEXP_MATCHES(\"city__spelling\", '^a\\d', 'i')",
        "\"city__spelling\" ~* '^a\\d'",
    ),
    (
        "has_any(products, 'CRM', 'é')",
        "\"products_of_interest\" && ['crm', 'é']",
        "\"products_of_interest\" && ARRAY['crm', 'é']",
    ),
    (
        "has_all(products, 'CRM')",
        "\"products_of_interest\" @> ['crm']",
        "\"products_of_interest\" @> ARRAY['crm']",
    ),
    (
        "in_area('fiji')",
        'IN_AREA(\'fiji\', CAST("longitude" AS DOUBLE), CAST("latitude" AS DOUBLE))',
        'IN_AREA(\'fiji\', CAST("longitude" AS DOUBLE PRECISION), CAST("latitude" AS DOUBLE PRECISION))',
    ),
]


@pytest.mark.parametrize(("text", "in_duckdb", "in_postgres"), GOLDEN, ids=[line[0] for line in GOLDEN])
def test_golden_texts(text, in_duckdb, in_postgres):
    expr = parse(text)
    assert render_sql(expr, fields=FIELDS, lists=LISTS) == in_duckdb
    assert render_sql(expr, fields=FIELDS, lists=LISTS, dialect="postgres") == (in_postgres or in_duckdb)


def test_a_text_cannot_leave_its_quotes():
    hostile = "x' or 1=1; drop table t; --"
    sql = render_sql(parse(f"city = '{hostile.replace(chr(39), chr(39) * 2)}'"))
    assert sql == "\"city\" = 'x'' or 1=1; drop table t; --'"


def test_an_empty_list_is_false_where_the_value_is_known():
    expr = parse("city in list('none')")
    assert render_sql(expr, lists={"none": ()}) == '"city" <> "city"'
    assert render_sql(parse("not (city not in list('none'))"), lists={"none": ()}) == 'NOT "city" = "city"'


# --- what a database finds --------------------------------------------------------------------------------------------


def _records() -> list[dict[str, Any]]:
    rng = random.Random(3)

    def one_of(values: Any) -> Any:
        return None if rng.random() < 0.2 else rng.choice(values)

    return [
        {
            "city": one_of(WORDS),
            "name": one_of(WORDS),
            "tier": one_of(WORDS),
            "postal_code": one_of(WORDS),
            "employees": one_of([-1, 0, 10, 100, 250, 251]),
            "revenue": one_of([Decimal("0.10"), Decimal("250.50"), Decimal("-1.00"), Decimal("100.00")]),
            "latitude": one_of([0.0, 0.1, 4.0, 5.0, 10.0, 45.0, -17.0]),
            "longitude": one_of([0.0, 3.0, 5.0, 10.0, 178.0, 180.0, -180.0, -179.0]),
            "customer_since": one_of(DAYS),
            "received_at": one_of(DAYS),
            "is_vip": one_of([True, False]),
            "products_of_interest": one_of([["crm"], ["ERP", "Straße"], ["STRASSE", "é", "crm"]]),
        }
        for _ in range(60)
    ]


RECORDS = _records()


def _normalised() -> pa.Table:
    columns: dict[str, Any] = {}
    for name in RECORDS[0]:
        kind = FIELDS[name].kind
        values = [read_value(kind, record[name]) for record in RECORDS]
        if kind is Kind.TEXT:
            columns[f"{name}__spelling"] = values
            values = [None if value is None else fold(value) for value in values]  # type: ignore[arg-type]
        elif kind is Kind.LIST:
            values = [None if value is None else list(map(fold, value)) for value in values]  # type: ignore[arg-type]
        columns[name] = values
    return pa.table(columns)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    def in_area(key: str, longitude: float, latitude: float) -> bool:
        return bool(PLACES.contains(key, longitude, latitude))

    with duckdb.connect(":memory:") as connection:
        connection.create_function("in_area", in_area, ["VARCHAR", "DOUBLE", "DOUBLE"], "BOOLEAN")
        connection.register("incoming", _normalised())
        connection.sql("CREATE TABLE records AS SELECT * FROM incoming")
        yield connection


def test_a_database_finds_what_the_oracle_finds(database):
    @settings(max_examples=150)
    @given(exprs)
    def holds(expr):
        condition = render_sql(expr, fields=FIELDS, lists=LISTS)
        found = [row[0] for row in database.sql(f"SELECT {condition} FROM records").fetchall()]
        right = [evaluate(expr, record, fields=FIELDS, lists=LISTS, areas=PLACES) for record in RECORDS]
        assert found == right, condition

    holds()


def test_items_of_the_strategies_are_those_of_the_records():
    """The lists above are written out; they must keep to what the strategies ask for."""
    assert {item for record in RECORDS for item in record["products_of_interest"] or ()} == set(ITEMS)
