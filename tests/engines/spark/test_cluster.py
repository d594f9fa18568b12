"""Matching on Spark equals the row oracle, writes what it promises, and tells what is wrong before it starts."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.criteria.strategies import records
from tests.core.rules.documents import IDS, documents
from tests.engines.spark.test_columns import rules_of

from merestone.app.match import match_files
from merestone.base.errors import ConflictError, InvalidInputError, MerestoneError, NotFoundError, UsageError
from merestone.boot.local import local_services
from merestone.connectors.files.guard import guard, unguard
from merestone.connectors.geodata import Gazetteer
from merestone.core.rules import Ruleset, compile_ruleset, match_record
from merestone.engines.kernel import KernelMatcher
from merestone.engines.spark import SparkCluster

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CLUSTER = SparkCluster(KernelMatcher(), gazetteer=Gazetteer, guard=guard, unguard=unguard)
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("external_id", pa.string()),
        ("city", pa.string()),
        ("name", pa.string()),
        ("tier", pa.string()),
        ("Zip", pa.string()),
        ("employees", pa.int32()),
        ("revenue", pa.decimal128(14, 2)),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("customer_since", pa.date32()),
        ("received_at", pa.timestamp("us", "UTC")),
        ("is_vip", pa.bool_()),
        ("products", pa.list_(pa.string())),
    ]
)
ASKED_AS = {"Zip": "postal_code", "lat": "latitude", "lon": "longitude", "products": "products_of_interest"}
RULES = rules_of(
    {"key": "us", "where": "country = 'US'"},
    {"key": "west", "parent": "us", "where": "state in ('CA', 'WA')"},
    {"key": "zh", "where": "city = 'ZÜRICH'"},
    {"key": "named", "named": ["007", "=1+1"]},
    {"key": "ai", "type": "ai", "where": "state is not null"},
    types=[{"key": "geo", "name": "Geo"}, {"key": "ai", "name": "AI", "primary": False}],
)
ROWS = [
    {"id": "007", "country": "US", "state": "CA", "city": None},
    {"id": "8", "country": " us", "state": "wa", "city": "zürich "},
    {"id": "a\nb", "country": "DE", "state": None, "city": "Zürich"},
    {"id": "=1+1", "country": None, "state": "x", "city": 'say "a, b"'},
    {"id": " 9", "country": "DE", "state": None, "city": None},
]
WINNERS = {"007": "named", "8": "west", "a\nb": "zh", "=1+1": "named", " 9": None}


def table_of(rows: Sequence[dict[str, Any]] = ROWS) -> pa.Table:
    return pa.Table.from_pylist(list(rows), pa.schema([(name, pa.string()) for name in ROWS[0]]))


def expected_winners(ruleset: Ruleset, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    matches = [(row["id"], match_record(ruleset, row)) for row in rows]
    return [
        {
            "id": key,
            "territory": match.winner,
            "cause": match.cause,
            "runner_up": match.runner_up,
            "rank": match.rank,
        }
        for key, match in matches
    ]


def expected_matches(ruleset: Ruleset, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": row["id"],
            "territory": key,
            "is_winner": key == match.winner,
            "is_overlay": key in match.overlays,
        }
        for row in rows
        for match in [match_record(ruleset, row)]
        for key in (*match.matches, *match.overlays)
    ]


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=repr)


def read(folder: Path) -> list[dict[str, Any]]:
    return in_order(ds.dataset(folder, format="parquet").to_table().to_pylist())


# --- equal to the oracle ----------------------------------------------------------------------------------------------


@st.composite
def tables(draw: Any) -> list[dict[str, Any]]:
    short = {asked: name for name, asked in ASKED_AS.items()}
    rows = draw(st.lists(records, min_size=8, max_size=24))
    return [
        {short.get(name, name): value for name, value in row.items()}
        | {"id": number, "external_id": draw(st.none() | st.sampled_from([*IDS, "z"]))}
        for number, row in enumerate(rows)
    ]


def test_spark_equals_the_oracle_on_random_rules_and_records(spark):
    @settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(documents(is_plain=True), tables())
    def holds(document, rows):
        ruleset = compile_ruleset(document)
        table = pa.Table.from_pylist(rows, SCHEMA)
        frame = spark.createDataFrame(table)
        asked = [
            {ASKED_AS.get(name, name): value for name, value in row.items()} for row in table.to_pylist()
        ]
        for all_matches, expected in ((False, expected_winners), (True, expected_matches)):
            answer = CLUSTER.match_frame(ruleset, frame, all_matches=all_matches)
            assert in_order(answer.toArrow().to_pylist()) == in_order(expected(ruleset, asked))

    holds()


def test_a_frame_is_answered_lazily_with_ids_of_its_type(spark):
    frame = spark.sql("select 7L as id, 'US' as country, 'CA' as state, null as city, map('a', 1) as ignored")
    answer = CLUSTER.match_frame(RULES, frame)
    assert answer.schema.simpleString() == (
        "struct<id:bigint,territory:string,cause:string,runner_up:string,rank:string>"
    )
    assert [tuple(row) for row in answer.collect()] == [(7, "west", "rule", "us", "depth")]


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.fixture
def parquet(tmp_path: Path) -> str:
    """Folder of two files, one of three row groups, one without rows."""
    folder = tmp_path / "accounts"
    folder.mkdir()
    pq.write_table(table_of(), folder / "a.parquet", row_group_size=2)
    pq.write_table(table_of([]), folder / "b.parquet")
    return str(folder)


def test_a_folder_of_parquet_is_matched_and_counted(spark, parquet, tmp_path):
    told: list[tuple[int, int, str]] = []
    out = tmp_path / "new" / "matched"
    result = CLUSTER.match(RULES, records=parquet, out=str(out), progress=lambda *state: told.append(state))
    assert result == {"records": 5, "assigned": 4, "queued": 1, "out": str(out), "warnings": []}
    assert read(out) == in_order(expected_winners(RULES, ROWS))
    assert {row["id"]: row["territory"] for row in read(out)} == WINNERS
    assert told[-1] == (1, 1, "Matched")
    assert {state[2] for state in told} <= {"Matching", "Matched"}


def test_every_match_is_written_and_records_are_counted_once(spark, parquet, tmp_path):
    result = CLUSTER.match(RULES, records=parquet, out=str(tmp_path / "all"), all_matches=True)
    assert (result["records"], result["assigned"], result["queued"]) == (5, 4, 1)
    assert read(tmp_path / "all") == in_order(expected_matches(RULES, ROWS))


def test_one_parquet_file_of_several_row_groups(spark, tmp_path):
    rows = [{**ROWS[number % 5], "id": str(number)} for number in range(1_000)]
    pq.write_table(table_of(rows), tmp_path / "a.parquet", row_group_size=100)
    result = CLUSTER.match(RULES, records=str(tmp_path / "a.parquet"), out=str(tmp_path / "out"))
    assert (result["records"], result["assigned"]) == (1_000, 600)
    assert read(tmp_path / "out") == in_order(expected_winners(RULES, rows))


CSV = (
    'Id,State,Country,City,Note\r\n007,CA,US,,\r\n8,wa, us,zürich ,"x, y"\r\n"a\nb",,DE,Zürich,\r\n'
    '\'=1+1,x,,"say ""a, b""",\r\n 9,,DE,,\r\n'
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", CSV),
        ("a.CSV", "\ufeff" + CSV),
        ("folder/part-1.csv", CSV),
    ],
    ids=["plain", "byte order mark", "folder"],
)
def test_csv_is_read_as_text_and_written_as_one_safe_file(spark, tmp_path, name, text):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    records = tmp_path / name if "/" not in name else tmp_path / "folder"
    out = tmp_path / "out.csv"
    result = CLUSTER.match(RULES, records=str(records), out=str(out))
    assert (result["records"], result["queued"]) == (5, 1)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "territory", "cause", "runner_up", "rank"]
    assert {row["id"].removeprefix("'"): row["territory"] or None for row in rows} == WINNERS
    assert "'=1+1" in {row["id"] for row in rows}
    assert not list(tmp_path.glob(".*"))


