"""Every engine equals the row oracle, whatever the rules and however the columns arrive."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import random
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.criteria.strategies import records
from tests.core.rules.documents import IDS, documents
from tests.engines.conformance import (
    ENGINES,
    assert_conforms,
    assert_counts,
    assert_every_match,
    assert_match,
    assert_rematch,
    assert_winners,
    oracle,
    rules_of,
)
from tests.engines.workload import workload

from merestone.app.ports import Matcher
from merestone.base.errors import UsageError
from merestone.core.criteria import standard_fields
from merestone.core.criteria.fields import custom_field
from merestone.core.geo import distance_km
from merestone.core.rules import RANKS, RecordMatch, Ruleset, compile_ruleset, match_record, read_document

SEEDS = range(20)


@pytest.fixture(params=ENGINES, ids=str, scope="module")
def matcher(request: pytest.FixtureRequest) -> Matcher:
    return request.param.open(request)


# --- random rules and records -----------------------------------------------------------------------------------------

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("external_id", pa.string()),
        ("city", pa.string()),
        ("name", pa.large_string()),
        ("tier", pa.dictionary(pa.int32(), pa.string())),
        ("postal_code", pa.string_view()),
        ("employees", pa.int32()),
        ("revenue", pa.decimal128(14, 2)),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("customer_since", pa.date32()),
        ("received_at", pa.timestamp("us", "America/New_York")),
        ("is_vip", pa.bool_()),
        ("products_of_interest", pa.list_(pa.string())),
    ]
)


@st.composite
def tables(draw: Any) -> pa.Table:
    rows = draw(st.lists(records, max_size=10))
    keys = [draw(st.none() | st.sampled_from([*IDS, "z"])) for _ in rows]
    named = [
        row | {"id": number, "external_id": key}
        for number, (row, key) in enumerate(zip(rows, keys, strict=True))
    ]
    return pa.Table.from_pylist(named, SCHEMA)


@pytest.mark.parametrize("engine", ENGINES, ids=str)
def test_random_documents_and_records(engine, request):
    matcher = engine.open(request)

    @settings(suppress_health_check=[HealthCheck.too_slow], max_examples=25)
    @given(documents(is_plain=True), tables())
    def holds(document, table):
        rules = matcher.compile(compile_ruleset(document))
        assert_match(rules, table, truth=oracle(rules.ruleset, table))

    holds()


# --- a rich workload of our own ---------------------------------------------------------------------------------------


@cache
def _rich(seed: int) -> tuple[Ruleset, pa.Table, list[RecordMatch]]:
    ruleset, table = workload(seed)
    return ruleset, table, oracle(ruleset, table)


@pytest.mark.parametrize("seed", SEEDS)
def test_rich_rules_and_odd_columns(matcher, seed):
    ruleset, table, truth = _rich(seed)
    rules = matcher.compile(ruleset)
    assert_match(rules, table, truth=truth)
    if seed % 2:
        assert_every_match(rules, table, truth=truth)


@pytest.mark.parametrize("seed", range(0, 20, 7))
def test_winners_and_counts_alone(matcher, seed):
    ruleset, table, truth = _rich(seed)
    rules = matcher.compile(ruleset)
    assert_winners(rules, table, truth=truth)
    assert_counts(rules, table, truth=truth)


@pytest.mark.parametrize("seed", range(0, 20, 5))
def test_one_record_at_a_time(matcher, seed):
    ruleset, table, truth = _rich(seed)
    winner = matcher.compile(ruleset).winner
    assert [winner(record) for record in table.to_pylist()] == [match.winner for match in truth]


def test_the_rich_workload_decides_by_every_rank_and_uses_every_cause():
    matches = [match for seed in SEEDS for match in _rich(seed)[2]]
    ranks, causes = Counter(match.rank for match in matches), Counter(match.cause for match in matches)
    assert set(ranks) == {None, *RANKS}
    assert set(causes) == {None, "named", "rule"}
    assert sum(len(match.overlays) > 1 for match in matches) > 100
    wheres = " ".join(repr(rule.where) for seed in SEEDS for rule in _rich(seed)[0].rules)
    for part in (
        "starts_with",
        "contains",
        "matches",
        "has_any",
        "has_all",
        "within_km",
        "in_area",
        "InList",
        "Not",
    ):
        assert part in wheres


@pytest.mark.parametrize("seed", [4, 9])
def test_rematch_gives_exactly_the_rows_that_move(matcher, seed):
    ruleset, table, _ = _rich(seed)
    rng = random.Random(seed)
    other, _ = workload(seed + 100)
    rules = list(ruleset.rules)
    for position in rng.sample(range(len(rules)), 4):
        rule, donor = rules[position], other.rules[position]
        rules[position] = rng.choice(
            [
                replace(rule, where=donor.where),
                replace(rule, priority=rule.priority - 60),
                replace(rule, named=rule.named | {"a-3", "1007"}, exclude=frozenset()),
                replace(rule, exclude=rule.exclude | {"a-5", "1009"}, named=frozenset()),
            ]
        )
    new = replace(ruleset, rules=tuple(rules))
    n_moved = assert_rematch(matcher, ruleset, new, table)
    assert 0 < n_moved < table.num_rows
    assert assert_rematch(matcher, new, ruleset, table) == n_moved
    assert assert_rematch(matcher, new, new, table) == 0


def test_rematch_sees_rules_that_come_and_go_and_what_they_rest_on(matcher):
    table = pa.table(
        {"id": [1, 2, 3, 4], "city": ["a", "b", "c", None], "lat": [1.0, 5.0, 5.0, 1.0], "lon": [1.0] * 4}
    )
    types = [{"key": "geo", "primary": True}, {"key": "ai", "primary": False}]
    top = {"key": "top", "where": "city in list('l') or in_area('x')"}
    base = {"types": types, "lists": {"l": ["a"]}, "areas": {"x": _square(4, 6)}}
    old = rules_of(
        top, {"key": "under", "parent": "top", "where": "lat < 3"}, {"key": "all", "where": "lat < 9"}, **base
    )
    changes = [
        rules_of(top, {"key": "all", "where": "lat < 9"}, **base),
        rules_of(top, {"key": "under", "where": "lat < 3"}, {"key": "all", "where": "lat < 9"}, **base),
        rules_of(top, {"key": "under", "parent": "top", "where": "lat < 3"}, {"key": "all", "where": "lat < 9"},
                 **base | {"lists": {"l": ["b", "c"]}}),
        rules_of(top, {"key": "under", "parent": "top", "where": "lat < 3"}, {"key": "all", "where": "lat < 9"},
                 **base | {"areas": {"x": _square(0, 2)}}),
        rules_of(top, {"key": "under", "parent": "top", "where": "lat < 3"}, {"key": "all", "where": "lat < 9"},
                 {"key": "o", "type": "ai", "where": "city = 'b'"}, **base),
        rules_of(top | {"type": "ai"}, {"key": "under", "parent": "top", "type": "geo", "where": "lat < 3"},
                 {"key": "all", "where": "lat < 9"}, **base),
        rules_of(**base),
    ]  # fmt: skip
    assert [assert_rematch(matcher, old, new, table) for new in changes] == [1, 1, 1, 1, 1, 3, 4]
    assert assert_rematch(matcher, changes[-1], old, table) == 4


def _square(low: float, high: float) -> dict[str, Any]:
    ring = [[0, low], [2, low], [2, high], [0, high], [0, low]]
    return {"type": "Polygon", "coordinates": [ring]}


# --- the workload of the benchmarks -----------------------------------------------------------------------------------


@cache
def _benchmark(folder: Path) -> tuple[ModuleType, ModuleType]:
    modules = []
    for name in ("rules_workload", "to_document"):
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        modules.append(module)
    return modules[0], modules[1]


@cache
def _benchmark_truth(folder: Path, seed: int) -> tuple[Ruleset, pa.Table, list[Any]]:
    rules, documents_ = _benchmark(folder)
    rule_list = rules.rules(300, seed)
    table = rules.accounts(300, seed).to_arrow()
    judge = rules.Oracle(rule_list)
    truth = []
    for record in table.to_pylist():
        matches = sorted(judge.matches(record), key=judge.order_key)
        truth.append([documents_.key(rule) for rule in matches])
    return compile_ruleset(read_document(documents_.document(rule_list, "w"))), table, truth


@pytest.mark.shared
@pytest.mark.parametrize("seed", SEEDS)
def test_an_independent_oracle_on_the_benchmark_workload(matcher, shared, seed):
    """The workload's own pure Python oracle shares no code with this package."""
    ruleset, table, truth = _benchmark_truth(shared / "bench/rules", seed)
    rules = matcher.compile(ruleset)
    result = rules.every_match(table)
    found: list[list[str]] = [[] for _ in truth]
    for row, territory in zip(result["row"].to_pylist(), result["territory"].to_pylist(), strict=True):
        found[row].append(territory)
    assert found == truth
    assert result.filter(result["is_winner"])["territory"].to_pylist() == [
        matches[0] for matches in truth if matches
    ]
    assert sum(map(bool, truth)) > 20


