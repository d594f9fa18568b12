"""Files read in batches by a limited process, and results written batch by batch."""

from __future__ import annotations

import csv
import os
import signal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from merestone.base.errors import InvalidInputError, UsageError
from merestone.connectors.files import sinks
from merestone.connectors.files.limits import MIB, Limits
from merestone.connectors.files.sinks import open_sink
from merestone.connectors.files.streaming import open_records


def read(path: Path, *, limits: Limits | None = None, as_codes: tuple[str, ...] = ()) -> pa.Table:
    """Return the whole file through the stream."""
    records = open_records(path, limits=limits)
    try:
        batches = list(records.batches(list(records.headers), as_codes=as_codes))
        assert records.problems == []
        return pa.concat_tables(batches, promote_options="permissive")
    finally:
        records.close()


def refusal(path: Path, *, limits: Limits | None = None) -> str:
    """Return the code of the error the file gives."""
    with pytest.raises(InvalidInputError) as caught:
        read(path, limits=limits)
    return caught.value.code


def write(tmp_path: Path, content: str | bytes, name: str = "a.csv") -> Path:
    """Write a file."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_text_is_read_in_any_encoding_and_with_any_delimiter(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    text = 'id,name,city\r\n1,Café Zürich,Köln\r\n2,"Bäcker, Söhne",\r\n'.replace(",", delimiter)
    found = read(write(tmp_path, text.encode(encoding)))
    assert found["name"].to_pylist() == ["Café Zürich", f"Bäcker{delimiter} Söhne"]
    assert found["city"].to_pylist() == ["Köln", None]


def test_cells_hold_line_breaks_and_quotes(tmp_path: Path) -> None:
    found = read(write(tmp_path, 'sep=,\n\nid,notes\n1,"two\nlines"\n2,"say ""no"""\n3,\'=1+1\n'))
    assert found["notes"].to_pylist() == ["two\nlines", 'say "no"', "=1+1"]