def test_csv_with_other_separators_is_understood(spark, tmp_path):
    (tmp_path / "a.csv").write_text("id;country;state;city\n1;US;CA;\n")
    result = CLUSTER.match(RULES, records=str(tmp_path / "a.csv"), out=str(tmp_path / "out"))
    assert read(tmp_path / "out")[0]["territory"] == "west"
    assert result["warnings"] == []


def test_a_table_is_matched_by_its_name_and_missing_columns_are_told(spark, tmp_path):
    spark.createDataFrame(table_of().drop_columns(["city"])).repartition(4).createOrReplaceTempView("book")
    result = CLUSTER.match(RULES, records="book", out=str(tmp_path / "out"))
    assert (result["records"], result["assigned"]) == (5, 3)
    assert [warning["field"] for warning in result["warnings"]] == ["city"]


def test_a_file_is_read_as_the_other_engines_read_it(spark, tmp_path):
    document = {
        "merestone": 1,
        "model": {"key": "m"},
        "territories": [
            {"key": "us", "where": "country = 'US' and employees >= 1000"},
            {"key": "ca", "parent": "us", "where": "state = 'CA' and has_any(products, 'crm')"},
            {"key": "late", "where": "customer_since > date '2026-01-31'"},
        ],
    }
    (tmp_path / "m.json").write_text(json.dumps(document))
    (tmp_path / "a.csv").write_text(
        "Account ID,Country,State,# Employees,Products,Customer since\n"
        '1,United States,California,"1,000",erp; CRM,\n'
        "2,us,CA,2000,erp,2/1/2026\n"
        "3,U.S.,CA,many,,2026-02-01\n"
        ",,,,,\n"
        "4,Germany,Bavaria,10,,31/12/2026\n"
    )
    found = {}
    for engine in ("kernel", "spark"):
        out = tmp_path / f"{engine}.csv"
        done = match_files(
            local_services(), rules=tmp_path / "m.json", records=tmp_path / "a.csv", out=out, engine=engine
        )
        with out.open(encoding="utf-8-sig", newline="") as file:
            rows = {
                row["id"]: (row["territory"], row["cause"], row["runner_up"]) for row in csv.DictReader(file)
            }
        found[engine] = (done["records"], done["assigned"], done["queued"], rows)
    assert found["spark"] == found["kernel"]
    assert found["spark"][3]["1"][0] == "ca"


