"""Any table file as columns of text. The parsing happens in a limited process of its own (``child``)."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from merestone.base.errors import Problem
from merestone.connectors.files.limits import Limits
from merestone.connectors.files.process import check_file, died, environment, refused, took_too_long


@dataclass(frozen=True, slots=True)
class RawTable:
    """A file's table before anything is known about its meaning.

    Parameters
    ----------
    table : pyarrow.Table
        One text column per header, unique names, null for empty cells; no blank rows.
    row_numbers : pyarrow.ChunkedArray
        Each row's number in the file (int64), as a spreadsheet shows it: the header is normally row 1.
    problems : pyarrow.Table
        Rows of ``table`` that must be rejected, as ``merestone.app.exchange.problems.ROW_PROBLEMS``.
    notes : list of Problem
        What the person should know about the whole file.
    fmt : str
        ``csv``, ``xlsx``, ``xlsb``, ``xls``, ``ods`` or ``parquet``, by content.
    encoding, delimiter, sheet : str
        How it was read; empty where it has no meaning.
    sheets : tuple of str
        All sheets of a workbook.
    header_row : int
        Number of the header's row.
    """

    table: pa.Table
    row_numbers: pa.ChunkedArray
    problems: pa.Table
    notes: list[Problem] = field(default_factory=list)
    fmt: str = "csv"
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    header_row: int = 1


def read_table(
    path: Path | str,
    *,
    sheet: str | None = None,
    limits: Limits | None = None,
    encoding: str = "",
    delimiter: str = "",
    name: str = "",
) -> RawTable:
    """Return the table in a CSV, Excel, OpenDocument or Parquet file, decided by content.

    Parameters
    ----------
    path : Path or str
        The file.
    sheet : str, optional
        Sheet of a workbook; the first by default.
    limits : Limits, optional
        Bounds on what is read.
    encoding, delimiter : str
        Override what would be detected.
    name : str
        Name for messages, for uploads kept under another one.

    Raises
    ------
    InvalidInputError
        The file cannot be read at all; ``code`` says why.
    """
    path, limits = Path(path), limits or Limits()
    name = name or path.name
    check_file(path, name, limits)
    with tempfile.TemporaryDirectory(prefix="merestone-read-") as folder:
        request = {
            "path": str(path.resolve()),
            "name": name,
            "sheet": sheet,
            "limits": asdict(limits),
            "encoding": encoding,
            "delimiter": delimiter,
        }
        answer = _ask(Path(folder), request, name=name, limits=limits)
        if not answer["ok"]:
            raise refused(answer, name, limits)
        table = _load(Path(folder) / "table.arrow")
        problems = _load(Path(folder) / "problems.arrow")
    return RawTable(
        table=table.select(range(table.num_columns - 1)),
        row_numbers=table.column(table.num_columns - 1),
        problems=problems,
        notes=[Problem(**note) for note in answer["notes"]],
        fmt=answer["fmt"],
        encoding=answer["encoding"],
        delimiter=answer["delimiter"],
        sheet=answer["sheet"],
        sheets=tuple(answer["sheets"]),
        header_row=answer["header_row"],
    )


def _ask(folder: Path, request: dict[str, Any], *, name: str, limits: Limits) -> dict[str, Any]:
    request_path = folder / "request.json"
    request_path.write_text(json.dumps(request), "utf-8")
    command = [sys.executable, "-m", "merestone.connectors.files.child", str(request_path)]
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=folder,
            env=environment(),
            start_new_session=True,
        )
        try:
            status = process.wait(limits.wall_seconds)
        except subprocess.TimeoutExpired as error:
            raise took_too_long(name, limits.wall_seconds) from error
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    result = folder / "result.json"
    if status == 0 and result.is_file():
        answer: dict[str, Any] = json.loads(result.read_text("utf-8"))
        return answer
    said = (folder / "stderr").read_bytes()[-2000:].decode("utf-8", "replace")
    raise died(status, said, name=name, limits=limits)


def _load(path: Path) -> pa.Table:
    with pa.OSFile(str(path), "rb") as source:
        table = pa.ipc.open_file(source).read_all()
    table.validate(full=True)
    return table
