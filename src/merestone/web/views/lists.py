"""The pages of a list: the table, its filters and columns, its bulk actions, its export."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse

from merestone.app.policy import Right
from merestone.db.queries import lists
from merestone.web.forms.bulk import SaveView
from merestone.web.request import WebRequest
from merestone.web.scoping import View, scoped
from merestone.web.tables.export import FORMATS, export_response
from merestone.web.tables.filters import options_of
from merestone.web.tables.kind import ListKind, read_page
from merestone.web.tables.query import SIZES, read_query

BULK_LIMIT = 50_000


def list_urls(kind: ListKind) -> list[URLPattern]:
    """Return the routes of a list."""
    base = f"{kind.name}/"
    return [
        path(base, scoped(kind.scope, right=kind.right)(_page(kind)), name=kind.name),
        path(
            f"{base}filters/",
            scoped(kind.scope, right=kind.right)(_filters(kind)),
            name=f"{kind.name}-filters",
        ),
        path(
            f"{base}columns/",
            scoped(kind.scope, right=kind.right)(_columns(kind)),
            name=f"{kind.name}-columns",
        ),
        path(
            f"{base}bulk/<slug:action>/",
            scoped(kind.scope, right=kind.right)(_bulk(kind)),
            name=f"{kind.name}-bulk",
        ),
        path(
            f"{base}export/<slug:fmt>/",
            scoped(kind.scope, right=Right.EXPORT)(_export(kind)),
            name=f"{kind.name}-export",
        ),
    ]


def _page(declared: ListKind) -> View:
    def show(request: WebRequest) -> HttpResponse:
        kind = declared.complete(request)
        query = read_query(kind, request.GET)
        page = read_page(kind, query, request.actor)
        views = list(lists.saved_views(request.actor, kind.name))
        context = {
            "kind": kind,
            "query": query,
            "page": page,
            "heads": [_head(column, query) for column in query.columns],
            "chips": [
                {"filter": one, "url": query.url(drop={key for key, _ in one.keys})} for one in query.filters
            ],
            "views": views,
            "view": next((view for view in views if view.query == query.saved), None),
            "actions": [action for action in kind.actions if request.actor.can(action.right)],
            "pager": _pager(query, page),
            "formats": FORMATS,
            "title": kind.title,
            "save_form": SaveView(),
            "is_filtered": bool(query.filters or query.text),
            "create_url": reverse(kind.create)
            if kind.create and request.actor.can(kind.create_right)
            else "",
            "empty_url": reverse(kind.empty.route)
            if kind.empty.route and request.actor.can(kind.empty.right)
            else "",
            "urls": {name: reverse(f"{kind.name}-{name}") for name in ("filters", "columns")},
        }
        return render(request, "kinds/list.html", context)

    return show


def _head(column: Any, query: Any) -> dict[str, Any]:
    is_sorted = query.sort_name == column.name
    is_down = query.sort.startswith("-")
    turned = "" if is_sorted and is_down else f"-{column.name}" if is_sorted else column.name
    return {
        "column": column,
        "url": query.url(sort=turned) if column.is_sortable else "",
        "aria": ("descending" if is_down else "ascending") if is_sorted else "",
        "icon": "down" if is_sorted and is_down else "up",
    }


def _pager(query: Any, page: Any) -> dict[str, Any]:
    return {
        "previous": query.url(page=page.page - 1) if page.page > 1 else "",
        "next": query.url(page=page.page + 1) if page.page < page.n_pages else "",
        "first": query.url(page=1) if page.page > 2 else "",
        "last": query.url(page=page.n_pages) if page.page < page.n_pages - 1 else "",
        "sizes": [(size, query.url(size=size)) for size in SIZES],
    }


def _filters(declared: ListKind) -> View:
    def show(request: WebRequest) -> HttpResponse:
        kind = declared.complete(request)
        query = read_query(kind, request.GET)
        rows = kind.rows(request.actor)
        groups = [_filter_group(column, request.GET, rows) for column in kind.columns if column.is_filterable]
        keep = [pair for pair in query.pairs if pair[0] in ("q", "sort", "cols", "size", *kind.keeps)]
        context = {"kind": kind, "groups": groups, "keep": keep, "action": reverse(kind.name)}
        return render(request, "partials/filters.html", context)

    return show


def _filter_group(column: Any, get: QueryDict, rows: Any) -> dict[str, Any]:
    """Return one column's part of the filter form; options are looked up only where values are ticked."""
    names = [column.name, *(f"{column.name}.{part}" for part in ("min", "max", "from", "to", "empty"))]
    return {
        "column": column,
        "is_active": any(get.get(name) for name in names),
        "options": options_of(column, rows) if column.has_options else [],
        "chosen": get.getlist(column.name),
        "value": {name.rpartition(".")[2] if "." in name else "text": get.get(name, "") for name in names},
    }


def _columns(declared: ListKind) -> View:
    def show(request: WebRequest) -> HttpResponse:
        kind = declared.complete(request)
        query = read_query(kind, request.GET)
        keep = [pair for pair in query.pairs if pair[0] not in ("cols", "page")]
        shown = {column.name for column in query.columns}
        context = {"kind": kind, "keep": keep, "shown": shown, "action": reverse(kind.name)}
        return render(request, "partials/columns.html", context)

    return show


def chosen_ids(request: WebRequest, kind: ListKind) -> list[int]:
    """Return the ids a bulk action is for: the ticked rows, or all that match; only visible ones either way."""
    rows = kind.rows(request.actor)
    if request.POST.get("all") == "1":
        query = read_query(kind, QueryDict(request.POST.get("query", "").lstrip("?")))
        return list(query.apply(rows, kind).values_list("id", flat=True)[: BULK_LIMIT + 1])
    ticked = [int(value) for value in request.POST.getlist("ids") if value.isascii() and value.isdigit()]
    return list(rows.filter(pk__in=ticked).order_by("pk").values_list("id", flat=True))


def _bulk(declared: ListKind) -> View:
    def act(request: WebRequest, action: str) -> HttpResponse:
        kind = declared.complete(request)
        chosen = next((one for one in kind.actions if one.name == action), None)
        if chosen is None or request.method != "POST":
            raise Http404
        request.actor.require(chosen.right)
        ids = chosen_ids(request, kind)
        is_confirmed, seen = request.POST.get("confirmed") == "1", request.POST.get("seen", "")[:64]
        if not is_confirmed and ids and chosen.stamp is not None:
            seen = chosen.stamp(request, ids)
        form = chosen.form(request.POST if is_confirmed else None, actor=request.actor)
        back = f"{reverse(kind.name)}?{request.POST.get('query', '').lstrip('?')}".rstrip("?")
        if is_confirmed and form.is_valid() and ids:
            messages.success(request, chosen.run(request, ids, form.cleaned_data | {"seen": seen}))
            return redirect(back)
        keep = [(name, request.POST.get(name, "")) for name in ("query", "all")] + [("seen", seen)]
        keep += [("ids", value) for value in request.POST.getlist("ids") if request.POST.get("all") != "1"]
        context = {
            "kind": kind,
            "action": chosen,
            "form": form,
            "n": len(ids),
            "keep": keep,
            "back": back,
            "title": chosen.label,
        }
        return render(request, "kinds/bulk.html", context)

    return act


def _export(declared: ListKind) -> View:
    def give(request: WebRequest, fmt: str) -> FileResponse:
        if fmt not in FORMATS:
            raise Http404
        kind = declared.complete(request)
        return export_response(request, kind, read_query(kind, request.GET), fmt=fmt)

    return give