# --- what is easily wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [0, 3])
def test_no_rules_no_rows_and_no_columns(matcher, n_rows):
    table = pa.table({"id": pa.array(range(n_rows), pa.int64())})
    for ruleset in (
        rules_of(),
        rules_of({"key": "g"}),
        rules_of({"key": "a", "where": "country = 'US'", "named": ["1"]}),
        rules_of({"key": "b", "where": "not (country = 'US' and within_km(1, 1, 5)) or zip is null"}),
        rules_of({"key": "c", "where": "matches(city, 'x') or has_any(products, 'x')", "exclude": ["2"]}),
    ):
        rules, truth = matcher.compile(ruleset), oracle(ruleset, table)
        assert_match(rules, table, truth=truth)
        assert_counts(rules, table, truth=truth)
    assert (
        assert_rematch(matcher, rules_of({"key": "a", "where": "zip is null"}), rules_of(), table) == n_rows
    )


def test_a_table_without_id_is_refused(matcher):
    rules = matcher.compile(rules_of({"key": "a", "where": "country = 'US'"}))
    for table in (pa.table({"country": ["US"]}), pa.table({})):
        for ask in (rules.match, rules.every_match):
            with pytest.raises(UsageError, match="id"):
                ask(table)


def test_ids_come_back_as_they_were_given(matcher):
    rules = matcher.compile(rules_of({"key": "a", "where": "city = 'x'"}))
    for ids in (pa.array(["p", "q"]), pa.array([7, 8], pa.int32()), pa.array(["p", "q"], pa.string_view())):
        table = pa.table({"id": ids, "city": ["X", "x"]})
        assert rules.match(table)["id"].type == ids.type
        assert rules.match(table)["id"].to_pylist() == ids.to_pylist()
        assert rules.every_match(table)["id"].to_pylist() == ids.to_pylist()


