"""The process that parses a long file: it limits itself, tells the headers, and sends batches of the wanted columns.

Run as ``python -m merestone.connectors.files.stream_child`` with a line of frames (``frames``) as standard input:
in comes a request, out go the headers; in come the wanted columns, out go batches, then what was odd. It loads Arrow
without NumPy and nothing else, so that it reads before its reader has read the rules.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

sys.modules.setdefault("numpy", None)  # type: ignore[arg-type]  # Arrow can do without it and starts four times as fast

import pyarrow as pa  # noqa: E402

from merestone.connectors.files import frames  # noqa: E402
from merestone.connectors.files.limits import Limits  # noqa: E402
from merestone.connectors.files.process import limit_process, refusal  # noqa: E402


class Source(Protocol):
    """An opened file."""

    headers: Sequence[str]
    n_rows: int | None
    first_row: int
    notes: list[dict[str, Any]]

    def batches(self, wanted: Sequence[str], *, as_codes: Sequence[str]) -> Iterator[tuple[Any, float]]:
        """Yield batches of the wanted columns with the part of the file read so far."""
        ...

    def problems(self) -> list[dict[str, Any]]:
        """Return the rows that could not be read, when all batches are through."""
        ...


def main() -> int:
    """Answer one request on standard input."""
    line = socket.socket(fileno=sys.stdin.fileno())
    try:
        request = frames.receive(line)
        limit_process(request["limits"])
        source = _open(request)
        frames.send_json(
            line,
            {
                "ok": True,
                "headers": list(source.headers),
                "n_rows": source.n_rows,
                "first_row": source.first_row,
                "notes": source.notes,
            },
        )
        asked = frames.receive(line)
        for batch, part in source.batches(asked["wanted"], as_codes=asked["as_codes"]):
            frames.send_json(line, {"ok": True, "part": part})
            frames.send_batch(line, batch)
        frames.send_json(line, {"ok": True, "end": True, "problems": source.problems()})
    except (frames.Ended, ConnectionError):  # the reader wants no more
        return 0
    except BaseException as error:  # a panic of a native parser is no Exception
        frames.send_json(line, refusal(error))
    return 0


def _open(request: dict[str, Any]) -> Source:
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    path, name, limits = Path(request["path"]), request["name"], Limits(**request["limits"])
    if request["fmt"] == "parquet":
        from merestone.connectors.files.stream_parquet import ParquetSource

        return ParquetSource(path, name, limits=limits)
    if request["fmt"] == "json":
        from merestone.connectors.files.stream_json import JsonSource

        return JsonSource(path, name, limits=limits)
    from merestone.connectors.files.stream_delimited import DelimitedSource

    return DelimitedSource(path, name, limits=limits)


if __name__ == "__main__":
    sys.exit(main())
