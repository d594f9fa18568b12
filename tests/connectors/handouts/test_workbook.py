"""Hand-outs as workbooks: sheets, types, filters, and text that no spreadsheet runs."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import fastexcel
import polars as pl
import pytest

from merestone.app.handout import HandOut
from merestone.connectors.handouts import HandOutWriter


def xlsx(writer: HandOutWriter, hand_out: HandOut) -> bytes:
    target = BytesIO()
    writer.write(hand_out, target, fmt="xlsx", paper="letter")
    return target.getvalue()


@pytest.fixture(scope="module")
def data(writer: HandOutWriter, hand_out: HandOut) -> bytes:
    """The workbook."""
    return xlsx(writer, hand_out)


@pytest.fixture
def sheets(data: bytes, tmp_path: Path) -> dict[str, pl.DataFrame]:
    """The sheets with a header."""
    path = tmp_path / "book.xlsx"
    path.write_bytes(data)
    book = fastexcel.read_excel(path)
    assert book.sheet_names == ["Overview", "Territories", "Counties", "Accounts", "Moves"]
    return {name: book.load_sheet(name).to_polars() for name in book.sheet_names[1:]}


def test_accounts_are_all_there_and_typed(sheets: dict[str, pl.DataFrame]) -> None:
    accounts = sheets["Accounts"]
    assert accounts.height == 130
    assert accounts["Account"][:2].to_list() == ["0", "A-1"]
    assert accounts["Potential, USD"].dtype == pl.Float64
    assert accounts["Potential, USD"].sum() == sum(1000 - at for at in range(130))
    assert accounts["Moves"].to_list() == ["no"] * 60 + ["yes"] * 70
    assert accounts["Name"][2] == "漢字 Trading"


def test_sums_of_counties_and_moves_are_those_of_the_accounts(sheets: dict[str, pl.DataFrame]) -> None:
    assert sheets["Counties"]["Accounts"].sum() == 130
    assert sheets["Counties"]["Workload, hours"].sum() == 130 * 1.5
    assert sheets["Counties"].height == 88 + 92
    moves = sheets["Moves"]
    assert moves["Accounts"].to_list() == [40, 30]
    assert moves["From territory"].to_list() == ["West", "West"]


def test_territories_have_a_row_each(sheets: dict[str, pl.DataFrame]) -> None:
    table = sheets["Territories"]
    assert table["Key"].to_list() == ["t0", "t1", "t2"]
    assert table["Accounts that leave"].to_list() == [30, 0, 0]
    assert table["Accounts, index"].to_list() == [120.0, 120.0, None]


def test_text_that_looks_like_a_formula_is_guarded(sheets: dict[str, pl.DataFrame], data: bytes) -> None:
    assert sheets["Accounts"]["Name"][1] == "'=cmd|'/C calc'!A0"
    with zipfile.ZipFile(BytesIO(data)) as book:
        parts = [book.read(name).decode() for name in book.namelist() if "worksheets/" in name]
    assert not any("<f>" in part for part in parts)


def test_headers_stay_and_filter(data: bytes) -> None:
    with zipfile.ZipFile(BytesIO(data)) as book:
        for number in (2, 3, 4, 5):
            part = book.read(f"xl/worksheets/sheet{number}.xml").decode()
            assert 'state="frozen"' in part
            assert "<autoFilter" in part


def test_the_same_content_gives_the_same_bytes(writer: HandOutWriter, hand_out: HandOut, data: bytes) -> None:
    assert xlsx(writer, hand_out) == data
