"""``match`` on files: values as they are, every record in its place, odd cells told."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from merestone.app.file_columns import fields_named, fields_read
from merestone.app.match import match_files
from merestone.app.matching_files import load_rules, read_records
from merestone.app.rulebook import RuleBook
from merestone.base.errors import InvalidInputError, UsageError
from merestone.boot.local import LocalServices
from merestone.core.rules.document import read_document
from merestone.core.rules.ruleset import match_record

MODEL: dict[str, Any] = {
    "merestone": 1,
    "model": {"key": "m", "name": "Model"},
    "fields": {"tier": "text", "score": "number", "signed": "date", "is_key": "boolean"},
    "types": [
        {"key": "geo", "name": "Geography", "primary": True},
        {"key": "ai", "name": "AI", "primary": False},
    ],
    "territories": [
        {"key": "us", "type": "geo", "where": "country = 'US'"},
        {"key": "west", "type": "geo", "parent": "us", "where": "state in ('CA', 'WA', 'US-05')"},
        {"key": "big", "type": "geo", "parent": "us", "where": "employees >= 100 or revenue > 1000000"},
        {"key": "zip", "type": "geo", "parent": "us", "where": "starts_with(zip, '94', '02')", "priority": 1},
        {"key": "near", "type": "geo", "where": "within_km(48.1, 11.5, 50)"},
        {
            "key": "old",
            "type": "geo",
            "where": "signed < date '2020-01-01' and is_key = true",
            "priority": 200,
        },
        {"key": "overlay", "type": "ai", "where": "has_any(products, 'ai', 'ml') or tier = 'A'"},
        {"key": "named", "type": "geo", "where": "score > 90", "named": ["A-7"]},
    ],
}


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LocalServices:
    """The engines and files, with a cache of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return LocalServices()


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The model document."""
    return write_rules(tmp_path, MODEL)


def write_rules(folder: Path, model: dict[str, Any]) -> Path:
    """Write a model document as JSON."""
    path = folder / "model.json"
    path.write_text(json.dumps(model))
    return path


def simple_rules(folder: Path, **where: str) -> Path:
    """Write a model of one territory per name."""
    territories = [{"key": key, "where": text} for key, text in where.items()]
    return write_rules(folder, {"merestone": 1, "model": {"key": "m"}, "territories": territories})


def match_text(
    local: LocalServices, rules: Path, text: str, **options: Any
) -> tuple[list[Any], dict[str, Any]]:
    """Match a CSV; returns the winners in the file's order, and what ``match_files`` said."""
    records, out = rules.with_name("records.csv"), rules.with_name("out.csv")
    records.write_text(text)
    said = match_files(local, rules=rules, records=records, out=out, **options)
    with out.open(newline="") as file:
        return [row["territory"] for row in csv.DictReader(file)], said


def accounts(n_records: int) -> list[dict[str, Any]]:
    """Return records that reach every rule, with missing values, names of places, and odd spellings."""
    countries = ["US", "us ", "United States", "DE", None, "Narnia"]
    states = ["CA", "California", " wa", "US-05", "NY", None, "BY"]
    return [
        {
            "id": f"A-{number}",
            "country": countries[number % 6],
            "state": states[number % 7],
            "zip": ["94105", "02134", None, "10115"][number % 4],
            "lat": [48.1, 48.3, None, -33.0][number % 4],
            "lon": [11.5, 11.9, 11.5, None][number % 4],
            "employees": [5, 100, None, 99][number % 4],
            "revenue": [0.5, 1_000_000.0, 1_000_000.01][number % 3],
            "products": ["ai;crm", "crm", None, "ML", "; ;"][number % 5],
            "tier": ["A", "b", None][number % 3],
            "score": [91.5, 90, None][number % 3],
            "signed": ["2019-12-31", "2020-01-01", None][number % 3],
            "is_key": [True, False, None, True][number % 4],
        }
        for number in range(n_records)
    ]