@pytest.mark.parametrize("seed", [3])
def test_many_small_chunks_and_a_slice_give_the_same_answers(matcher, seed):
    ruleset, table, truth = _rich(seed)
    pieces = [table.slice(start, 7) for start in range(0, table.num_rows, 7)]
    chunked = pa.concat_tables([table.slice(0, 0), *pieces, table.slice(0, 0)])
    assert chunked["id"].num_chunks > 10
    rules = matcher.compile(ruleset)
    assert_conforms(rules, chunked, truth=truth)
    assert_match(rules, table.slice(31, 40), truth=truth[31:71])


@pytest.mark.parametrize("seed", [2])
def test_compiled_rules_travel_and_are_shared_by_threads(matcher, seed):
    ruleset, table, truth = _rich(seed)
    rules = pickle.loads(pickle.dumps(matcher.compile(ruleset)))
    expected = [match.winner for match in truth]
    with ThreadPoolExecutor(3) as pool:
        for found in pool.map(lambda _: rules.winners(table).to_pylist(), range(3)):
            assert found == expected


def test_the_same_content_is_made_ready_once(matcher):
    ruleset = _rich(1)[0]
    rules = matcher.compile(ruleset)
    assert matcher.compile(ruleset) is rules
    assert matcher.compile(copy.copy(ruleset)) is rules


