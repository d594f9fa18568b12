"""The past as pages: of a record, of a territory, of a model, and quotas."""

from __future__ import annotations

import csv
import io
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from merestone.app.history import (
    enter_quotas,
    posts_of,
    quotas_of,
    read_moment,
    read_quotas,
    timeline,
)
from merestone.app.history.moments import day_of
from merestone.app.history.sight import sight_of
from merestone.app.policy import Right
from merestone.app.rulebook import RuleBook
from merestone.base.errors import InvalidInputError, Problem
from merestone.db.queries import history as queries
from merestone.db.queries import scope
from merestone.db.queries import territories as tree_queries
from merestone.db.queries.company import company
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import View, scoped

RECORDS = {
    "accounts": ("account", "Accounts", scope.accounts),
    "leads": ("lead", "Leads", scope.leads),
    "opportunities": ("opportunity", "Opportunities", scope.opportunities),
}
MOST_BYTES = 2_000_000
QUOTA_COLUMNS = ("territory", "from", "to", "amount", "currency")


def record_history(table: str) -> View:
    """Return the view of a record's whole history."""
    route, title, rows = RECORDS[table]

    @scoped(table)
    @require_safe
    def show(request: WebRequest, record_id: int) -> HttpResponse:
        row = one(rows(request.actor), pk=record_id)
        asked = _moments(request)
        stretches = timeline(request.services, request.actor, table, record_id, known=asked["known_at"])
        held = [stretch for stretch in stretches if stretch.holds(asked["at"])]
        context = {
            "title": f"History of {row}",
            "crumbs": [(title, reverse(table)), (str(row), reverse(route, args=[record_id]))],
            "table": table,
            "stretches": [stretch for stretch in stretches if stretch.is_primary],
            "overlays": [stretch for stretch in stretches if not stretch.is_primary],
            "held": next((stretch for stretch in held if stretch.is_primary), None),
            "held_overlays": [stretch for stretch in held if not stretch.is_primary],
            "asked": asked,
        }
        return render(request, "history/record.html", context)

    return show


account_history = record_history("accounts")
lead_history = record_history("leads")
opportunity_history = record_history("opportunities")


def _moments(request: WebRequest) -> dict[str, Any]:
    """Return the day asked about and the day of knowledge, as instants and as days."""
    services, asked = request.services, request.GET
    today = services.clock.today()
    at = read_moment(services, asked.get("on") or today.isoformat())
    known_at: datetime | None = None
    if asked.get("known"):
        known_at = read_moment(services, asked["known"], name="known")
    return {
        "at": at,
        "on": day_of(services, at),
        "known_at": known_at,
        "known": day_of(services, known_at) if known_at else None,
        "today": today,
        "is_today": day_of(services, at) == today and known_at is None,
    }


@scoped("territories")
@require_safe
def territory_history(request: WebRequest, key: str) -> HttpResponse:
    """Show who was in a territory, and its quotas, over time."""
    asked = _moments(request)
    posts = posts_of(request.services, request.actor, key, known=asked["known_at"])
    quotas = quotas_of(request.services, request.actor, territory=key, known=asked["known_at"])
    node = scope.visible_nodes(request.actor).filter(territory__key=key).first()
    name = node.name if node else request.services.history.names().territories.get(key, key)
    context = {
        "title": f"History of {name}",
        "crumbs": [("Territories", reverse("territories"))]
        + ([(name, reverse("territory", args=[key]))] if node else []),
        "key": key,
        "posts": [(post, post.holds(asked["on"])) for post in posts],
        "quotas": [
            (quota, quota["starts_on"] <= asked["on"] < quota["ends_on"]) for quota in reversed(quotas)
        ],
        "asked": asked,
        "can_enter": request.actor.can(Right.PLAN),
    }
    return render(request, "history/territory.html", context)


@scoped("territories", right=Right.PLAN)
@require_safe
def whole_model(request: WebRequest, key: str) -> HttpResponse:
    """Show a model that is or was active as it was: tree, rules, people and numbers at its last instant."""
    model = one(queries.old_models(request.actor), key=key)
    services = request.services
    found = services.models.load(key)
    if found is None:
        raise Http404
    events = services.history.publications()
    spans = [
        (start, end)
        for (start, which), end in zip(events, [at for at, _ in events[1:]] + [None], strict=True)
        if which == key
    ]
    at = _last_instant(request, spans)
    day = day_of(services, at)
    rows = tree_queries.past_tree(request.actor, key, at, day=day, sight=sight_of(services, request.actor))
    book = RuleBook(found[1])
    people = {node.key: node.members for node in found[1].territories}
    reps = services.models.reps()
    names = dict(zip(reps["rep"].to_pylist(), reps["rep_name"].to_pylist(), strict=True))
    context = {
        "title": model.name,
        "crumbs": [("Planning", reverse("models")), (model.name, reverse("model", args=[key]))],
        "model": model,
        "spans": spans,
        "at": at,
        "is_active": model.state == "active",
        "lines": [
            {
                "row": row,
                "rule": book.english(row.key) if row.key in book.rules else "",
                "members": [
                    (names.get(member.rep, member.rep), member) for member in people.get(row.key, ())
                ],
            }
            for row in rows
        ],
        "total": sum((row.total for row in rows if row.is_primary and row.depth == 0), tree_queries.Sums()),
        "currency": company().currency,
    }
    return render(request, "history/model.html", context)


