"""The audit log: who changed what, from what, why, and what was done together."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import render

from merestone.app.audit import OPERATIONS, Wanted, read_wanted
from merestone.app.policy import Right
from merestone.base.errors import InvalidInputError
from merestone.db.queries import audit
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.tables.export import FORMATS, download

NAMES = {
    "actor": "Who", "table": "What", "record": "Record", "field": "Field", "cause": "Why", "did": "Did",
    "from": "From", "to": "Until", "transaction": "Done together",
}  # fmt: skip
MOST_EXPORTED = 200_000


@scoped("audit", right=Right.READ_AUDIT)
def log(request: WebRequest) -> HttpResponse:
    """Show a page of the log."""
    asked = {name: value for name in NAMES if (value := request.GET.get(name, "").strip())}
    problems: list[Any] = []
    try:
        wanted = read_wanted(asked, zone=request.actor.time_zone)
    except InvalidInputError as error:
        wanted, problems = Wanted(), list(error.problems)
    before = request.GET.get("before", "")
    page = audit.read_page(
        request.actor,
        wanted,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
    )
    tables = audit.tables()
    context = {
        "title": "Audit log",
        "lede": "Every changed field of every row: who, why, before and after. Written by the database itself.",
        "page": page,
        "asked": asked,
        "problems": problems,
        "tables": tables,
        "actors": audit.actors(request.actor),
        "operations": OPERATIONS.items(),
        "chips": [_chip(name, value, asked, dict(tables)) for name, value in asked.items()],
        "older": f"?{urlencode({**asked, 'before': page.older})}" if page.older else "",
        "newest": f"?{urlencode(asked)}" if before else "",
        "formats": {fmt: f"{label}" for fmt, label in FORMATS.items() if fmt != "xlsx"},
        "query": f"?{urlencode(asked)}",
    }
    return render(request, "audit/log.html", context, status=422 if problems else 200)


def _chip(name: str, value: str, asked: dict[str, str], tables: dict[str, str]) -> dict[str, str]:
    said = (
        tables.get(value, value)
        if name == "table"
        else OPERATIONS.get(value, value)
        if name == "did"
        else value
    )
    return {
        "words": f"{NAMES[name]}: {said}",
        "url": f"?{urlencode({key: one for key, one in asked.items() if key != name})}",
    }


@scoped("audit", right=Right.READ_AUDIT)
def export(request: WebRequest, fmt: str) -> FileResponse:
    """Give the entries that match as a file, a row per changed field."""
    if fmt not in FORMATS:
        raise Http404
    asked = {name: value for name in NAMES if (value := request.GET.get(name, ""))}
    wanted = read_wanted(asked, zone=request.actor.time_zone)
    entries = audit.wanted_entries(request.actor, wanted)[:MOST_EXPORTED].iterator(chunk_size=2000)
    return download(request, audit.as_table(entries), name="audit", fmt=fmt)
