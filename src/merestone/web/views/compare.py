"""Two models side by side: what they say, what moves, from whom to whom, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
from django.http import Http404, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from merestone.app.comparison import Chosen, Comparison, compare, read_side
from merestone.app.comparison.counties import counties_of
from merestone.app.policy import Right
from merestone.base.errors import MerestoneError
from merestone.db.queries import territories as queries
from merestone.db.queries.company import company
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.tables.export import FORMATS, download

SHOWN = 50
BIG_CHANGE = 110
KIND_WORDS = {
    "added": "added",
    "removed": "removed",
    "renamed": "renamed",
    "moved": "moved",
    "rule": "rule changed",
    "priority": "priority changed",
    "type": "type changed",
    "named": "named accounts changed",
}
MEASURES = (
    ("accounts", "Accounts"),
    ("revenue", "Revenue"),
    ("potential", "Potential"),
    ("workload", "Workload"),
)


@scoped("accounts", right=Right.MANAGE_RULES)
@require_safe
def compare_page(request: WebRequest) -> HttpResponse:
    """Choose two models, and show what differs."""
    chosen = {name: request.GET.get(name, "") for name in ("before", "after", "before_on", "after_on")}
    models = list(queries.models(request.actor).values("key", "name", "state"))
    context: dict[str, Any] = {
        "title": "Compare models",
        "lede": "Any two models, or one on two days: what they say, what moves, who gains and who loses.",
        "crumbs": [("Planning", reverse("models"))],
        "models": models,
        "chosen": chosen,
        "today": request.services.clock.today(),
        "currency": company().currency,
    }
    status = 200
    if chosen["before"] and chosen["after"]:
        try:
            context |= _found(request, _compared(request))
        except MerestoneError as error:
            context["error"] = error
            status = 422
    return render(request, "compare/compare.html", context, status=status)


def _sides(request: WebRequest) -> tuple[Chosen, Chosen]:
    before, after = (
        read_side(f"{request.GET.get(name, '')}{_on(request.GET.get(f'{name}_on', ''))}")
        for name in ("before", "after")
    )
    return before, after


def _on(day: str) -> str:
    return f"@{day}" if day else ""


def _compared(request: WebRequest) -> Comparison:
    return compare(request.services, request.actor, *_sides(request))


def _found(request: WebRequest, found: Comparison) -> dict[str, Any]:
    measure = request.GET.get("measure", "")
    measure = measure if measure in dict(MEASURES) else "accounts"
    query = {name: value for name, value in request.GET.items() if value and name != "measure"}
    return {
        "found": found,
        "summary": found.difference.summary,
        "counts": found.counts,
        "names": tuple(document.name for document in found.documents),
        "changes": [
            {
                "change": change,
                "kinds": [KIND_WORDS[kind] for kind in change.kinds],
                "node": change.after or change.before,
            }
            for change in found.territories
        ],
        "members": [member for member in found.members if member["change"] != "dates"],
        "dated": sum(member["change"] == "dates" for member in found.members),
        "measure": measure,
        "measures": [(key, words, urlencode({**query, "measure": key})) for key, words in MEASURES],
        "territories": _lines(found.by_territory, measure),
        "reps": _lines(found.by_rep, measure),
        "accounts": found.difference.rows.slice(0, SHOWN).to_pylist(),
        "n_accounts": found.difference.rows.num_rows,
        "pairs": found.difference.pairs.slice(0, SHOWN).to_pylist(),
        "query": urlencode(query),
        "formats": FORMATS,
        "map": {
            "data": f"{reverse('compare-map')}?{urlencode(query)}",
            "counties": static("vendor/geo/counties-10m.json"),
            "topojson": static("vendor/topojson-client/index.js"),
        },
    }


def _lines(table: pa.Table, measure: str) -> list[dict[str, Any]]:
    """Return the rows of a table of sums with the chosen measure, the largest changes first."""
    lines = []
    for row in table.to_pylist():
        parts = {
            part: row[f"{measure}_{part}"]
            for part in ("before", "after", "change", "index_before", "index_after")
        }
        lines.append({**{name: row[name] for name in ("name", "gained", "lost")}, **parts, **_key(row)})
    return sorted(lines, key=lambda line: (line["key"] is None, -abs(line["change"]), line["name"] or ""))


def _key(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"key": row["territory"] if "territory" in row else row["rep"]}


@scoped("accounts", right=Right.MANAGE_RULES)
@require_safe
@gzip_page
def compare_map(request: WebRequest) -> HttpResponse:
    """Return both sides by county, and how many accounts of each move."""
    found = _compared(request)
    counties = counties_of(found.sides)
    keys = found.sides.vocabulary.keys
    names = {**found.sides.old_names, **found.sides.new_names}
    used = sorted({code for code in (*counties.before, *counties.after) if code >= 0})
    place = {code: number for number, code in enumerate(used)}
    return JsonResponse(
        {
            "territories": [
                {"key": keys[code], "name": names.get(keys[code], keys[code]), "number": number + 1}
                for code, number in place.items()
            ],
            "fips": counties.fips,
            "accounts": counties.accounts,
            "moved": counties.moved,
            "before": [place.get(code, -1) for code in counties.before],
            "after": [place.get(code, -1) for code in counties.after],
            "shares": counties.shares,
        }
    )


@scoped("accounts", right=Right.EXPORT)
@require_safe
def compare_export(request: WebRequest, what: str, fmt: str) -> HttpResponseBase:
    """Return the accounts that move, or the sums per territory or rep, as a file."""
    request.actor.require(Right.MANAGE_RULES)
    if fmt not in FORMATS or what not in ("accounts", "territories", "reps"):
        raise Http404
    found = _compared(request)
    table = {
        "accounts": found.difference.rows,
        "territories": found.by_territory,
        "reps": found.by_rep,
    }[what]
    return download(request, table, name=f"{found.before}-to-{found.after}-{what}", fmt=fmt)