def write_records(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write records by suffix, typed where the form has types."""
    table = pa.Table.from_pylist(rows)
    if path.suffix == ".parquet":
        days = table["signed"].cast(pa.date32())
        pq.write_table(
            table.set_column(table.column_names.index("signed"), "signed", days), path, row_group_size=50
        )
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        from merestone.connectors.files.writer import write_table

        write_table(table, path, fmt="xlsx")
    return path


@pytest.mark.parametrize("form", [".csv", ".parquet", ".json", ".jsonl", ".xlsx"])
def test_every_form_gives_the_oracles_winners(
    local: LocalServices, rules: Path, tmp_path: Path, form: str
) -> None:
    rows = accounts(420)
    records, out = write_records(tmp_path / f"records{form}", rows), tmp_path / "out.csv"
    said = match_files(local, rules=rules, records=records, out=out)
    ruleset = load_rules(local, rules)
    codes = {"United States": "US", "California": "CA"}
    with out.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    for row, record in zip(found, rows, strict=True):
        is_state_read = codes.get(record["country"] or "", record["country"] or "").strip().upper() == "US"
        state = codes.get(record["state"] or "", record["state"]) if is_state_read else record["state"]
        country = codes.get(record["country"] or "", record["country"])
        match = match_record(ruleset, {**record, "country": country, "state": state})
        assert row["territory"] == (match.winner or ""), record
        assert row["overlays"] == ";".join(match.overlays)
        assert (row["cause"], row["runner_up"]) == (match.cause or "", match.runner_up or "")
        assert (row["rank"], row["n_matches"]) == (match.rank or "", str(len(match.matches)))
    n_assigned = sum(bool(row["territory"]) for row in found)
    assert (said["records"], said["assigned"], said["queued"]) == (420, n_assigned, 420 - n_assigned)
    assert said["warnings"] == []


@pytest.mark.parametrize("form", [".csv", ".parquet", ".xlsx", ".json", ".jsonl"])
def test_every_form_of_result_holds_the_same_rows(
    local: LocalServices, rules: Path, tmp_path: Path, form: str
) -> None:
    records = write_records(tmp_path / "records.parquet", accounts(60))
    out = tmp_path / f"out{form}"
    match_files(local, rules=rules, records=records, out=out)
    plain = tmp_path / "plain.csv"
    match_files(local, rules=rules, records=records, out=plain)
    with plain.open(newline="") as file:
        expected = [(row["id"], row["territory"] or None) for row in csv.DictReader(file)]
    if form == ".jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    elif form == ".json":
        rows = json.loads(out.read_text())
    elif form == ".parquet":
        rows = pq.read_table(out).to_pylist()
    else:
        rows = local.files.read_table(out).table.to_pylist()
    assert [(row["id"], row["territory"]) for row in rows] == expected


def test_all_matches_lists_every_territory_of_every_record(
    local: LocalServices, rules: Path, tmp_path: Path
) -> None:
    rows = accounts(84)
    records, out = write_records(tmp_path / "records.parquet", rows), tmp_path / "all.parquet"
    said = match_files(local, rules=rules, records=records, out=out, all_matches=True)
    book = RuleBook(read_document(local.files.read_document(rules)))
    expected = []
    for record in read_records(local, book, records).to_pylist():
        match = match_record(book.ruleset, record)
        expected += [(record["id"], key, key == match.winner, False) for key in match.matches]
        expected += [(record["id"], key, False, True) for key in match.overlays]
    found = pq.read_table(out)
    assert found.column_names == ["id", "territory", "is_winner", "is_overlay"]
    assert list(zip(*found.to_pydict().values(), strict=True)) == expected
    assert said["assigned"] == sum(is_winner for _, _, is_winner, _ in expected)


def test_ids_keep_their_type_in_parquet(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, big="employees > 1")
    pq.write_table(
        pa.table({"id": pa.array([7, 5], pa.int64()), "employees": [1, 2]}), tmp_path / "r.parquet"
    )
    match_files(local, rules=rules, records=tmp_path / "r.parquet", out=tmp_path / "o.parquet")
    found = pq.read_table(tmp_path / "o.parquet")
    assert found.schema.field("id").type == pa.int64()
    assert found["id"].to_pylist() == [7, 5]
    assert found["territory"].to_pylist() == [None, "big"]


def test_a_state_that_is_no_iso_state_is_matched_as_written(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, five="state in ('US-05')")
    winners, said = match_text(local, rules, "id,country,state\n1,US,US-05\n2,US,Narnia\n3,US,us-05\n")
    assert winners == ["five", "", "five"]
    assert said["warnings"] == []


def test_names_of_countries_and_states_are_read_as_codes(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(
        tmp_path, west="country = 'US' and state = 'CA'", perth="country = 'AU' and state = 'WA'"
    )
    text = "id,country,state\n1,United States,California\n2,Australia,Western Australia\n3,usa,calif.\n4,,California\n"
    winners, said = match_text(local, rules, text)
    assert winners == ["west", "perth", "west", ""]
    assert said["warnings"] == []
    assert any("'United States' as US" in note for note in said["notes"])


def test_a_name_that_a_rule_is_about_stays_as_written(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(
        tmp_path, a="country = 'United States'", b="starts_with(country, 'Germ')", c="country = 'FR'"
    )
    winners, _ = match_text(local, rules, "id,country\n1,United States\n2,Germany\n3,France\n")
    assert winners == ["a", "b", "c"]


def test_cells_of_another_kind_count_as_missing_and_are_told(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, small="employees < 50", unknown="employees is null")
    winners, said = match_text(local, rules, "id,employees\n1,10\n2,many\n3,\n4,many\n5,few\n")
    assert winners == ["small", "unknown", "unknown", "unknown", "unknown"]
    [warning] = said["warnings"]
    assert (warning["code"], warning["column"], warning["count"]) == ("bad-number", "employees", 3)
    assert (warning["row"], warning["value"]) == (3, "many")


def test_strict_refuses_bad_cells_and_writes_nothing(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, small="employees < 50 and customer_since > date '2020-01-01'")
    text = "id,employees,customer_since\n1,10,2021-01-01\n2,many,2021-02-30\n3,7,never\n4,many,\n"
    with pytest.raises(InvalidInputError) as caught:
        match_text(local, rules, text, strict=True)
    assert [problem.where for problem in caught.value.problems] == [
        "row 3, column employees",
        "row 3, column customer_since",
        "row 4, column customer_since",
    ]
    assert sorted(path.name for path in tmp_path.glob("*out*")) == []


def test_numbers_are_read_as_people_write_them(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, at="revenue = 1250000.5", key="employees between 1200 and 1300")
    winners, said = match_text(
        local, rules, 'id,revenue,employees\n1,"$1,250,000.50",\n2,1250000.5,\n3,,"1,250"\n4,, 1250 \n'
    )
    assert winners == ["at", "at", "key", "key"]
    assert said["warnings"] == []


def test_dates_and_truth_values_are_read_as_people_write_them(local: LocalServices, rules: Path) -> None:
    text = "id,signed,is_key\n1,31/12/2019,yes\n2,13/01/2020,yes\n3,1 March 2019,TRUE\n4,2019-05-05,no\n"
    winners, said = match_text(local, rules, text)
    assert winners == ["old", "", "old", ""]
    assert {warning["code"] for warning in said["warnings"]} == {"no-column"}


@pytest.mark.parametrize(
    "header",
    ["employees", "Employees", "number of employees", "EMPLOYEES", "Head Count", "custom.employees"],
)
def test_headers_are_known_by_name_alias_and_label(local: LocalServices, tmp_path: Path, header: str) -> None:
    rules = simple_rules(tmp_path, big="employees >= 10")
    assert match_text(local, rules, f"id,{header}\n1,10\n2,9\n")[0] == ["big", ""]


def test_fields_are_known_from_the_text_of_the_rules(local: LocalServices, rules: Path) -> None:
    ruleset = load_rules(local, rules)
    wheres = [territory["where"] for territory in MODEL["territories"]]
    assert sorted(fields_named(wheres, ruleset.fields)) == sorted(fields_read(ruleset))
    odd = ["NAME = 'it''s city' and ZIP in list('county') or in_area('language')"]
    assert fields_named(odd, ruleset.fields) == ("name", "postal_code", "latitude", "longitude")


@pytest.mark.parametrize(
    "wrong",
    [{"fields": ["tier"]}, {"territories": {"us": 1}}, {"territories": [7]}, {"fields": {"x": "rope"}}],
)
def test_a_wrong_document_is_refused_with_its_problems(
    local: LocalServices, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    rules = write_rules(tmp_path, {**MODEL, **wrong})
    with pytest.raises(InvalidInputError) as caught:
        match_text(local, rules, "id,country\n1,US\n")
    assert caught.value.code == "bad-document"


def test_a_literal_name_wins_over_a_synonym(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, a="industry = 'steel'", b="company = 'Ash'")
    text = "id,Sector,industry,company,name\n1,steel,wood,Ash,Elm\n2,wood,steel,Elm,Ash\n"
    assert match_text(local, rules, text)[0] == ["b", "a"]


def test_aliases_of_fields_are_headers(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(
        tmp_path,
        near="within_km(48.1, 11.5, 50)",
        zips="postal_code = '94105'",
        ai="has_any(products_of_interest, 'ai')",
    )
    text = "id,lat,lon,zip,products\n1,48.1,11.5,,\n2,,,94105,\n3,,,,crm;AI\n"
    assert match_text(local, rules, text)[0] == ["near", "zips", "ai"]


def test_a_field_without_a_column_is_told(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, big="employees > 5", us="country = 'US'")
    winners, said = match_text(local, rules, "id,country\n1,US\n")
    assert winners == ["us"]
    assert [(warning["code"], warning["field"]) for warning in said["warnings"]] == [
        ("no-column", "employees")
    ]


def test_repeated_and_missing_ids_are_matched_and_told(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, us="country = 'US'")
    winners, said = match_text(local, rules, "id,country\nB,US\nA,FR\nB,FR\n,US\nA,US\n")
    assert winners == ["us", "", "", "us", "us"]
    assert [(warning["code"], warning["count"]) for warning in said["warnings"]] == [
        ("duplicate-ids", 2),
        ("missing-ids", 1),
    ]


def test_blank_rows_at_the_end_are_no_records(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, us="country = 'US'")
    winners, said = match_text(local, rules, "id,country,name\n1,US,Ash\n,,\n,,\n\n")
    assert winners == ["us"]
    assert said["records"] == 1


def test_a_file_without_ids_is_refused(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, us="country = 'US'")
    with pytest.raises(InvalidInputError, match="no column of ids"):
        match_text(local, rules, "shade,country\n1,US\n")


def test_a_file_without_records_gives_a_header_only(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, us="country = 'US'")
    winners, said = match_text(local, rules, "id,country\n")
    assert winners == []
    assert said["records"] == 0
    assert (tmp_path / "out.csv").read_text().startswith("id,territory,")


def test_ragged_rows_are_all_told_and_nothing_is_written(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, us="country = 'US'")
    with pytest.raises(InvalidInputError) as caught:
        match_text(local, rules, "id,country\n1,US\n2\n3,US,extra\n4,US\n")
    assert [(problem.code, problem.where) for problem in caught.value.problems] == [
        ("ragged-row", "row 3"),
        ("ragged-row", "row 4"),
    ]
    assert not (tmp_path / "out.csv").exists()


def test_wrong_rules_leave_the_earlier_result_alone(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, us="country = ")
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(InvalidInputError):
        match_text(local, rules, "id,country\n1,US\n")
    assert (tmp_path / "out.csv").read_text() == "mine"


def test_an_unknown_engine_is_wrong_use(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(tmp_path, us="country = 'US'")
    with pytest.raises(UsageError, match="'abacus'"):
        match_text(local, rules, "id,country\n1,US\n", engine="abacus")


def test_long_files_keep_their_order_over_many_batches(local: LocalServices, tmp_path: Path) -> None:
    rules = simple_rules(
        tmp_path, low="employees < 1000", high="employees >= 299000", odd="employees = 150001"
    )
    numbers = pa.array(range(300_000), pa.int64())
    table = pa.table({"id": numbers, "employees": numbers})
    pq.write_table(table, tmp_path / "r.parquet", row_group_size=40_000)
    told: list[tuple[int, int]] = []
    said = match_files(
        local,
        rules=rules,
        records=tmp_path / "r.parquet",
        out=tmp_path / "o.parquet",
        progress=lambda done, total, _: told.append((done, total)),
    )
    found = pq.read_table(tmp_path / "o.parquet")
    assert found["id"].equals(table["id"])
    assert said["assigned"] == 2001
    assert found["territory"][999].as_py() == "low"
    assert found["territory"][150_001].as_py() == "odd"
    assert found["territory"][299_999].as_py() == "high"
    assert len(told) > 1
    assert told[-1] == (300_000, 300_000)


def test_rules_kept_from_an_earlier_run_are_the_documents(local: LocalServices, tmp_path: Path) -> None:
    text = "id,country,tier\n1,US,A\n2,FR,B\n"
    model = {**MODEL, "territories": [{"key": "us", "where": "country = 'US'"}]}
    for territories, expected in (
        ([{"key": "us", "where": "country = 'US'"}], ["us", ""]),
        ([{"key": "us", "where": "country = 'US'"}], ["us", ""]),
        ([{"key": "b", "where": "tier = 'B'"}], ["", "b"]),
    ):
        rules = write_rules(tmp_path, {**model, "territories": territories})
        assert match_text(LocalServices(), rules, text)[0] == expected
    assert len(list((tmp_path / "cache" / "merestone" / "rules").glob("*.rules"))) == 2
    assert local.engine("kernel") is not None


@pytest.mark.usefixtures("local")
def test_matching_loads_no_web_framework(rules: Path, tmp_path: Path) -> None:
    records = write_records(tmp_path / "records.csv", accounts(5))
    words = [
        "match",
        "--rules",
        str(rules),
        "--records",
        str(records),
        "--out",
        str(tmp_path / "o.csv"),
        "--json",
    ]
    script = (
        "import sys\n"
        "from merestone.boot.main import LocalProgram\n"
        "from merestone.cli.app import run\n"
        f"code = run(LocalProgram(), {words!r})\n"
        "assert code == 0, code\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'django', 'duckdb', 'pydantic', 'pyspark', 'rich', 'typer'}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize("engine", ["kernel", "duckdb"])
def test_a_program_that_matched_ends_without_a_word(rules: Path, tmp_path: Path, engine: str) -> None:
    records = write_records(tmp_path / "records.csv", accounts(5))
    words = ["match", "--rules", rules, "--records", records, "--out", tmp_path / "o.csv", "--engine", engine]
    command = [sys.executable, "-m", "merestone.boot", *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["records"] == 5
    assert done.stderr == ""


@pytest.mark.shared
def test_the_shared_workload_gets_the_oracles_winners(
    local: LocalServices, shared: Path, tmp_path: Path
) -> None:
    script = shared / "bench" / "rules" / "to_document.py"
    command = [sys.executable, str(script), "--n", "4000", "--rules", "300", "--seed", "5", "--sample", "400"]
    subprocess.run([*command, "--out", str(tmp_path)], check=True, capture_output=True, cwd=script.parent)
    out = tmp_path / "out.csv"
    match_files(local, rules=tmp_path / "model.json", records=tmp_path / "accounts.parquet", out=out)
    with out.open(newline="") as file:
        found = {row["id"]: row["territory"] for row in csv.DictReader(file)}
    with (tmp_path / "winners.csv").open(newline="") as file:
        expected = {row["id"]: row["territory"] for row in csv.DictReader(file)}
    assert len(expected) == 400
    assert {key: found[key] for key in expected} == expected
