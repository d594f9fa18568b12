"""Scorecards: what each territory of a level did in a period, against the period before and against the whole."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pyarrow as pa
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from merestone.app.policy import Right
from merestone.app.report import scorecard_report
from merestone.core.metrics import scorecard as scorecards
from merestone.core.metrics.catalog import SCORECARD_KPIS, Direction, Kpi, Unit
from merestone.db.queries import territories as queries
from merestone.db.queries.company import company
from merestone.db.queries.territories import TreeRow
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped
from merestone.web.tables.export import FORMATS
from merestone.web.views.periods import PERIODS, Period, read_period
from merestone.web.views.territories import levels_of

NOTEWORTHY = 0.005  # a change of less than half a per cent is drawn as none


@dataclass(frozen=True, slots=True)
class Level:
    """Which rows a scorecard shows: a depth of the visible tree (None = leaves), or what lies under a territory."""

    name: str
    depth: int | None
    under: str | None
    title: str


@scoped("territories")
@require_safe
def scorecard_page(request: WebRequest) -> HttpResponse:
    """Show the scorecard of a level and period."""
    rows = [row for row in queries.tree(request.actor) if row.is_primary]
    level = _level(request, rows)
    period = read_period(request.GET, request.services.clock.today())
    now = _report(request, level, period.span)
    before = _report(request, level, period.previous)
    whole, whole_before = _whole(now), _whole(before)
    by_key = {row.key: row for row in rows}
    then = {line["territory"]: line for line in before.to_pylist()}
    lines = [
        {
            "row": by_key.get(line["territory"] or ""),
            "is_self": line["territory"] == level.under,
            "has_children": any(row.parent == line["territory"] for row in rows),
            "cells": _cells(line, then.get(line["territory"], {}), whole),
        }
        for line in now.to_pylist()
        if line["territory"] is None or line["territory"] in by_key
    ]
    order = {row.key: place for place, row in enumerate(rows)}
    lines.sort(key=lambda line: order[line["row"].key] if line["row"] else len(order))
    context = {
        "title": "Scorecard",
        "crumbs": _crumbs(level, by_key),
        "level": level,
        "levels": levels_of(rows),
        "period": period,
        "periods": [(name, words) for name, words in PERIODS if name != "custom"],
        "tiles": _cells(whole, whole_before, None),
        "lines": [line for line in lines if line["row"] or _has_figures(line)],
        "kpis": SCORECARD_KPIS,
        "formats": FORMATS,
        "query": _query(level, period),
        "export_query": urlencode(_query(level, period)),
        "whole": by_key[level.under].name
        if level.under
        else ("The company" if request.actor.sees_all else "All you see"),
        "currency": company().currency,
    }
    return render(request, "scorecard/scorecard.html", context)


@scoped("territories", right=Right.EXPORT)
@require_safe
def scorecard_export(request: WebRequest, fmt: str) -> HttpResponse:
    """Return the scorecard as a file: counts and figures, one row per territory."""
    if fmt not in FORMATS:
        raise Http404
    rows = [row for row in queries.tree(request.actor) if row.is_primary]
    level = _level(request, rows)
    period = read_period(request.GET, request.services.clock.today())
    card = _report(request, level, period.span).drop_columns(["sales_cycle_samples"])
    names = {row.key: row.name for row in rows}
    titles = pa.array(
        [names.get(key, key) if key else "No territory" for key in card["territory"].to_pylist()], pa.string()
    )
    card = card.add_column(1, "name", titles)
    folder = tempfile.TemporaryDirectory(prefix="export-")
    target = Path(folder.name) / f"scorecard-{period.span.start}-{period.last_day}.{fmt}"
    labels = {
        "territory": "Territory key",
        "name": "Territory",
        **{kpi.key: kpi.label for kpi in SCORECARD_KPIS},
    }
    labels |= {name: name.replace("_", " ").capitalize() for name in card.column_names if name not in labels}
    request.services.files.write_table(card, target, fmt=fmt, labels=labels)
    response = FileResponse(target.open("rb"), as_attachment=True, filename=target.name)
    response._resource_closers.append(folder.cleanup)  # type: ignore[attr-defined]  # the file goes when it was sent
    return cast(HttpResponse, response)


@scoped("territories")
@require_safe
def territory_scorecard(request: WebRequest, key: str) -> HttpResponse:
    """Return this quarter's figures of one territory, for its page."""
    rows = [row for row in queries.tree(request.actor) if row.is_primary]
    row = _one_of(rows, key)
    period = read_period(request.GET, request.services.clock.today())
    now = _line(request, row, period.span)
    before = _line(request, row, period.previous)
    context = {"tiles": _cells(now, before, None), "period": period, "currency": company().currency}
    return render(request, "scorecard/fragment.html", context)