def test_a_table_larger_than_one_batch(matcher):
    """Larger than what any engine takes at once, so that answers are put together from parts."""
    n_rows = 270_000
    ruleset = rules_of(
        {"key": "even", "where": "zip in ('0', '2', '4')"},
        {"key": "late", "where": "employees >= 269990", "priority": 1},
        {"key": "ai", "type": "ai", "where": "employees in (5, 262149)", "named": ["265000"]},
        types=[{"key": "geo", "primary": True}, {"key": "ai", "primary": False}],
    )
    numbers = np.arange(n_rows)
    table = pa.table({"id": numbers, "zip": pa.array((numbers % 5).astype(str)), "employees": numbers})
    rules = matcher.compile(ruleset)
    even, late = numbers % 5 % 2 == 0, numbers >= n_rows - 10
    assert rules.counts(table).to_pydict() == {
        "territory": ["even", "late", "ai"],
        "n_matches": [int(even.sum()), 10, 3],
        "n_winners": [int((even & ~late).sum()), 10, 0],
    }
    matches = rules.every_match(table)
    overlays = matches.filter(matches["is_overlay"])
    assert overlays["row"].to_pylist() == overlays["id"].to_pylist() == [5, 262149, 265000]
    won = matches.filter(matches["is_winner"])
    assert np.array_equal(won["row"].to_numpy(), np.flatnonzero(even | late))
    assert np.array_equal(won["territory"].to_numpy() == "late", late[even | late])


@pytest.mark.parametrize(
    "columns",
    [
        {"id": ["x-9", "y"]},
        {"id": ["x-9", "y"], "external_id": [None, " X-9"]},
        {"external_id": ["x-9", None]},
        {"id": [9, 10], "external_id": pa.array(["x-9", "\u2003X-9\u00a0"]).dictionary_encode()},
    ],
    ids=["id only", "both", "external id only", "dictionary"],
)
def test_names_and_exclusions_go_by_the_record_key(matcher, columns):
    ruleset = rules_of(
        {"key": "a", "named": ["X-9"]},
        {"key": "b", "where": "city is null", "exclude": ["x-9"]},
        {"key": "c", "parent": "b", "named": ["y"], "where": "city is not null"},
        {"key": "d", "parent": "b", "where": "city is null"},
    )
    assert_conforms(matcher.compile(ruleset), pa.table(columns))


def test_a_custom_field_hides_an_alias(matcher):
    fields = standard_fields().with_custom([custom_field("fips", "number")])
    data = {
        "merestone": 1,
        "model": {"key": "m"},
        "territories": [{"key": "a", "where": "fips > 5"}, {"key": "b", "where": "county = '6'"}],
    }
    ruleset = compile_ruleset(read_document(data, fields=fields), fields=fields)
    table = pa.table({"id": [1, 2], "fips": [6, 5]})
    assert_conforms(matcher.compile(ruleset), table)
    assert matcher.compile(ruleset).winners(table).to_pylist() == ["a", None]


def test_a_column_of_the_fields_own_name_goes_before_an_alias(matcher):
    table = pa.table({"id": [1, 2], "zip": ["1", "1"], "postal_code": [None, "2"], "zipcode": ["1", "1"]})
    assert_conforms(matcher.compile(rules_of({"key": "a", "where": "zip in ('1', '2')"})), table)


