"""Files on this machine, as the use cases ask for them. Each kind's library is loaded when a file needs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from merestone.connectors.files.reader import RawTable
    from merestone.connectors.files.sinks import Sink
    from merestone.connectors.files.streaming import Records


class LocalFiles:
    """Implements ``app.ports.Files``, and the streams ``app.matching_files`` asks for."""

    def read_table(self, path: Path, *, sheet: str | None = None) -> RawTable:
        """Return the file's table as text, parsed in a limited child process."""
        from merestone.connectors.files.reader import read_table

        return read_table(path, sheet=sheet)

    def open_records(self, path: Path) -> Records:
        """Return the file's records in batches, parsed in a limited child process that starts at once."""
        from merestone.connectors.files.streaming import open_records

        return open_records(path)

    def open_sink(self, path: Path) -> Sink:
        """Return where result batches go; the file appears under its name when all are written."""
        from merestone.connectors.files.sinks import open_sink

        return open_sink(path)

    def write_table(
        self, table: pa.Table, target: Any, *, fmt: str, labels: Mapping[str, str] | None = None
    ) -> None:
        """Write CSV, Excel or Parquet, guarded against formula injection."""
        from merestone.connectors.files.writer import write_table

        write_table(table, target, fmt=fmt, labels=labels)

    def read_document(self, path: Path) -> dict[str, Any]:
        """Return a document's plain data."""
        from merestone.connectors.files.documents import read_document_file

        return read_document_file(path)

    def write_document(self, data: Mapping[str, Any], *, fmt: str) -> str:
        """Return a document as YAML or JSON text."""
        from merestone.connectors.files.documents import write_document_text

        return write_document_text(data, fmt=fmt)  # type: ignore[arg-type]
