"""What is written is harmless in a spreadsheet and comes back as it was."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from merestone.app.exchange.texts import split_list
from merestone.base.errors import UsageError
from merestone.connectors.files.delimited import read_delimited
from merestone.connectors.files.excel import read_zipped
from merestone.connectors.files.flat import join_lists
from merestone.connectors.files.guard import guard, unguard
from merestone.connectors.files.limits import Limits
from merestone.connectors.files.reader import read_table
from merestone.connectors.files.writer import write_table

TRICKY = "'=+-@\t\r\n \"; ,|\\’＝＋－＠\u00a0"
TEXTS = st.one_of(
    st.text(alphabet=st.sampled_from(TRICKY + "as1"), min_size=1, max_size=8),
    st.text(
        alphabet=st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff"),
        min_size=1,
        max_size=20,
    ),
)


def chunked(values: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([values], pa.string())


@given(st.lists(TEXTS, max_size=20))
def test_guard_is_undone_exactly_and_leaves_no_formula(values: list[str]) -> None:
    guarded = guard(chunked(values))
    assert unguard(guarded).to_pylist() == values
    assert not any(text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for text in guarded.to_pylist())


@pytest.mark.parametrize("name", ["'s", "’t Drankorgel", "'T Kroontje", "O'Neil", "''", "plain"])
def test_apostrophes_of_names_are_not_touched(name: str) -> None:
    assert guard(chunked([name])).to_pylist() == [name]
    assert unguard(chunked([name])).to_pylist() == [name]


@given(
    st.lists(st.lists(st.text(alphabet=st.sampled_from("ab;\\'= "), min_size=1).map(str.strip).filter(bool)))
)
def test_lists_in_one_cell_come_apart_again(lists: list[list[str]]) -> None:
    joined = join_lists(pa.chunked_array([lists], pa.list_(pa.string())))
    assert [split_list(text or "") for text in joined.to_pylist()] == lists


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_any_text_survives_csv(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    table = pa.table({"name": [first for first, _ in rows], "notes": [second for _, second in rows]})
    path = tmp_path / "a.csv"
    write_table(table, path)
    grid = read_delimited(path, "a.csv", limits=Limits())
    kept = pc.or_(has_text(table["name"]), has_text(table["notes"]))
    assert grid.problems.num_rows == 0
    assert [column.to_pylist() for column in grid.columns] == [
        column.to_pylist() for column in table.filter(kept).columns
    ]


def has_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.greater(pc.utf8_length(column), 0)


@given(
    st.lists(
        st.tuples(TEXTS, st.floats(allow_nan=False, allow_infinity=False, width=64)), min_size=1, max_size=20
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_any_text_and_number_survive_excel(tmp_path: Path, rows: list[tuple[str, float]]) -> None:
    table = pa.table({"name": [text for text, _ in rows], "score": [number for _, number in rows]})
    path = tmp_path / "a.xlsx"
    write_table(table, path, fmt="xlsx")
    grid = read_zipped(path, "a.xlsx", sheet=None, limits=Limits())
    assert grid.columns[0].to_pylist() == [text for text, _ in rows]
    assert [float(text) for text in grid.columns[1].to_pylist()] == [number for _, number in rows]


def every_kind() -> pa.Table:
    return pa.table(
        {
            "external_id": ["A-1", "=2", None, "007"],
            "name": ["'s", "'=x", "a\r\nb; \"q\"", " lead"],
            "employees": [1.5, 0.1 + 0.2, None, -3.0],
            "revenue": pa.array([Decimal("1.25"), None, Decimal("-99999999.90"), Decimal("0.00")], pa.decimal128(18, 2)),
            "since": [dt.date(2024, 2, 29), None, dt.date(1999, 12, 31), dt.date(1970, 1, 1)],
            "at": pa.array([dt.datetime(2024, 1, 31, 5, 6, 7, 123456), None, dt.datetime(2024, 1, 1), None], pa.timestamp("us", "UTC")),
            "active": [True, False, None, True],
            "tags": [["a;b", "c\\d", "=x"], [], None, ["=y", "z"]],
        }
    )  # fmt: skip


@pytest.mark.parametrize("fmt", ["csv", "xlsx", "parquet"])
def test_all_formats_give_the_same_text_back(fmt: str, tmp_path: Path) -> None:
    table = every_kind()
    path = tmp_path / f"a.{fmt}"
    write_table(table, path, fmt=fmt)
    raw = read_table(path)
    assert raw.problems.num_rows == 0
    assert raw.table["external_id"].to_pylist() == ["A-1", "=2", None, "007"]
    assert raw.table["name"].to_pylist() == table["name"].to_pylist()
    assert raw.table["employees"].to_pylist() == ["1.5", "0.30000000000000004", None, "-3"]
    money = [None if text is None else Decimal(text) for text in raw.table["revenue"].to_pylist()]
    assert money == table["revenue"].to_pylist()
    assert raw.table["since"].to_pylist() == ["2024-02-29", None, "1999-12-31", "1970-01-01"]
    assert raw.table["at"].to_pylist() == ["2024-01-31 05:06:07.123456Z", None, "2024-01-01 00:00:00Z", None]
    assert raw.table["active"].to_pylist() == ["true", "false", None, "true"]
    lists = [split_list(text or "") for text in raw.table["tags"].to_pylist()]
    assert lists == [["a;b", "c\\d", "=x"], [], [], ["=y", "z"]]


def test_workbook_holds_no_formula_and_no_link(tmp_path: Path) -> None:
    table = pa.table({"name": ["=HYPERLINK(1)", "http://a.test", "1234", "@x"], "n": [1, 2, 3, 4]})
    write_table(table, tmp_path / "a.xlsx", fmt="xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<hyperlinks>" not in sheet
    assert 'state="frozen"' in sheet


def test_labels_replace_column_names() -> None:
    buffer = io.BytesIO()
    write_table(
        pa.table({"name": ["Acme"], "n": [1]}), buffer, labels={"name": "Company"}, byte_order_mark=True
    )
    assert buffer.getvalue() == "\ufeffCompany,n\r\nAcme,1\r\n".encode()


def test_two_columns_cannot_share_a_label() -> None:
    with pytest.raises(UsageError, match="Two columns"):
        write_table(pa.table({"a": ["1"], "b": ["2"]}), io.BytesIO(), labels={"a": "b"})


def test_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="csv, xlsx, parquet"):
        write_table(pa.table({"a": ["1"]}), io.BytesIO(), fmt="pdf")


@pytest.mark.parametrize("fmt", ["csv", "xlsx", "parquet"])
def test_table_without_rows_keeps_its_header(fmt: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{fmt}"
    write_table(every_kind().slice(0, 0), path, fmt=fmt)
    assert read_table(path).table.column_names == every_kind().column_names


@pytest.mark.shared
@pytest.mark.parametrize("fmt", ["csv", "xlsx", "parquet"])
def test_real_breweries_survive_a_round_trip(fmt: str, shared: Path, tmp_path: Path) -> None:
    raw = read_table(shared / "data" / "breweries.csv")
    path = tmp_path / f"a.{fmt}"
    write_table(raw.table, path, fmt=fmt)
    assert read_table(path).table.equals(raw.table)
