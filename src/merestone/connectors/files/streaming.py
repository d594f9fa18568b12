"""A file's records in batches: a limited process reads the next ones while the last ones are matched.

Workbooks have no batches: they are read whole, as ever (``reader``).
"""

from __future__ import annotations

import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Protocol, Self

from merestone.base.errors import InvalidInputError, Problem
from merestone.connectors.files import frames
from merestone.connectors.files.limits import MIB, Limits
from merestone.connectors.files.process import (
    check_file,
    died,
    environment,
    refused,
    too_much_memory,
    took_too_long,
)
from merestone.connectors.files.sniff import detect_format

if TYPE_CHECKING:
    import pyarrow as pa

STREAM_LIMITS = Limits(file_bytes=64 * 1024 * MIB, rows=200_000_000)
"""What is read batch by batch may be long; memory is bounded as for any other file."""

_JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
_AHEAD = 2  # batches that wait for the matcher


class Records(Protocol):
    """A file's records. ``batches`` may be asked for once.

    ``problems`` tells the rows and cells that could not be read when all batches are through, ``part_read`` how much of
    the file has been read, between 0 and 1.
    """

    problems: list[Problem]
    part_read: float

    @property
    def headers(self) -> Sequence[str]:
        """The file's columns."""
        ...

    @property
    def n_rows(self) -> int | None:
        """How many records there are; None where only reading on can tell."""
        ...

    @property
    def notes(self) -> list[Problem]:
        """What holds for the whole file."""
        ...

    def batches(self, wanted: Sequence[str], *, as_codes: Collection[str]) -> Iterator[pa.Table]:
        """Yield tables of the wanted columns; text columns among ``as_codes`` come as codes into their words."""
        ...

    def row_number(self, position: int) -> int:
        """Return the file's number of a record, as a spreadsheet shows it."""
        ...

    def close(self) -> None:
        """Stop reading."""
        ...


def open_records(path: Path, *, limits: Limits | None = None) -> Records:
    """Return the records of a CSV, Parquet, JSON or Excel file, decided by content; its reading process starts now.

    Parameters
    ----------
    path : Path
        The file.
    limits : Limits, optional
        Bounds on what is read; those of a stream by default, those of any file for what is read whole.

    Raises
    ------
    InvalidInputError
        The file cannot be read at all; ``code`` says why. Later, too: from ``headers`` and ``batches``.
    """
    check_file(path, path.name, limits or STREAM_LIMITS)
    fmt = _format(path)
    if fmt == "workbook":
        return _Whole(path, limits)
    is_long = fmt != "json"
    bounds = limits or (STREAM_LIMITS if is_long else Limits())
    check_file(path, path.name, bounds)
    if is_long and limits is None:
        minutes = 2 + path.stat().st_size // (256 * MIB)
        bounds = Limits(file_bytes=bounds.file_bytes, rows=bounds.rows, cpu_seconds=60 * minutes)
    return _Streamed(path, fmt, bounds)