VALUES: dict[str, tuple[str, str, list[Any], pa.DataType]] = {
    "text given as numbers": ("postal_code in ('94002', '5.5')", "zip", [94002, 5, None], pa.int64()),
    "text given as floats": ("postal_code in ('94002', '5.5')", "zip", [94002.0, 5.5, float("nan"), None], pa.float64()),
    "text given as decimals": ("postal_code in ('94002', '5.50')", "zip", [Decimal("5.50"), None], pa.decimal128(9, 2)),
    "text given as truth": ("city = 'TRUE'", "city", [True, False, None], pa.bool_()),
    "text given as dates": ("starts_with(city, '2026-01')", "city", [date(2026, 1, 2), date(2025, 1, 2)], pa.date32()),
    "text given as lists": ("city = 'a;b'", "city", [["a", "b"], ["a"], [], None], pa.list_(pa.string())),
    "text with NUL": ("city > 'a' and city < 'b'", "city", ["a\0b", "a", "a\0", "b", None], pa.string()),
    "numbers given as text": ("employees >= 20", "employees", ["20", " 19.5", "many", "1e400", "inf", "NaN", None], pa.string()),
    "floats with decimals": ("revenue = 0.3", "revenue", [0.1 + 0.2, 0.3, float("nan"), float("inf"), -0.0], pa.float64()),
    "zero and minus zero": ("revenue = 0 and revenue <= 0", "revenue", [0.0, -0.0, 5e-324, -5e-324], pa.float64()),
    "more digits than a float": (
        "revenue < 0.1000000000000000055511151231257827 and revenue > 0.09999999999999999999",
        "revenue",
        [0.1, 0.10000000000000002, 0.09999999999999999],
        pa.float64(),
    ),
    "a literal no float is equal to": ("revenue in (0.1000000000000000055511151231257827, 0.2)", "revenue", [0.1, 0.2], pa.float64()),
    "huge floats": ("revenue > 1e308 or revenue < -1e400", "revenue", [1.7e308, 1e308, float("inf"), float("-inf")], pa.float64()),
    "32-bit floats": ("revenue > 0.1", "revenue", [0.1, 0.2, None], pa.float32()),
    "16-bit floats": ("revenue > 0.1", "revenue", [np.float16(0.1), np.float16(0.2), None], pa.float16()),
    "large integers": ("employees > 9007199254740992", "employees", [2**53, 2**53 + 1, None], pa.int64()),
    "integers between whole numbers": ("employees > 1.5 and employees <= 2.5", "employees", [1, 2, 3, None], pa.int8()),
    "small unsigned integers": ("employees < 0 or employees > 254", "employees", [0, 255, None], pa.uint8()),
    "unsigned integers": ("employees > 9223372036854775807", "employees", [2**63, 2**63 - 1, 2**64 - 1], pa.uint64()),
    "long decimals": (
        "revenue <= 123456789012345678901234.56",
        "revenue",
        [Decimal("123456789012345678901234.56"), Decimal("123456789012345678901234.57"), None],
        pa.decimal128(30, 2),
    ),
    "256-bit decimals": ("revenue > 1e40", "revenue", [Decimal("1e40"), Decimal("1e41"), None], pa.decimal256(50, 2)),
    "numbers given as truth": ("employees >= 0", "employees", [True, False, None], pa.bool_()),
    "truth as text": ("is_vip = true", "is_vip", ["true", "No", "maybe", " YES ", "1", None], pa.string()),
    "truth as numbers": ("is_vip <> true", "is_vip", [1, 0, 2, None], pa.int8()),
    "dates as text": (
        "customer_since < date '2026-01-01'",
        "customer_since",
        ["2025-12-31", "2026-01-01", "soon", " 2025-12-31T23:00:00-05:00 ", "20251231"],
        pa.string(),
    ),
    "dates before 1970": (
        "received_at = date '1969-12-31'",
        "received_at",
        [datetime(1969, 12, 31, 23, 59, 59), datetime(1970, 1, 1)],
        pa.timestamp("ns"),
    ),
    "64-bit dates": ("customer_since = date '2026-01-01'", "customer_since", [date(2026, 1, 1), None], pa.date64()),
    "the first and last days": (
        "customer_since > date '0001-01-01' and customer_since < date '9999-12-31'",
        "customer_since",
        [date.min, date.max, date(2026, 1, 1)],
        pa.date32(),
    ),
    "instants in another zone": (
        "received_at = date '2026-01-01'",
        "received_at",
        [datetime(2026, 1, 1, 23, 30, tzinfo=UTC), datetime(2025, 12, 31, 23, 30, tzinfo=UTC)],
        pa.timestamp("us", "Asia/Tokyo"),
    ),
    "lists as text": ("has_any(products, 'CRM')", "products", ["a; crm", "crmx", "", ";;", None], pa.string()),
    "lists with holes": (
        "not has_all(products, 'a', 'b')",
        "products_of_interest",
        [["a", None, "b"], [None], [], ["a"], None],
        pa.list_(pa.string()),
    ),
    "lists of numbers": ("has_any(products, '5', '1.5')", "products", [[5.0], [1.5, 2], [], None], pa.list_(pa.float64())),
    "lists given as one number": ("has_any(products, '5')", "products", [5, 6, None], pa.int64()),
    "lists in a dictionary": ("has_all(products, 'a', 'B')", "products", ["b;A", "a", None], pa.dictionary(pa.int8(), pa.string())),
    "lists of a fixed size": ("has_any(products, 'a')", "products", [["A", "x"], ["b", "c"], None], pa.list_(pa.string(), 2)),
    "missing lists": ("products is null or has_any(products, 'a')", "products", [[], [" "], ["a"], ["b"], None], pa.list_(pa.string())),
    "an empty column": ("employees is null or employees > 5", "employees", [None, None], pa.null()),
    "coordinates as decimals": ("within_km(1, 0, 1) or employees = 1", "latitude", [Decimal("1.00"), None], pa.decimal128(5, 2)),
    "coordinates as text": ("within_km(1, 0, 1) or employees = 1", "latitude", ["1.0", " 1 ", "north", None], pa.string()),
    "case and blanks": (
        "city in ('STRASSE', 'é') and city <> 'e'", "city", ["straße ", " É", "e", "e\u0301", "  ", None], pa.string()
    ),
    "capital dotted i": ("city = 'i\u0307zmir' and starts_with(city, 'İ')", "city", ["İZMİR", "İzmir", "izmir", "IZMIR"], pa.string()),
    "blanks of other scripts": ("city = 'x'", "city", ["\u2003x\u00a0", "x\u200b", "\x1fx", "\ufeffx"], pa.string()),
    "order by code point": ("city > '\uffff'", "city", ["\U00010000", "\ue000", "\uffff", "z"], pa.string()),
    "prefixes at the end of the alphabet": (
        "starts_with(city, '\U0010ffff', '\ud7ff')",
        "city",
        ["\U0010ffff\U0010ffffz", "\U0010fffe", "\ud7ff\ud7ff", "\ue000", "a"],
        pa.string(),
    ),
    "letters of new scripts": (r"matches(city, '^\p{L}+$')", "city", ["\U00010570", "\U0001e030", "𞤀", "x", "1"], pa.string()),
    "patterns on the spelling": ("matches(city, 'straße')", "city", ["Straße", "STRASSE", "straße "], pa.string()),
    "patterns over lines": ("matches(city, 'a.b') or matches(city, '^b$')", "city", ["a\nb", "a b", "x\nb", "b\n"], pa.string()),
}  # fmt: skip


