"""Files on this machine, as the use cases ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from merestone.connectors.files.documents import read_document_file, write_document_text
from merestone.connectors.files.reader import RawTable, read_table
from merestone.connectors.files.writer import write_table


class LocalFiles:
    """Implements ``app.ports.Files``."""

    def read_table(self, path: Path, *, sheet: str | None = None) -> RawTable:
        """Return the file's table as text, parsed in a limited child process."""
        return read_table(path, sheet=sheet)

    def write_table(
        self, table: pa.Table, target: Any, *, fmt: str, labels: Mapping[str, str] | None = None
    ) -> None:
        """Write CSV, Excel or Parquet, guarded against formula injection."""
        write_table(table, target, fmt=fmt, labels=labels)

    def read_document(self, path: Path) -> dict[str, Any]:
        """Return a document's plain data."""
        return read_document_file(path)

    def write_document(self, data: Mapping[str, Any], *, fmt: str) -> str:
        """Return a document as YAML or JSON text."""
        return write_document_text(data, fmt=fmt)  # type: ignore[arg-type]
