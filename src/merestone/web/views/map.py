"""The map, its columns as JSON, its cards, and the same figures as a table."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from merestone.app.history import read_moment, sight_of
from merestone.app.history.moments import day_of
from merestone.db.queries import mapdata, scope, territories
from merestone.db.queries.company import company
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped

MAX_CARD_IDS = 50
COUNTY_ACCOUNTS = 6
LAYERS = (
    ("territory", "Territory"),
    ("potential", "Potential"),
    ("workload", "Workload"),
    ("penetration", "Penetration"),
)


@scoped("territories")
@require_safe
def map_page(request: WebRequest) -> HttpResponse:
    """Show the map, or with ``?view=table`` its figures as a table."""
    if request.GET.get("view") == "table":
        return _table(request)
    steps = past_steps(request)
    context = {"title": "Map", "layers": LAYERS, "steps": steps, "config": {"urls": _urls(), "steps": steps}}
    return render(request, "map/map.html", context)


def past_steps(request: WebRequest) -> list[dict[str, str]]:
    """Return the days on which another model became active, oldest first, and today."""
    services = request.services
    today = services.clock.today()
    names = services.history.names().models
    days = {
        day_of(services, at): names.get(key, key) if key else "no model"
        for at, key in services.history.publications()
    }
    steps = [{"on": day.isoformat(), "words": words} for day, words in days.items() if day < today]
    return [*steps, {"on": "", "words": "Today"}]


@scoped("territories")
@require_safe
@gzip_page
def map_past(request: WebRequest) -> HttpResponse:
    """Return counties, territories and places of accounts as they were on a day."""
    services = request.services
    at = read_moment(services, request.GET.get("on", ""))
    model = next((key for instant, key in reversed(services.history.publications()) if instant <= at), None)
    sight = sight_of(services, request.actor)
    found = mapdata.past_map(request.actor, model, at, day=day_of(services, at), sight=sight)
    return _columns(request, {"currency": company().currency, **found})


def _urls() -> dict[str, str]:
    return {
        "past": reverse("map-past"),
        "data": reverse("map-data"),
        "accounts": reverse("map-accounts"),
        "card": reverse("map-card"),
        "counties": static("vendor/geo/counties-10m.json"),
        "countries": static("vendor/geo/countries-110m.json"),
        "maplibre": static("vendor/maplibre-gl/maplibre-gl.mjs"),
        "worker": static("vendor/maplibre-gl/maplibre-gl-worker.mjs"),
        "topojson": static("vendor/topojson-client/index.js"),
    }


def _table(request: WebRequest) -> HttpResponse:
    rows = territories.tree(request.actor)
    wanted = request.GET.get("territory", "")
    if wanted:
        path = next((row.path for row in rows if row.key == wanted), None)
        if path is None:
            raise Http404
        rows = [row for row in rows if row.path.startswith(path)]
    queue = territories.Sums() if wanted else territories.queue_sums(request.actor)
    roots = [row for row in rows if row.is_primary and row.parent not in {other.key for other in rows}]
    total = sum((row.total for row in roots), queue)
    numbers = {
        item.row.key: item.number for item in mapdata.map_territories(territories.tree(request.actor))[0]
    }
    context = {
        "title": "Map as a table",
        "lede": (
            "Every territory with its sums; the numbers are those on the map. A parent’s sums hold everything below it;"
            " overlays lie on top and add nothing."
        ),
        "rows": rows,
        "queue": queue,
        "total": total,
        "numbers": numbers,
        "currency": company().currency,
        "wanted": wanted,
    }
    return render(request, "map/table.html", context)


@scoped("territories")
@require_safe
@gzip_page
def map_data(request: WebRequest) -> HttpResponse:
    """Return counties and territories in columns."""
    return _columns(request, {"currency": company().currency, **mapdata.map_data(request.actor)})


@scoped("accounts")
@require_safe
@gzip_page
def map_accounts(request: WebRequest) -> HttpResponse:
    """Return located accounts in columns."""
    return _columns(request, mapdata.account_points(request.actor))


def _columns(request: WebRequest, content: dict[str, Any]) -> HttpResponse:
    """Return JSON under a tag made of its content, so that it is sent again only when it has changed."""
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Cookie"}
    response = HttpResponse(body, content_type="application/json", headers=headers)
    return get_conditional_response(request, etag=etag, response=response) or response


@scoped("accounts")
@require_safe
def map_card(request: WebRequest) -> HttpResponse:
    """Return the card of a county, an account, a territory, or some accounts of a cluster."""
    asked = request.GET
    if "county" in asked:
        return _county_card(request, asked["county"])
    if "account" in asked:
        return _account_card(request, asked["account"])
    if "territory" in asked:
        return _territory_card(request, asked["territory"])
    if "ids" in asked:
        return _cluster_card(request, asked["ids"])
    raise Http404


def _county_card(request: WebRequest, fips: str) -> HttpResponse:
    if not (len(fips) == 5 and fips.isascii() and fips.isdigit()):
        raise Http404
    shares = mapdata.county_shares(request.actor, fips)
    total = sum((sums for _, _, sums in shares), territories.Sums())
    context = {
        "fips": fips,
        "name": request.GET.get("name", "")[:100] or f"County {fips}",
        "shares": shares,
        "total": total,
        "accounts": mapdata.county_accounts(request.actor, fips)[:COUNTY_ACCOUNTS],
        "currency": company().currency,
    }
    return render(request, "map/card_county.html", context)


def _account_card(request: WebRequest, text: str) -> HttpResponse:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404
    account = one(scope.accounts(request.actor).select_related("parent"), pk=int(text))
    is_known = scope.visible_nodes(request.actor).filter(territory_id=account.territory_id).exists()
    context = {
        "account": account,
        "is_territory_visible": is_known,
        "currency": account.currency or company().currency,
    }
    return render(request, "map/card_account.html", context)


def _territory_card(request: WebRequest, key: str) -> HttpResponse:
    row = next((row for row in territories.tree(request.actor) if row.key == key), None)
    if row is None:
        raise Http404
    return render(request, "map/card_territory.html", {"row": row, "currency": company().currency})


def _cluster_card(request: WebRequest, text: str) -> HttpResponse:
    ids = [
        int(part)
        for part in text.split(",")[:MAX_CARD_IDS]
        if part.isascii() and part.isdigit() and len(part) < 19
    ]
    n = request.GET.get("n", "")
    context = {
        "accounts": mapdata.accounts_by_id(request.actor, ids),
        "n_more": max(0, int(n) - len(ids)) if n.isascii() and n.isdigit() and len(n) < 9 else 0,
        "currency": company().currency,
    }
    return render(request, "map/card_cluster.html", context)
