"""The kernel equals the row oracle on every row, whatever types the columns arrive in."""

from __future__ import annotations

import importlib.util
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.criteria.strategies import records
from tests.core.rules.documents import IDS, documents

from merestone.base.errors import UsageError
from merestone.core.rules import Ruleset, compile_ruleset, match_record, read_document
from merestone.engines.kernel import KernelMatcher
from merestone.engines.kernel.settle import ANSWERS as RESULT_SCHEMA

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("external_id", pa.string()),
        ("city", pa.string()),
        ("name", pa.large_string()),
        ("tier", pa.dictionary(pa.int32(), pa.string())),
        ("postal_code", pa.string()),
        ("employees", pa.int32()),
        ("revenue", pa.decimal128(14, 2)),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("customer_since", pa.date32()),
        ("received_at", pa.timestamp("us", "UTC")),
        ("is_vip", pa.bool_()),
        ("products_of_interest", pa.list_(pa.string())),
    ]
)
OTHER_TYPES = {
    "revenue": pa.float64(),
    "employees": pa.float64(),
    "city": pa.string_view(),
    "customer_since": pa.timestamp("s"),
    "received_at": pa.timestamp("ms", "America/New_York"),
    "products_of_interest": pa.large_list(pa.large_string()),
}
OTHER_SCHEMA = pa.schema([field.with_type(OTHER_TYPES.get(field.name, field.type)) for field in SCHEMA])


