"""Files in and out: imports with preview and undo, exports of any table."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path as FilePath
from typing import Any

from django.http import HttpResponse
from ninja import File, Form, Path, Schema, UploadedFile
from pydantic import Field

from merestone.api.access import ApiRequest
from merestone.api.describing import list_parameters
from merestone.api.errors import not_there
from merestone.api.filters import read_filters
from merestone.api.plain import answer
from merestone.api.resources import RESOURCES
from merestone.api.routes.assignment import JobTaken, job_taken
from merestone.api.routing import operation
from merestone.app import jobs
from merestone.app.exchange import exporting, importing
from merestone.app.policy import Right
from merestone.base.errors import InvalidInputError, Problem
from merestone.core.model.columns import TABLES
from merestone.db.queries import lists

Id = Path(..., ge=0, le=2**63 - 1, description="Key of the import.")
TABLE_FILE = File(..., description="CSV, Excel or Parquet.")
MAX_ERRORS = 1000
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}


class ImportPreview(Schema):
    """What an import would do. `accepted + rejected + duplicates + unchanged == rows`."""

    run_id: int
    table: str
    rows: int
    accepted: int
    rejected: int
    duplicates: int
    unchanged: int
    inserted: int
    updated: int
    suspected_duplicates: int
    dry_run: bool
    warnings: int
    precision: dict[str, int] = Field(description="How precisely rows were located -> rows.")
    mapping: dict[str, Any]
    notes: list[dict[str, Any]]
    errors: list[dict[str, Any]] = Field(
        description=f"The first {MAX_ERRORS}; GET /imports/{{record_id}}/errors has all."
    )


class Undone(Schema):
    """What taking an import back did."""

    deleted: int
    restored: int


class RowErrors(Schema):
    """What was wrong with the rows of an import."""

    items: list[dict[str, Any]]
    next: None


@operation(
    "POST",
    "/imports",
    scope="imports",
    right=Right.IMPORT,
    summary="Upload a file and see what it would do",
    response={201: ImportPreview},
    errors=(413, 422),
)
def upload(
    request: ApiRequest,
    file: UploadedFile = TABLE_FILE,
    table: str = Form(..., description=f"One of {', '.join(TABLES)}."),
    mapping: str = Form(
        "", description="JSON as `mapping` of an earlier preview; default: saved or guessed."
    ),
    sheet: str = Form("", max_length=100, description="Sheet of a workbook; default: the first."),
) -> HttpResponse:
    """Check a file and keep it as an import run; nothing else is written until it is applied."""
    name = FilePath(file.name or "upload").name.replace("\x00", "")[-200:]
    with tempfile.TemporaryDirectory() as folder:
        path = FilePath(folder) / ("upload" + FilePath(name).suffix[:10])
        with path.open("wb") as target:
            for chunk in file.chunks():
                target.write(chunk)
        report = importing.preview_import(
            request.services,
            request.actor,
            table,
            path,
            file_name=name,
            mapping=_mapping(mapping),
            sheet=sheet or None,
        )
    content = report.as_dict()
    content["errors"] = content["errors"][:MAX_ERRORS]
    return answer(content, status=201, headers={"Location": f"/api/v1/imports/{report.run_id}"})


def _mapping(text: str) -> dict[str, Any] | None:
    if not text.strip():
        return None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    columns = data.get("columns") if isinstance(data, dict) else None
    is_usable = isinstance(columns, dict) and all(
        isinstance(value, str) or value is None for value in columns.values()
    )
    if not is_usable:
        fix = 'Send {"columns": {"header": "column or null", …}}, as a preview shows it.'
        raise InvalidInputError(
            "The mapping cannot be used.",
            [
                Problem(
                    "bad-mapping", "The mapping is not a JSON object with 'columns'.", fix, where="mapping"
                )
            ],
        )
    return data


@operation(
    "GET",
    "/imports/{int:record_id}/errors",
    scope="imports",
    right=Right.IMPORT,
    summary="What was wrong with the rows",
    response=RowErrors,
    errors=(404,),
)
def import_errors(request: ApiRequest, record_id: int = Id) -> HttpResponse:
    """Return every row error and warning of an import, by row."""
    if not _is_there(request, record_id):
        return not_there()
    names = ("row", "column", "code", "value", "message", "fix", "is_rejection")
    return answer({"items": list(lists.import_errors(request.actor, record_id).values(*names)), "next": None})


@operation(
    "POST",
    "/imports/{int:record_id}/apply",
    scope="imports",
    right=Right.IMPORT,
    summary="Write an import",
    response={202: JobTaken},
    errors=(404,),
)
def apply_import(request: ApiRequest, record_id: int = Id) -> HttpResponse:
    """Write a previewed import, as a job in one transaction; applying it twice changes nothing more."""
    if not _is_there(request, record_id):
        return not_there()
    return job_taken(jobs.enqueue(request.services, request.actor, "import", run_id=record_id))


@operation(
    "POST",
    "/imports/{int:record_id}/undo",
    scope="imports",
    right=Right.IMPORT,
    summary="Take an import back",
    response=Undone,
    errors=(404, 409),
)
def undo_import(request: ApiRequest, record_id: int = Id) -> HttpResponse:
    """Delete what an import made and restore what it changed; refused when others built on it."""
    if not _is_there(request, record_id):
        return not_there()
    return answer(importing.undo_import(request.services, request.actor, record_id))


def _is_there(request: ApiRequest, record_id: int) -> bool:
    return lists.imports(request.actor).filter(pk=record_id).exists()


def _exporter(name: str) -> Any:
    def export(
        request: ApiRequest, fmt: str = Path(..., description="csv, xlsx or parquet.")
    ) -> HttpResponse:
        return _export(request, name, fmt)

    export.__doc__ = (
        f"Return what you see of {name} as a file that can be imported again; the list's filters narrow it. "
        "Cells are safe against formula injection."
    )
    return export


def _export(request: ApiRequest, name: str, fmt: str) -> HttpResponse:
    if fmt not in exporting.FORMATS:
        return not_there()
    resource = RESOURCES[name]
    ids = None
    if request.GET:
        conditions = read_filters(resource, request.GET, ignored=frozenset({"q"}))
        ids = conditions.apply(resource.rows(request.actor)).order_by().values_list("pk", flat=True)
    rows = exporting.exported_rows(request.services, request.actor, name, ids=ids)
    buffer = io.BytesIO()
    exporting.export_rows(request.services, rows, buffer, fmt=fmt)
    response = HttpResponse(buffer.getvalue(), content_type=CONTENT_TYPES[fmt])
    response["Content-Disposition"] = f'attachment; filename="{name}.{fmt}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _export_parameters(name: str) -> list[dict[str, Any]]:
    left_out = {"sort", "fields", "limit", "cursor", "count"}
    return [one for one in list_parameters(RESOURCES[name]) if one["name"] not in left_out]


for one in TABLES:
    operation(
        "GET",
        f"/export/{one}.{{fmt}}",
        scope=RESOURCES[one].scope,
        right=Right.EXPORT,
        summary=f"Export {one}",
        name=f"export_{one}",
        errors=(404,),
        extra={
            "parameters": _export_parameters(one),
        },
    )(_exporter(one))