def _last_instant(request: WebRequest, spans: list[Any]) -> datetime:
    """Return the last instant a model was active: now, while it is."""
    if not spans or spans[-1][1] is None:
        return request.services.clock.now()
    end: datetime = spans[-1][1]
    return end - timedelta(microseconds=1)


@scoped("territories", right=Right.PLAN)
def quotas_enter(request: WebRequest) -> HttpResponse:
    """Take in quotas: one from the form, many from pasted cells or a file; nothing is saved until all are right."""
    text, preview = "", None
    problems: list[Problem] = []
    one_row = {name: request.POST.get(name, "") for name in QUOTA_COLUMNS}
    if request.method == "POST":
        try:
            rows, text = _quota_rows(request, one_row)
            read, problems = read_quotas(request.services, rows)
            if not problems and not read:
                problems = [
                    Problem("empty-file", "There is no quota to save.", "Fill in the form, or paste rows.")
                ]
            if not problems:
                is_try = request.POST.get("try") == "1"
                preview = enter_quotas(request.services, request.actor, read, dry_run=is_try)
                if not is_try:
                    messages.success(
                        request,
                        f"{preview['created']} quotas added, {preview['changed']} changed, {preview['unchanged']} as before.",
                    )
                    return redirect("quotas")
        except InvalidInputError as error:
            problems = error.problems or [Problem(error.code, error.message, error.fix)]
    context = {
        "title": "Enter quotas",
        "crumbs": [("Quotas", reverse("quotas"))],
        "territories": list(queries.quota_territories(request.actor).values_list("key", "name")),
        "one": one_row,
        "text": text,
        "problems": problems,
        "preview": preview,
        "currency": company().currency,
    }
    return render(request, "history/quotas.html", context, status=422 if problems else 200)


def _quota_rows(request: WebRequest, one_row: dict[str, str]) -> tuple[list[dict[str, Any]], str]:
    """Return the rows a form brings, and the text to show again."""
    file = request.FILES.get("file")
    text = request.POST.get("rows", "")
    if file is not None:
        return _rows_of_file(request, file), text
    if text.strip():
        return _rows_of_text(text), text
    return ([one_row] if one_row["territory"] or one_row["amount"] else []), text


def _rows_of_text(text: str) -> list[dict[str, Any]]:
    """Return pasted rows: tabs from a spreadsheet, or commas; a head is optional."""
    delimiter = "\t" if "\t" in text else ";" if text.count(";") > text.count(",") else ","
    lines = list(csv.reader(io.StringIO(text[:MOST_BYTES]), delimiter=delimiter))
    head = [cell.strip().lower() for cell in lines[0]] if lines else []
    names = head if "territory" in head else list(QUOTA_COLUMNS)
    body = lines[1:] if names is head else lines
    first = 2 if names is head else 1
    return [
        {**dict(zip(names, cells, strict=False)), "where": f"row {number}"}
        for number, cells in enumerate(body, start=first)
        if any(cell.strip() for cell in cells)
    ]


def _rows_of_file(request: WebRequest, file: Any) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="quotas-") as folder:
        path = Path(folder) / f"quotas{Path(file.name).suffix.lower()[:8]}"
        path.write_bytes(file.read(MOST_BYTES + 1)[:MOST_BYTES])
        raw = request.services.files.read_table(path)
    table = raw.table.rename_columns([name.strip().lower() for name in raw.table.column_names])
    if "territory" not in table.column_names:
        raise InvalidInputError(
            "The file has no column 'territory'.",
            [Problem("missing-column", "The file has no column 'territory'.",
                     f"Name the columns {', '.join(QUOTA_COLUMNS)}.")],
        )  # fmt: skip
    numbers = raw.row_numbers.to_pylist()
    return [{**row, "where": f"row {number}"} for row, number in zip(table.to_pylist(), numbers, strict=True)]