def table_of(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = {}
    for field in schema:
        values = [row.get(field.name) for row in rows]
        if pa.types.is_floating(field.type):
            values = [float(value) if isinstance(value, Decimal) else value for value in values]
        stored_as = pa.date32() if field.name == "customer_since" else field.type
        columns[field.name] = pa.array(values, stored_as).cast(field.type)
    return pa.table(columns)


def oracle(ruleset: Ruleset, record: dict[str, Any]) -> dict[str, Any]:
    match = match_record(ruleset, record)
    return {
        "id": record["id"],
        "territory": match.winner,
        "cause": match.cause,
        "n_matches": len(match.matches),
        "runner_up": match.runner_up,
        "rank": match.rank,
        "overlays": list(match.overlays),
    }


def assert_equal_to_oracle(ruleset: Ruleset, table: pa.Table) -> None:
    assert KernelMatcher().match(ruleset, table).to_pylist() == [
        oracle(ruleset, row) for row in table.to_pylist()
    ]


@st.composite
def tables(draw: Any) -> list[dict[str, Any]]:
    rows = draw(st.lists(records, max_size=12))
    return [
        row | {"id": number, "external_id": draw(st.none() | st.sampled_from([*IDS, "z"]))}
        for number, row in enumerate(rows)
    ]


@pytest.mark.parametrize("schema", [SCHEMA, OTHER_SCHEMA], ids=["contract types", "other types"])
def test_kernel_equals_the_oracle_on_random_rules_and_records(schema):
    @settings(suppress_health_check=[HealthCheck.too_slow], max_examples=100, deadline=None)
    @given(documents(is_plain=True), tables())
    def holds(document, rows):
        assert_equal_to_oracle(compile_ruleset(document), table_of(rows, schema))

    holds()


def rules_of(*territories: dict[str, Any], **top: Any) -> Ruleset:
    return compile_ruleset(
        read_document({"merestone": 1, "model": {"key": "m"}, "territories": list(territories), **top})
    )


def test_the_result_has_the_promised_columns():
    result = KernelMatcher().match(
        rules_of({"key": "a", "where": "country = 'US'"}), pa.table({"id": ["x"], "country": ["us "]})
    )
    assert result.schema == pa.schema([("id", pa.string()), *RESULT_SCHEMA])
    assert result.to_pylist() == [
        {
            "id": "x",
            "territory": "a",
            "cause": "rule",
            "n_matches": 1,
            "runner_up": None,
            "rank": "only",
            "overlays": [],
        }
    ]


@pytest.mark.parametrize("rows", [0, 3])
def test_no_rules_and_no_rows(rows):
    table = pa.table({"id": pa.array(range(rows), pa.int64())})
    for ruleset in (
        rules_of(),
        rules_of({"key": "a", "where": "country = 'US'", "named": ["1"]}),
        rules_of({"key": "g"}),
    ):
        assert_equal_to_oracle(ruleset, table)
        assert KernelMatcher().match(ruleset, table).num_rows == rows


def test_a_table_without_id_is_refused():
    with pytest.raises(UsageError, match="id"):
        KernelMatcher().match(rules_of(), pa.table({"country": ["US"]}))


VALUES = {
    "text given as numbers": ("postal_code = '94002'", "zip", [94002, 5, None], pa.int64()),
    "numbers given as text": ("employees >= 20", "employees", ["20", " 19.5", "many", None], pa.string()),
    "floats with decimals": (
        "revenue = 0.3",
        "revenue",
        [0.1 + 0.2, 0.3, float("nan"), float("inf"), None],
        pa.float64(),
    ),
    "32-bit floats": ("revenue > 0.1", "revenue", [0.1, 0.2, None], pa.float32()),
    "large integers": ("employees > 9007199254740992", "employees", [2**53, 2**53 + 1, None], pa.int64()),
    "unsigned integers": ("employees < 0 or employees > 254", "employees", [0, 255, None], pa.uint8()),
    "long decimals": (
        "revenue <= 123456789012345678901234.56",
        "revenue",
        [Decimal("123456789012345678901234.56"), Decimal("123456789012345678901234.57"), None],
        pa.decimal128(30, 2),
    ),
    "truth as text": ("is_vip = true", "is_vip", ["true", "No", "maybe", None], pa.string()),
    "dates as text": (
        "customer_since < date '2026-01-01'",
        "customer_since",
        ["2025-12-31", "2026-01-01", "soon"],
        pa.string(),
    ),
    "dates before 1970": (
        "received_at = date '1969-12-31'",
        "received_at",
        [datetime(1969, 12, 31, 23, 59, 59), datetime(1970, 1, 1)],
        pa.timestamp("ns"),
    ),
    "64-bit dates": (
        "customer_since = date '2026-01-01'",
        "customer_since",
        [date(2026, 1, 1), None],
        pa.date64(),
    ),
    "instants in another zone": (
        "received_at = date '2026-01-01'",
        "received_at",
        [datetime(2026, 1, 1, 23, 30, tzinfo=UTC), datetime(2025, 12, 31, 23, 30, tzinfo=UTC)],
        pa.timestamp("us", "Asia/Tokyo"),
    ),
    "lists as text": ("has_any(products, 'CRM')", "products", ["a; crm", "crmx", "", None], pa.string()),
    "lists with holes": (
        "not has_all(products, 'a', 'b')",
        "products_of_interest",
        [["a", None, "b"], [None], [], ["a"], None],
        pa.list_(pa.string()),
    ),
    "empty column": ("employees is null or employees > 5", "employees", [None, None], pa.null()),
    "coordinates as decimals": (
        "within_km(1, 0, 1) or employees = 1",
        "latitude",
        [Decimal("1.00"), None],
        pa.decimal128(5, 2),
    ),
    "case and blanks": (
        "city in ('STRASSE', 'é') and city <> 'e'",
        "city",
        ["straße ", " É", "e", "  ", None],
        pa.string(),
    ),
    "prefixes at the end of the alphabet": (
        "starts_with(city, '\U0010ffff')",
        "city",
        ["\U0010ffff\U0010ffffz", "\U0010fffe", "a"],
        pa.string(),
    ),
}


@pytest.mark.parametrize(("where", "column", "values", "kind"), VALUES.values(), ids=VALUES)
def test_columns_of_any_type_are_read_as_the_oracle_reads_them(where, column, values, kind):
    fields = {"is_vip": "boolean"}
    ruleset = rules_of(
        {"key": "yes", "where": where},
        {"key": "no", "where": f"not ({where})", "priority": 200},
        fields=fields,
    )
    table = pa.table({"id": range(len(values)), column: pa.array(values, kind), "lon": [0.0] * len(values)})
    assert_equal_to_oracle(ruleset, table)
    assert "yes" in KernelMatcher().match(ruleset, table)["territory"].to_pylist()


@pytest.mark.parametrize(
    "columns",
    [
        {"id": ["x-9", "y"]},
        {"id": ["x-9", "y"], "external_id": [None, " X-9"]},
        {"external_id": ["x-9", None]},
    ],
    ids=["id only", "both", "external id only"],
)
def test_names_and_exclusions_go_by_the_same_column_as_in_the_oracle(columns):
    ruleset = rules_of(
        {"key": "a", "named": ["X-9"]}, {"key": "b", "where": "city is null", "exclude": ["x-9"]}
    )
    table = pa.table(columns)
    expected = [match_record(ruleset, row) for row in table.to_pylist()]
    result = KernelMatcher().match(ruleset, table)
    assert result["territory"].to_pylist() == [match.winner for match in expected]
    assert sorted(result["territory"].to_pylist()) == ["a", "b"]


def test_chunked_tables_give_one_answer():
    ruleset = rules_of({"key": "a", "where": "city = 'x' and has_any(products, 'p')"})
    piece = pa.table(
        {"id": [1, 2], "city": ["X", None], "products": pa.array([["P"], ["q"]], pa.list_(pa.string()))}
    )
    result = KernelMatcher().match(ruleset, pa.concat_tables([piece, piece, piece.slice(0, 0)]))
    assert result["territory"].to_pylist() == ["a", None, "a", None]


@pytest.mark.shared
@pytest.mark.parametrize(("seed", "n_rules"), [(11, 60), (12, 200), (13, 500)])
def test_kernel_equals_an_independent_oracle_on_the_benchmark_workload(shared, seed, n_rules):
    """The workload's own pure Python oracle shares no code with this package."""
    workload, to_document = (
        _load(shared / "bench/rules" / name) for name in ("rules_workload.py", "to_document.py")
    )
    rule_list = workload.rules(n_rules, seed)
    table = workload.accounts(400, seed).to_arrow()
    ruleset = compile_ruleset(read_document(to_document.document(rule_list, "w")))
    winners = [to_document.key(workload.Oracle(rule_list).winner(row)) for row in table.to_pylist()]
    result = KernelMatcher().match(ruleset, table)
    assert result["territory"].to_pylist() == winners
    assert sum(winner is not None for winner in winners) > 100
    assert_equal_to_oracle(ruleset, table.slice(0, 50))


def _load(path: Any) -> Any:
    import sys

    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
