"""Thirty kinds of damaged, hostile or mistaken files: each a clear error, none takes the process down."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from merestone.base.errors import InvalidInputError
from merestone.connectors.files.limits import MIB, Limits
from merestone.connectors.files.reader import read_table

HEADER = "id,name,employees\n"
SHEET = "xl/worksheets/sheet1.xml"


def workbook(rows: list[list[object]]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet("Data")
        for index, row in enumerate(rows):
            sheet.write_row(index, 0, row)
    return buffer.getvalue()


def with_member(data: bytes, name: str, content: bytes) -> bytes:
    """Return a zip file with one member replaced or added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        new.writestr(name, content)
    return buffer.getvalue()


def sheet_xml(cells: str) -> bytes:
    name = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    head = '<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c><c r="B1" t="inlineStr"><is><t>city</t></is></c></row>'
    return f'<?xml version="1.0"?><worksheet xmlns="{name}"><sheetData>{head}{cells}</sheetData></worksheet>'.encode()


PLAIN = workbook([["id", "name"], ["A-1", "Acme"]])
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def sparse_sheet() -> bytes:
    cells = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    return with_member(PLAIN, SHEET, sheet_xml(cells))


def tall_sheet() -> bytes:
    cells = '<row r="1048576"><c r="ZZ1048576"><v>1</v></c></row>'
    return with_member(PLAIN, SHEET, sheet_xml(cells))


def sparse_sheet_in_disguise() -> bytes:
    """The same without anything our look at the XML would see: only the limits of the process help."""
    cells = '<x:row r="1048576"><x:c r="XFD1048576"><x:v>1</x:v></x:c></x:row>'
    name = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    head = '<x:row r="1"><x:c r="A1"><x:v>1</x:v></x:c></x:row>'
    xml = f'<x:worksheet xmlns:x="{name}"><x:sheetData>{head}{cells}</x:sheetData></x:worksheet>'
    return with_member(PLAIN, SHEET, xml.encode())


def zip_bomb() -> bytes:
    return with_member(PLAIN, "xl/media/zeros.bin", bytes(300 * MIB))


def many_members() -> bytes:
    buffer = io.BytesIO(PLAIN)
    with zipfile.ZipFile(buffer, "a") as archive:
        for index in range(3000):
            archive.writestr(f"xl/media/{index}.bin", b"")
    return buffer.getvalue()


def billion_laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    xml = f'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY l0 "ha">{entities}]><worksheet><t>&l9;</t></worksheet>'
    return with_member(PLAIN, SHEET, xml.encode())


def giant_cell() -> bytes:
    text = "".join(f"{number:x}" for number in range(1_300_000))
    cells = f'<row r="2"><c r="A2" t="inlineStr"><is><t>{text * 12}</t></is></c></row>'
    return with_member(PLAIN, SHEET, sheet_xml(cells))


def locked_members() -> bytes:
    data = bytearray(PLAIN)
    at = data.find(b"PK\x01\x02")
    while at >= 0:  # the flag "encrypted" of each entry of the table of contents
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(data)


def broken_sheet() -> bytes:
    return with_member(PLAIN, SHEET, b'<worksheet><sheetData><row r="1"><c r="A1"><v>1</v>')


def parquet_garbage() -> bytes:
    return b"PAR1" + os.urandom(4000) + b"PAR1"


def parquet_cut() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"id": ["1"] * 1000, "name": ["x"] * 1000}), buffer)
    data = buffer.getvalue()
    return data[:60] + os.urandom(40) + data[100:]


def wide_parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({f"c{n}": pa.array([1]) for n in range(1500)}), buffer)
    return buffer.getvalue()


