"""Lists as files: the rows that match, with the columns on screen, or with all columns to import them again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.http import FileResponse
from django.utils import timezone

from merestone.app.exchange import exporting
from merestone.core.model.columns import Kind
from merestone.web.request import WebRequest
from merestone.web.tables.columns import ListColumn
from merestone.web.tables.kind import ListKind
from merestone.web.tables.query import ListQuery

FORMATS = {"csv": "CSV", "xlsx": "Excel", "parquet": "Parquet"}
TYPES = {
    Kind.NUMBER: pa.float64(),
    Kind.MONEY: pa.decimal128(18, 2),
    Kind.DATE: pa.date32(),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"),
    Kind.BOOLEAN: pa.bool_(),
    Kind.LIST: pa.list_(pa.string()),
}


def export_response(request: WebRequest, kind: ListKind, query: ListQuery, *, fmt: str) -> FileResponse:
    """Return the download of a list."""
    rows = query.apply(kind.rows(request.actor), kind)
    if kind.table and request.GET.get("all") == "1":
        ids = list(rows.values_list("id", flat=True))
        whole = exporting.exported_rows(request.services, request.actor, kind.table, ids=ids)
        return download(request, whole, name=kind.name, fmt=fmt)
    table = arrow_of(rows.values_list(*[column.path for column in query.columns]), query.columns)
    labels = {column.name: column.label for column in query.columns}
    return download(request, table, name=kind.name, fmt=fmt, labels=labels)


def download(
    request: WebRequest, table: pa.Table, *, name: str, fmt: str, labels: dict[str, str] | None = None
) -> FileResponse:
    """Return a table as a file to keep, safe against formula injection."""
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        target = Path(folder) / f"{name}-{timezone.localdate():%Y-%m-%d}.{fmt}"
        request.services.files.write_table(table, target, fmt=fmt, labels=labels)
        # An open file outlives its name, so nothing is left behind when it was sent.
        return FileResponse(target.open("rb"), as_attachment=True, filename=target.name)


def arrow_of(rows: Any, columns: tuple[ListColumn, ...]) -> pa.Table:
    """Return rows of values as an Arrow table named by the columns."""
    by_column = list(zip(*rows.iterator(chunk_size=5000), strict=True)) or [()] * len(columns)
    arrays = [_array(values, column) for values, column in zip(by_column, columns, strict=True)]
    return pa.table(arrays, names=[column.name for column in columns])


def _array(values: tuple[Any, ...], column: ListColumn) -> pa.Array:
    wanted = TYPES.get(column.kind, pa.string())
    if wanted == pa.string():
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return pa.array(values, wanted)