def test_a_quote_that_is_never_closed_is_told_with_its_row(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,name\n1,Ash\n2,"Birch\n3,Cedar\n')
    records = open_records(path)
    with pytest.raises(InvalidInputError) as caught:
        list(records.batches(["id", "name"], as_codes=()))
    records.close()
    assert caught.value.code == "unclosed-quote"
    assert caught.value.problems[0].where == "row 3"


def test_a_single_column_is_read_to_its_end(tmp_path: Path) -> None:
    assert read(write(tmp_path, "id\nA\nB\n"))["id"].to_pylist() == ["A", "B"]


def test_damaged_letters_are_read_as_such_and_noted(tmp_path: Path) -> None:
    path = write(tmp_path, "id,name\n1,Zürich Köln Łódź\n".encode() + b"2,Z\xfcrich\n")
    records = open_records(path)
    [table] = records.batches(["id", "name"], as_codes=())
    assert table["name"].to_pylist() == ["Zürich Köln Łódź", "Z\ufffdrich"]
    assert [note.code for note in records.notes] == ["bad-encoding"]
    records.close()


def test_long_text_comes_in_batches_in_its_order(tmp_path: Path) -> None:
    lines = "".join(f"{number},{'x' * 60}\n" for number in range(400_000))
    records = open_records(write(tmp_path, "id,name\n" + lines))
    batches = list(records.batches(["id"], as_codes=()))
    records.close()
    assert len(batches) > 1
    ids = pa.concat_tables(batches)["id"].combine_chunks()
    assert ids.equals(pa.array(map(str, range(400_000))))


def test_only_the_wanted_columns_come_and_text_as_codes(tmp_path: Path) -> None:
    table = pa.table({"a": ["x", "y", "x"], "b": [1, 2, 3], "c": ["q", None, "q"]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    records = open_records(tmp_path / "a.parquet")
    assert list(records.headers) == ["a", "b", "c"]
    assert records.n_rows == 3
    [found] = records.batches(["c", "b"], as_codes=["c"])
    records.close()
    assert found.column_names == ["c", "b"]
    assert pa.types.is_dictionary(found["c"].type)
    assert found["c"].to_pylist() == ["q", None, "q"]
    assert found["b"].type == pa.int64()


def test_json_is_read_typed(tmp_path: Path) -> None:
    text = '[{"id": 1, "tags": ["a", "b"], "x": 1.5}, {"id": 2, "ok": true, "x": 2}]'
    found = read(write(tmp_path, text, "a.json"))
    assert found.to_pylist() == [
        {"id": 1, "tags": ["a", "b"], "x": 1.5, "ok": None},
        {"id": 2, "tags": None, "x": 2.0, "ok": True},
    ]


@pytest.mark.parametrize("text", ["[1, 2]", '{"id": 1}\n{"id": ', '[{"id": 1}', '[{"id": 1}] x'])
def test_json_that_is_no_records_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal(write(tmp_path, text, "a.json")) == "bad-json"


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": list(range(50_000))}), tmp_path / "a.parquet", compression="zstd")
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[len(data) // 3 : len(data) // 2] = os.urandom(len(data) // 2 - len(data) // 3)
    assert refusal(write(tmp_path, bytes(data), "b.parquet")) == "unreadable-file"
    assert refusal(write(tmp_path, bytes(data[:200]), "c.parquet")) == "unreadable-file"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"id,name,id\n1,2,3\n", "duplicate-header"),
        (b"1,2\n3,4\n", "no-header"),
        (b"%PDF-1.7\n", "unknown-format"),
        (b"id,name\n1,\x00\x00\x00\x00\x00\x00\x01\x02", "unknown-format"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    assert refusal(write(tmp_path, content)) == code


def test_rows_past_the_limit_are_refused(tmp_path: Path) -> None:
    text = "id,n\n" + "1,2\n" * 30
    assert refusal(write(tmp_path, text), limits=Limits(rows=20)) == "too-many-rows"


def test_a_file_that_swells_takes_only_its_process(tmp_path: Path) -> None:
    word = pa.DictionaryArray.from_arrays(pa.array([0] * 800, pa.int32()), pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table({"id": word}), tmp_path / "a.parquet", compression="zstd", store_schema=False)
    assert refusal(tmp_path / "a.parquet", limits=Limits(memory_bytes=500 * MIB)) == "too-large"


def test_a_killed_reader_is_told(tmp_path: Path) -> None:
    records = open_records(write(tmp_path, "id,name\n1,Ash\n"))
    assert list(records.headers) == ["id", "name"]
    os.kill(records.process.pid, signal.SIGSEGV)  # type: ignore[attr-defined]
    with pytest.raises(InvalidInputError) as caught:
        list(records.batches(["id", "name"], as_codes=()))
    records.close()
    assert caught.value.code == "parser-died"


def test_closing_early_ends_the_process(tmp_path: Path) -> None:
    lines = "".join(f"{number},{'x' * 60}\n" for number in range(300_000))
    records = open_records(write(tmp_path, "id,name\n" + lines))
    next(records.batches(["id"], as_codes=()))
    records.close()
    assert records.process.returncode is not None  # type: ignore[attr-defined]


# --- results ----------------------------------------------------------------------------------------------------------

ROWS = pa.table(
    {
        "id": ["=1+1", 'a "b", c', "O'Neil", None, "two\nlines", "-5"],
        "territory": pa.array(["t", "+x", None, "t", "t", "u,v"]).dictionary_encode(),
        "n_matches": pa.array([1, 2, 0, None, 5, 6], pa.int32()),
        "overlays": [["a", "b;c"], [], None, ["x"], ["y"], ["@z"]],
    }
)


def test_csv_is_what_the_other_writer_writes(tmp_path: Path) -> None:
    from merestone.connectors.files.writer import write_table

    sink = open_sink(tmp_path / "a.csv")
    sink.write(ROWS.slice(0, 2))
    sink.write(ROWS.slice(2))
    sink.commit()
    write_table(ROWS, tmp_path / "b.csv", fmt="csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_csv_reads_back(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "a.csv")
    sink.write(ROWS)
    sink.commit()
    assert read(tmp_path / "a.csv")["id"].to_pylist() == ROWS["id"].to_pylist()
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)][:2] == ["'=1+1", 'a "b", c']


def test_nothing_stands_under_the_name_before_all_is_written(tmp_path: Path) -> None:
    target = tmp_path / "a.parquet"
    target.write_text("before")
    sink = open_sink(target)
    sink.write(ROWS)
    assert target.read_text() == "before"
    sink.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    assert target.read_text() == "before"
    sink = open_sink(target)
    sink.write(ROWS)
    sink.commit()
    sink.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    assert pq.read_table(target)["id"].to_pylist() == ROWS["id"].to_pylist()


def test_a_link_keeps_pointing_where_it_pointed(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    sink = open_sink(tmp_path / "link.csv")
    sink.write(ROWS)
    sink.commit()
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_bytes().startswith(b"id,")


def test_more_rows_than_a_sheet_holds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "_EXCEL_ROWS", 5)
    sink = open_sink(tmp_path / "a.xlsx")
    with pytest.raises(UsageError, match="An Excel sheet holds"):
        sink.write(ROWS)
    sink.discard()
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suffix_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'pdf'"):
        open_sink(tmp_path / "a.pdf")


def test_json_without_rows_is_an_empty_array(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "a.json")
    sink.write(ROWS.slice(0, 0))
    sink.commit()
    assert (tmp_path / "a.json").read_text() == "[]\n"
