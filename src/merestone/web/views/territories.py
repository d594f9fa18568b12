"""Territories as a tree and one by one, their balance, and for planners the other models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from merestone.app.report import balance_report
from merestone.app.rulebook import RuleBook
from merestone.core.criteria import render as render_rule
from merestone.core.metrics.balance import Balance
from merestone.core.metrics.catalog import SPREAD_MEASURES
from merestone.db.queries import guidelines, scope
from merestone.db.queries import territories as queries
from merestone.db.queries.company import company
from merestone.db.queries.territories import Sums, TreeRow
from merestone.web.problems import one
from merestone.web.request import WebRequest
from merestone.web.scoping import scoped

FIRST_ACCOUNTS = 10
FULL_BAR = 200  # the index at which a bar is full: the mean stands in the middle


@dataclass(frozen=True, slots=True)
class Measure:
    """What territories are compared by: the column of the balance report, and where a tree row keeps it."""

    key: str
    label: str
    unit: str
    field: str

    def of(self, sums: Sums) -> float:
        """Return the measure's sum."""
        return float(getattr(sums, self.field))


MEASURES = (
    Measure("potential", "Potential", "money", "potential"),
    Measure("workload_hours", "Workload", "hours", "workload_hours"),
    Measure("accounts", "Accounts", "count", "accounts"),
    Measure("revenue", "Revenue", "money", "revenue"),
)


def chosen_measure(text: str | None) -> Measure:
    """Return the measure a URL names, else the first."""
    return next((measure for measure in MEASURES if measure.key == text), MEASURES[0])


def indexes(rows: Sequence[TreeRow], measure: Measure) -> dict[str, float]:
    """Return key -> index to the mean (100): leaves among all that accounts fall into, parents at their depth.

    The same figures as the balance page shows at that level.
    """
    found: dict[str, float] = {}
    for is_primary in (True, False):
        kin = [row for row in rows if row.is_primary == is_primary]
        for depth in {None if row.is_leaf else row.depth for row in kin}:
            sums = [measure.of(each) for each in level_sums(kin, depth)]
            mean = sum(sums) / len(sums)
            like = [row for row in kin if (None if row.is_leaf else row.depth) == depth]
            if mean:
                found |= {row.key: 100 * measure.of(row.total) / mean for row in like}
    return found


def level_sums(rows: Sequence[TreeRow], depth: int | None) -> list[Sums]:
    """Return the sums compared at a depth (None: the leaves): what lies higher counts with its own accounts."""
    at = [row.total for row in rows if (row.is_leaf if depth is None else row.depth == depth)]
    higher = [row for row in rows if (not row.is_leaf if depth is None else row.depth < depth)]
    return at + [row.own for row in higher if row.own.accounts or row.is_leaf]


@scoped("territories")
@require_safe
def tree_page(request: WebRequest) -> HttpResponse:
    """Show the active model's tree, or its leaves with the worst first."""
    rows = queries.tree(request.actor)
    measure = chosen_measure(request.GET.get("measure"))
    index = indexes(rows, measure)
    is_worst_first = request.GET.get("order") == "worst"
    if is_worst_first:
        leaves = [row for row in rows if row.is_leaf and row.is_primary]
        rows_shown = sorted(leaves, key=lambda row: (-abs(index.get(row.key, 100) - 100), row.name))
    else:
        rows_shown = rows
    leaves = [row for row in rows if row.is_leaf and row.is_primary]
    context = {
        "title": "Territories",
        "lede": "The active model: who has what, rolled up at every level. The index sets the mean of its like to 100.",
        "rows": [_tree_line(row, index, rows) for row in rows_shown],
        "is_worst_first": is_worst_first,
        "measure": measure,
        "measures": MEASURES,
        "queue": queries.queue_sums(request.actor),
        "n_territories": len(leaves),
        "n_vacant": sum(row.is_vacant for row in leaves),
        "n_empty": sum(row.is_empty for row in leaves),
        "total": sum((row.total for row in rows if row.is_primary and row.parent is None), Sums()),
        "currency": company().currency,
    }
    return render(request, "territories/tree.html", context)


def _tree_line(row: TreeRow, index: dict[str, float], rows: Sequence[TreeRow]) -> dict[str, Any]:
    value = index.get(row.key)
    return {
        "row": row,
        "index": value,
        "share": None if value is None else value / FULL_BAR,
        "label": "no figures" if value is None else f"index {value:.0f}, the mean is 100",
        "has_children": any(other.parent == row.key for other in rows),
        "deviation": None if value is None else value - 100,
    }


@scoped("territories")
@require_safe
def detail_page(request: WebRequest, key: str) -> HttpResponse:
    """Show one territory: place, people, rules, figures, accounts."""
    node = one(scope.visible_nodes(request.actor), territory__key=key)
    rows = queries.tree(request.actor)
    row = next(row for row in rows if row.key == key)
    below = [other for other in rows if other.path.startswith(row.path)]
    members = list(queries.members_of(node))
    named = queries.named_of(request.actor, node)
    accounts = scope.accounts(request.actor).filter(
        associations__valid_to=None, associations__territory_id__in=[other.territory_id for other in below]
    )
    context = {
        "title": row.name,
        "crumbs": [
            ("Territories", reverse("territories")),
            *[(name, url) for _, name, url in _ancestors(row, rows)],
        ],
        "row": row,
        "node": node,
        "children": [other for other in rows if other.parent == key],
        "current": [member for member in members if member.node_id == node.pk and _is_present(member)],
        "past": [member for member in members if member.node_id != node.pk or not _is_present(member)],
        "rule": next(iter(_rules_of(request, [key])), None),
        "rules_above": _rules_of(request, [above for above, _, _ in _ancestors(row, rows)]),
        "named": [(entry, account) for entry, account in named if not entry.is_excluded],
        "excluded": [(entry, account) for entry, account in named if entry.is_excluded],
        "figures": [_figure(row, rows, measure) for measure in MEASURES],
        "accounts": accounts.distinct().order_by(F("potential").desc(nulls_last=True), "name", "pk")[
            :FIRST_ACCOUNTS
        ],
        "map_keys": " ".join(other.key for other in below),
        "papers": guidelines.over(request.actor, node),
        "writes_guidelines": _writes(request, key),
        "currency": company().currency,
    }
    return render(request, "territories/detail.html", context)