def _format(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(200).removeprefix(b"\xef\xbb\xbf").lstrip()
    is_named_json = path.suffix.lower() in _JSON_SUFFIXES and start[:1] in (b"{", b"[")
    if is_named_json or start.startswith((b'{"', b"[{", b"{\n", b"{ ", b"[\n")):
        return "json"
    found = detect_format(path, path.name)
    return "workbook" if found in ("zip", "xls") else found


@dataclass
class _Whole:
    """A workbook, read whole into text."""

    path: Path
    limits: Limits | None
    notes: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    part_read: float = 0.0

    def __post_init__(self) -> None:
        from merestone.connectors.files.reader import read_table

        self.raw = read_table(self.path, limits=self.limits)
        self.notes = self.raw.notes
        self.headers: Sequence[str] = self.raw.table.column_names
        self.n_rows: int | None = self.raw.table.num_rows
        self.cells = [
            Problem(row["code"], row["message"], row["fix"] or "", f"row {row['row']}, {row['column']}")
            for row in self.raw.problems.to_pylist()
        ]

    def batches(
        self,
        wanted: Sequence[str],
        *,
        as_codes: Collection[str],  # noqa: ARG002 - text comes as text
    ) -> Iterator[pa.Table]:
        """Yield the one table there is."""
        self.problems = self.cells
        self.part_read = 1.0
        if self.raw.table.num_rows:
            yield self.raw.table.select(list(wanted))

    def row_number(self, position: int) -> int:
        """Return the row's number in the sheet."""
        return int(self.raw.row_numbers[position].as_py())

    def close(self) -> None:
        """Nothing is open."""


class _Streamed:
    """A file that another process reads."""

    def __init__(self, path: Path, fmt: str, limits: Limits) -> None:
        self.name, self.limits = path.name, limits
        self.problems: list[Problem] = []
        self.part_read = 0.0
        self.stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.line, its_end = frames.pair()
        with its_end:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "merestone.connectors.files.stream_child"],
                stdin=its_end.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self.stderr,
                cwd="/",
                env=environment(),
                start_new_session=True,
            )
        frames.wait_at_most(self.line, limits.wall_seconds)
        self._send(
            {"path": str(path.resolve()), "name": path.name, "fmt": fmt, "limits": asdict(limits)},
        )
        self._opening: dict[str, Any] | None = None
        self._is_closed = threading.Event()

    @property
    def opening(self) -> dict[str, Any]:
        """What the process says first; waits for it."""
        if self._opening is None:
            self._opening = self._receive()
        return self._opening

    @property
    def headers(self) -> Sequence[str]:
        """The file's columns."""
        return list(self.opening["headers"])

    @property
    def n_rows(self) -> int | None:
        """How many records there are; None where only reading on can tell."""
        found: int | None = self.opening["n_rows"]
        return found

    @property
    def notes(self) -> list[Problem]:
        """What holds for the whole file."""
        return [Problem(**note) for note in self.opening["notes"]]

    def row_number(self, position: int) -> int:
        """Return the number of a record's row."""
        return int(self.opening["first_row"]) + position

    def batches(self, wanted: Sequence[str], *, as_codes: Collection[str]) -> Iterator[pa.Table]:
        """Let the process start at once, and yield its batches while it reads ahead."""
        _ = self.opening
        self._send({"wanted": list(wanted), "as_codes": [name for name in wanted if name in as_codes]})
        waiting: queue.Queue[tuple[float, pa.Table] | BaseException | None] = queue.Queue(_AHEAD)
        reader = threading.Thread(target=self._read_ahead, args=(waiting,), daemon=True)
        reader.start()
        return self._arriving(waiting, reader)

    def _arriving(self, waiting: queue.Queue[Any], reader: threading.Thread) -> Iterator[pa.Table]:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            self.part_read, table = item
            yield table
        reader.join()

    def _read_ahead(self, waiting: queue.Queue[Any]) -> None:
        try:
            while not (said := self._receive()).get("end"):
                table = self._receive()
                table.validate(full=True)
                self._put(waiting, (said["part"], table))
            self.problems = [Problem(**problem) for problem in said["problems"]]
            self._put(waiting, None)
        except BaseException as error:
            self._put(waiting, error)

    def _put(self, waiting: queue.Queue[Any], item: Any) -> None:
        while not self._is_closed.is_set():
            try:
                waiting.put(item, timeout=0.5)
            except queue.Full:
                continue
            return

    def _send(self, value: dict[str, Any]) -> None:
        try:
            frames.send_json(self.line, value)
        except ConnectionError:
            return  # it has died; what it left says why when it is listened to

    def _receive(self) -> Any:
        try:
            said = frames.receive(self.line, most_bytes=self.limits.memory_bytes)
        except frames.Ended:
            raise self._died() from None
        except frames.Silent as error:
            raise took_too_long(self.name, self.limits.wall_seconds) from error
        except (frames.TooLong, MemoryError) as error:
            raise too_much_memory(self.name, self.limits) from error
        if isinstance(said, dict) and not said["ok"]:
            raise refused(said, self.name, self.limits)
        return said

    def _died(self) -> InvalidInputError:
        status = self.process.wait()
        self.stderr.seek(0)
        said = self.stderr.read()[-2000:].decode("utf-8", "replace")
        return died(status, said, name=self.name, limits=self.limits)

    def close(self) -> None:
        """End the process."""
        self._is_closed.set()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.line.close()
        self.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
