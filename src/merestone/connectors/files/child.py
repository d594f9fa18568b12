"""The process that parses: it limits itself first, reads one request, and leaves its answer as files.

Run as ``python -m merestone.connectors.files.child REQUEST.json``. A parser that crashes, swells or loops takes only
this process with it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from merestone.connectors.files.process import limit_process, refusal


def main(request_path: str) -> int:
    """Answer one request; return 0 when ``result.json`` was written."""
    folder = Path(request_path).parent
    request = json.loads(Path(request_path).read_text("utf-8"))
    limit_process(request["limits"])
    answer = _answer(request, folder)
    (folder / "result.json").write_text(json.dumps(answer), "utf-8")
    return 0


def _answer(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    try:
        return _read(request, folder)
    except BaseException as error:  # a panic of a native parser is no Exception
        return refusal(error)


def _read(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    import pyarrow as pa

    from merestone.connectors.files.limits import Limits
    from merestone.connectors.files.sniff import detect_format, wrong_suffix

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    path, name, limits = Path(request["path"]), request["name"], Limits(**request["limits"])
    content = detect_format(path, name)
    if content == "csv":
        from merestone.connectors.files.delimited import read_delimited

        grid = read_delimited(
            path, name, limits=limits, encoding=request["encoding"], delimiter=request["delimiter"]
        )
    elif content == "parquet":
        from merestone.connectors.files.columnar import read_parquet

        grid = read_parquet(path, name, limits=limits)
    else:
        from merestone.connectors.files import excel

        read = excel.read_zipped if content == "zip" else excel.read_xls
        grid = read(path, name, sheet=request["sheet"], limits=limits)
    note = wrong_suffix(name, grid.fmt)
    notes = [*([note] if note else []), *grid.notes]
    columns = [*grid.columns, grid.row_numbers]
    fields = [pa.field(header, pa.string()) for header in grid.header] + [pa.field("row", pa.int64())]
    _write(pa.table(columns, schema=pa.schema(fields)), folder / "table.arrow")
    _write(grid.problems, folder / "problems.arrow")
    return {
        "ok": True,
        "fmt": grid.fmt,
        "encoding": grid.encoding,
        "delimiter": grid.delimiter,
        "sheet": grid.sheet,
        "sheets": grid.sheets,
        "header_row": grid.header_row,
        "notes": [note.as_dict() for note in notes],
    }


def _write(table: Any, path: Path) -> None:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