def test_names_of_partition_folders_stay_text(spark, tmp_path):
    for state in ("01", "CA"):
        folder = tmp_path / "book" / f"state={state}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"id": [1], "country": ["US"], "city": ["x"]}), folder / "a.parquet")
    ruleset = rules_of({"key": "a", "where": "state = '01'"}, {"key": "b", "where": "state = 'CA'"})
    CLUSTER.match(ruleset, records=str(tmp_path / "book"), out=str(tmp_path / "out"))
    assert [row["territory"] for row in read(tmp_path / "out")] == ["a", "b"]


def test_no_records_are_an_empty_result(spark, tmp_path):
    pq.write_table(table_of([]), tmp_path / "a.parquet")
    for name in ("out", "out.csv"):
        result = CLUSTER.match(RULES, records=str(tmp_path / "a.parquet"), out=str(tmp_path / name))
        assert (result["records"], result["assigned"], result["queued"]) == (0, 0, 0)
    assert read(tmp_path / "out") == []
    assert (tmp_path / "out.csv").read_text() == "id,territory,cause,runner_up,rank\n"


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder of files that cannot be matched."""
    pq.write_table(table_of(), tmp_path / "good.parquet")
    content = (tmp_path / "good.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    (tmp_path / "page.parquet").write_bytes(content[:10] + b"X" * 40 + content[50:])
    (tmp_path / "empty").mkdir()
    pq.write_table(pa.table({"id": [1], "country": [{"code": "US"}]}), tmp_path / "struct.parquet")
    nanoseconds = pa.table({"id": [1], "customer_since": pa.array([1], pa.timestamp("ns"))})
    pq.write_table(nanoseconds, tmp_path / "nanoseconds.parquet")
    pq.write_table(pa.table({"id": [1], "city": ["x"], "City": ["y"]}), tmp_path / "twice.parquet")
    (tmp_path / "ragged.csv").write_text("id,country\n1,US\n2\n")
    (tmp_path / "open.csv").write_text('id,country\n1,US\n"2,US\n3,US\n')
    (tmp_path / "latin.csv").write_bytes("id,city\n1,Zürich\n".encode("latin-1"))
    (tmp_path / "nameless.csv").write_text("name,country\nx,US\n")
    (tmp_path / "other.csv").write_text("id,land\n1,US\n")
    return tmp_path


REFUSED = {
    "nothing.parquet": (NotFoundError, "no-such-file"),
    "nothing.csv": (NotFoundError, "no-such-file"),
    "nothing": (NotFoundError, "no-such-file"),
    "cut.parquet": (InvalidInputError, "unreadable-file"),
    "page.parquet": (InvalidInputError, "unreadable-file"),
    "empty": (InvalidInputError, "unreadable-file"),
    "struct.parquet": (InvalidInputError, "unsupported-column"),
    "nanoseconds.parquet": (InvalidInputError, "unsupported-column"),
    "twice.parquet": (InvalidInputError, "duplicate-header"),
    "ragged.csv": (InvalidInputError, "unreadable-file"),
    "open.csv": (InvalidInputError, "unreadable-file"),
    "latin.csv": (InvalidInputError, "bad-encoding"),
    "nameless.csv": (InvalidInputError, "no-id"),
    "other.csv": (InvalidInputError, "unknown-column"),
    "book.xlsx": (UsageError, "unknown-format"),
}


def test_records_that_cannot_be_matched_leave_the_earlier_result(spark, broken):
    ruleset = rules_of({"key": "a", "where": "country = 'US' or customer_since > date '2020-01-01'"})
    out = broken / "out"
    CLUSTER.match(RULES, records=str(broken / "good.parquet"), out=str(out))
    before = read(out)
    for name, (kind, code) in REFUSED.items():
        with pytest.raises(MerestoneError) as refused:
            CLUSTER.match(ruleset, records=str(broken / name), out=str(out))
        error = refused.value
        codes = [problem.code for problem in getattr(error, "problems", [])] or [error.code]
        assert (name, type(error), codes) == (name, kind, [code])
        assert name in str(error)
        assert len(str(error)) < 600
    assert read(out) == before
    assert not list(broken.glob("._*"))


def test_a_name_that_is_nothing_is_told_as_such(spark, tmp_path):
    with pytest.raises(NotFoundError, match="no file, folder or table 'nothing_at_all'"):
        CLUSTER.match(RULES, records="nothing_at_all", out=str(tmp_path / "out"))


def test_a_time_in_nanoseconds_that_no_rule_asks_for_does_no_harm(spark, broken, tmp_path):
    ruleset = rules_of({"key": "a", "named": ["1"]})
    result = CLUSTER.match(ruleset, records=str(broken / "nanoseconds.parquet"), out=str(tmp_path / "out"))
    assert result["assigned"] == 1


# --- what is written over ---------------------------------------------------------------------------------------------


def test_only_an_earlier_result_is_replaced(spark, parquet, tmp_path):
    for name in ("out", "out.csv"):
        for _ in range(2):
            CLUSTER.match(RULES, records=parquet, out=str(tmp_path / name))
    CLUSTER.match(RULES, records=parquet, out=str(tmp_path / "out"), all_matches=True)
    assert read(tmp_path / "out") == in_order(expected_matches(RULES, ROWS))
    (tmp_path / "empty").mkdir()
    CLUSTER.match(RULES, records=parquet, out=str(tmp_path / "empty"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    (tmp_path / "mine.csv").write_text("name\nAda\n")
    for name in ("mine", "mine.csv", "accounts", "mine/letter"):
        with pytest.raises(ConflictError, match="already") as refused:
            CLUSTER.match(RULES, records=parquet, out=str(tmp_path / name))
        assert refused.value.code == "output-exists"
    assert (tmp_path / "mine" / "letter").read_text() == "dear"
    assert (tmp_path / "mine.csv").read_text() == "name\nAda\n"


def test_results_go_into_csv_and_parquet_only(spark, parquet, tmp_path):
    with pytest.raises(UsageError) as refused:
        CLUSTER.match(RULES, records=parquet, out=str(tmp_path / "out.xlsx"))
    assert refused.value.code == "unknown-format"


def test_a_place_that_cannot_be_written_is_named(spark, parquet, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="out") as refused:
        CLUSTER.match(RULES, records=parquet, out=str(tmp_path / "file" / "out"))
    assert refused.value.code == "unusable-path"


# --- whose session ----------------------------------------------------------------------------------------------------


def test_the_user_s_session_goes_on_and_another_master_is_refused(spark: SparkSession, parquet, tmp_path):
    CLUSTER.match(RULES, records=parquet, out=str(tmp_path / "out"))
    assert spark.range(3).count() == 3
    with pytest.raises(UsageError) as refused:
        SparkCluster(KernelMatcher(), master="local[4]").match(
            RULES, records=parquet, out=str(tmp_path / "out")
        )
    assert refused.value.code == "other-session"
