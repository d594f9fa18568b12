"""Any table file as columns of text. The parsing happens in a limited process of its own (``child``)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from merestone.base.errors import InvalidInputError, Problem
from merestone.connectors.files.limits import MIB, Limits
from merestone.connectors.files.sniff import refuse


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
    _check_file(path, name, limits)
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
            raise _refused(answer, name, limits)
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


def _check_file(path: Path, name: str, limits: Limits) -> None:
    try:
        if not path.is_file():
            raise refuse("no-such-file", f"There is no file {name!r}.", "Check the path.")
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise refuse("unreadable-file", f"The file {name!r} cannot be opened: {error.strerror}.") from error
    if size == 0:
        raise refuse(
            "empty-file", f"The file {name!r} is empty.", "Choose a file with a header row and data."
        )
    if size > limits.file_bytes:
        raise refuse(
            "too-large",
            f"The file {name!r} has {size / MIB:,.0f} MiB; at most {limits.file_bytes / MIB:,.0f} MiB are read.",
            "Split it into several files.",
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
            env=_environment(),
            start_new_session=True,
        )
        try:
            status = process.wait(limits.wall_seconds)
        except subprocess.TimeoutExpired as error:
            raise _took_too_long(name, limits.wall_seconds) from error
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    result = folder / "result.json"
    if status == 0 and result.is_file():
        answer: dict[str, Any] = json.loads(result.read_text("utf-8"))
        return answer
    raise _died(status, folder, name=name, limits=limits)


def _environment() -> dict[str, str]:
    kept = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT")
    return {
        **{key: os.environ[key] for key in kept if key in os.environ},
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _load(path: Path) -> pa.Table:
    with pa.OSFile(str(path), "rb") as source:
        table = pa.ipc.open_file(source).read_all()
    table.validate(full=True)
    return table


def _refused(answer: dict[str, Any], name: str, limits: Limits) -> InvalidInputError:
    if answer["code"] == "too-large" and not answer["message"]:
        return _too_much_memory(name, limits)
    message = answer["message"]
    if not answer["problems"]:
        message = f"The file {name!r} cannot be read: {message}"
        return refuse(answer["code"], message, answer["fix"] or "Save it again, as CSV if that is possible.")
    problems = [Problem(**problem) for problem in answer["problems"]]
    return InvalidInputError(message, problems, code=answer["code"], fix=answer["fix"])


def _too_much_memory(name: str, limits: Limits) -> InvalidInputError:
    return refuse(
        "too-large",
        f"Reading {name!r} needs more than {limits.memory_bytes / MIB:,.0f} MiB of memory.",
        "Delete unused rows and columns, or split the file.",
    )


def _took_too_long(name: str, seconds: int) -> InvalidInputError:
    return refuse(
        "timeout",
        f"Reading {name!r} was stopped after {seconds} seconds.",
        "Split the file, or save the sheet as CSV.",
    )


def _died(status: int, folder: Path, *, name: str, limits: Limits) -> InvalidInputError:
    said = (folder / "stderr").read_bytes()[-2000:].decode("utf-8", "replace")
    if "memory allocation" in said or "MemoryError" in said or "bad_alloc" in said:
        return _too_much_memory(name, limits)
    if -status in (signal.SIGXCPU, signal.SIGKILL):
        return _took_too_long(name, limits.cpu_seconds)
    how = signal.Signals(-status).name if status < 0 else f"status {status}"
    return refuse(
        "parser-died",
        f"The file {name!r} made its reader stop ({how}); nothing was imported.",
        "The file is probably damaged: open it in a spreadsheet program and save it as CSV.",
    )
