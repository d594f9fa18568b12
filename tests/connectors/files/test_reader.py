"""Reading whole, healthy files of every form."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from merestone.base.errors import InvalidInputError
from merestone.connectors.files.reader import read_table

ROWS = [
    {"id": "1", "name": "Café Zürich", "city": "Köln"},
    {"id": "2", "name": "Łódź, Sp. z o.o.", "city": None},
]
TEXT = 'id,name,city\n1,Café Zürich,Köln\n2,"Łódź, Sp. z o.o.",\n'


def save(tmp_path: Path, data: bytes, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_encodings_are_told_by_their_bytes(encoding: str, tmp_path: Path) -> None:
    raw = read_table(save(tmp_path, TEXT.encode(encoding)))
    assert raw.table.to_pylist() == ROWS
    assert raw.notes == []


def test_code_page_is_guessed_and_the_guess_is_told(tmp_path: Path) -> None:
    text = "id;name;city\n" + "".join(f"{n};Müller & Söhne – Bäckerei {n};Düsseldorf\n" for n in range(50))
    raw = read_table(save(tmp_path, text.encode("cp1252")))
    assert raw.table["name"][0].as_py() == "Müller & Söhne – Bäckerei 0"
    assert raw.encoding == "cp1252"
    assert [note.code for note in raw.notes] == ["encoding-guessed"]


def test_stated_encoding_and_delimiter_are_obeyed(tmp_path: Path) -> None:
    raw = read_table(save(tmp_path, "id^name\n1^Dvořák\n".encode("cp1250")), encoding="cp1250", delimiter="^")
    assert raw.table.to_pylist() == [{"id": "1", "name": "Dvořák"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_delimiter_is_the_one_under_which_rows_agree(delimiter: str, newline: str, tmp_path: Path) -> None:
    lines = [["id", "notes", "amount"], ["1", '"a; b, c | d"', "1"], ["2", '"x, y"', "2"], ["3", "plain", ""]]
    text = newline.join(delimiter.join(line) for line in lines)
    raw = read_table(save(tmp_path, text.encode()))
    assert raw.delimiter == delimiter
    assert raw.table["notes"].to_pylist() == ["a; b, c | d", "x, y", "plain"]
    assert raw.problems.num_rows == 0


def test_decimal_commas_do_not_pass_for_delimiters(tmp_path: Path) -> None:
    raw = read_table(save(tmp_path, b"name;amount\nA;1,5\nB;2,5\nC;3,5\n"))
    assert raw.delimiter == ";"
    assert raw.table["amount"].to_pylist() == ["1,5", "2,5", "3,5"]


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    raw = read_table(save(tmp_path, b'\n\nid,name\n1,"two\nlines"\n\n,\n2,b\n'))
    assert raw.header_row == 3
    assert raw.row_numbers.to_pylist() == [4, 7]
    assert raw.table["name"].to_pylist() == ["two\nlines", "b"]


def test_separator_line_of_excel_is_no_header(tmp_path: Path) -> None:
    raw = read_table(save(tmp_path, b"sep=;\nid;name\n1;a\n"))
    assert raw.table.to_pylist() == [{"id": "1", "name": "a"}]
    assert raw.row_numbers.to_pylist() == [3]


def test_columns_without_header_are_kept_when_they_hold_values(tmp_path: Path) -> None:
    raw = read_table(save(tmp_path, b"id,,name,\n1,x,a,\n2,,b,\n"))
    assert raw.table.column_names == ["id", "column B", "name"]
    assert [note.code for note in raw.notes] == ["blank-header"]


def test_single_column_is_a_table(tmp_path: Path) -> None:
    raw = read_table(save(tmp_path, b"name\nAcme\nBolt\n"))
    assert raw.table.to_pylist() == [{"name": "Acme"}, {"name": "Bolt"}]


def make_book(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        days = book.add_format({"num_format": "dd/mm/yyyy"})
        times = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        first, second = book.add_worksheet("Accounts"), book.add_worksheet("Old")
        first.write_row(1, 1, ["zip", "since", "seen", "amount", "active", "mixed"], None)
        first.write_row(2, 1, ["02134"])
        first.write_datetime(2, 2, dt.datetime(2024, 1, 31), days)
        first.write_datetime(2, 3, dt.datetime(2024, 1, 31, 5, 6), times)
        first.write_row(2, 4, [1 / 3, True, 7])
        first.write_row(4, 1, [2134])
        first.write_row(4, 4, [12, False, "seven"])
        second.write_row(0, 0, ["id"])
        second.write_row(1, 0, ["old"])


def test_sheet_cells_become_exact_text(tmp_path: Path) -> None:
    make_book(tmp_path / "a.xlsx")
    raw = read_table(tmp_path / "a.xlsx")
    assert raw.table.to_pylist() == [
        {
            "zip": "02134",
            "since": "2024-01-31",
            "seen": "2024-01-31 05:06:00",
            "amount": "0.3333333333333333",
            "active": "true",
            "mixed": "7",
        },
        {"zip": "2134", "since": None, "seen": None, "amount": "12", "active": "false", "mixed": "seven"},
    ]
    assert raw.row_numbers.to_pylist() == [3, 5]
    assert (raw.fmt, raw.sheet, raw.sheets) == ("xlsx", "Accounts", ("Accounts", "Old"))
    assert [note.code for note in raw.notes] == ["other-sheets"]


def test_sheet_is_chosen_by_name(tmp_path: Path) -> None:
    make_book(tmp_path / "a.xlsx")
    assert read_table(tmp_path / "a.xlsx", sheet="Old").table.to_pylist() == [{"id": "old"}]
    with pytest.raises(InvalidInputError) as caught:
        read_table(tmp_path / "a.xlsx", sheet="New")
    assert caught.value.code == "unknown-sheet"
    assert "Accounts, Old" in caught.value.fix


def test_parquet_columns_become_canonical_text(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([1, 2], pa.int64()),
            "share": [0.1 + 0.2, None],
            "amount": pa.array([Decimal("1.50"), None], pa.decimal128(18, 2)),
            "day": [dt.date(2024, 2, 29), None],
            "at": pa.array([dt.datetime(2024, 2, 29, 12), None], pa.timestamp("us", "Europe/Berlin")),
            "tags": [["a;b", "c"], []],
            "kind": pa.array(["x", "x"]).dictionary_encode(),
            "shape": [{"a": 1}, None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    raw = read_table(tmp_path / "a.parquet")
    assert raw.table.slice(0, 1).to_pylist() == [
        {
            "id": "1",
            "share": "0.30000000000000004",
            "amount": "1.50",
            "day": "2024-02-29",
            "at": "2024-02-29 12:00:00Z",
            "tags": "a\\;b;c",
            "kind": "x",
        }
    ]
    assert raw.table.slice(1).to_pylist() == [
        {"id": "2", "share": None, "amount": None, "day": None, "at": None, "tags": None, "kind": "x"}
    ]
    assert [note.code for note in raw.notes] == ["unsupported-column"]


def test_error_names_the_upload_not_the_stored_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"'mine\.csv'"):
        read_table(save(tmp_path, b"", "5f3a.bin"), name="mine.csv")


@pytest.mark.shared
def test_real_breweries_are_read_whole(shared: Path) -> None:
    raw = read_table(shared / "data" / "breweries.csv")
    assert (raw.table.num_rows, raw.table.num_columns, raw.problems.num_rows) == (11_822, 14, 0)
    assert raw.table["name"].to_pylist()[:2] == ["'s", "’t Drankorgel"]
