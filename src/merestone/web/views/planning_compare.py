"""What a scenario changes: beside where the accounts are now, or beside another scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from merestone.app import scenarios
from merestone.app.policy import Right
from merestone.app.scenarios.comparing import LIVE
from merestone.app.scenarios.measures import KEYS
from merestone.base.errors import ConflictError
from merestone.db.queries.company import company
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.tables.export import FORMATS, download
from merestone.web.views.planning import scenario_frame, told_problems
from merestone.web.views.planning_lines import NOUNS

SHOWN_UNITS = 50
EXPORTS = ("units", "territories", "reps")
PARTS = ("before", "after", "gained", "lost")
ELSEWHERE = "Elsewhere"


@scoped("territories", right=Right.PLAN)
@require_safe
def compare_page(request: WebRequest, key: str) -> HttpResponse:
    """Show what moves, who gains and who loses."""
    services, actor = request.services, request.actor
    row = scenarios.summary(services, actor, key)
    with_ = request.GET.get("with") or LIVE
    measure = request.GET.get("measure", "")
    measure = measure if measure in KEYS else "accounts"
    context = {
        "title": "Compare",
        **scenario_frame(row, "compare"),
        "with": with_,
        "others": [
            one
            for one in scenarios.list_scenarios(services, actor)
            if one["key"] != key and one["unit_kind"] == row["unit_kind"]
        ],
        "currency": company().currency,
        "formats": FORMATS,
        "measure": measure,
        "query": urlencode({"with": with_}),
        "problems": [],
    }
    try:
        found = scenarios.compare(services, actor, key, with_=with_)
    except ConflictError as error:
        context |= told_problems(error, "They are not compared.")
        return render(request, "planning/compare.html", context, status=409)
    units = moved_units(request, key, found)
    one, many = NOUNS.get(row["unit_kind"], ("unit", "units"))
    context |= {
        "found": found,
        "nouns": (one, many),
        "measures": [
            (each["key"], each["label"], f"?{urlencode({'with': with_, 'measure': each['key']})}#gains")
            for each in found["measures"]
        ],
        "unit": next(each["unit"] for each in found["measures"] if each["key"] == measure),
        "territories": _lines(found["territories"], measure),
        "reps": _lines(found["reps"], measure),
        "units": units[:SHOWN_UNITS],
        "n_units": len(units),
    }
    return render(request, "planning/compare.html", context)


def _lines(rows: list[dict[str, Any]], measure: str) -> list[dict[str, Any]]:
    """Return a measure of each side, the largest changes first; what nobody has comes last."""
    lines = [
        {
            "key": row.get("key", row.get("id")),
            "name": row["name"],
            "units_gained": row.get("units_gained"),
            "units_lost": row.get("units_lost"),
            **{part: row[part][measure] for part in PARTS},
            "change": row["after"][measure] - row["before"][measure],
            **{f"index_{side}": row[f"index_{side}"][measure] for side in ("before", "after")},
        }
        for row in rows
    ]
    top = max((line[f"index_{side}"] or 0 for line in lines for side in ("before", "after")), default=0) or 1
    for line in lines:  # one scale for all bars, with a mark where the mean is
        line |= {f"bar_{side}": (line[f"index_{side}"] or 0) / top for side in ("before", "after")}
        line |= {"mean": 100 / top, "size": abs(line["change"])}
    return sorted(lines, key=lambda line: (line["key"] is None, -abs(line["change"]), line["name"] or ""))


def moved_units(request: WebRequest, key: str, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the units that move, the most revenue first: names, from where to where, and their amounts."""
    data = scenarios.read(request.services, request.actor, key)
    units = data["units"]
    names = [*(one["name"] for one in data["territories"]), None]
    if found["with"]["key"] == LIVE:
        before = [names[at] if at >= 0 else ELSEWHERE for at in units["live"]]
    else:
        other = scenarios.read(request.services, request.actor, found["with"]["key"])
        theirs = [*(one["name"] for one in other["territories"]), None]
        before = [theirs[at] for at in other["units"]["territory"]]
    moved = [
        {
            "id": units["id"][at],
            "name": units["name"][at],
            "state": units["state"][at],
            "from": before[at],
            "to": names[units["territory"][at]],
            **{measure: units["amounts"][measure][at] for measure in KEYS},
        }
        for at in found["units"]
    ]
    return sorted(moved, key=lambda one: (-one["revenue"], -one["accounts"], one["id"]))


@scoped("territories", right=Right.PLAN)
@require_safe
def compare_export(request: WebRequest, key: str, what: str, fmt: str) -> HttpResponseBase:
    """Return the units that move, or the sums per territory or rep, as a file."""
    request.actor.require(Right.EXPORT)
    if fmt not in FORMATS or what not in EXPORTS:
        raise Http404
    found = scenarios.compare(request.services, request.actor, key, with_=request.GET.get("with") or LIVE)
    rows = moved_units(request, key, found) if what == "units" else [_flat(row) for row in found[what]]
    labels = _labels(found) if what != "units" else None
    return download(request, _table(rows, what), name=f"{key}-{what}", fmt=fmt, labels=labels)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("key", "id", "name", "units_gained", "units_lost") if name in row},
        **{f"{measure}_{part}": row[part][measure] for measure in KEYS for part in (*PARTS, "index_before", "index_after")},
    }  # fmt: skip


def _labels(found: Mapping[str, Any]) -> dict[str, str]:
    names = {one["key"]: one["label"] for one in found["measures"]}
    return {
        f"{measure}_{part}": f"{names[measure]} {part.replace('_', ' ')}"
        for measure in KEYS
        for part in (*PARTS, "index_before", "index_after")
    }


TEXTS = ("key", "name", "state", "from", "to")


def _table(rows: list[dict[str, Any]], what: str) -> pa.Table:
    """Return rows as a table whose columns are there even when no row is."""
    if what == "units":
        names = ["id", "name", "state", "from", "to", *KEYS]
    else:
        first = ["key", "name", "units_gained", "units_lost"] if what == "territories" else ["id", "name"]
        names = [
            *first,
            *(f"{measure}_{part}" for measure in KEYS for part in (*PARTS, "index_before", "index_after")),
        ]
    texts = {*TEXTS, "id"} if what == "units" else set(TEXTS)
    kinds = {name: pa.string() if name in texts else pa.int64() if name in ("id", "units_gained", "units_lost") else pa.float64() for name in names}  # fmt: skip
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in kinds.items()})
