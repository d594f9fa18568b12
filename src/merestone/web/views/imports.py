"""The import wizard: upload, mapping, preview, apply with progress, result, undo."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from merestone.app import jobs
from merestone.app.exchange import importing
from merestone.app.exchange.mapping import Mapping, guess_mapping, header_key, mapping_problems
from merestone.app.policy import Right
from merestone.base.errors import MerestoneError
from merestone.core.model.columns import TABLES
from merestone.db.queries import home, lists
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.tables.export import FORMATS, download

STEPS = ("Upload", "Columns", "Check", "Result")
AT_ONCE = 2_000
"""Files up to this many rows are written while the person waits; longer ones by the worker."""
SHOWN_ERRORS = 100
SAMPLES = 3


class Upload(forms.Form):
    """What is in the file, and the file."""

    table = forms.ChoiceField(
        label="The file holds", choices=[(table.name, table.label) for table in TABLES.values()]
    )
    file = forms.FileField(
        label="File", max_length=300, help_text="CSV with any delimiter and encoding, Excel, or Parquet.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,.xls,.xlsb,.ods,.parquet"}),
    )  # fmt: skip


def _steps(now: int) -> list[dict[str, Any]]:
    return [
        {"label": label, "is_now": place == now, "is_done": place < now} for place, label in enumerate(STEPS)
    ]


@scoped("imports", right=Right.IMPORT)
def new(request: WebRequest) -> HttpResponse:
    """Take a file in and keep it until it is mapped."""
    form = Upload(
        request.POST or None, request.FILES or None, initial={"table": request.GET.get("table", "accounts")}
    )
    problem: MerestoneError | None = None
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        stored = _keep(request, upload)
        request.session["upload"] = {"file": stored, "table": form.cleaned_data["table"], "name": upload.name}
        try:
            request.services.files.read_table(request.services.data_dir / "uploads" / stored)
        except MerestoneError as error:
            problem = error
        else:
            return redirect("import-columns")
    context = {
        "title": "New import",
        "crumbs": [("Imports", reverse("imports"))],
        "lede": "Nothing is written before you have seen what will happen.",
        "form": form,
        "steps": _steps(0),
        "problem": problem,
    }
    return render(request, "pages/import_upload.html", context, status=422 if problem or form.errors else 200)


def _keep(request: WebRequest, upload: UploadedFile) -> str:
    """Store an upload under its digest; returns the name there."""
    name = str(upload.name)
    with tempfile.NamedTemporaryFile(suffix=Path(name).suffix[-10:], dir=request.services.data_dir) as kept:
        for chunk in upload.chunks():
            kept.write(chunk)
        kept.flush()
        path = Path(kept.name)
        return importing.keep_file(request.services, path, importing.digest_of(path), name)


@scoped("imports", right=Right.IMPORT)
def columns(request: WebRequest) -> HttpResponse:
    """Show which header means which column for a new upload, and check the file."""
    upload = request.session.get("upload")
    if not upload:
        return redirect("import-new")
    path = request.services.data_dir / "uploads" / Path(upload["file"]).name
    return _map(request, upload["table"], path, file_name=upload["name"])


@scoped("imports", right=Right.IMPORT)
def remap(request: WebRequest, record_id: int) -> HttpResponse:
    """Change the columns of an import that is not applied yet."""
    run = one(lists.imports(request.actor), pk=record_id)
    if run.state != "previewed":
        return redirect("import", record_id)
    path = importing.stored_path(request.services, {"stored_file": run.stored_file})
    return _map(request, run.table, path, file_name=run.file_name, given=run.mapping, run_id=record_id)


def _map(
    request: WebRequest,
    table: str,
    path: Path,
    *,
    file_name: str,
    given: Any = None,
    run_id: int | None = None,
) -> HttpResponse:
    services, contract = request.services, TABLES[table]
    raw = services.files.read_table(path)
    custom = services.records.custom_fields(table)
    headers = raw.table.column_names
    known = given or services.imports.saved_mapping(table, header_key(headers))
    if known:
        mapping = Mapping.from_dict(known).for_headers(headers)
    else:
        mapping = guess_mapping(headers, contract, custom=custom, samples=raw.table)
    problems: list[Any] = []
    if request.method == "POST":
        for place, header in enumerate(headers):
            mapping = mapping.with_target(header, request.POST.get(f"column-{place}") or None)
        problems = mapping_problems(mapping, headers, contract, custom=custom)
        if not problems:
            report = importing.preview_import(
                services,
                request.actor,
                table,
                path,
                file_name=file_name,
                mapping=mapping.as_dict(),
                run_id=run_id,
            )
            request.session.pop("upload", None)
            return redirect("import", report.run_id)
    targets = [(column.name, column.label, column.required) for column in contract]
    targets += [(f"custom.{key}", key, False) for key in custom]
    context = {
        "title": f"Columns of {file_name}",
        "crumbs": [("Imports", reverse("imports"))],
        "lede": f"{raw.table.num_rows:,} rows of {contract.label.lower()}. Say which column of the file means what.",
        "steps": _steps(1),
        "rows": _mapping_rows(mapping, raw),
        "targets": targets,
        "derived": mapping.derived,
        "notes": raw.notes,
        "is_saved": bool(known) and given is None,
        "problems": problems,
        "problem_title": "These columns cannot be imported yet.",
    }
    return render(request, "pages/import_columns.html", context, status=422 if problems else 200)


def _mapping_rows(mapping: Mapping, raw: Any) -> list[dict[str, Any]]:
    rows = []
    for place, match in enumerate(mapping.columns):
        values = raw.table[match.header]
        samples = pc.unique(values.drop_null().slice(0, 200)).to_pylist()[:SAMPLES]
        rows.append(
            {
                "place": place,
                "match": match,
                "samples": samples,
                "filled": 1 - values.null_count / max(1, len(values)),
            }
        )
    return rows


@scoped("imports", right=Right.IMPORT)
def show(request: WebRequest, record_id: int) -> HttpResponse:
    """Show what an import would do, or did."""
    run = one(lists.imports(request.actor), pk=record_id)
    errors = lists.import_errors(request.actor, record_id)
    context = {
        "title": run.file_name,
        "crumbs": [("Imports", reverse("imports"))],
        "run": run,
        "steps": _steps(2 if run.state == "previewed" else 3),
        "label": TABLES[run.table].label,
        "kinds": home.error_kinds(errors),
        "errors": errors.order_by("-is_rejection", "row", "id")[:SHOWN_ERRORS],
        "n_errors": errors.count(),
        "job": home.import_job(request.actor, record_id),
        "formats": FORMATS,
        "list_url": reverse(run.table),
    }
    return render(request, "pages/import.html", context)


@scoped("imports", right=Right.IMPORT)
@require_POST
def apply(request: WebRequest, record_id: int) -> HttpResponse:
    """Write a previewed import: short files now, long ones by the worker."""
    run = one(lists.imports(request.actor), pk=record_id)
    if run.n_rows > AT_ONCE:
        if home.import_job(request.actor, record_id) is None:
            jobs.enqueue(request.services, request.actor, "import", run_id=record_id)
        return redirect("import", record_id)
    importing.apply_import(request.services, request.actor, record_id)
    messages.success(request, f"{run.file_name} is imported.")
    return redirect("import", record_id)


@scoped("imports", right=Right.IMPORT)
def progress(request: WebRequest, record_id: int) -> HttpResponse:
    """Return the progress of the job as a fragment that asks again until it is done."""
    job = home.import_job(request.actor, record_id)
    if job is None or job.state in ("done", "failed", "cancelled"):
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    return render(request, "partials/import_progress.html", {"job": job, "run": {"pk": record_id}})


@scoped("imports", right=Right.IMPORT)
@require_POST
def undo(request: WebRequest, record_id: int) -> HttpResponse:
    """Take an applied import back."""
    run = one(lists.imports(request.actor), pk=record_id)
    done = importing.undo_import(request.services, request.actor, record_id)
    messages.success(
        request, f"{run.file_name} is undone: {done['deleted']:,} removed, {done['restored']:,} restored."
    )
    return redirect("import", record_id)


@scoped("imports", right=Right.IMPORT)
def rejected(request: WebRequest, record_id: int, fmt: str) -> FileResponse:
    """Give the rejected rows as a file to correct and import again."""
    run = one(lists.imports(request.actor), pk=record_id)
    if fmt not in FORMATS:
        raise Http404
    table = importing.rejected_rows(request.services, request.actor, record_id)
    return download(request, table, name=f"{Path(run.file_name).stem}-rejected", fmt=fmt)