FATAL: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "wrong delimiter": ("a.csv", "wrong-delimiter", lambda: b"id^name^city\n1^Acme^Rome\n2^Bolt^Oslo\n"),
    "missing header": ("a.csv", "no-header", lambda: b"17,Acme,52.5,https://acme.test\n18,Bolt,9,https://b.test\n"),
    "duplicate header": ("a.csv", "duplicate-header", lambda: b"id,Name,name\n1,a,b\n"),
    "million columns": ("a.csv", "too-many-columns", lambda: b",".join(b"c%d" % n for n in range(10**6)) + b"\n1\n"),
    "empty": ("a.csv", "empty-file", lambda: b""),
    "white space only": ("a.csv", "empty-file", lambda: b" \r\n\t\n  \n"),
    "unclosed quote": ("a.csv", "unclosed-quote", lambda: HEADER.encode() + b'1,"Acme,5\n2,Bolt,6\n'),
    "unclosed quote in a large file": (
        "a.csv", "cell-too-long", lambda: HEADER.encode() + b'1,"Acme,5\n' + b"2,Bolt,6\n" * 50_000,
    ),
    "cell of 100 MB": ("a.csv", "cell-too-long", lambda: HEADER.encode() + b"1," + b"x" * (100 * MIB) + b",3\n"),
    "zero bytes": ("a.csv", "unknown-format", lambda: HEADER.encode() + b"\x00\x01" * 3000),
    "odd UTF-16": ("a.csv", "bad-encoding", lambda: "id,name\n1,a\n".encode("utf-16") + b"\x41"),
    "PDF named CSV": ("a.csv", "unknown-format", lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"),
    "web page named Excel": ("a.xls", "unknown-format", lambda: b"<html><table><tr><td>1</td></tr></table></html>"),
    "gzip": ("a.csv.gz", "unknown-format", lambda: b"\x1f\x8b\x08\x00" + os.urandom(100)),
    "sparse sheet": ("a.xlsx", "too-many-columns", sparse_sheet),
    "tall sparse sheet": ("a.xlsx", "too-large", tall_sheet),
    "sparse sheet in disguise": ("a.xlsx", "too-large", sparse_sheet_in_disguise),
    "zip bomb": ("a.xlsx", "zip-bomb", zip_bomb),
    "many zip members": ("a.xlsx", "zip-bomb", many_members),
    "truncated zip": ("a.xlsx", "unreadable-file", lambda: PLAIN[: len(PLAIN) // 2]),
    "zip of something else": ("a.xlsx", "unknown-format", lambda: _zip({"notes.txt": b"hello"})),
    "word document": ("a.xlsx", "unknown-format", lambda: _zip({"word/document.xml": b"<w/>"})),
    "encrypted xlsx": ("a.xlsx", "encrypted-file", lambda: OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)),
    "locked zip members": ("a.xlsx", "encrypted-file", locked_members),
    "xls garbage": ("a.xls", "unreadable-file", lambda: OLE + os.urandom(5000)),
    "billion laughs": ("a.xlsx", "unsafe-xml", billion_laughs),
    "broken sheet": ("a.xlsx", "unreadable-file", broken_sheet),
    "giant cell in xlsx": ("a.xlsx", "cell-too-long", giant_cell),
    "workbook without sheets": ("a.xlsx", "empty-file", lambda: with_member(PLAIN, "xl/workbook.xml", b"<workbook/>")),
    "blank sheet": ("a.xlsx", "empty-file", lambda: workbook([])),
    "parquet garbage": ("a.parquet", "unreadable-file", parquet_garbage),
    "parquet with damage inside": ("a.parquet", "unreadable-file", parquet_cut),
    "wide parquet": ("a.parquet", "too-many-columns", wide_parquet),
}  # fmt: skip


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", FATAL)
def test_damage_is_one_clear_error(kind: str, tmp_path: Path) -> None:
    name, code, build = FATAL[kind]
    path = tmp_path / name
    path.write_bytes(build())
    with pytest.raises(InvalidInputError) as caught:
        read_table(path)
    assert caught.value.code == code, caught.value
    problems = caught.value.problems
    assert problems
    assert all(problem.code == code for problem in problems)
    assert name in caught.value.message
    assert len(str(caught.value)) < 2000
    assert "Traceback" not in str(caught.value)


def test_error_on_too_many_columns_tells_how_many_were_found(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_bytes(FATAL["million columns"][2]())
    with pytest.raises(InvalidInputError, match="1,000,000 columns"):
        read_table(path)


def test_missing_file_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_table(tmp_path / "gone.csv")
    assert caught.value.code == "no-such-file"


def test_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(3 * MIB)
    with pytest.raises(InvalidInputError) as caught:
        read_table(path, limits=Limits(file_bytes=2 * MIB))
    assert caught.value.code == "too-large"


def test_too_many_rows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(HEADER + "1,a,2\n" * 200)
    with pytest.raises(InvalidInputError) as caught:
        read_table(path, limits=Limits(rows=100))
    assert caught.value.code == "too-many-rows"


def test_parser_that_needs_too_much_memory_is_told_as_too_large(tmp_path: Path) -> None:
    path = tmp_path / "fat.csv"
    path.write_text(HEADER + "1,abcdefgh,2\n" * 3_000_000)
    with pytest.raises(InvalidInputError) as caught:
        read_table(path, limits=Limits(memory_bytes=400 * MIB, rows=10**7))
    assert caught.value.code == "too-large"


def test_parser_that_runs_too_long_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "slow.csv"
    path.write_text(HEADER + "1,abcdefgh,2\n" * 3_000_000)
    for limits in (Limits(cpu_seconds=1, rows=10**7), Limits(wall_seconds=1, rows=10**7)):
        with pytest.raises(InvalidInputError) as caught:
            read_table(path, limits=limits)
        assert caught.value.code == "timeout"


def row_problems(path: Path) -> list[tuple[int, str, str]]:
    problems = read_table(path).problems.to_pylist()
    assert all(problem["message"] and problem["fix"] for problem in problems)
    return [(problem["row"], problem["column"], problem["code"]) for problem in problems]


def test_ragged_rows_are_rejected_alone(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text(HEADER + "1,Acme,5\n2,Bolt\n3,Cog,6,7\n4,Dyn,8,,\n\n5,Eon,9\n")
    raw = read_table(path)
    assert row_problems(path) == [(3, "", "ragged-row"), (4, "", "ragged-row")]
    assert raw.table["id"].to_pylist() == ["1", "2", "3", "4", "5"]
    assert raw.row_numbers.to_pylist() == [2, 3, 4, 5, 7]


def test_bad_utf8_rejects_only_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "bytes.csv"
    path.write_bytes(HEADER.encode() + "1,Müller,5\n2,Åse,6\n".encode() + b"3,B\xfcrk,7\n")
    assert row_problems(path) == [(4, "name", "bad-encoding")]
    assert read_table(path).table["name"].to_pylist()[:2] == ["Müller", "Åse"]


def test_formulas_in_a_text_file_are_rejected_and_signed_values_are_not(tmp_path: Path) -> None:
    path = tmp_path / "formulas.csv"
    path.write_text("name,phone\n=1+1,+49 30 1234\n@SUM(A1),-5\n'=safe,@handle\n+cmd|' /C calc'!A0,x\n")
    assert row_problems(path) == [
        (2, "name", "formula-cell"),
        (3, "name", "formula-cell"),
        (5, "name", "formula-cell"),
    ]
    assert read_table(path).table["name"][2].as_py() == "=safe"


def test_formulas_and_errors_in_a_sheet_are_rejected_unless_computed(tmp_path: Path) -> None:
    path = tmp_path / "formulas.xlsx"
    cells = (
        '<row r="2"><c r="A2" t="str"><f>1+1</f><v>Acme</v></c><c r="B2" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
        '<row r="3"><c r="A3"><f>NOW()</f></c><c r="B3" t="inlineStr"><is><t>Rome</t></is></c></row>'
    )
    path.write_bytes(with_member(PLAIN, SHEET, sheet_xml(cells)))
    assert row_problems(path) == [(2, "city", "error-cell"), (3, "name", "formula-cell")]
    raw = read_table(path)
    assert raw.table["name"].to_pylist() == ["Acme", None]
    assert [note.code for note in raw.notes] == ["formula-values"]


def test_content_decides_whatever_the_suffix_says(tmp_path: Path) -> None:
    sheet, text = tmp_path / "really.csv", tmp_path / "text.xlsx"
    sheet.write_bytes(PLAIN)
    text.write_text("id;name\nA-1;Acme\n")
    for path, fmt in ((sheet, "xlsx"), (text, "csv")):
        raw = read_table(path)
        assert raw.fmt == fmt
        assert raw.table.to_pylist() == [{"id": "A-1", "name": "Acme"}]
        assert [note.code for note in raw.notes] == ["wrong-suffix"]


def test_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    for name, data in (("a.csv", HEADER.encode()), ("a.xlsx", workbook([["id", "name", "employees"]]))):
        path = tmp_path / name
        path.write_bytes(data)
        raw = read_table(path)
        assert raw.table.num_rows == 0
        assert raw.table.column_names == ["id", "name", "employees"]


def test_nothing_is_left_behind_when_reading_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    path = tmp_path / "a.xlsx"
    path.write_bytes(PLAIN[:300])
    with pytest.raises(InvalidInputError):
        read_table(path)
    assert list(folder.iterdir()) == []
