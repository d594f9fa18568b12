"""Global search and the command palette: pages, accounts, leads, people, territories, in one scoped answer."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse

from merestone.app.policy import Right
from merestone.db.queries import scope
from merestone.web.context import navigation
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped

HITS = 6
ACTIONS = (
    ("New account", "account-new", Right.EDIT_ACCOUNTS),
    ("New lead", "lead-new", Right.WORK_LEADS),
    ("Import a file", "import-new", Right.IMPORT),
    ("Your profile", "profile", Right.SEE),
    ("API tokens", "tokens", Right.SEE),
)


@scoped("own")
def search(request: WebRequest) -> HttpResponse:
    """Return what matches the text; a fragment for the palette, a page otherwise."""
    text = request.GET.get("q", "").strip()[:100]
    groups = _pages(request, text) + (_records(request, text) if len(text) >= 2 else [])
    template = "partials/results.html" if request.htmx else "pages/search.html"
    context = {"groups": groups, "text": text, "title": "Search", "is_palette": bool(request.htmx)}
    return render(request, template, context)


def _pages(request: WebRequest, text: str) -> list[dict[str, Any]]:
    entries = [entry for group in navigation(request.actor, request.path) for entry in group["entries"]]
    hits = [{"label": entry["label"], "url": entry["url"], "aside": "Page"} for entry in entries]
    for label, route, right in ACTIONS:
        if request.actor.can(right):
            hits.append({"label": label, "url": reverse(route), "aside": "Action"})
    found = [hit for hit in hits if text.lower() in hit["label"].lower()][: 20 if not text else HITS]
    return [{"name": "pages", "title": "Go to", "icon": "chevron", "hits": found}] if found else []


def _records(request: WebRequest, text: str) -> list[dict[str, Any]]:
    actor = request.actor
    groups = [
        _group("accounts", "Accounts", "account", "account", _best(scope.accounts(actor), text, ("name", "external_id", "domain")),
               lambda row: ", ".join(filter(None, (row["city"], row["state"]))), ("city", "state")),
        _group("leads", "Leads", "lead", "lead", _best(scope.leads(actor), text, ("name", "company", "email")),
               lambda row: row["company"], ("company",)),
        _group("contacts", "Contacts", "contact", "contact", _best(scope.contacts(actor), text, ("last_name", "first_name", "email")),
               lambda row: row["account__name"], ("account__name", "first_name"), label="last_name"),
        _group("reps", "People", "people", "rep", _best(scope.reps(actor), text, ("name", "email")),
               lambda row: row["office"], ("office",)),
    ]  # fmt: skip
    groups.append(_territories(request, text))
    return [group for group in groups if group["hits"]]


def _best(rows: QuerySet[Any], text: str, fields: tuple[str, ...]) -> QuerySet[Any]:
    """Return rows with every word in one of the fields; those that begin with the text come first."""
    for word in text.split()[:6]:
        condition = Q()
        for field in fields:
            condition |= Q(**{f"{field}__icontains": word})
        rows = rows.filter(condition)
    begins = Case(
        When(**{f"{fields[0]}__istartswith": text}, then=Value(0)),
        default=Value(1),
        output_field=IntegerField(),
    )
    return rows.annotate(rank=begins).order_by("rank", fields[0], "pk")


def _group(
    name: str,
    title: str,
    icon: str,
    route: str,
    rows: QuerySet[Any],
    aside: Any,
    extra: tuple[str, ...],
    **options: str,
) -> dict[str, Any]:
    label = options.get("label", "name")
    hits = [
        {
            "label": " ".join(filter(None, (row.get("first_name"), row[label]))),
            "url": reverse(route, args=[row["id"]]),
            "aside": aside(row),
        }
        for row in rows.values("id", "rank", label, *extra)[:HITS]
    ]
    return {"name": name, "title": title, "icon": icon, "hits": hits}


def _territories(request: WebRequest, text: str) -> dict[str, Any]:
    nodes = scope.visible_nodes(request.actor).filter(
        Q(name__icontains=text) | Q(territory__key__icontains=text)
    )
    hits = [
        {"label": node.name, "url": territory_url(node.territory.key), "aside": node.type.name}
        for node in nodes[:HITS]
    ]
    return {"name": "territories", "title": "Territories", "icon": "territory", "hits": hits}


def territory_url(key: str) -> str:
    """Return a territory's page, or its accounts while there is no such page."""
    try:
        return reverse("territory", args=[key])
    except NoReverseMatch:
        return f"{reverse('accounts')}?territory={key}"