@pytest.mark.parametrize(("where", "column", "values", "kind"), VALUES.values(), ids=VALUES)
def test_columns_of_any_type_are_read_as_the_oracle_reads_them(matcher, where, column, values, kind):
    ruleset = rules_of(
        {"key": "yes", "where": where},
        {"key": "no", "where": f"not ({where})", "priority": 200},
        fields={"is_vip": "boolean"},
    )
    stored = (
        pa.array(values, kind.value_type).dictionary_encode()
        if pa.types.is_dictionary(kind)
        else pa.array(values, kind)
    )
    table = pa.table({"id": range(len(values)), column: stored, "lon": [0.0] * len(values)})
    rules = matcher.compile(ruleset)
    truth = oracle(ruleset, table)
    assert_match(rules, table, truth=truth)
    assert [rules.winner(record) for record in table.to_pylist()] == [match.winner for match in truth]


def _rims() -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield circles on whose rim a place lies to the last bit, and circles a last bit smaller."""
    rng = random.Random(5)
    for _ in range(40):
        place = rng.uniform(-90, 90), rng.uniform(-180, 180)
        centre = round(rng.uniform(-90, 90), 3), round(rng.uniform(-180, 180), 3)
        km = distance_km(*place, to=centre)
        yield f"within_km({centre[0]!r}, {centre[1]!r}, {km!r})", place
        yield f"within_km({centre[0]!r}, {centre[1]!r}, {float(np.nextafter(km, 0))!r})", place


def test_a_place_on_the_rim_of_a_circle_belongs_to_it_to_the_last_bit(matcher):
    rims = list(_rims())
    ruleset = rules_of(*({"key": f"c{number}", "where": where} for number, (where, _) in enumerate(rims)))
    table = pa.table(
        {
            "id": range(len(rims)),
            "lat": [place[0] for _, place in rims],
            "lon": [place[1] for _, place in rims],
        }
    )
    truth = oracle(ruleset, table)
    assert sum(f"c{number}" in match.matches for number, match in enumerate(truth)) == len(rims) // 2
    assert_every_match(matcher.compile(ruleset), table, truth=truth)


def test_a_place_at_infinity_is_known_and_near_to_nothing(matcher):
    ruleset = rules_of(
        {"key": "near", "where": "within_km(0, 0, 20037)"},
        {"key": "far", "where": "not within_km(0, 0, 20037)"},
    )
    infinity = float("inf")
    places = [(0.0, infinity), (infinity, 0.0), (-infinity, 5.0), (0.0, 0.0), (None, infinity)]
    table = pa.table(
        {
            "id": range(len(places)),
            "lat": pa.array([lat for lat, _ in places], pa.float64()),
            "lon": pa.array([lon for _, lon in places], pa.float64()),
        }
    )
    assert_every_match(matcher.compile(ruleset), table, truth=oracle(ruleset, table))


def test_many_alternatives_of_many_fields(matcher):
    """An ``and`` of ``or`` over different fields has too many alternatives to be written out."""
    pairs = " and ".join(
        f"(city in ('a{number}', 'x') or employees > {number} or not contains(name, 'n{number}') or is_vip = true)"
        for number in range(12)
    )
    ruleset = rules_of(
        {"key": "a", "where": pairs},
        {"key": "b", "where": f"not ({pairs})"},
        {"key": "c", "where": f"({pairs}) or within_km(0, 0, 100) or zip is null"},
        fields={"is_vip": "boolean"},
    )
    rng = random.Random(1)
    rows = [
        {
            "id": number,
            "city": rng.choice(["x", "a3", None]),
            "employees": rng.choice([3, 11, 12, None]),
            "name": rng.choice(["n1 n11", "n0n1n2n3n4n5n6n7n8n9n10n11", None]),
            "is_vip": rng.choice([True, False, None]),
            "lat": rng.choice([0.0, 9.0, None]),
            "lon": 0.0,
            "zip": rng.choice(["1", None]),
        }
        for number in range(150)
    ]
    truth = oracle(ruleset, pa.Table.from_pylist(rows))
    assert len({match.matches for match in truth}) > 4
    assert_match(matcher.compile(ruleset), pa.Table.from_pylist(rows), truth=truth)


def test_a_deep_tree_hands_down_only_what_matches(matcher):
    blocks = [{"key": "r00", "where": "employees >= 0"}]
    for depth in range(1, 30):
        where = {} if depth % 5 == 0 else {"where": f"employees >= {depth}"}
        exclude = {"exclude": [str(depth + 3)]} if depth % 7 == 0 else {}
        blocks.append({"key": f"r{depth:02d}", "parent": f"r{depth - 1:02d}", **where, **exclude})
    assert_conforms(matcher.compile(rules_of(*blocks)), pa.table({"id": range(40), "employees": range(40)}))


def test_every_answer_agrees_with_the_oracle_record_by_record_for_the_first_seed():
    """The table of records and the records themselves say the same, or nothing above would mean much."""
    ruleset, table, truth = _rich(0)
    assert [match_record(ruleset, table.slice(row, 1).to_pylist()[0]) for row in range(20)] == truth[:20]
