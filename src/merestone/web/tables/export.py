"""Lists as files: the rows that match, in the order and with the columns on screen."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.http import FileResponse
from django.utils import timezone

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
    table = arrow_of(rows.values_list(*[column.path for column in query.columns]), query.columns)
    folder = tempfile.TemporaryDirectory(prefix="export-")
    target = Path(folder.name) / f"{kind.name}-{timezone.localdate():%Y-%m-%d}.{fmt}"
    labels = {column.name: column.label for column in query.columns}
    request.services.files.write_table(table, target, fmt=fmt, labels=labels)
    response = FileResponse(target.open("rb"), as_attachment=True, filename=target.name)
    response._resource_closers.append(folder.cleanup)  # type: ignore[attr-defined]  # the file goes when it was sent
    return response


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