def _writes(request: WebRequest, key: str) -> bool:
    keys = guidelines.written(request.actor)
    return keys is None or key in keys


def _is_present(member: Any) -> bool:
    today = timezone.localdate()
    ends = [day for day in (member.ends_on, member.rep.left_on) if day is not None]
    return all(day > today for day in ends)


def _ancestors(row: TreeRow, rows: Sequence[TreeRow]) -> list[tuple[str, str, str]]:
    """Return (key, name, address) of the visible territories above, from the top."""
    by_key = {other.key: other for other in rows}
    found: list[tuple[str, str, str]] = []
    parent = row.parent
    while parent is not None:
        found.insert(0, (parent, by_key[parent].name, reverse("territory", args=[parent])))
        parent = by_key[parent].parent
    return found


def _rules_of(request: WebRequest, keys: Sequence[str]) -> list[dict[str, str]]:
    """Return the rules of territories, each as a sentence and as canonical text; grouping nodes are left out."""
    active = request.services.models.active()
    if active is None:
        return []
    book = RuleBook(active[1])
    rules = [book.rules[key] for key in keys if key in book.rules]
    return [
        {
            "key": rule.key,
            "name": rule.name,
            "english": book.english(rule.key),
            "text": render_rule(rule.where),
        }
        for rule in rules
        if rule.where is not None
    ]


def _figure(row: TreeRow, rows: Sequence[TreeRow], measure: Measure) -> dict[str, Any]:
    index = indexes(rows, measure).get(row.key)
    return {
        "measure": measure,
        "value": getattr(row.total, measure.field),
        "index": index,
        "share": None if index is None else index / FULL_BAR,
        "label": "no figures" if index is None else f"index {index:.0f}, the mean is 100",
    }


@scoped("territories")
@require_safe
def balance_page(request: WebRequest) -> HttpResponse:
    """Show how evenly accounts, potential, workload and revenue fall on the territories of a level."""
    rows = [row for row in queries.tree(request.actor) if row.is_primary]
    levels = levels_of(rows)
    level = request.GET.get("level", "leaf")
    if level not in dict(levels):
        level = "leaf"
    measure = chosen_measure(request.GET.get("measure"))
    report = balance_report(request.services, request.actor, depth=None if level == "leaf" else int(level))
    lines = _balance_lines(report, {row.key: row for row in rows})
    sort = request.GET.get("sort", "worst")
    context = {
        "title": "Balance",
        "lede": "How evenly the work and the chances fall. Index 100 is the mean of the territories compared.",
        "crumbs": [("Territories", reverse("territories"))],
        "lines": sorted(lines, key=lambda line: _balance_order(line, measure, sort)),
        "queue": next((line for line in report.table.to_pylist() if line["territory"] is None), None),
        "spreads": [(each, report.spreads[each.key]) for each in MEASURES],
        "definitions": SPREAD_MEASURES,
        "levels": levels,
        "level": level,
        "measure": measure,
        "measures": MEASURES,
        "sort": sort,
        "currency": company().currency,
    }
    return render(request, "territories/balance.html", context)


def levels_of(rows: Sequence[TreeRow]) -> list[tuple[str, str]]:
    """Return the levels worth comparing: depths with more than one territory, and the leaves."""
    depths = sorted({row.depth for row in rows if not row.is_leaf})
    levels: list[tuple[str, str]] = []
    for depth in depths:
        like = [row for row in rows if row.depth == depth]
        if len(like) > 1:
            levels.append((str(depth), "Regions" if len(levels) == 0 else f"Level {depth + 1}"))
    return [*levels, ("leaf", "Territories")]


def _balance_lines(report: Balance, rows: dict[str, TreeRow]) -> list[dict[str, Any]]:
    lines = []
    for line in report.table.to_pylist():
        row = rows.get(line["territory"] or "")
        if row is None:
            continue
        cells = [
            {
                "measure": measure,
                "value": line[measure.key],
                "index": line[f"{measure.key}_index"],
                "share": (line[f"{measure.key}_index"] or 0) / FULL_BAR,
            }
            for measure in MEASURES
        ]
        lines.append({"row": row, "cells": cells})
    return lines


def _balance_order(line: dict[str, Any], measure: Measure, sort: str) -> tuple[Any, ...]:
    cell = next(cell for cell in line["cells"] if cell["measure"] is measure)
    index = cell["index"] if cell["index"] is not None else 100.0
    name = line["row"].name
    if sort == "name":
        return (name,)
    if sort == "most":
        return (-index, name)
    if sort == "least":
        return (index, name)
    return (-abs(index - 100), name)