def _level(request: WebRequest, rows: Sequence[TreeRow]) -> Level:
    under = request.GET.get("under", "")
    if under:
        row = _one_of(rows, under)
        return Level("under", None, row.key, row.name)
    levels = dict(levels_of(rows))
    name = request.GET.get("level", next(iter(levels)))
    name = name if name in levels else "leaf"
    return Level(name, None if name == "leaf" else int(name), None, levels[name])


def _one_of(rows: Sequence[TreeRow], key: str) -> TreeRow:
    """Return the visible territory, or raise Http404: hidden and missing look alike."""
    for row in rows:
        if row.key == key:
            return row
    raise Http404


def _report(request: WebRequest, level: Level, span: Any) -> pa.Table:
    return scorecard_report(
        request.services, request.actor, period=span, depth=level.depth, under=level.under
    )


def _line(request: WebRequest, row: TreeRow, span: Any) -> Mapping[str, Any]:
    """Return the figures of a territory with all that lies below it."""
    card = scorecard_report(request.services, request.actor, period=span, depth=row.depth)
    return next((line for line in card.to_pylist() if line["territory"] == row.key), {})


def _whole(card: pa.Table) -> Mapping[str, Any]:
    """Return the figures of all rows together, shares and medians made anew."""
    lines = scorecards.company(card).to_pylist()
    return lines[0] if lines else {}


def _cells(
    line: Mapping[str, Any], before: Mapping[str, Any], whole: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    return [
        _cell(kpi, line.get(kpi.key), before.get(kpi.key), (whole or {}).get(kpi.key))
        for kpi in SCORECARD_KPIS
    ]


def _cell(kpi: Kpi, value: Any, before: Any, whole: Any) -> dict[str, Any]:
    """Return a figure with its change and its bar: a sum as share of the whole, a rate against the whole's."""
    now, then, all_of_it = (None if each is None else float(each) for each in (value, before, whole))
    share, mark, words = None, None, ""
    if now is not None and all_of_it:
        share, mark = (now / all_of_it, None) if kpi.is_sum else (now / (2 * all_of_it), 0.5)
        words = (
            f"{share:.0%} of the whole"
            if kpi.is_sum
            else f"{now / all_of_it:.0%} of the whole’s {kpi.label.lower()}"
        )
    return {
        "kpi": kpi,
        "value": value,
        "share": share,
        "mark": mark,
        "words": words,
        **_change(kpi, now, then),
    }


def _change(kpi: Kpi, now: float | None, then: float | None) -> dict[str, Any]:
    """Return how the figure changed, in words, and whether that is good; shares change in percentage points."""
    if now is None or then is None or (kpi.unit is not Unit.PERCENT and then == 0):
        return {"change": "", "tone": "", "arrow": ""}
    change = now - then if kpi.unit is Unit.PERCENT else (now - then) / then
    if abs(change) < NOTEWORTHY:
        return {"change": "unchanged", "tone": "", "arrow": ""}
    is_good = (change > 0) == (kpi.good is Direction.UP)
    size = f"{abs(change) * 100:,.0f}"
    unit = " %" if kpi.unit is not Unit.PERCENT else " point" if size == "1" else " points"
    return {
        "change": f"{size}{unit}",
        "tone": "good" if is_good else "bad",
        "arrow": "up" if change > 0 else "down",
    }


def _has_figures(line: Mapping[str, Any]) -> bool:
    return any(cell["value"] for cell in line["cells"])


def _crumbs(level: Level, by_key: Mapping[str, TreeRow]) -> list[tuple[str, str]]:
    """Return the way down to a level, each step with its scorecard."""
    if level.under is None:
        return []
    crumbs: list[tuple[str, str]] = []
    step = by_key[level.under].parent
    while step is not None:
        crumbs.insert(0, (by_key[step].name, f"{reverse('scorecard')}?under={step}"))
        step = by_key[step].parent
    return [("Scorecard", reverse("scorecard")), *crumbs, (level.title, "")]


def _query(level: Level, period: Period) -> dict[str, str]:
    """Return the parameters that say what is shown."""
    query = {"period": period.name}
    if period.name == "custom":
        query |= {"from": period.span.start.isoformat(), "to": period.last_day.isoformat()}
    return query | ({"under": level.under} if level.under else {"level": level.name})
